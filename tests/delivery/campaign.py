"""A campaign that was approved, and what delivers it."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.campaign_samples import Outreach, ToProfessionals, make_line
from tests.delivery.post_office import KEY, ROOM, make_relay
from tests.package_samples import KMS, Affair

from rempart.disclosure.fields import Field
from rempart.exchange.smtp_transport import Post
from rempart.storage.connect import Database
from rempart.storage.notice_delivery import SendingCampaign
from rempart.storage.sealing import FileKms
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices import pace_campaign
from rempart.workflows.notices.deliver_email import SentEmails, send_emails, settle_uncertain
from rempart.workflows.notices.pace_campaign import Office, Timing
from rempart.workflows.notices.print_letters import (
    Press,
    PrintedLetters,
    print_campaign,
    write_batches,
)
from rempart.workflows.notices.read_bounces import ReadReports, read_bounces

SOON = Timing(uncertain_after=timedelta(0), bounces_for=timedelta(0), put_off=timedelta(0), tries=3)


@dataclass
class Delivery:
    """Persons, by reference, with changes to the line of their contact; approved at once."""

    database: Database
    people: Mapping[int, Mapping[str, str]]
    per_hour: int | None = None
    campaign_ref: int = 501
    kms: FileKms = KMS
    outreach: Outreach = field(init=False)
    clock: list[datetime] = field(default_factory=list)

    def __post_init__(self) -> None:
        affair = Affair(self.database, kms=self.kms)
        affair.add_insurer(1)
        affair.add_key(1)
        self.outreach = Outreach(self.database, known=affair)
        self.outreach.package(dict.fromkeys(self.people, "A"))
        for person in self.people:
            self.outreach.cover(person)
        self.outreach.contacts([make_line(ref, **cells) for ref, cells in self.people.items()])
        self.approve()

    def approve(self) -> None:
        """Prepare a campaign of those who are listed, and have two people agree."""
        self.outreach.begin(self.campaign_ref, per_hour=self.per_hour)
        self.outreach.prepare(self.campaign_ref, piece=1000)
        with self.database.transaction("notifier") as tx:
            acts.propose_campaign(tx, self.outreach.decider, self.campaign_ref)
            tx.execute("UPDATE notices.campaign SET state = 'approved', approved_by = 7")

    def office(self, timing: Timing = SOON) -> Office:
        return Office(
            open_transaction=lambda: self.database.transaction("notifier"),
            kms=self.kms,
            now=lambda: self.clock[0] if self.clock else datetime.now(UTC),
            timing=timing,
        )

    def begin(self) -> SendingCampaign:
        with self.database.transaction("notifier") as tx:
            [campaign] = pace_campaign.begin_campaigns(tx)
        return campaign

    def send(self, port: int, *, allowed: int | None = None, **relay: object) -> SentEmails:
        return self.send_as(self.begin(), port, allowed=allowed, **relay)

    def send_as(
        self, campaign: SendingCampaign, port: int, *, allowed: int | None = None, **relay: object
    ) -> SentEmails:
        """Hand over the e-mails of a campaign that was under way when somebody looked."""
        with Post(make_relay(port, **relay)) as post:
            return send_emails(self.office(), ROOM, post, campaign, allowed=allowed)

    def settle(self, timing: Timing = SOON) -> int:
        return settle_uncertain(self.office(timing), self.begin())

    def read_reports(self, folder: Path) -> ReadReports:
        return read_bounces(self.office(), folder, KEY)

    def press(self, directory: Path, **changes: object) -> Press:
        usual = {"directory": directory, "key": KEY, "operator": "Tiers Démo", "processes": 1}
        return Press(**{**usual, **changes})  # type: ignore[arg-type]

    def print(
        self, directory: Path, *, allowed: int | None = None, **press: object
    ) -> PrintedLetters:
        machine = self.press(directory, **press)
        write_batches(self.office(), machine)
        return print_campaign(self.office(), machine, self.begin(), allowed=allowed)

    def finish(self) -> int:
        with self.database.transaction("notifier") as tx:
            return pace_campaign.finish_campaigns(tx, now=datetime.now(UTC), timing=SOON)

    def states(self) -> Counter[str]:
        return Counter(
            f"{channel} {state}" for channel, state in self.outreach.messages("channel, state")
        )

    def rows(self, columns: str) -> list[tuple]:
        return self.outreach.messages(columns)

    def attempts(self) -> Counter[str]:
        return Counter(row[0] for row in self.outreach.fetch("SELECT outcome FROM notices.attempt"))


@dataclass
class DeliveryToProfessionals(Delivery):
    """Professionals, by account, with the addresses their accounts have."""

    def __post_init__(self) -> None:
        told = ToProfessionals(self.database)
        for account_ref, addresses in self.people.items():
            told.add(account_ref, f"Camille Officine{'abcdefghij'[account_ref % 10]}", **addresses)
        told.list(dict.fromkeys(self.people, ("A", Field.PROFESSIONAL_BANK_DETAILS)))
        self.outreach = told
        self.approve()
