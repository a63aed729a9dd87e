"""« Suis-je concerné ? » by card: lists that only who holds the card can read one answer of.

A browser sends the first bits of a keyed hash of its card's number, which hundreds of cards share,
and gets a whole bucket: sealed answers among decoys, all alike. The card's secret finds the one
that is meant and opens it, in the browser. Refuses a bucket that is shorter than the others, an
answer that is longer than a decoy, and to draw chance itself.
"""

import hmac
import struct
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from rempart.disclosure.fields import Field
from rempart.notices.facts import Certainty, Doubt
from rempart.rights.card import MAX_BENEFICIARIES, PRESENCE_BYTES, CardSerial

ALIKE: Final = 256
"""K: the cards at least that share a prefix, and the entries at least of each bucket."""
MOST_BITS: Final = 24
SALT_BYTES: Final = 16
TAG_BYTES: Final = 16
NONCE_BYTES: Final = 12
_PLAIN: Final = struct.Struct(">BBBBIQQ")
ENTRY_BYTES: Final = TAG_BYTES + NONCE_BYTES + _PLAIN.size + 16
_STEP: Final = 64
_VERSION: Final = 1
_PREFIX_DOMAIN: Final = b"rempart self-check prefix v1\0"
_TAG_DOMAIN: Final = b"rempart self-check tag v1\0"
_KEY_DOMAIN: Final = b"rempart self-check key v1\0"
CERTAINTIES: Final = tuple(Certainty)
DOUBTS: Final = tuple(Doubt)

DrawBytes = Callable[[int], bytes]


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class SealedAnswer:
    """What one line of a card is told.

    Args:
        place: Line of the card's table, from 1.
        certainty: How sure it is; nobody who is not concerned has an answer.
        doubt: Why it is not sure; None when it is.
        exposed: The fields that were read.
        not_exposed: Fields whose reading the logs exclude.
        number: Of the package that said so.

    Raises:
        ValueError: a place no card has, or an answer for somebody who is not concerned.
    """

    place: int
    certainty: Certainty
    doubt: Doubt | None
    exposed: Field
    not_exposed: Field
    number: int

    def __post_init__(self) -> None:
        if not 1 <= self.place <= MAX_BENEFICIARIES:
            raise ValueError(f"A card has {MAX_BENEFICIARIES} lines at most, from 1.")
        if self.certainty is Certainty.EXCLUDED or not self.exposed:
            raise ValueError("Somebody who is not concerned has no answer in the list.")

    def __repr__(self) -> str:
        return "<SealedAnswer>"


def choose_bits(cards: int) -> int:
    """Return how many bits a browser may send, so that at least `ALIKE` cards share them.

    Args:
        cards: Of the insurer, concerned or not: those an asker may hold.

    >>> choose_bits(100), choose_bits(512), choose_bits(1_000_000)
    (0, 1, 11)
    """
    bits = 0
    while bits < MOST_BITS and cards >> (bits + 1) >= ALIKE:
        bits += 1
    return bits


def compute_prefix(amc_number: str, serial: CardSerial, bits: int) -> int:
    """Return the bucket of a card: the first bits of a hash keyed for its insurer.

    The same in every list of that insurer: two prefixes of one card, by two keys, would together
    say more of it than one.
    """
    digest = hmac.digest(amc_number.encode(), _PREFIX_DOMAIN + serial.value, "sha256")
    return int.from_bytes(digest[:4]) >> (32 - bits) if bits else 0


def seal_answer(salt: bytes, secret: bytes, answer: SealedAnswer, nonce: bytes) -> bytes:
    """Return the entry of one line of a card.

    Args:
        salt: Of the list: drawn for it alone, so that nothing links two lists.
        secret: Of the card: printed on it and nowhere else, 16 bytes.
        answer: What is said.
        nonce: 12 random bytes.
    """
    tag, key = _derive(salt, secret, answer.place)
    plain = _PLAIN.pack(
        _VERSION,
        answer.place,
        CERTAINTIES.index(answer.certainty),
        0 if answer.doubt is None else 1 + DOUBTS.index(answer.doubt),
        answer.number,
        int(answer.exposed),
        int(answer.not_exposed),
    )
    return tag + nonce + AESGCM(key).encrypt(nonce, plain, salt)


def fill_buckets(
    entries: Iterable[tuple[int, bytes]], bits: int, draw: DrawBytes
) -> Sequence[bytes]:
    """Return every bucket, of one length, sorted so that no place tells an answer from a decoy.

    Args:
        entries: Prefix and entry of each answer, in any order.
        bits: How many bits a prefix has.
        draw: Random bytes: decoys are nothing else.
    """
    kept: list[list[bytes]] = [[] for _ in range(1 << bits)]
    for prefix, entry in entries:
        kept[prefix].append(entry)
    most = max(len(bucket) for bucket in kept)
    length = max(ALIKE, -(-most // _STEP) * _STEP)
    return [
        b"".join(sorted([*bucket, *(draw(ENTRY_BYTES) for _ in range(length - len(bucket)))]))
        for bucket in kept
    ]


def read_bucket(bucket: bytes, salt: bytes, secret: bytes) -> list[SealedAnswer]:
    """Return what a bucket says of each line of one card: what a browser does, said once more.

    Args:
        bucket: As it was served.
        salt: Of the list.
        secret: Of the card.

    Returns:
        The lines that are concerned, in order; empty when none is.
    """
    entries = {
        bucket[at : at + TAG_BYTES]: bucket[at + TAG_BYTES : at + ENTRY_BYTES]
        for at in range(0, len(bucket), ENTRY_BYTES)
    }
    found = []
    for place in range(1, MAX_BENEFICIARIES + 1):
        tag, key = _derive(salt, secret, place)
        sealed = entries.get(tag)
        if sealed is not None:
            found.append(_open(key, salt, sealed))
    return found


def _open(key: bytes, salt: bytes, sealed: bytes) -> SealedAnswer:
    try:
        plain = AESGCM(key).decrypt(sealed[:NONCE_BYTES], sealed[NONCE_BYTES:], salt)
    except InvalidTag:
        raise ValueError("an entry of a self-check does not open: it was changed") from None
    _version, place, certainty, doubt, number, exposed, not_exposed = _PLAIN.unpack(plain)
    return SealedAnswer(
        place=place,
        certainty=CERTAINTIES[certainty],
        doubt=DOUBTS[doubt - 1] if doubt else None,
        exposed=Field(exposed),
        not_exposed=Field(not_exposed),
        number=number,
    )


def _derive(salt: bytes, secret: bytes, place: int) -> tuple[bytes, bytes]:
    if len(salt) != SALT_BYTES or len(secret) != PRESENCE_BYTES:
        raise ValueError("A self-check has a salt of 16 bytes, and a card a secret of 16.")
    said = salt + bytes([place])
    tag = hmac.digest(secret, _TAG_DOMAIN + said, "sha256")[:TAG_BYTES]
    return tag, hmac.digest(secret, _KEY_DOMAIN + said, "sha256")
