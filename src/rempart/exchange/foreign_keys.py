"""Every key a mapping of foreign logs may hold: its kind, whether it is needed, what it says.

The one list: the reader of mappings checks against it and docs/reference/mapping.md shows it.
Refuses a key that is not here: a misspelt one would silently say nothing.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final


class Kind(enum.Enum):
    """What a key holds."""

    TEXT = "text"
    WHOLE = "whole number"
    FLAG = "true or false"
    TEXTS = "list of texts"
    INSTANT = "date, or date and time"
    PLACE = "place"
    PATTERN = "pattern"
    PATTERNS = "list of patterns"
    WORDS = "table of patterns"
    FIELDS = "list of fields"
    CLOCK = "list of `{ at = …, offset_ms = … }`"


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key.

    Args:
        kind: What it holds.
        what: What it says, one sentence.
        needed: Whether the mapping is refused without it.
        choices: The only values it may take; any when empty.
        default: What holds without it, in words.
    """

    kind: Kind
    what: str
    needed: bool = False
    choices: tuple[str, ...] = ()
    default: str = ""


FORMATS: Final = ("combined", "pattern", "json", "csv", "parquet", "ocsf", "fhir")
CLEANINGS: Final = MappingProxyType(
    {
        "compact": "leaves out spaces, dots, hyphens, underscores and slashes",
        "digits": "keeps digits only",
        "upper": "writes capitals",
        "lower": "writes small letters",
        "nir13": "leaves out the key of a NIR of fifteen characters",
        "no_leading_zeros": "leaves out zeros at the beginning",
        "last_segment": "keeps what follows the last slash",
        "before_at": "keeps what precedes an at sign",
        "after_backslash": "keeps what follows a backslash (DOMAIN\\name)",
    }
)

_PLACES: Final = MappingProxyType(
    {
        "account": Key(kind=Kind.PLACE, what="Who was signed in."),
        "session": Key(kind=Kind.PLACE, what="The session's identifier, when the log has one."),
        "address": Key(kind=Kind.PLACE, what="The caller's network address."),
        "agent": Key(kind=Kind.PLACE, what="The caller's software (user agent)."),
        "person": Key(kind=Kind.PLACE, what="The identifier of the person looked up."),
        "insurer": Key(kind=Kind.PLACE, what="Whose person it is, when the log says so."),
    }
)

TABLES: Final[Mapping[str, Mapping[str, Key]]] = MappingProxyType(
    {
        "": MappingProxyType(
            {
                "name": Key(kind=Kind.TEXT, what="How reports call this log.", needed=True),
                "format": Key(
                    kind=Kind.TEXT,
                    what="The form of the files.",
                    needed=True,
                    choices=FORMATS,
                ),
                "pattern": Key(
                    kind=Kind.PATTERN,
                    what='With `format = "pattern"`: a whole line, each `(?P<name>…)` a value.',
                ),
                "delimiter": Key(
                    kind=Kind.TEXT, what="Between the columns of CSV.", default="found in the file"
                ),
                "columns": Key(
                    kind=Kind.TEXTS,
                    what="Names of the columns of CSV files that have no header.",
                    default="the first line of each file",
                ),
                "extra": Key(
                    kind=Kind.TEXTS,
                    what="With `combined`: names of values after the agent, in their order.",
                ),
            }
        ),
        "time": MappingProxyType(
            {
                "place": Key(
                    kind=Kind.PLACE,
                    what="The instant.",
                    default="that of the format, if it has one",
                ),
                "format": Key(
                    kind=Kind.TEXT,
                    what="`iso`, `apache`, `epoch` (seconds), `epoch_ms`, or directives such as "
                    "`%d/%m/%Y %H:%M:%S`.",
                    default="that of the format, or `iso`",
                ),
                "zone": Key(
                    kind=Kind.TEXT,
                    what="Of times that do not say theirs, such as `Europe/Paris`; in the hour "
                    "that comes twice, the first.",
                    default="`UTC`",
                ),
            }
        ),
        "period": MappingProxyType(
            {
                "from": Key(
                    kind=Kind.INSTANT, what="First instant asked of every stream.", needed=True
                ),
                "to": Key(
                    kind=Kind.INSTANT,
                    what="The last day, or the instant after the last one.",
                    needed=True,
                ),
            }
        ),
        "sources": MappingProxyType(
            {
                "files": Key(
                    kind=Kind.TEXT,
                    what="Which files, by the end of their path (`front1-*`, `front1/*`); the "
                    "first that fits is taken.",
                    needed=True,
                ),
                "stream": Key(
                    kind=Kind.TEXT,
                    what="The log they are pieces of.",
                    default="the file's name without what rotation adds",
                ),
                "zone": Key(kind=Kind.TEXT, what="As in `time`, for these files."),
                "clock_offset_ms": Key(
                    kind=Kind.WHOLE,
                    what="Added to their times: their clock was late by as much.",
                    default="0",
                ),
                "clock": Key(
                    kind=Kind.CLOCK,
                    what="For a clock that drifts: what to add at some instants of its own; "
                    "between two, in proportion.",
                ),
                "expected": Key(
                    kind=Kind.FLAG,
                    what="Whether it must be told when there is no such file.",
                    default="true",
                ),
            }
        ),
        "places": MappingProxyType(
            {
                **_PLACES,
                "url": Key(
                    kind=Kind.PLACE,
                    what="An address (URL) that `path` and `{query = …}` are then cut from.",
                ),
            }
        ),
        "session": MappingProxyType(
            {
                "gap_minutes": Key(
                    kind=Kind.WHOLE,
                    what="Where the log names no session: one account from one address, without "
                    "a longer pause.",
                    default="30",
                ),
            }
        ),
        "clean": MappingProxyType(
            {
                name: Key(
                    kind=Kind.TEXTS,
                    what=f"Applied to each {name}, in order.",
                    choices=tuple(CLEANINGS),
                )
                for name in ("person", "account", "insurer")
            }
        ),
        "outcome": MappingProxyType(
            {
                "place": Key(
                    kind=Kind.PLACE,
                    what="What the outcome is read from.",
                    default="the status of web logs",
                ),
                "shown": Key(
                    kind=Kind.PATTERNS, what="Something was shown.", default="`2..`, `304`"
                ),
                "nobody": Key(kind=Kind.PATTERNS, what="Nobody was found.", default="`404`, `410`"),
                "refused": Key(
                    kind=Kind.PATTERNS,
                    what="The caller was sent away.",
                    default="`401`, `403`, `429`",
                ),
                "error": Key(kind=Kind.PATTERNS, what="The portal failed.", default="`400`, `5..`"),
                "otherwise": Key(
                    kind=Kind.TEXT,
                    what="What anything else means.",
                    choices=("shown", "nobody", "refused", "error", "unknown"),
                    default="`unknown`",
                ),
            }
        ),
        "own_fields": MappingProxyType({}),
        "ignore": MappingProxyType(
            {
                "path": Key(kind=Kind.TEXT, what="A path, as in `views`."),
                "method": Key(kind=Kind.TEXTS, what="Methods, such as `OPTIONS`."),
                "where": Key(kind=Kind.WORDS, what="Values, as in `views`."),
            }
        ),
        "views": MappingProxyType(
            {
                "name": Key(kind=Kind.TEXT, what="How reports call this screen.", needed=True),
                "path": Key(
                    kind=Kind.TEXT,
                    what="`/adherents/{person}/famille`: `{person}`, `{insurer}`, `{account}` and "
                    "`{session}` are taken, `{}` is one segment, `**` anything.",
                ),
                "method": Key(kind=Kind.TEXTS, what="Methods.", default="any"),
                "where": Key(
                    kind=Kind.WORDS,
                    what='`{eventName = "GetObject"}`: values that must match, whole.',
                ),
                "shows": Key(
                    kind=Kind.FIELDS, what="What the screen shows of a person.", needed=True
                ),
                "typed": Key(kind=Kind.FIELDS, what="What the caller had to know beforehand."),
                "family": Key(
                    kind=Kind.FLAG,
                    what="Whether it shows everybody of the contract.",
                    default="false",
                ),
                "query_only": Key(
                    kind=Kind.FLAG,
                    what="Whether it lists people whom the log does not name.",
                    default="false",
                ),
                "presence": Key(
                    kind=Kind.FLAG, what="Whether a card was needed to see it.", default="false"
                ),
                **_PLACES,
                "outcome": Key(kind=Kind.WORDS, what="As the table `outcome`, for this screen."),
            }
        ),
    }
)
REPEATED: Final = frozenset({"sources", "views", "ignore"})


def describe_tables() -> dict[str, list[tuple[str, str, str, str]]]:
    """Return, for each table, its keys as rows: key, kind, default, meaning."""
    return {
        table: [
            (name, _describe_kind(key), _describe_default(key), key.what)
            for name, key in keys.items()
        ]
        for table, keys in TABLES.items()
    }


def _describe_kind(key: Key) -> Any:
    choices = f": {', '.join(f'`{one}`' for one in key.choices)}" if key.choices else ""
    return key.kind.value + choices


def _describe_default(key: Key) -> str:
    return "(needed)" if key.needed else key.default
