"""What a verifier takes along: keys, revocations and domains, each signed and dated.

Refuses a document that the root key did not sign, and one written in another way than it would be.
"""

import base64
import binascii
import bisect
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any, Final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from rempart.kernel.periods import Period
from rempart.rights.card import CardSerial
from rempart.rights.card_payload import DOMAIN_TABLE
from rempart.rights.card_signature import compute_key_id
from rempart.tariffs.domains import DOMAINS, VALID_FROM

KEYS_TYPE: Final = "rempart card keys v1"
REVOCATIONS_TYPE: Final = "rempart card revocations v1"
DOMAINS_TYPE: Final = "rempart card domains v1"
ENTRY_BYTES: Final = 5
"""Of a serial, in the list of revocations: one false positive in a million at a million cards."""


class DocumentRefused(ValueError):
    """The text is not a document of that type, or the root key did not sign it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Issue:
    """What every document says of itself.

    Args:
        operator: Whose it is.
        number: Rises by one each time.
        issued_on: Paris civil date.
        good_for_days: After so many days it is too old.
    """

    operator: str
    number: int
    issued_on: date
    good_for_days: int

    def is_too_old(self, today: date) -> bool:
        """Say whether its days are over."""
        return today > self.issued_on + timedelta(days=self.good_for_days)


@dataclass(frozen=True, slots=True, kw_only=True)
class CardKey:
    """A key that signs cards.

    Args:
        public_key: 32 bytes.
        issues: Days on which it may issue, both ends included.
        revoked: Whether no card of it counts any more.
    """

    public_key: bytes
    issues: Period
    revoked: bool = False

    @property
    def key_id(self) -> bytes:
        """Four bytes."""
        return compute_key_id(self.public_key)


@dataclass(frozen=True, slots=True)
class CardKeys:
    """The operator's keys, by id."""

    issue: Issue
    keys: Mapping[bytes, CardKey]


@dataclass(frozen=True, slots=True)
class Revocations:
    """Cards that do not count any more: sorted heads of their serials, end to end."""

    issue: Issue
    heads: bytes
    entry_bytes: int = ENTRY_BYTES

    def __len__(self) -> int:
        return len(self.heads) // self.entry_bytes

    def __repr__(self) -> str:
        return f"Revocations({len(self)} cards, {self.issue.issued_on})"

    def may_hold(self, serial: CardSerial) -> bool:
        """Say whether a card is revoked: always when it is, rarely when it is not."""
        head = serial.value[: self.entry_bytes]
        place = bisect.bisect_left(range(len(self)), head, key=self._entry)
        return place < len(self) and self._entry(place) == head

    def _entry(self, place: int) -> bytes:
        return self.heads[place * self.entry_bytes : (place + 1) * self.entry_bytes]


def make_revocations(issue: Issue, serials: Iterable[CardSerial]) -> Revocations:
    """Return the list of some revoked cards."""
    return Revocations(issue, b"".join(sorted({each.value[:ENTRY_BYTES] for each in serials})))


class RootSigner:
    """The private side of the key that signs documents. Prints as its public side.

    Args:
        seed: 32 bytes (RFC 8032).
    """

    __slots__ = ("_key", "public_key")

    def __init__(self, seed: bytes) -> None:
        self._key = Ed25519PrivateKey.from_private_bytes(seed)
        self.public_key = self._key.public_key().public_bytes_raw()

    def __repr__(self) -> str:
        return f"RootSigner({base64.b64encode(self.public_key).decode()})"

    def sign_keys(self, issue: Issue, keys: Sequence[CardKey]) -> str:
        """Return the signed list of keys."""
        rows = [
            {
                "kid": key.key_id.hex(),
                "public_key": base64.b64encode(key.public_key).decode(),
                "from": f"{key.issues.starts_on}",
                "to": f"{key.issues.ends_on}",
                "revoked": key.revoked,
            }
            for key in keys
        ]
        rows.sort(key=lambda row: (row["from"], row["kid"]))
        return self._sign(KEYS_TYPE, issue, {"keys": rows})

    def sign_revocations(self, revocations: Revocations) -> str:
        """Return the signed list of revocations."""
        body = {
            "bytes": revocations.entry_bytes,
            "count": len(revocations),
            "serials": base64.b64encode(revocations.heads).decode(),
        }
        return self._sign(REVOCATIONS_TYPE, revocations.issue, body)

    def sign_domains(self, issue: Issue) -> str:
        """Return the signed table of domains."""
        rows = [
            {"number": each.number, "code": each.code, "fr": each.fr, "en": each.en}
            for each in sorted(DOMAINS.values(), key=lambda each: each.number)
        ]
        body = {"table": DOMAIN_TABLE, "valid_from": f"{VALID_FROM}", "domains": rows}
        return self._sign(DOMAINS_TYPE, issue, body)

    def _sign(self, kind: str, issue: Issue, body: Mapping[str, Any]) -> str:
        head = {
            "operator": issue.operator,
            "number": issue.number,
            "issued_on": f"{issue.issued_on}",
            "good_for_days": issue.good_for_days,
        }
        text = _write_json({**head, **body})
        signature = self._key.sign(kind.encode() + b"\0" + text.encode())
        return f"{kind}\n{text}\n{base64.b64encode(signature).decode()}\n"


def parse_keys(text: str, root: bytes) -> CardKeys:
    """Read a signed list of keys.

    Args:
        text: The document.
        root: The public key that must have signed it.

    Raises:
        DocumentRefused: it is not such a document, or not signed by that key.
    """
    issue, body = _open_document(text, KEYS_TYPE, root)
    try:
        keys = {bytes.fromhex(row["kid"]): _read_key(row) for row in body["keys"]}
    except (KeyError, TypeError, ValueError) as impossible:
        raise DocumentRefused("The list of keys is malformed.") from impossible
    if any(key.key_id != key_id for key_id, key in keys.items()):
        raise DocumentRefused("A key of the list does not have the id it is given.")
    return CardKeys(issue, keys)


def parse_revocations(text: str, root: bytes) -> Revocations:
    """Read a signed list of revocations; arguments and refusals are those of `parse_keys`."""
    issue, body = _open_document(text, REVOCATIONS_TYPE, root)
    try:
        heads, size = _decode_base64(body["serials"]), int(body["bytes"])
        revocations = Revocations(issue, heads, size)
        whole = len(heads) == size * int(body["count"]) and 1 <= size <= 10
    except (KeyError, TypeError, ValueError, ZeroDivisionError) as impossible:
        raise DocumentRefused("The list of revocations is malformed.") from impossible
    if not whole:
        raise DocumentRefused("The list of revocations does not have the cards it counts.")
    return revocations


def parse_domains(text: str, root: bytes) -> tuple[Issue, list[dict[str, Any]]]:
    """Read a signed table of domains; arguments and refusals are those of `parse_keys`."""
    issue, body = _open_document(text, DOMAINS_TYPE, root)
    rows = body.get("domains")
    if not isinstance(rows, list):
        raise DocumentRefused("The table of domains is malformed.")
    return issue, rows


def _open_document(text: str, kind: str, root: bytes) -> tuple[Issue, dict[str, Any]]:
    lines = text.split("\n")
    if len(lines) != 4 or lines[3] or lines[0] != kind:
        raise DocumentRefused(f"This is not a document of type {kind}.")
    try:
        signature = _decode_base64(lines[2])
        key = Ed25519PublicKey.from_public_bytes(root)
        key.verify(signature, kind.encode() + b"\0" + lines[1].encode())
        body = json.loads(lines[1])
        issue = Issue(
            operator=str(body["operator"]),
            number=int(body["number"]),
            issued_on=date.fromisoformat(body["issued_on"]),
            good_for_days=int(body["good_for_days"]),
        )
    except InvalidSignature as failure:
        raise DocumentRefused("The root key did not sign this document.") from failure
    except (KeyError, TypeError, ValueError, OverflowError, RecursionError) as failure:
        raise DocumentRefused("The document is malformed.") from failure
    if _write_json(body) != lines[1]:
        raise DocumentRefused("The document is not written the one way there is.")
    return issue, body


def _read_key(row: Mapping[str, Any]) -> CardKey:
    return CardKey(
        public_key=_decode_base64(row["public_key"]),
        issues=Period(date.fromisoformat(row["from"]), date.fromisoformat(row["to"])),
        revoked=bool(row["revoked"]),
    )


def _write_json(body: Mapping[str, Any]) -> str:
    return json.dumps(body, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _decode_base64(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except binascii.Error as malformed:
        raise ValueError("The base64 is malformed.") from malformed
