"""Change the account an establishment is paid on: propose, approve, stop, and let time pass.

Each step is one transaction with its event and its warnings: a crash leaves the step whole or not
taken. Steps of one establishment wait for each other. Refuses what accounts.bank_details refuses,
and says "not found" of another establishment's change as of one that does not exist.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.accounts.bank_details import (
    PENDING,
    AccountVersion,
    ChangeRefused,
    ChangeState,
    Obstacle,
    Signatory,
    compute_activations,
    compute_approval,
    compute_end,
    compute_proposal,
    find_event,
)
from rempart.accounts.events import SecurityEvent
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.roles import ROLES_OF
from rempart.accounts.visitor import Visitor
from rempart.exchange.payee_check import PayeeAnswer
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.iban import Iban
from rempart.storage import bank_details
from rempart.storage.bank_details import Place
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.warn_contacts import warn_contacts
from rempart.workflows.accounts.web_session import Whence, draw_ref, record_event

_OPERATOR: Final = frozenset(ROLES_OF["operator"])
_NOWHERE: Final = Whence(address="", agent="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, from where, and when: the instant judges a step-up, the database all the rest."""

    visitor: Visitor
    whence: Whence
    now: datetime

    def sign(self) -> Signatory:
        """Return who signs a step."""
        return Signatory(actor_ref=self.visitor.actor_ref, role=self.visitor.role)


@dataclass(frozen=True, slots=True, kw_only=True)
class NewAccount:
    """An account that somebody proposes.

    Args:
        iban: The account.
        close: Seals it for an establishment: the portals' process cannot open it again.
        payee: What its bank said of the establishment's name.
    """

    iban: Iban
    close: Callable[..., bytes]
    payee: PayeeAnswer


def prepare_proposal(tx: Transaction, asker: Asker) -> str:
    """Return the name to be verified with a new account, if one may be proposed at all.

    Asked before the payee's bank is: nobody learns whether a name goes with an account while a
    change is pending.

    Raises:
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        ChangeRefused: a change is pending.
    """
    check_can(asker.visitor, Permission.PROPOSE_BANK_DETAILS, now=asker.now)
    place_ref = get_establishment(asker.visitor)
    activate_lazily(tx, asker, place_ref)
    if any(version.state in PENDING for version in bank_details.load_history(tx, place_ref)):
        raise ChangeRefused(Obstacle.ANOTHER_PENDING)
    return load_place(tx, place_ref).name


def propose_change(tx: Transaction, asker: Asker, account: NewAccount) -> AccountVersion:
    """Propose an account for the asker's establishment; warn everybody; return the change.

    Raises:
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        ChangeRefused: a change is pending.
    """
    check_can(asker.visitor, Permission.PROPOSE_BANK_DETAILS, now=asker.now)
    place_ref = get_establishment(asker.visitor)
    bank_details.lock(tx, place_ref)
    activate_lazily(tx, asker, place_ref)
    history = bank_details.load_history(tx, place_ref)
    draft = AccountVersion(
        change_ref=draw_ref(),
        establishment_ref=place_ref,
        last_digits=account.iban.number[-4:],
        state=ChangeState.PROPOSED,
        proposed_by=asker.visitor.actor_ref,
        proposed_at=bank_details.read_clock(tx),
        payee_check=account.payee.check,
    )
    people = bank_details.list_entitled(tx, place_ref)
    change = compute_proposal(history, people, draft, by=asker.sign())
    bank_details.save_version(
        tx,
        change,
        sealed_iban=account.close(account.iban, establishment_ref=place_ref),
        payee_provider=account.payee.provider,
    )
    _record(tx, None, change, history, asker=asker, at=change.proposed_at)
    return change


def approve_change(tx: Transaction, asker: Asker, change_ref: int) -> AccountVersion:
    """Approve a colleague's change, or one that nobody else there can; return it, cooling.

    Raises:
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        NotFound: there is no such change for them.
        ChangeRefused: it is not waiting any more, it is their own, or it is not theirs to approve.
    """
    operates = asker.visitor.role in _OPERATOR
    permission = Permission.SETTLE_BANK_DETAILS if operates else Permission.APPROVE_BANK_DETAILS
    check_can(asker.visitor, permission, now=asker.now)
    change, history = _take(tx, asker, change_ref)
    people = bank_details.list_entitled(tx, change.establishment_ref)
    at = bank_details.read_clock(tx)
    return _write(
        tx, change, compute_approval(change, people, by=asker.sign(), at=at), history, asker, at
    )


def stop_change(tx: Transaction, asker: Asker, change_ref: int) -> AccountVersion:
    """Stop a change that is not paid yet, refused or cancelled as it stands; return it.

    Needs no fresh ceremony: stopping a theft must not wait.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such change for them.
        ChangeRefused: it is over already.
    """
    check_can(asker.visitor, Permission.CANCEL_BANK_DETAILS, now=asker.now)
    change, history = _take(tx, asker, change_ref)
    at = bank_details.read_clock(tx)
    return _write(tx, change, compute_end(change, by=asker.sign(), at=at), history, asker, at)


def activate_due_changes(tx: Transaction, *, most: int = 100) -> int:
    """Write down the changes whose cooling-off period is over; return of how many establishments.

    Payments do not wait for it: `decide_payment_account` gives the same answer before and after.
    Run again, it finds nothing left to do; killed, it leaves whole changes only.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        most: How many to do in this transaction.
    """
    due = sorted(bank_details.list_due(tx, most=most))
    for place_ref in due:
        bank_details.lock(tx, place_ref)
        _activate(tx, place_ref, asker=None)
    return len(due)


def activate_lazily(tx: Transaction, asker: Asker, establishment_ref: int) -> None:
    """Write down a change of one establishment whose time has come, before anybody reads it."""
    at = bank_details.read_clock(tx)
    if compute_activations(bank_details.load_history(tx, establishment_ref), at=at):
        bank_details.lock(tx, establishment_ref)
        _activate(tx, establishment_ref, asker=asker)


def get_establishment(visitor: Visitor) -> int:
    """Return the establishment somebody acts for.

    Raises:
        NotAllowed: they act for none.
    """
    if visitor.establishment_ref is None:
        raise NotAllowed("bank details are an establishment's: sign in for one")
    return visitor.establishment_ref


def load_place(tx: Transaction, establishment_ref: int) -> Place:
    """Return what an establishment is called.

    Raises:
        NotFound: there is none for this asker.
    """
    place = bank_details.load_place(tx, establishment_ref)
    if place is None:
        raise NotFound("no such establishment")
    return place


def _take(
    tx: Transaction, asker: Asker, change_ref: int
) -> tuple[AccountVersion, list[AccountVersion]]:
    """Return a change as it stands once nobody else touches it, and its history.

    Raises:
        NotFound: it does not exist, or is another establishment's.
    """
    place_ref = bank_details.find_establishment(tx, change_ref)
    mine = place_ref == asker.visitor.establishment_ref or asker.visitor.is_host
    if place_ref is None or not mine:
        raise NotFound("no such change of account")
    bank_details.lock(tx, place_ref)
    history = bank_details.load_history(tx, place_ref)
    [change] = [version for version in history if version.change_ref == change_ref]
    return change, history


def _activate(tx: Transaction, establishment_ref: int, *, asker: Asker | None) -> None:
    """Write what time did to an establishment's accounts; the lock is held."""
    at = bank_details.read_clock(tx)
    history = bank_details.load_history(tx, establishment_ref)
    states = {version.change_ref: version.state for version in history}
    changed = compute_activations(history, at=at)
    for version in changed:
        bank_details.update_version(tx, version, before=states[version.change_ref])
    if changed:
        _record(tx, ChangeState.COOLING, changed[-1], history, asker=asker, at=at)


def _write(
    tx: Transaction,
    before: AccountVersion,
    after: AccountVersion,
    history: list[AccountVersion],
    asker: Asker,
    at: datetime,
) -> AccountVersion:
    if not bank_details.update_version(tx, after, before=before.state):
        raise ChangeRefused(Obstacle.ALREADY_DECIDED)
    _record(tx, before.state, after, history, asker=asker, at=at)
    return after


def _record(
    tx: Transaction,
    before: ChangeState | None,
    change: AccountVersion,
    history: list[AccountVersion],
    *,
    asker: Asker | None,
    at: datetime,
) -> None:
    """Write the event of a step and its warnings.

    The event stands in the account of whoever acted. When time did, it is the proposer's, and
    `by_ref` is whoever looked first.
    """
    place = load_place(tx, change.establishment_ref)
    by = asker.visitor if asker else None
    timely = change.state is ChangeState.ACTIVE
    actor_ref = change.proposed_by if timely or by is None else by.actor_ref
    whence = asker.whence if asker and not timely else _NOWHERE
    old = [v.last_digits for v in history if v.state is ChangeState.ACTIVE]
    event_ref = record_event(
        tx,
        SecurityEvent(
            kind=find_event(before, change.state),
            actor_ref=actor_ref,
            by_ref=by.actor_ref if by and by.actor_ref != actor_ref else None,
            session_ref=by.session_ref if by and not timely else None,
            org_ref=place.org_ref,
            address=whence.address,
            agent=whence.agent,
            details={
                "change_ref": change.change_ref,
                "role": "" if timely or by is None else by.role.value,
                "old_digits": old[0] if old else "",
                "new_digits": change.last_digits,
                "active_from": change.active_from.isoformat() if change.active_from else "",
            },
        ),
    )
    warn_contacts(tx, event_ref, at=at)
