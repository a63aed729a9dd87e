"""The machine's clock, with the days of Paris."""

import time
from datetime import date, datetime

from rempart.kernel.instants import PARIS


def today_in_paris() -> date:
    """Return the civil date in Paris."""
    return datetime.now(PARIS).date()


class SystemClock:
    """The machine's clock, as a server asks it for every request."""

    def __init__(self) -> None:
        self._today = date.min
        self._until = 0.0

    def now_ms(self) -> int:
        """Unix milliseconds."""
        return time.time_ns() // 1_000_000

    def steady_ms(self) -> float:
        """Milliseconds that never go back."""
        return time.monotonic() * 1000

    def today(self) -> date:
        """The civil date in Paris, looked up at most once a second."""
        now = time.monotonic()
        if now >= self._until:
            self._today = today_in_paris()
            self._until = now + 1
        return self._today
