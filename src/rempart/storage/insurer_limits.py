"""Limits that insurers set on what is asked about their members, and on their own agents.

Refuses nothing itself: row policies say whose they are, and the database when they begin.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.kernel.listing import Listing
from rempart.rights.presence import PresencePolicy
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("insurer_limits")

LimitColumn: TypeAlias = Literal["set"]


@dataclass(frozen=True, slots=True, kw_only=True)
class NewLimit:
    """Limits about to be set.

    Args:
        policy: What may be asked about members without presence.
        files_per_day: How many files of members one agent opens in a day.
        reason: Why, for colleagues.
    """

    policy: PresencePolicy
    files_per_day: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedLimit:
    """Limits as they were set.

    Args:
        holds: Whether they are in force.
        waits: Whether they begin later, and nothing was set since.
    """

    limit_ref: int
    policy: PresencePolicy
    files_per_day: int
    reason: str
    set_by: str
    set_at: datetime
    active_from: datetime
    holds: bool
    waits: bool


def list_limits(
    tx: Transaction, insurer_id: int, listing: Listing[LimitColumn]
) -> tuple[list[ListedLimit], int]:
    """Return one page of an insurer's limits, and how many times they were set."""
    return load_page(tx, QUERIES.list_limits, listing, _read_limit, {"insurer_id": insurer_id})


def insert_limit(
    tx: Transaction, new: NewLimit, *, limit_ref: int, insurer_id: int, set_by: int
) -> None:
    """Set limits; the same reference twice is one."""
    tx.execute(
        QUERIES.insert_limit,
        {
            **new.policy._asdict(),
            "limit_ref": limit_ref,
            "insurer_id": insurer_id,
            "files_per_day": new.files_per_day,
            "reason": new.reason,
            "set_by": set_by,
        },
    )


def _read_limit(*row: Any) -> ListedLimit:
    ref, required, known_faces, bound, files, reason, set_by, set_at, active_from, holds, waits = (
        row
    )
    return ListedLimit(
        limit_ref=ref,
        policy=PresencePolicy(required, bound, known_faces),
        files_per_day=files,
        reason=reason,
        set_by=set_by,
        set_at=set_at,
        active_from=active_from,
        holds=holds,
        waits=waits,
    )
