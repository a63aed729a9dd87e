"""From judged sessions to persons: who was shown to a thief, which fields, through which sessions.

One look-up at a time, in memory: the definition. The database does the same by one statement, and a
test holds the two together. Refuses to count a guess that found nobody as a person, and to widen
the list to everything an account ever saw.

Source: S25; GDPR article 33(3)(a) (S17) for the numbers asked.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rempart.incidents.attribution import Verdict
from rempart.incidents.evidence import LookUp, Window


class Tier(enum.StrEnum):
    """How sure it is that a person was shown to a thief; the best founded first.

    A, confirmed: a thief's session had the answer. B, probable: the answer was given to a session
    both used, and no card explains it. C, cannot be excluded: a card explains it, but a thief was
    near.
    """

    A = "A"
    B = "B"
    C = "C"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposedPerson:
    """One person of one insurer: the surest tier, the union of the fields shown, where."""

    insurer_id: int
    person_ref: int
    tier: Tier
    fields: int
    lookups: int
    sessions: tuple[int, ...]


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


def decide_tier(verdict: Verdict, *, with_presence: bool) -> Tier | None:
    """Say what one answer means for the person it was about; None: the owner's own work.

    Args:
        verdict: In whose hands the session was.
        with_presence: Whether a card, or a Vitale reading, found the person.
    """
    if verdict is Verdict.OWNER:
        return None
    if verdict is Verdict.THIEF:
        return Tier.A
    return Tier.C if with_presence else Tier.B


def compute_exposure(
    lookups: Iterable[LookUp], verdicts: Mapping[int, Verdict], window: Window
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
    for lookup in lookups:
        if not window.contains(lookup.t_ms):
            continue
        tier = decide_tier(verdicts[lookup.session_ref], with_presence=lookup.with_presence)
        if tier is None:
            continue
        if lookup.person_ref:
            shown.setdefault((lookup.insurer_id, lookup.person_ref), []).append((tier, lookup))
        else:
            tried.setdefault(lookup.insurer_id, []).append(lookup)
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
