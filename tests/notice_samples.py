"""Facts of notices with good defaults, and how to write one."""

from dataclasses import replace
from datetime import date
from typing import Any

from rempart.disclosure.fields import EIGHT_FIELDS_OF_2024, Field
from rempart.notices.assembly import Notice, assemble_notice
from rempart.notices.facts import (
    Certainty,
    Departure,
    Doubt,
    IncidentFacts,
    KeptWhy,
    Measure,
    PersonFacts,
    Planned,
    PublicFacts,
    Relation,
    Sender,
)
from rempart.notices.media import Medium

SENDER = Sender(
    name="Santé Démo",
    phone="01 99 00 12 34",
    hours_fr="du lundi au vendredi de 9 h à 18 h",
    hours_en="Monday to Friday, 9 am to 6 pm",
    dpo_email="dpo@complementaire.invalid",
    post_address="1 rue de l’Exemple, 75000 Paris",
    site="complementaire.invalid",
)
INCIDENT = IncidentFacts(
    case_reference="R-2024-017",
    version=1,
    sender=SENDER,
    operator="Tiers Démo",
    starts_on=date(2024, 1, 29),
    ends_on=date(2024, 2, 1),
    discovered_on=date(2024, 2, 1),
    told_on=date(2024, 2, 2),
    written_on=date(2024, 2, 5),
    next_update_on=date(2024, 2, 19),
    measures=(Measure.ACCOUNTS_BLOCKED, Measure.SESSIONS_ENDED, Measure.CNIL_NOTIFIED),
    planned=(Planned.SECOND_MESSAGE,),
)
NOT_READ = Field.BANK_DETAILS | Field.POSTAL_ADDRESS | Field.EMAIL | Field.PHONE
PERSON = PersonFacts(
    recipient="Camille Exemple",
    relation=Relation.MEMBER,
    certainty=Certainty.CONFIRMED,
    exposed=EIGHT_FIELDS_OF_2024,
    not_exposed=NOT_READ,
    authenticity_code="7KQ2-9M4F",
)
PUBLIC = PublicFacts(exposed=EIGHT_FIELDS_OF_2024, confirmed=61, held=73, at_most=1804)

# Everybody a notice is for, by what the test calls them.
PEOPLE = {
    "a member": PERSON,
    "a member, very likely": replace(
        PERSON, certainty=Certainty.PROBABLE, doubt=Doubt.SHARED_SESSION
    ),
    "a member, a thief was near": replace(
        PERSON, certainty=Certainty.POSSIBLE, doubt=Doubt.THIEF_WAS_NEAR
    ),
    "a member, only a judgement": replace(
        PERSON, certainty=Certainty.POSSIBLE, doubt=Doubt.ONLY_A_JUDGEMENT
    ),
    "a member, a hole in the logs": replace(
        PERSON, certainty=Certainty.POSSIBLE, doubt=Doubt.HOLE_IN_THE_LOGS
    ),
    "a member, a card or a judgement explains it": replace(
        PERSON, certainty=Certainty.POSSIBLE, doubt=Doubt.EXPLAINED
    ),
    "a member, explained or a hole": replace(
        PERSON, certainty=Certainty.POSSIBLE, doubt=Doubt.EXPLAINED_OR_HOLE, not_exposed=Field(0)
    ),
    "a member who was told something else": replace(PERSON, corrects=date(2024, 2, 3)),
    "a member who was told too much": replace(
        PERSON,
        certainty=Certainty.EXCLUDED,
        exposed=Field(0),
        not_exposed=Field(0),
        corrects=date(2024, 2, 3),
    ),
    "a child of whom too much was told": replace(
        PERSON,
        relation=Relation.MINOR,
        person="Lou",
        certainty=Certainty.EXCLUDED,
        exposed=Field(0),
        not_exposed=Field(0),
        corrects=date(2024, 2, 3),
    ),
    "a member whose e-mail may have arrived": replace(PERSON, may_be_second=True),
    "a member who is not concerned": replace(
        PERSON, certainty=Certainty.EXCLUDED, exposed=Field(0), not_exposed=Field(0)
    ),
    "a member whose transport was read": replace(
        PERSON, exposed=EIGHT_FIELDS_OF_2024 | Field.TRANSPORT_INVOICE
    ),
    "a member whose bank details were read": replace(
        PERSON, exposed=Field.FAMILY_NAME | Field.BANK_DETAILS, not_exposed=Field.PHONE
    ),
    "a child": replace(PERSON, relation=Relation.MINOR, person="Lou"),
    "a child, very likely": replace(
        PERSON,
        relation=Relation.MINOR,
        person="Lou",
        certainty=Certainty.PROBABLE,
        doubt=Doubt.SHARED_SESSION,
    ),
    "a child, perhaps": replace(
        PERSON,
        relation=Relation.MINOR,
        person="Lou",
        certainty=Certainty.POSSIBLE,
        doubt=Doubt.HOLE_IN_THE_LOGS,
    ),
    "a child who is not concerned": replace(
        PERSON,
        relation=Relation.MINOR,
        person="Lou",
        certainty=Certainty.EXCLUDED,
        exposed=Field(0),
        not_exposed=Field(0),
    ),
    **{
        f"somebody who left, kept for {why}": replace(
            PERSON,
            relation=Relation.FORMER,
            departure=Departure(
                left_on=date(2023, 6, 30), kept_until=date(2025, 6, 30), kept_why=why
            ),
        )
        for why in KeptWhy
    },
    "a professional": replace(
        PERSON,
        relation=Relation.PROFESSIONAL,
        exposed=Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_BANK_DETAILS | Field.SIRET,
        not_exposed=Field.PROFESSIONAL_ADDRESS,
    ),
    "a professional, very likely": replace(
        PERSON,
        relation=Relation.PROFESSIONAL,
        certainty=Certainty.PROBABLE,
        doubt=Doubt.SHARED_SESSION,
        exposed=Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_LOGIN,
        not_exposed=Field(0),
    ),
    "a professional without bank details": replace(
        PERSON,
        relation=Relation.PROFESSIONAL,
        exposed=Field.PROFESSIONAL_NAME | Field.FINESS,
        not_exposed=Field(0),
    ),
}
# The incident as it may stand.
SITUATIONS = {
    "as usual": INCIDENT,
    "the member space is closed": replace(INCIDENT, is_space_open=False),
    "nothing more is planned": replace(INCIDENT, next_update_on=None, planned=()),
    "one day, an inquiry, everything done": replace(
        INCIDENT,
        starts_on=date(2024, 2, 1),
        measures=tuple(Measure),
        planned=tuple(Planned),
        prosecutor="parquet de démonstration, numéro 24-000-1",
    ),
}


def write_notice(about: PersonFacts | PublicFacts = PERSON, **changes: Any) -> Notice:
    """Write a letter in French, or as `changes` say."""
    asked = {"medium": Medium.LETTER, "language": "fr", "incident": INCIDENT} | changes
    return assemble_notice(asked.pop("incident"), about, **asked)


# What happened to those the five public notices of 2024 were for, told with facts.
SITUATIONS_OF_2024 = {
    "S1, everybody, and the space is closed": (
        SITUATIONS["the member space is closed"],
        PEOPLE["a member, a hole in the logs"],
    ),
    "S1, somebody who left": (
        SITUATIONS["the member space is closed"],
        PEOPLE["somebody who left, kept for reimbursements"],
    ),
    "S2, one of 1 800 of four contracts": (
        SITUATIONS["the member space is closed"],
        PEOPLE["a member, very likely"],
    ),
    "S2, one of the others": (INCIDENT, PEOPLE["a member who is not concerned"]),
    "S3, a member": (SITUATIONS["as usual"], PEOPLE["a member, only a judgement"]),
    "S3, a child": (SITUATIONS["as usual"], PEOPLE["a child, perhaps"]),
    "S4, one of 73": (SITUATIONS["nothing more is planned"], PERSON),
    "S5, a professional": (INCIDENT, PEOPLE["a professional"]),
    "S5, everybody who reads": (INCIDENT, PUBLIC),
}
