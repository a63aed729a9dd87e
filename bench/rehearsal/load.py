"""Callers that ask without pause and keep what they were told: receipts, claims, when."""

import contextlib
import hashlib
import http.client
import itertools
import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Self

import psycopg

from rempart.kernel.errors import RempartError
from rempart.storage.connect import Database
from rempart.storage.jobs import enqueue, load_job

ANSWER_LIMIT_S = 4.0
JOB_LIMIT_S = 90.0


@dataclass
class Kind:
    """One kind of request: when each good answer came, and how many bad ones."""

    name: str
    good: list[float] = field(default_factory=list)
    bad: list[float] = field(default_factory=list)
    why: list[str] = field(default_factory=list)

    def find_gap(self, begin: float, end: float) -> float:
        """Return the longest time without a good answer between two instants, in seconds."""
        before = [at for at in self.good if at < begin][-1:] or [begin]
        marks = [*before, *(at for at in self.good if begin <= at <= end), end]
        return max(later - sooner for sooner, later in itertools.pairwise(marks))

    def count_bad(self, begin: float, end: float) -> int:
        """Return how many requests failed between two instants."""
        return sum(begin <= at <= end for at in self.bad)


@dataclass
class Told:
    """What callers hold: each receipt by the name of its request, and each claim taken."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    receipts: dict[tuple[bytes, str], tuple[int, int]] = field(default_factory=dict)
    invoices: set[str] = field(default_factory=set)


class Load:
    """All the callers; `stop` ends them."""

    def __init__(
        self, machines: Mapping[str, tuple[str, int]], headers: Mapping[str, str], told: Told
    ) -> None:
        self._machines = machines
        self._headers = {**headers, "Content-Type": "application/json"}
        self._told = told
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []
        self.kinds: dict[str, Kind] = {}

    def add_checks(
        self, name: str, machines: Sequence[str], bodies: list[str], every: float
    ) -> None:
        """Ask about rights, at the first machine that answers."""
        turn = itertools.cycle(bodies)

        def make() -> tuple[str, str, str]:
            return "POST", "/v1/rights-checks", next(turn)

        def keep(key: str, answer: bytes) -> None:
            receipt = json.loads(answer)["receipt"]
            name = hashlib.sha256(key.encode()).digest()[:16]
            with self._told.lock:
                place = (int(receipt["log"].rsplit("/", 1)[-1]), receipt["index"])
                self._told.receipts[name, receipt["log"]] = place

        self._add_http(name, machines, make, keep, every)

    def add_claims(
        self, name: str, machines: Sequence[str], write: Callable[[str], str], every: float
    ) -> None:
        """Send claims, each its own invoice, until each is taken."""
        numbers = itertools.count(1)
        begun = f"{time.time_ns():x}"

        def make() -> tuple[str, str, str]:
            return "POST", "/v1/claims", write(f"{begun}-{next(numbers)}")

        def keep(_: str, answer: bytes) -> None:
            with self._told.lock:
                self._told.invoices |= {one["invoice"] for one in json.loads(answer)["accepted"]}

        self._add_http(name, machines, make, keep, every)

    def add_pages(self, name: str, machine: str, path: str, every: float) -> None:
        """Open a page that reads the database."""
        self._add_http(name, [machine], lambda: ("GET", path, ""), lambda *_: None, every)

    def add_jobs(self, name: str, database: Database, kind: str, every: float) -> None:
        """Ask for a job, and wait until a worker has done it."""

        def once() -> None:
            with database.transaction("worker") as tx:
                job = enqueue(tx, kind, {})
            give_up = time.monotonic() + JOB_LIMIT_S
            while time.monotonic() < give_up and not self._stop.is_set():
                with database.transaction("worker") as tx:
                    row = load_job(tx, job)
                if row is None or row.state not in {"todo", "doing"}:
                    if row is None or row.state == "succeeded":
                        return
                    raise TimeoutError(f"{row.state} {row.code}")
                time.sleep(0.1)

        self._add(name, once, every)

    def __enter__(self) -> Self:
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        for thread in self._threads:
            thread.join()

    def _add_http(
        self,
        name: str,
        machines: Sequence[str],
        make: Callable[[], tuple[str, str, str]],
        keep: Callable[[str, bytes], None],
        every: float,
    ) -> None:
        lines = [_Line(*self._machines[machine]) for machine in machines]
        begun = f"{name.replace(' ', '-')}-{time.time_ns():x}"
        keys = (f"{begun}-{n}" for n in itertools.count())

        def once() -> None:
            key, (method, path, body) = next(keys), make()
            headers = {**self._headers, "Idempotency-Key": key}
            for last in (*(False for _ in lines[1:]), True):
                try:
                    keep(key, lines[0].ask(method, path, body, headers))
                except (OSError, http.client.HTTPException):
                    lines.append(lines.pop(0))  # the next one, and first from now on
                    if last:
                        raise
                else:
                    return

        self._add(name, once, every)

    def _add(self, name: str, once: Callable[[], None], every: float) -> None:
        kind = self.kinds[name] = Kind(name)

        def go_on() -> None:
            while not self._stop.wait(every):
                try:
                    once()
                except (OSError, http.client.HTTPException, psycopg.Error, RempartError) as bad:
                    kind.bad.append(time.monotonic())
                    kind.why.append(f"{type(bad).__name__}: {bad}"[:120])
                else:
                    kind.good.append(time.monotonic())

        self._threads.append(threading.Thread(target=go_on, name=name))


class _Line:
    """A connection to one machine, opened again when it breaks."""

    def __init__(self, host: str, port: int) -> None:
        self._place = (host, port)
        self._line: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: str, headers: Mapping[str, str]) -> bytes:
        """Ask once.

        Raises:
            OSError, HTTPException: no good answer came in time.
        """
        if self._line is None:
            self._line = http.client.HTTPConnection(*self._place, timeout=ANSWER_LIMIT_S)
        with self._closing_on_failure():
            self._line.request(method, path, body or None, dict(headers))
            response = self._line.getresponse()
            answer = response.read()
            if response.status >= 300:
                raise http.client.HTTPException(f"{response.status} {answer[:80]!r}")
        return answer

    @contextlib.contextmanager
    def _closing_on_failure(self) -> Iterator[None]:
        try:
            yield
        except BaseException:
            if self._line is not None:
                self._line.close()
            self._line = None
            raise
