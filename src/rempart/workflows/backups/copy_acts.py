"""Copy the acts log outside the database, and make it again on a base that was restored.

Log 0 says who read, erased, sealed and changed keys; its checkpoints are in the hands of witnesses.
Refuses to go on with a log that would not lead to the root that was signed.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from operator import attrgetter

from rempart.disclosure.entry import Kind
from rempart.kernel.errors import InconsistentRecord
from rempart.storage.acts_copy import ActsCopy, CopiedAct, load_acts_size, read_acts
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.log_opener import LogOpener


def copy_acts(begin: OpenTransaction, copy: ActsCopy) -> int:
    """Copy what is not copied yet; return how many entries that was. Can be stopped anywhere.

    Args:
        begin: Begins a transaction of the role archivist.
        copy: Where they go.
    """
    done, first = 0, copy.stop
    while True:
        with begin() as tx:
            copied = read_acts(tx, first)
        if copied is None:
            return done
        copy.append(copied)
        done += len(copied.acts)
        first += len(copied.acts)


def replay_acts(tx: Transaction, copy: ActsCopy, opener: LogOpener) -> int:
    """Append to log 0 of a restored base what its backup does not know; return how many entries.

    Each with its time and its salt: the tree is the one that was signed.

    Args:
        tx: A transaction on that base.
        copy: The copy.
        opener: How its log 0 is opened; its clock is not asked.

    Raises:
        InconsistentRecord: an entry is missing, or they lead to another root than was signed.
    """
    pieces = list(copy.read_since(load_acts_size(tx)))
    acts = [act for piece in pieces for act in piece.acts]
    if not acts:
        return 0
    root = asyncio.run(_append_again(opener, acts))
    signed = pieces[-1]
    if acts[-1].idx + 1 == signed.size and root != signed.root:
        raise InconsistentRecord(
            "the acts log of this backup and the copy of what came after do not lead to the root "
            "that was signed: the backup is not of the same log"
        )
    return len(acts)


async def _append_again(opener: LogOpener, acts: Sequence[CopiedAct]) -> bytes:
    """Append entries with their times and salts; return the root after them."""
    moment: list[CopiedAct] = []
    again = replace(
        opener,
        clock_ms=lambda: moment[0].t_ms,
        draw_salts=lambda _size: b"".join(act.salt for act in moment),
    )
    root = b""
    for run in _cut_at_keys(acts):
        writer = await again.open()
        try:
            for _t_ms, group in groupby(run, attrgetter("t_ms")):
                moment[:] = group
                await writer.append(
                    [act.draft for act in moment],
                    statements=[one for act in moment for one in act.statements],
                )
            root = writer.root
        finally:
            await writer.close()
    return root


def _cut_at_keys(acts: Sequence[CopiedAct]) -> Iterator[list[CopiedAct]]:
    """Yield runs of entries that one key signs: an act that changes the key is the last of its."""
    run: list[CopiedAct] = []
    for act in acts:
        run.append(act)
        if act.draft.kind == Kind.KEY:
            yield run
            run = []
    if run:
        yield run
