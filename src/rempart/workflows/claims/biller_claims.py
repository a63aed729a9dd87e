"""Show an establishment the claims it billed: lists, what is to correct, figures, reconciliation.

Refuses acts in lists, and persons everywhere: a claim is known by the biller's own invoice number.
What became of each act is told by the gateway, on record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.claims.controls import CONTROLS, Severity
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import biller_pages
from rempart.storage.biller_pages import (
    BilledLine,
    BilledRow,
    ClaimColumn,
    ClaimFilter,
    CorrectColumn,
    DayCount,
    ToCorrect,
)
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = [
    "BilledLine",
    "BilledRow",
    "ClaimColumn",
    "ClaimFilter",
    "CorrectColumn",
    "DayCount",
    "ToCorrect",
]

MOST_COUNTED: Final = 100
"""Shown beside a link: beyond, there are many."""
DAYS_SHOWN: Final = 30
REJECTING: Final = tuple(
    one.refusal.rule for one in CONTROLS if one.severity is Severity.REJECTION and one.recoverable
)
_ALL_REJECTING: Final = tuple(
    one.refusal.rule for one in CONTROLS if one.severity is Severity.REJECTION
)
_YEAR: Final = timedelta(days=365)


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """How an establishment's claims went.

    Args:
        days: The last thirty days, oldest first, those without a claim included.
        rules: Of how many claims each rule rejected something, the most frequent first.
        delays: How many transfers took how many working days, over a year.
    """

    days: Sequence[DayCount]
    rules: Sequence[tuple[str, int]]
    delays: Mapping[int, int]

    @property
    def total(self) -> int:
        """How many claims came."""
        return sum(one.accepted + one.rejected + one.others for one in self.days)


@dataclass(frozen=True, slots=True, kw_only=True)
class Match:
    """One invoice of the biller's list beside what transfers paid of it; cents.

    Args:
        verdict: same, different, unpaid or missing.
    """

    invoice: str
    expected_cents: int
    paid_cents: int
    verdict: str


def list_claims(
    tx: Transaction, asker: Asker, listing: Listing[ClaimColumn], which: ClaimFilter
) -> tuple[list[BilledRow], int]:
    """Return one page of the claims of the asker's establishment, and how many there are.

    Raises:
        NotAllowed: their role does not bill.
    """
    return biller_pages.list_claims(tx, listing, _enter(asker), which)


def read_row(tx: Transaction, asker: Asker, claim_ref: int) -> BilledRow:
    """Return one claim of the asker's establishment, without its acts.

    Raises:
        NotAllowed: their role does not bill.
        NotFound: there is no such claim of theirs.
    """
    found = biller_pages.load_claim(tx, claim_ref, _enter(asker))
    if found is None:
        raise NotFound("no such claim")
    return found


def read_billed_lines(tx: Transaction, asker: Asker, claim_ref: int) -> list[BilledLine]:
    """Return the acts of a claim as its biller sent them, to correct it and send it again.

    Raises:
        NotAllowed: their role does not bill.
        NotFound: there is no such claim of theirs.
    """
    lines = biller_pages.load_lines(tx, claim_ref, _enter(asker))
    if not lines:
        raise NotFound("no such claim")
    return lines


def list_to_correct(
    tx: Transaction, asker: Asker, listing: Listing[CorrectColumn]
) -> tuple[list[ToCorrect], int]:
    """Return one page of the claims that may still be corrected, and how many there are.

    Raises:
        NotAllowed: their role does not bill.
    """
    place = _enter(asker)
    return biller_pages.list_to_correct(tx, listing, place, rejecting=REJECTING, today=asker.today)


def count_to_correct(tx: Transaction, asker: Asker) -> int:
    """Return how many claims may still be corrected, up to `MOST_COUNTED`.

    Raises:
        NotAllowed: their role does not bill.
    """
    place = _enter(asker)
    return biller_pages.count_to_correct(
        tx, place, rejecting=REJECTING, today=asker.today, most=MOST_COUNTED
    )


def read_figures(tx: Transaction, asker: Asker) -> Figures:
    """Return how the claims of the asker's establishment went.

    Raises:
        NotAllowed: their role does not bill.
    """
    place, today = _enter(asker), asker.today
    since = today - timedelta(days=DAYS_SHOWN - 1)
    counted = {one.day: one for one in biller_pages.count_days(tx, place, since)}
    days = [since + timedelta(days=place_) for place_ in range(DAYS_SHOWN)]
    return Figures(
        days=[counted.get(day, DayCount(day, 0, 0, 0)) for day in days],
        rules=biller_pages.count_rules(tx, place, since, rejecting=_ALL_REJECTING),
        delays=biller_pages.count_delays(tx, place, today - _YEAR),
    )


def match_invoices(tx: Transaction, asker: Asker, expected: Mapping[str, int]) -> list[Match]:
    """Compare a biller's own list with what transfers paid of each invoice, in its order.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Somebody who sees payments.
        expected: What they expect of each invoice, in cents.

    Raises:
        NotAllowed: their role does not see payments.
    """
    check_can(asker.visitor, Permission.READ_PAYMENTS, now=asker.now)
    known = biller_pages.match_invoices(tx, _find_place(asker.visitor), list(expected))
    matches = []
    for invoice, cents in expected.items():
        found = known.get(invoice)
        paid = 0 if found is None else found.paid_cents
        verdict = judge(cents, None if found is None else paid)
        matches.append(
            Match(invoice=invoice, expected_cents=cents, paid_cents=paid, verdict=verdict)
        )
    return matches


def judge(expected_cents: int, paid_cents: int | None) -> str:
    """Say how what was expected and what was paid compare; None for an invoice nobody knows.

    >>> judge(1200, None), judge(1200, 0), judge(1200, 1200), judge(1200, 1100)
    ('missing', 'unpaid', 'same', 'different')
    """
    if paid_cents is None:
        return "missing"
    if paid_cents == expected_cents:
        return "same"
    return "unpaid" if paid_cents == 0 else "different"


def _enter(asker: Asker) -> int:
    """Check that the asker bills; return for which establishment."""
    check_can(asker.visitor, Permission.SUBMIT_CLAIMS, now=asker.now)
    return _find_place(asker.visitor)


def _find_place(visitor: Visitor) -> int:
    if visitor.establishment_ref is None:
        raise NotAllowed("claims are an establishment's: sign in for one")
    return visitor.establishment_ref
