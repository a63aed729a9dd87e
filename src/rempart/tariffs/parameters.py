"""Dated parameters: delays and durations, each with its first day and its source.

Refuses to know what day it is: the caller says for which day.
"""

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Final

from rempart.kernel.periods import Period, add_months
from rempart.tariffs.data_files import load_data_file


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One value from one day on, until a later row of the same name.

    Args:
        name: What it is, unit last.
        value: A whole number in that unit.
        valid_from: First day it applies.
        source: The text it comes from, or the reason for the choice.
    """

    name: str
    value: int
    valid_from: date
    source: str


PARAMETERS: Final = tuple(
    Parameter(**row) for row in load_data_file("parameters.toml")["parameter"]
)
"""Every row of the data file."""


def value_on(name: str, day: date) -> int:
    """Return the value of a parameter on one day; before its first row, its first value.

    Raises:
        KeyError: no parameter has this name.
    """
    rows = sorted((row for row in PARAMETERS if row.name == name), key=lambda row: row.valid_from)
    if not rows:
        raise KeyError(name)
    in_force = [row for row in rows if row.valid_from <= day]
    return (in_force or rows)[-1 if in_force else 0].value


def compute_care_dates(today: date) -> Period:
    """Return the care dates that may be asked about on `today`, both ends included."""
    return Period(
        add_months(today, -value_on("care_date_past_months", today)),
        today + timedelta(days=value_on("care_date_future_days", today)),
    )
