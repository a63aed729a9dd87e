"""Prove a passkey: to sign in, or to confirm who one is before a sensitive act.

Refuses without saying why: a key nobody knows, a revoked one, a wrong site, a suspended person all
take the same steps and get the same answer. Why stands in the event, for who answers for security.
"""

import secrets
from dataclasses import dataclass
from typing import Any, Final

from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.passkeys import ProofVerdict, can_sign_in_with_passkey, decide_proof
from rempart.accounts.visitor import Visitor
from rempart.exchange.passkey_messages import (
    CHALLENGE_BYTES,
    DECOY_KEY,
    KnownKey,
    Message,
    ProofRefused,
    RelyingParty,
    make_authentication_options,
    read_credential_id,
    read_proof,
    read_user_handle,
)
from rempart.storage import passkeys
from rempart.storage.connect import Transaction
from rempart.storage.passkeys import OpenRole
from rempart.workflows.accounts.web_session import Whence, record_event

__all__ = ["OpenRole"]

_NOBODY: Final = 0


@dataclass(frozen=True, slots=True)
class Proven:
    """Somebody proved one of their keys; `roles` are those they may sign in with, never empty."""

    actor_ref: int
    credential_id: bytes
    roles: list[OpenRole]


@dataclass(frozen=True, slots=True)
class _Judged:
    """Whose key it is, if it is known, and why the proof is refused, if it is."""

    actor_ref: int | None
    refused_for: str | None


def draw_challenge() -> bytes:
    """Draw what an authenticator will have to sign."""
    return secrets.token_bytes(CHALLENGE_BYTES)


def ask_for_any_key(party: RelyingParty, challenge: bytes) -> dict[str, Any]:
    """Return what a browser needs to prove whichever key the person chooses."""
    return make_authentication_options(party, challenge=challenge)


def ask_for_own_key(
    tx: Transaction, visitor: Visitor, party: RelyingParty, challenge: bytes
) -> dict[str, Any] | None:
    """Return what a browser needs to prove one of the visitor's keys; None when they have none."""
    known = [
        KnownKey(credential_id=one, transports=tuple(by))
        for one, by in passkeys.list_usable(tx, visitor.actor_ref)
    ]
    if not known:
        return None
    return make_authentication_options(party, challenge=challenge, allowed=known)


def sign_in_with_passkey(
    tx: Transaction,
    message: Message,
    *,
    party: RelyingParty,
    challenge: bytes | None,
    whence: Whence,
) -> Proven | None:
    """Recognise whose key was just proved, or refuse.

    The refusal is written as an event: commit the transaction either way.

    Args:
        tx: A transaction of the role `signin`.
        message: What the browser sent.
        party: This site.
        challenge: What was to be signed, taken out of the browser's session: it serves once. None
            when there was none, or it was too old.
        whence: Where the browser is.

    Returns:
        Who, with the roles they may choose from; None for every refusal.
    """
    judged = _judge(tx, message, party=party, challenge=challenge, whence=whence)
    if judged.refused_for is None and read_user_handle(message) is None:
        judged = _Judged(judged.actor_ref, "no_handle")
    roles = list_passkey_roles(tx, judged.actor_ref or _NOBODY)
    refused_for = judged.refused_for or (None if roles else "no_role")
    if judged.actor_ref is not None and refused_for is None:
        return Proven(judged.actor_ref, read_credential_id(message), roles)
    _record_refusal(tx, judged.actor_ref, refused_for or "", step="sign_in", whence=whence)
    return None


def confirm_with_passkey(
    tx: Transaction,
    visitor: Visitor,
    message: Message,
    *,
    party: RelyingParty,
    challenge: bytes | None,
    whence: Whence,
) -> bool:
    """Check that a visitor just proved one of their own keys; a refusal is written as an event.

    Whoever calls then renews the session (renew_web_session), which writes the confirmation.
    """
    judged = _judge(tx, message, party=party, challenge=challenge, whence=whence)
    refused_for = judged.refused_for
    if refused_for is None and judged.actor_ref != visitor.actor_ref:
        refused_for = "another_person"
    if refused_for is None:
        return True
    _record_refusal(
        tx, visitor.actor_ref, refused_for, step="confirmation", whence=whence, visitor=visitor
    )
    return False


def renew_web_session(
    tx: Transaction, visitor: Visitor, *, old_digest: bytes, new_digest: bytes, whence: Whence
) -> bool:
    """Note a fresh ceremony of a visitor and give their session the token they just got.

    Args:
        tx: A transaction of the role `signin`.
        visitor: Who confirmed who they are, by whichever ceremony.
        old_digest: Digest of the token they came with, which opens nothing from now on.
        new_digest: Digest of the token they leave with.
        whence: Where from.

    Returns:
        False when the session ended meanwhile: nothing was done.
    """
    renewed = passkeys.renew_session(
        tx, visitor.session_ref, old_digest=old_digest, new_digest=new_digest
    )
    if renewed:
        record_event(
            tx,
            SecurityEvent(
                kind=SecurityEventKind.STEPPED_UP,
                actor_ref=visitor.actor_ref,
                session_ref=visitor.session_ref,
                org_ref=visitor.org_ref,
                address=whence.address,
                agent=whence.agent,
                details={"method": visitor.method},
            ),
        )
    return renewed


def list_passkey_roles(tx: Transaction, actor_ref: int) -> list[OpenRole]:
    """Return the roles that a passkey opens to an actor today; nobody has none."""
    return [
        one for one in passkeys.list_open_roles(tx, actor_ref) if can_sign_in_with_passkey(one.role)
    ]


def list_proven_roles(tx: Transaction, actor_ref: int, credential_id: bytes) -> list[OpenRole]:
    """Return the roles that a key proven a moment ago opens; none once it is revoked or cloned.

    Between the proof and the choice of a role, the owner may have recovered their account.
    """
    usable = {reference for reference, _ in passkeys.list_usable(tx, actor_ref)}
    return list_passkey_roles(tx, actor_ref) if credential_id in usable else []


def _judge(
    tx: Transaction,
    message: Message,
    *,
    party: RelyingParty,
    challenge: bytes | None,
    whence: Whence,
) -> _Judged:
    """Say whose key a message proves, or why it proves nothing; a copied key is closed here.

    An unknown key is verified too, against one that nobody holds, so that it takes as long.
    """
    credential_id = read_credential_id(message)
    stored = passkeys.load_for_proof(tx, credential_id)
    try:
        proof = read_proof(
            message,
            party,
            challenge=challenge or draw_challenge(),
            public_key=stored.public_key if stored else DECOY_KEY,
        )
    except ProofRefused:
        return _Judged(stored.actor_ref if stored else None, "bad_proof")
    if stored is None:
        return _Judged(None, "unknown_key")
    handle = read_user_handle(message)
    if handle is not None and handle != stored.user_handle:
        return _Judged(stored.actor_ref, "another_handle")
    verdict = decide_proof(proof, is_usable=stored.usable, known_count=stored.sign_count)
    if verdict is ProofVerdict.CLONED:
        _close_cloned(tx, stored.actor_ref, credential_id, whence=whence)
    if verdict is not ProofVerdict.GOOD:
        return _Judged(stored.actor_ref, verdict.value)
    passkeys.note_use(tx, credential_id, sign_count=proof.sign_count, backed_up=proof.backed_up)
    return _Judged(stored.actor_ref, None)


def _close_cloned(tx: Transaction, actor_ref: int, credential_id: bytes, *, whence: Whence) -> None:
    """Close a key that exists twice, and every session: one of them may be the copy's."""
    passkeys.close_cloned(tx, credential_id)
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.PASSKEY_CLONED,
            actor_ref=actor_ref,
            address=whence.address,
            agent=whence.agent,
        ),
    )
    end_every_session(tx, actor_ref, whence=whence, reason="cloned")


def end_every_session(tx: Transaction, actor_ref: int, *, whence: Whence, reason: str) -> None:
    """End all live sessions of an actor whose keys can no longer be trusted, each with its event.

    Args:
        tx: A transaction of the role `signin`.
        actor_ref: Whose.
        whence: Where the request that led to it came from.
        reason: Why, one word for the event.
    """
    for session_ref in passkeys.end_sessions(tx, actor_ref):
        record_event(
            tx,
            SecurityEvent(
                kind=SecurityEventKind.SESSION_ENDED,
                actor_ref=actor_ref,
                session_ref=session_ref,
                address=whence.address,
                agent=whence.agent,
                details={"reason": reason},
            ),
        )


def _record_refusal(
    tx: Transaction,
    actor_ref: int | None,
    reason: str,
    *,
    step: str,
    whence: Whence,
    visitor: Visitor | None = None,
) -> None:
    record_event(
        tx,
        SecurityEvent(
            kind=SecurityEventKind.SIGN_IN_REFUSED,
            actor_ref=actor_ref,
            session_ref=visitor.session_ref if visitor else None,
            org_ref=visitor.org_ref if visitor else None,
            address=whence.address,
            agent=whence.agent,
            details={"method": "passkey", "step": step, "reason": reason},
        ),
    )
