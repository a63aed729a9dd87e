"""A small world for the gateway: one insurer, five people, one professional; and ways to ask.

Every number belongs to nobody: department 00, insurers from 99, cards of our own drawing.
"""

import hashlib
import json
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.nir import Nir
from rempart.kernel.rpps import Rpps
from rempart.rights.coverage import DomainTerms, Forfait, Rate, TicketModerateur
from rempart.rights.lookup import CardCode, TypedIdentifiers, compute_lookup_key
from rempart.rights.terms import format_domains
from rempart.storage.connect import Database, Transaction
from rempart.wiring.home import Home
from rempart.workflows.create_client import create_client

TODAY = datetime.now(ZoneInfo("Europe/Paris")).date()
AMC = "9900000001"
INSURER_ID = 1
VERSION = 3
RPPS = Rpps("99700000005")
ACCOUNT_REF = 7_000_001
NEVER = date.max

GUARANTEE: dict[str, DomainTerms] = {
    "PHAR": Rate(rate_bp=10000, circuit="IS"),
    "OPTI": Forfait(amount_cents=20000, conditions=("DEVIS",)),
    "MEDG": TicketModerateur(),
}


@dataclass(frozen=True, kw_only=True)
class Spell:
    """One coverage of a person."""

    starts_on: date
    ends_on: date = NEVER
    suspended: tuple[date, date] = (NEVER, NEVER)
    terms: str = "full"


@dataclass(frozen=True, kw_only=True)
class Person:
    """Somebody of the world, with all that a professional could ever send or must never see."""

    person_ref: int
    nir: Nir
    birth_date: str
    card: CardCode
    birth_rank: int = 1
    spells: tuple[Spell, ...] = ()
    version: int = VERSION
    closed_in: int = 2**63 - 1

    @property
    def typed(self) -> TypedIdentifiers:
        """What is typed from the certificate."""
        return TypedIdentifiers(
            amc_number=AmcNumber(AMC),
            insured_nir=self.nir,
            birth_date=BirthDate(self.birth_date),
            birth_rank=BirthRank(self.birth_rank),
        )


def make_nir(order: int) -> Nir:
    """A woman of May 1984 from department 00."""
    return Nir(f"2840500001{order:03d}")


def make_person(order: int, *spells: Spell, **changes: Any) -> Person:
    """A person of the world by number."""
    person = Person(
        person_ref=4_611_686_018_427_387_000 + order,
        nir=make_nir(order),
        birth_date="19840512",
        card=CardCode.from_number(2**97 + order * 7919**5),
        spells=spells,
    )
    return replace(person, **changes)


SINCE_LAST_YEAR = Spell(starts_on=TODAY - timedelta(days=365))
COVERED = make_person(1, SINCE_LAST_YEAR)
ENDED = make_person(2, Spell(starts_on=date(2020, 1, 1), ends_on=TODAY - timedelta(days=30)))
SUSPENDED = make_person(
    3,
    Spell(
        starts_on=date(2020, 1, 1),
        suspended=(TODAY - timedelta(days=10), TODAY + timedelta(days=10)),
    ),
)
PHARMACY_ONLY = make_person(4, Spell(starts_on=date(2020, 1, 1), terms="pharmacy"))
PENDING = make_person(5, SINCE_LAST_YEAR, version=VERSION + 1)
"""Loaded by a feed that is not published yet."""
STRANGER = make_person(900)
"""On no file at all."""
PEOPLE = (COVERED, ENDED, SUSPENDED, PHARMACY_ONLY, PENDING)


@dataclass(frozen=True, kw_only=True)
class World:
    """A populated database, and the key of the one client in it."""

    database: Database
    home: Home
    key: str = field(repr=False)
    client_ref: int


def populate(database: Database, home: Home, people: tuple[Person, ...] = PEOPLE) -> World:
    """Fill a fresh database with the world."""
    with database.transaction("feeds") as tx:
        save_insurer(tx)
        terms = {
            "full": save_terms(tx, GUARANTEE),
            "pharmacy": save_terms(tx, {"PHAR": GUARANTEE["PHAR"]}),
        }
        for person in people:
            save_person(tx, person, home.key("lookup"), terms)
    with database.transaction("registrar") as tx:
        tx.execute(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
            " VALUES (%s, %s, 'pharmacien', 'Pharmacie du Test')",
            (ACCOUNT_REF, RPPS.number),
        )
        client = create_client(tx, rpps=RPPS, label="LogicielOfficine")
    return World(database=database, home=home, key=client.key, client_ref=client.client_ref)


def save_insurer(tx: Transaction, agreement: tuple[date, date] = (date(2000, 1, 1), NEVER)) -> None:
    """Add the one insurer."""
    tx.execute(
        "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from, agreement_to,"
        " published_version) VALUES (%s, %s, 'Mutuelle du Test', %s, %s, %s)",
        (INSURER_ID, AMC, agreement[0], _day(agreement[1]), VERSION),
    )


def save_terms(tx: Transaction, domains: dict[str, DomainTerms]) -> int:
    """Add a guarantee and return its number."""
    text = json.dumps(format_domains(domains))
    digest = hashlib.sha256(text.encode()).digest()
    terms_id = int.from_bytes(digest[:8]) >> 1
    tx.execute(
        "INSERT INTO rights.terms (terms_id, insurer_id, digest, convention_type, csr, responsible,"
        " domains) VALUES (%s, %s, %s, 'IS', '', true, %s)",
        (terms_id, INSURER_ID, digest, text),
    )
    return terms_id


def save_person(tx: Transaction, person: Person, key: bytes, terms: dict[str, int]) -> None:
    """Add a person's sheet and the two keys that lead to it."""
    for identifiers in (person.typed, person.card):
        lookup_key = UUID(bytes=compute_lookup_key(key, identifiers))
        tx.execute(
            "INSERT INTO rights.lookup (lookup_key, person_ref) VALUES (%s, %s)",
            (lookup_key, person.person_ref),
        )
    spells = person.spells
    tx.execute(
        "INSERT INTO rights.coverage (person_ref, closed_in, opened_in, insurer_id, contract_ref,"
        " starts_on, ends_on, suspended_from, suspended_to, terms_id)"
        " VALUES (%s, %s, %s, %s, %s::bigint[], %s::date[], %s::date[], %s::date[], %s::date[],"
        " %s::bigint[])",
        (
            person.person_ref,
            person.closed_in,
            person.version,
            INSURER_ID,
            [person.person_ref + 1_000_000 for _ in spells],
            [spell.starts_on for spell in spells],
            [_day(spell.ends_on) for spell in spells],
            [_day(spell.suspended[0]) for spell in spells],
            [_day(spell.suspended[1]) for spell in spells],
            [terms[spell.terms] for spell in spells],
        ),
    )


def typed_body(person: Person, **changes: Any) -> dict[str, Any]:
    """The body that asks about a person by typed identifiers."""
    return {
        "identifiers": {
            "mode": "typed",
            "amc_number": AMC,
            "insured_nir": person.nir.format_compact(),
            "birth_date": person.birth_date,
            "birth_rank": person.birth_rank,
        },
        "domain": "PHAR",
        "care_date": TODAY.isoformat(),
        "purpose": "billing",
        **changes,
    }


def card_body(person: Person, **changes: Any) -> dict[str, Any]:
    """The body that asks about a person by the code of their card."""
    identifiers = {"mode": "card", "card_code": person.card.format()}
    return {**typed_body(person), "identifiers": identifiers, **changes}


def _day(day: date) -> str:
    return "infinity" if day == NEVER else day.isoformat()
