"""What insurers correct in their feeds: lines taken back, dates changed, people written wrong."""

from datetime import timedelta
from pathlib import Path

import pytest
from tests.feed_samples import (
    INSURER,
    TODAY,
    list_periods,
    make_card,
    make_row,
    make_secrets,
    publish,
    read_findings,
    read_people,
    register,
    write_feed,
)

from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.feeds.import_feed import FeedRequest, Progress, discard_feed, import_feed
from rempart.workflows.feeds.sweep_former_members import sweep_former_members


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


def test_a_line_taken_back_speaks_no_louder_than_the_one_that_corrects_it(
    database: Database, home: Home, tmp_path: Path
):
    wrong = make_row(1, period_start="2027-01-01")
    publish(database, home, write_feed(tmp_path / "full.csv", [wrong]))
    right = make_row(1, family_name="MARTIN", card_code=make_card(50))
    delta = write_feed(tmp_path / "delta.csv", [wrong | {"action": "remove"}, right])
    publish(database, home, delta)
    [person] = read_people(database, home)
    assert person["record"]["family_name"] == "MARTIN"
    assert [card for *_, card in person["record"]["contracts"]] == [make_card(50).replace("-", "")]


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


@pytest.mark.parametrize("is_discarded", [False, True])
def test_a_feed_half_loaded_at_midnight_may_be_resumed_or_discarded(
    database: Database, home: Home, tmp_path: Path, *, is_discarded: bool
):
    publish(database, home, write_feed(tmp_path / "full.csv", [make_row(1)]))
    rows = [make_row(2, period_end=TODAY.isoformat()), make_row(3)]
    path = write_feed(tmp_path / "delta.csv", rows)
    request = FeedRequest(path=path, insurer_id=INSURER, kind="delta", today=TODAY)

    def interrupt(_: Progress) -> None:
        raise KeyboardInterrupt

    tomorrow = TODAY + timedelta(days=1)
    with database.connect("feeds", autocommit=True) as connection:
        with pytest.raises(KeyboardInterrupt):
            import_feed(connection, make_secrets(home), request, report=interrupt)
        with connection.transaction():
            assert sweep_former_members(connection, tomorrow).people == 1
        if is_discarded:
            discard_feed(connection, INSURER)
    publish(database, home, path, today=tomorrow)
    assert [len(person["lookup"]) for person in read_people(database, home)] == [2, 0, 2]
