"""What a column of an unknown log seems to hold, by its values and its name; its screens.

Refuses to be sure: a proposal is read and corrected by somebody. No value is kept, only shapes.
"""

import enum
import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

MOST: Final = 0.8
_MANY: Final = 40
_NEARLY_ALL: Final = 0.8
_FLAGS: Final = frozenset({"true", "false", "0", "1", "O", "N"})
_MEASURE: Final = re.compile(r"bytes|size|length|duration|duree|elapsed|latency", re.IGNORECASE)
_VARYING_VALUES: Final = 30
_MAX_SCREENS: Final = 60


class Shape(enum.StrEnum):
    """What values look like."""

    TIME = "an instant"
    ADDRESS = "a network address"
    AGENT = "a user agent"
    URL = "an address (URL) or path"
    STATUS = "a web status"
    NIR = "a NIR"
    SESSION = "a session"
    ACCOUNT = "an account"
    PERSON = "a person"
    INSURER = "an insurer"
    ACTION = "an action or a screen"
    TEXT = "something else"


@dataclass(frozen=True, slots=True, kw_only=True)
class ColumnShape:
    """One column.

    Args:
        name: Its name.
        shape: What it seems to hold.
        share: Of its values that look so.
        filled: Of rows that have a value.
        distinct: How many distinct values there are in the sample.
        way: For an instant, how it is written.
    """

    name: str
    shape: Shape
    share: float
    filled: float
    distinct: int
    way: str = ""


# The NIR of persons, with or without its key; spaces and dots are left out before.
_NIR: Final = re.compile(
    r"[123478]\d\d(?:0[1-9]|1[0-2]|[2-9]\d)(?:\d\d|2[AB])\d{6}(?:\d\d)?", re.ASCII | re.IGNORECASE
)
_APACHE: Final = r"\d\d/[A-Z][a-z]{2}/\d{4}:\d\d:\d\d:\d\d [+-]\d{4}"
_ISO: Final = r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d{1,9})?)?(?:Z|[+-]\d\d:?\d\d)?"
_TIMES: Final = (
    ("iso", re.compile(_ISO)),
    ("apache", re.compile(rf"\[?{_APACHE}\]?")),
    ("epoch", re.compile(r"1[0-9]{9}(?:\.\d+)?")),
    ("epoch_ms", re.compile(r"1[0-9]{12}")),
    ("%d/%m/%Y %H:%M:%S", re.compile(r"[0-3]\d/[01]\d/(?:19|20)\d\d \d\d:\d\d:\d\d")),
    ("%d/%m/%Y %H:%M", re.compile(r"[0-3]\d/[01]\d/(?:19|20)\d\d \d\d:\d\d")),
)
_ADDRESS: Final = re.compile(
    r"(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?|[0-9A-Fa-f]{0,4}(?::[0-9A-Fa-f]{0,4}){2,7}", re.ASCII
)
_AGENT: Final = re.compile(r"\[?(?:Mozilla/|Opera/|curl/|python-|Java/|aws-|[A-Za-z-]+/\d+\.\d).*")
_URL: Final = re.compile(r"(?:https?://[^\s]+|/[^\s]*)")
_STATUS: Final = re.compile(r"[1-5]\d\d")
_TOKEN: Final = re.compile(
    r"[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}|[0-9A-Fa-f]{16,128}|[A-Za-z0-9_\-+/=.]{20,}"
)
_NUMBER: Final = re.compile(r"[A-Za-z]{0,4}[-_]?\d{4,14}[A-Za-z]?")
# Words of names, in the order they are looked for; a session's are in the last part of a path.
_NAMES: Final[Sequence[tuple[Shape, re.Pattern[str]]]] = tuple(
    (shape, re.compile(words, re.IGNORECASE))
    for shape, words in (
        (Shape.SESSION, r"(?:^|\.)[^.]*(?:sess|sid|jsessionid|token|jti|accesskey|cookie)[^.]*$"),
        (Shape.AGENT, r"agent$|browser|navigateur"),
        (
            Shape.ACTION,
            r"action|event_?name|operation|page|screen|ecran|écran|view$|vue$|service|subtype",
        ),
        (
            Shape.PERSON,
            r"nir|ssn|patient|benef|assur|adh[eé]rent|contra[ct]|member|person|dossier|\.key$",
        ),
        (
            Shape.ACCOUNT,
            r"user|login|account|compte|uid$|identifiant|rpps|finess|actor|who$|utilis|\barn$",
        ),
        (Shape.INSURER, r"insurer|mutuelle|amc|organisme|tenant|bucketname"),
    )
)
_VARIES: Final = re.compile(
    r"\d{3,}.*|.*\d{4,}.*|[0-9a-f]{8,}|.*[0-9a-f]{4}-[0-9a-f]{4}-.*|.*%.*|.*[;@].*", re.IGNORECASE
)


def guess_column(name: str, values: Sequence[str | None]) -> ColumnShape:
    """Say what a column seems to hold.

    Args:
        name: Its name.
        values: Its values in a sample.
    """
    filled = [value for value in values if value]
    distinct = len(set(filled))
    shape, share, way = _guess(name, filled, distinct)
    return ColumnShape(
        name=name,
        shape=shape,
        share=share,
        filled=len(filled) / len(values) if values else 0.0,
        distinct=distinct,
        way=way,
    )


def _guess(name: str, values: Sequence[str], distinct: int) -> tuple[Shape, float, str]:
    if not values or _MEASURE.search(name) or set(values) <= _FLAGS:
        return Shape.TEXT, 0.0, ""
    for way, pattern in _TIMES:
        if (share := _share(pattern, values)) >= MOST:
            return Shape.TIME, share, way
    for shape, pattern in (
        (Shape.NIR, _NIR),
        (Shape.STATUS, _STATUS),
        (Shape.ADDRESS, _ADDRESS),
        (Shape.AGENT, _AGENT),
        (Shape.URL, _URL),
    ):
        if (share := _share(pattern, values)) >= MOST:
            return shape, share, ""
    named = next((shape for shape, pattern in _NAMES if pattern.search(name)), None)
    if named is Shape.ACTION and distinct > max(_MANY, len(values) // 10):
        named = None
    if named is Shape.SESSION and distinct > len(values) * _NEARLY_ALL and distinct > 1:
        named = None  # another one each time: a request's own number
    if named is not None:
        return named, 1.0, ""
    if (share := _share(_TOKEN, values)) >= MOST and 1 < distinct <= len(values) * _NEARLY_ALL:
        return Shape.SESSION, share, ""
    if (share := _share(_NUMBER, values)) >= MOST and distinct > _MANY:
        return Shape.PERSON, share, ""
    return Shape.TEXT, 1.0, ""


def _share(pattern: re.Pattern[str], values: Sequence[str]) -> float:
    """Return the share of values a pattern matches, spaces and dots of a number left out."""
    if pattern is _NIR:
        values = [re.sub(r"[\s.\-]", "", value) for value in values]
    return sum(pattern.fullmatch(value) is not None for value in values) / len(values)


@dataclass(frozen=True, slots=True)
class Screen:
    """A path with its varying segments left out, and how often it comes."""

    path: str
    count: int


def find_screens(paths: Iterable[str]) -> list[Screen]:
    """Return the screens of a sample of paths, the most frequent first.

    A segment varies when it looks like an identifier, or when many others stand in its place.
    """
    counts = Counter(path.partition("?")[0].rstrip("/") or "/" for path in paths)
    merged: Counter[tuple[str, ...]] = Counter()
    for path, count in counts.items():
        segments = tuple("{}" if _VARIES.fullmatch(one) else one for one in path.split("/"))
        merged[segments] += count
    for place in range(1, max(map(len, merged), default=0)):
        merged = _merge_at(merged, place)
    return [
        Screen("/".join(segments) or "/", count)
        for segments, count in merged.most_common(_MAX_SCREENS)
    ]


def _merge_at(screens: Counter[tuple[str, ...]], place: int) -> Counter[tuple[str, ...]]:
    """Leave out the segments at a place where many stand beside the same others."""
    beside: dict[tuple[str, ...], set[str]] = {}
    for segments in screens:
        if len(segments) > place:
            beside.setdefault(_without(segments, place), set()).add(segments[place])
    merged: Counter[tuple[str, ...]] = Counter()
    for segments, count in screens.items():
        key = _without(segments, place) if len(segments) > place else segments
        varies = len(segments) > place and len(beside[key]) > _VARYING_VALUES
        merged[key if varies else segments] += count
    return merged


def _without(segments: tuple[str, ...], place: int) -> tuple[str, ...]:
    return (*segments[:place], "{}", *segments[place + 1 :])


def find_parameters(queries: Iterable[str]) -> dict[str, list[str]]:
    """Return the values of each parameter of a sample of queries."""
    found: dict[str, list[str]] = {}
    for query in queries:
        for part in re.split("[&;]", query):
            name, equals, value = part.partition("=")
            if equals and re.fullmatch(r"[\w.\[\]-]{1,40}", name):
                found.setdefault(name, []).append(value)
    return found
