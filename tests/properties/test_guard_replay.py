"""The guard over any look-ups: the same again, blind to labels, monotone, and never surprised."""

import sys
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from rempart.guard import Account, Guard, Lookup, Step, judging
from rempart.guard.lookups import DAY_MS, HOUR_MS
from rempart.workflows.guard.replay_guard import Replay
from rempart.workflows.guard.score_replay import Tally, score

BEGIN_MS = 1_793_574_000_000
ACCOUNTS = [Account(ref, ("nurse", "optician", "hospital")[ref % 3], ref % 4) for ref in range(6)]
CANARIES = frozenset({7, 77})

lookups = st.builds(
    Lookup,
    time_ms=st.integers(0, 12 * DAY_MS).map(lambda ms: BEGIN_MS + ms),
    account=st.integers(0, 7),
    subject=st.integers(0, 80),
    insurer=st.integers(0, 3),
    subject_department=st.none() | st.integers(0, 4),
    presence=st.booleans(),
    ip=st.integers(0, 5),
    user_agent=st.integers(0, 3),
    found=st.booleans(),
)
streams = st.lists(lookups, max_size=120).map(
    lambda some: sorted(some, key=lambda one: one.time_ms)
)


def start(**changes):
    guard = Guard(**changes)
    guard.start(ACCOUNTS, CANARIES, BEGIN_MS)
    return guard


def work(seed, days, *, account=0, pace=20):
    """Return the days of an honest account, and of its colleagues, for thresholds to be learnt."""
    random, asked = Random(seed), []
    for day in range(days):
        for n in range(pace):
            time_ms = BEGIN_MS + day * DAY_MS + int((8 + 10 * n / pace) * HOUR_MS)
            subject = random.choice((random.randrange(30), 1_000 + random.randrange(10_000)))
            asked.append(
                Lookup(time_ms, account, f"{account}-{subject}", 1, account % 4,
                       random.random() < 0.85, 100 + account, 1, random.random() < 0.95)
            )  # fmt: skip
    return asked


def decide_all(guard, some):
    return [guard.decide(lookup) for lookup in some]


@given(stream=streams, hours=st.none() | st.integers(0, 30))
def test_the_same_look_ups_give_the_same_decisions(stream, hours):
    one, two = (Replay(start(), review_hours=hours).judge(stream) for _ in range(2))
    assert one == two


@given(stream=streams, data=st.data())
def test_how_look_ups_are_cut_into_parts_changes_nothing(stream, data):
    where = data.draw(st.integers(0, len(stream)))
    whole, parts = Replay(start(), review_hours=4), Replay(start(), review_hours=4)
    assert whole.judge(stream) == parts.judge(stream[:where]) + parts.judge(stream[where:])


@given(stream=streams, data=st.data())
def test_no_decision_depends_on_labels(stream, data):
    # Without reviews, which are somebody's work, the truth changes the score and nothing else.
    kinds = st.dictionaries(st.integers(0, 7), st.integers(BEGIN_MS, BEGIN_MS + 12 * DAY_MS))
    truths = [data.draw(kinds) for _ in range(2)]
    marks = data.draw(st.lists(st.booleans(), min_size=len(stream), max_size=len(stream)))
    decided = []
    for stolen in truths:
        decisions = Replay(start(), stolen=stolen).judge(stream)
        tally = Tally(
            professions={one.account: one.profession for one in ACCOUNTS},
            stolen={account: ("list", since) for account, since in stolen.items()},
            from_ms=BEGIN_MS,
        )
        tally.add(stream, decisions, marks)
        score(tally)
        decided.append(decisions)
    assert decided[0] == decided[1]


def add_signs(lookup, signs):
    """Return a look-up with more against it: each sign alone makes it stranger."""
    strange = {
        "ip": {"ip": 999_999},
        "agent": {"user_agent": 999_999},
        "missed": {"found": False, "insurer": 0},
        "far": {"subject_department": "far away"},
    }
    for sign in signs:
        lookup = lookup._replace(**strange[sign])
    return lookup


SIGNS = ("ip", "agent", "missed", "far")
PLACE = {"ip", "agent"}
thefts = st.lists(
    st.tuples(st.sets(st.sampled_from(SIGNS)), st.sampled_from(SIGNS), st.booleans()),
    min_size=1,
    max_size=30,
)


def find_worst(seed, days, rounds, *, presence):
    """Return the first round after which the suspicious account was held, in both streams."""
    calm, strange = start(), start()
    for guard in (calm, strange):
        decide_all(guard, work(seed, days))
    held = []
    time_ms = BEGIN_MS + days * DAY_MS + 9 * HOUR_MS
    for n, (signs, more, is_changed) in enumerate(rounds):
        time_ms += 30_000
        base = add_signs(
            Lookup(time_ms, 0, f"victim-{n}", 1, 0, presence, 100, 1, True), sorted(signs)
        )
        worse = add_signs(base, [more]) if is_changed else base
        decisions = calm.decide(base), strange.decide(worse)
        held.append((calm.find_step(0), strange.find_step(0), *decisions))
    return held


@settings(max_examples=40)
@given(seed=st.integers(0, 20), days=st.integers(6, 9), rounds=thefts, presence=st.booleans())
def test_a_sign_more_never_lowers_the_evidence_nor_frees_an_account(seed, days, rounds, presence):
    # What comes from a strange place is weighed apart: signs of the place are added to such ones.
    assume(rounds[-1][1] not in PLACE or rounds[-1][0] & PLACE)
    # One more sign on the last look-up only: what comes before is the same in both streams.
    rounds = [(signs, more, n == len(rounds) - 1) for n, (signs, more, _) in enumerate(rounds)]
    calm_step, strange_step, calm, strange = find_worst(seed, days, rounds, presence=presence)[-1]
    assert strange_step >= calm_step
    assert strange.answer <= calm.answer
    # An answer within the allowance says nothing of its evidence.
    assert calm.answer or strange.answer or strange.evidence >= calm.evidence - 1e-9


def test_mutation_evidence_that_forgets_is_noticed(monkeypatch):
    # The worse a look-up, the less it counts.
    monkeypatch.setattr(judging, "_LOOKUP_GAIN", -0.05)
    rounds = [({"ip", "missed"}, "far", False)] * 12 + [({"ip", "missed"}, "far", True)]
    found = [find_worst(seed, 8, rounds, presence=False)[-1] for seed in range(5)]
    assert any(strange.evidence < calm.evidence for _, _, calm, strange in found)


@given(stream=streams, order=st.randoms(use_true_random=False))
def test_look_ups_out_of_order_and_clocks_that_jump_free_nobody(stream, order):
    jumbled = [
        one._replace(time_ms=max(0, one.time_ms + order.choice((0, 0, -DAY_MS, 400 * DAY_MS))))
        for one in stream
    ]
    order.shuffle(jumbled)
    guard, held = start(), {}
    for lookup in jumbled:
        decision = guard.decide(lookup)
        step = guard.find_step(lookup.account)
        assert step >= held.get(lookup.account, Step.NONE)
        assert decision.answer or decision.step >= Step.SHOW_PRESENCE
        held[lookup.account] = step
    assert {ref for ref, step in held.items() if step} == set(guard.list_contained())


@given(stream=streams)
def test_who_was_answered_about_is_answered_again_whatever_the_step(stream):
    guard = start()
    answered = set()
    for lookup in stream:
        face = lookup.account, lookup.subject
        decision = guard.decide(lookup)
        assert decision.answer or face not in answered
        if decision.answer:
            answered.add(face)


@given(stream=streams)
def test_a_canary_contains_whoever_asks_and_is_never_answered(stream):
    guard = start()
    for lookup in stream:
        decision = guard.decide(lookup)
        if lookup.subject in CANARIES:
            assert not decision.answer
            assert guard.find_step(lookup.account) >= Step.PRESENCE_ONLY


@pytest.mark.parametrize("agent", ["", "a" * 100_000, "\x00\udcff\r\nSet-Cookie: a=b", "🦔" * 99])
def test_hostile_software_names_are_names_like_any(agent):
    guard = start()
    decisions = decide_all(guard, [one._replace(user_agent=agent) for one in work(1, 3)])
    assert sum(decision.answer for decision in decisions) > 50


def weigh(thing, seen=None):
    """Return the bytes of a thing with what it holds."""
    seen = set() if seen is None else seen
    if id(thing) in seen or isinstance(thing, (type, str)):
        return 0
    seen.add(id(thing))
    total = sys.getsizeof(thing)
    if isinstance(thing, dict):
        total += sum(weigh(key, seen) + weigh(value, seen) for key, value in thing.items())
    elif isinstance(thing, (list, tuple, set, frozenset)):
        total += sum(weigh(one, seen) for one in thing)
    else:
        slots = getattr(type(thing), "__slots__", ())
        names = [slots] if isinstance(slots, str) else slots
        total += sum(weigh(getattr(thing, name, None), seen) for name in names)
    return total


def test_an_account_keeps_little_however_much_and_however_hostile_what_it_asks():
    guard = start()
    random = Random(3)
    for n in range(20_000):
        guard.decide(
            Lookup(BEGIN_MS + n * 60_000, 0, n, n, n, random.random() < 0.5, n, n, n % 2 == 0)
        )
    # Faces are kept apart: the only thing that grows with the people an account knows.
    assert weigh(guard._habits[0]) < 150_000


@pytest.mark.parametrize("more", ["ip", "agent"])
@pytest.mark.parametrize("signs", [{"missed"}, {"far"}, {"missed", "far"}])
def test_what_would_contain_from_the_usual_place_contains_from_a_strange_one_too(signs, more):
    # Every length, so that one of them is where the account is contained.
    for length in range(20):
        rounds = [(signs, more, False)] * length + [(signs, more, True)]
        calm, strange, *_ = find_worst(1, 8, rounds, presence=False)[-1]
        assert strange >= calm
        if calm:
            break
