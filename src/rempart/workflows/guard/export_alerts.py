"""Tells those who watch what happened: reads alerts, sends them, then notes how far it is.

Refuses to lose one: the note is made once the destination has them, so that a kill between the two
sends some again, under the same names, and never skips any.
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from random import Random
from typing import Final, Protocol, TypeAlias

import msgspec
import psycopg

from rempart.exchange.alert_delivery import DeliveryFailed, Destination
from rempart.exchange.alert_ocsf import Producer, make_finding
from rempart.exchange.whole_file import write_whole
from rempart.kernel.errors import Conflict, SetupError, Unavailable
from rempart.storage import alerts
from rempart.storage.alerts import StoredCursor
from rempart.storage.connect import Transaction
from rempart.workflows.guard.alert_cursor import BEGINNING, Cursor, Look, Noticed, move_cursor

BATCH: Final = 200
EVERY_S: Final = 2.0
FIRST_WAIT_S: Final = 1.0
LONGEST_WAIT_S: Final = 60.0
TRIES: Final = 5
"""How often a command that does not follow asks a destination that is away."""

Connect: TypeAlias = Callable[[], AbstractContextManager[Transaction]]
"""Opens an autocommit connection of the login `forwarder`."""


class CursorStore(Protocol):
    """Where a cursor is kept."""

    def load(self, connection: Transaction) -> Cursor:
        """Return where the destination is; the beginning when nothing was sent there.

        Raises:
            Conflict: another process sends there.
        """

    def save(self, connection: Transaction, cursor: Cursor) -> None:
        """Keep where the destination is now."""


class DatabaseCursor:
    """A cursor in the database: restarts, and other machines, go on where the last one was.

    Args:
        name: Of the destination.
    """

    def __init__(self, name: str) -> None:
        self._name = name

    def load(self, connection: Transaction) -> Cursor:
        """Claim the destination, and return where it is."""
        if not alerts.claim_cursor(connection, self._name):
            raise Conflict(
                f"alerts are being sent to {self._name} by another process: stop it, or give this "
                "one another --name"
            )
        stored = alerts.load_cursor(connection, self._name)
        return BEGINNING if stored is None else _read_cursor(stored)

    def save(self, connection: Transaction, cursor: Cursor) -> None:
        """Write it down."""
        alerts.save_cursor(connection, self._name, _write_cursor(cursor))


class FileCursor:
    """A cursor in a file, replaced whole.

    Args:
        path: The file; made when missing.
    """

    def __init__(self, path: Path) -> None:
        self._path = path

    def load(self, connection: Transaction) -> Cursor:  # noqa: ARG002
        """Read the file."""
        try:
            return msgspec.json.decode(self._path.read_bytes(), type=Cursor)
        except FileNotFoundError:
            return BEGINNING
        except (OSError, msgspec.DecodeError) as failure:
            raise SetupError(
                f"{self._path} is no cursor of this command: give another --cursor, or --from and "
                "a new one"
            ) from failure

    def save(self, connection: Transaction, cursor: Cursor) -> None:  # noqa: ARG002
        """Replace the file."""
        try:
            with write_whole(self._path) as file:
                file.write(msgspec.json.encode(cursor))
        except OSError as failure:
            raise Unavailable(
                f"{self._path} cannot be written ({failure.strerror}): make room, run this again"
            ) from failure


class MemoryCursor:
    """A cursor that ends with the process: everything from the start, once."""

    def __init__(self) -> None:
        self._cursor = BEGINNING

    def load(self, connection: Transaction) -> Cursor:  # noqa: ARG002
        """Return where this process is."""
        return self._cursor

    def save(self, connection: Transaction, cursor: Cursor) -> None:  # noqa: ARG002
        """Remember it."""
        self._cursor = cursor


@dataclass(frozen=True, slots=True, kw_only=True)
class Export:
    """What to send, and where.

    Args:
        connect: Opens the database.
        store: Keeps the cursor.
        destination: Takes the findings.
        producer: Who tells.
        clock_ms: Unix milliseconds.
        wait: Waits some seconds; true when it is time to stop.
        chance: Spreads the waits of several forwarders.
        say: Tells the operator that something waits, or goes again.
        from_ms: What happened before is left out, Unix milliseconds.
        follow: Whether to go on for ever; otherwise until everything was sent.
    """

    connect: Connect
    store: CursorStore
    destination: Destination
    producer: Producer
    clock_ms: Callable[[], int]
    wait: Callable[[float], bool]
    chance: Random
    say: Callable[[str], None] = lambda _: None
    from_ms: int = 0
    follow: bool = False


def export_alerts(export: Export) -> int:
    """Send alerts until there are none left, or for ever; return how many were sent.

    A destination or a database that is away is asked again, each time later, up to a minute.

    Raises:
        Conflict: another process sends to this destination.
        SetupError: the destination or the cursor cannot be used: no wait will help.
        Unavailable: not following, and the destination stayed away; what was sent is noted.
    """
    sent = failures = 0
    while True:
        try:
            for count in _send_all(export):
                if failures:
                    export.say(f"{export.destination.name}: alerts go out again")
                sent, failures = sent + count, 0
        except (DeliveryFailed, psycopg.OperationalError, Unavailable, Conflict) as failure:
            if isinstance(failure, Conflict) and not failures:
                raise  # after a failure it is our own lost connection, until the server notices
            sent += failure.delivered if isinstance(failure, DeliveryFailed) else 0
            failures += 1
            reason = _describe(failure)
            if failures >= TRIES and not export.follow:
                raise Unavailable(
                    f"{reason}; {sent} alerts were sent, the others wait: run this again"
                ) from failure
            wait_s = compute_wait_s(failures, export.chance)
            export.say(f"{reason}; asking again in {wait_s:.0f} s")
            if export.wait(wait_s):
                return sent
        else:
            return sent


def compute_wait_s(failures: int, chance: Random) -> float:
    """Return how long to wait after so many failures in a row: twice as long each time, spread."""
    longest = min(LONGEST_WAIT_S, FIRST_WAIT_S * 2.0 ** (failures - 1))
    return longest * (0.5 + chance.random() / 2)


def _send_all(export: Export) -> Iterator[int]:
    """Send batch after batch over one connection; yield how many each had, until told to stop."""
    with export.connect() as connection:
        cursor = export.store.load(connection)
        stopped = False
        while not stopped:
            cursor, count, whole = _send_some(export, connection, cursor)
            yield count
            over = whole and not export.follow
            stopped = over or export.wait(EVERY_S if whole else 0)


def _send_some(export: Export, connection: Transaction, cursor: Cursor) -> tuple[Cursor, int, bool]:
    """Send one batch; return where the destination is, how many left, whether none is left."""
    read = alerts.read_alerts(
        connection,
        sent_to=cursor.sent_to,
        ahead=cursor.ahead,
        from_ms=export.from_ms,
        most=BATCH,
    )
    look = Look(read.xmin, read.xmax, len(read.alerts) < BATCH, export.clock_ms())
    numbers = [alert.alert_ref for alert in read.alerts]
    if numbers:
        try:
            export.destination.send([make_finding(one, export.producer) for one in read.alerts])
        except DeliveryFailed as failure:
            # What arrived is noted; the look was not answered whole.
            arrived = numbers[: failure.delivered]
            if arrived:
                part = Look(look.xmin, look.xmax, whole=False, at_ms=look.at_ms)
                export.store.save(connection, move_cursor(cursor, arrived, part))
            raise
    # A crash here leaves alerts sent and not noted: the next run sends them again, named alike.
    moved = move_cursor(cursor, numbers, look)
    if moved != cursor:
        export.store.save(connection, moved)
    return moved, len(numbers), look.whole


def _describe(failure: Exception) -> str:
    if isinstance(failure, psycopg.Error):
        return f"the database is away ({type(failure).__name__})"
    return str(failure)


def _read_cursor(stored: StoredCursor) -> Cursor:
    sent_to, ahead, noticed_ref, noticed_xmax, noticed_ms = stored
    noticed = None
    if noticed_ref is not None and noticed_xmax is not None and noticed_ms is not None:
        noticed = Noticed(noticed_ref, noticed_xmax, noticed_ms)
    return Cursor(sent_to, tuple(ahead), noticed)


def _write_cursor(cursor: Cursor) -> StoredCursor:
    noticed = cursor.noticed
    if noticed is None:
        return StoredCursor(cursor.sent_to, cursor.ahead, None, None, None)
    return StoredCursor(
        cursor.sent_to, cursor.ahead, noticed.alert_ref, noticed.xmax, noticed.at_ms
    )
