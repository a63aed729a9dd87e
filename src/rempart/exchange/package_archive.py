"""A package as one file: a plain tar, made while it is sent, the same bytes each time.

Refuses to hold more than one of its files in memory, and to read an archive with anything else in
it than plain files in its root.
"""

import tarfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import BinaryIO, Final

from rempart.exchange.package_note import PackageRefused

_BLOCK: Final = tarfile.BLOCKSIZE
_END: Final = bytes(2 * _BLOCK)
MAX_FILE: Final = 64 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Entry:
    """One file of an archive; `load` returns its bytes when its turn comes."""

    name: str
    size: int
    load: Callable[[], bytes]


def compute_size(entries: Sequence[Entry]) -> int:
    """Return how many bytes the archive has."""
    return sum(_BLOCK + one.size + _pad(one.size) for one in entries) + len(_END)


def iterate_archive(entries: Sequence[Entry], *, mtime: int, start: int = 0) -> Iterator[bytes]:
    """Yield an archive from its byte `start` on: a file that is wholly before it is not loaded.

    Args:
        entries: The files in their order.
        mtime: The instant written beside each, Unix seconds: part of the bytes.
        start: Where to begin, for a download that goes on.
    """
    place = 0
    for one in entries:
        size = _BLOCK + one.size + _pad(one.size)
        if place + size > start:
            body = one.load()
            if len(body) != one.size:
                raise PackageRefused(f"{one.name} has not the length that was announced")
            whole = _format_header(one, mtime) + body + bytes(_pad(one.size))
            yield whole[max(start - place, 0) :]
        place += size
    rest = _END[max(start - place, 0) :]
    if rest:
        yield rest


def read_archive(stream: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yield the files of an archive, one at a time.

    Only what `iterate_archive` writes is read: the other kinds of header that a tar may have hold
    names and values of any length, which a reader of any tar takes into memory.

    Raises:
        PackageRefused: it is no archive, is cut short, or holds something else than files.
    """
    while True:
        try:
            member = tarfile.TarInfo.frombuf(_read(stream, _BLOCK), "utf-8", "strict")
        except tarfile.EOFHeaderError:  # type: ignore[attr-defined]
            return
        except (tarfile.TarError, UnicodeDecodeError) as failure:
            raise PackageRefused(
                "this is not a package, or it is cut short: download it again"
            ) from failure
        plain = member.type == tarfile.REGTYPE and "/" not in member.name
        if not plain or not 0 <= member.size <= MAX_FILE:
            raise PackageRefused("the archive holds something that no package holds")
        body = _read(stream, member.size + _pad(member.size))
        if len(body) < member.size:
            raise PackageRefused("the archive is cut short: download it again")
        yield member.name, body[: member.size]


def make_archive(files: Sequence[tuple[str, bytes]], *, mtime: int) -> bytes:
    """Return a small archive whole."""
    entries = [Entry(name, len(body), partial(bytes, body)) for name, body in files]
    return b"".join(iterate_archive(entries, mtime=mtime))


def _format_header(one: Entry, mtime: int) -> bytes:
    info = tarfile.TarInfo(one.name)
    info.size, info.mtime, info.mode = one.size, mtime, 0o600
    return info.tobuf(tarfile.USTAR_FORMAT)


def _read(stream: BinaryIO, size: int) -> bytes:
    """Read so many bytes; fewer only at the end (a pipe gives what it has)."""
    parts = []
    while size and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


def _pad(length: int) -> int:
    return -length % _BLOCK
