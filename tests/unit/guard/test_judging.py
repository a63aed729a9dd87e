"""What is answered, what is refused, what contains: one account before its own past."""

import pytest
from tests.unit.guard.samples import OWN_AGENT, OWN_IP, ask, at, live, make_guard, steal

from rempart.guard import Account, Policy, SignalKind, Step, habits, judging
from rempart.guard.known import judge_known

WORKDAYS = 10


def rob(guard, day=WORKDAYS, count=300, account=1, **changes):
    """Play a thief in a hurry; return the decisions."""
    return [
        guard.decide(steal(at(day, 10 + n / 600), f"victim-{n}", account, **changes))
        for n in range(count)
    ]


def rob_at_the_desk(guard):
    """Play a thief at the account's own line, with a list from all over the country."""
    for n in range(60):
        far = {"subject_department": f"far-{n}", "ip": OWN_IP, "user_agent": OWN_AGENT}
        guard.decide(steal(at(WORKDAYS, 10 + n / 600), f"victim-{n}", **far))


def test_somebody_known_is_answered_at_every_step():
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    assert guard.find_step(1) is Step.PRESENCE_ONLY
    again = guard.decide(ask(at(WORKDAYS, 14), "regular-1-3"))
    assert again.answer
    assert again.step is Step.NONE


def test_mutation_a_guard_that_forgets_faces_would_cut_care(monkeypatch):
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    monkeypatch.setitem(guard._faces, 1, {})
    assert not guard.decide(steal(at(WORKDAYS, 14), "regular-1-3")).answer


def test_a_thief_gets_a_handful_before_the_account_is_contained():
    guard = make_guard(days=WORKDAYS)
    decisions = rob(guard)
    assert sum(one.answer for one in decisions) <= 12
    assert sum(one.contains for one in decisions) == 1
    assert not any(one.answer for one in decisions[50:])


def test_mutation_a_guard_without_evidence_nor_allowance_lets_everybody_go(monkeypatch):
    monkeypatch.setattr(judging, "_charge_typed", lambda *_, **__: (False, 0.0))
    guard = make_guard(days=WORKDAYS)
    assert sum(one.answer for one in rob(guard)) == 300


def test_an_account_that_was_contained_still_gets_new_faces_who_show_a_card():
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    shown = guard.decide(ask(at(WORKDAYS, 15), "somebody-new", presence=True))
    assert shown.answer
    assert not guard.decide(ask(at(WORKDAYS, 15), "typed-new")).answer


def test_a_thief_with_leaked_cards_is_contained_while_the_owner_goes_on_with_cards():
    guard = make_guard(days=WORKDAYS)
    decisions = rob(guard, presence=True)
    assert sum(one.answer for one in decisions) <= 20
    assert not guard.decide(steal(at(WORKDAYS, 15), "another", presence=True)).answer
    assert guard.decide(ask(at(WORKDAYS, 15), "somebody-new", presence=True)).answer
    assert guard.decide(ask(at(WORKDAYS, 15), "typed-new")).answer
    assert not guard.decide(steal(at(WORKDAYS, 15), "typed-elsewhere")).answer


def flood_with_cards(guard, days=4, a_day=300):
    """Play a thief with a list of cards at the account's own place; return answers by day."""
    return [
        sum(
            guard.decide(
                ask(at(WORKDAYS + day, 9 + n / 40), f"listed-{day}-{n}", presence=True)
            ).answer
            for n in range(a_day)
        )
        for day in range(days)
    ]


def test_cards_at_the_counter_keep_the_usual_pace_while_their_flood_waits_for_a_review():
    guard = make_guard(days=WORKDAYS)
    first, *others = flood_with_cards(guard)
    assert guard.find_step(1) is Step.PRESENCE_ONLY
    assert 0 < max(others) < first
    # Nobody's care stops: as many new patients as on other days.
    assert min(others) >= 15


def test_the_days_of_a_held_account_teach_it_nothing():
    guard = make_guard(days=WORKDAYS)
    usual = guard._habits[1]
    rob(guard)
    before = (usual.card.total, usual.typed.total)
    for day in range(1, 4):
        live(guard, 1, first=WORKDAYS + day)
    assert (usual.card.total, usual.typed.total) == before
    guard.released(1, at(WORKDAYS + 4))
    live(guard, 2, first=WORKDAYS + 4)
    assert usual.card.total != before[0]


def test_mutation_a_thief_who_teaches_a_held_account_gets_more_cards_each_day(monkeypatch):
    close = judging._close_day

    def teach(usual, nights):
        step, usual.step = usual.step, Step.NONE
        close(usual, nights)
        usual.step = step

    guard = make_guard(days=WORKDAYS)
    kept = flood_with_cards(guard, days=6)[1:]
    monkeypatch.setattr(judging, "_close_day", teach)
    guard = make_guard(days=WORKDAYS)
    assert sum(flood_with_cards(guard, days=6)[1:]) > 1.2 * sum(kept)


def test_an_owner_types_on_at_the_own_line_what_a_thief_elsewhere_left_nothing_of():
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    typed = [guard.decide(ask(at(WORKDAYS, 16 + n / 12), f"mine-{n}")).answer for n in range(8)]
    assert typed == sorted(typed), "refused while the thief's evidence is fresh, then answered"
    assert typed[-1]
    assert not guard.decide(steal(at(WORKDAYS, 16), "elsewhere")).answer


def test_an_account_contained_at_its_own_line_types_nobody_new_anywhere():
    guard = make_guard(days=WORKDAYS)
    rob_at_the_desk(guard)
    assert guard.find_step(1) is Step.PRESENCE_ONLY
    for n in range(30):
        assert not guard.decide(ask(at(WORKDAYS, 15 + n / 60), f"mine-{n}")).answer


def test_mutation_holding_no_more_than_elsewhere_lets_a_thief_at_the_desk_go_on(monkeypatch):
    def reach(usual, _lookup):
        usual.held_away, usual.held_cards = True, False

    monkeypatch.setattr(judging, "_set_reach", reach)
    guard = make_guard(days=WORKDAYS)
    rob_at_the_desk(guard)
    more = [guard.decide(ask(at(WORKDAYS + 1, 15 + n / 6), f"mine-{n}")) for n in range(30)]
    assert any(one.answer for one in more)


def test_cards_pass_anywhere_while_only_what_is_typed_was_suspicious_until_they_are_too():
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    assert guard.decide(ask(at(WORKDAYS, 15), "new", presence=True, ip="a-train")).answer
    decisions = rob(guard, day=WORKDAYS + 1, presence=True)
    assert sum(one.answer for one in decisions) <= 20
    assert not guard.decide(ask(at(WORKDAYS + 1, 15), "n", presence=True, ip="a-train")).answer


def recheck(guard, count, *, every, **changes):
    """Type many people at night from the own line, so many of them known; return who was new."""
    new = []
    for n in range(count):
        moment = at(WORKDAYS, 2 + n / 900)
        if n % every == 0:
            guard.decide(ask(moment, f"regular-1-{n // every % 40}"))
        new.append(guard.decide(ask(moment, f"batch-{n}", **changes)))
    return new


def test_a_batch_among_whom_the_account_knows_some_is_answered_beyond_the_allowance():
    assert all(one.answer for one in recheck(make_guard(days=WORKDAYS), 400, every=12))


def test_a_batch_of_strangers_from_all_over_the_country_is_not():
    new = recheck(make_guard(days=WORKDAYS), 400, every=12, subject_department="59")
    assert sum(one.answer for one in new) <= 20


def test_a_batch_among_whom_the_account_knows_nobody_soon_ends_and_asking_twice_does_not_help():
    guard = make_guard(days=WORKDAYS)
    for n in range(50):
        guard.decide(ask(at(WORKDAYS, 1 + n / 60), "regular-1-3"))
    new = recheck(guard, 400, every=1000)
    assert sum(one.answer for one in new) <= 120


def test_mutation_counting_the_same_person_again_is_noticed(monkeypatch):
    def count(usual, _subject):
        usual.today.typed_known = usual.today.typed_known << 1 | 1
        return True

    monkeypatch.setattr(habits.Habits, "count_typed_known", count)
    guard = make_guard(days=WORKDAYS)
    for n in range(50):
        guard.decide(ask(at(WORKDAYS, 1 + n / 60), "regular-1-3"))
    assert sum(one.answer for one in recheck(guard, 400, every=1000)) > 300


def test_what_a_batch_held_does_not_stretch_tomorrows_allowance():
    guard = make_guard(days=WORKDAYS)
    usual = guard._habits[1].today.typed_allowance
    recheck(guard, 400, every=12)
    live(guard, 1, first=WORKDAYS + 1, typed=0, cards=0)
    assert guard._habits[1].today.typed_allowance <= usual + 6


def make_and_steal(every):
    """Return the evidence of a thief who is at home, but for one look-up in so many."""
    guard = make_guard(days=WORKDAYS)
    for n in range(0, 6, every):
        guard.decide(
            steal(at(WORKDAYS, 9 + n / 60), f"victim-{n}", ip=OWN_IP, user_agent=OWN_AGENT)
        )
    return guard._habits[1].typed_evidence


def test_a_thief_does_not_teach_where_people_live():
    guard = make_guard(days=WORKDAYS)
    before = dict(guard._habits[1].departments)
    rob(guard, count=20)
    rob(guard, count=20, presence=True)
    assert guard._habits[1].departments == before


def test_what_the_owner_types_does_not_hide_a_thief_and_a_strange_place_never_helps_him():
    alone, beside, moving = (make_guard(days=WORKDAYS) for _ in range(3))
    for n in range(6):
        alone.decide(steal(at(WORKDAYS, 9 + n / 60), f"victim-{n}"))
        beside.decide(steal(at(WORKDAYS, 9 + n / 60), f"victim-{n}"))
        beside.decide(ask(at(WORKDAYS, 9 + n / 60), f"neighbour-{n}"))
        place = {} if n % 2 else {"ip": OWN_IP, "user_agent": OWN_AGENT}
        moving.decide(steal(at(WORKDAYS, 9 + n / 60), f"victim-{n}", **place))
    assert beside._habits[1].strange_evidence == alone._habits[1].strange_evidence > 0
    assert moving._habits[1].typed_evidence > 0
    assert max(moving._habits[1].typed_evidence, moving._habits[1].strange_evidence) >= (
        make_and_steal(every=2)
    )


def test_a_held_account_shows_no_card_from_a_place_it_passed_by():
    guard = make_guard(days=WORKDAYS)
    guard.decide(ask(at(WORKDAYS - 1, 22), "regular-1-3", ip="a-train"))
    rob(guard, presence=True)
    assert not guard.decide(ask(at(WORKDAYS, 15), "new", presence=True, ip="a-train")).answer


def test_who_is_held_to_known_faces_by_a_person_sees_nobody_new_with_any_card():
    guard = make_guard(days=WORKDAYS)
    judging.contain(guard._habits[1], Step.KNOWN_FACES_ONLY)
    assert not guard.decide(ask(at(WORKDAYS, 15), "somebody-new", presence=True)).answer
    assert guard.decide(ask(at(WORKDAYS, 15), "regular-1-3")).answer


def test_a_lawful_fortnight_is_never_contained_and_hardly_refused():
    guard = make_guard(days=14)
    refused = [guard.decide(ask(at(14, 15 + n / 60), f"new-{n}")) for n in range(3)]
    assert guard.find_step(1) is Step.NONE
    assert all(one.answer for one in refused)


def test_whoever_asks_for_a_canary_is_contained_at_once():
    guard = make_guard(canaries=["canary"], days=WORKDAYS)
    decision = guard.decide(ask(at(WORKDAYS), "canary", presence=True))
    assert not decision.answer
    assert decision.contains
    assert decision.signals[0].kind is SignalKind.CANARY
    assert not guard.decide(ask(at(WORKDAYS, 11), "canary", presence=True)).contains


def test_a_day_allows_what_it_usually_holds_and_not_ten_times_more():
    guard = make_guard(days=WORKDAYS)
    decisions = [guard.decide(ask(at(WORKDAYS, 15 + n / 600), f"new-{n}")) for n in range(200)]
    answered = sum(one.answer for one in decisions)
    assert 5 <= answered <= 60
    over = next(one for one in decisions if not one.answer)
    assert over.step is Step.SHOW_PRESENCE
    assert over.signals[0].kind is SignalKind.TYPED_FACES
    assert over.signals[0].observed >= over.signals[0].expected


@pytest.mark.parametrize("spent", [0.5, 0.99, 1.0, 1.5])
@pytest.mark.parametrize("in_batch", [False, True])
@pytest.mark.parametrize("is_full", [False, True])
def test_whether_the_allowance_refuses_does_not_depend_on_whom_it_is_about(
    spent, in_batch, is_full
):
    answers = set()
    for changes in ({}, {"found": False, "insurer": 0}, {"subject_department": "59"}):
        guard = make_guard(days=WORKDAYS)
        today = guard._habits[1].today
        judging.begin_day(guard._habits[1], today.day + 1, guard.rules)
        today.typed = spent * today.typed_allowance
        today.batch_count = Policy().batch_room if is_full else 0
        if in_batch:
            guard._habits[1].burst, guard._habits[1].burst_ms = 9.0, at(WORKDAYS, 15)
        answers.add(guard.decide(ask(at(WORKDAYS, 15), "somebody", **changes)).answer)
    assert answers == {spent < 1.0 or (in_batch and not is_full)}


def test_what_is_refused_teaches_nothing():
    guard = make_guard(days=WORKDAYS)
    usual = guard._habits[1].today.typed_allowance
    rob(guard, count=2000)
    live(guard, 1, first=WORKDAYS + 1, typed=0, cards=0)
    assert guard._habits[1].today.typed_allowance <= usual + 1


def test_a_thief_cannot_make_an_address_or_a_software_usual():
    guard = make_guard(days=WORKDAYS)
    for day in range(WORKDAYS, WORKDAYS + 5):
        rob(guard, day=day, count=40)
        rob(guard, day=day, count=40, presence=True)
    assert "203.0.113.9" not in guard._habits[1].addresses
    assert "curl/8" not in guard._habits[1].agents


def test_mutation_learning_places_from_whom_a_thief_was_told_about_is_noticed(monkeypatch):
    monkeypatch.setattr(
        "rempart.guard.engine.judge_known",
        lambda *one, teaches, policy: judge_known(*one, teaches=True, policy=policy),
    )
    guard = make_guard(days=WORKDAYS)
    rob(guard, count=3)
    rob(guard, count=3)
    assert "203.0.113.9" in guard._habits[1].addresses


def test_several_accounts_from_one_strange_address_weigh_more_than_one():
    alone = make_guard(1, 2, 3, 4, days=WORKDAYS)
    together = make_guard(1, 2, 3, 4, days=WORKDAYS)
    for account in (2, 3, 4):
        together.decide(steal(at(WORKDAYS, 9), "first", account))
    for guard in (alone, together):
        guard.decide(steal(at(WORKDAYS, 10), "victim"))
    assert together._habits[1].strange_evidence > alone._habits[1].strange_evidence


def test_a_review_gives_credit_and_room():
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    guard.released(1, at(WORKDAYS, 14))
    assert guard.find_step(1) is Step.NONE
    assert not list(guard.list_contained())
    assert guard.decide(ask(at(WORKDAYS, 15), "typed-new")).answer


def test_a_review_makes_the_place_it_was_held_from_usual_and_its_credit_lasts():
    guard = make_guard(days=WORKDAYS)
    rob(guard, ip="198.51.100.7", user_agent="practice/4")
    guard.released(1, at(WORKDAYS, 14))
    assert "198.51.100.7" in guard._habits[1].addresses
    new = [
        guard.decide(ask(at(WORKDAYS, 15 + n / 60), f"after-{n}", ip="198.51.100.7", presence=True))
        for n in range(30)
    ]
    assert all(one.answer for one in new)


def test_an_account_given_back_after_a_theft_learns_nothing_of_the_thief():
    guard = make_guard(days=WORKDAYS)
    rob(guard)
    guard.released(1, at(WORKDAYS, 14), keep_allowance=True)
    assert "203.0.113.9" not in guard._habits[1].addresses
    assert sum(one.answer for one in rob(guard, day=WORKDAYS + 1)) <= 12


def test_a_clock_that_steps_back_opens_no_new_day_and_no_new_allowance():
    guard = make_guard(days=WORKDAYS)
    for n in range(200):
        guard.decide(ask(at(WORKDAYS, 15 + n / 600), f"new-{n}"))
    spent = guard._habits[1].today.typed
    back = guard.decide(ask(at(WORKDAYS - 3), "another"))
    assert not back.answer
    assert guard._habits[1].today.typed > spent


def test_a_clock_that_was_a_year_ahead_does_not_stop_the_days():
    guard = make_guard(days=WORKDAYS)
    guard.decide(ask(at(WORKDAYS + 365), "typed-next-year"))
    guard.decide(ask(at(WORKDAYS, 11), "typed-today"))
    spent = guard._habits[1].today.typed
    guard.decide(ask(at(WORKDAYS + 1, 11), "typed-tomorrow"))
    assert spent > guard._habits[1].today.typed > 0


def test_signals_come_heaviest_first_with_what_was_usual():
    guard = make_guard(days=WORKDAYS)
    refused = next(one for one in rob(guard) if not one.answer)
    weights = [one.weight for one in refused.signals]
    assert weights == sorted(weights, reverse=True) or refused.signals[0].kind is (
        SignalKind.TYPED_FACES
    )
    kinds = {one.kind for one in refused.signals}
    assert {SignalKind.NETWORK, SignalKind.AGENT, SignalKind.GEOGRAPHY} <= kinds
    assert all(one.weight > 0 for one in refused.signals)


def test_what_is_kept_of_an_account_is_bounded():
    usual = habits.Habits("nurse", "75")
    usual.today.day = 1
    for n in range(5000):
        usual.learn_place(f"10.0.{n // 256}.{n % 256}", f"agent-{n}", n % 24, 1 + n // 50)
        usual.learn_person(f"{n}", n, found=True)
    assert len(usual.addresses) <= 100
    assert len(usual.agents) <= 20
    assert len(usual.insurers) <= 500
    assert len(usual.departments) <= 201
    assert sum(usual.hours) <= 301


def work(usual, day, place, passing):
    """Work a day from one place, one time in ten by a passing address."""
    usual.today.day = day
    for n, address in enumerate(passing):
        if n % 10 == 0:
            usual.learn_place(place, "software", 9, day)
        usual.learn_place(address, "software", 9, day)


def test_the_address_one_works_from_is_never_pushed_out_by_passing_ones():
    usual = habits.Habits("hospital", "75")
    for day in range(60):
        work(usual, day, "practice", [f"mobile-{day}-{n}" for n in range(80)])
    assert usual.addresses["practice"].since == 0


def test_mutation_forgetting_what_was_not_seen_today_loses_it(monkeypatch):
    monkeypatch.setattr(habits, "_weigh_known", lambda known, _day: -known.days)
    usual = habits.Habits("hospital", "75")
    for day in range(60):
        work(usual, day, "practice", [f"mobile-{day}-{n}" for n in range(105)])
    assert usual.addresses["practice"].since > 0


def test_a_practice_that_moves_gets_a_usual_address_again():
    usual = habits.Habits("hospital", "75")
    for day in range(40):
        place = "old" if day < 30 else "new"
        work(usual, day, place, [f"mobile-{n}" for n in range(90)])
    assert usual.addresses["new"].since == 30


def test_a_newcomer_starts_from_its_profession():
    guard = make_guard(*range(1, 9), days=WORKDAYS)
    guard.add(Account("new", "general_practitioner", "31"))
    guard.add(Account("other", "unheard_of", "31"))
    for ref in ("new", "other"):
        guard.decide(ask(at(WORKDAYS, 9), "first", ref, presence=True))
    norms = guard.rules.find_norms("general_practitioner")
    assert guard._habits["new"].today.typed_expected == pytest.approx(norms.typed)
    assert guard._habits["other"].today.typed_expected == pytest.approx(1.0)


def test_an_account_nobody_named_starts_as_a_newcomer():
    guard = make_guard()
    assert guard.decide(ask(at(0), "somebody", "unheard-of", presence=True)).answer
