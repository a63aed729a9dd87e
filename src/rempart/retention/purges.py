"""Records of purges: what was erased, said where a backup of the database cannot forget it.

A record holds references that lead to nobody once it was carried out: refuses anything else. They
are numbered without a gap and chained, so that a record that is missing or another is noticed.
"""

import hashlib
import json
import re
import struct
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

Body: TypeAlias = Mapping[str, Any]

# Kinds: what is erased, and by which workflow again.
OPENINGS: Final = "openings"  # single openings of the ledger
SEGMENT: Final = "segment"  # a whole segment of it
ROWS: Final = "rows"  # rows by their keys, of `ROW_TABLES`
FIELDS: Final = "fields"  # fields of persons and claims, at the end of their time

FIRST_DIGEST: Final = bytes(32)
MOST_ROWS: Final = 50_000
_LABEL: Final = b"rempart purge v1\x00"
_NUMBERS: Final = struct.Struct(">qq")
_VERSION: Final = 1
# Words of a record that are no reference are short and begin with a letter in lower case: no number
# or address of a person passes. Besides, days as AAAA-MM-JJ and digests in hexadecimal.
_WORD: Final = re.compile(r"[a-z][a-z0-9_.-]{0,79}")
_DAY: Final = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
# The one key whose words are for people: the rule of law or the decision.
_FOR_PEOPLE: Final = "ground"
_GROUND_LETTERS: Final = 200

# Whose rows the kind `rows` may name: table, and the columns that say which.
ROW_TABLES: Final[Mapping[str, tuple[str, ...]]] = {
    "notices.contact": ("insurer_id",),  # what an insurer gave for its campaigns
}


class PurgeRefused(ValueError):
    """A record is not what the journal allows, or does not follow the one before it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class PurgeRecord:
    """One purge that was said.

    Attributes:
        number: From 1, without a gap, in the order they were said.
        kind: What carries it out: see `workflows.backups.apply_purges`.
        body: Which references, as canonical JSON.
        said_ms: When, Unix milliseconds.
        previous: Digest of the record before; zeroes for the first.
    """

    number: int
    kind: str
    body: str
    said_ms: int
    previous: bytes

    def __post_init__(self) -> None:
        if self.number < 1 or self.said_ms < 0 or len(self.previous) != len(FIRST_DIGEST):
            raise PurgeRefused(f"purge {self.number}: a number, a time or a digest is impossible")
        if not _WORD.fullmatch(self.kind):
            raise PurgeRefused(f"purge {self.number}: its kind is not a word")
        if format_body(parse_body(self.body)) != self.body:
            raise PurgeRefused(f"purge {self.number}: its body is not canonical")

    def __repr__(self) -> str:
        return f"PurgeRecord({self.number}, {self.kind})"

    @property
    def content(self) -> Body:
        """The body, read."""
        return parse_body(self.body)

    @property
    def digest(self) -> bytes:
        """SHA-256 of the digest before it and of all it says; the database computes the same."""
        said = f"{self.kind}\n{self.body}".encode()
        return hashlib.sha256(
            _LABEL + self.previous + _NUMBERS.pack(self.number, self.said_ms) + said
        ).digest()


def format_body(body: Body) -> str:
    """Return a body as canonical JSON: sorted keys, no spaces.

    Raises:
        PurgeRefused: it holds something that could be about somebody.
    """
    _check(body)
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)


def parse_body(text: str) -> Body:
    """Read a body.

    Raises:
        PurgeRefused: it is not one.
    """
    try:
        body = json.loads(text)
    except ValueError as failure:
        raise PurgeRefused("a body is not JSON") from failure
    if not isinstance(body, dict):
        raise PurgeRefused("a body is not an object")
    _check(body)
    return body


def encode_record(record: PurgeRecord) -> bytes:
    """Return a record as the journal keeps it, before it is sealed."""
    return json.dumps(
        {
            "version": _VERSION,
            "number": record.number,
            "kind": record.kind,
            "body": record.body,
            "said_ms": record.said_ms,
            "previous": record.previous.hex(),
        },
        sort_keys=True,
        separators=(",", ":"),
    ).encode()


def decode_record(content: bytes) -> PurgeRecord:
    """Read what `encode_record` wrote.

    Raises:
        PurgeRefused: it is something else.
    """
    try:
        fields = json.loads(content)
        version = fields.pop("version")
        previous = bytes.fromhex(fields.pop("previous"))
        record = PurgeRecord(**fields, previous=previous)
    except (KeyError, TypeError, AttributeError, ValueError) as failure:
        raise PurgeRefused("a record of purges cannot be read") from failure
    if version != _VERSION:
        raise PurgeRefused("a record of purges is of another version: use the newer program")
    return record


def check_chain(records: Sequence[PurgeRecord], *, after: PurgeRecord | None = None) -> None:
    """Check that records follow each other, and the one before them when it is known.

    Raises:
        PurgeRefused: one is missing, or is not the one that was said; the message gives its number.
    """
    last = after
    for record in records:
        if last is not None and record.number != last.number + 1:
            raise PurgeRefused(f"purge {last.number + 1} is missing")
        expected = last.digest if last is not None else record.previous
        if record.number == 1:
            expected = FIRST_DIGEST
        if record.previous != expected:
            raise PurgeRefused(f"purge {record.number} does not follow the one before it")
        last = record


def make_rows_body(table: str, rows: Iterable[Sequence[int]]) -> Body:
    """Return the body of a purge of rows by their keys.

    Args:
        table: One of `ROW_TABLES`.
        rows: The values of its key columns, in their order.

    Raises:
        PurgeRefused: another table, a key of another length, or more than `MOST_ROWS`.
    """
    body = {"table": table, "rows": [list(row) for row in rows]}
    read_rows_body(body)
    return body


def read_rows_body(body: Body) -> tuple[str, tuple[str, ...], list[list[int]]]:
    """Return table, key columns and keys of a purge of rows.

    Raises:
        PurgeRefused: see `make_rows_body`.
    """
    table, rows = body.get("table"), body.get("rows")
    if not isinstance(table, str) or table not in ROW_TABLES:
        raise PurgeRefused("a purge of rows names a table that it may not")
    key = ROW_TABLES[table]
    if not isinstance(rows, list) or not 1 <= len(rows) <= MOST_ROWS:
        raise PurgeRefused(f"a purge of rows has 1 to {MOST_ROWS:,} of them")
    if any(not isinstance(row, list) or len(row) != len(key) for row in rows):
        raise PurgeRefused(f"a purge of rows of {table} gives {len(key)} numbers for each")
    return table, key, rows


def _check(value: Any, key: str = "") -> None:
    """Refuse what is neither a reference nor a word.

    Raises:
        PurgeRefused: it is; the message does not repeat it.
    """
    if isinstance(value, Mapping):
        for name, inner in value.items():
            if not isinstance(name, str) or not _WORD.fullmatch(name):
                raise PurgeRefused("a key of a purge is not a word")
            _check(inner, name)
    elif isinstance(value, list | tuple):
        for inner in value:
            _check(inner, key)
    elif isinstance(value, str):
        is_ground = key == _FOR_PEOPLE and 0 < len(value) <= _GROUND_LETTERS and value.isprintable()
        if not is_ground and not any(one.fullmatch(value) for one in (_WORD, _DAY, _DIGEST)):
            raise PurgeRefused(f"{key or 'a text'}: a purge holds references and words only")
    elif value is not None and type(value) not in (int, bool):
        raise PurgeRefused(f"{key or 'a value'}: a purge holds references and words only")
