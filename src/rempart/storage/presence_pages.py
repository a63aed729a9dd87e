"""Policies of presence and readers of Vitale cards, as pages read and change them.

Refuses nothing itself: the row policies of whoever asks do. The command line has its own statements
(`continuity`).
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.rights.presence import PresencePolicy
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("presence_pages")

TerminalColumn: TypeAlias = Literal["added", "label", "place", "state"]


@dataclass(frozen=True, slots=True)
class ListedPolicy:
    """A policy, and whose: an establishment's, a professional's, or (both None) everybody's."""

    policy_ref: int
    place: str | None
    place_number: str | None
    rpps: str | None
    policy: PresencePolicy
    set_at: datetime

    def __repr__(self) -> str:
        return "<ListedPolicy>"


@dataclass(frozen=True, slots=True)
class ListedTerminal:
    """A reader of Vitale cards; `revoked_at` is None while it is in use."""

    terminal_ref: int
    place: str
    place_number: str
    kid: str
    label: str
    registered_at: datetime
    revoked_at: datetime | None


class Typed(NamedTuple):
    """What was typed: answers, the accounts that asked, those that asked beyond a bound."""

    answers: int
    accounts: int
    beyond: int


def list_policies(
    tx: Transaction, *, limit: int, offset: int = 0
) -> tuple[list[ListedPolicy], int]:
    """Return one page of the policies, the widest first, and how many there are."""
    rows = tx.execute(QUERIES.list_policies, {"limit": limit, "offset": offset}).fetchall()
    listed = [
        ListedPolicy(ref, place, number, rpps, PresencePolicy(required, bound, known), set_at)
        for ref, place, number, rpps, required, known, bound, set_at, _total in rows
    ]
    return listed, int(rows[0][-1]) if rows else 0


def delete_policy(tx: Transaction, policy_ref: int) -> bool:
    """Take a policy back; False when there was none to take."""
    return tx.execute(QUERIES.delete_policy, {"policy_ref": policy_ref}).rowcount > 0


def count_typed(
    tx: Transaction,
    *,
    establishment_ref: int | None,
    account_ref: int | None,
    since_ms: int,
    bound: int,
) -> Typed:
    """Count what was typed since an instant; of everybody when nobody is named."""
    values = {
        "establishment_ref": establishment_ref,
        "account_ref": account_ref,
        "everybody": establishment_ref is None and account_ref is None,
        "since_ms": since_ms,
        "bound": bound,
    }
    row = tx.execute(QUERIES.count_typed, values).fetchone()
    return Typed(0, 0, 0) if row is None else Typed(*row)


def list_terminals(
    tx: Transaction, listing: Listing[TerminalColumn]
) -> tuple[list[ListedTerminal], int]:
    """Return one page of the readers that may be seen, and how many there are."""
    return load_page(tx, QUERIES.list_terminals, listing, ListedTerminal, {})


def find_terminal(tx: Transaction, terminal_ref: int) -> ListedTerminal | None:
    """Return one reader; None when the asker sees none."""
    row = tx.execute(QUERIES.find_terminal, {"terminal_ref": terminal_ref}).fetchone()
    return None if row is None else ListedTerminal(*row)
