"""Benefit tables as their files say them: docs/reference/benefit-tables.md, read a second time."""

import tomllib
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from tests.answer_key import law


@dataclass
class Contract:
    """The tables of one contract, whatever their days, and the day somebody joined it."""

    tables: list
    joined: date


def read_tables(text):
    """Return the tables of a file, by code: several of one code follow one another in time."""
    by_code = {}
    for table in tomllib.loads(text)["table"]:
        by_code.setdefault(table["code"], []).append(table)
    return by_code


def amount(text):
    """Read euros: 40,00 or 40.00."""
    return None if text is None else Decimal(text.replace(",", "."))


def percent(text):
    """Read a rate: 150, 37,5 or 37,5 %."""
    return Decimal(text.replace(",", ".").rstrip("% ")) / 100


def table_on(contract, day):
    """Return the table of a day, or None."""
    for table in contract.tables:
        if table["from"] <= day <= table.get("to", date.max):
            return table
    return None


def row_for(table, line, person, biller, joined):
    """Return the first row that fits a line, or None."""
    age = law.age_on(person.born, line.day)
    domain = "domain:" + law.ACTS[line.code]["domain"]
    for row in table.get("benefit", []):
        if not {line.code, domain, "*"} & set(row["acts"]):
            continue
        if row.get("basket", line.basket) != line.basket:
            continue
        if row.get("correction", line.correction) != line.correction:
            continue
        if "optam" in row and row["optam"] is not biller.optam:
            continue
        if "circuit" in row and row["circuit"] not in biller.circuits:
            continue
        if not row.get("from_age", 0) <= age <= row.get("to_age", 999):
            continue
        if "waiting_months" in row and line.day < law.months_later(joined, row["waiting_months"]):
            continue
        return row
    return None


@dataclass
class Past:
    """What one contract paid already, one entry a line and limit, in the order it was settled."""

    payments: list = field(default_factory=list)


@dataclass
class Payment:
    """What one line took from one limit."""

    limit: str
    day: date
    equipment: tuple
    counted: Decimal
    units: int
    start: date
