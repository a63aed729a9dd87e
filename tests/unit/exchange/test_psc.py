"""What Pro Santé Connect says of somebody, as published, and as it should never be."""

import copy
import json
from pathlib import Path

import pytest

from rempart.exchange.psc import (
    MOST_SITUATIONS,
    PscAnswerRefused,
    parse_national_id,
    parse_psc_identity,
)
from rempart.kernel.synthetic import (
    make_synthetic_finess,
    make_synthetic_rpps,
    make_synthetic_siret,
)
from rempart.simulators.people import Activity, describe_professional, make_professional

PUBLISHED = json.loads(
    (Path(__file__).parents[2] / "data" / "psc" / "userinfo.json").read_text("utf-8")
)
RPPS = make_synthetic_rpps(7).number
FINESS = make_synthetic_finess(7).number
SIRET = make_synthetic_siret(7).number


def published(**changes):
    claims = copy.deepcopy(PUBLISHED)
    number = {"identifiant": f"8{RPPS}", "origine": "RPPS", "qualite": 1}
    return {**claims, "SubjectNameID": f"8{RPPS}", "otherIds": [number], **changes}


def refusal(claims):
    with pytest.raises(PscAnswerRefused) as caught:
        parse_psc_identity(claims)
    return caught.value.reason


def test_the_published_answer_is_read_with_its_five_situations():
    identity = parse_psc_identity(published())
    assert identity.rpps.number == RPPS
    assert [one.mode for one in identity.situations] == ["L", "L", "S", "S", "S"]
    assert identity.situations[0].label == "CAB MED BIS TOUBIB0023550"
    assert {one.profession for one in identity.situations} == {"10"}
    assert {one.know_how for one in identity.situations} == {"SM54"}
    sirets = [one.siret.number if one.siret else None for one in identity.situations]
    assert sirets[:3] == [None, None, None]
    assert sirets[3:] == [make_synthetic_siret(1).number, make_synthetic_siret(2).number]


def test_the_published_identifier_of_a_test_platform_is_not_an_rpps_number():
    assert refusal(PUBLISHED) == "not_rpps"


def test_the_simulator_says_what_the_published_answer_says_field_by_field():
    person = make_professional(RPPS, activities=[Activity(name="Pharmacie", finess=FINESS)])
    ours = {"sub": person.subject, **describe_professional(person)}
    assert set(ours) == set(PUBLISHED)
    [exercise], [shape] = (x["SubjectRefPro"]["exercices"] for x in (ours, PUBLISHED))
    assert set(exercise) == set(shape)
    assert list(exercise["activities"][0]) == list(shape["activities"][0])
    assert {type(v) for v in exercise["activities"][0].values()} == {str}


@pytest.mark.parametrize(
    ("text", "number"),
    [
        (RPPS, RPPS),
        (f"8{RPPS}", RPPS),
        (f"0{RPPS}", None),
        (RPPS[:-1], None),
        (RPPS[:-1] + str((int(RPPS[-1]) + 1) % 10), None),
        ("", None),
        ("ANS20210107161422", None),
    ],
)
def test_a_national_identifier_is_an_rpps_number_or_nothing(text, number):
    found = parse_national_id(text)
    assert (found.number if found else None) == number


def test_two_different_numbers_are_two_people():
    other = make_synthetic_rpps(8).number
    numbers = [{"identifiant": other, "origine": "RPPS", "qualite": 1}]
    assert refusal(published(otherIds=numbers)) == "not_rpps"


def test_the_number_may_be_among_the_others_only():
    numbers = [{"identifiant": RPPS, "origine": "rpps", "qualite": 1}]
    identity = parse_psc_identity(published(SubjectNameID="", otherIds=numbers))
    assert identity.rpps.number == RPPS


@pytest.mark.parametrize(
    "ref_pro",
    [
        None,
        {},
        {"exercices": None},
        {"exercices": []},
        {"exercices": [{"codeProfession": "10"}]},
        {"exercices": [{"codeProfession": "10", "activities": []}]},
    ],
)
def test_an_answer_without_a_situation_is_told_apart(ref_pro):
    assert refusal(published(SubjectRefPro=ref_pro)) == "no_situation"


@pytest.mark.parametrize(
    "changes",
    [
        {"sub": 3},
        {"sub": ""},
        {"SubjectNameID": ["x"]},
        {"SubjectRefPro": "rien"},
        {"SubjectRefPro": {"exercices": {"a": 1}}},
        {"SubjectRefPro": {"exercices": [{"activities": [{"numeroFinessSite": 12}]}]}},
        {"otherIds": "x"},
    ],
)
def test_a_bad_shape_is_refused_without_a_word_of_it(changes):
    with pytest.raises(PscAnswerRefused) as caught:
        parse_psc_identity(published(**changes))
    assert str(caught.value) == "malformed"


def test_numbers_of_places_that_cannot_be_are_left_out():
    activity = {"codeModeExercice": "X", "numeroFinessSite": "123", "numeroSiretSite": "9" * 14}
    claims = published(SubjectRefPro={"exercices": [{"activities": [activity]}]})
    [situation] = parse_psc_identity(claims).situations
    assert (situation.finess, situation.siret, situation.mode) == (None, None, "")


def test_places_are_read_and_a_sign_is_preferred_to_a_company():
    activity = {
        "numeroFinessSite": FINESS,
        "numeroSiretSite": SIRET,
        "raisonSocialeSite": "SELARL DU PONT",
        "enseigneCommercialeSite": "  Pharmacie   du Pont ",
        "codeModeExercice": "L",
    }
    claims = published(SubjectRefPro={"exercices": [{"activities": [activity]}]})
    [situation] = parse_psc_identity(claims).situations
    assert situation.finess is not None
    assert situation.siret is not None
    assert (situation.finess.number, situation.siret.number) == (FINESS, SIRET)
    assert situation.label == "Pharmacie du Pont"


def test_there_is_an_end_to_situations_and_to_words():
    activities = [{"raisonSocialeSite": "x" * 5000}] * 500
    claims = published(SubjectRefPro={"exercices": [{"activities": activities}]})
    identity = parse_psc_identity(claims)
    assert len(identity.situations) == MOST_SITUATIONS
    assert len(identity.situations[0].label) == 200


def test_an_identity_prints_nobody():
    assert RPPS not in repr(parse_psc_identity(published()))
    assert "NOM" not in repr(parse_psc_identity(published()))
