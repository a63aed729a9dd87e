"""Whatever happened: the list depends on the facts, and more facts never excuse a thief."""

import math
from collections import Counter
from dataclasses import replace
from datetime import date
from uuid import UUID

from hypothesis import given, settings
from hypothesis import strategies as st

from rempart.disclosure.entry import Mode, Outcome
from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.bounds import compute_bounds
from rempart.incidents.changes import compute_changes
from rempart.incidents.coverage import Coverage, Hole, HoleKind
from rempart.incidents.evidence import LookUp, Window
from rempart.incidents.exposure import (
    LISTED,
    Tier,
    compute_exposure,
    compute_insurer_rows,
)
from rempart.incidents.population import (
    Agreement,
    Membership,
    NotHeld,
    decide_answer,
    decide_not_held,
)
from rempart.incidents.purged import Removal, decide_purged_on
from rempart.incidents.signs import Rule, Signal, compute_surprise

WINDOW = Window(starts_ms=100, ends_ms=200)
SESSIONS = range(1, 6)


def judge(session: int, verdict: Verdict, *, usual: bool, overruled: bool) -> SessionVerdict:
    return SessionVerdict(
        session_ref=session,
        account_ref=1,
        verdict=verdict,
        signals=(Signal(rule=Rule.USUAL_ADDRESS, value=1, points=10),) if usual else (),
        is_overruled=overruled,
    )


verdicts = st.fixed_dictionaries(
    {
        session: st.builds(
            judge,
            st.just(session),
            st.sampled_from(Verdict),
            usual=st.booleans(),
            overruled=st.booleans(),
        )
        for session in SESSIONS
    }
)
lookups = st.lists(
    st.builds(
        LookUp,
        account_ref=st.just(1),
        session_ref=st.sampled_from(SESSIONS),
        t_ms=st.integers(90, 210),
        mode=st.sampled_from(Mode),
        outcome=st.just(Outcome.OPEN),
        insurer_id=st.integers(0, 3),
        person_ref=st.integers(0, 8),
        lookup_key=st.integers(0, 5).map(lambda n: UUID(int=n)),
        fields=st.integers(0, 31),
        typed_fields=st.integers(0, 31),
        claim_followed=st.sampled_from((None, True, False)),
    ),
    max_size=40,
)


@given(lookups, verdicts, st.randoms())
def test_the_list_does_not_depend_on_the_order_of_the_facts(trail, judged, random):
    shuffled = random.sample(trail, len(trail))
    assert compute_exposure(trail, judged, WINDOW) == compute_exposure(shuffled, judged, WINDOW)


@given(lookups, lookups, verdicts)
def test_more_look_ups_never_take_a_person_off_the_list_nor_make_them_less_sure(some, more, judged):
    before = {
        (p.insurer_id, p.person_ref): p for p in compute_exposure(some, judged, WINDOW).persons
    }
    after = {
        (p.insurer_id, p.person_ref): p
        for p in compute_exposure(some + more, judged, WINDOW).persons
    }
    assert before.keys() <= after.keys()
    for key, person in before.items():
        assert after[key].tier <= person.tier
        assert after[key].fields & person.fields == person.fields
        assert set(after[key].sessions) >= set(person.sessions)


@given(lookups, verdicts)
def test_everybody_on_the_list_was_shown_in_the_window_and_nothing_else_explains_it(trail, judged):
    for person in compute_exposure(trail, judged, WINDOW).persons:
        assert person.person_ref != 0
        shown = [
            look
            for look in trail
            if (look.insurer_id, look.person_ref) == (person.insurer_id, person.person_ref)
            and WINDOW.contains(look.t_ms)
            and (
                judged[look.session_ref].verdict is not Verdict.OWNER
                or not clears(look, judged, trail)
            )
        ]
        assert len(shown) == person.lookups
        assert (person.tier is Tier.A) == any(
            judged[look.session_ref].verdict is Verdict.THIEF for look in shown
        )
        assert person.gained & ~person.fields == 0


def clears(look: LookUp, judged: dict[int, SessionVerdict], trail: list[LookUp]) -> bool:
    """Something other than a sum says that the owner asked."""
    session = judged[look.session_ref]
    at_the_counter = look.with_presence and session.usual_place
    sessions = {
        one.session_ref
        for one in trail
        if one.person_ref == look.person_ref and WINDOW.contains(one.t_ms) and not one.is_reading
    }
    is_billed = look.claim_followed is True and len(sessions) <= 1
    return session.is_overruled or is_billed or at_the_counter


@given(lookups, verdicts)
def test_however_wrong_the_verdicts_nobody_unexplained_is_left_out(trail, judged):
    """Recall is whole by construction: only facts leave somebody out, never a judgement."""
    listed = {(p.insurer_id, p.person_ref) for p in compute_exposure(trail, judged, WINDOW).persons}
    for look in trail:
        if look.person_ref and WINDOW.contains(look.t_ms) and not clears(look, judged, trail):
            assert (look.insurer_id, look.person_ref) in listed


@given(lookups, verdicts)
def test_whoever_was_shown_to_a_thief_beside_the_owner_is_listed_though_a_claim_followed(
    trail, judged
):
    """One claim explains one session: a thief's, judged to be the owner's, is not hidden by it."""
    trail = [look for look in trail if look.mode is Mode.TYPED]
    judged = {one: replace(verdict, is_overruled=False) for one, verdict in judged.items()}
    listed = {p.person_ref for p in compute_exposure(trail, judged, WINDOW).persons}
    seen: dict[int, set[int]] = {}
    for look in trail:
        if look.person_ref and WINDOW.contains(look.t_ms):
            seen.setdefault(look.person_ref, set()).add(look.session_ref)
    assert {person for person, sessions in seen.items() if len(sessions) > 1} <= listed


@given(lookups, verdicts)
def test_the_insurers_lines_add_up_to_the_list(trail, judged):
    persons = compute_exposure(trail, judged, WINDOW).persons
    rows = compute_insurer_rows(persons)
    assert sum(row.persons_a + row.persons_b + row.persons_c for row in rows) == len(persons)


@given(st.integers(0, 60), st.integers(1, 60), st.floats(0.01, 0.99))
def test_surprise_never_overstates_the_exact_probability(hits, trials, usual):
    hits = min(hits, trials)
    points = compute_surprise(hits, trials, usual, cap=10_000)
    tail = math.fsum(
        math.comb(trials, k) * usual**k * (1 - usual) ** (trials - k)
        for k in range(hits, trials + 1)
    )
    assert points <= -10 * math.log10(tail) + 1e-6


@settings(max_examples=50)
@given(st.integers(1, 200), st.floats(0.01, 0.99))
def test_one_more_hit_is_never_less_surprising(trials, usual):
    points = [compute_surprise(hits, trials, usual, cap=10_000) for hits in range(trials + 1)]
    assert points == sorted(points)


@given(lookups, verdicts, st.sampled_from(SESSIONS))
def test_more_confirmed_theft_never_lowers_a_tier_nor_takes_anybody_off(trail, judged, session):
    before = {
        (p.insurer_id, p.person_ref): p for p in compute_exposure(trail, judged, WINDOW).persons
    }
    confirmed = {**judged, session: replace(judged[session], verdict=Verdict.THIEF)}
    after = {
        (p.insurer_id, p.person_ref): p for p in compute_exposure(trail, confirmed, WINDOW).persons
    }
    for key, person in before.items():
        assert after[key].tier <= person.tier
        assert after[key].fields & person.fields == person.fields


holes = st.lists(
    st.builds(
        Hole,
        kind=st.sampled_from(HoleKind),
        source=st.just("log"),
        from_ms=st.just(100),
        to_ms=st.just(200),
        hidden=st.none() | st.integers(0, 9),
        insurers=st.none() | st.frozensets(st.integers(0, 3), max_size=3),
    ),
    max_size=4,
)


@given(holes, st.none() | st.sampled_from(LISTED), st.integers(0, 3))
def test_a_hole_that_may_hide_somebody_never_gives_them_d(found, tier, insurer_id):
    coverage = Coverage(window=WINDOW, holes=tuple(found))
    told = decide_answer(tier, None, coverage, insurer_id).tier
    assert (told is Tier.D) == (
        tier is None and not any(hole.may_hide(insurer_id) for hole in found)
    )
    if tier is not None:
        assert told is tier


removals = st.lists(
    st.builds(
        Removal,
        field=st.sampled_from(["civil", "nir", "coverage", "card"]),
        left_on=st.dates(date(2024, 1, 1), date(2024, 1, 20)),
        certified=st.integers(0, 9).map(bool),
    ),
    max_size=6,
)


@given(
    removals,
    st.frozensets(st.sampled_from(["civil", "coverage"]), max_size=1),
    st.dates(date(2024, 1, 1), date(2024, 1, 20)),
)
def test_nobody_is_ruled_out_by_an_erasure_who_may_have_been_there_in_the_window(
    left, there, first_day
):
    purged_on = decide_purged_on(left, there)
    not_held = decide_not_held(
        Membership(insurer_id=1, starts_on=date.min, purged_on=purged_on),
        [Agreement(insurer_id=1, starts_on=date.min)],
        first_day=first_day,
        last_day=date(2024, 1, 20),
    )
    gone = {one.field for one in left if one.left_on < first_day}
    proven = bool(left) and all(one.certified for one in left)
    is_out = proven and not there and gone == {one.field for one in left}
    assert (not_held is NotHeld.PURGED_BEFORE) == is_out
    # Whoever was shown is told, whatever was erased since.
    coverage = Coverage(window=WINDOW)
    for tier in LISTED:
        assert decide_answer(tier, not_held, coverage, 1).tier is tier


@given(lookups, verdicts, holes)
def test_bounds_hold_everybody_listed_and_a_hole_never_lowers_the_most(trail, judged, found):
    persons = compute_exposure(trail, judged, WINDOW).persons
    tiers = Counter((one.insurer_id, one.tier) for one in persons)
    whole = compute_bounds(tiers, Coverage(window=WINDOW))
    bounds = compute_bounds(tiers, Coverage(window=WINDOW, holes=tuple(found)))
    assert (bounds.lower, bounds.best) == (whole.lower, whole.best)
    assert whole.upper == len(persons)
    assert bounds.upper is None or bounds.upper >= whole.upper


@given(lookups, verdicts, verdicts)
def test_a_difference_leads_from_one_list_to_the_other(trail, some, others):
    before = compute_exposure(trail, some, WINDOW).persons
    after = compute_exposure(trail, others, WINDOW).persons
    held = {(p.insurer_id, p.person_ref): (p.tier, p.fields) for p in before}
    for change in compute_changes(before, after):
        key = change.insurer_id, change.person_ref
        if change.tier_after is None:
            del held[key]
        else:
            held[key] = change.tier_after, change.fields_after
    assert held == {(p.insurer_id, p.person_ref): (p.tier, p.fields) for p in after}
