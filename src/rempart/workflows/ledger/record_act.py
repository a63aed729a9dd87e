"""Record an act on the ledger before it takes effect: reading it, erasing, sealing, a key, a file.

Refuses to let anything happen on the strength of an act that is not durable: whoever has a receipt
may go on, nobody else.
"""

import secrets
from collections.abc import Sequence
from typing import Protocol

from rempart.disclosure.acts import NOBODY, Act, Author, Statement, Subject, draft_act
from rempart.disclosure.entry import Draft
from rempart.storage.ledger_writer import Receipt

_REQUEST_ID_SIZE = 16


class ActsLog(Protocol):
    """Where acts are recorded: log 0."""

    def append(self, acts: Sequence[tuple[Draft, Statement]]) -> Sequence[Receipt]:
        """Record acts in one batch and wait until they are durable.

        Raises:
            LedgerUnavailable: It is not known whether they were recorded: do nothing of them.
        """
        ...


def record_act(acts: ActsLog, act: Act, *, by: Author, subject: Subject = NOBODY) -> Receipt:
    """Record one act; return once it is durable.

    Args:
        acts: The acts log.
        act: What is about to be done.
        by: Who does it.
        subject: The one person or insurer it is about.

    Raises:
        LedgerUnavailable: The ledger cannot record: nothing may be done.
    """
    return record_acts(acts, [(act, subject)], by=by)[0]


def record_acts(
    acts: ActsLog, done: Sequence[tuple[Act, Subject]], *, by: Author
) -> Sequence[Receipt]:
    """Record several acts of one author in one batch, such as a look at several people."""
    request_id = secrets.token_bytes(_REQUEST_ID_SIZE)
    return acts.append(
        [
            draft_act(
                act,
                account_ref=by.account_ref,
                session_ref=by.session_ref,
                request_id=request_id,
                subject=subject,
            )
            for act, subject in done
        ]
    )
