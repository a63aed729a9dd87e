"""Who is who, as feeds keep it: sealed records and the keys that lead to them.

Refuses to open anything: records go in and out sealed, under the insurer's key.
"""

from collections.abc import Iterable, Sequence
from typing import Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.feed_copy import decode_keys
from rempart.storage.queries import load_queries
from rempart.storage.sheets import Keys, copy_rows, planned_by_index

_QUERIES: Final = load_queries("identity")


class StoredPerson(NamedTuple):
    """A sealed identity, and what the pending version makes of it.

    Args:
        person_ref: Whose it is.
        changed_in: Version that last changed it.
        sealed: The record readers of the back office see.
        digest: Its keyed digest.
        lookup_keys: The keys it is known by.
        pending: Sealed record, digest and keys the version will put there, or None.
        stated: Whether a good row of the version spoke of the person; None when no row did.
        changed: Whether publishing has something to do for the person; None likewise.
    """

    person_ref: int
    changed_in: int
    sealed: bytes
    digest: bytes
    lookup_keys: list[bytes]
    pending: tuple[bytes, bytes, list[bytes]] | None
    stated: bool | None
    changed: bool | None

    def __repr__(self) -> str:
        return "<StoredPerson>"


class ChangedPerson(NamedTuple):
    """A sealed identity to write.

    Args:
        person_ref: Whose it is.
        sealed: The record.
        digest: Its keyed digest.
        lookup_keys: The keys to be known by.
    """

    person_ref: int
    sealed: bytes
    digest: bytes
    lookup_keys: Sequence[bytes]

    def __repr__(self) -> str:
        return "<ChangedPerson>"


def find_persons(tx: Transaction, keys: Sequence[bytes]) -> dict[bytes, tuple[int, int]]:
    """Return (person, insurer) by key, for those of the keys that lead to somebody.

    Args:
        tx: An open transaction.
        keys: Sixteen bytes each; sorted ones are found faster.
    """
    if not keys:
        return {}
    with planned_by_index(tx):
        rows = tx.execute(_QUERIES.find_persons, {"keys": Keys(keys)}).fetchall()
    return {key.bytes: (person_ref, insurer_id) for key, person_ref, insurer_id in rows}


def load_persons(
    tx: Transaction, feed_version: int, person_refs: Sequence[int]
) -> dict[int, StoredPerson]:
    """Return identities by person, with what a pending version changes of them."""
    loaded = {}
    with planned_by_index(tx):
        cursor = tx.execute(
            _QUERIES.load_persons,
            {"feed_version": feed_version, "person_refs": list(person_refs)},
        )
        for ref, changed_in, sealed, digest, keys, *pending, stated, changed in cursor:
            new_sealed, new_digest, new_keys = pending
            staged = (new_sealed, new_digest, decode_keys(new_keys)) if new_sealed else None
            loaded[ref] = StoredPerson(
                ref, changed_in, sealed, digest, decode_keys(keys), staged, stated, changed
            )
    return loaded


def copy_persons(tx: Transaction, rows: Sequence[bytes]) -> None:
    """Add people, packed and sorted by reference."""
    copy_rows(tx, _QUERIES.copy_persons, rows)


def copy_person_keys(tx: Transaction, rows: Sequence[bytes]) -> None:
    """Add keys of new people that open nothing, packed and sorted."""
    copy_rows(tx, _QUERIES.copy_person_keys, rows)


def add_person_keys(
    tx: Transaction, feed_version: int, keys: Iterable[tuple[int, Sequence[bytes]]]
) -> None:
    """Reserve keys, given with their person; they open nothing before the version is published."""
    with tx.cursor() as cursor:
        cursor.executemany(
            _QUERIES.add_person_keys,
            [
                {"feed_version": feed_version, "person_ref": ref, "keys": Keys(own)}
                for ref, own in keys
                if own
            ],
        )


def mark_seen(
    tx: Transaction,
    feed_version: int,
    person_refs: Iterable[int],
    *,
    stated: bool,
    changed: bool,
) -> None:
    """Note that a pending version speaks of people it did not bring, or brought earlier.

    Args:
        tx: The transaction of the piece.
        feed_version: The pending version.
        person_refs: Those people.
        stated: Whether by a good row; a rejected row only keeps them as they are.
        changed: Whether publishing has something to do for them.
    """
    refs = sorted(set(person_refs))
    if refs:
        tx.execute(
            _QUERIES.mark_seen,
            {
                "feed_version": feed_version,
                "person_refs": refs,
                "stated": stated,
                "changed": changed,
            },
        )


def stage_persons(tx: Transaction, feed_version: int, persons: Iterable[ChangedPerson]) -> None:
    """Keep what a pending version makes of people, until it is published."""
    _execute_many(tx, _QUERIES.stage_person, feed_version, persons)


def rewrite_persons(tx: Transaction, feed_version: int, persons: Iterable[ChangedPerson]) -> None:
    """Change people whom the pending version itself brought."""
    _execute_many(tx, _QUERIES.rewrite_person, feed_version, persons)


def unstage_persons(tx: Transaction, feed_version: int, person_refs: Iterable[int]) -> None:
    """Take back `stage_persons`."""
    parameters = {"feed_version": feed_version, "person_refs": list(person_refs)}
    tx.execute(_QUERIES.unstage_persons, parameters)


def apply_pending_persons(tx: Transaction, feed_version: int) -> None:
    """Make identities what a version states, as it is published."""
    tx.execute(_QUERIES.apply_pending_persons, {"feed_version": feed_version})


def forget_never_covered(tx: Transaction, feed_version: int) -> None:
    """Drop the people that a version brought and took away again, as it is published."""
    tx.execute(_QUERIES.forget_never_covered, {"feed_version": feed_version})


def forget_version(tx: Transaction, feed_version: int) -> None:
    """Drop what was kept for a version's end."""
    tx.execute(_QUERIES.forget_pending_persons, {"feed_version": feed_version})
    tx.execute(_QUERIES.forget_seen, {"feed_version": feed_version})


def discard_persons(tx: Transaction, insurer_id: int, feed_version: int) -> None:
    """Undo what a pending version did in the identity plane, once it is undone in the other."""
    parameters = {"insurer_id": insurer_id, "feed_version": feed_version}
    tx.execute(_QUERIES.drop_version_keys, parameters)
    tx.execute(_QUERIES.drop_version_persons, parameters)
    forget_version(tx, feed_version)


def _execute_many(
    tx: Transaction, query: str, feed_version: int, persons: Iterable[ChangedPerson]
) -> None:
    with tx.cursor() as cursor:
        cursor.executemany(
            query,
            [
                {
                    "feed_version": feed_version,
                    "person_ref": person.person_ref,
                    "sealed": person.sealed,
                    "digest": person.digest,
                    "lookup_keys": Keys(person.lookup_keys),
                }
                for person in persons
            ],
        )
