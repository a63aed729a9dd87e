"""Load where people are warned from a file: owner (FINESS, SIRET or RPPS), channel, address.

For each owner and channel that the file names, its addresses are those in use from now on; the ones
they replace are still warned for a while, of this change first. Refuses a row it cannot trust, with
a finding, and loads the others.
"""

import csv
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final

from cryptography.exceptions import InvalidTag

from rempart.accounts.contacts import Channel, parse_address, parse_channel
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue, Finding, Language, Refusal, format_finding
from rempart.kernel.identity import remove_spaces
from rempart.storage import contacts
from rempart.storage.bank_details import read_clock
from rempart.storage.connect import Transaction
from rempart.storage.contacts import Owner
from rempart.storage.letterbox import Letterbox
from rempart.workflows.accounts.warn_contacts import warn_contacts
from rempart.workflows.accounts.web_session import draw_ref, record_event

COLUMNS: Final = ("owner", "channel", "address")

UNKNOWN_OWNER: Final = Refusal(
    rule="contact_owner",
    fr="Aucun établissement et aucun professionnel connu n’a ce numéro.",
    en="No known establishment or professional has this number.",
    advice_fr="Charger d’abord les professionnels, ou corriger le numéro FINESS, SIRET ou RPPS.",
    advice_en="Load the professionals first, or correct the FINESS, SIRET or RPPS number.",
)

_Wanted = dict[tuple[Owner, Channel], set[str]]


@dataclass(slots=True)
class ContactsReport:
    """What a load did."""

    added: int = 0
    replaced: int = 0
    unchanged: int = 0
    findings: list[Finding] = field(default_factory=list)


def load_contacts(
    tx: Transaction, lines: Iterable[str], *, letterbox: Letterbox, language: Language = "fr"
) -> ContactsReport:
    """Load a file of addresses in one transaction: all its good rows, or nothing after a crash.

    Args:
        tx: A transaction of a role that owns the accounts plane.
        lines: The file: `;` between columns, a header line.
        letterbox: Seals the addresses, and opens those in use to compare.
        language: Of the findings.

    Raises:
        FeedRefused: the header lacks a column; nothing was loaded.
    """
    report = ContactsReport()
    wanted = _read(tx, lines, report, language)
    at = read_clock(tx)
    for (owner, channel), addresses in wanted.items():
        _load_owner(tx, owner, channel, addresses, letterbox, report, at)
    return report


def _load_owner(
    tx: Transaction,
    owner: Owner,
    channel: Channel,
    addresses: set[str],
    letterbox: Letterbox,
    report: ContactsReport,
    at: datetime,
) -> None:
    """Bring the addresses of one owner on one channel to those wanted."""
    sealed = contacts.list_current(tx, owner, channel)
    known = {ref: _open(letterbox, ref, value) for ref, value in sealed.items()}
    gone = [ref for ref, address in known.items() if address not in addresses]
    new = addresses - set(known.values())
    contacts.replace_contacts(tx, gone)
    for address in sorted(new):
        ref = draw_ref()
        contacts.save_contact(
            *(tx, owner, channel),
            contact_ref=ref,
            sealed=letterbox.slot.close(address, bound_to=ref),
        )
    report.added += len(new)
    report.replaced += len(gone)
    report.unchanged += len(known) - len(gone)
    if gone or new:
        kind = SecurityEventKind.CONTACT_REPLACED if gone else SecurityEventKind.CONTACT_ADDED
        event = SecurityEvent(
            kind=kind,
            actor_ref=owner.actor_ref,
            org_ref=owner.org_ref,
            details={"channel": channel, "by": "command line"},
        )
        warn_contacts(tx, record_event(tx, event), at=at)


def _open(letterbox: Letterbox, contact_ref: int, sealed: bytes) -> str | None:
    try:
        return letterbox.open(sealed, bound_to=contact_ref)
    except InvalidTag:
        return None  # of another home: replaced by what the file says


def _read(
    tx: Transaction, lines: Iterable[str], report: ContactsReport, language: Language
) -> _Wanted:
    """Read the file into addresses by owner and channel; what is wrong goes to the report."""
    reader = csv.DictReader(lines, delimiter=";")
    missing = [name for name in COLUMNS if name not in (reader.fieldnames or ())]
    if missing:
        raise FeedRefused(f"the header lacks {', '.join(missing)}: write {';'.join(COLUMNS)}")
    wanted: _Wanted = defaultdict(set)
    for record in reader:
        try:
            owner, channel, address = _read_row(tx, record)
        except _WrongField as wrong:
            report.findings.append(
                format_finding(
                    wrong.bad, field=wrong.field, line=reader.line_num, language=language
                )
            )
        else:
            wanted[owner, channel].add(address)
    return wanted


class _WrongField(Exception):
    """A value that cannot be used, and its column."""

    def __init__(self, field: str, bad: BadValue) -> None:
        super().__init__(field)
        self.field = field
        self.bad = bad


def _read_row(tx: Transaction, record: Mapping[str, str | None]) -> tuple[Owner, Channel, str]:
    """Read one row; the first wrong column is told."""
    texts = {name: record.get(name) or "" for name in COLUMNS}
    owner = contacts.find_owner(tx, remove_spaces(texts["owner"]).upper())
    if owner is None:
        raise _WrongField("owner", BadValue(UNKNOWN_OWNER))
    try:
        channel = parse_channel(texts["channel"])
    except BadValue as bad:
        raise _WrongField("channel", bad) from None
    try:
        return owner, channel, parse_address(channel, texts["address"])
    except BadValue as bad:
        raise _WrongField("address", bad) from None
