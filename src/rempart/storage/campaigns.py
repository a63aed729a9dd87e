"""Campaigns as they are prepared and their texts written. Role: notifier.

Refuses nothing of what a campaign may become: the database does.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from typing import Any, Final, NamedTuple

from psycopg.types.json import Jsonb

from rempart.notices.campaigns import OPERATOR
from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("campaigns")


class StoredCampaign(NamedTuple):
    """A campaign.

    Attributes:
        insurer_id: Whose; 0: the operator's, to professionals.
        list_number: Of the package it rests on, or of the analysis.
        hidden: How many persons a hole of the record may hide; None: nobody can say.
    """

    campaign_ref: int
    incident_id: int
    insurer_id: int
    number: int
    kind: str
    exercise: bool
    facts: Mapping[str, Any]
    facts_digest: bytes | None
    wrapped_key: bytes | None
    state: str
    per_hour: int | None
    persons: int
    prepared_to: int
    findings: Sequence[Mapping[str, Any]]
    list_number: int
    hidden: int | None


class Sources(NamedTuple):
    """Where persons of a campaign come from: packages with their numbers, former campaigns."""

    packages: Sequence[tuple[int, int]]
    former_refs: Sequence[int]


class StoredPerson(NamedTuple):
    """What is stored of one person that a campaign may tell something.

    Attributes:
        tier: None: not concerned, or not any more.
        sealed: The contact; None: the insurer gave none.
        last_day: The last day of cover; None: nothing is known of any.
    """

    person_ref: int
    tier: str | None
    fields: int
    lost: int
    former_number: int | None
    former_written_on: date | None
    former_certainty: str | None
    former_fields: int | None
    sealed: bytes | None
    household: bytes | None
    flags: int | None
    language: str | None
    last_day: date | None
    has_space: bool
    wanted_channel: str | None
    wanted_language: str | None
    wanted_variant: str | None


class NewMessage(NamedTuple):
    """A message about to be written; columns as in the table."""

    person_ref: int
    kind: str
    former: int | None
    relation: str
    certainty: str
    doubt: str | None
    fields: int
    not_exposed: int
    left_on: date | None
    kept_until: date | None
    kept_why: str | None
    language: str
    variant: str
    household: bytes | None
    channel: str
    state: str
    reason: str
    digest: bytes | None
    code_digest: bytes | None


class StoredMessage(NamedTuple):
    """A message, with what its text is written from; `sealed` None: the contact is gone."""

    number: int
    campaign_ref: int
    insurer_id: int
    person_ref: int
    kind: str
    former_written_on: date | None
    relation: str
    certainty: str
    doubt: str | None
    fields: int
    not_exposed: int
    left_on: date | None
    kept_until: date | None
    kept_why: str | None
    language: str
    variant: str
    is_second: bool
    channel: str
    state: str
    digest: bytes | None
    household: bytes | None
    sealed: bytes | None


_ARRAYS: Final = (
    *("person_refs", "kinds", "formers", "relations", "certainties", "doubts", "fields"),
    *("not_exposed", "left_on", "kept_until", "kept_why", "languages", "variants"),
    *("households", "channels", "states", "reasons", "digests", "code_digests"),
)


def lock_campaign(tx: Transaction, campaign_ref: int) -> StoredCampaign | None:
    """Return a campaign, locked until the transaction ends."""
    row = tx.execute(QUERIES.lock_campaign, {"campaign_ref": campaign_ref}).fetchone()
    return None if row is None else StoredCampaign(*row)


def load_campaign(tx: Transaction, campaign_ref: int) -> StoredCampaign | None:
    """Return a campaign."""
    row = tx.execute(QUERIES.load_campaign, {"campaign_ref": campaign_ref}).fetchone()
    return None if row is None else StoredCampaign(*row)


def begin_preparing(
    tx: Transaction, campaign_ref: int, *, wrapped_key: bytes, facts_digest: bytes
) -> None:
    """Start preparing from nobody."""
    values = {
        "campaign_ref": campaign_ref,
        "wrapped_key": wrapped_key,
        "facts_digest": facts_digest,
    }
    tx.execute(QUERIES.drop_messages, values)
    tx.execute(QUERIES.begin_preparing, values)


def list_sources(tx: Transaction, campaign: StoredCampaign) -> Sources:
    """Return where the persons of a campaign come from."""
    values = {"incident_id": campaign.incident_id, "insurer_id": campaign.insurer_id}
    packages = tx.execute(
        QUERIES.list_sources, {**values, "number": campaign.list_number}
    ).fetchall()
    former = tx.execute(QUERIES.list_former, {**values, "number": campaign.number}).fetchall()
    return Sources([(ref, number) for ref, number in packages], [row[0] for row in former])


def load_piece(
    tx: Transaction, campaign: StoredCampaign, sources: Sources, *, most: int
) -> list[StoredPerson]:
    """Return the persons that follow the last one gone through, by reference."""
    values: dict[str, Any] = {
        "insurer_id": campaign.insurer_id,
        "former_refs": list(sources.former_refs),
        "after": campaign.prepared_to,
        "most": most,
    }
    if campaign.insurer_id == OPERATOR:
        values["incident_id"] = campaign.incident_id
        return [StoredPerson(*row) for row in tx.execute(QUERIES.load_professionals, values)]
    values["package_refs"] = [ref for ref, _ in sources.packages]
    values["numbers"] = [number for _, number in sources.packages]
    return [StoredPerson(*row) for row in tx.execute(QUERIES.load_piece, values)]


def find_last_analysis(tx: Transaction, incident_id: int) -> int:
    """Return the number of an incident's last analysis; 0: none was made."""
    row = tx.execute(QUERIES.find_last_analysis, {"incident_id": incident_id}).fetchone()
    return 0 if row is None else int(row[0])


def insert_messages(
    tx: Transaction, campaign: StoredCampaign, messages: Sequence[NewMessage]
) -> None:
    """Write the messages of a piece."""
    columns = zip(*messages, strict=True) if messages else ((),) * len(_ARRAYS)
    values = {name: list(column) for name, column in zip(_ARRAYS, columns, strict=True)}
    key = {"campaign_ref": campaign.campaign_ref, "insurer_id": campaign.insurer_id}
    tx.execute(QUERIES.insert_messages, {**key, **values})


def move_on(
    tx: Transaction,
    campaign_ref: int,
    *,
    prepared_to: int,
    persons: int,
    findings: Sequence[Mapping[str, Any]],
) -> None:
    """Note how far preparing is."""
    values = {
        "campaign_ref": campaign_ref,
        "prepared_to": prepared_to,
        "persons": persons,
        "findings": Jsonb(findings),
    }
    tx.execute(QUERIES.move_on, values)


def end_preparing(tx: Transaction, campaign_ref: int, state: str, *, reason: str = "") -> None:
    """Say that a campaign is prepared, or is a draft again."""
    values = {"campaign_ref": campaign_ref, "state": state, "reason": reason}
    tx.execute(QUERIES.end_preparing, values)


def load_messages(tx: Transaction, numbers: Iterable[int]) -> list[StoredMessage]:
    """Return messages, by number."""
    rows = tx.execute(QUERIES.load_messages, {"numbers": list(numbers)})
    return [StoredMessage(*row) for row in rows]


def find_campaign_of(tx: Transaction, number: int) -> int | None:
    """Return which campaign a message is of."""
    row = tx.execute(QUERIES.find_campaign_of, {"number": number}).fetchone()
    return None if row is None else int(row[0])
