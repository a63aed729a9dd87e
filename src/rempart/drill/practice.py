"""How professions usually ask: how often, for whom, with or without the card. Data with its source.

Refuses to know what a thief does: robots are planned elsewhere and judged from the ledger alone.

Source: S28. Figures marked there as estimates decide how hard the drill is; a pilot must replace
them.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """The habits of one profession.

    `lookups_per_day` is the median of an open day and `spread` the standard deviation of its
    logarithm between practices; the other figures are shares of look-ups.
    """

    share: float
    lookups_per_day: float
    spread: float
    regulars: float
    panel: int
    nobody: float
    without_card: float
    domain: str


# Medians per profession: share of accounts, look-ups a day, spread, regulars, panel, not found,
# without card.
PRACTICES: Final[Mapping[str, Practice]] = {
    "pharmacy": Practice(
        share=0.16,
        lookups_per_day=100,
        spread=0.45,
        regulars=0.80,
        panel=3000,
        nobody=0.05,
        without_card=0.05,
        domain="PHAR",
    ),
    "general_practitioner": Practice(
        share=0.18,
        lookups_per_day=22,
        spread=0.35,
        regulars=0.90,
        panel=1200,
        nobody=0.06,
        without_card=0.07,
        domain="MEDG",
    ),
    "nurse": Practice(
        share=0.22,
        lookups_per_day=12,
        spread=0.45,
        regulars=0.92,
        panel=70,
        nobody=0.05,
        without_card=0.15,
        domain="AUXM",
    ),
    "physiotherapist": Practice(
        share=0.10,
        lookups_per_day=8,
        spread=0.40,
        regulars=0.90,
        panel=90,
        nobody=0.06,
        without_card=0.10,
        domain="AUXM",
    ),
    "dentist": Practice(
        share=0.12,
        lookups_per_day=11,
        spread=0.40,
        regulars=0.78,
        panel=1500,
        nobody=0.07,
        without_card=0.08,
        domain="DENT",
    ),
    "optician": Practice(
        share=0.12,
        lookups_per_day=9,
        spread=0.60,
        regulars=0.20,
        panel=600,
        nobody=0.15,
        without_card=0.10,
        domain="OPTI",
    ),
    "laboratory": Practice(
        share=0.05,
        lookups_per_day=110,
        spread=0.45,
        regulars=0.45,
        panel=4000,
        nobody=0.06,
        without_card=0.07,
        domain="LABO",
    ),
    "hospital": Practice(
        share=0.025,
        lookups_per_day=350,
        spread=0.70,
        regulars=0.30,
        panel=20_000,
        nobody=0.07,
        without_card=0.10,
        domain="HOSP",
    ),
    "imaging": Practice(
        share=0.025,
        lookups_per_day=70,
        spread=0.50,
        regulars=0.15,
        panel=3000,
        nobody=0.06,
        without_card=0.07,
        domain="RADL",
    ),
}
"""By profession. A profession without figures here keeps the habits of a general practitioner."""

OTHER_PROFESSION: Final = "general_practitioner"

# Of every hundred lawful look-ups: asked from a telephone on a shared mobile address; identifiers
# typed wrong first and right a moment later.
SHARE_MOBILE: Final = 0.08
SHARE_TYPING_ERROR: Final = 0.02
# Practices whose line changes address during the attack: honest people who suddenly look new.
SHARE_NEW_LINE: Final = 0.05


def find_practice(profession: str) -> Practice:
    """Return the habits of a profession, those of a general practitioner when it is not listed."""
    return PRACTICES.get(profession, PRACTICES[OTHER_PROFESSION])
