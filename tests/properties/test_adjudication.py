"""Whatever is billed under whatever table: parts add up, nothing is negative, limits hold.

Each invariant has, beside it, the mutation of the engine that breaks it.
"""

from dataclasses import replace
from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.benefit_samples import BASIC, COMFORT, FREE

from rempart.claims import adjudication
from rempart.claims.adjudication import Contract, adjudicate_claim
from rempart.claims.benefit_table import Benefit, BenefitTable, Limit, Pays, Per
from rempart.claims.claim import (
    Basket,
    Beneficiary,
    Biller,
    Claim,
    ClaimLine,
    Correction,
    Exoneration,
    Regime,
)
from rempart.claims.counters import Counters
from rempart.kernel.birth import BirthDate
from rempart.kernel.periods import Period
from rempart.tariffs.care import ACTS

DAYS = st.dates(date(2019, 1, 1), date(2027, 12, 31))
AMOUNTS = st.integers(0, 300_000)
LIMITS = {
    limit.name: limit
    for limit in (
        Limit(name="cents", label="cents", per=Per.YEAR, cents=9_000),
        Limit(name="units", label="units", per=Per.MEMBERSHIP_YEAR, units=4),
        Limit(name="day", label="day", per=Per.DAY, cents=5_000, includes_amo=True),
        Limit(name="pair", label="pair", per=Per.RENEWAL, units=1, renewal="optical"),
        Limit(name="ever", label="ever", per=Per.EVER, cents=40_000),
    )
}


@st.composite
def benefits(draw):
    pays = draw(st.sampled_from(list(Pays)))
    rated = pays in (Pays.RATE_WITH_AMO, Pays.RATE_BESIDE_AMO)
    return Benefit(
        label="row",
        acts=tuple(draw(st.lists(st.sampled_from(["*", "domain:PHAR", *ACTS]), min_size=1))),
        pays=pays,
        rate_bp=draw(st.integers(1, 40_000)) if rated else None,
        forfait_cents=draw(st.integers(0, 50_000)) if pays is Pays.FORFAIT else None,
        with_ticket_moderateur=draw(st.booleans()),
        cap_cents=draw(st.none() | st.integers(0, 20_000)),
        basket=draw(st.none() | st.sampled_from(list(Basket))),
        optam=draw(st.sampled_from([None, True, False])),
        waiting_months=draw(st.sampled_from([0, 0, 6])),
        limits=tuple(draw(st.lists(st.sampled_from(list(LIMITS)), unique=True, max_size=3))),
    )


TABLES = st.builds(
    BenefitTable,
    code=st.just("T"),
    period=st.just(Period(date(2019, 1, 1))),
    responsible=st.booleans(),
    benefits=st.lists(benefits(), max_size=5).map(tuple),
    limits=st.just(LIMITS),
)


@st.composite
def lines(draw, number):
    billed = draw(AMOUNTS)
    return ClaimLine(
        number=number,
        act=draw(st.sampled_from(list(ACTS.values()))),
        care_date=draw(DAYS),
        billed_cents=billed,
        base_cents=draw(AMOUNTS),
        amo_cents=draw(st.none() | st.integers(0, billed)),
        quantity=draw(st.integers(1, 6)),
        basket=draw(st.none() | st.sampled_from(list(Basket))),
        correction=draw(st.none() | st.sampled_from(list(Correction))),
        equipment=draw(st.sampled_from([None, "1", "2"])),
        exoneration=draw(st.none() | st.sampled_from(list(Exoneration))),
    )


@st.composite
def claims(draw):
    count = draw(st.integers(1, 6))
    return Claim(
        beneficiary=Beneficiary(
            born=BirthDate(draw(st.sampled_from(["19421901", "20150615", "19900229"]))),
            regime=draw(st.sampled_from(list(Regime))),
            c2s=draw(st.booleans()),
            in_pathway=draw(st.booleans()),
        ),
        biller=Biller(optam=draw(st.sampled_from([None, True, False]))),
        lines=tuple(draw(lines(number)) for number in range(1, count + 1)),
    )


def adjudicate(claim, tables):
    contracts = [Contract(table, date(2019, 1, 1), Counters()) for table in tables]
    return adjudicate_claim(claim, contracts, Counters()), contracts


def check_parts(shared):
    for one in shared.lines:
        parts = [one.amo.amo_cents, one.amo.local_cents, *(part.cents for part in one.parts)]
        assert min(*parts, one.reste_a_charge_cents) >= 0
        assert sum(parts) + one.reste_a_charge_cents == one.line.billed_cents


@given(claims(), st.lists(TABLES, max_size=3))
def test_parts_add_up_to_the_bill_and_none_is_negative(claim, tables):
    shared, _ = adjudicate(claim, tables)
    check_parts(shared)


def test_the_check_of_parts_can_fail(monkeypatch):
    monkeypatch.setattr(adjudication, "_pay", lambda *_: adjudication.AmcPart(10**6, None, ()))
    line = ClaimLine(number=1, act=ACTS["G"], care_date=date(2026, 1, 1), billed_cents=3_000)
    claim = Claim(
        beneficiary=Beneficiary(born=BirthDate("19700101")), biller=Biller(), lines=(line,)
    )
    with pytest.raises(AssertionError):
        check_parts(adjudicate(claim, [BASIC])[0])


def check_limits(contracts):
    for contract in contracts:
        counters = Counters()
        for use in contract.counters.uses:
            counters.add(use)
        for key in {use.key for use in counters.uses}:
            used = counters.read(key)
            limit = contract.table.limits[key.name]
            if limit.per is Per.RENEWAL or limit.includes_amo:
                continue
            assert limit.cents is None or used.cents <= limit.cents
            assert limit.units is None or used.units <= limit.units


@given(claims(), st.lists(TABLES, max_size=2))
def test_a_limit_is_never_passed_however_many_lines_share_it(claim, tables):
    check_limits(adjudicate(claim, tables)[1])


def test_the_check_of_limits_can_fail(monkeypatch):
    monkeypatch.setattr(adjudication, "apply_limit", lambda _c, _l, _g, granted, _s: granted)
    lines = tuple(
        ClaimLine(number=n, act=ACTS["PHN"], care_date=date(2026, 1, n), billed_cents=2_000)
        for n in range(1, 6)
    )
    claim = Claim(beneficiary=Beneficiary(born=BirthDate("19700101")), biller=Biller(), lines=lines)
    with pytest.raises(AssertionError):
        check_limits(adjudicate(claim, [COMFORT])[1])


@given(claims(), TABLES)
def test_the_same_claim_gives_the_same_cents(claim, table):
    assert adjudicate(claim, [table])[0] == adjudicate(claim, [table])[0]


@given(claims(), st.integers(1, 30_000), st.integers(0, 5_000))
def test_a_higher_rate_never_pays_less(claim, rate_bp, more):
    def table(rate):
        row = Benefit(label="row", acts=("*",), pays=Pays.RATE_WITH_AMO, rate_bp=rate)
        return replace(FREE, benefits=(row,))

    low, _ = adjudicate(claim, [table(rate_bp)])
    high, _ = adjudicate(claim, [table(rate_bp + more)])
    assert all(a.amc_cents <= b.amc_cents for a, b in zip(low.lines, high.lines, strict=True))


@given(claims())
def test_a_responsible_contract_never_pays_what_leaving_the_pathway_cost(claim):
    outside = replace(claim, beneficiary=replace(claim.beneficiary, in_pathway=False))
    shared, _ = adjudicate(outside, [COMFORT])
    for one in shared.lines:
        if one.amo.penalty_cents:
            assert one.reste_a_charge_cents >= min(one.amo.penalty_cents, one.line.billed_cents)


@given(claims(), st.integers(1, 400))
def test_nothing_is_paid_outside_the_dates_of_a_table(claim, days):
    first = max(line.care_date for line in claim.lines) + timedelta(days)
    shared, _ = adjudicate(claim, [replace(COMFORT, period=Period(first))])
    assert shared.amc_cents == 0
