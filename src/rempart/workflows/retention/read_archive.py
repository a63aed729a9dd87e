"""Read what the archive holds of one person: justified, and in the ledger before anything opens.

Refuses a reading without a reason: the archive is no base to work with.
"""

import json
from dataclasses import dataclass
from datetime import date
from typing import Any, Final

from rempart.disclosure.acts import About, Author, LedgerRead, Subject
from rempart.kernel.errors import NotFound
from rempart.kernel.reasons import clean_reason
from rempart.retention.fields import Field
from rempart.storage import leaving
from rempart.storage.archive_seal import Vault
from rempart.storage.connect import Transaction
from rempart.workflows.ledger.record_act import ActsLog, record_act

QUESTION: Final = "archive-read"
REASON_LIMIT: Final = 200


@dataclass(frozen=True, slots=True, kw_only=True)
class ArchivedValue:
    """What the archive holds of one field. Prints without it.

    Args:
        field: The field.
        subject: The person, or a claim of theirs.
        archived_on: Since when.
        value: What was sealed.
    """

    field: Field
    subject: int
    archived_on: date
    value: Any

    def __repr__(self) -> str:
        return f"<ArchivedValue {self.field}>"


def read_archive(
    tx: Transaction,
    vault: Vault,
    acts: ActsLog,
    person_ref: int,
    *,
    reason: str,
    by: Author,
    now_ms: int,
) -> list[ArchivedValue]:
    """Open what the archive holds of a person.

    Args:
        tx: A transaction of the keeper.
        vault: The archive's keys.
        acts: Where the reading is recorded first.
        person_ref: Whom.
        reason: Why: it is written in the ledger, and names nobody.
        by: Who reads.
        now_ms: The present instant.

    Raises:
        InvalidRequest: there is no reason.
        NotFound: the archive holds nothing of them.
        LedgerUnavailable: it cannot be recorded: nothing is opened.
        InconsistentRecord: what is archived was changed.
    """
    words = clean_reason(reason, most=REASON_LIMIT)
    items = leaving.load_archived(tx, person_ref)
    if not items:
        raise NotFound("the archive holds nothing of this person")
    record_act(
        acts,
        LedgerRead(
            question=QUESTION,
            purpose=words,
            from_ms=0,
            to_ms=now_ms,
            about=About(kind="persons", count=1),
        ),
        by=by,
        subject=Subject(person_ref, items[0].insurer_id),
    )
    return [
        ArchivedValue(
            field=one.field,
            subject=one.subject,
            archived_on=one.archived_on,
            value=json.loads(
                vault.load_archive_seal(tx, one.insurer_id).open(
                    one.subject, one.field.value, one.sealed
                )
            ),
        )
        for one in items
    ]
