"""What holds data back, for those who answer for it: the host's two see all, an insurer its own.

Refuses to say whom a hold keeps, to place one by identifiers typed again, and to release one
without a reason.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg import errors

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.kernel.reasons import clean_reason
from rempart.retention.fields import Field
from rempart.storage import data_holds, member_files, retention_pages
from rempart.storage.connect import Transaction
from rempart.storage.retention_pages import HoldColumn, HoldRow, RetainedRow
from rempart.workflows.accounts.administer_organisation import Asker, check_can_as_host
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.retention.hold_data import (
    HoldKind,
    HoldRequest,
    place_hold,
    release_hold,
)

__all__ = [
    "HoldColumn",
    "HoldPage",
    "HoldRow",
    "RetainedRow",
    "Wish",
    "hold_file",
    "hold_inquired",
    "list_all",
    "read_hold",
    "release_as",
]


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldPage:
    """One hold of data and what it keeps.

    Args:
        row: The hold.
        retained: What it keeps of the last plan that met it, by field and rule.
    """

    row: HoldRow
    retained: tuple[RetainedRow, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """What somebody wants held.

    Args:
        kind: Who needs it.
        fields: Which; none: all.
        reason: Why. It names nobody.
    """

    kind: HoldKind
    fields: Sequence[Field] = ()
    reason: str


def list_all(
    tx: Transaction, asker: Asker, listing: Listing[HoldColumn]
) -> tuple[list[HoldRow], int]:
    """Return one page of what holds data back, and how many there are.

    Raises:
        NotAllowed, NotFound: they are not for them.
    """
    _check_answers(asker)
    return retention_pages.list_holds(tx, listing)


def read_hold(tx: Transaction, asker: Asker, hold_ref: int) -> HoldPage:
    """Return one hold of data.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
    """
    _check_answers(asker)
    row = retention_pages.load_hold(tx, hold_ref)
    if row is None:
        raise NotFound("there is no such hold")
    name = f"{row.kind} {row.hold_ref}"
    return HoldPage(row=row, retained=tuple(retention_pages.list_retained(tx, name)))


def release_as(tx: Transaction, asker: Asker, hold_ref: int, *, reason: str) -> None:
    """Let data go again: what was due leaves with the next run.

    Raises:
        NotAllowed, NotFound: it is not for them, or not there.
        StepUpNeeded: somebody of the host whose session is not recent.
        InvalidRequest: there is no reason.
        Conflict: it was released.
    """
    read_hold(tx, asker, hold_ref)
    if asker.visitor.is_host:
        check_can(asker.visitor, Permission.APPROVE_PURGE, now=asker.now)
    release_hold(tx, hold_ref, reason=reason, by=asker.visitor.actor_ref)


def hold_file(tx: Transaction, asker: Asker, file_ref: int, wish: Wish) -> int:
    """Hold data of whom an open file is about, or of whoever its contract covers.

    Raises:
        NotAllowed: they do not answer for the members.
        NotFound: this session has no such file open, or nothing is kept of them.
        InvalidRequest: there is no reason.
    """
    check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
    opened = member_files.read_file(tx, file_ref)
    if opened is None:
        raise NotFound("this file is not open any more")
    request = HoldRequest(
        kind=wish.kind,
        insurer_id=opened.insurer_id,
        person_ref=opened.person_ref or None,
        contract_ref=None if opened.person_ref else opened.contract_ref,
        fields=wish.fields,
        reason=wish.reason,
    )
    return place_hold(tx, request, by=asker.visitor.actor_ref)


def hold_inquired(tx: Transaction, asker: Asker, inquiry_ref: int, wish: Wish) -> int:
    """Hold data of whom an inquiry found, which two people of the host agreed to.

    Raises:
        NotAllowed, StepUpNeeded: their role or session does not allow it.
        NotFound: they are not of the host, or the inquiry found nobody, is not approved, or its
            seven days are over.
        InvalidRequest: there is no reason.
    """
    check_can_as_host(asker, Permission.APPROVE_PURGE)
    hold_ref = draw_ref()
    try:
        placed = data_holds.hold_inquired(
            tx,
            hold_ref,
            inquiry_ref,
            kind=wish.kind,
            fields=sorted(field.value for field in set(wish.fields)),
            reason=clean_reason(wish.reason),
        )
    except errors.InsufficientPrivilege:
        raise NotFound("nothing is kept of whom this inquiry found") from None
    if not placed:
        raise NotFound("this inquiry found nobody, or may not be read any more")
    return hold_ref


def _check_answers(asker: Asker) -> None:
    if asker.visitor.is_host:
        check_can(asker.visitor, Permission.MANAGE_RETENTION, now=asker.now)
    else:
        check_can(asker.visitor, Permission.HANDLE_REQUESTS, now=asker.now)
