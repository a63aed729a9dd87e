"""A small world for the gateway: one insurer, five people, one professional; and ways to ask.

Every number belongs to nobody: department 00, insurers from 99, cards of our own drawing.
"""

import base64
import hashlib
import json
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from tests.tokens import (
    CLIENT_ID,
    PUBLIC_URL,
    Minter,
    PrivateKey,
    TokenAuth,
    describe_key,
    make_auth,
    make_ec_key,
    thumbprint,
)

from rempart.accounts.tokens import Bearer, Binding
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.nir import Nir
from rempart.kernel.rpps import Rpps
from rempart.rights.coverage import DomainTerms, Forfait, Rate, TicketModerateur
from rempart.rights.lookup import CardCode, TypedIdentifiers, compute_lookup_key
from rempart.rights.terms import format_domains
from rempart.storage.connect import Database, Transaction
from rempart.wiring.home import Home

TODAY = datetime.now(ZoneInfo("Europe/Paris")).date()
AMC = "9900000001"
INSURER_ID = 1
VERSION = 3
RPPS = Rpps("99700000005")
ACCOUNT_REF = 7_000_001
ESTABLISHMENT_REF = 71
FINESS = "990000019"
SIRET = "99000001900015"
PUBLISHER_REF = 81
# What a proxy that ends TLS would say of a caller; tokens are bound to its digest.
CERTIFICATE = b"certificate of a pharmacy"
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
    """A populated database, and the one software registered in it.

    Attributes:
        client_ref: The software.
        software_key: What it signs its assertions with.
        bearer: Whom its tokens name: the software, the professional, their establishment.
    """

    database: Database
    home: Home
    client_ref: int
    software_key: PrivateKey = field(repr=False)
    bearer: Bearer

    def make_auth(
        self, *, now: Callable[[], float] = time.time, bearer: Bearer | None = None
    ) -> TokenAuth:
        """Tokens for the software, with a DPoP key of its own and a fresh proof for each call."""
        return make_auth(self.home.key("token"), bearer or self.bearer, now=now)

    def make_headers(self, *, issuer: str = PUBLIC_URL, lifetime_s: int = 3600) -> dict[str, str]:
        """Headers that let in for a while: a token bound to a certificate, said by a proxy."""
        digest = base64.urlsafe_b64encode(hashlib.sha256(CERTIFICATE).digest()).decode()
        minter = Minter(key_seed=self.home.key("token"), bearer=self.bearer)
        binding = Binding("x5t#S256", digest.rstrip("="))
        token = minter.mint(binding, issuer=issuer, lifetime_s=lifetime_s)
        certificate = base64.b64encode(CERTIFICATE).decode()
        return {"Authorization": f"Bearer {token}", "Client-Cert": f":{certificate}:"}


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
        save_establishment(tx, ESTABLISHMENT_REF, finess=FINESS, siret=SIRET)
        save_professional(tx, ACCOUNT_REF, RPPS, establishment_ref=ESTABLISHMENT_REF)
        save_organisation(tx, PUBLISHER_REF, "publisher")
        client_ref, software_key = save_software(tx)
    return World(
        database=database,
        home=home,
        client_ref=client_ref,
        software_key=software_key,
        bearer=Bearer(client_ref, ACCOUNT_REF, ESTABLISHMENT_REF),
    )


def save_establishment(tx: Transaction, establishment_ref: int, *, finess: str, siret: str) -> None:
    """Add a place where professionals work."""
    tx.execute(
        "INSERT INTO accounts.establishment (establishment_ref, finess, siret, name, postcode,"
        " city) VALUES (%s, %s, %s, 'Pharmacie du Test', '99000', 'Ville')",
        (establishment_ref, finess, siret),
    )


def save_professional(
    tx: Transaction, account_ref: int, rpps: Rpps, *, establishment_ref: int | None = None
) -> None:
    """Add a professional and the account they act with."""
    tx.execute(
        "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name,"
        " establishment_ref) VALUES (%s, %s, 'pharmacien', 'Pharmacie du Test', %s)",
        (account_ref, rpps.number, establishment_ref),
    )
    tx.execute(
        "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
        " VALUES (%s, 'professional', 'Pharmacie du Test', %s) ON CONFLICT DO NOTHING",
        (account_ref, secrets.token_bytes(32)),
    )


def save_organisation(
    tx: Transaction, org_ref: int, kind: str, *, establishment_ref: int | None = None
) -> None:
    """Add an organisation."""
    tx.execute(
        "INSERT INTO accounts.organisation (org_ref, kind, name, establishment_ref)"
        " VALUES (%s, %s, 'Organisation du Test', %s)",
        (org_ref, kind, establishment_ref),
    )


def save_holder(tx: Transaction, org_ref: int, account_ref: int) -> None:
    """Let a professional hold an establishment, as `rempart client load` does."""
    tx.execute(
        "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role, starts_on)"
        " VALUES (%s, %s, %s, 'holder', '2020-01-01')",
        (secrets.randbits(62), account_ref, org_ref),
    )


def save_software(
    tx: Transaction,
    client_id: str = CLIENT_ID,
    *,
    key: PrivateKey | None = None,
    publisher_ref: int | None = PUBLISHER_REF,
    certificate_subject: str | None = None,
    establishment_ref: int | None = None,
) -> tuple[int, PrivateKey]:
    """Register a software; return its reference and the key it signs with."""
    client_ref, key = secrets.randbits(63), key or make_ec_key()
    tx.execute(
        "INSERT INTO accounts.software (client_ref, client_id, publisher_ref, label, scopes,"
        " certificate_subject, establishment_ref, psc_clients)"
        " VALUES (%s, %s, %s, 'Logiciel du Test', '{rights:check,claims:send}', %s, %s,"
        " '{psc-du-test}')",
        (client_ref, client_id, publisher_ref, certificate_subject, establishment_ref),
    )
    save_software_key(tx, client_ref, key)
    return client_ref, key


def save_software_key(tx: Transaction, client_ref: int, key: PrivateKey) -> None:
    """Add a public key to a software."""
    jwk = describe_key(key)
    tx.execute(
        "INSERT INTO accounts.software_key (client_ref, kid, jwk) VALUES (%s, %s, %s)",
        (client_ref, thumbprint(jwk), json.dumps(jwk)),
    )


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
