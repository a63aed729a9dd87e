"""The process that takes checkpoints to the witnesses every ten seconds, and to a timestamp hourly.

Refuses to stop for a witness that is away. What accuses a log is said on every round, counted, and
kept in the database.
"""

import logging
import threading
import time
from collections.abc import Awaitable, Callable, Iterator, MutableMapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final

import psycopg
from prometheus_client import CollectorRegistry, Counter, Gauge, generate_latest

from rempart.disclosure.witness import Quorum
from rempart.exchange.timestamp_client import TimestampClient
from rempart.exchange.witness_client import WitnessClient
from rempart.kernel.errors import RempartError, SetupError
from rempart.storage.connect import Database, OpenTransaction
from rempart.wiring.database import locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.wiring.witnesses import load_quorum
from rempart.workflows.ledger.cosign_ledger import Outcome, Round, cosign_ledger
from rempart.workflows.ledger.stamp_ledger import Stamped, stamp_ledger

EVERY_S: Final = 10.0
STAMP_EVERY_S: Final = 3600.0
STAMP_RETRY_S: Final = 300.0
_METRICS_TYPE: Final = b"text/plain; version=0.0.4; charset=utf-8"

_log = logging.getLogger("rempart.cosigning")

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class CosigningMetrics:
    """What the process counts for Prometheus; labels are logs and the witnesses one configured."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self.answers = Counter(
            "rempart_witness_answers",
            "What witnesses did when asked, by result.",
            ("witness", "result"),
            registry=self.registry,
        )
        self.size = Gauge(
            "rempart_witness_size",
            "Entries of a log that a witness has cosigned.",
            ("log", "witness"),
            registry=self.registry,
        )
        self.accused = Gauge(
            "rempart_witness_accuses",
            "1 when a witness's last answer said that the log forked or went back.",
            ("log", "witness"),
            registry=self.registry,
        )
        self.stamps = Counter(
            "rempart_timestamps", "RFC 3161 timestamps kept.", ("log",), registry=self.registry
        )

    def count(self, outcomes: Sequence[Outcome]) -> None:
        """Count one round."""
        for one in outcomes:
            self.answers.labels(one.witness, one.result).inc()
            where = (str(one.log_id), one.witness)
            if one.result == "cosigned":
                self.size.labels(*where).set(one.size)
            if one.result != "unreachable":
                self.accused.labels(*where).set(one.result in ("fork", "rollback"))

    def format(self) -> bytes:
        """Write everything in the Prometheus text format."""
        return generate_latest(self.registry)


@dataclass(frozen=True, slots=True, kw_only=True)
class Cosigning:
    """Everything one round needs.

    Args:
        quorum: The witnesses.
        witnesses: Speaks to them.
        authority: Gives timestamps; None without one.
        transaction: Opens a transaction of the login `cosigner`.
        metrics: Where it is counted.
    """

    quorum: Quorum
    witnesses: WitnessClient
    authority: TimestampClient | None
    transaction: OpenTransaction
    metrics: CosigningMetrics

    @classmethod
    def from_settings(cls, settings: Settings, database: Database) -> "Cosigning":
        """Build it as the installation says.

        Raises:
            SetupError: the witnesses' file or the authority's cannot be used.
        """

        @contextmanager
        def open_transaction() -> Iterator[psycopg.Connection[tuple[Any, ...]]]:
            with database.transaction("cosigner") as tx:
                yield tx

        return cls(
            quorum=load_quorum(settings.witnesses_file),
            witnesses=WitnessClient(),
            authority=make_authority(settings),
            transaction=open_transaction,
            metrics=CosigningMetrics(),
        )

    def ask_witnesses(self) -> list[Outcome]:
        """Do one round, count it, and say what is wrong."""
        tools = Round(
            transaction=self.transaction,
            ask=self.witnesses,
            now_ms=lambda: time.time_ns() // 1_000_000,
        )
        outcomes = cosign_ledger(tools, self.quorum)
        self.metrics.count(outcomes)
        for one in outcomes:
            if one.result in ("fork", "rollback"):
                _log.error("ALARM: %s", describe_outcome(one))
            elif one.result != "cosigned":
                _log.warning("%s", describe_outcome(one))
        return outcomes

    def ask_timestamps(self) -> list[Stamped]:
        """Have what is new timestamped.

        Raises:
            Unavailable: the authority gives no timestamp.
        """
        stamped = stamp_ledger(self.transaction, self.authority) if self.authority else []
        for one in stamped:
            self.metrics.stamps.labels(str(one.log_id)).inc()
        return stamped

    def watch(self, stop: threading.Event) -> None:
        """Do rounds until told to stop. A database or a witness that is away costs a round."""
        stamp_due = 0.0
        while not stop.is_set():
            started = time.monotonic()
            try:
                self.ask_witnesses()
                if self.authority and started >= stamp_due:
                    stamp_due = started + STAMP_RETRY_S
                    self.ask_timestamps()
                    stamp_due = started + STAMP_EVERY_S
            except (RempartError, psycopg.Error) as failure:
                _log.warning("a round with the witnesses failed: %s", type(failure).__name__)
            stop.wait(max(0.0, EVERY_S - (time.monotonic() - started)))


def make_authority(settings: Settings) -> TimestampClient | None:
    """Return the timestamp authority that is configured, if there is one.

    Raises:
        SetupError: its roots are not given: a timestamp that nobody verified is worth nothing.
    """
    if settings.tsa_url is None:
        return None
    if settings.tsa_roots_file is None:
        raise SetupError(
            "REMPART_TSA_URL needs REMPART_TSA_ROOTS_FILE: the PEM certificates its own leads to"
        )
    return TimestampClient(settings.tsa_url, settings.tsa_roots_file)


def describe_outcome(outcome: Outcome) -> str:
    """Say in one line what a witness did."""
    detail = f": {outcome.detail}" if outcome.detail else ""
    return (
        f"log {outcome.log_id}, {outcome.size} entries, witness {outcome.witness}: "
        f"{outcome.result}{detail}"
    )


class CosigningApp:
    """The process as an ASGI application: rounds in a thread, health and metrics over HTTP."""

    def __init__(self, cosigning: Cosigning) -> None:
        self._cosigning = cosigning
        self._stop = threading.Event()
        self._thread = threading.Thread(target=cosigning.watch, args=(self._stop,), daemon=True)

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Live, or answer one request."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    self._thread.start()
                else:
                    self._stop.set()
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        elif scope["type"] == "http":
            bodies = {"/healthz": b"ok\n", "/metrics": self._cosigning.metrics.format()}
            body = bodies.get(scope["path"])
            status = 200 if body is not None else 404
            headers = [(b"content-type", _METRICS_TYPE)]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body or b"nothing here\n"})


def create_app() -> CosigningApp:
    """Build the process from the environment; granian calls it in its worker."""
    logging.basicConfig(format="rempart: %(message)s", level=logging.INFO)
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    return CosigningApp(Cosigning.from_settings(settings, locate_database(settings, home)))
