"""An import that is killed, cut off or out of room: nothing shows, and it goes on afterwards."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest
from tests.feed_samples import (
    AMC,
    INSURER,
    OTHER_AMC,
    count_rows,
    make_row,
    publish,
    read_people,
    register,
    run_import,
    write_feed,
)

from rempart.kernel.errors import Conflict, RempartError, Unavailable
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.feeds import import_feed

SMALL_PIECE = 16 << 10  # so that a small file has many pieces


def make_rows(count: int = 3000) -> list[dict[str, str]]:
    return [make_row(serial) for serial in range(1, count + 1)]


def count_visible(database: Database) -> int:
    """People whose rights readers see."""
    with database.transaction("admin") as tx:
        [(visible,)] = tx.execute(
            "SELECT count(*) FROM rights.coverage JOIN rights.insurer USING (insurer_id) "
            "WHERE opened_in <= published_version AND closed_in > published_version"
        )
    return int(visible)


def count_done(database: Database) -> int:
    """Rows the pending feed has done."""
    with database.transaction("admin") as tx:
        found = tx.execute("SELECT rows_done FROM rights.feed_version WHERE state = 'pending'")
        return sum(int(rows) for (rows,) in found)


def kill_in_the_middle(database: Database, environment: dict[str, str], feed: Path) -> int:
    """Start the command, kill -9 its whole group once a part is done; return the rows done."""
    command = [sys.executable, "-m", "rempart", "feed", "import", str(feed)]
    process = subprocess.Popen(
        [*command, "--insurer", str(INSURER), "--piece-bytes", str(SMALL_PIECE)],
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 120
    while process.poll() is None and not count_done(database) and time.monotonic() < deadline:
        time.sleep(0.01)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    return count_done(database)


def test_killed_in_the_middle_it_resumes_and_ends_where_an_uninterrupted_import_ends(
    database: Database,
    make_database: Callable[[], Database],
    home: Home,
    environment: dict[str, str],
    tmp_path: Path,
):
    rows = make_rows(15_000)
    feed = write_feed(tmp_path / "full.csv", rows)
    register(database)

    done = kill_in_the_middle(database, environment, feed)

    assert 0 < done < len(rows)
    assert count_visible(database) == 0
    resumed = publish(database, home, feed)
    assert resumed.resumed_from == done
    assert resumed.applied == len(rows)
    other = make_database()
    register(other)
    publish(other, home, feed)
    assert read_people(database, home) == read_people(other, home)


def test_publishing_before_the_last_piece_is_what_the_kill_would_show(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """The mutation beside: were the version published early, half a feed would be visible."""
    register(database)
    break_after(monkeypatch, 2, psycopg.errors.DiskFull("no room"))
    with pytest.raises(RempartError):
        run_import(
            database, home, write_feed(tmp_path / "f.csv", make_rows()), piece_bytes=SMALL_PIECE
        )
    assert count_visible(database) == 0
    with database.transaction("admin") as tx:
        tx.execute(
            "UPDATE rights.insurer SET published_version = "
            "(SELECT max(feed_version) FROM rights.feed_version)"
        )
    assert 0 < count_visible(database) < 3000


FAILURES: dict[str, psycopg.Error] = {
    "the disk is full": psycopg.errors.DiskFull("could not extend file: No space left on device"),
    "the server stops": psycopg.errors.AdminShutdown("terminating connection"),
    "the connection is lost": psycopg.OperationalError("server closed the connection"),
}


@pytest.mark.parametrize("name", FAILURES)
def test_a_piece_that_cannot_be_written_leaves_whole_pieces_and_a_way_on(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
):
    register(database)
    feed = write_feed(tmp_path / "full.csv", make_rows())
    with monkeypatch.context() as broken:
        break_after(broken, 3, FAILURES[name])
        with pytest.raises(RempartError) as told:
            run_import(database, home, feed, piece_bytes=SMALL_PIECE)
    assert "same command" in str(told.value) or "again" in str(told.value)
    assert count_visible(database) == 0
    done = count_done(database)
    assert 0 < done < 3000
    outcome = publish(database, home, feed, piece_bytes=SMALL_PIECE)
    assert (outcome.resumed_from, outcome.applied) == (done, 3000)
    assert count_visible(database) == 3000


def test_a_delta_cut_off_leaves_everybody_as_they_were(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    register(database)
    publish(database, home, write_feed(tmp_path / "full.csv", make_rows()))
    before = read_people(database, home)
    changes = [row | {"period_end": "2026-12-31"} for row in make_rows()]
    delta = write_feed(tmp_path / "delta.csv", changes)
    with monkeypatch.context() as broken:
        break_after(broken, 2, FAILURES["the disk is full"])
        with pytest.raises(RempartError):
            run_import(database, home, delta, piece_bytes=SMALL_PIECE)
    assert [person["rights"] for person in read_people(database, home)] == [
        person["rights"] for person in before
    ]
    assert publish(database, home, delta, piece_bytes=SMALL_PIECE).applied == 3000


def test_another_file_is_refused_while_one_is_half_loaded(
    database: Database, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    register(database)
    feed = write_feed(tmp_path / "full.csv", make_rows())
    with monkeypatch.context() as broken:
        break_after(broken, 1, FAILURES["the disk is full"])
        with pytest.raises(RempartError):
            run_import(database, home, feed, piece_bytes=SMALL_PIECE)
    other = write_feed(tmp_path / "other.csv", make_rows(10))
    with pytest.raises(Conflict, match="discard"):
        run_import(database, home, other)


def test_findings_that_cannot_be_written_stop_the_feed_before_it_shows(
    database: Database, home: Home, tmp_path: Path
):
    register(database)
    rows = [make_row(1), make_row(2, amc_number=OTHER_AMC)]
    assert rows[0]["amc_number"] == AMC
    feed = write_feed(tmp_path / "full.csv", rows)
    nowhere = tmp_path / "no-such-directory" / "findings.csv"
    with pytest.raises(Unavailable, match="cannot be written"):
        run_import(database, home, feed, findings_path=nowhere)
    assert count_visible(database) == 0
    assert publish(database, home, feed, findings_path=tmp_path / "findings.csv").rejected == 1
    with database.transaction("admin") as tx:
        assert count_rows(tx)["rights.coverage"] == 1


def break_after(monkeypatch: pytest.MonkeyPatch, pieces: int, failure: psycopg.Error) -> None:
    """Let some pieces through, then fail inside the transaction of the next one."""
    applier = import_feed.FeedApplier
    apply = applier.apply
    calls = []

    def apply_or_fail(self, *arguments, **named):
        calls.append(None)
        done = apply(self, *arguments, **named)
        if len(calls) > pieces:
            raise failure
        return done

    monkeypatch.setattr(applier, "apply", apply_or_fail)
