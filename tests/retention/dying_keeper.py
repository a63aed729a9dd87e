"""Carries a run out and kills itself with -9 at its n-th step: python -m … RUN DIRECTORY STEP."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from tests.retention.practice import Cellar

from rempart.retention.purges import PurgeRecord
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Transaction
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.sealing import FileKms
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.retention.run_retention import run_retention

STEPS = iter(range(1, 1_000_000))


def step(last: int) -> None:
    if next(STEPS) == last:
        os.kill(os.getpid(), signal.SIGKILL)


def open_journal(directory: Path) -> PurgeJournal:
    return PurgeJournal(BackupStore(str(directory / "backups")), FileKms(bytes(32)))


def main() -> None:
    run_id, directory, last = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    database = locate_database(settings, home)

    class DyingJournal(PurgeJournal):
        def append(self, record: PurgeRecord) -> None:
            step(last)
            super().append(record)
            step(last)

    @contextmanager
    def begin() -> Iterator[Transaction]:
        with database.transaction("keeper") as tx:
            yield tx
            step(last)  # before it is committed
        step(last)  # and after

    store = BackupStore(str(directory / "backups"))
    cellar = Cellar.take_up(database, home, directory)
    keeper = replace(cellar.keeper, begin=begin, journal=DyingJournal(store, FileKms(bytes(32))))
    run_retention(keeper, run_id, piece=50)


if __name__ == "__main__":
    main()
