"""Take a claim back: its biller asks, whoever shares claims out does it.

Refuses to say whether another's claim exists. What was paid of it becomes due back.
"""

from datetime import date
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.storage.adjudication import Reader
from rempart.storage.adjudication_writes import Writer
from rempart.storage.claim_requests import ask_cancel
from rempart.storage.connect import Transaction
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.claims.undo_claims import TakenBack, undo_claims

MOST_LETTERS: Final = 500
BATCH: Final = 500


def ask_cancellation(tx: Transaction, asker: Asker, claim_ref: int, reason: str) -> bool:
    """Ask that a claim of the asker's establishment be taken back; say whether it was not yet.

    Args:
        tx: A transaction with the asker's ticket.
        asker: Somebody who bills there.
        claim_ref: Which.
        reason: Why, for colleagues; no person is named.

    Raises:
        NotAllowed: their role does not bill.
        NotFound: there is no such claim of theirs.
        Conflict: it is over: rejected, cancelled or undone.
    """
    check_can(asker.visitor, Permission.SUBMIT_CLAIMS, now=asker.now)
    if len(reason) > MOST_LETTERS:
        raise InvalidRequest(f"reason: at most {MOST_LETTERS} letters")
    said = ask_cancel(tx, claim_ref, reason)
    if said is None:
        raise NotFound("no such claim")
    if said == "over":
        raise Conflict("this claim is over: nothing of it is due")
    return said == "asked"


def carry_out_cancellations(tx: Transaction, *, today: date, size: int = BATCH) -> int:
    """Take back the claims whose billers asked for it; return how many requests were closed.

    One whose person is worked on waits for the next time. Run again, it finds nothing to do.

    Args:
        tx: A transaction of the settler, which the caller commits.
        today: The day what was paid becomes due back.
        size: How many requests to look at.
    """
    reader, writer = Reader(tx), Writer(tx)
    asked = [
        TakenBack(claim_ref, account_ref, reason)
        for claim_ref, person_ref, account_ref, reason in writer.list_cancellations(size)
        if reader.lock_person(person_ref or claim_ref)
    ]
    if asked:
        undo_claims(writer, asked, today=today)
        writer.close_cancellations([one.claim_ref for one in asked])
    return len(asked)
