"""What another analysis changes: persons added, raised, lowered, removed; sessions judged anew.

A second message or a correction is due to everybody here, and to nobody else. Refuses to keep quiet
about a field that appears or goes.
"""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from rempart.incidents.attribution import SessionVerdict, Verdict
from rempart.incidents.exposure import ExposedPerson, Tier


class Change(enum.StrEnum):
    """What became of a person on the list."""

    ADDED = "added"
    RAISED = "raised"
    """A surer tier, or the same one and a field more."""
    LOWERED = "lowered"
    """A less sure tier, or the same one and only fields less."""
    REMOVED = "removed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ExposureChange:
    """One person's line of a difference; what was not there is None and 0."""

    insurer_id: int
    person_ref: int
    change: Change
    tier_before: Tier | None
    tier_after: Tier | None
    fields_before: int
    fields_after: int


@dataclass(frozen=True, slots=True, kw_only=True)
class VerdictChange:
    """One session judged otherwise than before."""

    session_ref: int
    before: Verdict | None
    after: Verdict | None


def decide_change(before: ExposedPerson | None, after: ExposedPerson | None) -> Change | None:
    """Say what became of one person; None: nothing that anybody must be told."""
    if before is None or after is None:
        return Change.ADDED if after else Change.REMOVED if before else None
    if before.tier is not after.tier:
        return Change.RAISED if after.tier < before.tier else Change.LOWERED
    if before.fields == after.fields:
        return None
    return Change.RAISED if after.fields & ~before.fields else Change.LOWERED


def compute_changes(
    before: Iterable[ExposedPerson], after: Iterable[ExposedPerson]
) -> tuple[ExposureChange, ...]:
    """Compare two lists of one incident.

    Returns:
        The persons whose line changed, by insurer then reference.
    """
    old = {(one.insurer_id, one.person_ref): one for one in before}
    new = {(one.insurer_id, one.person_ref): one for one in after}
    changes = []
    for key in sorted(old.keys() | new.keys()):
        was, now = old.get(key), new.get(key)
        change = decide_change(was, now)
        if change is not None:
            changes.append(
                ExposureChange(
                    insurer_id=key[0],
                    person_ref=key[1],
                    change=change,
                    tier_before=was.tier if was else None,
                    tier_after=now.tier if now else None,
                    fields_before=was.fields if was else 0,
                    fields_after=now.fields if now else 0,
                )
            )
    return tuple(changes)


def compare_verdicts(
    before: Mapping[int, Verdict], after: Iterable[SessionVerdict]
) -> tuple[VerdictChange, ...]:
    """Compare the verdicts of two analyses, by session."""
    now = {one.session_ref: one.verdict for one in after}
    return tuple(
        VerdictChange(session_ref=ref, before=before.get(ref), after=now.get(ref))
        for ref in sorted(before.keys() | now.keys())
        if before.get(ref) is not now.get(ref)
    )
