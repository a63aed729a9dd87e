"""The people of an organisation: roles, invitations, recoveries, in the accounts plane.

Refuses to decide who may do what to whom (accounts.administration), and to know a code: it stores
digests.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any, Final, Literal, TypeAlias

import psycopg

from rempart.accounts.invitations import RecoveryRequest, RecoveryState
from rempart.accounts.organisations import Membership, OtherRole
from rempart.accounts.roles import ActorKind, Role
from rempart.kernel.errors import Conflict
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("people")

PersonColumn: TypeAlias = Literal["name", "role", "state", "seen"]
PersonState: TypeAlias = Literal["active", "invited", "to_come", "suspended", "account_suspended"]
InvitationKind: TypeAlias = Literal["enrolment", "recovery"]


@dataclass(frozen=True, slots=True)
class ListedPerson:
    """One role of one person in an organisation.

    `last_at` is their last sign-in there; None also when the asker may not see it. `recovering`:
    a request for recovery waits.
    """

    membership_ref: int
    actor_ref: int
    kind: ActorKind
    name: str
    role: Role
    starts_on: date
    ends_on: date | None
    accountable: str
    via: str
    state: PersonState
    last_at: datetime | None
    recovering: bool


@dataclass(frozen=True, slots=True)
class ListedInvitation:
    """An invitation that waits for its person."""

    invitation_ref: int
    actor_ref: int
    name: str
    kind: InvitationKind
    invited_by: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class ListedRecovery:
    """A request for recovery that waits for its decision."""

    request_ref: int
    actor_ref: int
    name: str
    asked_by_ref: int
    asked_by: str
    reason: str
    asked_at: datetime
    org_name: str


@dataclass(frozen=True, slots=True)
class EndedSession:
    """A session that was just ended."""

    session_ref: int
    actor_ref: int
    org_ref: int | None


def lock_people(tx: Transaction, org_ref: int) -> None:
    """Wait until nobody else changes the people of an organisation; holds until the end."""
    tx.execute(QUERIES.lock_people, {"org_ref": org_ref})


def load_membership(tx: Transaction, membership_ref: int) -> Membership | None:
    """Return a role, or None when there is none the asker sees."""
    row = tx.execute(QUERIES.load_membership, {"membership_ref": membership_ref}).fetchone()
    return None if row is None else _read_membership(row)


def list_other_roles(tx: Transaction, person: Membership) -> tuple[OtherRole, ...]:
    """Return the person's other roles in the same organisation that are not over."""
    values = {
        "membership_ref": person.membership_ref,
        "actor_ref": person.actor_ref,
        "org_ref": person.org_ref,
    }
    rows = tx.execute(QUERIES.list_other_roles, values)
    return tuple(OtherRole(Role(role), active) for role, active in rows)


def find_holder(tx: Transaction, org_ref: int, rpps: str) -> Membership | None:
    """Return the role of a professional as a holder of an establishment, or None."""
    row = tx.execute(QUERIES.find_holder, {"org_ref": org_ref, "rpps": rpps}).fetchone()
    return None if row is None else _read_membership(row)


def list_administrators(
    tx: Transaction, org_ref: int, roles: Iterable[Role]
) -> list[tuple[int, ActorKind]]:
    """Return who has one of these roles in an organisation today, and what they are."""
    facts = {"org_ref": org_ref, "roles": [role.value for role in roles]}
    return list(tx.execute(QUERIES.list_administrators, facts).fetchall())


def count_other_administrators(
    tx: Transaction, org_ref: int, actor_ref: int, roles: Iterable[Role]
) -> int:
    """Return how many people but one have one of these roles in an organisation today."""
    [(count,)] = tx.execute(
        QUERIES.count_other_administrators,
        {"org_ref": org_ref, "actor_ref": actor_ref, "roles": [role.value for role in roles]},
    ).fetchall()
    return int(count)


def list_people(
    tx: Transaction,
    org_ref: int,
    listing: Listing[PersonColumn],
    *,
    roles: Iterable[Role],
    membership_ref: int | None = None,
) -> tuple[list[ListedPerson], int]:
    """Return one page of the people of an organisation, and how many roles there are in all.

    Args:
        tx: An open transaction.
        org_ref: The organisation.
        listing: Which page; the name decides among equals.
        roles: In the order in which `role` sorts.
        membership_ref: Only this role.
    """
    wanted = {
        "org_ref": org_ref,
        "membership_ref": membership_ref,
        "roles": [role.value for role in roles],
    }
    return load_page(tx, QUERIES.list_people, listing, _read_person, wanted)


def save_actor(
    tx: Transaction, *, actor_ref: int, kind: ActorKind, name: str, user_handle: bytes
) -> None:
    """Add somebody who may act."""
    tx.execute(
        QUERIES.insert_actor,
        {
            "actor_ref": actor_ref,
            "kind": kind,
            "display_name": name,
            "user_handle": user_handle,
        },
    )


def save_membership(
    tx: Transaction,
    *,
    membership_ref: int,
    actor_ref: int,
    org_ref: int,
    role: Role,
    accountable_ref: int | None,
    via_ref: int | None = None,
) -> None:
    """Give somebody a role in an organisation, from today."""
    tx.execute(
        QUERIES.insert_membership,
        {
            "membership_ref": membership_ref,
            "actor_ref": actor_ref,
            "org_ref": org_ref,
            "role": role.value,
            "accountable_ref": accountable_ref,
            "via_ref": via_ref,
        },
    )


def bring_locum(tx: Transaction, *, rpps: str, membership_ref: int, ends_on: date) -> int | None:
    """Make a professional of the register a locum of the asker; return who it is, or None."""
    row = tx.execute(
        QUERIES.bring_locum, {"rpps": rpps, "membership_ref": membership_ref, "ends_on": ends_on}
    ).fetchone()
    return None if row is None or row[0] is None else int(row[0])


def set_role(tx: Transaction, person: Membership, role: Role, accountable_ref: int | None) -> bool:
    """Give somebody another role; False when it is not the asker's to give."""
    row = tx.execute(
        QUERIES.set_role,
        {
            "membership_ref": person.membership_ref,
            "org_ref": person.org_ref,
            "role": role.value,
            "accountable_ref": accountable_ref,
        },
    ).fetchone()
    return row is not None


def suspend_person(tx: Transaction, actor_ref: int, org_ref: int) -> bool:
    """Stop every role of somebody in an organisation; False when none was running."""
    return _changed(tx, QUERIES.suspend_person, actor_ref=actor_ref, org_ref=org_ref)


def restore_person(tx: Transaction, actor_ref: int, org_ref: int) -> bool:
    """Give somebody their roles in an organisation back; False when none was stopped."""
    return _changed(tx, QUERIES.restore_person, actor_ref=actor_ref, org_ref=org_ref)


def suspend_account(tx: Transaction, actor_ref: int) -> bool:
    """Stop somebody everywhere; False when they were stopped already."""
    return _changed(tx, QUERIES.suspend_account, actor_ref=actor_ref)


def restore_account(tx: Transaction, actor_ref: int) -> bool:
    """Let somebody act again; False when they were not stopped."""
    return _changed(tx, QUERIES.restore_account, actor_ref=actor_ref)


def end_fallen_sessions(
    tx: Transaction, *, org_ref: int | None, actor_ref: int | None
) -> list[EndedSession]:
    """End the sessions of an organisation or a person that rest on something suspended, changed."""
    rows = tx.execute(QUERIES.end_fallen_sessions, {"org_ref": org_ref, "actor_ref": actor_ref})
    return [EndedSession(*row) for row in rows]


def save_invitation(
    tx: Transaction,
    *,
    invitation_ref: int,
    code_digest: bytes,
    kind: InvitationKind,
    actor_ref: int,
    org_ref: int | None,
    invited_by: int | None,
    approved_by: int | None,
    lifetime: timedelta,
) -> datetime:
    """Add an invitation; return until when it waits.

    Raises:
        Conflict: there is one with this reference: the same request came twice.
    """
    try:
        with tx.transaction():
            tx.execute(
                QUERIES.insert_invitation,
                {
                    "invitation_ref": invitation_ref,
                    "code_digest": code_digest,
                    "kind": kind,
                    "actor_ref": actor_ref,
                    "org_ref": org_ref,
                    "invited_by": invited_by,
                    "approved_by": approved_by,
                    "lifetime": lifetime,
                },
            )
    except psycopg.errors.UniqueViolation as failure:
        raise Conflict("this invitation was made already: find it among those waiting") from failure
    [(expires_at,)] = tx.execute(QUERIES.load_expiry, {"invitation_ref": invitation_ref}).fetchall()
    return expires_at  # type: ignore[no-any-return]


def list_invitations(tx: Transaction, org_ref: int) -> list[ListedInvitation]:
    """Return the invitations of an organisation that wait, the newest first."""
    rows = tx.execute(QUERIES.list_invitations, {"org_ref": org_ref})
    return [ListedInvitation(*row) for row in rows]


def revoke_invitation(tx: Transaction, invitation_ref: int, org_ref: int) -> int | None:
    """Take a waiting invitation back; return whose it was, None when none waits."""
    row = tx.execute(
        QUERIES.revoke_invitation, {"invitation_ref": invitation_ref, "org_ref": org_ref}
    ).fetchone()
    return None if row is None else int(row[0])


def revoke_waiting(tx: Transaction, actor_ref: int, org_ref: int | None) -> list[int]:
    """Take back every waiting invitation of somebody; return which."""
    rows = tx.execute(QUERIES.revoke_waiting, {"actor_ref": actor_ref, "org_ref": org_ref})
    return [int(ref) for (ref,) in rows]


def save_recovery(
    tx: Transaction,
    *,
    request_ref: int,
    actor_ref: int,
    org_ref: int,
    asked_by: int,
    reason: str,
) -> None:
    """Add a request for recovery."""
    tx.execute(
        QUERIES.insert_recovery,
        {
            "request_ref": request_ref,
            "actor_ref": actor_ref,
            "org_ref": org_ref,
            "asked_by": asked_by,
            "reason": reason,
        },
    )


def is_recovering(tx: Transaction, actor_ref: int) -> bool:
    """Say whether a request for somebody waits."""
    [(waits,)] = tx.execute(QUERIES.is_recovering, {"actor_ref": actor_ref}).fetchall()
    return bool(waits)


def load_recovery(tx: Transaction, request_ref: int) -> RecoveryRequest | None:
    """Return a request for recovery, or None when there is none the asker sees."""
    row = tx.execute(QUERIES.load_recovery, {"request_ref": request_ref}).fetchone()
    if row is None:
        return None
    ref, actor_ref, org_ref, asked_by, asked_at, decided, approved = row
    state = RecoveryState.ASKED
    if decided:
        state = RecoveryState.APPROVED if approved else RecoveryState.REFUSED
    return RecoveryRequest(
        request_ref=ref,
        actor_ref=actor_ref,
        org_ref=org_ref,
        asked_by=asked_by,
        asked_at=asked_at,
        state=state,
    )


def list_recoveries(tx: Transaction, org_ref: int | None) -> list[ListedRecovery]:
    """Return the requests that wait, of one organisation or (None) of all the asker sees."""
    rows = tx.execute(QUERIES.list_recoveries, {"org_ref": org_ref})
    return [ListedRecovery(*row) for row in rows]


def read_clock(tx: Transaction) -> datetime:
    """Return the present instant, by the one clock that decides."""
    [(instant,)] = tx.execute(QUERIES.read_clock).fetchall()
    return instant  # type: ignore[no-any-return]


def decide_recovery(
    tx: Transaction, request_ref: int, *, decided_by: int | None, approved: bool
) -> bool:
    """Decide a request (None: at the command line); False when it was decided already."""
    return _changed(
        tx,
        QUERIES.decide_recovery,
        request_ref=request_ref,
        decided_by=decided_by,
        approved=approved,
    )


def find_member(tx: Transaction, insurer_id: int, person_ref: int) -> int | None:
    """Return the account of a person of an insurer, or None."""
    row = tx.execute(
        QUERIES.find_member, {"insurer_id": insurer_id, "person_ref": person_ref}
    ).fetchone()
    return None if row is None else int(row[0])


def save_member(tx: Transaction, *, actor_ref: int, insurer_id: int, person_ref: int) -> None:
    """Say which person of which insurer an actor is."""
    tx.execute(
        QUERIES.insert_member,
        {"actor_ref": actor_ref, "insurer_id": insurer_id, "person_ref": person_ref},
    )


def _changed(tx: Transaction, query: str, **values: Any) -> bool:
    return tx.execute(query, values).fetchone() is not None


def _read_person(*row: Any) -> ListedPerson:
    cells = list(row)
    cells[4] = Role(cells[4])
    return ListedPerson(*cells)


def _read_membership(row: tuple[Any, ...]) -> Membership:
    ref, actor_ref, actor_kind, org_ref, org_kind, role, active, suspended, accountable_ref = row
    return Membership(
        membership_ref=ref,
        actor_ref=actor_ref,
        actor_kind=actor_kind,
        org_ref=org_ref,
        org_kind=org_kind,
        role=Role(role),
        active=active,
        suspended=suspended,
        accountable_ref=accountable_ref,
    )
