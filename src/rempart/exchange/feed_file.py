"""Opening a feed, whatever its container: CSV or FHIR, plain or in gzip, or Parquet.

Refuses to trust a file's name: the content tells what it is. Never holds a file in memory.
"""

import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from types import TracebackType
from typing import Final, Protocol, Self

from rempart.exchange.feed_columns import read_header
from rempart.exchange.feed_parquet import PARQUET_MARK, ParquetFeed
from rempart.exchange.feed_pieces import (
    FIRST_ROW,
    Dialect,
    Piece,
    TextPiece,
    cut_lines,
    skip_lines,
)
from rempart.exchange.feed_stream import BLOCK_BYTES, FeedStream
from rempart.exchange.fhir_feed import FhirFeed
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import Finding, Language

PIECE_BYTES: Final = 4 << 20

_HEADER_BYTES: Final = 1 << 16
_ACCENTS_BYTES: Final = 4 << 20
_SEARCHED_BYTES: Final = 256 << 20
_DELIMITERS: Final = (";", "\t", ",")
_UTF8_MARK: Final = b"\xef\xbb\xbf"
_STRANGERS: Final = {
    b"\xff\xfe": "UTF-16: save it as UTF-8",
    b"\xfe\xff": "UTF-16: save it as UTF-8",
    b"PK\x03\x04": "a zip archive or a spreadsheet: send the CSV itself, or CSV in gzip",
    b"%PDF": "a PDF: send CSV",
}


class Feed(AbstractContextManager["Feed"], Protocol):
    """An open feed; close it by leaving its block."""

    dialect: Dialect
    header_findings: list[Finding]

    def pieces(self, *, skip: int = 0) -> Iterator[Piece]:
        """Return the rows in order, without the first `skip`.

        Raises:
            FeedRefused: the file is broken further on.
        """

    def done_share(self) -> float:
        """Return how much of the file was read, from 0 to 1."""


def open_feed(path: Path, *, language: Language = "fr", piece_bytes: int = PIECE_BYTES) -> Feed:
    """Open a feed and read its header.

    Args:
        path: The file.
        language: In which to write the findings.
        piece_bytes: About how many bytes of CSV a piece has.

    Raises:
        FeedRefused: the file cannot be read, is not a feed, or its header is wrong.
    """
    stream = FeedStream(path)
    try:
        feed = _open(stream, path, language=language, piece_bytes=piece_bytes)
    except BaseException:
        stream.close()
        raise
    if isinstance(feed, ParquetFeed):
        stream.close()
    return feed


def _open(stream: FeedStream, path: Path, *, language: Language, piece_bytes: int) -> Feed:
    start = stream.read(_HEADER_BYTES)
    stream.rewind()
    if not start:
        raise FeedRefused(f"{path.name} is empty: ask for the file again")
    if start.startswith(PARQUET_MARK):
        return ParquetFeed(path, language=language)
    if start.removeprefix(_UTF8_MARK).lstrip()[:1] == b"{":
        return FhirFeed(stream, language=language)
    return TextFeed(stream, start, language=language, piece_bytes=piece_bytes)


def compute_digest(path: Path) -> bytes:
    """Return the SHA-256 of a file: the same file sent twice is recognised by it.

    Raises:
        FeedRefused: the file cannot be read.
    """
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").digest()
    except OSError as failure:
        raise FeedRefused(f"{path} cannot be read: {failure.strerror}") from failure


class TextFeed:
    """A CSV feed: `;`, tab or `,`; UTF-8 with or without mark, or Latin-1.

    Args:
        stream: The bytes, at their beginning.
        start: The first of them, enough for a header.
        language: In which to write the findings.
        piece_bytes: About how many bytes a piece has.

    Raises:
        FeedRefused: it is not text, or its header is wrong.
    """

    def __init__(
        self, stream: FeedStream, start: bytes, *, language: Language, piece_bytes: int
    ) -> None:
        self._stream = stream
        self._piece_bytes = piece_bytes
        line = _find_header(stream.name, start)
        self._header_bytes = len(line)
        encoding = self._detect_encoding()
        header = _decode_header(line)
        delimiter = max(_DELIMITERS, key=header.count)
        names = [name.strip().strip('"') for name in header.split(delimiter)]
        layout, self.header_findings = read_header(names, language)
        self.dialect = Dialect(
            layout=layout, language=language, encoding=encoding, delimiter=delimiter, header=header
        )

    def pieces(self, *, skip: int = 0) -> Iterator[Piece]:
        """Return the lines after the header, in order, without the first `skip`."""
        self._stream.rewind(self._header_bytes)
        line = FIRST_ROW + skip
        blocks = self._stream.blocks(min(BLOCK_BYTES, self._piece_bytes))
        for payload, rows in skip_lines(cut_lines(blocks, self._piece_bytes), skip):
            yield TextPiece(line, rows, payload)
            line += rows

    def done_share(self) -> float:
        """Return how much of the file was read, from 0 to 1."""
        return self._stream.done_share()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stream.close()

    def _detect_encoding(self) -> str:
        """Look at the first megabytes that hold an accent: most lines decide for the file.

        Windows-1252 is what files called Latin-1 are written in.
        """
        utf8 = other = searched = seen = 0
        for payload, _ in cut_lines(self._stream.blocks(), BLOCK_BYTES):
            searched += len(payload)
            if not payload.isascii():
                valid, invalid = _count_utf8_lines(payload)
                utf8, other, seen = utf8 + valid, other + invalid, seen + len(payload)
            if seen > _ACCENTS_BYTES or searched > _SEARCHED_BYTES:
                break
        return "utf-8" if utf8 >= other else "cp1252"


def _find_header(name: str, start: bytes) -> bytes:
    """Return the first line, its end included."""
    for mark, what in _STRANGERS.items():
        if start.startswith(mark):
            raise FeedRefused(f"{name} is {what}")
    line, end, _ = start.partition(b"\n")
    if b"\0" in start or (not end and len(start) >= _HEADER_BYTES):
        raise FeedRefused(f"{name} is not text: send CSV, Parquet or FHIR")
    return line + end


def _count_utf8_lines(payload: bytes) -> tuple[int, int]:
    """Return how many lines with an accent are UTF-8, and how many are not."""
    accented = [line for line in payload.split(b"\n") if not line.isascii()]
    valid = sum(1 for line in accented if _is_utf8(line))
    return valid, len(accented) - valid


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decode_header(line: bytes) -> str:
    text = line.removeprefix(_UTF8_MARK).rstrip(b"\r\n")
    return text.decode("utf-8" if _is_utf8(text) else "latin-1")
