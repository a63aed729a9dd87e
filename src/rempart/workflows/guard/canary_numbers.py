"""NIR for canaries: numbers that nobody holds, which look like those of the people around them.

That nobody can hold it always wins: a canary's number that somebody holds would refuse that person
their rights and hold whoever cares for them. Among invented people, department 00 is as ordinary as
anybody. Among real people it would be recognised at once: there, order numbers past the end of a
month's register of a real commune. Reasons: docs/adr/0025-canaries-and-alerts.md.
"""

import csv
from collections.abc import Mapping
from pathlib import Path
from random import Random
from typing import Final, Protocol

from rempart.kernel.errors import SetupError
from rempart.kernel.findings import BadValue
from rempart.kernel.nir import Nir
from rempart.kernel.synthetic import SYNTHETIC_NIRS_PER_MONTH, make_synthetic_nir

LAST_ORDER: Final = 999
SPARE_ORDERS: Final = 10
"""Left free after the end of every register, besides half its length: late entries."""
REACH: Final = 40
"""How far past that a canary may be: whoever counts up soon meets one."""


class NumberSource(Protocol):
    """Draws numbers that nobody holds."""

    def draw(self, chance: Random, *, head: str, place: str) -> Nir:
        """Return a number.

        Args:
            chance: Where chance comes from.
            head: Five characters: sex, year and month of birth.
            place: Five characters of the birth place of the person whom the canary resembles.
        """


class ImpossibleNumbers:
    """Numbers of department 00, which does not exist: for a population that is invented."""

    def draw(self, chance: Random, *, head: str, place: str) -> Nir:  # noqa: ARG002
        """Return a number of department 00, whatever the place."""
        return make_synthetic_nir(
            sex=int(head[0]),
            year=int(head[1:3]),
            month=int(head[3:]),
            serial=chance.randrange(SYNTHETIC_NIRS_PER_MONTH),
        )


class NumbersPastRegisters:
    """Order numbers past the end of a month's register of a real commune.

    Args:
        longest: By place (five characters), the most births it ever registered in one month.

    Raises:
        SetupError: no place is short enough to have free numbers.
    """

    def __init__(self, longest: Mapping[str, int]) -> None:
        self._first = {place: find_first_order(births) for place, births in longest.items()}
        self._first = {
            place: first for place, first in self._first.items() if first + REACH <= LAST_ORDER
        }
        if not self._first:
            raise SetupError(
                "no place of the registers leaves numbers free: name small communes as well"
            )

    def draw(self, chance: Random, *, head: str, place: str) -> Nir:
        """Return a number of the same department when one of its communes is known."""
        near = [one for one in self._first if one[:2] == place[:2]]
        where = chance.choice(sorted(near or self._first))
        return Nir(f"{head}{where}{self._first[where] + chance.randrange(REACH):03d}")


def find_first_order(births: int) -> int:
    """Return the first order number a canary may have in a register that is at most so long."""
    return births + max(SPARE_ORDERS, births // 2) + 1


def read_registers(path: Path) -> NumbersPastRegisters:
    """Read how long the registers of communes are: CSV with `;`, columns place and births.

    Raises:
        SetupError: the file cannot be read; the message names the line.
    """
    longest = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for line, row in enumerate(csv.DictReader(file, delimiter=";"), 2):
                try:
                    longest[_read_place(row["place"])] = _read_births(row["births"])
                except (KeyError, TypeError, ValueError) as bad:
                    raise SetupError(
                        f"{path.name}, line {line}: write place;births, the five characters of "
                        "a birth place and the most births it registered in one month"
                    ) from bad
    except (OSError, UnicodeDecodeError) as failure:
        raise SetupError(f"{path} cannot be read as UTF-8 text") from failure
    return NumbersPastRegisters(longest)


def _read_place(text: str) -> str:
    try:
        nir = Nir(f"18001{text.strip().upper()}001")
    except BadValue as bad:
        raise ValueError("not a birth place") from bad
    if nir.is_synthetic or nir.department == "99":
        raise ValueError("not a commune")
    return nir.place


def _read_births(text: str) -> int:
    births = int(text)
    if births < 0:
        raise ValueError("fewer than none")
    return births
