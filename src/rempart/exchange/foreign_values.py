"""Values of a mapping file, read by the kind each key must hold.

Refuses none by itself: problems are gathered, so that one run tells them all.
"""

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any, Final
from zoneinfo import available_timezones

from rempart.disclosure.fields import Field
from rempart.exchange.foreign_keys import REPEATED, TABLES, Key
from rempart.exchange.foreign_places import BadPattern, Option, Place, check_pattern, query_option

_SHOWN_PROBLEMS: Final = 30


@dataclass(slots=True)
class Problems:
    """What is wrong with a mapping, in the order of the file."""

    found: list[str] = field(default_factory=list)

    def add(self, place: str, what: str) -> None:
        """Add one problem: where it is, what is wrong and what to do."""
        self.found.append(f"{place}: {what}")

    def format(self) -> str:
        """Write them all, the first thirty in full."""
        shown = self.found[:_SHOWN_PROBLEMS]
        left = len(self.found) - len(shown)
        lines = [
            f"{len(self.found)} problem{'s' * (len(self.found) > 1)}, nothing was read",
            *shown,
        ]
        return "\n  ".join(lines + ([f"and {left} more"] if left else []))


@cache
def list_zone() -> frozenset[str]:
    """Return the names of time zones."""
    return frozenset(available_timezones())


def suggest(word: str, words: Sequence[str]) -> str:
    """Return the end of a message: the word probably meant, or the choice."""
    close = difflib.get_close_matches(word, words, n=1)
    return f"did you mean {close[0]}?" if close else f"choose among {', '.join(words)}"


class Reader:
    """One table of a mapping.

    Args:
        table: Its keys and values.
        name: The table's name among those a mapping may have.
        problems: Where problems go.
        own: Bits of the mapping's own fields.
        at: Where the table is, for messages; its name when not given.
    """

    def __init__(
        self,
        table: Mapping[str, Any],
        name: str,
        problems: Problems,
        own: Mapping[str, int],
        *,
        at: str | None = None,
    ) -> None:
        self._table, self._name, self._own = table, name, own
        self.problems = problems
        self.at = name if at is None else at
        self.keys: Mapping[str, Key] = TABLES[name]

    def refuse_unknown(self) -> None:
        """Tell every key that means nothing, and every needed one that is not there."""
        known = [*self.keys, *(TABLES if not self._name else ())]
        for name in self._table:
            if name not in known:
                self._add(name, f"is no key of a mapping: {suggest(name, known)}")
        for name, key in self.keys.items():
            if key.needed and name not in self._table:
                self._add(name, f"is missing: {key.what}")

    def table(self, name: str) -> Mapping[str, Any]:
        """Return a table inside this one, empty when it is not there."""
        value = self._table.get(name, {})
        if isinstance(value, dict):
            return value
        self._add(name, f"is no table: write [{name}]")
        return {}

    def tables(self, name: str) -> list["Reader"]:
        """Return the tables of a name that may stand several times."""
        value = self._table.get(name, [])
        if name not in REPEATED or not isinstance(value, list):
            self._add(name, f"is no list of tables: write [[{name}]]")
            return []
        return [
            Reader(one, name, self.problems, self._own, at=f"{name}[{number}]")
            for number, one in enumerate(value, 1)
            if isinstance(one, dict)
        ]

    def text(self, name: str) -> str:
        """Return a text, empty when it is not there."""
        value = self._get(name, str, "a text")
        choices = self.keys[name].choices
        if value is None or (choices and not self._check_choice(name, value)):
            return ""
        return str(value)

    def zone(self, name: str) -> str:
        """Return the name of a time zone, empty when it is not there."""
        zone = self.text(name)
        if zone and zone not in list_zone():
            self._add(name, f"{zone!r} is no time zone: write one such as Europe/Paris or UTC")
            return ""
        return zone

    def whole(self, name: str, absent: int, *, least: int | None = None) -> int:
        """Return a whole number."""
        value = self._get(name, int, "a whole number")
        if value is None:
            return absent
        if isinstance(value, bool) or (least is not None and value < least):
            self._add(name, "is no whole number" + (f" from {least} on" if least else ""))
            return absent
        return int(value)

    def flag(self, name: str, *, default: bool = False) -> bool:
        """Return true or false."""
        value = self._get(name, bool, "true or false, without quotes")
        return default if value is None else bool(value)

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts; one text stands for a list of one."""
        value = self._table.get(name, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(one, str) for one in values):
            self._add(name, 'is no list of texts: write ["…", "…"]')
            return ()
        choices = self.keys[name].choices
        return tuple(one for one in values if not choices or self._check_choice(name, one))

    def patterns(self, name: str) -> tuple[str, ...]:
        """Return patterns that RE2 knows."""
        return tuple(one for one in self.texts(name) if self._is_pattern(name, one))

    def pattern(self, name: str) -> str:
        """Return one pattern, empty when it is not there."""
        pattern = self.text(name)
        return pattern if pattern and self._is_pattern(name, pattern) else ""

    def words(self, name: str) -> list[tuple[str, tuple[str, ...]]]:
        """Return pairs of a value's name and the patterns it must match."""
        found = []
        for word, value in self.table(name).items():
            values = [value] if isinstance(value, (str, int)) else value
            if not isinstance(values, list):
                self._add(f"{name}.{word}", "is no pattern: write a text, or a list of texts")
                continue
            patterns = tuple(
                str(one) for one in values if self._is_pattern(f"{name}.{word}", str(one))
            )
            found.append((word, patterns))
        return found

    def fields(self, name: str) -> int:
        """Return the bits of a list of fields."""
        known = {one.name.lower(): int(one) for one in Field if one.name} | dict(self._own)
        bits = 0
        for word in self.texts(name):
            if word in known:
                bits |= known[word]
            else:
                self._add(name, f"{word!r} is no field: {suggest(word, sorted(known))}")
        return bits

    def instant(self, name: str) -> date | None:
        """Return a date, or a date and time."""
        value = self._get(name, date, "a date: write 2024-01-29, or 2024-01-29T08:00:00+01:00")
        return value if isinstance(value, date) else None

    def clock(self, name: str) -> list[tuple[date, int]]:
        """Return instants and what is added to times then, as they are written."""
        found = []
        value = self._table.get(name, [])
        for one in value if isinstance(value, list) else [None]:
            match one:
                case {"at": date() as at, "offset_ms": int() as offset, **rest} if not rest:
                    found.append((at, offset))
                case _:
                    self._add(name, "is no list of { at = 2024-01-29T00:00:00Z, offset_ms = 0 }")
        return found

    def place(self, name: str) -> Place | None:
        """Return a place, None when it is not there."""
        if name not in self._table:
            return None
        value = self._table[name]
        options = []
        for one in value if isinstance(value, list) else [value]:
            option = self._read_option(name, one)
            if option is None:
                self._add(
                    name,
                    'is no place: write "name", {query = "parameter"}, '
                    '{in = "name", match = "…(…)…"}, {join = ["a", "b"], with = "|"} or '
                    '{value = "always this"}',
                )
                return None
            options.append(option)
        return Place(tuple(options))

    def _read_option(self, name: str, value: Any) -> Option | None:
        match value:
            case str() if value:
                return Option(name=value)
            case {"query": str() as parameter, **rest} if not rest and parameter:
                return query_option(parameter)
            case {"join": list() as parts, **rest} if parts and set(rest) <= {"with"}:
                return self._read_joined(name, parts, rest.get("with", "|"))
            case {"value": str() as constant, **rest} if not rest:
                return Option(constant=constant)
            case {"in": str() as where, "match": str() as match, **rest} if not rest:
                if not self._is_pattern(name, match, groups=1):
                    return Option(name=where)
                return Option(name=where, match=match, decode="path" if where == "path" else "")
            case _:
                return None

    def _read_joined(self, name: str, parts: list[Any], separator: Any) -> Option | None:
        options = [self._read_option(name, one) for one in parts]
        if not isinstance(separator, str) or any(one is None for one in options):
            return None
        joined = tuple(Place((one,)) for one in options if one is not None)
        return Option(joined=joined, separator=separator)

    def _is_pattern(self, name: str, pattern: str, *, groups: int | None = None) -> bool:
        try:
            check_pattern(pattern, groups=groups)
        except BadPattern as bad:
            self._add(name, str(bad))
            return False
        return True

    def _check_choice(self, name: str, value: str) -> bool:
        choices = self.keys[name].choices
        if value in choices:
            return True
        self._add(name, f"{value!r} is none: {suggest(value, choices)}")
        return False

    def _get(self, name: str, kind: type, what: str) -> Any:
        value = self._table.get(name)
        if value is None or isinstance(value, kind):
            return value
        self._add(name, f"is not {what}")
        return None

    def _add(self, name: str, what: str) -> None:
        self.problems.add(f"{self.at}.{name}" if self.at else name, what)
