"""Canaries as they are stored: their keys, apart from everything that makes them members.

Refuses to mark them anywhere else: whoever reads rights and identities without guard.canary sees
members like any.
"""

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries
from rempart.storage.sheets import Keys

_QUERIES: Final = load_queries("canaries")


class StoredCanary(NamedTuple):
    """One planted person.

    Args:
        person_ref: Their reference.
        keys: How many keys lead to them.
        planted_at: When.
        refreshed_at: When their life was last looked at.
        retired_at: Since when they are leaving or gone, or None.
    """

    person_ref: int
    keys: int
    planted_at: datetime
    refreshed_at: datetime
    retired_at: datetime | None


class CanaryCount(NamedTuple):
    """How many canaries an insurer has."""

    insurer_id: int
    insurer: str
    living: int
    retired: int
    keys: int
    refreshed_at: datetime | None


def count_members(tx: Transaction) -> dict[int, int]:
    """Return how many members each insurer has, canaries aside."""
    return dict(tx.execute(_QUERIES.count_members).fetchall())


def sample_members(tx: Transaction, insurer_id: int, *, first: int, most: int) -> list[int]:
    """Return some of an insurer's members.

    Args:
        tx: An open transaction of the role `feeds`.
        insurer_id: Whose members.
        first: Drawn at random from 1 to 2**62: where to begin; goes round at the end.
        most: How many at most.
    """
    values = {"insurer_id": insurer_id, "first": first, "most": most}
    found = [ref for (ref,) in tx.execute(_QUERIES.sample_members, values)]
    if len(found) < most:
        values = {"insurer_id": insurer_id, "first": 0, "most": most}
        found += [ref for (ref,) in tx.execute(_QUERIES.sample_members, values)]
    return list(dict.fromkeys(found))[:most]


def list_households(tx: Transaction, insurer_id: int, contract_refs: Collection[int]) -> list[int]:
    """Return everybody whom some contracts cover, canaries aside."""
    values = {"insurer_id": insurer_id, "contract_refs": sorted(contract_refs)}
    return [ref for (ref,) in tx.execute(_QUERIES.list_households, values)]


def list_contracts(tx: Transaction, insurer_id: int) -> set[int]:
    """Return the references of every contract an insurer ever had."""
    return {ref for (ref,) in tx.execute(_QUERIES.list_contracts, {"insurer_id": insurer_id})}


def add_canary(tx: Transaction, insurer_id: int, person_ref: int, keys: Sequence[bytes]) -> None:
    """Say that somebody just written is planted, with every key that leads to them."""
    values = {"insurer_id": insurer_id, "person_ref": person_ref, "keys": Keys(keys)}
    tx.execute(_QUERIES.add_canary, values)


def list_canaries(tx: Transaction, insurer_id: int) -> list[StoredCanary]:
    """Return the canaries of an insurer, oldest first."""
    rows = tx.execute(_QUERIES.list_canaries, {"insurer_id": insurer_id})
    return [StoredCanary(*row) for row in rows]


def count_canaries(tx: Transaction) -> list[CanaryCount]:
    """Return how many canaries each insurer has."""
    return [CanaryCount(*row) for row in tx.execute(_QUERIES.count_canaries)]


def note_refreshed(tx: Transaction, person_refs: Iterable[int]) -> None:
    """Say that somebody looked at the life of some canaries."""
    tx.execute(_QUERIES.note_refreshed, {"person_refs": sorted(person_refs)})


def note_retired(tx: Transaction, person_refs: Iterable[int]) -> None:
    """Say that some canaries leave."""
    tx.execute(_QUERIES.note_retired, {"person_refs": sorted(person_refs)})


def add_card_keys(tx: Transaction, batch_ref: int) -> None:
    """Say that the codes of a batch's cards of canaries are canaries."""
    tx.execute(_QUERIES.add_card_keys, {"batch_ref": batch_ref})
