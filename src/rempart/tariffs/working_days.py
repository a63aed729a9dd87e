"""French working days: what a limit that falls on a Sunday or on 1 May is moved to.

Refuses to decide whether a limit may be moved: the clock's own text says so.

Source:
    S67: Code du travail, articles L3133-1 (eleven days) and L3134-13 (two more in Alsace-Moselle).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo
from types import MappingProxyType
from typing import Final

from rempart.kernel.periods import add_months

_SATURDAY: Final = 5
_FIXED: Final = MappingProxyType(
    {
        (1, 1): "Jour de l’an",
        (5, 1): "Fête du travail",
        (5, 8): "Victoire de 1945",
        (7, 14): "Fête nationale",
        (8, 15): "Assomption",
        (11, 1): "Toussaint",
        (11, 11): "Armistice de 1918",
        (12, 25): "Noël",
    }
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """The civil clock of those who owe something.

    Args:
        zone: Europe/Paris, given by the caller.
        alsace_moselle: Whether Good Friday and 26 December are bank holidays there too.
    """

    zone: tzinfo
    alsace_moselle: bool = False

    def is_working(self, day: date) -> bool:
        """Tell whether a day is neither of a weekend nor a bank holiday."""
        return day.weekday() < _SATURDAY and day not in list_bank_holidays(
            day.year, alsace_moselle=self.alsace_moselle
        )

    def move_to_noon(self, limit: datetime) -> datetime:
        """Return noon of the next working day when the limit falls on another day; else itself."""
        day = limit.astimezone(self.zone).date()
        if self.is_working(day):
            return limit
        while not self.is_working(day):
            day += timedelta(days=1)
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=self.zone)
        return noon.astimezone(UTC)

    def add_months(self, start: datetime, months: int) -> datetime:
        """Return the same civil hour `months` later; a day that month lacks becomes its last one.

        An hour that the change to summer time skips is read with the offset before the change; one
        that comes twice in autumn is its first.
        """
        local = start.astimezone(self.zone)
        day = add_months(local.date(), months)
        moved = local.replace(year=day.year, month=day.month, day=day.day, fold=0)
        return moved.astimezone(UTC)


def compute_easter(year: int) -> date:
    """Compute Easter Sunday of a year of the Gregorian calendar (Meeus, Jones and Butcher)."""
    a, (b, c) = year % 19, divmod(year, 100)
    d, e = divmod(b, 4)
    g = (8 * b + 13) // 25
    h = (19 * a + b - d - g + 15) % 30
    i, k = divmod(c, 4)
    weekday = (32 + 2 * e + 2 * i - h - k) % 7
    m = (a + 11 * h + 22 * weekday) // 451
    month, day0 = divmod(h + weekday - 7 * m + 114, 31)
    return date(year, month, day0 + 1)


def list_bank_holidays(year: int, *, alsace_moselle: bool = False) -> Mapping[date, str]:
    """Return the bank holidays of a year with their French names, in order.

    Args:
        year: The year.
        alsace_moselle: Whether the two days of local law count too.
    """
    easter = compute_easter(year)
    days = {date(year, month, day): name for (month, day), name in _FIXED.items()}
    days |= {
        easter + timedelta(days=1): "Lundi de Pâques",
        easter + timedelta(days=39): "Ascension",
        easter + timedelta(days=50): "Lundi de Pentecôte",
    }
    if alsace_moselle:
        days |= {
            easter - timedelta(days=2): "Vendredi saint",
            date(year, 12, 26): "Saint-Étienne",
        }
    return MappingProxyType(dict(sorted(days.items())))
