"""Domains and dated parameters. Also docs/rules/tariffs.md."""

from datetime import date

import pytest

from rempart.claims.claim import ClaimLine
from rempart.kernel.findings import BadValue
from rempart.kernel.money import format_euros
from rempart.tariffs import care
from rempart.tariffs.care import ACTS, BASES, CEILINGS, CONFLICTS, LEVIES, LOCAL_RATES, RATES
from rempart.tariffs.domains import DOMAINS, SOURCE
from rempart.tariffs.parameters import PARAMETERS


def format_rate(rate_bp: int) -> str:
    return f"{rate_bp / 100:g} %"


def format_cents(cents: int | None) -> str:
    return "" if cents is None else format_euros(cents, "en")


def test_every_act_has_a_rate_and_a_domain_of_the_card():
    for act in ACTS.values():
        assert act.rate in RATES
        assert act.domain in DOMAINS
        assert act.levied is None or act.levied in LEVIES
    assert set(LOCAL_RATES) <= set(RATES)
    assert set(BASES) <= set(ACTS)


def test_a_row_holds_from_its_first_day_until_the_next():
    assert care.find_rate_bp("dental", date(2023, 10, 14)) == 7_000
    assert care.find_rate_bp("dental", date(2023, 10, 15)) == 6_000
    assert care.find_base_cents("G", date(2010, 12, 31)) is None
    assert care.find_base_cents("PH7", date(2026, 1, 1)) is None
    assert care.find_levy(None, date(2026, 1, 1)) is None
    assert care.find_ceiling_cents("frame_class_a", date(2019, 12, 31)) is None


def test_a_code_that_does_not_exist_is_refused_with_what_to_do():
    with pytest.raises(BadValue) as refused:
        care.ActKind.parse("ZZZ")
    assert refused.value.refusal is care.UNKNOWN_ACT


def test_two_rows_of_one_day_are_refused():
    row = care.BaseRow(code="G", cents=1, valid_from=date(2026, 1, 1), source="")
    with pytest.raises(ValueError, match="first day"):
        care.Dated([row, row])
    with pytest.raises(ValueError, match="needs rows"):
        care.Dated([])


@pytest.mark.parametrize(
    "wrong",
    [
        {"billed_cents": -1},
        {"billed_cents": 10**9},
        {"billed_cents": 100, "base_cents": -1},
        {"billed_cents": 100, "quantity": 0},
        {"billed_cents": 100, "amo_cents": 101},
    ],
)
def test_a_line_that_cannot_be_is_refused(wrong):
    with pytest.raises(ValueError, match=r"expected|not between|cannot have paid"):
        ClaimLine(number=1, act=ACTS["G"], care_date=date(2026, 1, 1), **wrong)


def list_rows(tables, *cells):
    return [[cell(row) for cell in cells] for rows in tables.values() for row in rows.rows]


def from_day(row):
    return row.valid_from


def source(row):
    return row.source


def write_care(write_table) -> str:
    acts = write_table(
        ("code", "French", "English", "domain", "rate", "withheld", "costly acts"),
        [
            (
                *(f"`{a.code}`{' (own)' if a.own else ''}", a.fr, a.en, a.domain, a.rate),
                *(a.levied or "", "yes" if a.technical else ""),
            )
            for a in ACTS.values()
        ],
    )
    shares = (lambda row: row.rate, lambda row: format_rate(row.rate_bp), from_day, source)
    rates = write_table(("rate", "share of the base", "from", "source"), list_rows(RATES, *shares))
    local = write_table(("rate", "added", "from", "source"), list_rows(LOCAL_RATES, *shares))
    bases = write_table(
        ("act", "base", "from", "source"),
        list_rows(
            BASES, lambda row: row.code, lambda row: format_cents(row.cents), from_day, source
        ),
    )
    return f"""## Acts

How compulsory insurance treats each code. Codes marked own are this project's, for care that no
national code names.

{acts}

## Rates of compulsory insurance

{rates}

Added by the local regime of Alsace-Moselle:

{local}

Care outside the pathway, from the age of 16, is paid at the rate `doctor_outside_pathway`.

## National tariffs

{bases}
"""


def write_caps(write_table) -> str:
    levies = write_table(
        ("on", "kind", "each", "a day", "a year", "from", "source"),
        list_rows(
            LEVIES,
            *(lambda row: row.levied, lambda row: row.kind, lambda row: format_cents(row.cents)),
            *(lambda row: format_cents(row.day_cents), lambda row: format_cents(row.year_cents)),
            *(from_day, source),
        ),
    )
    flat = write_table(
        ("participation", "acts from", "from", "source"),
        [
            (format_cents(row.cents), format_cents(row.from_cents), row.valid_from, row.source)
            for row in care.FLAT.rows
        ],
    )
    ceilings = write_table(
        ("ceiling", "amount", "from", "source"),
        list_rows(
            CEILINGS, lambda row: row.name, lambda row: format_cents(row.cents), from_day, source
        ),
    )
    renewals = write_table(
        ("equipment", "months", "from", "source"),
        list_rows(care.RENEWALS, lambda row: row.name, describe_delay, from_day, source),
    )
    conflicts = write_table(
        ("about", "used", "another source says", "why"),
        [(one.about, one.used, one.other, one.decision) for one in CONFLICTS],
    )
    return f"""## What is withheld

{levies}

## Costly acts

In place of the ticket modérateur of technical acts, from a tariff on. Tariffs of the acts of one
bill and one day add up, and one participation is borne for all of them (S78):

{flat}

## 100 % Santé and responsible contracts

{ceilings}

{renewals}

## Where sources do not agree

{conflicts}
"""


def describe_delay(row) -> str:
    ages = f"{row.months}, under 16: {row.months_under_16}, under 6: {row.months_under_6}"
    return f"{ages}, each apart" if row.each else ages


def test_the_page_says_the_same(check_page, write_table):
    domains = write_table(
        ("code", "number in the ledger", "French", "English"),
        [(d.code, d.number, d.fr, d.en) for d in DOMAINS.values()],
    )
    parameters = write_table(
        ("parameter", "value", "from", "source"),
        [(f"`{p.name}`", p.value, p.valid_from, p.source) for p in PARAMETERS],
    )
    check_page(
        "tariffs.md",
        f"""# Domains, dated parameters and tariffs

Written by `tests/spec/test_tariffs.py` from `src/rempart/tariffs/data`.

## Domains of care

{domains}

Source: {SOURCE}

## Parameters

A change is a new row with its first day, never an edit. Durations are for a data protection officer
and the insurers to confirm; they are not legal advice.

{parameters}

{write_care(write_table)}
{write_caps(write_table)}""",
    )
