"""Applies prepared pieces to the database, one transaction each.

Refuses to touch what readers see: all is written under the pending version.
"""

from collections.abc import Mapping, Sequence

import msgspec

from rempart.exchange.feed_rules import RULES
from rempart.kernel.findings import BadValue, Finding, format_finding
from rempart.rights.coverage import Terms
from rempart.rights.terms import parse_terms
from rempart.storage import feed_copy, feeds, identity
from rempart.storage.connect import Transaction
from rempart.storage.feed_copy import Packer
from rempart.storage.sealing import Seal
from rempart.storage.sheets import load_sheets, take_waiting
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.feeds.people import People, RefusedRow, write_new
from rempart.workflows.feeds.prepared_feed import (
    NewPerson,
    Orders,
    PreparedPerson,
    PreparedPiece,
    find_met,
    pack_new,
    read_statements,
    set_apart,
)
from rempart.workflows.feeds.seen_keys import SeenKeys

_WAITING_PEOPLE = 1_000
_FIELD_OF_RULE = {
    "duplicate_row": "period_start",
    "duplicate_coverage": "period_start",
    "unknown_line": "period_start",
    "card_code_taken": "card_code",
    "two_persons": "insured_nir",
}

Found = Mapping[bytes, tuple[int, int]]


class FeedApplier:
    """Applies the pieces of one feed, in order.

    Args:
        orders: Of the import.
        resumed: Whether an earlier process applied the first pieces.
    """

    def __init__(self, orders: Orders, *, resumed: bool) -> None:
        self._orders = orders
        self._seal = Seal(orders.insurer_id, orders.insurer_key)
        self._packer = Packer(insurer_id=orders.insurer_id, version=orders.feed_version)
        self._keys = FeedKeys(orders.amc_number, orders.lookup_key, orders.contract_key)
        # The first feed of an insurer meets only itself: most keys need not be asked for.
        self._seen = SeenKeys(unknown_past=resumed or not orders.first)

    def distrust(self) -> None:
        """Ask the database for every key from now on."""
        self._seen = SeenKeys(unknown_past=True)

    def apply(self, tx: Transaction, piece: PreparedPiece, *, rows_done: int) -> None:
        """Apply one piece and count it as done, in one transaction.

        Args:
            tx: The transaction of the piece, rolled back whole by any exception.
            piece: The piece.
            rows_done: Rows done before it.
        """
        feeds.lock_insurer(tx, self._orders.insurer_id)
        feeds.add_terms(tx, self._orders.insurer_id, _read_terms(piece))
        found = self._find(tx, piece)
        new, known, unchanged = self._sort(tx, piece.people, found)
        refused = [RefusedRow(*row) for person in (*new, *unchanged) for row in person.refused]
        complete = [_complete(person, self._orders) for person in new if person.body]
        _, rows = pack_new(self._packer, self._seal, complete)
        if piece.ready is not None:
            ready, met = set_apart(piece.ready, find_met(piece.ready, found) if found else ())
            refused += [RefusedRow(line, rule) for _, line, rule in ready.refused]
            rows, known = ready.rows, known + met
        write_new(tx, rows)
        refused += self._state(tx, known, found)
        self._keep(tx, piece.kept_keys, found)
        self._count(tx, piece, refused, rows_done=rows_done)

    def settle_waiting(self, tx: Transaction, *, rows_done: int) -> bool:
        """Try some of the waiting changes again; return whether there were any."""
        version = self._orders.feed_version
        feeds.lock_insurer(tx, self._orders.insurer_id)
        waiting = take_waiting(tx, version, _WAITING_PEOPLE)
        if not waiting:
            return False
        people = People(tx, self._orders, self._seal, self._keys)
        refused = people.settle_waiting(waiting)
        people.write()
        feeds.add_findings(tx, version, self._describe(refused))
        feeds.advance_version(
            tx, version, rows_done=rows_done, rows=0, applied=-len(refused), rejected=len(refused)
        )
        return True

    def _find(self, tx: Transaction, piece: PreparedPiece) -> Found:
        """Look up the keys of a piece, those that somebody may have already."""
        keys = [person.match_keys for person in piece.people]
        if piece.ready is not None:
            keys += piece.ready.match_keys
        met = set(self._seen.note(b"".join(keys)))
        if not self._orders.first:
            met.update(piece.kept_keys)
        return identity.find_persons(tx, sorted(met))

    def _sort(
        self, tx: Transaction, people: Sequence[PreparedPerson], found: Found
    ) -> tuple[list[PreparedPerson], list[PreparedPerson], list[PreparedPerson]]:
        """Tell people nobody knew, to look at closely, and unchanged, who are noted at once."""
        new: list[PreparedPerson] = []
        known: list[PreparedPerson] = []
        same: dict[int, PreparedPerson] = {}
        for person in people:
            owners = _find_owners(person, found)
            if person.simple and not owners:
                new.append(person)
            elif person.simple and len(owners) == 1 and not owners & same.keys():
                same[next(iter(owners))] = person
            else:
                known.append(person)
        changed = self._find_changed(tx, same)
        changed |= {ref for ref, person in same.items() if not _all_found(person, found)}
        known += [person for ref, person in same.items() if ref in changed]
        unchanged = same.keys() - changed
        version = self._orders.feed_version
        identity.mark_seen(tx, version, unchanged, stated=True, changed=False)
        return new, known, [same[ref] for ref in unchanged]

    def _find_changed(self, tx: Transaction, people: Mapping[int, PreparedPerson]) -> set[int]:
        """Return which of some people are not, to the byte, what they were before this version."""
        if not people:
            return set()
        version, refs = self._orders.feed_version, sorted(people)
        bodies = {
            sheet.person_ref: sheet.body
            for sheet in load_sheets(tx, version, refs)
            if sheet.opened_in < version and sheet.closed_in == feed_copy.STILL_OPEN
        }
        unchanged = set()
        for ref, stored in identity.load_persons(tx, version, refs).items():
            person = people[ref]
            if (
                stored.stated is not True
                and stored.changed_in < version
                and stored.digest == person.digest
                and bodies.get(ref, b"") == person.body
                and set(stored.lookup_keys) == set(person.keys.current)
            ):
                unchanged.add(ref)
        return set(refs) - unchanged

    def _state(
        self, tx: Transaction, people: Sequence[PreparedPerson], found: Found
    ) -> list[RefusedRow]:
        """Apply the rows of people who may be known, one by one in the order of the file."""
        if not people:
            return []
        statements = [row for each in people for row in read_statements(each)]
        statements.sort(key=lambda statement: statement.number)
        meeting = People(tx, self._orders, self._seal, self._keys)
        keys = {key for each in people for key in feed_copy.split_keys(each.match_keys)}
        meeting.load({key: found[key] for key in keys & found.keys()})
        refused = meeting.state(statements)
        meeting.write()
        return refused

    def _keep(self, tx: Transaction, keys: Sequence[bytes], found: Found) -> None:
        """Take nothing away from people of whom a rejected row speaks."""
        refs = [found[key][0] for key in keys if key in found]
        if refs and self._orders.kind == "full" and not self._orders.first:
            people = People(tx, self._orders, self._seal, self._keys)
            people.keep(refs)
            people.write()

    def _count(
        self, tx: Transaction, piece: PreparedPiece, refused: list[RefusedRow], *, rows_done: int
    ) -> None:
        version = self._orders.feed_version
        feeds.add_findings(tx, version, [*piece.findings, *self._describe(refused)])
        feeds.advance_version(
            tx,
            version,
            rows_done=rows_done,
            rows=piece.rows,
            applied=piece.valid - len(refused),
            rejected=piece.rejected + len(refused),
        )

    def _describe(self, refused: Sequence[RefusedRow]) -> list[Finding]:
        language = self._orders.dialect.language
        return [
            format_finding(
                BadValue(RULES[rule]), field=_FIELD_OF_RULE[rule], line=number, language=language
            )
            for number, rule in refused
        ]


def _complete(person: PreparedPerson, orders: Orders) -> NewPerson:
    ended = person.last_day < orders.today
    return NewPerson(person.keys, person.plain, person.digest, person.body, ended)


def _find_owners(person: PreparedPerson, found: Found) -> set[int]:
    if not found:
        return set()
    keys = feed_copy.split_keys(person.match_keys)
    return {found[key][0] for key in keys if key in found}


def _all_found(person: PreparedPerson, found: Found) -> bool:
    return all(key in found for key in feed_copy.split_keys(person.match_keys))


def _read_terms(piece: PreparedPiece) -> list[tuple[bytes, Terms]]:
    return [(digest, parse_terms(msgspec.json.decode(text))) for digest, text in piece.terms]
