"""Passkeys: what one must prove, when one is closed for good, and which must stay.

Refuses a key whose holder the authenticator did not verify, and a key that exists twice. Knows no
format: exchange/passkey_messages.py reads what browsers send.

Source: W3C Web Authentication level 3, §7.2 (steps on user verification and on the counter).
"""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from rempart.accounts.roles import Role
from rempart.accounts.visitor import SignInMethod
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.findings import BadValue, Refusal

LABEL_LIMIT: Final = 60
CHALLENGE_LIFETIME: Final = timedelta(minutes=5)
# With fewer, one is urged to add another: the loss of a phone must not lock anybody out.
USABLE_KEYS_URGED: Final = 2
# Who gives care is recognised by Pro Santé Connect, which also says where they practise.
_NEVER_BY_PASSKEY: Final = frozenset({Role.HOLDER, Role.LOCUM})

PASSKEY_LABEL: Final = Refusal(
    rule="passkey_label",
    fr="Le nom de la clé est vide ou dépasse 60 caractères.",
    en="The name of the key is empty or longer than 60 characters.",
    advice_fr="Écrire un nom court qui vous dise où est la clé, par exemple « Téléphone ».",
    advice_en="Write a short name that tells you where the key is, for instance “Phone”.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Passkey:
    """One key of one actor, as it is kept; its public half is not needed to decide.

    `sign_count` is the greatest counter seen; authenticators that keep none say 0 always.
    """

    credential_id: bytes
    label: str
    created_at: datetime
    used_at: datetime | None
    backed_up: bool
    cloned_at: datetime | None
    revoked_at: datetime | None

    @property
    def is_usable(self) -> bool:
        """Whether this key still opens anything."""
        return self.cloned_at is None and self.revoked_at is None


@dataclass(frozen=True, slots=True, kw_only=True)
class Proof:
    """What an authenticator proved, once its signature was found good.

    Args:
        user_verified: Whether it verified its holder (fingerprint, face, code).
        sign_count: Its counter, 0 when it keeps none.
        backed_up: Whether the key is also kept elsewhere by its maker.
    """

    user_verified: bool
    sign_count: int
    backed_up: bool


class ProofVerdict(enum.Enum):
    """What a proof is worth."""

    GOOD = "good"
    CLOSED = "closed"
    UNVERIFIED = "unverified"
    CLONED = "cloned"


def decide_proof(proof: Proof, *, is_usable: bool, known_count: int) -> ProofVerdict:
    """Say what a proof made with a known key is worth.

    Args:
        proof: What was proved; the signature is good.
        is_usable: Whether the key was neither revoked nor closed as a clone before.
        known_count: The greatest counter seen from this key.

    Returns:
        The first that holds: CLOSED, UNVERIFIED, CLONED (a counter that stays or goes back: two
        authenticators hold this key), GOOD.
    """
    if not is_usable:
        return ProofVerdict.CLOSED
    if not proof.user_verified:
        return ProofVerdict.UNVERIFIED
    if known_count > 0 and proof.sign_count <= known_count:
        return ProofVerdict.CLONED
    return ProofVerdict.GOOD


def check_can_revoke(
    passkeys: Sequence[Passkey], credential_id: bytes, *, method: SignInMethod
) -> None:
    """Let somebody revoke one of their keys, or refuse to lock them out.

    Args:
        passkeys: All their keys, closed ones included.
        credential_id: The key to revoke.
        method: How they are signed in now: by another way than a passkey, they need none.

    Raises:
        NotFound: it is not one of their usable keys.
        Conflict: it is the last one, and a passkey is their only way in.
    """
    usable = [key for key in passkeys if key.is_usable]
    if all(key.credential_id != credential_id for key in usable):
        raise NotFound("no usable key of yours has this reference: open the list again")
    if len(usable) == 1 and method == "passkey":
        raise Conflict("this is your last passkey: add another one first")


def can_sign_in_with_passkey(role: Role) -> bool:
    """Say whether a passkey opens a session in this role."""
    return role not in _NEVER_BY_PASSKEY


def clean_label(text: str) -> str:
    """Return the name of a key, spaces put in order.

    Raises:
        BadValue: empty, too long, or with characters that do not print.
    """
    label = " ".join(text.split())
    if not label or len(label) > LABEL_LIMIT or not label.isprintable():
        raise BadValue(PASSKEY_LABEL)
    return label


def is_challenge_alive(asked_at: datetime, *, now: datetime) -> bool:
    """Say whether a challenge may still be answered; one dated after now is nobody's."""
    return timedelta(0) <= now - asked_at < CHALLENGE_LIFETIME
