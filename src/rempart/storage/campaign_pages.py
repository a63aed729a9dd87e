"""Campaigns as an insurer sees and decides them. Roles: portals (under row policies), notifier.

Refuses to say more than the database shows: no person, no address, no code.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, Literal, TypeAlias

from psycopg.types.json import Jsonb

from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.notices.campaigns import OPERATOR
from rempart.storage.connect import Transaction
from rempart.storage.listing import load_page
from rempart.storage.queries import load_queries

QUERIES: Final = load_queries("campaign_pages")

CampaignColumn: TypeAlias = Literal["made", "persons"]
MessageColumn: TypeAlias = Literal["number", "at"]
FileContent: TypeAlias = Literal["contacts", "returns"]


@dataclass(frozen=True, slots=True)
class ListedCampaign:
    """One line of a list of campaigns."""

    campaign_ref: int
    incident_id: int
    insurer_id: int
    number: int
    kind: str
    exercise: bool
    state: str
    persons: int
    title: str
    package_number: int
    made_at: datetime
    ended_at: datetime | None
    findings: Sequence[Mapping[str, Any]]


@dataclass(frozen=True, slots=True)
class ShownCampaign:
    """One campaign; `newest_package` is the number of the latest package that was sent.

    Of one to professionals, `insurer_id` is 0, and analyses stand for packages.
    """

    campaign_ref: int
    incident_id: int
    insurer_id: int
    insurer: str
    number: int
    kind: str
    exercise: bool
    state: str
    facts: Mapping[str, Any]
    facts_digest: bytes | None
    per_hour: int | None
    persons: int
    findings: Sequence[Mapping[str, Any]]
    title: str
    package_number: int
    package_state: str
    newest_package: int | None
    made_by: int
    made_at: datetime
    prepared_at: datetime | None
    proposed_by: int | None
    proposed_at: datetime | None
    approved_by: int | None
    approved_at: datetime | None
    started_at: datetime | None
    decided_by: int | None
    reason: str
    ended_at: datetime | None
    forgotten_at: datetime | None


@dataclass(frozen=True, slots=True)
class LockedCampaign:
    """Whose a campaign is, its state, and who proposed it."""

    insurer_id: int
    state: str
    proposed_by: int | None
    proposed_at: datetime | None


@dataclass(frozen=True, slots=True)
class PackageFacts:
    """What the latest list says that a notice needs; `hidden` None: nobody can say.

    `package_ref` is None for professionals: `number` is that of an analysis then.
    """

    package_ref: int | None
    insurer_id: int
    insurer: str
    number: int
    exercise: bool
    title: str
    starts_ms: int
    ends_ms: int
    conclusion: str
    persons: int
    hidden: int | None
    fields: int
    persons_a: int
    persons_b: int
    persons_c: int
    first_sent_at: datetime


@dataclass(frozen=True, slots=True)
class KindOfFacts:
    """Persons who are told the same words, but for their names."""

    kind: str
    relation: str
    certainty: str
    doubt: str | None
    fields: int
    not_exposed: int
    language: str
    persons: int
    left_on: date | None
    kept_until: date | None
    kept_why: str | None
    former_written_on: str | None


@dataclass(frozen=True, slots=True)
class ListedMessage:
    """One message, by number."""

    number: int
    kind: str
    relation: str
    certainty: str
    language: str
    variant: str
    channel: str
    state: str
    reason: str
    attempts: int
    state_at: datetime


@dataclass(frozen=True, slots=True)
class ContactFile:
    """A file that was given in: contact data, or letters that came back."""

    file_ref: int
    uploaded_at: datetime
    state: str
    rows: int
    refused: int
    findings: Sequence[Mapping[str, Any]]
    read_at: datetime | None
    uploaded_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class MessageFilter:
    """Which messages a list shows; empty: all."""

    state: str = ""
    channel: str = ""
    number: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class NewCampaign:
    """A draft about to be written."""

    campaign_ref: int
    incident_id: int
    insurer_id: int
    number: int
    package_ref: int | None
    analysis: int | None
    kind: str
    exercise: bool
    facts: Mapping[str, Any]
    per_hour: int | None
    made_by: int


def list_campaigns(
    tx: Transaction, listing: Listing[CampaignColumn], *, incident_id: int | None = None
) -> tuple[list[ListedCampaign], int]:
    """Return one page of the campaigns the asker may see."""
    values = {"incident_id": incident_id}
    return load_page(tx, QUERIES.list_campaigns, listing, ListedCampaign, values)


def find_campaign(tx: Transaction, campaign_ref: int) -> ShownCampaign | None:
    """Return one campaign, if the asker may see it."""
    row = tx.execute(QUERIES.find_campaign, {"campaign_ref": campaign_ref}).fetchone()
    return None if row is None else ShownCampaign(*row)


def name_actors(tx: Transaction, actor_refs: Iterable[int]) -> dict[int, str]:
    """Return the names of those who decided, as far as the asker may see them."""
    values = {"actor_refs": list(actor_refs)}
    return dict(tx.execute(QUERIES.name_actors, values).fetchall())


def find_newest(tx: Transaction, incident_id: int) -> int:
    """Return the campaign about an incident that was made last.

    Raises:
        NotFound: there is none.
    """
    row = tx.execute(QUERIES.find_newest, {"incident_id": incident_id}).fetchone()
    if row is None:
        raise NotFound("no campaign about this incident")
    return int(row[0])


def lock_campaign(tx: Transaction, campaign_ref: int) -> LockedCampaign | None:
    """Return the state of a campaign, locked."""
    row = tx.execute(QUERIES.lock_campaign, {"campaign_ref": campaign_ref}).fetchone()
    return None if row is None else LockedCampaign(*row)


def find_package(tx: Transaction, incident_id: int, insurer_id: int) -> PackageFacts | None:
    """Return the latest list about an incident: an insurer's package, or the operator's own."""
    values = {"incident_id": incident_id, "insurer_id": insurer_id}
    if insurer_id == OPERATOR:
        del values["insurer_id"]
        row = tx.execute(QUERIES.find_professional_list, values).fetchone()
    else:
        row = tx.execute(QUERIES.find_package, values).fetchone()
    return None if row is None else PackageFacts(*row)


def list_numbers(tx: Transaction, incident_id: int, insurer_id: int) -> list[tuple[int, str]]:
    """Return the numbers and states of an insurer's campaigns about an incident."""
    values = {"incident_id": incident_id, "insurer_id": insurer_id}
    return [(number, state) for number, state in tx.execute(QUERIES.list_numbers, values)]


def find_latest_facts(tx: Transaction, insurer_id: int) -> Mapping[str, Any] | None:
    """Return the facts of an insurer's latest campaign."""
    row = tx.execute(QUERIES.find_latest_facts, {"insurer_id": insurer_id}).fetchone()
    return None if row is None else row[0]


def insert_campaign(tx: Transaction, new: NewCampaign) -> bool:
    """Write a draft; False: another one about this incident is not over."""
    values = {name: getattr(new, name) for name in NewCampaign.__slots__}
    return tx.execute(QUERIES.insert_campaign, {**values, "facts": Jsonb(new.facts)}).rowcount == 1


def change_facts(
    tx: Transaction, campaign_ref: int, facts: Mapping[str, Any], per_hour: int | None
) -> bool:
    """Write other facts; False: it is no draft any more."""
    values = {"campaign_ref": campaign_ref, "facts": Jsonb(facts), "per_hour": per_hour}
    return tx.execute(QUERIES.change_facts, values).rowcount == 1


def change_pace(tx: Transaction, campaign_ref: int, per_hour: int | None) -> bool:
    """Write another pace; False: it is over."""
    values = {"campaign_ref": campaign_ref, "per_hour": per_hour}
    return tx.execute(QUERIES.change_pace, values).rowcount == 1


def propose(tx: Transaction, campaign_ref: int, actor_ref: int) -> bool:
    """Ask for a campaign to be sent; False: it is not ready for that."""
    values = {"campaign_ref": campaign_ref, "actor_ref": actor_ref}
    return tx.execute(QUERIES.propose, values).rowcount == 1


def approve(tx: Transaction, campaign_ref: int, actor_ref: int) -> bool:
    """Agree to a campaign; False: nobody asks for it any more."""
    values = {"campaign_ref": campaign_ref, "actor_ref": actor_ref}
    return tx.execute(QUERIES.approve, values).rowcount == 1


def decide(
    tx: Transaction, campaign_ref: int, actor_ref: int, *, before: str, state: str, reason: str = ""
) -> bool:
    """Take a campaign from one state to another; False: it is not in the first one."""
    values = {
        "campaign_ref": campaign_ref,
        "actor_ref": actor_ref,
        "before": before,
        "state": state,
        "reason": reason,
    }
    return tx.execute(QUERIES.decide, values).rowcount == 1


def count_messages(tx: Transaction, campaign_ref: int) -> list[tuple[str, str, int]]:
    """Return how many messages there are, by way and state."""
    rows = tx.execute(QUERIES.count_messages, {"campaign_ref": campaign_ref})
    return [(channel, state, count) for channel, state, count in rows]


def count_reasons(tx: Transaction, campaign_ref: int) -> list[tuple[str, str, int]]:
    """Return why messages are held, dropped or came back: state, reason, how many."""
    rows = tx.execute(QUERIES.count_reasons, {"campaign_ref": campaign_ref})
    return [(state, reason, count) for state, reason, count in rows]


def list_kinds(tx: Transaction, campaign_ref: int, *, most: int) -> tuple[list[KindOfFacts], int]:
    """Return the kinds of facts of a campaign, the most frequent first, and how many there are."""
    values = {"campaign_ref": campaign_ref, "most": most}
    rows = tx.execute(QUERIES.list_kinds, values).fetchall()
    return [KindOfFacts(*row[:-1]) for row in rows], int(rows[0][-1]) if rows else 0


def list_messages(
    tx: Transaction, campaign_ref: int, listing: Listing[MessageColumn], which: MessageFilter
) -> tuple[list[ListedMessage], int]:
    """Return one page of the messages of a campaign."""
    values = {
        "campaign_ref": campaign_ref,
        "state": which.state,
        "channel": which.channel,
        "number": which.number,
    }
    return load_page(tx, QUERIES.list_messages, listing, ListedMessage, values)


def note_told(tx: Transaction, campaign_ref: int, number: int) -> bool:
    """Say that a person whose message is held was told in another way; False: it is not held."""
    values = {"campaign_ref": campaign_ref, "number": number}
    return tx.execute(QUERIES.note_told, values).rowcount == 1


def list_files(tx: Transaction, *, most: int, holds: FileContent = "contacts") -> list[ContactFile]:
    """Return the files of one kind that were given in, the newest first."""
    values = {"most": most, "holds": holds}
    return [ContactFile(*row) for row in tx.execute(QUERIES.list_files, values)]
