"""Cards as pages list them; row policies decide whose.

Refuses to open what is sealed: it hands it to whoever holds the key.
"""

from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_QUERIES: Final = load_queries("card_pages")

BatchColumn: TypeAlias = Literal["made", "number", "cards", "year", "kind", "printed"]
CardColumn: TypeAlias = Literal["page", "beneficiaries", "begins", "ends", "state"]


class OwnCard(NamedTuple):
    """A card of the visitor; `sealed` is None once it counts no more."""

    serial: bytes
    year: int
    beneficiaries: int
    issued_on: date
    valid_from: date
    valid_to: date
    purpose: str
    large_print: bool
    revoked_at: datetime | None
    revoked_reason: str | None
    sealed: bytes | None


class ListedBatch(NamedTuple):
    """A batch as its insurer, or the host, follows it."""

    batch_ref: int
    insurer: str
    kind: str
    year: int
    number: int
    cards: int
    made_at: datetime
    printed_at: datetime | None
    finished_at: datetime | None


class ListedCard(NamedTuple):
    """A card of a batch: no name, no contract number."""

    serial: bytes
    number: int
    page: int
    issued_on: date
    valid_from: date
    valid_to: date
    beneficiaries: int
    purpose: str
    large_print: bool
    revoked_at: datetime | None
    revoked_reason: str | None


def list_own_cards(tx: Transaction, person_ref: int, *, today: date, limit: int) -> list[OwnCard]:
    """Return somebody's own cards, the newest first."""
    values = {"person_ref": person_ref, "today": today, "limit": limit}
    return [OwnCard(*row) for row in tx.execute(_QUERIES.list_own_cards, values)]


def list_batches(
    tx: Transaction, *, sort: BatchColumn, descending: bool, limit: int, offset: int = 0
) -> tuple[list[ListedBatch], int]:
    """Return one page of the batches the visitor may follow, and how many there are."""
    values = _page(sort, descending=descending, limit=limit, offset=offset)
    rows = tx.execute(_QUERIES.list_card_batches, values).fetchall()
    return [ListedBatch(*row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0


def list_batch_cards(
    tx: Transaction,
    batch_ref: int,
    *,
    sort: CardColumn,
    descending: bool,
    limit: int,
    offset: int = 0,
) -> tuple[list[ListedCard], int]:
    """Return one page of the cards of a batch, and how many the visitor may see."""
    values = _page(sort, descending=descending, limit=limit, offset=offset)
    rows = tx.execute(_QUERIES.list_batch_cards, {**values, "batch_ref": batch_ref}).fetchall()
    return [ListedCard(*row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0


def count_orders(tx: Transaction) -> int:
    """Return how many orders wait, among those the visitor sees."""
    [(count,)] = tx.execute(_QUERIES.count_card_orders).fetchall()
    return int(count)


def _page(sort: str, *, descending: bool, limit: int, offset: int) -> dict[str, Any]:
    return {
        "sort": sort,
        "direction": -1 if descending else 1,
        "limit": limit,
        "offset": offset,
    }
