"""When tiers payant is open. The tables are also docs/rules/rights.md."""

from dataclasses import dataclass
from datetime import date

import pytest

from rempart.kernel.errors import InconsistentRecord
from rempart.kernel.periods import Period
from rempart.rights.answer import Consigne, ShownReason, decide_consigne, decide_shown_reason
from rempart.rights.coverage import (
    ClosedReason,
    Coverage,
    Rate,
    RightsClosed,
    RightsOpen,
    Terms,
    TicketModerateur,
    decide_rights,
)
from rempart.tariffs.domains import Domain

PHAR = Domain.parse("PHAR")
DENT = Domain.parse("DENT")
TERMS = Terms(
    convention_type="VI",
    csr="",
    responsible=True,
    domains={"PHAR": Rate(rate_bp=10_000), "MEDG": TicketModerateur()},
)
OPEN = "open"


def period(text: str) -> Period:
    first, _, last = text.partition(" to ")
    return Period(date.fromisoformat(first), date.fromisoformat(last) if last else date.max)


def coverage(days: str, suspended: str | None = None) -> Coverage:
    return Coverage(
        contract_ref=1,
        period=period(days),
        suspended=period(suspended) if suspended else None,
        terms=TERMS,
    )


@dataclass(frozen=True)
class Case:
    sentence: str
    coverages: tuple[Coverage, ...]
    care_date: str
    expected: str
    domain: Domain = PHAR


YEAR = coverage("2026-01-01 to 2026-12-31")
SUSPENDED = coverage("2026-01-01 to 2026-12-31", "2026-06-01 to 2026-06-30")
NEXT_YEAR = coverage("2027-01-01")
A_DAY = coverage("2026-05-05 to 2026-05-05")
LEAP_DAY = coverage("2028-02-29 to 2028-02-29")
OUT = ClosedReason.OUT_OF_PERIOD.value
SUSPENSION = ClosedReason.SUSPENDED.value
NOT_COVERED = ClosedReason.DOMAIN_NOT_COVERED.value

CASES = [
    Case("nothing on file", (), "2026-05-05", OUT),
    Case("the day before the first", (YEAR,), "2025-12-31", OUT),
    Case("the first day counts", (YEAR,), "2026-01-01", OPEN),
    Case("a day in the middle", (YEAR,), "2026-05-05", OPEN),
    Case("the last day counts", (YEAR,), "2026-12-31", OPEN),
    Case("the day after the last", (YEAR,), "2027-01-01", OUT),
    Case("one day of coverage is a day", (A_DAY,), "2026-05-05", OPEN),
    Case("29 February is a day like another", (LEAP_DAY,), "2028-02-29", OPEN),
    Case("no known end: open far ahead", (NEXT_YEAR,), "2040-01-01", OPEN),
    Case("the day before a suspension", (SUSPENDED,), "2026-05-31", OPEN),
    Case("the first day of a suspension", (SUSPENDED,), "2026-06-01", SUSPENSION),
    Case("the last day of a suspension", (SUSPENDED,), "2026-06-30", SUSPENSION),
    Case("the day after a suspension", (SUSPENDED,), "2026-07-01", OPEN),
    Case("suspension before the missing domain", (SUSPENDED,), "2026-06-15", SUSPENSION, DENT),
    Case("the dates before the suspension", (SUSPENDED,), "2027-01-01", OUT, DENT),
    Case("a domain that is not granted", (YEAR,), "2026-05-05", NOT_COVERED, DENT),
    Case("last day of one contract, another follows", (NEXT_YEAR, YEAR), "2026-12-31", OPEN),
    Case("first day of the contract that follows", (NEXT_YEAR, YEAR), "2027-01-01", OPEN),
    Case(
        "a suspension of the past contract does not reach the next",
        (coverage("2026-01-01 to 2026-12-31", "2026-12-01 to 2027-02-28"), NEXT_YEAR),
        "2027-01-15",
        OPEN,
    ),
    Case(
        "a gap between two contracts",
        (coverage("2026-01-01 to 2026-03-31"), coverage("2026-05-01")),
        "2026-04-15",
        OUT,
    ),
]  # fmt: skip


def outcome(case: Case) -> str:
    decision = decide_rights(
        case.coverages, domain=case.domain, care_date=date.fromisoformat(case.care_date)
    )
    return OPEN if isinstance(decision, RightsOpen) else decision.reason.value


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.sentence)
def test_rights_are_open_or_closed_for_a_reason(case):
    assert outcome(case) == case.expected


def test_an_open_answer_says_by_which_coverage_and_on_which_terms():
    decision = decide_rights((NEXT_YEAR, YEAR), domain=PHAR, care_date=date(2026, 5, 5))
    assert decision == RightsOpen(YEAR, Rate(rate_bp=10_000))
    assert decision.coverage is YEAR


def test_two_coverages_on_one_day_are_for_an_operator_to_settle():
    both = (YEAR, coverage("2026-12-31 to 2027-12-31"))
    with pytest.raises(InconsistentRecord, match="2 coverages"):
        decide_rights(both, domain=PHAR, care_date=date(2026, 12, 31))
    assert outcome(Case("the day before they meet", both, "2026-12-30", OPEN)) == OPEN


@dataclass(frozen=True)
class Shown:
    sentence: str
    decision: RightsOpen | RightsClosed | None
    presence: bool
    reason: ShownReason | None
    consigne: Consigne


IS_OPEN = RightsOpen(YEAR, TicketModerateur())
SHOWN = [
    Shown("open, typed", IS_OPEN, False, None, Consigne.BILL_AMC),
    Shown("open, with the card", IS_OPEN, True, None, Consigne.BILL_AMC),
    *(
        Shown(f"{name}, typed", decision, False, ShownReason.NOT_OPEN, Consigne.ASK_FOR_CARD)
        for name, decision in [
            ("unknown person", None),
            *((reason.value, RightsClosed(reason)) for reason in ClosedReason),
        ]
    ),
    Shown("unknown card", None, True, ShownReason.UNKNOWN_CARD, Consigne.ASK_FOR_CARD),
    Shown(
        "out_of_period, with the card",
        RightsClosed(ClosedReason.OUT_OF_PERIOD),
        True,
        ShownReason.OUT_OF_PERIOD,
        Consigne.COLLECT_FROM_MEMBER,
    ),
    Shown(
        "suspended, with the card",
        RightsClosed(ClosedReason.SUSPENDED),
        True,
        ShownReason.SUSPENDED,
        Consigne.CONTACT_INSURER,
    ),
    Shown(
        "domain_not_covered, with the card",
        RightsClosed(ClosedReason.DOMAIN_NOT_COVERED),
        True,
        ShownReason.DOMAIN_NOT_COVERED,
        Consigne.COLLECT_FROM_MEMBER,
    ),
]


@pytest.mark.parametrize("case", SHOWN, ids=lambda case: case.sentence)
def test_what_is_shown_depends_on_presence(case):
    reason = decide_shown_reason(case.decision, presence=case.presence)
    assert reason == case.reason
    assert decide_consigne(reason) == case.consigne


def test_every_reason_has_a_consigne_and_every_exact_reason_can_be_shown():
    assert {decide_consigne(reason) for reason in ShownReason} <= set(Consigne)
    assert {reason.value for reason in ClosedReason} <= {reason.value for reason in ShownReason}


def describe(one: Coverage) -> str:
    first, last = one.period.starts_on, one.period.ends_on
    text = f"from {first}" if one.period.is_open else f"{first} to {last}"
    if one.suspended is not None:
        text += f", suspended {one.suspended.starts_on} to {one.suspended.ends_on}"
    return text


def test_the_page_says_the_same(check_page, write_table):
    rights = write_table(
        ("case", "coverages (PHAR and MEDG granted)", "domain", "care date", "answer"),
        [
            (
                case.sentence,
                "; ".join(describe(one) for one in case.coverages) or "none",
                case.domain.code,
                case.care_date,
                case.expected,
            )
            for case in CASES
        ],
    )
    shown = write_table(
        ("decision", "reason shown", "consigne"),
        [
            (case.sentence, case.reason.value if case.reason else "none", case.consigne.value)
            for case in SHOWN
        ],
    )
    check_page(
        "rights.md",
        f"""# When tiers payant is open

Written by `tests/spec/test_rights.py`; `src/rempart/rights/coverage.py` decides. Periods include
both ends. The care date decides, never the day of the call. Reasons are tested in this order:
{OUT}, {SUSPENSION}, {NOT_COVERED}.

{rights}

Two coverages on one day are not an answer: an operator has to look (`inconsistent_record`).

## What is shown of it

`src/rempart/rights/answer.py`. Without the card every closed answer is the same, whether the person
exists or not.

{shown}
""",
    )
