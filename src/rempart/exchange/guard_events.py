"""Look-ups for the guard in Parquet: read and written a part at a time, memory bounded.

Refuses to give the guard what it must not see: whether a look-up was a thief's is read beside it,
for the scoring only.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, Final, NamedTuple

import pyarrow as pa
import pyarrow.parquet as pq

from rempart.exchange import foreign_parquet
from rempart.exchange.answer_files import open_answer
from rempart.exchange.foreign_parquet import ParquetRefused, ParquetTooLarge
from rempart.exchange.guard_columns import (
    ACCOUNTS,
    CANARIES,
    EVENTS,
    TRUTH,
    Column,
    EventsRefused,
    Kind,
    Layout,
    Ref,
    find_ref_kind,
    make_schema,
    normalise,
    read_values,
)
from rempart.guard import Account, Decision, Lookup

BATCH_ROWS: Final = 1 << 16
_SIGNALS: Final[Any] = pa.list_(
    pa.struct(
        [
            ("kind", pa.string()),
            ("observed", pa.float64()),
            ("expected", pa.float64()),
            ("weight", pa.float64()),
        ]
    )
)
_DECISION_TYPES: Final[Mapping[str, Any]] = {
    "index": pa.int64(),
    "answer": pa.bool_(),
    "step": pa.string(),
    "contains": pa.bool_(),
    "evidence": pa.float64(),
    "threshold": pa.float64(),
    "signals": _SIGNALS,
}
_DECISIONS: Final = pa.schema(
    [pa.field(name, kind, nullable=False) for name, kind in _DECISION_TYPES.items()]
)
# Consequences of an optional column that a file of look-ups does not have.
_WITHOUT: Final[Mapping[str, str]] = {
    "ip": "addresses are all alike: a thief elsewhere looks at home",
    "user_agent": "software is all alike",
    "subject_department": "where people live says nothing",
    "insurer": "insurers are all alike",
}


class Theft(NamedTuple):
    """A stolen account: what kind of thief has it, and since when (Unix milliseconds)."""

    account: Ref
    kind: str
    from_ms: int


class Part(NamedTuple):
    """Some look-ups in the order of the file.

    Attributes:
        first: The number of the first, from 0.
        lookups: What the guard sees.
        professions: Of their accounts, as the file says; empty when it does not.
        stolen: Whether each was a thief's, for the scoring; empty when the file does not say.
    """

    first: int
    lookups: list[Lookup]
    professions: list[str]
    stolen: list[bool]


class _Table:
    """One Parquet file of a known layout.

    Raises:
        EventsRefused: it is not Parquet, is damaged, or lacks a column.
    """

    def __init__(self, path: Path, layout: Layout) -> None:
        self.name = path.name
        if not path.exists():
            raise EventsRefused(f"{path} does not exist: give the path of a file")
        try:
            self._file = foreign_parquet.open_parquet(path)
        except ParquetRefused as failure:
            raise self._refuse(failure) from failure
        self.rows = self._file.rows
        schema = self._file.schema
        self._names = {normalise(name): name for name in schema.names}
        missing_columns = [c.name for c in layout if c.needed and c.name not in self._names]
        if missing_columns:
            self._file.close()
            raise EventsRefused(
                f"{self.name} has no column {', '.join(missing_columns)}; it has "
                f"{', '.join(schema.names) or 'none'}: see docs/reference/guard-events.md"
            )
        self.columns = tuple(c for c in layout if c.name in self._names)
        self.ref_kinds = {
            c.name: find_ref_kind(schema.field(self._names[c.name]).type)
            for c in self.columns
            if c.kind is Kind.REF and not pa.types.is_null(schema.field(self._names[c.name]).type)
        }

    def read(self) -> Iterator[dict[str, list[Any]]]:
        """Return the columns of some rows at a time."""
        names = [self._names[column.name] for column in self.columns]
        try:
            for batch in self._file.batches(BATCH_ROWS, names):
                yield {column.name: self._read_column(column, batch) for column in self.columns}
        except (ParquetRefused, pa.ArrowException, UnicodeDecodeError) as failure:
            raise self._refuse(failure) from failure
        finally:
            self._file.close()

    def _read_column(self, column: Column, batch: Any) -> list[Any]:
        values = batch.column(batch.schema.get_field_index(self._names[column.name]))
        return read_values(column, values, file=self.name)

    def _refuse(self, failure: Exception) -> EventsRefused:
        if isinstance(failure, ParquetTooLarge):
            return EventsRefused(f"{self.name} {failure}")
        return EventsRefused(f"{self.name} is not Parquet, or damaged: export it again")


class EventsFile:
    """A file of look-ups.

    Raises:
        EventsRefused: it cannot be read as one.
    """

    def __init__(self, path: Path) -> None:
        self._table = _Table(path, EVENTS)
        self.name = self._table.name
        self.rows = self._table.rows
        self.ref_kinds = self._table.ref_kinds
        has = {column.name for column in self._table.columns}
        self.has_truth = "stolen" in has
        self.notes = [
            f"no column {name}: {what}" for name, what in _WITHOUT.items() if name not in has
        ]

    def read(self) -> Iterator[Part]:
        """Return the look-ups, a part at a time; once.

        Raises:
            EventsRefused: a value further on cannot be read.
        """
        first = 0
        for columns in self._table.read():
            count = len(columns["time"])
            ordered = [
                columns.get(name, [absent] * count)
                for name, absent in (
                    ("time", None),
                    ("account", None),
                    ("subject", None),
                    ("insurer", 0),
                    ("subject_department", None),
                    ("presence", None),
                    ("ip", 0),
                    ("user_agent", 0),
                    ("outcome", None),
                )
            ]
            yield Part(
                first,
                list(map(Lookup._make, zip(*ordered, strict=True))),
                columns.get("profession", []),
                columns.get("stolen", []),
            )
            first += count


def read_accounts(path: Path, events: EventsFile) -> list[Account]:
    """Return the accounts of a file.

    Raises:
        EventsRefused: it cannot be read, or writes references otherwise than the look-ups.
    """
    table = _Table(path, ACCOUNTS)
    _check_same(table, "account", events, "account")
    _check_same(table, "department", events, "subject_department")
    return [
        Account(*row)
        for columns in table.read()
        for row in zip(
            columns["account"],
            columns["profession"],
            columns.get("department", [None] * len(columns["account"])),
            strict=True,
        )
    ]


def read_canaries(path: Path, events: EventsFile) -> list[Ref]:
    """Return the planted people of a file.

    Raises:
        EventsRefused: as in `read_accounts`.
    """
    table = _Table(path, CANARIES)
    _check_same(table, "subject", events, "subject")
    return [ref for columns in table.read() for ref in columns["subject"]]


def read_thefts(path: Path, events: EventsFile) -> list[Theft]:
    """Return the stolen accounts of a file: for the scoring, never for the guard.

    Raises:
        EventsRefused: as in `read_accounts`.
    """
    table = _Table(path, TRUTH)
    _check_same(table, "account", events, "account")
    return [
        Theft(*row)
        for columns in table.read()
        for row in zip(columns["account"], columns["kind"], columns["from"], strict=True)
    ]


def _check_same(table: _Table, column: str, events: EventsFile, theirs: str) -> None:
    """Refuse numbers here and text there: nothing would ever be equal."""
    ours, others = table.ref_kinds.get(column), events.ref_kinds.get(theirs)
    if ours and others and ours != others:
        raise EventsRefused(
            f"{table.name}, column {column}: holds {ours}, but {theirs} in {events.name} holds "
            f"{others}: write both the same way"
        )


class GuardFile:
    """A file being written."""

    def __init__(self, writer: Any, schema: Any) -> None:
        self._writer, self._schema = writer, schema

    def write(self, columns: Mapping[str, Any]) -> None:
        """Write some rows, given by columns: sequences or numpy arrays of one length."""
        arrays = [pa.array(columns[field.name], field.type) for field in self._schema]
        self._writer.write_table(pa.Table.from_arrays(arrays, schema=self._schema), BATCH_ROWS)

    def write_decisions(self, first: int, decisions: Sequence[Decision]) -> None:
        """Write decisions in order, numbered from `first`."""
        answers, steps, contains, evidence, thresholds, signals = zip(*decisions, strict=True)
        self.write(
            {
                "index": range(first, first + len(decisions)),
                "answer": answers,
                "step": [step.name.lower() for step in steps],
                "contains": contains,
                "evidence": evidence,
                "threshold": thresholds,
                "signals": [[one._asdict() for one in some] for some in signals],
            }
        )


@contextmanager
def open_guard_file(path: Path, layout: Layout, *, text_refs: bool = False) -> Iterator[GuardFile]:
    """Open a file of the guard to write; it has its name when the block ends well.

    Args:
        path: Its path; what is there stays until the end of the block.
        layout: EVENTS, ACCOUNTS, CANARIES or TRUTH, or some of their columns.
        text_refs: Whether references are text; whole numbers otherwise.

    Raises:
        Unavailable: it cannot be written.
    """
    with (
        open_answer(path) as file,
        _open_writer(file, make_schema(layout, text_refs=text_refs)) as writer,
    ):
        yield writer


@contextmanager
def open_decisions(path: Path) -> Iterator[GuardFile]:
    """Open a file of decisions to write; it has its name when the block ends well.

    Raises:
        Unavailable: it cannot be written.
    """
    with open_answer(path) as file, _open_writer(file, _DECISIONS) as writer:
        yield writer


@contextmanager
def _open_writer(file: IO[bytes], schema: Any) -> Iterator[GuardFile]:
    with pq.ParquetWriter(file, schema, compression="zstd") as writer:
        yield GuardFile(writer, schema)
