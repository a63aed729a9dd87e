"""Keep data of one person or contract beyond their time, let them go again, move their periods.

Refuses a hold without a reason, of somebody of another insurer, or released without saying why.
"""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final, Literal, TypeAlias, get_args

from psycopg import errors

from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.reasons import clean_reason
from rempart.retention.fields import Field
from rempart.storage import data_holds, leaving
from rempart.storage.connect import Transaction
from rempart.storage.data_holds import DataHold

__all__ = [
    "DataHold",
    "EventKind",
    "HoldKind",
    "HoldRequest",
    "list_holds",
    "place_hold",
    "release_hold",
    "tell_event",
]

HoldKind: TypeAlias = Literal["judicial", "dispute", "restriction"]
EventKind: TypeAlias = Literal["interruption", "suspension", "portability"]
KINDS: Final = get_args(HoldKind)
EVENTS: Final = get_args(EventKind)


@dataclass(frozen=True, slots=True, kw_only=True)
class HoldRequest:
    """What is to be held.

    Args:
        kind: Who needs it: a court, a party to a dispute, the person (GDPR article 18).
        insurer_id: Whose members.
        person_ref: Whose data; or None with a contract.
        contract_ref: Of whoever this contract covers; or None with a person.
        fields: Which; none: all.
        reason: Why. It names nobody.
    """

    kind: HoldKind
    insurer_id: int
    person_ref: int | None = None
    contract_ref: int | None = None
    fields: Sequence[Field] = ()
    reason: str


def place_hold(tx: Transaction, request: HoldRequest, *, by: int | None) -> int:
    """Keep data from now on; return the hold's number.

    Args:
        tx: A transaction of the keeper, or with the ticket of who answers for the members.
        request: What.
        by: Who places it; None for the command line.

    Raises:
        InvalidRequest: no reason, or neither a person nor a contract, or both.
        NotFound: nobody of this insurer is it.
    """
    if (request.person_ref is None) is (request.contract_ref is None):
        raise InvalidRequest("a hold names a person or a contract")
    hold_ref = secrets.randbits(62) + 1
    try:
        data_holds.place_hold(
            tx,
            DataHold(
                hold_ref=hold_ref,
                kind=request.kind,
                insurer_id=request.insurer_id,
                fields=tuple(sorted(field.value for field in set(request.fields))),
                reason=clean_reason(request.reason),
            ),
            person_ref=request.person_ref,
            contract_ref=request.contract_ref,
            by=by,
        )
    except errors.InsufficientPrivilege:
        raise NotFound("nobody of this insurer is it: nothing is held") from None
    return hold_ref


def release_hold(tx: Transaction, hold_ref: int, *, reason: str, by: int | None) -> None:
    """Let data go again; what was due to go goes with the next run.

    Raises:
        InvalidRequest: there is no reason.
        Conflict: there is no such hold for them, or it was released.
    """
    if not data_holds.release_hold(tx, hold_ref, reason=clean_reason(reason), by=by):
        raise Conflict("there is no such hold in force")


def list_holds(tx: Transaction) -> list[tuple[DataHold, datetime]]:
    """Return the holds in force, with since when, the oldest first."""
    return data_holds.list_holds(tx)


def tell_event(
    tx: Transaction,
    kind: EventKind,
    *,
    insurer_id: int,
    person_ref: int,
    starts_on: date,
    ends_on: date | None,
    reason: str,
) -> None:
    """Write what interrupts or suspends the actions of somebody, or extends their cover.

    Args:
        tx: A transaction of the keeper.
        kind: What happened.
        insurer_id: Whose member.
        person_ref: Whose periods.
        starts_on: The day, or the first one.
        ends_on: The last one; None for an interruption, and for what suspends without an end.
        reason: Why. It names nobody.

    Raises:
        InvalidRequest: no reason, days that no such event has, or in the wrong order.
        NotFound: nobody of this insurer is it.
    """
    if kind == "interruption" and ends_on is not None:
        raise InvalidRequest("an interruption is of one day: it has no last one")
    if ends_on is not None and ends_on < starts_on:
        raise InvalidRequest("the last day comes before the first")
    known = leaving.read_people(tx, [person_ref])
    if [one.insurer_id for one in known] != [insurer_id]:
        raise NotFound("nobody of this insurer is it: nothing is told")
    data_holds.add_event(
        tx,
        insurer_id=insurer_id,
        person_ref=person_ref,
        kind=kind,
        starts_on=starts_on,
        ends_on=ends_on,
        reason=clean_reason(reason),
        by=None,
    )
