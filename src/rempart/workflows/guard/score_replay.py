"""What a replay was worth: persons per stolen account, and what honest people paid for it.

Refuses to be used by the judgement itself: it needs the truth, which only a replay has.
"""

import math
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean, median
from typing import Final

from rempart.exchange.guard_columns import Ref
from rempart.guard import Decision, Lookup

_DAY_MS: Final = 86_400_000
SWEEP: Final = "sweep"
_DOUBT: Final = 0.025


@dataclass(slots=True)
class Tally:
    """Counts of a replay, one look-up after the other.

    Args:
        professions: Of each account.
        stolen: Each stolen account's kind of thief, and since when (Unix milliseconds).
        from_ms: Honest people's refusals and containments before it are not counted: the guard was
            still learning.
    """

    professions: Mapping[Ref, str]
    stolen: Mapping[Ref, tuple[str, int]]
    from_ms: int
    lookups: int = 0
    first_ms: int = 0
    last_ms: int = 0
    backwards: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    contained: Counter[str] = field(default_factory=Counter)
    lawful: int = 0
    lawful_refused: int = 0
    owner_refused: int = 0
    false_contained: list[tuple[int, Ref]] = field(default_factory=list)
    exposed: dict[Ref, set[Ref]] = field(default_factory=lambda: defaultdict(set))
    first_stolen_ms: dict[Ref, int] = field(default_factory=dict)
    contained_ms: dict[Ref, int] = field(default_factory=dict)

    def add(
        self, lookups: Sequence[Lookup], decisions: Sequence[Decision], marks: Sequence[bool]
    ) -> None:
        """Count some look-ups; `marks` says which are thieves'."""
        if not lookups:
            return
        if not self.lookups:
            self.first_ms = self.last_ms = lookups[0].time_ms
        self.lookups += len(lookups)
        professions = self.professions
        self.asked.update(professions.get(lookup.account, "") for lookup in lookups)
        for lookup, decision, is_stolen in zip(lookups, decisions, marks, strict=True):
            if lookup.time_ms < self.last_ms:
                self.backwards += 1
            else:
                self.last_ms = lookup.time_ms
            if is_stolen:
                self._add_stolen(lookup, decision)
            elif lookup.time_ms >= self.from_ms:
                self.lawful += 1
            if not decision.answer:
                self._add_refusal(lookup, decision, is_stolen=is_stolen)

    @property
    def account_days(self) -> float:
        """Account-days on which a false containment would have counted."""
        return len(self.professions) * max(0, self.last_ms - self.from_ms) / _DAY_MS

    def _add_stolen(self, lookup: Lookup, decision: Decision) -> None:
        self.first_stolen_ms.setdefault(lookup.account, lookup.time_ms)
        if decision.answer and lookup.found:
            self.exposed[lookup.account].add(lookup.subject)

    def _add_refusal(self, lookup: Lookup, decision: Decision, *, is_stolen: bool) -> None:
        account, now = lookup.account, lookup.time_ms
        profession = self.professions.get(account, "")
        self.refused[profession] += 1
        was_stolen = account in self.stolen and now >= self.stolen[account][1]
        if decision.contains:
            self.contained[profession] += 1
            if was_stolen:
                self.contained_ms.setdefault(account, now)
            elif now >= self.from_ms:
                self.false_contained.append((now, account))
        if not is_stolen and now >= self.from_ms:
            self.lawful_refused += 1
            self.owner_refused += account in self.contained_ms


@dataclass(frozen=True, slots=True, kw_only=True)
class KindScore:
    """One kind of thief.

    Attributes:
        kind: Its name.
        accounts: How many accounts it stole.
        mean: Persons it was given, per account.
        worst: The most.
        contained: How many of the accounts were contained.
        delay_s: Median from a thief's first look-up to the containment; None: none was.
    """

    kind: str
    accounts: int
    mean: float
    worst: int
    contained: int
    delay_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """What a replay was worth.

    Attributes:
        kinds: Of thieves, by name, the patient ones last by their pace.
        mean: Persons per stolen account, patient thieves apart.
        worst: The most of those.
        sweep: Persons that the best pace of a patient thief brings, on average.
        false_contained: Containments of accounts that were not stolen.
        account_days: On how many account-days.
        interval: Bounds of the false containments per 1 000 account-days (95 %, Poisson).
        refused: Lawful look-ups refused, per 100 000.
        owner_refused: Of those, of owners of stolen and contained accounts.
    """

    kinds: tuple[KindScore, ...]
    mean: float
    worst: int
    sweep: float
    false_contained: int
    account_days: float
    interval: tuple[float, float]
    refused: float
    owner_refused: float

    @property
    def false_rate(self) -> float:
        """False containments per 1 000 account-days."""
        return 1000 * self.false_contained / self.account_days if self.account_days else 0.0


def score(tally: Tally) -> Score:
    """Compute the score of a replay from its counts."""
    by_kind: dict[str, list[Ref]] = defaultdict(list)
    for account, (kind, _) in tally.stolen.items():
        by_kind[kind].append(account)
    names = sorted(by_kind, key=_order)
    kinds = tuple(_score_kind(tally, kind, by_kind[kind]) for kind in names)
    loud = [
        len(tally.exposed.get(account, ()))
        for kind, accounts in by_kind.items()
        if not kind.startswith(SWEEP)
        for account in accounts
    ]
    count, days = len(tally.false_contained), tally.account_days
    low, high = compute_poisson_interval(count)
    scale = 1000 / days if days else 0.0
    per_lookup = 100_000 / tally.lawful if tally.lawful else 0.0
    return Score(
        kinds=kinds,
        mean=fmean(loud) if loud else 0.0,
        worst=max(loud, default=0),
        sweep=max((one.mean for one in kinds if one.kind.startswith(SWEEP)), default=0.0),
        false_contained=count,
        account_days=days,
        interval=(low * scale, high * scale),
        refused=tally.lawful_refused * per_lookup,
        owner_refused=tally.owner_refused * per_lookup,
    )


def _order(kind: str) -> tuple[bool, int, str]:
    """Return what kinds are sorted by: `sweep5` comes before `sweep10`, and after the others."""
    is_slow = kind.startswith(SWEEP)
    return is_slow, len(kind) if is_slow else 0, kind


def _score_kind(tally: Tally, kind: str, accounts: Sequence[Ref]) -> KindScore:
    persons = [len(tally.exposed.get(account, ())) for account in accounts]
    delays = [
        (tally.contained_ms[account] - tally.first_stolen_ms[account]) / 1000
        for account in accounts
        if account in tally.contained_ms and account in tally.first_stolen_ms
    ]
    return KindScore(
        kind=kind,
        accounts=len(accounts),
        mean=fmean(persons),
        worst=max(persons),
        contained=len(delays),
        delay_s=median(delays) if delays else None,
    )


def compute_poisson_interval(count: int) -> tuple[float, float]:
    """Return the 95 % interval of a mean that gave `count`, both tails exact (Garwood 1936)."""
    low = 0.0 if not count else _solve(lambda mean: 1 - _below(count - 1, mean) - _DOUBT, count)
    return low, _solve(lambda mean: _DOUBT - _below(count, mean), count)


def _below(count: int, mean: float) -> float:
    """Return the chance of at most `count` events."""
    if mean <= 0:
        return 1.0
    logs = (one * math.log(mean) - mean - math.lgamma(one + 1) for one in range(count + 1))
    return math.fsum(math.exp(log) for log in logs)


def _solve(rising: Callable[[float], float], count: int) -> float:
    """Return where a rising function crosses 0."""
    low, high = 0.0, 2.0 * count + 20.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if rising(middle) < 0 else (low, middle)
    return high
