"""One fault under load: what stopped, what was answered instead, when it was over."""

import statistics
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Final

from bench.siege.load import Told

BEFORE_S: Final = 4.0
BACK_WITHIN_S: Final = 120.0
KINDS: Final = ("check", "claim")


@dataclass
class Row:
    """What a fault did.

    Attributes:
        silences: The longest time without a good answer, by kind, seconds.
        answers: Good answers while it went on, by kind, a second.
        p50_ms, p99_ms: How long those took.
        turned_away: What callers got instead, with how many there were.
        wrong: What was lost or is not as it was told; nothing, or the run fails.
        back_s: From its end to good answers of every kind.
        notes: What else was seen.
    """

    fault: str
    seconds: float = 0.0
    silences: dict[str, float] = field(default_factory=dict)
    answers: dict[str, float] = field(default_factory=dict)
    p50_ms: dict[str, float] = field(default_factory=dict)
    p99_ms: dict[str, float] = field(default_factory=dict)
    turned_away: dict[str, int] = field(default_factory=dict)
    wrong: list[str] = field(default_factory=list)
    back_s: float = 0.0
    notes: list[str] = field(default_factory=list)


def watch(
    name: str,
    told: Told,
    fault: AbstractContextManager[object],
    *,
    seconds: float,
    mend: Callable[[], str | None] = lambda: None,
) -> Row:
    """Let a fault go on under a load that runs, and say what came of it.

    Args:
        name: In the table.
        told: What callers of the load were told.
        fault: It goes on inside.
        seconds: For how long.
        mend: Called when nothing came back by itself; says what it did.
    """
    row = Row(name)
    time.sleep(BEFORE_S)
    begin(told)
    began = time.monotonic()
    with fault:
        time.sleep(seconds)
        row.seconds = time.monotonic() - began
        _measure(row, told)
    row.back_s = wait_for_good(told, row, mend)
    time.sleep(BEFORE_S)
    row.silences = told.take_silences()
    row.turned_away = dict(told.turned_away.most_common())
    return row


def begin(told: Told) -> None:
    """Forget what was counted so far; what was promised stays."""
    told.take_silences()
    with told.lock:
        told.turned_away.clear()
        told.took.clear()


def wait_for_good(told: Told, row: Row, mend: Callable[[], str | None]) -> float:
    """Wait for a good answer of every kind from now on; return how long it took, in seconds.

    Raises:
        SystemExit: none came.
    """
    ended, mended = time.monotonic(), False
    while not all(told.good_at.get(kind, 0.0) > ended for kind in KINDS):
        time.sleep(0.02)
        waited = time.monotonic() - ended
        if waited > BACK_WITHIN_S / 2 and not mended:
            mended, done = True, mend()
            row.notes += [done] if done else []
        if waited > BACK_WITHIN_S:
            raise SystemExit(f"{row.fault}: no good answer {waited:.0f} s after it ended")
    return time.monotonic() - ended


def _measure(row: Row, told: Told) -> None:
    with told.lock:
        for kind, taken in told.took.items():
            row.answers[kind] = len(taken) / row.seconds
            row.p50_ms[kind] = statistics.median(taken) * 1000
            row.p99_ms[kind] = sorted(taken)[int(len(taken) * 0.99)] * 1000
