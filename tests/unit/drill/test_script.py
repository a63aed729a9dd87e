"""The script of a drill: who asks what, when, from where; the same for one seed."""

from collections import Counter
from random import Random

import pytest

from rempart.drill.cast import (
    MOBILE_ADDRESSES,
    ROBOT_AGENT,
    Person,
    Professional,
    make_line,
    type_identifiers,
)
from rempart.drill.plan import LAWFUL_PER_S, PAST_SHARE, make_script
from rempart.drill.practice import PRACTICES, find_practice
from rempart.drill.robots import RobotKind
from rempart.drill.traffic import make_stranger, mistype
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import SetupError
from rempart.kernel.nir import Nir
from rempart.kernel.synthetic import (
    make_synthetic_amc_number,
    make_synthetic_nir,
    make_synthetic_rpps,
)
from rempart.rights.lookup import CardCode

SECONDS = 40


def invent_people(count: int = 400) -> list[Person]:
    """A town: families of two on one NIR, one person in eight gone, one in ten without a card."""
    return [
        Person(
            amc_number=make_synthetic_amc_number(1 + n % 3).number,
            insured_nir=make_synthetic_nir(
                sex=1 + n // 2 % 2, year=1960 + n // 2 % 40, month=1 + n // 2 % 12, serial=n // 2
            ).format_compact(),
            birth_date=f"{1960 + n % 60}{1 + n % 12:02d}{1 + n % 28:02d}",
            birth_rank=1,
            card_code="" if n % 10 == 0 else CardCode.from_number(n + 1).code,
            covered=n % 8 != 0,
        )
        for n in range(count)
    ]


def invent_professionals(count: int = 60) -> list[Professional]:
    kinds = list(PRACTICES)
    return [
        Professional(rpps=make_synthetic_rpps(n).number, profession=kinds[n % len(kinds)])
        for n in range(count)
    ]


PEOPLE = invent_people()


def script(seed: int = 1, *, stolen: int = 3, professionals: int = 60, seconds: float = SECONDS):
    return make_script(
        PEOPLE, invent_professionals(professionals), stolen=stolen, seconds=seconds, seed=seed
    )


SCRIPT = script()
ATTACK_FROM = PAST_SHARE * SECONDS


def test_the_same_seed_gives_the_same_script_and_another_seed_another():
    assert script(7) == script(7)
    assert script(7) != script(8)


def test_questions_come_in_order_of_time_and_within_the_drill():
    times = [ask.at_s for ask in SCRIPT.asks]
    assert times == sorted(times)
    assert times[0] >= 0
    assert times[-1] < SECONDS


def test_no_robot_asks_before_the_attack_so_that_accounts_have_a_past():
    robots = [ask for ask in SCRIPT.asks if ask.robot is not None]
    assert min(ask.at_s for ask in robots) >= ATTACK_FROM
    for caller in SCRIPT.stolen:
        assert any(
            ask.caller == caller and ask.at_s < ATTACK_FROM and ask.robot is None
            for ask in SCRIPT.asks
        )


def test_owners_of_stolen_accounts_keep_working_during_the_attack():
    for caller in SCRIPT.stolen:
        assert any(
            ask.caller == caller and ask.at_s > ATTACK_FROM and ask.robot is None
            for ask in SCRIPT.asks
        )


@pytest.mark.parametrize("stolen", [1, 2, 3, 4, 9])
def test_every_kind_of_robot_plays_and_every_stolen_account_is_used(stolen):
    played = script(stolen=stolen)
    assert {robot.kind for robot in played.robots} == set(RobotKind)
    assert {robot.caller for robot in played.robots} == set(played.stolen)
    assert len(played.stolen) == stolen


def test_thieves_type_and_never_hold_a_card():
    assert {ask.identifiers.mode for ask in SCRIPT.asks if ask.robot is not None} == {"typed"}


def test_lawful_software_mostly_shows_cards():
    modes = Counter(ask.identifiers.mode for ask in SCRIPT.asks if ask.robot is None)
    assert 0.7 < modes["card"] / modes.total() < 0.9  # one person in ten has no card here


def test_the_robot_on_the_workstation_asks_from_where_its_owner_does():
    [mixed] = [robot for robot in SCRIPT.robots if robot.kind is RobotKind.MIXED]
    places = {ask.place for ask in SCRIPT.asks if ask.caller == mixed.caller and ask.robot is None}
    assert mixed.place in places


def test_only_the_fast_robot_has_a_place_that_gives_it_away():
    places = {robot.kind: robot.place for robot in SCRIPT.robots}
    assert places[RobotKind.FAST].agent == ROBOT_AGENT
    assert places[RobotKind.THROTTLED].address in MOBILE_ADDRESSES
    assert ROBOT_AGENT not in {places[kind].agent for kind in RobotKind if kind != "fast"}


def test_some_honest_people_look_new_too():
    owners = [ask for ask in script(2, professionals=300).asks if ask.robot is None]
    before = {(ask.caller, ask.place) for ask in owners if ask.at_s < ATTACK_FROM}
    after = {(ask.caller, ask.place) for ask in owners if ask.at_s >= ATTACK_FROM}
    assert after - before


def test_one_machine_can_play_the_lawful_traffic():
    lawful = sum(ask.robot is None for ask in script(3, professionals=300).asks)
    assert 0.6 < lawful / (LAWFUL_PER_S * SECONDS) < 1.7


@pytest.mark.parametrize(
    ("people", "professionals", "stolen", "why"),
    [
        ([], 5, 1, "nobody in the synthetic set is covered"),
        ([p for p in PEOPLE if not p.covered], 5, 1, "nobody in the synthetic set is covered"),
        (PEOPLE, 2, 3, "3 stolen accounts among 2 professionals"),
        (PEOPLE, 0, 1, "1 stolen accounts among 0 professionals"),
    ],
)
def test_a_drill_that_cannot_be_played_says_why(people, professionals, stolen, why):
    with pytest.raises(SetupError, match=why):
        make_script(people, invent_professionals(professionals), stolen=stolen, seconds=9, seed=1)


def test_a_set_without_former_members_still_makes_a_list():
    covered = [person for person in PEOPLE if person.covered]
    played = make_script(covered, invent_professionals(9), stolen=1, seconds=9, seed=1)
    assert played.robots


def test_every_identifier_sent_is_well_formed_and_nobodys():
    for ask in SCRIPT.asks:
        sent = ask.identifiers
        if sent.mode == "card":
            CardCode.parse(sent.card_code)
        else:
            assert Nir.parse(sent.insured_nir).is_synthetic
            assert AmcNumber(sent.amc_number).is_synthetic


def test_a_typing_error_changes_the_birth_day_and_nothing_else():
    for person in PEOPLE[:100]:
        typed = type_identifiers(person)
        wrong = mistype(typed, Random(person.birth_date))
        assert wrong.birth_date != typed.birth_date
        assert wrong.birth_date[:6] == typed.birth_date[:6]
        assert wrong.insured_nir == typed.insured_nir


def test_a_stranger_has_a_keyed_number_that_nobody_holds():
    stranger = make_stranger(Random(1), "9900000001")
    assert Nir.parse(stranger.insured_nir).is_synthetic


def test_lines_are_in_the_range_kept_for_benchmarks():
    assert make_line(0) == "198.18.0.0"
    assert make_line((1 << 17) - 1) == "198.19.255.255"
    assert make_line(1 << 17) == "198.18.0.0"


def test_a_profession_without_figures_works_like_a_general_practitioner():
    assert find_practice("midwife") is PRACTICES["general_practitioner"]


def test_the_professions_make_up_the_whole():
    assert sum(practice.share for practice in PRACTICES.values()) == pytest.approx(1)
