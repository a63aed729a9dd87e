"""Contact data as insurers hold them: each ordinary error is told by line, nothing is guessed."""

from datetime import date
from io import BytesIO

import pytest
from tests.campaign_samples import make_line, write_list

from rempart.exchange.contact_cells import Rule, is_yes, read_date, read_reference
from rempart.exchange.contact_list import NotAContactList, read_contact_list
from rempart.exchange.notice_letter import clean_address
from rempart.exchange.package_rows import format_reference
from rempart.notices.contacts import ContactFlag

TODAY = date(2024, 2, 5)


def read(*lines, **options):
    return list(read_contact_list(BytesIO(write_list(lines, **options)), today=TODAY))


def rules(row) -> list[str]:
    return [finding.rule for finding in row.findings]


def test_a_line_without_a_fault_is_taken_whole():
    [row] = read(make_line(101, language="EN", print="facile"))
    assert (row.line, row.person_ref, row.findings) == (2, 101, ())
    contact = row.contact
    assert contact.recipient == "Camille Essaib"
    assert contact.email.address == "essai101@exemple.invalid"
    assert contact.address == ("101 rue de l’Essai", "75000 PARIS")
    assert contact.language == "en"
    assert contact.flags == ContactFlag.HAS_EMAIL | ContactFlag.HAS_ADDRESS | ContactFlag.PLAIN


@pytest.mark.parametrize("separator", [";", ",", "\t", "|"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_separators_and_encodings_of_any_spreadsheet_are_read(separator, encoding):
    [row] = read(make_line(7, city="LE CRÈS"), separator=separator, encoding=encoding)
    assert row.contact.address[-1] == "75000 LE CRÈS"


def test_the_package_s_own_list_with_columns_more_is_read():
    content = (
        "\ufeffchange;reference;tier;family_name;first_names;birth_date;minor;why;Courriel;Ville\r\n"
        f"added;{format_reference(12)};A;ESSAI;Camille;19700301;no;Confirmé;a@exemple.invalid;\r\n"
    ).encode()
    [row] = read_contact_list(BytesIO(content), today=TODAY)
    assert row.contact.recipient == "Camille ESSAI"
    assert row.contact.email.address == "a@exemple.invalid"


@pytest.mark.parametrize(
    ("cells", "rule"),
    [
        pytest.param({"reference": "101"}, Rule.REFERENCE, id="not a reference of a package"),
        pytest.param({"reference": "P-0000-0000-00U0-35"}, Rule.REFERENCE, id="no letter of ours"),
        pytest.param({"family_name": "", "first_names": ""}, Rule.NAME, id="no name"),
        pytest.param({"family_name": "🙂", "first_names": ""}, Rule.NAME, id="a name of pictures"),
    ],
)
def test_a_line_that_cannot_be_used_is_refused(cells, rule):
    [row] = read(make_line(101, **cells))
    assert row.contact is None
    assert rule in rules(row)


@pytest.mark.parametrize(
    ("cells", "rule", "kept"),
    [
        ({"email": "a@b@c.fr"}, Rule.EMAIL, {"email": None}),
        ({"email": "a@exemple.invalid\r\nBcc: b@exemple.invalid"}, Rule.EMAIL, {"email": None}),
        ({"email": "Camille <a@exemple.invalid>"}, Rule.EMAIL, {"email": None}),
        ({"address_1": "1 rue \u202eedr"}, Rule.ADDRESS_CHARACTERS, {"address": ()}),
        ({"address_1": "1 rue du Soleil ☀️"}, Rule.ADDRESS_CHARACTERS, {"address": ()}),
        ({"address_1": "x" * 39}, Rule.ADDRESS_TOO_LONG, {"address": ()}),
        ({"postcode": "", "city": ""}, Rule.ADDRESS_INCOMPLETE, {"address": ()}),
        ({"country": "Belgique"}, Rule.FOREIGN, {"country": "BELGIQUE"}),
        ({"language": "de"}, Rule.LANGUAGE, {"language": "fr"}),
        ({"print": "braille"}, Rule.PRINT, {}),
        ({"left_on": "31/02/2023"}, Rule.DATE, {"left_on": None}),
        ({"left_on": "01/01/2030"}, Rule.DATE, {"left_on": None}),
        ({"family_name": "Essai{dpo_email}"}, Rule.NAME_CHARACTERS, {}),
        ({"family_name": "Essai\u202e"}, Rule.NAME_CHARACTERS, {"recipient": "Camille Essai"}),
        ({"family_name": "É" * 120}, Rule.NAME_TOO_LONG, {}),
    ],
)
def test_a_line_that_can_be_used_in_part_is(cells, rule, kept):
    [row] = read(make_line(101, **cells))
    assert rule in rules(row)
    for name, value in kept.items():
        assert getattr(row.contact, name) == value
    assert "{" not in row.contact.recipient


def test_an_address_of_forty_lines_is_not_cut():
    content = write_list([make_line(101)]).decode()
    content = content.replace("101 rue de l’Essai", '"' + "\n".join(["une ligne"] * 40) + '"')
    content = content.replace("address_1", "address")
    [row] = read_contact_list(BytesIO(content.encode()), today=TODAY)
    assert row.contact.address == ()
    assert rules(row) == [Rule.ADDRESS_TOO_LONG]


@pytest.mark.parametrize(
    ("keyed", "printed"),
    [
        ("BAT N°3", "BAT Nº3"),
        ("1 rue de l´Essai", "1 rue de l'Essai"),
        ("1 rue de l`Essai", "1 rue de l'Essai"),
        (
            "12 rue de l’e\u0301cole e\u0301leve\u0301e du Grand Val",
            "12 rue de l’école élevée du Grand Val",
        ),
    ],
)
def test_what_people_key_in_an_address_is_printed(keyed, printed):
    [row] = read(make_line(101, address_1=keyed))
    assert row.contact.address[0] == printed
    assert clean_address(("Camille Essai", *row.contact.address))[1] == printed


def test_neither_address_is_told_and_the_person_is_kept():
    [row] = read(make_line(101, email="", address_1="", postcode="", city=""))
    assert row.contact is not None
    assert rules(row) == [Rule.NO_WAY]


@pytest.mark.parametrize(
    ("cells", "flags", "said"),
    [
        ({"birth_date": "06/02/2006", "representative": "Dominique Essai"}, "MINOR", []),
        ({"birth_date": "05/02/2006"}, "", []),  # eighteen today
        ({"birth_date": "2015-01-01"}, "MINOR NO_REPRESENTATIVE", [Rule.REPRESENTATIVE]),
        ({"birth_date": ""}, "AGE_UNKNOWN", [Rule.AGE]),
        ({"birth_date": "", "representative": "D. Essai"}, "MINOR AGE_UNKNOWN", [Rule.AGE]),
        ({"birth_date": "2030-01-01"}, "AGE_UNKNOWN", [Rule.DATE, Rule.AGE]),
        ({"deceased": "oui", "birth_date": ""}, "DECEASED", []),
        ({"protected": "peut-être"}, "PROTECTED", [Rule.YES_OR_NO]),
        ({"by_post": "x"}, "BY_POST", []),
    ],
)
def test_who_is_a_child_who_died_whose_address_is_protected(cells, flags, said):
    [row] = read(make_line(101, **cells))
    asked = ContactFlag(0)
    for name in flags.split():
        asked |= ContactFlag[name]
    ways = ContactFlag.HAS_EMAIL | ContactFlag.HAS_ADDRESS
    assert row.contact.flags & ~ways == asked
    assert [rule for rule in rules(row) if rule is not Rule.NAME_CHARACTERS] == said


def test_a_child_is_named_and_the_representative_written_to():
    [row] = read(make_line(101, birth_date="2015-01-01", representative="Dominique Essai"))
    assert (row.contact.recipient, row.contact.person) == ("Dominique Essai", "Camille")


@pytest.mark.parametrize(
    ("content", "rule"),
    [
        (b"", Rule.HEADER),
        (b"nom;prenom\nEssai;Camille\n", Rule.HEADER),
        (b"\xff\xfer\x00e\x00f\x00\xd8", Rule.UNREADABLE),
        (bytes(range(128, 256)) * 50, Rule.HEADER),
    ],
)
def test_a_file_that_is_no_list_is_refused_whole(content, rule):
    with pytest.raises(NotAContactList) as refused:
        list(read_contact_list(BytesIO(content), today=TODAY))
    assert refused.value.rule is rule


def test_a_cell_without_end_is_one_refused_line():
    content = write_list([make_line(101)]) + b'"' + b"x" * 200_000
    rows = list(read_contact_list(BytesIO(content), today=TODAY))
    assert rows[0].contact is not None
    assert [rules(row) for row in rows[1:]] == [[Rule.UNREADABLE]]


def test_nothing_of_a_contact_is_printed():
    [row] = read(make_line(101))
    for shown in (repr(row), repr(row.contact), repr(row.contact.email)):
        assert "ssai" not in shown


def test_references_dates_and_words_are_read_as_people_write_them():
    assert read_reference(format_reference(63)) == 63
    assert read_reference(f"'{format_reference(63)}".lower()) == 63
    assert read_reference("P-0000-0000-0000-00") is None
    assert read_date("1978-05-31") == read_date("19780531") == read_date("31/05/1978")
    assert [is_yes(word) for word in ("OUI", "non", "?")] == [True, False, None]
