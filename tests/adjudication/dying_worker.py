"""A process that shares claims out and kills itself at its n-th statement.

python -m tests.adjudication.dying_worker N
"""

import itertools
import os
import signal
import sys

from tests.adjudication.practice import KEY, TODAY

from rempart.storage.adjudication import Reader
from rempart.storage.adjudication_writes import Writer
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.claims.adjudicate_claims import Library, adjudicate_batch


def die_at(number: int) -> None:
    """Let `number` statements pass, and die before the next."""
    said = itertools.count(1)

    def counting(method):
        def ask(*arguments, **named):
            if next(said) > number:
                os.kill(os.getpid(), signal.SIGKILL)
            return method(*arguments, **named)

        return ask

    Reader.ask = counting(Reader.ask)
    Writer._ask = counting(Writer._ask)


def main() -> None:
    settings = Settings.from_environment()
    database = locate_database(settings, Home.open(settings.home))
    die_at(int(sys.argv[1]))
    library = Library(KEY)
    done = 1
    while done:
        with database.transaction("settler") as tx:
            done = adjudicate_batch(tx, library, today=TODAY, size=4).claims


if __name__ == "__main__":
    main()
