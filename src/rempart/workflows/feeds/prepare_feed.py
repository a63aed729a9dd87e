"""The part of an import that needs no database: read, validate, key and seal pieces of a feed.

Runs in worker processes. Refuses to decide about people it cannot see whole: rows that may meet
others are handed over as statements, and the importing process decides with the database at hand.
"""

import gc
from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any

import msgspec

from rempart.exchange.feed_pieces import Piece, read_piece
from rempart.exchange.feed_rows import FeedTerms, RowParser
from rempart.kernel.findings import Finding
from rempart.rights.sheet import EMPTY, LineRefusal, Sheet, last_day, state_line
from rempart.rights.terms import format_terms
from rempart.storage import feed_copy
from rempart.storage.feed_copy import Packer, split_keys
from rempart.storage.feeds import compute_terms_id
from rempart.storage.sealing import (
    ContractRecord,
    PersonRecord,
    Seal,
    decode_record,
    encode_record,
)
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.feeds.person import PersonKeys, Statement, compute_keys, merge_record
from rempart.workflows.feeds.prepared_feed import (
    NewPerson,
    Orders,
    PreparedPerson,
    PreparedPiece,
    ReadyPeople,
    encode_groups,
    encode_piece,
    hold_statements,
    join_ready,
    pack_new,
)
from rempart.workflows.feeds.worker_process import end_with_parent


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
        stated: list[Statement] = []
        batches: list[ReadyPeople] = []
        findings: list[Finding] = []
        kept_keys: list[bytes] = []
        valid = rejected = 0
        for cells in read_piece(piece, self._orders.dialect):
            parsed = self._parser.parse(cells.lines, cells.columns)
            statements = self._state(parsed.lines, parsed.columns)
            stated += statements
            if self._orders.first:
                batch, stated = _set_last_apart(stated)
                batches.append(self._make_ready(batch))
            valid += len(parsed.lines)
            rejected += cells.rejected + parsed.rejected
            findings += cells.findings
            findings += parsed.findings
            kept_keys += [self._keys.typed(*person[1:]) for person in parsed.rejected_persons]
        ready = None
        if self._orders.first:
            ready, people = join_ready([*batches, self._make_ready(stated)])
        else:
            groups = _group(stated)
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
            ready=ready,
        )

    def _state(
        self, lines: Sequence[int], columns: Mapping[str, Sequence[Any]]
    ) -> Iterable[Statement]:
        """Turn rows into references and encoded identities, column by column."""
        keys = self._keys
        birth = (columns["birth_date"], columns["birth_rank"])
        typed = columns["insured_nir"]
        pairs = zip(columns["own_nir"], typed, strict=True)
        stated_on = [days[0].isoformat() for days in columns["days"]]
        contracts = map(
            ContractRecord,
            columns["contract_number"],
            columns["member_number"],
            columns["card_code"],
            stated_on,
        )
        given = {**columns, "stated_on": stated_on, "contracts": zip(contracts)}
        records = map(PersonRecord, *(given[name] for name in PersonRecord.__struct_fields__))
        return map(
            Statement,
            lines,
            keys.typed_column(typed, *birth),
            keys.typed_column(["" if own == other else own for own, other in pairs], *birth),
            keys.typed_column(columns["previous_nir"], *birth),
            keys.card_column(columns["card_code"]),
            map(keys.contract, columns["contract_number"]),
            columns["days"],
            map(self._refer, columns["terms"]),
            columns["removes"],
            map(encode_record, records),
        )

    def _refer(self, terms: FeedTerms) -> int:
        """Return the reference of a guarantee, and report it the first time."""
        terms_id = self._terms_ids.get(terms.digest)
        if terms_id is None:
            terms_id = compute_terms_id(self._orders.insurer_id, terms.digest)
            self._terms_ids[terms.digest] = terms_id
            self._met.append((terms.digest, msgspec.json.encode(format_terms(terms.terms))))
        return terms_id

    def _make_ready(self, stated: Iterable[Statement]) -> ReadyPeople:
        """Pack the people of some rows, as if no other row of the file were about them."""
        groups = list(_group(stated).values())
        refused: list[tuple[int, int, str]] = []
        packed: list[int] = []
        people: list[NewPerson] = []
        for place, statements in enumerate(groups):
            left_out: list[tuple[int, str]] = []
            plain, body, last, keys = self._complete(statements, left_out)
            if left_out:
                refused += [(place, line, rule) for line, rule in left_out]
            if body:
                ended = last < self._orders.today
                packed.append(place)
                people.append(NewPerson(keys, plain, self._seal.digest(plain), body, ended))
        drawn, rows = pack_new(self._packer, self._seal, people)
        person_refs = [0] * len(groups)
        for place, person_ref in zip(packed, drawn, strict=True):
            person_refs[place] = person_ref
        match_keys = [_join_keys(statements) for statements in groups]
        encoded = encode_groups(groups)
        return ReadyPeople(match_keys, person_refs, [(len(groups), encoded)], refused, rows)

    def _gather(self, statements: list[Statement], tangled: set[bytes]) -> PreparedPerson:
        """Gather the rows of one person."""
        match_keys, held = _join_keys(statements), hold_statements(statements)
        if self._orders.kind == "delta" or statements[0].typed_key in tangled:
            return PreparedPerson(match_keys, held, simple=False)
        refused: list[tuple[int, str]] = []
        plain, body, last, keys = self._complete(statements, refused)
        digest = self._seal.digest(plain)
        return PreparedPerson(match_keys, held, True, refused, keys, digest, plain, body, last)

    def _complete(
        self, statements: list[Statement], refused: list[tuple[int, str]]
    ) -> tuple[bytes, bytes, date, PersonKeys]:
        """Return identity, sheet, last day and keys of a person; note the lines left out."""
        if len(statements) == 1:
            return self._complete_one(statements[0])
        return self._complete_several(statements, refused)

    def _complete_one(self, statement: Statement) -> tuple[bytes, bytes, date, PersonKeys]:
        """Do so with a single row, without taking it apart."""
        _, starts_on, ends_on, suspended_from, suspended_to = statement.days
        current, other = [statement.typed_key], []
        if statement.own_key:
            current.append(statement.own_key)
        if statement.previous_key not in (b"", statement.own_key):
            other.append(statement.previous_key)
        if starts_on > ends_on:
            return statement.record, b"", date.min, PersonKeys(current, other)
        if statement.card_key:
            (current if ends_on >= self._orders.today else other).append(statement.card_key)
        body = feed_copy.encode_contract(statement.contract_ref) + feed_copy.encode_tail(
            starts_on, ends_on, suspended_from, suspended_to, statement.terms_id
        )
        return statement.record, body, ends_on, PersonKeys(current, other)

    def _complete_several(
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
            sheet = grown
            if statement is not statements[0]:
                record = merge_record(record, decode_record(statement.record))
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
    pairs = [
        (key, typed_key)
        for typed_key, statements in groups.items()
        for each in statements
        for key in (each.card_key, each.own_key, each.previous_key)
        if key
    ]
    owners = dict(pairs)
    if len(owners) == len(pairs) and owners.keys().isdisjoint(groups):
        return set()
    owners = dict(zip(groups, groups, strict=True))
    tangled: set[bytes] = set()
    for key, typed_key in pairs:
        if (owner := owners.setdefault(key, typed_key)) != typed_key:
            tangled |= {owner, typed_key}
    return tangled


def _set_last_apart(stated: list[Statement]) -> tuple[list[Statement], list[Statement]]:
    """Set the last rows apart, those of one person: the next rows may be about them too."""
    end = len(stated)
    while end and stated[end - 1].typed_key == stated[-1].typed_key:
        end -= 1
    return stated[:end], stated[end:]


def _group(stated: Iterable[Statement]) -> dict[bytes, list[Statement]]:
    groups: dict[bytes, list[Statement]] = {}
    for statement in stated:
        groups.setdefault(statement.typed_key, []).append(statement)
    return groups


def _join_keys(statements: Sequence[Statement]) -> bytes:
    """Return every key that may lead to a person, end to end, each once."""
    keys = [
        each.typed_key + each.own_key + each.previous_key + each.card_key for each in statements
    ]
    if len(keys) == 1:
        return keys[0]
    return b"".join(dict.fromkeys(split_keys(b"".join(keys))))


_preparers: dict[str, Preparer] = {}


def start_worker(orders: Orders) -> None:
    """Make this process a worker, which does not outlive the importing one."""
    end_with_parent()
    gc.disable()  # what is made here has no cycles, and a million rows would be scanned for some
    _preparers["feed"] = Preparer(orders)


def prepare_in_worker(piece: Piece) -> bytes:
    """Prepare a piece in a worker; return it encoded, which travels faster."""
    return encode_piece(_preparers["feed"].prepare(piece))
