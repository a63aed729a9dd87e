"""Which pieces of information an answer carried: one bit each, and their names for people.

Refuses to renumber: a bit means the same thing for as long as entries are kept. A new meaning takes
a new bit and a new `FIELDS_SCHEMA_VERSION`.
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
    never sends them, they describe what the portals of 2024 showed.
    """

    RIGHTS_STATUS = 1 << 0
    CLOSED_REASON = 1 << 1
    DOMAIN_TERMS = 1 << 2
    ENGAGEMENT = 1 << 3
    CONSIGNE = 1 << 4

    FAMILY_NAME = 1 << 16
    FIRST_NAME = 1 << 17
    BIRTH_DATE = 1 << 18
    BIRTH_RANK = 1 << 19
    NIR = 1 << 20
    INSURER = 1 << 21
    CONTRACT_NUMBER = 1 << 22
    OPERATOR_REFERENCE = 1 << 23


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
    }
)


def fields_in(mask: int) -> Iterator[Field]:
    """Yield the known fields of a bitmap, lowest bit first; unknown bits are left out."""
    return (field for field in Field if mask & field)


def format_fields(mask: int, locale: Locale) -> list[str]:
    """Return the names of a bitmap's fields for people, lowest bit first."""
    return [getattr(FIELD_LABELS[field], locale) for field in fields_in(mask)]
