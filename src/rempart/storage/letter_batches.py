"""Batches of letters as their insurer sees them, takes them and posts them. Role: portals.

Refuses to say whose letters are in a batch: it counts.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("letter_batches")

BatchColumn: TypeAlias = Literal["number", "letters"]


@dataclass(frozen=True, slots=True)
class ListedBatch:
    """One batch; `sealed_for` is the fingerprint of the certificate its copy opens with."""

    number: int
    letters: int
    pages: int
    state: str
    made_at: datetime
    written_at: datetime | None
    sealed_for: bytes | None
    downloaded_name: str
    downloaded_at: datetime | None
    posted_name: str
    posted_at: datetime | None


def list_batches(
    tx: Transaction,
    campaign_ref: int,
    listing: Listing[BatchColumn],
    *,
    number: int | None = None,
) -> tuple[list[ListedBatch], int]:
    """Return one page of the batches of a campaign, or one of them, and how many there are."""
    values = {"campaign_ref": campaign_ref, "number": number}
    return load_page(tx, QUERIES.list_batches, listing, ListedBatch, values)


def take_batch(tx: Transaction, campaign_ref: int, number: int, *, actor_ref: int) -> bool:
    """Write who takes the sealed copy of a batch; False: there is none."""
    values = {"campaign_ref": campaign_ref, "number": number, "actor_ref": actor_ref}
    return tx.execute(QUERIES.take_batch, values).rowcount == 1


def post_batch(tx: Transaction, campaign_ref: int, number: int, *, actor_ref: int) -> bool:
    """Write who handed a batch to the post; False: it is posted already, or not written."""
    values = {"campaign_ref": campaign_ref, "number": number, "actor_ref": actor_ref}
    return tx.execute(QUERIES.post_own_batch, values).rowcount == 1
