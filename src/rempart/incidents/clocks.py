"""What is owed after an incident and until when: computed from the timeline each time it is asked.

A limit is never kept: a fact that is corrected moves it, and nothing can drift from the facts.
Refuses to extend a limit by an argument of counsel, and to hold something done that no event shows.

Source:
    S63 (GDPR 33, 34), S64 (2025/301, article 5), S66 (complaint), S67 (how time is counted).
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from rempart.incidents.clock_rules import (
    INSURER_TRAITS,
    OPERATOR_TRAITS,
    ClockRule,
    Pattern,
    Trait,
)
from rempart.tariffs.working_days import Calendar

REMIND_BEFORE: Final = (timedelta(hours=24), timedelta(hours=6), timedelta(hours=1), timedelta(0))
"""When whoever owns a clock is reminded, before its limit; the last one says it is past."""
_REPORT: Final = "report_submitted"


class ClockState(enum.StrEnum):
    """Where a clock is, the most pressing first."""

    MISSED = "missed"
    """Its limit is past and nothing shows that it was done."""
    RUNNING = "running"
    WAITING = "waiting"
    """What starts it has not happened."""
    MET_LATE = "met_late"
    MET = "met"
    NOT_APPLICABLE = "not_applicable"


class Exempt(enum.StrEnum):
    """Why a clock does not apply."""

    NOT_OWED = "not_owed"
    """The party is not what the text is about."""
    WAIVED = "waived"
    """Somebody decided so, with a reason in the timeline."""
    LAPSED = "lapsed"
    """What it was for did not happen before its limit; another clock has taken over."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fact:
    """One event of the timeline, as clocks read it.

    Args:
        event_ref: Its number.
        kind: What happened.
        happened_at: When, with its offset.
        insurer_id: Whose; None is the operator's.
        details: What it says. `corrects` names an event that it takes the place of; `insurers`,
            those that an event of the operator is for.
    """

    event_ref: int
    kind: str
    happened_at: datetime
    insurer_id: int | None = None
    details: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.happened_at.tzinfo is None:
            raise ValueError("an event happens at an instant: give its offset")


@dataclass(frozen=True, slots=True, kw_only=True)
class Party:
    """Somebody who may owe something.

    Args:
        insurer_id: None for the operator.
        name: For people.
        traits: What it is.
    """

    insurer_id: int | None
    name: str
    traits: frozenset[Trait]

    @classmethod
    def make_operator(cls, name: str, *, more: frozenset[Trait] = frozenset()) -> "Party":
        """Return the operator, with what it usually is."""
        return cls(insurer_id=None, name=name, traits=OPERATOR_TRAITS | more)

    @classmethod
    def make_insurer(
        cls, insurer_id: int, name: str, *, more: frozenset[Trait] = frozenset()
    ) -> "Party":
        """Return an insurer, with what it usually is."""
        return cls(insurer_id=insurer_id, name=name, traits=INSURER_TRAITS | more)


@dataclass(frozen=True, slots=True, kw_only=True)
class Clock:
    """One obligation of one party, now.

    Args:
        rule: Which.
        party: The insurer it is for, or the operator.
        state: Where it is.
        started: What started it.
        strict_at: The limit before any tolerance, UTC; None when there is none.
        due_at: The limit, UTC.
        met: What shows that it is done.
        exempt: Why it does not apply, if it does not.
        waived: The decision that says so.
    """

    rule: ClockRule
    party: Party
    state: ClockState
    started: Fact | None = None
    strict_at: datetime | None = None
    due_at: datetime | None = None
    met: Fact | None = None
    exempt: Exempt | None = None
    waived: Fact | None = None

    @property
    def key(self) -> tuple[str, int | None]:
        """Which clock of an incident this is, whenever it is asked."""
        return self.rule.code, self.party.insurer_id

    @property
    def is_moved(self) -> bool:
        """Whether a weekend or a bank holiday moved the limit."""
        return self.due_at != self.strict_at

    @property
    def is_open(self) -> bool:
        """Whether somebody still has to do it."""
        return self.state in {ClockState.MISSED, ClockState.RUNNING}

    def elapsed(self, now: datetime) -> timedelta | None:
        """Return how long it ran: until it was met, or until now."""
        if self.started is None:
            return None
        end = now if self.met is None else self.met.happened_at
        return end - self.started.happened_at

    def remaining(self, now: datetime) -> timedelta | None:
        """Return what is left; negative once it is past; None when nothing is counted."""
        return None if self.due_at is None or not self.is_open else self.due_at - now

    def share(self, now: datetime) -> float | None:
        """Return the share of its time that is spent, 0 to 1; None without a limit or a start."""
        if self.started is None or self.due_at is None:
            return None
        spent, whole = self.elapsed(now), self.due_at - self.started.happened_at
        return None if spent is None else min(max(spent / whole, 0.0), 1.0)


def plan_clocks(
    facts: Iterable[Fact],
    rules: Sequence[ClockRule],
    parties: Sequence[Party],
    *,
    calendar: Calendar,
    now: datetime,
) -> list[Clock]:
    """Compute every clock of one incident.

    Args:
        facts: The timeline, any order; an event that another corrects is left out.
        rules: The obligations.
        parties: The operator, and every insurer concerned.
        calendar: The civil clock and its bank holidays.
        now: The present instant.

    Returns:
        One clock per rule and party it is about, the most urgent first: what is past its limit,
        what runs out soonest, what has no number, what waits, what is done, what is not owed.

    Raises:
        ValueError: there is no operator, or two.
    """
    operators = [party for party in parties if party.insurer_id is None]
    if len(operators) != 1:
        raise ValueError("an incident has one operator")
    told = list(facts)
    corrected = {fact.details.get("corrects") for fact in told}
    timeline = sorted(
        (fact for fact in told if fact.event_ref not in corrected),
        key=lambda fact: (fact.happened_at, fact.event_ref),
    )
    clocks = [
        _plan(timeline, rule, party, operators[0], calendar, now)
        for rule in rules
        for party in parties
        if rule.per_insurer == (party.insurer_id is not None)
    ]
    return sorted(clocks, key=rank_urgency)


def rank_urgency(clock: Clock) -> tuple[int, float, str, int]:
    """Rank a clock among others, the most urgent least."""
    order = list(ClockState).index(clock.state)
    last = float("inf")
    instant = last if clock.due_at is None else clock.due_at.timestamp()
    if clock.state in {ClockState.MET, ClockState.MET_LATE} and clock.met is not None:
        instant = -clock.met.happened_at.timestamp()
    return order, instant, clock.rule.code, clock.party.insurer_id or 0


def list_reminders(
    clocks: Iterable[Clock], *, now: datetime, sent: Mapping[tuple[str, int | None], int]
) -> list[tuple[Clock, int]]:
    """Say which reminders are due, one per clock at most: the latest threshold passed.

    Args:
        clocks: Those of one incident.
        now: The present instant.
        sent: For each clock, how many thresholds of `REMIND_BEFORE` were told already.

    Returns:
        Clocks with the number of thresholds told once this reminder is sent.
    """
    due = []
    for clock in clocks:
        left = clock.remaining(now)
        if left is None:
            continue
        passed = sum(left <= before for before in REMIND_BEFORE)
        if passed > sent.get(clock.key, 0):
            due.append((clock, passed))
    return due


def _plan(
    timeline: Sequence[Fact],
    rule: ClockRule,
    party: Party,
    operator: Party,
    calendar: Calendar,
    now: datetime,
) -> Clock:
    """Compute one clock. Tested in this order: owed, done, waived, started, lapsed, past."""
    owing = operator if rule.owed_by == "operator" else party
    if rule.needs not in owing.traits:
        return _make(rule, party, ClockState.NOT_APPLICABLE, exempt=Exempt.NOT_OWED)
    started = _find_start(timeline, rule, party)
    met = _find(timeline, rule.met_by, party)
    strict = None if started is None else _find_limit(rule, started.happened_at, calendar)
    due = _tolerate(rule, owing, strict, calendar)
    dates: dict[str, Any] = {"started": started, "strict_at": strict, "due_at": due}
    if met is not None:
        late = due is not None and met.happened_at > due
        state = ClockState.MET_LATE if late else ClockState.MET
        return _make(rule, party, state, met=met, **dates)
    waived = _find_waiver(timeline, rule, party)
    if waived is not None:
        exempt = {"exempt": Exempt.WAIVED, "waived": waived}
        return _make(rule, party, ClockState.NOT_APPLICABLE, **dates, **exempt)
    if started is None:
        return _make(rule, party, ClockState.WAITING)
    if _has_lapsed(timeline, rule, party, strict, now):
        return _make(rule, party, ClockState.NOT_APPLICABLE, **dates, exempt=Exempt.LAPSED)
    past = due is not None and now > due
    return _make(rule, party, ClockState.MISSED if past else ClockState.RUNNING, **dates)


def _make(rule: ClockRule, party: Party, state: ClockState, **more: Any) -> Clock:
    return Clock(rule=rule, party=party, state=state, **more)


def _find_limit(rule: ClockRule, start: datetime, calendar: Calendar) -> datetime | None:
    """Add elapsed hours, or months of the civil calendar."""
    if rule.hours:
        return start.astimezone(UTC) + timedelta(hours=rule.hours)
    return calendar.add_months(start, rule.months) if rule.months else None


def _tolerate(
    rule: ClockRule, owing: Party, strict: datetime | None, calendar: Calendar
) -> datetime | None:
    """Move a limit of a weekend or bank holiday, unless the party lost that tolerance."""
    lost = Trait.NO_TOLERANCE in owing.traits or (
        Trait.NO_TOLERANCE_BUT_FINAL in owing.traits and rule.report != "final"
    )
    return strict if strict is None or lost or not rule.tolerance else calendar.move_to_noon(strict)


def _find_start(timeline: Sequence[Fact], rule: ClockRule, party: Party) -> Fact | None:
    """Return the fact a clock is counted from; of a judgement that was reversed, the last word."""
    waived, later = _split_at_waiver(timeline, rule, party)
    again = [one for one in rule.starts if waived is not None and one.kind == waived.kind]
    found = _find(later, again, party, last=rule.pick_last)
    return found or _find(timeline, rule.starts, party, last=rule.pick_last)


def _find_waiver(timeline: Sequence[Fact], rule: ClockRule, party: Party) -> Fact | None:
    """Return the decision that a clock does not apply, unless the same judgement was reversed."""
    waived, later = _split_at_waiver(timeline, rule, party)
    owed = (*rule.starts, *rule.lapses_without)
    reversing = [one for one in owed if waived is not None and one.kind == waived.kind]
    return waived if _find(later, reversing, party) is None else None


def _split_at_waiver(
    timeline: Sequence[Fact], rule: ClockRule, party: Party
) -> tuple[Fact | None, Sequence[Fact]]:
    """Return the last decision that a clock does not apply, and what came after it."""
    waived = _find(timeline, rule.waived_by, party, last=True)
    return waived, () if waived is None else timeline[timeline.index(waived) + 1 :]


def _has_lapsed(
    timeline: Sequence[Fact], rule: ClockRule, party: Party, strict: datetime | None, now: datetime
) -> bool:
    """Tell whether a limit passed before what it was for happened, or while that was taken back."""
    if not rule.lapses_without or strict is None or now <= strict:
        return False
    before = [fact for fact in timeline if fact.happened_at <= strict]
    if _find(before, rule.lapses_without, party) is None:
        return True
    return _find_waiver(before, rule, party) is not None


def _find(
    timeline: Sequence[Fact], patterns: Sequence[Pattern], party: Party, *, last: bool = False
) -> Fact | None:
    found = [fact for fact in timeline if any(_matches(fact, one, party) for one in patterns)]
    return (found[-1] if last else found[0]) if found else None


def _matches(fact: Fact, pattern: Pattern, party: Party) -> bool:
    if fact.kind != pattern.kind:
        return False
    if any(fact.details.get(name) != value for name, value in pattern.where.items()):
        return False
    if any(fact.details.get(name) == value for name, value in pattern.unless.items()):
        return False
    match pattern.origin:
        case "own":
            return _is_own(fact, party)
        case "operator":
            return fact.insurer_id is None
        case "shared":
            return _is_own(fact, party) or _is_told_for(fact, party)


def _is_own(fact: Fact, party: Party) -> bool:
    """Tell whether an event is the party's own: a report filed for insurers is theirs."""
    is_for_others = fact.kind == _REPORT and fact.details.get("insurers") is not None
    return fact.insurer_id == party.insurer_id and not (is_for_others and fact.insurer_id is None)


def _is_told_for(fact: Fact, party: Party) -> bool:
    """Tell whether an event of the operator is for this insurer: for all, or for those it names.

    A report that names nobody is the operator's own, about professionals: it is for no insurer.
    """
    if fact.insurer_id is not None:
        return False
    named = fact.details.get("insurers")
    return fact.kind != _REPORT if named is None else party.insurer_id in named
