"""The watch over claims of whom an incident exposed: what pages decide, what the job reads.

Refuses to name anybody in a list: a flag is known by its claim.
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, NamedTuple, TypeAlias

from psycopg.types.json import Jsonb

from rempart.claims.exposed_care import Care, Reason, UnusualKind, WatchedClaim
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

WatchColumn: TypeAlias = Literal["started"]
FlagColumn: TypeAlias = Literal["raised", "points", "billed", "care", "state"]
FlagDecision: TypeAlias = Literal["usual", "asked", "held", "reported"]

_sql: Final = load_queries("exposure_watch")


@dataclass(frozen=True, slots=True)
class ListedWatch:
    """One incident whose exposed persons' claims are watched.

    `persons`: whom the last package names. `examined_to`: None before the first look.
    """

    incident_id: int
    title: str
    exercise: bool
    since: date
    until: date
    started_at: datetime
    started_by: str
    ended_at: datetime | None
    examined_to: datetime | None
    examined: int
    persons: int
    flags: int
    waiting: int


class Unwatched(NamedTuple):
    """An incident whose packages name members, and that nobody watches."""

    incident_id: int
    title: str
    exercise: bool
    starts_ms: int
    persons: int


@dataclass(frozen=True, slots=True)
class ListedFlag:
    """A claim that does not look like its person's others; `decision` is None while it waits."""

    claim_ref: int
    incident_id: int
    exercise: bool
    points: int
    reasons: tuple[Reason, ...]
    raised_at: datetime
    decision: FlagDecision | None
    why: str
    decided_by: str
    decided_at: datetime | None
    establishment_ref: int
    state: str
    care_on: date
    billed_cents: int


class FlagFilter(NamedTuple):
    """Which flags; None for any."""

    waiting: bool = True
    claim_ref: int | None = None
    incident_id: int | None = None


class RunningWatch(NamedTuple):
    """A watch the job looks after; `number` is that of the last package sent."""

    insurer_id: int
    incident_id: int
    since: date
    examined_to: datetime | None
    examined_number: int
    number: int


class FoundClaim(NamedTuple):
    """A claim of somebody watched."""

    received_at: datetime
    claim_ref: int
    person_ref: int
    claim: WatchedClaim


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """Which claims the job takes next: received in [since, until), after one of them."""

    since: datetime
    until: datetime
    after_at: datetime
    after_ref: int
    limit: int


def list_watches(tx: Transaction, listing: Listing[WatchColumn]) -> tuple[list[ListedWatch], int]:
    """Return one page of the watches of the visitor's insurer, and how many there are."""
    return load_page(tx, _sql.list_watches, listing, ListedWatch, {})


def list_unwatched(tx: Transaction, insurer_id: int) -> list[Unwatched]:
    """Return the incidents that name members and are not watched; for who may see packages."""
    rows = tx.execute(_sql.list_unwatched, {"insurer_id": insurer_id})
    return [Unwatched(*row) for row in rows]


def insert_watch(
    tx: Transaction,
    *,
    insurer_id: int,
    incident_id: int,
    since: date,
    until: date,
    started_by: int,
) -> bool:
    """Begin to watch; False when it is watched already.

    Raises:
        psycopg.errors.InsufficientPrivilege: no package about this incident names anybody.
    """
    values = {
        "insurer_id": insurer_id,
        "incident_id": incident_id,
        "since": since,
        "until": until,
        "started_by": started_by,
    }
    return tx.execute(_sql.insert_watch, values).fetchone() is not None


def end_watch(tx: Transaction, *, insurer_id: int, incident_id: int, ended_by: int) -> bool:
    """End a watch; False when there is none that runs."""
    values = {"insurer_id": insurer_id, "incident_id": incident_id, "ended_by": ended_by}
    return tx.execute(_sql.end_watch, values).fetchone() is not None


def list_flags(
    tx: Transaction, listing: Listing[FlagColumn], which: FlagFilter
) -> tuple[list[ListedFlag], int]:
    """Return one page of the flags of the visitor's insurer, and how many there are."""
    return load_page(tx, _sql.list_flags, listing, _read_flag, which._asdict())


def decide_flag(
    tx: Transaction, claim_ref: int, *, decision: FlagDecision, why: str, decided_by: int
) -> bool:
    """Decide about a flag; False when it does not wait, or is not the visitor's."""
    values = {"claim_ref": claim_ref, "decision": decision, "why": why, "decided_by": decided_by}
    return tx.execute(_sql.decide_flag, values).fetchone() is not None


def list_running(tx: Transaction, today: date) -> list[RunningWatch]:
    """Return the watches that run on a day."""
    return [RunningWatch(*row) for row in tx.execute(_sql.list_running, {"today": today})]


def list_watched_claims(tx: Transaction, watch: RunningWatch, stretch: Stretch) -> list[FoundClaim]:
    """Return the next claims of the persons of a watch, in the order they came."""
    values = {
        "insurer_id": watch.insurer_id,
        "incident_id": watch.incident_id,
        "since": stretch.since,
        "until": stretch.until,
        "after_at": stretch.after_at,
        "after_ref": stretch.after_ref,
        "limit": stretch.limit,
    }
    return [_read_found(*row) for row in tx.execute(_sql.list_watched_claims, values)]


def list_past_care(
    tx: Transaction, person_refs: Sequence[int], *, since: date
) -> Mapping[int, Sequence[tuple[int, Care]]]:
    """Return the care of some persons since a day: (claim, care) by person."""
    found: dict[int, list[tuple[int, Care]]] = defaultdict(list)
    values = {"person_refs": list(person_refs), "since": since}
    for person_ref, claim_ref, *care in tx.execute(_sql.list_past_care, values):
        found[person_ref].append((claim_ref, _read_care(*care)))
    return found


def insert_flag(
    tx: Transaction, watch: RunningWatch, claim_ref: int, points: int, reasons: Sequence[Reason]
) -> None:
    """Flag a claim; one that is flagged stays as it is."""
    tx.execute(
        _sql.insert_flag,
        {
            "claim_ref": claim_ref,
            "insurer_id": watch.insurer_id,
            "incident_id": watch.incident_id,
            "points": points,
            "reasons": Jsonb([one._asdict() for one in reasons]),
        },
    )


def note_examined(
    tx: Transaction, watch: RunningWatch, *, examined_to: datetime, examined: int
) -> None:
    """Note how far a watch has looked."""
    tx.execute(
        _sql.note_examined,
        {
            "insurer_id": watch.insurer_id,
            "incident_id": watch.incident_id,
            "examined_to": examined_to,
            "number": watch.number,
            "examined": examined,
        },
    )


def _read_flag(*row: Any) -> ListedFlag:
    cells = list(row)
    cells[4] = tuple(
        Reason(UnusualKind(one["kind"]), one["points"], one["observed"], one["usual"])
        for one in cells[4]
    )
    return ListedFlag(*cells)


def _read_care(
    establishment_ref: int, department: str | None, care_on: date, billed_cents: int
) -> Care:
    return Care(
        establishment_ref=establishment_ref,
        department=department or "",
        care_on=care_on,
        billed_cents=int(billed_cents),
    )


def _read_found(received_at: datetime, claim_ref: int, person_ref: int, *rest: Any) -> FoundClaim:
    *care, is_checked, by_suspect = rest
    claim = WatchedClaim(care=_read_care(*care), is_checked=is_checked, by_suspect=by_suspect)
    return FoundClaim(received_at, claim_ref, person_ref, claim)
