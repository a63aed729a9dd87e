"""How far a job is, told from inside it; and where it learns that it must stop.

Refuses to write at every step: once a second is what people see.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from procrastinate.exceptions import JobAborted

from rempart.storage import jobs
from rempart.storage.connect import Database

EVERY_S: Final = 1.0


@dataclass(slots=True, kw_only=True)
class Report:
    """One attempt at one job.

    Args:
        database: Where it is written.
        job_id: Which job.
        must_stop: Whether somebody asked for its end, or the worker stops.
    """

    database: Database
    job_id: int
    must_stop: Callable[[], bool] = lambda: False
    _said_at: float = field(default=float("-inf"), init=False)
    _latest: tuple[int, int | None, str, str] = field(default=(0, None, "", ""), init=False)
    _said: tuple[int, int | None, str, str] | None = field(default=None, init=False)

    def tell(self, done: int, total: int | None = None, *, unit: str = "", note: str = "") -> None:
        """Say how much is done.

        Args:
            done: So much.
            total: Of so much; None when nobody knows.
            unit: Of both: a word that the pages know.
            note: What else there is to say, without a personal value.

        Raises:
            JobAborted: it must stop here. What was committed before stays.
        """
        self._latest = done, total, unit, note
        now = time.monotonic()
        if now - self._said_at >= EVERY_S:
            self._said_at = now
            self.write()
        self.check()

    def conclude(self, done: int, *, unit: str) -> None:
        """Say how much was done, once nothing is left to do: it is too late to stop."""
        self._latest = done, done, unit, ""

    def check(self) -> None:
        """Go on, or stop here.

        Raises:
            JobAborted: it must stop.
        """
        if self.must_stop():
            raise JobAborted

    def write(self) -> None:
        """Write what was told last, if it was not."""
        if self._latest == self._said or (self._said is None and self._latest == (0, None, "", "")):
            return
        done, total, unit, note = self._latest
        with self.database.transaction("worker") as tx:
            jobs.save_progress(tx, self.job_id, done=done, total=total, unit=unit, note=note)
        self._said = self._latest
