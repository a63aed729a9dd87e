"""The life of a claim and its controls, as tables. Also docs/rules/claims.md."""

from dataclasses import replace
from datetime import date, timedelta
from itertools import product

import pytest

from rempart.claims.claim import Basket, Beneficiary, Biller, Claim, ClaimLine
from rempart.claims.controls import (
    AMC_DIFFERS,
    BASE_DIFFERS,
    CEILING,
    CLOSED,
    CONTROLS,
    ENGAGEMENT,
    FUTURE,
    NO_BASE,
    PEC_NEEDED,
    REVIEWED,
    STOPPED,
    TOO_LATE,
    TWIN,
    UNKNOWN,
    Known,
    Right,
    Severity,
    compute_deadline,
    control_claim,
    list_rejected,
)
from rempart.claims.states import (
    CLAIM_STATES,
    PEC_STATES,
    ClaimEvent,
    ClaimState,
    PecState,
    move_claim,
)
from rempart.kernel.birth import BirthDate
from rempart.kernel.errors import Conflict
from rempart.tariffs.care import ActKind

TODAY = date(2026, 3, 2)
DEAD_CLAIMS = {ClaimState.REJECTED, ClaimState.CANCELLED, ClaimState.UNDONE}
DEAD_PECS = {PecState.REFUSED, PecState.REPLACED, PecState.CANCELLED}


@pytest.mark.parametrize(("state", "event"), [*product(ClaimState, ClaimEvent)])
def test_a_claim_moves_as_the_table_says_and_not_otherwise(state, event):
    if (state, event) in CLAIM_STATES:
        assert move_claim(state, event) is CLAIM_STATES[state, event]
    else:
        with pytest.raises(Conflict, match="read its state again"):
            move_claim(state, event)


def test_nothing_leads_out_of_the_last_states_and_every_other_state_leads_somewhere():
    assert {state for state, _ in CLAIM_STATES} == set(ClaimState) - DEAD_CLAIMS
    assert {state for state, _ in PEC_STATES} == set(PecState) - DEAD_PECS


def test_only_a_sent_transfer_makes_a_claim_paid():
    assert [s for (s, e), after in CLAIM_STATES.items() if after is ClaimState.PAID] == [
        ClaimState.REMITTED
    ]


LINE = ClaimLine(number=1, act=ActKind.parse("G"), care_date=TODAY, billed_cents=3_000)
KNOWN = Known(today=TODAY, rights={1: Right.OPEN})
LAST_DAY = date(2023, 12, 2)

CONTROLLED = {
    "nothing to say": (LINE, KNOWN, []),
    "promised before the contract ended": (LINE, replace(KNOWN, rights={1: Right.PROMISED}), []),
    "care tomorrow": (replace(LINE, care_date=TODAY + timedelta(1)), KNOWN, [FUTURE]),
    "the last day of two years and three months": (replace(LINE, care_date=LAST_DAY), KNOWN, []),
    "the day after": (replace(LINE, care_date=LAST_DAY - timedelta(1)), KNOWN, [TOO_LATE]),
    "rights closed": (LINE, replace(KNOWN, rights={1: Right.CLOSED}), [CLOSED]),
    "nobody known": (LINE, replace(KNOWN, rights={1: Right.UNKNOWN}), [UNKNOWN]),
    "received already": (LINE, replace(KNOWN, twins={1}), [TWIN]),
    "an engagement that is not ours": (LINE, replace(KNOWN, bad_engagement={1}), [ENGAGEMENT]),
    "no PEC": (LINE, replace(KNOWN, needs_pec={1}), [PEC_NEEDED]),
    "a frame of class A at 31 €": (
        replace(
            LINE, act=ActKind.parse("MON"), billed_cents=3_100, base_cents=10, basket=Basket.FULL
        ),
        KNOWN,
        [CEILING],
    ),
    "a frame of class A at 30 €": (
        replace(
            LINE, act=ActKind.parse("MON"), billed_cents=3_000, base_cents=10, basket=Basket.FULL
        ),
        KNOWN,
        [],
    ),
    "a frame whose base nobody says": (
        replace(LINE, act=ActKind.parse("MON")),
        KNOWN,
        [NO_BASE],
    ),
    "last year's tariff": (replace(LINE, base_cents=2_650), KNOWN, [BASE_DIFFERS]),
    "another complementary part": (
        LINE,
        replace(KNOWN, asked_amc_cents={1: 901}, computed_amc_cents={1: 900}),
        [AMC_DIFFERS],
    ),
    "the biller is being checked": (LINE, replace(KNOWN, stopped=True), [STOPPED]),
    "a review refused it": (LINE, replace(KNOWN, is_refused=True), [REVIEWED]),
    "two things wrong": (
        replace(LINE, care_date=TODAY + timedelta(1)),
        replace(KNOWN, rights={1: Right.CLOSED}),
        [FUTURE, CLOSED],
    ),
}


def make_claim(*lines):
    beneficiary = Beneficiary(born=BirthDate("19700101"))
    return Claim(beneficiary=beneficiary, biller=Biller(), lines=lines)


@pytest.mark.parametrize("case", CONTROLLED)
def test_a_control_speaks_when_it_should_and_not_otherwise(case):
    line, known, expected = CONTROLLED[case]
    found = list(control_claim(make_claim(line), known))
    assert [one.control for one in found] == expected
    for one in found:
        is_dated = one.control.recoverable and one.line
        assert one.until == (compute_deadline(line.care_date) if is_dated else None)


def test_every_control_has_a_case_and_says_what_to_do():
    assert {control.refusal.rule for _, _, some in CONTROLLED.values() for control in some} == {
        control.refusal.rule for control in CONTROLS
    }
    for control in CONTROLS:
        assert all((control.refusal.message("fr"), control.refusal.advice("en")))


def test_a_rejected_line_stops_alone_and_a_signal_stops_nothing():
    second = replace(LINE, number=2, base_cents=2_650)
    claim = make_claim(LINE, second)
    known = replace(KNOWN, rights={1: Right.CLOSED, 2: Right.OPEN})
    findings = list(control_claim(claim, known))
    assert [(one.line, one.control.severity) for one in findings] == [
        (1, Severity.REJECTION),
        (2, Severity.SIGNAL),
    ]
    assert list_rejected(claim, findings) == {1}


def test_the_page_says_the_same(check_page, write_table):
    claims = write_table(
        ("state", "event", "leads to"), [(s, e, after) for (s, e), after in CLAIM_STATES.items()]
    )
    pecs = write_table(
        ("state", "event", "leads to"), [(s, e, after) for (s, e), after in PEC_STATES.items()]
    )
    controls = write_table(
        (
            "rule",
            "French",
            "what to do",
            "effect",
            "resembles",
            "may be corrected",
            "to the member",
        ),
        [
            (
                *(f"`{one.refusal.rule}`", one.refusal.fr, one.refusal.advice_fr, one.severity),
                *(one.code, "yes" if one.recoverable else "no", "yes" if one.to_member else "no"),
            )
            for one in CONTROLS
        ],
    )
    cases = write_table(
        ("case", "what speaks"),
        [
            (name, ", ".join(f"`{one.refusal.rule}`" for one in some) or "nothing")
            for name, (_, _, some) in CONTROLLED.items()
        ],
    )
    check_page(
        "claims.md",
        f"""# The life of a claim

Written by `tests/spec/test_claims.py`; `src/rempart/claims/states.py` and `controls.py` decide.
What is not in a table cannot happen.

## Claims

{claims}

## Prises en charge

A contract that ends after a prise en charge was agreed is not an event of it: the promise holds.

{pecs}

## Controls

A rejection stops its line, a signal does not. Codes are those of the national table IR_TAN_V (S18)
that a rule resembles. A corrected claim is taken until two years and three months after care.

{controls}

{cases}
""",
    )
