"""Tables that people extract: which encoding, which separator, by what the bytes can be.

Refuses to read cells: each format has its own.
"""

import codecs
import io
from collections.abc import Iterator
from typing import BinaryIO, Final

_SEPARATORS: Final = (";", ",", "\t", "|")
_CHUNK: Final = 1 << 20
_SHORT: Final = 8192


def find_encoding(stream: BinaryIO) -> str:
    """Return how the bytes of a file are to be read; leaves the stream at its start."""
    head = stream.read(4)
    stream.seek(0)
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    decoder = codecs.getincrementaldecoder("utf-8")()
    try:
        while chunk := stream.read(_CHUNK):
            decoder.decode(chunk)
        decoder.decode(b"", final=True)
    except UnicodeDecodeError:
        return "cp1252" if _is_windows(stream) else "latin-1"
    finally:
        stream.seek(0)
    return "utf-8-sig"


def _is_windows(stream: BinaryIO) -> bool:
    stream.seek(0)
    unused = frozenset(b"\x81\x8d\x8f\x90\x9d")
    while chunk := stream.read(_CHUNK):
        if unused.intersection(chunk):
            return False
    return True


def find_separator(text: io.TextIOWrapper) -> str:
    """Return what separates the cells of a table, by its first line; goes back to its start.

    Raises:
        UnicodeError: it is no text.
    """
    first = text.readline(_SHORT)
    text.seek(0)
    return max(_SEPARATORS, key=first.count)


def drop_nuls(lines: Iterator[str]) -> Iterator[str]:
    """Yield lines without the zeros that some extractions leave."""
    return (line.replace("\x00", "") for line in lines)
