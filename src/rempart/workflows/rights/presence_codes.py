"""The six digits a member shows: their own, for a minute, from a secret that nobody sees.

Refuses to show the secret itself, and anybody else's digits: the database shows a member their own
row only.
"""

from datetime import datetime
from typing import NamedTuple, Protocol

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import NotFound
from rempart.rights.presence import compute_digits, compute_seconds_left, find_step
from rempart.storage import continuity
from rempart.storage.connect import Transaction


class SealsCodes(Protocol):
    """Draws and opens secrets, each bound to its person."""

    def draw(self, person_ref: int) -> bytes:
        """Draw a secret and return it sealed."""
        ...

    def open(self, person_ref: int, sealed: bytes) -> bytes:
        """Open a secret."""
        ...


class ShownCode(NamedTuple):
    """Six digits, and for how many seconds they are shown."""

    digits: str
    seconds_left: int


def read_presence_code(
    tx: Transaction, visitor: Visitor, seal: SealsCodes, *, now: datetime
) -> ShownCode:
    """Return the digits of this minute, drawing the member's secret the first time.

    Raises:
        NotAllowed: they are no member.
        NotFound: their account leads to no person.
    """
    person_ref = _find_person(visitor, now)
    sealed = continuity.load_code_secret(tx, person_ref)
    if sealed is None:
        continuity.insert_code_secret(tx, person_ref, seal.draw(person_ref))
        sealed = continuity.load_code_secret(tx, person_ref)
    if sealed is None:
        raise NotFound("no person behind this account")
    now_s = now.timestamp()
    digits = compute_digits(seal.open(person_ref, sealed), find_step(now_s))
    return ShownCode(digits, compute_seconds_left(now_s))


def renew_presence_code(tx: Transaction, visitor: Visitor, *, now: datetime) -> None:
    """Forget the member's secret: the next digits come from a new one.

    Raises:
        NotAllowed: they are no member.
        NotFound: their account leads to no person.
    """
    continuity.delete_code_secret(tx, _find_person(visitor, now))


def _find_person(visitor: Visitor, now: datetime) -> int:
    check_can(visitor, Permission.SHOW_PRESENCE_CODE, now=now)
    if visitor.person_ref is None:
        raise NotFound("no person behind this account")
    return visitor.person_ref
