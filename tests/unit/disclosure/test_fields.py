"""The fields of an answer have one bit each, for ever, and a name for people."""

from rempart.disclosure.fields import (
    EIGHT_FIELDS_OF_2024,
    FIELD_LABELS,
    FIELDS_OF_ANSWERS,
    FIELDS_OF_PROFESSIONALS,
    Field,
    fields_in,
    format_fields,
)


def test_the_bits_never_move():
    assert {field.name: field.bit_length() - 1 for field in Field} == {
        "RIGHTS_STATUS": 0,
        "CLOSED_REASON": 1,
        "DOMAIN_TERMS": 2,
        "ENGAGEMENT": 3,
        "CONSIGNE": 4,
        "AMOUNTS": 5,
        "BILLED_ACTS": 6,
        "FAMILY_NAME": 16,
        "FIRST_NAME": 17,
        "BIRTH_DATE": 18,
        "BIRTH_RANK": 19,
        "NIR": 20,
        "INSURER": 21,
        "CONTRACT_NUMBER": 22,
        "OPERATOR_REFERENCE": 23,
        "GUARANTEES": 24,
        "POSTAL_ADDRESS": 25,
        "EMAIL": 26,
        "PHONE": 27,
        "BANK_DETAILS": 28,
        "TRANSPORT_INVOICE": 29,
        "PROFESSIONAL_NAME": 30,
        "PROFESSIONAL_LOGIN": 31,
        "PROFESSIONAL_EMAIL": 32,
        "PROFESSIONAL_PHONE": 33,
        "PROFESSIONAL_ADDRESS": 34,
        "PROFESSIONAL_BANK_DETAILS": 35,
        "FINESS": 36,
        "SIRET": 37,
        "CARE_NETWORK": 38,
    }


def test_every_field_has_a_name_in_both_languages():
    assert set(FIELD_LABELS) == set(Field)
    for label in FIELD_LABELS.values():
        assert label.fr
        assert label.en
        assert label.fr != label.en


def test_the_portals_of_2024_showed_eight_fields():
    assert len(list(fields_in(EIGHT_FIELDS_OF_2024))) == 8
    assert not EIGHT_FIELDS_OF_2024 & Field.RIGHTS_STATUS


def test_fields_are_named_lowest_bit_first_and_unknown_bits_left_out():
    mask = Field.NIR | Field.RIGHTS_STATUS | 1 << 62
    assert format_fields(mask, "fr") == ["droits ouverts ou fermés", "numéro de sécurité sociale"]
    assert format_fields(mask, "en") == ["rights open or closed", "social security number"]
    assert format_fields(0, "fr") == []


def test_what_others_showed_is_never_what_rempart_answers_nor_a_free_bit():
    others = [field for field in Field if not field & FIELDS_OF_ANSWERS]
    assert all(16 <= field.bit_length() - 1 < 40 for field in others)
    assert not FIELDS_OF_ANSWERS >> 16


def test_a_professionals_fields_are_nobody_elses():
    assert not FIELDS_OF_PROFESSIONALS & (EIGHT_FIELDS_OF_2024 | FIELDS_OF_ANSWERS)
    assert [f.bit_length() - 1 for f in fields_in(FIELDS_OF_PROFESSIONALS)] == list(range(30, 39))
