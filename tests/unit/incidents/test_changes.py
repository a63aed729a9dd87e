"""What another analysis changes, and for whom a second message is due."""

from dataclasses import replace

import pytest

from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.changes import (
    Change,
    ExposureChange,
    VerdictChange,
    compare_verdicts,
    compute_changes,
    decide_change,
)
from rempart.incidents.exposure import ExposedPerson, Tier

BEFORE = ExposedPerson(
    insurer_id=1, person_ref=7, tier=Tier.B, fields=0b11, lookups=1, sessions=(1,), gained=0b11
)


@pytest.mark.parametrize(
    ("was", "now", "change"),
    [
        (None, BEFORE, Change.ADDED),
        (BEFORE, None, Change.REMOVED),
        (BEFORE, replace(BEFORE, tier=Tier.A), Change.RAISED),
        (BEFORE, replace(BEFORE, tier=Tier.C, fields=0b111), Change.LOWERED),
        (BEFORE, replace(BEFORE, fields=0b110), Change.RAISED),
        (BEFORE, replace(BEFORE, fields=0b01), Change.LOWERED),
        (BEFORE, replace(BEFORE, lookups=9, sessions=(1, 2)), None),
        (None, None, None),
    ],
)
def test_a_tier_or_a_field_makes_a_change_and_nothing_else_does(was, now, change):
    assert decide_change(was, now) is change


def test_changes_come_by_insurer_then_person_with_what_was_and_is():
    other = replace(BEFORE, insurer_id=0, person_ref=9)
    assert compute_changes([BEFORE], [other, replace(BEFORE, tier=Tier.A)]) == (
        ExposureChange(
            insurer_id=0,
            person_ref=9,
            change=Change.ADDED,
            tier_before=None,
            tier_after=Tier.B,
            fields_before=0,
            fields_after=0b11,
        ),
        ExposureChange(
            insurer_id=1,
            person_ref=7,
            change=Change.RAISED,
            tier_before=Tier.B,
            tier_after=Tier.A,
            fields_before=0b11,
            fields_after=0b11,
        ),
    )


def test_the_same_list_changes_nobody():
    assert compute_changes([BEFORE], [BEFORE]) == ()


def test_sessions_judged_otherwise_are_told_those_that_came_and_went_too():
    judged = [
        SessionVerdict(session_ref=ref, account_ref=1, verdict=verdict, signals=())
        for ref, verdict in ((1, Verdict.THIEF), (2, Verdict.OWNER), (4, Verdict.MIXED))
    ]
    before = {1: Verdict.MIXED, 2: Verdict.OWNER, 3: Verdict.THIEF}
    assert compare_verdicts(before, judged) == (
        VerdictChange(session_ref=1, before=Verdict.MIXED, after=Verdict.THIEF),
        VerdictChange(session_ref=3, before=Verdict.THIEF, after=None),
        VerdictChange(session_ref=4, before=None, after=Verdict.MIXED),
    )
