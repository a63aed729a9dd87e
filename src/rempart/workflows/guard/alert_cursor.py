"""How far a destination is in the sequence of alerts, so that none is lost and few are sent twice.

Numbers are given before they are committed: when 7 is there, 6 may still come. Refuses to pass a
number while a transaction that could bring one below it may be running.
"""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Final

import msgspec

LONGEST_TRANSACTION_MS: Final = 3_600_000
"""No transaction of ours takes so long: after that, numbers of transactions are not compared any
more. They start again after a restore, and would otherwise hold a cursor for ever."""


class Noticed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A number that was seen, and from which transaction on none can bring one below it.

    Args:
        alert_ref: The number.
        xmax: The first transaction that had not begun.
        at_ms: When it was seen, Unix milliseconds.
    """

    alert_ref: int
    xmax: int
    at_ms: int


class Cursor(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """How far a destination is.

    Args:
        sent_to: Everything up to this number was sent, and no other will come there.
        ahead: Numbers beyond it that were sent.
        noticed: What `sent_to` becomes once earlier transactions have ended.
    """

    sent_to: int = 0
    ahead: tuple[int, ...] = ()
    noticed: Noticed | None = None


BEGINNING: Final = Cursor()


@dataclass(frozen=True, slots=True)
class Look:
    """What one look at the alerts could see.

    Args:
        xmin: Every transaction below it had ended when the look began.
        xmax: No transaction from it on had begun when the look was over.
        whole: Whether it returned every alert that was not sent.
        at_ms: When, Unix milliseconds.
    """

    xmin: int
    xmax: int
    whole: bool
    at_ms: int


def move_cursor(cursor: Cursor, sent: Collection[int], look: Look) -> Cursor:
    """Return where a destination is, once what a look returned was sent.

    Args:
        cursor: Where it was.
        sent: Numbers the look returned, the lowest first of all that were not sent; all sent.
        look: What it could see.
    """
    ahead = {*cursor.ahead, *sent}
    sent_to, noticed = cursor.sent_to, cursor.noticed
    if noticed is not None and _is_settled(noticed, look):
        reached = look.whole or max(sent, default=0) >= noticed.alert_ref
        if reached:
            sent_to, noticed = max(sent_to, noticed.alert_ref), None
            ahead = {number for number in ahead if number > sent_to}
    if noticed is None and ahead:
        noticed = Noticed(max(ahead), look.xmax, look.at_ms)
    return Cursor(sent_to, tuple(sorted(ahead)), noticed)


def _is_settled(noticed: Noticed, look: Look) -> bool:
    ended = look.xmin >= noticed.xmax
    return ended or look.at_ms - noticed.at_ms > LONGEST_TRANSACTION_MS
