"""Measures that hold accounts: what people ask, agree to and end, and what is shown of them.

Refuses to decide: who may, and when two persons are needed, is `accounts/containment.py`; the table
and its trigger hold the rest.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, NamedTuple

import psycopg
from psycopg.rows import class_row

from rempart.accounts.containment import (
    EndReason,
    MeasureReason,
    MeasureStep,
    MeasureTarget,
)
from rempart.disclosure.entry import Mode
from rempart.guard.lookups import find_day
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("containment")
# Beyond so many accounts, whom each of them met before is not counted.
MOST_FOR_NEW_FACES: Final = 1000


class Whom(NamedTuple):
    """Whom a measure touches: by a reference, or a profession by its code."""

    target: MeasureTarget
    target_ref: int | None = None
    profession: str | None = None


class FoundTarget(NamedTuple):
    """A target that exists.

    Attributes:
        name: What people call it.
        org_ref: The organisation it belongs to.
        is_portal: Whether it is the portals' own software.
        actor_ref: For an account, whose it is; None for a professional who never came here.
    """

    name: str
    org_ref: int | None
    is_portal: bool
    actor_ref: int | None


class LookupFigures(NamedTuple):
    """What a measure would have touched.

    Attributes:
        lookups: All of them.
        typed: Those by typed identifiers.
        new_faces: People whom the account that asked met for the first time.
        typed_new_faces: Those among them that were typed.
    """

    lookups: int
    typed: int
    new_faces: int
    typed_new_faces: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NewMeasure:
    """A measure to be kept."""

    measure_ref: int
    step: MeasureStep
    whom: Whom
    reason: MeasureReason
    note: str
    is_exercise: bool
    event_ref: int | None
    asked_by: int
    asked_at: datetime
    review_at: datetime
    ends_at: datetime | None
    starts: bool


@dataclass(frozen=True, slots=True)
class MeasureRow:
    """A measure as it is kept; one that waits for its second person has no start."""

    measure_ref: int
    step: str
    target: str
    target_ref: int | None
    profession: str | None
    touched: int
    reason: str
    note: str
    exercise: bool
    event_ref: int | None
    asked_by: int
    asked_at: datetime
    approved_by: int | None
    starts_at: datetime | None
    review_at: datetime
    ends_at: datetime | None
    ended_by: int | None
    ended_at: datetime | None
    end_reason: str | None
    called: str
    author: str

    @property
    def whom(self) -> Whom:
        """Whom it touches."""
        return Whom(MeasureTarget(self.target), self.target_ref, self.profession)

    def is_in_force(self, now: datetime) -> bool:
        """Tell whether it holds somebody at an instant."""
        over = self.ended_at or self.ends_at
        return self.starts_at is not None and (over is None or now < over)

    def waits(self, now: datetime) -> bool:
        """Tell whether a second person may still let it begin."""
        over = self.ended_at or self.ends_at
        return self.starts_at is None and (over is None or now < over)


class MyMeasure(NamedTuple):
    """What holds the visitor, as they may read it."""

    step: str
    target: str
    reason: str
    starts_at: datetime
    review_at: datetime
    ends_at: datetime | None
    exercise: bool


class HeldAccount(NamedTuple):
    """An account that the guard holds, and the kind of event that says why."""

    account_ref: int
    kind: str


class MyContainment(NamedTuple):
    """How the guard holds the visitor's own account."""

    step: int
    since_ms: int | None
    needs_operator: bool
    last_own_release: datetime | None


def list_measures(tx: Transaction, *, since: datetime) -> list[MeasureRow]:
    """List the measures in force, waiting, or over since an instant, the newest first."""
    with tx.cursor(row_factory=class_row(MeasureRow)) as cursor:
        return cursor.execute(QUERIES.list_measures, {"since": since}).fetchall()


def lock_measure(tx: Transaction, measure_ref: int) -> MeasureRow | None:
    """Return one measure and hold it; None when there is none for the asker."""
    with tx.cursor(row_factory=class_row(MeasureRow)) as cursor:
        return cursor.execute(QUERIES.lock_measure, {"measure_ref": measure_ref}).fetchone()


def insert_measure(tx: Transaction, measure: NewMeasure) -> bool:
    """Hold, or ask to; False when the same is in force or asked for already."""
    tx.execute(QUERIES.close_expired_measures)
    values = {
        "measure_ref": measure.measure_ref,
        "step": measure.step.value,
        **_describe(measure.whom),
        "reason": measure.reason.value,
        "note": measure.note,
        "exercise": measure.is_exercise,
        "event_ref": measure.event_ref,
        "asked_by": measure.asked_by,
        "asked_at": measure.asked_at,
        "review_at": measure.review_at,
        "ends_at": measure.ends_at,
        "starts": measure.starts,
    }
    return tx.execute(QUERIES.insert_measure, values).fetchone() is not None


def approve_measure(tx: Transaction, measure_ref: int, *, by_ref: int, at: datetime) -> None:
    """Let a measure that two persons wanted begin."""
    tx.execute(QUERIES.approve_measure, {"measure_ref": measure_ref, "by_ref": by_ref, "at": at})


def end_measure(
    tx: Transaction, measure_ref: int, *, by_ref: int, at: datetime, reason: EndReason
) -> None:
    """End a measure, or withdraw a request."""
    values = {"measure_ref": measure_ref, "by_ref": by_ref, "at": at, "reason": reason.value}
    tx.execute(QUERIES.end_measure, values)


def count_touched(tx: Transaction, whom: Whom, *, author: int) -> tuple[int, int]:
    """Count the accounts a measure would touch, and those its author holds alone already."""
    row = tx.execute(QUERIES.count_touched, {**_describe(whom), "author": author}).fetchone()
    return (0, 0) if row is None else (int(row[0]), int(row[1]))


def count_lookups(tx: Transaction, whom: Whom, *, accounts: int, since_ms: int) -> LookupFigures:
    """Count the look-ups a measure would have touched since an instant.

    New faces of more than `MOST_FOR_NEW_FACES` accounts are those the guard counted on the days
    that are over, refused ones included: one by one they would take minutes.
    """
    values = {
        **_describe(whom),
        "since_ms": since_ms,
        "since_day": find_day(since_ms),
        "typed_mode": Mode.TYPED,
        "accounts": accounts,
        "most": MOST_FOR_NEW_FACES,
    }
    row = tx.execute(QUERIES.count_lookups, values).fetchone()
    return LookupFigures(0, 0, 0, 0) if row is None else LookupFigures(*row)


def find_target(tx: Transaction, whom: Whom) -> FoundTarget | None:
    """Find a target; None when there is none."""
    row = tx.execute(QUERIES.find_target, _describe(whom)).fetchone()
    return None if row is None else FoundTarget(*row)


def find_reference(tx: Transaction, target: MeasureTarget, number: str) -> int | None:
    """Find a target by its number: RPPS, FINESS or SIRET, or the public name of a software."""
    query = {
        MeasureTarget.ACCOUNT: QUERIES.find_account,
        MeasureTarget.ESTABLISHMENT: QUERIES.find_establishment,
        MeasureTarget.SOFTWARE: QUERIES.find_software,
    }[target]
    row = tx.execute(query, {"number": number}).fetchone()
    return None if row is None else int(row[0])


def list_professions(tx: Transaction) -> list[str]:
    """List the codes of the professions there are."""
    return [row[0] for row in tx.execute(QUERIES.list_professions)]


def list_my_measures(tx: Transaction) -> list[MyMeasure]:
    """List what holds the visitor now, the oldest first."""
    return [MyMeasure(*row) for row in tx.execute(QUERIES.my_measures)]


def load_my_containment(tx: Transaction) -> MyContainment | None:
    """Say how the guard holds the visitor's own account; None when it does not."""
    row = tx.execute(QUERIES.my_containment).fetchone()
    return None if row is None else MyContainment(*row)


def release_own(tx: Transaction) -> bool:
    """Let the visitor's own account go; False when nothing holds it or the rule refuses."""
    try:
        with tx.transaction():
            row = tx.execute(QUERIES.release_own).fetchone()
    except psycopg.errors.InsufficientPrivilege:
        return False
    return row is not None and bool(row[0])


def list_contained(tx: Transaction, account_refs: Sequence[int]) -> list[HeldAccount]:
    """Say which of some accounts the guard holds now, in order of reference."""
    found = tx.execute(QUERIES.list_contained, {"account_refs": list(account_refs)})
    return [HeldAccount(*row) for row in found]


def release_account(tx: Transaction, account_ref: int, *, at_ms: int, keep_allowance: bool) -> None:
    """Take note that a review cleared an account: the next look-up finds it released."""
    values = {"account_ref": account_ref, "at_ms": at_ms, "keeps_allowance": keep_allowance}
    tx.execute(QUERIES.release_account, values)


def _describe(whom: Whom) -> dict[str, object]:
    return {
        "target": whom.target.value,
        "target_ref": whom.target_ref,
        "profession": whom.profession,
    }
