"""Counts canaries, shares new ones out, and says who they are: on record.

Refuses to name one to whoever has not said why, in the ledger, before.
"""

from collections.abc import Sequence

from rempart.disclosure.acts import COMMAND_LINE, About, LedgerRead
from rempart.kernel.errors import Conflict
from rempart.storage import canaries
from rempart.storage.canaries import CanaryCount, StoredCanary
from rempart.storage.connect import Transaction
from rempart.workflows.ledger.record_act import ActsLog, record_act


def list_canary_counts(tx: Transaction) -> list[CanaryCount]:
    """Return how many canaries each insurer has; who they are is not in it."""
    return canaries.count_canaries(tx)


def share_out(tx: Transaction, count: int) -> dict[int, int]:
    """Share people to plant out over insurers, by their members; the largest gets what is left.

    Raises:
        Conflict: no insurer has a member.
    """
    members = canaries.count_members(tx)
    everybody = sum(members.values())
    if not everybody:
        raise Conflict("no insurer has a member whom a canary could resemble: import a feed first")
    shares = {insurer: count * size // everybody for insurer, size in members.items()}
    shares[max(members, key=members.__getitem__)] += count - sum(shares.values())
    return {insurer: share for insurer, share in shares.items() if share}


def reveal_canaries(
    tx: Transaction, acts: ActsLog, insurer_ids: Sequence[int], *, reason: str, now_ms: int
) -> list[tuple[int, StoredCanary]]:
    """Return who is a canary, by insurer, once the ledger has who asked and why.

    Args:
        tx: An open transaction of the role `feeds`.
        acts: The acts log.
        insurer_ids: Whose canaries.
        reason: Why, in words that name nobody.
        now_ms: Unix milliseconds.

    Raises:
        LedgerUnavailable: the look cannot be recorded: nothing was read.
    """
    about = About(kind="insurers", refs=tuple(insurer_ids), count=len(insurer_ids))
    look = LedgerRead(question="canaries", purpose=reason, from_ms=0, to_ms=now_ms, about=about)
    record_act(acts, look, by=COMMAND_LINE)
    return [(number, one) for number in insurer_ids for one in canaries.list_canaries(tx, number)]
