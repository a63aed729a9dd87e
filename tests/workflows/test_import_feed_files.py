"""Files as they come: encodings, containers, headers, and all that can be wrong with them."""

import gzip
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from tests.feed_samples import (
    AMC,
    make_row,
    publish,
    read_findings,
    read_people,
    register,
    run_import,
    write_feed,
)

from rempart.cli.feed import import_command
from rempart.exchange.feed_columns import COLUMNS
from rempart.kernel.errors import FeedRefused
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.accounts.register_insurers import read_insurers

ROWS = [make_row(1, family_name="LEFÈVRE"), make_row(2, first_names="Zoé Anaïs")]


@pytest.fixture(autouse=True)
def insurer(database: Database) -> None:
    register(database)


def write_parquet(path: Path) -> Path:
    columns = {name: [row[name] for row in ROWS] for name in COLUMNS}
    pq.write_table(pa.table(columns), path)
    return path


CONTAINERS: dict[str, Callable[[Path], Path]] = {
    "with a byte order mark": lambda at: write_feed(at / "f.csv", ROWS, encoding="utf-8-sig"),
    "in Latin-1": lambda at: write_feed(at / "f.csv", ROWS, encoding="latin-1"),
    "with commas": lambda at: write_feed(at / "f.csv", ROWS, delimiter=","),
    "with tabs": lambda at: write_feed(at / "f.csv", ROWS, delimiter="\t"),
    "with Windows line ends": lambda at: write_feed(at / "f.csv", ROWS, end="\r\n"),
    "in gzip": lambda at: write_feed(at / "f.csv.gz", ROWS),
    "in Parquet": lambda at: write_parquet(at / "f.parquet"),
    "in another order": lambda at: write_feed(at / "f.csv", ROWS, columns=COLUMNS[::-1]),
}


@pytest.mark.parametrize("name", CONTAINERS)
def test_the_same_rows_give_the_same_people_whatever_holds_them(
    make_database: Callable[[], Database], home: Home, tmp_path: Path, name: str
):
    seen = []
    for write in (lambda at: write_feed(at / "plain.csv", ROWS), CONTAINERS[name]):
        database = make_database()
        register(database)
        assert publish(database, home, write(tmp_path)).applied == 2
        seen.append([person["record"] for person in read_people(database, home)])
    assert seen[0] == seen[1]


def test_a_missing_column_is_named_and_nothing_changes(
    database: Database, home: Home, tmp_path: Path
):
    columns = [name for name in COLUMNS if name not in ("insured_nir", "terms")]
    feed = write_feed(tmp_path / "full.csv", ROWS, columns=columns)
    with pytest.raises(FeedRefused, match=r"lacks 2 column.*insured_nir, terms"):
        run_import(database, home, feed)
    assert read_people(database, home) == []


def test_a_repeated_column_is_named(database: Database, home: Home, tmp_path: Path):
    feed = write_feed(tmp_path / "full.csv", ROWS, columns=[*COLUMNS, "birth_date"])
    with pytest.raises(FeedRefused, match="repeats birth_date"):
        run_import(database, home, feed)


def test_a_header_repeated_in_the_middle_is_one_finding(
    database: Database, home: Home, tmp_path: Path
):
    rows = [ROWS[0], {name: name for name in COLUMNS}, ROWS[1]]
    findings = tmp_path / "findings.csv"
    outcome = publish(
        database, home, write_feed(tmp_path / "full.csv", rows), findings_path=findings
    )
    assert (outcome.applied, outcome.rejected) == (2, 1)
    [(line, _, rule)] = read_findings(findings)
    assert (line, rule) == (3, "repeated_header")


@pytest.mark.parametrize(
    "kept", [pytest.param(0.5, id="in the middle"), pytest.param(0.99, id="near the end")]
)
def test_a_truncated_gzip_publishes_nothing(
    database: Database, home: Home, tmp_path: Path, kept: float
):
    feed = write_feed(tmp_path / "full.csv.gz", [make_row(serial) for serial in range(1, 200)])
    feed.write_bytes(feed.read_bytes()[: int(feed.stat().st_size * kept)])
    with pytest.raises(FeedRefused):
        run_import(database, home, feed)
    assert all(not person["rights"] for person in read_people(database, home))


def test_bytes_after_a_gzip_publish_nothing(database: Database, home: Home, tmp_path: Path):
    feed = write_feed(tmp_path / "full.csv.gz", ROWS)
    feed.write_bytes(feed.read_bytes() + b"rubbish")
    with pytest.raises(FeedRefused):
        run_import(database, home, feed)


def test_a_row_of_a_megabyte_is_one_finding_and_the_others_are_applied(
    database: Database, home: Home, tmp_path: Path
):
    rows = [ROWS[0], make_row(3, address="x" * (1 << 20)), ROWS[1]]
    findings = tmp_path / "findings.csv"
    outcome = publish(
        database, home, write_feed(tmp_path / "full.csv", rows), findings_path=findings
    )
    assert (outcome.applied, outcome.rejected) == (2, 1)
    assert [(line, rule) for line, _, rule in read_findings(findings)] == [(3, "line_length")]


@pytest.mark.parametrize(
    ("changes", "field", "rule"),
    [
        ({"birth_date": "19841332"}, None, None),  # no calendar has it, and some people do
        ({"birth_rank": "0"}, "birth_rank", "birth_rank"),
        ({"quality": "5"}, "quality", "quality"),
        ({"period_start": "2024-02-30"}, "period_start", "date"),
        ({"period_start": "2024-06-01", "period_end": "2024-05-01"}, "period_end", "period_order"),
        ({"terms": "PHARX=T"}, "terms", None),
        ({"terms": "PHAR=Z9"}, "terms", "terms_value"),
        ({"card_code": "123"}, "card_code", None),
        ({"family_name": ""}, "family_name", "required"),
        ({"family_name": "A\x01B"}, "family_name", "characters"),
        ({"amc_number": "12"}, "amc_number", None),
        ({"action": "delete"}, "action", "action"),
    ],
)
def test_a_field_that_cannot_be_is_found_where_it_is(
    database: Database,
    home: Home,
    tmp_path: Path,
    changes: dict[str, str],
    field: str | None,
    rule: str | None,
):
    findings = tmp_path / "findings.csv"
    rows = [make_row(9), make_row(1, **changes)]
    outcome = publish(
        database, home, write_feed(tmp_path / "full.csv", rows), findings_path=findings
    )
    if field is None:
        assert outcome.rejected == 0
        return
    assert outcome.rejected == 1
    [(line, found_field, found_rule)] = read_findings(findings)
    assert (line, found_field) == (3, field)
    assert rule in (None, found_rule)


def test_a_nir_with_a_wrong_key_is_a_finding_that_does_not_quote_it(
    database: Database, home: Home, tmp_path: Path
):
    nir = make_row(1)["insured_nir"]
    wrong = nir[:-2] + f"{97 - int(nir[-2:]) or 1:02d}"
    findings = tmp_path / "findings.csv"
    rows = [make_row(2), make_row(1, insured_nir=wrong, family_name="SECRETNAME")]
    publish(database, home, write_feed(tmp_path / "full.csv", rows), findings_path=findings)
    [(line, field, _)] = read_findings(findings)
    assert (line, field) == (3, "insured_nir")
    text = findings.read_text()
    assert wrong not in text
    assert wrong[:13] not in text
    assert "SECRETNAME" not in text


def test_a_file_that_is_no_feed_is_named_for_what_it_is(
    database: Database, home: Home, tmp_path: Path
):
    for name, content in (
        ("book.csv", b"PK\x03\x04rest of a spreadsheet"),
        ("wide.csv", "amc_number".encode("utf-16")),
        ("empty.csv", b""),
        ("empty.csv.gz", gzip.compress(b"")),
        ("paper.csv", b"%PDF-1.7"),
    ):
        path = tmp_path / name
        path.write_bytes(content)
        with pytest.raises(FeedRefused):
            run_import(database, home, path)
    with database.transaction("admin") as tx:
        [(version,)] = tx.execute(
            "SELECT published_version FROM rights.insurer WHERE amc_number = %s", (AMC,)
        )
    assert version == 0


@pytest.mark.parametrize("number", ["0", "-3", "9999999999", "douze"])
def test_a_list_of_insurers_with_a_number_that_is_none_names_the_line(tmp_path: Path, number: str):
    path = tmp_path / "insurers.csv"
    path.write_text(f"insurer_id;amc_number;name\n1;{AMC};A\n{number};9000000002;B\n", "utf-8")
    with pytest.raises(FeedRefused, match=r"line 3: insurer_id is 1 to 999999"):
        read_insurers(path)


def test_an_amc_number_does_not_pass_for_the_number_of_an_insurer(tmp_path: Path):
    feed = write_feed(tmp_path / "f.csv", ROWS)
    refused = CliRunner().invoke(import_command, [str(feed), "--insurer", AMC])
    assert refused.exit_code == 2
    assert "999999" in refused.output
