"""What must be true after a round: what callers were told against what the base and files hold.

Each comparison is also made with one thing altered: one that finds nothing then is worth nothing.
"""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, LiteralString

from bench.siege.chores import Post, Round, read_transfers
from bench.siege.ground import Fortress
from bench.siege.load import Told
from rempart.claims.references import parse_reference
from rempart.disclosure.note import NoteVerifier
from rempart.retention.certificate import read_signed_certificate
from rempart.settlement.references import format_reference
from rempart.storage.connect import Database, Transaction
from rempart.wiring.segments import open_segment_store
from rempart.workflows.ledger.audit_ledger import audit_ledger


@dataclass
class Found:
    """What the base and the files hold.

    Attributes:
        entries: The request that each entry answers, by the log's name and its place.
        claims: The state of each claim by its reference, and how many have its invoice.
        remittances: What each was to pay, by its reference on the transfer.
        transfers: What each transfer pays, by the same.
        told: How often each message of a campaign left.
        messages: Every message there is.
    """

    entries: Mapping[tuple[str, int], bytes]
    claims: Mapping[int, tuple[str, str]]
    invoices: Counter[str]
    remittances: Mapping[str, int]
    transfers: Mapping[str, int]
    told: Counter[int | None]
    messages: frozenset[int]


def judge(fortress: Fortress, told: Told, rounds: list[Round]) -> list[str]:
    """Return what is wrong after a round, in words; nothing when all holds."""
    found = _read(fortress)
    wrong = [
        *_compare(told, found),
        *compare_sums(fortress.database),
        *_compare_purges(fortress, rounds),
    ]
    with fortress.database.transaction("auditor") as tx:
        store = open_segment_store(fortress.installation.settings, fortress.ground.home)
        verdict = audit_ledger(tx, store=store)
        if not verdict.is_sound:
            wrong.append(f"the ledger has {verdict.count} differences")
    if not (told.receipts and told.claims and found.messages):
        return [*wrong, "no receipt, no claim or no message: nothing was tried"]
    return wrong + [f"blind to {one}" for one in _find_blindness(told, found)]


def _compare(told: Told, found: Found) -> list[str]:
    lost = sum(found.entries.get(place) != name for name, place in told.receipts.items())
    reused = len(told.receipts) - len(set(told.receipts.values()))
    unknown = [
        invoice
        for invoice, reference in told.claims.items()
        if found.claims.get(parse_reference(reference) or 0, ("", ""))[0] != invoice
    ]
    twice = sum(found.invoices[invoice] != 1 for invoice in told.claims)
    waiting = sum(state == "received" for _, state in found.claims.values())
    missed = len(found.messages ^ set(found.told))
    double = sum(count > 1 for count in found.told.values())
    wrong = {
        "receipts whose entry is not there": lost,
        "places promised twice": reused,
        "acknowledged claims that are not there": len(unknown),
        "invoices taken twice": twice,
        "claims nobody shared out": waiting,
        "people not told": missed,
        "people told twice": double,
        "transfers that are not what was decided": len(
            found.transfers.items() ^ found.remittances.items()
        ),
        "strange answers": sum(told.strange.values()),
    }
    return [f"{count} {words}" for words, count in wrong.items() if count]


def _find_blindness(told: Told, found: Found) -> list[str]:
    """Alter one thing of each kind; return those that nobody noticed."""
    place = next(iter(told.receipts.values()))
    reference = parse_reference(next(iter(told.claims.values()))) or 0
    invoice, number = next(iter(told.claims)), next(iter(found.messages))
    altered: dict[str, dict[str, Any]] = {
        "a lost entry": {"entries": {k: v for k, v in found.entries.items() if k != place}},
        "a lost claim": {"claims": {k: v for k, v in found.claims.items() if k != reference}},
        "a claim taken twice": {"invoices": found.invoices + Counter([invoice])},
        "somebody told twice": {"told": found.told + Counter([number])},
        "a transfer of nothing": {"transfers": {**found.transfers, "x": 1}},
    }
    before = _compare(told, found)
    return [
        words
        for words, change in altered.items()
        if _compare(told, replace(found, **change)) == before
    ]


def compare_sums(database: Database) -> list[str]:
    """Money: every line adds up, every due is a part, the journal is what is under way."""
    queries = {
        # One whose worker died six times is given up; the next minute's does its work.
        "jobs failed that no later one did": (
            "SELECT count(*) FROM jobs.procrastinate_jobs AS job WHERE status = 'failed'"
            " AND NOT EXISTS (SELECT FROM jobs.procrastinate_jobs AS later WHERE later.id > job.id"
            "  AND later.task_name = job.task_name AND later.status = 'succeeded'"
            "  AND later.args - 'timestamp' = job.args - 'timestamp')"
        ),
        "lines do not add up": (
            "SELECT count(*) FROM claims.line AS line JOIN claims.claim USING (claim_ref)"
            " WHERE claim.state <> 'received' AND line.amc_cents IS NOT NULL AND"
            " line.amc_cents <> (SELECT coalesce(sum(cents), 0) FROM claims.part"
            "  WHERE part.claim_ref = line.claim_ref AND part.line = line.number)"
        ),
        "parts are not due once": (
            "SELECT count(*) FROM claims.part WHERE cents > 0 AND 1 <> (SELECT count(*)"
            " FROM claims.due WHERE due.part_ref = part.part_ref AND NOT due.undone)"
        ),
        "cents of remittances that are no dues": (
            "SELECT abs((SELECT coalesce(sum(cents), 0) FROM claims.remittance)"
            " - (SELECT coalesce(sum(cents), 0) FROM claims.due WHERE remittance_id IS NOT NULL))"
        ),
        "cents that insurers owe for no part": _balance(
            "insurer", "SELECT coalesce(sum(cents), 0) FROM claims.due"
        ),
        "cents under way that no transfer pays": _balance(
            "in_flight",
            "SELECT -coalesce(sum(cents), 0) FROM claims.remittance WHERE file_id IS NOT NULL",
        ),
    }
    with database.transaction("owner") as tx:
        counts = {words: _count(tx, query) for words, query in queries.items()}
    return [f"{count} {words}" for words, count in counts.items() if count]


def _balance(account: LiteralString, wanted: LiteralString) -> LiteralString:
    """Write the query of how far an account of the journal is from a sum."""
    return (
        "SELECT abs((SELECT coalesce(sum(CASE WHEN debit_kind = '" + account + "' THEN cents ELSE 0"
        " END - CASE WHEN credit_kind = '" + account + "' THEN cents ELSE 0 END), 0)"
        " FROM claims.journal) - (" + wanted + "))"
    )


def _compare_purges(fortress: Fortress, rounds: list[Round]) -> list[str]:
    wrong = []
    with fortress.database.transaction("owner") as tx:
        there = {ref for (ref,) in tx.execute("SELECT person_ref FROM identity.person").fetchall()}
        for one in rounds:
            late, early = len(one.leavers & there), len(one.stayers - there)
            if late or early:
                wrong.append(f"{late} people stayed and {early} left against the plan")
        runs = tx.execute(
            "SELECT run_id, items, done, certificate, signed_by FROM retention.run"
            " WHERE state = 'done'"
        ).fetchall()
    for run_id, items, done, certificate, key in runs:
        signed = read_signed_certificate(certificate, NoteVerifier.parse(key))
        if (signed.run, items) != (run_id, done):
            wrong.append(f"the certificate of purge {run_id} does not say what was done")
    if len(runs) < len(rounds):
        wrong.append(f"{len(rounds) - len(runs)} purges did not end")
    return wrong


def _read(fortress: Fortress) -> Found:
    with fortress.database.transaction("owner") as tx:
        entries = tx.execute(
            "SELECT log.origin, entry.idx, entry.request_id FROM ledger.entry"
            " JOIN ledger.log USING (log_id)"
        ).fetchall()
        claims = tx.execute("SELECT claim_ref, invoice, state FROM claims.claim").fetchall()
        remittances = tx.execute(
            "SELECT remittance_id, cents FROM claims.remittance WHERE file_id IS NOT NULL"
        ).fetchall()
        messages = tx.execute("SELECT number FROM notices.message").fetchall()
    return Found(
        entries={(origin, index): request.bytes for origin, index, request in entries},
        claims={reference: (invoice, state) for reference, invoice, state in claims},
        invoices=Counter(invoice for _, invoice, _ in claims),
        remittances={format_reference("remittance", ref): cents for ref, cents in remittances},
        transfers=read_transfers(fortress),
        told=Post(fortress).read(),
        messages=frozenset(number for (number,) in messages),
    )


def _count(tx: Transaction, query: LiteralString) -> int:
    [(count,)] = tx.execute(query).fetchall()
    return int(count or 0)
