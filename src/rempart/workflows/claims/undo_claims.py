"""Take claims back: what they made due is due back, what they used is free again.

One transaction with the change of state. Refuses to touch what was written of money: it is undone
by other rows, and netted by the next run.
"""

from collections.abc import Iterable
from datetime import date
from typing import NamedTuple

from rempart.claims.states import CLAIM_STATES, ClaimEvent, ClaimState
from rempart.settlement.journal import adjudicate, undo
from rempart.storage.adjudication_writes import DueRow, EventRow, Writer


class TakenBack(NamedTuple):
    """A claim to take back: who asked, and why."""

    claim_ref: int
    actor_ref: int | None
    reason: str


def undo_claims(writer: Writer, asked: Iterable[TakenBack], *, today: date) -> set[int]:
    """Take claims back where they may still be; return which were.

    Args:
        writer: Of a transaction of the settler, which keeps their persons.
        asked: The claims; those that are rejected, cancelled or undone already stay so.
        today: The day what was paid becomes due back.
    """
    wanted = {one.claim_ref: one for one in asked}
    if not wanted:
        return set()
    moved = []
    for claim_ref, state in writer.load_states(list(wanted)):
        after = CLAIM_STATES.get((ClaimState(state), ClaimEvent.CANCEL))
        if after is not None:
            moved.append((claim_ref, after))
    refs = [claim_ref for claim_ref, _ in moved]
    if not refs:
        return set()
    owed = writer.load_owed(refs)
    writer.append_entries(
        [
            undo(
                adjudicate(
                    one.part_ref,
                    establishment=one.establishment_ref,
                    insurer=one.insurer_id,
                    cents=one.cents,
                )
            )
            for one in owed
        ]
    )
    backwards = [DueRow(*one[:3], cents=-one.cents) for one in owed]
    writer.add_dues(backwards, since=today)
    writer.give_back(refs)
    writer.move_claims([(ref, state.value) for ref, state in moved])
    writer.add_events(
        [
            EventRow(
                *(ref, ClaimEvent.CANCEL.value, state.value),
                wanted[ref].actor_ref,
                wanted[ref].reason,
            )
            for ref, state in moved
        ]
    )
    return set(refs)
