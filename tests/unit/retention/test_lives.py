"""LMP's question: I left so long ago, what is still held of me, where, why and until when?

Source: the notice of Mutuelle LMP of February 2024 (S114): two years after the contract everything
is kept for reimbursements, then archived for the law, then deleted.
"""

from datetime import date

import pytest

from rempart.retention.fields import OF_PERSON, Fact, Field, Phase
from rempart.retention.lives import decide_keeping
from rempart.retention.plan import Hold, Step, Subject, find_cutoff, plan_subject
from rempart.retention.schedule import DEFAULT, load_default_text, parse_schedule
from rempart.retention.terms import Interruption, Suspension, add_months

TODAY = date(2024, 2, 8)
ACTIVE, ARCHIVE, GONE = Phase.ACTIVE, Phase.ARCHIVE, Phase.GONE


def left(months: int, *, paid_after: int | None = 1) -> dict[Fact, date | None]:
    """Somebody who left so many months ago; the last payment came so many months later."""
    end = add_months(TODAY, -months)
    facts: dict[Fact, date | None] = {Fact.CONTRACT_END: end}
    if paid_after is not None:
        facts[Fact.LAST_PAYMENT] = add_months(end, paid_after)
    return facts


@pytest.mark.parametrize(
    ("months", "phases"),
    [
        (6, dict.fromkeys(OF_PERSON, ACTIVE)),
        (13, dict.fromkeys(OF_PERSON, ACTIVE)),
        (
            25,
            {
                Field.CIVIL: ARCHIVE,
                Field.NIR: ARCHIVE,
                Field.NUMBERS: ARCHIVE,
                Field.CONTACT: GONE,
                Field.COVERAGE: ARCHIVE,
                Field.CARD: GONE,
                Field.ACCOUNT: GONE,
            },
        ),
        (
            72,
            {
                Field.CIVIL: ARCHIVE,
                Field.NIR: GONE,
                Field.NUMBERS: ARCHIVE,
                Field.CONTACT: GONE,
                Field.COVERAGE: GONE,
                Field.CARD: GONE,
                Field.ACCOUNT: GONE,
            },
        ),
        (74, dict.fromkeys(OF_PERSON, GONE)),
    ],
)
def test_who_left_so_many_months_ago_knows_where_each_field_is(months, phases):
    facts = left(months)
    assert {
        field: decide_keeping(DEFAULT, field, facts, on=TODAY).phase for field in OF_PERSON
    } == phases


@pytest.mark.parametrize(
    ("months", "field", "until", "codes"),
    [
        (6, Field.CIVIL, add_months(TODAY, 18), ["limitation"]),
        (13, Field.CONTACT, add_months(TODAY, 11), ["limitation"]),
        (25, Field.NIR, add_months(TODAY, 35), ["money_laundering"]),
        (25, Field.CIVIL, add_months(TODAY, 48), ["tax"]),
        (72, Field.NUMBERS, add_months(TODAY, 1), ["tax"]),
    ],
)
def test_each_field_says_by_which_text_and_until_when(months, field, until, codes):
    keeping = decide_keeping(DEFAULT, field, left(months), on=TODAY)
    assert (keeping.until, [term.rule.code for term in keeping.reasons]) == (until, codes)


def test_who_left_six_years_ago_and_was_never_paid_for_is_not_in_the_base():
    facts = left(72, paid_after=None)
    assert all(decide_keeping(DEFAULT, field, facts, on=TODAY).phase is GONE for field in OF_PERSON)


def test_everything_of_a_member_is_active_without_an_end():
    for field in OF_PERSON:
        keeping = decide_keeping(DEFAULT, field, {Fact.CONTRACT_END: None}, on=TODAY)
        assert (keeping.phase, keeping.until, keeping.gone_after) == (ACTIVE, None, None)


def test_the_last_day_counts_and_the_next_one_does_not():
    end = date(2022, 2, 8)
    facts = {Fact.CONTRACT_END: end}
    assert decide_keeping(DEFAULT, Field.CONTACT, facts, on=date(2024, 2, 8)).phase is ACTIVE
    assert decide_keeping(DEFAULT, Field.CONTACT, facts, on=date(2024, 2, 9)).phase is GONE


def test_amounts_are_kept_ten_years_from_the_end_of_their_year():
    facts = {Fact.SETTLED: date(2020, 3, 4), Fact.CARE: date(2020, 2, 1)}
    keeping = decide_keeping(DEFAULT, Field.PAYMENT, facts, on=TODAY)
    assert (keeping.phase, keeping.until) == (ARCHIVE, date(2030, 12, 31))
    assert decide_keeping(DEFAULT, Field.CARE, facts, on=TODAY).phase is GONE
    assert decide_keeping(DEFAULT, Field.LIMITS, facts, on=TODAY).phase is GONE


def test_a_letter_about_a_debt_keeps_what_actions_need_and_nothing_else():
    facts = left(25, paid_after=None)
    events = [Interruption(on=add_months(TODAY, -3))]
    assert decide_keeping(DEFAULT, Field.CIVIL, facts, on=TODAY, events=events).phase is ACTIVE
    ended = decide_keeping(DEFAULT, Field.NIR, left(61), on=TODAY, events=events)
    assert ended.phase is GONE  # it came after the two years: there was nothing to interrupt


def test_a_suspension_without_an_end_keeps_until_somebody_says_it():
    keeping = decide_keeping(
        DEFAULT,
        Field.CIVIL,
        left(30),
        on=TODAY,
        events=[Suspension(starts_on=add_months(TODAY, -20))],
    )
    assert (keeping.phase, keeping.until) == (ACTIVE, None)


def make_subject(months: int, **changes) -> Subject:
    values = {"subject": 5, "person_ref": 5, "insurer_id": 7, "facts": left(months)}
    return Subject(**{**values, "active": OF_PERSON, **changes})


def test_a_plan_archives_what_the_law_still_asks_for_and_deletes_the_rest():
    steps = {one.field: one.step for one in plan_subject(DEFAULT, make_subject(25), on=TODAY)}
    assert steps == {
        Field.CIVIL: Step.ARCHIVE,
        Field.NIR: Step.ARCHIVE,
        Field.NUMBERS: Step.ARCHIVE,
        Field.COVERAGE: Step.ARCHIVE,
        Field.CONTACT: Step.DELETE,
        Field.CARD: Step.DELETE,
        Field.ACCOUNT: Step.DELETE,
    }
    assert plan_subject(DEFAULT, make_subject(23), on=TODAY) == []


def test_what_is_archived_stays_there_until_its_term_and_never_comes_back():
    archived = make_subject(25, active=frozenset(), archived=frozenset({Field.NIR}))
    assert plan_subject(DEFAULT, archived, on=TODAY) == []
    reopened = make_subject(0, active=frozenset(), archived=frozenset({Field.NIR}))
    assert plan_subject(DEFAULT, reopened, on=TODAY) == []
    [item] = plan_subject(
        DEFAULT,
        make_subject(61, active=frozenset(), archived=frozenset({Field.NIR})),
        on=TODAY,
    )
    assert (item.step, item.rule) == (Step.DELETE, "money_laundering")


def test_a_hold_keeps_its_fields_by_name_and_lets_the_others_go():
    held = make_subject(25, holds=[Hold(name="judicial 3", fields=frozenset({Field.CONTACT}))])
    names = {one.field: one.held_by for one in plan_subject(DEFAULT, held, on=TODAY)}
    assert names.pop(Field.CONTACT) == "judicial 3"
    assert set(names.values()) == {""}
    everything = make_subject(25, holds=[Hold(name="evidence 1")])
    assert {one.held_by for one in plan_subject(DEFAULT, everything, on=TODAY)} == {"evidence 1"}


def test_amounts_wait_for_the_acts_and_limits_of_their_claim():
    facts = {Fact.SETTLED: date(2021, 3, 4), Fact.CARE: date(2021, 2, 1)}
    claim = make_subject(
        0, facts=facts, active=frozenset({Field.CARE, Field.LIMITS, Field.PAYMENT})
    )
    steps = {one.field: one.step for one in plan_subject(DEFAULT, claim, on=TODAY)}
    assert steps == {Field.CARE: Step.DELETE}  # limits run until 2025
    later = date(2025, 2, 2)
    steps = {one.field: one.step for one in plan_subject(DEFAULT, claim, on=later)}
    assert steps == {
        Field.CARE: Step.DELETE,
        Field.LIMITS: Step.DELETE,
        Field.PAYMENT: Step.ARCHIVE,
    }


def test_a_store_lists_first_what_may_be_due():
    assert find_cutoff(DEFAULT, OF_PERSON, Fact.CONTRACT_END, on=TODAY) == date(2022, 2, 8)
    assert find_cutoff(DEFAULT, OF_PERSON, Fact.CARE, on=TODAY) is None


def test_a_rule_holds_between_its_dates_only():
    text = (
        load_default_text()
        + """
[[rule]]
code = "temporary"
phase = "archive"
fields = ["contact"]
start = "contract_end"
months = 36
valid_from = 2024-02-08
valid_to = 2024-02-09
source = "decree"
fr = "Pour un temps."
en = "For a time."
"""
    )
    schedule = parse_schedule(text)
    for day, phase in (
        (date(2024, 2, 7), GONE),
        (date(2024, 2, 8), ARCHIVE),
        (date(2024, 2, 9), ARCHIVE),
        (date(2024, 2, 10), GONE),
    ):
        assert decide_keeping(schedule, Field.CONTACT, left(30), on=day).phase is phase
