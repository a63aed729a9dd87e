"""Movements of employers become rights by the insurer's own path: a version, then published.

Refuses to change who somebody is: an employer states dates, and identity only of people whom the
insurer does not know. What cannot be applied is set aside for the insurer, without a reason that
would tell an employer about another contract.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import msgspec
from cryptography.exceptions import InvalidTag

from rempart.exchange.feed_columns import COLUMNS, Layout
from rempart.exchange.feed_pieces import Dialect
from rempart.exchange.movement_file import Joiner
from rempart.kernel.errors import Conflict, InconsistentRecord, NotFound
from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.sheet import Line, Sheet
from rempart.storage import employer_feeds, feed_copy, feeds, identity
from rempart.storage.connect import Transaction
from rempart.storage.employer_feeds import AcceptedMovement
from rempart.storage.feeds import FeedInsurer
from rempart.storage.letterbox import Letterbox
from rempart.storage.sealing import (
    ContractRecord,
    PersonRecord,
    Seal,
    encode_record,
    load_insurer_key,
    open_sealed,
)
from rempart.storage.sheets import load_sheets, prepare_connection
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.feeds.import_feed import FeedSecrets
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.feeds.people import People
from rempart.workflows.feeds.person import Statement
from rempart.workflows.feeds.prepared_feed import Orders
from rempart.workflows.feeds.publish_feed import publish_version

MOST_AT_ONCE = 500
_INSURED = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """What became of the movements of one insurer.

    Args:
        applied: How many show in its rights, or need not.
        failed: How many cannot: the insurer sees which.
        left: People moved out of the gateway's reach.
        feed_version: What was published; None when no right changed.
    """

    applied: int
    failed: int
    left: int
    feed_version: int | None


@dataclass(slots=True)
class _Known:
    """Somebody the insurer knows: who, and their lines."""

    person_ref: int
    record: PersonRecord = field(repr=False)
    sheet: Sheet


def apply_movements(
    connection: Transaction,
    secrets: FeedSecrets,
    box: Letterbox,
    insurer_id: int,
    *,
    today: date,
) -> Settled:
    """Apply the accepted movements of an insurer's employers, all of them in one transaction.

    A crash leaves them all to apply; run again, it applies them once.

    Args:
        connection: An autocommit connection of the role `feeds`.
        secrets: Keys.
        box: Opens who joins.
        insurer_id: Whose employers.
        today: Paris civil date.

    Raises:
        NotFound: the insurer is not registered.
        Conflict: a feed of the insurer is being loaded: its end is waited for.
        InconsistentRecord: what is stored cannot be brought to what was told: none is applied.
    """
    prepare_connection(connection)
    insurer = feeds.load_insurer(connection, insurer_id)
    if insurer is None:
        raise NotFound(f"insurer {insurer_id} is not registered")
    feeds.claim_insurer(connection, insurer_id)
    if feeds.load_pending_version(connection, insurer_id) is not None:
        raise Conflict(f"a feed of insurer {insurer_id} is half loaded: movements wait for its end")
    with connection.transaction():
        feeds.lock_insurer(connection, insurer_id)
        movements = employer_feeds.take_accepted(connection, insurer_id, most=MOST_AT_ONCE)
        if not movements:
            return Settled(applied=0, failed=0, left=0, feed_version=None)
        return _Settling(connection, secrets, box, insurer, movements, today).settle()


class _Settling:
    """The movements of one insurer, under one pending version."""

    def __init__(
        self,
        tx: Transaction,
        secrets: FeedSecrets,
        box: Letterbox,
        insurer: FeedInsurer,
        movements: list[AcceptedMovement],
        today: date,
    ) -> None:
        self._tx = tx
        self._box = box
        self._insurer = insurer
        self._movements = movements
        self._keys = FeedKeys(insurer.amc_number, secrets.lookup_key, secrets.contract_key)
        key = load_insurer_key(tx, secrets.kms, insurer.insurer_id)
        self._seal = Seal(insurer.insurer_id, key)
        digest = hashlib.sha256(b"movements")
        for one in movements:
            digest.update(one.movement_ref.to_bytes(8))
        version = feeds.open_version(
            tx, insurer.insurer_id, "delta", digest.digest(), keeps_findings=True
        )
        self._orders = Orders(
            insurer_id=insurer.insurer_id,
            amc_number=insurer.amc_number,
            agreement=insurer.agreement,
            kind="delta",
            feed_version=version.feed_version,
            today=today,
            dialect=Dialect(layout=Layout(len(COLUMNS), tuple(range(len(COLUMNS)))), language="fr"),
            lookup_key=secrets.lookup_key,
            contract_key=secrets.contract_key,
            insurer_key=key,
            first=False,
        )
        self._people = People(tx, self._orders, self._seal, self._keys)
        self._statements: list[Statement] = []
        self._touched: set[bytes] = set()
        # Lines as earlier movements of this piece leave them, by person.
        self._sheets: dict[int, Sheet] = {}

    def settle(self) -> Settled:
        """Apply each movement, then publish; what needs no version leaves none."""
        joined: list[tuple[AcceptedMovement, bytes, int]] = []
        failed: list[AcceptedMovement] = []
        done: list[AcceptedMovement] = []
        for one in self._movements:
            if one.kind == "leave":
                (done if self._leave(one) else failed).append(one)
                continue
            found = self._join(one)
            if found is None:
                failed.append(one)
            else:
                joined.append((one, *found))
        self._state()
        owners = identity.find_persons(self._tx, sorted({key for _, key, _ in joined}))
        for one, key, contract_ref in joined:
            person_ref = owners[key][0] if key in owners else None
            if person_ref is None or employer_feeds.would_overlap(self._tx, one, person_ref):
                failed.append(one)
                continue
            employer_feeds.add_stay(
                self._tx,
                one,
                staff_ref=draw_ref(),
                person_ref=person_ref,
                contract_ref=contract_ref,
            )
            done.append(one)
        for one in done:
            employer_feeds.settle_movement(self._tx, one.movement_ref, "applied")
        for one in failed:
            employer_feeds.settle_movement(self._tx, one.movement_ref, "failed")
        version = self._orders.feed_version
        rows = len(self._statements)
        feeds.advance_version(self._tx, version, rows_done=0, rows=rows, applied=rows, rejected=0)
        left = publish_version(
            self._tx, self._insurer.insurer_id, version, rows_done=rows, today=self._orders.today
        )
        return Settled(applied=len(done), failed=len(failed), left=left, feed_version=version)

    def _leave(self, one: AcceptedMovement) -> bool:
        """End somebody's stay, and cut their lines and those of whom they are covered with."""
        stay = employer_feeds.find_stay(self._tx, one.group_ref, one.staff_number, one.happens_on)
        if stay is None or one.cover_ends_on is None:
            return False
        if stay.person_ref is not None:
            refs = employer_feeds.list_covered_with(
                self._tx, one.insurer_id, stay.contract_ref, stay.person_ref
            )
            for known in self._load(refs):
                self._cut(known, stay.contract_ref, one.cover_ends_on)
        employer_feeds.end_stay(self._tx, stay.staff_ref, one)
        return True

    def _cut(self, known: _Known, contract_ref: int, last: date) -> None:
        """State that a contract's lines end by a day; those that begin later are taken away."""
        left: list[Line] = []
        for line in known.sheet:
            if line.contract_ref != contract_ref or line.period.ends_on <= last:
                left.append(line)
                continue
            removes = line.period.starts_on > last
            cut = replace(line, period=Period(line.period.starts_on, last)) if not removes else line
            self._say(known.record, cut, removes=removes)
            left += [] if removes else [cut]
        self._sheets[known.person_ref] = tuple(left)

    def _join(self, one: AcceptedMovement) -> tuple[bytes, int] | None:
        """Return the key and the contract of whoever joins, once it is stated; None: it cannot."""
        joiner = self._open(one)
        if joiner is None or one.structure is None:
            return None
        key = self._keys.typed(joiner.nir, joiner.birth_date, joiner.birth_rank)
        found = identity.find_persons(self._tx, [key])
        known = self._load([found[key][0]]) if key in found else []
        number = joiner.member_contract or f"{one.contract_number}-{one.staff_number}"
        contract_ref = self._keys.contract(number)
        if key in self._touched or employer_feeds.would_overlap(
            self._tx, one, known[0].person_ref if known else None
        ):
            return None
        if joiner.member_contract:
            # The insurer covers them already: what it stated is left as it is.
            running = known and any(
                line.contract_ref == contract_ref and line.period.ends_on >= one.happens_on
                for line in known[0].sheet
            )
            return (key, contract_ref) if running else None
        period = self._find_period(one)
        terms_id = employer_feeds.find_terms(self._tx, one.group_ref, one.structure, one.happens_on)
        if period is None or terms_id is None:
            return None
        if known and any(line.period.overlaps(period) for line in known[0].sheet):
            return None
        record = _make_record(joiner, number, one, known[0].record if known else None)
        self._say(record, Line(contract_ref, period, None, terms_id), removes=False)
        self._touched.add(key)
        return key, contract_ref

    def _open(self, one: AcceptedMovement) -> Joiner | None:
        if one.sealed is None:
            return None
        try:
            text = self._box.open(bytes(one.sealed), bound_to=one.movement_ref)
        except InvalidTag:
            return None
        return msgspec.json.decode(text, type=Joiner)

    def _find_period(self, one: AcceptedMovement) -> Period | None:
        ends_on = one.contract_ends_on or OPEN_END
        return Period(one.happens_on, ends_on).intersection(self._insurer.agreement)

    def _load(self, refs: list[int]) -> list[_Known]:
        """Return people of the insurer with their lines: as published, but for what was cut."""
        version = self._orders.feed_version
        sheets = {
            one.person_ref: feed_copy.decode_sheet(one.body)
            for one in load_sheets(self._tx, version, refs)
            if one.opened_in < version and one.closed_in == feed_copy.STILL_OPEN
        }
        sheets |= self._sheets
        return [
            _Known(ref, open_sealed(self._seal, ref, stored.sealed), sheets.get(ref, ()))
            for ref, stored in identity.load_persons(self._tx, version, refs).items()
        ]

    def _say(self, record: PersonRecord, line: Line, *, removes: bool) -> None:
        period, suspended = line.period, line.suspended
        self._statements.append(
            Statement(
                number=len(self._statements) + 1,
                typed_key=self._keys.typed(
                    record.insured_nir, record.birth_date, record.birth_rank
                ),
                own_key=b"",
                previous_key=b"",
                card_key=b"",
                contract_ref=line.contract_ref,
                days=(
                    *(period.starts_on, period.starts_on, period.ends_on),
                    suspended.starts_on if suspended else None,
                    suspended.ends_on if suspended else None,
                ),
                terms_id=line.terms_id,
                removes=removes,
                record=encode_record(record),
            )
        )

    def _state(self) -> None:
        """Write every statement; what was looked at before leaves none of them impossible."""
        keys = sorted({one.typed_key for one in self._statements})
        found: Mapping[bytes, tuple[int, int]] = identity.find_persons(self._tx, keys)
        self._people.load(found)
        refused = self._people.state(self._statements)
        if refused:
            raise InconsistentRecord("movements contradict what the insurer states")
        self._people.write()


def _make_record(
    joiner: Joiner, number: str, one: AcceptedMovement, known: PersonRecord | None
) -> PersonRecord:
    """Return the identity a join states: what the insurer knows is not changed."""
    contract = ContractRecord(number, one.staff_number, "", one.happens_on.isoformat())
    if known is not None:
        return msgspec.structs.replace(known, contracts=(contract,))
    return PersonRecord(
        insured_nir=joiner.nir,
        birth_date=joiner.birth_date,
        birth_rank=joiner.birth_rank,
        family_name=joiner.family_name,
        first_names=joiner.first_names,
        quality=_INSURED,
        stated_on=one.happens_on.isoformat(),
        contracts=(contract,),
    )
