"""`rempart scope map`, as somebody types it."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.foreign_portal import write_portal_log
from tests.foreign_samples import DATA, facts, line, read, write

from rempart.cli.scope_map import scope_map
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_mapping import MappingRefused, parse_mapping, read_mapping
from rempart.exchange.foreign_proposal import propose_mapping
from rempart.exchange.foreign_sample import read_sample
from rempart.exchange.foreign_shapes import Shape, find_screens, guess_column
from rempart.kernel.synthetic import make_synthetic_nir


def run(*arguments):
    return CliRunner().invoke(scope_map, list(map(str, arguments)))


def nirs(count):
    numbers = (
        make_synthetic_nir(sex=1, year=1980 + n % 20, month=1 + n % 12, serial=n + 1)
        for n in range(count)
    )
    return [number.format_compact() for number in numbers]


def test_a_proposal_completed_by_hand_reads_the_log(tmp_path):
    portal = write_portal_log(tmp_path / "logs", seed=5)
    out = tmp_path / "portal.toml"
    done = run(portal.logs[-1], "-o", out)
    assert done.exit_code == 0, done.output
    assert "/adherents/{}" in done.output
    text = out.read_text()
    assert 'path = "/adherents/{person}/famille"' in text
    assert not any(member.contract in text for member in portal.registry)
    filled = text.replace("shows = []", 'shows = ["nir"]')
    rows = facts(read(tmp_path / "logs", tmp_path / "w", parse_mapping(filled)))
    assert {row["person"] for row in rows} >= set(portal.exposed)


def test_what_nobody_filled_in_is_refused_when_logs_are_read(tmp_path):
    portal = write_portal_log(tmp_path / "logs", seed=5, days=2)
    run(portal.logs[-1], "-o", tmp_path / "portal.toml")
    with pytest.raises(MappingRefused, match="nobody said what these screens show"):
        read(tmp_path / "logs", tmp_path / "w", read_mapping(tmp_path / "portal.toml"))


def test_a_mapping_is_tried_and_what_it_misses_is_shown_without_harm(tmp_path):
    path = write(tmp_path / "a.log", [line("/adherents/c1"), "\x1b[31mred"])
    mapping = tmp_path / "m.toml"
    mapping.write_text(
        'name = "x"\nformat = "combined"\n[[views]]\nname = "fiche"\n'
        'path = "/adherents/{person}"\nshows = ["nir"]\n'
    )
    done = run(path, "--mapping", mapping)
    assert "1 understood" in done.output
    assert "line 2: \\x1b[31mred" in done.output
    assert "\x1b" not in done.output


def test_a_proposal_never_replaces_a_file(tmp_path):
    path = write(tmp_path / "a.log", [line()])
    out = write(tmp_path / "m.toml", ["mine"])
    assert run(path, "-o", out).exit_code == 2
    assert out.read_text() == "mine\n"


def test_a_log_of_no_known_form_says_what_to_do(tmp_path):
    path = write(tmp_path / "a.log", ["Jan 29 10:00:00 portal sshd: hello", "another"] * 5)
    done = run(path)
    assert isinstance(done.exception, MappingRefused)
    assert 'format = "pattern"' in str(done.exception)


def test_an_empty_file_is_refused(tmp_path):
    assert isinstance(run(write(tmp_path / "a.log", [])).exception, LogsRefused)


def test_a_csv_of_anybody_is_recognised_by_its_values(tmp_path):
    rows = ["Horodatage;Identifiant PS;Jeton;NIR consulté;IP;Code retour;Écran"]
    rows += [
        f"29/01/2024 10:{n // 60:02d}:{n % 60:02d};ps{n % 7};{n % 9:032x};{nir};192.0.2.{n % 9};"
        "200;fiche"
        for n, nir in enumerate(nirs(200))
    ]
    sample = read_sample(write(tmp_path / "a.csv", rows))
    text = propose_mapping(sample, name="Portail").text
    assert 'format = "csv"' in text
    assert 'place = "Horodatage"\nformat = "%d/%m/%Y %H:%M:%S"' in text
    for expected in (
        'account = "Identifiant PS"',
        'session = "Jeton"',
        'address = "IP"',
        'person = "NIR consulté"',
        'person = ["compact", "nir13"]',
        'place = "Code retour"',
    ):
        assert expected in text
    assert parse_mapping(text).delimiter == ";"


@pytest.mark.parametrize(
    ("log", "expected"),
    [
        (
            "aws/ec2_proxy_s3_exfiltration.zip",
            ['session = "userIdentity.accessKeyId"', "GetObject"],
        ),
        ("fhir/audit_bundle.json", ['format = "fhir"', 'where = { "subtype" = "read" }']),
        ("apache/apache_logs", ['format = "combined"', 'account = "address"']),
    ],
)
def test_public_logs_get_a_proposal_that_reads_them(log, expected):
    text = propose_mapping(read_sample(DATA / log), name="x").text
    for part in expected:
        assert part in text
    assert parse_mapping(text).views


def test_records_in_parquet_and_json_have_the_same_columns(tmp_path):
    records = [{"t": "2024-01-29T10:00:00Z", "who": {"login": f"ps{n}"}} for n in range(9)]
    pq.write_table(pa.Table.from_pylist(records), tmp_path / "a.parquet")
    write(tmp_path / "a.json", map(json.dumps, records))
    one, two = (read_sample(tmp_path / name) for name in ("a.parquet", "a.json"))
    assert dict(one.columns) == dict(two.columns)


@pytest.mark.parametrize(
    ("name", "values", "shape"),
    [
        ("x", nirs(30), Shape.NIR),
        ("x", ["2024-01-29T10:00:00+01:00"] * 3, Shape.TIME),
        ("x", ["1706518800", "1706518801.5"], Shape.TIME),
        ("x", ["192.0.2.1", "2001:db8::1"], Shape.ADDRESS),
        ("login", ["a", "b"], Shape.ACCOUNT),
        ("requestId", [f"{n:032x}" for n in range(50)], Shape.TEXT),
        ("sid", [f"{n % 5:032x}" for n in range(50)], Shape.SESSION),
        ("bytes", [str(n + 10_000) for n in range(90)], Shape.TEXT),
        ("is_session", ["true", "false"], Shape.TEXT),
        ("x", [], Shape.TEXT),
    ],
)
def test_a_column_is_known_by_its_values_then_by_its_name(name, values, shape):
    assert guess_column(name, values).shape is shape


def test_screens_are_paths_without_what_varies():
    paths = [f"/adherents/{n}/famille" for n in range(99)] + ["/accueil?x=1", "/accueil/"]
    paths += [f"/docs/{chr(97 + n // 26)}{chr(97 + n % 26)}.pdf" for n in range(60)]
    assert [(one.path, one.count) for one in find_screens(paths)] == [
        ("/adherents/{}/famille", 99),
        ("/docs/{}", 60),
        ("/accueil", 2),
    ]
