"""Issuing that is killed or cut off: the same cards afterwards, none twice, none missing."""

import csv
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psycopg
import pypdfium2
import pytest
from tests.card_samples import YEAR, import_people, issue, read_prints
from tests.feed_samples import AMC, make_row
from tests.symbol_reader import read_elsewhere

from rempart.kernel.errors import Conflict, Unavailable
from rempart.storage import cards
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.rights import issue_cards

CONTRACTS = 60
BATCH = 4


def read_serials(database: Database) -> set[bytes]:
    with database.transaction("feeds") as tx:
        return {serial for (serial,) in tx.execute("SELECT serial FROM rights.card").fetchall()}


def kill_in_the_middle(database: Database, environment: dict[str, str], out: Path) -> set[bytes]:
    """Start the command, kill -9 its group after some batches; return the cards made by then."""
    command = [sys.executable, "-m", "rempart", "cards", "issue", "--insurer", AMC]
    options = ["--year", str(YEAR), "--batch-size", str(BATCH), "--out", str(out)]
    process = subprocess.Popen(
        [*command, *options],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while len(read_serials(database)) < 3 * BATCH and time.monotonic() < deadline:
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return read_serials(database)


def check_whole(database: Database, home: Home, out: Path) -> None:
    """One card for each contract, each on one page of one file, all in the index."""
    printed = read_prints(database, home)
    assert len({one.card.member_number for one in printed}) == len(printed) == CONTRACTS
    [index] = out.glob("*-index.csv")
    with index.open(newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    serials = [row["card"] for row in rows]
    assert sorted(serials) == sorted(one.card.serial.format() for one in printed)
    files = sorted(out.glob("*.pdf"))
    assert [len(pypdfium2.PdfDocument(file)) for file in files] == [BATCH] * (CONTRACTS // BATCH)
    assert not list(out.glob(".*.partial"))


def test_killed_in_the_middle_it_goes_on_and_makes_the_same_cards(
    database: Database, home: Home, environment: dict[str, str], tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(n) for n in range(1, CONTRACTS + 1)])
    out = tmp_path / "out"

    before = kill_in_the_middle(database, environment, out)

    assert 0 < len(before) < CONTRACTS
    resumed = issue(database, home, out, batch_size=BATCH)
    assert resumed.resumed
    assert resumed.cards == CONTRACTS
    assert before <= read_serials(database)
    check_whole(database, home, out)


def test_what_was_made_before_the_kill_is_what_is_printed_after_it(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import_people(database, home, tmp_path, [make_row(n) for n in range(1, 4)])
    with monkeypatch.context() as patched:
        # Killed after the commit of the batch, before its file.
        patched.setattr(issue_cards, "render_letters", _die)
        with pytest.raises(SystemExit):
            issue(database, home, tmp_path / "out")
    made = [one.symbol for one in read_prints(database, home)]
    assert len(made) == 3

    issue(database, home, tmp_path / "out")

    [file] = (tmp_path / "out").glob("*.pdf")
    pages = pypdfium2.PdfDocument(file)
    shown = [read_elsewhere(page.render(scale=150 / 72).to_pil().convert("L")) for page in pages]
    assert shown == made


def test_killed_before_the_commit_a_batch_leaves_nothing(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import_people(database, home, tmp_path, [make_row(n) for n in range(1, 4)])
    with monkeypatch.context() as patched:
        patched.setattr(cards, "add_batch", _die)
        with pytest.raises(SystemExit):
            issue(database, home, tmp_path / "out")
    assert read_serials(database) == set()
    with database.transaction("feeds") as tx:
        assert tx.execute("SELECT count(*) FROM rights.card_key").fetchone() == (0,)

    assert issue(database, home, tmp_path / "out").cards == 3


def test_told_that_the_commit_failed_when_it_was_done_it_makes_no_second_card(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import_people(database, home, tmp_path, [make_row(n) for n in range(1, 4)])
    real = cards.list_batches

    def lose_the_answer(*given: object, **named: object) -> object:
        if named.get("batch_ref") is not None:
            raise psycopg.OperationalError("the connection was lost")
        return real(*given, **named)  # type: ignore[arg-type]

    with monkeypatch.context() as patched:
        patched.setattr(cards, "list_batches", lose_the_answer)
        with pytest.raises(Unavailable, match="run the same command again"):
            issue(database, home, tmp_path / "out")
    before = read_serials(database)
    assert len(before) == 3

    assert issue(database, home, tmp_path / "out").cards == 3
    assert read_serials(database) == before


def test_no_room_for_the_file_stops_cleanly_and_goes_on_later(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    import_people(database, home, tmp_path, [make_row(1)])
    assert issue(database, home, tmp_path / "out", year=2022).cards == 0  # draws the key
    with monkeypatch.context() as patched:
        patched.setattr(os, "fsync", _fill_the_disk)
        with pytest.raises(Unavailable, match="make room"):
            issue(database, home, tmp_path / "out")

    assert issue(database, home, tmp_path / "out").cards == 1


def test_the_database_refuses_a_second_card_in_force(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(1)])
    issue(database, home, tmp_path / "out")
    with database.transaction("feeds") as tx, pytest.raises(psycopg.errors.UniqueViolation):
        tx.execute(
            "INSERT INTO rights.card SELECT '\\x00000000000000000000'::bytea, insurer_id,"
            " contract_ref, holder_ref, year, part, beneficiaries, key_id, issued_on, valid_from,"
            " valid_to, purpose, large_print, replaces, batch_ref, page FROM rights.card"
        )


def test_a_run_that_another_process_holds_is_not_joined(
    database: Database, home: Home, tmp_path: Path
):
    import_people(database, home, tmp_path, [make_row(1)])
    with database.connect("feeds", autocommit=True) as other:
        assert cards.claim_cards(other, 7)
        with pytest.raises(Conflict):
            issue(database, home, tmp_path / "out")
    assert issue(database, home, tmp_path / "out").cards == 1


def _die(*_: object, **__: object) -> None:
    sys.exit("killed")


def _fill_the_disk(_: int) -> None:
    raise OSError(28, "No space left on device")
