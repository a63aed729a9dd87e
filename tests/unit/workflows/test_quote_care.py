"""Promises asked for at once: each keeps its part of limits from those after it."""

import asyncio
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

from rempart.claims.benefit_table import Benefit, BenefitTable, Limit, Pays, Per
from rempart.claims.claim import Biller, ClaimLine
from rempart.claims.quote import CareAsked
from rempart.kernel.birth import BirthDate
from rempart.kernel.periods import Period
from rempart.rights.coverage import Coverage, Rate, RightsOpen, Terms
from rempart.tariffs.care import ACTS
from rempart.tariffs.domains import DOMAINS
from rempart.workflows.rights.quote_care import OpenCare, price_care

TODAY = date(2026, 11, 24)
OPTICS = DOMAINS["OPTI"]
RATE = Rate(rate_bp=20_000)
COVERAGE = Coverage(
    7,
    Period(date(2025, 1, 1)),
    Terms(convention_type="RP", csr="", responsible=False, domains={"OPTI": RATE}),
)
TABLE = BenefitTable(
    code="VUE",
    period=Period(date(2020, 1, 1)),
    responsible=False,
    benefits=(
        Benefit(label="Optique", acts=("domain:OPTI",), pays=Pays.REAL_COST, limits=("pair",)),
    ),
    limits={
        "pair": Limit(name="pair", label="Une paire", per=Per.RENEWAL, units=1, renewal="optical")
    },
)


def give(value: Any) -> Any:
    async def answer(*_args: Any, **_options: Any) -> Any:
        return value

    return answer


def ask(day: date, *, promises: bool) -> OpenCare:
    line = ClaimLine(number=1, act=ACTS["MON"], care_date=day, billed_cents=9_000, base_cents=5)
    asked: Any = SimpleNamespace(
        establishment_ref=1,
        origin=SimpleNamespace(account_ref=1),
        question=SimpleNamespace(domain=OPTICS),
    )
    born = BirthDate.parse("19700101")
    return OpenCare(
        asked=asked,
        care=CareAsked(lines=(line,), born=born, promises=promises),
        person_ref=5,
        insurer_id=1,
        opened=RightsOpen(COVERAGE, RATE),
        coverages=[COVERAGE],
    )


def price(*promises: bool) -> list[int]:
    book = SimpleNamespace(find=lambda _terms, _day: TABLE)
    desk: Any = SimpleNamespace(
        care=SimpleNamespace(
            load_pecs=give({}),
            sum_promises_up=give({5: 0}),
            load_used=give({}),
            load_billers=give({1: Biller()}),
        ),
        tables=SimpleNamespace(load_books=give({1: book})),
    )
    wanted = [
        ask(TODAY + timedelta(days=place), promises=one) for place, one in enumerate(promises)
    ]
    priced = asyncio.run(price_care(desk, wanted, today=TODAY))
    return [one.quote.amc_cents for one in priced]


def test_a_pair_asked_for_twice_at_once_is_promised_once():
    assert price(True, True) == [8_997, 0]


def test_a_quote_keeps_nothing_from_a_promise_beside_it():
    assert price(False, True) == [8_997, 8_997]
