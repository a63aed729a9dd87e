"""How the services are now, by asking them: the gateway's own word, and the database's.

Works while the gateway is dead, and while the database is: what could not be kept waits in memory.
Refuses to keep more than an hour's worth of that, and anything about anybody.
"""

import logging
import threading
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, Final

import psycopg
from psycopg import Connection
from psycopg_pool import PoolTimeout

from rempart.workflows.jobs.watch_services import (
    BACKGROUND,
    SERVICES,
    ServiceChange,
    ServiceHistory,
    ServiceHour,
    check_jobs_work,
    read_history,
    save_probes,
)

LOOK_EVERY_S: Final = 30.0
# A page that finds nothing fresher asks by itself, no more often than this.
FRESH_S: Final = 10.0
_AWAY: Final = (psycopg.Error, PoolTimeout)
_MOST_WAITING: Final = 500

OpensTransaction = Callable[[], AbstractContextManager[Connection[tuple[Any, ...]]]]

_log = logging.getLogger("rempart.services")


@dataclass(frozen=True, slots=True, kw_only=True)
class Glance:
    """What was found at one instant.

    Attributes:
        at: When.
        works: Whether each service answers.
        history: What was known of the last days; None while the database is away.
    """

    at: datetime
    works: Mapping[str, bool]
    history: ServiceHistory | None

    @property
    def all_work(self) -> bool:
        """Whether everything answers that somebody's request waits for."""
        return all(works for name, works in self.works.items() if name not in BACKGROUND)

    @property
    def does_jobs(self) -> bool:
        """Whether somebody does what runs by itself."""
        return self.works["jobs"]


class ServiceWatch:
    """Looks at the services and remembers the last glance; safe to share between threads.

    Args:
        read_readiness: What the gateway says of itself: (it answers, its ledger can record).
        transaction: Opens a transaction of the pages.
        now: The clock.
    """

    def __init__(
        self,
        read_readiness: Callable[[], tuple[bool, bool]],
        transaction: OpensTransaction,
        *,
        now: Callable[[], datetime],
    ) -> None:
        self._read_readiness = read_readiness
        self._transaction = transaction
        self._now = now
        self._lock = threading.Lock()
        self._last: tuple[float, Glance] | None = None
        self._hours: dict[tuple[str, datetime], tuple[int, int]] = {}
        self._changes: list[ServiceChange] = []

    def glance(self) -> Glance:
        """Return what was found lately, looking again when it is not fresh."""
        with self._lock:
            if self._last is None or time.monotonic() - self._last[0] > FRESH_S:
                self._last = time.monotonic(), self._look()
            return self._last[1]

    def run(self, stop: threading.Event) -> None:
        """Look every half minute until `stop`; what fails is looked at again."""
        while not stop.wait(LOOK_EVERY_S):
            with self._lock:
                self._last = time.monotonic(), self._look()

    def _look(self) -> Glance:
        at = self._now()
        answers, records = self._read_readiness()
        works = {"gateway": answers, "ledger": answers and records, "portals": True, "jobs": False}
        history = None
        try:
            with self._transaction() as tx:
                read_history(tx, now=at)  # a sign of life, before it is noted as one
                works["database"] = True
                works["jobs"] = check_jobs_work(tx)
                self._note(at, works)
                save_probes(tx, self._list_hours(), self._changes)
                history = read_history(tx, now=at)
            self._hours.clear()
            self._changes.clear()
        except _AWAY as failure:
            _log.warning("services cannot be noted: %s", type(failure).__name__)
            if "database" not in works:
                works["database"] = False
                self._note(at, works)
        return Glance(
            at=at,
            works=MappingProxyType({name: works[name] for name in SERVICES}),
            history=history,
        )

    def _note(self, at: datetime, works: Mapping[str, bool]) -> None:
        hour = at.replace(minute=0, second=0, microsecond=0)
        before = self._last[1].works if self._last is not None else {}
        for service, does in works.items():
            asked, answered = self._hours.get((service, hour), (0, 0))
            self._hours[service, hour] = asked + 1, answered + does
            if before.get(service) is not does and len(self._changes) < _MOST_WAITING:
                self._changes.append(ServiceChange(service, at, does))

    def _list_hours(self) -> list[ServiceHour]:
        return [
            ServiceHour(service, hour, asked, answered)
            for (service, hour), (asked, answered) in sorted(self._hours.items())
        ]
