"""What the tariffs' data say on a day, read again from their files: the last row that has begun."""

import tomllib
from calendar import monthrange
from datetime import date
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

DATA = Path(__file__).parents[2] / "src" / "rempart" / "tariffs" / "data"
CENT = Decimal("0.01")
ZERO = Decimal(0)


def read(name):
    """Return a file of the tariffs."""
    return tomllib.loads((DATA / name).read_text("utf-8"))


ACTS = {act["code"]: act for act in read("acts.toml")["act"]}
RATES = read("rates.toml")["rate"]
LOCAL = read("rates.toml")["local"]
BASES = read("bases.toml")["base"]
LEVIES = read("levies.toml")["levy"]
RENEWALS = read("baskets.toml")["renewal"]
FLATS = read("baskets.toml")["flat"]


def euros(cents):
    """Return cents as euros; nothing stays nothing."""
    return None if cents is None else Decimal(cents) / 100


def to_cent(amount):
    """Round once: half a cent goes up."""
    return amount.quantize(CENT, rounding=ROUND_HALF_UP)


def row_on(day, rows, **wanted):
    """Return the row that holds on a day, or None."""
    begun = [
        row
        for row in rows
        if row["valid_from"] <= day and all(row[name] == what for name, what in wanted.items())
    ]
    return max(begun, key=lambda row: row["valid_from"]) if begun else None


def rate_of(day, rows, family):
    """Return a share as a number between 0 and 1."""
    row = row_on(day, rows, rate=family)
    return Decimal(row["rate_bp"]) / 10_000 if row else ZERO


def tariff_of(day, code):
    """Return the national tariff of one act in euros, or None."""
    row = row_on(day, BASES, code=code)
    return euros(row["cents"]) if row else None


def age_on(born, day):
    """Return the whole years of somebody born on AAAAMMJJ, whatever its month and day."""
    birthday_to_come = f"{day:%m%d}" < born[4:]
    return day.year - int(born[:4]) - birthday_to_come


def months_later(day, months):
    """Return the same day so many months later, or the last one of a shorter month."""
    year, month = day.year, day.month
    for _ in range(months):
        year, month = (year + 1, 1) if month == 12 else (year, month + 1)
    return date(year, month, min(day.day, monthrange(year, month)[1]))
