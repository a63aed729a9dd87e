"""What an administrator does with the people of their organisation, from its pages.

Each act: check the role, lock the people, load, check the persons, write, write the event. Refuses
to keep a code: it is returned once. Somebody stopped loses their sessions in the same transaction.
"""

from dataclasses import dataclass, replace
from datetime import date, datetime
from typing import Final

from rempart.accounts.administration import (
    check_can_ask_recovery,
    check_can_change_role,
    check_can_invite,
    check_can_restore,
    check_can_suspend,
    check_can_suspend_organisation,
    is_administrator,
)
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.invitations import (
    RecoveryRequest,
    check_can_approve_at_the_machine,
    check_can_approve_recovery,
    check_can_decide_recovery,
)
from rempart.accounts.organisations import Membership
from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.roles import ROLES_OF, Role
from rempart.accounts.second_person import Entitled
from rempart.accounts.visitor import Visitor
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.instants import to_paris_day
from rempart.kernel.rpps import Rpps
from rempart.storage import organisations, people
from rempart.storage.connect import Transaction
from rempart.storage.standing import list_entitled
from rempart.workflows.accounts.end_fallen_sessions import end_fallen_sessions
from rempart.workflows.accounts.invite_people import NewInvitation, add_agent, make_invitation
from rempart.workflows.accounts.register_organisation import load_organisation
from rempart.workflows.accounts.web_session import Whence, draw_ref, record_event

REASON_LIMIT: Final = 500
# The host's command line, which is nobody of the console.
COMMAND_LINE_REF: Final = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks for an act, from where, when."""

    visitor: Visitor
    whence: Whence
    now: datetime

    @property
    def today(self) -> date:
        """The civil date in Paris."""
        return to_paris_day(self.now)


def check_can_as_host(asker: Asker, permission: Permission) -> None:
    """Refuse whoever may not do something, and agents of hosted operators: it is not theirs to do.

    Raises:
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        NotFound: they are not of the operator that runs this installation.
    """
    check_can(asker.visitor, permission, now=asker.now)
    if not asker.visitor.is_host:
        raise NotFound("no such page")


def find_host_actor(asker: Asker | None, permission: Permission) -> int:
    """Return who acts for the host: the command line when nobody is signed in.

    Raises:
        NotAllowed, StepUpNeeded, NotFound: see `check_can_as_host`.
    """
    if asker is None:
        return COMMAND_LINE_REF
    check_can_as_host(asker, permission)
    return asker.visitor.actor_ref


def invite_agent(
    tx: Transaction, asker: Asker, *, role: Role, name: str, invitation_ref: int
) -> NewInvitation:
    """Bring somebody new into the asker's organisation; return the code to hand over.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An administrator.
        role: What the newcomer is to be.
        name: What colleagues call them.
        invitation_ref: A reference of the request: the same one sent twice invites once.

    Raises:
        NotAllowed: the role is not theirs to give (also NotFound, InvalidRequest, Conflict: see
            `check_can_invite`).
        Conflict: this request came already.
    """
    check_can(asker.visitor, Permission.INVITE_AGENT, now=asker.now)
    org = load_organisation(tx, _get_org_ref(asker.visitor))
    accountable_ref = check_can_invite(asker.visitor, role, org=org, actor_kind="agent")
    actor_ref = add_agent(tx, org.org_ref, role=role, name=name, accountable_ref=accountable_ref)
    invitation = make_invitation(
        tx,
        actor_ref,
        org_ref=org.org_ref,
        actor_kind="agent",
        kind="enrolment",
        invited_by=asker.visitor.actor_ref,
        invitation_ref=invitation_ref,
    )
    _record(tx, asker, SecurityEventKind.ROLE_GIVEN, actor_ref, role=role.value)
    _record(tx, asker, SecurityEventKind.INVITED, actor_ref, invitation="enrolment")
    return invitation


def bring_locum(tx: Transaction, asker: Asker, *, rpps: Rpps, ends_on: date) -> int:
    """Let a professional of the register work as the asker's locum until a day, included.

    They need no code: they sign in with Pro Santé Connect. Returns whose account it is.

    Raises:
        NotAllowed: the asker is not a holder.
        NotFound: no professional who does not work here already has this number.
    """
    check_can(asker.visitor, Permission.INVITE_AGENT, now=asker.now)
    org_ref = _get_org_ref(asker.visitor)
    people.lock_people(tx, org_ref)
    org = load_organisation(tx, org_ref)
    check_can_invite(asker.visitor, Role.LOCUM, org=org, actor_kind="professional")
    actor_ref = people.bring_locum(tx, rpps=rpps.number, membership_ref=draw_ref(), ends_on=ends_on)
    if actor_ref is None:
        raise NotFound("no professional with this number, or they work here already")
    _record(
        tx,
        asker,
        SecurityEventKind.ROLE_GIVEN,
        actor_ref,
        role=Role.LOCUM.value,
        until=ends_on.isoformat(),
    )
    return actor_ref


def change_role(tx: Transaction, asker: Asker, membership_ref: int, role: Role) -> None:
    """Give a colleague another role; their sessions in the former one end at once.

    Raises:
        NotFound: no such colleague (also NotAllowed, InvalidRequest, Conflict: see
            `check_can_change_role`).
    """
    check_can(asker.visitor, Permission.CHANGE_ROLE, now=asker.now)
    person, others = _load_colleague(tx, asker.visitor, membership_ref)
    accountable_ref = check_can_change_role(
        asker.visitor, person, role, other_administrators=others
    )
    if not people.set_role(tx, person, role, accountable_ref):
        raise NotFound("no such person in your organisation")
    kind = SecurityEventKind.ROLE_CHANGED
    _record(tx, asker, kind, person.actor_ref, role=role.value, before=person.role.value)
    _end_sessions(tx, asker, org_ref=person.org_ref, actor_ref=person.actor_ref)


def suspend_agent(tx: Transaction, asker: Asker, membership_ref: int) -> None:
    """Stop every role of a colleague here: sessions end, invitations are taken back, at once.

    Raises:
        NotFound: no such colleague (also NotAllowed, Conflict: see `check_can_suspend`).
    """
    check_can(asker.visitor, Permission.SUSPEND_AGENT, now=asker.now)
    person, others = _load_colleague(tx, asker.visitor, membership_ref)
    check_can_suspend(asker.visitor, person, other_administrators=others)
    people.suspend_person(tx, person.actor_ref, person.org_ref)
    people.revoke_waiting(tx, person.actor_ref, person.org_ref)
    _record(tx, asker, SecurityEventKind.AGENT_SUSPENDED, person.actor_ref)
    _end_sessions(tx, asker, org_ref=person.org_ref, actor_ref=person.actor_ref)


def restore_agent(tx: Transaction, asker: Asker, membership_ref: int) -> None:
    """Give a colleague their roles back; they sign in again.

    Raises:
        NotFound: no such colleague (also NotAllowed, Conflict: see `check_can_restore`).
    """
    check_can(asker.visitor, Permission.RESTORE_AGENT, now=asker.now)
    person, _ = _load_colleague(tx, asker.visitor, membership_ref)
    check_can_restore(asker.visitor, person)
    people.restore_person(tx, person.actor_ref, person.org_ref)
    _record(tx, asker, SecurityEventKind.AGENT_RESTORED, person.actor_ref)


def ask_recovery(tx: Transaction, asker: Asker, membership_ref: int, *, reason: str) -> int:
    """Ask that a colleague without a key be invited again; return the request's reference.

    Raises:
        InvalidRequest: no reason given (also NotFound, NotAllowed, Conflict: see
            `check_can_ask_recovery`).
    """
    check_can(asker.visitor, Permission.ASK_RECOVERY, now=asker.now)
    words = _read_reason(reason)
    person, _ = _load_colleague(tx, asker.visitor, membership_ref)
    check_can_ask_recovery(
        asker.visitor, person, pending=people.is_recovering(tx, person.actor_ref)
    )
    request_ref = draw_ref()
    people.save_recovery(
        tx,
        request_ref=request_ref,
        actor_ref=person.actor_ref,
        org_ref=person.org_ref,
        asked_by=asker.visitor.actor_ref,
        reason=words,
    )
    _record(tx, asker, SecurityEventKind.RECOVERY_ASKED, person.actor_ref)
    return request_ref


def approve_recovery(tx: Transaction, asker: Asker, request_ref: int) -> NewInvitation:
    """Approve somebody else's request; return the new code to hand over.

    Raises:
        NotFound: no such request (also NotAllowed, Conflict: see `check_can_approve_recovery`).
    """
    check_can(asker.visitor, Permission.APPROVE_RECOVERY, now=asker.now)
    request = _load_recovery(tx, request_ref)
    deciders = _list_deciders(tx, request)
    check_can_approve_recovery(asker.visitor, request, deciders, at=people.read_clock(tx))
    _decide_recovery(tx, asker, request, approved=True)
    return _invite_again(tx, request, approved_by=asker.visitor.actor_ref)


def approve_recovery_at_the_machine(tx: Transaction, request_ref: int) -> NewInvitation:
    """Approve a request that nobody else at the host operator can; return the code to hand over.

    Args:
        tx: A transaction of the role `registrar`.
        request_ref: The request.

    Raises:
        NotFound: no such request (also NotAllowed, Conflict: see
            `check_can_approve_at_the_machine`).
    """
    request = _load_recovery(tx, request_ref)
    org = None if request.org_ref is None else load_organisation(tx, request.org_ref)
    check_can_approve_at_the_machine(
        request,
        _list_deciders(tx, request),
        is_host=org is not None and org.is_host,
        at=people.read_clock(tx),
    )
    _decide_recovery(tx, None, request, approved=True)
    return _invite_again(tx, request, approved_by=None)


def refuse_recovery(tx: Transaction, asker: Asker, request_ref: int) -> None:
    """Refuse somebody else's request: no code is made.

    Raises:
        NotFound: no such request (also NotAllowed, Conflict: see `check_can_decide_recovery`).
    """
    check_can(asker.visitor, Permission.APPROVE_RECOVERY, now=asker.now)
    request = _load_recovery(tx, request_ref)
    check_can_decide_recovery(asker.visitor, request)
    _decide_recovery(tx, asker, request, approved=False)


def revoke_invitation(tx: Transaction, asker: Asker, invitation_ref: int) -> None:
    """Take a waiting invitation of the asker's organisation back: its code opens nothing.

    Raises:
        NotFound: none waits there.
    """
    check_can(asker.visitor, Permission.SUSPEND_AGENT, now=asker.now)
    actor_ref = people.revoke_invitation(tx, invitation_ref, _get_org_ref(asker.visitor))
    if actor_ref is None:
        raise NotFound("no such invitation waits in your organisation")
    _record(tx, asker, SecurityEventKind.INVITATION_REVOKED, actor_ref)


def suspend_organisation(tx: Transaction, asker: Asker | None, org_ref: int) -> int:
    """Stop everybody of an organisation, and of those it hosts; return how many sessions ended.

    Args:
        tx: A transaction with the asker's ticket, or of the role `registrar`.
        asker: An agent of the host operator; None for the command line.
        org_ref: The organisation.

    Raises:
        NotFound: no such organisation for the asker.
        NotAllowed: it is the host itself.
        Conflict: it is stopped already.
    """
    _check_can_stop(tx, asker, org_ref)
    if not organisations.suspend_organisation(tx, org_ref):
        raise Conflict("this organisation is suspended already")
    _record(tx, asker, SecurityEventKind.ORGANISATION_SUSPENDED, None, org_ref=org_ref)
    return _end_sessions(tx, asker, org_ref=org_ref)


def restore_organisation(tx: Transaction, asker: Asker | None, org_ref: int) -> None:
    """Let an organisation go on; its people sign in again.

    Args:
        tx: A transaction with the asker's ticket, or of the role `registrar`.
        asker: An agent of the host operator; None for the command line.
        org_ref: The organisation.

    Raises:
        NotFound: no such organisation for the asker.
        NotAllowed: it is the host itself.
        Conflict: it is not stopped.
    """
    _check_can_stop(tx, asker, org_ref)
    if not organisations.restore_organisation(tx, org_ref):
        raise Conflict("this organisation is not suspended")
    _record(tx, asker, SecurityEventKind.ORGANISATION_RESTORED, None, org_ref=org_ref)


def _check_can_stop(tx: Transaction, asker: Asker | None, org_ref: int) -> None:
    org = load_organisation(tx, org_ref)
    if asker is not None:
        check_can(asker.visitor, Permission.SUSPEND_ORGANISATION, now=asker.now)
    check_can_suspend_organisation(None if asker is None else asker.visitor, org)


def _load_colleague(
    tx: Transaction, visitor: Visitor, membership_ref: int
) -> tuple[Membership, int]:
    """Return a colleague's role and how many others administer, while nobody else changes them."""
    org_ref = _get_org_ref(visitor)
    people.lock_people(tx, org_ref)
    person = people.load_membership(tx, membership_ref)
    if person is None or person.org_ref != org_ref:
        raise NotFound("no such person in your organisation")
    person = replace(person, others=people.list_other_roles(tx, person))
    kind = person.org_kind
    roles = [role for role in ROLES_OF[kind] if is_administrator(role, kind)]
    return person, people.count_other_administrators(tx, org_ref, person.actor_ref, roles)


def _load_recovery(tx: Transaction, request_ref: int) -> RecoveryRequest:
    request = people.load_recovery(tx, request_ref)
    if request is None:
        raise NotFound("no such request in your organisation")
    return request


def _list_deciders(tx: Transaction, request: RecoveryRequest) -> list[Entitled]:
    return list_entitled(tx, request.org_ref, Permission.APPROVE_RECOVERY)


def _decide_recovery(
    tx: Transaction, asker: Asker | None, request: RecoveryRequest, *, approved: bool
) -> None:
    decided_by = None if asker is None else asker.visitor.actor_ref
    if not people.decide_recovery(
        tx, request.request_ref, decided_by=decided_by, approved=approved
    ):
        raise Conflict("this request was decided already")
    kind = SecurityEventKind.RECOVERY_APPROVED if approved else SecurityEventKind.RECOVERY_REFUSED
    _record(tx, asker, kind, request.actor_ref, org_ref=request.org_ref)


def _invite_again(
    tx: Transaction, request: RecoveryRequest, *, approved_by: int | None
) -> NewInvitation:
    people.revoke_waiting(tx, request.actor_ref, request.org_ref)
    return make_invitation(
        tx,
        request.actor_ref,
        org_ref=request.org_ref,
        actor_kind="member" if request.org_ref is None else "agent",
        kind="recovery",
        invited_by=request.asked_by,
        approved_by=approved_by,
    )


def _end_sessions(
    tx: Transaction, asker: Asker | None, *, org_ref: int, actor_ref: int | None = None
) -> int:
    if asker is None:
        return end_fallen_sessions(tx, org_ref=org_ref, actor_ref=actor_ref)
    return end_fallen_sessions(
        tx,
        org_ref=org_ref,
        actor_ref=actor_ref,
        by_ref=asker.visitor.actor_ref,
        whence=asker.whence,
    )


def _record(
    tx: Transaction,
    asker: Asker | None,
    kind: SecurityEventKind,
    actor_ref: int | None,
    *,
    org_ref: int | None = None,
    **details: str,
) -> None:
    """Write an event about somebody: in the asker's organisation unless another is named."""
    if asker is None:
        details["by"] = "command line"
        event = SecurityEvent(kind=kind, actor_ref=actor_ref, org_ref=org_ref, details=details)
    else:
        event = SecurityEvent(
            kind=kind,
            actor_ref=actor_ref,
            by_ref=asker.visitor.actor_ref,
            session_ref=asker.visitor.session_ref,
            org_ref=org_ref if org_ref is not None else asker.visitor.org_ref,
            address=asker.whence.address,
            agent=asker.whence.agent,
            details=details,
        )
    record_event(tx, event)


def _get_org_ref(visitor: Visitor) -> int:
    if visitor.org_ref is None:
        raise NotFound("you act for yourself: there is no organisation to administer")
    return visitor.org_ref


def _read_reason(text: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > REASON_LIMIT:
        raise InvalidRequest(f"reason: say why, in {REASON_LIMIT} letters at most")
    return words
