"""The gateway and the worker on a clock that a file moves, while they run.

`BENCH_CLOCK` names a file of seconds to add to the machine's clock. Time that never goes back is
nobody's to move, and stays. PostgreSQL keeps the machine's clock. Only a benchmark builds these.
"""

import os
import sys
import time
from datetime import date, datetime, tzinfo
from pathlib import Path
from typing import Final, Self

from litestar import Litestar

from rempart.jobs import app as work_app
from rempart.kernel.instants import PARIS
from rempart.wiring import gateway_app
from rempart.wiring.clock import SystemClock
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

VARIABLE: Final = "BENCH_CLOCK"
_READ_EVERY_S: Final = 0.05
_real_time = time.time
_Datetime: Final = datetime


class Shift:
    """How far ahead this process's clock is, in seconds, as the file says."""

    def __init__(self, file: Path) -> None:
        self._file, self._until, self._seconds = file, 0.0, 0.0

    def read(self) -> float:
        """Return it; read again a few times a second."""
        now = time.monotonic()
        if now >= self._until:
            self._seconds, self._until = float(self._file.read_text()), now + _READ_EVERY_S
        return self._seconds


class ShiftedClock(SystemClock):
    """The machine's clock, moved."""

    def __init__(self, shift: Shift) -> None:
        super().__init__()
        self._shift = shift

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return int((_real_time() + self._shift.read()) * 1000)

    def today(self) -> date:
        """The civil date in Paris."""
        return _Datetime.fromtimestamp(self.now_ms() / 1000, PARIS).date()


def create_gateway() -> Litestar:
    """Build the gateway of the environment on the moved clock."""
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    clock = ShiftedClock(_find_shift())
    return gateway_app.create_gateway(settings, home, locate_database(settings, home), clock=clock)


def create_worker() -> work_app.WorkApp:
    """Build the worker of the environment on the moved clock."""
    made = work_app.create_app()
    shift = _find_shift()

    class Shifted(datetime):
        """What asks what time it is, asks the moved clock."""

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> Self:
            return cls.fromtimestamp(_real_time() + shift.read(), tz)

    time.time = lambda: _real_time() + shift.read()
    for name, module in list(sys.modules.items()):
        if name.startswith(("rempart.", "procrastinate.")):
            for where, value in list(vars(module).items()):
                if value is _Datetime:
                    setattr(module, where, Shifted)
    return made


def _find_shift() -> Shift:
    return Shift(Path(os.environ[VARIABLE]))
