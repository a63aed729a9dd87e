"""What the same questions would have given with less: no guard, or fixed limits.

Computed from the script, on everything the robots wanted to ask: without a guard nobody sends them
away. Refuses to play them: what an unguarded gateway answers is known from the truth.

Source: S42 (fixed limits of 30 a minute, 300 an hour, 1 500 a day).
"""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import Final

from rempart.drill.cast import Ask

# So many look-ups in so many milliseconds of the clock, per account.
LIMITS: Final = ((60_000, 30), (3_600_000, 300), (86_400_000, 1500))


def list_within_limits(asks: Sequence[Ask]) -> list[bool]:
    """Say which questions fixed limits let through.

    Args:
        asks: All of them, in order of time.

    Returns:
        One answer per question. A refused question counts against no limit.
    """
    counts: dict[tuple[int, int, int], int] = defaultdict(int)
    return [_pass(counts, ask) for ask in asks]


def _pass(counts: dict[tuple[int, int, int], int], ask: Ask) -> bool:
    windows = [(ask.caller, span, ask.at_ms // span) for span, _ in LIMITS]
    if any(counts[window] >= most for window, (_, most) in zip(windows, LIMITS, strict=True)):
        return False
    for window in windows:
        counts[window] += 1
    return True


def count_refused(asks: Iterable[Ask], passed: Iterable[bool]) -> int:
    """Count the owners' questions that limits refused."""
    return sum(
        not is_passed and ask.robot is None for ask, is_passed in zip(asks, passed, strict=True)
    )
