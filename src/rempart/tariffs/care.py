"""How compulsory insurance treats an act: its rate, its base, what is withheld; all dated.

A table has rows with a first day; on a day, the latest row that has begun holds. Refuses to guess:
a code that no row names is an error, and a day before the first row has none.
"""

from bisect import bisect_right
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar

from rempart.kernel.findings import BadValue, Language, Refusal
from rempart.tariffs.data_files import load_data_file

UNKNOWN_ACT: Final = Refusal(
    rule="act_unknown",
    fr="Ce code d’acte n’existe pas ici.",
    en="There is no such code of act here.",
    advice_fr="Utiliser un code de la table des actes, par exemple G, AMI, PH7 ou VER.",
    advice_en="Use a code of the table of acts, for instance G, AMI, PH7 or VER.",
)


class _Dated(Protocol):
    @property
    def valid_from(self) -> date: ...


Row = TypeVar("Row", bound=_Dated)


class Dated(Generic[Row]):
    """Rows that follow one another in time.

    Args:
        rows: At least one, any order, no two with the same first day.
    """

    __slots__ = ("_days", "rows")

    def __init__(self, rows: Iterable[Row]) -> None:
        self.rows = tuple(sorted(rows, key=lambda row: row.valid_from))
        self._days = [row.valid_from for row in self.rows]
        if not self.rows or len(set(self._days)) < len(self._days):
            raise ValueError("A dated table needs rows, each with a first day of its own.")

    def on(self, day: date) -> Row | None:
        """Return the row that holds on a day; None before the first."""
        place = bisect_right(self._days, day)
        return self.rows[place - 1] if place else None


@dataclass(frozen=True, slots=True, kw_only=True)
class ActKind:
    """A code of act, and how it is treated.

    Args:
        code: As billed.
        rate: Its family of rates.
        domain: Code of the domain of care it belongs to.
        fr: French label.
        en: English label.
        levied: What is withheld on it: doctor, medicine, auxiliary, transport or nothing.
        technical: Whether the flat participation of costly acts may apply.
        limited: Whether a tariff agreement (OPTAM) bears on its fees.
        own: Whether the code is this project's, not the national table's.
    """

    code: str
    rate: str
    domain: str
    fr: str
    en: str
    levied: str | None = None
    technical: bool = False
    limited: bool = False
    own: bool = False

    @classmethod
    def parse(cls, code: str) -> "ActKind":
        """Return the act of a code.

        Raises:
            BadValue: no act has this code.
        """
        try:
            return ACTS[code]
        except KeyError:
            raise BadValue(UNKNOWN_ACT) from None

    def label(self, language: Language = "fr") -> str:
        """Return the name people read."""
        return self.fr if language == "fr" else self.en


@dataclass(frozen=True, slots=True, kw_only=True)
class RateRow:
    """A share of the base, in basis points, from one day on."""

    rate: str
    rate_bp: int
    valid_from: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BaseRow:
    """The base de remboursement of one act, in cents, from one day on."""

    code: str
    cents: int
    valid_from: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Levy:
    """What is withheld on an act or a box, from one day on; amounts in cents, None for no cap."""

    levied: str
    kind: str
    cents: int
    year_cents: int
    valid_from: date
    source: str
    day_cents: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceiling:
    """A named ceiling in cents, from one day on."""

    name: str
    cents: int
    valid_from: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """Months before an equipment may be had again, by age; `each`: whether marks wait apart."""

    name: str
    months: int
    months_under_16: int
    months_under_6: int
    valid_from: date
    source: str
    each: bool = False

    def of_age(self, years: int) -> int:
        """Return the months of somebody of an age."""
        if years < 6:
            return self.months_under_6
        return self.months_under_16 if years < 16 else self.months


@dataclass(frozen=True, slots=True, kw_only=True)
class Flat:
    """The flat participation that replaces the ticket modérateur of acts from a tariff on."""

    cents: int
    from_cents: int
    valid_from: date
    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Conflict:
    """Sources that do not agree, what is used, and why."""

    about: str
    used: str
    other: str
    decision: str


def _group(
    rows: Iterable[Mapping[str, Any]], key: str, kind: type[Row]
) -> Mapping[str, Dated[Row]]:
    by_name: dict[str, list[Row]] = {}
    for row in rows:
        by_name.setdefault(row[key], []).append(kind(**row))
    return MappingProxyType({name: Dated(some) for name, some in by_name.items()})


_RATES: Final = load_data_file("rates.toml")
_BASKETS: Final = load_data_file("baskets.toml")

ACTS: Final[Mapping[str, ActKind]] = MappingProxyType(
    {row["code"]: ActKind(**row) for row in load_data_file("acts.toml")["act"]}
)
"""Every act by its code, in the order of the file."""
RATES: Final = _group(_RATES["rate"], "rate", RateRow)
"""Rates of compulsory insurance, by family."""
LOCAL_RATES: Final = _group(_RATES["local"], "rate", RateRow)
"""What the local regime of Alsace-Moselle adds, by family."""
BASES: Final = _group(load_data_file("bases.toml")["base"], "code", BaseRow)
"""National tariffs, by code of act."""
LEVIES: Final = _group(load_data_file("levies.toml")["levy"], "levied", Levy)
"""What is withheld, by what it is withheld on."""
CEILINGS: Final = _group(_BASKETS["ceiling"], "name", Ceiling)
"""Ceilings of 100 % Santé and of responsible contracts, by name."""
RENEWALS: Final = _group(_BASKETS["renewal"], "name", Renewal)
"""Delays of renewal, by name."""
FLAT: Final = Dated(Flat(**row) for row in _BASKETS["flat"])
"""The flat participation of costly acts."""
CONFLICTS: Final = tuple(Conflict(**row) for row in _RATES["conflict"])
"""Where sources do not agree."""


def find_rate_bp(rate: str, day: date) -> int:
    """Return the share that compulsory insurance pays, in basis points; 0 before its first row.

    Raises:
        KeyError: there is no such family of rates.
    """
    row = RATES[rate].on(day)
    return row.rate_bp if row else 0


def find_local_bp(rate: str, day: date) -> int:
    """Return what the local regime of Alsace-Moselle adds, in basis points."""
    rows = LOCAL_RATES.get(rate)
    row = rows.on(day) if rows else None
    return row.rate_bp if row else 0


def find_base_cents(code: str, day: date) -> int | None:
    """Return the national tariff of an act; None when it has none, or none yet."""
    rows = BASES.get(code)
    row = rows.on(day) if rows else None
    return row.cents if row else None


def find_levy(levied: str | None, day: date) -> Levy | None:
    """Return what is withheld on a kind of act; None when nothing is."""
    rows = LEVIES.get(levied) if levied else None
    return rows.on(day) if rows else None


def find_ceiling_cents(name: str, day: date) -> int | None:
    """Return a ceiling; None before it existed.

    Raises:
        KeyError: there is no such ceiling.
    """
    row = CEILINGS[name].on(day)
    return row.cents if row else None
