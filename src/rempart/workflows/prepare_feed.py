"""The part of an import that needs no database: read, validate, key and seal pieces of a feed.

Runs in worker processes. Refuses to decide about people it cannot see whole: rows that may meet
others are handed over as statements, and the importing process decides with the database at hand.
"""

import gc
import multiprocessing
import multiprocessing.process
import os
import threading
from datetime import date

import msgspec

from rempart.exchange.feed_pieces import Piece, read_piece
from rempart.exchange.feed_rows import FeedRow, FeedTerms, RowParser
from rempart.kernel.findings import Finding
from rempart.rights.sheet import EMPTY, LineRefusal, Sheet, last_day, state_line
from rempart.rights.terms import format_terms
from rempart.storage import feed_copy
from rempart.storage.feed_copy import Packer
from rempart.storage.feeds import compute_terms_id
from rempart.storage.sealing import (
    ContractRecord,
    PersonRecord,
    Seal,
    decode_record,
    encode_record,
)
from rempart.workflows.feed_keys import FeedKeys
from rempart.workflows.feed_person import PersonKeys, Statement, compute_keys, merge_record
from rempart.workflows.prepared_feed import (
    Orders,
    PreparedPerson,
    PreparedPiece,
    encode_piece,
    hold_statements,
    pack_new,
)


class Preparer:
    """Prepares the pieces of one feed, in any order; remembers values between them."""

    def __init__(self, orders: Orders) -> None:
        self._orders = orders
        self._parser = RowParser(
            amc_number=orders.amc_number,
            agreement=orders.agreement,
            removals=orders.kind == "delta",
            language=orders.dialect.language,
        )
        self._keys = FeedKeys(orders.amc_number, orders.lookup_key, orders.contract_key)
        self._seal = Seal(orders.insurer_id, orders.insurer_key)
        self._packer = Packer(insurer_id=orders.insurer_id, version=orders.feed_version)
        self._terms_ids: dict[bytes, int] = {}
        self._met: list[tuple[bytes, bytes]] = []

    def prepare(self, piece: Piece) -> PreparedPiece:
        """Read, validate and key the rows of a piece, and gather them by person."""
        groups: dict[bytes, list[Statement]] = {}
        findings: list[Finding] = []
        kept_keys: list[bytes] = []
        valid = rejected = 0
        for cells in read_piece(piece, self._orders.dialect):
            parsed = self._parser.parse(cells.lines, cells.columns)
            for row in parsed.rows:
                statement = self._state(row)
                groups.setdefault(statement.typed_key, []).append(statement)
            valid += len(parsed.rows)
            rejected += cells.rejected + parsed.rejected
            findings += cells.findings
            findings += parsed.findings
            kept_keys += [self._keys.typed(*person[1:]) for person in parsed.rejected_persons]
        tangled = _find_tangled(groups)
        people = [self._gather(rows, tangled) for rows in groups.values()]
        met, self._met = self._met, []
        return PreparedPiece(
            rows=piece.rows,
            valid=valid,
            rejected=rejected,
            people=people,
            kept_keys=kept_keys,
            findings=findings,
            terms=met,
        )

    def _state(self, row: FeedRow) -> Statement:
        """Turn a row into references and an encoded identity."""
        keys = self._keys
        birth = (row.birth_date, row.birth_rank)
        own, previous = row.own_nir, row.previous_nir
        stated_on = row.days.stated_on.isoformat()
        contract = ContractRecord(row.contract_number, row.member_number, row.card_code, stated_on)
        return Statement(
            number=row.line,
            typed_key=keys.typed(row.insured_nir, *birth),
            own_key=keys.typed(own, *birth) if own and own != row.insured_nir else b"",
            previous_key=keys.typed(previous, *birth) if previous else b"",
            card_key=keys.card(row.card_code) if row.card_code else b"",
            contract_ref=keys.contract(row.contract_number),
            days=row.days,
            terms_id=self._refer(row.terms),
            removes=row.removes,
            record=encode_record(
                PersonRecord(
                    insured_nir=row.insured_nir,
                    birth_date=row.birth_date,
                    birth_rank=row.birth_rank,
                    family_name=row.family_name,
                    first_names=row.first_names,
                    quality=row.quality,
                    stated_on=stated_on,
                    contracts=(contract,),
                    own_nir=own,
                    birth_name=row.birth_name,
                    email=row.email,
                    phone=row.phone,
                    address=row.address,
                    postcode=row.postcode,
                    city=row.city,
                )
            ),
        )

    def _refer(self, terms: FeedTerms) -> int:
        """Return the reference of a guarantee, and report it the first time."""
        terms_id = self._terms_ids.get(terms.digest)
        if terms_id is None:
            terms_id = compute_terms_id(self._orders.insurer_id, terms.digest)
            self._terms_ids[terms.digest] = terms_id
            self._met.append((terms.digest, msgspec.json.encode(format_terms(terms.terms))))
        return terms_id

    def _gather(self, statements: list[Statement], tangled: set[bytes]) -> PreparedPerson:
        """Gather the rows of one person; with a single row, without taking it apart."""
        first = statements[0]
        match_keys = b"".join(
            [
                each.typed_key + each.own_key + each.previous_key + each.card_key
                for each in statements
            ]
        )
        held = hold_statements(statements)
        if self._orders.kind == "delta" or first.typed_key in tangled:
            return PreparedPerson(match_keys, held, simple=False)
        refused: list[tuple[int, str]] = []
        if len(statements) == 1:
            plain, body, ends_on, keys = self._complete_one(first)
        else:
            plain, body, ends_on, keys = self._complete(statements, refused)
        digest = self._seal.digest(plain)
        if self._orders.first:
            new = None
            if body:
                ended = ends_on < self._orders.today
                new = pack_new(
                    self._packer,
                    self._seal,
                    keys=keys,
                    plain=plain,
                    digest=digest,
                    body=body,
                    ended=ended,
                )
            return PreparedPerson(match_keys, held, True, refused, new)
        return PreparedPerson(
            match_keys, held, True, refused, None, keys, digest, plain, body, ends_on
        )

    def _complete_one(self, statement: Statement) -> tuple[bytes, bytes, date, PersonKeys]:
        """Return identity, sheet, last day and keys of a person of one row."""
        _, starts_on, ends_on, suspended_from, suspended_to = statement.days
        current, other = [statement.typed_key], []
        if statement.own_key:
            current.append(statement.own_key)
        if statement.previous_key not in (b"", statement.own_key):
            other.append(statement.previous_key)
        if starts_on is None:
            return statement.record, b"", date.min, PersonKeys(current, other)
        if statement.card_key:
            (current if ends_on >= self._orders.today else other).append(statement.card_key)
        body = feed_copy.encode_contract(statement.contract_ref) + feed_copy.encode_tail(
            starts_on, ends_on, suspended_from, suspended_to, statement.terms_id
        )
        return statement.record, body, ends_on, PersonKeys(current, other)

    def _complete(
        self, statements: list[Statement], refused: list[tuple[int, str]]
    ) -> tuple[bytes, bytes, date, PersonKeys]:
        """Merge the rows of one person, the first stated kept where two claim one day."""
        sheet: Sheet = EMPTY
        record = decode_record(statements[0].record)
        given: list[bytes] = []
        for statement in statements:
            line = statement.line
            grown = sheet if line is None else state_line(sheet, line)
            if isinstance(grown, LineRefusal):
                refused.append((statement.number, grown.value))
                continue
            sheet, record = grown, merge_record(record, decode_record(statement.record))
            given += statement.own_keys
            if statement.card_key:
                given.append(statement.card_key)
        keys = compute_keys(record, sheet, keys=self._keys, today=self._orders.today)
        other = sorted(set(given).difference(keys.current))
        return (
            encode_record(record),
            feed_copy.encode_sheet(sheet),
            last_day(sheet),
            PersonKeys(keys.current, other),
        )


def _find_tangled(groups: dict[bytes, list[Statement]]) -> set[bytes]:
    """Return the people of a piece who share a key with another: one may be the other."""
    owners: dict[bytes, bytes] = {}
    tangled: set[bytes] = set()
    for typed_key, statements in groups.items():
        for each in statements:
            for key in (each.typed_key, each.own_key, each.previous_key, each.card_key):
                if key and (owner := owners.setdefault(key, typed_key)) != typed_key:
                    tangled |= {owner, typed_key}
    return tangled


_preparers: dict[str, Preparer] = {}


def start_worker(orders: Orders) -> None:
    """Make this process a worker, which does not outlive the importing one."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        # A killed parent says nothing: without this its workers would wait for ever.
        threading.Thread(target=_die_with, args=(parent,), daemon=True).start()
    gc.disable()  # what is made here has no cycles, and a million rows would be scanned for some
    _preparers["feed"] = Preparer(orders)


def prepare_in_worker(piece: Piece) -> bytes:
    """Prepare a piece in a worker; return it encoded, which travels faster."""
    return encode_piece(_preparers["feed"].prepare(piece))


def _die_with(parent: multiprocessing.process.BaseProcess) -> None:
    parent.join()
    os._exit(1)
