"""Every rule a field is held to, with a value that breaks it; no finding quotes the value."""

from datetime import date

import pytest
from tests.feed_samples import AMC, OTHER_AMC, Row, make_nir, make_row

from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_fields import make_readers
from rempart.exchange.feed_rows import CONTACT, ParsedRows, RowParser
from rempart.exchange.feed_rules import OF_A_FIELD, RULES
from rempart.kernel.findings import Language
from rempart.kernel.periods import OPEN_END, Period

AGREEMENT = Period(date(2000, 1, 1))

BROKEN = [
    ("amc_number", "", "amc_number"),
    ("amc_number", "12", "amc_number"),
    ("amc_number", OTHER_AMC, "other_insurer"),
    ("contract_number", "", "required"),
    ("contract_number", "N° 12", "reference"),
    ("contract_number", "X" * 31, "too_long"),
    ("member_number", "-1", "reference"),
    ("insured_nir", "", "required"),
    ("insured_nir", "28405", "nir_length"),
    ("insured_nir", make_nir(1)[:14] + "X", "nir_characters"),
    ("insured_nir", "3" + make_nir(1)[1:], "nir_sex"),
    ("insured_nir", make_nir(1)[:3] + "13" + make_nir(1)[5:], "nir_month"),
    ("insured_nir", make_nir(1)[:5] + "75000" + make_nir(1)[10:], "nir_commune"),
    ("insured_nir", make_nir(1)[:5] + "99000" + make_nir(1)[10:], "nir_country"),
    ("insured_nir", make_nir(1)[:13] + "01", "nir_key"),
    ("own_nir", make_nir(1)[:13] + "01", "nir_key"),
    ("previous_nir", make_nir(1), "same_previous_nir"),
    ("family_name", " ", "required"),
    ("family_name", "D\u0007URAND", "characters"),
    ("family_name", "D" * 81, "too_long"),
    ("birth_name", "\u200b", "characters"),
    ("first_names", "", "required"),
    ("birth_date", "", "required"),
    ("birth_date", "1984-5-2", "birth_date_format"),
    ("birth_date", "12340101", "birth_date_year"),
    ("birth_rank", "0", "birth_rank"),
    ("quality", "5", "quality"),
    ("convention_type", "", "required"),
    ("convention_type", "a b", "convention_type"),
    ("csr", "é", "csr"),
    ("responsible", "oui", "responsible"),
    ("period_start", "", "required"),
    ("period_start", "01/01/2024", "date"),
    ("period_start", "2024-02-30", "date"),
    ("period_start", "1024-01-01", "date"),
    ("period_end", "2023-12-31", "period_order"),
    ("suspended_to", "2024-03-01", "suspension_start"),
    ("terms", "", "required"),
    ("terms", "PHAR", "terms_format"),
    ("terms", "VETO=R100", "domain_unknown"),
    ("terms", "PHAR=R100|PHAR=T", "terms_repeated"),
    ("terms", "PHAR=R9999", "terms_value"),
    ("terms", "OPTI=F0", "terms_value"),
    ("terms", "PHAR=100%", "terms_value"),
    ("terms", "PHAR=R100@", "terms_circuit"),
    ("card_code", "1234", "card_code"),
    ("email", "camille", "email"),
    ("phone", "néant", "phone"),
    ("postcode", "7" * 13, "too_long"),
    ("address", "1 rue\tdes Lilas", "characters"),
    ("agreement_end", "1999-12-31", "period_order"),
    ("action", "delete", "action"),
    ("action", "remove", "remove_in_full"),
]


def parse(*rows: Row, removals: bool = False, language: Language = "fr") -> ParsedRows:
    parser = RowParser(amc_number=AMC, agreement=AGREEMENT, removals=removals, language=language)
    columns = [[row[name] for row in rows] for name in COLUMNS]
    return parser.parse(range(2, 2 + len(rows)), columns)


@pytest.mark.parametrize(("field", "value", "rule"), BROKEN)
def test_a_field_that_breaks_a_rule_is_a_finding(field: str, value: str, rule: str):
    changes = {field: value}
    if field == "agreement_end":
        changes["agreement_start"] = "2020-01-01"
    parsed = parse(make_row(1), make_row(2, insured_nir=make_nir(1)) | changes)
    names = {"suspended_to": "suspended_from"} if rule == "suspension_start" else {}
    assert [(one.line, one.field, one.rule) for one in parsed.findings] == [
        (3, names.get(field, field), rule)
    ]
    [finding] = parsed.findings
    assert finding.message
    assert finding.advice
    if len(value) > 3 and field != "terms":
        assert value not in finding.message + finding.advice
    # A faulty contact field is emptied; any other takes the row out.
    assert parsed.rejected == (field not in CONTACT)
    assert len(parsed.rows) == 2 - parsed.rejected
    if field in CONTACT:
        assert getattr(parsed.rows[1], field) == ""


def test_every_rule_of_a_field_has_an_example_above():
    assert {rule for _, _, rule in BROKEN} == {refusal.rule for refusal in OF_A_FIELD}


def test_every_rule_says_what_is_wrong_and_what_to_do_in_both_languages():
    for refusal in RULES.values():
        for language in ("fr", "en"):
            assert refusal.message(language).endswith(".")
            assert refusal.advice(language).endswith(".")


def test_all_the_faults_of_a_row_are_told_at_once():
    row = make_row(1, quality="9", terms="?", period_end="2020-01-01", email="?")
    parsed = parse(row)
    assert [one.field for one in parsed.findings] == ["quality", "terms", "email", "period_end"]
    assert (parsed.rows, parsed.rejected) == ([], 1)


def test_a_rejected_row_still_says_whom_it_is_about_when_it_can():
    parsed = parse(make_row(1, terms="?"), make_row(2, insured_nir="x"), make_row(3, quality="9"))
    assert [person.line for person in parsed.rejected_persons] == [2, 4]
    assert repr(parsed.rejected_persons[0]) == "<RejectedPerson 2>"


@pytest.mark.parametrize(
    ("field", "value", "read"),
    [
        ("insured_nir", " ".join(make_nir(1)), make_nir(1)[:13]),
        ("insured_nir", make_nir(place="2A004").lower(), make_nir(place="2A004")[:13]),
        ("birth_date", "1984-05-02", "19840502"),
        ("birth_date", "02/05/1984", "19840502"),
        ("birth_date", "19421901", "19421901"),
        ("card_code", "0000-0000-0000-0000-000o", "0" * 20),
        ("card_code", "", ""),
        ("family_name", "\u00a0LE\u00a0GOFF ", "LE GOFF"),
        ("phone", "+33 (0)1.99.00.00.00", "+33 (0)1.99.00.00.00"),
        ("email", "Camille.Le-Goff+rempart@example.invalid", None),
        ("contract_number", "2024/AB-12.3_4", None),
        ("postcode", "L-1234", None),
    ],
)
def test_the_forms_people_write_are_read(field: str, value: str, read: str | None):
    parsed = parse(make_row(1) | {field: value})
    assert parsed.findings == []
    assert getattr(parsed.rows[0], field) == (value if read is None else read)


def test_findings_are_in_english_when_asked():
    assert parse(make_row(1, quality="9"), language="en").findings[0].message.startswith("The ")


NIRS = (make_nir(1), make_nir(place="2A004"), make_nir(place="2B004"))


def test_whole_columns_are_read_as_one_field_would_be():
    """The short way for plain columns gives what the long way gives."""
    readers = make_readers(AMC, removals=False)
    samples = {
        "contract_number": ["A", "9/B-1", "X" * 30],
        "member_number": ["0"],
        "birth_date": ["18500101", "19421901", "21991231"],
        "card_code": ["", "0000-0000-0000-0000-0001"],
        "email": ["", "a@example.invalid", "a.b+c@ex-ample.co.invalid"],
        "phone": ["", "0199000000", "+33199000000"],
        "insured_nir": NIRS,
        "own_nir": ["", *NIRS],
        "previous_nir": ["", *NIRS],
        "family_name": ["Le Goff", "D’Été", "É" * 80],
        "birth_name": ["", "Nguyễn"],
        "first_names": ["Anne-Marie Zoé"],
        "address": ["", "12 bis, rue de l'Église"],
        "postcode": ["", "2A004"],
        "city": ["", "L'HAŸ LES ROSES"],
    }
    plain = {name: reader.read_plain for name, reader in readers.items() if reader.read_plain}
    assert plain.keys() == samples.keys()
    for name, values in samples.items():
        assert plain[name](values) == [readers[name].read(value) for value in values]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("contract_number", "A\nB"),
        ("contract_number", ""),
        ("contract_number", "X" * 31),
        ("birth_date", "18490101"),
        ("birth_date", "1984050"),
        ("card_code", "0000-0000-0000-0000-000U"),
        ("email", "a@example"),
        ("phone", "123"),
        ("insured_nir", ""),
        ("own_nir", NIRS[0][:13]),
        ("own_nir", NIRS[0][:14] + str((int(NIRS[0][14]) + 1) % 10)),
        ("own_nir", NIRS[1].lower()),
        ("previous_nir", f" {NIRS[0]}"),
        ("previous_nir", f"{NIRS[0]}\n"),
        ("family_name", ""),
        ("family_name", "X" * 81),
        ("birth_name", " Martin"),
        ("birth_name", "Martin "),
        ("birth_name", "Le\u00a0Goff"),
        ("address", "1 rue\tdes Lilas"),
        ("city", "PARIS\n"),
    ],
)
def test_a_field_that_is_not_plain_sends_its_column_the_long_way(field: str, value: str):
    read_plain = make_readers(AMC, removals=False)[field].read_plain
    assert read_plain
    assert read_plain(["Martin" if field == "family_name" else "", value]) is None


class TestDays:
    """From six dates to the days that count."""

    @pytest.mark.parametrize(
        ("changes", "starts", "ends"),
        [
            ({}, date(2024, 1, 1), OPEN_END),
            ({"period_end": "2024-01-01"}, date(2024, 1, 1), date(2024, 1, 1)),
            ({"agreement_start": "2024-06-01"}, date(2024, 6, 1), OPEN_END),
            ({"agreement_end": "2024-01-01"}, date(2024, 1, 1), date(2024, 1, 1)),
            ({"agreement_end": "2023-12-31"}, None, None),
            ({"period_end": "2024-05-31", "agreement_start": "2024-06-01"}, None, None),
            ({"period_start": "1999-01-01"}, date(2000, 1, 1), OPEN_END),
        ],
    )
    def test_lines_are_cut_to_the_agreement(self, changes, starts, ends):
        [row] = parse(make_row(1, **changes)).rows
        period = row.days.period
        assert (period and (period.starts_on, period.ends_on)) == (starts and (starts, ends))

    def test_a_suspension_without_end_is_open(self):
        [row] = parse(make_row(1, suspended_from="2024-03-01")).rows
        assert row.days.suspended == Period(date(2024, 3, 1), OPEN_END)

    def test_no_suspension_is_none(self):
        [row] = parse(make_row(1)).rows
        assert row.days.suspended is None


def test_a_row_never_prints_what_it_holds():
    [row] = parse(make_row(1)).rows
    assert (repr(row), str(row)) == ("<FeedRow 2>", "<FeedRow 2>")


def test_equal_guarantees_have_one_digest_whatever_their_order():
    rows = parse(
        make_row(1, terms="PHAR=R100|MEDG=T"),
        make_row(2, terms="MEDG=T|PHAR=R100"),
        make_row(3, terms="MEDG=T|PHAR=R90"),
    ).rows
    digests = [row.terms.digest for row in rows]
    assert digests[0] == digests[1] != digests[2]
