"""An insurer told of an incident, with contact data and a campaign: for tests."""

import csv
import io
import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from tests.notice_samples import INCIDENT
from tests.package_samples import NOW, Affair

from rempart.disclosure.acts import Author
from rempart.disclosure.fields import Field
from rempart.exchange.package_rows import format_reference
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.notices.campaigns import OPERATOR, Step
from rempart.notices.facts import IncidentFacts
from rempart.storage.connect import Database
from rempart.storage.contacts import make_letterbox
from rempart.storage.letterbox import Letterbox
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices.campaign_contacts import Reading, load_contacts
from rempart.workflows.notices.campaign_text import Rendered, open_writer
from rempart.workflows.notices.campaigns import Decider
from rempart.workflows.notices.prepare_campaign import Preparation, begin_preparing, prepare_piece

TODAY = date(2024, 2, 5)
COLUMNS = (
    *("reference", "family_name", "first_names", "birth_date", "representative", "email"),
    *("address_1", "address_2", "postcode", "city", "country", "language", "deceased"),
    *("protected", "by_post", "print", "left_on"),
)


def make_line(person_ref: int, **cells: str) -> dict[str, str]:
    """Return one line of a list of contacts, of an adult with both addresses."""
    usual = {
        "reference": format_reference(person_ref),
        "family_name": f"Essai{'abcdefghij'[person_ref % 10]}",
        "first_names": "Camille",
        "birth_date": "1970-03-01",
        "email": f"essai{person_ref}@exemple.invalid",
        "address_1": f"{person_ref} rue de l’Essai",
        "postcode": "75000",
        "city": "PARIS",
    }
    return {**usual, **cells}


def write_list(
    lines: Iterable[Mapping[str, str]], *, separator: str = ";", encoding: str = "utf-8"
) -> bytes:
    """Return a file of contacts."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, delimiter=separator, restval="")
    writer.writeheader()
    writer.writerows(lines)
    return text.getvalue().encode(encoding)


@dataclass
class Outreach:
    """One insurer and what it tells its persons, about an incident of its own or one given."""

    database: Database
    exercise: bool = False
    known: Affair | None = None
    insurer_id: int = 1
    affair: Affair = field(init=False)
    facts: IncidentFacts = INCIDENT
    files: int = 0
    letterbox: Letterbox = field(default_factory=lambda: make_letterbox(bytes(32)))

    def __post_init__(self) -> None:
        self.affair = self.known or Affair(self.database, exercise=self.exercise)
        if self.known is None:
            self.affair.add_insurer(self.insurer_id)
            self.affair.add_key(self.insurer_id)

    @property
    def decider(self) -> Decider:
        return Decider(actor_ref=0, insurer_id=self.insurer_id, now=NOW)

    def package(self, people: Mapping[int, str], **changes: Any) -> None:
        """Send the insurer a package: tier by person."""
        self.affair.analyse(
            [(self.insurer_id, ref, tier) for ref, tier in people.items()], **changes
        )
        self.affair.make(self.insurer_id)
        self.affair.send(self.insurer_id)

    def cover(self, person_ref: int, ends_on: str = "9999-12-31", *, past: bool = False) -> None:
        """Give somebody a contract with the insurer, until a day."""
        table = "rights.past_coverage" if past else "rights.coverage"
        with self.database.transaction("owner") as tx:
            tx.execute(
                f"INSERT INTO {table} (person_ref, opened_in, insurer_id, contract_ref, starts_on,"  # type: ignore[arg-type]
                " ends_on, suspended_from, suspended_to, terms_id) VALUES (%s, 1, %s, '{1}',"
                " '{2020-01-01}', ARRAY[%s::date], '{infinity}', '{infinity}', '{1}')",
                (person_ref, self.insurer_id, ends_on),
            )

    def contacts(self, content: bytes | Iterable[Mapping[str, str]]) -> Reading:
        """Hand a file of contacts to the host."""
        data = content if isinstance(content, bytes) else write_list(content)
        self.files += 1
        with self.database.transaction("notifier") as tx:
            return load_contacts(
                tx,
                self.affair.kms,
                io.BytesIO(data),
                insurer_id=self.insurer_id,
                file_ref=self.files,
                today=TODAY,
            )

    def begin(self, campaign_ref: int = 501, **changes: Any) -> int:
        """Write a draft."""
        with self.database.transaction("notifier") as tx:
            acts.begin_campaign(
                tx,
                self.decider,
                self.affair.incident_id,
                self.facts,
                campaign_ref=campaign_ref,
                **changes,
            )
        return campaign_ref

    def preparation(self, **changes: Any) -> Preparation:
        values = {
            "kms": self.affair.kms,
            "letterbox": self.letterbox,
            "acts": self.affair.acts,
            "by": Author(0, 0),
            "today": TODAY,
        }
        return Preparation(**{**values, "now_ms": 1, "piece": 3, **changes})

    def decide(self, campaign_ref: int, step: Step, reason: str = "essai") -> None:
        with self.database.transaction("notifier") as tx:
            acts.decide_campaign(tx, self.decider, campaign_ref, step, reason=reason)

    def prepare(self, campaign_ref: int = 501, **changes: Any) -> None:
        """Prepare a draft, piece by piece."""
        self.decide(campaign_ref, Step.PREPARE)
        self.work(campaign_ref, **changes)

    def work(self, campaign_ref: int, **changes: Any) -> None:
        """Do what the job does for a campaign that somebody asked to prepare."""
        preparation = self.preparation(**changes)
        with self.database.transaction("notifier") as tx:
            begin_preparing(tx, preparation, campaign_ref)
        done = False
        while not done:
            with self.database.transaction("notifier") as tx:
                done = prepare_piece(tx, preparation, campaign_ref).is_done

    def send(self, campaign_ref: int = 501, state: str = "sent") -> None:
        """Agree to a campaign and have every message that waits arrive."""
        with self.database.transaction("notifier") as tx:
            acts.propose_campaign(tx, self.decider, campaign_ref)
        with self.database.transaction("notifier") as tx:
            for change in ("state = 'approved', approved_by = 7", "state = 'sending'"):
                tx.execute(
                    f"UPDATE notices.campaign SET {change} WHERE campaign_ref = %s",  # type: ignore[arg-type]
                    (campaign_ref,),
                )
            tx.execute(
                "UPDATE notices.message SET state = %s WHERE campaign_ref = %s"
                " AND state = 'waiting'",
                (state, campaign_ref),
            )

    def finish(self, campaign_ref: int = 501) -> None:
        self.execute(
            "UPDATE notices.campaign SET state = 'done' WHERE campaign_ref = %s", campaign_ref
        )

    def execute(self, statement: str, *values: object) -> None:
        with self.database.transaction("notifier") as tx:
            tx.execute(statement, values)  # type: ignore[arg-type]

    def fetch(self, statement: str, *values: object) -> list[tuple]:
        return self.affair.fetch(statement, *values)

    def messages(self, columns: str, campaign_ref: int = 501) -> list[tuple]:
        """Return columns of the messages of a campaign, by person."""
        return self.fetch(
            f"SELECT {columns} FROM notices.message WHERE campaign_ref = %s ORDER BY person_ref",
            campaign_ref,
        )

    def write(self, campaign_ref: int = 501, **changes: Any) -> list[Rendered]:
        """Write every message of a campaign again."""
        numbers = [row[0] for row in self.messages("number", campaign_ref)]
        with self.database.transaction("notifier") as tx:
            return open_writer(tx, self.affair.kms, campaign_ref).write(tx, numbers, **changes)


@dataclass
class ToProfessionals(Outreach):
    """The operator, and the professionals whose accounts were entered."""

    insurer_id: int = OPERATOR

    def __post_init__(self) -> None:
        self.affair = self.known or Affair(self.database, exercise=self.exercise)

    def add(self, account_ref: int, name: str = "Camille Officine", **addresses: str) -> None:
        """Add a professional, with addresses that the operator loaded: email, letter, sms."""
        with self.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%s, 'professional', %s, %s)",
                (account_ref, name, account_ref.to_bytes(32)),
            )
            tx.execute(
                "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
                " VALUES (%s, %s, 'pharmacist', %s)",
                (account_ref, make_synthetic_rpps(account_ref).number, name),
            )
        for channel, address in addresses.items():
            self.reach(account_ref, address, channel=channel)

    def reach(
        self,
        account_ref: int,
        address: str,
        *,
        channel: str = "email",
        hint: str = "",
        added_at: datetime | None = None,
    ) -> int:
        """Add an address of a professional; with a hint, they gave it themselves on a page."""
        contact_ref = secrets.randbits(60)
        sealed = self.letterbox.slot.close(address, bound_to=contact_ref)
        with self.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO accounts.contact (contact_ref, actor_ref, channel, sealed, hint,"
                " added_at) VALUES (%s, %s, %s, %s, %s, COALESCE(%s, now()))",
                (contact_ref, account_ref, channel, sealed, hint, added_at),
            )
        return contact_ref

    def list(self, professionals: Mapping[int, tuple[str, Field]], **changes: Any) -> None:
        """Analyse again: tier and fields by account."""
        with self.database.transaction("owner") as tx:
            tx.execute("DELETE FROM incidents.exposed_professional")
            for account_ref, (tier, fields) in professionals.items():
                tx.execute(
                    "INSERT INTO incidents.exposed_professional VALUES (%s, %s, %s, %s, '{71}')",
                    (self.affair.incident_id, account_ref, tier, int(fields)),
                )
        self.affair.analyse([], **changes)
