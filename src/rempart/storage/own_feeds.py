"""Feeds as the insurer that sent them sees them: versions, and what is wrong in each, row by row.

Refuses another insurer's: the functions behind these queries look at who asks.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

FeedColumn: TypeAlias = Literal["started", "rows", "rejected", "findings", "state"]
FindingColumn: TypeAlias = Literal["line", "field", "rule"]
MOST_RULES: Final = 50

_sql: Final = load_queries("own_feeds")


@dataclass(frozen=True, slots=True)
class OwnFeed:
    """A feed; `published_at` is None for one that nobody reads."""

    feed_version: int
    kind: str
    state: str
    rows_done: int
    rows_applied: int
    rows_rejected: int
    started_at: datetime
    published_at: datetime | None
    is_current: bool
    findings: int


class RuleCount(NamedTuple):
    """How often a rule was broken in a field, and on which line first."""

    rule: str
    field: str
    findings: int
    first_line: int


class OwnFinding(NamedTuple):
    """What is wrong in one row, and what to do; never the value."""

    line: int
    field: str
    rule: str
    message: str
    advice: str


def list_feeds(tx: Transaction, listing: Listing[FeedColumn]) -> tuple[list[OwnFeed], int]:
    """Return one page of the feeds of the visitor's insurer, and how many there are."""
    return load_page(tx, _sql.list_feeds, listing, OwnFeed, {})


def load_feed(tx: Transaction, feed_version: int) -> OwnFeed | None:
    """Return one feed of the visitor's insurer, or None."""
    row = tx.execute(_sql.load_feed, {"feed_version": feed_version}).fetchone()
    return None if row is None else OwnFeed(*row)


def count_rules(tx: Transaction, feed_version: int) -> list[RuleCount]:
    """Return what is wrong most often in a feed."""
    values = {"feed_version": feed_version, "most": MOST_RULES}
    return [RuleCount(*row) for row in tx.execute(_sql.count_rules, values)]


def list_findings(
    tx: Transaction, feed_version: int, listing: Listing[FindingColumn], *, rule: str | None
) -> tuple[list[OwnFinding], int]:
    """Return one page of what is wrong in a feed, and how much there is."""
    values = {"feed_version": feed_version, "rule": rule}
    return load_page(tx, _sql.list_findings, listing, OwnFinding, values)
