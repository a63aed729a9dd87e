"""The beginning of an unknown log: its format, and its values by name.

Refuses to read more than a few megabytes: a proposal needs no more.
"""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import msgspec
import pyarrow as pa

from rempart.exchange import foreign_parquet
from rempart.exchange.foreign_bytes import STDIN, LogBytes, Piece, make_utf8
from rempart.exchange.foreign_combined import NAMES, read_combined
from rempart.exchange.foreign_facts import LogsRefused
from rempart.exchange.foreign_fhir import flatten_audit_event
from rempart.exchange.foreign_parquet import ParquetRefused, ParquetTooLarge
from rempart.exchange.foreign_raw import Unread
from rempart.exchange.foreign_records import (
    Record,
    has_records_by_line,
    iterate_documents,
    list_records,
)
from rempart.exchange.foreign_table import CsvReader, find_delimiter

SAMPLE_BYTES: Final = 2 << 20
SAMPLE_ROWS: Final = 5_000
_MAX_COLUMNS: Final = 300
_DEEPEST: Final = 6
_PARQUET: Final = b"PAR1"
_KEY: Final = re.compile(r"[^.\[\]]{1,60}")


@dataclass(frozen=True, slots=True, kw_only=True)
class LogSample:
    """The beginning of a log.

    Args:
        format: As a mapping names it; empty when it is none that is known.
        lines: How many lines or records were looked at.
        columns: Values by name, a list each of the same length; None where there is none.
        unread: Lines that are not of the format.
        delimiter: Of CSV.
        listed: Names of which one record has several values.
    """

    format: str
    lines: int
    columns: Mapping[str, Sequence[str | None]] = field(repr=False)
    unread: Sequence[Unread] = field(default=(), repr=False)
    delimiter: str = ""
    listed: frozenset[str] = frozenset()


def read_sample(path: Path) -> LogSample:
    """Look at the beginning of a file.

    Raises:
        LogsRefused: it cannot be opened, or is empty.
    """
    if str(path) != STDIN and _is_parquet(path):
        return _sample_parquet(path)
    log = LogBytes(path)
    try:
        head = log.peek()
        if not head.strip():
            raise LogsRefused(f"{path.name} is empty: give a file with some lines")
        if head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith((b"{", b"[")):
            return _sample_records(log, by_line=has_records_by_line(head))
        return _sample_lines(next(log.pieces(SAMPLE_BYTES), Piece(1, b"")))
    finally:
        log.close()


def _is_parquet(path: Path) -> bool:
    try:
        with path.open("rb") as file:
            return file.read(len(_PARQUET)) == _PARQUET
    except OSError as failure:
        raise LogsRefused(f"{path} cannot be read: {failure.strerror}") from failure


def _sample_lines(piece: Piece) -> LogSample:
    lines = piece.data.split(b"\n", SAMPLE_ROWS)[:SAMPLE_ROWS]
    piece = Piece(1, b"\n".join(lines) + b"\n")
    web = read_combined(piece, NAMES)
    if web.count * 2 >= web.lines - web.blank:
        columns = {name: column.to_pylist() for name, column in web.columns.items()}
        return LogSample(format="combined", lines=web.lines, columns=columns, unread=web.unread)
    header = make_utf8(lines[0]).decode().lstrip("\ufeff").rstrip("\r")
    delimiter = find_delimiter(header)
    names = [name.strip().strip('"') for name in header.split(delimiter)]
    if len(names) > 1:
        table = CsvReader(names, delimiter=delimiter)
        rows = table.read(piece)
        if rows.count * 2 >= rows.lines - rows.blank:
            columns = {name: column.to_pylist() for name, column in rows.columns.items()}
            return LogSample(
                format="csv",
                lines=rows.lines,
                columns=columns,
                unread=rows.unread,
                delimiter=delimiter,
            )
    return LogSample(format="", lines=len(lines), columns={}, unread=web.unread)


def _sample_records(log: LogBytes, *, by_line: bool) -> LogSample:
    records: list[Record] = []
    unread: list[Unread] = []
    lines = 0
    for number, found in enumerate(_list_documents(log, by_line=by_line), 1):
        lines = number
        if isinstance(found, Unread):
            unread.append(found)
        else:
            records += [one for one in list_records(found) if isinstance(one, dict)]
        if len(records) >= SAMPLE_ROWS:
            break
    log_format = _name_kind(records)
    if log_format == "fhir":
        flat = (flatten_audit_event(one) for one in records)
        records = [one for one in flat if one is not None]
    columns, listed = _flatten_all(records)
    return LogSample(format=log_format, lines=lines, columns=columns, unread=unread, listed=listed)


def _list_documents(log: LogBytes, *, by_line: bool) -> Iterator[Any]:
    if not by_line:
        yield from itertools.islice(iterate_documents(log), SAMPLE_ROWS)
        return
    piece = next(log.pieces(SAMPLE_BYTES), Piece(1, b""))
    for number, line in enumerate(make_utf8(piece.data).split(b"\n"), 1):
        if line.strip():
            try:
                yield msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError):
                yield Unread(number, "", line)


def _name_kind(records: Sequence[Record]) -> str:
    kinds = Counter(
        "fhir"
        if one.get("resourceType") == "AuditEvent"
        else "ocsf"
        if "class_uid" in one
        else "json"
        for one in records
    )
    return max(kinds, key=kinds.__getitem__, default="json")


def _flatten_all(records: Sequence[Record]) -> tuple[dict[str, list[str | None]], frozenset[str]]:
    """Return the values of every path of some records."""
    columns: dict[str, list[str | None]] = {}
    for row, record in enumerate(records):
        for name, value in _flatten(record, "", 0):
            if name not in columns:
                if len(columns) >= _MAX_COLUMNS:
                    continue
                columns[name] = []
            column = columns[name]
            if len(column) <= row:
                column.extend([None] * (row - len(column)))
                column.append(value)
    for name, values in columns.items():
        columns[name] = values + [None] * (len(records) - len(values))
    return columns, frozenset(name for name in columns if "[]" in name)


def _flatten(value: Any, name: str, depth: int) -> Iterator[tuple[str, str]]:
    match value:
        case dict() if depth < _DEEPEST:
            for key, inner in value.items():
                if _KEY.fullmatch(key):
                    yield from _flatten(inner, f"{name}.{key}" if name else key, depth + 1)
        case list() if depth < _DEEPEST and name:
            for inner in value[:3]:
                yield from _flatten(inner, f"{name}[]", depth + 1)
        case bool():
            yield name, "true" if value else "false"
        case str() | int() | float() if name and value != "":
            yield name, str(value)
        case _:
            return


def _sample_parquet(path: Path) -> LogSample:
    try:
        with closing(foreign_parquet.open_parquet(path)) as file:
            batch = next(file.batches(SAMPLE_ROWS), None)
            rows = [] if batch is None else batch.to_pylist()
    except ParquetTooLarge as failure:
        raise LogsRefused(f"{path.name} {failure}") from failure
    except (ParquetRefused, pa.ArrowException, UnicodeDecodeError) as failure:
        raise LogsRefused(f"{path.name} is damaged Parquet: export it again") from failure
    texts: list[Record] = [
        {name: _write_plain(value) for name, value in row.items()} for row in rows
    ]
    columns, _ = _flatten_all(texts)
    return LogSample(format="parquet", lines=len(rows), columns=columns)


def _write_plain(value: Any) -> Any:
    return value if isinstance(value, (dict, str, int, float, type(None))) else str(value)
