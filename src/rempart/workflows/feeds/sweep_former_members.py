"""Former members leave the plane the gateway reads, the day after their contract ends.

Refuses to lose them: their sheets and keys stay where only feeds and the back office look.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from rempart.storage import feeds
from rempart.storage.connect import Transaction


@dataclass(frozen=True, slots=True)
class Swept:
    """Who left.

    Args:
        people: People moved out of reach.
        keys: Look-up keys that open nothing any more.
    """

    people: int
    keys: int


def sweep_former_members(
    tx: Transaction, today: date, *, insurer_ids: Sequence[int] | None = None
) -> Swept:
    """Move out of the gateway's reach those whose contracts all ended before `today`.

    People of a feed being loaded are judged by what readers see and by what they will see: nobody
    leaves before the feed is published.

    Args:
        tx: An open transaction of the role `feeds`; imports wait for its end.
        today: Paris civil date.
        insurer_ids: Whose people to look at; None for all.

    Returns:
        How many left; none the second time.
    """
    locked = feeds.lock_insurers(tx, insurer_ids)
    people, keys = feeds.sweep_leavers(tx, locked, today)
    return Swept(people, keys)
