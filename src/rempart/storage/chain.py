"""Links of the chain between insurers and the host, as the database shows them to a visitor.

Refuses to decide what a link means: that is `accounts.chain`.
"""

from typing import Any, Final, Literal, TypeAlias

from rempart.accounts.chain import Link
from rempart.kernel.listing import Listing
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("chain")

LinkColumn: TypeAlias = Literal["agent", "principal", "kind", "starts", "ends"]


def list_links(tx: Transaction, listing: Listing[LinkColumn]) -> tuple[list[Link], int]:
    """Return one page of the links the visitor is part of, and how many there are."""
    return load_page(tx, QUERIES.list_links, listing, _make_link, {})


def count_checks(tx: Transaction, *, since_ms: int) -> dict[int, int]:
    """Return how many checks each insurer's members had since an instant, by insurer."""
    return dict(tx.execute(QUERIES.count_checks, {"since_ms": since_ms}).fetchall())


def list_insurers(tx: Transaction) -> list[tuple[int, int, str]]:
    """Return the organisations of insurers: organisation, insurer, name."""
    return [(row[0], row[1], row[2]) for row in tx.execute(QUERIES.list_insurers)]


def count_told(tx: Transaction, cut_ref: int) -> dict[int, int]:
    """Return to how many addresses each organisation was told of a cut."""
    return dict(tx.execute(QUERIES.count_told, {"cut": str(cut_ref)}).fetchall())


def _make_link(*row: Any) -> Link:
    kind, principal_ref, principal, insurer_id, agent_ref, agent, starts_on, ends_on = row
    return Link(
        kind=kind,
        principal_ref=principal_ref,
        principal=principal,
        insurer_id=insurer_id,
        agent_ref=agent_ref,
        agent=agent,
        period=Period(starts_on, ends_on or OPEN_END),
    )
