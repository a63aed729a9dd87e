"""What sharing claims out writes, for a whole batch at a time: results, uses, money, steps of life.

Refuses to change what was written of money: it is undone by another row.
"""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any, Final, NamedTuple

from rempart.claims.counters import Use
from rempart.settlement.journal import Entry, split_sides
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("adjudication")


class LineResult(NamedTuple):
    """What a line came to; `steps` is why compulsory insurance pays what it pays."""

    claim_ref: int
    number: int
    amo_cents: int
    amc_cents: int
    reste_a_charge_cents: int
    steps: Any


class PartRow(NamedTuple):
    """What one contract pays of a line."""

    part_ref: int
    claim_ref: int
    line: int
    rank: int
    insurer_id: int
    contract_ref: int
    table_code: str
    cents: int
    benefit: str
    steps: Any


class UseRow(NamedTuple):
    """What a line used of a limit of a contract; of contract 0, of a levy."""

    claim_ref: int
    person_ref: int
    contract_ref: int
    use: Use


class ClaimResult(NamedTuple):
    """Where a claim is now; amounts are None but of one that was shared out."""

    claim_ref: int
    state: str
    amo_cents: int | None
    amc_cents: int | None
    reste_a_charge_cents: int | None
    findings: Any


class EventRow(NamedTuple):
    """A step of a claim's life."""

    claim_ref: int
    event: str
    state: str
    actor_ref: int | None = None
    reason: str = ""


class DueRow(NamedTuple):
    """What waits to be paid or, below nought, to be taken back."""

    part_ref: int
    establishment_ref: int
    insurer_id: int
    cents: int


class NewHold(NamedTuple):
    """A claim that is made to wait."""

    hold_ref: int
    claim_ref: int
    insurer_id: int
    watch_ref: int | None
    reason: str


class Kept(NamedTuple):
    """A promise that a claim was shared out on: where the ledger has it."""

    log_id: int
    idx: int
    claim_ref: int


@dataclass(slots=True)
class Writer:
    """Writes for batches, and counts what it asks the database."""

    tx: Transaction
    statements: int = field(default=0, init=False)

    def draw_parts(self, count: int) -> list[int]:
        """Return numbers for so many parts."""
        return [number for (number,) in self._ask(_sql.draw_parts, {"count": count})]

    def save_lines(self, rows: Sequence[LineResult]) -> None:
        """Write what lines came to."""
        columns = ("claim_refs", "numbers", "amo", "amc", "rest", "steps")
        self._write(_sql.save_lines, columns, [(*row[:-1], json.dumps(row.steps)) for row in rows])

    def add_parts(self, rows: Sequence[PartRow]) -> None:
        """Add what contracts pay."""
        columns = (
            *("part_refs", "claim_refs", "lines", "ranks", "insurer_ids", "contract_refs"),
            *("table_codes", "cents", "benefits", "steps"),
        )
        self._write(_sql.add_parts, columns, [(*row[:-1], json.dumps(row.steps)) for row in rows])

    def add_uses(self, rows: Sequence[UseRow]) -> None:
        """Add what lines used."""
        columns = (
            *("claim_refs", "lines", "person_refs", "contract_refs", "names", "since", "marks"),
            *("cents", "units", "days"),
        )
        flat = [
            (
                *(row.claim_ref, row.use.line, row.person_ref, row.contract_ref, row.use.key.name),
                *(row.use.key.since, row.use.key.mark, row.use.cents, row.use.units, row.use.day),
            )
            for row in rows
        ]
        self._write(_sql.add_uses, columns, flat)

    def save_claims(
        self, rows: Sequence[ClaimResult], *, promised: Collection[int], presence_since: date
    ) -> None:
        """Write where claims are and what they came to.

        Args:
            rows: The claims.
            promised: References of those that a promise of ours was quoted for, and holds.
            presence_since: Whom the biller's account was shown with presence since then vouches.
        """
        columns = ("claim_refs", "states", "amo", "amc", "rest", "findings", "promised")
        flat = [(*row[:-1], json.dumps(row.findings), row.claim_ref in promised) for row in rows]
        days = presence_since - date(1970, 1, 1)
        values = {"presence_ms": days // timedelta(milliseconds=1)}
        self._write(_sql.save_claims, columns, flat, values)

    def move_claims(self, rows: Sequence[tuple[int, str]]) -> None:
        """Write where claims that were taken back are."""
        self._write(_sql.move_claims, ("claim_refs", "states"), rows)

    def add_events(self, rows: Sequence[EventRow]) -> None:
        """Add steps of claims' lives."""
        columns = ("claim_refs", "events", "states", "actor_refs", "reasons")
        self._write(_sql.add_events, columns, rows)

    def use_engagements(self, rows: Sequence[Kept]) -> None:
        """Note promises that were kept."""
        self._write(_sql.use_engagements, ("log_ids", "indexes", "claim_refs"), rows)

    def use_pecs(self, rows: Sequence[Kept]) -> None:
        """Note prises en charge that were used."""
        self._write(_sql.use_pecs, ("log_ids", "indexes", "claim_refs"), rows)

    def add_holds(self, rows: Sequence[NewHold]) -> None:
        """Make claims wait."""
        columns = ("hold_refs", "claim_refs", "insurer_ids", "watch_refs", "reasons")
        self._write(_sql.add_holds, columns, rows)

    def carry_holds(self, claim_refs: Sequence[int]) -> None:
        """Note that what was decided about claims was done."""
        if claim_refs:
            self._ask(_sql.carry_holds, {"claim_refs": list(claim_refs)})

    def append_entries(self, entries: Sequence[Entry]) -> None:
        """Append entries of two sides to the journal.

        Raises:
            ValueError: one has more than two sides.
        """
        rows = []
        for entry in entries:
            debit, credit, cents = split_sides(entry)
            sides = (debit.kind.value, debit.owner, credit.kind.value, credit.owner)
            rows.append((entry.event.value, entry.subject, *sides, cents))
        columns = (
            *("events", "subjects", "debit_kinds", "debit_owners"),
            *("credit_kinds", "credit_owners", "cents"),
        )
        self._write(_sql.add_entries, columns, rows)

    def add_dues(self, rows: Sequence[DueRow], *, since: date) -> None:
        """Add what waits to be paid, or taken back, from a day on."""
        columns = ("part_refs", "establishment_refs", "insurer_ids", "cents")
        self._write(_sql.add_dues, columns, rows, {"since": since})

    def list_cancellations(self, most: int) -> list[tuple[int, int, int | None, str]]:
        """Return claims to take back: claim, person, who asked, why."""
        rows = self._ask(_sql.list_cancellations, {"most": most})
        return [(claim, person, account, why) for claim, person, account, why in rows]

    def close_cancellations(self, claim_refs: Sequence[int]) -> None:
        """Note that claims were taken back, or could not be."""
        self._ask(_sql.close_cancellations, {"claim_refs": list(claim_refs)})

    def load_states(self, claim_refs: Sequence[int]) -> list[tuple[int, str]]:
        """Return where claims are, and keep them there until the transaction ends."""
        rows = self._ask(_sql.load_states, {"claim_refs": sorted(claim_refs)})
        return [(claim_ref, state) for claim_ref, state in rows]

    def load_owed(self, claim_refs: Sequence[int]) -> list[DueRow]:
        """Return what claims made due."""
        rows = self._ask(_sql.load_owed, {"claim_refs": list(claim_refs)})
        return [DueRow(*row) for row in rows]

    def give_back(self, claim_refs: Sequence[int]) -> None:
        """Free what claims used: limits, promises, prises en charge; nobody decides on them."""
        values = {"claim_refs": list(claim_refs)}
        self._ask(_sql.end_holds, values)
        self._ask(_sql.undo_uses, values)
        self._ask(_sql.give_engagements_back, values)
        self._ask(_sql.give_pecs_back, values)

    def _write(
        self,
        query: str,
        columns: Sequence[str],
        rows: Sequence[Sequence[Any]],
        values: Mapping[str, Any] | None = None,
    ) -> None:
        """Run a query that takes columns as arrays; not at all without rows."""
        if rows:
            arrays = zip(columns, map(list, zip(*rows, strict=True)), strict=True)
            self._ask(query, {**(values or {}), **dict(arrays)})

    def _ask(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        self.statements += 1
        cursor = self.tx.execute(query, values)
        return cursor.fetchall() if cursor.description else []
