"""People a feed meets again: known from before, or stated by several rows far apart.

Refuses to show anything: sheets, identities and keys are written under the pending version, and the
state readers see can be had back until it is published.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rempart.rights.sheet import (
    EMPTY,
    Change,
    ChangeKind,
    LineRefusal,
    Sheet,
    apply_change,
    last_day,
    settle_changes,
    state_line,
)
from rempart.storage import feed_copy, identity, sheets
from rempart.storage.connect import Transaction
from rempart.storage.feed_copy import Packer
from rempart.storage.identity import ChangedPerson, StoredPerson
from rempart.storage.sealing import PersonRecord, Seal, decode_record, encode_record, open_sealed
from rempart.storage.sheets import StoredSheet
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.feeds.person import (
    PersonKeys,
    Statement,
    age_record,
    compute_keys,
    merge_record,
)
from rempart.workflows.feeds.prepared_feed import NewPerson, NewRows, Orders, pack_new

CARD_CODE_TAKEN: Final = "card_code_taken"
TWO_PERSONS: Final = "two_persons"


class RefusedRow(NamedTuple):
    """A valid row that contradicts another, or a person already known."""

    number: int
    rule: str


@dataclass(slots=True, eq=False)
class Person:
    """One person while a piece is applied.

    Args:
        stored: The identity in the database, or None for somebody new.
        published: The sheet readers see, or None.
        pending: The sheet this version opened, or None.
        waits: Whether a change of this person waits for the end of the file.
        kept: Whether a rejected row of a full feed speaks of this person too.
    """

    stored: StoredPerson | None = None
    published: StoredSheet | None = None
    pending: StoredSheet | None = None
    waits: bool = False
    kept: bool = False
    touched: bool = False
    stated: bool = False
    record: PersonRecord | None = None
    sheet: Sheet = EMPTY
    keys: set[bytes] = field(default_factory=set)
    person_ref: int = 0

    def __repr__(self) -> str:
        return "<Person>"


class People:
    """Applies statements to people, then writes what became of them.

    Args:
        tx: The transaction of the piece.
        orders: Of the import.
        seal: Of the insurer.
        keys: Computes references.
    """

    def __init__(self, tx: Transaction, orders: Orders, seal: Seal, keys: FeedKeys) -> None:
        self._tx = tx
        self._orders = orders
        self._seal = seal
        self._keys = keys
        self._packer = Packer(insurer_id=orders.insurer_id, version=orders.feed_version)
        self._owners: dict[bytes, Person] = {}
        self._people: dict[int, Person] = {}
        self._new: list[Person] = []
        self._waiting: list[tuple[Person, Change]] = []
        self._stranger = Person()

    def load(self, found: Mapping[bytes, tuple[int, int]]) -> None:
        """Load the people some keys lead to; those of other insurers stay strangers."""
        ours = {ref for ref, insurer_id in found.values() if insurer_id == self._orders.insurer_id}
        self._load(sorted(ours))
        for key, (ref, _) in found.items():
            self._owners[key] = self._people.get(ref, self._stranger)

    def state(self, statements: Sequence[Statement]) -> list[RefusedRow]:
        """Apply rows, by line; return those that were refused."""
        refused = []
        for statement in statements:
            rule = self._state(statement)
            if rule is not None:
                refused.append(RefusedRow(statement.number, rule))
        for person in self._people.values():
            if person.kept and person.touched:
                self._give_back(person)
        return refused

    def keep(self, person_refs: Iterable[int]) -> None:
        """Take nothing away from people of whom a rejected row of a full feed speaks.

        What else the file states of them, before or after, replaces only the lines it contradicts.
        """
        refs = sorted(set(person_refs))
        identity.mark_seen(self._tx, self._orders.feed_version, refs, stated=False, changed=True)
        self._load(refs)
        for person in self._people.values():
            if person.stated:
                self._take_up(person)
                self._give_back(person)

    def settle_waiting(self, waiting: Mapping[int, list[Change]]) -> list[RefusedRow]:
        """Try waiting changes again, by person; return those that stay impossible."""
        self._load(sorted(waiting))
        refused = []
        for ref, changes in waiting.items():
            person = self._people[ref]
            self._take_up(person)
            person.sheet, impossible = settle_changes(person.sheet, changes)
            refused += [RefusedRow(change.number, rule.value) for change, rule in impossible]
        return refused

    def write(self) -> None:
        """Write everything that changed, under the pending version."""
        version = self._orders.feed_version
        self._write_new()
        touched = [person for person in self._people.values() if person.touched]
        changed = self._write_identities(touched) | self._write_sheets(touched)
        refs = [person.person_ref for person in touched]
        still = [ref for ref in refs if ref not in changed]
        identity.mark_seen(self._tx, version, changed, stated=True, changed=True)
        identity.mark_seen(self._tx, version, still, stated=True, changed=False)
        sheets.add_waiting(
            self._tx, version, [(person.person_ref, change) for person, change in self._waiting]
        )

    def _load(self, refs: Sequence[int]) -> None:
        version = self._orders.feed_version
        waiting = sheets.find_waiting(self._tx, version, refs) if refs else set()
        for ref, stored in identity.load_persons(self._tx, version, refs).items():
            created = stored.changed_in == version
            self._people[ref] = Person(
                stored=stored,
                waits=ref in waiting,
                kept=stored.stated is False and stored.changed is True,
                stated=bool(stored.stated) or created,
                person_ref=ref,
            )
        for sheet in sheets.load_sheets(self._tx, version, refs) if refs else []:
            person = self._people[sheet.person_ref]
            if sheet.opened_in == version:
                person.pending = sheet
            else:
                person.published = sheet

    def _state(self, statement: Statement) -> str | None:
        """Apply one row; return the rule that refuses it, or None."""
        own = statement.own_keys
        owners = {id(found): found for key in own if (found := self._owners.get(key))}
        holder = self._owners.get(statement.card_key) if statement.card_key else None
        person = next(iter(owners.values()), None)
        if len(owners) > 1 or (holder is not None and holder is not person):
            self._keep((*owners.values(), *([holder] if holder else ())))
            return TWO_PERSONS if len(owners) > 1 else CARD_CODE_TAKEN
        if person is None:
            person = Person(stated=True, touched=True)
            self._new.append(person)
        self._take_up(person)
        refusal = self._apply(person, statement)
        if refusal is None:
            keys = [*own, statement.card_key] if statement.card_key else own
            self._owners |= dict.fromkeys(keys, person)
            person.keys.update(keys)
        return None if refusal is None else refusal.value

    def _keep(self, people: Iterable[Person]) -> None:
        """Take nothing away from people of whom only a refused row speaks."""
        refs = [person.person_ref for person in people if person.stored]
        identity.mark_seen(self._tx, self._orders.feed_version, refs, stated=False, changed=False)

    def _take_up(self, person: Person) -> None:
        """Bring a loaded person to where this version has them so far."""
        if person.touched or person.stored is None:
            return
        person.touched = True
        if self._orders.kind == "full" and not person.stated:
            return
        stored = person.stored
        sealed = stored.pending[0] if stored.pending else stored.sealed
        person.record = open_sealed(self._seal, person.person_ref, sealed)
        if person.pending is not None:
            person.sheet = feed_copy.decode_sheet(person.pending.body)
        elif person.published and person.published.closed_in == feed_copy.STILL_OPEN:
            person.sheet = feed_copy.decode_sheet(person.published.body)

    def _give_back(self, person: Person) -> None:
        """Give back what readers see, where no line stated has a day of it."""
        if person.stored is None or person.published is None:
            return
        for line in feed_copy.decode_sheet(person.published.body):
            grown = state_line(person.sheet, line)
            if not isinstance(grown, LineRefusal):
                person.sheet = grown
        known = open_sealed(self._seal, person.person_ref, person.stored.sealed)
        person.record = merge_record(known, person.record) if person.record else known

    def _apply(self, person: Person, statement: Statement) -> LineRefusal | None:
        stated = decode_record(statement.record)
        if self._orders.kind == "full":
            line = statement.line
            grown = person.sheet if line is None else state_line(person.sheet, line)
            if isinstance(grown, LineRefusal):
                return grown
            person.sheet, person.record = grown, merge_record(person.record, stated)
            return None
        if not statement.removes:
            known = person.record
            if known is not None and not person.waits:
                known = age_record(known, person.sheet, keys=self._keys)
            person.record = merge_record(known, stated)
        return self._change(person, statement)

    def _change(self, person: Person, statement: Statement) -> LineRefusal | None:
        """Apply one row of a delta, or make it wait for the rows that may make room for it."""
        line = statement.line
        if statement.removes or line is None:
            change = Change(statement.number, ChangeKind.REMOVE, statement.removed_line)
        else:
            change = Change(statement.number, ChangeKind.PUT, line)
        attempt = apply_change(person.sheet, change)
        if person.waits or attempt is LineRefusal.OVERLAPS:
            person.waits = True
            self._waiting.append((person, change))
        elif isinstance(attempt, LineRefusal):
            # Outside the agreement there was no line: stating so again changes nothing.
            return attempt if statement.removes else None
        else:
            person.sheet = attempt
        return None

    def _write_new(self) -> None:
        new = [person for person in self._new if person.record and person.sheet]
        refs, rows = pack_new(self._packer, self._seal, [self._complete(person) for person in new])
        for person, ref in zip(new, refs, strict=True):
            person.person_ref = ref
        write_new(self._tx, rows)

    def _complete(self, person: Person) -> NewPerson:
        record = person.record
        if record is None:
            raise ValueError("Somebody without an identity cannot be written.")
        plain = encode_record(record)
        return NewPerson(
            self._compute_keys(person, record),
            plain,
            self._seal.digest(plain),
            feed_copy.encode_sheet(person.sheet),
            last_day(person.sheet) < self._orders.today,
        )

    def _compute_keys(self, person: Person, record: PersonRecord) -> PersonKeys:
        """Return the keys to be known by, and every other one that a row gave or gives."""
        keys = compute_keys(record, person.sheet, keys=self._keys, today=self._orders.today)
        before = person.stored.lookup_keys if person.stored else ()
        other = person.keys.union(keys.other, before).difference(keys.current)
        return PersonKeys(keys.current, sorted(other))

    def _write_identities(self, people: Sequence[Person]) -> set[int]:
        """Stage the identities that change; return whose keys or identities do."""
        version, tx = self._orders.feed_version, self._tx
        rewritten, staged, unstaged = [], [], []
        reserved, given_up = [], []
        for person in people:
            stored, record, ref = person.stored, person.record, person.person_ref
            if stored is None or record is None:
                continue
            keys = self._compute_keys(person, record)
            plain = encode_record(record)
            digest = self._seal.digest(plain)
            reserved.append((ref, [*keys.current, *keys.other]))
            if digest == stored.digest and set(keys.current) == set(stored.lookup_keys):
                if stored.pending:
                    unstaged.append(ref)
                continue
            changed = ChangedPerson(ref, self._seal.seal(ref, plain), digest, keys.current)
            if stored.changed_in == version:
                rewritten.append(changed)
                given_up.append((ref, stored.lookup_keys))
            else:
                staged.append(changed)
        sheets.give_up_lookups(tx, given_up)
        identity.rewrite_persons(tx, version, rewritten)
        identity.stage_persons(tx, version, staged)
        identity.unstage_persons(tx, version, unstaged)
        identity.add_person_keys(tx, version, reserved)
        return {person.person_ref for person in (*rewritten, *staged)}

    def _write_sheets(self, people: Sequence[Person]) -> set[int]:
        """Open the sheets that change and close the ones they replace; return whose."""
        opened: list[tuple[Person, bytes]] = []
        dropped, closed, reopened = [], [], []
        changed = set()
        for person in people:
            if person.stored is None:
                continue
            body = feed_copy.encode_sheet(person.sheet)
            published = person.published.body if person.published else b""
            if person.pending is not None:
                changed.add(person.person_ref)
                if body == person.pending.body:
                    continue
                dropped.append(person.person_ref)
            if body == published:
                if person.published and person.published.closed_in != feed_copy.STILL_OPEN:
                    reopened.append(person.person_ref)
                continue
            changed.add(person.person_ref)
            if person.published:
                closed.append(person.person_ref)
            if body:
                opened.append((person, body))
        version = self._orders.feed_version
        sheets.drop_opened_sheets(self._tx, version, dropped)
        sheets.reopen_sheets(self._tx, version, reopened)
        sheets.close_sheets(self._tx, version, closed)
        self._open_sheets(opened)
        return changed

    def _open_sheets(self, opened: Iterable[tuple[Person, bytes]]) -> None:
        running: list[bytes] = []
        ended: list[bytes] = []
        for person, body in opened:
            packed = self._packer.sheet(person.person_ref.to_bytes(8, "big"), body)
            over = last_day(person.sheet) < self._orders.today
            (ended if over else running).append(packed)
        sheets.copy_sheets(self._tx, sorted(running))
        sheets.copy_past_sheets(self._tx, sorted(ended))


def write_new(tx: Transaction, rows: NewRows) -> None:
    """Add people nobody knew."""
    identity.copy_persons(tx, rows.persons)
    sheets.copy_sheets(tx, rows.sheets)
    sheets.copy_past_sheets(tx, rows.past_sheets)
    sheets.copy_lookups(tx, rows.lookups)
    identity.copy_person_keys(tx, rows.person_keys)
