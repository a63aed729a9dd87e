"""What the guard is compared with: judges with the same face, over the same look-ups.

Those that contain are calibrated as the guard is, without labels: on the third week, so that only
the budget's share of account-days would have been contained. A contained account keeps the people
it knows, as with the guard.
"""

from collections import defaultdict
from collections.abc import Iterable
from statistics import fmean

from rempart.exchange.guard_columns import Ref
from rempart.guard import Account, Decision, Lookup, Step
from rempart.guard.decisions import ANSWERED
from rempart.guard.lookups import find_day
from rempart.workflows.guard.replay_guard import Judge

REFUSED = Decision(False, Step.SHOW_PRESENCE, False, 0.0, 0.0, ())
HELD = Decision(False, Step.KNOWN_FACES_ONLY, False, 1.0, 1.0, ())
CONTAINED = HELD._replace(contains=True)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
CALIBRATION_DAYS = range(14, 21)
LEAK_DAYS = range(7, 14)
FALSE_CONTAINMENTS = 0.3  # per 1 000 account-days, the guard's own default


class NoGuard:
    """Answers everybody."""

    # ruff: noqa: ARG002 - judges have one face, whatever they look at

    def start(self, accounts: Iterable[Account], canaries: Iterable[Ref], begin_ms: int) -> None:
        pass

    def add(self, account: Account) -> None:
        pass

    def decide(self, lookup: Lookup) -> Decision:
        return ANSWERED

    def released(self, account: Ref, time_ms: int) -> None:
        pass


class FixedLimits(NoGuard):
    """30 a minute, 300 an hour, 1 500 a day; what passes is refused and nobody is contained."""

    LIMITS = ((MINUTE_MS, 30), (HOUR_MS, 300), (DAY_MS, 1_500))

    def __init__(self) -> None:
        self._counts: dict[Ref, list[list[int]]] = defaultdict(
            lambda: [[0, 0] for _ in self.LIMITS]
        )

    def decide(self, lookup: Lookup) -> Decision:
        counts, over = self._counts[lookup.account], False
        for count, (span, most) in zip(counts, self.LIMITS, strict=True):
            window = lookup.time_ms // span
            if count[0] != window:
                count[:] = [window, 0]
            count[1] += 1
            over = over or count[1] > most
        return REFUSED if over else ANSWERED


class _Calibrated(NoGuard):
    """Contains accounts whose statistic of the day passes their profession's limit.

    The limit is a multiple of the profession's 99th percentile; the multiple is the one that the
    budget's share of the calibration week's account-days would have passed.
    """

    def __init__(self) -> None:
        self._professions: dict[Ref, str] = {}
        self._day0 = 0
        self._highest: dict[tuple[Ref, int], float] = {}
        self._limits: dict[str, float] | None = None
        self._held: set[Ref] = set()
        self._faces: dict[Ref, set[Ref]] = defaultdict(set)

    def start(self, accounts: Iterable[Account], canaries: Iterable[Ref], begin_ms: int) -> None:
        for account in accounts:
            self.add(account)
        self._day0 = find_day(begin_ms)

    def add(self, account: Account) -> None:
        self._professions[account.account] = account.profession

    def released(self, account: Ref, time_ms: int) -> None:
        self._held.discard(account)

    def decide(self, lookup: Lookup) -> Decision:
        account, faces = lookup.account, self._faces[lookup.account]
        is_new = lookup.subject not in faces
        day = find_day(lookup.time_ms) - self._day0
        value = self._measure(lookup, day, is_new=is_new)
        if day in CALIBRATION_DAYS:
            key = account, day
            self._highest[key] = max(value, self._highest.get(key, 0.0))
        if day > CALIBRATION_DAYS[-1] and self._limits is None:
            self._limits = self._calibrate()
        if is_new and account in self._held:
            return HELD
        profession = self._professions[account]
        if is_new and self._limits is not None and value > self._limits.get(profession, 1e9):
            self._held.add(account)
            self._forgive(account)
            return CONTAINED
        faces.add(lookup.subject)
        return ANSWERED

    def _measure(self, lookup: Lookup, day: int, *, is_new: bool) -> float:
        raise NotImplementedError

    def _forgive(self, account: Ref) -> None:
        """Start the account's statistic again, for the time after its review."""
        raise NotImplementedError

    def _calibrate(self) -> dict[str, float]:
        by_profession: dict[str, list[float]] = defaultdict(list)
        for (account, _), value in self._highest.items():
            by_profession[self._professions[account]].append(value)
        usual = {name: max(1.0, find_quantile(some, 0.99)) for name, some in by_profession.items()}
        ratios = [
            value / usual[self._professions[account]]
            for (account, _), value in self._highest.items()
        ]
        most = find_quantile(ratios, 1 - FALSE_CONTAINMENTS / 1000)
        return {name: value * most for name, value in usual.items()}


class DailyCount(_Calibrated):
    """Counts the day's look-ups."""

    def __init__(self) -> None:
        super().__init__()
        self._counts: dict[Ref, list[int]] = defaultdict(lambda: [-1, 0])

    def _measure(self, lookup: Lookup, day: int, *, is_new: bool) -> float:
        count = self._counts[lookup.account]
        if count[0] != day:
            count[:] = [day, 0]
        count[1] += 1
        return count[1]

    def _forgive(self, account: Ref) -> None:
        self._counts[account][1] = 0


class NewFaceBucket(_Calibrated):
    """A bucket that every new face fills, and that leaks at its profession's usual pace."""

    def __init__(self) -> None:
        super().__init__()
        self._levels: dict[Ref, list[float]] = defaultdict(lambda: [0.0, 0.0])
        self._met: dict[Ref, int] = defaultdict(int)
        self._leaks: dict[str, float] = {}

    def _measure(self, lookup: Lookup, day: int, *, is_new: bool) -> float:
        if day in LEAK_DAYS:
            self._met[lookup.account] += is_new
            return 0.0
        if day < LEAK_DAYS[0]:
            return 0.0
        if not self._leaks:
            self._leaks = self._find_leaks()
        level = self._levels[lookup.account]
        leak = self._leaks.get(self._professions[lookup.account], 1.0) / DAY_MS
        level[0] = max(0.0, level[0] - max(0.0, lookup.time_ms - level[1]) * leak) + is_new
        level[1] = max(level[1], lookup.time_ms)
        return level[0]

    def _forgive(self, account: Ref) -> None:
        self._levels[account][0] = 0.0

    def _find_leaks(self) -> dict[str, float]:
        by_profession: dict[str, list[float]] = defaultdict(list)
        for account, profession in self._professions.items():
            by_profession[profession].append(self._met[account] / len(LEAK_DAYS))
        return {name: fmean(some) for name, some in by_profession.items()}


class PresenceRequired(NoGuard):
    """Another judge behind a rule: nobody new is answered about without presence."""

    def __init__(self, judge: Judge) -> None:
        self._judge = judge
        self._faces: dict[Ref, set[Ref]] = defaultdict(set)

    def start(self, accounts: Iterable[Account], canaries: Iterable[Ref], begin_ms: int) -> None:
        self._judge.start(accounts, canaries, begin_ms)

    def add(self, account: Account) -> None:
        self._judge.add(account)

    def decide(self, lookup: Lookup) -> Decision:
        faces = self._faces[lookup.account]
        if not lookup.presence and lookup.subject not in faces:
            return REFUSED
        decision = self._judge.decide(lookup)
        if decision.answer:
            faces.add(lookup.subject)
        return decision

    def released(self, account: Ref, time_ms: int) -> None:
        self._judge.released(account, time_ms)


class WithoutDepartments(PresenceRequired):
    """Another judge that knows the department only where an identifier was typed.

    What a gateway knows: a card's code does not say where somebody was born.
    """

    def decide(self, lookup: Lookup) -> Decision:
        if lookup.presence:
            lookup = lookup._replace(subject_department=None)
        return self._judge.decide(lookup)


def find_quantile(values: list[float], share: float) -> float:
    """Return the value that `share` of the values do not pass."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else 0.0
