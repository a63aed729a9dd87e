"""Redeem an invitation: a code received out of band, exchanged once for a passkey.

Refuses to say what is wrong with a code: unknown, used, revoked and expired look the same, and so
does the code of somebody suspended.
"""

from typing import Any, Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.invitations import InvitationCode
from rempart.exchange.passkey_messages import (
    Message,
    ProofRefused,
    RelyingParty,
    read_registration,
)
from rempart.kernel.errors import AccessDenied
from rempart.kernel.findings import BadValue
from rempart.storage import invitations, passkeys
from rempart.storage.connect import Transaction
from rempart.storage.invitations import StoredInvitation
from rempart.workflows.accounts.enrol_passkey import ask_for_new_key, keep_key
from rempart.workflows.accounts.passkey_ceremony import (
    Proven,
    end_every_session,
    list_passkey_roles,
)
from rempart.workflows.accounts.web_session import Whence, record_event

# The digest of no code: looked for all the same, so that nonsense takes as long as a wrong guess.
_NO_CODE: Final = bytes(32)
_NOBODY: Final = 0


def compute_invitation_digest(text: str) -> bytes:
    """Return the digest of a typed code; of nothing, when it is not the shape of one."""
    try:
        return InvitationCode.parse(text).compute_digest()
    except BadValue:
        return _NO_CODE


def open_invitation(
    tx: Transaction,
    code_digest: bytes,
    *,
    party: RelyingParty,
    challenge: bytes,
    whence: Whence,
) -> dict[str, Any] | None:
    """Say what a browser needs to make the key that a code gives a right to; None to refuse.

    The code is not used up: nothing has been proved yet. A refusal is written as an event.

    Args:
        tx: A transaction of the role `signin`.
        code_digest: What `compute_invitation_digest` made of the code.
        party: This site.
        challenge: Fresh random bytes.
        whence: Where from.
    """
    found = invitations.load_invitation(tx, code_digest)
    actor_ref = found.actor_ref if found else _NOBODY
    roles = list_passkey_roles(tx, actor_ref)
    options = ask_for_new_key(tx, actor_ref, party, challenge)
    if found is None or not found.waiting or not roles:
        record_refused_code(tx, found, whence=whence)
        return None
    return options


def redeem_invitation(
    tx: Transaction,
    code_digest: bytes,
    message: Message,
    *,
    label: str,
    party: RelyingParty,
    challenge: bytes | None,
    whence: Whence,
) -> Proven:
    """Use a code up and keep the key made with it, both or neither.

    A recovery also revokes the keys of before and ends the sessions they opened: whoever lost a
    key may have lost it to somebody.

    Args:
        tx: A transaction of the role `signin`; to be rolled back on AccessDenied.
        code_digest: The code this browser gave to `open_invitation`.
        message: What the browser sent.
        label: What the key is called, cleaned.
        party: This site.
        challenge: What was to be signed, taken out of the session; None when there was none.
        whence: Where from.

    Returns:
        Who, with the roles they may choose from.

    Raises:
        AccessDenied: the message proves nothing, or the code is worth nothing any more.
    """
    found = invitations.load_invitation(tx, code_digest)
    if challenge is None or found is None:
        raise AccessDenied("the ceremony is over: begin again")
    try:
        key = read_registration(message, party, challenge=challenge)
    except ProofRefused:
        raise AccessDenied("the key could not be verified: begin again") from None
    roles = list_passkey_roles(tx, found.actor_ref)
    # Of two browsers, the second waits here until the first has committed, then gets nothing.
    if not roles or not invitations.use_up(tx, found.invitation_ref):
        raise AccessDenied("this code opens nothing")
    if found.kind == "recovery":
        _revoke_everything(tx, found, whence=whence)
    record_event(tx, _describe(SecurityEventKind.INVITATION_USED, found, whence))
    keep_key(tx, key, actor_ref=found.actor_ref, org_ref=found.org_ref, label=label, whence=whence)
    return Proven(found.actor_ref, key.credential_id, roles)


def record_refused_code(tx: Transaction, found: StoredInvitation | None, *, whence: Whence) -> None:
    """Write that a code was refused; a known code tells its person that somebody tried it."""
    record_event(tx, _describe(SecurityEventKind.INVITATION_REFUSED, found, whence))


def _revoke_everything(tx: Transaction, found: StoredInvitation, *, whence: Whence) -> None:
    for label in passkeys.revoke_all(tx, found.actor_ref):
        record_event(
            tx,
            SecurityEvent(
                kind=SecurityEventKind.PASSKEY_REVOKED,
                actor_ref=found.actor_ref,
                org_ref=found.org_ref,
                address=whence.address,
                agent=whence.agent,
                details={"label": label, "reason": "recovery"},
            ),
        )
    end_every_session(tx, found.actor_ref, whence=whence, reason="recovery")


def _describe(
    kind: SecurityEventKind, found: StoredInvitation | None, whence: Whence
) -> SecurityEvent:
    return SecurityEvent(
        kind=kind,
        actor_ref=found.actor_ref if found else None,
        org_ref=found.org_ref if found else None,
        address=whence.address,
        agent=whence.agent,
        details={"invitation": found.kind} if found else {},
    )
