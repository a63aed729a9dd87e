"""What a card prints becomes a table that pays it, and nothing else."""

from datetime import date

import pytest

from rempart.claims.adjudication import Contract, adjudicate_line
from rempart.claims.card_table import make_card_table
from rempart.claims.claim import Basket, Beneficiary, Biller, ClaimLine
from rempart.claims.counters import Counters
from rempart.claims.responsible import check_responsible
from rempart.kernel.birth import BirthDate
from rempart.kernel.periods import Period
from rempart.rights.coverage import Forfait, Rate, Terms, TicketModerateur
from rempart.tariffs.care import ACTS
from rempart.tariffs.domains import DOMAINS

DAY = date(2026, 3, 2)
YEAR = Period(date(2026, 1, 1), date(2026, 12, 31))
CARD = Terms(
    convention_type="VI",
    csr="",
    responsible=True,
    domains={
        "PHAR": TicketModerateur(),
        "MEDS": Rate(rate_bp=20_000),
        "OPTI": Forfait(amount_cents=15_000, circuit="IT"),
        "HOSP": Rate(rate_bp=10_000),
    },
)


def pay(code, billed, base=None, *, terms=CARD, day=DAY, circuits=(), basket=None, quantity=1):
    line = ClaimLine(
        number=1, act=ACTS[code], care_date=day, billed_cents=billed, base_cents=base,
        basket=basket, quantity=quantity,
    )  # fmt: skip
    contract = Contract(make_card_table("carte", terms, YEAR), YEAR.starts_on, Counters())
    biller = Biller(circuits=frozenset(circuits))
    beneficiary = Beneficiary(born=BirthDate("19700101"))
    return adjudicate_line(line, beneficiary, biller, (contract,), Counters()).amc_cents


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        (("PH7", 1_000, 1_000), 350),
        (("CS", 7_000, 3_000), 3_900),
        (("AMI", 1_000, 1_000), 0),
        (("FJ", 6_000), 6_000),
        (("PJ", 100_000, 100_000), 20_000),
    ],
)
def test_a_card_pays_what_it_prints(asked, expected):
    quantity = 3 if asked[0] == "FJ" else 1
    assert pay(*asked, quantity=quantity) == expected


def test_a_network_pays_more_inside_than_outside():
    assert pay("VER", 20_000, 10, circuits=("IT",)) == 15_000
    assert pay("VER", 20_000, 10) == 4


def test_a_forfait_of_glasses_is_paid_once_for_frame_and_lenses():
    table = make_card_table("carte", CARD, YEAR)
    lines = [
        ClaimLine(number=n, act=ACTS[code], care_date=DAY, billed_cents=12_000, base_cents=5)
        for n, code in enumerate(("MON", "VER", "VER"), 1)
    ]
    contract, levies = Contract(table, YEAR.starts_on, Counters()), Counters()
    person, biller = Beneficiary(born=BirthDate("19700101")), Biller(circuits=frozenset({"IT"}))
    paid = [
        adjudicate_line(line, person, biller, (contract,), levies, together=lines).amc_cents
        for line in lines
    ]
    assert paid == [11_997, 3_003, 0]


def test_a_responsible_card_leaves_nothing_of_the_first_basket():
    assert pay("VER", 3_250, 3_250, basket=Basket.FULL) == 1_300
    other = Terms(convention_type="VI", csr="", responsible=False, domains=CARD.domains)
    assert pay("FJ", 2_000, terms=other) == 0


def test_nothing_is_paid_outside_the_days_of_the_card():
    assert pay("PH7", 1_000, 1_000, day=date(2027, 1, 1)) == 0


def test_a_whole_responsible_card_passes_the_questions_on_what_is_owed():
    whole = Terms(
        convention_type="VI", csr="", responsible=True,
        domains={code: TicketModerateur() for code in DOMAINS},
    )  # fmt: skip
    table = make_card_table("carte", whole, YEAR)
    assert check_responsible(table, DAY) == []
