"""Logs of others, what goes with them, and the guard's own files."""

import gzip
import io
import zipfile
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path

import pyarrow as pa
from pyarrow import parquet
from tests.foreign_samples import DATA, MAPPINGS, PORTAL, line
from tests.fuzzing.target import Target, reading_file, reading_text, texts
from tests.unit.exchange.test_guard_events import USUAL

from rempart.exchange import scope_inputs
from rempart.exchange.alert_syslog import parse_syslog_url
from rempart.exchange.foreign_logs import LogFile
from rempart.exchange.foreign_mapping import LogMapping, parse_mapping, read_mapping
from rempart.exchange.foreign_places import BadPattern, check_pattern
from rempart.exchange.foreign_proposal import propose_mapping
from rempart.exchange.foreign_sample import read_sample
from rempart.exchange.guard_events import EventsFile, read_accounts, read_canaries
from rempart.exchange.notice_mail import parse_own_address
from rempart.exchange.smtp_transport import parse_relay

CSV = """name = "CSV"
format = "csv"
[time]
place = "quand"
[places]
account = ["compte", { value = "inconnu" }]
person = { join = ["contrat", "rang"], with = "|" }
[[views]]
name = "tout"
where = { quand = ".*" }
shows = ["nir"]
"""
PATTERN = """name = "Motif"
format = "pattern"
pattern = '(?P<quand>\\S+) (?P<compte>\\S+) (?P<personne>\\S*)'
[time]
place = "quand"
[places]
account = "compte"
person = "personne"
[[views]]
name = "tout"
where = { quand = ".*" }
shows = ["nir"]
"""
PARQUET = CSV.replace('"csv"', '"parquet"')
CSV_LINES = 'quand;compte;contrat;rang\n2024-01-29T10:00:00Z;ps1;12;1\n"2024";;"1""3";\nx;y\n'
OCSF = """name = "OCSF"
format = "ocsf"
[places]
person = "web_resources[].uid"
[[views]]
name = "fiche"
path = "/adherents/{}"
shows = ["nir"]
"""
OCSF_LINES = (
    '{"class_uid": 6001, "time": 1706518800123, "actor": {"user": {"uid": "ps1"}, '
    '"session": {"uid": "s1"}}, "src_endpoint": {"ip": "192.0.2.1"}, "http_request": '
    '{"user_agent": "x", "url": {"url_string": "https://p.invalid/adherents/1?a=b"}}, '
    '"status_id": 1, "web_resources": [{"uid": "c1"}, {"uid": "c2"}]}\n'
)


def _read_log(make_mapping: Callable[[], LogMapping], path: Path) -> None:
    """Every line of a log goes somewhere: to facts, or among those that say why they are not."""
    log = LogFile(path, make_mapping())
    try:
        for facts in log.facts():
            assert facts.lines >= 0
    finally:
        log.close()
    log.digest()


@cache
def _portal() -> LogMapping:
    return parse_mapping(PORTAL)


@cache
def _csv() -> LogMapping:
    return parse_mapping(CSV)


@cache
def _ocsf() -> LogMapping:
    return parse_mapping(OCSF)


@cache
def _given(name: str) -> LogMapping:
    return read_mapping(MAPPINGS / f"{name}.toml")


def _web_seeds() -> list[bytes]:
    lines = "\n".join(
        [line(), line("/droits?nir=1&x=%C3%A9"), line(status=404), line("/a.css"), "broken"]
    )
    plain = lines.encode() + b"\n"
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as packed:
        packed.writestr("access.log", plain)
    return [
        plain,
        gzip.compress(plain, mtime=0),
        bytes(pa.compress(plain, "zstd", asbytes=True)),
        archive.getvalue(),
        lines.encode("utf-16"),
    ]


def _fhir_seeds() -> list[bytes]:
    return [
        (DATA / "fhir" / name).read_bytes()
        for name in ("audit_events.ndjson", "audit_bundle.json", "audit_event.json")
    ]


def _cloud_seeds() -> list[bytes]:
    with zipfile.ZipFile(DATA / "aws" / "ec2_proxy_s3_exfiltration.zip") as packed:
        text = packed.read(packed.namelist()[0])
    return [text[:3000], b'{"Records": [' + text.split(b"\n")[0].strip(b",[") + b"]}"]


def _parquet_seeds() -> list[bytes]:
    rows = {
        "quand": ["2024-01-29T10:00:00Z", "x"],
        "compte": ["ps1", None],
        "contrat": ["12", "13"],
        "rang": [1, None],
    }
    out = io.BytesIO()
    parquet.write_table(pa.table(rows), out)
    return [out.getvalue()]


def _propose(path: Path) -> None:
    """A mapping that is proposed can be read, whatever the log holds."""
    sample = read_sample(path)
    if sample.format:
        parse_mapping(propose_mapping(sample, name=path.name).text)


def _read_events(path: Path) -> None:
    events = EventsFile(path)
    for part in events.read():
        assert part.lookups is not None
    read_accounts(path, events)
    read_canaries(path, events)


def _event_seeds() -> list[bytes]:
    table = io.BytesIO()
    parquet.write_table(pa.table(USUAL), table)
    return [table.getvalue()]


def _read_scope(path: Path) -> None:
    for read in (
        scope_inputs.read_accounts,
        scope_inputs.read_contract_rules,
        scope_inputs.read_listed_insurers,
        lambda one: list(scope_inputs.read_claims(one)),
    ):
        try:
            read(path)
        except scope_inputs.ScopeRefused:
            continue


def _read_urls(text: str) -> None:
    for read in (
        parse_syslog_url,
        lambda url: parse_relay(url, secret="s"),
        lambda address: parse_own_address("REMPART_MAIL_FROM", address),
        lambda address: scope_inputs.read_addresses([address]),
    ):
        try:
            read(text)
        except (scope_inputs.ScopeRefused, scope_inputs.RempartError):
            continue


TARGETS = (
    Target(name="web_log", read=reading_file(partial(_read_log, _portal)), seeds=_web_seeds),
    Target(name="csv_log", read=reading_file(partial(_read_log, _csv)), seeds=texts(CSV_LINES)),
    Target(
        name="pattern_log",
        read=reading_file(partial(_read_log, lambda: parse_mapping(PATTERN))),
        seeds=texts("2024-01-29T10:00:00Z ps1 c1\n2024-01-29T10:00:01Z ps1 \nx\n"),
    ),
    Target(
        name="parquet_log",
        read=reading_file(partial(_read_log, lambda: parse_mapping(PARQUET))),
        seeds=_parquet_seeds,
    ),
    Target(name="ocsf_log", read=reading_file(partial(_read_log, _ocsf)), seeds=texts(OCSF_LINES)),
    Target(
        name="fhir_log",
        read=reading_file(partial(_read_log, partial(_given, "fhir_auditevent"))),
        seeds=_fhir_seeds,
    ),
    Target(
        name="cloud_log",
        read=reading_file(partial(_read_log, partial(_given, "aws_cloudtrail"))),
        seeds=_cloud_seeds,
    ),
    Target(
        name="log_mapping",
        read=reading_text(parse_mapping),
        seeds=lambda: [
            PORTAL.encode(),
            CSV.encode(),
            *(path.read_bytes() for path in sorted(MAPPINGS.glob("*.toml"))),
        ],
    ),
    Target(
        name="log_pattern",
        read=reading_text(check_pattern),
        seeds=texts("(?P<a>[0-9]+) .*", "^x(?i:y)$"),
        refusals=(BadPattern,),
    ),
    Target(
        name="log_sample",
        read=reading_file(_propose),
        seeds=lambda: [
            *_web_seeds(),
            CSV_LINES.encode(),
            OCSF_LINES.encode(),
            _fhir_seeds()[2],
            *_event_seeds(),
        ],
    ),
    Target(name="guard_events", read=reading_file(_read_events), seeds=_event_seeds),
    Target(
        name="scope_inputs",
        read=reading_file(_read_scope, ".csv"),
        seeds=texts(
            "account;session\nps1;s1\n",
            "account,person,date\nps1,c1,2024-01-29\n",
            "amc_number;contract_number;name;agreement_start\n9900000017;C*;Lilas;2020-01-01\n",
        ),
    ),
    Target(
        name="addresses_of_parts",
        read=reading_text(_read_urls),
        seeds=texts("tls://h:6514", "smtp://n@h:587", "a@b.invalid", "203.0.113.0/24", "::1"),
    ),
)
