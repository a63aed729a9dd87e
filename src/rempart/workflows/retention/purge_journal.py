"""Says a purge before it is done: in the database, then outside it, where no backup forgets it.

In this order, so that nothing is erased whose record could be lost: said (1), durable outside (2),
carried out with its mark in one transaction (3), and known outside to be done (4).
"""

from collections.abc import Callable

from rempart.retention.purges import Body, PurgeRecord, format_body
from rempart.storage import purges
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.purge_journal import PurgeJournal


def say_and_journal(
    begin: OpenTransaction, journal: PurgeJournal, kind: str, body: Body
) -> PurgeRecord:
    """Say a purge and write its record outside; the caller then carries it out.

    One that was said with the same words and not carried out is taken up: run again after a crash,
    nothing is said twice.

    Args:
        begin: Begins a short transaction of a login that may say purges.
        journal: Where it is written.
        kind: What carries it out: see `apply_purges.APPLIERS`.
        body: Which references.

    Raises:
        Unavailable, Conflict: the journal is not there: nothing may be deleted.
    """
    wanted = format_body(body)
    with begin() as tx:
        known = [one for one in purges.list_waiting(tx) if (one.kind, one.body) == (kind, wanted)]
    # 1. A crash after it leaves a record that nothing followed: run again, it is taken up.
    if known:
        record = known[0]
    else:
        with begin() as tx:
            record = purges.say_purge(tx, kind, body)
    # 2. Those before it go first: the journal has no gap. A crash leaves some of them there
    #    already, which is well.
    write_journal(begin, journal)
    return record


def write_journal(begin: OpenTransaction, journal: PurgeJournal) -> int:
    """Write outside every record that was said and is not there; return how many."""
    written = 0
    while True:
        with begin() as tx:
            standing = purges.load_standing(tx)
            missing = purges.list_since(tx, standing.journaled)
        if not missing:
            return written
        for record in missing:
            journal.append(record)
            with begin() as tx:
                purges.mark_journaled(tx, record.number)
        written += len(missing)


def carry_out(
    begin: OpenTransaction,
    journal: PurgeJournal,
    record: PurgeRecord,
    apply: Callable[[Transaction, Body], int],
) -> int:
    """Carry a purge out in one transaction, say outside that it is; return what `apply` does."""
    # 3. A crash before its commit leaves everything where it was, and the purge waiting.
    with begin() as tx:
        count = apply(tx, record.content)
        purges.mark_applied(tx, record.number)
    # 4. A crash before it: a restore would respect holds that no longer matter; `settle_journal`
    #    writes it later.
    journal.mark_done(record.number)
    return count


def settle_journal(begin: OpenTransaction, journal: PurgeJournal) -> int:
    """Write outside which purges are carried out, where a crash kept it from being said."""
    unfinished = journal.list_unfinished()
    with begin() as tx:
        waiting = {record.number for record in purges.list_waiting(tx, most=1_000_000)}
        last = purges.load_standing(tx).last
    settled = [number for number in unfinished if number <= last and number not in waiting]
    for number in settled:
        journal.mark_done(number)
    return len(settled)
