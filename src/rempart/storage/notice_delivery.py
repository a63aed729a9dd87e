"""Messages of campaigns on their way: handed over, come back, printed. Role: notifier.

An address never comes out of here: what is sent is written elsewhere, from sealed contacts.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from typing import Final, NamedTuple

from rempart.disclosure.fields import FIELD_LABELS
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("notice_delivery")
HOUR: Final = timedelta(hours=1)
DAY: Final = timedelta(days=1)
MINUTES: Final = timedelta(minutes=5)
_NAMED: Final = int(sum(FIELD_LABELS))


class SendingCampaign(NamedTuple):
    """A campaign under way."""

    campaign_ref: int
    insurer_id: int
    number: int
    per_hour: int | None


class Moved(NamedTuple):
    """How many left: in an hour and in five minutes by e-mail or to spaces; in a day, letters."""

    last_hour: int
    last_minutes: int
    letters: int


class Settled(NamedTuple):
    """What became of an e-mail: its state, what is noted of the try (empty: nothing), its codes."""

    number: int
    state: str
    outcome: str
    code: str


class Tried(NamedTuple):
    """What is noted of a message."""

    number: int
    channel: str
    outcome: str
    code: str


class Turned(NamedTuple):
    """An e-mail that becomes a letter."""

    number: int
    reason: str
    digest: bytes
    household: bytes | None
    is_second: bool


class Moving(NamedTuple):
    """Where a message is, and its campaign."""

    number: int
    campaign_ref: int
    channel: str
    state: str
    reason: str
    is_second: bool
    campaign_state: str


class WaitingLetter(NamedTuple):
    """A letter that waits, or was printed."""

    number: int
    household: bytes


class DecidedBatch(NamedTuple):
    """A batch that was decided and may be on no disk."""

    batch_ref: int
    campaign_ref: int
    insurer_id: int
    number: int
    digest: bytes
    made_at: datetime


class NewBatch(NamedTuple):
    """A batch about to be decided."""

    batch_ref: int
    campaign_ref: int
    insurer_id: int
    number: int
    letters: int
    pages: int
    digest: bytes
    made_at: datetime


class BatchRow(NamedTuple):
    """A batch, as it is listed."""

    campaign_ref: int
    number: int
    letters: int
    pages: int
    digest: bytes
    state: str
    made_at: datetime
    written_at: datetime | None
    posted_at: datetime | None


class PaceRow(NamedTuple):
    """What bounds a campaign."""

    per_hour: int | None
    started_at: datetime | None
    now: datetime


def begin_approved(tx: Transaction) -> int:
    """Begin the campaigns that two people approved; return how many."""
    return tx.execute(_sql.begin_approved).rowcount


def list_sending(tx: Transaction) -> list[SendingCampaign]:
    """Return the campaigns under way, the oldest first."""
    return [SendingCampaign(*row) for row in tx.execute(_sql.list_sending)]


def count_moved(tx: Transaction, campaign_ref: int, now: datetime) -> Moved:
    """Count what left before an instant."""
    values = {
        "campaign_ref": campaign_ref,
        "hour": now - HOUR,
        "minutes": now - MINUTES,
        "day": now - DAY,
    }
    [row] = tx.execute(_sql.count_moved, values).fetchall()
    return Moved(*row)


def claim_emails(
    tx: Transaction, campaign_ref: int, *, most: int, patience: timedelta, tries: int
) -> list[int]:
    """Say of the next e-mails that they are being handed over; return their numbers, in order.

    Args:
        tx: A transaction of the role notifier.
        campaign_ref: Of which campaign, if it goes on.
        most: How many at most.
        patience: What was put off once waits so long, what was twice four times that.
        tries: What was put off so often is left.
    """
    values = {"campaign_ref": campaign_ref, "most": most, "patience": patience, "tries": tries}
    return sorted(row[0] for row in tx.execute(_sql.claim_emails, values))


def lock_messages(tx: Transaction, numbers: Sequence[int]) -> None:
    """Have messages moved by nobody else; who moves several locks them first, or two would hang."""
    tx.execute(_sql.lock_messages, {"numbers": list(numbers)})


def settle_emails(tx: Transaction, rows: Sequence[Settled]) -> None:
    """Write what became of e-mails that were being handed over."""
    if rows:
        names = ("numbers", "states", "outcomes", "codes")
        tx.execute(_sql.settle_emails, _columns(names, rows))


def note_attempts(tx: Transaction, rows: Sequence[Tried]) -> None:
    """Note what was tried, or learnt."""
    if rows:
        names = ("numbers", "channels", "outcomes", "codes")
        tx.execute(_sql.note_attempts, _columns(names, rows))


def note_once(tx: Transaction, rows: Sequence[Tried]) -> None:
    """Note what was learnt, unless the same was noted of the message before."""
    if rows:
        names = ("numbers", "channels", "outcomes", "codes")
        tx.execute(_sql.note_once, _columns(names, rows))


def take_delivered(tx: Transaction, numbers: Sequence[int]) -> int:
    """Write that e-mails that may have left did; return how many."""
    return tx.execute(_sql.take_delivered, {"numbers": list(numbers)}).rowcount


def list_seconds(tx: Transaction, numbers: Sequence[int]) -> list[tuple[int, int]]:
    """Return which of some e-mails became letters that still wait, with their campaign, locked."""
    rows = tx.execute(_sql.list_seconds, {"numbers": list(numbers)})
    return [(number, campaign_ref) for number, campaign_ref in rows]


def list_uncertain(tx: Transaction, campaign_ref: int, *, before: datetime, most: int) -> list[int]:
    """Return e-mails that may have left before an instant, locked."""
    values = {"campaign_ref": campaign_ref, "before": before, "most": most}
    return [row[0] for row in tx.execute(_sql.list_uncertain, values)]


def list_untrue(tx: Transaction, numbers: Sequence[int]) -> frozenset[int]:
    """Return which of some messages say what a newer package, or analysis, says otherwise."""
    values = {"numbers": list(numbers), "named": _NAMED}
    return frozenset(row[0] for row in tx.execute(_sql.list_untrue, values))


def list_put_off(tx: Transaction, campaign_ref: int, *, tries: int, most: int) -> list[int]:
    """Return e-mails that were put off so often, locked."""
    values = {"campaign_ref": campaign_ref, "tries": tries, "most": most}
    return [row[0] for row in tx.execute(_sql.list_put_off, values)]


def turn_to_letters(tx: Transaction, rows: Sequence[Turned]) -> int:
    """Make letters of e-mails; return how many."""
    if not rows:
        return 0
    names = ("numbers", "reasons", "digests", "households", "seconds")
    return tx.execute(_sql.turn_to_letters, _columns(names, rows)).rowcount


def turn_back_to_email(tx: Transaction, number: int, digest: bytes) -> bool:
    """Make an e-mail that arrived of a letter that was not printed."""
    values = {"number": number, "digest": digest}
    return tx.execute(_sql.turn_back_to_email, values).rowcount == 1


def set_states(
    tx: Transaction, rows: Iterable[tuple[int, str, str]], *, before: Collection[str]
) -> list[int]:
    """Move messages from one of some states to another.

    Args:
        tx: A transaction of the role notifier.
        rows: Number, state, reason.
        before: The states they are in; others stay.
    """
    values = _columns(("numbers", "states", "reasons"), list(rows)) | {"before": list(before)}
    return [row[0] for row in tx.execute(_sql.set_states, values)]


def lock_message(tx: Transaction, number: int) -> Moving | None:
    """Return where a message is; nobody else moves it before this transaction ends."""
    row = tx.execute(_sql.lock_message, {"number": number}).fetchone()
    return None if row is None else Moving(*row)


def publish_in_spaces(tx: Transaction, campaign_ref: int, *, most: int) -> int:
    """Publish the next messages in member spaces; return how many."""
    values = {"campaign_ref": campaign_ref, "most": most}
    return tx.execute(_sql.publish_in_spaces, values).rowcount


def list_letters(
    tx: Transaction, campaign_ref: int, *, after: bytes, most: int
) -> list[WaitingLetter]:
    """Return letters that wait, household after household."""
    values = {"campaign_ref": campaign_ref, "after": after, "most": most}
    return [WaitingLetter(*row) for row in tx.execute(_sql.list_letters, values)]


def list_unhoused(tx: Transaction, campaign_ref: int, *, most: int) -> list[int]:
    """Return letters that wait without an address."""
    values = {"campaign_ref": campaign_ref, "most": most}
    return [row[0] for row in tx.execute(_sql.list_unhoused, values)]


def find_next_batch_number(tx: Transaction, campaign_ref: int) -> int:
    """Return the number of a campaign's next batch."""
    [row] = tx.execute(_sql.find_next_batch_number, {"campaign_ref": campaign_ref}).fetchall()
    return int(row[0])


def insert_batch(tx: Transaction, batch: NewBatch) -> None:
    """Write that a batch is decided."""
    tx.execute(_sql.insert_batch, batch._asdict())


def print_messages(tx: Transaction, batch_ref: int, numbers: Sequence[int]) -> int:
    """Write that letters are in a batch; return how many of them waited."""
    values = {"batch_ref": batch_ref, "numbers": list(numbers)}
    return tx.execute(_sql.print_messages, values).rowcount


def list_unwritten(tx: Transaction) -> list[DecidedBatch]:
    """Return the batches that were decided and are not known to be on a disk."""
    return [DecidedBatch(*row) for row in tx.execute(_sql.list_unwritten)]


def list_batch(tx: Transaction, batch_ref: int) -> list[WaitingLetter]:
    """Return the letters of a batch, in the order of its pages."""
    return [WaitingLetter(*row) for row in tx.execute(_sql.list_batch, {"batch_ref": batch_ref})]


def set_written(tx: Transaction, batch_ref: int, *, sealed_for: bytes | None) -> None:
    """Write that the file of a batch is on a disk, and which certificate its copy opens with."""
    tx.execute(_sql.set_written, {"batch_ref": batch_ref, "sealed_for": sealed_for})


def list_batches(tx: Transaction, *, most: int) -> list[BatchRow]:
    """Return batches of letters, the latest first."""
    return [BatchRow(*row) for row in tx.execute(_sql.list_batches, {"most": most})]


def post_batch(tx: Transaction, campaign_ref: int, number: int, *, by: int) -> int:
    """Write that a batch was handed to the post; return how many letters went with it."""
    values = {"campaign_ref": campaign_ref, "number": number, "by": by}
    row = tx.execute(_sql.post_batch, values).fetchone()
    return 0 if row is None else int(row[0])


def keep_of_insurer(tx: Transaction, numbers: Sequence[int], insurer_id: int) -> frozenset[int]:
    """Return which of some letters are an insurer's."""
    values = {"numbers": list(numbers), "insurer_id": insurer_id}
    return frozenset(row[0] for row in tx.execute(_sql.keep_of_insurer, values))


def finish_campaigns(tx: Transaction, *, bounces_until: datetime) -> int:
    """End campaigns of which nothing is left to wait for; return how many.

    Args:
        tx: A transaction of the role notifier.
        bounces_until: An e-mail that left after this may still come back.
    """
    return tx.execute(_sql.finish, {"bounces_until": bounces_until}).rowcount


def count_states(tx: Transaction, campaign_ref: int) -> dict[tuple[str, str], int]:
    """Count the messages of a campaign by channel and state."""
    rows = tx.execute(_sql.count_states, {"campaign_ref": campaign_ref})
    return {(channel, state): int(count) for channel, state, count in rows}


def measure_speed(tx: Transaction, campaign_ref: int, *, since: datetime) -> tuple[int, int]:
    """Count e-mails that left and letters that were printed since an instant."""
    values = {"campaign_ref": campaign_ref, "since": since}
    [(emails, letters)] = tx.execute(_sql.measure_speed, values).fetchall()
    return int(emails), int(letters)


def read_pace(tx: Transaction, campaign_ref: int) -> PaceRow | None:
    """Return what bounds a campaign, and the present instant."""
    row = tx.execute(_sql.read_pace, {"campaign_ref": campaign_ref}).fetchone()
    return None if row is None else PaceRow(*row)


def _columns(names: Sequence[str], rows: Sequence[Sequence[object]]) -> dict[str, object]:
    columns = zip(*rows, strict=True) if rows else ((),) * len(names)
    return dict(zip(names, map(list, columns), strict=True))
