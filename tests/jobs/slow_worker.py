"""A worker to kill: its job writes a line when it begins, and waits in the middle of its work.

`python -m tests.jobs.slow_worker JOURNAL`: the second attempt finds the line of the first and does
not wait.
"""

import asyncio
import sys
import time
from collections.abc import Mapping
from pathlib import Path

from tests.jobs.practice import QUICK, work_with

from rempart.jobs.app import say_less
from rempart.jobs.report import Report
from rempart.jobs.worker import JobWorker
from rempart.wiring.database import Installation, locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


def main(journal: Path) -> None:
    def sweep(_at: Installation, _report: Report, _arguments: Mapping[str, int]) -> None:
        began = journal.exists()
        with journal.open("a") as lines:
            lines.write("began\n")
        if not began:
            time.sleep(600)
        with journal.open("a") as lines:
            lines.write("done\n")

    say_less()
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    installation = Installation(
        settings=settings, home=home, database=locate_database(settings, home)
    )
    worker = JobWorker(
        installation=installation, pace=QUICK, work=work_with(sweep_former_members=sweep)
    )
    asyncio.run(worker.run())


if __name__ == "__main__":
    main(Path(sys.argv[1]))
