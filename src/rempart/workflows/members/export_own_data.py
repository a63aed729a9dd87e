"""All that is held about a member, put together for them to take along (GDPR, article 15).

Read under their own ticket, page by page what their space shows, with what was opened for the copy.
Refuses to cut in silence: how many there are is said beside what is listed.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.findings import Language
from rempart.kernel.listing import Listing
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.own_account import (
    list_own_events,
    list_own_passkeys,
    list_own_sessions,
)
from rempart.workflows.accounts.own_addresses import list_own_addresses
from rempart.workflows.claims import dispute_care
from rempart.workflows.claims.dispute_care import DisputeColumn, DisputeFilter, SealsWords
from rempart.workflows.claims.read_insured_claims import (
    InsuredColumn,
    InsuredFilter,
    list_own_claims,
    name_billers,
    read_own_claim,
)
from rempart.workflows.claims.read_pecs import PecColumn, PecNumbers, list_pecs, read_pec_lines
from rempart.workflows.ledger.record_act import ActsLog
from rempart.workflows.members import data_requests, report_message
from rempart.workflows.members.copy_own_data import open_copy
from rempart.workflows.members.member_history import HistoryColumn, Page, read_history
from rempart.workflows.members.own_data import read_own_data
from rempart.workflows.members.own_messages import list_own_messages, read_text
from rempart.workflows.members.set_preferences import read_preference
from rempart.workflows.rights.read_cards import OpensPrints, read_my_cards
from rempart.workflows.settlement.change_bank_details import Asker as CardAsker

FORMAT: Final = "rempart own data 1"
# More of one kind than anybody has; what is beyond is counted.
MOST: Final = 2_000
_ALWAYS_MS: Final = (1 << 63) - 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Sources:
    """What the pages of a member read from, beside the database.

    Args:
        acts: Where reading the ledger is recorded.
        files: The files of cold segments.
        seal: Opens what the member wrote.
        prints: Opens the prints of the member's own cards.
        numbers: Writes the numbers of promises.
    """

    acts: ActsLog
    files: SealedFiles | None
    seal: SealsWords
    prints: OpensPrints
    numbers: PecNumbers


def export_own_data(
    tx: Transaction, asker: Asker, sources: Sources, copy_ref: int, *, language: Language
) -> dict[str, Any]:
    """Return all that is held about the member, as JSON has it: texts, numbers, lists.

    Args:
        tx: A transaction with the member's ticket.
        asker: The member.
        sources: What their pages read from.
        copy_ref: The copy that was made for them.
        language: Of words.

    Raises:
        NotAllowed: they are no member.
        StepUpNeeded: a fresh ceremony is needed.
        NotFound: there is no such copy of theirs, or it is not ready.
        LedgerUnavailable: reading the ledger cannot be recorded: nothing is given.
    """
    check_can(asker.visitor, Permission.EXPORT_OWN_DATA, now=asker.now)
    opened = open_copy(tx, asker, sources.seal, copy_ref)
    kept = read_own_data(tx, asker, language)
    wished = read_preference(tx, asker)
    found = {
        "format": FORMAT,
        "made_at": asker.now,
        "name": asker.visitor.display_name,
        "identity": {"as_of": opened.made_at, **opened.identity},
        "coverage": opened.coverage,
        "kept": [dataclasses.asdict(one) for one in kept.held],
        "moved": [_as_mapping(one) for one in kept.moves],
        "cards": _list_cards(tx, asker, sources.prints),
        "reimbursements": _list_claims(tx, asker, language),
        "prises_en_charge": _list_pecs(tx, asker, sources.numbers, language),
        "disputes": _list_disputes(tx, asker, sources.seal),
        "messages": _list_messages(tx, asker),
        "preference": dataclasses.asdict(wished),
        "requests": _list_requests(tx, asker),
        "suspicious_messages": [
            dataclasses.asdict(
                report_message.read_own_report(tx, asker, sources.seal, one.report_ref)
            )
            for one in report_message.list_own_reports(tx, asker)
        ],
        "account": _describe_account(tx, asker),
        # Last, because it records a reading: nothing is on record for a copy that failed before.
        "consultations": _list_consultations(tx, asker, sources),
    }
    plain: dict[str, Any] = _write(found)
    return plain


def _list_cards(tx: Transaction, asker: Asker, prints: OpensPrints) -> list[dict[str, Any]]:
    reader = CardAsker(visitor=asker.visitor, whence=asker.whence, now=asker.now)
    cards = read_my_cards(tx, reader, prints)
    return [
        {
            "serial": one.serial.format(),
            "issued_on": one.row.issued_on,
            "valid_from": one.row.valid_from,
            "valid_to": one.row.valid_to,
            "revoked_at": one.row.revoked_at,
            "people": [] if one.printed is None else list(one.printed.names),
            "address": [] if one.printed is None else list(one.printed.address),
            "member_number": "" if one.printed is None else one.printed.card.member_number,
        }
        for one in (*cards.current, *cards.past)
    ]


def _list_claims(tx: Transaction, asker: Asker, language: Language) -> dict[str, Any]:
    listing: Listing[InsuredColumn] = Listing(sort="received", limit=MOST)
    rows, total = list_own_claims(tx, asker, listing, InsuredFilter())
    names = name_billers(tx, rows)
    listed = []
    for row in rows:
        explained = read_own_claim(tx, asker, row.claim_ref, language=language).explained
        biller = names.get(row.establishment_ref)
        listed.append(
            {
                **row._asdict(),
                "biller": "" if biller is None else f"{biller.name}, {biller.city}",
                "lines": [
                    {**_as_mapping(one.line), "label": one.label, "why": list(one.sentences)}
                    for one in explained.lines
                ],
                "events": [_as_mapping(one) for one in explained.events],
            }
        )
    return {"total": total, "listed": listed}


def _list_pecs(
    tx: Transaction, asker: Asker, numbers: PecNumbers, language: Language
) -> dict[str, Any]:
    listing: Listing[PecColumn] = Listing(sort="asked", limit=MOST)
    rows, total = list_pecs(tx, asker, numbers, listing)
    listed = [
        {
            "number": row.number,
            **_as_mapping(row.pec),
            "lines": [
                dataclasses.asdict(one)
                for one in read_pec_lines(tx, asker, numbers, row.number, language)
            ],
        }
        for row in rows
    ]
    return {"total": total, "listed": listed}


def _list_disputes(tx: Transaction, asker: Asker, seal: SealsWords) -> dict[str, Any]:
    listing: Listing[DisputeColumn] = Listing(sort="made", limit=MOST)
    rows, total = dispute_care.list_own_disputes(tx, asker, listing, DisputeFilter())
    listed = []
    for row in rows:
        one = dispute_care.read_own_dispute(tx, asker, seal, row.dispute_ref)
        listed.append(
            {
                "claim_ref": one.claim_ref,
                "line": one.line,
                "reason": one.reason,
                "words": one.words,
                "made_at": one.made_at,
                "state": one.state,
                "outcome": one.outcome,
                "answer": one.answer,
                "ended_at": one.ended_at,
            }
        )
    return {"total": total, "listed": listed}


def _list_messages(tx: Transaction, asker: Asker) -> list[dict[str, Any]]:
    return [
        {
            **dataclasses.asdict(one),
            "lost": int(one.lost),
            "text": read_text(tx, asker, one.number),
        }
        for one in list_own_messages(tx, asker)
    ]


def _list_requests(tx: Transaction, asker: Asker) -> dict[str, Any]:
    rows, total = data_requests.list_own(tx, asker, most=MOST)
    return {"total": total, "listed": [_as_mapping(one) for one in rows]}


def _describe_account(tx: Transaction, asker: Asker) -> dict[str, Any]:
    visitor = asker.visitor
    events, total = list_own_events(tx, visitor, Listing(sort="time", limit=MOST))
    return {
        "sessions": [_as_mapping(one) for one in list_own_sessions(tx, visitor)],
        "keys": [
            {
                "label": one.label,
                "created_at": one.created_at,
                "used_at": one.used_at,
                "revoked_at": one.revoked_at,
            }
            for one in list_own_passkeys(tx, visitor)
        ],
        "alert_addresses": [_as_mapping(one) for one in list_own_addresses(tx, visitor)],
        "events": {"total": total, "listed": [_as_mapping(one) for one in events]},
    }


def _list_consultations(tx: Transaction, asker: Asker, sources: Sources) -> dict[str, Any]:
    listing: Listing[HistoryColumn] = Listing(sort="when", limit=MOST)
    page = Page(from_ms=0, to_ms=_ALWAYS_MS, listing=listing)
    history = read_history(
        tx,
        asker.visitor,
        sources.acts,
        page,
        files=sources.files,
        now_ms=int(asker.now.timestamp() * 1000),
    )
    listed = [_as_mapping(one) for one in history.rows]
    return {
        "total": history.total,
        "since_ms": history.since_ms,
        "listed": listed,
        "away": [_as_mapping(one) for one in history.away],
    }


def _as_mapping(one: Any) -> Mapping[str, Any]:
    if dataclasses.is_dataclass(one) and not isinstance(one, type):
        return dataclasses.asdict(one)
    found: Mapping[str, Any] = one._asdict()
    return found


def _write(value: Any) -> Any:
    """Return a value as JSON has it: days and instants as ISO 8601 text, no set and no tuple."""
    if isinstance(value, Mapping):
        return {str(name): _write(one) for name, one in value.items()}
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, str) or not isinstance(value, Iterable):
        return str(value) if isinstance(value, str) else value
    return [_write(one) for one in value]
