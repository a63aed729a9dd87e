"""Blast radius: how many persons each stolen account showed, how soon it was held, at what cost.

The truth is an argument: whom each question would have found. Refuses to see a database.
"""

from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median

from rempart.drill.baselines import count_refused, list_within_limits
from rempart.drill.plan import Script
from rempart.drill.replay import NOT_SENT, OK, REFUSALS, Tape
from rempart.guard.lookups import find_day

_MINUTE_MS = 60_000
_THOUSAND = 1_000
_HUNDRED_THOUSAND = 100_000


@dataclass(frozen=True, slots=True)
class Spread:
    """Persons per stolen account: the mean, and the worst."""

    mean: float
    worst: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Blast:
    """One attack, or all of them: how many persons each way of answering would have shown.

    Attributes:
        name: The attack.
        accounts: How many accounts were stolen.
        contained: How many of them the guard held.
        guard: Persons shown per stolen account with the guard.
        no_guard: The same without.
        limits: With fixed limits.
        portal: By a portal of 2024.
        lookups: How many questions the thief asked before the account was held; a median.
        minutes: How long that took, in simulated minutes; a median.
    """

    name: str
    accounts: int
    contained: int
    guard: Spread
    no_guard: Spread
    limits: Spread
    portal: Spread
    lookups: float | None
    minutes: float | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What lawful accounts paid, with the guard and with fixed limits.

    Attributes:
        account_days: Days on which lawful accounts worked.
        false_containments: Lawful accounts held, each time counted.
        lookups: Look-ups of owners, of stolen accounts too.
        refused: How many of them were refused.
        refused_of_stolen: How many of those were of owners whose account had a thief.
        refused_by_limits: How many fixed limits would have.
    """

    account_days: int
    false_containments: int
    lookups: int
    refused: int
    refused_of_stolen: int
    refused_by_limits: int

    @property
    def false_per_thousand(self) -> float:
        """False containments per 1 000 account-days."""
        return _THOUSAND * self.false_containments / max(1, self.account_days)

    @property
    def refused_per_hundred_thousand(self) -> float:
        """Lawful look-ups refused, per 100 000."""
        return _HUNDRED_THOUSAND * self.refused / max(1, self.lookups)

    @property
    def honest_per_hundred_thousand(self) -> float:
        """The same, without those of owners whose account had a thief."""
        return _HUNDRED_THOUSAND * (self.refused - self.refused_of_stolen) / max(1, self.lookups)

    @property
    def limits_per_hundred_thousand(self) -> float:
        """Lawful look-ups refused by fixed limits, per 100 000."""
        return _HUNDRED_THOUSAND * self.refused_by_limits / max(1, self.lookups)


@dataclass(frozen=True, slots=True)
class _One:
    """One stolen account."""

    name: str
    guard: int
    no_guard: int
    limits: int
    portal: int
    lookups: int | None
    minutes: float | None


def measure_blasts(
    script: Script,
    tape: Tape,
    *,
    found: Sequence[Hashable | None],
    contained_ms: Mapping[int, Sequence[int]],
    portal: Sequence[int],
) -> list[Blast]:
    """Measure each attack; the last one is all of them together.

    Args:
        script: What was to be asked.
        tape: What came back.
        found: For each question of the script, whom it finds; None for nobody, and for owners'.
        contained_ms: When each account was held, by rank, Unix milliseconds.
        portal: For each robot, how many persons a portal of 2024 would have shown it.
    """
    within = list_within_limits(script.asks)
    mine: list[list[int]] = [[] for _ in script.attacks]
    for place, ask in enumerate(script.asks):
        if ask.robot is not None:
            mine[ask.robot].append(place)
    ones = []
    for number, attack in enumerate(script.attacks):
        places = mine[number]
        sent = [place for place in places if tape.statuses[place] != NOT_SENT]
        first_ms = script.asks[places[0]].at_ms if places else 0
        held = [at for at in contained_ms.get(attack.caller, ()) if at >= first_ms]
        held_ms = held[0] if held and places else None
        ones.append(
            _One(
                attack.name,
                guard=_count(found, [p for p in sent if tape.statuses[p] == OK]),
                no_guard=_count(found, places),
                limits=_count(found, [p for p in places if within[p]]),
                portal=portal[number],
                lookups=None if held_ms is None
                else sum(script.asks[p].at_ms <= held_ms for p in sent),
                minutes=None if held_ms is None else (held_ms - first_ms) / _MINUTE_MS,
            )
        )  # fmt: skip
    names = list(dict.fromkeys(one.name for one in ones))
    rows = [_sum_up(name, [one for one in ones if one.name == name]) for name in names]
    return [*rows, _sum_up("all", ones)]


def measure_cost(script: Script, tape: Tape, *, contained_ms: Mapping[int, Sequence[int]]) -> Cost:
    """Measure what lawful accounts paid. Days on which an account is stolen are not lawful."""
    stolen_ms: dict[int, int] = {}
    for ask in script.asks:
        if ask.robot is not None:
            stolen_ms.setdefault(ask.caller, ask.at_ms)
    lawful = [
        (ask, status)
        for ask, status in zip(script.asks, tape.statuses, strict=True)
        if ask.robot is None and status != NOT_SENT
    ]
    days = {(ask.caller, find_day(ask.at_ms)) for ask, _ in lawful if ask.caller not in stolen_ms}
    false = [
        at_ms
        for caller, held in contained_ms.items()
        for at_ms in held
        if at_ms < stolen_ms.get(caller, at_ms + 1)
    ]
    return Cost(
        account_days=len(days),
        false_containments=len(false),
        lookups=len(lawful),
        refused=sum(status in REFUSALS for _, status in lawful),
        refused_of_stolen=sum(
            status in REFUSALS and ask.at_ms >= stolen_ms.get(ask.caller, ask.at_ms + 1)
            for ask, status in lawful
        ),
        refused_by_limits=count_refused(script.asks, list_within_limits(script.asks)),
    )


def _count(found: Sequence[Hashable | None], places: Collection[int]) -> int:
    return len({found[place] for place in places} - {None})


def _sum_up(name: str, ones: Sequence[_One]) -> Blast:
    held = [one for one in ones if one.lookups is not None]
    return Blast(
        name=name,
        accounts=len(ones),
        contained=len(held),
        guard=_spread([one.guard for one in ones]),
        no_guard=_spread([one.no_guard for one in ones]),
        limits=_spread([one.limits for one in ones]),
        portal=_spread([one.portal for one in ones]),
        lookups=median([one.lookups for one in held if one.lookups is not None]) if held else None,
        minutes=median([one.minutes for one in held if one.minutes is not None]) if held else None,
    )


def _spread(counts: Sequence[int]) -> Spread:
    return Spread(sum(counts) / len(counts), max(counts)) if counts else Spread(0.0, 0)
