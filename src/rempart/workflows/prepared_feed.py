"""What worker processes make of a feed's pieces, on its way to the importing process.

Refuses to print what it carries.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any, Final, cast

import msgspec

from rempart.exchange.feed_pieces import Dialect
from rempart.kernel.findings import Finding
from rempart.kernel.periods import Period
from rempart.storage.feed_copy import Packer
from rempart.storage.feeds import FeedKind
from rempart.storage.sealing import NONCE_BYTES, Seal
from rempart.workflows.feed_person import PersonKeys, Statement

_REF_BYTES: Final = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What must be known to prepare and apply the pieces of one feed.

    Args:
        insurer_id: Whose feed it is.
        amc_number: Ten digits.
        agreement: The insurer's agreement with the operator.
        kind: Full or delta.
        feed_version: The pending version.
        today: Paris civil date: contracts that ended before give former members.
        dialect: How to read the file.
        lookup_key: Key of look-ups.
        contract_key: Key of blind references.
        insurer_key: Key that seals this insurer's people.
        first: Whether the insurer has nobody yet: everybody is then sealed ahead, in the worker.
    """

    insurer_id: int
    amc_number: str
    agreement: Period
    kind: FeedKind
    feed_version: int
    today: date
    dialect: Dialect
    lookup_key: bytes = field(repr=False)
    contract_key: bytes = field(repr=False)
    insurer_key: bytes = field(repr=False)
    first: bool


class _Unprinted(msgspec.Struct, frozen=True, gc=False, array_like=True):
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class NewRows(_Unprinted, frozen=True, gc=False, array_like=True):
    """The database rows of somebody new, packed for COPY.

    `sheet` goes to the past when `ended`; the keys then open nothing.
    """

    person_ref: int
    person: bytes
    sheet: bytes
    ended: bool
    lookups: list[bytes]
    person_keys: list[bytes]


class PreparedPerson(_Unprinted, frozen=True, gc=False, array_like=True):
    """What a piece says of one person.

    Args:
        match_keys: Every key that may lead to the person, end to end.
        statements: The rows, one by one; see `read_statements`.
        simple: Whether what follows is the whole of it, for somebody nobody knew before.
        refused: Lines left out, with the rule.
        new: Database rows of somebody new, when they were asked for ahead.
        keys: Keys of somebody new.
        digest: Keyed digest of the identity.
        plain: The identity, to be sealed.
        body: The sheet, encoded; empty when no line is inside the agreement.
        last_day: Last day of the sheet.
    """

    match_keys: bytes
    statements: msgspec.Raw
    simple: bool
    refused: list[tuple[int, str]] = []
    new: NewRows | None = None
    keys: PersonKeys = PersonKeys([], [])
    digest: bytes = b""
    plain: bytes = b""
    body: bytes = b""
    last_day: date = date.min


class PreparedPiece(_Unprinted, frozen=True, array_like=True):
    """A piece, ready for the database.

    Args:
        rows: Rows of the file it stands for.
        valid: Rows that passed validation.
        rejected: Rows left out by validation; empty lines are in neither count.
        people: By first line.
        kept_keys: Keys of people whose row was left out: a full feed takes nothing away from them.
        findings: By line.
        terms: Guarantees this worker met for the first time: digest, JSON.
    """

    rows: int
    valid: int
    rejected: int
    people: list[PreparedPerson]
    kept_keys: list[bytes]
    findings: list[Finding]
    terms: list[tuple[bytes, bytes]]


encode_piece: Final = msgspec.msgpack.Encoder().encode
decode_piece: Final = msgspec.msgpack.Decoder(PreparedPiece).decode
_decode_statements: Final = msgspec.msgpack.Decoder(list[Statement]).decode


def hold_statements(statements: list[Statement]) -> msgspec.Raw:
    """Return statements as a prepared person carries them.

    Between processes they are bytes that nobody reads unless the person turns out to be known;
    within one process they stay what they are.
    """
    return cast("msgspec.Raw", statements)


def read_statements(person: PreparedPerson) -> list[Statement]:
    """Return the rows of a prepared person."""
    held: Any = person.statements
    return held if isinstance(held, list) else _decode_statements(held)


def pack_new(
    packer: Packer,
    seal: Seal,
    *,
    keys: PersonKeys,
    plain: bytes,
    digest: bytes,
    body: bytes,
    ended: bool,
) -> NewRows:
    """Draw a reference for somebody new, seal the identity and pack the database rows."""
    drawn = os.urandom(NONCE_BYTES + _REF_BYTES)
    number = int.from_bytes(drawn[NONCE_BYTES:], "big") >> 1 or 1
    ref = number.to_bytes(_REF_BYTES, "big")
    lookups: list[bytes] = []
    stored: Sequence[bytes] = keys.other
    if ended:
        stored = [*keys.current, *keys.other]
    else:
        lookups = [packer.lookup(key, ref) for key in keys.current]
    sealed = seal.seal(number, plain, nonce=drawn[:NONCE_BYTES])
    return NewRows(
        person_ref=number,
        person=packer.person(ref, sealed=sealed, digest=digest, keys=keys.current),
        sheet=packer.sheet(ref, body),
        ended=ended,
        lookups=lookups,
        person_keys=[packer.person_key(key, ref) for key in stored],
    )
