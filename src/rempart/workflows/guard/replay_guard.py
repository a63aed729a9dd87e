"""Replay past look-ups through a guard: what it would have answered, refused and contained.

The judge is the very engine of the gateways, or a baseline with the same face. Refuses to show it
the truth: reviews alone know it, hours later, as an operator would.
"""

import heapq
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from rempart.exchange.guard_columns import EventsRefused, Ref
from rempart.exchange.guard_events import (
    EventsFile,
    Part,
    Theft,
    read_accounts,
    read_canaries,
    read_thefts,
)
from rempart.guard import Account, Decision, Lookup
from rempart.workflows.guard.score_replay import Tally

HOUR_MS: Final = 3_600_000
DAY_MS: Final = 24 * HOUR_MS


class Judge(Protocol):
    """What can be replayed."""

    def start(self, accounts: Iterable[Account], canaries: Iterable[Ref], begin_ms: int, /) -> None:
        """Say who exists before the first look-up."""

    def add(self, account: Account, /) -> None:
        """Add an account met for the first time."""

    def decide(self, lookup: Lookup, /) -> Decision:
        """Decide a look-up, and learn from it."""

    def released(self, account: Ref, time_ms: int, /) -> None:
        """Take note that a review cleared an account."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Month:
    """Past look-ups, with who asked them; `thefts` is for reviews and the scoring alone."""

    events: EventsFile
    accounts: Sequence[Account] = ()
    canaries: Sequence[Ref] = ()
    thefts: Sequence[Theft] = ()


class Replayed(NamedTuple):
    """What came out of a replay: its counts, and the processor's seconds spent deciding."""

    tally: Tally
    seconds: float


def open_month(
    events: Path,
    *,
    accounts: Path | None = None,
    canaries: Path | None = None,
    truth: Path | None = None,
) -> Month:
    """Open the files of a month.

    Raises:
        EventsRefused: one cannot be read, or two write references differently.
    """
    stream = EventsFile(events)
    return Month(
        events=stream,
        accounts=read_accounts(accounts, stream) if accounts else (),
        canaries=read_canaries(canaries, stream) if canaries else (),
        thefts=read_thefts(truth, stream) if truth else (),
    )


def _ignore(*_: object) -> None:
    """Do nothing with a part."""


def replay_month(
    month: Month,
    judge: Judge,
    *,
    review_hours: float | None,
    warm_up_days: float,
    show: Callable[[Part, list[Decision]], None] = _ignore,
) -> Replayed:
    """Replay a month, memory bounded by what the judge keeps.

    Args:
        month: Opened, and read here once.
        judge: Not started.
        review_hours: How long after its containment an account that was not stolen is released;
            None: nobody is.
        warm_up_days: Honest people's refusals and containments of so many first days are not
            counted.
        show: Called with each part and its decisions, in order.

    Raises:
        EventsRefused: there is no look-up, or a value cannot be read.
    """
    stolen = {theft.account: theft.from_ms for theft in month.thefts}
    professions = {one.account: one.profession for one in month.accounts}
    replay = Replay(judge, review_hours=review_hours, stolen=stolen)
    tally, seconds = None, 0.0
    for part in month.events.read():
        if tally is None:
            begin_ms = part.lookups[0].time_ms
            judge.start(month.accounts, month.canaries, begin_ms)
            tally = Tally(
                professions=professions,
                stolen={theft.account: (theft.kind, theft.from_ms) for theft in month.thefts},
                from_ms=begin_ms + int(warm_up_days * DAY_MS),
            )
        _add_accounts(part, professions, judge)
        started = time.process_time()
        decisions = replay.judge(part.lookups)
        seconds += time.process_time() - started
        tally.add(part.lookups, decisions, find_stolen(part.lookups, part.stolen, stolen))
        show(part, decisions)
    if tally is None:
        raise EventsRefused(f"{month.events.name} has no look-up: export a period that has some")
    return Replayed(tally, seconds)


def _add_accounts(part: Part, professions: dict[Ref, str], judge: Judge) -> None:
    """Add the accounts that the accounts file does not have, with their profession."""
    for place, lookup in enumerate(part.lookups):
        if lookup.account not in professions:
            profession = part.professions[place] if part.professions else ""
            professions[lookup.account] = profession
            judge.add(Account(lookup.account, profession))


class Replay:
    """One judge over a stream of look-ups, with the reviews of what it contains.

    Args:
        judge: Already started.
        review_hours: How long after its containment an account is reviewed; None: never.
        stolen: Since when (Unix milliseconds) each stolen account was: a review releases the
            others, and leaves these contained.
    """

    def __init__(
        self,
        judge: Judge,
        *,
        review_hours: float | None = None,
        stolen: Mapping[Ref, int] | None = None,
    ) -> None:
        self._judge = judge
        self._review_ms = None if review_hours is None else int(review_hours * HOUR_MS)
        self._stolen = stolen or {}
        # The number comes before the account: accounts may be of two kinds, which do not compare.
        self._due: list[tuple[int, int, Ref]] = []
        self._contained = 0

    def judge(self, lookups: Iterable[Lookup]) -> list[Decision]:
        """Decide look-ups in their order; reviews that are due come first."""
        decide, decisions, due = self._judge.decide, [], self._due
        for lookup in lookups:
            if due and due[0][0] <= lookup.time_ms:
                self._review(lookup.time_ms)
            decision = decide(lookup)
            if decision.contains:
                self._plan_review(lookup)
            decisions.append(decision)
        return decisions

    def _plan_review(self, lookup: Lookup) -> None:
        if self._review_ms is None:
            return
        if self._stolen.get(lookup.account, lookup.time_ms + 1) > lookup.time_ms:
            self._contained += 1
            when = lookup.time_ms + self._review_ms
            heapq.heappush(self._due, (when, self._contained, lookup.account))

    def _review(self, now_ms: int) -> None:
        while self._due and self._due[0][0] <= now_ms:
            when, _, account = heapq.heappop(self._due)
            self._judge.released(account, when)


def find_stolen(
    lookups: Sequence[Lookup], marks: Sequence[bool], stolen: Mapping[Ref, int]
) -> Sequence[bool]:
    """Say which look-ups are thieves'.

    Args:
        lookups: In order.
        marks: What the file says of each; empty when it does not say.
        stolen: Since when each stolen account was: without marks, everything it asks from then on
            is a thief's, its owner's own work too.
    """
    if marks or not stolen:
        return marks or [False] * len(lookups)
    return [
        lookup.account in stolen and lookup.time_ms >= stolen[lookup.account] for lookup in lookups
    ]
