"""One batch before the guard: accounts in hand, decisions, and what is left to write.

Knows no database: what it needs is read for it under the accounts' locks, and what it leaves is
written before they are let go.
"""

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

from rempart.accounts.session import Origin
from rempart.guard.decisions import Decision, Step
from rempart.guard.habits import Habits
from rempart.guard.judging import (
    begin_day,
    contain,
    find_lookup_day,
    judge_new,
    release,
    would_answer,
)
from rempart.guard.known import judge_known
from rempart.guard.lookups import Lookup, find_day
from rempart.guard.policy import Policy
from rempart.guard.rules import AccountDay, Rules
from rempart.guard.surroundings import NOWHERE, AddressBook
from rempart.kernel.errors import InconsistentRecord
from rempart.storage.guard import (
    AddressRow,
    Changes,
    EventRow,
    Face,
    GuardPage,
    Order,
    SavedAccount,
    StoredAccount,
)
from rempart.storage.guard_habits import decode_habits, encode_habits
from rempart.workflows.guard.memory import RulesBook

# So many refusals of an account's day are written down in full; the others are counted.
EVENTS_A_DAY: Final = 20

_log = logging.getLogger("rempart.guard")


class Asking(Protocol):
    """Who looks up, and where they act: a rights check, or the reading of a claim."""

    @property
    def origin(self) -> Origin:
        """Who, from where."""
        ...

    @property
    def establishment_ref(self) -> int | None:
        """Where they act."""
        ...


class Look(NamedTuple):
    """One question as the guard sees it.

    Attributes:
        place: Its place in the batch.
        lookup: What is judged.
        teaches: As in `Found`; None for a new face.
        is_canary: Whether the person was planted.
        is_certain: Whether `teaches` is about this very subject.
        asked: Who looks up.
    """

    place: int
    lookup: Lookup
    teaches: bool | None
    is_canary: bool
    is_certain: bool
    asked: Asking


@dataclass(slots=True)
class Held:
    """An account in our hands: as it was, and as it becomes."""

    stored: StoredAccount
    habits: Habits | None
    judged: int
    refused: int
    day: int
    is_copy: bool
    evidence: float = 0.0
    threshold: float = 0.0
    changed: bool = False

    def as_saved(self) -> StoredAccount:
        """Return what is kept once what changed is written, but for the habits."""
        stored, habits = self.stored, self.habits
        if habits is None or not self.changed:
            return stored._replace(habits=None)
        today = habits.today
        return StoredAccount(
            account_ref=stored.account_ref,
            version=stored.version + 1,
            profession=stored.profession,
            department=stored.department,
            day=today.day,
            step=habits.step,
            refused=today.refused,
            judged=self.judged,
            habits=None,
            order=None,
        )


class Sitting:
    """One batch before the guard: accounts in hand, decisions, and what is left to write."""

    def __init__(self, rules: RulesBook, policy: Policy, day: int, *, enforced: bool) -> None:
        self._rules = rules
        self._policy = policy
        self._day = day
        self._enforced = enforced
        self._faces: dict[tuple[int, int], bool] = {}
        self._met: list[Face] = []
        self._days: list[tuple[int, AccountDay]] = []
        self._events: list[EventRow] = []
        self._addresses = AddressBook()
        self._address_rows: dict[tuple[int, int], AddressRow] = {}
        self._lawful: set[int] = set()
        self.accounts: dict[int, Held] = {}
        self.decisions: dict[int, Decision] = {}
        self.new_faces: set[int] = set()

    def take(self, row: StoredAccount, habits: Habits | None, *, is_copy: bool) -> None:
        """Take an account in hand; `habits` when they need not be read."""
        changed = False
        if habits is None and row.habits is not None:
            try:
                habits = decode_habits(row.habits)
            except InconsistentRecord:
                _log.error("the habits of account %d are damaged: rebuilt soon", row.account_ref)
                changed = True
        account = Held(row, habits, row.judged, row.refused, row.day, is_copy, changed=changed)
        self.accounts[row.account_ref] = account
        if habits is not None and row.order is not None:
            past = follow_order(habits, row.order, self._rules)
            account.changed = True
            if past is not None:
                self._days.append((row.account_ref, past))

    def needs_reading(self, looks: Iterable[Look]) -> bool:
        """Say whether copies are not enough to judge: a face is doubtful, or an address new."""
        return any(
            look.teaches is None and (not look.is_certain or self._is_from_elsewhere(look))
            for look in looks
        )

    async def prepare(self, page: GuardPage, looks: Sequence[Look]) -> None:
        """Read what the judgement needs besides the accounts, now that nobody else changes it."""
        doubtful = [
            (look.asked.origin.account_ref, _number(look.lookup.subject))
            for look in looks
            if look.teaches is None and not (look.is_certain and self._find(look).is_copy)
        ]
        self._faces = await page.find_faces(doubtful) if doubtful else {}
        strange = {_number(look.lookup.ip) for look in looks if self._is_from_elsewhere(look)}
        if strange:
            rows = await page.load_addresses(sorted(strange), since=self._day - 1)
            for row in rows:
                if row.at_home:
                    self._addresses.at_work.setdefault(row.address, set()).add(row.account_ref)
                if row.day >= self._day - 1:
                    there = self._addresses.strangers.setdefault(row.address, {})
                    there[row.account_ref] = row.day

    def judge(self, looks: Iterable[Look]) -> None:
        """Judge look-ups: new faces in their order, then known ones, as an export has them."""
        for look in sorted(looks, key=self._is_known):
            account = self._find(look)
            key = (look.asked.origin.account_ref, _number(look.lookup.subject))
            teaches = self._faces.get(key, look.teaches)
            if account.habits is None:
                self._judge_lost(account, look, teaches)
            else:
                self._judge(account, account.habits, look, teaches)

    def _is_known(self, look: Look) -> bool:
        key = (look.asked.origin.account_ref, _number(look.lookup.subject))
        return self._faces.get(key, look.teaches) is not None

    def seems_lawful(self, look: Look) -> bool:
        """Say whether a stranger in a canary's place would have been answered."""
        return look.place in self._lawful

    def collect(self) -> Changes:
        """Return what is to be written."""
        changed = [one for one in self.accounts.values() if one.changed]
        return Changes(
            [_describe(one) for one in changed],
            self._met,
            list(self._address_rows.values()),
            self._days,
            self._events,
            [one.stored.version for one in changed],
        )

    def _find(self, look: Look) -> Held:
        return self.accounts[look.asked.origin.account_ref]

    def _judge(self, account: Held, habits: Habits, look: Look, teaches: bool | None) -> None:
        lookup, ref = look.lookup, account.stored.account_ref
        day = find_lookup_day(habits, lookup)
        if day != habits.today.day:
            past = begin_day(habits, day, self._rules.find(day))
            account.changed = True
            if past is not None:
                self._days.append((ref, past))
        if teaches is not None:
            decision, learnt = judge_known(habits, lookup, teaches=teaches, policy=self._policy)
            account.changed |= learnt.changed
            self._learn_address(look, ref, is_home=learnt.new_address)
            if not decision.answer:
                self._refuse(account, look, decision, day)
            return
        self.new_faces.add(look.place)
        rules = self._rules.find(self._day)
        if look.is_canary and would_answer(habits, lookup, self._policy):
            self._lawful.add(look.place)
        surroundings = NOWHERE
        if lookup.ip not in habits.addresses:
            surroundings = self._addresses.look(lookup.ip, ref, day, typed=not lookup.presence)
            if not lookup.presence and not surroundings.is_carrier:
                self._note_stranger(look, ref, day)
        decision, learnt = judge_new(
            habits,
            lookup,
            surroundings=surroundings,
            rules=rules,
            policy=self._policy,
            is_canary=look.is_canary,
        )
        account.changed = True
        account.judged += 1
        account.threshold = rules.evidence
        self._learn_address(look, ref, is_home=learnt.new_address)
        if decision.answer or not (self._enforced or look.is_canary):
            self._meet(account, look, day, teaches=learnt.teaches)
        if not decision.answer:
            self._refuse(account, look, decision, day)

    def _refuse(self, account: Held, look: Look, decision: Decision, day: int) -> None:
        if account.habits is not None:
            account.refused, account.day = account.habits.today.refused, day
        self.decisions[look.place] = decision
        self._write_event(account, look, decision, self._rules.find(self._day))

    def _judge_lost(self, account: Held, look: Look, teaches: bool | None) -> None:
        """Answer known faces, and new ones with presence, of an account nothing is known of."""
        if teaches is not None:
            return
        self.new_faces.add(look.place)
        account.changed = True
        account.judged += 1
        lookup = look.lookup
        if self._day != account.day:
            account.day, account.refused = self._day, 0
        if (lookup.presence and not look.is_canary) or not self._enforced:
            self._meet(account, look, self._day, teaches=False)
        if lookup.presence and not look.is_canary:
            return
        account.refused += 1
        decision = Decision(False, Step.PRESENCE_ONLY, False, 0.0, 0.0, ())
        self.decisions[look.place] = decision
        self._write_event(account, look, decision, self._rules.find(self._day))

    def _meet(self, account: Held, look: Look, day: int, *, teaches: bool) -> None:
        """Make a face known."""
        lookup, ref = look.lookup, account.stored.account_ref
        subject, department = _number(lookup.subject), lookup.subject_department
        self._faces[ref, subject] = teaches
        text = None if department is None else str(department)
        self._met.append(Face(ref, subject, day, lookup.time_ms, account.judged, teaches, text))

    def _learn_address(self, look: Look, ref: int, *, is_home: bool) -> None:
        if is_home:
            self._addresses.add(look.lookup.ip, ref)
            key = (_number(look.lookup.ip), ref)
            known = self._address_rows.get(key)
            self._address_rows[key] = AddressRow(*key, known.day if known else 0, True)

    def _note_stranger(self, look: Look, ref: int, day: int) -> None:
        key = (_number(look.lookup.ip), ref)
        known = self._address_rows.get(key)
        self._address_rows[key] = AddressRow(*key, day, known is not None and known.at_home)

    def _write_event(self, account: Held, look: Look, decision: Decision, rules: Rules) -> None:
        kind = "canary" if look.is_canary else "contained" if decision.contains else "refused"
        if account.refused > EVENTS_A_DAY and not decision.contains:
            return
        self._events.append(
            EventRow(
                lookup=look.lookup,
                establishment_ref=look.asked.establishment_ref,
                client_ref=look.asked.origin.client_ref,
                kind=kind,
                step=decision.step,
                evidence=decision.evidence,
                threshold=decision.threshold,
                signals=decision.signals,
                rules_day=rules.day,
                place=account.judged,
                enforced=self._enforced,
            )
        )

    def _is_from_elsewhere(self, look: Look) -> bool:
        account = self._find(look)
        return (
            look.teaches is None
            and account.habits is not None
            and look.lookup.ip not in account.habits.addresses
        )


def follow_order(habits: Habits, order: Order, rules: RulesBook) -> AccountDay | None:
    """Do to habits what a person decided; return the day that was closed on the way, if any."""
    day, past = find_day(order.time_ms), None
    if day > habits.today.day:
        past = begin_day(habits, day, rules.find(day))
    if order.step:
        contain(habits, Step(order.step))
    else:
        release(habits, keep_allowance=order.keeps_allowance)
    return past


def _describe(account: Held) -> SavedAccount:
    habits, ref = account.habits, account.stored.account_ref
    if habits is None:
        return SavedAccount(
            *(ref, None, account.day, account.stored.step, 0.0, 0.0, 0.0, 0.0, 0),
            *(account.refused, account.judged),
        )
    today = habits.today
    return SavedAccount(
        account_ref=ref,
        habits=encode_habits(habits),
        day=today.day,
        step=habits.step,
        evidence=habits.evidence,
        threshold=account.threshold,
        typed=today.typed,
        typed_allowance=today.typed_allowance,
        new_faces=today.typed_count + today.card_count,
        refused=today.refused,
        judged=account.judged,
    )


def _number(ref: int | str) -> int:
    """Return a reference of ours: all of them are numbers."""
    return int(ref)
