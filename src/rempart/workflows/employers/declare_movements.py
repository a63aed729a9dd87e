"""Tell who joins and who leaves: a file or a form, taken whole or given back with its mistakes.

Refuses to keep a file, or a name that the pages could read again: who joins is sealed for feeds.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Final, TypeAlias

import msgspec

from rempart.accounts.permissions import Permission
from rempart.employers.movements import (
    Group,
    Join,
    Leave,
    MovementFinding,
    Stay,
    check_movements,
    end_stay,
    find_leaver,
)
from rempart.exchange.movement_file import ReadMovement, ReadMovements, read_movement
from rempart.kernel.errors import NotFound
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage import employer_feeds, employers
from rempart.storage.connect import Transaction
from rempart.storage.employers import GroupContract, NewMovement
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.employers.employer_space import check_employer
from rempart.workflows.jobs.enqueue import enqueue

__all__ = [
    "ReadMovements",
    "Told",
    "declare_file",
    "declare_one",
    "load_staff",
    "withdraw_movement",
]

Seals: TypeAlias = Callable[[str, int], bytes]
"""Seals who joins, bound to the movement; nothing here opens it again."""
_JOB: Final = "settle_employers"


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What came of movements: how many were taken, or everything wrong; of which file."""

    taken: int
    findings: Sequence[MovementFinding]
    upload_ref: int | None = None


def declare_file(
    tx: Transaction,
    asker: Asker,
    group_ref: int,
    read: ReadMovements,
    *,
    seal: Seals,
    today: date,
) -> Told:
    """Take a file of movements, or note what is wrong with it: then none of it is taken.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Somebody in an employer's space.
        group_ref: Of which contract.
        read: The file as it was read.
        seal: Seals who joins.
        today: Paris civil date.

    Raises:
        NotAllowed: they do not work in an employer's space.
        NotFound: no such contract of theirs.
    """
    check_employer(asker, Permission.DECLARE_MOVEMENTS)
    group = _find_group(tx, group_ref, today)
    known, findings = _check(tx, group_ref, group.period, read.movements, today=today)
    findings = sorted({*read.findings, *findings})
    by, upload_ref = asker.visitor.actor_ref, draw_ref()
    employers.insert_upload(tx, group, upload_ref, lines=read.lines, findings=findings, by=by)
    if findings:
        return Told(taken=0, findings=findings, upload_ref=upload_ref)
    made = [_make(one, known, seal) for one in read.movements]
    employers.insert_movements(tx, group, made, upload_ref=upload_ref, by=by)
    enqueue(tx, _JOB)
    return Told(taken=len(made), findings=(), upload_ref=upload_ref)


def declare_one(
    tx: Transaction,
    asker: Asker,
    group_ref: int,
    cells: dict[str, str],
    *,
    seal: Seals,
    today: date,
) -> Told:
    """Take one movement typed in a form, or say what is wrong with each field.

    Raises:
        NotAllowed: they do not work in an employer's space.
        NotFound: no such contract of theirs.
    """
    check_employer(asker, Permission.DECLARE_MOVEMENTS)
    group = _find_group(tx, group_ref, today)
    read, findings = read_movement(cells)
    if read is None:
        return Told(taken=0, findings=findings)
    known, findings = _check(tx, group_ref, group.period, [read], today=today)
    if findings:
        return Told(taken=0, findings=findings)
    made = [_make(read, known, seal)]
    employers.insert_movements(tx, group, made, upload_ref=None, by=asker.visitor.actor_ref)
    enqueue(tx, _JOB)
    return Told(taken=1, findings=())


def load_staff(
    tx: Transaction,
    insurer_id: int,
    number: str,
    read: ReadMovements,
    *,
    seal: Seals,
    today: date,
) -> Told:
    """Take movements that the insurer itself states, from the command line: accepted already.

    Args:
        tx: A transaction of the role `feeds`.
        insurer_id: Whose contract.
        number: The insurer's number of it.
        read: The file as it was read.
        seal: Seals who joins.
        today: Paris civil date.

    Raises:
        NotFound: the insurer has no collective contract of this number.
    """
    group = employer_feeds.find_group(tx, insurer_id, number)
    if group is None:
        raise NotFound(f"insurer {insurer_id} has no collective contract {number}")
    period = Period(group.starts_on, group.ends_on or OPEN_END)
    known, findings = _check(tx, group.group_ref, period, read.movements, today=today)
    findings = sorted({*read.findings, *findings})
    if findings:
        return Told(taken=0, findings=findings)
    for one in read.movements:
        employer_feeds.add_accepted(tx, group, _make(one, known, seal))
    return Told(taken=len(read.movements), findings=())


def withdraw_movement(tx: Transaction, asker: Asker, movement_ref: int) -> None:
    """Take back a movement that waits.

    Raises:
        NotAllowed: they do not work in an employer's space.
        NotFound: no movement of theirs waits under this reference.
    """
    check_employer(asker, Permission.DECLARE_MOVEMENTS)
    by = asker.visitor.actor_ref
    if not employers.decide_movements(tx, [movement_ref], "cancelled", by=by, reason=""):
        raise NotFound("no such movement waits")


def _find_group(tx: Transaction, group_ref: int, today: date) -> GroupContract:
    for group in employers.list_groups(tx, today):
        if group.group_ref == group_ref:
            return group
    raise NotFound("no such contract")


def _check(
    tx: Transaction,
    group_ref: int,
    period: Period,
    read: Sequence[ReadMovement],
    *,
    today: date,
) -> tuple[Group, list[MovementFinding]]:
    numbers = sorted({one.movement.staff_number for one in read})
    known = Group(
        period=period,
        stays=employers.load_stays(tx, group_ref, numbers),
        waiting=employers.load_waiting(tx, group_ref, numbers),
        priced=employers.load_priced(tx, group_ref),
    )
    return known, check_movements([one.movement for one in read], known, today=today)


def _make(read: ReadMovement, known: Group, seal: Seals) -> NewMovement:
    movement_ref, movement = draw_ref(), read.movement
    if isinstance(movement, Join):
        joiner = msgspec.json.encode(read.joiner).decode()
        return NewMovement(
            movement_ref=movement_ref,
            kind="join",
            staff_number=movement.staff_number,
            happens_on=movement.joined_on,
            structure=movement.structure.value,
            work_from=movement.work_from,
            sealed=seal(joiner, movement_ref),
        )
    ended = end_stay(_find_stay(movement, known), movement, known.period)
    return NewMovement(
        movement_ref=movement_ref,
        kind="leave",
        staff_number=movement.staff_number,
        happens_on=movement.left_on,
        cover_ends_on=ended.cover_ends_on,
    )


def _find_stay(leave: Leave, known: Group) -> Stay:
    found = find_leaver(leave, known.stays.get(leave.staff_number, ()))
    if not isinstance(found, Stay):
        raise NotFound("nobody of this number is there to leave")  # checked before
    return found
