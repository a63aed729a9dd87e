"""Forget whom accounts have not asked about for long: the guard need not know it any more.

Refuses what a hold of evidence keeps. A person who comes back is a new face once: weighed, and
priced, as anybody the account never met; with a card nothing shows of it.
"""

from collections.abc import Iterator
from typing import Final, NamedTuple

from rempart.kernel.errors import InvalidRequest
from rempart.storage.connect import OpenTransaction
from rempart.storage.guard_state import count_old_faces, delete_old_faces, list_accounts_after

DAY_MS: Final = 86_400_000
LEAST_DAYS: Final = 93
"""Pictures of accounts go back so far."""
KEPT_DAYS: Final = 1096
"""How long a face is kept that is not asked about, unless somebody says otherwise."""
_ACCOUNTS: Final = 200


class Forgotten(NamedTuple):
    """How many faces of how many accounts are forgotten, so far; or would be."""

    accounts: int
    faces: int


def forget_faces(
    open_transaction: OpenTransaction, *, days: int, now_ms: int, preview: bool
) -> Iterator[Forgotten]:
    """Forget the faces an account met, and saw last, longer ago than some days.

    Some accounts at a time, each time in a transaction of its own: stopped and run again, it goes
    on.

    Args:
        open_transaction: Opens one of the role gateway, committed at its end.
        days: How many.
        now_ms: The instant, Unix milliseconds.
        preview: Count, and forget nothing.

    Returns:
        What was done so far, after each group of accounts.

    Raises:
        InvalidRequest: fewer days than the console shows.
    """
    if days < LEAST_DAYS:
        raise InvalidRequest(f"the console shows {LEAST_DAYS} days: forget nothing of them")
    before_ms = now_ms - days * DAY_MS
    work = count_old_faces if preview else delete_old_faces
    after, done = -1, Forgotten(0, 0)
    while True:
        with open_transaction() as tx:
            refs = list_accounts_after(tx, after=after, most=_ACCOUNTS)
            if not refs:
                return
            faces = work(tx, refs, before_ms=before_ms)
        after = refs[-1]
        done = Forgotten(done.accounts + len(refs), done.faces + faces)
        yield done
