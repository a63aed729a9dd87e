"""Contact data for a campaign: given in sealed, read once, kept sealed, deleted with their use.

The insurer has them, the operator has none: they come in a file whose lines name persons by the
references of a package. Refuses to keep where somebody lives whom no package names.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from io import BytesIO
from itertools import islice
from typing import Any, BinaryIO, Final, Protocol

from rempart.accounts.permissions import Permission
from rempart.exchange.contact_cells import REFUSING, Rule
from rempart.exchange.contact_list import (
    MOST_FINDINGS,
    ContactFinding,
    ContactRow,
    NotAContactList,
    check_contact_header,
    read_contact_list,
)
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.notices.contacts import Contact
from rempart.retention.purges import ROWS, make_rows_body
from rempart.storage import notice_contacts
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.letterbox import Letterbox, Slot
from rempart.storage.notice_contacts import ContactSeal, SealedContact, load_contact_seal
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.sealing import Kms
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.notices.campaigns import find_insurer
from rempart.workflows.retention.purge_journal import carry_out, say_and_journal

LARGEST_FILE: Final = 24 * 1024 * 1024
"""Bytes of a file given on a page; the command line takes any."""
KEEP_DAYS: Final = 30
"""After the last campaign ended: time for what comes back, and for who writes in answer."""
_PIECE: Final = 2000
_LABEL: Final = b"rempart notices: file of contact data"


class ClosesFiles(Protocol):
    """What closes a file, bound to its reference, and opens none."""

    def close(self, value: str, *, bound_to: int) -> bytes:
        """Seal a file."""
        ...


@dataclass(slots=True)
class Reading:
    """What reading a file found so far."""

    taken: int = 0
    refused: int = 0
    findings: list[dict[str, Any]] = field(default_factory=list)
    rules: Counter[str] = field(default_factory=Counter)

    def add(self, finding: ContactFinding) -> None:
        """Note what is wrong with a line; of many, the first ones with their place."""
        self.rules[finding.rule] += 1
        if len(self.findings) < MOST_FINDINGS:
            self.findings.append(
                {"line": finding.line, "field": finding.field, "rule": finding.rule.value}
            )

    def describe(self) -> list[Mapping[str, Any]]:
        """Return the findings: how many of each rule, then the first ones with their line."""
        counts = [{"rule": rule, "lines": count} for rule, count in self.rules.most_common()]
        return [*counts, *self.findings]


def open_slot(master_key: bytes) -> Slot:
    """Return what closes files of contact data and opens none: for the pages."""
    return Letterbox(master_key, _LABEL).slot


def find_header_fault(content: bytes) -> Rule | None:
    """Say what is wrong with the first line of a file, before it is given; None: nothing."""
    try:
        check_contact_header(BytesIO(content))
    except NotAContactList as refusal:
        return refusal.rule
    return None


def give_contacts(
    tx: Transaction, asker: Asker, slot: ClosesFiles, content: bytes, *, file_ref: int
) -> None:
    """Take a file of contact data in, sealed; a job reads it.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Of the insurer whose persons they are.
        slot: Seals the file.
        content: Its bytes.
        file_ref: The same for a form that was sent twice.

    Raises:
        InvalidRequest: nothing in it, or too much for a page.
        NotAllowed: their role does not make campaigns.
    """
    insurer_id = find_insurer(asker, Permission.MAKE_CAMPAIGN)
    if not content.strip():
        raise InvalidRequest("the file is empty", fields=(("file", "give a file with a header"),))
    if len(content) > LARGEST_FILE:
        raise InvalidRequest(
            "the file is too large for a page",
            fields=(("file", "cut it in parts, or hand it to the host for its command line"),),
        )
    sealed = slot.close(content.decode("latin-1"), bound_to=file_ref)
    notice_contacts.insert_file(
        tx, file_ref, sealed, insurer_id=insurer_id, uploaded_by=asker.visitor.actor_ref
    )
    enqueue(tx, "read_contacts", file_ref=file_ref)


def read_given_file(
    tx: Transaction, kms: Kms, master_key: bytes, file_ref: int, *, today: date
) -> Reading:
    """Read a file that was given on a page, whole, in the open transaction.

    Raises:
        NotFound: there is none that waits.
    """
    waiting = notice_contacts.lock_file(tx, file_ref)
    if waiting is None:
        raise NotFound("no such file that waits to be read")
    stream = open_given_file(master_key, bytes(waiting.sealed), file_ref)
    seal = load_contact_seal(tx, kms, waiting.insurer_id)
    return _read(tx, seal, stream, file_ref=file_ref, insurer_id=waiting.insurer_id, today=today)


def open_given_file(master_key: bytes, sealed: bytes, file_ref: int) -> BytesIO:
    """Open a file that `open_slot` closed."""
    opened = Letterbox(master_key, _LABEL).open(sealed, bound_to=file_ref)
    return BytesIO(opened.encode("latin-1"))


def load_contacts(
    tx: Transaction,
    kms: Kms,
    stream: BinaryIO,
    *,
    insurer_id: int,
    file_ref: int,
    today: date,
) -> Reading:
    """Read a file handed to the host, in the open transaction.

    Raises:
        Conflict: this file reference exists.
    """
    if not notice_contacts.insert_file(tx, file_ref, b"\x00", insurer_id=insurer_id, uploaded_by=0):
        raise Conflict("this file was given in already")
    seal = load_contact_seal(tx, kms, insurer_id)
    return _read(tx, seal, stream, file_ref=file_ref, insurer_id=insurer_id, today=today)


def forget_contacts(tx: Transaction, *, now: datetime) -> int:
    """Delete contact data whose last campaign ended long enough ago; return how many.

    On a base that is closed: elsewhere `forget_on_record` does it, so that no backup undoes it.
    """
    before = now - timedelta(days=KEEP_DAYS)
    insurers = notice_contacts.list_forgettable(tx, before=before)
    return sum(notice_contacts.forget_contacts(tx, insurer_id) for insurer_id in insurers)


def forget_on_record(begin: OpenTransaction, journal: PurgeJournal, *, now: datetime) -> int:
    """Delete contact data whose last campaign ended long enough ago; return how many.

    Args:
        begin: Begins a transaction of the role notifier.
        journal: Where it is said outside the database first.
        now: The instant.
    """
    with begin() as tx:
        insurers = notice_contacts.list_forgettable(tx, before=now - timedelta(days=KEEP_DAYS))
    forgotten = 0
    for insurer_id in insurers:
        body = make_rows_body("notices.contact", [(insurer_id,)])
        record = say_and_journal(begin, journal, ROWS, body)
        forgotten += carry_out(
            begin,
            journal,
            record,
            lambda tx, said: sum(notice_contacts.forget_contacts(tx, *row) for row in said["rows"]),
        )
    return forgotten


def _read(
    tx: Transaction,
    seal: ContactSeal,
    stream: BinaryIO,
    *,
    file_ref: int,
    insurer_id: int,
    today: date,
) -> Reading:
    reading = Reading()
    state = "read"
    try:
        # A file that turns out not to be one leaves nothing behind.
        with tx.transaction():
            for kept in _choose_pieces(tx, stream, reading, insurer_id=insurer_id, today=today):
                notice_contacts.save_contacts(tx, file_ref, insurer_id, _seal(seal, kept))
    except NotAContactList as refusal:
        reading = Reading()
        reading.add(ContactFinding(1, "header", refusal.rule))
        state = "refused"
    notice_contacts.finish_file(
        tx,
        file_ref,
        state,
        taken=reading.taken,
        refused=reading.refused,
        findings=reading.describe(),
    )
    return reading


def _choose_pieces(
    tx: Transaction, stream: BinaryIO, reading: Reading, *, insurer_id: int, today: date
) -> Iterator[dict[int, Contact]]:
    """Yield the contacts to keep, some lines at a time."""
    seen: dict[int, int] = {}
    lines = read_contact_list(stream, today=today)
    while rows := list(islice(lines, _PIECE)):
        packaged = notice_contacts.list_packaged(
            tx, insurer_id, [row.person_ref for row in rows if row.contact]
        )
        yield _choose(rows, packaged, seen, reading)
    if not reading.taken and not reading.refused:
        raise NotAContactList(Rule.EMPTY)


def _choose(
    rows: Sequence[ContactRow], packaged: frozenset[int], seen: dict[int, int], reading: Reading
) -> dict[int, Contact]:
    """Return the contacts of a piece to keep: of one person, the last line."""
    kept: dict[int, Contact] = {}
    for row in rows:
        for finding in row.findings:
            reading.add(finding)
        if row.contact is None or any(one.rule in REFUSING for one in row.findings):
            reading.refused += 1
            continue
        if row.person_ref not in packaged:
            reading.refused += 1
            reading.add(ContactFinding(row.line, "reference", Rule.NOT_PACKAGED))
            continue
        said = hash((row.contact.recipient, row.contact.email, row.contact.address))
        if row.person_ref in seen:
            # One person with two contracts is one person: told once, where the last line says.
            alike = seen[row.person_ref] == said
            rule = Rule.TWICE if alike else Rule.TWICE_OTHERWISE
            reading.add(ContactFinding(row.line, "reference", rule))
        else:
            reading.taken += 1
        seen[row.person_ref] = said
        kept[row.person_ref] = row.contact
    return kept


def _seal(seal: ContactSeal, contacts: Mapping[int, Contact]) -> Iterator[SealedContact]:
    for person_ref, contact in contacts.items():
        yield SealedContact(
            person_ref=person_ref,
            sealed=seal.seal(person_ref, contact),
            household=seal.digest_household(contact),
            flags=int(contact.flags),
            language=contact.language,
        )
