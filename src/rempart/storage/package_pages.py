"""Packages as they are listed, sent and received. Roles: portals (under row policies), analyst.

Refuses to say more to an insurer than its own rows: the database shows no others.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final, Literal, TypeAlias

from rempart.incidents.packages import Conclusion, Level, PackageState
from rempart.kernel.listing import Listing
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("package_pages")

PackageColumn: TypeAlias = Literal[
    "insurer", "persons", "number", "state", "made", "sent", "received"
]
OwnColumn: TypeAlias = Literal["sent", "persons"]
NoteKind: TypeAlias = Literal["note", "task", "decision"]


@dataclass(frozen=True, slots=True)
class ListedPackage:
    """A package, without anything that names a person. `asked_by` 0: the host's command line."""

    package_ref: int
    incident_id: int
    insurer_id: int
    insurer: str
    number: int
    basis: int
    exercise: bool
    title: str
    starts_ms: int
    ends_ms: int
    conclusion: Conclusion
    persons_a: int
    persons_b: int
    persons_c: int
    changes: Mapping[str, int]
    files: int
    size: int
    state: PackageState
    made_at: datetime
    asked_by: int | None
    asked_at: datetime | None
    approved_by: int | None
    sent_at: datetime | None
    withdrawn_at: datetime | None
    withdrawn_for: str
    reminders: int
    reminded_at: datetime | None
    received_at: datetime | None
    received_by: str

    @property
    def persons(self) -> int:
        """How many persons are on the list."""
        return self.persons_a + self.persons_b + self.persons_c


@dataclass(frozen=True, slots=True)
class Receipt:
    """When one level of a chain had a package."""

    org_ref: int
    organisation: str
    level: Level
    way: str
    by_name: str
    received_at: datetime


@dataclass(frozen=True, slots=True)
class OwnIncident:
    """An incident as the insurer that was told of it sees it."""

    incident_id: int
    insurer_id: int
    insurer: str
    title: str
    exercise: bool
    starts_ms: int
    ends_ms: int
    packages: int
    last_sent_at: datetime
    conclusion: Conclusion
    persons: int
    unreceived: int


@dataclass(frozen=True, slots=True)
class StoredFile:
    """One sealed file of a package, without its bytes."""

    position: int
    name: str
    size: int
    digest: bytes


@dataclass(frozen=True, slots=True)
class Envelope:
    """What goes in clear with a package."""

    note: str
    certificate: bytes
    made_at: datetime
    exercise: bool
    incident_id: int
    number: int
    amc_number: str


@dataclass(frozen=True, slots=True)
class Unreceived:
    """A package without a receipt."""

    package_ref: int
    incident_id: int
    insurer_id: int
    insurer: str
    number: int
    sent_at: datetime
    reminders: int
    org_ref: int | None


@dataclass(frozen=True, slots=True)
class OwnNote:
    """A note, a task or a decision of an insurer's own."""

    note_ref: int
    kind: NoteKind
    words: str
    reason: str
    owner: str
    due_at: datetime | None
    proof: str
    author: str
    written_at: datetime
    done_by: str
    done_at: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewNote:
    """Something to write down: why, of a decision; by whom and until when, of a task."""

    kind: NoteKind
    words: str
    reason: str = ""
    owner: str = ""
    due_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class InsurerName:
    """An insurer without a package, and how many persons of it are on the incident's list."""

    insurer_id: int
    name: str
    persons: int


def list_packages(
    tx: Transaction,
    listing: Listing[PackageColumn],
    *,
    incident_id: int | None = None,
    package_ref: int | None = None,
    insurer_id: int | None = None,
    latest: bool = False,
) -> tuple[list[ListedPackage], int]:
    """Return one page of the packages the asker may see, and how many there are.

    Args:
        tx: The transaction.
        listing: Which page.
        incident_id: Of one incident; None: of all.
        package_ref: One package; None: all.
        insurer_id: Of one insurer; None: of all that the asker may see.
        latest: Whether only the latest of each insurer.
    """
    wanted = {
        "incident_id": incident_id,
        "package_ref": package_ref,
        "insurer_id": insurer_id,
        "latest": latest,
    }
    return load_page(tx, QUERIES.list_packages, listing, _make_package, wanted)


def load_package(tx: Transaction, package_ref: int) -> ListedPackage | None:
    """Return one package; None when there is none for whoever asks."""
    found, _total = list_packages(tx, Listing(sort="number"), package_ref=package_ref)
    return found[0] if found else None


def list_missing_insurers(tx: Transaction, incident_id: int) -> list[InsurerName]:
    """Return the insurers without any package about an incident."""
    rows = tx.execute(QUERIES.list_missing_insurers, {"incident_id": incident_id})
    return [InsurerName(*row) for row in rows]


def list_receipts(tx: Transaction, package_ref: int) -> list[Receipt]:
    """Return the receipts of a package, the first one first."""
    rows = tx.execute(QUERIES.list_receipts, {"package_ref": package_ref})
    return [
        Receipt(org_ref, name, Level(level), way, by_name, at)
        for org_ref, name, level, way, by_name, at in rows
    ]


def list_own_incidents(
    tx: Transaction, listing: Listing[OwnColumn]
) -> tuple[list[OwnIncident], int]:
    """Return one page of the incidents that the asker was told of, and how many there are."""
    return load_page(tx, QUERIES.list_own_incidents, listing, _make_own, {})


def list_files(tx: Transaction, package_ref: int) -> list[StoredFile]:
    """Return the sealed files of a package, without their bytes; none for whoever may not."""
    rows = tx.execute(QUERIES.list_files, {"package_ref": package_ref})
    return [StoredFile(*row) for row in rows]


def load_file(tx: Transaction, package_ref: int, position: int) -> bytes | None:
    """Return one sealed file; None when there is none for whoever asks."""
    values = {"package_ref": package_ref, "position": position}
    row = tx.execute(QUERIES.load_file, values).fetchone()
    return None if row is None else bytes(row[0])


def load_envelope(tx: Transaction, package_ref: int) -> Envelope | None:
    """Return what goes in clear with a package; None when there is none for whoever asks."""
    row = tx.execute(QUERIES.load_envelope, {"package_ref": package_ref}).fetchone()
    return None if row is None else Envelope(*row)


def ask_packages(tx: Transaction, package_refs: Sequence[int], *, by_ref: int) -> list[int]:
    """Ask that packages be sent; return those that were ready."""
    values = {"package_refs": list(package_refs), "by_ref": by_ref}
    return [row[0] for row in tx.execute(QUERIES.ask_package, values)]


def take_back_packages(tx: Transaction, package_refs: Sequence[int]) -> list[int]:
    """Take such questions back; return those that were waiting for a second person."""
    rows = tx.execute(QUERIES.take_back_package, {"package_refs": list(package_refs)})
    return [row[0] for row in rows]


def send_package(tx: Transaction, package_ref: int, *, by_ref: int) -> datetime | None:
    """Publish a package to its insurer's space; None when it was not asked for."""
    values = {"package_ref": package_ref, "by_ref": by_ref}
    row = tx.execute(QUERIES.send_package, values).fetchone()
    return None if row is None else row[0]


def withdraw_package(tx: Transaction, package_ref: int, *, by_ref: int, reason: str) -> bool:
    """Withdraw a package; False when it was not sent, or was withdrawn already."""
    values = {"package_ref": package_ref, "by_ref": by_ref, "reason": reason}
    return tx.execute(QUERIES.withdraw_package, values).fetchone() is not None


def receive_package(tx: Transaction, package_ref: int, way: str) -> datetime | None:
    """Note the visitor's receipt; return when their level first had it, None: no such package."""
    values = {"package_ref": package_ref, "way": way}
    row = tx.execute(QUERIES.receive_package, values).fetchone()
    return None if row is None else row[0]


def list_unreceived(tx: Transaction, *, before: datetime) -> list[Unreceived]:
    """Return the packages sent, and reminded of, before an instant, that nobody received."""
    return [Unreceived(*row) for row in tx.execute(QUERIES.list_unreceived, {"before": before})]


def note_reminder(tx: Transaction, package_ref: int) -> None:
    """Count a reminder."""
    tx.execute(QUERIES.note_reminder, {"package_ref": package_ref})


def insert_told(
    tx: Transaction, package_ref: int, *, by_name: str, received_at: datetime
) -> int | None:
    """Note a receipt told from outside; return whose, None when it cannot be."""
    values = {"package_ref": package_ref, "by_name": by_name, "received_at": received_at}
    row = tx.execute(QUERIES.insert_told, values).fetchone()
    return None if row is None else int(row[0])


def list_notes(tx: Transaction, incident_id: int) -> list[OwnNote]:
    """Return the visitor's insurer's own notes about an incident."""
    return [OwnNote(*row) for row in tx.execute(QUERIES.list_notes, {"incident_id": incident_id})]


def insert_note(
    tx: Transaction,
    note_ref: int,
    note: NewNote,
    *,
    incident_id: int,
    insurer_id: int,
    author_ref: int,
) -> None:
    """Write a note, a task or a decision down."""
    tx.execute(
        QUERIES.insert_note,
        {
            "note_ref": note_ref,
            "incident_id": incident_id,
            "insurer_id": insurer_id,
            "kind": note.kind,
            "words": note.words,
            "reason": note.reason,
            "owner": note.owner,
            "due_at": note.due_at,
            "author_ref": author_ref,
        },
    )


def finish_task(tx: Transaction, note_ref: int, *, done_by: int, proof: str) -> int | None:
    """Say that a task is done; return its incident, None when there is no such task left."""
    values = {"note_ref": note_ref, "done_by": done_by, "proof": proof}
    row = tx.execute(QUERIES.finish_task, values).fetchone()
    return None if row is None else int(row[0])


def _make_package(*row: object) -> ListedPackage:
    values = list(row)
    values[10] = Conclusion(str(values[10]))
    values[17] = PackageState(str(values[17]))
    return ListedPackage(*values)  # type: ignore[arg-type]


def _make_own(*row: object) -> OwnIncident:
    values = list(row)
    values[9] = Conclusion(str(values[9]))
    return OwnIncident(*values)  # type: ignore[arg-type]


def find_insurer_organisation(tx: Transaction, insurer_id: int) -> int | None:
    """Return the organisation of an insurer; None when it has none here."""
    row = tx.execute(QUERIES.find_insurer_organisation, {"insurer_id": insurer_id}).fetchone()
    return None if row is None else int(row[0])


def load_head(tx: Transaction, incident_id: int) -> tuple[str, bool, bool] | None:
    """Return an incident's title, whether it is an exercise, and whether it was analysed."""
    return tx.execute(QUERIES.load_head, {"incident_id": incident_id}).fetchone()


def count_latest(tx: Transaction, incident_id: int) -> dict[str, int]:
    """Count the latest packages of an incident by state; `unreceived`, those without a receipt."""
    counts = dict.fromkeys((*map(str, PackageState), "unreceived"), 0)
    for state, count, unreceived in tx.execute(QUERIES.count_latest, {"incident_id": incident_id}):
        counts[state] = count
        counts["unreceived"] += unreceived
    return counts
