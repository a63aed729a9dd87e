"""Habits as they are kept: one byte of format, a checksum, MessagePack.

Refuses what it did not write: a damaged state is told apart from every good one, and is rebuilt.
"""

import zlib
from typing import Final

import msgspec

from rempart.guard.decisions import Step
from rempart.guard.habits import WEEK_BEFORE, Habits
from rempart.kernel.errors import InconsistentRecord

# 1: MessagePack of `Habits`, its fields by name, so that one that is added has its default.
FORMAT: Final = 1
_HEAD_BYTES: Final = 5

_encoder: Final = msgspec.msgpack.Encoder()
_decoder: Final = msgspec.msgpack.Decoder(Habits)


def encode_habits(habits: Habits) -> bytes:
    """Return the bytes kept for an account."""
    body = _encoder.encode(habits)
    return bytes((FORMAT,)) + zlib.crc32(body).to_bytes(4, "big") + body


def decode_habits(stored: bytes) -> Habits:
    """Read what was kept for an account.

    Raises:
        InconsistentRecord: it is of another format, or damaged.
    """
    body = stored[_HEAD_BYTES:]
    if stored[:1] != bytes((FORMAT,)) or stored[1:_HEAD_BYTES] != zlib.crc32(body).to_bytes(
        4, "big"
    ):
        raise InconsistentRecord("the habits of an account are damaged, or of another format")
    try:
        habits = _decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError) as failure:
        raise InconsistentRecord("the habits of an account cannot be read") from failure
    if (
        len(habits.hours) != 24
        or len(habits.week) != WEEK_BEFORE
        or not 0 <= habits.step <= max(Step)
    ):
        raise InconsistentRecord("the habits of an account are not habits")
    return habits
