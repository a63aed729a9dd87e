"""Properties of rights (I9): never open outside their dates or suspended; the past is past."""

from datetime import date, timedelta

import pytest
from hypothesis import find, given
from hypothesis import strategies as st

from rempart.kernel.periods import Period
from rempart.rights.coverage import (
    Coverage,
    Rate,
    RightsClosed,
    RightsOpen,
    Terms,
    TicketModerateur,
    decide_rights,
)
from rempart.tariffs.domains import DOMAINS, Domain

FIRST = date(2020, 1, 1)
days = st.integers(0, 3000).map(lambda n: FIRST + timedelta(days=n))
domains = st.sampled_from(list(DOMAINS.values()))
guarantees = st.lists(domains, unique=True).map(
    lambda granted: Terms(
        convention_type="VI",
        csr="",
        responsible=True,
        domains={domain.code: Rate(rate_bp=10_000) for domain in granted},
    )
)


@st.composite
def periods(draw):
    first, last = sorted((draw(days), draw(days)))
    return Period(first, draw(st.sampled_from([last, date.max])))


@st.composite
def sheets(draw):
    """Coverages of one beneficiary: any number, none overlapping another, in any order."""
    cuts = sorted(draw(st.sets(days, min_size=2, max_size=12)))
    kept = []
    for first, after in zip(cuts[::2], cuts[1::2], strict=False):
        kept.append(
            Coverage(
                contract_ref=len(kept) + 1,
                period=Period(first, after - timedelta(days=1)),
                suspended=draw(st.none() | periods()),
                terms=draw(guarantees),
            )
        )
    return draw(st.permutations(kept))


def check_never_open_wrongly(decide, sheet, domain, care_date):
    """Raise AssertionError when `decide` opens rights that no coverage grants that day (I9)."""
    decision = decide(sheet, domain=domain, care_date=care_date)
    if isinstance(decision, RightsClosed):
        return
    granting = decision.coverage
    assert granting in sheet
    assert granting.period.starts_on <= care_date <= granting.period.ends_on
    assert granting.suspended is None or not (
        granting.suspended.starts_on <= care_date <= granting.suspended.ends_on
    )
    assert granting.terms.domains[domain.code] == decision.terms_of_domain


def check_the_past_changes_nothing(decide, sheet, domain, care_date, shuffled):
    """Raise AssertionError when coverages that do not hold that day change the answer (I9)."""
    of_the_day = [c for c in sheet if c.period.contains(care_date)]
    alone = decide(of_the_day, domain=domain, care_date=care_date)
    assert decide(sheet, domain=domain, care_date=care_date) == alone
    assert decide(shuffled, domain=domain, care_date=care_date) == alone


@given(sheet=sheets(), domain=domains, care_date=days)
def test_rights_are_never_open_outside_their_dates_or_when_suspended(sheet, domain, care_date):
    check_never_open_wrongly(decide_rights, sheet, domain, care_date)


@given(sheet=sheets(), domain=domains, care_date=days, data=st.data())
def test_past_coverages_never_change_an_answer_in_any_order(sheet, domain, care_date, data):
    shuffled = data.draw(st.permutations(sheet))
    check_the_past_changes_nothing(decide_rights, sheet, domain, care_date, shuffled)


@given(sheet=sheets(), domain=domains, care_date=days)
def test_rights_are_open_whenever_a_coverage_grants_them(sheet, domain, care_date):
    granting = [
        c
        for c in sheet
        if c.period.contains(care_date)
        and not (c.suspended and c.suspended.contains(care_date))
        and domain.code in c.terms.domains
    ]
    decision = decide_rights(sheet, domain=domain, care_date=care_date)
    assert isinstance(decision, RightsOpen) is bool(granting)


# The mutations: each is a plausible slip, and the check beside it must notice.

TERMS = Terms(convention_type="VI", csr="", responsible=True, domains={"PHAR": TicketModerateur()})
PHAR = Domain.parse("PHAR")
PAST = Coverage(contract_ref=1, period=Period(date(2025, 1, 1), date(2025, 12, 31)), terms=TERMS)
NOW = Coverage(
    contract_ref=2,
    period=Period(date(2026, 1, 1), date(2026, 12, 31)),
    suspended=Period(date(2026, 6, 1), date(2026, 6, 30)),
    terms=TERMS,
)


def forgets_the_last_day(sheet, *, domain, care_date):
    """Open one day longer than granted."""
    for one in sheet:
        if one.period.starts_on <= care_date <= one.period.ends_on + timedelta(days=1):
            return RightsOpen(one, one.terms.domains[domain.code])
    return decide_rights(sheet, domain=domain, care_date=care_date)


def forgets_suspensions(sheet, *, domain, care_date):
    """Decide as if nothing were ever suspended."""
    for one in sheet:
        if one.period.contains(care_date) and domain.code in one.terms.domains:
            return RightsOpen(one, one.terms.domains[domain.code])
    return decide_rights(sheet, domain=domain, care_date=care_date)


def answers_from_the_first_coverage(sheet, *, domain, care_date):
    """Trust the order in which coverages come."""
    return decide_rights(sheet[:1], domain=domain, care_date=care_date)


@pytest.mark.parametrize(
    ("broken", "care_date"),
    [
        (forgets_the_last_day, date(2027, 1, 1)),
        (forgets_suspensions, date(2026, 6, 1)),
    ],
)
def test_a_decision_that_opens_wrongly_is_caught(broken, care_date):
    check_never_open_wrongly(decide_rights, [PAST, NOW], PHAR, care_date)
    with pytest.raises(AssertionError):
        check_never_open_wrongly(broken, [PAST, NOW], PHAR, care_date)


def test_a_decision_that_looks_at_the_past_is_caught():
    sheet, shuffled, care_date = [PAST, NOW], [NOW, PAST], date(2026, 5, 5)
    check_the_past_changes_nothing(decide_rights, sheet, PHAR, care_date, shuffled)
    with pytest.raises(AssertionError):
        check_the_past_changes_nothing(
            answers_from_the_first_coverage, sheet, PHAR, care_date, shuffled
        )


@pytest.mark.parametrize("wanted", [RightsOpen, RightsClosed])
def test_the_generator_reaches_open_and_closed_days(wanted):
    """A property over sheets that are always closed would prove nothing."""

    def is_wanted(drawn):
        sheet, domain, care_date = drawn
        return isinstance(decide_rights(sheet, domain=domain, care_date=care_date), wanted)

    find(st.tuples(sheets(), domains, days), is_wanted)
