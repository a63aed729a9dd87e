"""Findings as syslog messages (RFC 5424), over TLS (RFC 5425), TCP (RFC 6587) or UDP.

Syslog has no acknowledgement. Over TCP and TLS the orderly end of the connection serves as one: a
receiver that closes after us has read everything we wrote. Refuses to call sent what was only
handed to the network, except over UDP, which promises nothing.

Source:
    S44.
"""

import contextlib
import os
import socket
import ssl
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, Literal, NamedTuple, TypeAlias
from urllib.parse import urlsplit

from rempart.exchange.alert_delivery import TIMEOUT_S, DeliveryFailed
from rempart.exchange.alert_ocsf import Finding
from rempart.kernel.errors import SetupError

Way: TypeAlias = Literal["tls", "tcp", "udp"]

FACILITY: Final = 10
"""Security and authorization messages (authpriv)."""
_PRIORITIES: Final = {1: 6, 2: 5, 3: 4, 4: 3, 5: 2}
"""OCSF's severity to syslog's: informational, notice, warning, error, critical."""
_PORTS: Final[dict[str, int]] = {"tls": 6514, "tcp": 601, "udp": 514}
_LONGEST_DATAGRAM: Final = 65_000
_LONGEST_HOST: Final = 255


class SyslogAddress(NamedTuple):
    """Where a receiver is."""

    way: Way
    host: str
    port: int


def parse_syslog_url(text: str) -> SyslogAddress:
    """Read `tls://host:6514`, `tcp://host:601` or `udp://host:514`; the port may be left out.

    Raises:
        SetupError: it is none of them.
    """
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        parts, port = urlsplit(""), None
    extra = parts.path.strip("/") or parts.query or parts.username
    match parts.scheme:
        case "tls" | "tcp" | "udp" as way if parts.hostname and not extra:
            return SyslogAddress(way, parts.hostname, port or _PORTS[way])
        case _:
            raise SetupError(
                f"{text} is no syslog receiver: write tls://host:6514, tcp://host:601 or "
                "udp://host:514"
            )


def format_message(finding: Finding, *, host: str, version: str, process: int) -> bytes:
    """Write a finding as one RFC 5424 message; its body is ASCII, so it needs no byte order mark.

    Args:
        finding: The finding.
        host: Of this machine.
        version: Of the product.
        process: Number of this process.
    """
    priority = FACILITY * 8 + _PRIORITIES[finding.severity_id]
    at = datetime.fromtimestamp(finding.t_ms / 1000, UTC)
    stamp = f"{at:%Y-%m-%dT%H:%M:%S}.{finding.t_ms % 1000:03d}Z"
    origin = f'[origin software="rempart" swVersion="{_escape(version)}"]'
    head = f"<{priority}>1 {stamp} {_clean_host(host)} rempart {process} {finding.kind} {origin} "
    return head.encode("ascii") + finding.body


def frame(message: bytes) -> bytes:
    """Put a message behind its length, as RFC 5425 and RFC 6587 (3.4.1) count octets."""
    return b"%d %b" % (len(message), message)


class SyslogSender:
    """Sends findings to one receiver.

    Args:
        address: Where it is.
        version: Of the product.
        roots_file: Certificates one trusts over TLS, PEM; the system's when None.
        certificate_file: Our own certificate and key, PEM, for receivers that ask for one.
        timeout_s: How long it may take to connect, to take a batch, and to close.

    Raises:
        SetupError: a file holds no certificate.
    """

    def __init__(
        self,
        address: SyslogAddress,
        *,
        version: str,
        roots_file: Path | None = None,
        certificate_file: Path | None = None,
        timeout_s: float = TIMEOUT_S,
    ) -> None:
        self.name = f"{address.way}://{address.host}:{address.port}"
        self._address = address
        self._version = version
        self._timeout_s = timeout_s
        self._tls = make_tls_context(roots_file, certificate_file) if address.way == "tls" else None

    def send(self, findings: Sequence[Finding]) -> None:
        """Send findings over one connection, and wait for the receiver to close after us.

        Raises:
            DeliveryFailed: the receiver is away, or went away before it closed.
        """
        host, process = socket.gethostname(), os.getpid()
        messages = [
            format_message(finding, host=host, version=self._version, process=process)
            for finding in findings
        ]
        try:
            if self._address.way == "udp":
                self._send_datagrams(messages)
            else:
                self._send_stream(b"".join(map(frame, messages)))
        except ssl.SSLCertVerificationError as refusal:
            raise DeliveryFailed(
                f"the certificate of {self.name} is not trusted ({refusal.verify_message}): name "
                "the authority in REMPART_ALERT_ROOTS_FILE"
            ) from refusal
        except OSError as failure:
            raise DeliveryFailed(
                f"{self.name} does not take alerts ({failure.strerror or type(failure).__name__})"
            ) from failure

    def _send_datagrams(self, messages: Sequence[bytes]) -> None:
        _, host, port = self._address
        family, kind, protocol, _, place = socket.getaddrinfo(host, port, type=socket.SOCK_DGRAM)[0]
        with socket.socket(family, kind, protocol) as sender:
            sender.settimeout(self._timeout_s)
            for message in messages:
                sender.sendto(message[:_LONGEST_DATAGRAM], place)

    def _send_stream(self, content: bytes) -> None:
        _, host, port = self._address
        with socket.create_connection((host, port), timeout=self._timeout_s) as plain:
            if self._tls is None:
                plain.sendall(content)
                plain.shutdown(socket.SHUT_WR)
                _wait_for_end(plain)
                return
            with self._tls.wrap_socket(plain, server_hostname=host) as secure:
                secure.sendall(content)
                _end_tls(secure)


def make_tls_context(roots_file: Path | None, certificate_file: Path | None) -> ssl.SSLContext:
    """Return what verifies receivers, and proves who we are when we have a certificate.

    Raises:
        SetupError: a file cannot be used.
    """
    try:
        context = ssl.create_default_context(cafile=None if roots_file is None else str(roots_file))
    except OSError as failure:
        raise SetupError(
            f"{roots_file} (REMPART_ALERT_ROOTS_FILE) holds no PEM certificate"
        ) from failure
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate_file is not None:
        try:
            context.load_cert_chain(certificate_file)
        except OSError as failure:
            raise SetupError(
                f"{certificate_file} (REMPART_ALERT_CERTIFICATE_FILE) holds no PEM certificate "
                "with its key"
            ) from failure
    return context


def _wait_for_end(connection: socket.socket) -> None:
    """Wait until the other side closes: it has read what we wrote before we closed ours."""
    while connection.recv(4096):
        pass


def _end_tls(connection: ssl.SSLSocket) -> None:
    """Say that we are done, and wait until the other side is."""
    with contextlib.suppress(ssl.SSLEOFError, ssl.SSLZeroReturnError):
        # A receiver that closes without a word of TLS has read ours: an end, not a reset.
        plain = connection.unwrap()
        plain.shutdown(socket.SHUT_WR)
        _wait_for_end(plain)


def _clean_host(host: str) -> str:
    """Return a host name as RFC 5424 writes it: visible ASCII, or a dash."""
    return "".join(letter for letter in host if "!" <= letter <= "~")[:_LONGEST_HOST] or "-"


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("]", "\\]")
