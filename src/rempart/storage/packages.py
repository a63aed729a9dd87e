"""What packages are made of, and their sealed files. Roles: analyst; feeds for identities only.

Refuses to hold a whole list in memory: persons come through a cursor, a block at a time.
"""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from rempart.incidents.coverage import Coverage, parse_coverage
from rempart.incidents.exposure import Tier
from rempart.incidents.packages import LogRoot, PackageState, Told
from rempart.incidents.sealing_keys import KeyState, SealingKey
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("packages")
BLOCK: Final = 2000


@dataclass(frozen=True, slots=True, kw_only=True)
class PackagedIncident:
    """What an incident's packages say of it."""

    incident_id: int
    title: str
    exercise: bool
    starts_ms: int
    ends_ms: int
    declared_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Analysed:
    """An analysis of an incident: its rules, and what the record covered."""

    number: int
    rules: str
    coverage: Coverage
    statement: Mapping[str, Any]
    made_at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedInsurer:
    """An insurer, its organisation here (0: none), and how many of its persons are listed."""

    insurer_id: int
    amc_number: str
    name: str
    org_ref: int
    persons_a: int
    persons_b: int
    persons_c: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Who stands between the host and an insurer."""

    insurer_id: int
    org_ref: int
    name: str
    level: str


@dataclass(frozen=True, slots=True)
class KnownPackage:
    """A package as whoever makes the next one sees it."""

    package_ref: int
    number: int
    basis: int
    state: PackageState
    digest: bytes
    key_ref: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewPackage:
    """A package to write; `key_ref` None: it waits for a certificate."""

    package_ref: int
    insurer_id: int
    number: int
    basis: int
    conclusion: str
    persons_a: int
    persons_b: int
    persons_c: int
    hidden: int | None
    digest: bytes
    key_ref: int | None
    made_at: datetime


@dataclass(frozen=True, slots=True)
class ChangedPerson:
    """A person of a package: what is told now, what was told before, where from."""

    person_ref: int
    now: Told | None
    before: Told | None
    lookups: int
    sessions: int


def lock_incident(tx: Transaction, incident_id: int) -> PackagedIncident | None:
    """Return an incident and keep analyses of it waiting; None when there is none."""
    row = tx.execute(QUERIES.lock_incident, {"incident_id": incident_id}).fetchone()
    if row is None:
        return None
    title, exercise, starts_ms, ends_ms, declared_at = row
    return PackagedIncident(
        incident_id=incident_id,
        title=title,
        exercise=exercise,
        starts_ms=starts_ms,
        ends_ms=ends_ms,
        declared_at=declared_at,
    )


def list_insurers(
    tx: Transaction, incident_id: int, insurer_ids: Sequence[int] | None
) -> list[ListedInsurer]:
    """Return every insurer, or some, with how many of its persons are listed."""
    wanted = {
        "incident_id": incident_id,
        "insurer_ids": None if insurer_ids is None else list(insurer_ids),
    }
    return [
        ListedInsurer(
            insurer_id=insurer_id,
            amc_number=amc_number,
            name=name,
            org_ref=org_ref,
            persons_a=persons_a,
            persons_b=persons_b,
            persons_c=persons_c,
        )
        for insurer_id, amc_number, name, org_ref, persons_a, persons_b, persons_c in tx.execute(
            QUERIES.list_insurers, wanted
        )
    ]


def list_levels(tx: Transaction, day: date) -> list[Standing]:
    """Return who stands between the host and each insurer on a day."""
    return [
        Standing(insurer_id=insurer_id, org_ref=org_ref, name=name, level=level)
        for insurer_id, org_ref, name, level in tx.execute(QUERIES.list_levels, {"day": day})
    ]


def iterate_listed(
    tx: Transaction, incident_id: int, insurer_id: int
) -> Iterator[tuple[int, Told]]:
    """Yield the persons of one insurer as the analysis found them, by reference."""
    values = {"incident_id": incident_id, "insurer_id": insurer_id}
    for person_ref, tier, fields, lost in _stream(tx, QUERIES.list_listed, values):
        yield person_ref, Told(Tier(tier), fields, lost)


def find_analysis(tx: Transaction, incident_id: int) -> Analysed | None:
    """Return the latest analysis of an incident; None when there is none."""
    row = tx.execute(QUERIES.find_analysis, {"incident_id": incident_id}).fetchone()
    if row is None:
        return None
    number, rules, coverage, made_at = row
    return Analysed(
        number=number,
        rules=rules,
        coverage=parse_coverage(coverage),
        statement=coverage,
        made_at=made_at,
    )


def list_log_roots(tx: Transaction) -> tuple[LogRoot, ...]:
    """Return the latest signed state of each log."""
    return tuple(
        LogRoot(origin=origin, size=size, root=root.hex(), t_ms=t_ms, note=note)
        for _log_id, origin, size, root, t_ms, note in tx.execute(QUERIES.list_log_roots)
    )


def find_floors(tx: Transaction, from_ms: int) -> dict[int, int]:
    """Return, for each log, the index below which everything is older than an instant."""
    return dict(tx.execute(QUERIES.list_floors, {"from_ms": from_ms}).fetchall())


def list_known(tx: Transaction, incident_id: int, insurer_id: int) -> list[KnownPackage]:
    """Return the packages of one insurer about one incident, the newest first."""
    values = {"incident_id": incident_id, "insurer_id": insurer_id}
    return [
        KnownPackage(ref, number, basis, PackageState(state), digest, key_ref)
        for ref, number, basis, state, digest, key_ref in tx.execute(
            QUERIES.list_packages_of, values
        )
    ]


def insert_package(tx: Transaction, incident: PackagedIncident, package: NewPackage) -> None:
    """Write a package; its files follow in the same transaction."""
    tx.execute(
        QUERIES.insert_package,
        {
            "package_ref": package.package_ref,
            "incident_id": incident.incident_id,
            "insurer_id": package.insurer_id,
            "number": package.number,
            "basis": package.basis,
            "exercise": incident.exercise,
            "title": incident.title,
            "starts_ms": incident.starts_ms,
            "ends_ms": incident.ends_ms,
            "conclusion": package.conclusion,
            "persons_a": package.persons_a,
            "persons_b": package.persons_b,
            "persons_c": package.persons_c,
            "hidden": package.hidden,
            "digest": package.digest,
            "key_ref": package.key_ref,
            "state": "waiting" if package.key_ref is None else "made",
            "made_at": package.made_at,
        },
    )


def delete_package(tx: Transaction, package_ref: int) -> None:
    """Take away a package that nobody was asked to send."""
    tx.execute(QUERIES.delete_package, {"package_ref": package_ref})


def insert_changes(
    tx: Transaction, incident_id: int, insurer_id: int, package_ref: int, *, first: int, basis: int
) -> int:
    """Write whom a package speaks of; return how many.

    Args:
        tx: The transaction of the package.
        incident_id: The incident.
        insurer_id: The insurer.
        package_ref: The package.
        first: The number of the whole list that the changes go back to.
        basis: The number of the package before; 0 for a whole list.
    """
    values = _name_changes(incident_id, insurer_id, package_ref, first, basis)
    with _joined_whole(tx):
        return tx.execute(QUERIES.insert_changes, values).rowcount


def iterate_changes(
    tx: Transaction, incident_id: int, insurer_id: int, package_ref: int, *, first: int, basis: int
) -> Iterator[list[ChangedPerson]]:
    """Yield whom a package speaks of, by reference, in blocks; arguments as `insert_changes`."""
    values = _name_changes(incident_id, insurer_id, package_ref, first, basis)
    block: list[ChangedPerson] = []
    for row in _stream(tx, QUERIES.list_changes, values):
        ref, tier, fields, lost, told_tier, told_fields, told_lost, lookups, sessions = row
        now = Told(Tier(tier), fields, lost) if tier else None
        before = Told(Tier(told_tier), told_fields, told_lost) if told_tier else None
        block.append(ChangedPerson(ref, now, before, lookups, sessions))
        if len(block) == BLOCK:
            yield block
            block = []
    if block:
        yield block


def list_identities(
    identities: Transaction, person_refs: Sequence[int]
) -> dict[int, tuple[int, bytes]]:
    """Return (insurer, sealed record) of those of the persons who are known (role feeds)."""
    rows = identities.execute(QUERIES.list_identities, {"person_refs": list(person_refs)})
    return {ref: (insurer_id, sealed) for ref, insurer_id, sealed in rows}


def list_entries_to_prove(
    tx: Transaction,
    incident: PackagedIncident,
    insurer_id: int,
    floors: Mapping[int, int],
    most: int,
) -> list[tuple[int, int]]:
    """Return (log, index) of some entries about an insurer's persons.

    Args:
        tx: The transaction.
        incident: The incident.
        insurer_id: The insurer.
        floors: For each log, the index below which everything is older than the window.
        most: How many at most.
    """
    values = {
        "incident_id": incident.incident_id,
        "insurer_id": insurer_id,
        "starts_ms": incident.starts_ms,
        "ends_ms": incident.ends_ms,
        "log_ids": list(floors),
        "floors": list(floors.values()),
        "most": most,
    }
    return [(row[0], row[1]) for row in tx.execute(QUERIES.list_entries_to_prove, values)]


def insert_file(
    tx: Transaction, package_ref: int, position: int, name: str, sealed: bytes, digest: bytes
) -> None:
    """Write one sealed file."""
    values = {"package_ref": package_ref, "position": position, "name": name}
    tx.execute(QUERIES.insert_file, {**values, "sealed": sealed, "digest": digest})


def finish_package(
    tx: Transaction,
    package_ref: int,
    *,
    note: str,
    files: int,
    size: int,
    changes: Mapping[str, int],
) -> None:
    """Write the signed note of a package and what it counts."""
    values = {"package_ref": package_ref, "note": note, "files": files, "bytes": size}
    tx.execute(QUERIES.finish_package, {**values, "changes": Jsonb(dict(changes))})


def list_keys_to_seal(tx: Transaction, insurer_id: int) -> list[SealingKey]:
    """Return the certificates of an insurer that somebody agreed to (role analyst)."""
    return _list_keys(tx, QUERIES.list_keys_to_seal, insurer_id)


def list_sealing_keys(tx: Transaction, insurer_id: int) -> list[SealingKey]:
    """Return every certificate of an insurer, the newest first."""
    return _list_keys(tx, QUERIES.list_sealing_keys, insurer_id)


def insert_key(tx: Transaction, key: SealingKey) -> bool:
    """Write a certificate given on a page; False when the insurer gave this one already."""
    values = {**_name_key(key), "proposed_by": key.proposed_by}
    return tx.execute(QUERIES.propose_key, values).rowcount == 1


def register_key(tx: Transaction, key: SealingKey) -> bool:
    """Write a certificate given to the host; False when the insurer gave this one already."""
    return tx.execute(QUERIES.register_key, _name_key(key)).fetchone() is not None


def decide_key(
    tx: Transaction,
    key_ref: int,
    *,
    before: KeyState,
    after: KeyState,
    approved_by: int | None = None,
) -> bool:
    """Write what becomes of a certificate; False when it was decided meanwhile."""
    values = {"key_ref": key_ref, "before": before.value, "state": after.value}
    row = tx.execute(QUERIES.decide_key, {**values, "approved_by": approved_by}).fetchone()
    return row is not None


def revoke_key(tx: Transaction, insurer_id: int, fingerprint: bytes) -> bool:
    """Take a certificate back (role analyst); False when there is none in force."""
    values = {"insurer_id": insurer_id, "fingerprint": fingerprint}
    return tx.execute(QUERIES.revoke_key, values).fetchone() is not None


def find_insurer(tx: Transaction, insurer_id: int) -> bool:
    """Say whether an insurer is registered."""
    found = tx.execute(QUERIES.find_insurer, {"insurer_id": insurer_id}).fetchone()
    return found is not None


def find_insurer_by_number(tx: Transaction, amc_number: str) -> int | None:
    """Return the insurer of an AMC number; None when there is none."""
    row = tx.execute(QUERIES.find_insurer_by_number, {"amc_number": amc_number}).fetchone()
    return None if row is None else int(row[0])


def _list_keys(tx: Transaction, query: str, insurer_id: int) -> list[SealingKey]:
    keys = []
    for row in tx.execute(query, {"insurer_id": insurer_id}):
        ref, owner, certificate, fingerprint, subject, starts_at, ends_at, state, by, *rest = row
        name, proposed_at, active_from = rest
        keys.append(
            SealingKey(
                key_ref=ref,
                insurer_id=owner,
                certificate=certificate,
                fingerprint=fingerprint,
                subject=subject,
                starts_at=starts_at,
                ends_at=ends_at,
                state=KeyState(state),
                proposed_by=by,
                proposed_by_name=name,
                proposed_at=proposed_at,
                active_from=active_from,
            )
        )
    return keys


def _name_key(key: SealingKey) -> dict[str, object]:
    return {
        "key_ref": key.key_ref,
        "insurer_id": key.insurer_id,
        "certificate": key.certificate,
        "fingerprint": key.fingerprint,
        "subject": key.subject,
        "starts_at": key.starts_at,
        "ends_at": key.ends_at,
    }


def _name_changes(
    incident_id: int, insurer_id: int, package_ref: int, first: int, basis: int
) -> dict[str, int]:
    return {
        "incident_id": incident_id,
        "insurer_id": insurer_id,
        "package_ref": package_ref,
        "first": first,
        "basis": basis,
    }


def _stream(tx: Transaction, query: str, values: Mapping[str, object]) -> Iterator[tuple[Any, ...]]:
    with closing(tx.cursor("packages", scrollable=False)) as cursor:
        cursor.itersize = BLOCK
        # Planned here: what follows in the transaction is planned as usual.
        with _joined_whole(tx):
            cursor.execute(query, values)
        yield from cursor


@contextmanager
def _joined_whole(tx: Transaction) -> Iterator[None]:
    tx.execute(QUERIES.join_whole_lists, {"wanted": "off"})
    yield
    tx.execute(QUERIES.join_whole_lists, {"wanted": "on"})
