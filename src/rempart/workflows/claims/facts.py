"""What is known of a batch of claims: rights, tables, limits used, promises, twins, who makes wait.

Read once for the whole batch, and asked for one claim after another. Refuses to know of cuts, holds
on accounts and closed pages: what is owed is owed.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Final, NamedTuple

from rempart.claims.adjudication import Contract
from rempart.claims.benefit_table import BenefitTable
from rempart.claims.book import ApprovedFile, TableBook
from rempart.claims.card_table import make_card_table
from rempart.claims.claim import (
    Basket,
    Beneficiary,
    Biller,
    Claim,
    ClaimLine,
    Correction,
    Exoneration,
)
from rempart.claims.counters import CounterKey, Counters, Use
from rempart.claims.known_rights import Promise, Standing, find_joining, find_right
from rempart.claims.states import PecState
from rempart.disclosure.entry import Kind, Outcome
from rempart.exchange.benefit_file import read_benefit_tables
from rempart.kernel.birth import BirthDate
from rempart.kernel.errors import InconsistentRecord
from rempart.kernel.findings import BadValue
from rempart.kernel.instants import from_day_number, from_ms, to_paris_day
from rempart.kernel.periods import Period
from rempart.rights.coverage import Coverage, Terms
from rempart.rights.engagement import compute_expiry, parse_engagement
from rempart.storage.adjudication import (
    PecRow,
    PromiseRow,
    Reader,
    SheetVersion,
    TwinAsked,
    WaitingClaim,
    WaitingLine,
)
from rempart.tariffs.care import ActKind
from rempart.tariffs.domains import Domain

CARD_TABLE: Final = ""
"""The code of a table made of what a card prints."""
NEEDS_PEC: Final = frozenset({"MON", "VER", "PAU", "PDT"})
"""Glasses, hearing aids and dental prostheses are promised before they are paid."""
# No limit looks further back, but those without end.
_LOOK_BACK: Final = timedelta(days=5 * 366)
_ALWAYS: Final = Period(date.min)

Place = tuple[int, int]


@dataclass(slots=True)
class Library:
    """What batches have in common and never changes: guarantees and approved tables.

    Args:
        engagement_key: What our numbers are tagged with.
    """

    engagement_key: bytes
    _terms: dict[int, Terms] = field(default_factory=dict, init=False)
    _card_tables: dict[int, BenefitTable] = field(default_factory=dict, init=False)
    _files: dict[int, tuple[int, ApprovedFile]] = field(default_factory=dict, init=False)
    _books: dict[int, TableBook] = field(default_factory=dict, init=False)

    def learn(self, reader: Reader, insurer_ids: set[int], terms_ids: set[int]) -> None:
        """Read what is new about some insurers and guarantees."""
        if unknown := terms_ids - self._terms.keys():
            self._terms.update(reader.load_terms(unknown))
        changed = set()
        for row in reader.load_benefit_files(insurer_ids, self._files):
            read = read_benefit_tables(row.content.encode())
            file = ApprovedFile(
                approved_at=row.approved_at, tables=read.tables, choices=read.choices
            )
            self._files[row.file_ref] = (row.insurer_id, file)
            changed.add(row.insurer_id)
        for insurer_id in changed:
            files = [file for whose, file in self._files.values() if whose == insurer_id]
            self._books[insurer_id] = TableBook(files)

    def get_terms(self, terms_id: int) -> Terms:
        """Return a guarantee.

        Raises:
            InconsistentRecord: there is none.
        """
        try:
            return self._terms[terms_id]
        except KeyError:
            raise InconsistentRecord(f"terms {terms_id} are missing") from None

    def find_table(self, insurer_id: int, terms: Terms, care_date: date) -> BenefitTable:
        """Return the table that pays: the insurer's or, without one, the card's."""
        book = self._books.get(insurer_id)
        table = None if book is None else book.find(terms, care_date)
        if table is None:
            table = self._card_tables.get(id(terms))
        if table is None:
            table = self._card_tables[id(terms)] = make_card_table(CARD_TABLE, terms, _ALWAYS)
        return table


class Quoted(NamedTuple):
    """What a claim quotes: promises that are good for it, where they are, whether one is not.

    Attributes:
        promises: Those that are good for it.
        engagement: Where its engagement is, if it is good.
        pec: Its prise en charge, if it is good.
        is_bad: Whether something it quotes is not good for it.
    """

    promises: tuple[Promise, ...]
    engagement: Place | None
    pec: PecRow | None
    is_bad: bool


class Facts:
    """What is known of one batch; limits used change as its claims are shared out.

    Args:
        reader: Of the batch's transaction.
        library: What batches have in common.
        claims: The batch; at least one.
    """

    def __init__(self, reader: Reader, library: Library, claims: Sequence[WaitingClaim]) -> None:
        self.library, self.claims = library, claims
        refs = [one.claim_ref for one in claims]
        people = {one.person_ref for one in claims if one.person_ref}
        places = {one.establishment_ref for one in claims}
        self.lines = reader.load_lines(refs)
        self.holds = reader.load_holds(refs)
        self.watches = reader.load_watches(places)
        self._standings = reader.load_standings(places)
        self._sheets = reader.load_sheets(people)
        self._insurers = reader.load_insurers(
            {one.insurer_id for one in claims} | set(self._list_insurers()),
            min(one.received_at for one in claims),
        )
        terms = {c.terms_id for of in self._sheets.values() for s in of for c in s.contracts}
        self.library.learn(reader, set(self._insurers), terms)
        oldest = min(line.care_on for of in self.lines.values() for line in of) - _LOOK_BACK
        self._used = reader.load_uses(people, oldest)
        self._pec_places = {one.claim_ref: self._parse_pec(one) for one in claims}
        named = [*self._pec_places.values(), *map(_get_engagement, claims)]
        quoted = {place for place in named if place is not None}
        self._pecs = {(p.log_id, p.idx): p for p in reader.load_pecs(people, quoted)}
        for one in claims:
            # The number of a prise en charge is an engagement number: quoted as either, it is one.
            place = _get_engagement(one)
            if self._pec_places[one.claim_ref] is None and place in self._pecs:
                self._pec_places[one.claim_ref] = place
        self._promises = reader.load_promises(
            {*map(_get_engagement, claims), *self._pecs} - {None}  # type: ignore[arg-type]
        )
        self._twins = reader.find_twins(set(self._list_twins()))
        self._counters: dict[tuple[int, int], Counters] = {}
        self._seen: dict[TwinAsked, int] = {}

    def make_claim(self, one: WaitingClaim) -> Claim:
        """Return a claim as amounts are computed on it.

        Raises:
            BadValue, ValueError: what was written cannot be.
        """
        lines = tuple(_make_line(line) for line in self.lines[one.claim_ref])
        biller = Biller(mark=one.account_ref)
        for row in self._standings.get(one.establishment_ref, ()):
            if row.since <= lines[0].care_date:
                biller = Biller(
                    mark=one.account_ref, optam=row.optam, circuits=frozenset(row.circuits)
                )
        person = Beneficiary(born=BirthDate.parse(one.born), in_pathway=one.in_pathway)
        return Claim(beneficiary=person, biller=biller, lines=lines)

    def find_coverages(self, one: WaitingClaim) -> list[Coverage]:
        """Return the person's coverages, as they were known when the claim arrived.

        Raises:
            InconsistentRecord: a guarantee is missing.
        """
        for sheet in self._sheets.get(one.person_ref, ()):
            version = self._insurers[sheet.insurer_id].known_at(one.received_at)
            if sheet.opened_in <= version < sheet.closed_in:
                return self._build(sheet)
        return []

    def read_quoted(self, one: WaitingClaim) -> Quoted:
        """Return what a claim quotes, and whether it is good for this claim."""
        promises, is_bad, used_pec, engagement = [], False, None, None
        place, pec_place = _get_engagement(one), self._pec_places[one.claim_ref]
        if place is not None and place != pec_place:
            row = self._promises.get(place)
            if row is not None and self._is_good(row, one):
                promises.append(self._make_promise(row, one))
                engagement = place
            else:
                is_bad = True
        if one.pec_number or pec_place:
            pec = self._pecs.get(pec_place) if pec_place else None
            row = self._promises.get(pec_place) if pec_place else None
            last_day = max(line.care_on for line in self.lines[one.claim_ref])
            if pec is not None and row is not None and _holds(pec, one, last_day):
                shown = self._find_shown(row, one.person_ref)
                promises.append(
                    Promise(
                        domain=Domain.parse(pec.domain),
                        care_date=min(pec.care_on, from_day_number(row.care_day)),
                        expires_on=pec.expires_on,
                        shown=shown,
                    )
                )
                used_pec = pec
            else:
                is_bad = True
        return Quoted(tuple(promises), engagement, used_pec, is_bad)

    def find_right(
        self, coverages: Sequence[Coverage], quoted: Quoted, line: ClaimLine
    ) -> Standing:
        """Say whether a line is paid, on which coverage."""
        domain = Domain.parse(line.act.domain)
        promise = next((p for p in quoted.promises if p.binds(domain, line.care_date)), None)
        return find_right(coverages, promise, domain=domain, care_date=line.care_date)

    def make_contract(
        self, one: WaitingClaim, coverage: Coverage, known: Sequence[Coverage], line: ClaimLine
    ) -> Contract:
        """Return the contract that pays a line, with what was used of its limits."""
        table = self.library.find_table(one.insurer_id, coverage.terms, line.care_date)
        joined_on = find_joining([*known, coverage], coverage.contract_ref)
        counters = self.get_counters(one.person_ref, coverage.contract_ref)
        return Contract(table, joined_on, counters)

    def get_counters(self, person_ref: int, contract_ref: int) -> Counters:
        """Return what somebody used of a contract's limits; of contract 0, of levies."""
        key = (person_ref, contract_ref)
        if key not in self._counters or not person_ref:
            counters = Counters(self._used.get(key))
            for pec in self._pecs.values():
                is_theirs = (pec.person_ref, pec.contract_ref) == key
                if is_theirs and pec.state == PecState.AGREED:
                    _add_uses(counters, _list_uses(pec))
            counters.uses.clear()
            self._counters[key] = counters
        return self._counters[key]

    def release_pec(self, pec: PecRow) -> None:
        """Free what a prise en charge keeps of limits: the claim that quotes it is counted now."""
        counters = self.get_counters(pec.person_ref, pec.contract_ref)
        kept = _list_uses(pec) if pec.state == PecState.AGREED else []
        freed = [use._replace(cents=-use.cents, units=-use.units) for use in kept]
        _add_uses(counters, freed)
        counters.uses.clear()
        self._pecs[pec.log_id, pec.idx] = pec._replace(state=PecState.USED)

    def keep_pec(self, pec: PecRow) -> None:
        """Take `release_pec` back: the claim that quotes it is rejected, another one may come."""
        counters = self.get_counters(pec.person_ref, pec.contract_ref)
        _add_uses(counters, _list_uses(pec) if pec.state == PecState.AGREED else [])
        counters.uses.clear()
        self._pecs[pec.log_id, pec.idx] = pec

    def note_used(self, quoted: Quoted, claim_ref: int) -> None:
        """Remember that a promise was kept."""
        if quoted.engagement is not None:
            row = self._promises[quoted.engagement]
            self._promises[quoted.engagement] = row._replace(used_by=claim_ref)

    def find_twins(self, one: WaitingClaim) -> set[int]:
        """Return the numbers of lines that were received before, in this batch too.

        Of two that are held, the first may go on and the second is its twin.
        """
        found = set()
        for line in self.lines[one.claim_ref]:
            asked = _ask_twin(one, line)
            # Of those of this batch, what became of them is in `_seen`.
            others = [
                other
                for other, held_since in self._twins.get(asked, {}).items()
                if other not in self.lines
                and other != one.replaces
                and (held_since is None or (held_since, other) < (one.received_at, one.claim_ref))
            ]
            if one.person_ref and (others or self._seen.get(asked, one.claim_ref) != one.claim_ref):
                found.add(line.number)
        return found

    def note_received(self, one: WaitingClaim, numbers: Iterable[int]) -> None:
        """Remember lines that go on or wait: the same one after them is a twin."""
        kept = set(numbers)
        for line in self.lines[one.claim_ref]:
            if line.number in kept:
                self._seen.setdefault(_ask_twin(one, line), one.claim_ref)

    def _build(self, sheet: SheetVersion) -> list[Coverage]:
        agreement = self._insurers[sheet.insurer_id].agreement
        coverages = []
        for one in sheet.contracts:
            period = one.period.intersection(agreement)
            if period is not None:
                terms = self.library.get_terms(one.terms_id)
                coverages.append(Coverage(one.contract_ref, period, terms, one.suspended))
        return coverages

    def _is_good(self, row: PromiseRow, one: WaitingClaim) -> bool:
        """Tell whether an engagement is for this person, this biller, these acts, and unused."""
        promised = row.kind == Kind.DISCLOSE and row.outcome == Outcome.OPEN
        biller = one.account_ref == row.account_ref or (
            row.establishment_ref is not None and one.establishment_ref == row.establishment_ref
        )
        if not (promised and biller and row.person_ref == one.person_ref != 0):
            return False
        if row.used_by not in (None, one.claim_ref):
            return False
        promise = self._make_promise(row, one)
        return any(
            promise.binds(Domain.parse(ActKind.parse(line.act).domain), line.care_on)
            for line in self.lines[one.claim_ref]
        )

    def _make_promise(self, row: PromiseRow, one: WaitingClaim) -> Promise:
        issued_on = to_paris_day(from_ms(row.t_ms))
        return Promise(
            domain=Domain.from_number(row.domain),
            care_date=from_day_number(row.care_day),
            expires_on=compute_expiry(issued_on),
            shown=self._find_shown(row, one.person_ref),
        )

    def _find_shown(self, row: PromiseRow, person_ref: int) -> list[Coverage]:
        for sheet in self._sheets.get(person_ref, ()):
            if sheet.opened_in == row.data_version:
                return self._build(sheet)
        return []

    def _parse_pec(self, one: WaitingClaim) -> Place | None:
        if not one.pec_number:
            return None
        try:
            return parse_engagement(self.library.engagement_key, one.pec_number)
        except BadValue:
            return None

    def _list_insurers(self) -> Iterable[int]:
        return (sheet.insurer_id for sheets in self._sheets.values() for sheet in sheets)

    def _list_twins(self) -> Iterable[TwinAsked]:
        for one in self.claims:
            if one.person_ref:
                for line in self.lines[one.claim_ref]:
                    yield _ask_twin(one, line)


def _make_line(line: WaitingLine) -> ClaimLine:
    return ClaimLine(
        number=line.number,
        act=ActKind.parse(line.act),
        care_date=line.care_on,
        billed_cents=line.billed_cents,
        quantity=line.quantity,
        base_cents=line.base_cents,
        amo_cents=line.given_amo_cents,
        basket=None if line.basket is None else Basket(line.basket),
        equipment=line.equipment,
        correction=None if line.correction is None else Correction(line.correction),
        exoneration=None if line.exoneration is None else Exoneration(line.exoneration),
        early_renewal=line.early_renewal,
    )


def _ask_twin(one: WaitingClaim, line: WaitingLine) -> TwinAsked:
    return TwinAsked(one.person_ref, one.establishment_ref, line.act, line.care_on)


def _get_engagement(one: WaitingClaim) -> Place | None:
    if one.engagement_log is None or one.engagement_idx is None:
        return None
    return one.engagement_log, one.engagement_idx


def _holds(pec: PecRow, one: WaitingClaim, last_day: date) -> bool:
    """Tell whether a prise en charge is for this claim: care of its days, billed when it may be."""
    mine = pec.person_ref == one.person_ref and pec.establishment_ref == one.establishment_ref
    unused = pec.state in (PecState.AGREED, PecState.EXPIRED)
    return mine and unused and last_day <= pec.expires_on


def _list_uses(pec: PecRow) -> list[Use]:
    return [
        Use(
            CounterKey(one["name"], date.fromisoformat(one["since"]), one["mark"]),
            0,
            one["cents"],
            one["units"],
            date.fromisoformat(one["day"]),
        )
        for one in pec.uses
    ]


def _add_uses(counters: Counters, uses: Iterable[Use]) -> None:
    for use in uses:
        counters.add(use)
