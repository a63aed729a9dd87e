"""The severity of a breach for each group: the case of 2024 worked by hand, and its borders."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.incidents.severity import (
    Adjustment,
    Answer,
    Band,
    DataClass,
    Ground,
    Identification,
    Judgement,
    Loss,
    RiskDecision,
    check_risk_decision,
    score_severity,
    suggest_data_class,
    suggest_identification,
)
from rempart.kernel.errors import InvalidRequest

MEMBERS_OF_2024 = Judgement(
    group="Assurés dont l’état civil et le NIR ont été montrés",
    persons=45_000,
    data_class=DataClass.SIMPLE,
    adjustments=frozenset(),
    context_reason="État civil, NIR, organisme : ni soins, ni banque.",
    identification=Identification.MAXIMUM,
    identification_reason="Nom, date de naissance et NIR ensemble.",
    confidentiality=Loss.FULL,
    integrity=Loss.NONE,
    availability=Loss.NONE,
    malicious=True,
    breach_reason="Montré à des inconnus qui cherchaient ces données.",
)
DECISION = RiskDecision(answer=Answer.INFORM, ground=None, reason="Usurpation possible.")


@pytest.mark.parametrize(
    ("changes", "score", "band"),
    [
        ({}, 2.0, Band.MEDIUM),
        ({"adjustments": frozenset({Adjustment.CONTROLLER})}, 3.0, Band.HIGH),
        (
            {"adjustments": frozenset({Adjustment.CONTROLLER, Adjustment.VOLUME})},
            4.0,
            Band.VERY_HIGH,
        ),
        # The fewer than fifty transport invoices: care is told, DPC 4.
        ({"data_class": DataClass.SENSITIVE, "persons": 49}, 5.0, Band.VERY_HIGH),
        ({"malicious": False}, 1.5, Band.LOW),
        ({"identification": Identification.SIGNIFICANT}, 1.75, Band.LOW),
        ({"adjustments": frozenset({Adjustment.INVALID})}, 2.0, Band.MEDIUM),
        (
            {"data_class": DataClass.SENSITIVE, "adjustments": frozenset(Adjustment)},
            5.0,
            Band.VERY_HIGH,
        ),
        ({"integrity": Loss.SOME, "availability": Loss.FULL}, 2.75, Band.MEDIUM),
        ({"data_class": DataClass.BEHAVIOURAL}, 3.0, Band.HIGH),
    ],
)
def test_a_group_is_scored_as_by_hand(changes, score, band):
    severity = score_severity(replace(MEMBERS_OF_2024, **changes))
    assert (severity.score, severity.band) == (score, band)


def test_transport_invoices_are_sensitive_and_weigh_four():
    worst = suggest_data_class(EIGHT_FIELDS_OF_2024 | Field.TRANSPORT_INVOICE)
    severity = score_severity(replace(MEMBERS_OF_2024, data_class=worst, persons=49))
    assert (worst, severity.context) == (DataClass.SENSITIVE, 4)
    assert not severity.more_than_many


def test_mutation_without_the_invoice_the_same_people_are_medium():
    worst = suggest_data_class(EIGHT_FIELDS_OF_2024)
    assert score_severity(replace(MEMBERS_OF_2024, data_class=worst)).band is Band.MEDIUM


@pytest.mark.parametrize("name", ["context_reason", "identification_reason", "breach_reason"])
@pytest.mark.parametrize("words", ["", "   ", "x" * 1001])
def test_no_factor_goes_without_a_reason(name, words):
    with pytest.raises(InvalidRequest, match=name):
        score_severity(replace(MEMBERS_OF_2024, **{name: words}))


def test_a_group_has_a_name_and_somebody_in_it():
    with pytest.raises(InvalidRequest, match="group"):
        score_severity(replace(MEMBERS_OF_2024, group=" "))
    with pytest.raises(InvalidRequest, match="persons"):
        score_severity(replace(MEMBERS_OF_2024, persons=0))


@pytest.mark.parametrize(
    ("fields", "identification"),
    [
        (Field.NIR, Identification.MAXIMUM),
        (Field.FAMILY_NAME | Field.BIRTH_DATE, Identification.MAXIMUM),
        (Field.PROFESSIONAL_NAME, Identification.SIGNIFICANT),
        (Field.CONTRACT_NUMBER, Identification.LIMITED),
        (Field.RIGHTS_STATUS, Identification.NEGLIGIBLE),
    ],
)
def test_what_identifies_is_proposed_from_the_fields(fields, identification):
    assert suggest_identification(fields) is identification


def test_bank_details_are_financial_and_guarantees_behavioural():
    assert suggest_data_class(Field.PROFESSIONAL_BANK_DETAILS) is DataClass.FINANCIAL
    assert suggest_data_class(Field.GUARANTEES) is DataClass.BEHAVIOURAL


@given(
    st.sampled_from(DataClass),
    st.frozensets(st.sampled_from(Adjustment)),
    st.sampled_from(Identification),
    st.tuples(*[st.sampled_from(Loss)] * 3),
    st.booleans(),
)
def test_a_score_stays_in_its_range_and_malice_never_lowers_it(kind, moves, ease, losses, malice):
    judgement = replace(
        MEMBERS_OF_2024,
        data_class=kind,
        adjustments=moves,
        identification=ease,
        confidentiality=losses[0],
        integrity=losses[1],
        availability=losses[2],
        malicious=malice,
    )
    score = score_severity(judgement).score
    assert 0.25 <= score <= 6.0
    assert score_severity(replace(judgement, malicious=True)).score >= score


def test_telling_people_needs_a_score_and_a_reason():
    check_risk_decision(DECISION, worst=Band.HIGH)
    with pytest.raises(InvalidRequest, match="severity"):
        check_risk_decision(DECISION, worst=None)
    with pytest.raises(InvalidRequest, match="reason"):
        check_risk_decision(replace(DECISION, reason=" "), worst=Band.HIGH)


@pytest.mark.parametrize("ground", Ground)
def test_an_exception_is_argued_when_people_are_not_told_and_only_then(ground):
    with pytest.raises(InvalidRequest, match="ground"):
        check_risk_decision(replace(DECISION, ground=ground), worst=Band.MEDIUM)
    with pytest.raises(InvalidRequest, match="ground"):
        check_risk_decision(replace(DECISION, answer=Answer.NOT_NEEDED), worst=Band.MEDIUM)


def test_no_high_risk_does_not_stand_against_the_score():
    silent = replace(DECISION, answer=Answer.NOT_NEEDED, ground=Ground.NO_HIGH_RISK)
    check_risk_decision(silent, worst=Band.MEDIUM)
    with pytest.raises(InvalidRequest, match="high risk"):
        check_risk_decision(silent, worst=Band.HIGH)


def test_out_of_proportion_says_what_is_published_instead():
    silent = replace(DECISION, answer=Answer.NOT_NEEDED, ground=Ground.DISPROPORTIONATE)
    with pytest.raises(InvalidRequest, match="instead"):
        check_risk_decision(silent, worst=Band.HIGH)
    check_risk_decision(replace(silent, instead="Communiqué sur le site."), worst=Band.HIGH)
