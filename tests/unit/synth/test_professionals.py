"""Professionals: professions and places after real shares."""

from collections import Counter

from rempart.synth import Parameters
from rempart.synth.feeds import load_tables
from rempart.synth.professionals import PROFESSIONS, draw_professionals


def draw(count):
    tables = load_tables()
    parameters = Parameters(members=1, professionals=count)
    return list(draw_professionals(parameters, tables.names, tables.places))


def test_professions_have_exactly_their_shares():
    counts = Counter(one.profession for one in draw(2_000))
    assert {code: count / 20 for code, count in counts.items()} == {
        profession.code: profession.share for profession in PROFESSIONS
    }


def test_shares_add_up_to_a_hundred():
    assert sum(profession.share for profession in PROFESSIONS) == 100


def test_one_place_of_work_has_one_siret_finess_iban_and_address():
    facts = {}
    for one in draw(2_000):
        assert facts.setdefault(one.siret, one[4:]) == one[4:]
    assert len({one[0] for one in facts.values() if one[0]}) == sum(
        bool(one[0]) for one in facts.values()
    )
    assert len({one[5] for one in facts.values()}) == len(facts)


def test_pharmacies_and_hospitals_are_registered_and_small_practices_are_not():
    rows = draw(2_000)
    assert all(one.finess for one in rows if one.profession in ("pharmacy", "hospital"))
    alone = [one for one in rows if one.establishment.startswith("Cabinet")]
    assert alone
    assert not any(one.finess for one in alone)


def test_about_one_account_in_seven_is_in_a_health_centre():
    rows = draw(4_000)
    in_centres = sum(one.establishment.startswith("Centre de santé") for one in rows)
    assert 0.12 < in_centres / len(rows) < 0.18


def test_colleagues_and_professions_are_mixed():
    first = [one.profession for one in draw(2_000)[:50]]
    assert len(set(first)) > 5
