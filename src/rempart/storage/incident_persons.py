"""What one person lost in an incident, as an answer of the database. Role: portals.

Refuses to keep whom a question was about: the row that counts it forgets them as it is answered.
"""

import uuid
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, NamedTuple

from rempart.incidents.exposure import Tier
from rempart.incidents.purged import Removal
from rempart.storage.connect import Transaction
from rempart.storage.console import SuspectSession
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("incident_persons")


class Question(NamedTuple):
    """A question that was taken, or not.

    Attributes:
        is_taken: False when the day's are spent: nothing was looked for.
        person_refs: Whom the identifiers lead to, or led to before an erasure.
        insurer_ids: The insurer of each.
    """

    is_taken: bool
    person_refs: list[int]
    insurer_ids: list[int]


@dataclass(frozen=True, slots=True, kw_only=True)
class AskedPerson:
    """What is known of one reference.

    Attributes:
        insurer_id: Whose member.
        tier: On the list, or in what the insurer was sent; None: on neither.
        fields: What was shown of them.
        lost: Of it, what the asker had not typed.
        lookups: In how many answers.
        sessions: The sessions that showed it, without where they came from.
        active: Fields that the base holds today.
        archived: Fields that the archive holds, which answers nobody.
        held_by: What keeps data of them beyond their time.
        removals: What left the base; certified as far as a certificate is there: not verified.
        runs: The runs it left in.
    """

    insurer_id: int
    tier: Tier | None
    fields: int
    lost: int
    lookups: int
    sessions: tuple[SuspectSession, ...]
    active: frozenset[str]
    archived: tuple[str, ...]
    held_by: tuple[str, ...]
    removals: tuple[Removal, ...]
    runs: frozenset[int]


def ask_person(
    tx: Transaction,
    question_ref: int,
    *,
    incident_id: int,
    lookup_key: bytes,
    digest: uuid.UUID,
    most: int,
) -> Question:
    """Take a question; `most` is how many a day may have."""
    values = {
        "question_ref": question_ref,
        "incident_id": incident_id,
        "lookup_key": uuid.UUID(bytes=lookup_key),
        "digest": digest,
        "most": most,
    }
    [row] = tx.execute(QUERIES.ask_person, values)
    return Question(*row)


def answer_question(tx: Transaction, question_ref: int) -> list[AskedPerson]:
    """Answer a question of this transaction, once."""
    rows = tx.execute(QUERIES.answer_question, {"question_ref": question_ref})
    return [_read_person(row) for row in rows]


def _read_person(row: tuple[Any, ...]) -> AskedPerson:
    insurer_id, tier, fields, lost, lookups, sessions, active, archived, held_by, departures = row
    return AskedPerson(
        insurer_id=insurer_id,
        tier=None if tier is None else Tier(tier),
        fields=fields,
        lost=lost,
        lookups=lookups,
        sessions=tuple(_read_session(one) for one in sessions),
        active=frozenset(active),
        archived=tuple(archived),
        held_by=tuple(held_by),
        removals=tuple(
            Removal(
                field=one["field"],
                left_on=date.fromisoformat(one["day"]),
                certified=one["certified"],
            )
            for one in departures
        ),
        runs=frozenset(one["run"] for one in departures),
    )


def _read_session(one: dict[str, Any]) -> SuspectSession:
    return SuspectSession(
        account_ref=one["account"],
        profession=one["profession"],
        session_ref=one["session"],
        verdict=one["verdict"],
        reasons=one["reasons"],
        opened_ms=one["opened_ms"],
        address="",
        agent="",
    )
