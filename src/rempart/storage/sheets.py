"""Sheets and look-up keys as feeds write them, by the thousand.

Refuses to look inside: what is packed here was checked before, and the database checks it again.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from datetime import date
from typing import Final, NamedTuple

import psycopg
from psycopg.adapt import Dumper
from psycopg.pq import Format

from rempart.kernel.periods import OPEN_END, Period
from rempart.rights.sheet import Change, ChangeKind, Line
from rempart.storage.connect import Transaction
from rempart.storage.feed_copy import COPY_HEADER, COPY_TRAILER, encode_keys
from rempart.storage.queries import load_queries

_QUERIES: Final = load_queries("feeds")
_UUID_ARRAY: Final = 2951


class KeyTaken(Exception):
    """A row has a key that another row has: somebody was written meanwhile, or before."""


class StoredSheet(NamedTuple):
    """A sheet as it is stored; `body` is what `feed_copy.decode_sheet` reads."""

    person_ref: int
    closed_in: int
    opened_in: int
    body: bytes


class Keys:
    """Look-up keys to send to the server, sixteen bytes each; at least one."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        self.keys = keys


class _KeysDumper(Dumper):
    """Sends `Keys` as a uuid[], without building a million UUID objects."""

    format = Format.BINARY
    oid = _UUID_ARRAY

    def dump(self, obj: Keys) -> bytes:
        return encode_keys(obj.keys)


def prepare_connection(connection: Transaction) -> None:
    """Teach a connection to send `Keys`."""
    connection.adapters.register_dumper(Keys, _KeysDumper)


@contextmanager
def planned_by_index(tx: Transaction) -> Iterator[None]:
    """Have the server look rows up one by one, however many they are."""
    tx.execute(_QUERIES.plan_by_index, {"by_scan": "off"})
    yield
    tx.execute(_QUERIES.plan_by_index, {"by_scan": "on"})


def load_sheets(
    tx: Transaction, feed_version: int, person_refs: Sequence[int]
) -> list[StoredSheet]:
    """Return, of some people, the open sheets and those this version closed."""
    parameters = {"feed_version": feed_version, "person_refs": list(person_refs)}
    with planned_by_index(tx):
        return [StoredSheet(*row) for row in tx.execute(_QUERIES.load_sheets, parameters)]


def copy_sheets(tx: Transaction, rows: Sequence[bytes]) -> None:
    """Add sheets of members, packed and sorted by person."""
    copy_rows(tx, _QUERIES.copy_coverage, rows)


def copy_past_sheets(tx: Transaction, rows: Sequence[bytes]) -> None:
    """Add sheets of people whose contracts have all ended, packed and sorted by person."""
    copy_rows(tx, _QUERIES.copy_past_coverage, rows)


def copy_lookups(tx: Transaction, rows: Sequence[bytes]) -> None:
    """Add look-up keys of new members, packed and sorted by key."""
    copy_rows(tx, _QUERIES.copy_lookup, rows)


def give_up_lookups(tx: Transaction, keys: Iterable[tuple[int, Sequence[bytes]]]) -> None:
    """Remove look-up keys, given with their person, of people whom nobody sees yet."""
    with tx.cursor() as cursor:
        cursor.executemany(
            _QUERIES.give_up_lookup,
            [{"person_ref": person_ref, "keys": Keys(given)} for person_ref, given in keys],
        )


def drop_opened_sheets(tx: Transaction, feed_version: int, person_refs: Sequence[int]) -> None:
    """Remove the sheets a pending version opened for some people."""
    parameters = {"feed_version": feed_version, "person_refs": list(person_refs)}
    tx.execute(_QUERIES.drop_opened, parameters)
    tx.execute(_QUERIES.drop_opened_past, parameters)


def close_sheets(tx: Transaction, feed_version: int, person_refs: Sequence[int]) -> None:
    """End the sheets of some people in a pending version; readers see them until its flip."""
    parameters = {"feed_version": feed_version, "person_refs": list(person_refs)}
    tx.execute(_QUERIES.close_sheets, parameters)
    tx.execute(_QUERIES.close_past_sheets, parameters)


def reopen_sheets(tx: Transaction, feed_version: int, person_refs: Sequence[int]) -> None:
    """Take back `close_sheets`."""
    parameters = {"feed_version": feed_version, "person_refs": list(person_refs)}
    tx.execute(_QUERIES.reopen_sheets, parameters)
    tx.execute(_QUERIES.reopen_past_sheets, parameters)


def add_waiting(tx: Transaction, feed_version: int, changes: Iterable[tuple[int, Change]]) -> None:
    """Keep changes, each with its person, to be tried again after the last row of the file."""
    with tx.cursor().copy(_QUERIES.copy_waiting_lines) as copy:
        for person_ref, change in changes:
            line, suspended = change.line, change.line.suspended
            copy.write_row(
                (
                    feed_version,
                    change.number,
                    person_ref,
                    change.kind.value,
                    line.contract_ref,
                    line.period.starts_on,
                    _format_end(line.period.ends_on),
                    _format_end(suspended.starts_on if suspended else OPEN_END),
                    _format_end(suspended.ends_on if suspended else OPEN_END),
                    line.terms_id,
                )
            )


def find_waiting(tx: Transaction, feed_version: int, person_refs: Sequence[int]) -> set[int]:
    """Return which of some people have a change that waits."""
    parameters = {"feed_version": feed_version, "person_refs": list(person_refs)}
    return {person_ref for (person_ref,) in tx.execute(_QUERIES.find_waiting, parameters)}


def take_waiting(tx: Transaction, feed_version: int, people: int) -> dict[int, list[Change]]:
    """Take the waiting changes of at most `people` people, in the order of the file."""
    taken: dict[int, list[Change]] = {}
    parameters = {"feed_version": feed_version, "people": people}
    for row in tx.execute(_QUERIES.take_waiting_lines, parameters):
        person_ref, number, action, contract_ref, starts, ends, since, until, terms_id = row
        suspended = Period(since, until or OPEN_END) if since else None
        line = Line(contract_ref, Period(starts, ends or OPEN_END), suspended, terms_id)
        taken.setdefault(person_ref, []).append(Change(number, ChangeKind(action), line))
    return taken


def copy_rows(tx: Transaction, query: str, rows: Sequence[bytes]) -> None:
    """Send packed rows to a binary COPY.

    Raises:
        KeyTaken: a key is there already; the transaction can only be rolled back.
    """
    if not rows:
        return
    try:
        with tx.cursor().copy(query) as copy:
            copy.write(COPY_HEADER + b"".join(rows) + COPY_TRAILER)
    except psycopg.errors.UniqueViolation as failure:
        raise KeyTaken from failure


def _format_end(day: date) -> date | str:
    return "infinity" if day == OPEN_END else day
