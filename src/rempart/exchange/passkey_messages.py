"""Passkey messages: what browsers are asked and what they answer (WebAuthn), read and checked.

Refuses whatever was not made for this site, by a verified holder, for this very challenge. Leaves
the counter to accounts/passkeys.py: it means something only once the signature is good.

Source: W3C Web Authentication level 3, §7.1 and §7.2.
"""

import base64
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Self, TypeVar
from urllib.parse import urlsplit
from uuid import UUID

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from webauthn import (
    generate_authentication_options,
    generate_registration_options,
    options_to_json,
    verify_authentication_response,
    verify_registration_response,
)
from webauthn.helpers.exceptions import WebAuthnException
from webauthn.helpers.structs import (
    AttestationConveyancePreference,
    AuthenticatorSelectionCriteria,
    AuthenticatorTransport,
    PublicKeyCredentialDescriptor,
    ResidentKeyRequirement,
    UserVerificationRequirement,
)

from rempart.accounts.passkeys import CHALLENGE_LIFETIME, Proof

CHALLENGE_BYTES: Final = 32
ID_BYTES: Final = range(16, 1024)
_SITE_NAME: Final = "Rempart"
_TIMEOUT_MS: Final = int(CHALLENGE_LIFETIME.total_seconds() * 1000)
_TRANSPORTS: Final = frozenset(one.value for one in AuthenticatorTransport)
# What the library lets through when bytes from outside are not what they should be.
_BAD_MESSAGE: Final = (
    *(WebAuthnException, InvalidSignature, UnsupportedAlgorithm, ValueError, TypeError),
    *(KeyError, IndexError, AttributeError, RecursionError),
)
# A key whose private half nobody kept: an unknown credential is verified against it, so that it
# takes the work of a known one. COSE: EC2, ES256, P-256.
DECOY_KEY: Final = bytes.fromhex(
    "a5010203262001215820"
    "0e2b426c3cfd59d67c25bf85427c035deb1733b4d414f9f3f32aa53bbe54f1a7"
    "225820"
    "c476e5e6e0271265a205dd26b70929883afa2c62cc57806bc4f944d6080504d6"
)

Message = Mapping[str, Any]
Verified = TypeVar("Verified")


class ProofRefused(ValueError):
    """What a browser sent does not prove what it should; nobody outside is told why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RelyingParty:
    """This site, as authenticators know it.

    Args:
        origin: Scheme, host and port of its pages, exactly as browsers write it.
        rp_id: Its host name: keys work for it alone.
    """

    origin: str
    rp_id: str

    @classmethod
    def from_url(cls, public_url: str) -> Self:
        """Read the address of the site.

        Raises:
            ValueError: the address has no host name.
        """
        parts = urlsplit(public_url)
        if not parts.hostname:
            raise ValueError("the public address has no host name: write https://tp.example")
        return cls(origin=f"{parts.scheme}://{parts.netloc}", rp_id=parts.hostname)


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyOwner:
    """Who a new key is for, as their authenticator will show it; `handle` says nothing of them."""

    handle: bytes
    name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class NewKey:
    """A key just made, as it is to be kept."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    transports: tuple[str, ...]
    aaguid: UUID
    backed_up: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownKey:
    """A key as it is named to a browser, with how its authenticator is reached."""

    credential_id: bytes
    transports: tuple[str, ...] = ()


def make_registration_options(
    party: RelyingParty, owner: KeyOwner, *, challenge: bytes, known: Iterable[KnownKey]
) -> dict[str, Any]:
    """Return what a browser needs to make a key: discoverable, its holder verified, no attestation.

    Args:
        party: This site.
        owner: Who the key is for.
        challenge: Fresh random bytes.
        known: Their keys already kept here: an authenticator that has one makes no second.
    """
    options = generate_registration_options(
        rp_id=party.rp_id,
        rp_name=_SITE_NAME,
        user_id=owner.handle,
        user_name=owner.name,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        attestation=AttestationConveyancePreference.NONE,
        authenticator_selection=AuthenticatorSelectionCriteria(
            resident_key=ResidentKeyRequirement.REQUIRED,
            user_verification=UserVerificationRequirement.REQUIRED,
        ),
        exclude_credentials=_describe(known),
    )
    return dict(json.loads(options_to_json(options)))


def make_authentication_options(
    party: RelyingParty, *, challenge: bytes, allowed: Iterable[KnownKey] = ()
) -> dict[str, Any]:
    """Return what a browser needs to prove a key.

    Args:
        party: This site.
        challenge: Fresh random bytes.
        allowed: The keys that may answer; none: whichever key of this site the person chooses, so
            that nobody has to say who they are first.
    """
    options = generate_authentication_options(
        rp_id=party.rp_id,
        challenge=challenge,
        timeout=_TIMEOUT_MS,
        allow_credentials=_describe(allowed),
        user_verification=UserVerificationRequirement.REQUIRED,
    )
    return dict(json.loads(options_to_json(options)))


def read_registration(message: Message, party: RelyingParty, *, challenge: bytes) -> NewKey:
    """Return the key a browser just made.

    Args:
        message: A RegistrationResponseJSON.
        party: This site.
        challenge: What it had to sign.

    Raises:
        ProofRefused: it was made elsewhere, for another challenge, without its holder, or badly.
    """
    made = _read(
        lambda: verify_registration_response(
            credential=dict(message),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            require_user_verification=True,
        )
    )
    _refuse_frames(message)
    if len(made.credential_id) not in ID_BYTES or made.credential_id != read_credential_id(message):
        raise ProofRefused("the key's reference is not the one announced, or has an odd length")
    said = message["response"].get("transports")
    told = {one for one in said if isinstance(one, str)} if isinstance(said, list) else set()
    return NewKey(
        credential_id=made.credential_id,
        public_key=made.credential_public_key,
        sign_count=made.sign_count,
        transports=tuple(sorted(told & _TRANSPORTS)),
        aaguid=UUID(made.aaguid),
        backed_up=made.credential_backed_up,
    )


def read_credential_id(message: Message) -> bytes:
    """Return which key a message says it is about; nothing is proved yet.

    Returns:
        The key's reference; empty when there is none that could exist.
    """
    text = message.get("rawId")
    if not isinstance(text, str) or len(text) > 2 * ID_BYTES.stop:
        return b""
    try:
        found = base64.urlsafe_b64decode(f"{text}===")
    except ValueError:
        return b""
    return found if len(found) in ID_BYTES else b""


def read_user_handle(message: Message) -> bytes | None:
    """Return the handle of whom an authenticator says the key belongs to; None if it says none."""
    response = message.get("response")
    text = response.get("userHandle") if isinstance(response, Mapping) else None
    if not isinstance(text, str):
        return None
    try:
        return base64.urlsafe_b64decode(f"{text}===")
    except ValueError:
        return None


def read_proof(
    message: Message, party: RelyingParty, *, challenge: bytes, public_key: bytes
) -> Proof:
    """Return what an authenticator proved with one key.

    Args:
        message: An AuthenticationResponseJSON.
        party: This site.
        challenge: What it had to sign.
        public_key: The key's public half, COSE.

    Raises:
        ProofRefused: it was made elsewhere, for another challenge, or with another key.
    """
    # The library compares counters before it checks the signature: anybody could then pass for
    # a clone and have somebody's key closed. It is told 0, and the counter is judged afterwards;
    # so is the verification of the holder.
    made = _read(
        lambda: verify_authentication_response(
            credential=dict(message),
            expected_challenge=challenge,
            expected_rp_id=party.rp_id,
            expected_origin=party.origin,
            credential_public_key=public_key,
            credential_current_sign_count=0,
            require_user_verification=False,
        )
    )
    _refuse_frames(message)
    return Proof(
        user_verified=made.user_verified,
        sign_count=made.new_sign_count,
        backed_up=made.credential_backed_up,
    )


def _describe(keys: Iterable[KnownKey]) -> list[PublicKeyCredentialDescriptor]:
    return [
        PublicKeyCredentialDescriptor(
            id=key.credential_id,
            transports=[AuthenticatorTransport(one) for one in key.transports] or None,
        )
        for key in keys
    ]


def _read(verify: Callable[[], Verified]) -> Verified:
    try:
        return verify()
    except _BAD_MESSAGE as failure:
        raise ProofRefused("the message proves nothing") from failure


def _refuse_frames(message: Message) -> None:
    """Refuse a ceremony that ran inside another site's page; the library does not look."""
    text = str(message["response"]["clientDataJSON"])
    client_data = json.loads(base64.urlsafe_b64decode(f"{text}==="))
    if client_data.get("crossOrigin") or "topOrigin" in client_data:
        raise ProofRefused("the ceremony ran inside a page of another site")
