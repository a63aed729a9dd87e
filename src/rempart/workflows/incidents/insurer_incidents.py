"""An insurer's side of an incident: what it was told, what it received, its own notes.

Refuses to show what was not sent, and to hand a package out before its receipt is written: the hour
of the first of a download and an acknowledgement is the one that counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.exchange.package_archive import Entry, compute_size
from rempart.exchange.package_note import CERTIFICATE_NAME, NOTE_NAME
from rempart.exchange.package_sealing import format_certificate
from rempart.incidents.room import name_file, read_words
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.storage import package_pages
from rempart.storage.connect import Transaction
from rempart.storage.package_pages import (
    ListedPackage,
    NewNote,
    NoteKind,
    OwnColumn,
    OwnIncident,
    OwnNote,
    PackageColumn,
    Receipt,
    StoredFile,
)
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref

__all__ = [
    "Dossier",
    "ListedPackage",
    "NewNote",
    "NoteKind",
    "OwnColumn",
    "OwnIncident",
    "OwnNote",
    "PackageColumn",
    "Parcel",
    "Receipt",
    "Received",
    "acknowledge",
    "add_note",
    "finish_task",
    "list_incidents",
    "list_relayed",
    "load_file",
    "prepare_download",
    "read_dossier",
]

NOTE_LIMIT: Final = 2000
OWNER_LIMIT: Final = 120
PROOF_LIMIT: Final = 500
_MOST_PACKAGES: Final = 500


@dataclass(frozen=True, slots=True)
class Received:
    """A package and its receipts."""

    package: ListedPackage
    receipts: Sequence[Receipt]


@dataclass(frozen=True, slots=True, kw_only=True)
class Dossier:
    """What an insurer sees of one incident: its packages, the newest first, and its own notes."""

    incident_id: int
    packages: Sequence[Received]
    notes: Sequence[OwnNote]

    @property
    def latest(self) -> ListedPackage:
        """The package that says what is known now."""
        return self.packages[0].package


@dataclass(frozen=True, slots=True, kw_only=True)
class Parcel:
    """A package about to be handed out.

    Args:
        name: Of the file.
        clear: The files in clear, with their names.
        files: The sealed ones, to be loaded one at a time.
        size: Of the archive, bytes.
        made_at: Written in the archive.
        received_at: When this level first had it.
    """

    package_ref: int
    name: str
    clear: tuple[tuple[str, bytes], ...]
    files: tuple[StoredFile, ...]
    size: int
    made_at: datetime
    received_at: datetime


def list_incidents(
    tx: Transaction, asker: Asker, listing: Listing[OwnColumn]
) -> tuple[list[OwnIncident], int]:
    """Return one page of the incidents that the asker's insurer was told of."""
    _check_insurer(asker, Permission.READ_OWN_INCIDENTS)
    return package_pages.list_own_incidents(tx, listing)


def read_dossier(tx: Transaction, asker: Asker, incident_id: int) -> Dossier:
    """Return what the asker's insurer sees of one incident.

    Raises:
        NotFound: it was told of no such incident.
    """
    insurer_id = _check_insurer(asker, Permission.READ_OWN_INCIDENTS)
    listing: Listing[PackageColumn] = Listing(sort="number", descending=True, limit=_MOST_PACKAGES)
    found, _total = package_pages.list_packages(
        tx, listing, incident_id=incident_id, insurer_id=insurer_id
    )
    if not found:
        raise NotFound("no such incident")
    return Dossier(
        incident_id=incident_id,
        packages=[Received(one, package_pages.list_receipts(tx, one.package_ref)) for one in found],
        notes=package_pages.list_notes(tx, incident_id),
    )


def list_relayed(
    tx: Transaction, asker: Asker, listing: Listing[PackageColumn]
) -> tuple[list[Received], int]:
    """Return one page of the packages of the insurers that a hosted operator runs.

    With the receipts of every level: the operator's own, and whether the insurer has it yet.
    """
    _check_relays(asker)
    found, total = package_pages.list_packages(tx, listing)
    return [Received(one, package_pages.list_receipts(tx, one.package_ref)) for one in found], total


def prepare_download(tx: Transaction, asker: Asker, package_ref: int) -> Parcel:
    """Note that the asker receives a package and return how to hand it out.

    The receipt is committed before the first byte leaves: a crash between the two leaves a receipt
    for a package that did not arrive, and the insurer downloads it again.

    Raises:
        NotFound: no such package for the asker, or it was withdrawn.
    """
    received_at = _receive(tx, asker, package_ref, "downloaded")
    envelope = package_pages.load_envelope(tx, package_ref)
    if envelope is None:
        raise NotFound("no such package")
    clear = (
        (NOTE_NAME, envelope.note.encode()),
        (CERTIFICATE_NAME, format_certificate(bytes(envelope.certificate))),
    )
    files = tuple(package_pages.list_files(tx, package_ref))
    entries = [Entry(name, len(body), bytes) for name, body in clear]
    entries += [Entry(one.name, one.size, bytes) for one in files]
    stem = f"incident-{envelope.incident_id}-{envelope.amc_number}-envoi-{envelope.number:02}"
    return Parcel(
        package_ref=package_ref,
        name=name_file(stem, "tar", exercise=envelope.exercise),
        clear=clear,
        files=files,
        size=compute_size(entries),
        made_at=envelope.made_at,
        received_at=received_at,
    )


def load_file(tx: Transaction, package_ref: int, position: int) -> bytes:
    """Return one sealed file of a package.

    Raises:
        NotFound: it was withdrawn while it was handed out.
    """
    content = package_pages.load_file(tx, package_ref, position)
    if content is None:
        raise NotFound("this package was withdrawn")
    return content


def acknowledge(tx: Transaction, asker: Asker, package_ref: int) -> datetime:
    """Note that the asker received a package; return when their level first had it.

    Raises:
        NotFound: no such package for the asker, or it was withdrawn.
    """
    return _receive(tx, asker, package_ref, "acknowledged")


def add_note(tx: Transaction, asker: Asker, incident_id: int, note: NewNote) -> None:
    """Write a note, a task or a decision of the insurer's own; the operator does not read it.

    Raises:
        NotFound: the insurer was told of no such incident.
        InvalidRequest: no words, or too many; a decision without a reason, a task without an owner.
    """
    insurer_id = _check_insurer(asker, Permission.RECEIVE_PACKAGE)
    read_dossier(tx, asker, incident_id)
    package_pages.insert_note(
        tx,
        draw_ref(),
        NewNote(
            kind=note.kind,
            words=read_words(note.words, "words", NOTE_LIMIT),
            reason=read_words(note.reason, "reason") if note.kind == "decision" else "",
            owner=read_words(note.owner, "owner", OWNER_LIMIT) if note.kind == "task" else "",
            due_at=note.due_at if note.kind == "task" else None,
        ),
        incident_id=incident_id,
        insurer_id=insurer_id,
        author_ref=asker.visitor.actor_ref,
    )


def finish_task(tx: Transaction, asker: Asker, note_ref: int, *, proof: str = "") -> int:
    """Say that a task of the insurer's own is done, and what shows it; return its incident.

    Raises:
        NotFound: no such task that is not done.
        InvalidRequest: what shows it takes too many words.
    """
    _check_insurer(asker, Permission.RECEIVE_PACKAGE)
    shown = read_words(proof, "proof", PROOF_LIMIT) if proof.strip() else ""
    incident_id = package_pages.finish_task(
        tx, note_ref, done_by=asker.visitor.actor_ref, proof=shown
    )
    if incident_id is None:
        raise NotFound("no such task")
    return incident_id


def _receive(tx: Transaction, asker: Asker, package_ref: int, way: str) -> datetime:
    if asker.visitor.insurer_id is None:
        _check_relays(asker)
    else:
        _check_insurer(asker, Permission.RECEIVE_PACKAGE)
    received_at = package_pages.receive_package(tx, package_ref, way)
    if received_at is None:
        raise NotFound("no such package")
    return received_at


def _check_insurer(asker: Asker, permission: Permission) -> int:
    check_can(asker.visitor, permission, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotFound("there are no incidents here")
    return asker.visitor.insurer_id


def _check_relays(asker: Asker) -> None:
    check_can(asker.visitor, Permission.RELAY_PACKAGES, now=asker.now)
    if asker.visitor.is_host:
        raise NotFound("the host sends packages: it relays none")
