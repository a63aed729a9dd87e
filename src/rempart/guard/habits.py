"""What is usual for one account: from where it works, when, and what its days look like.

Addresses, software and hours are learnt from people the account already knows, and from cards
shown at a usual place: a thief brings neither, so that a thief cannot teach the guard. Bounded:
whom an account knows is kept elsewhere, as what others did is.
"""

import zlib
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rempart.guard.lookups import Account, Ref

# Older days count less: half in ten days.
_FORGET: Final = 0.93
# Shares are counted over about this many look-ups, hours over so many hours of work.
_SHARE_SPAN: Final = 300.0
_HOURS_SPAN: Final = 300.0
_MOST_ADDRESSES: Final = 100
_MOST_AGENTS: Final = 20
_LONG_AGO: Final = 30
_MOST_INSURERS: Final = 500
_MOST_DEPARTMENTS: Final = 200
WEEK_BEFORE: Final = 6
LEAST_BURST: Final = 4.0
# More just before, one forgotten a minute: a machine asks, and not a person.
BATCH_TEMPO: Final = 3.0
# Spreads numbers that follow each other over the parts (Fibonacci hashing).
_GOLDEN: Final = 0x9E3779B97F4A7C15
_WORD: Final = (1 << 64) - 1
_PART_SHIFT: Final = 58
_MINUTE_MS: Final = 60_000


@dataclass(slots=True)
class Share:
    """A share of look-ups, counted with older ones fading."""

    hits: float = 0.0
    total: float = 0.0

    def add(self, hit: bool) -> None:
        """Count one more look-up."""
        self.total += 1.0
        if hit:
            self.hits += 1.0
        if self.total > _SHARE_SPAN:
            self.hits *= 0.5
            self.total *= 0.5


@dataclass(slots=True)
class Mean:
    """A mean per day of what was answered, older days fading, and how days differ."""

    total: float = 0.0
    days: float = 0.0
    squares: float = 0.0

    def add(self, value: float) -> None:
        """Count one more day."""
        self.total = self.total * _FORGET + value
        self.squares = self.squares * _FORGET + value * value
        self.days = self.days * _FORGET + 1.0

    @property
    def variance(self) -> float:
        """How days differ from their mean; 0 while there is none."""
        if not self.days:
            return 0.0
        return max(0.0, self.squares / self.days - (self.total / self.days) ** 2)


@dataclass(slots=True)
class Today:
    """What an account did since midnight.

    Attributes:
        day: The day; -1 before the first.
        typed: Price of typed look-ups of new faces, refused ones included.
        typed_elsewhere: What of it came from elsewhere than the account's own line.
        typed_in_batch: What of it a machine typed.
        typed_count: How many they were.
        card: Price of look-ups of new faces with a card.
        card_count: How many they were.
        refused: How many look-ups were refused.
        local_count: New faces answered that live where the account works.
        placed_count: New faces answered of whom it is known where they live.
        missed_count: Answers about nobody.
        answered_count: New faces answered, nobodies included.
        typed_expected: Price of a usual day.
        typed_deviation: How far days stray from it.
        busiest: The fastest burst answered.
        typed_allowance: Once it is spent, a typed new face is not answered, but in a batch.
        card_allowance: The same with a card.
        most_evidence: The most evidence of typed look-ups while not contained.
        most_card_evidence: The same, of look-ups with a card.
        hours: One bit for each hour in which the account was at work.
        typed_doubted: Price spent when a typed look-up came that only the allowance lets through.
        batch_count: Typed new faces answered in a batch like the account, off no allowance.
        typed_known: One bit for each of 64 parts of the known people typed from its own line.
        line_days: On how many days its most usual address had been seen when the day began.
        held_known: One bit for each of 64 parts of the known people typed while it was held.
    """

    day: int = -1
    typed: float = 0.0
    typed_elsewhere: float = 0.0
    typed_in_batch: float = 0.0
    typed_count: int = 0
    card: float = 0.0
    card_count: int = 0
    refused: int = 0
    local_count: int = 0
    placed_count: int = 0
    missed_count: int = 0
    answered_count: int = 0
    typed_expected: float = 1.0
    typed_deviation: float = 1.0
    busiest: float = 0.0
    typed_allowance: float = 10.0
    card_allowance: float = 100.0
    most_evidence: float = 0.0
    most_card_evidence: float = 0.0
    hours: int = 0
    typed_doubted: float = 0.0
    batch_count: int = 0
    typed_known: int = 0
    line_days: int = 0
    held_known: int = 0


class Known(NamedTuple):
    """Since when an address or a software is usual, the last day it was, and on how many days."""

    since: int
    last: int
    days: int


class Learnt(NamedTuple):
    """What a look-up taught.

    Attributes:
        changed: Whether the habits are to be kept again.
        new_address: Whether its address became a usual one of the account.
        teaches: Whether meeting this face again will teach from where the account works: not when
            it was typed from a strange place, or a thief would ask twice.
    """

    changed: bool
    new_address: bool = False
    teaches: bool = False


@dataclass(slots=True)
class Habits:
    """One account: from where it works, when, what its days look like, how far it is held.

    Attributes:
        profession: Accounts are compared within it.
        department: Where it works; None: not known.
        today: Since midnight.
        typed: Price of typed new faces a day.
        card: Price of new faces with a card a day.
        week: Price of typed new faces on the six days before today, newest first.
        addresses: Usual ones; the one seen on fewest days gives way to a new one.
        agents: Usual software, the same way.
        insurers: Those of the people it was answered about.
        departments: How many of those people live in each.
        placed: Their number; older ones fade, as in `departments`.
        far: How many of them live where few of the account's people do.
        missed: The share of answers about nobody.
        hours: On how many days it was at work in each hour; older days fade.
        hours_total: Their sum.
        active_days: Days it asked anything.
        burst: Typed new faces lately, one forgotten every minute.
        burst_ms: When it was last counted.
        usual_burst: The most seen on good days.
        typed_evidence: Against the account, of what is typed at a human pace.
        batch_evidence: The same, of what is typed faster than people type.
        strange_evidence: The same, of what comes from a strange place only.
        card_evidence: The same, of look-ups with a card.
        step: How far it is held: a `Step`.
        held_from: The address and the software of the look-up that contained it; None: not held.
        held_away: Whether what contained it came from elsewhere than its own line, where it is
            judged as before then.
        held_cards: Whether cards shown elsewhere than where it works are held too.
        held_burst: Known people typed lately while it was held, one forgotten every minute.
        held_burst_ms: When it was last counted.
        reviewed: Whether a review cleared it.
        tolerance: What a review added to its allowances.
    """

    profession: str
    department: Ref | None = None
    today: Today = field(default_factory=Today)
    typed: Mean = field(default_factory=Mean)
    card: Mean = field(default_factory=Mean)
    week: list[float] = field(default_factory=lambda: [0.0] * WEEK_BEFORE)
    addresses: dict[Ref, Known] = field(default_factory=dict)
    agents: dict[Ref, Known] = field(default_factory=dict)
    insurers: set[Ref] = field(default_factory=set)
    departments: dict[Ref, float] = field(default_factory=dict)
    placed: float = 0.0
    far: float = 0.0
    missed: Share = field(default_factory=Share)
    hours: list[float] = field(default_factory=lambda: [0.0] * 24)
    hours_total: float = 0.0
    active_days: int = 0
    burst: float = 0.0
    burst_ms: int = 0
    usual_burst: float = LEAST_BURST
    typed_evidence: float = 0.0
    batch_evidence: float = 0.0
    strange_evidence: float = 0.0
    card_evidence: float = 0.0
    step: int = 0
    held_from: tuple[Ref, Ref] | None = None
    held_away: bool = False
    held_cards: bool = True
    held_burst: float = 0.0
    held_burst_ms: int = 0
    reviewed: bool = False
    tolerance: float = 0.0

    @property
    def evidence(self) -> float:
        """The most there is against the account."""
        return max(
            self.typed_evidence, self.batch_evidence, self.strange_evidence, self.card_evidence
        )

    def learn_place(self, ip: Ref, agent: Ref, hour: int | None, day: int) -> Learnt:
        """Learn that the account works from an address, with a software, at an hour if it did."""
        new_hour = hour is not None and self._learn_hour(hour)
        new_address = ip not in self.addresses
        came = _see(self.addresses, ip, day, most=_MOST_ADDRESSES)
        used = _see(self.agents, agent, day, most=_MOST_AGENTS)
        return Learnt(came or used or new_hour, new_address, teaches=True)

    def works_at(self, ip: Ref) -> bool:
        """Say whether an address is one of those the account mostly works from."""
        known = self.addresses.get(ip)
        return known is not None and 2 * known.days >= self.today.line_days

    def has_line(self, ip: Ref) -> bool:
        """Say whether an address is the account's own line: it works there since an earlier day."""
        known = self.addresses.get(ip)
        today = self.today
        return known is not None and known.since < today.day and 2 * known.days >= today.line_days

    def checks_from(self, ip: Ref) -> bool:
        """Say whether a machine at an address may be the account's: it came on an earlier day."""
        known = self.addresses.get(ip)
        return not self.step and known is not None and known.since < self.today.day

    def count_typed_known(self, subject: Ref) -> bool:
        """Count a known person typed from its own line; say whether that is news of the day."""
        part = 1 << find_part(subject)
        if self.today.typed_known & part:
            return False
        self.today.typed_known |= part
        return True

    def count_held_known(self, subject: Ref, most: int) -> bool:
        """Count a known person typed while it is held; say whether the day has room for them."""
        part = 1 << find_part(subject)
        if not self.today.held_known & part:
            if self.today.held_known.bit_count() >= most:
                return False
            self.today.held_known |= part
        return True

    def count_answer(self, department: Ref | None, found: bool) -> None:
        """Count an answered new face in the day's figures."""
        today = self.today
        today.answered_count += 1
        today.missed_count += not found
        if department is not None:
            today.placed_count += 1
            today.local_count += department == self.department

    def learn_person(
        self,
        department: Ref | None,
        insurer: Ref,
        found: bool,
        *,
        much: float = 1.0,
        is_far: bool = False,
    ) -> None:
        """Learn from an answered new face where people live and how often nobody is found.

        Args:
            department: Where they live; None: not known.
            insurer: Theirs.
            found: Whether it led to somebody.
            much: How much it teaches of their department.
            is_far: Whether few of the account's people live there: that some do is learnt in full,
                for no department in particular.
        """
        self.missed.add(not found)
        if found and len(self.insurers) < _MOST_INSURERS:
            self.insurers.add(insurer)
        if department is None:
            return
        if len(self.departments) < _MOST_DEPARTMENTS or department in self.departments:
            self.departments[department] = self.departments.get(department, 0.0) + much
        self.placed += 1.0
        self.far += is_far
        if self.placed > _SHARE_SPAN:
            self.far *= 0.5
            self.departments = {d: 0.5 * n for d, n in self.departments.items() if n > 0.1}
            self.placed *= 0.5

    def _learn_hour(self, hour: int) -> bool:
        if self.today.hours >> hour & 1:
            return False
        self.today.hours |= 1 << hour
        self.hours[hour] += 1.0
        self.hours_total += 1.0
        if self.hours_total > _HOURS_SPAN:
            self.hours = [value * 0.5 for value in self.hours]
            self.hours_total *= 0.5
        return True


def fade(count: float, counted_ms: int, time_ms: int) -> float:
    """Return what is left of a count, one forgotten every minute since it was made."""
    return max(0.0, count - max(0, time_ms - counted_ms) / _MINUTE_MS)


def find_part(subject: Ref) -> int:
    """Return the part of 64 a person falls in, always the same."""
    number = subject if isinstance(subject, int) else zlib.crc32(subject.encode("utf-8", "replace"))
    return (number * _GOLDEN & _WORD) >> _PART_SHIFT


NOTHING_LEARNT: Final = Learnt(changed=False)


def _see(known: dict[Ref, Known], one: Ref, day: int, *, most: int) -> bool:
    """See something usual, or make it so; say whether that is news of the day."""
    before = known.get(one)
    if before is not None and before.last == day:
        return False
    if before is not None:
        known[one] = Known(before.since, day, before.days + 1)
        return True
    if len(known) >= most:
        del known[min(known, key=lambda ref: _weigh_known(known[ref], day))]
    known[one] = Known(day, day, 1)
    return True


def _weigh_known(known: Known, day: int) -> tuple[int, int]:
    """Say how much something usual is worth keeping: by the days it was seen, unless long ago."""
    return (known.days if known.last > day - _LONG_AGO else 0, known.last)


def new_habits(account: Account) -> Habits:
    """Return the habits of an account that never asked anything."""
    return Habits(profession=account.profession, department=account.department)
