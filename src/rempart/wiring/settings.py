"""What an installation takes from its environment, read once and checked."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from rempart.exchange.notice_mail import parse_own_address
from rempart.exchange.smtp_transport import parse_relay
from rempart.kernel.errors import SetupError

Network = IPv4Network | IPv6Network
_USUAL_PORTS: Final = {"http": 80, "https": 443}
_LOOPBACK: Final = (ip_network("127.0.0.1/32"), ip_network("::1/128"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Everything that may differ from one installation to the next.

    Each field says the variable it is read from; docs/reference/configuration.md explains them.
    """

    home: Path = field(
        default=Path("~/.local/share/rempart"), metadata={"variable": "REMPART_HOME"}
    )
    database_url: str | None = field(
        default=None, repr=False, metadata={"variable": "DATABASE_URL"}
    )
    database_url_file: Path | None = field(default=None, metadata={"variable": "DATABASE_URL_FILE"})
    pg_bin: Path | None = field(default=None, metadata={"variable": "REMPART_PG_BIN"})
    host: str = field(default="127.0.0.1", metadata={"variable": "REMPART_HOST"})
    port: int = field(default=8080, metadata={"variable": "REMPART_PORT"})
    public_url: str = field(
        default="http://localhost:8080", metadata={"variable": "REMPART_PUBLIC_URL"}
    )
    gateway_port: int = field(default=8081, metadata={"variable": "REMPART_GATEWAY_PORT"})
    portals_port: int = field(default=8082, metadata={"variable": "REMPART_PORTALS_PORT"})
    gateways: int = field(default=1, metadata={"variable": "REMPART_GATEWAYS"})
    log_id: int = field(default=1, metadata={"variable": "REMPART_LOG_ID"})
    segment_bits: int = field(default=24, metadata={"variable": "REMPART_SEGMENT_BITS"})
    segments: str | None = field(default=None, metadata={"variable": "REMPART_SEGMENTS"})
    backups: str | None = field(default=None, metadata={"variable": "REMPART_BACKUPS"})
    backup_days: int = field(default=35, metadata={"variable": "REMPART_BACKUP_DAYS"})
    question_memory: str = field(default="1GB", metadata={"variable": "REMPART_QUESTION_MEMORY"})
    question_threads: int = field(default=2, metadata={"variable": "REMPART_QUESTION_THREADS"})
    spark: str | None = field(default=None, metadata={"variable": "REMPART_SPARK"})
    trusted_proxies: tuple[Network, ...] = field(
        default=_LOOPBACK, metadata={"variable": "REMPART_TRUSTED_PROXIES"}
    )
    certificate_proxies: tuple[Network, ...] = field(
        default=(), metadata={"variable": "REMPART_CERTIFICATE_PROXIES"}
    )
    checks_per_minute: int = field(default=1800, metadata={"variable": "REMPART_CHECKS_PER_MINUTE"})
    guard: str = field(default="on", metadata={"variable": "REMPART_GUARD"})
    payee_check: str = field(default="none", metadata={"variable": "REMPART_PAYEE_CHECK"})
    sensitive_needs_device: bool = field(
        default=False, metadata={"variable": "REMPART_SENSITIVE_NEEDS_DEVICE"}
    )
    psc_discovery: str | None = field(default=None, metadata={"variable": "REMPART_PSC_DISCOVERY"})
    psc_client_id: str = field(default="rempart", metadata={"variable": "REMPART_PSC_CLIENT_ID"})
    psc_secret_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_PSC_SECRET_FILE"}
    )
    psc_key_file: Path | None = field(default=None, metadata={"variable": "REMPART_PSC_KEY_FILE"})
    oidc_providers_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_OIDC_PROVIDERS_FILE"}
    )
    dev_psc: bool = field(default=False, metadata={"variable": "REMPART_DEV_PSC"})
    dev_psc_port: int = field(default=8089, metadata={"variable": "REMPART_DEV_PSC_PORT"})
    dev_psc_professionals: Path | None = field(
        default=None, metadata={"variable": "REMPART_DEV_PSC_PROFESSIONALS"}
    )
    dev_psc_agents: Path | None = field(
        default=None, metadata={"variable": "REMPART_DEV_PSC_AGENTS"}
    )
    witnesses_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_WITNESSES_FILE"}
    )
    cosign_port: int = field(default=8088, metadata={"variable": "REMPART_COSIGN_PORT"})
    work_port: int = field(default=8087, metadata={"variable": "REMPART_WORK_PORT"})
    work_concurrency: int = field(default=2, metadata={"variable": "REMPART_WORK_CONCURRENCY"})
    warnings_to: Path | None = field(default=None, metadata={"variable": "REMPART_WARNINGS_TO"})
    payer_file: Path | None = field(default=None, metadata={"variable": "REMPART_PAYER_FILE"})
    payments_to: Path | None = field(default=None, metadata={"variable": "REMPART_PAYMENTS_TO"})
    smtp: str | None = field(default=None, repr=False, metadata={"variable": "REMPART_SMTP"})
    smtp_secret_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_SMTP_SECRET_FILE"}
    )
    smtp_roots_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_SMTP_ROOTS_FILE"}
    )
    notices_from: str | None = field(default=None, metadata={"variable": "REMPART_NOTICES_FROM"})
    bounces_to: str | None = field(default=None, metadata={"variable": "REMPART_BOUNCES_TO"})
    bounces: Path | None = field(default=None, metadata={"variable": "REMPART_BOUNCES"})
    letters_to: Path | None = field(default=None, metadata={"variable": "REMPART_LETTERS_TO"})
    alerts_to: str | None = field(
        default=None, repr=False, metadata={"variable": "REMPART_ALERTS_TO"}
    )
    registers_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_REGISTERS_FILE"}
    )
    legal_file: Path | None = field(default=None, metadata={"variable": "REMPART_LEGAL_FILE"})
    tsa_url: str | None = field(default=None, metadata={"variable": "REMPART_TSA_URL"})
    tsa_roots_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_TSA_ROOTS_FILE"}
    )
    alert_networks: tuple[Network, ...] = field(
        default=(), metadata={"variable": "REMPART_ALERT_NETWORKS"}
    )
    alert_roots_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_ALERT_ROOTS_FILE"}
    )
    alert_certificate_file: Path | None = field(
        default=None, metadata={"variable": "REMPART_ALERT_CERTIFICATE_FILE"}
    )

    @property
    def trusted_peers(self) -> tuple[Network, ...]:
        """Whose `X-Forwarded-For` gateways and portals believe: the proxies named, and our front.

        The front itself believes the proxies named, and no other.
        """
        return (*self.trusted_proxies, *_LOOPBACK)

    @property
    def certificate_peers(self) -> tuple[Network, ...]:
        """Whose `Client-Cert` the gateway believes: the proxies named, and our front behind them.

        Nobody while no proxy is named: a header that nothing checked would be anybody's word.
        """
        return (*self.certificate_proxies, *_LOOPBACK) if self.certificate_proxies else ()

    @property
    def gateway_ports(self) -> tuple[int, ...]:
        """One port per gateway process: `gateway_port`, then those after `portals_port`."""
        return self.gateway_port, *(self.portals_port + n for n in range(1, self.gateways))

    @classmethod
    def from_environment(cls, environment: Mapping[str, str] | None = None) -> "Settings":
        """Read the variables; an absent or empty one takes its default.

        The defaults of the inner ports follow `port`, so that two installations that differ by
        their first port do not meet.

        Raises:
            SetupError: a variable holds something that cannot be used, with what to write.
        """
        given = os.environ if environment is None else environment
        values: dict[str, Any] = {}
        for setting in fields(cls):
            text = given.get(setting.metadata["variable"], "").strip()
            if text:
                values[setting.name] = _parse(setting.name, setting.metadata["variable"], text)
        if "database_url_file" in values:
            values["database_url"] = _read_url(values)
        first = values.setdefault("port", cls().port)
        values.setdefault("public_url", f"http://localhost:{first}")
        values.setdefault("gateway_port", first + 1)
        values.setdefault("portals_port", first + 2)
        values.setdefault("work_port", first + 7)
        values.setdefault("cosign_port", first + 8)
        values.setdefault("dev_psc_port", first + 9)
        settings = cls(**values)
        _check_simulator(settings)
        return settings


def _parse(name: str, variable: str, text: str) -> Any:
    try:
        return _PARSERS[name](variable, text)
    except (ValueError, RuntimeError):
        # What a library says of a value may hold it, and with it a secret.
        raise SetupError(
            f"{variable}: write a value as docs/reference/configuration.md describes it: this one "
            "cannot be read"
        ) from None


def _read_url(values: Mapping[str, Any]) -> str:
    """Read the server's address from the file that holds it.

    Raises:
        SetupError: it cannot be read, holds no such address, or another was given too.
    """
    file: Path = values["database_url_file"]
    if "database_url" in values:
        raise SetupError("DATABASE_URL and DATABASE_URL_FILE exclude each other: keep one")
    try:
        text = file.read_text().strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise SetupError(
            f"DATABASE_URL_FILE={file}: it cannot be read ({type(failure).__name__})"
        ) from failure
    return _parse_url(f"DATABASE_URL_FILE={file}", text)


def _check_simulator(settings: Settings) -> None:
    """Refuse a simulator where anybody but its developer could come in through it."""
    if settings.dev_psc and urlsplit(settings.public_url).hostname != "localhost":
        raise SetupError(
            "REMPART_DEV_PSC=1 lets anybody sign in as anybody: it is refused unless "
            "REMPART_PUBLIC_URL is http://localhost:…; remove it, and set REMPART_PSC_DISCOVERY"
        )
    if settings.payee_check == "fake" and urlsplit(settings.public_url).hostname != "localhost":
        raise SetupError(
            "REMPART_PAYEE_CHECK=fake confirms accounts that nobody verified: it is refused unless "
            "REMPART_PUBLIC_URL is http://localhost:…; name a provider, or remove it"
        )
    if settings.dev_psc and settings.psc_discovery:
        raise SetupError("REMPART_DEV_PSC=1 and REMPART_PSC_DISCOVERY exclude each other: keep one")


def _parse_path(_: str, text: str) -> Path:
    return Path(text).expanduser().absolute()


def _parse_text(_: str, text: str) -> str:
    return text


def _parse_public_url(variable: str, text: str) -> str:
    parts = urlsplit(text)
    is_ours = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "localhost")
    extra = parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc
    if not is_ours or not parts.hostname or not parts.netloc.isascii() or extra:
        raise SetupError(
            f"{variable}: write where browsers see Rempart, such as https://tp.example "
            "(http only for localhost: passkeys do not exist elsewhere without TLS)"
        )
    # As browsers write an origin, or no passkey would be this site's: RFC 6454 §6.2.
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    is_usual = parts.port in (None, _USUAL_PORTS[parts.scheme])
    return f"{parts.scheme}://{host}" if is_usual else f"{parts.scheme}://{host}:{parts.port}"


def _parse_url(variable: str, text: str) -> str:
    if urlsplit(text).scheme not in {"postgresql", "postgres"}:
        raise SetupError(f"{variable}: write postgresql://admin:password@host:5432/rempart")
    return text


def _parse_provider_url(variable: str, text: str) -> str:
    parts = urlsplit(text)
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname == "localhost")
    if not safe or not parts.hostname or "/.well-known/" not in parts.path:
        raise SetupError(
            f"{variable}: write the https address of the provider's discovery document, "
            "https://…/.well-known/…"
        )
    return text


def _parse_tsa_url(variable: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"http", "https"} or not parts.hostname:
        raise SetupError(f"{variable}: write the address of an RFC 3161 service, https://…")
    return text


def _parse_switch(variable: str, text: str) -> bool:
    if text not in {"0", "1"}:
        raise SetupError(f"{variable}={text}: write 1 or 0")
    return text == "1"


def _parse_guard(variable: str, text: str) -> str:
    if text not in {"on", "watch", "off"}:
        raise SetupError(f"{variable}={text}: write on, watch (judge, refuse nothing) or off")
    return text


def _parse_payee_check(variable: str, text: str) -> str:
    if text not in {"none", "fake"} and not re.fullmatch(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*", text):
        raise SetupError(
            f"{variable}={text}: write none, fake, or module:function, which returns a provider"
        )
    return text


def _parse_port(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 65535)


def _parse_log_id(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 32767)


def _parse_segment_bits(variable: str, text: str) -> int:
    if text not in ("8", "16", "24"):
        raise SetupError(f"{variable}={text}: write 24, or 8 or 16 for a small ledger")
    return int(text)


def _parse_memory(variable: str, text: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(MB|GB)", text):
        raise SetupError(f"{variable}={text}: write a size such as 800MB or 4GB")
    return text


def _parse_threads(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 256)


def _parse_spark(variable: str, text: str) -> str:
    if not re.fullmatch(r"spark://[A-Za-z0-9.-]+:[0-9]+(,[A-Za-z0-9.-]+:[0-9]+)*", text):
        raise SetupError(f"{variable}: write the address of the master, spark://host:7077")
    return text


def _parse_gateways(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 64)


def _parse_concurrency(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 32)


def _parse_days(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 366)


def _parse_alerts_url(variable: str, text: str) -> str:
    parts = urlsplit(text)
    if parts.scheme not in {"tls", "tcp", "udp", "https"} or not parts.hostname:
        raise SetupError(
            f"{variable}: write tls://host:6514, tcp://host:601, udp://host:514 or https://…"
        )
    return text


def _parse_smtp(variable: str, text: str) -> str:
    try:
        parse_relay(text)
    except SetupError as refusal:
        raise SetupError(f"{variable}: {refusal}") from None
    return text


def _parse_own_address(variable: str, text: str) -> str:
    return parse_own_address(variable, text).address


def _parse_rate(variable: str, text: str) -> int:
    return _parse_number(variable, text, 1, 10_000_000)


def _parse_number(variable: str, text: str, least: int, most: int) -> int:
    if not text.isdecimal() or not least <= int(text) <= most:
        raise SetupError(f"{variable}={text}: write a whole number from {least} to {most}")
    return int(text)


def _parse_networks(variable: str, text: str) -> tuple[Network, ...]:
    try:
        return tuple(ip_network(part.strip()) for part in text.split(","))
    except ValueError as failure:
        raise SetupError(
            f"{variable}={text}: write addresses or networks separated by commas, "
            "for example 127.0.0.1,10.0.0.0/8"
        ) from failure


_PARSERS = {
    "home": _parse_path,
    "database_url": _parse_url,
    "database_url_file": _parse_path,
    "public_url": _parse_public_url,
    "pg_bin": _parse_path,
    "host": _parse_text,
    "port": _parse_port,
    "gateway_port": _parse_port,
    "portals_port": _parse_port,
    "gateways": _parse_gateways,
    "log_id": _parse_log_id,
    "segment_bits": _parse_segment_bits,
    "segments": _parse_text,
    "backups": _parse_text,
    "backup_days": _parse_days,
    "question_memory": _parse_memory,
    "question_threads": _parse_threads,
    "spark": _parse_spark,
    "trusted_proxies": _parse_networks,
    "certificate_proxies": _parse_networks,
    "checks_per_minute": _parse_rate,
    "guard": _parse_guard,
    "payee_check": _parse_payee_check,
    "sensitive_needs_device": _parse_switch,
    "psc_discovery": _parse_provider_url,
    "psc_client_id": _parse_text,
    "psc_secret_file": _parse_path,
    "psc_key_file": _parse_path,
    "oidc_providers_file": _parse_path,
    "dev_psc": _parse_switch,
    "dev_psc_port": _parse_port,
    "dev_psc_professionals": _parse_path,
    "dev_psc_agents": _parse_path,
    "witnesses_file": _parse_path,
    "cosign_port": _parse_port,
    "work_port": _parse_port,
    "work_concurrency": _parse_concurrency,
    "warnings_to": _parse_path,
    "payer_file": _parse_path,
    "payments_to": _parse_path,
    "smtp": _parse_smtp,
    "smtp_secret_file": _parse_path,
    "smtp_roots_file": _parse_path,
    "notices_from": _parse_own_address,
    "bounces_to": _parse_own_address,
    "bounces": _parse_path,
    "letters_to": _parse_path,
    "alerts_to": _parse_alerts_url,
    "registers_file": _parse_path,
    "legal_file": _parse_path,
    "tsa_url": _parse_tsa_url,
    "tsa_roots_file": _parse_path,
    "alert_networks": _parse_networks,
    "alert_roots_file": _parse_path,
    "alert_certificate_file": _parse_path,
}
