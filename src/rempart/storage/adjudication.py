"""What sharing claims out reads, for a whole batch at a time.

Refuses to read who anybody is: persons, contracts and places are references here.
"""

import contextlib
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any, Final, NamedTuple

from rempart.claims.counters import CounterKey, Used
from rempart.kernel.errors import InconsistentRecord
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.coverage import Terms
from rempart.rights.terms import parse_terms
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

# First half of the key of the lock that one person's claims are worked on under ("REMP", claims).
LOCK_CLASS: Final = 1380273501
# How much further than its size a batch looks for people nobody else works on.
LOOK_AHEAD: Final = 8
# How many claims one batch may bring when few people have many.
MOST_TIMES: Final = 4

_sql: Final = load_queries("adjudication")


class WaitingClaim(NamedTuple):
    """A claim whose turn has come."""

    claim_ref: int
    establishment_ref: int
    account_ref: int
    person_ref: int
    insurer_id: int
    born: str
    in_pathway: bool
    engagement_log: int | None
    engagement_idx: int | None
    pec_number: str | None
    replaces: int | None
    received_at: datetime
    state: str


class WhoseRow(NamedTuple):
    """Whose a claim is, and of whom."""

    claim_ref: int
    establishment_ref: int
    person_ref: int


class WaitingLine(NamedTuple):
    """One act of it, as billed."""

    claim_ref: int
    number: int
    act: str
    care_on: date
    quantity: int
    billed_cents: int
    base_cents: int | None
    given_amo_cents: int | None
    asked_amc_cents: int | None
    basket: str | None
    equipment: str | None
    correction: str | None
    exoneration: str | None
    early_renewal: bool


class HoldRow(NamedTuple):
    """Who holds a claim, and what was decided; nothing yet when `decision` is None."""

    claim_ref: int
    hold_ref: int
    insurer_id: int
    decision: str | None
    decided_by: int | None


class WatchRow(NamedTuple):
    """A place whose new claims wait: all of them, for insurer 0."""

    establishment_ref: int
    watch_ref: int
    insurer_id: int
    reason: str


class StandingRow(NamedTuple):
    """The tariff agreement and the networks of a place, from a day on."""

    establishment_ref: int
    since: date
    optam: bool | None
    circuits: list[str]


class Contracted(NamedTuple):
    """One contract of a sheet; its terms by their number."""

    contract_ref: int
    period: Period
    suspended: Period | None
    terms_id: int


class SheetVersion(NamedTuple):
    """A person's sheet, as feeds from `opened_in` to before `closed_in` say it."""

    opened_in: int
    closed_in: int
    insurer_id: int
    contracts: tuple[Contracted, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class InsurerVersions:
    """An insurer's agreement with the operator, and which feed was published when."""

    agreement: Period
    published: int
    before: int | None
    later: Sequence[int]
    later_at: Sequence[datetime]

    def known_at(self, instant: datetime) -> int:
        """Return the version that was published at an instant.

        What was published before anything was noted is taken as it is now.
        """
        version = self.before
        for number, at in zip(self.later, self.later_at, strict=True):
            if at <= instant:
                version = number
        return self.published if version is None else version


class PromiseRow(NamedTuple):
    """An entry of the ledger that a claim quotes, and the claim that used it."""

    log_id: int
    idx: int
    kind: int
    outcome: int
    t_ms: int
    account_ref: int
    establishment_ref: int | None
    person_ref: int
    domain: int
    care_day: int
    data_version: int
    used_by: int | None


class PecRow(NamedTuple):
    """A prise en charge; `uses` is what it keeps of limits while it holds."""

    log_id: int
    idx: int
    establishment_ref: int
    person_ref: int
    contract_ref: int
    domain: str
    care_on: date
    state: str
    expires_on: date
    asked_at: datetime
    uses: list[dict[str, Any]]
    claim_ref: int | None


class BenefitFileRow(NamedTuple):
    """An approved file of benefit tables."""

    file_ref: int
    insurer_id: int
    content: str
    approved_at: datetime


class TwinAsked(NamedTuple):
    """A line that may have been received before."""

    person_ref: int
    establishment_ref: int
    act: str
    care_on: date


@dataclass(slots=True)
class Reader:
    """Reads for batches, and counts what it asks the database."""

    tx: Transaction
    statements: int = field(default=0, init=False)

    def ask(self, query: str, values: Mapping[str, Any] | None = None) -> list[tuple[Any, ...]]:
        """Return the rows of a query."""
        self.statements += 1
        cursor = self.tx.execute(query, values or {})
        return cursor.fetchall() if cursor.description else []

    def take_waiting(self, size: int) -> list[WaitingClaim]:
        """Take the next claims, at most some times `size`; nobody else works on their persons.

        Returns:
            By person, in the order of care, then of arrival.
        """
        self.ask(_sql.plan_by_index)
        values = {"look": size * LOOK_AHEAD, "size": size, "lock_class": LOCK_CLASS}
        taken = self.ask(_sql.take_waiting, values)
        if not taken:
            return []
        wanted = {
            "person_refs": list({person for _, person in taken if person}),
            "claim_refs": [claim for claim, person in taken if not person],
            "most": size * MOST_TIMES,
        }
        return [WaitingClaim(*row) for row in self.ask(_sql.load_claims, wanted)]

    def lock_person(self, key: int) -> bool:
        """Keep a person, or a claim of somebody unknown, for this transaction; say whether."""
        [(locked,)] = self.ask(_sql.lock_person, {"lock_class": LOCK_CLASS, "key": key})
        return bool(locked)

    def find_whose(self, claim_refs: Sequence[int]) -> list[WhoseRow]:
        """Return whose claims are; nothing is kept."""
        rows = self.ask(_sql.find_whose, {"claim_refs": list(claim_refs)})
        return [WhoseRow(*row) for row in rows]

    def load_lines(self, claim_refs: Sequence[int]) -> dict[int, list[WaitingLine]]:
        """Return the acts of claims, in the order of each bill."""
        lines: dict[int, list[WaitingLine]] = {}
        for row in self.ask(_sql.load_lines, {"claim_refs": list(claim_refs)}):
            lines.setdefault(row[0], []).append(WaitingLine(*row))
        return lines

    def load_holds(self, claim_refs: Sequence[int]) -> dict[int, list[HoldRow]]:
        """Return who holds claims."""
        holds: dict[int, list[HoldRow]] = {}
        for row in self.ask(_sql.load_holds, {"claim_refs": list(claim_refs)}):
            holds.setdefault(row[0], []).append(HoldRow(*row))
        return holds

    def load_watches(self, establishment_refs: Collection[int]) -> dict[int, list[WatchRow]]:
        """Return whose new claims wait."""
        watches: dict[int, list[WatchRow]] = {}
        for row in self.ask(_sql.load_watches, {"establishment_refs": list(establishment_refs)}):
            watches.setdefault(row[0], []).append(WatchRow(*row))
        return watches

    def load_standings(self, establishment_refs: Collection[int]) -> dict[int, list[StandingRow]]:
        """Return what amounts depend on of billers, the oldest first."""
        standings: dict[int, list[StandingRow]] = {}
        for row in self.ask(_sql.load_standings, {"establishment_refs": list(establishment_refs)}):
            standings.setdefault(row[0], []).append(StandingRow(*row))
        return standings

    def load_insurers(
        self, insurer_ids: Collection[int], since: datetime
    ) -> dict[int, InsurerVersions]:
        """Return insurers' agreements, and which feed was published when, from an instant on."""
        values = {"insurer_ids": list(insurer_ids), "since": since}
        return {
            row[0]: InsurerVersions(
                agreement=Period(row[1], row[2]),
                published=row[3],
                before=row[4],
                later=row[5],
                later_at=row[6],
            )
            for row in self.ask(_sql.load_insurers, values)
        }

    def load_sheets(self, person_refs: Collection[int]) -> dict[int, list[SheetVersion]]:
        """Return every version of people's sheets."""
        grouped: dict[tuple[int, int, int, int], list[Contracted]] = {}
        for row in self.ask(_sql.load_sheets, {"person_refs": list(person_refs)}):
            person, opened, closed, insurer, contract, starts, ends, since, until, terms = row
            suspended = None if since == OPEN_END else Period(since, until)
            contracted = Contracted(contract, Period(starts, ends), suspended, terms)
            grouped.setdefault((person, opened, closed, insurer), []).append(contracted)
        sheets: dict[int, list[SheetVersion]] = {}
        for (person, opened, closed, insurer), contracts in grouped.items():
            version = SheetVersion(opened, closed, insurer, tuple(contracts))
            sheets.setdefault(person, []).append(version)
        return sheets

    def load_terms(self, terms_ids: Collection[int]) -> Iterator[tuple[int, Terms]]:
        """Return guarantees by their number, but those that are not understood."""
        names = ("convention_type", "csr", "responsible", "domains")
        for row in self.ask(_sql.load_terms, {"terms_ids": list(terms_ids)}):
            with contextlib.suppress(InconsistentRecord):
                yield row[0], parse_terms(dict(zip(names, row[1:], strict=True)))

    def load_benefit_files(
        self, insurer_ids: Collection[int], known: Iterable[int]
    ) -> list[BenefitFileRow]:
        """Return insurers' approved files of benefit tables but those known, in order."""
        values = {"insurer_ids": list(insurer_ids), "known": list(known)}
        return [BenefitFileRow(*row) for row in self.ask(_sql.load_benefit_files, values)]

    def load_uses(
        self, person_refs: Collection[int], oldest: date
    ) -> dict[tuple[int, int], dict[CounterKey, Used]]:
        """Return what people used of limits, by person and contract; 0: compulsory insurance."""
        held: dict[tuple[int, int], dict[CounterKey, Used]] = {}
        values = {"person_refs": list(person_refs), "oldest": oldest}
        for row in self.ask(_sql.load_uses, values):
            person, contract, name, since, mark, cents, units, last = row
            counters = held.setdefault((person, contract), {})
            counters[CounterKey(name, since, mark)] = Used(cents, units, last)
        return held

    def find_twins(
        self, asked: Collection[TwinAsked]
    ) -> dict[TwinAsked, dict[int, datetime | None]]:
        """Return, of lines, those that were received before, and in which claims.

        With each claim that is held, since when it waits; None for one that is shared out.
        """
        rows = list(asked)
        values = {
            "person_refs": [one.person_ref for one in rows],
            "establishment_refs": [one.establishment_ref for one in rows],
            "acts": [one.act for one in rows],
            "days": [one.care_on for one in rows],
        }
        twins: dict[TwinAsked, dict[int, datetime | None]] = {}
        for row in self.ask(_sql.find_twins, values):
            twins.setdefault(TwinAsked(*row[:4]), {})[row[4]] = row[5]
        return twins

    def load_promises(
        self, places: Collection[tuple[int, int]]
    ) -> dict[tuple[int, int], PromiseRow]:
        """Return the entries of the ledger at some places, by log and index."""
        if not places:
            return {}
        rows = self.ask(_sql.load_promises, _split_places(places))
        return {(row[0], row[1]): PromiseRow(*row) for row in rows}

    def load_pecs(
        self, person_refs: Collection[int], places: Collection[tuple[int, int]]
    ) -> list[PecRow]:
        """Return the prises en charge that hold for people, and those at some places."""
        values = {"person_refs": list(person_refs), **_split_places(places)}
        return [PecRow(*row) for row in self.ask(_sql.load_pecs, values)]


def count_waiting(tx: Transaction) -> int:
    """Return how many claims wait to be shared out."""
    row = tx.execute(_sql.count_waiting).fetchone()
    return 0 if row is None else int(row[0])


def _split_places(places: Collection[tuple[int, int]]) -> dict[str, list[int]]:
    ordered = sorted(places)
    return {
        "log_ids": [log_id for log_id, _ in ordered],
        "indexes": [index for _, index in ordered],
    }
