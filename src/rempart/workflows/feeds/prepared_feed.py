"""What worker processes make of a feed's pieces, on its way to the importing process.

Refuses to print what it carries.
"""

import os
import struct
from collections.abc import Collection, Container, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date
from itertools import chain
from typing import Any, Final, NamedTuple, cast

import msgspec

from rempart.exchange.feed_pieces import Dialect
from rempart.kernel.findings import Finding
from rempart.kernel.periods import Period
from rempart.storage.feed_copy import (
    REF_BYTES,
    Packer,
    read_first_ref,
    read_key_ref,
    split_keys,
)
from rempart.storage.feeds import FeedKind
from rempart.storage.sealing import NONCE_BYTES, Seal
from rempart.workflows.feeds.person import PersonKeys, Statement


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
    """The database rows of people nobody knew, packed for COPY.

    Each list is in the order of its index: the server takes it three times faster than any other.

    Args:
        persons: Of identity.person.
        sheets: Of members.
        past_sheets: Of people whose contracts have all ended; their keys then open nothing.
        lookups: Keys that open a sheet.
        person_keys: Keys that only lead to a person.
    """

    persons: list[bytes]
    sheets: list[bytes]
    past_sheets: list[bytes]
    lookups: list[bytes]
    person_keys: list[bytes]

    def without(self, person_refs: Iterable[int]) -> "NewRows":
        """Return the rows of everybody else."""
        gone = {ref.to_bytes(REF_BYTES, "big") for ref in person_refs}
        return NewRows(
            [row for row in self.persons if read_first_ref(row) not in gone],
            [row for row in self.sheets if read_first_ref(row) not in gone],
            [row for row in self.past_sheets if read_first_ref(row) not in gone],
            [row for row in self.lookups if read_key_ref(row) not in gone],
            [row for row in self.person_keys if read_key_ref(row) not in gone],
        )


class NewPerson(NamedTuple):
    """Somebody nobody knew, ready to be sealed and packed.

    Args:
        keys: Keys of the person.
        plain: The identity, encoded.
        digest: Its keyed digest.
        body: The sheet, encoded.
        ended: Whether its contracts have all ended.
    """

    keys: PersonKeys
    plain: bytes
    digest: bytes
    body: bytes
    ended: bool

    def __repr__(self) -> str:
        return "<NewPerson>"


class ReadyPeople(_Unprinted, frozen=True, gc=False, array_like=True):
    """People of a piece, packed by a worker, in case the file did not speak of them before.

    Args:
        match_keys: For each, every key that may lead to the person, end to end; none when the
            person is among those to look at closely.
        person_refs: For each, the reference drawn; 0 when no line is inside the agreement.
        statements: Their rows, some hundreds of people at a time: how many, `encode_groups`.
        refused: Lines left out: place of the person, line, rule.
        rows: The database rows of them all.
    """

    match_keys: list[bytes]
    person_refs: list[int]
    statements: list[tuple[int, bytes]]
    refused: list[tuple[int, int, str]]
    rows: NewRows


class PreparedPerson(_Unprinted, frozen=True, gc=False, array_like=True):
    """What a piece says of one person.

    Args:
        match_keys: Every key that may lead to the person, end to end.
        statements: The rows, one by one; see `read_statements`.
        simple: Whether what follows is the whole of it, for somebody nobody knew before.
        refused: Lines left out, with the rule.
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
        people: By first line; without those made ready.
        kept_keys: Keys of people whose row was left out: a full feed takes nothing away from them.
        findings: By line.
        terms: Guarantees this worker met for the first time: digest, JSON.
        ready: People packed ahead, when the insurer has nobody yet.
    """

    rows: int
    valid: int
    rejected: int
    people: list[PreparedPerson]
    kept_keys: list[bytes]
    findings: list[Finding]
    terms: list[tuple[bytes, bytes]]
    ready: ReadyPeople | None = None


encode_piece: Final = msgspec.msgpack.Encoder().encode
decode_piece: Final = msgspec.msgpack.Decoder(PreparedPiece).decode
_decode_statements: Final = msgspec.msgpack.Decoder(list[Statement]).decode
encode_groups: Final = encode_piece
"""Encodes lists of statements, one a person: those of a batch while the processor has them."""
_decode_groups: Final = msgspec.msgpack.Decoder(list[list[Statement]]).decode


def hold_statements(statements: list[Statement]) -> msgspec.Raw:
    """Return statements as a prepared person carries them.

    Between processes they are bytes that nobody reads unless a person turns out to be known;
    within one process they stay what they are.
    """
    return cast("msgspec.Raw", statements)


def read_statements(person: PreparedPerson) -> list[Statement]:
    """Return the rows of a prepared person."""
    held: Any = person.statements
    return held if isinstance(held, list) else _decode_statements(held)


def join_ready(batches: Sequence[ReadyPeople]) -> tuple[ReadyPeople, list[PreparedPerson]]:
    """Join the people of a piece, and set apart those who share a key: one may be the other."""
    refused, start = [], 0
    for batch in batches:
        refused += [(start + place, line, rule) for place, line, rule in batch.refused]
        start += len(batch.match_keys)
    packed = [batch.rows for batch in batches]
    joined = ReadyPeople(
        [keys for batch in batches for keys in batch.match_keys],
        [ref for batch in batches for ref in batch.person_refs],
        [encoded for batch in batches for encoded in batch.statements],
        refused,
        NewRows(
            sorted(chain.from_iterable(rows.persons for rows in packed)),
            sorted(chain.from_iterable(rows.sheets for rows in packed)),
            sorted(chain.from_iterable(rows.past_sheets for rows in packed)),
            sorted(chain.from_iterable(rows.lookups for rows in packed)),
            sorted(chain.from_iterable(rows.person_keys for rows in packed)),
        ),
    )
    return set_apart(joined, _find_shared(joined.match_keys))


def find_met(ready: ReadyPeople, known_keys: Container[bytes]) -> set[int]:
    """Return the places of the people whom some keys lead to."""
    return {
        place
        for place, keys in enumerate(ready.match_keys)
        if any(key in known_keys for key in split_keys(keys))
    }


def set_apart(
    ready: ReadyPeople, places: Collection[int]
) -> tuple[ReadyPeople, list[PreparedPerson]]:
    """Take some people out of those who may be written as they are, to be looked at closely."""
    if not places:
        return ready, []
    people, start = [], 0
    for count, encoded in ready.statements:
        here = sorted(place for place in places if start <= place < start + count)
        groups = _decode_groups(encoded) if here else []
        people += [
            PreparedPerson(ready.match_keys[n], hold_statements(groups[n - start]), simple=False)
            for n in here
        ]
        start += count
    kept = ReadyPeople(
        [b"" if place in places else keys for place, keys in enumerate(ready.match_keys)],
        ready.person_refs,
        ready.statements,
        [refused for refused in ready.refused if refused[0] not in places],
        ready.rows.without(ready.person_refs[place] for place in places),
    )
    return kept, people


def _find_shared(match_keys: Sequence[bytes]) -> set[int]:
    """Return the places of people who have a key that another has too."""
    keys = split_keys(b"".join(match_keys))
    if len(set(keys)) == len(keys):
        return set()
    owners: dict[bytes, int] = {}
    shared: set[int] = set()
    for place, own in enumerate(match_keys):
        for key in split_keys(own):
            if (owner := owners.setdefault(key, place)) != place:
                shared |= {owner, place}
    return shared


def pack_new(packer: Packer, seal: Seal, people: Sequence[NewPerson]) -> tuple[list[int], NewRows]:
    """Draw a reference for each of many people, seal the identities and pack the database rows.

    Returns:
        The references, in the order of the people, and the rows.
    """
    count = len(people)
    nonces = os.urandom(NONCE_BYTES * count)
    drawn = struct.unpack(f">{count}Q", os.urandom(REF_BYTES * count))
    person_refs = [number >> 1 or 1 for number in drawn]
    rows = NewRows([], [], [], [], [])
    for number, place in sorted(zip(person_refs, range(count), strict=True)):
        keys, plain, digest, body, ended = people[place]
        ref = number.to_bytes(REF_BYTES, "big")
        nonce = nonces[NONCE_BYTES * place : NONCE_BYTES * (place + 1)]
        sealed = seal.seal(number, plain, nonce=nonce)
        rows.persons.append(packer.person(ref, sealed=sealed, digest=digest, keys=keys.current))
        (rows.past_sheets if ended else rows.sheets).append(packer.sheet(ref, body))
        stored = keys.other
        if ended:
            stored = [*keys.current, *keys.other]
        else:
            rows.lookups.extend([packer.lookup(key, ref) for key in keys.current])
        if stored:
            rows.person_keys.extend([packer.person_key(key, ref) for key in stored])
    rows.lookups.sort()
    rows.person_keys.sort()
    return person_refs, rows
