"""What a run does on its day: which fields of which subjects move to the archive, which go.

Refuses to touch what a hold keeps, and to bring anything back: the archive never becomes active.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from rempart.retention.fields import Fact, Field, Phase
from rempart.retention.lives import Facts, Keeping, decide_keeping
from rempart.retention.schedule import Rule, Schedule
from rempart.retention.terms import Event, add_months


class Step(StrEnum):
    """What is done with a field of a subject."""

    KEEP = "keep"
    """Nothing is due."""
    ARCHIVE = "archive"
    """It leaves the active base, sealed."""
    DELETE = "delete"
    """It leaves everything."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hold:
    """Something that keeps data beyond its time.

    Args:
        name: What people know it by; it says no person.
        fields: What it keeps; none: everything.
    """

    name: str
    fields: frozenset[Field] = frozenset()

    def keeps(self, field: Field) -> bool:
        """Say whether it keeps a field."""
        return not self.fields or field in self.fields


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """One person, or one claim or promise of theirs, as the stores know it.

    Args:
        subject: Its reference.
        person_ref: Of whom; 0 when the identifiers led to nobody.
        insurer_id: Whose member; 0 for none.
        facts: What happened.
        active: Fields that are in the active base.
        archived: Fields that are in the archive.
        events: What interrupted or suspended actions.
        holds: What keeps it.
    """

    subject: int
    person_ref: int
    insurer_id: int
    facts: Facts
    active: frozenset[Field] = frozenset()
    archived: frozenset[Field] = frozenset()
    events: Sequence[Event] = ()
    holds: Sequence[Hold] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Item:
    """One line of a plan.

    Args:
        subject, person_ref, insurer_id: As in `Subject`.
        field: Which field.
        step: What is due.
        rule: Code of the rule that ended last; empty when none ever applied.
        last_day: When that rule ended; None when none did.
        held_by: What keeps it all the same; empty: nothing does.
    """

    subject: int
    person_ref: int
    insurer_id: int
    field: Field
    step: Step
    rule: str
    last_day: date | None
    held_by: str = ""


def plan_subject(schedule: Schedule, subject: Subject, *, on: date) -> list[Item]:
    """Return what is due of a subject on a day, in the order of `Field`; what is held included.

    Amounts of a claim wait for its acts and its limits: they are one record.
    """
    items = []
    for field in Field:
        if field not in subject.active and field not in subject.archived:
            continue
        keeping = decide_keeping(schedule, field, subject.facts, on=on, events=subject.events)
        step = _decide_step(keeping, is_active=field in subject.active)
        if step is Step.KEEP:
            continue
        phase = Phase.ACTIVE if step is Step.ARCHIVE else Phase.ARCHIVE
        ended = keeping.find_last_rule(phase) or keeping.find_last_rule(Phase.ACTIVE)
        hold = next((one.name for one in subject.holds if one.keeps(field)), "")
        items.append(
            Item(
                subject=subject.subject,
                person_ref=subject.person_ref,
                insurer_id=subject.insurer_id,
                field=field,
                step=step,
                rule="" if ended is None else ended.rule.code,
                last_day=None if ended is None else ended.last_day,
                held_by=hold,
            )
        )
    return _wait_for_parts(items, subject)


def find_cutoff(
    schedule: Schedule, fields: Iterable[Field], fact: Fact, *, on: date
) -> date | None:
    """Return a day after which no fact of this kind can make any of these fields due.

    What a store lists first: subjects whose fact is not after it. None: no active rule of these
    fields counts from it.
    """
    months = [
        rule.months
        for field in fields
        for rule in schedule.list_rules(field, on=on)
        if rule.start is fact and rule.phase is Phase.ACTIVE
    ]
    return _subtract_months(on, min(months)) if months else None


def find_changed_rules(old: Schedule, new: Schedule) -> list[tuple[Rule | None, Rule | None]]:
    """Return the rules that differ between two schedules: before and after, by code."""
    codes = dict.fromkeys([rule.code for rule in (*old.rules, *new.rules)])
    pairs = [(old.find_rule(code), new.find_rule(code)) for code in codes]
    return [(before, after) for before, after in pairs if before != after]


def _decide_step(keeping: Keeping, *, is_active: bool) -> Step:
    if keeping.phase is Phase.GONE:
        return Step.DELETE
    if keeping.phase is Phase.ARCHIVE and is_active:
        return Step.ARCHIVE
    return Step.KEEP


def _wait_for_parts(items: list[Item], subject: Subject) -> list[Item]:
    leaving = {item.field for item in items if not item.held_by}
    parts = subject.active & {Field.CARE, Field.LIMITS}
    if parts <= leaving:
        return items
    return [
        item for item in items if item.field is not Field.PAYMENT or item.field in subject.archived
    ]


def _subtract_months(day: date, months: int) -> date:
    """Return the latest day of which so many months later may be before `day`."""
    if (day.year - 1) * 12 + day.month <= months:
        return date.min
    return add_months(day, -months)
