"""A gateway in simulated time: an exercise plays weeks in a minute, over HTTP, on a real database.

The same application as any gateway's, with four differences. Its desk judges and writes with a
clock that questions move; its guard has rules of its own; it accepts no token but those of its
exercise; it writes a log of its own. No setting leads here: only a ticket that a drill draws, holds
and takes away.

Refuses to start without one, and to write any log but an exercise's.
"""

import fcntl
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import msgspec
from litestar import Litestar
from litestar.types import Receive, Scope, Send

from rempart.guard.rules import Rules
from rempart.kernel.errors import SetupError
from rempart.kernel.instants import from_ms, to_paris_day
from rempart.storage.gateway import connect
from rempart.storage.guard import GUARD_SETTINGS, GuardBook
from rempart.wiring.clock import SystemClock
from rempart.wiring.database import locate_database
from rempart.wiring.gateway_app import create_gateway, spare_collector
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.issue_token import Issuer

FACTORY: Final = "rempart.wiring.exercise:create_app"
# The simulated instant of a question, Unix milliseconds. No other gateway reads it.
TIME_HEADER: Final = "rempart-exercise-ms"
# Logs of exercises; those of gateways begin at 1, and none has a larger number than 4 095.
FIRST_LOG: Final = 3_000
LAST_LOG: Final = 4_095
_TIME_HEADER: Final = TIME_HEADER.encode()


class Ticket(msgspec.Struct, frozen=True, kw_only=True):
    """What lets one exercise have a gateway.

    Args:
        log_id: The log it writes, which nothing else ever wrote.
        begins_ms: Where its time begins, Unix milliseconds.
        url: Its issuer's name: no other token is accepted, and its tokens are accepted nowhere.
        key_seed: Its issuer's key, drawn for it.
        rules: What its guard judges by, computed from its own past; None: the first rules.
    """

    log_id: int
    begins_ms: int
    url: str
    key_seed: bytes
    rules: Rules | None = None

    def __repr__(self) -> str:
        return f"<Ticket of log {self.log_id}>"

    @property
    def issuer(self) -> Issuer:
        """Who signs the tokens of the exercise."""
        return Issuer(url=self.url, key_seed=self.key_seed)


class ExerciseClock:
    """The clock of the desk: moved by questions, never back.

    Args:
        begins_ms: Where it begins, Unix milliseconds.
    """

    def __init__(self, begins_ms: int) -> None:
        self._now_ms = begins_ms

    def move_to(self, instant_ms: int) -> None:
        """Move on to an instant; one that is past changes nothing."""
        self._now_ms = max(self._now_ms, instant_ms)

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return self._now_ms

    def steady_ms(self) -> float:
        """Milliseconds that never go back."""
        return float(self._now_ms)

    def today(self) -> date:
        """The civil date in Paris."""
        return to_paris_day(from_ms(self._now_ms))


@dataclass(frozen=True, slots=True)
class DoorClock:
    """The clock of the door: tokens and proofs live in real time, paces in simulated time."""

    real: SystemClock
    simulated: ExerciseClock

    def now_ms(self) -> int:
        """Unix milliseconds, real: what is signed now is good now, and expires for good."""
        return self.real.now_ms()

    def steady_ms(self) -> float:
        """Milliseconds of the exercise: how often one asks is judged as it would be."""
        return self.simulated.steady_ms()

    def today(self) -> date:
        """The civil date in Paris, of the exercise."""
        return self.simulated.today()


class ExerciseBook(GuardBook):
    """What the guard keeps, but for the rules: those of the installation are about real days.

    Args:
        connection: How the database is reached.
        rules: Those of the exercise; None: the first ones.
    """

    def __init__(self, connection: Mapping[str, Any], rules: Rules | None) -> None:
        given = {**connection, "server_settings": GUARD_SETTINGS}
        super().__init__(lambda: connect(given, on_loss=_do_nothing))
        self._own_rules = [] if rules is None else [rules]

    async def load_rules(self) -> list[Rules]:
        """Return the rules of the exercise."""
        return self._own_rules


def _do_nothing() -> None:
    """Nobody is told that a connection ended: the book opens another when it needs one."""


class ExerciseApp:
    """The gateway, behind the reading of each question's simulated instant."""

    def __init__(self, gateway: Litestar, clock: ExerciseClock) -> None:
        self._gateway = gateway
        self._clock = clock

    async def __call__(self, scope: Any, receive: Receive, send: Send) -> None:
        """Move the clock to the question's instant, then let the gateway answer."""
        if scope["type"] == "http":
            written = dict(scope["headers"]).get(_TIME_HEADER, b"")
            if written.isdigit() and len(written) < 15:  # later than the year 5000 is no time
                self._clock.move_to(int(written))
        await self._gateway(cast("Scope", scope), receive, send)


@contextmanager
def hold_ticket(home: Home, ticket: Ticket) -> Iterator[None]:
    """Let one gateway start for an exercise, as long as the block lasts.

    Raises:
        SetupError: another exercise goes on in this home.
    """
    file = _find_ticket(home)
    with file.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as failure:
            raise SetupError("another drill goes on in this home: wait until it ends") from failure
        file.unlink(missing_ok=True)
        handle = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(handle, "wb") as stream:
                stream.write(msgspec.msgpack.encode(ticket, enc_hook=_open_up))
            yield
        finally:
            file.unlink(missing_ok=True)


def find_free_log(home: Home) -> int:
    """Return the number of a log that no exercise of this home had.

    Raises:
        SetupError: there is none left.
    """
    taken = set(home.list_logs())
    for log_id in range(FIRST_LOG, LAST_LOG + 1):
        if log_id not in taken:
            return log_id
    raise SetupError("this home has had as many exercises as there are logs for: use another one")


def create_app() -> ExerciseApp:
    """Build the gateway of the exercise that goes on; what its server process calls.

    Raises:
        SetupError: no exercise goes on, or its log is not one of an exercise.
    """
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    app = build_app(settings, home, read_ticket(home))
    spare_collector()
    return app


def build_app(settings: Settings, home: Home, ticket: Ticket) -> ExerciseApp:
    """Build the gateway of one exercise."""
    clock = ExerciseClock(ticket.begins_ms)

    async def open_book(connection: Mapping[str, Any]) -> GuardBook:
        return ExerciseBook(connection, ticket.rules)

    gateway = create_gateway(
        replace(settings, log_id=ticket.log_id),
        home,
        locate_database(settings, home),
        clock=DoorClock(SystemClock(), clock),
        desk_clock=clock,
        issuer=ticket.issuer,
        open_book=open_book,
    )
    return ExerciseApp(gateway, clock)


def read_ticket(home: Home) -> Ticket:
    """Read the ticket of the exercise that goes on.

    Raises:
        SetupError: none goes on, or the ticket names a log that is not an exercise's.
    """
    file = _find_ticket(home)
    if not _is_held(file):
        raise SetupError("no exercise goes on: `rempart drill` starts this gateway by itself")
    ticket = msgspec.msgpack.decode(file.read_bytes(), type=Ticket)
    if not FIRST_LOG <= ticket.log_id <= LAST_LOG:
        raise SetupError(f"log {ticket.log_id} is not for an exercise to write")
    return ticket


def _open_up(value: object) -> object:
    """Return what may be written of a read-only view of a dictionary."""
    if isinstance(value, Mapping):
        return dict(value)
    raise NotImplementedError(f"a ticket holds no {type(value).__name__}")


def _find_ticket(home: Home) -> Path:
    return home.path / "run" / "exercise"


def _is_held(file: Path) -> bool:
    """Say whether a drill holds the ticket now: one that a crash left behind opens nothing."""
    if not file.is_file():
        return False
    with file.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
    return False
