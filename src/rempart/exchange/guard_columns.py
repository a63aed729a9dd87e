"""The columns of the guard's Parquet files, and the shapes each may come in.

Refuses to guess: a value that could mean two things is refused with its file and its column.
"""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import pyarrow as pa
import pyarrow.compute as pc

from rempart.kernel.errors import RempartError

Ref: TypeAlias = int | str


class EventsRefused(RempartError):
    """A file of look-ups, accounts, canaries or thefts cannot be read as one; nothing was done."""

    code = "events_refused"


class Kind(enum.Enum):
    """What a column holds."""

    REF = "a reference: whole numbers or text"
    TIME = "an instant: a timestamp, or whole Unix milliseconds"
    TEXT = "text"
    FLAG = "true or false, or 1 and 0"
    OUTCOME = "found or not_found"


@dataclass(frozen=True, slots=True)
class Column:
    """One column.

    Args:
        name: Its name in the file; capitals, spaces and hyphens do not matter.
        kind: What it holds.
        needed: Whether a file without it is refused.
        may_be_null: Whether a row may leave it empty.
        absent: What stands for it where it is missing or empty.
    """

    name: str
    kind: Kind
    needed: bool = True
    may_be_null: bool = False
    absent: Ref | bool | None = None


Layout: TypeAlias = tuple[Column, ...]

EVENTS: Final[Layout] = (
    Column("time", Kind.TIME),
    Column("account", Kind.REF),
    Column("profession", Kind.TEXT, needed=False, may_be_null=True, absent=""),
    Column("subject", Kind.REF),
    Column("insurer", Kind.REF, needed=False, may_be_null=True, absent=0),
    Column("subject_department", Kind.REF, needed=False, may_be_null=True),
    Column("presence", Kind.FLAG),
    Column("ip", Kind.REF, needed=False, may_be_null=True, absent=0),
    Column("user_agent", Kind.REF, needed=False, may_be_null=True, absent=0),
    Column("outcome", Kind.OUTCOME),
    Column("stolen", Kind.FLAG, needed=False, may_be_null=True, absent=False),
)
ACCOUNTS: Final[Layout] = (
    Column("account", Kind.REF),
    Column("profession", Kind.TEXT, may_be_null=True, absent=""),
    Column("department", Kind.REF, needed=False, may_be_null=True),
)
CANARIES: Final[Layout] = (Column("subject", Kind.REF),)
TRUTH: Final[Layout] = (
    Column("account", Kind.REF),
    Column("kind", Kind.TEXT),
    Column("from", Kind.TIME),
)

FOUND: Final = "found"
NOT_FOUND: Final = "not_found"
# The words of the ledger mean one or the other: whatever was shown, somebody was found or not.
OUTCOMES: Final[Mapping[str, bool]] = {
    FOUND: True,
    "open": True,
    "closed": True,
    "closed_out_of_period": True,
    "closed_suspended": True,
    "closed_domain": True,
    "cut": True,
    "claim": True,
    NOT_FOUND: False,
    "unknown": False,
}

_STORED: Final[Mapping[Kind, Callable[[], Any]]] = {
    Kind.TIME: pa.int64,
    Kind.TEXT: pa.string,
    Kind.FLAG: pa.bool_,
    Kind.OUTCOME: pa.string,
}


def normalise(name: str) -> str:
    """Return a column's name as the format spells it.

    >>> normalise(" Subject Department ")
    'subject_department'
    """
    return name.strip().lower().replace(" ", "_").replace("-", "_")


def make_schema(layout: Layout, *, text_refs: bool) -> Any:
    """Return the Arrow schema a file is written with."""
    ref = pa.string() if text_refs else pa.int64()
    return pa.schema(
        [
            pa.field(
                column.name,
                ref if column.kind is Kind.REF else _STORED[column.kind](),
                nullable=column.may_be_null,
            )
            for column in layout
        ]
    )


def read_values(column: Column, values: Any, *, file: str) -> list[Any]:
    """Return the values of one column, as the guard takes them.

    Args:
        column: The column.
        values: An Arrow array, in any of the shapes the format accepts.
        file: Its file's name, for the message.

    Raises:
        EventsRefused: the shape or a value is none of them.
    """
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_floating(values.type):
        values = _read_whole(column, values, file)
    if values.null_count and not column.may_be_null:
        raise refuse(file, column, f"{values.null_count} rows are empty: fill them or leave them")
    read = _READERS[column.kind](column, values, file)
    if values.null_count and column.absent is not None:
        return [column.absent if one is None else one for one in read]
    return read


def find_ref_kind(kind: Any) -> str:
    """Say whether a column of references holds numbers or text."""
    value = kind.value_type if pa.types.is_dictionary(kind) else kind
    return "text" if _is_text(value) else "numbers"


def refuse(file: str, column: Column, what: str) -> EventsRefused:
    """Return the refusal of one column of one file."""
    return EventsRefused(f"{file}, column {column.name}: {what}. Nothing was written")


def _is_text(kind: Any) -> bool:
    return bool(
        pa.types.is_string(kind) or pa.types.is_large_string(kind) or pa.types.is_string_view(kind)
    )


def _read_whole(column: Column, values: Any, file: str) -> Any:
    """Read whole numbers that a table with gaps turned into floats, NaN for a gap."""
    values = pc.if_else(pc.is_nan(values), None, values)
    try:
        return values.cast(pa.int64(), safe=True)
    except pa.ArrowInvalid as fraction:
        raise refuse(file, column, "holds fractions: write whole numbers or text") from fraction


def _read_refs(column: Column, values: Any, file: str) -> list[Any]:
    kind = values.type
    if pa.types.is_integer(kind) or _is_text(kind) or pa.types.is_null(kind):
        return list(values.to_pylist())
    raise refuse(file, column, f"holds {kind}: write {column.kind.value}")


def _read_times(column: Column, values: Any, file: str) -> list[Any]:
    kind = values.type
    if pa.types.is_timestamp(kind):
        values = values.cast(pa.timestamp("ms", kind.tz), safe=False).cast(pa.int64())
    elif not pa.types.is_integer(kind):
        raise refuse(file, column, f"holds {kind}: write {column.kind.value}")
    return list(values.to_pylist())


def _read_texts(column: Column, values: Any, file: str) -> list[Any]:
    if _is_text(values.type) or pa.types.is_null(values.type):
        return list(values.to_pylist())
    if pa.types.is_integer(values.type):
        return list(values.cast(pa.string()).to_pylist())
    raise refuse(file, column, f"holds {values.type}: write text")


def _read_flags(column: Column, values: Any, file: str) -> list[Any]:
    kind = values.type
    if pa.types.is_boolean(kind) or pa.types.is_null(kind):
        return list(values.to_pylist())
    if pa.types.is_integer(kind):
        bounds: Any = pc.min_max(values).as_py()
        if not len(values) or (bounds["min"] in (None, 0, 1) and bounds["max"] in (None, 0, 1)):
            return list(values.cast(pa.bool_()).to_pylist())
    raise refuse(file, column, f"holds {kind} that are not only 0 and 1: write {column.kind.value}")


def _read_outcomes(column: Column, values: Any, file: str) -> list[Any]:
    if not _is_text(values.type):
        return _read_flags(column, values, file)
    coded = values.dictionary_encode()
    meanings = []
    for word in coded.dictionary.to_pylist():
        meaning = OUTCOMES.get(word.strip().lower())
        if meaning is None:
            # The word is not repeated: a file of another kind may hold anything there.
            raise refuse(file, column, f"holds a word that is none of {', '.join(OUTCOMES)}")
        meanings.append(meaning)
    return [meanings[place] for place in coded.indices.to_pylist()]


_READERS: Final[Mapping[Kind, Callable[[Column, Any, str], list[Any]]]] = {
    Kind.REF: _read_refs,
    Kind.TIME: _read_times,
    Kind.TEXT: _read_texts,
    Kind.FLAG: _read_flags,
    Kind.OUTCOME: _read_outcomes,
}
