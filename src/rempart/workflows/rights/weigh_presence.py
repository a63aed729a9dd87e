"""Weigh presence: what each question of a batch proves of the person's being there.

Refuses before anything is shown, and the same way whether the person exists or not: a bound looks
at the key that was typed, and a wrong code is answered like a stranger's.
"""

import hashlib
from collections.abc import Sequence
from datetime import date, timedelta
from typing import ClassVar, Final, NamedTuple

from rempart.disclosure.entry import Mode
from rempart.kernel.errors import AccessDenied, RempartError, TooManyRequests
from rempart.rights.presence import (
    FACE_KNOWN_DAYS,
    Attempt,
    PresenceDigits,
    PresencePolicy,
    find_matching_step,
    tighten,
)
from rempart.storage.gateway import Found, Wanted
from rempart.storage.presence import TypedWish
from rempart.workflows.rights.rights_books import Evidence, Weighed
from rempart.workflows.rights.rights_desk import Asked, ClaimLook, Desk

DAY_MS: Final = 24 * 60 * 60 * 1000


class PresenceRequired(RempartError):
    """This account shows a proof that the person is there: card, terminal or code."""

    code: ClassVar[str] = "presence_required"
    status: ClassVar[int] = 403


class TypedAllowanceSpent(TooManyRequests):
    """The account typed as many new persons today as it may; presence goes on without a bound."""

    code: ClassVar[str] = "typed_allowance_spent"


async def weigh_presence(
    desk: Desk,
    asked: Sequence[Asked],
    wanted: Sequence[Wanted],
    found: Sequence[Found],
    *,
    now_ms: int,
    today: date,
) -> list[Weighed]:
    """Weigh a batch, in its order; what was answered before is not counted again.

    Raises:
        Unavailable: what is counted cannot be read or written; nothing may be shown.
    """
    weighed: list[Weighed] = [_weigh_alone(one) for one in asked]
    bounded: list[_Bounded] = []
    for n, (one, seen) in enumerate(zip(asked, found, strict=True)):
        if seen.given is not None:
            continue
        if one.question.mode is Mode.CODE:
            weighed[n] = await _weigh_code(desk, one, wanted[n], seen, now_ms=now_ms, today=today)
        elif one.question.mode is Mode.TYPED:
            policy = desk.posture.find_policy(one.origin.account_ref, one.establishment_ref)
            bound = _Bounded(
                n,
                tighten(policy, one.bound),
                seen.named_insurer_id or 0,
                # By the insurer that was named: a stranger is refused like its members.
                desk.posture.find_insurer_limit(seen.named_insurer_id),
            )
            if not bound.both.is_open:
                bounded.append(bound)
    if bounded:
        pairs = [(asked[one.n].origin.account_ref, found[one.n].person_ref) for one in bounded]
        since_ms = now_ms - FACE_KNOWN_DAYS * DAY_MS
        known = await desk.presence.find_known_faces(pairs, since_ms=since_ms)
        new = [
            one
            for one, is_known in zip(bounded, known, strict=True)
            if not (is_known and one.both.known_faces)
        ]
        for n, refusal in await _weigh_new_faces(desk, asked, wanted, new, today=today):
            weighed[n] = refusal
    return weighed


async def weigh_claim(
    desk: Desk, look: ClaimLook, *, now_ms: int, today: date
) -> RempartError | None:
    """Return why a policy does not let a claim's result be read; None when it does.

    Without the card it is somebody typed: known with presence, or taken off the allowance.

    Raises:
        Unavailable: what is counted cannot be read or written; nothing may be shown.
    """
    account_ref = look.origin.account_ref
    bound = _Bounded(
        0,
        desk.posture.find_policy(account_ref, look.establishment_ref),
        look.named_insurer,
        desk.posture.find_insurer_limit(look.named_insurer),
    )
    if look.by_card or bound.both.is_open:
        return None
    since_ms = now_ms - FACE_KNOWN_DAYS * DAY_MS
    pair = (account_ref, look.person_ref or None)
    [is_known] = await desk.presence.find_known_faces([pair], since_ms=since_ms)
    if is_known and bound.both.known_faces:
        return None
    if bound.both.required:
        return PresenceRequired("this account shows proof of presence for a new person")
    wishes = bound.list_wishes(account_ref, _find_mark(look))
    if all(await _take_each(desk, wishes, today=today)):
        return None
    return TypedAllowanceSpent("today's new persons are spent", retry_after_s=_WAIT_S)


def _find_mark(look: ClaimLook) -> bytes:
    """Return what stands for somebody on a day's allowance: themselves, whatever was billed."""
    if not look.person_ref:
        return look.mark
    return hashlib.sha256(b"claim" + look.person_ref.to_bytes(8, signed=True)).digest()[:16]


def _weigh_alone(one: Asked) -> Evidence:
    present = one.question.mode in (Mode.CARD, Mode.VITALE)
    return Evidence.PRESENT if present else Evidence.TYPED


class _Bounded(NamedTuple):
    """A question that something bounds.

    Attributes:
        n: Its place in the batch.
        policy: The operator's bound.
        insurer_id: The insurer named; 0 for none.
        limit: That insurer's own bound.
    """

    n: int
    policy: PresencePolicy
    insurer_id: int
    limit: PresencePolicy

    @property
    def both(self) -> PresencePolicy:
        """The strictest of each."""
        return tighten(self.policy, self.limit)

    def list_wishes(self, account_ref: int, mark: bytes) -> list[TypedWish]:
        """Return what is to be taken off allowances: the insurer's own, then the account's."""
        bounds = (
            (self.insurer_id, self.limit.typed_persons_per_day),
            (0, self.policy.typed_persons_per_day),
        )
        return [
            TypedWish(account_ref, insurer_id, mark, allowed)
            for insurer_id, allowed in bounds
            if allowed is not None
        ]


async def _weigh_new_faces(
    desk: Desk,
    asked: Sequence[Asked],
    wanted: Sequence[Wanted],
    new: Sequence[_Bounded],
    *,
    today: date,
) -> list[tuple[int, RempartError]]:
    """Refuse the new faces that a policy does not let be typed; return which, and why."""
    refused: list[tuple[int, RempartError]] = [
        (one.n, PresenceRequired("this account shows proof of presence for a new person"))
        for one in new
        if one.both.required
    ]
    metered = [one for one in new if not one.both.required]
    wishes = [
        (one.n, wish)
        for one in metered
        for wish in one.list_wishes(asked[one.n].origin.account_ref, wanted[one.n].lookup_key)
    ]
    # Written before anything is shown. A crash here leaves an allowance smaller by a person nobody
    # was shown; the same question asked again that day takes nothing more. So does a person whom
    # one bound lets pass and the other does not.
    taken = await _take_each(desk, [wish for _, wish in wishes], today=today)
    spent = {n for (n, _), is_taken in zip(wishes, taken, strict=True) if not is_taken}
    refused += [
        (n, TypedAllowanceSpent("today's new persons are spent", retry_after_s=_WAIT_S))
        for n in sorted(spent)
    ]
    return refused


async def _take_each(desk: Desk, wishes: Sequence[TypedWish], *, today: date) -> Sequence[bool]:
    return await desk.presence.take_typed(wishes, day=today) if wishes else ()


# Tomorrow is at most so far; how far exactly would say nothing more useful.
_WAIT_S: Final = int(timedelta(hours=1).total_seconds())


async def _weigh_code(
    desk: Desk, one: Asked, want: Wanted, seen: Found, *, now_ms: int, today: date
) -> Weighed:
    """Look at a code, if there is a try left. The same queries and sums for a stranger."""
    account_ref, digits = one.origin.account_ref, one.question.digits
    if digits is None:
        raise AccessDenied("a question by code has a code")
    # Taken before the code is looked at, by one statement: gateways side by side cannot try more.
    # A crash after it leaves one try less for that day.
    attempt = await desk.presence.take_code_try(want.lookup_key, account_ref, day=today)
    if attempt is Attempt.CALLER_STOPPED:
        return TooManyRequests("too many wrong codes by this account", retry_after_s=_WAIT_S)
    step = await _find_step(desk, digits, seen.person_ref, now_ms=now_ms)
    if step is None or seen.person_ref is None or attempt is not Attempt.LOOK:
        return Evidence.WRONG_CODE
    if not await desk.presence.use_code(seen.person_ref, step, account_ref):
        return Evidence.WRONG_CODE
    await desk.presence.give_code_try_back(want.lookup_key, account_ref, day=today)
    return Evidence.PRESENT


async def _find_step(
    desk: Desk, digits: PresenceDigits, person_ref: int | None, *, now_ms: int
) -> int | None:
    secret = await desk.presence.load_code_secret(person_ref)
    return find_matching_step(secret, digits, now_s=now_ms / 1000)
