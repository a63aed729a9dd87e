"""Rows in the binary form of COPY: built by worker processes, sent as they are.

Refuses nothing and checks nothing: what comes here was validated, and the database's constraints
look at it once more.
"""

import struct
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import Final

from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.sheet import Line, Sheet

STILL_OPEN: Final = (1 << 63) - 1
"""`closed_in` of a sheet that no version closed."""
KEY_BYTES: Final = 16
REF_BYTES: Final = 8

COPY_HEADER: Final = b"PGCOPY\n\xff\r\n\0" + bytes(8)
COPY_TRAILER: Final = b"\xff\xff"

_INT8: Final = 20
_UUID: Final = 2950
_DATE: Final = 1082
_INFINITY: Final = (1 << 31) - 1
_EPOCH: Final = date(2000, 1, 1).toordinal()
_HEAD: Final = struct.Struct(">iiiiiii")  # field length, dimensions, nulls, type, count, base, size
_ONE_LONG: Final = (32, 1, 0, _INT8, 1, 1, 8)
_ONE_DAY: Final = (28, 1, 0, _DATE, 1, 1, 4)
_CONTRACT: Final = _HEAD.pack(*_ONE_LONG)
_TAIL: Final = struct.Struct(">" + 4 * "iiiiiiii" + "iiiiiiiq")
_LONG: Final = struct.Struct(">iq")
_KEY_LENGTH: Final = KEY_BYTES.to_bytes(4, "big")
_KEYS: Final = struct.pack(">iii", 1, 0, _UUID)
_BASE: Final = (1).to_bytes(4, "big")


def encode_sheet(sheet: Sheet) -> bytes:
    """Return the six array fields of a sheet, the same bytes for the same lines; none for none."""
    if not sheet:
        return b""
    if len(sheet) == 1:
        [line] = sheet
        return encode_line(line.contract_ref, line.period, line.suspended, line.terms_id)
    form, long_head, day_head = _make_sheet_form(len(sheet))
    fields: list[int] = [*long_head]
    for line in sheet:
        fields += (8, line.contract_ref)
    for days in (
        [line.period.starts_on for line in sheet],
        [line.period.ends_on for line in sheet],
        [line.suspended.starts_on if line.suspended else OPEN_END for line in sheet],
        [line.suspended.ends_on if line.suspended else OPEN_END for line in sheet],
    ):
        fields += day_head
        for day in days:
            fields += (4, _number_day(day))
    fields += long_head
    for line in sheet:
        fields += (8, line.terms_id)
    return form.pack(*fields)


def encode_line(
    contract_ref: int, period: Period, suspended: Period | None, terms_id: int
) -> bytes:
    """Return the same for a sheet of one line."""
    return encode_contract(contract_ref) + encode_tail(
        period.starts_on,
        period.ends_on,
        suspended and suspended.starts_on,
        suspended and suspended.ends_on,
        terms_id,
    )


def encode_contract(contract_ref: int) -> bytes:
    """Return the first field of a sheet of one line."""
    return _CONTRACT + contract_ref.to_bytes(8, "big")


@lru_cache(maxsize=100_000)
def encode_tail(
    starts_on: date,
    ends_on: date,
    suspended_from: date | None,
    suspended_to: date | None,
    terms_id: int,
) -> bytes:
    """Return all but the contract of a sheet of one line: a few thousand forms in a whole feed."""
    return _TAIL.pack(
        *_ONE_DAY,
        _number_day(starts_on),
        *_ONE_DAY,
        _number_day(ends_on),
        *_ONE_DAY,
        _number_day(suspended_from or OPEN_END),
        *_ONE_DAY,
        _number_day(suspended_to or OPEN_END),
        *_ONE_LONG,
        terms_id,
    )


def decode_sheet(body: bytes) -> Sheet:
    """Read the six array fields of a sheet."""
    columns = []
    place = 0
    while place < len(body):
        length, _, _, kind, count, _, size = _HEAD.unpack_from(body, place)
        step = size + 4
        first = place + _HEAD.size
        values = [
            int.from_bytes(body[first + step * n : first + step * n + size], "big", signed=True)
            for n in range(count)
        ]
        columns.append([_decode_day(value) for value in values] if kind == _DATE else values)
        place += 4 + length
    return tuple(
        Line(contract_ref, Period(starts, ends), _decode_suspension(since, until), terms_id)
        for contract_ref, starts, ends, since, until, terms_id in zip(*columns, strict=True)
    )


class Packer:
    """Packs the rows of one feed version. References and keys are bytes, big-endian.

    Args:
        insurer_id: Whose people they are.
        version: The pending version.
    """

    def __init__(self, *, insurer_id: int, version: int) -> None:
        insurer = b"\0\0\0\4" + insurer_id.to_bytes(4, "big")
        self._version = _LONG.pack(8, version)
        self._after_ref = insurer
        self._period = _LONG.pack(8, STILL_OPEN) + self._version + insurer

    def person(
        self, person_ref: bytes, *, sealed: bytes, digest: bytes, keys: Sequence[bytes]
    ) -> bytes:
        """Return one row of identity.person."""
        return b"".join(
            (
                b"\0\6\0\0\0\x08",
                person_ref,
                self._after_ref,
                len(sealed).to_bytes(4, "big"),
                sealed,
                len(digest).to_bytes(4, "big"),
                digest,
                _encode_keys_head(len(keys)),
                _KEY_LENGTH.join(keys),
                self._version,
            )
        )

    def sheet(self, person_ref: bytes, body: bytes) -> bytes:
        """Return one row of rights.coverage or rights.past_coverage, opened in the version."""
        return b"\0\x0a\0\0\0\x08" + person_ref + self._period + body

    def lookup(self, key: bytes, person_ref: bytes) -> bytes:
        """Return one row of rights.lookup."""
        return b"\0\2\0\0\0\x10" + key + b"\0\0\0\x08" + person_ref

    def person_key(self, key: bytes, person_ref: bytes) -> bytes:
        """Return one row of identity.person_key."""
        return b"\0\3\0\0\0\x10" + key + b"\0\0\0\x08" + person_ref + self._version


def encode_keys(keys: Sequence[bytes]) -> bytes:
    """Return a uuid[]; at least one key."""
    return _encode_keys_head(len(keys))[4:] + _KEY_LENGTH.join(keys)


@lru_cache
def _encode_keys_head(count: int) -> bytes:
    """Return what comes before the keys of a uuid[] field, the length of the first one included."""
    length = (20 + (4 + KEY_BYTES) * count).to_bytes(4, "big")
    return length + _KEYS + count.to_bytes(4, "big") + _BASE + _KEY_LENGTH


def decode_keys(array: bytes) -> list[bytes]:
    """Return the keys of a uuid[] as the server sends it."""
    return [array[n : n + KEY_BYTES] for n in range(24, len(array), KEY_BYTES + 4)]


def read_first_ref(row: bytes) -> bytes:
    """Return the person of a row that `Packer.person` or `Packer.sheet` packed."""
    return row[6 : 6 + REF_BYTES]


def read_key_ref(row: bytes) -> bytes:
    """Return the person of a row that `Packer.lookup` or `Packer.person_key` packed."""
    first = 6 + KEY_BYTES + 4
    return row[first : first + REF_BYTES]


def split_keys(keys: bytes) -> list[bytes]:
    """Return the keys put end to end in `keys`."""
    return [keys[n : n + KEY_BYTES] for n in range(0, len(keys), KEY_BYTES)]


@lru_cache
def _make_sheet_form(lines: int) -> tuple[struct.Struct, tuple[int, ...], tuple[int, ...]]:
    """Return how a sheet of so many lines is packed, and the heads of its two kinds of arrays."""
    longs, days = "iiiiii" + lines * "iq", "iiiiii" + lines * "ii"
    form = struct.Struct(f">{longs}{4 * days}{longs}")
    return form, (20 + 12 * lines, 1, 0, _INT8, lines, 1), (20 + 8 * lines, 1, 0, _DATE, lines, 1)


def _number_day(day: date) -> int:
    return _INFINITY if day == OPEN_END else day.toordinal() - _EPOCH


def _decode_day(number: int) -> date:
    return OPEN_END if number == _INFINITY else date.fromordinal(number + _EPOCH)


def _decode_suspension(since: date, until: date) -> Period | None:
    return None if since == OPEN_END else Period(since, until)
