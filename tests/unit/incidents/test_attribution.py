"""In whose hands was a session? One row per story, as told by people who handled such cases."""

from dataclasses import replace

import pytest

from rempart.incidents.attribution import (
    Overrule,
    Verdict,
    decide_verdict,
    format_signals,
    judge_sessions,
)
from rempart.incidents.evidence import Habit, Session, SessionTally
from rempart.incidents.signs import Rule, Signal, compute_surprise

HOME = "198.18.0.1"
ELSEWHERE = "198.19.200.1"
SOFTWARE = "Officine/9.4"
MINUTE = 60_000

# A pharmacist's four weeks: one look-up every three minutes, one in twenty typed.
PAST = Habit(
    account_ref=1,
    addresses=frozenset({HOME}),
    agents=frozenset({SOFTWARE}),
    lookups=400,
    typed=20,
    nobody=20,
    gaps=380,
    gap_ms=380 * 3 * MINUTE,
)
NO_PAST = Habit(account_ref=1)


def tally(
    *,
    lookups: int,
    typed: int = 0,
    nobody: int = 0,
    presences: int | None = None,
    known_faces: int = 0,
    address: str = HOME,
    agent: str = SOFTWARE,
    minutes: float | None = None,
    spread: float = 1.0,
) -> SessionTally:
    """A session; its look-ups three minutes apart on average and as irregular as people's."""
    gaps = lookups - 1
    span = int((3 * gaps if minutes is None else minutes) * MINUTE)
    mean = span / gaps if gaps else 0
    return SessionTally(
        session=Session(session_ref=5, account_ref=1, address=address, agent=agent),
        lookups=lookups,
        typed=typed,
        presences=max(lookups - typed - nobody, 0) if presences is None else presences,
        nobody=nobody,
        known_faces=known_faces,
        first_ms=0,
        last_ms=span,
        gap_squares=int(gaps * mean * mean * (1 + spread * spread)),
    )


ABROAD = {"address": ELSEWHERE, "agent": "python-requests/2.31"}

STORIES = {
    "the owner at work": (tally(lookups=40, typed=2, nobody=2), PAST, Verdict.OWNER),
    "the owner on a day with many forgotten cards": (
        tally(lookups=40, typed=5, nobody=3),
        PAST,
        Verdict.OWNER,
    ),
    "the owner asks once, typing": (tally(lookups=1, typed=1), PAST, Verdict.OWNER),
    "the owner behind a new line": (
        tally(lookups=40, typed=2, nobody=2, address=ELSEWHERE),
        PAST,
        Verdict.OWNER,
    ),
    "the owner's telephone, first time, cards scanned": (
        tally(lookups=6, address="203.0.113.9", agent="Phone"),
        PAST,
        Verdict.OWNER,
    ),
    "a thief with a list, from elsewhere, at full speed": (
        tally(lookups=600, typed=600, nobody=150, minutes=2, spread=0.05, **ABROAD),
        PAST,
        Verdict.THIEF,
    ),
    "a thief with a list, slow and irregular, in an ordinary browser": (
        tally(lookups=90, typed=90, nobody=20, **{**ABROAD, "agent": "Browser"}),
        PAST,
        Verdict.THIEF,
    ),
    "the same with the owner's own software: the owner may have been there": (
        tally(lookups=90, typed=90, nobody=20, address="203.0.113.9"),
        PAST,
        Verdict.MIXED,
    ),
    "a thief on an address the owner used, where the owner works": (
        tally(lookups=90, typed=90, nobody=20),
        PAST,
        Verdict.MIXED,
    ),
    "one question typed from elsewhere: a thief, and not beyond doubt": (
        tally(lookups=1, typed=1, **ABROAD),
        PAST,
        Verdict.MIXED,
    ),
    "the night's check of everybody, on a new line with new software": (
        tally(lookups=140, typed=140, known_faces=24, nobody=13, **ABROAD),
        PAST,
        Verdict.MIXED,
    ),
    "a guesser": (tally(lookups=300, typed=300, nobody=298, **ABROAD), PAST, Verdict.THIEF),
    "a robot on the owner's workstation while the owner scans cards": (
        tally(lookups=130, typed=92, nobody=21),
        PAST,
        Verdict.MIXED,
    ),
    "a new account that typed once: neither is shown": (
        tally(lookups=1, typed=1),
        NO_PAST,
        Verdict.MIXED,
    ),
    "a new account used as a new account is": (tally(lookups=10, typed=1), NO_PAST, Verdict.OWNER),
    "a new account fed with a list": (tally(lookups=50, typed=50), NO_PAST, Verdict.THIEF),
    "a hospital admission desk that always types": (
        tally(lookups=60, typed=58),
        replace(PAST, typed=380),
        Verdict.OWNER,
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_each_story_gets_its_verdict(story):
    session, habit, verdict = STORIES[story]
    assert decide_verdict(session, habit).verdict is verdict


def test_a_card_at_hand_is_never_a_thief_alone():
    with_card = tally(lookups=100, typed=99, presences=1, **ABROAD)
    assert decide_verdict(with_card, PAST).verdict is Verdict.MIXED


def test_the_two_sums_are_those_of_the_reasons_given():
    verdict = decide_verdict(tally(lookups=130, typed=92, nobody=21), PAST)
    points = {signal.rule: signal.points for signal in verdict.signals}
    assert points[Rule.USUAL_ADDRESS] + points[Rule.USUAL_AGENT] == 15
    assert verdict.owner_points == 15 + points[Rule.PRESENCE] + points[Rule.KNOWN_FACES]
    assert verdict.thief_points == sum(
        points[rule]
        for rule in (Rule.TYPED_WITHOUT_CARD, Rule.SHARE_UNKNOWN, Rule.PACE, Rule.REGULAR_PACE)
    )


def test_every_sign_is_kept_even_when_it_weighs_nothing():
    signals = decide_verdict(tally(lookups=1), PAST).signals
    assert len(signals) == 8
    assert {signal.rule for signal in signals if signal.points == 0} == {
        Rule.TYPED_WITHOUT_CARD,
        Rule.SHARE_UNKNOWN,
        Rule.PACE,
        Rule.REGULAR_PACE,
        Rule.KNOWN_FACES,
    }


@pytest.mark.parametrize(
    ("minutes", "points"),
    [(3 * 40, 0), (3 * 40 / 2.9, 0), (3 * 40 / 10, 10), (3 * 40 / 1000, 15)],
    ids=["usual", "just under three times", "ten times", "a thousand times"],
)
def test_speed_is_measured_against_the_account_itself(minutes, points):
    verdict = decide_verdict(tally(lookups=41, minutes=minutes), PAST)
    assert {s.rule: s.points for s in verdict.signals}[Rule.PACE] == points


def test_the_same_speed_is_usual_for_a_hospital():
    hospital = replace(PAST, gap_ms=380 * MINUTE // 10)
    verdict = decide_verdict(tally(lookups=41, minutes=4), hospital)
    assert {s.rule: s.points for s in verdict.signals}[Rule.PACE] == 0


@pytest.mark.parametrize(
    ("spread", "lookups", "points"),
    [(1.0, 50, 0), (0.31, 50, 0), (0.29, 50, 10), (0.0, 50, 10), (0.0, 10, 0)],
)
def test_only_a_metronome_that_lasts_is_a_sign(spread, lookups, points):
    verdict = decide_verdict(tally(lookups=lookups, spread=spread), PAST)
    assert {s.rule: s.points for s in verdict.signals}[Rule.REGULAR_PACE] == points


def test_look_ups_of_one_instant_have_no_rhythm():
    verdict = decide_verdict(tally(lookups=50, minutes=0), PAST)
    assert {s.rule: s.points for s in verdict.signals}[Rule.REGULAR_PACE] == 0


def test_known_faces_speak_for_the_owner_in_proportion_and_by_their_number():
    verdict = decide_verdict(tally(lookups=4, known_faces=1), PAST)
    assert {s.rule: s.points for s in verdict.signals}[Rule.KNOWN_FACES] == 7
    verdict = decide_verdict(tally(lookups=140, known_faces=24), PAST)
    assert {s.rule: s.points for s in verdict.signals}[Rule.KNOWN_FACES] == 30


@pytest.mark.parametrize(
    ("hits", "trials", "usual", "points"),
    [
        (0, 0, 0.1, 0),
        (0, 10, 0.1, 0),
        (1, 10, 0.1, 0),
        (1, 1, 0.1, 10),
        (2, 2, 0.1, 20),
        (9, 9, 0.1, 40),
        (5, 10, 0.1, 22),
    ],
)
def test_surprise_grows_with_what_the_past_does_not_explain(hits, trials, usual, points):
    assert compute_surprise(hits, trials, usual, cap=40) == points


@pytest.mark.parametrize("usual", [0, 1, -0.1])
def test_a_past_that_explains_all_or_nothing_is_refused(usual):
    with pytest.raises(ValueError, match="strictly between"):
        compute_surprise(1, 2, usual, cap=40)


def test_a_session_is_never_judged_on_another_accounts_past():
    with pytest.raises(ValueError, match="own account"):
        decide_verdict(tally(lookups=1), replace(PAST, account_ref=2))


def test_reasons_are_written_heaviest_first_with_what_was_usual():
    written = format_signals(
        [
            Signal(rule=Rule.USUAL_AGENT, value=1, points=5),
            Signal(rule=Rule.TYPED_WITHOUT_CARD, value=0.98765, usual=0.05, points=40),
        ]
    )
    assert written == [
        {
            "rule": "typed_without_card/1",
            "shows": "thief",
            "value": 0.988,
            "usual": 0.05,
            "points": 40,
        },
        {"rule": "usual_agent/1", "shows": "owner", "value": 1, "usual": None, "points": 5},
    ]


# ---------------------------------------------------------------- what not every record holds


def points_of(session: SessionTally, habit: Habit = PAST, *, from_attack: bool = False):
    verdict = decide_verdict(session, habit, from_attack=from_attack)
    return {signal.rule: signal.points for signal in verdict.signals}


OPTIONAL = [
    ({"confirmed_theft": True}, Rule.CONFIRMED_THEFT, 40),
    ({"known_device": True}, Rule.KNOWN_DEVICE, 15),
    ({"known_device": False}, Rule.UNKNOWN_DEVICE, 10),
    ({"ordered": 3}, Rule.ORDERED, 0),
    ({"ordered": 5}, Rule.ORDERED, 8),
    ({"ordered": 50}, Rule.ORDERED, 20),
    ({"travel_kmh": 300.0}, Rule.IMPOSSIBLE_TRAVEL, 0),
    ({"travel_kmh": 5000.0}, Rule.IMPOSSIBLE_TRAVEL, 15),
    ({"claims_known": 20, "claims_followed": 18}, Rule.CLAIMS_FOLLOWED, 30),
    ({"claims_known": 20, "claims_followed": 18}, Rule.CLAIMS_MISSING, 0),
    ({"claims_known": 20, "claims_followed": 0}, Rule.CLAIMS_MISSING, 30),
    ({"claims_known": 1, "claims_followed": 1}, Rule.CLAIMS_FOLLOWED, 20),
    ({"placed": 20, "local": 15}, Rule.SAME_PLACE, 10),
    ({"placed": 20, "local": 1}, Rule.SAME_PLACE, 0),
]


@pytest.mark.parametrize(("facts", "rule", "points"), OPTIONAL)
def test_a_fact_that_is_recorded_weighs_what_it_is_worth(facts, rule, points):
    assert points_of(replace(tally(lookups=20, **ABROAD), **facts))[rule] == points


def test_a_fact_that_nobody_recorded_speaks_for_nobody():
    unrecorded = {rule for _, rule, _ in OPTIONAL} | {Rule.ATTACK_ADDRESS, Rule.UNUSUAL_HOURS}
    assert not unrecorded & points_of(tally(lookups=20)).keys()


def test_two_places_at_once_do_not_weigh_on_the_one_the_owner_works_at():
    assert points_of(replace(tally(lookups=20), travel_kmh=5000.0))[Rule.IMPOSSIBLE_TRAVEL] == 0


def test_a_key_of_the_past_says_nothing_and_a_new_one_is_a_sign():
    keyed = replace(PAST, keys=frozenset({"7"}))
    session = tally(lookups=20)
    known = replace(session, session=replace(session.session, key="7"))
    other = replace(session, session=replace(session.session, key="8"))
    assert Rule.UNKNOWN_DEVICE not in points_of(known, keyed)
    assert points_of(other, keyed)[Rule.UNKNOWN_DEVICE] == 10
    assert Rule.UNKNOWN_DEVICE not in points_of(other, PAST)


def test_hours_count_against_a_long_past_only_and_one_night_never_convicts():
    day = tuple(100 if 8 <= hour < 19 else 0 for hour in range(24))
    night = tuple(30 if hour == 3 else 0 for hour in range(24))
    session = replace(tally(lookups=30), hours=night)
    assert points_of(session, replace(PAST, hours=day))[Rule.UNUSUAL_HOURS] == 5
    assert points_of(replace(session, hours=day), replace(PAST, hours=day))[Rule.UNUSUAL_HOURS] == 0
    assert Rule.UNUSUAL_HOURS not in points_of(session, PAST)


def test_a_confirmed_theft_is_a_thiefs_unless_the_owner_was_shown_to_be_there():
    alone = replace(tally(lookups=1, typed=1), confirmed_theft=True)
    assert decide_verdict(alone, PAST).verdict is Verdict.THIEF
    at_the_counter = replace(tally(lookups=5, presences=3), confirmed_theft=True)
    assert decide_verdict(at_the_counter, PAST).verdict is Verdict.MIXED


@pytest.mark.parametrize("story", STORIES)
def test_confirming_a_theft_never_clears_a_session(story):
    session, habit, _ = STORIES[story]
    order = [Verdict.OWNER, Verdict.MIXED, Verdict.THIEF]
    before = decide_verdict(session, habit).verdict
    after = decide_verdict(replace(session, confirmed_theft=True), habit).verdict
    assert order.index(after) >= order.index(before)


# ---------------------------------------------------------------- all the sessions of an incident


def at(session_ref: int, address: str, account_ref: int = 1, **facts: object) -> SessionTally:
    made = tally(lookups=int(str(facts.pop("lookups", 1))), typed=1, address=address, agent="New")
    session = replace(made.session, session_ref=session_ref, account_ref=account_ref)
    return replace(made, session=session, **facts)


HABITS = {1: PAST, 2: replace(PAST, account_ref=2), 3: replace(PAST, account_ref=3)}


def judge(*sessions: SessionTally, **options: object) -> dict[int, Verdict]:
    return {v.session_ref: v.verdict for v in judge_sessions(sessions, HABITS, **options)}


def test_an_address_found_on_an_account_convicts_its_other_sessions():
    assert judge(at(1, ELSEWHERE))[1] is Verdict.MIXED
    both = judge(at(1, ELSEWHERE), at(2, ELSEWHERE, confirmed_theft=True))
    assert both == {1: Verdict.THIEF, 2: Verdict.THIEF}


def test_an_address_found_on_one_other_account_only_is_a_coincidence():
    """Four hundred telephones share one address; two thieves on it are no coincidence."""
    thief = at(2, ELSEWHERE, 2, confirmed_theft=True)
    assert judge(at(1, ELSEWHERE), thief)[1] is Verdict.MIXED
    another = at(3, ELSEWHERE, 3, confirmed_theft=True)
    assert judge(at(1, ELSEWHERE), thief, another)[1] is Verdict.THIEF


def test_what_the_second_pass_finds_convicts_nobody():
    """The chain: 1 is convicted by 2's address; its other address must not convict 4."""
    sessions = [
        at(1, "203.0.113.7"),
        at(2, "203.0.113.7", confirmed_theft=True),
        at(4, "203.0.113.8", 2),
    ]
    assert judge(*sessions)[4] is Verdict.MIXED


def test_an_owners_address_is_never_the_attacks():
    thief_at_home = at(2, HOME, 2, confirmed_theft=True)
    assert Rule.ATTACK_ADDRESS not in {
        s.rule for v in judge_sessions([at(1, HOME), thief_at_home], HABITS) for s in v.signals
    }


def test_no_session_speaks_against_itself():
    [alone] = judge_sessions([at(2, ELSEWHERE, confirmed_theft=True)], HABITS)
    assert Rule.ATTACK_ADDRESS not in {signal.rule for signal in alone.signals}


def test_addresses_known_from_elsewhere_are_a_sign_from_the_first_pass():
    assert judge(at(1, ELSEWHERE), attack_addresses={ELSEWHERE})[1] is Verdict.THIEF


def test_what_somebody_answers_for_holds_against_the_sums_and_convicts_addresses():
    thief = Overrule(session_ref=2, verdict=Verdict.THIEF, reason="the pharmacist was on holiday")
    cleared = Overrule(session_ref=1, verdict=Verdict.OWNER, reason="the pharmacist's own phone")
    sessions = [at(1, ELSEWHERE), at(2, ELSEWHERE)]
    assert judge(*sessions, overrules=[thief]) == {1: Verdict.THIEF, 2: Verdict.THIEF}
    assert judge(*sessions, overrules=[thief, cleared]) == {1: Verdict.OWNER, 2: Verdict.THIEF}
    [first, _] = judge_sessions(sessions, HABITS, overrules=[cleared])
    assert first.is_overruled


def test_an_overrule_without_a_reason_is_none():
    with pytest.raises(ValueError, match="written reason"):
        Overrule(session_ref=1, verdict=Verdict.OWNER, reason="  ")


def test_the_order_of_sessions_does_not_matter():
    sessions = [at(n, f"203.0.113.{n % 3}", 1 + n % 3) for n in range(1, 9)]
    assert judge(*sessions) == judge(*reversed(sessions))
