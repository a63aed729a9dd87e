"""What must be true after each fault: what callers were told is there, once, in order."""

import itertools
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bench.rights_checks import Ground
from bench.siege.load import Told
from bench.siege.verdict import compare_sums
from rempart.claims.references import parse_reference
from rempart.wiring.segments import open_segment_store
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import audit_ledger


@dataclass(frozen=True)
class Found:
    """What the database holds.

    Attributes:
        entries: The request that each entry answers, by the log's name and its place.
        times: When each entry was made, in the order of places, by the log's name.
        claims: The invoice of each claim, by its reference.
    """

    entries: Mapping[tuple[str, int], bytes]
    times: Mapping[str, Sequence[int]]
    claims: Mapping[int, str]


def judge(ground: Ground, told: Told) -> list[str]:
    """Return what is wrong, in words; nothing when all holds.

    Raises:
        AssertionError: a comparison saw nothing where something had been altered.
    """
    found = _read(ground)
    wrong = compare(told, found)
    _check_sight(told, found, wrong)
    wrong += compare_sums(ground.database)
    with ground.database.transaction("auditor") as tx:
        store = open_segment_store(Settings(home=ground.home.path), ground.home)
        verdict = audit_ledger(tx, store=store)
    if not verdict.is_sound:
        first = "; ".join(map(str, verdict.differences[:3]))
        wrong.append(f"the ledger has {verdict.count} differences: {first}")
    return wrong


def compare(told: Told, found: Found) -> list[str]:
    """Compare what callers were told with what there is."""
    invoices = Counter(found.claims.values())
    wrong = {
        "receipts whose entry is not there": sum(
            found.entries.get(place) != name for name, place in told.receipts.items()
        ),
        "places promised twice": len(told.receipts) - len(set(told.receipts.values())),
        "acknowledged claims that are not there": sum(
            found.claims.get(parse_reference(reference) or 0) != invoice
            for invoice, reference in told.claims.items()
        ),
        "invoices taken twice": sum(invoices[invoice] != 1 for invoice in told.claims),
        "entries earlier than the one before": sum(
            late < early
            for times in found.times.values()
            for early, late in itertools.pairwise(times)
        ),
        "strange answers": sum(told.strange.values()),
    }
    return [f"{count} {words}" for words, count in wrong.items() if count]


def _check_sight(told: Told, found: Found, before: list[str]) -> None:
    """Alter one thing of each kind: what says the same as before is blind."""
    place = next(iter(told.receipts.values()))
    reference = parse_reference(next(iter(told.claims.values()))) or 0
    origin, times = next(iter(found.times.items()))
    altered: dict[str, dict[str, Any]] = {
        "a lost entry": {"entries": {k: v for k, v in found.entries.items() if k != place}},
        "a lost claim": {"claims": {k: v for k, v in found.claims.items() if k != reference}},
        "a claim taken twice": {"claims": {**found.claims, 0: found.claims.get(reference, "")}},
        "a time that goes back": {"times": {origin: [*times, times[-1] - 1]}},
    }
    for words, change in altered.items():
        if compare(told, replace(found, **change)) == before:
            raise AssertionError(f"the comparison is blind to {words}")


def _read(ground: Ground) -> Found:
    with ground.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT log.origin, entry.idx, entry.request_id, entry.t_ms FROM ledger.entry"
            " JOIN ledger.log USING (log_id) ORDER BY log.origin, entry.idx"
        ).fetchall()
        claims = tx.execute("SELECT claim_ref, invoice FROM claims.claim").fetchall()
    times: dict[str, list[int]] = {}
    for origin, _, _, t_ms in rows:
        times.setdefault(origin, []).append(t_ms)
    return Found(
        entries={(origin, index): request.bytes for origin, index, request, _ in rows},
        times=times,
        claims=dict(claims),
    )
