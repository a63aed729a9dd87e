"""Shape, key and synthetic range of the other identifiers. Also docs/rules/identifiers.md."""

from dataclasses import dataclass

import pytest

from rempart.kernel import amc, birth, finess, iban, rpps, siret
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.synthetic import (
    make_synthetic_amc_number,
    make_synthetic_finess,
    make_synthetic_iban,
    make_synthetic_rpps,
    make_synthetic_siret,
)
from rempart.rights import lookup
from rempart.rights.lookup import CardCode


@dataclass(frozen=True)
class Row:
    name: str
    shape: str
    example: str
    synthetic: str
    parse: type
    refused: tuple[tuple[str, Refusal], ...]
    prints: bool = False


ROWS = [
    Row(
        "RPPS, a professional",
        "11 digits, Luhn key",
        make_synthetic_rpps(1).format(),
        "from 99: none was ever issued there",
        rpps.Rpps,
        (("9900000001", rpps.FORMAT), ("99000000011", rpps.KEY)),
    ),
    Row(
        "FINESS, an establishment",
        "9 characters, Luhn key (2A and 2B: key not checked)",
        make_synthetic_finess(1).format(),
        "department 00 does not exist",
        finess.Finess,
        (("00000002", finess.FORMAT), ("000000027", finess.KEY)),
        prints=True,
    ),
    Row(
        "SIRET, an establishment",
        "14 digits, Luhn key on the first 9 (SIREN) and on all",
        make_synthetic_siret(1).format(),
        "no SIREN of the published register is in 0000",
        siret.Siret,
        (
            ("0000000260001", siret.FORMAT),
            ("00000002500018", siret.SIREN_KEY),
            ("00000002600019", siret.KEY),
        ),
    ),
    Row(
        "IBAN, an account",
        "country's length, key modulo 97, French key inside",
        make_synthetic_iban(1).format(),
        "no bank has the code 99999",
        iban.Iban,
        (("FR76", iban.INVALID), ("FR7699999000000000000000131", iban.INVALID)),
    ),
    Row(
        "AMC number, an insurer",
        "8 to 10 digits, padded to 10 with zeros; no public key",
        make_synthetic_amc_number(1).format(),
        "from 99: published numbers are padded with zeros",
        amc.AmcNumber,
        (("1234567", amc.FORMAT), ("0000000000", amc.FORMAT)),
        prints=True,
    ),
    Row(
        "birth date",
        "8 characters AAAAMMJJ, month and day of no calendar allowed",
        "19421901",
        "with a synthetic NIR",
        birth.BirthDate,
        (("1942", birth.DATE_FORMAT), ("18491231", birth.DATE_YEAR)),
    ),
    Row(
        "birth rank",
        "one digit, 1 to 9",
        "2",
        "with a synthetic NIR",
        birth.BirthRank,
        (("0", birth.RANK),),
    ),
    Row(
        "card code",
        "20 letters of base 32, 100 bits",
        CardCode.from_number(2**99).format(),
        "drawn by the synthetic generator",
        lookup.CardCode,
        (("ABCD", lookup.CARD_CODE),),
    ),
]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_the_example_is_accepted_and_prints_only_when_it_names_no_person(row):
    value = row.parse.parse(row.example)
    assert getattr(value, "is_synthetic", True)
    assert (f"<{row.parse.__name__}>" != str(value)) is row.prints


REFUSED = [(row, text, refusal) for row in ROWS for text, refusal in row.refused]


@pytest.mark.parametrize(("row", "text", "refusal"), REFUSED)
def test_what_breaks_a_rule_is_refused_by_that_rule(row, text, refusal):
    with pytest.raises(BadValue) as refused:
        row.parse.parse(text)
    assert refused.value.refusal == refusal
    assert text not in str(refused.value)


def test_the_page_says_the_same(check_page, write_table):
    shapes = write_table(
        ("identifier", "shape", "example", "why nobody holds the synthetic ones", "prints"),
        [
            (row.name, row.shape, f"`{row.example}`", row.synthetic, "yes" if row.prints else "no")
            for row in ROWS
        ],
    )
    refusals = {refusal.rule: refusal for _, _, refusal in REFUSED}.values()
    said = write_table(
        ("rule", "said in French", "said in English"),
        [(f"`{r.rule}`", f"{r.fr} {r.advice_fr}", f"{r.en} {r.advice_en}") for r in refusals],
    )
    check_page(
        "identifiers.md",
        f"""# Identifiers

Written by `tests/spec/test_identifiers.py`. The NIR has [its own page](nir.md). What may identify a
person does not print: `str()` gives the name of the type, showing the value is an explicit call.

{shapes}

## What the refusals say

{said}
""",
    )
