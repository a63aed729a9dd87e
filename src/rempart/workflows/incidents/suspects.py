"""Name accounts after an incident was declared, or only what points to them; establish a theft.

An incident without an account is analysed too: everybody of its window is a doubt then, to be
narrowed. Refuses to let a doubt that leads nowhere prove that nobody is concerned.
"""

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace

from rempart.accounts.inquiries import check_is_host
from rempart.accounts.permissions import Permission, check_can
from rempart.incidents.evidence import SessionTally, Window
from rempart.incidents.room import REASON_LIMIT, EventKind, HoldKind, RoomAuthor, read_words, widen
from rempart.incidents.suspicion import Doubt, DoubtKind, How, find_held_sessions
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.storage import incident_room, suspects
from rempart.storage.connect import Transaction
from rempart.storage.suspects import OpenIncident, SaidDoubt
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.incidents.declare_incident import declare_incident
from rempart.workflows.retention.hold_evidence import place_hold

__all__ = [
    "EstablishedTheft",
    "OpenIncident",
    "SaidDoubt",
    "Suspicions",
    "add_suspects",
    "establish_theft",
    "list_open_incidents",
    "note_known_facts",
    "reach_suspects",
    "read_suspicions",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspicions:
    """Whom an incident suspects: how each account came to be looked at, and what points to some."""

    how: dict[int, How]
    doubts: Sequence[SaidDoubt]


@dataclass(frozen=True, slots=True, kw_only=True)
class EstablishedTheft:
    """That an account was stolen, as an operator established it.

    Args:
        account_ref: The account.
        words: How they know; nobody is named.
        window: When it happened, for a new incident.
        title: Of a new incident.
        incident_id: The incident it joins; None for a new one.
    """

    account_ref: int
    words: str
    window: Window
    title: str
    incident_id: int | None = None


def add_suspects(
    tx: Transaction,
    incident_id: int,
    by: RoomAuthor,
    *,
    reason: str,
    account_refs: Collection[int] = (),
    doubts: Iterable[Doubt] = (),
    how: How = How.NAMED,
) -> int:
    """Add accounts, or what points to some, to an incident; return how many accounts were new.

    Nothing of the list changes before the next analysis, which tells what it changed. The evidence
    of accounts named is held as that of the first ones.

    Raises:
        InvalidRequest: nothing is added, there is no reason, or a place or a software is not ours.
        NotFound: there is no such incident, or an account does not exist.
        Conflict: all of it was there already, or the incident is closed.
    """
    words, doubts = read_words(reason, "reason", REASON_LIMIT), tuple(doubts)
    if not account_refs and not doubts:
        raise InvalidRequest("accounts: name some, or what points to them", (("accounts", "name"),))
    incident = incident_room.load_incident(tx, incident_id)
    if incident is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    if not all(suspects.is_known(tx, doubt) for doubt in doubts):
        raise InvalidRequest("doubt: this place or software is not one of ours", (("doubt", "no"),))
    known = suspects.list_how(tx, incident_id)
    new = suspects.name_accounts(tx, incident_id, account_refs, how=how)
    if set(account_refs) - new - set(known):
        raise NotFound("some of these accounts do not exist: check the list")
    said = [suspects.add_doubt(tx, incident_id, doubt, author=by.name) for doubt in doubts]
    if not new and not any(said):
        raise Conflict("all of this is suspected already")
    now_ms = incident_room.read_clock(tx)
    incident_room.add_event(
        tx,
        incident_id,
        kind=EventKind.SUSPECTS_ADDED,
        happened_ms=now_ms,
        author=by.name,
        author_ref=by.actor_ref,
        details={
            "reason": words,
            "how": how.value,
            "accounts": len(new),
            "doubts": [doubt.kind.value for doubt in doubts],
        },
    )
    if new:
        place_hold(
            tx,
            kind=HoldKind.INCIDENT,
            window=widen(incident.starts_ms, max(incident.ends_ms, now_ms)),
            reason=words,
            by=by,
            incident_id=incident_id,
            account_refs=sorted(new),
        )
    return len(new)


def establish_theft(tx: Transaction, by: RoomAuthor, theft: EstablishedTheft) -> int:
    """Make an incident of a theft that an operator established, or add it to one; return which.

    Raises:
        InvalidRequest: no words, or no title (also NotFound, Conflict: see `add_suspects`).
    """
    words = read_words(theft.words, "words", REASON_LIMIT)
    incident_id = theft.incident_id
    if incident_id is None:
        incident_id = declare_incident(
            tx, title=theft.title, window=theft.window, by=by, words=words
        )
    add_suspects(
        tx, incident_id, by, reason=words, account_refs=[theft.account_ref], how=How.STOLEN
    )
    return incident_id


def read_suspicions(tx: Transaction, asker: Asker, incident_id: int) -> Suspicions:
    """Return whom an incident suspects and why.

    Raises:
        NotFound: there is no such incident for them (also NotAllowed).
    """
    check_can(asker.visitor, Permission.READ_INCIDENTS, now=asker.now)
    check_is_host(asker.visitor)
    if incident_room.load_incident(tx, incident_id) is None:
        raise NotFound(f"there is no incident {incident_id}: see the list of incidents")
    return Suspicions(
        how=suspects.list_how(tx, incident_id), doubts=suspects.list_doubts(tx, incident_id)
    )


def list_open_incidents(tx: Transaction, asker: Asker) -> list[OpenIncident]:
    """Return the incidents that an account may join, the newest first.

    Raises:
        NotFound: they are not of the host operator (also NotAllowed).
    """
    check_can(asker.visitor, Permission.WORK_INCIDENT, now=asker.now)
    check_is_host(asker.visitor)
    return suspects.list_open_incidents(tx)


def reach_suspects(tx: Transaction, incident_id: int, window: Window) -> frozenset[int]:
    """Find the accounts that only doubts point to, again; return them (role analyst).

    Without a named account and without a doubt, everybody of the window is one.

    Raises:
        Conflict: what was said points to no account: an answer would be a proof of nothing.
    """
    how = suspects.list_how(tx, incident_id)
    named = {ref for ref, one in how.items() if one is not How.DOUBTED}
    doubts = suspects.list_doubts(tx, incident_id)
    if not named and not doubts:
        suspects.add_doubt(tx, incident_id, Doubt(kind=DoubtKind.EVERYBODY), author="-")
    suspects.reach_doubted(tx, incident_id, window)
    how = suspects.list_how(tx, incident_id)
    if not how:
        raise Conflict(
            f"incident {incident_id}: what is suspected leads to no account, so nothing can be "
            "said; name accounts, a place, an address or a software of ours"
        )
    return frozenset(ref for ref, one in how.items() if one is How.DOUBTED)


def note_known_facts(
    tx: Transaction, incident_id: int, window: Window, tallies: Sequence[SessionTally]
) -> tuple[SessionTally, ...]:
    """Note what is known of sessions besides their look-ups (role analyst).

    That the guard held them and an operator established the theft; that their owner's enrolled key
    opened them. What nobody knows stays unknown.
    """
    stolen = find_held_sessions(tallies, suspects.list_held(tx, incident_id, window))
    refs = {one.session.session_ref for one in tallies}
    enrolled = suspects.list_enrolled(tx, refs, window)
    return tuple(
        replace(
            one,
            confirmed_theft=True if one.session.session_ref in stolen else one.confirmed_theft,
            known_device=True if one.session.session_ref in enrolled else one.known_device,
        )
        for one in tallies
    )
