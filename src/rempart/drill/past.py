"""The weeks before what is played: judged in memory by the guard's own engine, then kept.

Habits take weeks and a drill lasts a minute. Nothing of the past is asked over HTTP or written in
the ledger; the report says so, and tells apart what the list would be if it were there. Refuses
thieves: whoever is held in the past is cleared by a review.
"""

import heapq
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final
from uuid import UUID

from rempart.disclosure.entry import Mode, Outcome
from rempart.drill.cast import Ask, Identifiers, Place
from rempart.guard import Account, Guard, Lookup
from rempart.guard.habits import Habits
from rempart.guard.lookups import HOUR_MS, Ref, find_day
from rempart.guard.rules import AccountDay, Rules, summarise_day
from rempart.incidents.evidence import LookUp, Session
from rempart.storage.guard import AddressRow, Changes, Face, SavedAccount
from rempart.storage.guard_habits import encode_habits
from rempart.workflows.guard.memory import make_digests
from rempart.workflows.incidents.measure_exercise import FoundPerson

REVIEW_MS: Final = 4 * HOUR_MS
# So many accounts are written at once.
_BATCH: Final = 40


@dataclass(frozen=True, slots=True)
class Seer:
    """Turns questions into what the gateway would see of them.

    Args:
        account_refs: The accounts, by rank.
        whom: Whom identifiers find.
        stranger: What stands for those who are not found.
        digest_address: The gateway's digest of addresses.
        digest_agent: The gateway's digest of software.
    """

    account_refs: Sequence[int]
    whom: Mapping[Identifiers, FoundPerson]
    stranger: Callable[[Identifiers], int]
    digest_address: Callable[[str], int]
    digest_agent: Callable[[str], int]

    def see(self, ask: Ask) -> Lookup:
        """Return a question as the guard judges it."""
        person = self.whom.get(ask.identifiers)
        return Lookup(
            time_ms=ask.at_ms,
            account=self.account_refs[ask.caller],
            subject=self.stranger(ask.identifiers) if person is None else person.person_ref,
            insurer=0 if person is None else person.insurer_id,
            subject_department=None,  # synthetic people are born in a department that is none
            presence=ask.identifiers.mode == "card",
            ip=self.digest_address(ask.place.address),
            user_agent=self.digest_agent(ask.place.agent),
            found=person is not None,
        )


@dataclass(slots=True)
class Past:
    """What a past leaves: what the guard keeps, the rules in force after it, what it cost.

    Attributes:
        rules: The rules of the first day played.
        lookups: How many look-ups were judged.
        refused: How many of them were refused.
        held: How many times an account was held.
        account_days: On how many days accounts worked.
    """

    rules: Rules
    lookups: int
    refused: int
    held: int
    account_days: int
    pasts: list[Changes] = field(repr=False)


def make_seer(
    secret: bytes,
    account_refs: Sequence[int],
    whom: Mapping[Identifiers, FoundPerson],
    stranger: Callable[[Identifiers], int],
) -> Seer:
    """Make what sees questions as the gateway of a home does.

    Args:
        secret: The home's lookup secret.
        account_refs: The accounts, by rank.
        whom: Whom identifiers find.
        stranger: What stands for those who are not found.
    """
    return Seer(account_refs, whom, stranger, *make_digests(secret))


def judge_past(
    accounts: Iterable[Account], lookups: Iterable[Lookup], *, first_day: int, played_day: int
) -> Past:
    """Judge the past in the order of time.

    Args:
        accounts: Of the exercise.
        lookups: What they asked.
        first_day: The first day of the past.
        played_day: The day after the last one.
    """
    guard = _Rehearsal(list(accounts), first_day)
    count = refused = held = 0
    due: list[tuple[int, int]] = []
    for lookup in lookups:
        while due and due[0][0] <= lookup.time_ms:
            at_ms, account = heapq.heappop(due)
            guard.released(account, at_ms)
        answered, contained = guard.rehearse(lookup)
        count += 1
        refused += not answered
        if contained:
            held += 1
            heapq.heappush(due, (lookup.time_ms + REVIEW_MS, int(lookup.account)))
    for at_ms, account in due:
        guard.released(account, at_ms)
    rules = guard.close(played_day)
    return Past(rules, count, refused, held, guard.count_days(), list(guard.list_pasts()))


class _Rehearsal(Guard):
    """The guard in memory, which also notes what a database keeps."""

    def __init__(self, accounts: Sequence[Account], first_day: int) -> None:
        super().__init__()
        self.start(accounts, (), 0)
        self._day = first_day
        self._refs = {id(self._habits[one.account]): int(one.account) for one in accounts}
        self._met: dict[int, list[Face]] = {int(one.account): [] for one in accounts}
        self._judged = dict.fromkeys(self._met, 0)
        self._closed: dict[int, list[AccountDay]] = {ref: [] for ref in self._met}

    def rehearse(self, lookup: Lookup) -> tuple[bool, bool]:
        """Decide a look-up; say whether it is answered, and whether it holds its account."""
        ref, faces = int(lookup.account), self._faces[lookup.account]
        is_new = lookup.subject not in faces
        decision = self.decide(lookup)
        if is_new:
            self._judged[ref] += 1
            if decision.answer:
                place, teaches = self._judged[ref], faces[lookup.subject]
                day, subject = find_day(lookup.time_ms), int(lookup.subject)
                self._met[ref].append(Face(ref, subject, day, lookup.time_ms, place, teaches, None))
        return decision.answer, decision.contains

    def close(self, day: int) -> Rules:
        """Return the rules of a day after the last one."""
        for missed in range(self._day + 1, day + 1):
            self._renew_rules(missed)
        self._day = day
        return self.rules

    def count_days(self) -> int:
        """Return on how many days accounts worked."""
        return sum(habits.active_days + (habits.today.day >= 0) for habits in self._habits.values())

    def list_pasts(self) -> Iterator[Changes]:
        """Return what is kept of the accounts, some at a time."""
        addresses = self._list_addresses()
        refs = list(self._met)
        for first in range(0, len(refs), _BATCH):
            some = refs[first : first + _BATCH]
            yield Changes(
                [self._describe(ref) for ref in some],
                [face for ref in some for face in self._met[ref]],
                [row for ref in some for row in addresses.get(ref, ())],
                [(ref, day) for ref in some for day in self._closed[ref]],
                [],
            )

    def _begin_day(self, habits: Habits, day: int) -> None:
        past = summarise_day(habits)
        if past is not None:
            self._closed[self._refs[id(habits)]].append(past)
        super()._begin_day(habits, day)

    def _describe(self, ref: int) -> SavedAccount:
        habits = self._habits[ref]
        today = habits.today
        return SavedAccount(
            account_ref=ref,
            habits=encode_habits(habits),
            day=today.day,
            step=habits.step,
            evidence=max(habits.typed_evidence, habits.strange_evidence, habits.card_evidence),
            threshold=self.rules.evidence,
            typed=today.typed,
            typed_allowance=today.typed_allowance,
            new_faces=today.typed_count + today.card_count,
            refused=today.refused,
            judged=self._judged[ref],
        )

    def _list_addresses(self) -> dict[int, list[AddressRow]]:
        """Return who works from where, and who came as a stranger, by account."""
        rows: dict[tuple[int, int], AddressRow] = {}
        for address, there in self._addresses.strangers.items():
            for ref, day in there.items():
                rows[int(address), int(ref)] = AddressRow(int(address), int(ref), day, False)
        for address, refs in self._addresses.at_work.items():
            for ref in refs:
                key = (int(address), int(ref))
                day = rows[key].day if key in rows else 0
                rows[key] = AddressRow(*key, day, True)
        grouped: dict[int, list[AddressRow]] = {}
        for row in rows.values():
            grouped.setdefault(row.account_ref, []).append(row)
        return grouped


def name_account(ref: Ref, profession: str) -> Account:
    """Return an account of an exercise as the guard knows it: it works nowhere in particular."""
    return Account(ref, profession)


def tell_past(
    asks: Iterable[Ask],
    whom: Mapping[Identifiers, FoundPerson],
    account_refs: Sequence[int],
) -> list[tuple[Session, list[LookUp]]]:
    """Return the past as a ledger would tell it: a session for each account, place and day.

    Args:
        asks: What was asked before anything was played.
        whom: Whom identifiers find.
        account_refs: The accounts, by rank.
    """
    sessions: dict[tuple[int, Place, int], tuple[Session, list[LookUp]]] = {}
    for ask in asks:
        key = ask.caller, ask.place, find_day(ask.at_ms)
        if key not in sessions:
            session = Session(
                session_ref=-1 - len(sessions),  # no session of the ledger has such a number
                account_ref=account_refs[ask.caller],
                address=ask.place.address,
                agent=ask.place.agent,
            )
            sessions[key] = session, []
        session, lookups = sessions[key]
        person = whom.get(ask.identifiers)
        lookups.append(
            LookUp(
                account_ref=session.account_ref,
                session_ref=session.session_ref,
                t_ms=ask.at_ms,
                mode=Mode.CARD if ask.identifiers.mode == "card" else Mode.TYPED,
                outcome=Outcome.UNKNOWN if person is None else Outcome.OPEN,
                insurer_id=0 if person is None else person.insurer_id,
                person_ref=0 if person is None else person.person_ref,
                lookup_key=UUID(int=0),
                fields=0,
            )
        )
    return list(sessions.values())
