"""A schedule: which fields are kept in which phase, from which fact, for how long, by which text.

It is data that a DPO reads and edits. Refuses a schedule that says two things, forgets a field, or
keeps one in an archive that nobody may justify.
"""

import hashlib
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date
from importlib.resources import files
from typing import Any, Final

from rempart.kernel.findings import Finding
from rempart.retention.fields import OF_CLAIM, OF_PERSON, Fact, Field, Phase

MOST_MONTHS: Final = 600
MOST_BYTES: Final = 200_000
_CODE: Final = re.compile(r"[a-z][a-z0-9_]{0,39}")
_WORDS: Final = ("fr", "en", "source")
_OF_PERSON_FACTS: Final = frozenset({Fact.CONTRACT_END, Fact.LAST_PAYMENT})
_FACTS: Final[Mapping[Field, frozenset[Fact]]] = {
    **dict.fromkeys(OF_PERSON, _OF_PERSON_FACTS),
    **dict.fromkeys(OF_CLAIM, frozenset({Fact.SETTLED, Fact.CARE})),
    Field.PROMISE: frozenset({Fact.SETTLED}),
    Field.LOOKUPS: frozenset({Fact.LOOKUP}),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One reason to keep some fields for a time.

    Args:
        code: Its name in its schedule.
        phase: Where it keeps them: the active base or the archive.
        fields: Which.
        start: What its months count from.
        months: How many.
        year_end: Whether they count from the last day of that year.
        interruptible: Whether what interrupts or suspends an action moves its end.
        source: The text.
        fr: Why, for the person, in French.
        en: The same in English.
        valid_from: First day on which it holds.
        valid_to: Last one; None: it goes on.
    """

    code: str
    phase: Phase
    fields: frozenset[Field]
    start: Fact
    months: int
    year_end: bool
    interruptible: bool
    source: str
    fr: str
    en: str
    valid_from: date = date.min
    valid_to: date | None = None

    def __post_init__(self) -> None:
        if self.phase is Phase.GONE:
            raise ValueError(f"rule {self.code}: a rule keeps, it does not delete")
        if not 0 <= self.months <= MOST_MONTHS:
            raise ValueError(f"rule {self.code}: from 0 to {MOST_MONTHS} months")

    def holds_on(self, day: date) -> bool:
        """Say whether it is in effect on a day."""
        return self.valid_from <= day and (self.valid_to is None or day <= self.valid_to)


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """All the rules of an installation.

    Args:
        name: What people call it.
        fr, en: Its title.
        rules: In the order of the file.
        routine_people: So many people at most may leave in a run that nobody approves by itself.
        digest: SHA-256 of its text.
    """

    name: str
    fr: str
    en: str
    rules: tuple[Rule, ...]
    routine_people: int
    digest: bytes
    _by_field: Mapping[Field, tuple[Rule, ...]] = dataclass_field(
        init=False, repr=False, compare=False
    )

    def __post_init__(self) -> None:
        by_field = {one: tuple(rule for rule in self.rules if one in rule.fields) for one in Field}
        object.__setattr__(self, "_by_field", by_field)

    def list_rules(self, field: Field, *, on: date) -> list[Rule]:
        """Return the rules that keep a field on a day, in the order of the file."""
        return [rule for rule in self._by_field[field] if rule.holds_on(on)]

    def find_rule(self, code: str) -> Rule | None:
        """Return a rule by its code."""
        return next((rule for rule in self.rules if rule.code == code), None)


class ScheduleRefused(ValueError):
    """A schedule cannot be used.

    Args:
        findings: What is wrong, where, and what to do.
    """

    def __init__(self, findings: tuple[Finding, ...]) -> None:
        super().__init__(f"{len(findings)} findings: {findings[0].field}: {findings[0].message}")
        self.findings = findings


def parse_schedule(text: str) -> Schedule:
    """Read a schedule from TOML.

    Raises:
        ScheduleRefused: with everything that is wrong in it.
    """
    if len(text.encode()) > MOST_BYTES:
        raise ScheduleRefused((_find("", "schedule_long", "The file is too long."),))
    try:
        said = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError):
        raise ScheduleRefused((_find("", "schedule_toml", "This is not TOML."),)) from None
    found: list[Finding] = []
    title = {name: said.get(name) for name in ("name", "fr", "en")}
    found += [
        _find(name, "schedule_words", f"The schedule has no {name}.")
        for name, value in title.items()
        if not _is_words(value)
    ]
    routine = said.get("routine_people", 0)
    if type(routine) is not int or not 0 <= routine <= 1_000_000:
        found.append(_find("routine_people", "schedule_number", "Not a number of people."))
        routine = 0
    rows = said.get("rule", [])
    rules = _read_rules(rows if isinstance(rows, list) else [], found)
    found += _find_faults(rules)
    if found:
        raise ScheduleRefused(tuple(found))
    return Schedule(
        name=str(title["name"]),
        fr=str(title["fr"]),
        en=str(title["en"]),
        rules=tuple(rules),
        routine_people=routine,
        digest=hashlib.sha256(text.encode()).digest(),
    )


def load_default_text() -> str:
    """Return the schedule that comes with the product, as text to edit."""
    return files("rempart.retention").joinpath("data", "health.toml").read_text("utf-8")


def _read_rules(rows: list[Any], found: list[Finding]) -> list[Rule]:
    rules: list[Rule] = []
    for place, row in enumerate(rows):
        try:
            rules.append(_read_rule(row))
        except (KeyError, TypeError, ValueError) as failure:
            what = "has no " if isinstance(failure, KeyError) else "is wrong: "
            message = f"Rule {place + 1} {what}{failure}."
            found.append(_find(f"rule[{place + 1}]", "schedule_rule", message))
    return rules


def _read_rule(row: Mapping[str, Any]) -> Rule:
    if not isinstance(row, dict):
        raise TypeError("not a table")
    unknown = set(row) - _KEYS
    if unknown:
        raise ValueError(f"unknown words {', '.join(sorted(unknown))}")
    for name in _WORDS:
        if not _is_words(row[name]):
            raise ValueError(f"{name} says nothing")
    code, months = row["code"], row["months"]
    if not isinstance(code, str) or not _CODE.fullmatch(code):
        raise ValueError("code is written in small letters, digits and _")
    if type(months) is not int or not isinstance(row["fields"], list):
        raise ValueError("months is a number and fields a list")
    for name in ("year_end", "interruptible"):
        if not isinstance(row.get(name, False), bool):
            raise TypeError(f"{name} is true or false")
    for name in ("valid_from", "valid_to"):
        if name in row and type(row[name]) is not date:
            raise ValueError(f"{name} is a date")
    return Rule(
        code=code,
        phase=Phase(row["phase"]),
        fields=frozenset(Field(one) for one in row["fields"]),
        start=Fact(row["start"]),
        months=months,
        year_end=row.get("year_end", False),
        interruptible=row.get("interruptible", False),
        source=row["source"],
        fr=row["fr"],
        en=row["en"],
        valid_from=row.get("valid_from", date.min),
        valid_to=row.get("valid_to"),
    )


_KEYS: Final = frozenset(
    {"code", "phase", "fields", "start", "months", "year_end", "interruptible"}
    | {"source", "fr", "en", "valid_from", "valid_to"}
)


def _find_faults(rules: list[Rule]) -> list[Finding]:
    """Find what single rules cannot tell: a code twice, a field without a rule, a wrong fact."""
    found: list[Finding] = []
    seen: set[str] = set()
    for rule in rules:
        if rule.code in seen:
            found.append(_find(rule.code, "schedule_twice", "Two rules have this code."))
        seen.add(rule.code)
        for field in sorted(rule.fields):
            if rule.start not in _FACTS[field]:
                message = f"Nobody knows the {rule.start} of {field}."
                found.append(_find(rule.code, "schedule_fact", message))
            if rule.phase is Phase.ARCHIVE and field not in ARCHIVABLE:
                message = f"The archive has no place for {field}."
                found.append(_find(rule.code, "schedule_archive", message))
    for field in Field:
        mine = [rule for rule in rules if field in rule.fields and rule.phase is Phase.ACTIVE]
        if field in OF_PERSON:  # who was never paid anything has no last payment to count from
            mine = [rule for rule in mine if rule.start is Fact.CONTRACT_END]
        if not any(rule.valid_to is None and rule.valid_from == date.min for rule in mine):
            message = f"No active rule without dates keeps {field}: it would go at once."
            found.append(_find(str(field), "schedule_missing", message))
    return found


ARCHIVABLE: Final = frozenset(
    {Field.CIVIL, Field.NIR, Field.NUMBERS, Field.CONTACT, Field.COVERAGE, Field.CARE}
    | {Field.PAYMENT}
)
"""What the archive knows how to hold."""


def _is_words(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip()) and len(value) <= 1_000


def _find(field: str, rule: str, message: str) -> Finding:
    advice = "Correct it and send the schedule again; nothing has changed."
    return Finding(line=None, field=field, rule=rule, message=message, advice=advice)


DEFAULT: Final = parse_schedule(load_default_text())
"""The schedule in force until two people approve another."""
