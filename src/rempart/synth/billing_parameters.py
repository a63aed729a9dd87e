"""What synthetic bills are made from: every figure with where it comes from.

[S..] is a line of docs/sources.md; [E] is an estimate of ours, to be replaced by a pilot's counts.
Prices of medicines, appliances and CCAM acts are invented within plausible ranges: none is public
data that this project may ship.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

PEOPLE: Final[Mapping[str, float]] = MappingProxyType(
    {
        # Thirteen million people of sixty-eight have a long illness; it grows with age [E].
        "ald_under_40": 0.05,
        "ald_40_to_64": 0.18,
        "ald_65_on": 0.50,
        # 680 000 births a year, at 100 % for four months, over women of 18 to 44 [E].
        "maternity": 0.02,
        "c2s": 0.04,  # most of the solidarity's people are not an operator's [E]
        "alsace_moselle": 0.035,  # 2.1 million of 68 [E]; drawn where the address does not say
        "outside_pathway": 0.07,  # [E]
        "second_contract": 0.06,  # [E]
    }
)
"""Shares of people."""

ALD_CARE: Final = 0.6
"""Of the acts of somebody with a long illness: for that illness [E]."""
WORK_ACCIDENT: Final = 0.01
"""Of bills [E]."""

FOLLOWED: Final[Mapping[str, float]] = MappingProxyType(
    {
        # Share of a profession's acts in full tiers payant, second quarter of 2017 [S85].
        "pharmacy": 0.92,
        "nurse": 0.75,
        "general_practitioner": 0.30,
        # The rights of who pays in full are not checked: of checks, more are billed [E].
        "physiotherapist": 0.75,
        "dentist": 0.55,
        "optician": 0.45,  # three pairs in five are only quoted
        "laboratory": 0.93,
        "hospital": 0.85,
        "imaging": 0.90,
    }
)
"""Share of genuine checks that a claim follows."""

DELAYS_DAYS: Final = ((0, 0.80), (1, 0.10), (3, 0.05), (10, 0.04), (45, 0.01))
"""How long after the check the claim is sent, at most, and with which weight [E]."""

WRONG: Final[Mapping[str, float]] = MappingProxyType(
    {
        # One electronic hospital invoice in a thousand is rejected, one on paper in eight [S23];
        # city care is between: [E].
        "ceiling": 0.02,
        "future": 0.002,
        "twin": 0.005,
        "too_late": 0.002,
        "base": 0.02,
        "asked": 0.010,
    }
)
"""Share of claims with each fault; a fault that does not fit a claim leaves it right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Priced:
    """One code a profession bills, and for how much.

    Args:
        code: The act.
        weight: How often, beside the other codes of its profession.
        least: Lowest base of one unit, in cents.
        most: Highest base of one unit; prices between are drawn low more often than high.
        units: Most units of one line.
        overrun: Share of lines billed above the base.
        ceiling: Most of an overrun, as a share of the base.
    """

    code: str
    weight: float
    least: int
    most: int
    units: int = 1
    overrun: float = 0.0
    ceiling: float = 0.0


MIX: Final[Mapping[str, tuple[Priced, ...]]] = MappingProxyType(
    {
        "pharmacy": (
            Priced(code="PH7", weight=60, least=95, most=9_000, units=4),
            Priced(code="PH4", weight=14, least=90, most=2_500, units=3),
            Priced(code="PH2", weight=7, least=120, most=1_500, units=3),
            Priced(code="PH1", weight=4, least=500, most=250_000, units=2),
            Priced(code="HD7", weight=20, least=102, most=102, units=4),
            Priced(code="HD4", weight=4, least=102, most=102, units=3),
            Priced(code="HD2", weight=2, least=102, most=102),
            Priced(code="PHN", weight=6, least=0, most=0, units=3),
            Priced(code="PA", weight=5, least=500, most=20_000, overrun=0.5, ceiling=1.0),
        ),
        "general_practitioner": (
            Priced(code="G", weight=60, least=3_000, most=3_000, overrun=0.08, ceiling=0.8),
            Priced(code="GS", weight=20, least=3_000, most=3_000, overrun=0.08, ceiling=0.8),
            Priced(code="C", weight=3, least=2_300, most=3_000),
            Priced(code="VG", weight=5, least=3_000, most=4_000),
            Priced(code="TCG", weight=5, least=2_500, most=2_500),
            Priced(code="COE", weight=2, least=3_800, most=5_400),
            Priced(code="MCG", weight=4, least=300, most=500),
            Priced(code="MM", weight=1, least=1_906, most=4_000),
            Priced(code="CRN", weight=0.5, least=4_250, most=4_800),
        ),
        "nurse": (
            Priced(code="AMI", weight=75, least=315, most=1_890, units=6),
            Priced(code="AIS", weight=25, least=795, most=1_060, units=4),
        ),
        "physiotherapist": (
            Priced(code="AMK", weight=85, least=1_613, most=2_400, units=3, overrun=0.1,
                   ceiling=0.5),
            Priced(code="AMO", weight=3, least=2_500, most=4_000),
            Priced(code="AMY", weight=2, least=2_000, most=4_000),
            Priced(code="OST", weight=10, least=0, most=0, units=2),
        ),
        "dentist": (
            Priced(code="SC", weight=50, least=2_892, most=9_000),
            Priced(code="AXI", weight=8, least=2_500, most=3_500),
            Priced(code="END", weight=10, least=3_374, most=11_000),
            Priced(code="INO", weight=5, least=4_000, most=10_000, overrun=0.9, ceiling=3.0),
            Priced(code="PDT", weight=15, least=9_000, most=27_900, overrun=0.8, ceiling=5.0),
            Priced(code="TO", weight=7, least=19_350, most=19_350, overrun=0.95, ceiling=4.0),
            Priced(code="IMP", weight=5, least=0, most=0, units=2),
        ),
        "optician": (Priced(code="LEN", weight=1, least=0, most=0),),
        "laboratory": (Priced(code="B", weight=1, least=27, most=8_000),),
        "hospital": (
            Priced(code="CS", weight=35, least=2_300, most=6_000, overrun=0.4, ceiling=2.0),
            Priced(code="APC", weight=10, least=5_000, most=6_000, overrun=0.2, ceiling=0.6),
            Priced(code="CCX", weight=3, least=4_600, most=6_000),
            Priced(code="MCS", weight=5, least=500, most=500),
            Priced(code="ATM", weight=12, least=1_500, most=40_000, overrun=0.3, ceiling=1.0),
            Priced(code="ADC", weight=8, least=4_000, most=60_000, overrun=0.4, ceiling=1.5),
            Priced(code="ACO", weight=3, least=3_000, most=35_000, overrun=0.3, ceiling=1.0),
            Priced(code="SF", weight=4, least=2_500, most=6_000),
            Priced(code="VSL", weight=3, least=1_500, most=12_000, units=2),
            Priced(code="TXI", weight=3, least=1_500, most=25_000, units=2),
        ),
        "imaging": (
            Priced(code="ADI", weight=60, least=1_995, most=25_000, overrun=0.15, ceiling=0.5),
            Priced(code="ADE", weight=40, least=3_500, most=13_000, overrun=0.3, ceiling=0.8),
        ),
    }
)  # fmt: skip
"""What each profession bills. Codes as tariffs name them; ranges of bases and overruns [E]."""

LINES: Final[Mapping[str, int]] = MappingProxyType(
    {"pharmacy": 6, "nurse": 4, "laboratory": 8, "physiotherapist": 4, "dentist": 3}
)
"""Most lines of a bill, where it has more than two [E]."""
DAYS: Final[Mapping[str, int]] = MappingProxyType({"nurse": 6, "physiotherapist": 20})
"""Days over which lines of a bill are spread, where it is more than one [E]."""

FREE_PRICES: Final[Mapping[str, tuple[int, int]]] = MappingProxyType(
    {
        "PHN": (150, 2_500), "OST": (3_500, 8_000), "IMP": (60_000, 160_000),
        "LEN": (4_000, 30_000), "CHP": (3_500, 15_000), "FJ": (2_000, 2_000),
    }
)  # fmt: skip
"""Prices of one unit of what compulsory insurance does not pay [E]."""
