"""The signature of a card, and the text that its symbol holds.

Refuses to verify with a key it was not given, and to read a text spelt in two ways.
"""

import base64
import binascii
import hashlib
from typing import Final, NamedTuple

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rempart.kernel.crockford import ALPHABET, normalise_code
from rempart.rights.card import Card
from rempart.rights.card_payload import (
    KEY_ID_BYTES,
    PayloadRefused,
    decode_payload,
    encode_payload,
)

PREFIX: Final = "RP1"
SIGNATURE_BYTES: Final = 64
_SIGNED: Final = b"rempart card v1\0"
_KEY_ID: Final = b"rempart card key v1\0"
_RFC4648: Final = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_TO_CROCKFORD: Final = str.maketrans(_RFC4648, ALPHABET)
_FROM_CROCKFORD: Final = str.maketrans(ALPHABET, _RFC4648)


def compute_key_id(public_key: bytes) -> bytes:
    """Return the four bytes that designate a key in a symbol."""
    return hashlib.sha256(_KEY_ID + public_key).digest()[:KEY_ID_BYTES]


class SignedCard(NamedTuple):
    """A card as read from a symbol: its signature is not verified yet.

    Args:
        card: What it says.
        key_id: Which key must have signed it.
        payload: The signed bytes.
        signature: 64 bytes.
    """

    card: Card
    key_id: bytes
    payload: bytes
    signature: bytes

    def __repr__(self) -> str:
        return "<SignedCard>"


class CardSigner:
    """The private side of a key that signs cards. Prints as its id, never as itself.

    Args:
        seed: 32 bytes (RFC 8032).
    """

    __slots__ = ("_key", "key_id", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()
        self.key_id = compute_key_id(self.public_key)

    def __repr__(self) -> str:
        return f"CardSigner({self.key_id.hex()})"

    def sign(self, card: Card) -> str:
        """Return the text of the card's symbol.

        Raises:
            ValueError: the card does not fit in a symbol.
        """
        payload = encode_payload(card, self.key_id)
        return PREFIX + _encode_letters(payload + self._key.sign(_SIGNED + payload))


def is_signed_by(signed: SignedCard, public_key: bytes) -> bool:
    """Say whether the private side of this key signed the card."""
    try:
        key = Ed25519PublicKey.from_public_bytes(public_key)
        key.verify(signed.signature, _SIGNED + signed.payload)
    except InvalidSignature:
        return False
    return True


def read_symbol(text: str) -> SignedCard:
    """Read the text of a symbol, with Crockford's forgiveness. Nothing of it is verified.

    Raises:
        PayloadRefused: this is no card of version 1, or a letter is missing or wrong.
    """
    letters = normalise_code(text)
    if not letters.startswith(PREFIX):
        raise PayloadRefused(f"The symbol does not start with {PREFIX}.")
    data = _decode_letters(letters.removeprefix(PREFIX))
    if len(data) <= SIGNATURE_BYTES:
        raise PayloadRefused("The symbol ends too early.")
    payload, signature = data[:-SIGNATURE_BYTES], data[-SIGNATURE_BYTES:]
    card, key_id = decode_payload(payload)
    return SignedCard(card, key_id, payload, signature)


def _encode_letters(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").translate(_TO_CROCKFORD)


def _decode_letters(letters: str) -> bytes:
    if letters.strip(ALPHABET):
        raise PayloadRefused("The symbol has a character that no card has.")
    padded = letters.translate(_FROM_CROCKFORD) + "=" * (-len(letters) % 8)
    try:
        data = base64.b32decode(padded)
    except (binascii.Error, ValueError) as impossible:
        raise PayloadRefused("The symbol does not have a card’s number of letters.") from impossible
    if _encode_letters(data) != letters:
        raise PayloadRefused("The last letter of the symbol is not the one it should be.")
    return data
