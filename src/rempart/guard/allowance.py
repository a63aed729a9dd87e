"""How many typed new faces a day allows: what the account's own days make likely, and not more.

Allowances are in prices, not in people: a person who lives nearby, asked for from the usual place,
costs a quarter of one; a stranger's question from a stranger's address costs up to four.
"""

import math
from typing import Final

from rempart.guard.habits import Mean

# How many days the profession's mean is worth beside the account's own.
_PRIOR_DAYS: Final = 4.0
HIGHEST_PRICE: Final = 4.0
# The variance of a day grows faster than its mean: people come in families and epidemics.
TYPED_SPREAD: Final = 0.6
CARD_SPREAD: Final = 0.3
# A card was shown: its allowance is wide, and only a flood passes it.
CARD_WIDTH: Final = 6.0
_LEAST_TYPED: Final = 0.5


def compute_price(weight: float, least: float) -> float:
    """Return what a look-up costs, from its weight: 1 when nothing speaks for or against."""
    return min(HIGHEST_PRICE, max(least, math.exp(0.5 * weight)))


def compute_expected(own: Mean, norm: float) -> float:
    """Return the price a usual day of an account adds up to; `norm` is its profession's."""
    return (norm * _PRIOR_DAYS + own.total) / (_PRIOR_DAYS + own.days)


def compute_deviation(expected: float, own: Mean, spread: float) -> float:
    """Return how far an account's days stray from the usual one, in price.

    Args:
        expected: Price of a usual day.
        own: The account's days.
        spread: Of the profession's accounts: variance over the square of the mean.
    """
    prior = 1.5 * expected + spread * expected**2
    variance = (prior * _PRIOR_DAYS + own.variance * own.days) / (_PRIOR_DAYS + own.days)
    return math.sqrt(max(variance, 1.5 * expected))


def compute_typed_allowance(expected: float, deviation: float, week: float, width: float) -> float:
    """Return the day's allowance of typed new faces.

    Args:
        expected: Price of a usual day.
        deviation: How far days stray from it.
        week: Price answered in the six days before.
        width: How far above the usual a day may go, in deviations: see `compute_needed_width`,
            its inverse.
    """
    day = 1.5 + expected + width * deviation
    seven_days = 4 + 5 * expected + 2 * width * deviation
    return max(min(day, seven_days - week), _LEAST_TYPED)


def compute_needed_width(price: float, expected: float, deviation: float, week: float) -> float:
    """Return the width that would just have let a day of this price through."""
    day = (price - 1.5 - expected) / deviation
    seven_days = (price + week - 4 - 5 * expected) / (2 * deviation)
    return max(day, seven_days)


def compute_card_allowance(expected: float, deviation: float) -> float:
    """Return the day's allowance of new faces with a card."""
    return 6 + expected + CARD_WIDTH * deviation
