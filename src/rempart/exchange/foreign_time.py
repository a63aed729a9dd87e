"""Instants as logs write them, many at once: Unix milliseconds, or nothing when it is none.

Refuses an instant before 1990 or after 2100: it is a number that means something else.
"""

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, Final
from zoneinfo import ZoneInfo

import numpy as np
import pyarrow as pa

from rempart.exchange.arrow_compute import pc

APACHE_LENGTH: Final = 26
EARLIEST_MS: Final = 631_152_000_000
LATEST_MS: Final = 4_102_444_800_000
_HOUR_S: Final = 3_600
_ISO: Final = (
    r"^[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9]{2}:[0-9]{2}(:[0-9]{2}([.,][0-9]{1,9})?)?"
    r"(Z|[+-][0-9]{2}:?[0-9]{2})?$"
)
_ZONED: Final = "(Z|[+-][0-9]{2}:?[0-9]{2})$"
_MONTHS: Final = MappingProxyType(
    {
        name: number
        for number, name in enumerate(
            ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"], 1
        )
    }
)
# A month's name as one number, to compare all at once.
_MONTH_CODES: Final = np.array(
    [ord(name[0]) << 16 | ord(name[1]) << 8 | ord(name[2]) for name in _MONTHS], np.int64
)


def read_times(column: Any, way: str, zone: str) -> Any:
    """Read instants.

    Args:
        column: An Arrow array of text.
        way: `iso`, `apache`, `epoch`, `epoch_ms`, or directives of strptime.
        zone: The zone of those that do not say theirs.

    Returns:
        An Arrow array of Unix milliseconds, null where there is no instant.
    """
    times = _READERS.get(way, _read_directives(way))(column, zone)
    sane = pc.and_(pc.greater_equal(times, EARLIEST_MS), pc.less(times, LATEST_MS))
    return pc.if_else(sane, times, None)


def read_apache_bytes(letters: Any) -> tuple[Any, Any]:
    """Read instants of a web log, `17/May/2015:10:05:03 +0000`.

    Args:
        letters: A numpy array of bytes, a row of 26 for each.

    Returns:
        Unix milliseconds, and whether each is an instant.
    """
    text = letters.astype(np.int64)
    digits = text - 48

    def two(at: int) -> Any:
        return digits[:, at] * 10 + digits[:, at + 1]

    places = [0, 1, 7, 8, 9, 10, 12, 13, 15, 16, 18, 19, 22, 23, 24, 25]
    good = ((digits[:, places] >= 0) & (digits[:, places] <= 9)).all(axis=1)
    code = text[:, 3] << 16 | text[:, 4] << 8 | text[:, 5]
    month = np.zeros(len(text), np.int64)
    for number, known in enumerate(_MONTH_CODES, 1):
        month[code == known] = number
    year, day = two(7) * 100 + two(9), two(0)
    hour, minute, second = two(12), two(15), two(18)
    sign = np.where(text[:, 21] == 43, 1, np.where(text[:, 21] == 45, -1, 0))
    good &= (month > 0) & (sign != 0) & (day >= 1) & (day <= 31) & (hour < 24) & (minute < 60)
    good &= (second <= 60) & (year >= 1990) & (year < 2100)
    first = ((year - 1970) * 12 + np.maximum(month, 1) - 1).astype("datetime64[M]")
    days = first.astype("datetime64[D]").astype(np.int64) + day - 1
    # The 31st of a month of thirty days is no day.
    good &= days < (first + 1).astype("datetime64[D]").astype(np.int64)
    offset = sign * (two(22) * 60 + two(24)) * 60
    return ((days * 24 + hour) * 3600 + minute * 60 + second - offset) * 1000, good


def _read_apache(column: Any, zone: str) -> Any:
    del zone
    column = pc.replace_substring_regex(column, pattern=r"^\[|\]$", replacement="")
    whole = pc.fill_null(pc.equal(pc.binary_length(column), APACHE_LENGTH), False)
    texts = column.filter(whole).to_pylist()
    letters = np.frombuffer("".join(texts).encode(), np.uint8).reshape(-1, APACHE_LENGTH)
    times, good = read_apache_bytes(letters)
    return _spread(pa.array(times, mask=~good), whole)


def _spread(values: Any, mask: Any) -> Any:
    """Put values back where the mask took them from."""
    places = pc.subtract(pc.cumulative_sum(mask.cast(pa.int64())), 1)
    return values.take(pc.if_else(mask, places, None))


def _read_iso(column: Any, zone: str) -> Any:
    column = pc.utf8_trim_whitespace(column)
    good = pc.fill_null(pc.match_substring_regex(column, pattern=_ISO), False)
    column = pc.if_else(good, pc.replace_substring(column, ",", "."), None)
    zoned = pc.fill_null(pc.match_substring_regex(column, pattern=_ZONED), False)
    absolute = _cast(pc.if_else(zoned, column, None), pa.timestamp("ns", "UTC"))
    local = _cast(pc.if_else(zoned, None, column), pa.timestamp("ns"))
    return pc.coalesce(absolute, place_in_zone(local, zone))


def _cast(column: Any, kind: Any) -> Any:
    """Read timestamps as milliseconds; one by one when one of them is no date."""
    try:
        nanoseconds = column.cast(kind).cast(pa.int64())
    except pa.ArrowInvalid:
        return pa.array([_read_one_iso(text) for text in column.to_pylist()], pa.int64())
    return pc.divide(nanoseconds, 1_000_000)


def _read_one_iso(text: str | None) -> int | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return _to_ms(moment)


def _to_ms(moment: datetime) -> int:
    """Return the milliseconds of a moment, as if UTC when it has no zone."""
    return (moment.replace(tzinfo=moment.tzinfo or UTC) - _EPOCH) // timedelta(milliseconds=1)


_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


def place_in_zone(local: Any, zone: str) -> Any:
    """Turn milliseconds on a clock of a zone into Unix milliseconds.

    Offsets change on whole hours of local time or not at all in an hour, so one question an hour
    is enough. The hour that comes twice is the first.
    """
    if zone == "UTC" or local.null_count == len(local):
        return local
    known = pc.fill_null(local, 0).to_numpy(zero_copy_only=False)
    quarters, inverse = np.unique(known // (_HOUR_S * 250), return_inverse=True)
    place = ZoneInfo(zone)
    offsets = np.array(
        [
            (_EPOCH + timedelta(milliseconds=int(quarter) * _HOUR_S * 250))
            .replace(tzinfo=place)
            .utcoffset()
            for quarter in quarters
        ],
        "timedelta64[ms]",
    ).astype(np.int64)
    absent = local.is_null().to_numpy(zero_copy_only=False)
    return pa.array(known - offsets[inverse.ravel()], pa.int64(), mask=absent)


def _read_epoch(scale: int) -> Callable[[Any, str], Any]:
    def read(column: Any, zone: str) -> Any:
        del zone
        column = pc.utf8_trim_whitespace(column)
        good = pc.match_substring_regex(column, pattern=r"^[0-9]{1,14}([.][0-9]{1,9})?$")
        numbers = pc.if_else(good, column, None).cast(pa.float64())
        return pc.floor(pc.multiply(numbers, float(scale))).cast(pa.int64(), safe=False)

    return read


def _read_directives(way: str) -> Callable[[Any, str], Any]:
    def read(column: Any, zone: str) -> Any:
        moments = [_read_one(text, way) for text in column.to_pylist()]
        absolute = [_to_ms(one) if one and one.tzinfo else None for one in moments]
        local = [_to_ms(one) if one and not one.tzinfo else None for one in moments]
        return pc.coalesce(
            pa.array(absolute, pa.int64()), place_in_zone(pa.array(local, pa.int64()), zone)
        )

    return read


def _read_one(text: str | None, way: str) -> datetime | None:
    try:
        # The zone, when the text has none, is the caller's to give.
        return datetime.strptime(text or "", way)  # noqa: DTZ007
    except ValueError:
        return None


_READERS: Final[Mapping[str, Callable[[Any, str], Any]]] = MappingProxyType(
    {
        "iso": _read_iso,
        "apache": _read_apache,
        "epoch": _read_epoch(1000),
        "epoch_ms": _read_epoch(1),
    }
)
