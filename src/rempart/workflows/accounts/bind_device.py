"""Bind a session to a key of the browser's device, and ask that key again every few minutes.

Refuses a challenge twice, late or for another session; a second key for one session; and to keep a
session alive: only its owner's requests do that. A refused proof is an event of its owner.
"""

import hashlib
import secrets
from collections.abc import Mapping
from typing import Final, NamedTuple

from rempart.accounts.devices import CHALLENGE_LIFETIME, COOKIE_LIFETIME, DeviceNotProved
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.exchange.device_proofs import read_device_proof
from rempart.storage import session_devices
from rempart.storage.connect import Transaction
from rempart.storage.session_devices import DevicePurpose, DeviceSession
from rempart.workflows.accounts.web_session import Whence, record_event

_SECRET_BYTES: Final = 32


class Challenged(NamedTuple):
    """The browser signs this first."""

    session_ref: int
    challenge: str


class Proved(NamedTuple):
    """The device proved itself: what its browser gets, and what it will sign next time."""

    session_ref: int
    cookie: str
    challenge: str


class Refused(NamedTuple):
    """The browser forgets what it bound; `session_ref` is None where there is no live session."""

    session_ref: int | None


def compute_device_digest(text: str) -> bytes:
    """Return what is stored of a challenge or a cookie."""
    return hashlib.sha256(b"rempart device\0" + text.encode()).digest()


def offer_device(tx: Transaction, session_ref: int) -> str:
    """Return the challenge with which a browser may bind a session that was just opened."""
    return _challenge(tx, session_ref, "bind")


def bind_device(
    tx: Transaction, token_digest: bytes, header: str, *, address: str, whence: Whence
) -> Proved | Refused:
    """Bind a live session to the key that signed its offer. Commit either way.

    Args:
        tx: A transaction of the role `signin`.
        token_digest: SHA-256 of the token the browser came with.
        header: The proof as it was sent.
        address: Where it was sent.
        whence: Where from.
    """
    session = session_devices.lock_session(tx, token_digest)
    if session is None:
        return Refused(None)
    try:
        proof = read_device_proof(header, address=address, known_key=None)
        _take(tx, session, proof.challenge, "bind")
    except DeviceNotProved as refused:
        return _refuse(tx, session, refused.reason, whence=whence)
    if not session_devices.bind(tx, session.session_ref, proof.public_key):
        return _refuse(tx, session, "bound already", whence=whence)
    _record(tx, session, SecurityEventKind.SESSION_BOUND, {}, whence=whence)
    return _reward(tx, session)


def refresh_device(
    tx: Transaction,
    token_digest: bytes,
    session_ref: int | None,
    header: str,
    *,
    address: str,
    whence: Whence,
) -> Proved | Challenged | Refused:
    """Give the device of a bound session another cookie for a fresh signature. Commit either way.

    Args:
        tx: A transaction of the role `signin`.
        token_digest: SHA-256 of the token the browser came with.
        session_ref: The session the browser means.
        header: The proof as it was sent; empty: it asks what to sign.
        address: Where it was sent.
        whence: Where from.
    """
    session = session_devices.lock_session(tx, token_digest)
    if session is None or session.device_key is None or session.session_ref != session_ref:
        return Refused(None)
    if not header:
        return Challenged(session_ref, _challenge(tx, session_ref, "refresh"))
    try:
        proof = read_device_proof(header, address=address, known_key=session.device_key)
    except DeviceNotProved as refused:
        return _refuse(tx, session, refused.reason, whence=whence)
    try:
        _take(tx, session, proof.challenge, "refresh")
    except DeviceNotProved:
        # Signed by the right device, too late or twice: it is asked once more.
        return Challenged(session_ref, _challenge(tx, session_ref, "refresh"))
    return _reward(tx, session)


def _challenge(tx: Transaction, session_ref: int, purpose: DevicePurpose) -> str:
    challenge = secrets.token_urlsafe(_SECRET_BYTES)
    session_devices.save_challenge(
        tx,
        session_ref,
        compute_device_digest(challenge),
        purpose=purpose,
        lifetime=CHALLENGE_LIFETIME,
    )
    return challenge


def _take(tx: Transaction, session: DeviceSession, challenge: str, purpose: DevicePurpose) -> None:
    digest = compute_device_digest(challenge)
    if not session_devices.take_challenge(tx, session.session_ref, digest, purpose=purpose):
        raise DeviceNotProved("challenge")


def _reward(tx: Transaction, session: DeviceSession) -> Proved:
    cookie = secrets.token_urlsafe(_SECRET_BYTES)
    session_devices.save_cookie(
        tx, session.session_ref, compute_device_digest(cookie), lifetime=COOKIE_LIFETIME
    )
    return Proved(session.session_ref, cookie, _challenge(tx, session.session_ref, "refresh"))


def _refuse(tx: Transaction, session: DeviceSession, reason: str, *, whence: Whence) -> Refused:
    _record(tx, session, SecurityEventKind.DEVICE_REFUSED, {"reason": reason}, whence=whence)
    return Refused(session.session_ref)


def _record(
    tx: Transaction,
    session: DeviceSession,
    kind: SecurityEventKind,
    details: Mapping[str, str],
    *,
    whence: Whence,
) -> None:
    event = SecurityEvent(
        kind=kind,
        actor_ref=session.actor_ref,
        session_ref=session.session_ref,
        org_ref=session.org_ref,
        address=whence.address,
        agent=whence.agent,
        details=details,
    )
    record_event(tx, event)
