"""What a synthetic month of look-ups is made from: every figure with where it comes from.

[S..] is a line of docs/sources.md; [E] is an estimate of ours, to be replaced by a pilot's counts.
Refuses values from which no plausible month can be made.
"""

import zlib
from collections.abc import Mapping
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any, Final

import numpy as np

TRAFFIC_VERSION: Final = 1
"""Raised when the same parameters begin to give other look-ups."""

# Shares of the days of a week, Monday first. Monday is 20 % of a practice's week, Sunday 1 % [S28].
_OFFICE_WEEK: Final = (1.2, 1.0, 1.0, 1.0, 1.05, 0.55, 0.03)
_NURSE_WEEK: Final = (1.0, 1.0, 1.0, 1.0, 1.0, 0.9, 0.85)  # [E]
_HOSPITAL_WEEK: Final = (1.1, 1.05, 1.05, 1.05, 1.05, 0.5, 0.4)  # [E]


@dataclass(frozen=True, slots=True, kw_only=True)
class Practice:
    """How accounts of one profession look people up.

    Args:
        profession: Its code.
        share: Of all accounts.
        lookups: Median of an open day.
        spread: Standard deviation of the logarithm of that median between accounts.
        regulars: Share of look-ups of people the account knows.
        panel: How many those people are.
        missed: Share of look-ups of people insured elsewhere.
        typed: Share of look-ups without a card.
        night_share: Share of accounts whose software checks rights again at night.
        night_lookups: How many then.
        hours: Opening hours, as pairs.
        week: Volume of each day, Monday first.
    """

    profession: str
    share: float
    lookups: float
    spread: float
    regulars: float
    panel: int
    missed: float
    typed: float
    night_share: float
    night_lookups: float
    hours: tuple[tuple[float, float], ...]
    week: tuple[float, ...] = _OFFICE_WEEK


PRACTICES: Final = (
    # 20 261 pharmacies [S28]; volumes [E].
    Practice(profession="pharmacy", share=0.16, lookups=100, spread=0.45, regulars=0.80,
             panel=3_000, missed=0.05, typed=0.05, night_share=0.15, night_lookups=350,
             hours=((9, 12.5), (14, 19.5))),
    # 22 visits a day, 5.3 a year and person [S28].
    Practice(profession="general_practitioner", share=0.18, lookups=22, spread=0.35, regulars=0.90,
             panel=1_200, missed=0.06, typed=0.07, night_share=0.03, night_lookups=60,
             hours=((8.5, 12.5), (14, 19))),
    # Rounds 6:45-13:00 and 16:30-20:00 (study of a regional agency) [S28]; volumes [E].
    Practice(profession="nurse", share=0.22, lookups=12, spread=0.45, regulars=0.92,
             panel=70, missed=0.05, typed=0.15, night_share=0.05, night_lookups=50,
             hours=((6.75, 13), (16.5, 20)), week=_NURSE_WEEK),
    Practice(profession="physiotherapist", share=0.10, lookups=8, spread=0.40, regulars=0.90,
             panel=90, missed=0.06, typed=0.10, night_share=0.02, night_lookups=40,
             hours=((8.5, 12.5), (14, 19.5))),  # [E]
    Practice(profession="dentist", share=0.12, lookups=11, spread=0.40, regulars=0.78,
             panel=1_500, missed=0.07, typed=0.08, night_share=0.02, night_lookups=40,
             hours=((9, 12.5), (14, 19))),  # [E]
    # 3.7 pairs of glasses a day [S28], 2.5 checks a sale [E].
    Practice(profession="optician", share=0.12, lookups=9, spread=0.60, regulars=0.20,
             panel=600, missed=0.15, typed=0.10, night_share=0.02, night_lookups=40,
             hours=((10, 12.5), (14, 19))),
    Practice(profession="laboratory", share=0.05, lookups=110, spread=0.45, regulars=0.45,
             panel=4_000, missed=0.06, typed=0.07, night_share=0.10, night_lookups=300,
             hours=((7, 12), (13, 18))),  # [E]
    Practice(profession="hospital", share=0.025, lookups=350, spread=0.70, regulars=0.30,
             panel=20_000, missed=0.07, typed=0.10, night_share=0.35, night_lookups=600,
             hours=((7, 20),), week=_HOSPITAL_WEEK),  # [E]
    Practice(profession="imaging", share=0.025, lookups=70, spread=0.50, regulars=0.15,
             panel=3_000, missed=0.06, typed=0.07, night_share=0.05, night_lookups=100,
             hours=((8, 12.5), (13.5, 19))),  # [E]
)  # fmt: skip

# What lawful accounts do that looks odd; all [E], shares of accounts in the month.
LAWFUL: Final[Mapping[str, float]] = MappingProxyType(
    {
        "newcomer": 0.02,  # opens in the month
        "locum": 0.06,  # a colleague with other software for 5 to 10 days
        "takeover": 0.01,  # another practice's people, from one day on
        "drive": 0.06,  # vaccination or screening: two days, twice the people, few of them known
        "first_night": 0.02,  # the software begins to check rights again at night
        "migration": 0.006,  # other software checks everybody known in one night
        "holiday": 0.12,  # closed for a week, or open for a neighbour's people too
        "health_centre": 0.15,  # several accounts behind one address
        "home": 0.30,  # works from home now and then
        # Shares of look-ups.
        "mobile": 0.08,  # from shared mobile addresses
        "from_home": 0.03,  # of the accounts that work from home
        "retry": 0.06,  # the same person again within a minute or two
        "family": 0.06,  # somebody of the same household right after; 3 to 10 %
        # Chances of a day.
        "new_line": 0.004,  # the operator of the line gives it another address
        "release": 0.03,  # a software has a new version, for all its accounts
        # Of people.
        "panel_is_local": 0.90,
        "stranger_is_local": 0.85,
        "born_elsewhere": 0.30,  # the number typed names the department of birth
        "epidemic": 0.25,  # more look-ups for everybody for five days
    }
)

# What thieves do; paces and shares of identifiers that lead to nobody are [E], the shapes are those
# of January 2024, amelipro 2022 and Dell 2024 [S27].
THIEVES: Final[Mapping[str, float]] = MappingProxyType(
    {
        "fast_missed": 0.30, "fast_seconds": 0.15,
        "throttled_missed": 0.30, "throttled_seconds": 20.0,
        "list_missed": 0.55, "list_pace": 400.0,
        # An in-range guess finds a covered living person with 0.23: births by commune [S28].
        "sequential_found": 0.23, "sequential_seconds": 6.0, "sequential_canaries": 1 / 150,
        "resume_missed": 0.45, "resume_seconds": 6.0,
        "distributed_missed": 0.45, "distributed_pace": 35.0,
        "mimic_missed": 0.20, "mimic_pace": 0.6, "mimic_known": 0.2,
        "insider_missed": 0.05, "insider_pace": 3.0,
        "insider_bulk_missed": 0.10, "insider_bulk_pace": 140.0,
        "list_card_missed": 0.10, "list_card_pace": 300.0,
        "sweep_missed": 0.30,
        "mobile": 0.30,  # thieves behind a shared mobile address; the others come from homes
    }
)  # fmt: skip

KINDS: Final = (
    "fast", "throttled", "list", "sequential", "resume", "distributed", "mimic", "insider",
    "insider_bulk", "list_card",
)  # fmt: skip
PACES: Final = (3, 5, 10, 20, 40, 80, 160, 320, 640, 1280)
"""New faces a day, in working hours, of the patient thieves."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrafficParameters:
    """One synthetic month.

    Args:
        accounts: How many.
        days: How many, from a Monday.
        seed: Another seed, other people and other thieves.
        attack_day: The day of the first thefts, from 0.
        per_kind: Thieves of each kind; `distributed` has its own number.
        per_pace: Patient thieves of each pace.
        distributed: Accounts one hand shares a list over.
        moved: Every figure is multiplied by one between 1/moved and moved, drawn from the seed; 1
            leaves them as they are.
        local_victims: Share of a thief's list that lives where the stolen account works.
        at_the_workstation: Whether thieves ask from the owner's own address and software.
        asks_again: Whether thieves ask about everybody a second time, to look like people who meet
            whom they know.

    Raises:
        ValueError: a value is out of its bounds.
    """

    accounts: int = 5_000
    days: int = 28
    seed: int = 1
    attack_day: int = 21
    per_kind: int = 12
    per_pace: int = 8
    distributed: int = 40
    moved: float = 1.0
    local_victims: float = 0.0
    at_the_workstation: bool = False
    asks_again: bool = False

    def __post_init__(self) -> None:
        if self.accounts < 1 or self.days < 1 or self.seed < 0:
            raise ValueError("accounts and days are at least 1, the seed at least 0")
        if not 0 <= self.attack_day < self.days:
            raise ValueError(f"the attack day is from 0 to {self.days - 1}")
        if min(self.per_kind, self.per_pace, self.distributed) < 0:
            raise ValueError("there cannot be less than no thief")
        if self.stolen > self.accounts:
            raise ValueError(
                f"{self.stolen} accounts are stolen and there are {self.accounts}: ask for more "
                "accounts, or for fewer thieves of each kind"
            )
        if not 1 <= self.moved <= 3:
            raise ValueError("moved is from 1 to 3")
        if not 0 <= self.local_victims <= 1:
            raise ValueError("the share of local victims is from 0 to 1")

    @property
    def stolen(self) -> int:
        """How many accounts are stolen."""
        alone = (len(KINDS) - 1) * self.per_kind + len(PACES) * self.per_pace
        return alone + self.distributed

    def to_record(self) -> dict[str, Any]:
        """Return the parameters as JSON values."""
        values = {name: getattr(self, name) for name in self.__dataclass_fields__}
        return {"traffic_version": TRAFFIC_VERSION, **values}


@dataclass(frozen=True, slots=True)
class Figures:
    """The figures of one month, moved from the table's or not."""

    practices: tuple[Practice, ...]
    lawful: Mapping[str, float]
    thieves: Mapping[str, float]


def move_figures(parameters: TrafficParameters) -> Figures:
    """Return the figures of a month: the table's, each moved by its own factor."""

    def move(name: str, value: float, most: float = 0.95) -> float:
        if parameters.moved == 1:
            return value
        dice = np.random.default_rng([parameters.seed, zlib.crc32(name.encode())])
        factor = parameters.moved ** dice.uniform(-1, 1)
        return float(min(value * factor, most if value < 1 else np.inf))

    def move_practice(one: Practice) -> Practice:
        names = ("lookups", "spread", "missed", "typed", "night_share", "night_lookups", "share")
        moved: dict[str, Any] = {
            name: move(f"{one.profession}.{name}", getattr(one, name)) for name in names
        }
        # Strangers are moved, not regulars: 0.92 times 1.3 would leave none.
        strangers = move(f"{one.profession}.strangers", 1 - one.regulars)
        panel = round(move(f"{one.profession}.panel", one.panel))
        return replace(one, regulars=1 - strangers, panel=panel, **moved)

    return Figures(
        tuple(move_practice(one) for one in PRACTICES),
        {name: move(f"lawful.{name}", value) for name, value in LAWFUL.items()},
        {name: move(f"thieves.{name}", value) for name, value in THIEVES.items()},
    )
