"""Attach an employer to a collective contract of an insurer, and say what it costs."""

from collections.abc import Iterable
from datetime import date

from rempart.employers.statements import Price
from rempart.exchange.feed_rows import FeedTerms
from rempart.kernel.errors import Conflict, NotFound
from rempart.storage import employer_feeds, feeds
from rempart.storage.connect import Transaction
from rempart.storage.employer_feeds import GroupKey
from rempart.workflows.accounts.web_session import draw_ref


def register_contract(
    tx: Transaction,
    *,
    org_ref: int,
    employer_name: str,
    insurer_id: int,
    number: str,
    starts_on: date,
    ends_on: date | None = None,
) -> int:
    """Attach an employer to a collective contract; return its reference.

    Args:
        tx: A transaction of the role `feeds`.
        org_ref: The employer.
        employer_name: As the insurer's agents read it.
        insurer_id: Whose contract.
        number: The insurer's.
        starts_on: First day.
        ends_on: Last day, or None.

    Raises:
        NotFound: the insurer is not registered.
        Conflict: it has a contract of this number.
    """
    insurer = feeds.load_insurer(tx, insurer_id)
    if insurer is None:
        raise NotFound(f"insurer {insurer_id} is not registered")
    if employer_feeds.find_group(tx, insurer_id, number) is not None:
        raise Conflict(f"insurer {insurer_id} has a collective contract {number} already")
    group = GroupKey(draw_ref(), org_ref, insurer_id, number, starts_on, ends_on)
    employer_feeds.add_group(tx, group, employer_name=employer_name, insurer_name=insurer.name)
    return group.group_ref


def set_tariffs(
    tx: Transaction, insurer_id: int, number: str, prices: Iterable[tuple[Price, FeedTerms]]
) -> int:
    """Say what structures cost from a day on, with the guarantee of each; return how many.

    A price of months that were called is corrected by lines of the next statement.

    Raises:
        NotFound: the insurer has no collective contract of this number.
    """
    group = employer_feeds.find_group(tx, insurer_id, number)
    if group is None:
        raise NotFound(f"insurer {insurer_id} has no collective contract {number}")
    told = 0
    for price, terms in prices:
        feeds.add_terms(tx, insurer_id, [(terms.digest, terms.terms)])
        terms_id = feeds.compute_terms_id(insurer_id, terms.digest)
        employer_feeds.set_tariff(tx, group, price, terms_id=terms_id)
        told += 1
    return told
