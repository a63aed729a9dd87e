"""What an analysis rests on and changes, and what people answer for. Roles: analyst, portals.

Refuses to change what was written: analyses and overrules are added.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg.types.json import Jsonb

from rempart.incidents.attribution import Overrule, Verdict
from rempart.incidents.changes import Change, ExposureChange, VerdictChange
from rempart.incidents.coverage import AccountEvidence, LogEvidence, SignedState
from rempart.incidents.evidence import Window
from rempart.incidents.exposure import Tier
from rempart.incidents.population import OwnerRecord
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Transaction
from rempart.storage.ledger_expressions import SUSPECTS, ask_account_numbers
from rempart.storage.ledger_sources import Sources, find_sources, read_cold_by_log
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("incident_analyses")
# Written instead of a verdict: the sums have the word again.
SUMS: Final = "sums"


@dataclass(frozen=True, slots=True, kw_only=True)
class EnteredAccount:
    """An account somebody else was in: how surely, and what there was of its owner's to see."""

    account_ref: int
    tier: Tier
    sessions: tuple[int, ...]
    is_portal: bool
    record: OwnerRecord


@dataclass(frozen=True, slots=True)
class Analysis:
    """One analysis as it was written."""

    number: int
    made_at: datetime
    author: str
    rules: str
    inputs: Mapping[str, Any]
    coverage: Mapping[str, Any]
    counts: Mapping[str, Any]
    list_digest: str


@dataclass(frozen=True, slots=True)
class ChangeCount:
    """How many persons of an insurer one analysis added, raised, lowered or removed."""

    insurer_id: int
    insurer: str
    change: str
    persons: int


@dataclass(frozen=True, slots=True)
class ProfessionalRow:
    """One owner of an account somebody else was in."""

    account_ref: int
    profession: str
    tier: str
    fields: int
    sessions: int


@dataclass(frozen=True, slots=True)
class OverruleRow:
    """What somebody wrote about a session."""

    session_ref: int
    verdict: str
    reason: str
    author: str
    made_at: datetime


def list_analyses(tx: Transaction, incident_id: int) -> list[Analysis]:
    """Return the analyses of an incident, the last one first."""
    return [
        Analysis(*row) for row in tx.execute(QUERIES.list_analyses, {"incident_id": incident_id})
    ]


def count_changes(tx: Transaction, incident_id: int, number: int) -> list[ChangeCount]:
    """Count what one analysis changed, by insurer's name then change."""
    rows = tx.execute(QUERIES.count_changes, {"incident_id": incident_id, "number": number})
    return [ChangeCount(*row) for row in rows]


def list_verdict_changes(tx: Transaction, incident_id: int, number: int) -> list[VerdictChange]:
    """Return the sessions one analysis judged otherwise than the one before."""
    rows = tx.execute(QUERIES.list_verdict_changes, {"incident_id": incident_id, "number": number})
    return [
        VerdictChange(
            session_ref=session_ref,
            before=Verdict(before) if before else None,
            after=Verdict(after) if after else None,
        )
        for session_ref, before, after in rows
    ]


def list_exposed_professionals(tx: Transaction, incident_id: int) -> list[ProfessionalRow]:
    """Return the owners of accounts somebody else was in, the surest first."""
    rows = tx.execute(QUERIES.list_exposed_professionals, {"incident_id": incident_id})
    return [ProfessionalRow(*row) for row in rows]


def list_written_overrules(tx: Transaction, incident_id: int) -> list[OverruleRow]:
    """Return what people wrote about sessions, the last one first."""
    rows = tx.execute(QUERIES.list_written_overrules, {"incident_id": incident_id})
    return [OverruleRow(*row) for row in rows]


def find_analysis(tx: Transaction, incident_id: int) -> int:
    """Return the number of an incident's last analysis; 0 before the first."""
    row = tx.execute(QUERIES.find_analysis, {"incident_id": incident_id}).fetchone()
    return 0 if row is None else int(row[0])


def save_analysis(
    tx: Transaction,
    incident_id: int,
    number: int,
    *,
    author: str,
    author_ref: int | None,
    rules: str,
    inputs: Mapping[str, Any],
    coverage: Mapping[str, Any],
    counts: Mapping[str, Any],
    list_digest: bytes,
) -> None:
    """Write what one analysis rests on and found."""
    tx.execute(
        QUERIES.insert_analysis,
        {
            "incident_id": incident_id,
            "number": number,
            "author": author,
            "author_ref": author_ref,
            "rules": rules,
            "inputs": Jsonb(dict(inputs)),
            "coverage": Jsonb(dict(coverage)),
            "counts": Jsonb(dict(counts)),
            "list_digest": list_digest,
        },
    )


def list_verdicts(tx: Transaction, incident_id: int) -> dict[int, Verdict]:
    """Return the verdicts of the last analysis, by session."""
    rows = tx.execute(QUERIES.list_verdicts, {"incident_id": incident_id})
    return {session_ref: Verdict(verdict) for session_ref, verdict in rows}


def save_verdict_changes(
    tx: Transaction, incident_id: int, number: int, changes: Sequence[VerdictChange]
) -> None:
    """Write which sessions are judged otherwise than before."""
    with tx.cursor() as cursor:
        cursor.executemany(
            QUERIES.insert_verdict_change,
            [
                {
                    "incident_id": incident_id,
                    "number": number,
                    "session_ref": one.session_ref,
                    "before": one.before,
                    "after": one.after,
                }
                for one in changes
            ],
        )


def list_changes(tx: Transaction, incident_id: int, number: int) -> tuple[ExposureChange, ...]:
    """Return what one analysis changed of the list, by insurer then person."""
    rows = tx.execute(QUERIES.list_changes, {"incident_id": incident_id, "number": number})
    return tuple(
        ExposureChange(
            insurer_id=insurer_id,
            person_ref=person_ref,
            change=Change(change),
            tier_before=Tier(before) if before else None,
            tier_after=Tier(after) if after else None,
            fields_before=fields_before,
            fields_after=fields_after,
        )
        for insurer_id, person_ref, change, before, after, fields_before, fields_after in rows
    )


def add_overrule(
    tx: Transaction, incident_id: int, session_ref: int, *, verdict: str, reason: str, author: str
) -> bool:
    """Write what somebody answers for; False when the session is not one of the incident's."""
    row = tx.execute(
        QUERIES.insert_overrule,
        {
            "incident_id": incident_id,
            "session_ref": session_ref,
            "verdict": verdict,
            "reason": reason,
            "author": author,
        },
    ).fetchone()
    return row is not None


def list_overrules(tx: Transaction, incident_id: int) -> list[Overrule]:
    """Return the last word on each session that somebody answers for."""
    rows = tx.execute(QUERIES.list_overrules, {"incident_id": incident_id})
    return [
        Overrule(session_ref=session_ref, verdict=Verdict(verdict), reason=reason)
        for session_ref, verdict, reason in rows
        if verdict != SUMS
    ]


def load_ledger_evidence(
    tx: Transaction, window: Window, account_refs: Sequence[int], files: SealedFiles | None
) -> tuple[list[LogEvidence], list[AccountEvidence]]:
    """Return what is there of each log in a window, and of the numbers of some accounts.

    Raises:
        Unavailable: sealed segments are needed and cannot be read.
        Conflict: a segment left the database meanwhile: ask again.
    """
    sources = find_sources(tx, files, from_ms=window.starts_ms, to_ms=window.ends_ms)
    unreadable = dict(sources.reach.erased)
    for one in sources.reach.missing:
        unreadable[one.log_id] = unreadable.get(one.log_id, 0) + one.stop - one.start
    ends = {"starts_ms": window.starts_ms, "ends_ms": window.ends_ms}
    logs = [
        LogEvidence(
            log_id=log_id,
            origin=origin,
            begins=_read_state(*begins),
            ends=_read_state(*ends_in),
            is_still=is_still,
            unreadable=unreadable.get(log_id, 0),
        )
        for log_id, origin, begins, ends_in, is_still in (
            (row[0], row[1], row[2:5], row[5:8], row[8])
            for row in tx.execute(QUERIES.list_log_evidence, ends)
        )
    ]
    accounts = _load_numbers(sources, window, account_refs) if account_refs else []
    sources.check_unmoved()
    return logs, accounts


def replace_exposed_professionals(
    tx: Transaction, incident_id: int, found: Iterable[tuple[EnteredAccount, int]]
) -> None:
    """Put these owners in the place of those of an earlier analysis, with the fields seen."""
    tx.execute(QUERIES.delete_exposed_professionals, {"incident_id": incident_id})
    with tx.cursor() as cursor:
        cursor.executemany(
            QUERIES.insert_exposed_professional,
            [
                {
                    "incident_id": incident_id,
                    "account_ref": one.account_ref,
                    "tier": str(one.tier),
                    "fields": fields,
                    "sessions": list(one.sessions),
                }
                for one, fields in found
            ],
        )


def list_entered_accounts(tx: Transaction, incident_id: int) -> list[EnteredAccount]:
    """Return the accounts somebody else was in, by reference."""
    return [
        EnteredAccount(
            account_ref=account_ref,
            tier=Tier(tier),
            sessions=tuple(sessions),
            is_portal=is_portal,
            record=OwnerRecord(
                has_email=has_email,
                has_phone=has_phone,
                has_establishment=has_establishment,
                has_bank_details=has_bank_details,
            ),
        )
        for (
            account_ref,
            tier,
            sessions,
            is_portal,
            has_email,
            has_phone,
            has_establishment,
            has_bank_details,
        ) in tx.execute(QUERIES.list_entered_accounts, {"incident_id": incident_id})
    ]


def _load_numbers(
    sources: Sources, window: Window, account_refs: Sequence[int]
) -> list[AccountEvidence]:
    """Return the numbers of each account in each log, in the database and in sealed files."""
    spans: dict[int, tuple[int, int]] = {}
    for one in sources.reach.stretches:
        start, stop = spans.get(one.log_id, (one.start, one.stop))
        spans[one.log_id] = min(start, one.start), max(stop, one.stop)
    question = ask_account_numbers(from_ms=window.starts_ms, to_ms=window.ends_ms)
    cold = {
        (log_id, account_ref): (first, last, count)
        for log_id, account_ref, first, last, count in read_cold_by_log(
            sources,
            question,
            lambda segment: segment.by_account_name,
            {SUSPECTS: account_refs},
        )
    }
    parameters = {
        "log_ids": list(spans),
        "starts": [start for start, _ in spans.values()],
        "stops": [stop for _, stop in spans.values()],
        "account_refs": list(account_refs),
    }
    return [
        _add_numbers(
            AccountEvidence(
                log_id=log_id,
                account_ref=account_ref,
                before=before,
                first=first,
                last=last,
                count=count,
                after=after,
            ),
            cold,
        )
        for log_id, account_ref, before, first, last, count, after in sources.tx.execute(
            QUERIES.list_account_evidence, parameters
        )
    ]


def _add_numbers(
    hot: AccountEvidence, cold: Mapping[tuple[int, int], tuple[int, int, int]]
) -> AccountEvidence:
    """Add what sealed files hold of an account to what the database holds of it."""
    if (hot.log_id, hot.account_ref) not in cold:
        return hot
    first, last, count = cold[hot.log_id, hot.account_ref]
    return AccountEvidence(
        log_id=hot.log_id,
        account_ref=hot.account_ref,
        before=hot.before,
        first=min(first, hot.first) if hot.count else first,
        last=max(last, hot.last),
        count=hot.count + count,
        after=hot.after,
    )


def _read_state(size: int | None, root: str | None, t_ms: int | None) -> SignedState | None:
    if size is None or root is None or t_ms is None:
        return None
    return SignedState(size=size, root=root, t_ms=t_ms)
