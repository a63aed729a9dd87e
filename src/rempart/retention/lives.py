"""What is kept of one subject on a day, in which phase, until when and why. The heart of retention.

Refuses to let anything go early: a field leaves a phase the day after its last rule ended there,
and a fact that has not happened yet keeps everything that counts from it.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

from rempart.retention.fields import Fact, Field, Phase
from rempart.retention.schedule import Rule, Schedule
from rempart.retention.terms import Event, compute_last_day

Facts: TypeAlias = Mapping[Fact, date | None]
"""What happened to a subject: None for what has not happened yet. What is not there never will:
its rules keep nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """One rule applied to one subject: it keeps a field until this day, included.

    Args:
        rule: The rule.
        last_day: None while its fact has not happened, or something suspends it.
    """

    rule: Rule
    last_day: date | None

    def runs_on(self, day: date) -> bool:
        """Say whether it still keeps something on a day."""
        return self.last_day is None or day <= self.last_day


@dataclass(frozen=True, slots=True, kw_only=True)
class Keeping:
    """What becomes of one field of one subject on a day.

    Args:
        field: The field.
        phase: Where it belongs.
        until: Last day of that phase; None: nobody knows yet, or it is gone.
        gone_after: Last day on which it is kept anywhere; None: nobody knows yet.
        terms: Every rule that applied, those that are over included.
    """

    field: Field
    phase: Phase
    until: date | None
    gone_after: date | None
    terms: tuple[Term, ...]

    @property
    def reasons(self) -> tuple[Term, ...]:
        """The rules that keep it where it is."""
        mine = [term for term in self.terms if term.rule.phase is self.phase]
        return tuple(term for term in mine if self.until is None or term.last_day == self.until)

    def find_last_rule(self, phase: Phase) -> Term | None:
        """Return the rule of a phase that ended last; None when none is known to end."""
        ended = [t for t in self.terms if t.rule.phase is phase and t.last_day is not None]
        return max(ended, key=lambda term: term.last_day or date.min, default=None)


def decide_keeping(
    schedule: Schedule, field: Field, facts: Facts, *, on: date, events: Sequence[Event] = ()
) -> Keeping:
    """Say where a field of a subject belongs on a day, until when, and by which rules.

    Args:
        schedule: The rules in force.
        field: Which field.
        facts: What happened to the subject.
        on: The day.
        events: What interrupted or suspended actions about the subject.

    Returns:
        Active while an active rule runs, else in the archive while one of those runs, else gone.
    """
    terms = tuple(_list_terms(schedule.list_rules(field, on=on), facts, events))
    for phase in (Phase.ACTIVE, Phase.ARCHIVE):
        running = [term for term in terms if term.rule.phase is phase and term.runs_on(on)]
        if running:
            return Keeping(
                field=field,
                phase=phase,
                until=_find_last(running),
                gone_after=_find_last(terms),
                terms=terms,
            )
    return Keeping(
        field=field, phase=Phase.GONE, until=None, gone_after=_find_last(terms), terms=terms
    )


def _list_terms(rules: Iterable[Rule], facts: Facts, events: Sequence[Event]) -> Iterable[Term]:
    for rule in rules:
        if rule.start not in facts:
            continue
        start = facts[rule.start]
        if start is None:
            yield Term(rule=rule, last_day=None)
            continue
        if rule.year_end:
            start = date(start.year, 12, 31)
        last = compute_last_day(start, rule.months, events if rule.interruptible else ())
        yield Term(rule=rule, last_day=last)


def _find_last(terms: Iterable[Term]) -> date | None:
    """Return the last of the last days; None when one of them is not known, or there is none."""
    days = [term.last_day for term in terms]
    return None if None in days else max((day for day in days if day is not None), default=None)
