"""Pieces of a feed: bytes cut from a file by one process, turned into columns of text by another.

Refuses to guess where a row ends: a line that does not fit the header is a finding, and the next
line is read as if nothing had happened.
"""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from rempart.exchange import feed_rules as rules
from rempart.exchange.feed_columns import Layout
from rempart.kernel.findings import BadValue, Finding, Language, format_finding

FIRST_ROW: Final = 2
"""Line of the first row: the header is line 1."""

_BATCH_BYTES: Final = 60_000
_BATCH_ROWS: Final = 500


@dataclass(frozen=True, slots=True)
class TextPiece:
    """Whole lines of a CSV file, as bytes.

    Args:
        first_line: Line of the file the bytes start at.
        rows: How many lines, empty ones included.
        payload: The bytes.
    """

    first_line: int
    rows: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ArrowPiece:
    """Rows of a Parquet file, as an Arrow stream. The fields are those of `TextPiece`."""

    first_line: int
    rows: int
    payload: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class CellsPiece:
    """Rows already cut, from a FHIR bundle.

    Args:
        first_line: Entry of the first row; each row counts for one line.
        rows: How many rows, those with a finding included.
        cells: For each row that could be read, its line and its fields in the order of the layout.
        findings: What is wrong with the others.
    """

    first_line: int
    rows: int
    cells: tuple[tuple[int, tuple[str, ...]], ...] = field(repr=False)
    findings: tuple[Finding, ...]


Piece: TypeAlias = TextPiece | ArrowPiece | CellsPiece


@dataclass(frozen=True, slots=True, kw_only=True)
class Dialect:
    """What must be known of a file to read its pieces.

    Args:
        layout: Where the columns are.
        language: In which to write the findings.
        encoding: Of CSV text.
        delimiter: Of CSV text.
        header: The header line of CSV text, to recognise it when it comes again.
    """

    layout: Layout
    language: Language
    encoding: str = "utf-8"
    delimiter: str = ";"
    header: str = ""


@dataclass(frozen=True, slots=True)
class Cells:
    """The fields of a piece.

    Args:
        lines: Line number of each row.
        columns: For each column of the format, the text of each row.
        findings: Lines that could not be cut into fields.
        rejected: How many such lines.
    """

    lines: Sequence[int]
    columns: Sequence[Sequence[str]]
    findings: list[Finding]
    rejected: int


def read_piece(piece: Piece, dialect: Dialect) -> Iterator[Cells]:
    """Cut a piece into columns, in the order of the format; a column the file lacks is empty.

    Returns:
        Some hundreds of rows at a time: what the processor's own memory holds, twice as fast.
    """
    match piece:
        case TextPiece():
            line = piece.first_line
            for payload in _cut_batches(piece.payload):
                texts = _decode(payload, dialect.encoding)
                lines = range(line, line + len(texts))
                plain = all(texts) and b'"' not in payload and dialect.header not in texts
                yield (_read_plainly if plain else _read_closely)(lines, texts, dialect)
                line += len(texts)
        case ArrowPiece():
            yield from _read_arrow(piece, dialect)
        case CellsPiece():
            numbers = [line for line, _ in piece.cells]
            rows = [fields for _, fields in piece.cells]
            columns = _arrange(_transpose(rows, dialect.layout), len(rows), dialect.layout)
            yield Cells(numbers, columns, list(piece.findings), len(piece.findings))


def _cut_batches(payload: bytes) -> Iterator[bytes]:
    start = 0
    while start < len(payload):
        end = payload.find(b"\n", start + _BATCH_BYTES) + 1 or len(payload)
        yield payload[start:end]
        start = end


def _read_plainly(lines: Sequence[int], texts: Sequence[str | None], dialect: Dialect) -> Cells:
    """Cut lines into fields all at once, when nothing in them needs a closer look."""
    whole = [text for text in texts if text]
    rows = [text.split(dialect.delimiter) for text in whole]
    widths = set(map(len, rows))
    if widths != {dialect.layout.width} or max(map(len, whole)) > rules.MAX_LINE_LENGTH:
        return _read_closely(lines, texts, dialect)
    columns = _arrange(_transpose(rows, dialect.layout), len(rows), dialect.layout)
    return Cells(lines, columns, [], 0)


def _read_closely(lines: Sequence[int], texts: Sequence[str | None], dialect: Dialect) -> Cells:
    """Cut lines into fields one by one, and say why for each that cannot be."""
    good, findings = [], []
    for line, text in zip(lines, texts, strict=True):
        try:
            if text != "":
                good.append((line, _split(text, dialect)))
        except BadValue as bad:
            findings.append(format_finding(bad, field="", line=line, language=dialect.language))
    rows = [row for _, row in good]
    columns = _arrange(_transpose(rows, dialect.layout), len(rows), dialect.layout)
    return Cells([line for line, _ in good], columns, findings, len(findings))


def _decode(payload: bytes, encoding: str) -> list[str | None]:
    """Return the lines as text; None for one that is not in the encoding of the file."""
    try:
        texts: list[str | None] = [*payload.decode(encoding).split("\n")]
    except UnicodeDecodeError:
        texts = [_try_decode(line, encoding) for line in payload.split(b"\n")]
    if payload.endswith(b"\n"):
        texts.pop()
    if b"\r" in payload:
        texts = [None if text is None else text.removesuffix("\r") for text in texts]
    return texts


def _try_decode(line: bytes, encoding: str) -> str | None:
    try:
        return line.decode(encoding)
    except UnicodeDecodeError:
        return None


def _split(text: str | None, dialect: Dialect) -> list[str]:
    """Cut one line into as many fields as the header has.

    Raises:
        BadValue: it cannot be a row.
    """
    if text is None:
        raise BadValue(rules.ENCODING)
    if len(text) > rules.MAX_LINE_LENGTH:
        raise BadValue(rules.LINE_LENGTH)
    if text == dialect.header:
        raise BadValue(rules.REPEATED_HEADER)
    row = text.split(dialect.delimiter)
    if '"' in text:
        try:
            row = next(csv.reader([text], delimiter=dialect.delimiter, strict=True))
        except csv.Error:
            raise BadValue(rules.QUOTES) from None
    if len(row) != dialect.layout.width:
        raise BadValue(rules.COLUMN_COUNT)
    return row


def _read_arrow(piece: ArrowPiece, dialect: Dialect) -> Iterator[Cells]:
    import pyarrow as pa  # heavy, and most feeds are CSV: loaded when a Parquet piece is met

    line = piece.first_line
    with pa.ipc.open_stream(piece.payload) as stream:
        for batch in stream.read_all().to_batches(max_chunksize=_BATCH_ROWS):
            columns = [
                ["" if value is None else value for value in column.to_pylist()]
                for column in batch.itercolumns()
            ]
            arranged = _arrange(columns, batch.num_rows, dialect.layout)
            yield Cells(range(line, line + batch.num_rows), arranged, [], 0)
            line += batch.num_rows


def _transpose(rows: Sequence[Sequence[str]], layout: Layout) -> list[Sequence[str]]:
    if not rows:
        return [()] * layout.width
    return list(zip(*rows, strict=True))


def _arrange(
    columns: Sequence[Sequence[str]], count: int, layout: Layout
) -> tuple[Sequence[str], ...]:
    absent = [""] * count
    return tuple(absent if place is None else columns[place] for place in layout.places)


def cut_lines(blocks: Iterator[bytes], size: int) -> Iterator[tuple[bytes, int]]:
    """Cut a stream of bytes at line ends, into pieces of about `size` bytes.

    A line much longer than allowed is replaced by blanks, just long enough to be refused, so that
    memory stays bounded whatever the file holds.

    Returns:
        Pieces of whole lines, each with its number of lines.
    """
    too_long = b" " * (rules.MAX_LINE_LENGTH + 1)
    hopeless = max(size, 4 * rules.MAX_LINE_LENGTH)  # four bytes a character at most
    pending, dropping = b"", False
    for block in blocks:
        data = block
        if dropping:
            _, found, data = data.partition(b"\n")
            if not found:
                continue
            pending, dropping = pending + b"\n", False
        pending += data
        if len(pending) < size:
            continue
        end = pending.rfind(b"\n") + 1
        if end:
            yield pending[:end], pending.count(b"\n")
            pending = pending[end:]
        if len(pending) > hopeless:
            pending, dropping = too_long, True
    if pending:
        yield pending, pending.count(b"\n") + (not pending.endswith(b"\n"))


def skip_lines(pieces: Iterator[tuple[bytes, int]], count: int) -> Iterator[tuple[bytes, int]]:
    """Leave out the first `count` lines."""
    for payload, rows in pieces:
        if rows <= count:
            count -= rows
        elif count:
            yield payload.split(b"\n", count)[-1], rows - count
            count = 0
        else:
            yield payload, rows
