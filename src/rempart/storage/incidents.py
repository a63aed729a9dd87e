"""Rows of the incidents plane. Role: analyst.

Refuses to decide: verdicts come from `incidents.attribution`, and lists from `suspect_lookups`,
which is held to `incidents.exposure` by a test.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from rempart.incidents.attribution import SessionVerdict, format_signals
from rempart.incidents.evidence import SessionTally, Window
from rempart.incidents.exposure import ExposedPerson, Tier
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("incidents")


@dataclass(frozen=True, slots=True, kw_only=True)
class Incident:
    """An incident as declared: when, and which accounts are suspect."""

    incident_id: int
    window: Window
    account_refs: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Tallies:
    """What the sessions of suspect accounts did, before the window and in it."""

    past: tuple[SessionTally, ...]
    in_window: tuple[SessionTally, ...]


@dataclass(frozen=True, slots=True)
class FoundPerson:
    """Whom a lookup key finds, and whose they are."""

    person_ref: int
    insurer_id: int


@dataclass(frozen=True, slots=True)
class Slice:
    """Look-ups in one slice of time; `number` counts slices from the first instant asked."""

    number: int
    lawful: int
    attributed: int


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One line of the list of incidents; `analyses` is None before the first one."""

    incident_id: int
    title: str
    exercise: bool
    declared_at: datetime
    starts_ms: int
    ends_ms: int
    accounts: int
    persons_a: int
    persons_b: int
    persons_c: int
    analyses: int | None


def save_incident(tx: Transaction, *, title: str, exercise: bool, window: Window) -> int:
    """Open an incident and return its number."""
    row = tx.execute(
        QUERIES.insert_incident,
        {
            "title": title,
            "exercise": exercise,
            "starts_ms": window.starts_ms,
            "ends_ms": window.ends_ms,
        },
    ).fetchone()
    if row is None:
        raise RuntimeError("RETURNING gave no row")
    return int(row[0])


def save_suspect_accounts(
    tx: Transaction, incident_id: int, account_refs: Iterable[int]
) -> frozenset[int]:
    """Name the suspect accounts of an incident; return those that exist."""
    rows = tx.execute(
        QUERIES.insert_suspect_accounts,
        {"incident_id": incident_id, "account_refs": sorted(set(account_refs))},
    )
    return frozenset(int(row[0]) for row in rows)


def find_incident(tx: Transaction, incident_id: int) -> Incident | None:
    """Return an incident and keep others from analysing it meanwhile; None when there is none."""
    row = tx.execute(QUERIES.find_incident, {"incident_id": incident_id}).fetchone()
    if row is None:
        return None
    starts_ms, ends_ms, account_refs = row
    return Incident(
        incident_id=incident_id,
        window=Window(starts_ms=starts_ms, ends_ms=ends_ms),
        account_refs=tuple(account_refs),
    )


def replace_verdicts(tx: Transaction, incident_id: int, verdicts: Sequence[SessionVerdict]) -> None:
    """Put these verdicts in the place of those of an earlier analysis."""
    tx.execute(QUERIES.delete_verdicts, {"incident_id": incident_id})
    with tx.cursor() as cursor:
        cursor.executemany(
            QUERIES.insert_verdict,
            [
                {
                    "incident_id": incident_id,
                    "session_ref": verdict.session_ref,
                    "account_ref": verdict.account_ref,
                    "verdict": str(verdict.verdict),
                    "reasons": Jsonb(format_signals(verdict.signals)),
                    "usual_place": verdict.usual_place,
                    "is_overruled": verdict.is_overruled,
                }
                for verdict in verdicts
            ],
        )


def settle_exposed_persons(tx: Transaction, incident_id: int, *, analysis: int) -> int:
    """Note what the list changes of the one before, which goes; return how many lines changed."""
    key = {"incident_id": incident_id, "analysis": analysis}
    changed = tx.execute(QUERIES.insert_changes, key).rowcount
    tx.execute(QUERIES.delete_former_persons, key)
    return changed


def list_exposed_persons(
    tx: Transaction, incident_id: int, *, analysis: int
) -> tuple[ExposedPerson, ...]:
    """Return the list of an analysis, the last one, by insurer then person."""
    key = {"incident_id": incident_id, "analysis": analysis}
    rows = tx.execute(QUERIES.list_exposed_persons, key)
    return tuple(
        ExposedPerson(
            insurer_id=insurer_id,
            person_ref=person_ref,
            tier=Tier(tier),
            fields=fields,
            lookups=lookups,
            sessions=tuple(sessions),
            gained=gained,
        )
        for insurer_id, person_ref, tier, fields, gained, lookups, sessions in rows
    )


def find_exposed(
    tx: Transaction, incident_id: int, persons: Sequence[tuple[int, int]]
) -> dict[tuple[int, int], tuple[Tier, int]]:
    """Return tier and fields of those of these persons, by insurer and reference, on the list."""
    values = {
        "incident_id": incident_id,
        "insurer_ids": [insurer_id for insurer_id, _ in persons],
        "refs": [person_ref for _, person_ref in persons],
    }
    return {
        (insurer_id, person_ref): (Tier(tier), fields)
        for insurer_id, person_ref, tier, fields in tx.execute(QUERIES.find_exposed, values)
    }


def save_answer(
    tx: Transaction, incident_id: int, report: Mapping[str, Any]
) -> tuple[datetime, datetime]:
    """Note that the answer is there; return when the incident was declared and when answered."""
    row = tx.execute(
        QUERIES.save_answer, {"incident_id": incident_id, "report": Jsonb(dict(report))}
    ).fetchone()
    if row is None:
        raise RuntimeError("RETURNING gave no row")
    return row[0], row[1]


def save_report(tx: Transaction, incident_id: int, report: Mapping[str, Any]) -> None:
    """Add to the report of an incident."""
    tx.execute(QUERIES.save_report, {"incident_id": incident_id, "report": Jsonb(dict(report))})


def count_timeline(
    tx: Transaction, incident_id: int, *, from_ms: int, to_ms: int, slice_ms: int
) -> list[Slice]:
    """Count everybody's look-ups per slice of time, `to_ms` excluded; empty slices are left out."""
    rows = tx.execute(
        QUERIES.count_timeline,
        {
            "incident_id": incident_id,
            "from_ms": from_ms,
            "to_ms": to_ms,
            "slice_ms": slice_ms,
            **_find_floors(tx, from_ms),
        },
    )
    return [Slice(number, lawful, attributed) for number, lawful, attributed in rows]


def list_incident_rows(tx: Transaction) -> list[IncidentLine]:
    """Return every incident, the newest first."""
    return [IncidentLine(*row) for row in tx.execute(QUERIES.list_incident_rows)]


def list_insurer_names(tx: Transaction) -> dict[int, str]:
    """Return the insurers' names by number."""
    return dict(tx.execute(QUERIES.list_insurers).fetchall())


def find_persons(tx: Transaction, lookup_keys: Iterable[UUID]) -> dict[UUID, FoundPerson]:
    """Return whom each key finds today; a key that finds nobody is left out."""
    rows = tx.execute(QUERIES.find_persons, {"lookup_keys": sorted(set(lookup_keys))})
    return {
        lookup_key: FoundPerson(person_ref, insurer_id)
        for lookup_key, person_ref, insurer_id in rows
    }


def _find_floors(tx: Transaction, from_ms: int) -> dict[str, list[int]]:
    rows = tx.execute(QUERIES.list_floors, {"from_ms": from_ms}).fetchall()
    return {"log_ids": [row[0] for row in rows], "floors": [row[1] for row in rows]}
