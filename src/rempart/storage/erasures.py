"""Requests to erase openings, as rows. The database holds the pages to two people (0009)."""

from datetime import datetime
from typing import Any, Literal, NamedTuple, TypeAlias

from rempart.disclosure.erasure import ErasureGround, ErasureRequest, ErasureState
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

ErasureColumn: TypeAlias = Literal["asked", "openings", "ground", "state"]

_sql = load_queries("erasures")


class ListedErasure(NamedTuple):
    """One request as those who decide read it.

    Attributes:
        request_ref: Its reference.
        log_id: The log.
        openings: How many.
        some: The first of their indexes.
        ground, case_number, state: As asked, and what became of it.
        asked_by: Who asked.
        asked_by_name, asked_at: The same, for people; when.
        decided_by_name, decided_at: Who decided, if anybody did, and when.
        act_idx: The ERASE act, once it was carried out.
    """

    request_ref: int
    log_id: int
    openings: int
    some: list[int]
    ground: str
    case_number: str
    state: str
    asked_by: int
    asked_by_name: str
    asked_at: datetime
    decided_by_name: str
    decided_at: datetime | None
    act_idx: int | None


def save_request(tx: Transaction, request: ErasureRequest) -> None:
    """Save a request that was just asked; the database writes when."""
    tx.execute(
        _sql.save_request,
        {
            "request_ref": request.request_ref,
            "log_id": request.log_id,
            "indexes": list(request.indexes),
            "ground": request.ground.value,
            "case_number": request.case_number,
            "asked_by": request.asked_by,
        },
    )


def load_request(tx: Transaction, request_ref: int) -> ErasureRequest | None:
    """Return a request; None when there is none for whoever asks."""
    row = tx.execute(_sql.load_request, {"request_ref": request_ref}).fetchone()
    return _make(row) if row else None


def list_requests(
    tx: Transaction, *, state: ErasureState | None = None, most: int = 1000
) -> list[ErasureRequest]:
    """Return requests in one state or in all, oldest first."""
    values = {"state": state.value if state else None, "most": most}
    return [_make(row) for row in tx.execute(_sql.list_requests, values)]


def list_page(
    tx: Transaction, listing: Listing[ErasureColumn], *, request_ref: int | None = None
) -> tuple[list[ListedErasure], int]:
    """Return one page of the requests, or of one reference, and how many there are.

    The transaction has the ticket of somebody of the host operator.
    """
    return load_page(tx, _sql.list_page, listing, ListedErasure, {"request_ref": request_ref})


def load_listed(tx: Transaction, request_ref: int) -> ListedErasure | None:
    """Return one request with the names of who decides; None when there is none for them."""
    found, _total = list_page(tx, Listing(sort="asked"), request_ref=request_ref)
    return found[0] if found else None


def decide(tx: Transaction, request_ref: int, *, state: ErasureState, decided_by: int) -> bool:
    """Approve or refuse a request; say whether nobody had."""
    values = {"request_ref": request_ref, "state": state.value, "decided_by": decided_by}
    return tx.execute(_sql.decide, values).rowcount == 1


def finish(tx: Transaction, request_ref: int, *, act: int | None) -> None:
    """Write down that a request was carried out."""
    tx.execute(_sql.finish, {"request_ref": request_ref, "act": act})


def load_log_size(tx: Transaction, log_id: int) -> int:
    """Return how many entries a log has; 0 for one that does not exist."""
    row = tx.execute(_sql.load_log_size, {"log_id": log_id}).fetchone()
    return int(row[0]) if row else 0


def read_clock(tx: Transaction) -> datetime:
    """Return the database's instant."""
    row = tx.execute(_sql.read_clock).fetchone()
    if row is None:
        raise RuntimeError("the database gave no time")
    instant: datetime = row[0]
    return instant


def _make(row: tuple[Any, ...]) -> ErasureRequest:
    (ref, log_id, indexes, ground, case, state, asked_by, asked_at, decided_by) = row
    return ErasureRequest(
        request_ref=ref,
        log_id=log_id,
        indexes=tuple(indexes),
        ground=ErasureGround(ground),
        case_number=case,
        state=ErasureState(state),
        asked_by=asked_by,
        asked_at=asked_at,
        decided_by=decided_by,
    )
