"""What is owed, where each clock is, and what comes first on the screen."""

from dataclasses import replace
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.clock_samples import CALENDAR, INSURER, OPERATOR, at, fact, plan_one

from rempart.incidents import clocks as module
from rempart.incidents.clock_rules import CLOCK_RULES, RULES_BY_CODE, Trait, read_rule
from rempart.incidents.clocks import (
    ClockState,
    Exempt,
    Fact,
    Party,
    list_reminders,
    plan_clocks,
    rank_urgency,
)
from rempart.tariffs.working_days import compute_easter, list_bank_holidays

RECEIVED = fact("package_received", "2026-03-02 10:00", 7)
MAJOR = fact("classified", "2026-03-02 20:00", 7, major=True)


def submitted(when: str, report: str, phase: str = "", **details):
    return fact("report_submitted", when, 7, report=report, phase=phase, **details)


@pytest.mark.parametrize(
    ("told", "now", "state"),
    [
        ([], "2026-03-02 11:00", ClockState.WAITING),
        ([RECEIVED], "2026-03-02 11:00", ClockState.RUNNING),
        ([RECEIVED], "2026-03-05 10:00", ClockState.RUNNING),
        ([RECEIVED], "2026-03-05 10:01", ClockState.MISSED),
        (
            [RECEIVED, submitted("2026-03-05 10:00", "cnil", "initial")],
            "2026-03-09 10:00",
            ClockState.MET,
        ),
        (
            [RECEIVED, submitted("2026-03-05 10:01", "cnil", "initial")],
            "2026-03-09 10:00",
            ClockState.MET_LATE,
        ),
        ([submitted("2026-03-01 10:00", "cnil", "initial")], "2026-03-09 10:00", ClockState.MET),
        (
            [RECEIVED, submitted("2026-03-03 10:00", "dora", "initial")],
            "2026-03-09 10:00",
            ClockState.MISSED,
        ),
        (
            [RECEIVED, fact("decision", "2026-03-03 10:00", 7, decision="cnil_not_required")],
            "2026-03-09 10:00",
            ClockState.NOT_APPLICABLE,
        ),
    ],
)
def test_a_notification_waits_runs_is_met_or_missed(told, now, state):
    assert plan_one("gdpr_33", told, now=now).state is state


def test_mutation_a_limit_counted_from_the_wrong_fact_is_seen(monkeypatch):
    """Counted from the operator's awareness, the insurer would be late before it was told."""
    aware = fact("awareness", "2026-02-20 10:00", None)
    assert plan_one("gdpr_33", [aware, RECEIVED], now="2026-03-02 11:00").is_open
    monkeypatch.setattr(module, "_matches", lambda told, one, _party: told.kind == one.kind)
    assert plan_one("gdpr_33", [aware, RECEIVED], now="2026-03-02 11:00").state is ClockState.MISSED


def file_as_operator(when: str, **details):
    return fact("report_submitted", when, report="cnil", phase="initial", **details)


def test_the_operators_own_notification_is_no_insurers():
    told = [fact("awareness", "2026-03-02 09:00"), RECEIVED, file_as_operator("2026-03-03 09:00")]
    assert plan_one("gdpr_33", told, now="2026-03-04 09:00").state is ClockState.RUNNING
    assert plan_one("gdpr_33_more", told, now="2026-03-04 09:00").state is ClockState.WAITING
    assert plan_one("gdpr_33_operator", told, now="2026-03-04 09:00").state is ClockState.MET


def test_a_notification_filed_for_insurers_is_not_the_operators_own():
    filed = file_as_operator("2026-03-03 09:00", insurers=[7, 8])
    told = [fact("awareness", "2026-03-02 09:00"), RECEIVED, filed]
    assert plan_one("gdpr_33", told, now="2026-03-04 09:00").state is ClockState.MET
    assert plan_one("gdpr_33_operator", told, now="2026-03-04 09:00").state is ClockState.RUNNING


def test_who_is_not_a_controller_does_not_notify():
    parties = [OPERATOR, replace(INSURER, traits=frozenset())]
    clocks = plan_clocks([RECEIVED], CLOCK_RULES, parties, calendar=CALENDAR, now=at("2026-03-03"))
    of_insurer = [one for one in clocks if one.party.insurer_id == 7]
    assert {one.state for one in of_insurer if one.rule.owed_by == "insurer"} == {
        ClockState.NOT_APPLICABLE
    }
    assert {one.exempt for one in of_insurer if one.rule.code == "gdpr_33"} == {Exempt.NOT_OWED}


def test_an_optional_clock_is_owed_by_nobody_until_somebody_says_so():
    clocks = plan_clocks(
        [fact("awareness", "2026-03-02 10:00")],
        CLOCK_RULES,
        [OPERATOR, INSURER],
        calendar=CALENDAR,
        now=at("2026-03-03"),
    )
    assert {one.state for one in clocks if one.rule.optional} == {ClockState.NOT_APPLICABLE}


def test_without_a_classification_the_24_hours_bind_until_they_are_over():
    before = plan_one("dora_initial_24h", [RECEIVED], now="2026-03-03 09:59")
    after = plan_one("dora_initial_24h", [RECEIVED], now="2026-03-03 10:01")
    assert before.state is ClockState.RUNNING
    assert (after.state, after.exempt) == (ClockState.NOT_APPLICABLE, Exempt.LAPSED)


def test_a_late_classification_leaves_four_hours():
    late = fact("classified", "2026-03-04 09:00", 7, major=True)
    day = plan_one("dora_initial_24h", [RECEIVED, late], now="2026-03-04 10:00")
    hours = plan_one("dora_initial_4h", [RECEIVED, late], now="2026-03-04 10:00")
    assert day.exempt is Exempt.LAPSED
    assert (hours.state, hours.due_at) == (ClockState.RUNNING, at("2026-03-04 13:00"))


def test_a_classification_in_time_does_not_lift_the_24_hours():
    day = plan_one("dora_initial_24h", [RECEIVED, MAJOR], now="2026-03-03 10:01")
    assert day.state is ClockState.MISSED


def test_an_incident_that_is_not_major_owes_no_report():
    minor = fact("classified", "2026-03-02 12:00", 7, major=False)
    day = plan_one("dora_initial_24h", [RECEIVED, minor], now="2026-03-09 10:01")
    assert (day.state, day.exempt) == (ClockState.NOT_APPLICABLE, Exempt.WAIVED)


def test_an_incident_found_major_after_all_owes_its_reports():
    minor = fact("classified", "2026-03-02 12:00", 7, major=False)
    told = [RECEIVED, minor, MAJOR]
    day = plan_one("dora_initial_24h", told, now="2026-03-02 21:00")
    hours = plan_one("dora_initial_4h", told, now="2026-03-02 21:00")
    assert (day.state, day.due_at) == (ClockState.RUNNING, at("2026-03-03 10:00"))
    assert (hours.state, hours.due_at) == (ClockState.RUNNING, at("2026-03-03 00:00"))


def test_an_incident_found_major_again_is_counted_from_then():
    minor = fact("classified", "2026-03-02 20:05", 7, major=False)
    again = fact("classified", "2026-03-04 09:00", 7, major=True)
    told = [RECEIVED, MAJOR, minor, again]
    day = plan_one("dora_initial_24h", told, now="2026-03-04 10:00")
    hours = plan_one("dora_initial_4h", told, now="2026-03-04 10:00")
    assert day.exempt is Exempt.LAPSED
    assert (hours.state, hours.due_at) == (ClockState.RUNNING, at("2026-03-04 13:00"))


def test_an_incident_found_not_major_after_all_owes_none():
    minor = fact("classified", "2026-03-02 20:05", 7, major=False)
    for code in ("dora_initial_24h", "dora_initial_4h"):
        clock = plan_one(code, [RECEIVED, MAJOR, minor], now="2026-03-09 10:00")
        assert (clock.state, clock.exempt) == (ClockState.NOT_APPLICABLE, Exempt.WAIVED)


def test_of_two_decisions_about_telling_people_the_last_one_holds():
    def decide(when: str, answer: str):
        return fact("decision", when, 7, decision="art34", answer=answer)

    no, yes = decide("2026-03-03 10:00", "not_needed"), decide("2026-03-04 10:00", "inform")
    clock = plan_one("gdpr_34", [RECEIVED, no, yes], now="2026-03-05 10:00")
    assert (clock.state, clock.started) == (ClockState.RUNNING, yes)
    never = decide("2026-03-05 09:00", "not_needed")
    clock = plan_one("gdpr_34", [RECEIVED, no, yes, never], now="2026-03-05 10:00")
    assert (clock.state, clock.waived) == (ClockState.NOT_APPLICABLE, never)


def test_a_text_without_a_number_shows_the_time_spent():
    clock = plan_one("processor_notice", [fact("awareness", "2026-03-02 10:00")])
    assert (clock.due_at, clock.remaining(at("2026-03-03 10:00"))) == (None, None)
    assert clock.elapsed(at("2026-03-03 10:00")) == timedelta(hours=24)
    sent = fact("package_sent", "2026-03-02 16:00", 7)
    met = plan_one("processor_notice", [fact("awareness", "2026-03-02 10:00"), sent])
    assert (met.state, met.elapsed(at("2026-03-09 10:00"))) == (
        ClockState.MET,
        timedelta(hours=6),
    )


def test_a_moved_limit_keeps_the_strict_one_beside_it():
    clock = plan_one("dora_initial_4h", [fact("classified", "2026-03-07 10:00", 7, major=True)])
    assert (clock.strict_at, clock.is_moved) == (at("2026-03-07 14:00"), True)
    assert not plan_one("gdpr_33", [fact("package_received", "2026-03-06 10:00", 7)]).is_moved


def test_what_is_past_comes_first_then_what_runs_out_soonest():
    told = [
        fact("awareness", "2026-03-02 08:00"),
        fact("package_received", "2026-03-02 10:00", 7),
        MAJOR,
    ]
    parties = [OPERATOR, INSURER]
    clocks = plan_clocks(told, CLOCK_RULES, parties, calendar=CALENDAR, now=at("2026-03-03 06:00"))
    assert [one.rule.code for one in clocks[:4]] == [
        *("dora_initial_4h", "dora_initial_24h", "complaint_operator", "complaint"),
    ]
    assert clocks == sorted(clocks, key=rank_urgency)


def test_reminders_come_once_per_threshold():
    clock = plan_one("gdpr_33", [RECEIVED], now="2026-03-04 11:00")
    key = clock.key
    assert list_reminders([clock], now=at("2026-03-04 09:00"), sent={}) == []
    assert list_reminders([clock], now=at("2026-03-04 11:00"), sent={}) == [(clock, 1)]
    assert list_reminders([clock], now=at("2026-03-04 12:00"), sent={key: 1}) == []
    assert list_reminders([clock], now=at("2026-03-05 09:30"), sent={key: 1}) == [(clock, 3)]
    past = plan_one("gdpr_33", [RECEIVED], now="2026-03-05 11:00")
    assert list_reminders([past], now=at("2026-03-05 11:00"), sent={key: 3}) == [(past, 4)]


def test_what_is_done_reminds_nobody():
    done = plan_one("gdpr_33", [RECEIVED, submitted("2026-03-03 10:00", "cnil", "initial")])
    assert list_reminders([done], now=at("2026-03-09 10:00"), sent={}) == []


def test_an_incident_has_one_operator():
    with pytest.raises(ValueError, match="one operator"):
        plan_clocks([], CLOCK_RULES, [INSURER], calendar=CALENDAR, now=at("2026-03-02"))


def test_a_fact_without_an_offset_is_refused():
    with pytest.raises(ValueError, match="offset"):
        Fact(event_ref=1, kind="awareness", happened_at=at("2026-03-02").replace(tzinfo=None))


@pytest.mark.parametrize(
    "wrong",
    [
        {"months": 1},
        {"source": ""},
        {"starts": []},
        {"met_by": []},
        {"needs": "rich"},
    ],
)
def test_a_rule_that_contradicts_itself_is_refused(wrong):
    words = {
        f"{name}{language}": "x" for name in ("to_", "late_", "note_") for language in ("fr", "en")
    }
    row = {
        **words,
        "code": "x",
        "fr": "x",
        "en": "x",
        "scope": "insurer",
        "owed_by": "insurer",
        "source": "x",
        "hours": 72,
        "needs": "controller",
        "starts": [{"kind": "awareness", "from": "own"}],
        "met_by": [{"kind": "note", "from": "own"}],
    }
    assert read_rule(row).hours == 72
    with pytest.raises(ValueError):
        read_rule(row | wrong)


@given(
    st.datetimes(at("2020-01-01").replace(tzinfo=None), at("2035-01-01").replace(tzinfo=None)),
    st.sampled_from([rule.code for rule in CLOCK_RULES if rule.hours]),
)
def test_hours_are_elapsed_hours_and_tolerance_never_shortens(start, code):
    rule = RULES_BY_CODE[code]
    [pattern, *_] = rule.starts
    insurer_id = 7 if rule.per_insurer else None
    told = Fact(
        event_ref=1,
        kind=pattern.kind,
        happened_at=start.replace(tzinfo=at("2026-01-01").tzinfo),
        insurer_id=insurer_id,
        details=dict(pattern.where),
    )
    clock = plan_one(code, [told])
    assert clock.strict_at - told.happened_at == timedelta(hours=rule.hours)
    assert clock.strict_at <= clock.due_at <= clock.strict_at + timedelta(days=5)
    if clock.is_moved:
        local = clock.due_at.astimezone(CALENDAR.zone)
        assert (local.hour, local.minute) == (12, 0)
        assert CALENDAR.is_working(local.date())


@given(st.permutations([RECEIVED, MAJOR, submitted("2026-03-03 10:00", "cnil", "initial")]))
def test_the_order_in_which_facts_are_told_changes_nothing(told):
    def plan(facts):
        return plan_clocks(
            facts,
            CLOCK_RULES,
            [OPERATOR, INSURER],
            calendar=CALENDAR,
            now=at("2026-03-04 10:00"),
        )

    assert plan(told) == plan([RECEIVED, MAJOR, submitted("2026-03-03 10:00", "cnil", "initial")])


def test_easter_is_where_the_tables_put_it():
    known = {1961: (4, 2), 2000: (4, 23), 2008: (3, 23), 2011: (4, 24), 2038: (4, 25)}
    assert {year: compute_easter(year).timetuple()[1:3] for year in known} == known


def test_a_year_has_eleven_bank_holidays_and_thirteen_in_alsace_moselle():
    for year in range(2020, 2040):
        plain = list_bank_holidays(year)
        # Ascension falls on 1 or 8 May now and then.
        assert len(plain) in {10, 11}
        assert len(list_bank_holidays(year, alsace_moselle=True)) == len(plain) + 2


def test_parties_are_what_they_usually_are():
    assert Trait.PROCESSOR in OPERATOR.traits
    assert Trait.NIS2 in Party.make_operator("x", more=frozenset({Trait.NIS2})).traits
