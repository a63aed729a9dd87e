"""Bring a base that is older than its purges to where they went: what was erased is erased again.

Refuses to leave anything behind that is known to have been erased. A purge that was only said, and
that a hold of evidence keeps, goes on waiting: it was never carried out.
"""

from collections.abc import Callable, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TypeAlias

from rempart.kernel.errors import Conflict, InconsistentRecord, SetupError
from rempart.retention.purges import FIELDS, PurgeRecord
from rempart.storage import purges
from rempart.storage.connect import Database, OpenTransaction, Transaction
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.restored_base import say_reapplying

# Carries a record out on a base, in transactions that `begin` begins, with its mark; idempotent.
Applier: TypeAlias = Callable[[OpenTransaction, PurgeRecord], int]


@dataclass(frozen=True, slots=True, kw_only=True)
class BroughtForward:
    """What was done again.

    Attributes:
        known: The last purge the base knew.
        last: The last one it knows now.
        applied: How many were carried out again.
        erased: How many rows or openings that was.
        again: How many purges of each kind, and how much they erased.
        runs: The runs of retention they are of, in order.
        waiting: Those that a hold keeps, which were never carried out.
    """

    known: int
    last: int
    applied: int
    erased: int
    waiting: tuple[int, ...]
    again: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    runs: tuple[int, ...] = ()


def bring_forward(
    base: Database,
    journal: PurgeJournal,
    appliers: Mapping[str, Applier],
    say: Callable[[str], None] = lambda _line: None,
) -> BroughtForward:
    """Take up the records a base lacks and carry them out. Can be stopped and run again.

    Nothing is written outside: whether this base will be the one in place is not known here.

    Args:
        base: Entered as its owner.
        journal: The journal of this installation.
        appliers: What carries each kind out.
        say: Receives a line about each record.

    Raises:
        InconsistentRecord: the journal is not that of this base, is damaged, or no longer goes back
            to it.
        SetupError: a record is of a kind this program does not know.
        Conflict: what was erased cannot be erased on this base; the message says why.
    """
    with base.transaction("owner") as tx:
        standing = purges.load_standing(tx)
        take_up(tx, journal, standing)
    with base.transaction("owner") as tx:
        last = purges.load_standing(tx).last
        waiting = purges.list_waiting(tx, most=1_000_000)
    there = set(journal.list_numbers())
    again: dict[str, tuple[int, int]] = {}
    runs = set()
    left = []
    for record in waiting:
        if record.number not in there:  # said, and never written outside: nothing was erased
            left.append(record.number)
            continue
        done = journal.is_done(record.number)
        try:
            count = _apply(base, record, appliers, done=done)
        except Conflict:
            if done:
                raise
            left.append(record.number)
            continue
        before, lost = again.get(record.kind, (0, 0))
        again[record.kind] = (before + 1, lost + count)
        if record.kind == FIELDS:
            runs.add(int(record.content["run"]))
        say(f"purge {record.number} ({record.kind}): {count:,} erased again")
    return BroughtForward(
        known=standing.last,
        last=last,
        applied=sum(purges for purges, _ in again.values()),
        erased=sum(count for _, count in again.values()),
        waiting=tuple(left),
        again=again,
        runs=tuple(sorted(runs)),
    )


def take_up(tx: Transaction, journal: PurgeJournal, standing: purges.PurgeStanding) -> int:
    """Write into a base the records of the journal that it lacks; return how many.

    Raises:
        InconsistentRecord: they do not continue what the base knows.
    """
    numbers = journal.list_numbers()
    newest = numbers[-1] if numbers else 0
    if newest < standing.journaled:
        raise InconsistentRecord(
            f"the journal of purges in {journal.place} ends at {newest}, and this base knows "
            f"{standing.journaled}: it is not that of this base, or lost its end. Bring it back "
            "from its copy; without it nobody knows what was erased"
        )
    previous, taken = standing.digest, 0
    for record in journal.read_since(standing.last):
        if record.number != standing.last + taken + 1:
            raise InconsistentRecord(
                f"the journal of purges begins at {record.number} and this base knows "
                f"{standing.last}: it is older than the oldest backup that was kept, and what was "
                "erased in between is known no more. Restore a kept backup"
            )
        if record.previous != previous:
            raise InconsistentRecord(
                f"purge {record.number} of the journal does not continue this base: the journal in "
                f"{journal.place} is that of another one"
            )
        purges.take_up_purge(tx, record)
        previous, taken = record.digest, taken + 1
    for number in numbers:
        if standing.journaled < number <= standing.last:
            purges.mark_journaled(tx, number)
    return taken


def _apply(
    base: Database, record: PurgeRecord, appliers: Mapping[str, Applier], *, done: bool
) -> int:
    applier = appliers.get(record.kind)
    if applier is None:
        raise SetupError(
            f"purge {record.number} is of the kind {record.kind}, which this version of Rempart "
            "does not know: restore with the version that wrote it, or a later one"
        )

    @contextmanager
    def begin():  # type: ignore[no-untyped-def]
        with base.transaction("owner") as tx:
            if done:
                say_reapplying(tx)
            yield tx

    return applier(begin, record)
