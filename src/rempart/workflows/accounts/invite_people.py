"""Invitations: a code for somebody new, for a first administrator, for a member by letter.

Refuses to keep a code: it is returned once and only its digest is stored. Members are invited from
the command line only, one exact card or set of identifiers at a time: nobody searches them.
"""

import secrets
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from rempart.accounts.administration import check_role_fits
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.invitations import CODE_BITS, InvitationCode, find_invitation_lifetime
from rempart.accounts.organisations import check_accountable, check_can_work_through
from rempart.accounts.roles import ActorKind, Role
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.rpps import Rpps
from rempart.rights.lookup import Identifiers, compute_lookup_key
from rempart.storage import findable_members, organisations, people
from rempart.storage.connect import Transaction
from rempart.storage.people import InvitationKind
from rempart.workflows.accounts.register_organisation import USER_HANDLE_BYTES, load_organisation
from rempart.workflows.accounts.web_session import draw_ref, record_event

NAME_LIMIT: Final = 120
# A member's name stays in the identity plane.
MEMBER_NAME: Final = "Adhérent"


@dataclass(frozen=True, slots=True, kw_only=True)
class NewInvitation:
    """An invitation and its code, in the only moment the code is known."""

    invitation_ref: int
    actor_ref: int
    kind: InvitationKind
    code: InvitationCode
    expires_at: datetime


def add_agent(
    tx: Transaction,
    org_ref: int,
    *,
    role: Role,
    name: str,
    accountable_ref: int | None = None,
    via_ref: int | None = None,
) -> int:
    """Add somebody new to an organisation, with a role from today; return who they are.

    Raises:
        InvalidRequest: the name is empty, too long, or holds what does not print.
    """
    words = " ".join(name.split())
    if not words or len(words) > NAME_LIMIT or not words.isprintable():
        raise InvalidRequest(f"name: write what colleagues call them, {NAME_LIMIT} letters at most")
    actor_ref = draw_ref()
    people.save_actor(
        tx,
        actor_ref=actor_ref,
        kind="agent",
        name=words,
        user_handle=secrets.token_bytes(USER_HANDLE_BYTES),
    )
    people.save_membership(
        tx,
        membership_ref=draw_ref(),
        actor_ref=actor_ref,
        org_ref=org_ref,
        role=role,
        accountable_ref=accountable_ref,
        via_ref=via_ref,
    )
    return actor_ref


def make_invitation(
    tx: Transaction,
    actor_ref: int,
    *,
    actor_kind: ActorKind,
    org_ref: int | None,
    kind: InvitationKind,
    invited_by: int | None = None,
    approved_by: int | None = None,
    invitation_ref: int | None = None,
) -> NewInvitation:
    """Draw a code for somebody and keep its digest; whoever calls writes the event.

    Raises:
        Conflict: there is an invitation with this reference: the request came twice.
    """
    code = InvitationCode.from_number(secrets.randbits(CODE_BITS))
    ref = draw_ref() if invitation_ref is None else invitation_ref
    expires_at = people.save_invitation(
        tx,
        invitation_ref=ref,
        code_digest=code.compute_digest(),
        kind=kind,
        actor_ref=actor_ref,
        org_ref=org_ref,
        invited_by=invited_by,
        approved_by=approved_by,
        lifetime=find_invitation_lifetime(actor_kind),
    )
    return NewInvitation(
        invitation_ref=ref, actor_ref=actor_ref, kind=kind, code=code, expires_at=expires_at
    )


def invite_first_agent(
    tx: Transaction,
    org_ref: int,
    *,
    role: Role,
    name: str,
    today: date,
    accountable: Rpps | None = None,
    via_ref: int | None = None,
) -> NewInvitation:
    """Bring an agent into an organisation from the command line: its first administrator, say.

    Args:
        tx: A transaction of the role `registrar`.
        org_ref: The organisation.
        role: What the newcomer is to be.
        name: What colleagues call them.
        today: Paris civil date, for the sub-processor's mandate.
        accountable: The holder who answers for an assistant.
        via_ref: The sub-processor whose agent this is, inside an insurer's space.

    Raises:
        NotFound: no such organisation, or no such holder.
        InvalidRequest: the role is one of another kind of organisation, or of professionals.
        NotAllowed: the sub-processor has no mandate today, or nobody answers for an assistant.
        Conflict: the organisation is suspended.
    """
    people.lock_people(tx, org_ref)
    org = load_organisation(tx, org_ref)
    if org.suspended:
        raise Conflict(f"organisation {org_ref} is suspended: `rempart organisation restore` it")
    check_role_fits(role, org_kind=org.kind, actor_kind="agent")
    holder = None if accountable is None else people.find_holder(tx, org_ref, accountable.number)
    if accountable is not None and holder is None:
        raise NotFound("no holder of this establishment has this RPPS number")
    check_accountable(role, holder, org_ref=org_ref)
    if via_ref is not None:
        mandates = organisations.list_mandates(tx, org_ref)
        via = load_organisation(tx, via_ref)
        check_can_work_through(via, org_ref=org_ref, mandates=mandates, day=today)
    actor_ref = add_agent(
        tx,
        org_ref,
        role=role,
        name=name,
        accountable_ref=None if holder is None else holder.actor_ref,
        via_ref=via_ref,
    )
    invitation = make_invitation(
        tx, actor_ref, actor_kind="agent", org_ref=org_ref, kind="enrolment"
    )
    for kind, details in (
        (SecurityEventKind.ROLE_GIVEN, {"role": role.value, "by": "command line"}),
        (SecurityEventKind.INVITED, {"kind": "enrolment", "by": "command line"}),
    ):
        record_event(
            tx, SecurityEvent(kind=kind, actor_ref=actor_ref, org_ref=org_ref, details=details)
        )
    return invitation


def find_member_person(
    tx: Transaction, identifiers: Identifiers, *, insurer_id: int, lookup_secret: bytes
) -> int:
    """Return the person whom an exact card or set of identifiers leads to, at one insurer.

    Args:
        tx: A transaction of the role `feeds`, the only one here that reads look-ups.
        identifiers: The card's code, or what the member gave.
        insurer_id: The insurer that has them invited.
        lookup_secret: The installation's look-up key.

    Raises:
        NotFound: nobody, or somebody of another insurer: the same words for both.
    """
    key = compute_lookup_key(lookup_secret, identifiers)
    found = findable_members.find_person(tx, key)
    if found is None or found[1] != insurer_id:
        raise NotFound(f"insurer {insurer_id} has no current member with these identifiers")
    return found[0]


def invite_member(tx: Transaction, *, insurer_id: int, person_ref: int) -> NewInvitation:
    """Let a member enrol a passkey, or enrol one again; the code goes by letter.

    A member who has an account already keeps it: the code replaces those not used yet.

    Args:
        tx: A transaction of the role `registrar`.
        insurer_id: Their insurer.
        person_ref: Which of its persons, from `find_member_person`.
    """
    known = people.find_member(tx, insurer_id, person_ref)
    actor_ref = draw_ref() if known is None else known
    if known is None:
        people.save_actor(
            tx,
            actor_ref=actor_ref,
            kind="member",
            name=MEMBER_NAME,
            user_handle=secrets.token_bytes(USER_HANDLE_BYTES),
        )
        people.save_member(tx, actor_ref=actor_ref, insurer_id=insurer_id, person_ref=person_ref)
    else:
        people.revoke_waiting(tx, actor_ref, None)
    kind: InvitationKind = "enrolment" if known is None else "recovery"
    invitation = make_invitation(tx, actor_ref, actor_kind="member", org_ref=None, kind=kind)
    details = {"kind": kind, "by": "command line"}
    record_event(
        tx,
        SecurityEvent(kind=SecurityEventKind.INVITED, actor_ref=actor_ref, details=details),
    )
    return invitation
