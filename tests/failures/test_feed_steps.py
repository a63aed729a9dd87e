"""What can break while a feed is imported: each leaves what was published, and resumes."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.database_copies import copied_database
from tests.feed_samples import (
    INSURER,
    TODAY,
    make_nir,
    make_row,
    make_secrets,
    publish,
    read_people,
    register,
    run_import,
    write_feed,
)

from rempart.kernel.errors import Unavailable
from rempart.storage import identity, sheets
from rempart.storage.cluster import ADMIN, Cluster
from rempart.storage.connect import Database, Transaction
from rempart.wiring.database import make_ready
from rempart.wiring.home import Home
from rempart.workflows.feeds import import_feed
from rempart.workflows.feeds.import_feed import FeedRequest, Progress

PIECE = 40_000
ROWS = 3_000
DEADLINE_S = 120


@pytest.fixture(scope="module")
def feed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A full feed of several pieces, some people on rows far apart."""
    rows = [make_row(serial) for serial in range(1, ROWS)]
    rows += [
        make_row(
            serial, contract_number=f"D{serial}", period_start="2020-01-01", period_end="2021-12-31"
        )
        for serial in range(1, ROWS, 7)
    ]
    rows += [make_row(1), make_row(9_999, insured_nir=make_nir(5), quality="9")]
    return write_feed(tmp_path_factory.mktemp("feed") / "feed.csv", rows)


@pytest.fixture(scope="module")
def expected(template: Database, home: Home, feed: Path) -> list[dict[str, Any]]:
    """What an uninterrupted import of the feed gives."""
    with copied_database(template, "uninterrupted_feed") as database:
        register(database)
        publish(database, home, feed)
        return read_people(database, home)


def start_import(environment: dict[str, str], feed: Path, *more: str) -> "subprocess.Popen[str]":
    arguments = ["feed", "import", str(feed), "--insurer", str(INSURER), "--today", str(TODAY)]
    return subprocess.Popen(
        [sys.executable, "-m", "rempart", *arguments, "--piece-bytes", str(PIECE), *more],
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def wait_for_rows(database: Database, rows: int) -> None:
    """Wait until the pending version has counted so many rows."""
    deadline = time.monotonic() + DEADLINE_S
    with database.connect("admin", autocommit=True) as tx:
        while time.monotonic() < deadline:
            [(done,)] = tx.execute("SELECT coalesce(max(rows_done), 0) FROM rights.feed_version")
            if done >= rows:
                return
            time.sleep(0.002)
    raise AssertionError(f"{rows} rows were not done in time")


def list_children(pid: int) -> list[int]:
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    return [int(child) for child in children]


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("rows", [1, ROWS // 2, ROWS])
def test_killed_with_its_database_at_work_it_resumes_to_the_same_database(
    database: Database,
    home: Home,
    environment: dict[str, str],
    feed: Path,
    expected: list[dict[str, Any]],
    rows: int,
):
    register(database)
    process = start_import(environment, feed, "--workers", "2")
    wait_for_rows(database, rows)
    workers = list_children(process.pid)
    process.kill()
    process.communicate()
    deadline = time.monotonic() + DEADLINE_S
    while any(map(is_alive, workers)) and time.monotonic() < deadline:
        time.sleep(0.01)
    assert not any(map(is_alive, workers)), "workers outlive a killed import"

    again = start_import(environment, feed)
    out, err = again.communicate(timeout=DEADLINE_S)
    assert again.returncode == 0, err
    assert "resumed after" in out or "already published" in out
    assert read_people(database, home) == expected


def test_ctrl_c_says_how_to_go_on(
    database: Database,
    home: Home,
    environment: dict[str, str],
    feed: Path,
    expected: list[dict[str, Any]],
):
    register(database)
    process = start_import(environment, feed, "--workers", "2")
    wait_for_rows(database, 1)
    os.killpg(process.pid, signal.SIGINT)
    out, err = process.communicate(timeout=DEADLINE_S)
    assert process.returncode == 130
    assert "run the same command again to resume" in " ".join(err.split())
    assert "Traceback" not in out + err
    again = start_import(environment, feed)
    out, _ = again.communicate(timeout=DEADLINE_S)
    assert "resumed after" in out
    assert read_people(database, home) == expected


# Each writing of a piece, on its second call, once before it is done and once after.
WRITINGS = [
    (identity, "copy_persons"),
    (sheets, "copy_sheets"),
    (sheets, "copy_lookups"),
    (identity, "copy_person_keys"),
    (identity, "mark_seen"),
]


@pytest.mark.parametrize(("module", "name"), WRITINGS)
@pytest.mark.parametrize("done", [False, True], ids=["it failed", "it was done all the same"])
def test_a_full_disk_in_the_middle_leaves_nothing_of_the_piece_and_resumes(
    database: Database,
    home: Home,
    feed: Path,
    expected: list[dict[str, Any]],
    monkeypatch: pytest.MonkeyPatch,
    module: Any,
    name: str,
    *,
    done: bool,
):
    register(database)
    fail_on_second_call(monkeypatch, module, name, done=done)
    with pytest.raises(Unavailable, match=r"disk is full.*run the same command again: it resumes"):
        run_import(database, home, feed, piece_bytes=PIECE)
    monkeypatch.undo()
    assert read_people(database, home) != []
    with database.connect("admin", autocommit=True) as tx:
        people = "SELECT count(*) FROM identity.person"
        [(kept,)] = tx.execute(people)
        [(counted,)] = tx.execute("SELECT rows_applied FROM rights.feed_version")
        assert kept == counted, "half a piece was kept"
        assert tx.execute("SELECT published_version FROM rights.insurer").fetchall() == [(0,)]
    assert publish(database, home, feed, piece_bytes=PIECE).resumed_from > 0
    assert read_people(database, home) == expected


def fail_on_second_call(
    monkeypatch: pytest.MonkeyPatch, module: Any, name: str, *, done: bool
) -> None:
    real = getattr(module, name)
    calls = 0

    def fail(tx: Transaction, *arguments: Any, **named: Any) -> Any:
        nonlocal calls
        calls += 1
        if calls != 2:
            return real(tx, *arguments, **named)
        if done:
            real(tx, *arguments, **named)
        raise psycopg.errors.DiskFull("could not extend file: No space left on device")

    monkeypatch.setattr(module, name, fail)


def test_a_full_disk_for_the_findings_publishes_nothing_and_resumes(
    database: Database,
    home: Home,
    tmp_path: Path,
    feed: Path,
    expected: list[dict[str, Any]],
):
    register(database)
    with tiny_disk(tmp_path) as folder:
        findings = folder / "findings.csv"
        with pytest.raises(Unavailable, match=r"findings.*No space left on device.*it resumes"):
            run_import(database, home, feed, findings_path=findings)
        assert not findings.exists()
    with database.connect("admin", autocommit=True) as tx:
        assert tx.execute("SELECT published_version FROM rights.insurer").fetchall() == [(0,)]
    resumed = publish(database, home, feed, findings_path=tmp_path / "findings.csv")
    assert resumed.resumed_from > ROWS
    assert (tmp_path / "findings.csv").exists()
    assert read_people(database, home) == expected


@contextlib.contextmanager
def tiny_disk(folder: Path) -> Iterator[Path]:
    """A full disk: a real one where we may mount it, else the device that is always full."""
    mounted = folder / "tiny"
    mounted.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4k", "tmpfs", str(mounted)]
    if os.geteuid() == 0 and subprocess.run(command, check=False).returncode == 0:
        (mounted / "filler").write_bytes(bytes(4_096))
        try:
            yield mounted
        finally:
            subprocess.run(["umount", str(mounted)], check=True)
        return
    # The draft of the findings is opened by this name.
    (mounted / f".findings.csv.{os.getpid()}.draft").symlink_to("/dev/full")
    yield mounted


def make_database_of(cluster: Cluster, home: Home) -> Database:
    database = Database(
        address=cluster.status().place.address, name="feeds", admin=ADMIN, passwords=home.passwords
    )
    make_ready(database)
    return database


def test_a_database_killed_in_the_middle_loses_no_piece_that_was_counted(
    durable_cluster: Cluster, reachable_path: Path, feed: Path, tmp_path: Path
):
    home = Home.open(reachable_path / "durable")
    database = make_database_of(durable_cluster, home)
    register(database)
    counted = 0

    def kill(now: Progress) -> None:
        nonlocal counted
        if now.stage == "read" and now.rows > ROWS // 2:
            counted = now.rows
            postmaster = durable_cluster.status().pid
            assert postmaster is not None
            os.kill(postmaster, signal.SIGQUIT)
            while durable_cluster.status().running:
                time.sleep(0.01)

    with (
        pytest.raises(Unavailable, match=r"database stopped answering.*it resumes"),
        database.connect("feeds", autocommit=True) as connection,
    ):
        import_feed.import_feed(connection, make_secrets(home), make_request(feed), report=kill)
    durable_cluster.start()
    assert publish(database, home, feed, piece_bytes=PIECE).resumed_from == counted
    people = read_people(database, home)

    uninterrupted = database.renamed("uninterrupted")
    make_ready(uninterrupted)
    register(uninterrupted)
    publish(uninterrupted, home, feed)
    assert people == read_people(uninterrupted, home)


def make_request(feed: Path) -> FeedRequest:
    return FeedRequest(
        path=feed,
        insurer_id=INSURER,
        kind="full",
        today=TODAY,
        max_reject_share=1.0,
        piece_bytes=PIECE,
    )
