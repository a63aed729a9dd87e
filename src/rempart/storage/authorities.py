"""What is owed to authorities, and what was prepared for them. Roles: analyst, portals.

Refuses to keep a limit: facts are read, and clocks are computed from them each time.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from rempart.incidents.clock_rules import Trait
from rempart.incidents.clocks import Fact
from rempart.kernel.instants import from_ms
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("authorities")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentHead:
    """What an incident is, as whoever asks may know it."""

    incident_id: int
    title: str
    exercise: bool
    declared_at: datetime
    answered_at: datetime | None
    starts_ms: int
    ends_ms: int


@dataclass(frozen=True, slots=True)
class IncidentLine:
    """One incident of the list."""

    incident_id: int
    title: str
    exercise: bool
    is_closed: bool


@dataclass(frozen=True, slots=True)
class ShareRow:
    """One insurer's people: how many by tier, the fields shown, how many more a hole may hide."""

    insurer_id: int
    name: str
    persons_a: int
    persons_b: int
    persons_c: int
    fields: int
    hidden: int | None


@dataclass(frozen=True, slots=True)
class ProfessionalsRow:
    """The owners of the accounts: how many by tier, and the fields shown."""

    persons_a: int
    persons_b: int
    persons_c: int
    fields: int


@dataclass(frozen=True, slots=True)
class SharedMeasure:
    """A step taken to contain an incident, as an insurer may know it: not on whose account."""

    first_ms: int
    step: str
    accounts: int


@dataclass(frozen=True, slots=True)
class Owner:
    """Who answers for a clock."""

    code: str
    insurer_id: int | None
    owner_ref: int | None
    name: str


@dataclass(frozen=True, slots=True)
class SaidTrait:
    """What somebody said that a party is, or is not."""

    insurer_id: int | None
    trait: Trait
    held: bool
    reason: str
    author: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ScoredGroup:
    """The last score of one group of people."""

    severity_ref: int
    insurer_id: int | None
    group: str
    persons: int
    judgement: Mapping[str, Any]
    quarters: int
    band: str
    author: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class SavedReport:
    """One version of what somebody completed."""

    version: int
    answers: Mapping[str, Any]
    author: str
    made_at: datetime


@dataclass(frozen=True, slots=True)
class LogCheckpoint:
    """The last signed state of one log."""

    origin: str
    size: int
    root: bytes
    t_ms: int
    note: str


def list_facts(tx: Transaction, incident_id: int) -> list[tuple[Fact, str]]:
    """Return the facts of an incident that whoever asks may know, with their authors."""
    rows = tx.execute(QUERIES.list_facts, {"incident_id": incident_id})
    return [
        (
            Fact(
                event_ref=event_ref,
                kind=kind,
                happened_at=from_ms(happened_ms),
                insurer_id=insurer_id,
                details=details,
            ),
            author,
        )
        for event_ref, kind, happened_ms, insurer_id, author, details in rows
    ]


def load_head(tx: Transaction, incident_id: int) -> IncidentHead | None:
    """Return what an incident is; None when there is none for whoever asks."""
    row = tx.execute(QUERIES.load_head, {"incident_id": incident_id}).fetchone()
    if row is None:
        return None
    title, exercise, declared_at, answered_at, starts_ms, ends_ms = row
    return IncidentHead(
        incident_id=incident_id,
        title=title,
        exercise=exercise,
        declared_at=declared_at,
        answered_at=answered_at,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
    )


def list_incidents(tx: Transaction) -> list[IncidentLine]:
    """Return every incident, the newest first."""
    return [IncidentLine(*row) for row in tx.execute(QUERIES.list_incidents)]


def list_shares(tx: Transaction, incident_id: int) -> list[ShareRow]:
    """Return the insurers concerned, by name."""
    return [ShareRow(*row) for row in tx.execute(QUERIES.list_shares, {"incident_id": incident_id})]


def load_my_share(tx: Transaction, incident_id: int) -> ShareRow | None:
    """Return the share of the visitor's insurer; None when it was not told."""
    row = tx.execute(QUERIES.load_my_share, {"incident_id": incident_id}).fetchone()
    return None if row is None else ShareRow(*row)


def load_professionals(tx: Transaction, incident_id: int) -> ProfessionalsRow:
    """Return the owners of the accounts."""
    [row] = tx.execute(QUERIES.load_professionals, {"incident_id": incident_id}).fetchall()
    return ProfessionalsRow(*row)


def load_operator(tx: Transaction) -> str:
    """Return the name of the operator that runs this installation; empty when there is none."""
    row = tx.execute(QUERIES.load_operator).fetchone()
    return "" if row is None or row[0] is None else str(row[0])


def find_organisation(tx: Transaction, insurer_id: int | None) -> int | None:
    """Return the organisation of an insurer, or of the operator (role registrar)."""
    row = tx.execute(QUERIES.find_organisation, {"insurer_id": insurer_id}).fetchone()
    return None if row is None else int(row[0])


def list_owners(tx: Transaction, incident_id: int) -> list[Owner]:
    """Return who answers for each clock that somebody was named for."""
    return [Owner(*row) for row in tx.execute(QUERIES.list_owners, {"incident_id": incident_id})]


def save_owner(
    tx: Transaction,
    incident_id: int,
    key: tuple[str, int | None],
    *,
    owner_ref: int | None,
    author: str,
) -> None:
    """Name who answers for a clock, or nobody in particular."""
    code, insurer_id = key
    tx.execute(
        QUERIES.insert_owner,
        {
            "incident_id": incident_id,
            "code": code,
            "insurer_id": insurer_id,
            "owner_ref": owner_ref,
            "author": author,
        },
    )


def list_traits(tx: Transaction, incident_id: int) -> list[SaidTrait]:
    """Return the last word on each trait of each party."""
    rows = tx.execute(QUERIES.list_traits, {"incident_id": incident_id})
    return [
        SaidTrait(insurer_id, Trait(trait), held, reason, author, made_at)
        for insurer_id, trait, held, reason, author, made_at in rows
    ]


def save_trait(
    tx: Transaction,
    incident_id: int,
    insurer_id: int | None,
    trait: Trait,
    *,
    held: bool,
    reason: str,
    author: str,
) -> None:
    """Say that a party is something, or is not."""
    tx.execute(
        QUERIES.insert_trait,
        {
            "incident_id": incident_id,
            "insurer_id": insurer_id,
            "trait": trait.value,
            "held": held,
            "reason": reason,
            "author": author,
        },
    )


def list_my_measures(tx: Transaction, incident_id: int) -> list[SharedMeasure]:
    """Return what was done to contain an incident that the visitor's insurer was told of."""
    rows = tx.execute(QUERIES.list_my_measures, {"incident_id": incident_id})
    return [SharedMeasure(*row) for row in rows]


def list_my_register(tx: Transaction, insurer_id: int) -> list[tuple[int, int | None]]:
    """Return every incident that the visitor's insurer was told of, and the insurer."""
    rows = tx.execute(QUERIES.list_my_register, {"insurer_id": insurer_id})
    return [(row[0], row[1]) for row in rows]


def list_reminded(tx: Transaction, incident_id: int) -> dict[tuple[str, int | None], datetime]:
    """Return when the owner of each clock was reminded last, by clock and party."""
    rows = tx.execute(QUERIES.list_told, {"incident_id": incident_id})
    last: dict[tuple[str, int | None], datetime] = {}
    for code, insurer_id, _started_ms, _told, told_at in rows:
        last[code, insurer_id] = max(told_at, last.get((code, insurer_id), told_at))
    return last


def list_told(tx: Transaction, incident_id: int) -> dict[tuple[str, int | None, int], int]:
    """Return how many thresholds were told, by clock and by the fact it is counted from."""
    rows = tx.execute(QUERIES.list_told, {"incident_id": incident_id})
    return {
        (code, insurer_id, started_ms): told for code, insurer_id, started_ms, told, _at in rows
    }


def save_told(
    tx: Transaction,
    incident_id: int,
    key: tuple[str, int | None],
    *,
    started_ms: int,
    told: int,
) -> None:
    """Note how many thresholds of a clock were told."""
    code, insurer_id = key
    tx.execute(
        QUERIES.save_told,
        {
            "incident_id": incident_id,
            "code": code,
            "insurer_id": insurer_id,
            "started_ms": started_ms,
            "told": told,
        },
    )


def list_severities(tx: Transaction, incident_id: int) -> list[ScoredGroup]:
    """Return the last score of each group."""
    rows = tx.execute(QUERIES.list_severities, {"incident_id": incident_id})
    return [ScoredGroup(*row) for row in rows]


def save_severity(
    tx: Transaction,
    incident_id: int,
    insurer_id: int | None,
    *,
    group: str,
    persons: int,
    judgement: Mapping[str, Any],
    quarters: int,
    band: str,
    author: str,
) -> None:
    """Keep a score."""
    tx.execute(
        QUERIES.insert_severity,
        {
            "incident_id": incident_id,
            "insurer_id": insurer_id,
            "group_name": group,
            "persons": persons,
            "judgement": Jsonb(dict(judgement)),
            "quarters": quarters,
            "band": band,
            "author": author,
        },
    )


def load_report(
    tx: Transaction, incident_id: int, insurer_id: int | None, *, report: str, phase: str
) -> SavedReport | None:
    """Return the last version of what was completed; None when nothing was."""
    row = tx.execute(
        QUERIES.load_report,
        {
            "incident_id": incident_id,
            "insurer_id": insurer_id,
            "report": report,
            "phase": phase,
        },
    ).fetchone()
    return None if row is None else SavedReport(*row)


def save_report(
    tx: Transaction,
    incident_id: int,
    insurer_id: int | None,
    *,
    report: str,
    phase: str,
    version: int,
    answers: Mapping[str, Any],
    author: str,
) -> bool:
    """Keep a version; False when somebody saved one with this number meanwhile."""
    row = tx.execute(
        QUERIES.insert_report,
        {
            "incident_id": incident_id,
            "insurer_id": insurer_id,
            "report": report,
            "phase": phase,
            "version": version,
            "answers": Jsonb(dict(answers)),
            "author": author,
        },
    ).fetchone()
    return row is not None


def list_register(tx: Transaction) -> list[tuple[int, int | None]]:
    """Return every incident and controller: an insurer, or None for the operator."""
    return [(row[0], row[1]) for row in tx.execute(QUERIES.list_register)]


def count_accounts(tx: Transaction, incident_id: int) -> int:
    """Return how many accounts are suspect."""
    [(count,)] = tx.execute(QUERIES.count_accounts, {"incident_id": incident_id}).fetchall()
    return int(count)


def list_shown(tx: Transaction, incident_id: int) -> Iterator[tuple[Any, ...]]:
    """Yield each person and session of an incident, in the order of `ShownPerson`."""
    with tx.cursor("shown") as cursor:
        yield from cursor.execute(QUERIES.list_shown, {"incident_id": incident_id})


def list_checkpoints(tx: Transaction) -> list[LogCheckpoint]:
    """Return the last signed state of each log."""
    return [LogCheckpoint(*row) for row in tx.execute(QUERIES.list_checkpoints)]
