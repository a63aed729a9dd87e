"""Look at the claims of whom incidents exposed, and flag those that do not look like their others.

Some claims at a time, each time in a transaction of its own: killed anywhere, the next run looks
again at what was not noted, and a claim is flagged once. Refuses to hold or reject: people decide.
"""

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from typing import Final

from rempart.claims.exposed_care import BURST, PAST, decide_flag, find_reasons
from rempart.kernel.instants import PARIS
from rempart.storage import exposure_watch
from rempart.storage.connect import OpenTransaction, Transaction
from rempart.storage.exposure_watch import FoundClaim, RunningWatch, Stretch

BATCH: Final = 200
# A claim is dated when its transaction begins, and seen when it ends: a little is looked at again.
OVERLAP: Final = timedelta(minutes=10)
_BEGINNING: Final = datetime(1970, 1, 1, tzinfo=UTC)


def watch_exposed(
    open_transaction: OpenTransaction,
    *,
    now: datetime,
    today: date,
    follow: Callable[[int], None] = lambda _: None,
) -> int:
    """Look at what came since the last time; return how many claims were looked at.

    A package that came since names others: the watch begins again with its first day.

    Args:
        open_transaction: Opens one of the role settler, committed at its end.
        now: The instant.
        today: Its civil date in Paris.
        follow: Told how many claims were looked at; may raise to stop.
    """
    with open_transaction() as tx:
        running = exposure_watch.list_running(tx, today)
    done = 0
    for watch in running:
        fresh = since = datetime.combine(watch.since, datetime.min.time(), PARIS)
        if watch.examined_to is not None and watch.examined_number == watch.number:
            fresh = watch.examined_to
            since = max(since, fresh - OVERLAP)
        after_at, after_ref, looked = _BEGINNING, 0, 0
        while True:
            with open_transaction() as tx:
                stretch = Stretch(
                    since=since, until=now, after_at=after_at, after_ref=after_ref, limit=BATCH
                )
                found = exposure_watch.list_watched_claims(tx, watch, stretch)
                _flag(tx, watch, found)
                looked += sum(one.received_at >= fresh for one in found)
                if len(found) < BATCH:
                    # A crash before this looks at them once more; flags stay as they are.
                    exposure_watch.note_examined(tx, watch, examined_to=now, examined=looked)
            done += sum(one.received_at >= fresh for one in found)
            follow(done)
            if len(found) < BATCH:
                break
            after_at, after_ref = found[-1].received_at, found[-1].claim_ref
    return done


def _flag(tx: Transaction, watch: RunningWatch, found: list[FoundClaim]) -> None:
    if not found:
        return
    first = min(one.claim.care.care_on for one in found)
    persons = sorted({one.person_ref for one in found})
    known = exposure_watch.list_past_care(tx, persons, since=first - PAST - BURST)
    for one in found:
        past = [
            care for claim_ref, care in known.get(one.person_ref, ()) if claim_ref != one.claim_ref
        ]
        reasons = find_reasons(one.claim, past)
        if points := decide_flag(reasons):
            exposure_watch.insert_flag(tx, watch, one.claim_ref, points, reasons)
