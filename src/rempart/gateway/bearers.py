"""Who may still act: a small cache in front of the accounts plane.

Refuses to remember anybody for more than five seconds, so that a revocation, a suspension and the
end of a session bite at once.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final, TypeAlias

from rempart.accounts.tokens import Bearer, Standing, check_standing
from rempart.gateway.batching import GroupCommit

MAX_AGE_MS: Final = 4_000
MAX_KEPT: Final = 50_000

LoadStandings: TypeAlias = Callable[[Sequence[Bearer]], Awaitable[Sequence[Standing]]]


class BearerDirectory:
    """Says whether bearers may act; those asked about together are loaded together.

    Args:
        load: Loads what is known now of several bearers, in their order.
    """

    def __init__(self, load: LoadStandings) -> None:
        self._load = load
        self._known: dict[Bearer, tuple[Standing, int]] = {}
        self._misses: GroupCommit[Bearer, Standing] = GroupCommit(self._load_misses)

    async def run(self) -> None:
        """Load misses until `close`."""
        await self._misses.run()

    def close(self) -> None:
        """Stop loading once nobody waits."""
        self._misses.close()

    async def check(self, bearer: Bearer, *, now_ms: int) -> Standing:
        """Let a bearer act, or refuse; return what is known of them.

        Raises:
            AccessDenied: whoever the token names is unknown, stopped, or not there any more.
            Unavailable: the accounts plane does not answer.
        """
        known = self._known.get(bearer)
        # Either way: a clock that was put back makes nobody's memory longer.
        if known is not None and abs(now_ms - known[1]) < MAX_AGE_MS:
            check_standing(known[0])
            return known[0]
        standing = await self._misses.submit(bearer)
        # Aged from before the question, so that five seconds are five seconds for the revoker too.
        if len(self._known) >= MAX_KEPT:
            self._known.clear()
        self._known[bearer] = (standing, now_ms)
        check_standing(standing)
        return standing

    def forget(self, bearer: Bearer) -> None:
        """Load a bearer again the next time: what was refused may have changed by then."""
        self._known.pop(bearer, None)

    async def _load_misses(self, bearers: Sequence[Bearer]) -> Sequence[Standing]:
        asked = list(dict.fromkeys(bearers))
        found = dict(zip(asked, await self._load(asked), strict=True))
        return [found[bearer] for bearer in bearers]
