"""Domains and dated parameters. Also docs/rules/tariffs.md."""

from rempart.tariffs.domains import DOMAINS, SOURCE
from rempart.tariffs.parameters import PARAMETERS


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
        f"""# Domains and dated parameters

Written by `tests/spec/test_tariffs.py` from `src/rempart/tariffs/data`.

## Domains of care

{domains}

Source: {SOURCE}

## Parameters

A change is a new row with its first day, never an edit. Durations are for a data protection officer
and the insurers to confirm; they are not legal advice.

{parameters}
""",
    )
