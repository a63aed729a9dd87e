"""Writes again what one person is told: from facts, from where they are reached, from nothing else.

The text is kept nowhere. Refuses to pass for what was agreed to a text that has another digest: a
name that changed, another release's words, a contact that is gone.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

from rempart.disclosure.acts import NOBODY, About, Author, LedgerRead, Subject
from rempart.disclosure.fields import Field
from rempart.kernel.errors import InconsistentRecord, NotFound
from rempart.kernel.findings import Language
from rempart.notices.assembly import Notice, assemble_notice, format_text, list_slots
from rempart.notices.campaigns import OPERATOR, CampaignKind
from rempart.notices.codes import derive_code, digest_code
from rempart.notices.contacts import Channel, Contact, Unreachable, find_bar
from rempart.notices.facts import (
    Certainty,
    Departure,
    Doubt,
    IncidentFacts,
    KeptWhy,
    PersonFacts,
    Relation,
    Sender,
)
from rempart.notices.facts_json import read_facts
from rempart.notices.media import Medium, Variant
from rempart.notices.texts import EXERCISE_TEXT, SUBJECT_TEXTS, fill_slots
from rempart.storage import campaigns
from rempart.storage.campaigns import StoredCampaign, StoredMessage
from rempart.storage.connect import Transaction
from rempart.storage.notice_contacts import ContactSeal, load_contact_seal
from rempart.storage.sealing import Kms
from rempart.workflows.ledger.record_act import ActsLog, record_act

_MEDIA: Final = {
    Channel.EMAIL: Medium.EMAIL,
    Channel.LETTER: Medium.LETTER,
    Channel.SPACE: Medium.EMAIL,
}
_NOBODY: Final = Contact(recipient="")


@dataclass(frozen=True, slots=True, kw_only=True)
class Rendered:
    """What one person is told, ready to leave.

    Args:
        text: Plain, in the standard print; other prints say the same words.
        digest: Of the text.
        notice: The same as blocks, for a letter.
        email: Where an e-mail goes; empty: nowhere.
        address: What a window shows, addressee first, country last; empty: nowhere.
        household: What letters for one addressee at one address share, as they are reached now.
        bar: Why nothing is sent to them, as they are reached now; None: it may be.
        code: Printed in the text.
        is_as_prepared: Whether it is what was prepared and agreed to.
    """

    number: int
    campaign_ref: int
    person_ref: int
    channel: Channel
    language: Language
    variant: Variant
    subject: str
    text: str = field(repr=False)
    digest: bytes
    notice: Notice = field(repr=False)
    recipient: str = field(repr=False)
    email: str = field(repr=False)
    address: tuple[str, ...] = field(repr=False)
    household: bytes | None
    bar: Unreachable | None
    sender: Sender
    code: str = field(repr=False)
    code_digest: bytes | None
    exercise: bool
    is_as_prepared: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Writer:
    """Writes the messages of one campaign."""

    campaign: StoredCampaign
    facts: IncidentFacts
    seal: ContactSeal = field(repr=False)
    key: bytes = field(repr=False)

    def write(
        self,
        tx: Transaction,
        numbers: Sequence[int],
        *,
        channel: Channel | None = None,
        second: bool = False,
    ) -> list[Rendered]:
        """Write some messages again, by number.

        Args:
            tx: A transaction of the role notifier.
            numbers: Of this campaign; those that are not there are left out.
            channel: By which way it would go; None: as it stands.
            second: Whether to say that the same text may have arrived by e-mail.

        Raises:
            InconsistentRecord: a message is another campaign's, or a contact was moved.
        """
        stored = campaigns.load_messages(tx, numbers)
        return [self.write_one(one, channel=channel, second=second) for one in stored]

    def write_one(
        self, stored: StoredMessage, *, channel: Channel | None = None, second: bool = False
    ) -> Rendered:
        """Write one message again."""
        if stored.campaign_ref != self.campaign.campaign_ref:
            raise InconsistentRecord("a message of another campaign is not written here")
        contact = _NOBODY
        if stored.sealed is not None:
            contact = self.seal.open(stored.person_ref, stored.sealed)
        code = derive_code(self.key, stored.campaign_ref, stored.person_ref)
        person = make_person(stored, contact, code=code, second=second or stored.is_second)
        way = channel or Channel(stored.channel)
        language: Language = "en" if stored.language == "en" else "fr"
        notice = assemble_notice(self.facts, person, medium=_MEDIA[way], language=language)
        text = write_words(notice, exercise=self.campaign.exercise)
        digest = digest_text(text)
        is_as_prepared = digest == stored.digest
        if second and not stored.is_second:
            is_as_prepared = self.write_one(stored, channel=channel).is_as_prepared
        return Rendered(
            number=stored.number,
            campaign_ref=stored.campaign_ref,
            person_ref=stored.person_ref,
            channel=way,
            language=language,
            variant=Variant(stored.variant),
            subject=write_subject(CampaignKind(stored.kind), self.facts, person, language),
            text=text,
            digest=digest,
            notice=notice,
            recipient=contact.recipient,
            email="" if contact.email is None else contact.email.address,
            address=list_address(contact),
            household=self.seal.digest_household(contact),
            bar=find_bar(contact.flags),
            sender=self.facts.sender,
            code=code,
            code_digest=digest_code(code),
            exercise=self.campaign.exercise,
            is_as_prepared=is_as_prepared,
        )


def open_writer(tx: Transaction, kms: Kms, campaign_ref: int) -> Writer:
    """Return what writes the messages of a campaign that was prepared.

    Raises:
        NotFound: there is no such campaign, or it was not prepared.
        SetupError: the master key is not the one.
    """
    campaign = campaigns.load_campaign(tx, campaign_ref)
    if campaign is None or campaign.wrapped_key is None:
        raise NotFound("no such campaign that was prepared")
    return make_writer(tx, kms, campaign, campaign.wrapped_key)


def make_writer(tx: Transaction, kms: Kms, campaign: StoredCampaign, wrapped_key: bytes) -> Writer:
    """Return what writes the messages of a campaign, with the key of its codes."""
    return Writer(
        campaign=campaign,
        facts=read_facts(campaign.facts),
        seal=load_contact_seal(tx, kms, campaign.insurer_id),
        key=kms.unwrap(wrapped_key, context=bind_key(campaign.campaign_ref)),
    )


def write_text(tx: Transaction, kms: Kms, number: int) -> Rendered:
    """Write one message again.

    Args:
        tx: A transaction of the role notifier.
        kms: Opens the campaign's key and the insurer's.
        number: Of the message.

    Raises:
        NotFound: there is no such message, or nothing was written to this person.
    """
    campaign_ref = campaigns.find_campaign_of(tx, number)
    if campaign_ref is None:
        raise NotFound("no such message")
    written = open_writer(tx, kms, campaign_ref).write(tx, [number])
    if not written:
        raise NotFound("no such message")
    return written[0]


def read_on_record(
    tx: Transaction, kms: Kms, acts: ActsLog, number: int, *, by: Author, now_ms: int
) -> Rendered:
    """Write one message again for somebody to read, once that is on record.

    Args:
        tx: A transaction of the role notifier.
        kms: Opens the campaign's key and the insurer's.
        acts: The acts log.
        number: Of the message.
        by: Who reads it.
        now_ms: The present instant.

    Raises:
        NotFound: there is no such message.
        LedgerUnavailable: it cannot be recorded: nothing is opened.
    """
    stored = campaigns.load_messages(tx, [number])
    if not stored:
        raise NotFound("no such message")
    record_act(
        acts,
        LedgerRead(
            question="notice-text",
            purpose="relire ce qui a été dit à une personne",
            from_ms=now_ms,
            to_ms=now_ms,
            about=About(kind="persons", count=1),
        ),
        by=by,
        # A professional is nobody's insured: no history of theirs would show it.
        subject=NOBODY
        if stored[0].insurer_id == OPERATOR
        else Subject(stored[0].person_ref, stored[0].insurer_id),
    )
    return write_text(tx, kms, number)


def make_person(stored: StoredMessage, contact: Contact, *, code: str, second: bool) -> PersonFacts:
    """Return what a message says of one person, from its row and their contact."""
    departure = None
    if stored.left_on and stored.kept_until and stored.kept_why:
        departure = Departure(
            left_on=stored.left_on,
            kept_until=stored.kept_until,
            kept_why=KeptWhy(stored.kept_why),
        )
    relation = Relation(stored.relation)
    # Names go with the contact: what is written again afterwards is to nobody by name.
    child = (contact.person or "(prénom effacé)") if relation is Relation.MINOR else ""
    return PersonFacts(
        recipient=contact.recipient,
        relation=relation,
        certainty=Certainty(stored.certainty),
        exposed=Field(stored.fields),
        not_exposed=Field(stored.not_exposed),
        authenticity_code=code,
        doubt=None if stored.doubt is None else Doubt(stored.doubt),
        person=child,
        departure=departure,
        corrects=stored.former_written_on,
        may_be_second=second,
    )


def write_words(notice: Notice, *, exercise: bool, variant: Variant = Variant.STANDARD) -> str:
    """Write a notice as plain text; that of an exercise says so before anything else."""
    text = format_text(notice, variant)
    return f"{EXERCISE_TEXT[notice.language]}\n\n{text}" if exercise else text


def write_subject(
    kind: CampaignKind, facts: IncidentFacts, person: PersonFacts, language: Language
) -> str:
    """Write the line that stands above a message."""
    return fill_slots(SUBJECT_TEXTS[kind][language], list_slots(facts, person, language))


def digest_text(text: str) -> bytes:
    """Return the digest of a text, as it is kept."""
    return hashlib.sha256(text.encode()).digest()


def list_address(contact: Contact) -> tuple[str, ...]:
    """Return what a window shows, addressee first, country last; empty: no address."""
    if not contact.address:
        return ()
    lines: Iterable[str] = (contact.recipient, *contact.address, contact.country)
    return tuple(line for line in lines if line)


def bind_key(campaign_ref: int) -> bytes:
    """Return what a campaign's key is wrapped with."""
    return b"rempart/campaign/" + campaign_ref.to_bytes(8, "big")
