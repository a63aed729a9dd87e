"""How often one client may ask: the generic cell rate algorithm (GCRA), one number per client.

A leaky bucket written backwards: instead of a level that must be drained by a timer, one remembers
the instant at which the bucket would be empty. Refuses to read a clock.

Source: ITU-T I.371 annex A (virtual scheduling).
"""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowance:
    """A steady rate, and how many requests may come at once after a rest."""

    rate_per_s: float
    burst: int

    def __post_init__(self) -> None:
        if self.rate_per_s <= 0 or self.burst < 1:
            raise ValueError("an allowance needs a positive rate and a burst of at least 1")

    @property
    def interval_ms(self) -> float:
        """Milliseconds one request is worth."""
        return 1000 / self.rate_per_s


@dataclass(frozen=True, slots=True)
class Allowed:
    """The request passes; `empty_at_ms` is to be remembered for the next one."""

    empty_at_ms: float


@dataclass(frozen=True, slots=True)
class Refused:
    """The request does not pass; the same request passes after `retry_after_ms`."""

    retry_after_ms: float


def decide_allowance(
    allowance: Allowance, *, empty_at_ms: float | None, now_ms: float
) -> Allowed | Refused:
    """Say whether one more request passes now.

    Args:
        allowance: Rate and burst granted to this client.
        empty_at_ms: What the last `Allowed` said, None for a client not seen before.
        now_ms: The instant of the request, on a clock that never goes back.

    Returns:
        Allowed with the number to remember, or Refused, which changes nothing: a client that keeps
        hammering is not punished beyond its allowance.
    """
    interval = allowance.interval_ms
    start = now_ms if empty_at_ms is None or empty_at_ms < now_ms else empty_at_ms
    wait = start - now_ms - (allowance.burst - 1) * interval
    # A billionth of a second of floating error must not refuse the last request of a burst.
    if wait > 1e-6:
        return Refused(wait)
    return Allowed(start + interval)
