"""Where a value is in a line, what it must look like, and how both are asked of many lines at once.

Patterns are RE2's: their time grows with the text, whatever the pattern. Refuses a pattern that RE2
does not know, before anything is read.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Final
from urllib.parse import unquote, unquote_plus

import pyarrow as pa

from rempart.exchange.arrow_compute import pc
from rempart.exchange.foreign_keys import CLEANINGS

_GROUP: Final = "it"
_LITERAL: Final = re.compile(r"[\w/@:=,; -]*", re.ASCII)
_TAKEN: Final = re.compile(r"\{(\w*)\}|\*\*|\*")
TEMPLATE_NAMES: Final = ("person", "insurer", "account", "session")


@dataclass(frozen=True, slots=True, kw_only=True)
class Option:
    """One place.

    Args:
        name: The value's name in the lines; empty for a constant.
        match: A pattern with one group, which is what is taken; empty for the whole value.
        constant: What it always is, when there is no name.
        decode: How percent signs are undone: "", "path", or "query" (where a plus is a space).
        joined: Places whose values are put together instead, those not there left out; nothing
            without the first.
        separator: Between them.
    """

    name: str = ""
    match: str = ""
    constant: str = ""
    decode: str = ""
    joined: "tuple[Place, ...]" = ()
    separator: str = "|"


@dataclass(frozen=True, slots=True)
class Place:
    """Places in the order they are tried: the first that holds something is taken."""

    options: tuple[Option, ...]

    @property
    def names(self) -> Iterator[str]:
        """The names of the values it looks at."""
        for option in self.options:
            if option.name:
                yield option.name
            for place in option.joined:
                yield from place.names


@dataclass(frozen=True, slots=True)
class Condition:
    """A value that must match one of some patterns, whole."""

    name: str
    patterns: tuple[str, ...]


class BadPattern(ValueError):
    """A text that is no pattern; its message says why."""


def place_of(*names: str) -> Place:
    """Return the place of the first of some named values."""
    return Place(tuple(Option(name=name) for name in names))


def query_option(parameter: str) -> Option:
    """Return the place of a parameter of an address's query."""
    return Option(name="query", match=f"(?:^|[&;]){re.escape(parameter)}=([^&;]*)", decode="query")


def check_pattern(pattern: str, *, groups: int | None = None) -> None:
    """Check that a pattern can be used.

    Args:
        pattern: It.
        groups: How many groups that take something it must have; any when None.

    Raises:
        BadPattern: it cannot.
    """
    try:
        pc.match_substring_regex(pa.array([""]), pattern=pattern)
    except (pa.ArrowInvalid, UnicodeError) as refused:
        raise BadPattern(f"is not a pattern of RE2 ({refused})") from refused
    if groups is not None and (found := len(_find_groups(pattern))) != groups:
        raise BadPattern(f"has {found} groups: put parentheses around what is taken, once")


def cut_template(template: str) -> tuple[Condition, dict[str, Place]]:
    """Turn a path such as `/adherents/{person}/famille` into what it demands and what it gives.

    Raises:
        BadPattern: a name in braces is not one that can be taken, or comes twice.
    """
    names = [found[1] for found in _TAKEN.finditer(template) if found[1]]
    if wrong := [name for name in names if name not in TEMPLATE_NAMES]:
        raise BadPattern(
            f"takes {{{wrong[0]}}}: only {', '.join(TEMPLATE_NAMES)} can be taken; write {{}} for "
            "a segment that varies"
        )
    if len(set(names)) < len(names):
        raise BadPattern("takes the same name twice")
    takes = {
        name: Place((Option(name="path", match=_write_template(template, name), decode="path"),))
        for name in names
    }
    return Condition("path", (_write_template(template, ""),)), takes


def _write_template(template: str, taken: str) -> str:
    parts, end = [], 0
    for found in _TAKEN.finditer(template):
        parts.append(re.escape(template[end : found.start()]))
        end = found.end()
        if found[0] == "**":
            parts.append(".*")
        else:
            segment = "[^/]*" if found[0] == "*" else "[^/]+"
            parts.append(f"({segment})" if taken and found[1] == taken else segment)
    parts.append(re.escape(template[end:].removesuffix("/")))
    return "^" + "".join(parts) + "/?$" if taken else "".join(parts) + "/?"


def find_matching(condition: Condition, columns: Mapping[str, Any], count: int) -> Any:
    """Return, for each row, whether a condition holds; a value that is not there never matches."""
    column = columns.get(condition.name)
    if column is None:
        return pa.array([False]).take(pa.array([0] * count, pa.int64()))
    return _match_whole(column, condition.patterns)


def _match_whole(column: Any, patterns: Sequence[str]) -> Any:
    literal = [one for one in patterns if _LITERAL.fullmatch(one)]
    if len(literal) == len(patterns):
        return pc.is_in(column, value_set=pa.array(literal, pa.string()))
    pattern = "^(?:" + "|".join(f"(?:{one})" for one in patterns) + ")$"
    return pc.fill_null(pc.match_substring_regex(column, pattern=pattern), False)


def match_words(column: Any, words: Mapping[str, tuple[str, ...]], otherwise: str) -> Any:
    """Return the word whose patterns each value matches, the first in order.

    Statuses are few: each distinct value is looked at once.
    """
    coded = column.dictionary_encode()
    values = coded.dictionary
    found: list[str] = [otherwise] * len(values)
    for word, patterns in reversed(list(words.items())):
        if patterns:
            for index, hit in enumerate(_match_whole(values, patterns).to_pylist()):
                if hit:
                    found[index] = word
    meanings = pa.array(found, pa.string())
    return pc.fill_null(meanings.take(coded.indices), otherwise)


def read_place(place: Place | None, columns: Mapping[str, Any], count: int) -> Any:
    """Return the values at a place, null where there is none, as an Arrow array of text."""
    if place is None:
        return pa.nulls(count, pa.string())
    found = None
    for option in place.options:
        values = _read_option(option, columns, count)
        if values is not None:
            found = values if found is None else pc.coalesce(found, values)
    return pa.nulls(count, pa.string()) if found is None else found


def _read_option(option: Option, columns: Mapping[str, Any], count: int) -> Any:
    if option.joined:
        parts = [read_place(place, columns, count) for place in option.joined]
        if parts[0].null_count == count:
            # Arrow would join columns that are all empty into one without a row.
            return pa.nulls(count, pa.string())
        whole = pc.binary_join_element_wise(*parts, option.separator, null_handling="skip")
        return pc.if_else(pc.is_valid(parts[0]), whole, None)
    if not option.name:
        return pa.array([option.constant], pa.string()).take(pa.array([0] * count, pa.int64()))
    column = columns.get(option.name)
    if column is None:
        return None
    if option.match:
        groups = pc.extract_regex(column, pattern=_name_group(option.match))
        column = pc.struct_field(groups, [0])
    if option.decode:
        column = _decode(column, option.decode)
    if option.match or option.decode:
        column = pc.if_else(pc.equal(column, ""), None, column)
    return column


def _decode(column: Any, way: str) -> Any:
    marks = "[%+]" if way == "query" else "%"
    coded = pc.fill_null(pc.match_substring_regex(column, pattern=marks), False)
    if not pc.any(coded).as_py():
        return column
    undo = unquote_plus if way == "query" else unquote
    decoded = [undo(text) for text in column.filter(coded).to_pylist()]
    return pc.replace_with_mask(column, coded, pa.array(decoded, pa.string()))


def clean_values(column: Any, rules: Sequence[str]) -> Any:
    """Apply rules of cleaning, in order; what becomes empty is null."""
    for rule in rules:
        column = _clean(column, rule)
    return pc.if_else(pc.equal(column, ""), None, column) if rules else column


def _clean(column: Any, rule: str) -> Any:
    match rule:
        case "upper":
            return pc.utf8_upper(column)
        case "lower":
            return pc.utf8_lower(column)
        case _:
            pattern, replacement = _REPLACED[rule]
            return pc.replace_substring_regex(column, pattern=pattern, replacement=replacement)


_REPLACED: Final = {
    "compact": (r"[\s.\-_/\x{A0}\x{202F}]", ""),
    "digits": ("[^0-9]", ""),
    "nir13": ("^([0-9]{5}(?:[0-9]{2}|2[ABab])[0-9]{6})[0-9]{2}$", r"\1"),
    "no_leading_zeros": ("^0+", ""),
    "last_segment": ("^.*/", ""),
    "before_at": ("@.*$", ""),
    "after_backslash": (r"^.*\\", ""),
}
if set(_REPLACED) | {"upper", "lower"} != set(CLEANINGS):
    raise ImportError("every way of cleaning is described, and each described one exists")


@lru_cache(maxsize=1024)
def _name_group(pattern: str) -> str:
    """Name the group that is taken, as Arrow wants it."""
    groups = _find_groups(pattern)
    first = groups[0]
    if pattern[first + 1 : first + 2] == "?":
        return pattern
    return f"{pattern[:first]}(?P<{_GROUP}>{pattern[first + 1 :]}"


def _find_groups(pattern: str) -> list[int]:
    """Return where the groups that take something begin."""
    found, place, in_class = [], 0, False
    while place < len(pattern):
        one = pattern[place]
        if one == "\\":
            place += 2
            continue
        if in_class:
            in_class = one != "]" or pattern[place - 1] == "["
        elif one == "[":
            in_class = True
            place += pattern[place + 1 : place + 2] == "^"
        elif one == "(" and (
            pattern[place + 1 : place + 2] != "?" or pattern[place + 2 : place + 4] == "P<"
        ):
            found.append(place)
        place += 1
    return found
