"""What a NIR can be. The tables are also docs/rules/nir.md.

Every number here is one that nobody can hold: department 00, or order 000.
"""

from dataclasses import dataclass

import pytest

from rempart.kernel.findings import BadValue
from rempart.kernel.nir import REFUSALS, Nir, compute_nir_key, is_valid_nir


@dataclass(frozen=True)
class Accepted:
    sentence: str
    number: str
    sex: int
    month: int
    department: str
    kind: str = "nir"

    @property
    def text(self) -> str:
        return f"{self.number}{compute_nir_key(self.number.replace(' ', '')):02d}"


ACCEPTED = [
    Accepted("a man of January", "1 80 01 00 000 123 ", 1, 1, "00"),
    Accepted("a woman of December", "2 99 12 00 999 999 ", 2, 12, "00"),
    Accepted("a waiting number, man", "7 80 01 00 000 123 ", 1, 1, "00", "nia"),
    Accepted("a waiting number, woman", "8 80 01 00 000 123 ", 2, 1, "00", "nia"),
    Accepted("smallest key", "1 80 01 00 000 022 ", 1, 1, "00"),
    Accepted("largest key", "1 80 01 00 000 023 ", 1, 1, "00"),
    Accepted("month unknown", "1 50 20 00 000 123 ", 1, 20, "00"),
    Accepted("last of the first uncertain months", "1 50 42 00 000 123 ", 1, 42, "00"),
    Accepted("first of the second uncertain months", "1 50 50 00 000 123 ", 1, 50, "00"),
    Accepted("last uncertain month", "1 50 99 00 000 123 ", 1, 99, "00"),
    Accepted("first department", "1 80 01 01 001 000 ", 1, 1, "01"),
    Accepted("Paris", "1 80 01 75 056 000 ", 1, 1, "75"),
    Accepted("last commune", "1 80 01 33 990 000 ", 1, 1, "33"),
    Accepted("Corsica before 1976", "1 70 01 20 004 000 ", 1, 1, "20"),
    Accepted("Corse-du-Sud", "1 80 01 2A 004 000 ", 1, 1, "2A"),
    Accepted("Haute-Corse", "1 80 01 2B 033 000 ", 1, 1, "2B"),
    Accepted("Algeria before independence, or Essonne", "1 50 01 91 352 000 ", 1, 1, "91"),
    Accepted("Morocco before independence, or Val-d'Oise", "1 50 01 95 350 000 ", 1, 1, "95"),
    Accepted("Tunisia before independence", "1 50 01 96 351 000 ", 1, 1, "96"),
    Accepted("overseas: La Réunion", "1 80 01 97 411 000 ", 1, 1, "974"),
    Accepted("overseas: Polynésie", "1 80 01 98 735 000 ", 1, 1, "987"),
    Accepted("abroad", "1 80 01 99 109 000 ", 1, 1, "99"),
]


@dataclass(frozen=True)
class Refused:
    sentence: str
    number: str
    rule: str
    key: str | None = None

    @property
    def text(self) -> str:
        if self.key is not None:
            return self.number + self.key
        return f"{self.number}{compute_nir_key(self.number.replace(' ', '')):02d}"


REFUSED = [
    Refused("nothing", "", "nir_length", ""),
    Refused("no key", "1 80 01 00 000 123", "nir_length", ""),
    Refused("one character too many", "1 80 01 00 000 123 4", "nir_length", "00"),
    Refused("letter O for zero", "1 80 O1 00 000 123 ", "nir_characters", "00"),
    Refused("2C is nowhere", "1 80 01 2C 004 000 ", "nir_characters", "00"),
    Refused("a letter in the key", "1 80 01 00 000 123 ", "nir_characters", "4B"),
    Refused("sex 0", "0 80 01 00 000 123 ", "nir_sex"),
    Refused("sex 3", "3 80 01 00 000 123 ", "nir_sex"),
    Refused("sex 9", "9 80 01 00 000 123 ", "nir_sex"),
    Refused("month 00", "1 80 00 00 000 123 ", "nir_month"),
    Refused("month 13", "1 80 13 00 000 123 ", "nir_month"),
    Refused("month 19", "1 80 19 00 000 123 ", "nir_month"),
    Refused("month 43", "1 80 43 00 000 123 ", "nir_month"),
    Refused("month 49", "1 80 49 00 000 123 ", "nir_month"),
    Refused("country 000", "1 80 01 99 000 000 ", "nir_country"),
    Refused("country 991", "1 80 01 99 991 000 ", "nir_country"),
    Refused("commune 000", "1 80 01 33 000 000 ", "nir_commune"),
    Refused("commune 991", "1 80 01 33 991 000 ", "nir_commune"),
    Refused("overseas commune 00", "1 80 01 97 400 000 ", "nir_commune"),
    Refused("overseas commune 91", "1 80 01 97 491 000 ", "nir_commune"),
    Refused("a key of 00", "1 80 01 00 000 123 ", "nir_key", "00"),
    Refused("98 for a key of 01", "1 80 01 00 000 022 ", "nir_key", "98"),
    Refused("00 for a key of 97", "1 80 01 00 000 023 ", "nir_key", "00"),
    Refused("another number's key", "1 80 01 00 000 123 ", "nir_key", "11"),
    Refused("the key of 2A on 2B", "1 80 01 2B 004 000 ", "nir_key", "69"),
]  # fmt: skip


@pytest.mark.parametrize("case", ACCEPTED, ids=lambda case: case.sentence)
def test_a_possible_number_is_read_for_what_it_says(case):
    nir = Nir.parse(case.text)
    assert (nir.sex, nir.birth_month, nir.department, nir.kind.value) == (
        case.sex,
        case.month,
        case.department,
        case.kind,
    )
    assert nir.is_synthetic
    assert nir.format() == case.text
    assert is_valid_nir(case.text)


@pytest.mark.parametrize("case", REFUSED, ids=lambda case: case.sentence)
def test_an_impossible_number_is_refused_with_its_own_reason(case):
    with pytest.raises(BadValue) as refusal:
        Nir.parse(case.text)
    assert refusal.value.refusal.rule == case.rule
    assert not is_valid_nir(case.text)


@pytest.mark.parametrize(
    "case", [case for case in REFUSED if case.number], ids=lambda c: c.sentence
)
def test_no_refusal_repeats_the_number(case):
    with pytest.raises(BadValue) as refusal:
        Nir.parse(case.text)
    said = str(refusal.value) + repr(refusal.value) + str(refusal.value.refusal)
    assert case.text.replace(" ", "") not in said.replace(" ", "")


def test_every_refusal_has_a_case_and_words_of_its_own():
    assert {case.rule for case in REFUSED} == {refusal.rule for refusal in REFUSALS}
    for language in ("fr", "en"):
        assert len({refusal.message(language) for refusal in REFUSALS}) == len(REFUSALS)


def test_the_page_says_the_same(check_page, write_table):
    accepted = write_table(
        ("case", "number and key", "sex", "month", "department", "kind"),
        [(c.sentence, c.text, c.sex, c.month, c.department, c.kind.upper()) for c in ACCEPTED],
    )
    refused = write_table(
        ("case", "number and key", "rule"),
        [(case.sentence, case.text.strip() or "(empty)", f"`{case.rule}`") for case in REFUSED],
    )
    rules = write_table(
        ("rule", "said in French", "said in English"),
        [(f"`{r.rule}`", f"{r.fr} {r.advice_fr}", f"{r.en} {r.advice_en}") for r in REFUSALS],
    )
    check_page(
        "nir.md",
        f"""# What a NIR can be

Written by `tests/spec/test_nir.py`; `src/rempart/kernel/nir.py` decides. Thirteen characters
(sex, year, month, place, order) and a key: 97 minus the remainder by 97, with 2A counted as 19 and
2B as 18. Every number on this page is one that nobody can hold: there is no department 00, and
orders are issued from 001.

## Accepted

{accepted}

## Refused, for the first rule that fails

{refused}

## What the refusals say

{rules}
""",
    )
