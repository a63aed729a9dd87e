"""Money in integer cents: parts that add up, one rounding, French and English writing.

Refuses floats: an amount that is not an exact number of cents does not exist here.
"""

from typing import Final

from rempart.kernel.findings import Language

BASIS_POINTS: Final = 10_000
_NARROW_SPACE: Final = "\u202f"
_NO_BREAK_SPACE: Final = "\u00a0"


def apply_rate_bp(amount_cents: int, rate_bp: int) -> int:
    """Return `rate_bp` of `amount_cents`, rounded once, half a cent away from zero.

    A cancellation (negative amount) mirrors the bill it cancels, to the cent.

    Args:
        amount_cents: The amount the rate applies to.
        rate_bp: The rate in basis points: 7000 is 70 %. Never negative, may pass 10000.

    Raises:
        ValueError: the rate is negative.

    Source:
        S26: sums to be paid are rounded to the nearest cent, half a cent is rounded up.
    """
    if rate_bp < 0:
        raise ValueError("A rate is never negative: pass a negative amount to cancel.")
    sign = -1 if amount_cents < 0 else 1
    return sign * ((abs(amount_cents) * rate_bp * 2 + BASIS_POINTS) // (2 * BASIS_POINTS))


def format_euros(amount_cents: int, language: Language = "fr") -> str:
    """Write an amount as people read it: `1 234,56 €` in French, `€1,234.56` in English.

    Spaces are the no-break ones French typography asks for, so that an amount is never cut.
    """
    euros, cents = divmod(abs(amount_cents), 100)
    sign = "-" if amount_cents < 0 else ""
    grouped = f"{euros:,}"
    if language == "en":
        return f"{sign}€{grouped}.{cents:02d}"
    return f"{sign}{grouped.replace(',', _NARROW_SPACE)},{cents:02d}{_NO_BREAK_SPACE}€"
