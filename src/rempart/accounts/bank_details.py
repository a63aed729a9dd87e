"""Where an establishment is paid, and how that changes: slowly, by two people, in the open.

Refuses to let a new account be paid before its time: bank details and logins of professionals were
stolen together in January 2024, and a change of account is what a thief does with both. The table
of steps is docs/rules/bank-details.md.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from types import MappingProxyType
from typing import Final, TypeAlias

from rempart.accounts.events import SecurityEventKind
from rempart.accounts.permissions import GRANTS, Permission
from rempart.accounts.roles import ROLES_OF, Role
from rempart.accounts.second_person import Entitled, are_apart, is_settled
from rempart.kernel.errors import Conflict
from rempart.tariffs.parameters import value_on

_OPERATOR: Final = frozenset(ROLES_OF["operator"])


class ChangeState(enum.StrEnum):
    """Where one version of an establishment's account stands."""

    PROPOSED = "proposed"
    COOLING = "cooling"
    ACTIVE = "active"
    REPLACED = "replaced"
    CANCELLED = "cancelled"
    REFUSED = "refused"


class PayeeCheck(enum.StrEnum):
    """What the payee's bank says of a name and an account (verification of payee)."""

    MATCH = "match"
    CLOSE_MATCH = "close_match"
    NO_MATCH = "no_match"
    UNAVAILABLE = "unavailable"


class Approver(enum.StrEnum):
    """Who must approve a change besides the person who proposes it."""

    NOBODY = "nobody"
    COLLEAGUE = "colleague"
    OPERATOR = "operator"


class Obstacle(enum.StrEnum):
    """Why a step is refused."""

    ANOTHER_PENDING = "another_pending"
    ALREADY_DECIDED = "already_decided"
    OWN_CHANGE = "own_change"
    ROLE_TOO_NEW = "role_too_new"
    NOT_APART = "not_apart"
    COLLEAGUE_NEEDED = "colleague_needed"
    NOT_ENTITLED = "not_entitled"
    TOO_LATE = "too_late"


class ChangeRefused(Conflict):
    """A step that the state of the change, or who asks, does not allow; `obstacle` says which."""

    def __init__(self, obstacle: Obstacle) -> None:
        super().__init__(f"this step of a change of account is refused: {obstacle}")
        self.obstacle = obstacle


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """One step of a change of account.

    Args:
        event: The event it writes; None when the operator's file gives the first account.
        permissions: Who may take it, each in their own right; nobody when time or a file does.
    """

    event: SecurityEventKind | None
    permissions: tuple[Permission, ...] = ()

    @property
    def roles(self) -> frozenset[Role]:
        """The roles that have one of the permissions."""
        return frozenset(role for one in self.permissions for role in GRANTS[one].roles)


# None: before there is anything. The diagram of docs/rules/bank-details.md is drawn from here.
TRANSITIONS: Final[Mapping[ChangeState | None, Mapping[ChangeState, Transition]]] = (
    MappingProxyType(
        {
            None: {
                ChangeState.PROPOSED: Transition(
                    event=SecurityEventKind.BANK_DETAILS_PROPOSED,
                    permissions=(Permission.PROPOSE_BANK_DETAILS,),
                ),
                ChangeState.COOLING: Transition(
                    event=SecurityEventKind.BANK_DETAILS_PROPOSED,
                    permissions=(Permission.PROPOSE_BANK_DETAILS,),
                ),
                ChangeState.ACTIVE: Transition(event=None),
            },
            ChangeState.PROPOSED: {
                ChangeState.COOLING: Transition(
                    event=SecurityEventKind.BANK_DETAILS_APPROVED,
                    permissions=(
                        Permission.APPROVE_BANK_DETAILS,
                        Permission.SETTLE_BANK_DETAILS,
                    ),
                ),
                ChangeState.REFUSED: Transition(
                    event=SecurityEventKind.BANK_DETAILS_REFUSED,
                    permissions=(Permission.CANCEL_BANK_DETAILS,),
                ),
                ChangeState.CANCELLED: Transition(
                    event=SecurityEventKind.BANK_DETAILS_CANCELLED,
                    permissions=(Permission.CANCEL_BANK_DETAILS,),
                ),
            },
            ChangeState.COOLING: {
                ChangeState.CANCELLED: Transition(
                    event=SecurityEventKind.BANK_DETAILS_CANCELLED,
                    permissions=(Permission.CANCEL_BANK_DETAILS,),
                ),
                ChangeState.ACTIVE: Transition(event=SecurityEventKind.BANK_DETAILS_ACTIVE),
            },
            ChangeState.ACTIVE: {
                ChangeState.REPLACED: Transition(event=SecurityEventKind.BANK_DETAILS_ACTIVE)
            },
            ChangeState.REPLACED: {},
            ChangeState.CANCELLED: {},
            ChangeState.REFUSED: {},
        }
    )
)

PENDING: Final = frozenset({ChangeState.PROPOSED, ChangeState.COOLING})
# States in which an account is paid, between its first instant and its end.
_PAID: Final = frozenset({ChangeState.COOLING, ChangeState.ACTIVE, ChangeState.REPLACED})


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountVersion:
    """One account of one establishment, from the proposal to its end; the IBAN is not here.

    Args:
        last_digits: The last four characters of the IBAN.
        proposed_by: None when the operator's file gave it.
        active_from: First instant at which it is paid; None until that is known.
        ended_at: From this instant on it is not paid, or never will be.
        payee_check: What the payee's bank said; None when it was not asked.

    Raises:
        ValueError: the state and the instants contradict each other.
    """

    change_ref: int
    establishment_ref: int
    last_digits: str
    state: ChangeState
    proposed_by: int | None
    proposed_at: datetime
    approved_by: int | None = None
    approved_at: datetime | None = None
    active_from: datetime | None = None
    ended_at: datetime | None = None
    ended_by: int | None = None
    payee_check: PayeeCheck | None = None

    def __post_init__(self) -> None:
        if self.state in _PAID and self.active_from is None:
            raise ValueError(f"an account in state {self.state} has a first instant")
        if self.approved_by is not None and self.approved_by == self.proposed_by:
            raise ValueError("nobody approves their own change")


@dataclass(frozen=True, slots=True, kw_only=True)
class Signatory:
    """Who takes a step, in the role of their session."""

    actor_ref: int
    role: Role


@dataclass(frozen=True, slots=True, kw_only=True)
class PaidAccount:
    """The account that is paid."""

    change_ref: int


@dataclass(frozen=True, slots=True, kw_only=True)
class PaymentHeld:
    """No account may be paid; `until` is when the first one may be, if that is known."""

    until: datetime | None = None


PaymentDecision: TypeAlias = PaidAccount | PaymentHeld


def decide_payment_account(history: Iterable[AccountVersion], *, at: datetime) -> PaymentDecision:
    """Say which account of an establishment is paid at an instant.

    The answer for an instant does not depend on whether `compute_activations` ran since.

    Args:
        history: All accounts of the establishment, in any order.
        at: The instant of the payment; that of `active_from` counts as after it.

    Returns:
        PaidAccount with the account in force, the old one while a new one waits; PaymentHeld when
        there is none yet.
    """
    versions = list(history)
    in_force = [v for v in versions if v.state in _PAID and _is_paid_at(v, at)]
    if in_force:
        newest = max(in_force, key=lambda v: (v.active_from, v.change_ref))
        return PaidAccount(change_ref=newest.change_ref)
    waiting = [v.active_from for v in versions if v.state is ChangeState.COOLING and v.active_from]
    return PaymentHeld(until=min(waiting, default=None))


def decide_approver(
    people: Iterable[Entitled],
    *,
    proposer_ref: int | None,
    payee_check: PayeeCheck | None,
    proposed_at: datetime,
    at: datetime,
) -> Approver:
    """Say who must approve a change besides its proposer.

    A colleague approves who counts as a second person (`are_apart`): a thief would invite one, or
    propose as one. Newcomers, and those who lost the role lately, still make the proposer not
    alone: a thief would suspend them. The operator approves then.

    Args:
        people: Those who may, or lately could, change the account of the establishment; the same
            person in two roles may stand there twice.
        proposer_ref: Who proposes it.
        payee_check: What the payee's bank said.
        proposed_at: When it was proposed.
        at: Now.
    """
    people = list(people)
    lately = at - timedelta(days=value_on("bank_details_lost_role_days", at.date()))
    others = [p for p in people if p.actor_ref != proposer_ref and p.since <= proposed_at]
    if proposer_ref is not None and any(
        are_apart(people, proposer_ref, p.actor_ref, asked_at=proposed_at, at=at) for p in others
    ):
        return Approver.COLLEAGUE
    is_not_alone = any(p.has_role(lately) for p in others)
    if is_not_alone or payee_check is PayeeCheck.NO_MATCH:
        return Approver.OPERATOR
    return Approver.NOBODY


def can_approve(
    change: AccountVersion, people: Iterable[Entitled], *, actor_ref: int, at: datetime
) -> bool:
    """Tell whether somebody of the establishment counts as a second person for a change."""
    proposer = change.proposed_by
    return proposer is not None and are_apart(
        people, proposer, actor_ref, asked_at=change.proposed_at, at=at
    )


def compute_active_from(payee_check: PayeeCheck | None, *, at: datetime) -> datetime:
    """Return the end of a cooling-off period that begins now: whole days of 24 hours.

    Args:
        payee_check: Anything but a match lengthens it.
        at: The approval, or the proposal when nobody else must approve.
    """
    matched = payee_check is PayeeCheck.MATCH
    name = "bank_details_cooling_days" if matched else "bank_details_unverified_cooling_days"
    return at + timedelta(days=value_on(name, at.date()))


def compute_proposal(
    history: Iterable[AccountVersion],
    people: Iterable[Entitled],
    draft: AccountVersion,
    *,
    by: Signatory,
) -> AccountVersion:
    """Return a new change, waiting for somebody's approval or already cooling.

    Args:
        history: All accounts of the establishment.
        people: As for `decide_approver`.
        draft: The change in state PROPOSED, with its proposer, instant and payee check.
        by: Who proposes it.

    Raises:
        ChangeRefused: another change is pending, or their role may not.
    """
    _check_may(None, draft.state, by)
    if any(version.state in PENDING for version in history):
        raise ChangeRefused(Obstacle.ANOTHER_PENDING)
    at = draft.proposed_at
    approver = decide_approver(
        people,
        proposer_ref=draft.proposed_by,
        payee_check=draft.payee_check,
        proposed_at=at,
        at=at,
    )
    if approver is not Approver.NOBODY:
        return draft
    ends = compute_active_from(draft.payee_check, at=at)
    return replace(draft, state=ChangeState.COOLING, active_from=ends)


def compute_approval(
    change: AccountVersion, people: Sequence[Entitled], *, by: Signatory, at: datetime
) -> AccountVersion:
    """Return a change approved by a second person: its cooling-off period begins.

    Raises:
        ChangeRefused: it is not waiting any more; it is their own, in whatever role; they got the
            role lately; they and the proposer do not count as two; a colleague must approve, not
            the operator.
    """
    _check_may(change.state, ChangeState.COOLING, by)
    if by.actor_ref == change.proposed_by:
        raise ChangeRefused(Obstacle.OWN_CHANGE)
    if by.role in _OPERATOR:
        approver = decide_approver(
            people,
            proposer_ref=change.proposed_by,
            payee_check=change.payee_check,
            proposed_at=change.proposed_at,
            at=at,
        )
        if approver is Approver.COLLEAGUE:
            raise ChangeRefused(Obstacle.COLLEAGUE_NEEDED)
    else:
        _check_second_person(change, people, by=by, at=at)
    return replace(
        change,
        state=ChangeState.COOLING,
        approved_by=by.actor_ref,
        approved_at=at,
        active_from=compute_active_from(change.payee_check, at=at),
    )


def compute_end(change: AccountVersion, *, by: Signatory, at: datetime) -> AccountVersion:
    """Return a change stopped: refused by a second person before approval, else cancelled.

    Raises:
        ChangeRefused: it is over, or paid already: only another change replaces it then.
    """
    waiting = change.state is ChangeState.PROPOSED
    refused = waiting and by.actor_ref != change.proposed_by
    after = ChangeState.REFUSED if refused else ChangeState.CANCELLED
    if change.state in _PAID and _is_paid_at(change, at):
        raise ChangeRefused(Obstacle.TOO_LATE)
    _check_may(change.state, after, by)
    return replace(change, state=after, ended_at=at, ended_by=by.actor_ref)


def compute_activations(
    history: Iterable[AccountVersion], *, at: datetime
) -> tuple[AccountVersion, ...]:
    """Return what becomes of an establishment's accounts once time has passed.

    The old account ends at the very instant at which the new one begins, however late this runs.

    Returns:
        The account it replaces, if any, then the one that becomes active; nothing when none is due.
    """
    versions = list(history)
    due = [v for v in versions if v.state is ChangeState.COOLING and _is_paid_at(v, at)]
    if not due:
        return ()
    [new] = due
    ended = [
        replace(v, state=ChangeState.REPLACED, ended_at=new.active_from)
        for v in versions
        if v.state is ChangeState.ACTIVE
    ]
    return (*ended, replace(new, state=ChangeState.ACTIVE))


def find_event(before: ChangeState | None, after: ChangeState) -> SecurityEventKind:
    """Return the event that a step writes.

    Raises:
        KeyError: there is no such step, or it writes none.
    """
    event = TRANSITIONS[before][after].event
    if event is None:
        raise KeyError(after)
    return event


def _check_second_person(
    change: AccountVersion, people: Sequence[Entitled], *, by: Signatory, at: datetime
) -> None:
    if not any(p.actor_ref == by.actor_ref and p.has_role(at) for p in people):
        raise ChangeRefused(Obstacle.NOT_ENTITLED)
    if not is_settled(people, by.actor_ref, asked_at=change.proposed_at, at=at):
        raise ChangeRefused(Obstacle.ROLE_TOO_NEW)
    if not can_approve(change, people, actor_ref=by.actor_ref, at=at):
        raise ChangeRefused(Obstacle.NOT_APART)


def _is_paid_at(version: AccountVersion, at: datetime) -> bool:
    begun = version.active_from is not None and version.active_from <= at
    return begun and (version.ended_at is None or at < version.ended_at)


def _check_may(before: ChangeState | None, after: ChangeState, by: Signatory) -> None:
    """Refuse a step that the table does not have, or not for this role."""
    step = TRANSITIONS[before].get(after)
    if step is None:
        raise ChangeRefused(Obstacle.ALREADY_DECIDED)
    if by.role not in step.roles:
        raise ChangeRefused(Obstacle.NOT_ENTITLED)
