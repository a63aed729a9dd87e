"""In whose hands was a session? One row per story, as told by people who handled such cases."""

from dataclasses import replace

import pytest

from rempart.incidents.attribution import Verdict, decide_verdict, format_signals
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
        tally(lookups=90, typed=90, nobody=20, address="203.0.113.9"),
        PAST,
        Verdict.THIEF,
    ),
    "a thief who happens upon an address the owner used": (
        tally(lookups=90, typed=90, nobody=20),
        PAST,
        Verdict.THIEF,
    ),
    "a thief who asks once, from elsewhere": (
        tally(lookups=1, typed=1, **ABROAD),
        PAST,
        Verdict.THIEF,
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


def test_known_faces_speak_for_the_owner_in_proportion():
    verdict = decide_verdict(tally(lookups=40, known_faces=20), PAST)
    assert {s.rule: s.points for s in verdict.signals}[Rule.KNOWN_FACES] == 10


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
