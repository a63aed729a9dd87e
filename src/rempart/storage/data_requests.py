"""What people ask of their data, as rows. Roles: portals under row policies, keeper."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from rempart.kernel.listing import Listing
from rempart.retention.fields import Field
from rempart.retention.plan import Hold
from rempart.retention.requests import RequestKind, RequestState
from rempart.retention.terms import Event, Interruption, Suspension
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

_sql: Final = load_queries("data_requests")

RequestColumn: TypeAlias = Literal["due", "received", "kind", "state"]


class DataRequest(NamedTuple):
    """One request.

    Attributes:
        request_ref: Its reference.
        kind: What is asked.
        details: In the person's words, or the insurer's.
        made_at: When it was written here.
        received_on: When it was received: the month counts from there.
        state: Where it is.
        extended_at, extension: When the person was told that it takes longer, and why.
        answered_at, answer: When they were answered, and what.
    """

    request_ref: int
    kind: RequestKind
    details: str
    made_at: datetime
    received_on: date
    state: RequestState
    extended_at: datetime | None
    extension: str
    answered_at: datetime | None
    answer: str


class Asker(NamedTuple):
    """What is kept of whoever asks, and what their periods count from."""

    contract_end: date | None
    last_payment: date | None
    active: list[str]
    archived: list[str]
    held_by: list[str]


class RequestOf(NamedTuple):
    """Whose request it is."""

    insurer_id: int
    person_ref: int
    kind: RequestKind
    state: RequestState


def save_request(
    tx: Transaction,
    request_ref: int,
    *,
    insurer_id: int,
    person_ref: int,
    kind: RequestKind,
    details: str,
    made_by: int,
    received_on: date,
) -> None:
    """Write a request."""
    tx.execute(
        _sql.save_request,
        {
            "request_ref": request_ref,
            "insurer_id": insurer_id,
            "person_ref": person_ref,
            "kind": kind.value,
            "details": details,
            "made_by": made_by,
            "received_on": received_on,
        },
    )


def list_page(
    tx: Transaction, listing: Listing[RequestColumn], *, request_ref: int | None = None
) -> tuple[list[DataRequest], int]:
    """Return one page of the requests whoever asks may see, and how many there are."""
    return load_page(tx, _sql.list_page, listing, _make, {"request_ref": request_ref})


def count_waiting(tx: Transaction, today: date) -> tuple[int, int]:
    """Return how many wait for an answer, and how many of them beyond their time on a day."""
    [(waiting, late)] = tx.execute(_sql.count_waiting, {"today": today})
    return int(waiting), int(late)


def load_request(tx: Transaction, request_ref: int) -> DataRequest | None:
    """Return one; None when there is none for whoever asks."""
    found, _total = list_page(tx, Listing(sort="received"), request_ref=request_ref)
    return found[0] if found else None


def extend(tx: Transaction, request_ref: int, *, words: str) -> bool:
    """Say that it takes longer; False when it is not open any more."""
    values = {"request_ref": request_ref, "words": words}
    return tx.execute(_sql.extend, values).rowcount == 1


def answer(tx: Transaction, request_ref: int, *, state: RequestState, words: str, by: int) -> bool:
    """Answer or refuse; False when somebody did already."""
    values = {"request_ref": request_ref, "state": state.value, "words": words, "by": by}
    return tx.execute(_sql.answer, values).rowcount == 1


def read_asker(tx: Transaction, request_ref: int) -> Asker | None:
    """Return what is kept of whoever made a request; None when nothing is."""
    row = tx.execute(_sql.read_asker, {"request_ref": request_ref}).fetchone()
    return None if row is None else Asker(*row)


def list_events(tx: Transaction, request_ref: int) -> list[Event]:
    """Return what interrupted or suspended the actions of whoever made a request."""
    return [
        Interruption(on=starts_on)
        if kind == "interruption"
        else Suspension(starts_on=starts_on, ends_on=ends_on)
        for kind, starts_on, ends_on in tx.execute(_sql.list_events, {"request_ref": request_ref})
    ]


def load_holds(tx: Transaction, names: Sequence[str]) -> list[Hold]:
    """Return holds of these names, each with what it keeps, in their order."""
    rows = tx.execute(_sql.list_held_fields, {"names": list(names)})
    fields: dict[str, list[str]] = dict(rows.fetchall())
    return [Hold(name=name, fields=frozenset(map(Field, fields.get(name, ())))) for name in names]


def find_person(tx: Transaction, request_ref: int) -> RequestOf | None:
    """Return whose request it is; None when there is none for whoever asks."""
    row = tx.execute(_sql.find_person, {"request_ref": request_ref}).fetchone()
    if row is None:
        return None
    insurer_id, person_ref, kind, state = row
    return RequestOf(insurer_id, person_ref, RequestKind(kind), RequestState(state))


def _make(*row: Any) -> DataRequest:
    request_ref, kind, details, made_at, received_on, state, *rest = row
    known = request_ref, RequestKind(kind), details, made_at, received_on, RequestState(state)
    return DataRequest(*known, *rest)
