"""Show where an establishment is paid, what is changing and who did what.

The operator sees what is under way everywhere. Refuses to show more of an account than its last
four characters.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.accounts.bank_details import (
    PENDING,
    AccountVersion,
    Approver,
    ChangeState,
    PaidAccount,
    PaymentHeld,
    can_approve,
    decide_approver,
    decide_payment_account,
)
from rempart.accounts.events import SecurityEventKind
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.second_person import Entitled
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.storage import bank_details
from rempart.storage.bank_details import PendingChange, Place, Step
from rempart.storage.connect import Transaction
from rempart.workflows.settlement.change_bank_details import (
    Asker,
    activate_lazily,
    get_establishment,
    load_place,
)

MOST_PENDING: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class ToldStep:
    """One event of a change, and how many addresses were warned of it."""

    step: Step
    warnings: int


@dataclass(frozen=True, slots=True, kw_only=True)
class HistoryLine:
    """One account, past, present or to come, with its steps, oldest first.

    `proposed` and `approved` are None when nobody did: the operator's file, or nobody had to.
    """

    version: AccountVersion
    steps: tuple[ToldStep, ...]
    proposed: Step | None
    approved: Step | None


@dataclass(frozen=True, slots=True, kw_only=True)
class BankDetailsSheet:
    """What the people of an establishment see of its bank details.

    Args:
        paid: The account paid now; None while payments are held.
        held_until: While they are: when the first account may be paid, if that is known.
        pending: The change under way, if any.
        approver: Who must still approve it.
        may_approve: Whether the asker is one who may.
        history: Every account, newest first.
    """

    place: Place
    paid: AccountVersion | None
    held_until: datetime | None
    pending: HistoryLine | None
    approver: Approver
    may_approve: bool
    history: tuple[HistoryLine, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class ReviewedChange:
    """A change under way as the operator sees it, and who must still approve it."""

    change: PendingChange
    approver: Approver


def read_bank_details(tx: Transaction, asker: Asker) -> BankDetailsSheet:
    """Return the bank details of the asker's establishment, as they stand now.

    Raises:
        NotAllowed: their role may not see them.
        NotFound: the establishment is gone.
    """
    check_can(asker.visitor, Permission.READ_BANK_DETAILS, now=asker.now)
    place_ref = get_establishment(asker.visitor)
    activate_lazily(tx, asker, place_ref)
    place = load_place(tx, place_ref)
    at = bank_details.read_clock(tx)
    versions = bank_details.load_history(tx, place_ref)
    history = tuple(reversed(_tell(tx, versions, place)))
    pending = next((line for line in history if line.version.state in PENDING), None)
    people = bank_details.list_entitled(tx, place_ref)
    approver = _find_approver(pending.version if pending else None, people, at)
    decision = decide_payment_account(versions, at=at)
    return BankDetailsSheet(
        place=place,
        paid=_find(versions, decision.change_ref) if isinstance(decision, PaidAccount) else None,
        held_until=decision.until if isinstance(decision, PaymentHeld) else None,
        pending=pending,
        approver=approver,
        may_approve=approver is Approver.COLLEAGUE
        and pending is not None
        and can_approve(pending.version, people, actor_ref=asker.visitor.actor_ref, at=at),
        history=history,
    )


def list_changes(tx: Transaction, asker: Asker) -> list[ReviewedChange]:
    """Return the changes under way everywhere, for the operator, the oldest first.

    Raises:
        NotAllowed: their role may not, or their operator does not run this installation.
    """
    check_can(asker.visitor, Permission.REVIEW_BANK_DETAILS, now=asker.now)
    if not asker.visitor.is_host:
        raise NotAllowed("the operator that runs this installation looks after bank details")
    at = bank_details.read_clock(tx)
    return [
        ReviewedChange(change=change, approver=_review(tx, change, at))
        for change in bank_details.list_pending(tx, most=MOST_PENDING)
    ]


def read_change(tx: Transaction, asker: Asker, change_ref: int) -> ReviewedChange:
    """Return one change under way, for the operator.

    Raises:
        NotAllowed: as `list_changes`.
        NotFound: it is over, or never was.
    """
    found = [one for one in list_changes(tx, asker) if one.change.change_ref == change_ref]
    if not found:
        raise NotFound("no such change of account")
    return found[0]


def _review(tx: Transaction, change: PendingChange, at: datetime) -> Approver:
    if change.state is not ChangeState.PROPOSED:
        return Approver.NOBODY
    versions = bank_details.load_history(tx, change.establishment_ref)
    people = bank_details.list_entitled(tx, change.establishment_ref)
    return _find_approver(_find(versions, change.change_ref), people, at)


def _find_approver(
    change: AccountVersion | None, people: Sequence[Entitled], at: datetime
) -> Approver:
    """Say who may still approve a change that waits; the operator when nobody there can."""
    if change is None or change.state is not ChangeState.PROPOSED:
        return Approver.NOBODY
    needed = decide_approver(
        people,
        proposer_ref=change.proposed_by,
        payee_check=change.payee_check,
        proposed_at=change.proposed_at,
        at=at,
    )
    return Approver.OPERATOR if needed is Approver.NOBODY else needed


def _tell(tx: Transaction, versions: Sequence[AccountVersion], place: Place) -> list[HistoryLine]:
    """Put the steps beside each account."""
    steps = bank_details.list_steps(tx, place.org_ref) if place.org_ref is not None else []
    warnings = bank_details.count_warnings(tx, [step.event_ref for step in steps])
    lines = []
    for version in versions:
        mine = [step for step in steps if step.change_ref == version.change_ref]
        by_kind = {step.kind: step for step in mine}
        lines.append(
            HistoryLine(
                version=version,
                steps=tuple(
                    ToldStep(step=step, warnings=warnings.get(step.event_ref, 0)) for step in mine
                ),
                proposed=by_kind.get(SecurityEventKind.BANK_DETAILS_PROPOSED),
                approved=by_kind.get(SecurityEventKind.BANK_DETAILS_APPROVED),
            )
        )
    return lines


def _find(versions: Sequence[AccountVersion], change_ref: int) -> AccountVersion:
    [version] = [one for one in versions if one.change_ref == change_ref]
    return version
