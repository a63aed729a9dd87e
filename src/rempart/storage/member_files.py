"""Files of members that an insurer's agents open: the database says whose, and how many a day.

Refuses a list of people: what is read here was opened by its exact identifiers, by this session.
"""

import uuid
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from rempart.rights.card import CardSerial
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("member_files")


class Opening(NamedTuple):
    """What came of a question about somebody; `person_ref` is None for nobody.

    Attributes:
        is_taken: Whether it was asked: False when the day's files are spent.
        person_ref: Whom it leads to.
    """

    is_taken: bool
    person_ref: int | None


class ContractOpening(NamedTuple):
    """What came of a question about a contract; `people` is None for none of the insurer's."""

    is_taken: bool
    people: int | None


class OpenFile(NamedTuple):
    """A file that is open; 0 for what it is not about."""

    person_ref: int
    contract_ref: int
    insurer_id: int
    motive: str
    opened_at: datetime


@dataclass(frozen=True, slots=True)
class SheetLine:
    """One line of somebody's rights; a day that is None never comes."""

    is_present: bool
    feed_version: int
    contract_ref: int
    starts_on: date
    ends_on: date | None
    suspended_from: date | None
    suspended_to: date | None
    convention_type: str
    csr: str
    is_responsible: bool
    domains: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class FileCard:
    """A card somebody is on."""

    serial: CardSerial
    issued_on: date
    valid_from: date
    valid_to: date
    is_holder: bool
    revoked_at: datetime | None


class FileExposure(NamedTuple):
    """What the insurer was sent about somebody; `tier` is None for one that was taken back."""

    incident_id: int
    title: str
    exercise: bool
    tier: str | None
    fields: int
    sent_at: datetime


class FilePeople(NamedTuple):
    """The people of a contract: how many, from when, until when (None: no end), suspended today."""

    persons: int
    first_on: date | None
    last_on: date | None
    suspended: int


class FileCount(NamedTuple):
    """How many files an agent opened today; `nobody`: how many of them led to nobody."""

    actor_ref: int
    name: str
    files: int
    nobody: int


class FileClaim(NamedTuple):
    """A claim of a person, without its acts."""

    claim_ref: int
    establishment_ref: int
    state: str
    received_at: datetime
    care_on: date
    billed_cents: int
    amc_cents: int | None


class FileConsultation(NamedTuple):
    """An answer about a person, by pseudonyms."""

    log_id: int
    idx: int
    t_ms: int
    account_ref: int
    domain: int
    mode: int
    outcome: int


def open_member_file(
    tx: Transaction, file_ref: int, *, lookup_key: bytes, motive: str, most: int
) -> Opening:
    """Open the file of whom a key leads to, members and former ones."""
    values = {
        "file_ref": file_ref,
        "lookup_key": uuid.UUID(bytes=lookup_key),
        "motive": motive,
        "most": most,
    }
    [row] = tx.execute(_sql.open_member_file, values)
    return Opening(*row)


def open_contract_file(
    tx: Transaction, file_ref: int, *, contract_ref: int, motive: str, most: int
) -> ContractOpening:
    """Open the file of a contract."""
    values = {"file_ref": file_ref, "contract_ref": contract_ref, "motive": motive, "most": most}
    [row] = tx.execute(_sql.open_contract_file, values)
    return ContractOpening(*row)


def open_covered_file(
    tx: Transaction, file_ref: int, *, from_file: int, place: int, most_people: int, most: int
) -> Opening | None:
    """Open the file of one of the people on a contract; None when there is no such place."""
    values = {
        "file_ref": file_ref,
        "from_file": from_file,
        "place": place,
        "most_people": most_people,
        "most": most,
    }
    row = tx.execute(_sql.open_covered_file, values).fetchone()
    return None if row is None else Opening(*row)


def read_file(tx: Transaction, file_ref: int) -> OpenFile | None:
    """Return a file that the visitor's session opened less than half an hour ago, or None."""
    row = tx.execute(_sql.read_file, {"file_ref": file_ref}).fetchone()
    return None if row is None else OpenFile(*row)


def list_sheet(tx: Transaction, file_ref: int) -> list[SheetLine]:
    """Return the lines of somebody's rights, the latest first."""
    return [SheetLine(*row) for row in tx.execute(_sql.list_sheet, {"file_ref": file_ref})]


def list_cards(tx: Transaction, file_ref: int) -> list[FileCard]:
    """Return the cards somebody is on, the newest first."""
    rows = tx.execute(_sql.list_cards, {"file_ref": file_ref})
    return [FileCard(CardSerial(bytes(serial)), *rest) for serial, *rest in rows]


def list_exposures(tx: Transaction, file_ref: int) -> list[FileExposure]:
    """Return what the insurer was sent about somebody; nothing for who does not answer for it."""
    return [FileExposure(*row) for row in tx.execute(_sql.list_exposures, {"file_ref": file_ref})]


def list_subjects(tx: Transaction, file_ref: int, *, most_people: int) -> list[tuple[int, int]]:
    """Return (place, person) of a small contract; nobody of a large one."""
    values = {"file_ref": file_ref, "most_people": most_people}
    return [(place, person) for place, person in tx.execute(_sql.list_subjects, values)]


def count_people(tx: Transaction, file_ref: int) -> FilePeople:
    """Return how many people the contract of a file covers."""
    [row] = tx.execute(_sql.count_people, {"file_ref": file_ref})
    return FilePeople(*row)


def count_files(tx: Transaction) -> list[FileCount]:
    """Return today's files by agent: the visitor's, and everybody's for who answers for members."""
    return [FileCount(*row) for row in tx.execute(_sql.count_files)]


def list_file_claims(
    tx: Transaction, person_ref: int, insurer_id: int, *, most: int
) -> list[FileClaim]:
    """Return the last claims of a person, without their acts."""
    values = {"person_ref": person_ref, "insurer_id": insurer_id, "most": most}
    return [FileClaim(*row) for row in tx.execute(_sql.list_file_claims, values)]


def list_consultations(
    tx: Transaction, person_ref: int, insurer_id: int, *, since_ms: int, most: int
) -> list[FileConsultation]:
    """Return the last answers about a person, by pseudonyms."""
    values = {
        "person_ref": person_ref,
        "insurer_id": insurer_id,
        "since_ms": since_ms,
        "most": most,
    }
    return [FileConsultation(*row) for row in tx.execute(_sql.list_consultations, values)]


def has_account(tx: Transaction, person_ref: int, insurer_id: int) -> bool:
    """Say whether a person enrolled in the member space."""
    values = {"person_ref": person_ref, "insurer_id": insurer_id}
    [(found,)] = tx.execute(_sql.has_account, values)
    return bool(found)


def load_amc_number(tx: Transaction, insurer_id: int) -> str:
    """Return the number that identifiers of an insurer name."""
    [(number,)] = tx.execute(_sql.load_amc_number, {"insurer_id": insurer_id})
    return str(number)
