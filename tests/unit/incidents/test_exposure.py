"""From judged sessions to persons: who is on the list, in which tier, with which fields."""

from dataclasses import replace
from uuid import UUID

import pytest

from rempart.disclosure.entry import Mode, Outcome
from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.evidence import LookUp, Window
from rempart.incidents.exposure import (
    ExposedPerson,
    Guesses,
    InsurerExposure,
    Tier,
    compute_exposure,
    compute_insurer_rows,
    decide_tier,
)
from rempart.incidents.signs import Rule, Signal

WINDOW = Window(starts_ms=1000, ends_ms=2000)
THIEF, MIXED, OWNER, ELSEWHERE, CLEARED = 31, 32, 33, 34, 35
USUAL = (Signal(rule=Rule.USUAL_ADDRESS, value=1, points=10),)


def judge(session_ref: int, verdict: Verdict, *, usual: bool = True, overruled: bool = False):
    return SessionVerdict(
        session_ref=session_ref,
        account_ref=1,
        verdict=verdict,
        signals=USUAL if usual else (),
        is_overruled=overruled,
    )


VERDICTS = {
    THIEF: judge(THIEF, Verdict.THIEF),
    MIXED: judge(MIXED, Verdict.MIXED),
    OWNER: judge(OWNER, Verdict.OWNER),
    ELSEWHERE: judge(ELSEWHERE, Verdict.OWNER, usual=False),
    CLEARED: judge(CLEARED, Verdict.OWNER, usual=False, overruled=True),
}


def look_up(
    session_ref: int,
    person_ref: int,
    *,
    mode: Mode = Mode.TYPED,
    insurer_id: int = 4,
    t_ms: int = 1500,
    fields: int = 0b1,
    key: int = 0,
) -> LookUp:
    return LookUp(
        account_ref=1,
        session_ref=session_ref,
        t_ms=t_ms,
        mode=mode,
        outcome=Outcome.OPEN if person_ref else Outcome.UNKNOWN,
        insurer_id=insurer_id,
        person_ref=person_ref,
        lookup_key=UUID(int=key),
        fields=fields,
    )


def expose(*lookups: LookUp):
    return compute_exposure(lookups, VERDICTS, WINDOW)


TIERS = [
    # verdict, card, usual place, claim, overruled: tier
    (Verdict.THIEF, False, False, None, False, Tier.A),
    (Verdict.THIEF, True, True, True, False, Tier.A),
    (Verdict.MIXED, False, True, None, False, Tier.B),
    (Verdict.MIXED, False, True, False, True, Tier.B),
    (Verdict.MIXED, True, False, None, False, Tier.C),
    (Verdict.MIXED, False, False, True, False, Tier.C),
    # A sum alone never leaves anybody out.
    (Verdict.OWNER, False, False, None, False, Tier.C),
    (Verdict.OWNER, False, True, False, False, Tier.C),
    (Verdict.OWNER, True, False, None, False, Tier.C),
    (Verdict.OWNER, True, True, None, False, None),
    (Verdict.OWNER, False, False, True, False, None),
    (Verdict.OWNER, False, False, None, True, None),
]


@pytest.mark.parametrize(("verdict", "card", "usual", "claim", "overruled", "tier"), TIERS)
def test_the_session_and_what_explains_the_look_up_decide_the_tier(
    verdict, card, usual, claim, overruled, tier
):
    found = decide_tier(
        verdict,
        with_presence=card,
        usual_place=usual,
        claim_followed=claim,
        is_overruled=overruled,
    )
    assert found is tier


def test_a_claim_explains_nobody_whom_two_sessions_of_the_account_were_shown():
    """The owner bills a person; a thief whose session looks the owner's asked for them too."""
    at_work = replace(look_up(OWNER, 7), claim_followed=True)
    assert expose(at_work).persons == ()
    assert expose(at_work, replace(at_work, t_ms=at_work.t_ms + 1)).persons == ()
    [person] = expose(at_work, replace(at_work, session_ref=ELSEWHERE)).persons
    assert person.tier is Tier.C
    assert person.sessions == (OWNER, ELSEWHERE)
    # What the claim says is read again: that is not asking for the person.
    reading = replace(at_work, session_ref=ELSEWHERE, mode=Mode.CLAIM, claim_followed=None)
    [person] = expose(at_work, reading).persons
    assert person.sessions == (ELSEWHERE,)


def test_a_person_seen_in_several_sessions_keeps_the_surest_tier_and_every_field():
    [person] = expose(
        look_up(MIXED, 7, fields=0b0001),
        look_up(THIEF, 7, fields=0b0100),
        look_up(MIXED, 7, mode=Mode.CARD, fields=0b0010),
        look_up(OWNER, 7, mode=Mode.CARD, fields=0b1000),
    ).persons
    assert person == ExposedPerson(
        insurer_id=4,
        person_ref=7,
        tier=Tier.A,
        fields=0b0111,
        lookups=3,
        sessions=(THIEF, MIXED),
        gained=0b0111,
    )


def test_what_had_to_be_typed_was_not_gained():
    [person] = expose(
        replace(look_up(THIEF, 7, fields=0b0111), typed_fields=0b0110),
        replace(look_up(THIEF, 7, fields=0b1010), typed_fields=0b1010),
    ).persons
    assert (person.fields, person.gained) == (0b1111, 0b0001)


def test_the_owners_visitors_who_showed_a_card_at_the_counter_are_not_on_the_list():
    assert expose(look_up(OWNER, 8, mode=Mode.CARD)).persons == ()


def test_whom_the_owner_is_only_held_to_have_asked_about_cannot_be_excluded():
    answer = expose(look_up(OWNER, 7), look_up(ELSEWHERE, 8, mode=Mode.CARD))
    assert [(p.person_ref, p.tier) for p in answer.persons] == [(7, Tier.C), (8, Tier.C)]


def test_whom_somebody_answers_for_in_writing_is_left_out():
    assert expose(look_up(CLEARED, 7)).persons == ()


def test_what_happened_outside_the_window_is_not_on_the_list():
    seen = expose(*(look_up(THIEF, t, t_ms=t) for t in (999, 1000, 1999, 2000)))
    assert [person.person_ref for person in seen.persons] == [1000, 1999]


def test_a_session_outside_the_window_need_not_be_judged():
    assert compute_exposure([look_up(99, 7, t_ms=2000)], {}, WINDOW).persons == ()


def test_a_session_inside_the_window_that_nobody_judged_is_refused():
    with pytest.raises(KeyError):
        compute_exposure([look_up(99, 7)], {}, WINDOW)


def test_guesses_are_counted_and_name_nobody():
    answer = expose(
        look_up(THIEF, 0, key=1),
        look_up(THIEF, 0, key=1),
        look_up(THIEF, 0, key=2),
        look_up(MIXED, 0, insurer_id=0, key=3),
        look_up(OWNER, 0, key=4),
    )
    assert answer.persons == ()
    assert answer.guesses == (
        Guesses(insurer_id=0, lookups=1, keys=1),
        Guesses(insurer_id=4, lookups=3, keys=2),
    )


def test_the_order_of_look_ups_does_not_matter():
    lookups = [look_up(THIEF, 9, insurer_id=2), look_up(MIXED, 7), look_up(THIEF, 3)]
    assert expose(*lookups) == expose(*reversed(lookups))


def test_insurers_are_counted_by_tier_most_persons_first():
    answer = expose(
        look_up(THIEF, 1, insurer_id=9, fields=0b01),
        look_up(THIEF, 2, fields=0b01),
        look_up(MIXED, 3, fields=0b10),
        look_up(MIXED, 4, mode=Mode.CARD),
        look_up(THIEF, 4, insurer_id=1, fields=0b1),
    )
    assert compute_insurer_rows(answer.persons) == (
        InsurerExposure(
            insurer_id=4, persons_a=1, persons_b=1, persons_c=1, fields=0b11, sessions=2
        ),
        InsurerExposure(
            insurer_id=1, persons_a=1, persons_b=0, persons_c=0, fields=0b1, sessions=1
        ),
        InsurerExposure(
            insurer_id=9, persons_a=1, persons_b=0, persons_c=0, fields=0b1, sessions=1
        ),
    )
