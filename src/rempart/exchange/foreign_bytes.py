"""The bytes of a log, unpacked on the way: gzip, zstd, zip or plain; a file or standard input.

Refuses to lose what was read: where an archive is cut or damaged, what precedes is given and
`broken` says why it ends there. Memory stays bounded whatever the file holds.
"""

import codecs
import hashlib
import os
import struct
import sys
import zipfile
import zlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any, Final

import numpy as np
import pyarrow as pa

from rempart.exchange.foreign_facts import LogsRefused

BLOCK_BYTES: Final = 1 << 20
PIECE_BYTES: Final = 1 << 20
MAX_LINE_BYTES: Final = 4 << 20
STDIN: Final = "-"
_GZIP: Final = b"\x1f\x8b"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_ZIP: Final = b"PK\x03\x04"
_HEAD_BYTES: Final = 200
_PYTHON_FILE: Final[Any] = pa.PythonFile
# A directory that leads outside of the file is told as an OSError.
_BAD_ZIP: Final = (
    *(zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, OSError),
    *(ValueError, struct.error),
)
_PEEK_BYTES: Final = 1 << 16
_WIDE: Final = ((codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))


@dataclass(frozen=True, slots=True)
class Piece:
    """Some whole lines.

    Args:
        first_line: The number of the first, from 1.
        data: They, each with its end, in UTF-8 or not.
        too_long: Lines too long to be kept: their numbers and their beginnings.
    """

    first_line: int
    data: bytes = field(repr=False)
    too_long: tuple[tuple[int, bytes], ...] = field(default=(), repr=False)


class LogBytes:
    """A file read once, from its beginning.

    Args:
        path: Its path; `-` for standard input.

    Raises:
        LogsRefused: it cannot be opened.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self.broken = ""
        self.nuls = 0
        self._digest = hashlib.sha256()
        try:
            self._raw: IO[bytes] = (
                sys.stdin.buffer if self.name == STDIN else path.open("rb", buffering=0)
            )
            self._head = self._read_raw(BLOCK_BYTES)
        except OSError as failure:
            raise LogsRefused(f"{path} cannot be read: {failure.strerror}") from failure
        self.done_bytes = 0
        self._unpacked = self._unpack()
        self._first: bytes | None = None

    def peek(self) -> bytes:
        """Return the beginning, unpacked: 64 kB or more, or all there is; it is not consumed."""
        if self._first is None:
            self._first = b""
            while len(self._first) < _PEEK_BYTES and (block := next(self._unpacked, b"")):
                self._first += block
            self._digest.update(self._first)
        return self._first

    @property
    def sha256(self) -> str:
        """The digest of what was read so far, unpacked."""
        return self._digest.hexdigest()

    def blocks(self) -> Iterator[bytes]:
        """Return the unpacked bytes, in UTF-8 when the file is marked UTF-16; no NUL, no mark."""
        first = self.peek()
        wide = next((name for mark, name in _WIDE if first.startswith(mark)), "")
        decoder: Any = codecs.getincrementaldecoder(wide)("replace") if wide else None
        block = first[2:] if wide else first.removeprefix(codecs.BOM_UTF8)
        while block:
            text = decoder.decode(block).encode() if decoder else block
            bare = text.replace(b"\0", b"") if b"\0" in text else text
            self.nuls += len(text) - len(bare)
            if bare:
                yield bare
            block = next(self._unpacked, b"")
            self._digest.update(block)

    def pieces(self, size: int = PIECE_BYTES) -> Iterator[Piece]:
        """Return whole lines, about `size` bytes at a time.

        A file that is cut may end within a line: that line is given as it is.
        """
        line, pending = 1, bytearray()
        long_ones: list[tuple[int, bytes]] = []
        head = b""
        for block in self.blocks():
            data = block
            if head:
                _, found, data = data.partition(b"\n")
                if not found:
                    continue
                long_ones.append((line, head))
                line, head = line + 1, b""
            pending += data
            if len(pending) < size:
                continue
            end = pending.rfind(b"\n") + 1
            if end:
                yield Piece(line, bytes(pending[:end]), tuple(long_ones))
                line += pending.count(b"\n", 0, end)
                long_ones = []
                del pending[:end]
            if len(pending) > MAX_LINE_BYTES:
                head = bytes(pending[:_HEAD_BYTES])
                pending.clear()
        if head:
            long_ones.append((line, head))
        if pending or long_ones:
            yield Piece(line, bytes(pending), tuple(long_ones))

    def close(self) -> None:
        """Close the file."""
        if self.name != STDIN:
            self._raw.close()

    def _read_raw(self, size: int) -> bytes:
        """Read up to `size` bytes; fewer only at the end (a pipe gives what it has)."""
        parts, left = [], size
        while left and (part := self._raw.read(left)):
            parts.append(part)
            left -= len(part)
        return b"".join(parts)

    def _packed(self) -> Iterator[bytes]:
        block = self._head
        self._head = b""
        while block:
            self.done_bytes += len(block)
            yield block
            try:
                block = self._read_raw(BLOCK_BYTES)
            except OSError as failure:
                self.broken = f"the disk fails: {os.strerror(failure.errno or 0)}"
                return

    def _unpack(self) -> Iterator[bytes]:
        if self._head.startswith(_GZIP):
            return self._gunzip()
        if self._head.startswith(_ZSTD):
            return self._unzstd()
        if self._head.startswith(_ZIP) and self.name != STDIN:
            return self._unzip()
        return self._packed()

    def _gunzip(self) -> Iterator[bytes]:
        unpacker = zlib.decompressobj(wbits=31)
        for block in self._packed():
            data = block
            while data:
                if unpacker.eof:
                    # What follows is another archive, or padding.
                    data = data.lstrip(b"\0")
                    if not data:
                        break
                    unpacker = zlib.decompressobj(wbits=31)
                try:
                    plain = unpacker.decompress(data, BLOCK_BYTES)
                except zlib.error:
                    self.broken = "the gzip archive is damaged"
                    return
                if plain:
                    yield plain
                data = unpacker.unconsumed_tail or unpacker.unused_data
        if not unpacker.eof:
            if rest := unpacker.flush():
                yield rest
            self.broken = self.broken or "the gzip archive is cut short"

    def _unzstd(self) -> Iterator[bytes]:
        source: Any = _PYTHON_FILE(_Blocks(self._packed()), mode="r")
        unpacker = pa.CompressedInputStream(source, "zstd")
        while True:
            try:
                block = unpacker.read(BLOCK_BYTES // 16)
            except OSError as failure:
                cut = "runcated" in str(failure)
                self.broken = f"the zstd archive is {'cut short' if cut else 'damaged'}"
                return
            if not block:
                return
            yield block

    def _unzip(self) -> Iterator[bytes]:
        """Give the files of an archive one after the other, a new line between."""
        try:
            with zipfile.ZipFile(self.name) as archive:
                for number, one in enumerate(archive.infolist()):
                    if number:
                        yield b"\n"
                    with archive.open(one) as file:
                        while block := file.read(BLOCK_BYTES):
                            yield block
                    self.done_bytes += one.compress_size
        except _BAD_ZIP:
            self.broken = "the zip archive is damaged, locked or of an unknown kind"


class _Blocks:
    """Blocks as a file that Arrow reads."""

    closed = False

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def read(self, size: int = -1) -> bytes:
        """Read at most `size` bytes."""
        if not self._rest:
            self._rest = next(self._blocks, b"")
        size = len(self._rest) if size < 0 else size
        part, self._rest = self._rest[:size], self._rest[size:]
        return part

    def close(self) -> None:
        """Do nothing: the file is closed by who opened it."""


def make_utf8(data: bytes) -> bytes:
    """Return lines in UTF-8: each one that is not is read as Latin-1."""
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return b"\n".join(_make_line_utf8(line) for line in data.split(b"\n"))
    return data


def _make_line_utf8(line: bytes) -> bytes:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return line.decode("latin-1").encode()
    return line


def digest_line(line: bytes) -> int:
    """Return a number that knows a line again, whatever file it is in."""
    digest = hashlib.blake2b(line, digest_size=8).digest()
    return int.from_bytes(digest, "little", signed=True)


def digest_lines(lines: Sequence[bytes]) -> Any:
    """Return the numbers of many lines, as numpy keeps them."""
    blake2b = hashlib.blake2b
    digests = [blake2b(line, digest_size=8).digest() for line in lines]
    return np.frombuffer(b"".join(digests), np.dtype("<i8")).astype(np.int64)
