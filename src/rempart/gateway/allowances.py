"""What each caller has left of its allowance, in memory.

Refuses to outlive the process: a restart gives everybody a full burst, no more.
"""

from collections.abc import Hashable
from typing import Final

from rempart.accounts.allowance import Allowance, Refused, decide_allowance
from rempart.kernel.errors import TooManyRequests

_SWEEP_AT: Final = 10_000


class Allowances:
    """One GCRA number per caller, forgotten once its bucket is empty again."""

    def __init__(self, allowance: Allowance) -> None:
        self._allowance = allowance
        self._empty_at_ms: dict[Hashable, float] = {}
        self._sweep_at = _SWEEP_AT

    def check_can_ask_now(self, caller: Hashable, *, now_ms: float) -> None:
        """Take one request off a caller's allowance.

        Raises:
            TooManyRequests: nothing is left; says when to come back.
        """
        decision = decide_allowance(
            self._allowance, empty_at_ms=self._empty_at_ms.get(caller), now_ms=now_ms
        )
        if isinstance(decision, Refused):
            raise TooManyRequests(
                "the caller passed its allowance",
                retry_after_s=int(decision.retry_after_ms // 1000) + 1,
            )
        self._empty_at_ms[caller] = decision.empty_at_ms
        if len(self._empty_at_ms) > self._sweep_at:
            self._sweep(now_ms)

    def _sweep(self, now_ms: float) -> None:
        self._empty_at_ms = {c: t for c, t in self._empty_at_ms.items() if t > now_ms}
        self._sweep_at = max(_SWEEP_AT, 2 * len(self._empty_at_ms))
