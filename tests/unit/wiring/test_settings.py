"""What the environment may say, what it may not, and that the page about it tells the truth."""

import re
from dataclasses import fields
from ipaddress import ip_network
from pathlib import Path

import pytest

import rempart
from rempart.kernel.errors import SetupError
from rempart.wiring.settings import Settings

PAGE = Path(rempart.__file__).parents[2] / "docs" / "reference" / "configuration.md"


def test_an_empty_environment_gives_the_defaults():
    assert Settings.from_environment({}) == Settings()
    assert Settings.from_environment({"REMPART_PORT": "", "DATABASE_URL": " "}) == Settings()


EVERY_VARIABLE = {
    "REMPART_HOME": "/srv/rempart",
    "DATABASE_URL": "postgresql://admin:secret@db/rempart",
    "REMPART_PG_BIN": "/opt/postgresql/bin",
    "REMPART_HOST": "0.0.0.0",
    "REMPART_PORT": "9000",
    "REMPART_PUBLIC_URL": "https://tp.example/",
    "REMPART_GATEWAY_PORT": "9100",
    "REMPART_PORTALS_PORT": "9200",
    "REMPART_GATEWAYS": "2",
    "REMPART_LOG_ID": "7",
    "REMPART_SEGMENTS": "s3://ledger/segments",
    "REMPART_QUESTION_MEMORY": "4GB",
    "REMPART_QUESTION_THREADS": "8",
    "REMPART_SPARK": "spark://master.example:7077",
    "REMPART_TRUSTED_PROXIES": "10.0.0.0/8, ::1",
    "REMPART_CERTIFICATE_PROXIES": "10.0.0.7/32",
    "REMPART_CHECKS_PER_MINUTE": "60",
    "REMPART_PSC_DISCOVERY": "https://psc.example/auth/realms/x/.well-known/y",
    "REMPART_PSC_CLIENT_ID": "tp-example",
    "REMPART_PSC_SECRET_FILE": "/run/keys/psc",
    "REMPART_PSC_KEY_FILE": "/run/keys/psc.pem",
    "REMPART_OIDC_PROVIDERS_FILE": "/etc/rempart/providers.toml",
    "REMPART_DEV_PSC": "0",
    "REMPART_DEV_PSC_PORT": "9300",
    "REMPART_DEV_PSC_PROFESSIONALS": "/srv/professionals.csv",
    "REMPART_DEV_PSC_AGENTS": "/srv/agents.toml",
    "REMPART_WITNESSES_FILE": "/etc/rempart/witnesses.toml",
    "REMPART_COSIGN_PORT": "9400",
    "REMPART_TSA_URL": "https://tsa.example/stamp",
    "REMPART_TSA_ROOTS_FILE": "/etc/rempart/tsa.pem",
    "REMPART_WORK_PORT": "9500",
    "REMPART_WORK_CONCURRENCY": "4",
    "REMPART_PAYER_FILE": "/etc/rempart/payer.toml",
    "REMPART_PAYMENTS_TO": "/srv/bank/out",
    "REMPART_SMTP": "smtp://rempart@relay.example:587",
    "REMPART_SMTP_SECRET_FILE": "/etc/rempart/smtp.secret",
    "REMPART_SMTP_ROOTS_FILE": "/etc/rempart/smtp.pem",
    "REMPART_NOTICES_FROM": "avis@tp.example",
    "REMPART_BOUNCES_TO": "retours@tp.example",
    "REMPART_BOUNCES": "/var/mail/retours",
    "REMPART_LETTERS_TO": "/srv/letters/out",
    "REMPART_WARNINGS_TO": "/var/spool/rempart",
    "REMPART_ALERTS_TO": "tls://siem.example:6514",
    "REMPART_REGISTERS_FILE": "/etc/rempart/births.csv",
    "REMPART_LEGAL_FILE": "/etc/rempart/legal.toml",
}


def test_every_variable_is_read():
    settings = Settings.from_environment(EVERY_VARIABLE)
    assert settings == Settings(
        home=Path("/srv/rempart"),
        database_url="postgresql://admin:secret@db/rempart",
        pg_bin=Path("/opt/postgresql/bin"),
        host="0.0.0.0",
        port=9000,
        public_url="https://tp.example",
        gateway_port=9100,
        portals_port=9200,
        gateways=2,
        log_id=7,
        segments="s3://ledger/segments",
        question_memory="4GB",
        question_threads=8,
        spark="spark://master.example:7077",
        trusted_proxies=(ip_network("10.0.0.0/8"), ip_network("::1/128")),
        certificate_proxies=(ip_network("10.0.0.7/32"),),
        checks_per_minute=60,
        psc_discovery="https://psc.example/auth/realms/x/.well-known/y",
        psc_client_id="tp-example",
        psc_secret_file=Path("/run/keys/psc"),
        psc_key_file=Path("/run/keys/psc.pem"),
        oidc_providers_file=Path("/etc/rempart/providers.toml"),
        dev_psc=False,
        dev_psc_port=9300,
        dev_psc_professionals=Path("/srv/professionals.csv"),
        dev_psc_agents=Path("/srv/agents.toml"),
        witnesses_file=Path("/etc/rempart/witnesses.toml"),
        cosign_port=9400,
        tsa_url="https://tsa.example/stamp",
        tsa_roots_file=Path("/etc/rempart/tsa.pem"),
        work_port=9500,
        work_concurrency=4,
        warnings_to=Path("/var/spool/rempart"),
        payer_file=Path("/etc/rempart/payer.toml"),
        payments_to=Path("/srv/bank/out"),
        smtp="smtp://rempart@relay.example:587",
        smtp_secret_file=Path("/etc/rempart/smtp.secret"),
        smtp_roots_file=Path("/etc/rempart/smtp.pem"),
        notices_from="avis@tp.example",
        bounces_to="retours@tp.example",
        bounces=Path("/var/mail/retours"),
        letters_to=Path("/srv/letters/out"),
        alerts_to="tls://siem.example:6514",
        registers_file=Path("/etc/rempart/births.csv"),
        legal_file=Path("/etc/rempart/legal.toml"),
    )
    assert settings.gateway_ports == (9100, 9201)


def test_the_inner_ports_follow_the_first_one():
    settings = Settings.from_environment({"REMPART_PORT": "9000"})
    assert (settings.gateway_port, settings.portals_port) == (9001, 9002)
    assert settings.dev_psc_port == 9009
    assert settings.cosign_port == 9008
    assert settings.work_port == 9007


@pytest.mark.parametrize(
    ("variable", "text"),
    [
        ("REMPART_PORT", "eighty"),
        ("REMPART_PORT", "0"),
        ("REMPART_GATEWAY_PORT", "65536"),
        ("REMPART_GATEWAYS", "0"),
        ("REMPART_QUESTION_MEMORY", "plenty"),
        ("REMPART_QUESTION_THREADS", "0"),
        ("REMPART_SPARK", "http://master:8080"),
        ("REMPART_LOG_ID", "-1"),
        ("REMPART_TRUSTED_PROXIES", "everybody"),
        ("REMPART_TRUSTED_PROXIES", "10.0.0.1/8"),
        ("REMPART_CHECKS_PER_MINUTE", "1.5"),
        ("DATABASE_URL", "mysql://localhost/rempart"),
        ("REMPART_PSC_DISCOVERY", "http://psc.example/.well-known/x"),
        ("REMPART_PSC_DISCOVERY", "https://psc.example/"),
        ("REMPART_DEV_PSC", "yes"),
        ("REMPART_PUBLIC_URL", "https://[tp.example"),
        ("REMPART_PUBLIC_URL", "https://tp.example:port"),
        ("REMPART_PUBLIC_URL", "https://ada@tp.example"),
        ("REMPART_PUBLIC_URL", "https://tp.example/#portal"),
        ("REMPART_PUBLIC_URL", "https://santé.example"),
        ("DATABASE_URL", "postgresql://admin:a[b@db/rempart"),
        ("REMPART_ALERTS_TO", "tls://[siem.example"),
        ("REMPART_HOME", "~nobody-of-this-name/rempart"),
        ("REMPART_PORT", "9" * 5000),
    ],
)
def test_a_value_that_cannot_be_used_is_refused_with_what_to_write(variable: str, text: str):
    with pytest.raises(SetupError, match=rf"{variable}.*: write "):
        Settings.from_environment({variable: text})


@pytest.mark.parametrize(
    ("given", "origin"),
    [
        ("https://TP.Example/", "https://tp.example"),
        ("https://tp.example:443", "https://tp.example"),
        ("https://tp.example:8443", "https://tp.example:8443"),
        ("http://localhost:80", "http://localhost"),
        ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"),
    ],
)
def test_the_public_address_is_the_origin_that_browsers_write(given: str, origin: str):
    assert Settings.from_environment({"REMPART_PUBLIC_URL": given}).public_url == origin


def test_the_password_of_the_database_is_never_shown():
    given = "postgresql://admin:hush@db/rempart"
    assert "hush" not in repr(Settings(database_url=given))
    with pytest.raises(SetupError) as refusal:
        Settings.from_environment({"DATABASE_URL": given.replace("postgresql", "mysql")})
    assert "hush" not in str(refusal.value)
    with pytest.raises(SetupError) as refusal:
        Settings.from_environment({"DATABASE_URL": given.replace("hush", "hush[")})
    assert "hush" not in str(refusal.value)


def test_the_address_of_the_database_may_be_in_a_file(tmp_path: Path):
    file = tmp_path / "url"
    file.write_text("postgresql://admin:hush@one,two/rempart\n")
    settings = Settings.from_environment({"DATABASE_URL_FILE": str(file)})
    assert settings.database_url == "postgresql://admin:hush@one,two/rempart"
    both = {"DATABASE_URL_FILE": str(file), "DATABASE_URL": "postgresql://a:b@c/d"}
    with pytest.raises(SetupError, match="keep one"):
        Settings.from_environment(both)
    file.write_text("hush")
    with pytest.raises(SetupError, match=r"DATABASE_URL_FILE.*: write postgresql://") as refusal:
        Settings.from_environment({"DATABASE_URL_FILE": str(file)})
    assert "hush" not in str(refusal.value)
    with pytest.raises(SetupError, match="it cannot be read"):
        Settings.from_environment({"DATABASE_URL_FILE": str(tmp_path / "other")})


@pytest.mark.parametrize(
    "environment",
    [
        {"REMPART_PUBLIC_URL": "https://tp.example"},
        {"REMPART_PSC_DISCOVERY": "https://psc.example/auth/realms/x/.well-known/y"},
    ],
)
def test_a_simulator_is_refused_where_real_people_come(environment: dict[str, str]):
    with pytest.raises(SetupError, match="REMPART_DEV_PSC=1"):
        Settings.from_environment({"REMPART_DEV_PSC": "1", **environment})
    assert Settings.from_environment({"REMPART_DEV_PSC": "1"}).dev_psc


def test_the_page_lists_every_variable_with_its_default_and_no_other():
    rows = re.findall(
        r"^\| `([A-Z_]+)` \| (.*?) \|", PAGE.read_text(encoding="utf-8"), re.MULTILINE
    )
    assert dict(rows) == {
        setting.metadata["variable"]: show_default(setting.name) for setting in fields(Settings)
    }


def show_default(name: str) -> str:
    value = getattr(Settings(), name)
    if value is None:
        return "none"
    if isinstance(value, bool):
        return f"`{value:d}`"
    if value == ():
        return "none"
    if name == "trusted_proxies":
        value = ",".join(str(network.network_address) for network in value)
    return f"`{value}`"


@pytest.mark.parametrize("text", ["none", "fake", "mybank.vop:make_provider"])
def test_a_provider_of_payee_checks_is_named(text: str):
    assert Settings.from_environment({"REMPART_PAYEE_CHECK": text}).payee_check == text


@pytest.mark.parametrize("text", ["yes", "mybank.vop", "mybank:vop:x", "import os;os:x", ":x"])
def test_what_names_no_provider_is_refused(text: str):
    with pytest.raises(SetupError, match=r"REMPART_PAYEE_CHECK.*: write "):
        Settings.from_environment({"REMPART_PAYEE_CHECK": text})


def test_the_fake_provider_confirms_nothing_but_on_localhost():
    public = {"REMPART_PAYEE_CHECK": "fake", "REMPART_PUBLIC_URL": "https://tp.example"}
    with pytest.raises(SetupError, match="REMPART_PAYEE_CHECK=fake"):
        Settings.from_environment(public)
