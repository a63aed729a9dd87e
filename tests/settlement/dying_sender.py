"""Sends a run and kills itself with -9 at its n-th step: python -m … RUN DIRECTORY STEP."""

import os
import signal
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from tests.settlement.practice import Till

from rempart.exchange import sepa_files
from rempart.storage.connect import Database, Transaction
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.settlement import send_payments

STEPS = iter(range(1, 1_000_000))


def step(last: int) -> None:
    if next(STEPS) == last:
        os.kill(os.getpid(), signal.SIGKILL)


def main() -> None:
    run_id, directory, last = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
    settings = Settings.from_environment()
    database: Database = locate_database(settings, Home.open(settings.home))
    put = send_payments.write_whole

    @contextmanager
    def open_transaction() -> Iterator[Transaction]:
        with database.transaction("settler") as tx:
            yield tx
            step(last)  # before it is committed
        step(last)  # and after

    @contextmanager
    def put_and_die(path: Path) -> Iterator[IO[bytes]]:
        step(last)
        with put(path) as file:
            yield file

    send_payments.write_whole = put_and_die  # type: ignore[attr-defined]
    sepa_files.find_faults = lambda _content, _schema: []  # judged elsewhere; slow to load
    send_payments.value_on = lambda _name, _day: 2  # two transfers in a file
    send_payments.send_run(open_transaction, Till(database, directory).counter, run_id)


if __name__ == "__main__":
    main()
