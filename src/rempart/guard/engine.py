"""The guard in memory: one look-up after the other, in the order of time.

What a replay runs, and what can be tried on a month of anybody's traffic: every decision is made by
the functions the gateways use. Same look-ups, same decisions: no clock, no chance.
"""

from collections import deque
from collections.abc import Iterable, Iterator

from rempart.guard.decisions import Decision, Step
from rempart.guard.habits import Habits, new_habits
from rempart.guard.judging import (
    begin_day,
    find_lookup_day,
    judge_new,
    release,
)
from rempart.guard.known import judge_known
from rempart.guard.lookups import Account, Lookup, Ref, find_day
from rempart.guard.policy import Policy
from rempart.guard.rules import LAG_DAYS, AccountDay, Rules, first_rules, renew_rules, summarise_day
from rempart.guard.surroundings import NOWHERE, AddressBook, Surroundings


class Guard:
    """Judges look-ups, and keeps what it learns in memory.

    Args:
        policy: The budget of mistakes.
    """

    def __init__(self, policy: Policy | None = None) -> None:
        self.policy = policy or Policy()
        self._habits: dict[Ref, Habits] = {}
        # Whom each account knows, and whether meeting them again teaches anything.
        self._faces: dict[Ref, dict[Ref, bool]] = {}
        self._addresses = AddressBook()
        self._canaries: frozenset[Ref] = frozenset()
        self._day = -1
        self._days: deque[AccountDay] = deque()
        self._opened: dict[int, list[Habits]] = {}
        self._versions = [first_rules(self.policy)]

    def start(self, accounts: Iterable[Account], canaries: Iterable[Ref], begin_ms: int) -> None:
        """Say who exists before the first look-up.

        Args:
            accounts: Every account known now; another may be added later, and one that was never
                named starts as a newcomer of no profession.
            canaries: Planted people: whoever asks for one is contained.
            begin_ms: The first instant, Unix milliseconds.
        """
        for account in accounts:
            self.add(account)
        self._canaries = frozenset(canaries)
        self._day = find_day(begin_ms)

    def add(self, account: Account) -> None:
        """Add an account that opens later; one that is known keeps its habits."""
        if account.account not in self._habits:
            self._habits[account.account] = new_habits(account)
            self._faces[account.account] = {}

    def decide(self, lookup: Lookup) -> Decision:
        """Decide a look-up, and learn from it."""
        habits = self._habits.get(lookup.account)
        if habits is None:
            self.add(Account(lookup.account, ""))
            habits = self._habits[lookup.account]
        day = find_lookup_day(habits, lookup)
        if day != habits.today.day:
            self._begin_day(habits, day)
        faces = self._faces[lookup.account]
        teaches = faces.get(lookup.subject)
        if teaches is not None:
            decision, learnt = judge_known(habits, lookup, teaches=teaches, policy=self.policy)
            if learnt.new_address:
                self._addresses.add(lookup.ip, lookup.account)
            return decision
        decision, learnt = judge_new(
            habits,
            lookup,
            surroundings=self._look_around(habits, lookup),
            rules=self.rules,
            policy=self.policy,
            is_canary=lookup.subject in self._canaries,
        )
        if decision.answer:
            faces[lookup.subject] = learnt.teaches
        if learnt.new_address:
            self._addresses.add(lookup.ip, lookup.account)
        return decision

    def released(self, account: Ref, time_ms: int, *, keep_allowance: bool = False) -> None:
        """Take note that a review cleared an account: it was its owner.

        Args:
            account: The account.
            time_ms: When, Unix milliseconds.
            keep_allowance: Leave its allowances as they are.

        Raises:
            KeyError: the account is not known.
        """
        habits = self._habits[account]
        if find_day(time_ms) > habits.today.day:
            self._begin_day(habits, find_day(time_ms))
        release(habits, keep_allowance=keep_allowance)

    def find_step(self, account: Ref) -> Step:
        """Say how far an account is held.

        Raises:
            KeyError: the account is not known.
        """
        return Step(self._habits[account].step)

    def list_contained(self) -> Iterator[Ref]:
        """Return the accounts that wait for a review."""
        return (ref for ref, habits in self._habits.items() if habits.step)

    @property
    def rules(self) -> Rules:
        """The rules in force."""
        return self._versions[-1]

    @property
    def versions(self) -> tuple[Rules, ...]:
        """Every version of the rules since the start, oldest first."""
        return tuple(self._versions)

    def _look_around(self, habits: Habits, lookup: Lookup) -> Surroundings:
        if lookup.ip in habits.addresses:
            return NOWHERE
        return self._addresses.look(
            lookup.ip, lookup.account, habits.today.day, typed=not lookup.presence
        )

    def _begin_day(self, habits: Habits, day: int) -> None:
        """Close an account's day; the first account of a day renews the rules."""
        if self._day < 0:
            self._day = day
        for missed in range(self._day + 1, day + 1):
            self._renew_rules(missed)
        self._day = max(day, self._day)
        past = begin_day(habits, day, self.rules)
        if past is not None and past.day > self._day - LAG_DAYS:
            self._days.append(past)  # an older one was counted when it was old enough
        self._opened.setdefault(day, []).append(habits)

    def _renew_rules(self, day: int) -> None:
        """Count the days that are over, of accounts that did not come back too."""
        newest = day - LAG_DAYS
        for habits in self._opened.pop(newest, ()):
            if habits.today.day == newest and (past := summarise_day(habits)) is not None:
                self._days.append(past)
        oldest = newest - self.policy.calibration_days
        self._days = deque(one for one in self._days if one.day > oldest)
        self._versions.append(renew_rules(self.policy, self.rules, self._days, day))
