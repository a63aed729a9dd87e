"""What is fuzzed: a parser, what it may refuse with, and files that it reads."""

import os
import signal
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from unittest.mock import patch

from rempart.exchange import foreign_parquet
from rempart.kernel.errors import RempartError

# Processor time one input may take. A slow machine does not count: only this process's work does.
LONGEST_S = 2.0
MOST_BYTES = 1 << 14
_MEMORY = Path("/dev/shm")


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """A parser of what strangers write.

    Args:
        name: Its own, also of the folder of its corpus.
        read: Reads some bytes; what it returns does not count. It may hold further truths about
            what it read, as assertions.
        seeds: Makes inputs that are good, or nearly.
        refusals: What it may raise beside `RempartError`: what its docstring says, nothing else.
    """

    name: str
    read: Callable[[bytes], object]
    seeds: Callable[[], Iterable[bytes]]
    refusals: tuple[type[Exception], ...] = ()


class TooSlow(Exception):
    """An input took more processor time than any may."""


class Wrong(AssertionError):
    """A parser raised what it never says."""


def try_input(target: Target, data: bytes) -> bool:
    """Give one input to a parser; return whether it was taken.

    Raises:
        Wrong: it raised something else than a refusal, or took too long.
    """
    try:
        with _bounded():
            target.read(data)
    except (RempartError, *target.refusals):
        return False
    except Exception as fault:
        raise Wrong(f"{target.name}: {type(fault).__name__} on {data[:80]!r}…") from fault
    return True


@contextmanager
def _bounded() -> Iterator[None]:
    before = signal.signal(signal.SIGVTALRM, _refuse_to_wait)
    signal.setitimer(signal.ITIMER_VIRTUAL, LONGEST_S)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_VIRTUAL, 0)
        signal.signal(signal.SIGVTALRM, before)


def _refuse_to_wait(*_: object) -> None:
    raise TooSlow


def reading_file(read: Callable[[Path], object], suffix: str = "") -> Callable[[bytes], object]:
    """Make a reader of bytes from a reader of a file."""
    folder = _MEMORY if _MEMORY.is_dir() else None

    def read_bytes(data: bytes) -> object:
        descriptor, name = tempfile.mkstemp(suffix=suffix, prefix="fuzz-", dir=folder)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            # A process for each input is what the fuzzing of a parser cannot pay.
            with patch.object(foreign_parquet, "open_parquet", foreign_parquet.ReadHere):
                return read(Path(name))
        finally:
            Path(name).unlink(missing_ok=True)

    return read_bytes


def reading_text(read: Callable[[str], object]) -> Callable[[bytes], object]:
    """Make a reader of bytes from a reader of text, as a form or a JSON document gives it."""
    return lambda data: read(data.decode("utf-8", "replace"))


def texts(*lines: str) -> Callable[[], Iterable[bytes]]:
    """Return seeds that are short texts."""
    return lambda: [line.encode() for line in lines]
