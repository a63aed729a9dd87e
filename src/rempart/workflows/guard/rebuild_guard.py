"""Rebuild what the guard lost: one account at a time, from the ledger.

The same engine reads the account's answers again, with what is left of refusals and reviews. What
was answered was answered: a rebuilt account is held only if somebody, or the guard, held it then.
Refuses to guess addresses of other accounts: those that are lost say nothing.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from rempart.disclosure.entry import Kind, Mode
from rempart.guard.decisions import Step
from rempart.guard.habits import Habits, new_habits
from rempart.guard.judging import (
    begin_day,
    contain,
    find_lookup_day,
    judge_new,
    release,
)
from rempart.guard.known import judge_known
from rempart.guard.lookups import Account, Lookup, find_day
from rempart.guard.policy import Policy
from rempart.guard.rules import AccountDay
from rempart.guard.surroundings import NOWHERE, Surroundings
from rempart.rights.lookup import compute_stranger
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.guard import Face, SavedAccount
from rempart.storage.guard_habits import encode_habits
from rempart.storage.guard_state import (
    Answer,
    Met,
    PastEvent,
    count_at_work,
    count_lost,
    insert_days,
    insert_faces,
    insert_homes,
    list_account_events,
    list_answers,
    list_faces,
    list_lost,
    list_rules,
    load_account,
    lock_account,
    open_lost_accounts,
    save_account,
    try_job,
)
from rempart.workflows.guard.memory import RulesBook, make_digests

_PAGE: Final = 5_000
_ACCOUNTS: Final = 500
_BEGINNING: Final = (-1, 0, -1)


class Progress(NamedTuple):
    """How far a rebuilding is."""

    done: int
    wanted: int
    last_ref: int


class Rebuilder:
    """Rebuilds accounts.

    Args:
        lookup_secret: The installation's, for digests of addresses and software.
        policy: The budget of mistakes.
    """

    def __init__(self, lookup_secret: bytes, policy: Policy) -> None:
        self._digest_address, self._digest_agent = make_digests(lookup_secret)
        self._policy = policy

    def rebuild(self, tx: Transaction, account_ref: int) -> bool:
        """Rebuild one account; the caller commits it. False when nobody has it.

        Most is read before the account is held; what came meanwhile, while it is.
        """
        known = load_account(tx, account_ref)
        if known is None:
            return False
        book = RulesBook(self._policy, [one.rules for one in list_rules(tx)])
        past = _Past(new_habits(Account(account_ref, *known)), book, self._policy)
        past.events = list_account_events(tx, account_ref)
        past.met = list_faces(tx, account_ref)
        place = self._read(tx, past, account_ref, _BEGINNING)
        lock_account(tx, account_ref)
        self._read(tx, past, account_ref, place)
        past.finish()
        self._write(tx, past, account_ref)
        return True

    def _read(
        self, tx: Transaction, past: "_Past", account_ref: int, after: tuple[int, int, int]
    ) -> tuple[int, int, int]:
        while answers := list_answers(tx, account_ref, after=after, most=_PAGE):
            lookups = [self._build_lookup(one, account_ref) for one in answers]
            strange = {int(one.ip) for one in lookups} - past.at_work.keys()
            past.at_work |= dict.fromkeys(strange, 0)
            past.at_work |= count_at_work(tx, account_ref, sorted(strange))
            for lookup in lookups:
                past.live_through(lookup)
            last = answers[-1]
            after = (last.t_ms, last.log_id, last.idx)
        return after

    def _build_lookup(self, one: Answer, account_ref: int) -> Lookup:
        found = one.kind == Kind.DISCLOSE
        return Lookup(
            time_ms=one.t_ms,
            account=account_ref,
            subject=one.person_ref if found else compute_stranger(one.lookup_key),
            insurer=one.insurer_id if found else 0,
            subject_department=None,
            presence=one.mode in (Mode.CARD, Mode.VITALE) or (one.mode == Mode.CODE and found),
            ip=self._digest_address(one.address),
            user_agent=self._digest_agent(one.agent),
            found=found,
        )

    def _write(self, tx: Transaction, past: "_Past", account_ref: int) -> None:
        habits = past.habits
        today = habits.today
        insert_faces(tx, list(past.faces.values()))
        insert_homes(tx, account_ref, past.homes)
        insert_days(tx, [(account_ref, day) for day in past.days])
        save_account(
            tx,
            SavedAccount(
                account_ref=account_ref,
                habits=encode_habits(habits),
                day=today.day,
                step=habits.step,
                evidence=habits.evidence,
                threshold=0.0,
                typed=today.typed,
                typed_allowance=today.typed_allowance,
                new_faces=today.typed_count + today.card_count,
                refused=today.refused,
                judged=past.judged,
            ),
        )


class _Past:
    """An account that lives its past again."""

    def __init__(self, habits: Habits, book: RulesBook, policy: Policy) -> None:
        self.habits = habits
        self.events: list[PastEvent] = []
        self.met: dict[int, Met] = {}
        self.faces: dict[int, Face] = {}
        self.at_work: dict[int, int] = {}
        self.homes: set[int] = set()
        self.days: list[AccountDay] = []
        self.judged = 0
        self._held = Step.NONE
        self._book = book
        self._policy = policy

    def live_through(self, lookup: Lookup) -> None:
        """Ask once more what was answered."""
        self._catch_up(lookup.time_ms)
        subject = int(lookup.subject)
        first = self.met.get(subject)
        if subject not in self.faces and first is not None:
            lookup = lookup._replace(subject_department=first.department)
        self._judge(lookup, was_answered=True)

    def finish(self) -> None:
        """Live through what came after the last answer, and stay held if one was."""
        self._catch_up(1 << 62)
        self.habits.step = self._held
        if self._held:
            self.habits.reviewed = False

    def _catch_up(self, time_ms: int) -> None:
        while self.events and self.events[0].t_ms < time_ms:
            event = self.events.pop(0)
            if event.kind in ("refused", "contained", "canary") and event.subject:
                self._judge(_build_refused(event), was_answered=not event.enforced)
            if event.kind == "released":
                self._begin_day(find_day(event.t_ms))
                release(self.habits)
                self._held = Step.NONE
            elif event.kind != "refused" and event.step > Step.SHOW_PRESENCE:
                self._held = Step(event.step)
                contain(self.habits, self._held)

    def _judge(self, lookup: Lookup, *, was_answered: bool) -> None:
        habits, subject, ip = self.habits, int(lookup.subject), int(lookup.ip)
        day = find_lookup_day(habits, lookup)
        self._begin_day(day)
        known = self.faces.get(subject)
        if known is not None:
            _, learnt = judge_known(habits, lookup, teaches=known.teaches, policy=self._policy)
            if learnt.new_address:
                self.homes.add(ip)
            return
        around = NOWHERE if ip in habits.addresses else Surroundings(self.at_work.get(ip, 0), 0)
        step = habits.step
        decision, learnt = judge_new(
            habits,
            lookup,
            surroundings=around,
            rules=self._book.find(day),
            policy=self._policy,
        )
        self.judged += 1
        if decision.contains:
            habits.step = step  # it was not: what was seen of others is lost, or rules were others
        if learnt.new_address:
            self.homes.add(ip)
        if was_answered:
            department = lookup.subject_department
            self.faces[subject] = Face(
                *(int(lookup.account), subject, day, lookup.time_ms, self.judged),
                *(learnt.teaches, None if department is None else str(department)),
            )

    def _begin_day(self, day: int) -> None:
        if day > self.habits.today.day:
            closed = begin_day(self.habits, day, self._book.find(day))
            if closed is not None:
                self.days.append(closed)


def rebuild_guard(
    open_transaction: OpenTransaction,
    rebuilder: Rebuilder,
    *,
    everybody: bool = False,
    after: int = 0,
) -> Iterator[Progress]:
    """Rebuild every account whose habits are lost, each in a transaction of its own.

    Stopped and run again, it goes on: what was rebuilt is not lost any more.

    Args:
        open_transaction: Opens one of the role gateway, committed at its end.
        rebuilder: Does it.
        everybody: Rebuild those that are not lost, too.
        after: Leave out the accounts up to this reference.

    Returns:
        How far it is, after each account; nothing while another process rebuilds.
    """
    with open_transaction() as keeper:
        if not try_job(keeper, "rebuild"):
            return
        with open_transaction() as tx:
            open_lost_accounts(tx)
            wanted = count_lost(tx, everybody=everybody, after=after)
        done = 0
        while True:
            with open_transaction() as tx:
                refs = list_lost(tx, everybody=everybody, after=after, most=_ACCOUNTS)
            if not refs:
                return
            for ref in refs:
                with open_transaction() as tx:
                    rebuilder.rebuild(tx, ref)
                done += 1
                yield Progress(done, max(wanted, done), ref)
            after = refs[-1]


def _build_refused(event: PastEvent) -> Lookup:
    return Lookup(
        time_ms=event.t_ms,
        account=0,
        subject=event.subject,
        insurer=event.insurer_id,
        subject_department=event.subject_department,
        presence=event.presence,
        ip=event.address,
        user_agent=event.agent,
        found=event.found,
    )
