"""The operator of a drill: looks in every simulated hour, and clears honest accounts after four.

Knows which accounts are stolen, as a review would find out. Refuses to clear a stolen one, and to
look at anything but what the guard wrote down.
"""

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager

from rempart.drill.past import REVIEW_MS
from rempart.storage.connect import Transaction
from rempart.workflows.incidents.exercise_accounts import review_holdings


class Operator:
    """Reviews what the guard holds.

    Args:
        open_tx: Opens a transaction of the role registrar.
        account_refs: The accounts, by rank.
        stolen_ms: Since when each stolen account is, by rank.
    """

    def __init__(
        self,
        open_tx: Callable[[], AbstractContextManager[Transaction]],
        account_refs: Sequence[int],
        stolen_ms: Mapping[int, int],
    ) -> None:
        self._open_tx = open_tx
        self._account_refs = account_refs
        self._ranks = {ref: rank for rank, ref in enumerate(account_refs)}
        self._stolen_ms = stolen_ms
        self._seen = 0
        self._due: dict[int, int] = {}
        self.contained_ms: dict[int, list[int]] = {}

    async def look_in(self, now_ms: int) -> None:
        """Do a round."""
        await asyncio.to_thread(self._review, now_ms)

    def _review(self, now_ms: int) -> None:
        cleared = {ref: at_ms for ref, at_ms in self._due.items() if at_ms <= now_ms}
        with self._open_tx() as tx:
            held = review_holdings(tx, self._account_refs, after_ref=self._seen, cleared=cleared)
        for ref in cleared:
            del self._due[ref]
        for one in held:
            self._seen = one.event_ref
            rank = self._ranks[one.account_ref]
            self.contained_ms.setdefault(rank, []).append(one.t_ms)
            if one.t_ms < self._stolen_ms.get(rank, one.t_ms + 1):
                self._due[one.account_ref] = one.t_ms + REVIEW_MS
