"""Watch the claims of whom an incident exposed, and decide on those that do not look like theirs.

Refuses to name anybody in a list: whoever wants to see opens the claim, on record. Refuses to
decide twice, and without a reason.
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.kernel.instants import from_ms, to_paris_day
from rempart.kernel.listing import Listing
from rempart.storage import exposure_watch, insured_claims
from rempart.storage.connect import Transaction
from rempart.storage.exposure_watch import (
    FlagColumn,
    FlagDecision,
    FlagFilter,
    ListedFlag,
    ListedWatch,
    Unwatched,
    WatchColumn,
)
from rempart.storage.insured_claims import BillerName
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.claims.hold_claims import hold_claim

__all__ = [
    "FlagColumn",
    "FlagDecision",
    "FlagFilter",
    "ListedFlag",
    "ListedWatch",
    "Unwatched",
    "WatchColumn",
]

# A stolen identity is used for long after.
WATCH_DAYS: Final = 365
MOST_DAYS: Final = 3 * 365
WHY_LIMIT: Final = 500
_ONE: Final[Listing[FlagColumn]] = Listing(sort="raised")


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What somebody decides of a flag, and why."""

    decision: FlagDecision
    why: str


def list_watches(
    tx: Transaction, asker: Asker, listing: Listing[WatchColumn]
) -> tuple[list[ListedWatch], int]:
    """Return one page of the watches of the asker's insurer, and how many there are.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    _check_agent(asker, Permission.WATCH_REIMBURSEMENTS)
    return exposure_watch.list_watches(tx, listing)


def list_unwatched(tx: Transaction, asker: Asker) -> list[Unwatched]:
    """Return the incidents that name members and that nobody watches, for who may begin.

    Raises:
        NotAllowed: they do not answer for the insurer's members.
    """
    return exposure_watch.list_unwatched(tx, _check_agent(asker, Permission.START_WATCH))


def start_watch(tx: Transaction, asker: Asker, incident_id: int, *, days: int = WATCH_DAYS) -> None:
    """Begin to watch the claims of whom an incident exposed, from its first day on.

    Raises:
        NotAllowed: they do not answer for the insurer's members.
        InvalidRequest: the watch would last no day, or longer than three years.
        NotFound: the insurer was sent nothing that names anybody about this incident.
        Conflict: it is watched already, or was.
    """
    insurer_id = _check_agent(asker, Permission.START_WATCH)
    if not 1 <= days <= MOST_DAYS:
        raise InvalidRequest(f"days: 1 to {MOST_DAYS}")
    found = next(
        (
            one
            for one in exposure_watch.list_unwatched(tx, insurer_id)
            if one.incident_id == incident_id
        ),
        None,
    )
    if found is None:
        raise NotFound("no incident to watch has this number")
    today = asker.today
    begun = to_paris_day(from_ms(found.starts_ms))
    if not exposure_watch.insert_watch(
        tx,
        insurer_id=insurer_id,
        incident_id=incident_id,
        since=min(begun, today),
        until=today + timedelta(days=days),
        started_by=asker.visitor.actor_ref,
    ):
        raise Conflict("this incident is watched already")


def end_watch(tx: Transaction, asker: Asker, incident_id: int) -> None:
    """Stop watching; what was flagged waits for its decision all the same.

    Raises:
        NotAllowed: they do not answer for the insurer's members.
        NotFound: no watch of theirs runs on this incident.
    """
    insurer_id = _check_agent(asker, Permission.START_WATCH)
    if not exposure_watch.end_watch(
        tx, insurer_id=insurer_id, incident_id=incident_id, ended_by=asker.visitor.actor_ref
    ):
        raise NotFound("no watch runs on this incident")


def list_flags(
    tx: Transaction,
    asker: Asker,
    listing: Listing[FlagColumn],
    which: FlagFilter | None = None,
) -> tuple[list[ListedFlag], int]:
    """Return one page of the claims flagged, and how many there are.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    _check_agent(asker, Permission.WATCH_REIMBURSEMENTS)
    return exposure_watch.list_flags(tx, listing, which or FlagFilter())


def read_flag(tx: Transaction, asker: Asker, claim_ref: int) -> ListedFlag:
    """Return one flag, decided or not.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: no claim of theirs is flagged so.
    """
    found, _total = list_flags(tx, asker, _ONE, FlagFilter(waiting=False, claim_ref=claim_ref))
    if not found:
        raise NotFound("no such flag")
    return found[0]


def decide_flag(tx: Transaction, asker: Asker, claim_ref: int, verdict: Verdict) -> None:
    """Decide on a claim that was flagged; what is held waits for the other decision.

    Raises:
        NotAllowed: they are not an insurer's agent; to hold, their role does not hold claims.
        InvalidRequest: no reason, or too long a one.
        NotFound: no claim of theirs is flagged so; to hold, it does not wait for its turn.
        Conflict: it was decided already; to hold, it is held already.
    """
    _check_agent(asker, Permission.WATCH_REIMBURSEMENTS)
    why = " ".join(verdict.why.split())
    if not 1 <= len(why) <= WHY_LIMIT:
        raise InvalidRequest(f"why: 1 to {WHY_LIMIT} letters")
    flag = read_flag(tx, asker, claim_ref)
    if verdict.decision == "held":
        if flag.state != "received":
            raise Conflict("this claim does not wait for its turn any more: watch who sent it")
        hold_claim(tx, asker, claim_ref, why)
    if not exposure_watch.decide_flag(
        tx,
        claim_ref,
        decision=verdict.decision,
        why=why,
        decided_by=asker.visitor.actor_ref,
    ):
        raise Conflict("this was decided already")


def name_billers(
    tx: Transaction, asker: Asker, establishment_refs: Collection[int]
) -> Mapping[int, BillerName]:
    """Return who billed for the insurer's members, by reference.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    _check_agent(asker, Permission.WATCH_REIMBURSEMENTS)
    return insured_claims.name_billers(tx, establishment_refs)


def _check_agent(asker: Asker, permission: Permission) -> int:
    check_can(asker.visitor, permission, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotAllowed("the claims of members are their insurer's to watch")
    return asker.visitor.insurer_id
