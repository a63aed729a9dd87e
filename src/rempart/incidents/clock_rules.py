"""The clocks as data: who owes what to whom, from which fact, within how long, and its source.

Refuses a rule that its words do not explain, and to know what happened: `clocks` puts facts to it.
"""

import enum
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Any, Final, Literal, TypeAlias

from rempart.tariffs.data_files import load_data_file

Origin: TypeAlias = Literal["own", "operator", "shared"]
Owes: TypeAlias = Literal["operator", "insurer"]


class Trait(enum.StrEnum):
    """What a party is, which decides what it owes."""

    PROCESSOR = "processor"
    CONTROLLER = "controller"
    CONTROLLER_OF_PROFESSIONALS = "controller_of_professionals"
    FINANCIAL_ENTITY = "financial_entity"
    CYBER_INSURED = "cyber_insured"
    NIS2 = "nis2"
    INFORMS_ACPR = "informs_acpr"
    INFORMS_ANSSI = "informs_anssi"
    INFORMS_CERT = "informs_cert"
    # Which tolerance of weekends is lost (articles 5(5) and 5(6) of 2025/301)
    NO_TOLERANCE_BUT_FINAL = "no_tolerance_but_final"
    NO_TOLERANCE = "no_tolerance"


@dataclass(frozen=True, slots=True, kw_only=True)
class Pattern:
    """Which facts count.

    Args:
        kind: Of the event.
        origin: Whose: the party's own, the operator's, or either.
        where: What its details must say.
        unless: What they must not say.
    """

    kind: str
    origin: Origin
    where: Mapping[str, object]
    unless: Mapping[str, object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Words:
    """What people read of a rule, in one language.

    Args:
        title: What is to be done.
        to: To whom.
        late: What to do when it is late.
        note: For counsel.
    """

    title: str
    to: str
    late: str
    note: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockRule:
    """One obligation and its limit.

    Args:
        code: Its name, for ever.
        fr: French words.
        en: English words.
        per_insurer: Whether there is one clock for each insurer concerned; else one in all.
        owed_by: Who owes it.
        source: The text.
        starts: The facts that start it.
        pick_last: Whether the last of them counts; else the first.
        hours: How long, in elapsed hours; 0 when the text has no such number.
        months: How long, in months of the Paris calendar; 0 when it has none.
        tolerance: Whether a limit of a weekend or bank holiday moves to noon of the next working
            day (article 5(4) of 2025/301).
        report: The report it is about, for the exceptions to that; empty otherwise.
        met_by: What shows that it is done.
        waived_by: What says that it does not apply.
        lapses_without: Without any of these before the limit, it binds no more.
        needs: What the party must be.
        optional: Whether nobody owes it until somebody says so.
    """

    code: str
    fr: Words
    en: Words
    per_insurer: bool
    owed_by: Owes
    source: str
    starts: tuple[Pattern, ...]
    pick_last: bool
    hours: int
    months: int
    tolerance: bool
    report: str
    met_by: tuple[Pattern, ...]
    waived_by: tuple[Pattern, ...]
    lapses_without: tuple[Pattern, ...]
    needs: Trait
    optional: bool

    def __post_init__(self) -> None:
        if self.hours and self.months:
            raise ValueError(f"clock {self.code}: either hours or months")
        if not (self.starts and self.met_by and self.source):
            raise ValueError(f"clock {self.code}: it needs a start, an evidence and a source")


def read_rule(row: Mapping[str, Any]) -> ClockRule:
    """Return the rule of one table of the data file.

    Raises:
        ValueError: it contradicts itself or names what does not exist.
        KeyError: a word is missing.
    """
    return ClockRule(
        code=row["code"],
        fr=_read_words(row, "fr"),
        en=_read_words(row, "en"),
        per_insurer=row["scope"] == "insurer",
        owed_by=row["owed_by"],
        source=row["source"],
        starts=_read_patterns(row["starts"]),
        pick_last=row.get("pick", "first") == "last",
        hours=row.get("hours", 0),
        months=row.get("months", 0),
        tolerance=row.get("tolerance", False),
        report=row.get("report", ""),
        met_by=_read_patterns(row["met_by"]),
        waived_by=_read_patterns(row.get("waived_by", [])),
        lapses_without=_read_patterns(row.get("lapses_without", [])),
        needs=Trait(row["needs"]),
        optional=row.get("optional", False),
    )


def _read_words(row: Mapping[str, Any], language: str) -> Words:
    return Words(
        title=row[language],
        to=row[f"to_{language}"],
        late=row[f"late_{language}"],
        note=row[f"note_{language}"],
    )


def _read_patterns(rows: list[Mapping[str, Any]]) -> tuple[Pattern, ...]:
    return tuple(
        Pattern(
            kind=row["kind"],
            origin=row["from"],
            where=MappingProxyType(row.get("where", {})),
            unless=MappingProxyType(row.get("unless", {})),
        )
        for row in rows
    )


_FILE: Final = load_data_file("clocks.toml")
VALID_FROM: Final[date] = _FILE["valid_from"]
"""First day of the table."""
CLOCK_RULES: Final[tuple[ClockRule, ...]] = tuple(read_rule(row) for row in _FILE["clock"])
"""Every clock, in the order a person thinks of them."""
RULES_BY_CODE: Final[Mapping[str, ClockRule]] = MappingProxyType(
    {rule.code: rule for rule in CLOCK_RULES}
)
"""The same, by name."""

OPERATOR_TRAITS: Final = frozenset({Trait.PROCESSOR, Trait.CYBER_INSURED})
"""What an operator is held to be until somebody says otherwise."""
INSURER_TRAITS: Final = frozenset({Trait.CONTROLLER, Trait.FINANCIAL_ENTITY, Trait.CYBER_INSURED})
"""What an insurer is held to be until somebody says otherwise."""
