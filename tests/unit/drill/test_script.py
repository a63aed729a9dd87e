"""The script of a drill: who asks what, when, from where; the same for one seed."""

import functools
from collections import Counter

import pytest

from rempart.drill.attacks import DISTRIBUTED, PACES, list_attacks
from rempart.drill.calendar import Calendar, find_date, find_instant
from rempart.drill.cast import (
    ROBOT_AGENT,
    Person,
    make_agent,
    make_line,
    make_shared_address,
)
from rempart.drill.people import Town
from rempart.drill.plan import Script, make_script
from rempart.guard.lookups import find_day, find_hour
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import SetupError
from rempart.kernel.nir import Nir
from rempart.kernel.synthetic import make_synthetic_amc_number, make_synthetic_nir
from rempart.rights.lookup import CardCode
from rempart.synth.traffic_parameters import KINDS, PRACTICES

CALENDAR = Calendar(ends_day=20_400, history=7, quiet=1, attacked=2)
ACCOUNTS = 40


def invent_people(count: int = 800) -> list[Person]:
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


PEOPLE = invent_people()


def script(seed: int = 1, **changes: object) -> Script:
    values = {"accounts": ACCOUNTS, "per_kind": 1, "calendar": CALENDAR, "seed": seed, **changes}
    return make_script(PEOPLE, **values)  # type: ignore[arg-type]


@functools.cache
def play_usual() -> Script:
    """Return the script that most of these tests read."""
    return script()


ATTACK_MS = find_instant(CALENDAR.attack_day, 0)


def test_the_same_seed_gives_the_same_script_and_another_seed_another():
    assert script(7) == script(7)
    assert script(7) != script(8)


def test_questions_come_in_order_of_time_the_past_before_what_is_played():
    asks = [*play_usual().past, *play_usual().asks]
    times = [ask.at_ms for ask in asks]
    assert times == sorted(times)
    assert find_day(times[0]) >= CALENDAR.first_day
    assert find_day(times[-1]) < CALENDAR.ends_day
    assert find_day(play_usual().asks[0].at_ms) == CALENDAR.played_day
    assert find_day(play_usual().past[-1].at_ms) < CALENDAR.played_day


def test_no_robot_asks_before_the_attack_so_that_accounts_have_a_past():
    assert all(ask.robot is None for ask in play_usual().past)
    assert min(ask.at_ms for ask in play_usual().asks if ask.robot is not None) >= ATTACK_MS
    quiet = [ask for ask in play_usual().asks if ask.at_ms < ATTACK_MS]
    assert {ask.caller for ask in quiet} >= set(play_usual().stolen)


def test_owners_of_stolen_accounts_keep_working_during_the_attack():
    during = {
        ask.caller for ask in play_usual().asks if ask.at_ms > ATTACK_MS and ask.robot is None
    }
    assert during >= set(play_usual().stolen)


def test_every_kind_of_attack_has_accounts_of_its_own():
    names = Counter(attack.name for attack in script(per_kind=2, accounts=80).attacks)
    assert set(names) == {*KINDS, *(f"sweep{pace}" for pace in PACES)}
    assert names.pop("distributed") == 2 * DISTRIBUTED
    assert set(names.values()) == {2}
    assert len(set(play_usual().stolen)) == len(play_usual().stolen) == len(list_attacks(1))


def test_every_robot_asks_something():
    asking = {ask.robot for ask in play_usual().asks} - {None}
    assert {play_usual().attacks[number].name for number in range(len(play_usual().attacks))} - {
        play_usual().attacks[number].name for number in asking if number is not None
    } <= {"insider", "sweep5"}  # a handful a day may be none in two days


def test_thieves_type_but_those_who_stole_cards():
    modes = {
        (play_usual().attacks[ask.robot].name == "list_card", ask.identifiers.mode)
        for ask in play_usual().asks
        if ask.robot is not None
    }
    assert (False, "card") not in modes
    assert (True, "card") in modes


def test_lawful_software_mostly_shows_cards_by_day():
    modes = Counter(
        ask.identifiers.mode for ask in play_usual().past if 8 <= find_hour(ask.at_ms) < 19
    )
    assert 0.7 < modes["card"] / modes.total() < 0.95  # one person in ten has no card here


def test_those_at_home_ask_from_where_their_owners_do():
    at_home = {n for n, attack in enumerate(play_usual().attacks) if attack.is_at_home}
    assert {play_usual().attacks[n].name for n in at_home} == {"mimic", "insider", "insider_bulk"}
    for number in at_home:
        caller = play_usual().attacks[number].caller
        usual = {
            a.place
            for a in (*play_usual().past, *play_usual().asks)
            if a.caller == caller and a.robot is None
        }
        assert {ask.place for ask in play_usual().asks if ask.robot == number} <= usual


def test_only_the_fast_robot_has_software_that_gives_it_away():
    naked = {
        play_usual().attacks[ask.robot].name
        for ask in play_usual().asks
        if ask.robot is not None and ask.place.agent == ROBOT_AGENT
    }
    assert naked == {"fast"}
    assert all(a.place.agent != ROBOT_AGENT for a in play_usual().asks if a.robot is None)


def test_some_thieves_come_from_addresses_that_honest_people_share():
    owners = {a.place.address for a in (*play_usual().past, *play_usual().asks) if a.robot is None}
    thieves = {a.place.address for a in play_usual().asks if a.robot is not None}
    assert thieves & owners
    assert thieves - owners


def test_accounts_are_of_every_large_profession():
    assert len(set(script(accounts=200).professions)) == len(PRACTICES)


@pytest.mark.parametrize(
    ("people", "accounts", "why"),
    [
        ([], ACCOUNTS, "nobody in the synthetic set is covered"),
        ([p for p in PEOPLE if not p.covered], ACCOUNTS, "nobody in the synthetic set is covered"),
        (PEOPLE, 12, "accounts are to be stolen and there are 12"),
    ],
)
def test_a_drill_that_cannot_be_played_says_why(people, accounts, why):
    with pytest.raises(SetupError, match=why):
        make_script(people, accounts=accounts, per_kind=1, calendar=CALENDAR, seed=1)


def test_a_set_without_former_members_still_makes_a_list():
    covered = [person for person in PEOPLE if person.covered]
    played = make_script(covered, accounts=ACCOUNTS, per_kind=1, calendar=CALENDAR, seed=1)
    assert played.attacks


def test_every_identifier_sent_is_well_formed_and_nobodys():
    for ask in (*play_usual().past[:5000], *play_usual().asks[:20_000]):
        sent = ask.identifiers
        if sent.mode == "card":
            CardCode.parse(sent.card_code)
        else:
            assert Nir.parse(sent.insured_nir).is_synthetic
            assert AmcNumber(sent.amc_number).is_synthetic


def test_a_number_of_the_stream_is_always_the_same_person():
    town, other = Town(PEOPLE), Town(PEOPLE)
    for subject in (0, 17, 5_000_000, -1, -98_765):
        assert town.find(subject) == town.find(subject) == other.find(subject)
    assert len({town.find(n).typed for n in range(300)}) > 250, "numbers are spread over everybody"


def test_people_who_are_not_found_left_or_never_were_here():
    known = {(p.insured_nir, p.birth_date): p.covered for p in PEOPLE}
    town = Town(PEOPLE)
    typed = [town.find(-1 - n).typed for n in range(300)]
    kinds = Counter(known.get((one.insured_nir, one.birth_date)) for one in typed)
    assert kinds[True] == 0
    assert kinds[None] > 50 < kinds[False]


def test_lines_are_in_the_ranges_kept_for_benchmarks_and_documentation():
    assert make_line(0) == "198.18.0.0"
    assert make_line((1 << 17) - 1) == "198.19.255.255"
    assert make_line(1 << 17) == "198.18.0.0"
    shared = {make_shared_address(number) for number in range(400)}
    assert len(shared) == 400
    assert {address.rpartition(".")[0] for address in shared} == {"203.0.113", "198.51.100"}


def test_software_says_its_name_and_its_version():
    agents = {make_agent(software, 7) for software in range(40)}
    assert len(agents) == 40
    assert make_agent(10, 7) != make_agent(10, 8)


def test_days_of_a_drill_are_those_the_guard_counts():
    for hour in (0, 8.5, 23.99):
        assert find_day(find_instant(20_000, hour)) == 20_000
        assert find_hour(find_instant(20_000, hour)) == int(hour)
    assert find_date(find_instant(20_000, 0)).isoformat() == "2024-10-04"
    assert (CALENDAR.first_day, CALENDAR.played_day, CALENDAR.attack_day) == (
        20_390,
        20_397,
        20_398,
    )


def test_a_drill_without_an_attack_is_no_drill():
    with pytest.raises(ValueError, match="one day of attack"):
        Calendar(ends_day=1, history=0, quiet=0, attacked=0)
