"""Prints batches of letters in a process of its own, whose memory goes with it.

Run as `python -m rempart.exchange.notice_printer`: the batch on its standard input, the pages and
the PDF on its standard output. Refuses to write a word anywhere else.
"""

import struct
import subprocess
import sys
from datetime import UTC, datetime
from typing import Final

import msgspec

from rempart.exchange.notice_letter import PrintedBatch, compile_batch
from rempart.kernel.errors import Unavailable

TIMEOUT_S: Final = 600
_HEAD: Final = struct.Struct(">qI")


def print_apart(data: bytes, *, made_at: datetime) -> PrintedBatch:
    """Return the PDF of a described batch, made by another process.

    Args:
        data: From `describe_batch`.
        made_at: Written in the file's properties, to the second.

    Raises:
        Unavailable: it was killed, or takes too long: nothing was printed.
    """
    command = [sys.executable, "-m", __name__]
    given = _HEAD.pack(int(made_at.timestamp()), len(data)) + data
    try:
        done = subprocess.run(
            command, input=given, capture_output=True, check=True, timeout=TIMEOUT_S
        )
    except subprocess.SubprocessError:
        # What it says may quote a letter.
        raise Unavailable("the process that prints letters stopped: memory may be short") from None
    _, length = _HEAD.unpack_from(done.stdout)
    pages = msgspec.json.decode(done.stdout[_HEAD.size : _HEAD.size + length], type=tuple[int, ...])
    return PrintedBatch(done.stdout[_HEAD.size + length :], pages)


def main() -> None:
    """Print one batch."""
    given = sys.stdin.buffer.read()
    instant, length = _HEAD.unpack_from(given)
    data = given[_HEAD.size : _HEAD.size + length]
    printed = compile_batch(data, made_at=datetime.fromtimestamp(instant, UTC))
    pages = msgspec.json.encode(printed.pages)
    sys.stdout.buffer.write(_HEAD.pack(instant, len(pages)) + pages + printed.pdf)


if __name__ == "__main__":
    main()
