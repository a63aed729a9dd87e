"""Judge look-ups before their answers: which of a batch may be answered.

Refuses whoever it does not know enough of: an account whose habits were lost or damaged shows
presence for new faces until they are rebuilt. Known faces with a card are answered at every step.
What it spends is committed before the ledger is written, so that a crash between leaves a spent
allowance and never a free answer. When it cannot spend, new faces wait; known ones are answered as
long as the ledger is up.
"""

import enum
from collections.abc import Sequence
from typing import ClassVar, Final

from rempart.guard.decisions import Decision, SignalKind, Step
from rempart.guard.habits import new_habits
from rempart.guard.known import has_news
from rempart.guard.lookups import Account, Lookup, find_day
from rempart.guard.policy import Policy
from rempart.kernel.errors import RempartError, Unavailable
from rempart.rights.lookup import TypedIdentifiers, compute_stranger
from rempart.storage.gateway import Found, Wanted
from rempart.storage.guard import GuardBook, GuardPage, StoredAccount
from rempart.workflows.guard.memory import AccountMemory, RulesBook, Tally, make_digests
from rempart.workflows.guard.sitting import Look, Sitting
from rempart.workflows.rights.rights_books import Evidence, Weighed
from rempart.workflows.rights.rights_desk import Asked, ClaimLook

# Synthetic people are born there: it says nothing of where.
_NO_DEPARTMENT: Final = "00"


class GuardMode(enum.Enum):
    """Whether the guard judges, and whether what it decides is done."""

    ON = "on"
    WATCH = "watch"
    """Judges and records; refuses nothing."""
    OFF = "off"


class PresenceNeeded(RempartError):
    """For this person, this account must show today that they are there."""

    code: ClassVar[str] = "presence_needed"
    status: ClassVar[int] = 403


class AccountContained(RempartError):
    """Until a review, this account is answered about people it knows, most of them by card."""

    code: ClassVar[str] = "account_contained"
    status: ClassVar[int] = 403


class LookupGuard:
    """Judges the batches of one desk.

    Args:
        book: Where accounts are kept.
        secret: The installation's lookup secret, for digests of addresses and software.
        tally: Where what passes is counted.
        mode: Whether what is decided is done.
        policy: The budget of mistakes.
        memory: Copies of accounts; they do not outlive the desk.
    """

    def __init__(
        self,
        book: GuardBook,
        *,
        secret: bytes,
        tally: Tally,
        mode: GuardMode = GuardMode.ON,
        policy: Policy | None = None,
        memory: AccountMemory | None = None,
    ) -> None:
        self._book = book
        self._digest_address, self._digest_agent = make_digests(secret)
        self._tally = tally
        self._mode = mode
        self._policy = policy or Policy()
        self._memory = memory if memory is not None else AccountMemory()
        self._rules = RulesBook(self._policy)
        self._rules_day = -1

    async def judge(
        self,
        asked: Sequence[Asked],
        wanted: Sequence[Wanted],
        found: Sequence[Found],
        weighed: Sequence[Weighed],
        *,
        now_ms: int,
    ) -> list[Weighed]:
        """Judge a batch in its order; what was answered before, or refused, is not judged.

        Returns:
            What was weighed, with a refusal in the place of each look-up that is not answered.

        When the database does not answer in time, new faces are refused; known ones pass.
        """
        looks = [
            self._look(n, one, wanted[n], found[n], weight, now_ms=now_ms)
            for n, (one, weight) in enumerate(zip(asked, weighed, strict=True))
            if found[n].given is None and isinstance(weight, Evidence)
        ]
        verdicts = list(weighed)
        for place, refusal in (await self._judge(looks, now_ms=now_ms)).items():
            verdicts[place] = refusal
        return verdicts

    async def judge_claims(
        self, looks: Sequence[ClaimLook], *, now_ms: int
    ) -> list[RempartError | None]:
        """Judge results about to be read as look-ups of the same persons; return refusals.

        Whoever was looked up or read before is a known face, and costs nothing.
        """
        made = [self._look_at_claim(n, one, now_ms=now_ms) for n, one in enumerate(looks)]
        refusals = await self._judge(made, now_ms=now_ms)
        return [refusals.get(n) for n in range(len(looks))]

    async def _judge(self, looks: Sequence[Look], *, now_ms: int) -> dict[int, RempartError]:
        """Judge look-ups; return the refusals, by place."""
        day = find_day(now_ms)
        held = {look.asked.origin.account_ref for look in looks if self._has_news(look)}
        refusals: dict[int, RempartError] = {}
        mine = [look for look in looks if look.asked.origin.account_ref in held]
        try:
            await self._follow_rules(day)
            sitting = await self._sit(mine, sorted(held), day)
        except Unavailable as failure:
            self._memory.forget_all()
            sitting = self._make_sitting(day)
            for look in mine:
                if look.teaches is None:
                    refusals[look.place] = failure
        for look in looks:
            self._settle(sitting, look, refusals)
        return refusals

    def _make_sitting(self, day: int) -> Sitting:
        return Sitting(self._rules, self._policy, day, enforced=self._mode is GuardMode.ON)

    async def _follow_rules(self, day: int) -> None:
        """Take over the rules of a day when it begins."""
        if day != self._rules_day:
            self._rules = RulesBook(self._policy, await self._book.load_rules())
            self._rules_day = day

    async def _sit(self, looks: Sequence[Look], refs: list[int], day: int) -> Sitting:
        """Judge what may change accounts, and write it: on copies, else with accounts in hand."""
        if not looks:
            return self._make_sitting(day)
        sitting = await self._judge_on_copies(looks, refs, day)
        if sitting is None:
            sitting = await self._hold(looks, refs, day)
        # Only now: a copy is of a version that is there.
        for ref, account in sitting.accounts.items():
            if account.habits is None:
                self._memory.forget(ref)
            else:
                self._memory.keep(account.as_saved(), account.habits)
        return sitting

    async def _judge_on_copies(
        self, looks: Sequence[Look], refs: list[int], day: int
    ) -> Sitting | None:
        """Judge on copies; None when they do not say enough, or one was old: nothing is written."""
        copies = self._memory.find_all(refs)
        if copies is None:
            return None
        sitting = self._make_sitting(day)
        for copy in copies:
            sitting.take(copy.stored, copy.habits, is_copy=True)
        if sitting.needs_reading(looks):
            return None
        sitting.judge(looks)
        if not await self._book.save(sitting.collect()):
            self._memory.distrust(refs)
            return None
        self._memory.trust()
        return sitting

    async def _hold(self, looks: Sequence[Look], refs: list[int], day: int) -> Sitting:
        """Take accounts in hand, judge what is asked of them, write it, and let them go."""
        sitting = self._make_sitting(day)
        versions = {
            ref: kept.stored.version if (kept := self._memory.find(ref)) else -1 for ref in refs
        }
        while True:
            async with self._book.open() as page:
                rows = await page.lock(versions)
                missing = versions.keys() - {row.account_ref for row in rows}
                if not missing:
                    await self._take(sitting, page, rows)
                    await sitting.prepare(page, looks)
                    sitting.judge(looks)
                    if not await page.save(sitting.collect()):
                        raise Unavailable("an account changed while it was held")
                    return sitting
            await self._book.open_accounts(sorted(missing))

    async def _take(self, sitting: Sitting, page: GuardPage, rows: Sequence[StoredAccount]) -> None:
        fresh = [row.account_ref for row in rows if row.version == 0 and row.habits is None]
        with_past = await page.find_with_past(fresh) if fresh else set()
        for row in rows:
            kept = self._memory.find(row.account_ref)
            is_copy = kept is not None and kept.stored.version == row.version
            habits = kept.habits if kept is not None and is_copy else None
            is_new = row.version == 0 and row.habits is None and row.account_ref not in with_past
            if is_new:
                habits = new_habits(Account(row.account_ref, row.profession, row.department))
            sitting.take(row, habits, is_copy=is_copy)

    def _settle(self, sitting: Sitting, look: Look, refusals: dict[int, RempartError]) -> None:
        """Note what became of a look-up."""
        lookup = look.lookup
        decision = sitting.decisions.get(look.place)
        refused = (
            decision is not None
            and not decision.answer
            and self._mode is GuardMode.ON
            and not (look.is_canary and sitting.seems_lawful(look))
        )
        account = sitting.accounts.get(look.asked.origin.account_ref)
        if account is None:
            kept = self._memory.find(look.asked.origin.account_ref)
            profession = kept.stored.profession if kept else ""
        else:
            profession = account.stored.profession
        self._tally.count(
            lookup.time_ms,
            profession,
            missed=not lookup.found,
            new=look.place in sitting.new_faces,
            refused=refused,
        )
        if decision is not None and refused:
            refusals[look.place] = _refuse(decision, lookup)

    def _look(
        self, place: int, one: Asked, want: Wanted, seen: Found, weight: Weighed, *, now_ms: int
    ) -> Look:
        identifiers, origin, person_ref = one.question.identifiers, one.origin, seen.person_ref
        # Whose code is wrong, or of whom nothing is published, is a stranger in the ledger too.
        is_other = weight is Evidence.WRONG_CODE or (person_ref is not None and seen.sheet is None)
        department = None
        if isinstance(identifiers, TypedIdentifiers):
            department = identifiers.insured_nir.department
            if department == _NO_DEPARTMENT:
                department = None
        if is_other or person_ref is None:
            subject, insurer, is_found = compute_stranger(want.lookup_key), 0, False
        else:
            insurer = 0 if seen.sheet is None else seen.sheet.insurer_id
            subject, is_found = person_ref, True
        # In the order of their fields: this is done for every question.
        lookup = Lookup(
            now_ms,
            origin.account_ref,
            subject,
            insurer,
            department,
            weight is Evidence.PRESENT,
            self._digest_address(origin.address),
            self._digest_agent(origin.agent),
            is_found,
        )
        teaches = None if is_other else seen.teaches
        return Look(place, lookup, teaches, seen.is_canary, not is_other, one)

    def _look_at_claim(self, place: int, look: ClaimLook, *, now_ms: int) -> Look:
        """See the reading of a claim as a look-up; whether the face is known is asked for.

        Whoever was planted is nobody to claims, as to whoever asks.
        """
        person_ref = look.person_ref or None
        lookup = Lookup(
            time_ms=now_ms,
            account=look.origin.account_ref,
            subject=compute_stranger(look.mark) if person_ref is None else person_ref,
            insurer=0 if person_ref is None else look.insurer_id,
            subject_department=None,
            presence=look.by_card,
            ip=self._digest_address(look.origin.address),
            user_agent=self._digest_agent(look.origin.agent),
            found=person_ref is not None,
        )
        return Look(place, lookup, None, False, False, look)

    def _has_news(self, look: Look) -> bool:
        """Say whether a look-up may change its account, as far as we remember it."""
        if look.teaches is None:
            return True
        kept = self._memory.find(look.asked.origin.account_ref)
        return kept is None or has_news(kept.habits, look.lookup, teaches=look.teaches)


def _refuse(decision: Decision, lookup: Lookup) -> RempartError:
    if lookup.presence or decision.step is Step.KNOWN_FACES_ONLY:
        return AccountContained("this account is answered about people it knows, until a review")
    if any(one.kind is SignalKind.KNOWN_FACES for one in decision.signals):
        return PresenceNeeded("this account is held: it typed today what it may of people it knows")
    return PresenceNeeded("this account shows presence for a person new to it")
