"""Make claims wait for somebody, and decide: an insurer's review, the host's doubt on who bills.

What was owed before stays owed, and no step of containment reaches this: a hold is on claims, for a
reason somebody writes. Refuses to tell an insurer of another's holds.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.storage import claim_requests
from rempart.storage.claim_requests import HoldListed, WatchListed
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref

__all__ = ["Decision", "HoldListed", "WatchListed"]

Decision: TypeAlias = Literal["release", "reject"]
MOST_LETTERS: Final = 500
HOST: Final = 0


def find_holder(asker: Asker) -> int:
    """Return whose holds the asker's are: an insurer's, or the host's.

    Raises:
        NotAllowed: their role does not hold claims, or they are a hosted operator's.
    """
    check_can(asker.visitor, Permission.HOLD_CLAIMS, now=asker.now)
    if asker.visitor.is_host:
        return HOST
    if asker.visitor.insurer_id is None:
        raise NotAllowed("a hosted operator's agents hold no claims: they are the host's to hold")
    return asker.visitor.insurer_id


def watch_establishment(
    tx: Transaction, asker: Asker, *, establishment_ref: int, reason: str
) -> int:
    """Have the new claims of an establishment wait; return the watch's reference.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An insurer's agent, for its members' claims; the host's security, for all.
        establishment_ref: Whose claims.
        reason: Why, for colleagues; no person is named.

    Raises:
        NotAllowed: their role does not hold claims.
        InvalidRequest: no reason, or too long a one.
    """
    holder = find_holder(asker)
    watch_ref = draw_ref()
    claim_requests.add_watch(
        tx,
        watch_ref=watch_ref,
        establishment_ref=establishment_ref,
        insurer_id=holder,
        reason=_clean(reason),
        placed_by=asker.visitor.actor_ref,
    )
    return watch_ref


def end_watch(tx: Transaction, asker: Asker, watch_ref: int) -> None:
    """Let the claims of an establishment go on, those that wait too.

    Raises:
        NotAllowed: their role does not hold claims.
        NotFound: there is no such watch of theirs, or it has ended.
    """
    find_holder(asker)
    by_ref = asker.visitor.actor_ref
    if not claim_requests.end_watch(tx, watch_ref, by_ref=by_ref):
        raise NotFound("no such watch")
    claim_requests.release_watched(tx, watch_ref, by_ref=by_ref)


def hold_claim(tx: Transaction, asker: Asker, claim_ref: int, reason: str) -> int:
    """Have one claim wait when its turn comes; return the hold's reference.

    Raises:
        NotAllowed: their role does not hold claims.
        NotFound: there is no such claim of theirs that still waits for its turn.
        Conflict: it is held already.
    """
    holder, hold_ref = find_holder(asker), draw_ref()
    placed = claim_requests.add_hold(
        tx,
        hold_ref=hold_ref,
        claim_ref=claim_ref,
        insurer_id=holder,
        reason=_clean(reason),
        placed_by=asker.visitor.actor_ref,
    )
    if placed is None:
        raise NotFound("no such claim that waits for its turn")
    if not placed:
        raise Conflict("this claim is held already")
    return hold_ref


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldDecision:
    """What somebody decides about a claim that is held: which hold, what, why, when."""

    hold_ref: int
    decision: Decision
    why: str
    at: datetime


def decide_hold(tx: Transaction, asker: Asker, decided: HoldDecision) -> None:
    """Let a claim go on, or refuse it; it is done within a minute.

    Raises:
        NotAllowed: their role does not hold claims.
        NotFound: there is no such hold of theirs, or it was decided.
    """
    find_holder(asker)
    if not claim_requests.decide_hold(
        tx,
        decided.hold_ref,
        decision=decided.decision,
        why=_clean(decided.why),
        by_ref=asker.visitor.actor_ref,
        at=decided.at,
    ):
        raise NotFound("no such hold that waits for a decision")


def list_holds(tx: Transaction, asker: Asker) -> tuple[list[WatchListed], list[HoldListed]]:
    """Return what the asker makes wait: watches, and claims, the oldest first.

    Raises:
        NotAllowed: their role does not hold claims.
    """
    find_holder(asker)
    return claim_requests.list_watches(tx), claim_requests.list_holds(tx)


def _clean(text: str) -> str:
    text = text.strip()
    if not 1 <= len(text) <= MOST_LETTERS:
        raise InvalidRequest(f"reason: 1 to {MOST_LETTERS} letters")
    return text
