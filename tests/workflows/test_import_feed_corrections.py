"""What insurers correct in their feeds: lines taken back, dates changed, people written wrong."""

from pathlib import Path

import pytest
from tests.feed_samples import (
    list_periods,
    make_card,
    make_row,
    publish,
    read_findings,
    read_people,
    register,
    write_feed,
)

from rempart.storage.connect import Database
from rempart.wiring.home import Home


@pytest.fixture(autouse=True)
def insurer(database: Database) -> None:
    register(database)


def test_somebody_stated_and_taken_back_in_one_delta_may_come_with_the_next(
    database: Database, home: Home, tmp_path: Path
):
    publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
    row = make_row(2, card_code="")
    undone = write_feed(tmp_path / "delta.csv", [row, row | {"action": "remove"}])
    publish(database, home, undone, piece_bytes=1)
    publish(database, home, write_feed(tmp_path / "delta2.csv", [row]))
    _, joined = read_people(database, home)
    assert (list_periods(joined), len(joined["lookup"])) == ([("2024-01-01", "infinity")], 1)


def test_a_contract_ended_before_the_agreement_began_closes_its_line(
    database: Database, home: Home, tmp_path: Path
):
    row = make_row(1, period_start="2023-06-01", agreement_start="2024-01-01")
    publish(database, home, write_feed(tmp_path / "full.csv", [row, make_row(2)]))
    delta = write_feed(tmp_path / "delta.csv", [row | {"period_end": "2023-11-30"}])
    publish(database, home, delta)
    ended, member = read_people(database, home)
    assert (list_periods(ended), len(list_periods(member))) == ([], 1)


def test_a_row_refused_in_one_full_feed_is_refused_in_the_next(
    database: Database, home: Home, tmp_path: Path
):
    rows = [make_row(1), make_row(1), make_row(2)]
    first = publish(database, home, write_feed(tmp_path / "1.csv", rows))
    second = publish(database, home, write_feed(tmp_path / "2.csv", [*rows, make_row(3)]))
    assert (first.rejected, second.rejected) == (1, 1)
    assert second.findings == first.findings == {"duplicate_row": 1}


def test_a_birth_date_corrected_under_the_same_card_closes_nobody(
    database: Database, home: Home, tmp_path: Path
):
    publish(database, home, write_feed(tmp_path / "1.csv", [make_row(1), make_row(2)]))
    before = read_people(database, home)
    findings = tmp_path / "findings.csv"
    rows = [make_row(1, birth_date="19840503"), make_row(2)]
    outcome = publish(database, home, write_feed(tmp_path / "2.csv", rows), findings_path=findings)
    assert (outcome.closed, read_findings(findings)) == (0, [(2, "card_code", "card_code_taken")])
    assert read_people(database, home) == before


@pytest.mark.parametrize("piece_bytes", [1, 1 << 20])
@pytest.mark.parametrize("rejected_first", [False, True])
def test_a_rejected_row_takes_no_rights_away_whatever_the_others_say_of_the_person(
    database: Database, home: Home, tmp_path: Path, *, piece_bytes: int, rejected_first: bool
):
    ended = make_row(1, contract_number="OLD", period_end="2025-12-31", card_code=make_card(50))
    running = make_row(1, period_start="2026-01-01")
    publish(database, home, write_feed(tmp_path / "1.csv", [ended, running, make_row(2)]))
    before = read_people(database, home)
    rows = [ended, make_row(2), running | {"terms": "PHAR=?"}]
    if rejected_first:
        rows.reverse()
    outcome = publish(database, home, write_feed(tmp_path / "2.csv", rows), piece_bytes=piece_bytes)
    assert (outcome.rejected, outcome.closed, outcome.left) == (1, 0, 0)
    assert read_people(database, home) == before


def test_what_a_good_row_says_replaces_what_a_rejected_one_would_have_kept(
    database: Database, home: Home, tmp_path: Path
):
    ended = make_row(1, contract_number="OLD", period_end="2025-12-31", card_code=make_card(50))
    running = make_row(1, period_start="2026-01-01")
    publish(database, home, write_feed(tmp_path / "1.csv", [ended, running]))
    rows = [
        ended | {"period_end": "2025-06-30"},
        make_row(1, contract_number="MID", period_start="2025-07-01", period_end="2025-12-31"),
        running | {"terms": "PHAR=?"},
    ]
    rows[1]["card_code"] = ""
    publish(database, home, write_feed(tmp_path / "2.csv", rows), piece_bytes=1)
    assert list_periods(read_people(database, home)[0]) == [
        ("2024-01-01", "2025-06-30"),
        ("2025-07-01", "2025-12-31"),
        ("2026-01-01", "infinity"),
    ]
