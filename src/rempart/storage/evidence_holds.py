"""Holds of evidence, in the retention plane. Roles: analyst, portals; archivist reads.

Refuses to narrow a hold or to take one back without saying who and why: the database does.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Literal, TypeAlias

from rempart.disclosure.segment import Hold
from rempart.incidents.room import HoldKind, RoomAuthor
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("evidence_holds")

HoldColumn: TypeAlias = Literal["placed", "from", "state"]
_ALL: Final[Listing[HoldColumn]] = Listing(sort="placed", limit=1_000_000)


@dataclass(frozen=True, slots=True, kw_only=True)
class EvidenceHold:
    """One hold: what it keeps, why, by whom, and what ended it.

    Attributes:
        hold_ref: Its number.
        incident_id: The incident it belongs to, or None.
        title: That incident's title.
        exercise: Whether that incident is an exercise.
        kind: Who needs the evidence.
        from_ms: First instant kept, Unix milliseconds.
        to_ms: The instant after the last one.
        account_refs: Whose evidence; none for everybody's.
        insurer_ids: The evidence about whose members; none for all.
        reason: Why.
        placed_by: Who placed it.
        placed_at: When.
        released_by: Who released it; empty while in force.
        released_at: When; None while in force.
        release_reason: Why.
    """

    hold_ref: int
    incident_id: int | None
    title: str
    exercise: bool
    kind: HoldKind
    from_ms: int
    to_ms: int
    account_refs: tuple[int, ...]
    insurer_ids: tuple[int, ...]
    reason: str
    placed_by: str
    placed_at: datetime
    released_by: str
    released_at: datetime | None
    release_reason: str

    @property
    def in_force(self) -> bool:
        """Whether it still keeps anything."""
        return self.released_at is None


def place_hold(
    tx: Transaction,
    *,
    kind: HoldKind,
    window: tuple[int, int],
    reason: str,
    by: RoomAuthor,
    incident_id: int | None = None,
    account_refs: Sequence[int] = (),
    insurer_ids: Sequence[int] = (),
) -> int:
    """Keep the evidence of a window from now on; return the hold's number."""
    row = tx.execute(
        QUERIES.place_hold,
        {
            "incident_id": incident_id,
            "kind": kind.value,
            "from_ms": window[0],
            "to_ms": window[1],
            "account_refs": sorted(set(account_refs)),
            "insurer_ids": sorted(set(insurer_ids)),
            "reason": reason,
            "placed_by": by.name,
            "placed_by_ref": by.actor_ref,
        },
    ).fetchone()
    if row is None:
        raise RuntimeError("RETURNING gave no row")
    return int(row[0])


def widen_hold(tx: Transaction, hold_ref: int, window: tuple[int, int]) -> tuple[int, int] | None:
    """Keep more; return the window kept now, or None when no such hold is in force."""
    values = {"hold_ref": hold_ref, "from_ms": window[0], "to_ms": window[1]}
    row = tx.execute(QUERIES.widen_hold, values).fetchone()
    return None if row is None else (int(row[0]), int(row[1]))


def release_hold(tx: Transaction, hold_ref: int, *, by: RoomAuthor, reason: str) -> bool:
    """Let evidence expire again; False when no such hold is in force."""
    values = {
        "hold_ref": hold_ref,
        "released_by": by.name,
        "released_by_ref": by.actor_ref,
        "reason": reason,
    }
    return tx.execute(QUERIES.release_hold, values).fetchone() is not None


def list_page(tx: Transaction, listing: Listing[HoldColumn]) -> tuple[list[EvidenceHold], int]:
    """Return one page of the holds, and how many there are."""
    return _load(tx, listing)


def list_of_incident(tx: Transaction, incident_id: int) -> list[EvidenceHold]:
    """Return the holds of one incident, and others' in force over its window, the newest first."""
    return _load(tx, _ALL, incident_id=incident_id)[0]


def list_holds(tx: Transaction, *, in_force: bool = False) -> list[EvidenceHold]:
    """Return every hold, or those in force, the newest first."""
    return _load(tx, _ALL, in_force=in_force)[0]


def load_hold(tx: Transaction, hold_ref: int) -> EvidenceHold | None:
    """Return one hold; None when there is none for whoever asks."""
    found, _total = _load(tx, Listing(sort="placed"), hold_ref=hold_ref)
    return found[0] if found else None


def list_in_force(tx: Transaction) -> list[Hold]:
    """Return what is kept now, under the names people read (role archivist)."""
    return [
        Hold(from_ms=from_ms, to_ms=to_ms, name=f"evidence hold {hold_ref} ({kind})")
        for hold_ref, kind, from_ms, to_ms in tx.execute(QUERIES.list_in_force)
    ]


def _load(
    tx: Transaction,
    listing: Listing[HoldColumn],
    *,
    hold_ref: int | None = None,
    incident_id: int | None = None,
    in_force: bool = False,
) -> tuple[list[EvidenceHold], int]:
    wanted = {"hold_ref": hold_ref, "incident_id": incident_id, "in_force": in_force}
    return load_page(tx, QUERIES.list_page, listing, _make_hold, wanted)


def _make_hold(*row: Any) -> EvidenceHold:
    hold_ref, incident_id, title, exercise, kind, from_ms, to_ms, accounts, insurers, *words = row
    reason, placed_by, placed_at, released_by, released_at, release_reason = words
    return EvidenceHold(
        hold_ref=hold_ref,
        incident_id=incident_id,
        title=title,
        exercise=exercise,
        kind=HoldKind(kind),
        from_ms=from_ms,
        to_ms=to_ms,
        account_refs=tuple(accounts),
        insurer_ids=tuple(insurers),
        reason=reason,
        placed_by=placed_by,
        placed_at=placed_at,
        released_by=released_by or "",
        released_at=released_at,
        release_reason=release_reason or "",
    )
