"""Which pieces of information an answer carried: one bit each, and their names for people.

Refuses to renumber: a bit means the same thing for as long as entries are kept. A new meaning takes
a new bit, and a new `FIELDS_SCHEMA_VERSION` when Rempart's own answers may carry it.
"""

import enum
from collections.abc import Iterator
from types import MappingProxyType
from typing import Literal, NamedTuple, TypeAlias

FIELDS_SCHEMA_VERSION = 1

Locale: TypeAlias = Literal["fr", "en"]


class Field(enum.IntFlag):
    """One piece of information that an answer may carry.

    Bits 0 to 15 are what Rempart answers. Bits 16 and up identify a person: Rempart's protocol
    never sends them, they describe what other portals showed: bits 16 to 29 of members, 30 to 39 of
    professionals, who are told apart. Bits 40 to 62 are free for whoever describes another portal.
    """

    RIGHTS_STATUS = 1 << 0
    CLOSED_REASON = 1 << 1
    DOMAIN_TERMS = 1 << 2
    ENGAGEMENT = 1 << 3
    CONSIGNE = 1 << 4
    AMOUNTS = 1 << 5
    BILLED_ACTS = 1 << 6

    FAMILY_NAME = 1 << 16
    FIRST_NAME = 1 << 17
    BIRTH_DATE = 1 << 18
    BIRTH_RANK = 1 << 19
    NIR = 1 << 20
    INSURER = 1 << 21
    CONTRACT_NUMBER = 1 << 22
    OPERATOR_REFERENCE = 1 << 23
    GUARANTEES = 1 << 24
    POSTAL_ADDRESS = 1 << 25
    EMAIL = 1 << 26
    PHONE = 1 << 27
    BANK_DETAILS = 1 << 28
    TRANSPORT_INVOICE = 1 << 29

    PROFESSIONAL_NAME = 1 << 30
    PROFESSIONAL_LOGIN = 1 << 31
    PROFESSIONAL_EMAIL = 1 << 32
    PROFESSIONAL_PHONE = 1 << 33
    PROFESSIONAL_ADDRESS = 1 << 34
    PROFESSIONAL_BANK_DETAILS = 1 << 35
    FINESS = 1 << 36
    SIRET = 1 << 37
    CARE_NETWORK = 1 << 38


# What Rempart's answers may carry.
FIELDS_OF_ANSWERS = (
    Field.RIGHTS_STATUS
    | Field.CLOSED_REASON
    | Field.DOMAIN_TERMS
    | Field.ENGAGEMENT
    | Field.CONSIGNE
    | Field.AMOUNTS
    | Field.BILLED_ACTS
)

# What must be typed to ask Rempart about somebody without a card.
FIELDS_TYPED = Field.NIR | Field.BIRTH_DATE | Field.BIRTH_RANK | Field.INSURER

# What is a professional's own.
FIELDS_OF_PROFESSIONALS = (
    Field.PROFESSIONAL_NAME
    | Field.PROFESSIONAL_LOGIN
    | Field.PROFESSIONAL_EMAIL
    | Field.PROFESSIONAL_PHONE
    | Field.PROFESSIONAL_ADDRESS
    | Field.PROFESSIONAL_BANK_DETAILS
    | Field.FINESS
    | Field.SIRET
    | Field.CARE_NETWORK
)

# What one look-up on a portal of January 2024 gave away.
# Source: the notices of 2024 (S1 to S5).
EIGHT_FIELDS_OF_2024 = (
    Field.FAMILY_NAME
    | Field.FIRST_NAME
    | Field.BIRTH_DATE
    | Field.BIRTH_RANK
    | Field.NIR
    | Field.INSURER
    | Field.CONTRACT_NUMBER
    | Field.OPERATOR_REFERENCE
)


class FieldLabel(NamedTuple):
    """How a field is called in front of people."""

    fr: str
    en: str


FIELD_LABELS = MappingProxyType(
    {
        Field.RIGHTS_STATUS: FieldLabel("droits ouverts ou fermés", "rights open or closed"),
        Field.CLOSED_REASON: FieldLabel("motif de la fermeture", "reason for closure"),
        Field.DOMAIN_TERMS: FieldLabel(
            "garantie du domaine de soins", "terms of the domain of care"
        ),
        Field.ENGAGEMENT: FieldLabel("numéro d’engagement", "engagement number"),
        Field.CONSIGNE: FieldLabel("consigne au professionnel", "instruction to the professional"),
        Field.AMOUNTS: FieldLabel(
            "montants pris en charge et reste à charge", "amounts covered and left to pay"
        ),
        Field.BILLED_ACTS: FieldLabel(
            "actes facturés (donnée de santé)", "acts billed (health data)"
        ),
        Field.FAMILY_NAME: FieldLabel("nom", "family name"),
        Field.FIRST_NAME: FieldLabel("prénom", "first name"),
        Field.BIRTH_DATE: FieldLabel("date de naissance", "date of birth"),
        Field.BIRTH_RANK: FieldLabel("rang de naissance", "birth rank"),
        Field.NIR: FieldLabel("numéro de sécurité sociale", "social security number"),
        Field.INSURER: FieldLabel("organisme complémentaire", "complementary insurer"),
        Field.CONTRACT_NUMBER: FieldLabel("numéro de contrat", "contract number"),
        Field.OPERATOR_REFERENCE: FieldLabel(
            "référence interne de l’opérateur", "operator’s internal reference"
        ),
        Field.GUARANTEES: FieldLabel("garanties ouvertes au tiers payant", "guarantees granted"),
        Field.POSTAL_ADDRESS: FieldLabel("adresse postale", "postal address"),
        Field.EMAIL: FieldLabel("adresse électronique", "e-mail address"),
        Field.PHONE: FieldLabel("numéro de téléphone", "telephone number"),
        Field.BANK_DETAILS: FieldLabel("coordonnées bancaires", "bank details"),
        Field.TRANSPORT_INVOICE: FieldLabel(
            "facture de transport sanitaire (donnée de santé)",
            "invoice of medical transport (health data)",
        ),
        Field.PROFESSIONAL_NAME: FieldLabel("nom du professionnel", "professional’s name"),
        Field.PROFESSIONAL_LOGIN: FieldLabel(
            "identifiant de connexion du professionnel", "professional’s login"
        ),
        Field.PROFESSIONAL_EMAIL: FieldLabel(
            "adresse électronique du professionnel", "professional’s e-mail address"
        ),
        Field.PROFESSIONAL_PHONE: FieldLabel(
            "téléphone du professionnel", "professional’s telephone number"
        ),
        Field.PROFESSIONAL_ADDRESS: FieldLabel(
            "adresse postale du professionnel", "professional’s postal address"
        ),
        Field.PROFESSIONAL_BANK_DETAILS: FieldLabel(
            "coordonnées bancaires du professionnel", "professional’s bank details"
        ),
        Field.FINESS: FieldLabel("numéro FINESS", "FINESS number"),
        Field.SIRET: FieldLabel("numéro SIRET", "SIRET number"),
        Field.CARE_NETWORK: FieldLabel("réseau de soins", "care network"),
    }
)


def fields_in(mask: int) -> Iterator[Field]:
    """Yield the known fields of a bitmap, lowest bit first; unknown bits are left out."""
    return (field for field in Field if mask & field)


def format_fields(mask: int, locale: Locale) -> list[str]:
    """Return the names of a bitmap's fields for people, lowest bit first."""
    return [getattr(FIELD_LABELS[field], locale) for field in fields_in(mask)]
