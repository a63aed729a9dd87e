"""Rows of the incidents plane, and the reading of the ledger that incidents need. Role: analyst.

Refuses to decide: verdicts come from `incidents.attribution`, tiers from `incidents.exposure`; the
one statement that computes tiers here is held to the latter by a test.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from psycopg.types.json import Jsonb

from rempart.disclosure.entry import Mode, Outcome
from rempart.disclosure.fields import FIELDS_TYPED
from rempart.incidents.attribution import SessionVerdict, format_signals
from rempart.incidents.evidence import LookUp, Session, SessionTally, Window, spread_hours
from rempart.incidents.exposure import ExposedPerson, Guesses, Tier
from rempart.storage.connect import Transaction
from rempart.storage.ledger_expressions import ColdLookup
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


def load_tallies(tx: Transaction, incident: Incident, *, past_ms: int) -> Tallies:
    """Add up what each session of the suspect accounts did.

    Args:
        tx: The transaction.
        incident: The incident.
        past_ms: How far before its window an account's past is looked at.
    """
    past: list[SessionTally] = []
    in_window: list[SessionTally] = []
    past_from_ms = incident.window.starts_ms - past_ms
    parameters = {**_reach(tx, incident, past_from_ms), "past_from_ms": past_from_ms}
    for row in tx.execute(QUERIES.list_session_tallies, parameters):
        account_ref, session_ref, address, agent, key, is_in_window, *sums, squares, hours = row
        lookups, typed, presences, nobody, known_faces, first_ms, last_ms = sums
        tally = SessionTally(
            session=Session(
                session_ref=session_ref,
                account_ref=account_ref,
                address=address,
                agent=agent,
                key=key,
            ),
            lookups=lookups,
            typed=typed,
            presences=presences,
            nobody=nobody,
            known_faces=known_faces,
            first_ms=first_ms,
            last_ms=last_ms,
            gap_squares=int(squares),
            hours=spread_hours({int(hour): count for hour, count in hours.items()}),
        )
        (in_window if is_in_window else past).append(tally)
    return Tallies(past=tuple(past), in_window=tuple(in_window))


def load_suspect_lookups(tx: Transaction, incident: Incident) -> list[LookUp]:
    """Return every look-up of the suspect accounts in the window, in order of time."""
    return [
        LookUp(
            account_ref=account_ref,
            session_ref=session_ref,
            t_ms=t_ms,
            mode=Mode(mode),
            outcome=Outcome(outcome),
            insurer_id=insurer_id,
            person_ref=person_ref,
            lookup_key=lookup_key,
            fields=fields,
            typed_fields=FIELDS_TYPED if mode == Mode.TYPED else 0,
        )
        for (
            account_ref,
            session_ref,
            t_ms,
            mode,
            outcome,
            insurer_id,
            person_ref,
            lookup_key,
            fields,
        ) in tx.execute(QUERIES.list_suspect_lookups, _reach(tx, incident))
    ]


def save_recalled_lookups(tx: Transaction, incident_id: int, lookups: Iterable[ColdLookup]) -> None:
    """Bring look-ups from sealed files; to be deleted by the same transaction."""
    with tx.cursor().copy(QUERIES.copy_recalled_lookups) as copy:
        for one in lookups:
            copy.write_row((incident_id, *one[:-2], UUID(bytes=one.lookup_key), one.fields))


def delete_recalled_lookups(tx: Transaction, incident_id: int) -> None:
    """Take the look-ups from sealed files away again."""
    tx.execute(QUERIES.delete_recalled_lookups, {"incident_id": incident_id})


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


def add_exposed_persons(tx: Transaction, incident: Incident, *, analysis: int) -> int:
    """Compute the persons exposed from the verdicts in the database; return how many there are.

    The list of the analysis before is still there: see `settle_exposed_persons`.
    """
    parameters = {**_reach(tx, incident), "analysis": analysis, "typed_fields": int(FIELDS_TYPED)}
    return tx.execute(QUERIES.insert_exposed_persons, parameters).rowcount


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


def count_guesses(tx: Transaction, incident: Incident) -> tuple[Guesses, ...]:
    """Count what thieves tried in vain, per insurer named."""
    rows = tx.execute(QUERIES.count_guesses, _reach(tx, incident))
    return tuple(
        Guesses(insurer_id=insurer_id, lookups=lookups, keys=keys)
        for insurer_id, lookups, keys in rows
    )


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


def _reach(tx: Transaction, incident: Incident, from_ms: int | None = None) -> dict[str, Any]:
    """Return what the queries need to reach the suspects' entries from `from_ms` on."""
    window = incident.window
    return {
        "incident_id": incident.incident_id,
        "account_refs": list(incident.account_refs),
        "starts_ms": window.starts_ms,
        "ends_ms": window.ends_ms,
        **_find_floors(tx, window.starts_ms if from_ms is None else from_ms),
    }


def _find_floors(tx: Transaction, from_ms: int) -> dict[str, list[int]]:
    rows = tx.execute(QUERIES.list_floors, {"from_ms": from_ms}).fetchall()
    return {"log_ids": [row[0] for row in rows], "floors": [row[1] for row in rows]}
