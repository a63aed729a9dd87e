"""Show an insurer its feeds: what came, what was kept, and what is wrong, row by row."""

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import own_feeds
from rempart.storage.connect import Transaction
from rempart.storage.own_feeds import FeedColumn, FindingColumn, OwnFeed, OwnFinding, RuleCount
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["FeedColumn", "FindingColumn", "OwnFeed", "OwnFinding", "RuleCount"]


def list_feeds(
    tx: Transaction, asker: Asker, listing: Listing[FeedColumn]
) -> tuple[list[OwnFeed], int]:
    """Return one page of the feeds of the asker's insurer, and how many there are.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    check_can(asker.visitor, Permission.READ_FEEDS, now=asker.now)
    return own_feeds.list_feeds(tx, listing)


def read_feed(tx: Transaction, asker: Asker, feed_version: int) -> tuple[OwnFeed, list[RuleCount]]:
    """Return one feed of the asker's insurer, and what is wrong most often in it.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: no such feed of theirs.
    """
    check_can(asker.visitor, Permission.READ_FEEDS, now=asker.now)
    found = own_feeds.load_feed(tx, feed_version)
    if found is None:
        raise NotFound("no such feed")
    return found, own_feeds.count_rules(tx, feed_version)


def list_findings(
    tx: Transaction,
    asker: Asker,
    feed_version: int,
    listing: Listing[FindingColumn],
    *,
    rule: str | None = None,
) -> tuple[list[OwnFinding], int]:
    """Return one page of what is wrong in a feed, and how much there is.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: no such feed of theirs.
    """
    check_can(asker.visitor, Permission.READ_FEEDS, now=asker.now)
    if own_feeds.load_feed(tx, feed_version) is None:
        raise NotFound("no such feed")
    return own_feeds.list_findings(tx, feed_version, listing, rule=rule)
