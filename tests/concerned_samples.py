"""Campaigns whose messages left, published pages, cards that may be checked: for tests."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

from psycopg.types.json import Jsonb
from tests.card_samples import SIGNER, make_beneficiary, make_card, make_print
from tests.notice_samples import INCIDENT, PUBLIC
from tests.package_samples import Affair

from rempart.disclosure.fields import Field
from rempart.exchange.card_letter import encode_print
from rempart.kernel.birth import BirthDate
from rempart.notices.codes import derive_code, digest_code
from rempart.notices.facts_json import describe_facts
from rempart.notices.incident_page import (
    IncidentPage,
    compute_page_digest,
    describe_page,
    list_first_questions,
)
from rempart.rights.card import Card
from rempart.storage.card_prints import PrintSeal
from rempart.storage.connect import Database

KEY = bytes(range(32))
FACTS = replace(
    INCIDENT,
    starts_on=date(2025, 11, 23),
    ends_on=date(2025, 11, 23),
    discovered_on=date(2025, 11, 24),
    told_on=date(2025, 11, 25),
    written_on=date(2025, 11, 26),
    next_update_on=date(2029, 12, 1),
)
PAGE = IncidentPage(
    facts=FACTS, about=PUBLIC, package_number=1, questions=tuple(list_first_questions())
)


def draw() -> int:
    """Return a random reference."""
    return secrets.randbits(62) + 1


class Campaign:
    """A campaign about an incident, of which every message is where a test says.

    Args:
        affair: The incident; its package was sent to the insurer.
        insurer_id: Whose campaign.
        number: Of the campaign.
        kind: Of it and of its messages.
        written_on: The day its facts say.
    """

    def __init__(
        self,
        affair: Affair,
        insurer_id: int,
        *,
        number: int = 1,
        kind: str = "notice",
        written_on: date = FACTS.written_on,
    ) -> None:
        self.affair, self.insurer_id, self.kind, self.ref = affair, insurer_id, kind, draw()
        facts = replace(FACTS, version=number, written_on=written_on)
        with affair.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO notices.campaign (campaign_ref, incident_id, insurer_id, number,"
                " package_ref, kind, exercise, facts, made_by)"
                " SELECT %s, incident_id, insurer_id, %s, package_ref, %s, exercise, %s, 0"
                " FROM incidents.package WHERE incident_id = %s AND insurer_id = %s"
                " ORDER BY number DESC LIMIT 1",
                (
                    *(self.ref, number, kind, Jsonb(describe_facts(facts))),
                    *(affair.incident_id, insurer_id),
                ),
            )

    def write(
        self,
        person_ref: int,
        *,
        certainty: str = "A",
        doubt: str | None = None,
        fields: int = int(Field.NIR | Field.FAMILY_NAME),
        not_exposed: int = int(Field.BANK_DETAILS),
        state: str = "posted",
        **more: Any,
    ) -> str:
        """Write one message; return its code."""
        code = derive_code(KEY, self.ref, person_ref)
        values = {
            "relation": "member",
            "channel": "letter",
            "former": None,
            "attempts": 0,
            "left_on": None,
            "kept_until": None,
            "kept_why": None,
            **more,
        }
        with self.affair.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO notices.message (campaign_ref, insurer_id, person_ref, kind,"
                " certainty, doubt, fields, not_exposed, language, channel, state, digest,"
                " code_digest, relation, former, attempts, left_on, kept_until, kept_why)"
                " VALUES (%(campaign)s, %(insurer)s, %(person)s, %(kind)s, %(certainty)s,"
                " %(doubt)s, %(fields)s, %(not_exposed)s, 'fr', %(channel)s, %(state)s,"
                " sha256(''), %(code)s, %(relation)s, %(former)s, %(attempts)s, %(left_on)s,"
                " %(kept_until)s, %(kept_why)s)",
                {
                    "campaign": self.ref,
                    "insurer": self.insurer_id,
                    "person": person_ref,
                    "kind": self.kind,
                    "certainty": certainty,
                    "doubt": doubt,
                    "fields": fields,
                    "not_exposed": not_exposed,
                    "state": state,
                    "code": digest_code(code),
                    **values,
                },
            )
        return code

    def find_number(self, person_ref: int) -> int:
        """Return the number of somebody's message."""
        [(number,)] = self.affair.fetch(
            "SELECT number FROM notices.message WHERE campaign_ref = %s AND person_ref = %s",
            self.ref,
            person_ref,
        )
        return int(number)

    def approve(self) -> None:
        """Take it as far as being sent, as two people would; an exercise leaves for nobody."""
        steps = ["preparing", "prepared", "proposed", "approved"]
        steps += [] if self.affair.exercise else ["sending"]
        with self.affair.database.transaction("owner") as tx:
            for step in steps:
                by = {"proposed": ", proposed_by = 1", "approved": ", approved_by = 2"}.get(
                    step, ""
                )
                tx.execute(
                    f"UPDATE notices.campaign SET state = '{step}'{by} WHERE campaign_ref = %s",  # type: ignore[arg-type]
                    (self.ref,),
                )

    def end(self) -> None:
        """End it, so that another may begin."""
        with self.affair.database.transaction("owner") as tx:
            tx.execute(
                "UPDATE notices.campaign SET state = 'done' WHERE campaign_ref = %s", (self.ref,)
            )


def publish(
    affair: Affair, insurer_id: int, page: IncidentPage = PAGE, *, number: int = 1
) -> tuple[str, int]:
    """Publish a page as an insurer would; return its AMC number and its own."""
    page_ref = draw()
    with affair.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO notices.incident_page (page_ref, insurer_id, incident_id, amc_number,"
            " number, exercise, made_by)"
            " SELECT %s, i.insurer_id, %s, i.amc_number, %s, %s, 1 FROM rights.insurer AS i"
            " WHERE i.insurer_id = %s",
            (page_ref, affair.incident_id, number, affair.exercise, insurer_id),
        )
        tx.execute(
            "INSERT INTO notices.page_version (page_ref, number, insurer_id, said, written_by)"
            " VALUES (%s, 1, %s, %s, 1)",
            (page_ref, insurer_id, Jsonb(describe_page(page))),
        )
        tx.execute(
            "UPDATE notices.page_version SET published_by = 1, digest = %s WHERE page_ref = %s",
            (compute_page_digest(page), page_ref),
        )
        found = tx.execute(
            "SELECT amc_number FROM notices.incident_page WHERE page_ref = %s", (page_ref,)
        ).fetchone()
    assert found is not None
    return str(found[0]), number


def give_card(
    database: Database,
    insurer_id: int,
    people: Sequence[tuple[int, str]],
    *,
    seal: PrintSeal,
    secret: bytes,
    revoked: bool = False,
) -> Card:
    """Give a card that counts: (person, birth date as AAAAMMJJ) of each line, its holder first."""
    card = make_card(
        secret=secret,
        beneficiaries=tuple(
            make_beneficiary(place, birth_date=BirthDate(birth))
            for place, (_ref, birth) in enumerate(people, start=1)
        ),
    )
    signer, serial, holder = SIGNER, card.serial.value, people[0][0]
    today = date(2026, 11, 23)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.card_signing_key (key_id, public_key, from_on, to_on)"
            " VALUES (%s, %s, '2020-01-01', '2040-01-01') ON CONFLICT DO NOTHING",
            (signer.key_id, signer.public_key),
        )
        run, batch = draw(), draw()
        tx.execute(
            "INSERT INTO rights.card_run (run_ref, insurer_id, kind, year, batch_size, finished_at)"
            " VALUES (%s, %s, 'yearly', 2026, 1, clock_timestamp())",
            (run, insurer_id),
        )
        tx.execute(
            "INSERT INTO rights.card_batch (batch_ref, run_ref, insurer_id, number, cards, pages)"
            " VALUES (%s, %s, %s, 1, 1, 1)",
            (batch, run, insurer_id),
        )
        tx.execute(
            "INSERT INTO rights.card (serial, insurer_id, contract_ref, holder_ref, year,"
            " beneficiaries, key_id, issued_on, valid_from, valid_to, purpose, large_print,"
            " batch_ref, page, revoked_at, revoked_reason)"
            " VALUES (%s, %s, %s, %s, 2026, %s, %s, %s, %s, %s, 'yearly', false, %s, 1, %s, %s)",
            (
                *(serial, insurer_id, draw(), holder, len(people), signer.key_id),
                *(today, today, today + timedelta(days=365), batch),
                *((today, "lost") if revoked else (None, None)),
            ),
        )
        tx.execute(
            "INSERT INTO rights.card_print (serial, person_ref, sealed) VALUES (%s, %s, %s)",
            (serial, holder, seal.seal(serial, encode_print(make_print(card)))),
        )
        for place, (person_ref, _birth) in enumerate(people, start=1):
            key = hashlib.sha256(serial + bytes([place])).digest()[:16]
            tx.execute(
                "INSERT INTO rights.card_key (presence_key, serial, person_ref, place)"
                " VALUES (%s::text::uuid, %s, %s, %s)",
                (key.hex(), serial, person_ref, place),
            )
    return card
