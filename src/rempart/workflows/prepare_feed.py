"""The part of an import that needs no database: read, validate, key and seal pieces of a feed.

Runs in worker processes. Refuses to decide about people it cannot see whole: rows that may meet
others are handed over as statements, and the importing process decides with the database at hand.
"""

import gc
import multiprocessing
import multiprocessing.process
import os
import signal
import threading
from dataclasses import dataclass, field
from datetime import date

import msgspec

from rempart.exchange.feed_pieces import Dialect, Piece, read_piece
from rempart.exchange.feed_rows import FeedRow, FeedTerms, ParsedRows, RowParser
from rempart.kernel.findings import Finding
from rempart.kernel.periods import Period
from rempart.rights.sheet import EMPTY, LineRefusal, Sheet, last_day, state_line
from rempart.rights.terms import format_terms
from rempart.storage import feed_copy
from rempart.storage.feeds import FeedKind, compute_terms_id
from rempart.storage.sealing import (
    ContractRecord,
    PersonRecord,
    Seal,
    decode_record,
    encode_record,
)
from rempart.workflows.feed_keys import FeedKeys
from rempart.workflows.feed_person import (
    PersonKeys,
    Statement,
    compute_keys,
    join_keys,
    merge_record,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Orders:
    """What a worker must know to prepare the pieces of one feed.

    Args:
        insurer_id: Whose feed it is.
        amc_number: Ten digits.
        agreement: The insurer's agreement with the operator.
        kind: Full or delta.
        feed_version: The pending version.
        today: Paris civil date: contracts that ended before give former members.
        dialect: How to read the file.
        lookup_key: Key of look-ups.
        contract_key: Key of blind references.
        insurer_key: Key that seals this insurer's people.
        first: Whether the insurer has nobody yet: everybody is then sealed ahead, in the worker.
    """

    insurer_id: int
    amc_number: str
    agreement: Period
    kind: FeedKind
    feed_version: int
    today: date
    dialect: Dialect
    lookup_key: bytes = field(repr=False)
    contract_key: bytes = field(repr=False)
    insurer_key: bytes = field(repr=False)
    first: bool


class NewRows(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """The database rows of somebody new, packed for COPY.

    `sheet` goes to the past when `ended`; `keys` then open nothing.
    """

    person_ref: int
    person: bytes
    sheet: bytes
    ended: bool
    lookups: list[bytes]
    person_keys: list[bytes]

    def __repr__(self) -> str:
        return "<NewRows>"


class PreparedPerson(msgspec.Struct, frozen=True, gc=False, array_like=True):
    """What a piece says of one person.

    Args:
        number: First line that speaks of the person.
        simple: Whether what follows is final for somebody nobody else in the feed is mixed up with.
        match_keys: Every key that may lead to the person, end to end.
        lookup_keys: Keys to be known by.
        other_keys: Keys that only lead to the person.
        digest: Keyed digest of the identity.
        plain: The identity, to be sealed.
        body: The sheet, encoded; empty when no line is inside the agreement.
        last_day: Last day of the sheet.
        refused: Lines left out, with the rule.
        statements: The rows, one by one (`Statement`).
        new: Database rows of somebody new, when they were asked for ahead.
    """

    number: int
    simple: bool
    match_keys: bytes
    lookup_keys: bytes
    other_keys: bytes
    digest: bytes
    plain: bytes
    body: bytes
    last_day: date
    refused: list[tuple[int, str]]
    statements: msgspec.Raw
    new: NewRows | None

    def __repr__(self) -> str:
        return f"<PreparedPerson {self.number}>"


class PreparedPiece(msgspec.Struct, frozen=True, array_like=True):
    """A piece, ready for the database.

    Args:
        rows: Rows of the file it stands for.
        valid: Rows that passed validation.
        rejected: Rows left out by validation; empty lines are in neither count.
        people: By first line.
        kept_keys: Keys of people whose row was left out: a full feed takes nothing away from them.
        findings: By line.
        terms: Guarantees this worker met for the first time: digest, JSON.
    """

    rows: int
    valid: int
    rejected: int
    people: list[PreparedPerson]
    kept_keys: bytes
    findings: list[Finding]
    terms: list[tuple[bytes, bytes]]

    def __repr__(self) -> str:
        return f"<PreparedPiece {self.rows}>"


encode_piece = msgspec.msgpack.Encoder().encode
decode_piece = msgspec.msgpack.Decoder(PreparedPiece).decode
decode_statements = msgspec.msgpack.Decoder(list[Statement]).decode
_encode = msgspec.msgpack.Encoder().encode


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
        self._terms_ids: dict[bytes, int] = {}
        self._met: list[tuple[bytes, bytes]] = []

    def prepare(self, piece: Piece) -> PreparedPiece:
        """Read, validate and key the rows of a piece, and gather them by person."""
        cells = read_piece(piece, self._orders.dialect)
        parsed = self._parser.parse(cells.lines, cells.columns)
        groups: dict[bytes, list[Statement]] = {}
        for row in parsed.rows:
            statement = self._state(row)
            groups.setdefault(statement.typed_key, []).append(statement)
        tangled = _find_tangled(groups)
        people = [self._gather(key, rows, tangled) for key, rows in groups.items()]
        met, self._met = self._met, []
        return PreparedPiece(
            rows=piece.rows,
            valid=len(parsed.rows),
            rejected=cells.rejected + parsed.rejected,
            people=people,
            kept_keys=self._find_kept(parsed),
            findings=[*cells.findings, *parsed.findings],
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
            previous_keys=keys.typed(previous, *birth) if previous else b"",
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

    def _gather(
        self, typed_key: bytes, statements: list[Statement], tangled: set[bytes]
    ) -> PreparedPerson:
        """Gather the rows of one person; with a single row, without taking it apart."""
        match_keys = b"".join(
            each.typed_key + each.own_key + each.previous_keys + each.card_key
            for each in statements
        )
        raw = msgspec.Raw(_encode(statements))
        simple = self._orders.kind == "full" and typed_key not in tangled
        if not simple:
            return PreparedPerson(
                statements[0].number, False, match_keys, b"", b"", b"", b"", b"", date.min, [],
                raw, None,
            )  # fmt: skip
        if len(statements) == 1:
            return self._complete_one(statements[0], match_keys, raw)
        return self._complete(statements, match_keys, raw)

    def _complete_one(
        self, statement: Statement, match_keys: bytes, raw: msgspec.Raw
    ) -> PreparedPerson:
        _, starts_on, ends_on, suspended_from, suspended_to = statement.days
        body = b""
        if starts_on is not None:
            body = feed_copy.encode_contract(statement.contract_ref) + feed_copy.encode_tail(
                starts_on, ends_on, suspended_from, suspended_to, statement.terms_id
            )
        running = starts_on is not None and ends_on >= self._orders.today
        current = statement.typed_key + statement.own_key + (statement.card_key if running else b"")
        other = statement.previous_keys + (b"" if running else statement.card_key)
        return self._finish(
            statement.number, match_keys, PersonKeys(current, other), statement.record, body,
            ends_on if body else date.min, [], raw,
        )  # fmt: skip

    def _complete(
        self, statements: list[Statement], match_keys: bytes, raw: msgspec.Raw
    ) -> PreparedPerson:
        """Merge the rows of one person, the first stated kept where two claim one day."""
        sheet: Sheet = EMPTY
        record: PersonRecord | None = None
        refused: list[tuple[int, str]] = []
        for statement in statements:
            line = statement.line
            grown = sheet if line is None else state_line(sheet, line)
            if isinstance(grown, LineRefusal):
                refused.append((statement.number, grown.value))
                continue
            sheet, record = grown, merge_record(record, decode_record(statement.record))
        if record is None:
            raise ValueError("the first row of a person is never refused")
        keys = compute_keys(record, sheet, keys=self._keys, today=self._orders.today)
        known = feed_copy.split_keys(match_keys)
        other = [key for key in known if key not in feed_copy.split_keys(keys.current)]
        return self._finish(
            statements[0].number, match_keys, PersonKeys(keys.current, join_keys(other)),
            encode_record(record), feed_copy.encode_sheet(sheet), last_day(sheet), refused, raw,
        )  # fmt: skip

    def _finish(
        self, number: int, match_keys: bytes, keys: PersonKeys, plain: bytes, body: bytes,
        ends_on: date, refused: list[tuple[int, str]], raw: msgspec.Raw,
    ) -> PreparedPerson:  # fmt: skip
        digest = self._seal.digest(plain)
        new = None
        if self._orders.first and body:
            new = pack_new(
                self._orders, self._seal, keys=keys, plain=plain, digest=digest, body=body,
                ended=ends_on < self._orders.today,
            )  # fmt: skip
        return PreparedPerson(
            number, True, match_keys, keys.current, keys.other, digest,
            plain if new is None else b"", body, ends_on, refused, raw, new,
        )  # fmt: skip

    def _find_kept(self, parsed: ParsedRows) -> bytes:
        return join_keys(
            self._keys.typed(each.insured_nir, each.birth_date, each.birth_rank)
            for each in parsed.rejected_persons
        )


def pack_new(
    orders: Orders,
    seal: Seal,
    *,
    keys: PersonKeys,
    plain: bytes,
    digest: bytes,
    body: bytes,
    ended: bool,
) -> NewRows:
    """Draw a reference for somebody new, seal the identity and pack the database rows."""
    person_ref = int.from_bytes(os.urandom(8), "big") >> 1 or 1
    version, insurer_id = orders.feed_version, orders.insurer_id
    current = feed_copy.split_keys(keys.current)
    stored = feed_copy.split_keys(keys.other)
    lookups: list[bytes] = []
    if ended:
        stored = current + stored
    else:
        lookups = [feed_copy.pack_lookup(key, person_ref) for key in current]
    return NewRows(
        person_ref=person_ref,
        person=feed_copy.pack_person(
            person_ref=person_ref,
            insurer_id=insurer_id,
            sealed=seal.seal(person_ref, plain),
            digest=digest,
            keys=keys.current,
            version=version,
        ),
        sheet=feed_copy.pack_sheet(
            person_ref=person_ref, insurer_id=insurer_id, version=version, body=body
        ),
        ended=ended,
        lookups=lookups,
        person_keys=[feed_copy.pack_person_key(key, person_ref, version) for key in stored],
    )


def _find_tangled(groups: dict[bytes, list[Statement]]) -> set[bytes]:
    """Return the people of a piece who share a key with another: one may be the other."""
    owners: dict[bytes, bytes] = {}
    tangled: set[bytes] = set()
    for typed_key, statements in groups.items():
        for each in statements:
            for key in (each.typed_key, each.own_key, each.previous_keys, each.card_key):
                owner = owners.setdefault(key, typed_key) if key else typed_key
                if owner != typed_key:
                    tangled |= {owner, typed_key}
    return tangled


_preparers: dict[str, Preparer] = {}


def start_worker(orders: Orders) -> None:
    """Make this process a worker: no Ctrl-C of its own, and no life without the importing one."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
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
