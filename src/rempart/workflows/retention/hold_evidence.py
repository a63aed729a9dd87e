"""Keep evidence beyond its normal expiry, and let it go again: by whom, why, since when.

Refuses to narrow a hold, and to release one without a reason.
"""

from collections.abc import Sequence

from rempart.accounts.inquiries import check_is_host
from rempart.accounts.permissions import Permission, check_can
from rempart.incidents.room import (
    REASON_LIMIT,
    EventKind,
    HoldKind,
    RoomAuthor,
    read_words,
    widen,
)
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import evidence_holds, incident_room
from rempart.storage.connect import Transaction
from rempart.storage.evidence_holds import EvidenceHold, HoldColumn
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = [
    "EvidenceHold",
    "HoldColumn",
    "extend_hold",
    "hold_incident",
    "list_hold_page",
    "list_holds",
    "place_hold",
    "read_hold",
    "read_hold_as",
    "release_hold",
    "write_as",
]


def write_as(asker: Asker, permission: Permission) -> RoomAuthor:
    """Return the visitor as an author, if they may do this.

    Raises:
        NotAllowed: their role may not.
        NotFound: they are not of the host operator.
    """
    check_can(asker.visitor, permission, now=asker.now)
    check_is_host(asker.visitor)
    return RoomAuthor(name=asker.visitor.display_name, actor_ref=asker.visitor.actor_ref)


def hold_incident(
    tx: Transaction,
    incident_id: int,
    *,
    window: tuple[int, int],
    account_refs: Sequence[int],
    by: RoomAuthor,
    now_ms: int,
) -> int:
    """Keep the evidence of an incident's window and of its margins; say so in the timeline.

    Args:
        tx: The transaction of the declaration.
        incident_id: The incident.
        window: First instant suspected and the one after the last, Unix milliseconds.
        account_refs: The suspects; none keeps everybody's.
        by: Who declares.
        now_ms: The present instant: what happens from now on is evidence too.
    """
    kept = widen(window[0], max(window[1], now_ms))
    hold_ref = evidence_holds.place_hold(
        tx,
        kind=HoldKind.INCIDENT,
        window=kept,
        reason="declared",
        by=by,
        incident_id=incident_id,
        account_refs=account_refs,
    )
    _tell(tx, incident_id, EventKind.HOLD_PLACED, hold_ref, by, now_ms, kept)
    return hold_ref


def place_hold(
    tx: Transaction,
    *,
    kind: HoldKind,
    window: tuple[int, int],
    reason: str,
    by: RoomAuthor,
    incident_id: int | None = None,
    account_refs: Sequence[int] = (),
) -> int:
    """Keep the evidence of a window; return the hold's number.

    Raises:
        InvalidRequest: the window ends before it begins, or there is no reason.
        NotFound: there is no such incident.
        Conflict: the incident is closed.
    """
    if not 0 <= window[0] < window[1]:
        raise InvalidRequest(
            "the window ends before it begins", (("to", "later than the beginning"),)
        )
    if (kind is HoldKind.INCIDENT) is (incident_id is None):
        raise InvalidRequest(
            "a hold of an incident names it, and no other hold does",
            (("incident", "name it for a hold of kind incident, and for no other"),),
        )
    if incident_id is not None and incident_room.load_incident(tx, incident_id) is None:
        raise NotFound(f"there is no incident {incident_id}: see `rempart incident list`")
    hold_ref = evidence_holds.place_hold(
        tx,
        kind=kind,
        window=window,
        reason=read_words(reason, "reason", REASON_LIMIT),
        by=by,
        incident_id=incident_id,
        account_refs=account_refs,
    )
    if incident_id is not None:
        now_ms = incident_room.read_clock(tx)
        _tell(tx, incident_id, EventKind.HOLD_PLACED, hold_ref, by, now_ms, window)
    return hold_ref


def extend_hold(
    tx: Transaction, hold_ref: int, *, window: tuple[int, int], by: RoomAuthor
) -> tuple[int, int]:
    """Keep more than a hold keeps; return the window it keeps now.

    Raises:
        NotFound: there is no such hold.
        InvalidRequest: the window ends before it begins.
        Conflict: the hold was released, or its incident is closed.
    """
    if not 0 <= window[0] < window[1]:
        raise InvalidRequest(
            "the window ends before it begins", (("to", "later than the beginning"),)
        )
    hold = read_hold(tx, hold_ref)
    kept = evidence_holds.widen_hold(tx, hold_ref, window)
    if kept is None:
        raise Conflict(f"evidence hold {hold_ref} was released: place another one")
    if hold.incident_id is not None:
        now_ms = incident_room.read_clock(tx)
        _tell(tx, hold.incident_id, EventKind.HOLD_PLACED, hold_ref, by, now_ms, kept)
    return kept


def release_hold(tx: Transaction, hold_ref: int, *, reason: str, by: RoomAuthor) -> EvidenceHold:
    """Let evidence expire again; what was due to go goes at the next sweep.

    Raises:
        NotFound: there is no such hold.
        InvalidRequest: there is no reason.
        Conflict: it was released already.
    """
    hold = read_hold(tx, hold_ref)
    words = read_words(reason, "reason", REASON_LIMIT)
    if not evidence_holds.release_hold(tx, hold_ref, by=by, reason=words):
        raise Conflict(f"evidence hold {hold_ref} was released already")
    # Evidence of a closed incident is released all the same: the hold itself says by whom and why.
    if hold.incident_id is not None and not incident_room.is_closed(tx, hold.incident_id):
        incident_room.add_event(
            tx,
            hold.incident_id,
            kind=EventKind.HOLD_RELEASED,
            happened_ms=incident_room.read_clock(tx),
            author=by.name,
            author_ref=by.actor_ref,
            details={"hold": hold_ref, "reason": words},
        )
    return hold


def read_hold(tx: Transaction, hold_ref: int) -> EvidenceHold:
    """Return one hold.

    Raises:
        NotFound: there is no such hold.
    """
    found = evidence_holds.load_hold(tx, hold_ref)
    if found is None:
        raise NotFound(f"there is no evidence hold {hold_ref}: see `rempart incident holds`")
    return found


def read_hold_as(tx: Transaction, asker: Asker, hold_ref: int) -> EvidenceHold:
    """Return one hold, for a visitor who may read incidents.

    Raises:
        NotFound: there is no such hold for them.
    """
    check_can(asker.visitor, Permission.READ_INCIDENTS, now=asker.now)
    check_is_host(asker.visitor)
    return read_hold(tx, hold_ref)


def list_holds(tx: Transaction, *, in_force: bool = False) -> list[EvidenceHold]:
    """Return every hold, or those in force, the newest first."""
    return evidence_holds.list_holds(tx, in_force=in_force)


def list_hold_page(
    tx: Transaction, asker: Asker, listing: Listing[HoldColumn]
) -> tuple[list[EvidenceHold], int]:
    """Return one page of the holds, and how many there are.

    Raises:
        NotFound: the visitor is not of the host operator.
    """
    check_can(asker.visitor, Permission.READ_INCIDENTS, now=asker.now)
    check_is_host(asker.visitor)
    return evidence_holds.list_page(tx, listing)


def _tell(
    tx: Transaction,
    incident_id: int,
    kind: EventKind,
    hold_ref: int,
    by: RoomAuthor,
    now_ms: int,
    kept: tuple[int, int],
) -> None:
    """Write in the timeline what a hold keeps."""
    incident_room.add_event(
        tx,
        incident_id,
        kind=kind,
        happened_ms=now_ms,
        author=by.name,
        author_ref=by.actor_ref,
        details={"hold": hold_ref, "from_ms": kept[0], "to_ms": kept[1]},
    )
