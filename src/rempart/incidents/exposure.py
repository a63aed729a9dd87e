"""From judged sessions to persons: who was shown to a thief, which fields, through which sessions.

One look-up at a time, in memory: the definition. The database does the same by one statement, and a
test holds the two together. Whoever an account under suspicion was shown is on the list, unless
something other than a sum explains it: a judgement names people, and never leaves one out.

Refuses to count a guess that found nobody as a person, and to widen the list to what an account saw
outside the window.

Source: S25; S49 (unknown is exposed until an assessment shows otherwise); GDPR article 33(3)(a)
(S17) for the numbers asked.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final

from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.evidence import LookUp, Window


class Tier(enum.StrEnum):
    """How sure it is that a person was shown to a thief; the best founded first.

    A, confirmed: a thief's session had the answer. B, probable: the answer was given to a session
    both used, and nothing explains it. C, cannot be excluded: a card or a claim explains it, but a
    thief was near; or the owner is held to have asked, and nothing but that judgement says so; or
    the record has a hole that could hide it. D, excluded, with the proof that the record is whole.

    Nobody on a list is in D: D is what everybody else is, where `coverage` allows it.
    """

    A = "A"
    B = "B"
    C = "C"
    D = "D"


# The tiers of a list.
LISTED: Final = (Tier.A, Tier.B, Tier.C)


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedPerson:
    """One person of one insurer: the surest tier, the union of the fields shown, where.

    `gained` is what the answers told beyond what had to be typed to get them.
    """

    insurer_id: int
    person_ref: int
    tier: Tier
    fields: int
    lookups: int
    sessions: tuple[int, ...]
    gained: int


# How many persons a list has, by insurer and tier; none is left out.
TierCounts = Mapping[tuple[int, Tier], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Guesses:
    """Look-ups of a thief that found nobody: what was tried is counted, and names no one.

    `insurer_id` is 0 when what was typed named no insurer of ours; `keys` counts distinct tries.
    """

    insurer_id: int
    lookups: int
    keys: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Exposure:
    """The whole answer: persons by insurer then reference, guesses by insurer."""

    persons: tuple[ExposedPerson, ...]
    guesses: tuple[Guesses, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerExposure:
    """One insurer's line of the answer."""

    insurer_id: int
    persons_a: int
    persons_b: int
    persons_c: int
    fields: int
    sessions: int


def decide_tier(
    verdict: Verdict,
    *,
    with_presence: bool,
    usual_place: bool = False,
    claim_followed: bool | None = None,
    shown_elsewhere: bool = False,
    is_overruled: bool = False,
) -> Tier | None:
    """Say what one answer means for the person it was about.

    Args:
        verdict: In whose hands the session was.
        with_presence: Whether a card, or a Vitale reading, found the person.
        usual_place: Whether the session came from where the account had worked before.
        claim_followed: Whether the account claimed for the person afterwards; None: nobody knows.
        shown_elsewhere: Whether another session of the account in the window was shown the person
            too: nobody knows which of them the claim follows.
        is_overruled: Whether somebody answers for the verdict, in writing.

    Returns:
        The tier, or None for the owner's own work. A verdict that is only a sum never gives None: a
        card shown where the account works does, a claim does, a person who answers for it does.
    """
    if verdict is Verdict.THIEF:
        return Tier.A
    explained = with_presence or claim_followed is True
    if verdict is Verdict.MIXED:
        return Tier.C if explained else Tier.B
    is_claimed = claim_followed is True and not shown_elsewhere
    if is_overruled or is_claimed or (with_presence and usual_place):
        return None
    return Tier.C


def compute_exposure(
    lookups: Iterable[LookUp], verdicts: Mapping[int, SessionVerdict], window: Window
) -> Exposure:
    """Compute who was exposed, by brute force.

    Args:
        lookups: The look-ups of the suspect accounts, any order; those outside are ignored.
        verdicts: The verdict of each session (session_ref) that has look-ups in the window.
        window: The incident's window.

    Returns:
        Persons and guesses; the same inputs give the same answer.

    Raises:
        KeyError: a session with look-ups in the window was not judged.
    """
    shown: dict[tuple[int, int], list[tuple[Tier, LookUp]]] = {}
    tried: dict[int, list[LookUp]] = {}
    within = [lookup for lookup in lookups if window.contains(lookup.t_ms)]
    sessions: dict[tuple[int, int], set[int]] = {}
    for lookup in within:
        if not lookup.is_reading:
            sessions.setdefault(_name_pair(lookup), set()).add(lookup.session_ref)
    for lookup in within:
        judged = verdicts[lookup.session_ref]
        if not lookup.person_ref:
            if judged.verdict is not Verdict.OWNER and not lookup.is_reading:
                tried.setdefault(lookup.insurer_id, []).append(lookup)
            continue
        tier = decide_tier(
            judged.verdict,
            with_presence=lookup.with_presence,
            usual_place=judged.usual_place,
            claim_followed=lookup.claim_followed,
            shown_elsewhere=len(sessions.get(_name_pair(lookup), ())) > 1,
            is_overruled=judged.is_overruled,
        )
        if tier is not None:
            shown.setdefault((lookup.insurer_id, lookup.person_ref), []).append((tier, lookup))
    return Exposure(
        persons=tuple(_expose_person(*shown_to) for shown_to in sorted(shown.items())),
        guesses=tuple(
            Guesses(
                insurer_id=insurer_id,
                lookups=len(tries),
                keys=len({lookup.lookup_key for lookup in tries}),
            )
            for insurer_id, tries in sorted(tried.items())
        ),
    )


def _name_pair(lookup: LookUp) -> tuple[int, int]:
    return lookup.account_ref, lookup.person_ref


def compute_insurer_rows(persons: Iterable[ExposedPerson]) -> tuple[InsurerExposure, ...]:
    """Count the persons of each insurer by tier, most persons first, then by insurer."""
    by_insurer: dict[int, list[ExposedPerson]] = {}
    for person in persons:
        by_insurer.setdefault(person.insurer_id, []).append(person)
    rows = [_count_insurer(insurer_id, exposed) for insurer_id, exposed in by_insurer.items()]
    return tuple(sorted(rows, key=lambda row: (-_persons(row), row.insurer_id)))


def _expose_person(key: tuple[int, int], shown: list[tuple[Tier, LookUp]]) -> ExposedPerson:
    insurer_id, person_ref = key
    return ExposedPerson(
        insurer_id=insurer_id,
        person_ref=person_ref,
        tier=min(tier for tier, _ in shown),
        fields=_union(lookup.fields for _, lookup in shown),
        lookups=len(shown),
        sessions=tuple(sorted({lookup.session_ref for _, lookup in shown})),
        gained=_union(lookup.fields & ~lookup.typed_fields for _, lookup in shown),
    )


def _count_insurer(insurer_id: int, persons: list[ExposedPerson]) -> InsurerExposure:
    return InsurerExposure(
        insurer_id=insurer_id,
        persons_a=sum(person.tier is Tier.A for person in persons),
        persons_b=sum(person.tier is Tier.B for person in persons),
        persons_c=sum(person.tier is Tier.C for person in persons),
        fields=_union(person.fields for person in persons),
        sessions=len({session for person in persons for session in person.sessions}),
    )


def _persons(row: InsurerExposure) -> int:
    return row.persons_a + row.persons_b + row.persons_c


def _union(bitmaps: Iterable[int]) -> int:
    union = 0
    for bitmap in bitmaps:
        union |= bitmap
    return union
