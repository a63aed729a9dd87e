"""Open the file of a member, or of a contract, for an agent of its insurer: exactly one, on record.

Refuses to search, to list people by name, and to show anything of somebody before the ledger holds
that it is shown. Names stay sealed: whoever asks has said whom they mean.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rempart.accounts.member_files import (
    CONTRACT_LETTERS,
    MOST_FILES_A_DAY,
    MOST_PEOPLE_TOLD,
    FileMotive,
)
from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.storage import insured_claims, member_files
from rempart.storage.connect import Transaction
from rempart.storage.insured_claims import BillerName
from rempart.storage.member_files import (
    FileCard,
    FileClaim,
    FileConsultation,
    FileCount,
    FileExposure,
    FilePeople,
    OpenFile,
    SheetLine,
)
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.ledger.read_on_record import Readings

__all__ = [
    "CONTRACT_LETTERS",
    "MOST_PEOPLE_TOLD",
    "FileCard",
    "FileClaim",
    "FileConsultation",
    "FileCount",
    "FileExposure",
    "FileMotive",
    "FilePeople",
    "SheetLine",
]

QUESTION: Final = "member-file"
CONTRACT_QUESTION: Final = "contract-file"
CONSULTATION_DAYS: Final = 90
MOST_CONSULTATIONS: Final = 50
MOST_CLAIMS: Final = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class MemberFile:
    """Everything the file of a person shows; no name, no NIR, no address.

    Args:
        opened: Which file, why, since when.
        lines: Their rights, the latest first.
        cards: The cards they are on.
        claims: Their last claims, without acts.
        billers: Who sent those.
        consultations: Who was answered about them, by pseudonyms.
        exposures: What the insurer was sent about them; empty for who does not answer for members.
        has_account: Whether they enrolled in the member space.
    """

    opened: OpenFile
    lines: Sequence[SheetLine]
    cards: Sequence[FileCard]
    claims: Sequence[FileClaim]
    billers: Mapping[int, BillerName]
    consultations: Sequence[FileConsultation]
    exposures: Sequence[FileExposure]
    has_account: bool

    @property
    def is_present(self) -> bool:
        """Whether they are a member now, rather than a former one."""
        return any(line.is_present for line in self.lines)


@dataclass(frozen=True, slots=True, kw_only=True)
class ContractFile:
    """What the file of a contract shows: its people by a number, or only how many they are.

    Args:
        opened: Which file, why, since when.
        people: How many, from when.
        places: The numbers of those whose file may be opened from here.
    """

    opened: OpenFile
    people: FilePeople
    places: Sequence[int]


def open_file(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    *,
    lookup_key: bytes,
    motive: FileMotive,
    by: Author,
) -> int | None:
    """Open the file of whom exact identifiers lead to; None: no member of the insurer.

    The question is on record either way, and takes one file off the agent's day.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the question is recorded.
        asker: An agent of the insurer.
        lookup_key: What the identifiers typed lead to; they are not kept.
        motive: Why; the person reads it.
        by: The asker, as the author of the reading.

    Raises:
        NotAllowed: they are not an insurer's agent.
        Conflict: they opened as many files today as they may; nothing was looked for.
        LedgerUnavailable: it cannot be recorded: nothing is told.
    """
    insurer_id = _check_agent(asker)
    file_ref = draw_ref()
    found = member_files.open_member_file(
        tx, file_ref, lookup_key=lookup_key, motive=motive.value, most=MOST_FILES_A_DAY
    )
    if not found.is_taken:
        raise _spent()
    # Told only once it is recorded. A crash here leaves a question on record whose file was not
    # counted: too much is said, never too little.
    _record(readings, asker, motive, Subject(found.person_ref or 0, insurer_id), by=by)
    return None if found.person_ref is None else file_ref


def open_contract(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    *,
    contract_ref: int,
    motive: FileMotive,
    by: Author,
) -> int | None:
    """Open the file of a contract by its exact number; None: no such contract in force.

    Args:
        tx: A transaction with the asker's ticket.
        readings: Where the question is recorded, for each person of a small contract.
        asker: An agent of the insurer.
        contract_ref: What the number typed leads to; it is not kept.
        motive: Why.
        by: The asker, as the author of the reading.

    Raises:
        NotAllowed: they are not an insurer's agent.
        Conflict: they opened as many files today as they may; nothing was looked for.
        LedgerUnavailable: it cannot be recorded: nothing is told.
    """
    insurer_id = _check_agent(asker)
    file_ref = draw_ref()
    found = member_files.open_contract_file(
        tx, file_ref, contract_ref=contract_ref, motive=motive.value, most=MOST_FILES_A_DAY
    )
    if not found.is_taken:
        raise _spent()
    if not found.people:
        _record(readings, asker, motive, Subject(0, insurer_id), by=by, question=CONTRACT_QUESTION)
        return None
    _record_people(tx, readings, asker, file_ref, motive, insurer_id, by=by)
    return file_ref


def open_from_contract(
    tx: Transaction, readings: Readings, asker: Asker, file_ref: int, place: int, *, by: Author
) -> int:
    """Open the file of one of the people on a contract whose file is open; return its reference.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: there is no such place on it, or its file is not open any more.
        Conflict: they opened as many files today as they may.
        LedgerUnavailable: it cannot be recorded: nothing is shown.
    """
    insurer_id = _check_agent(asker)
    opened, fresh = _load(tx, file_ref), draw_ref()
    found = member_files.open_covered_file(
        tx,
        fresh,
        from_file=file_ref,
        place=place,
        most_people=MOST_PEOPLE_TOLD,
        most=MOST_FILES_A_DAY,
    )
    if found is None:
        raise NotFound("nobody has this place on the contract")
    if not found.is_taken or found.person_ref is None:
        raise _spent()
    motive = FileMotive(opened.motive)
    _record(readings, asker, motive, Subject(found.person_ref, insurer_id), by=by)
    return fresh


def read_file(
    tx: Transaction, readings: Readings, asker: Asker, file_ref: int, *, by: Author
) -> MemberFile:
    """Return what a file shows, once the ledger holds that it is shown.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: this session opened no such file in the last half hour.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    _check_agent(asker)
    opened = _load(tx, file_ref)
    if not opened.person_ref:
        raise NotFound("no such file of a person")
    person = Subject(opened.person_ref, opened.insurer_id)
    now_ms = int(asker.now.timestamp() * 1000)
    since_ms = now_ms - CONSULTATION_DAYS * 86_400_000
    readings.go_on(
        _make_read(QUESTION, FileMotive(opened.motive), since_ms, now_ms, people=1),
        by=by,
        now_ms=now_ms,
        subject=person,
    )
    claims = member_files.list_file_claims(tx, *person, most=MOST_CLAIMS)
    return MemberFile(
        opened=opened,
        lines=member_files.list_sheet(tx, file_ref),
        cards=member_files.list_cards(tx, file_ref),
        claims=claims,
        billers=insured_claims.name_billers(tx, {one.establishment_ref for one in claims}),
        consultations=member_files.list_consultations(
            tx, *person, since_ms=since_ms, most=MOST_CONSULTATIONS
        ),
        exposures=member_files.list_exposures(tx, file_ref),
        has_account=member_files.has_account(tx, *person),
    )


def read_contract(
    tx: Transaction, readings: Readings, asker: Asker, file_ref: int, *, by: Author
) -> ContractFile:
    """Return what the file of a contract shows, once the ledger holds that it is shown.

    Raises:
        NotAllowed: they are not an insurer's agent.
        NotFound: this session opened no such file in the last half hour.
        LedgerUnavailable: the reading cannot be recorded: nothing is shown.
    """
    insurer_id = _check_agent(asker)
    opened = _load(tx, file_ref)
    if not opened.contract_ref:
        raise NotFound("no such file of a contract")
    motive = FileMotive(opened.motive)
    places = _record_people(tx, readings, asker, file_ref, motive, insurer_id, by=by)
    return ContractFile(
        opened=opened, people=member_files.count_people(tx, file_ref), places=places
    )


def count_files(tx: Transaction, asker: Asker) -> list[FileCount]:
    """Return how many files were opened today: one's own, or each agent's for who answers for it.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    _check_agent(asker)
    return member_files.count_files(tx)


def find_amc_number(tx: Transaction, asker: Asker) -> str:
    """Return the number under which the members of the asker's insurer are known.

    Raises:
        NotAllowed: they are not an insurer's agent.
    """
    return member_files.load_amc_number(tx, _check_agent(asker))


def _check_agent(asker: Asker) -> int:
    check_can(asker.visitor, Permission.OPEN_MEMBER_FILES, now=asker.now)
    if asker.visitor.insurer_id is None:
        raise NotAllowed("files of members are their insurer's to open")
    return asker.visitor.insurer_id


def _load(tx: Transaction, file_ref: int) -> OpenFile:
    opened = member_files.read_file(tx, file_ref)
    if opened is None:
        raise NotFound("no such file: open it again")
    return opened


def _record_people(
    tx: Transaction,
    readings: Readings,
    asker: Asker,
    file_ref: int,
    motive: FileMotive,
    insurer_id: int,
    *,
    by: Author,
) -> list[int]:
    """Record that a contract is read, for each of its people when they are few; their places."""
    now_ms = int(asker.now.timestamp() * 1000)
    people = member_files.list_subjects(tx, file_ref, most_people=MOST_PEOPLE_TOLD)
    read = _make_read(CONTRACT_QUESTION, motive, now_ms, now_ms, people=min(len(people), 1))
    for person_ref in [person_ref for _, person_ref in people] or [0]:
        readings.go_on(read, by=by, now_ms=now_ms, subject=Subject(person_ref, insurer_id))
    return [place for place, _ in people]


def _record(
    readings: Readings,
    asker: Asker,
    motive: FileMotive,
    subject: Subject,
    *,
    by: Author,
    question: str = QUESTION,
) -> None:
    now_ms = int(asker.now.timestamp() * 1000)
    read = _make_read(question, motive, now_ms, now_ms, people=int(subject.person_ref != 0))
    readings.record(read, by=by, subject=subject)


def _make_read(
    question: str, motive: FileMotive, from_ms: int, to_ms: int, *, people: int
) -> LedgerRead:
    return LedgerRead(
        question=question,
        purpose=motive.value,
        from_ms=from_ms,
        to_ms=to_ms,
        about=About(kind="persons", count=people),
    )


def _spent() -> Conflict:
    return Conflict("today's files are spent: go on tomorrow, or ask who sets the limit")
