"""Whatever a life is and whenever runs come: nothing goes early, nothing stays without a reason.

A life is played against an oracle that counts days its own way: it asks, for each day, whether a
rule still keeps a field, from the text of the rule and the calendar alone.
"""

from dataclasses import replace
from datetime import date, timedelta

import hypothesis.strategies as st
from hypothesis import given

from rempart.retention.fields import OF_CLAIM, OF_PERSON, Fact, Field, Phase
from rempart.retention.plan import Hold, Step, Subject, find_cutoff, plan_subject
from rempart.retention.schedule import DEFAULT
from rempart.retention.terms import Interruption, Suspension, add_months, compute_last_day

EPOCH = date(2015, 1, 1)
DAYS = st.integers(0, 6_000).map(lambda n: EPOCH + timedelta(days=n))
PAUSES = st.builds(
    lambda start, length: Suspension(starts_on=start, ends_on=start + timedelta(days=length)),
    DAYS,
    st.integers(0, 900),
)
EVENTS = st.lists(st.one_of(DAYS.map(lambda day: Interruption(on=day)), PAUSES), max_size=3)
HOLDS = st.lists(
    st.tuples(DAYS, st.integers(0, 2_000), st.sets(st.sampled_from(sorted(Field)), max_size=3)),
    max_size=2,
)
RUNS = st.lists(DAYS, min_size=1, max_size=12).map(sorted)
PEOPLE = st.fixed_dictionaries(
    {Fact.CONTRACT_END: st.one_of(st.none(), DAYS)}, optional={Fact.LAST_PAYMENT: DAYS}
)
CLAIMS = st.builds(
    lambda care, later: {Fact.CARE: care, Fact.SETTLED: care + timedelta(days=later)},
    DAYS,
    st.integers(0, 800),
)


def count_days(start: date, months: int, events: list) -> date:
    """Return the last day of a period, counted day after day; the oracle of `compute_last_day`."""
    pauses = {
        one.starts_on + timedelta(days=n)
        for one in events
        if isinstance(one, Suspension)
        for n in range((one.ends_on - one.starts_on).days + 1)
    }
    letters = {one.on for one in events if isinstance(one, Interruption)}

    def run_from(begin: date) -> date:
        last = day = begin
        last = add_months(begin, months)
        day = begin
        while day <= last:
            if day in pauses:
                last += timedelta(days=1)
            day += timedelta(days=1)
        return last

    last, day = run_from(start), start
    while day <= last:
        if day in letters:
            last = max(last, run_from(day))
        day += timedelta(days=1)
    return last


@given(DAYS, st.integers(0, 40), EVENTS)
def test_a_period_ends_when_its_days_are_counted(start, months, events):
    assert compute_last_day(start, months, events) == count_days(start, months, events)


def is_kept(field: Field, phase: Phase, facts, events, day: date) -> bool:
    """Say whether a rule of a phase keeps a field on a day, by the oracle."""
    for rule in DEFAULT.rules:
        if field not in rule.fields or rule.phase is not phase or rule.start not in facts:
            continue
        start = facts[rule.start]
        if start is None:
            return True
        if rule.year_end:
            start = date(start.year, 12, 31)
        if day <= count_days(start, rule.months, events if rule.interruptible else []):
            return True
    return False


def play(fields, facts, events, holds, days) -> None:
    """Play a life: runs on some days, held by what is in force then; check each store each time."""
    subject = Subject(
        subject=1,
        person_ref=1,
        insurer_id=7,
        facts=facts,
        active=frozenset(fields),
        events=events,
    )
    for day in days:
        in_force = [
            Hold(name=f"hold {n}", fields=frozenset(kept))
            for n, (start, length, kept) in enumerate(holds)
            if start <= day < start + timedelta(days=length)
        ]
        before = subject
        subject = carry_out(replace(subject, holds=in_force), day)
        for field in fields:
            check_field(field, before, subject, in_force, day)


def carry_out(subject: Subject, day: date) -> Subject:
    active, archived = set(subject.active), set(subject.archived)
    for item in plan_subject(DEFAULT, subject, on=day):
        if item.held_by:
            continue
        active.discard(item.field)
        archived.discard(item.field)
        if item.step is Step.ARCHIVE:
            archived.add(item.field)
    return replace(subject, active=frozenset(active), archived=frozenset(archived))


def check_field(field, before: Subject, after: Subject, holds, day: date) -> None:
    kept_active = is_kept(field, Phase.ACTIVE, before.facts, before.events, day)
    kept_archive = is_kept(field, Phase.ARCHIVE, before.facts, before.events, day)
    held = any(hold.keeps(field) for hold in holds)
    # amounts wait for what is left of their claim
    waits = field is Field.PAYMENT and after.active & {Field.CARE, Field.LIMITS}
    was_there = field in before.active or field in before.archived
    is_there = field in after.active or field in after.archived
    if was_there and (kept_active or kept_archive or held):
        assert is_there, "deleted early"
    if field in before.active and (kept_active or held):
        assert field in after.active, "archived early"
    if not (kept_active or held or waits):
        assert field not in after.active, "active beyond its term, and nothing says why"
    if not (kept_active or kept_archive or held or waits):
        assert not is_there, "kept beyond its term, and nothing says why"
    assert not (field in after.active and field in after.archived)
    assert not (is_there and not was_there), "came back"


@given(PEOPLE, EVENTS, HOLDS, RUNS)
def test_no_field_of_a_person_goes_early_or_stays_without_a_reason(facts, events, holds, days):
    play(OF_PERSON, facts, events, holds, days)


@given(CLAIMS, EVENTS, HOLDS, RUNS)
def test_no_field_of_a_claim_goes_early_or_stays_without_a_reason(facts, events, holds, days):
    play(OF_CLAIM, facts, events, holds, days)


@given(PEOPLE, EVENTS, st.sampled_from(sorted(OF_PERSON)), DAYS)
def test_a_released_hold_resumes_what_it_suspended(facts, events, field, day):
    """What a run does after the release is what one without any hold would have done."""
    free = Subject(
        subject=1,
        person_ref=1,
        insurer_id=7,
        facts=facts,
        active=frozenset({field}),
        events=events,
    )
    held = carry_out(replace(free, holds=[Hold(name="one")]), day)
    assert held.active == free.active
    assert carry_out(replace(held, holds=[]), day).active == carry_out(free, day).active


@given(PEOPLE, DAYS)
def test_nobody_of_whom_something_is_due_is_missed_by_the_first_look(facts, day):
    subject = Subject(
        subject=1, person_ref=1, insurer_id=7, facts=facts, active=frozenset(OF_PERSON)
    )
    cutoff = find_cutoff(DEFAULT, OF_PERSON, Fact.CONTRACT_END, on=day)
    end = facts[Fact.CONTRACT_END]
    if plan_subject(DEFAULT, subject, on=day):
        assert end is not None
        assert cutoff is not None
        assert end <= cutoff
