"""Sign an agent or a member in with what a company's identity provider said of them.

A provider's name of somebody opens nothing by itself: it is linked once, by an invitation, to an
actor; and it opens only organisations that trust this provider. Refuses everything else alike.
"""

from dataclasses import dataclass, field
from typing import Literal

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.passkeys import can_sign_in_with_passkey
from rempart.accounts.roles import Role
from rempart.kernel.errors import AccessDenied
from rempart.storage import invitations, passkeys, professional_accounts
from rempart.storage.connect import Transaction
from rempart.storage.passkeys import OpenRole
from rempart.workflows.accounts.redeem_invitation import (
    compute_invitation_digest,
    record_refused_code,
)
from rempart.workflows.accounts.sign_in_with_psc import record_refused_answer
from rempart.workflows.accounts.web_session import Recognised, Whence, record_event

Audience = Literal["agents", "members"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OidcSignIn:
    """Somebody a provider recognised.

    Args:
        actor_ref: Who they are here; None when no actor is linked to this name yet.
        roles: In which they may act through this provider; empty: none.
    """

    actor_ref: int | None = None
    roles: list[OpenRole] = field(default_factory=list)


def sign_in_with_oidc(
    tx: Transaction, provider: str, subject: str, *, audience: Audience, whence: Whence
) -> OidcSignIn:
    """Say who a provider's subject is here, and in which roles they may act through it.

    A refusal of somebody known is written as an event: commit the transaction either way.

    Args:
        tx: A transaction of the role `signin`.
        provider: Its configured name.
        subject: Its name of the person, verified.
        audience: Whether it brings agents or members.
        whence: Where the browser is.
    """
    linked = professional_accounts.find_linked_actor(tx, provider, subject)
    if linked is None:
        return OidcSignIn()
    roles = [] if linked.suspended else list_oidc_roles(tx, linked.actor_ref, provider, audience)
    if not roles:
        record_event(
            tx,
            SecurityEvent(
                kind=SecurityEventKind.SIGN_IN_REFUSED,
                actor_ref=linked.actor_ref,
                address=whence.address,
                agent=whence.agent,
                details={"method": "oidc", "provider": provider, "reason": "no_role"},
            ),
        )
    return OidcSignIn(actor_ref=linked.actor_ref, roles=roles)


def list_oidc_roles(
    tx: Transaction, actor_ref: int, provider: str, audience: Audience
) -> list[OpenRole]:
    """Return the roles an actor may act in today through a provider.

    An agent's organisation must trust this provider by name; a member's role needs a provider for
    members. Professionals come through Pro Santé Connect only.
    """
    roles = [
        one for one in passkeys.list_open_roles(tx, actor_ref) if can_sign_in_with_passkey(one.role)
    ]
    if audience == "members":
        return [one for one in roles if one.role is Role.MEMBER]
    of_agents = [one for one in roles if one.org_ref is not None]
    trusting = professional_accounts.list_trusting(
        tx, [one.org_ref for one in of_agents if one.org_ref is not None], provider
    )
    return [one for one in of_agents if one.org_ref in trusting]


def link_with_invitation(
    tx: Transaction,
    code: str,
    *,
    provider: str,
    subject: str,
    audience: Audience,
    whence: Whence,
) -> OidcSignIn | None:
    """Link a provider's subject to whoever an invitation is for, and use the invitation up.

    Args:
        tx: A transaction of the role `signin`; to be rolled back on AccessDenied.
        code: As it was typed.
        provider: The provider's configured name.
        subject: Its name of the person, verified a moment ago in this browser.
        audience: Whether it brings agents or members.
        whence: Where the browser is.

    Returns:
        Who, with their roles; None for every refusal, and nothing is linked.

    Raises:
        AccessDenied: another browser used the same code at the same instant.
    """
    found = invitations.load_invitation(tx, compute_invitation_digest(code))
    roles = list_oidc_roles(tx, found.actor_ref, provider, audience) if found else []
    good = found is not None and found.waiting and found.kind == "enrolment" and bool(roles)
    if (
        found is None
        or not good
        or not professional_accounts.link_actor(tx, provider, subject, found.actor_ref)
    ):
        record_refused_code(tx, found, whence=whence)
        return None
    # Of two browsers with one code, the second waits here, then gets nothing: its link goes too.
    if not invitations.use_up(tx, found.invitation_ref):
        raise AccessDenied("this code opens nothing")
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.INVITATION_USED,
            actor_ref=found.actor_ref,
            org_ref=found.org_ref,
            address=whence.address,
            agent=whence.agent,
            details={"invitation": found.kind, "provider": provider},
        ),
    )
    return OidcSignIn(actor_ref=found.actor_ref, roles=roles)


def make_recognised(
    actor_ref: int, role: OpenRole, *, provider: str, subject: str, sid: str
) -> Recognised:
    """Return what opens the session of the role somebody chose."""
    return Recognised(
        actor_ref=actor_ref,
        role=role.role,
        org_ref=role.org_ref,
        membership_ref=role.membership_ref,
        accountable_ref=role.accountable_ref,
        method="oidc",
        provider=provider,
        provider_sid=sid,
        provider_sub=subject,
    )


__all__ = ["OpenRole", "record_refused_answer"]
