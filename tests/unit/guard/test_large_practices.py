"""Establishments that type thousands a night: their size is no sign, and hides nobody."""

from random import Random

import pytest
from tests.unit.guard.samples import OWN_AGENT, OWN_IP, ask, at, make_guard, steal

from rempart.guard import Step, judging, weights
from rempart.guard.habits import Habits
from rempart.guard.judging import contain
from rempart.guard.weights import expected_from

DAYS, A_NIGHT = 12, 400


def draw_home(random, share_far=0.4):
    """Draw where somebody lives: nearby, or anywhere."""
    return f"far-{random.randrange(95)}" if random.random() < share_far else "31"


def work_nights(guard, days=DAYS, *, seed=1):
    """Have an account check a few hundred people each night, four in ten from anywhere."""
    random, decisions = Random(seed), []
    for day in range(days):
        for n in range(20):
            card = {"presence": True, "subject_department": draw_home(random)}
            decisions += [guard.decide(ask(at(day, 9 + n / 3), f"card-{day}-{n}", **card))]
        for n in range(A_NIGHT):
            who = random.randrange(4000)
            home = draw_home(Random(who))
            decisions += [
                guard.decide(ask(at(day, 23 + n / 450), f"p-{who}", subject_department=home))
            ]
    return decisions


def steal_by_day(guard, day, count, *, pace=8):
    """Play a thief at the owner's desk, in its hours, with a list from all over the country."""
    given = 0
    for n in range(count):
        moment = at(day, 9 + n / pace)
        person = {
            "subject_department": f"far-{n % 95}",
            "found": n % 5 > 0,
            "ip": OWN_IP,
            "user_agent": OWN_AGENT,
        }
        given += guard.decide(steal(moment, f"victim-{day}-{n}", **person)).answer
    return given


def check_from_the_cloud(guard, day):
    """Have a software that is hosted elsewhere check a night; return how many new were answered."""
    given = 0
    for n in range(360):
        known = n % 3 == 0
        who = f"card-1-{n % 10}-{n % 20}" if known else f"cloud-{day}-{n}"
        asked = ask(at(day, 3 + n / 1200), who, ip="198.51.100.20")
        given += guard.decide(asked).answer and not known
    return given


def test_thousands_of_look_ups_a_night_are_no_evidence_by_their_number():
    guard = make_guard()
    decisions = work_nights(guard)
    assert not any(one.contains for one in decisions)
    # Nights after the first week, whose people are met little by little.
    assert sum(not one.answer for one in decisions[-5 * A_NIGHT :]) < A_NIGHT // 50


def test_mutation_people_from_far_taken_for_unseen_ones_would_hold_it(monkeypatch):
    def forget(usual, *values, is_far, **named):
        learn(usual, *values, is_far=False, **named)

    guard = make_guard()
    learn = type(guard._habits[1]).learn_person
    monkeypatch.setattr(type(guard._habits[1]), "learn_person", forget)
    monkeypatch.setattr(judging, "_FAR_TEACHES", 0.0)
    assert any(one.contains for one in work_nights(guard))


def test_somebody_from_far_never_speaks_for_an_account_however_many_were_typed():
    guard = make_guard()
    work_nights(guard, 8)
    for n in range(300):
        guard.decide(ask(at(9, 9 + n / 40), f"typed-{n}", subject_department=f"far-{n % 95}"))
    usual, norms = guard._habits[1], guard.rules.find_norms("general_practitioner")
    assert expected_from(usual, "a-department-never-met", norms) <= weights._THIEF_DEPARTMENT


def test_a_night_of_the_practice_does_not_hide_who_sits_at_its_desk_by_day():
    guard = make_guard()
    work_nights(guard)
    given = sum(steal_by_day(guard, DAYS + n, 60) for n in range(5))
    assert given <= 60
    assert guard.find_step(1) is Step.PRESENCE_ONLY


def test_mutation_weighing_a_batch_with_the_rest_is_noticed(monkeypatch):
    weigh = judging._weigh_typed
    evidence = []

    def mix(usual, one, *, over, in_batch):
        return weigh(usual, one, over=over, in_batch=False)

    for mutation in (weigh, mix):
        monkeypatch.setattr(judging, "_weigh_typed", mutation)
        guard = make_guard()
        work_nights(guard, DAYS)
        steal_by_day(guard, DAYS, 14)
        usual = guard._habits[1]
        before = usual.typed_evidence
        for n in range(60):
            guard.decide(ask(at(DAYS, 23 + n / 450), f"night-{n}"))
        evidence.append(before - usual.typed_evidence)
    # The first few of a batch come before its pace shows.
    assert evidence[0] < evidence[1]


@pytest.mark.parametrize(("pace", "answered"), [(900, True), (20, False)])
def test_the_room_of_a_batch_is_for_batches(pace, answered):
    guard = make_guard(days=10)
    guard.decide(ask(at(10, 8), "regular-1-3"))
    new = [guard.decide(ask(at(10, 9 + n / pace), f"batch-{n}")).answer for n in range(36)]
    assert all(new) is answered
    assert any(new)


def test_its_own_place_makes_nobody_cheaper():
    guard = make_guard(days=10)
    usual, norms = guard._habits[1], guard.rules.find_norms("general_practitioner")
    look = ask(at(10), "x", subject_department="59")
    one = weights.weigh(
        usual, look, surroundings=judging.Surroundings(), norms=norms, hour=10, is_young=False
    )
    assert one.of_place < 0
    assert one.priced == one.of_person + one.burst


def test_what_a_machine_types_does_not_stretch_what_people_may_type():
    guard = make_guard(days=10)
    work_nights(guard, 1)
    usual = guard._habits[1]
    usual.step = Step.NONE  # the days of a held account teach nothing at all
    usual.today.typed, usual.today.typed_in_batch, usual.today.typed_allowance = 50.0, 45.0, 60.0
    before = usual.typed.total
    judging.begin_day(usual, usual.today.day + 1, guard.rules)
    assert usual.typed.total <= before + 5.0
    assert usual.today.typed_in_batch == 0.0


def test_mutation_a_machine_that_stretches_the_allowance_is_noticed(monkeypatch):
    close = judging._close_day

    def forget(usual, nights):
        usual.today.typed_in_batch = 0.0
        close(usual, nights)

    monkeypatch.setattr(judging, "_close_day", forget)
    with pytest.raises(AssertionError):
        test_what_a_machine_types_does_not_stretch_what_people_may_type()


def test_a_night_check_from_a_place_of_an_earlier_day_has_the_room_of_a_batch():
    guard = make_guard(days=DAYS)
    assert check_from_the_cloud(guard, DAYS) < 60, "the first night: nobody knows that place"
    assert check_from_the_cloud(guard, DAYS + 1) > 150


def test_mutation_a_place_learnt_the_same_night_would_do_for_a_thief_who_knows_a_few(monkeypatch):
    monkeypatch.setattr(Habits, "checks_from", lambda habits, ip: ip in habits.addresses)
    assert check_from_the_cloud(make_guard(days=DAYS), DAYS) > 150


def test_a_held_account_has_no_such_room():
    guard = make_guard(days=DAYS)
    check_from_the_cloud(guard, DAYS)
    contain(guard._habits[1], Step.PRESENCE_ONLY)
    assert check_from_the_cloud(guard, DAYS + 1) == 0
