"""The DORA report: its schema accepts what is written and refuses what is not of it."""

import copy
import json
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.case_samples import START, classify, make_case

from rempart.exchange.dora_report import (
    FORM,
    SUBMISSIONS,
    format_duration,
    make_report,
    validate_report,
)
from rempart.incidents.bounds import Bounds
from rempart.incidents.case import Population
from rempart.incidents.room import EventKind

from tests.case_samples import tell  # isort: skip

LEI = "969500ABCDEFGHIJKL12"
ANSWERS = {
    "submitter_lei": LEI,
    "entity_lei:7": LEI,
    "entity_lei:8": LEI,
    "contact_email": "crise@operateur.invalid",
    "critical_services": "Vérification des droits",
    "root_causes": "malicious_actions, human_error",
    "resolution": "Comptes fermés, clés renouvelées.",
    "resolved_at": "2024-02-20 18:00",
    "resolution_plan": "Comme prévu.",
    "recoveries": "0",
    "costs": "120 000,50",
}


def write(phase="initial", insurers=(7, 8), case=None, answers=ANSWERS, **more):
    case = case or make_case()
    return make_report(
        case,
        insurers,
        phase=phase,
        classification=classify(case, insurers=insurers, **more.pop("known", {})),
        classified_at=START + timedelta(hours=85),
        answers=answers,
        **more,
    )


@pytest.mark.parametrize("phase", SUBMISSIONS)
def test_each_report_is_valid_and_whole(phase):
    report = write(phase)
    assert report.faults == ()
    assert report.gaps == ()
    assert json.loads(report.write())["incidentSubmission"] == SUBMISSIONS[phase]


def test_one_report_serves_several_insurers_and_adds_their_people_up():
    body = write("intermediate", clients_total=1_000).body
    assert [one["name"] for one in body["affectedEntity"]] == ["Mutuelle Sept", "Mutuelle Huit"]
    assets = body["impactAssessment"]["affectedAssets"]
    assert assets["affectedClients"] == {"number": 78, "percentage": 7.8}
    assert "estimates_for_clients_affected" in assets["numbersActualEstimate"]


def test_numbers_are_actual_when_the_bounds_meet():
    assets = write("intermediate", insurers=(8,)).body["impactAssessment"]["affectedAssets"]
    assert "actual_figures_for_clients_affected" in assets["numbersActualEstimate"]


def test_nobody_exposed_is_no_impact_on_clients():
    nobody = Population(
        insurer_id=7, name="Mutuelle Sept", bounds=Bounds(lower=0, best=0, upper=0), fields=0
    )
    body = write("intermediate", insurers=(7,), case=make_case(members=(nobody,))).body
    numbers = body["impactAssessment"]["affectedAssets"]["numbersActualEstimate"]
    assert "no_impact_on_clients" in numbers


def test_a_missing_lei_is_told_and_a_code_takes_its_place():
    answers = {name: value for name, value in ANSWERS.items() if "lei" not in name}
    report = write(answers=answers)
    assert report.faults == ()
    assert report.body["submittingEntity"]["code"] == "REMPART-12"
    assert [gap for gap in report.gaps if "LEI" in gap] == [
        "1.3b : pas de LEI pour l’entité qui dépose ; un code le remplace",
        "1.6 : pas de LEI pour Mutuelle Sept",
        "1.6 : pas de LEI pour Mutuelle Huit",
    ]


def test_a_wrong_lei_is_refused():
    assert write(answers=ANSWERS | {"entity_lei:7": "not a LEI"}).faults


def test_without_a_contact_the_file_must_not_leave_and_its_refusal_names_nobody():
    answers = {name: value for name, value in ANSWERS.items() if name != "contact_email"}
    report = write(answers=answers)
    assert report.faults
    wrong = write(answers=ANSWERS | {"contact_email": "Camille Roux"})
    assert wrong.faults
    assert "Roux" not in " ".join(wrong.faults)


@pytest.mark.parametrize(
    "code", ["root_causes", "resolution", "resolved_at", "resolution_plan", "recoveries"]
)
def test_a_final_report_without_what_it_needs_is_refused(code):
    answers = {name: value for name, value in ANSWERS.items() if name != code}
    report = write("final", answers=answers)
    assert report.faults
    assert any(gap.startswith("4.") for gap in report.gaps)
    assert write("initial", answers=answers).faults == ()


def test_the_authorities_told_are_those_of_the_timeline():
    assert write().body["reportingToOtherAuthorities"] == ["police_law_enforcement"]
    told = tell(20, EventKind.REPORT_SUBMITTED, 120, 7, report="cnil", phase="initial")
    case = make_case(timeline=(*make_case().timeline, told))
    assert write(case=case).body["reportingToOtherAuthorities"] == [
        "data_protection_authority",
        "police_law_enforcement",
    ]
    assert write(case=make_case(timeline=())).body["reportingToOtherAuthorities"] == ["none"]


def test_an_exercise_says_so_in_the_text():
    assert (
        write(case=make_case(exercise=True))
        .body["incident"]["incidentDescription"]
        .startswith("EXERCICE")
    )


def test_amounts_and_instants_are_read_as_people_write_them():
    incident = write("final").body["incident"]
    assert incident["grossAmountIndirectDirectCosts"] == 120_000.5
    assert incident["incidentResolutionDateTime"] == "2024-02-20T17:00:00Z"


@pytest.mark.parametrize(
    ("hours", "text"), [(0, "000:00:00"), (25.5, "001:01:30"), (24 * 2000, "999:00:00")]
)
def test_a_duration_has_days_hours_and_minutes(hours, text):
    assert format_duration(timedelta(hours=hours)) == text


def test_a_report_is_about_somebody():
    with pytest.raises(ValueError):
        write(insurers=())
    with pytest.raises(KeyError):
        write(insurers=(99,))


bounds = st.tuples(*[st.integers(0, 10**6)] * 3).map(
    lambda drawn: Bounds(
        lower=min(drawn), best=sorted(drawn)[1], upper=max(drawn) if drawn[0] % 5 else None
    )
)
words = st.text(max_size=200)


@settings(max_examples=25, deadline=None)
@given(
    st.sampled_from(sorted(SUBMISSIONS)),
    st.lists(bounds, min_size=1, max_size=4),
    st.dictionaries(
        st.sampled_from([one.code for one in FORM if one.shape == "long"]), words, max_size=6
    ),
    st.sets(st.sampled_from(["reputation", "harms_objectives", "relevant_clients"])),
    st.booleans(),
    st.none() | st.integers(1, 10**7),
    st.none() | st.integers(0, 5),
)
def test_every_incident_makes_a_valid_report(phase, shares, texts, true, answered, total, states):
    members = tuple(
        Population(insurer_id=number, name=f"Mutuelle {number}", bounds=share, fields=1)
        for number, share in enumerate(shares, 1)
    )
    case = make_case(
        members=members, answered_at=START if answered else None, exercise=not answered
    )
    report = write(
        phase,
        insurers=tuple(range(1, len(members) + 1)),
        case=case,
        answers={**texts, **ANSWERS},
        clients_total=total,
        known={**dict.fromkeys(true, True), "member_states": states, "costs_eur": total},
    )
    assert report.faults == ()


def _remove(body, *path):
    for name in path[:-1]:
        body = body[name]
    del body[path[-1]]


def _put(body, value, *path):
    for name in path[:-1]:
        body = body[name]
    body[path[-1]] = value


MUTANTS = {
    "no submission": lambda body: _remove(body, "incidentSubmission"),
    "another submission": lambda body: _put(body, "final", "incidentSubmission"),
    "no entity": lambda body: _put(body, [], "affectedEntity"),
    "an unknown entity type": lambda body: _put(
        body, ["mutuelle"], "affectedEntity", 0, "affectedEntityType"
    ),
    "LEI and code at once": lambda body: _put(body, "X", "submittingEntity", "code"),
    "neither LEI nor code": lambda body: _remove(body, "submittingEntity", "LEI"),
    "no contact": lambda body: _remove(body, "primaryContact"),
    "an address that is none": lambda body: _put(body, "nobody", "primaryContact", "email"),
    "no criterion": lambda body: _put(body, [], "incident", "classificationTypes"),
    "a field more": lambda body: _put(body, 1, "incident", "victims"),
    "a date without an hour": lambda body: _put(
        body, "2024-02-01", "incident", "detectionDateTime"
    ),
    "a resolution that never was": lambda body: _remove(
        body, "incident", "incidentResolutionSummary"
    ),
    "a number in words": lambda body: _put(
        body, "many", "impactAssessment", "affectedAssets", "affectedClients", "number"
    ),
    "over 100 %": lambda body: _put(
        body, 101, "impactAssessment", "affectedAssets", "affectedClients", "percentage"
    ),
    "another currency": lambda body: _put(body, "USD", "reportCurrency"),
    "no authority at all": lambda body: _put(body, [], "reportingToOtherAuthorities"),
}


@pytest.mark.parametrize("mutate", MUTANTS.values(), ids=MUTANTS)
def test_mutants_are_refused(mutate):
    body = copy.deepcopy(dict(write("final", clients_total=1_000).body))
    assert validate_report(body) == []
    mutate(body)
    assert validate_report(body)
