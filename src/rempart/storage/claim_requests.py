"""What people ask about claims, from the pages; the database knows whose is whose."""

from datetime import datetime
from typing import Final, NamedTuple

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

_sql: Final = load_queries("claim_requests")


class WatchListed(NamedTuple):
    """An establishment whose new claims wait; insurer 0: all of them."""

    watch_ref: int
    establishment_ref: int
    insurer_id: int
    reason: str
    placed_at: datetime


class HoldListed(NamedTuple):
    """A claim that waits; insurer 0: for the host."""

    hold_ref: int
    claim_ref: int
    insurer_id: int
    watch_ref: int | None
    reason: str
    placed_at: datetime


def ask_cancel(tx: Transaction, claim_ref: int, reason: str) -> str | None:
    """Ask that a claim be taken back: `asked`, `asked_already`, `over`; None: not theirs."""
    row = tx.execute(_sql.ask_cancel, {"claim_ref": claim_ref, "reason": reason}).fetchone()
    return None if row is None else row[0]


def add_watch(
    tx: Transaction,
    *,
    watch_ref: int,
    establishment_ref: int,
    insurer_id: int,
    reason: str,
    placed_by: int,
) -> None:
    """Have the new claims of an establishment wait."""
    values = {"watch_ref": watch_ref, "establishment_ref": establishment_ref, "reason": reason}
    tx.execute(_sql.add_watch, {**values, "insurer_id": insurer_id, "placed_by": placed_by})


def end_watch(tx: Transaction, watch_ref: int, *, by_ref: int) -> bool:
    """End a watch; say whether there was one."""
    done = tx.execute(_sql.end_watch, {"watch_ref": watch_ref, "by_ref": by_ref})
    return done.rowcount == 1


def release_watched(tx: Transaction, watch_ref: int, *, by_ref: int) -> int:
    """Let the claims go on that a watch made wait; return how many."""
    return tx.execute(_sql.release_watched, {"watch_ref": watch_ref, "by_ref": by_ref}).rowcount


def add_hold(
    tx: Transaction,
    *,
    hold_ref: int,
    claim_ref: int,
    insurer_id: int,
    reason: str,
    placed_by: int,
) -> bool | None:
    """Have one claim wait; False: it does already; None: no such claim waits for its turn."""
    which = {"claim_ref": claim_ref, "insurer_id": insurer_id}
    if not _is(tx, _sql.can_hold, which):
        return None
    if _is(tx, _sql.is_held, which):
        return False
    values = {**which, "hold_ref": hold_ref, "reason": reason, "placed_by": placed_by}
    tx.execute(_sql.add_hold, values)
    return True


def decide_hold(
    tx: Transaction, hold_ref: int, *, decision: str, why: str, by_ref: int, at: datetime
) -> bool:
    """Decide on a claim that is held; say whether it waited for that."""
    values = {"hold_ref": hold_ref, "decision": decision, "why": why, "by_ref": by_ref, "at": at}
    return tx.execute(_sql.decide_hold, values).rowcount == 1


def list_watches(tx: Transaction) -> list[WatchListed]:
    """Return the watches in force, the oldest first."""
    return [WatchListed(*row) for row in tx.execute(_sql.list_watches)]


def list_holds(tx: Transaction) -> list[HoldListed]:
    """Return the claims that wait, the oldest first."""
    return [HoldListed(*row) for row in tx.execute(_sql.list_holds)]


def _is(tx: Transaction, query: str, values: dict[str, int]) -> bool:
    row = tx.execute(query, values).fetchone()
    return row is not None and bool(row[0])
