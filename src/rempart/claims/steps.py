"""How an amount came about, step by step: data, whose sentences are in `explanation`.

Refuses to hide a limit: what was not paid is a step too, with its reason.
"""

import enum
from datetime import date
from typing import NamedTuple

from rempart.claims.benefit_table import Benefit


class StepKind(enum.StrEnum):
    """What a step says."""

    ROW = "row"
    NOT_IN_TABLE = "not_in_table"
    WAITING = "waiting"
    CAPPED_BY_ROW = "capped_by_row"
    LIMITED_CENTS = "limited_cents"
    LIMITED_UNITS = "limited_units"
    TOO_EARLY = "too_early"
    CAPPED_BY_PRICE = "capped_by_price"
    AMC = "amc"


class Step(NamedTuple):
    """One step of a contract's part.

    Attributes:
        kind: What it says.
        cents: The amount after it.
        label: The row or the limit it is about, as the contract names it.
        day: The day it turns on: the end of a wait, the next renewal.
        units: How many units a limit let through.
        pays: The row that computes, of a ROW step.
    """

    kind: StepKind
    cents: int = 0
    label: str = ""
    day: date | None = None
    units: int = 0
    pays: Benefit | None = None
