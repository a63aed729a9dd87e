"""The country of a synthetic month: its people, lines and software, as numbers nobody has.

A person is a number; where they live, where they were born and who insures them follow from it.
"""

from typing import Any, Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Numbers: TypeAlias = NDArray[np.int64]
Dice: TypeAlias = np.random.Generator

DEPARTMENTS: Final = 96
PEOPLE_PER_DEPARTMENT: Final = 200_000  # 20 million covered people
POPULATION: Final = DEPARTMENTS * PEOPLE_PER_DEPARTMENT
_FIRST_CANARY: Final = 5_000_000_000
CANARIES: Final = 2_000
_INSURERS: Final = 100
# The first twenty of a hundred insurers hold half of the people [S23].
_INSURER_SKEW: Final = 2.32

# Addresses, as numbers: a network each.
PRACTICE_LINES: Final = 1_000_000_000
CENTRE_LINES: Final = 2_000_000_000
HOME_LINES: Final = 3_000_000_000
MOBILE_LINES: Final = 4_000_000_000
SERVER_LINES: Final = 9_000_000_000
MOBILE_ADDRESSES: Final = 400  # shared by everybody's telephones [E]
SOFTWARE: Final = 40  # on the market [E]
VERSIONS: Final = 100


def list_canaries() -> Numbers:
    """Return the planted people."""
    return _FIRST_CANARY + np.arange(CANARIES, dtype=np.int64)


def draw_people(dice: Dice, department: Any, count: int) -> Numbers:
    """Draw people who live in one department, or one for each."""
    return np.asarray(
        department * PEOPLE_PER_DEPARTMENT + dice.integers(0, PEOPLE_PER_DEPARTMENT, count),
        dtype=np.int64,
    )


def draw_anybody(dice: Dice, count: int) -> Numbers:
    """Draw people from all over the country."""
    return dice.integers(0, POPULATION, count)


def make_nobodies(people: Numbers) -> Numbers:
    """Return people of the same departments who are insured elsewhere: nobody here finds them."""
    return -1 - people


def is_found(people: Numbers) -> NDArray[np.bool_]:
    """Say who is found by their identifiers; planted people are."""
    return people >= 0


def find_home(people: Numbers) -> Numbers:
    """Return the department people live in, 1 to 96."""
    numbers = np.where(people < 0, -1 - people, people)
    homes = numbers // PEOPLE_PER_DEPARTMENT
    planted = _scramble(numbers) % np.uint64(DEPARTMENTS)
    return np.where(numbers < POPULATION, homes, planted.astype(np.int64)) + 1


def find_birth_department(people: Numbers, born_elsewhere: float) -> Numbers:
    """Return the department of birth: where they live, except for a share of them."""
    mixed = _scramble(np.abs(people))
    elsewhere = (mixed % np.uint64(DEPARTMENTS)).astype(np.int64) + 1
    share = (mixed >> np.uint64(40)).astype(np.float64) / 2**24
    return np.where(share < born_elsewhere, elsewhere, find_home(people))


def find_insurer(people: Numbers) -> Numbers:
    """Return who insures people; 0 for those insured elsewhere."""
    share = (_scramble(np.abs(people) + 7) >> np.uint64(40)).astype(np.float64) / 2**24
    insurers = 1 + (_INSURERS * share**_INSURER_SKEW).astype(np.int64)
    return np.where(people < 0, 0, insurers)


def _scramble(numbers: Numbers) -> NDArray[np.uint64]:
    """Return numbers that look drawn, always the same for the same (splitmix64)."""
    mixed = numbers.astype(np.uint64) * np.uint64(0x9E3779B97F4A7C15)
    mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return np.asarray(mixed ^ (mixed >> np.uint64(31)))
