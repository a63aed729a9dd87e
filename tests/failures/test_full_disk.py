"""A disk is full: nothing half written takes what room there is, nothing gives up for good."""

import errno
import itertools
import math
import os
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import BinaryIO

import click
import pytest

from rempart.cli import serve
from rempart.kernel.errors import SetupError, Unavailable
from rempart.storage.segment_files import SegmentStore
from rempart.wiring import processes
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

NO_ROOM = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def write_on_a_full_disk(store: SegmentStore) -> None:
    """Write a file that has room for its beginning only."""

    def fill(file: BinaryIO) -> None:
        file.write(bytes(100_000))
        raise NO_ROOM

    with pytest.raises(Unavailable, match=r"No space left on device.*then run the same"):
        store.put("log-1/0.by-account.parquet", fill)


def list_files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_a_file_that_does_not_fit_leaves_its_room_to_others(tmp_path: Path):
    write_on_a_full_disk(SegmentStore(str(tmp_path)))
    assert list_files(tmp_path) == []


def test_mutation_a_beginning_that_stays_is_noticed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(Path, "unlink", lambda *_, **__: None)
    write_on_a_full_disk(SegmentStore(str(tmp_path)))
    assert list_files(tmp_path) != []


def make_reviver(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, *, refusals: int
) -> tuple[Callable[[], None], SimpleNamespace, list[str]]:
    """Watch over a database that died, and cannot start that many times."""
    database, said = SimpleNamespace(running=False, tries=0), list[str]()

    def start() -> None:
        database.tries += 1
        if database.tries <= refusals:
            raise SetupError("the database did not start: No space left on device")
        database.running = True

    cluster = SimpleNamespace(status=lambda: database, start=start)
    monkeypatch.setattr(processes, "locate_cluster", lambda *_: cluster)
    clock = itertools.count(1000.0, 0.5)
    monkeypatch.setattr(processes, "time", SimpleNamespace(monotonic=lambda: next(clock)))
    home = Home.create(tmp_path / "home")
    return processes._make_reviver(Settings(home=home.path), home, said.append), database, said


def test_a_database_that_cannot_start_yet_starts_once_there_is_room(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    revive, database, said = make_reviver(monkeypatch, tmp_path, refusals=2)
    for _ in range(30):
        revive()
    assert database.running
    assert database.tries == 3
    assert any("No space left" in line for line in said)


def test_mutation_a_database_that_is_tried_once_stays_down(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr(processes, "REVIVE_EVERY_S", math.inf)
    revive, database, _ = make_reviver(monkeypatch, tmp_path, refusals=2)
    for _ in range(30):
        revive()
    assert not database.running


def test_serve_goes_on_where_nothing_more_can_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    def refuse(*_: object, **__: object) -> None:
        raise NO_ROOM

    settings = Settings(home=tmp_path / "home")
    home, parts = Home.create(settings.home), processes.plan_parts(settings, "all")
    with processes._only_one(home, "all", parts) as register:
        register({"worker": 1})
        monkeypatch.setattr(Path, "write_text", refuse)
        register({"worker": 2})
        monkeypatch.setattr(click, "echo", refuse)
        serve._say("worker ended; it starts again")
