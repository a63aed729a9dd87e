"""Insurers, members, places and their claims on a real database: to share claims out."""

import hashlib
import itertools
import json
import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from rempart.rights.coverage import Rate, Terms, TicketModerateur
from rempart.rights.terms import format_domains
from rempart.storage.connect import Database
from rempart.workflows.claims.adjudicate_claims import BatchDone, Library, adjudicate_batch

TODAY = date(2026, 3, 20)
CARE = date(2026, 3, 2)
BORN = "19700101"
KEY = bytes(32)
TERMS = Terms(
    convention_type="RP",
    csr="",
    responsible=True,
    domains={
        "MEDG": Rate(rate_bp=20_000),
        "PHAR": TicketModerateur(),
        "OPTI": TicketModerateur(),
    },
)
CONTRACT = 77


def draw() -> int:
    return secrets.randbits(50) + 1


@dataclass
class Mill:
    """One installation that shares claims out."""

    database: Database
    library: Library = field(default_factory=lambda: Library(KEY))
    numbers: itertools.count = field(default_factory=lambda: itertools.count(1))

    def __post_init__(self) -> None:
        self.run(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from,"
            " published_version) VALUES (1, '0000000001', 'Mutuelle d’essai', '2020-01-01', 1)"
        )
        self.run(
            "INSERT INTO rights.terms (terms_id, insurer_id, digest, convention_type, csr,"
            " responsible, domains) VALUES (5, 1, %s, %s, %s, true, %s)",
            bytes(32),
            TERMS.convention_type,
            TERMS.csr,
            json.dumps(format_domains(TERMS.domains)),
        )
        self.place = self.add_place()

    def run(self, statement: str, *values: object) -> None:
        with self.database.transaction("owner") as tx:
            tx.execute(statement, values)

    def fetch(self, statement: str, *values: object) -> list[tuple]:
        with self.database.transaction("owner") as tx:
            return tx.execute(statement, values).fetchall()

    def add_place(self) -> int:
        """Return an establishment with one professional, of the same number."""
        place = draw()
        self.run(
            "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
            " VALUES (%s, '00000000000000', 'Cabinet', '75001', 'Essai')",
            place,
        )
        self.run(
            "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name,"
            " establishment_ref) VALUES (%s, %s, 'doctor', 'x', %s)",
            place,
            str(place),
            place,
        )
        return place

    def add_member(self, ends: str = "infinity", *, opened_in: int = 1, person: int = 0) -> int:
        """Return a member from 2025 on."""
        person = person or draw()
        self.run(
            "INSERT INTO rights.coverage (person_ref, opened_in, insurer_id, contract_ref,"
            " starts_on, ends_on, suspended_from, suspended_to, terms_id) VALUES (%s, %s, 1,"
            " ARRAY[%s]::bigint[], '{2025-01-01}', ARRAY[%s]::date[], '{infinity}', '{infinity}',"
            " '{5}')",
            person,
            opened_in,
            CONTRACT,
            ends,
        )
        return person

    def promise(self, person: int, *, place: int = 0, domain: int = 1, version: int = 1) -> int:
        """Write the entry of an answer that said rights were open; return its index in log 1."""
        index = next(self.numbers)
        t_ms = int(datetime(2026, 3, 1, 12, tzinfo=UTC).timestamp() * 1000)
        with self.database.transaction("owner") as tx:
            tx.execute("SELECT ledger.ensure_segment(1::smallint, 0)")
            tx.execute(
                "INSERT INTO ledger.entry VALUES (1, %s, 1, %s, %s, %s, 1, 1, %s, 1, 1, %s, 1, 1,"
                " %s, %s, 1, 1, 1, %s, %s)",
                (
                    *(index, t_ms, bytes(16), place or self.place, person, hash_(index)[:32]),
                    *(domain, (CARE - date(1970, 1, 1)).days, version, hash_(index)[:32]),
                ),
            )
        return index

    def bill(self, person: int, *lines: dict, place: int = 0, at: str = "", **columns) -> int:
        """Bill acts; 30 € of consultation when none is given. Return the claim."""
        claim = draw()
        place = place or self.place
        acts = [
            {"act": "G", "care_on": CARE, "quantity": 1, "billed_cents": 3000, **line}
            for line in lines or ({},)
        ]
        row = {
            "claim_ref": claim,
            "establishment_ref": place,
            "account_ref": place,
            "channel": "json",
            "invoice": str(claim),
            "digest": hashlib.sha256(str(claim).encode()).digest(),
            "person_ref": person,
            "insurer_id": 1 if person else 0,
            "born": BORN,
            "first_care_on": min(act["care_on"] for act in acts),
            "last_care_on": max(act["care_on"] for act in acts),
            "billed_cents": sum(act["billed_cents"] for act in acts),
            "received_at": at or f"2026-03-03 10:00:{next(self.numbers) % 60:02d}Z",
            **columns,
        }
        with self.database.transaction("owner") as tx:
            tx.execute(*insert("claims.claim", row))
            for number, act in enumerate(acts, 1):
                line = {"claim_ref": claim, "number": number, **act}
                tx.execute(*insert("claims.line", line))
        return claim

    def share(self, size: int = 500) -> BatchDone:
        """Share out what waits, one batch."""
        with self.database.transaction("settler") as tx:
            return adjudicate_batch(tx, self.library, today=TODAY, size=size)

    def state(self, claim: int) -> str:
        [(state,)] = self.fetch("SELECT state FROM claims.claim WHERE claim_ref = %s", claim)
        return state

    def rules(self, claim: int) -> list[str]:
        [(findings,)] = self.fetch("SELECT findings FROM claims.claim WHERE claim_ref = %s", claim)
        return [finding["rule"] for finding in findings]

    def amc(self, claim: int) -> int | None:
        [(cents,)] = self.fetch("SELECT amc_cents FROM claims.claim WHERE claim_ref = %s", claim)
        return cents

    def dues(self, place: int = 0) -> int:
        """What waits for an establishment, all signs."""
        [(cents,)] = self.fetch(
            "SELECT COALESCE(sum(cents), 0) FROM claims.due WHERE establishment_ref = %s",
            place or self.place,
        )
        return cents

    def journal(self) -> dict[str, int]:
        """Balances by kind of account: what was taken, less what was given."""
        rows = self.fetch(
            "SELECT kind, sum(cents) FROM (SELECT debit_kind AS kind, cents FROM claims.journal"
            " UNION ALL SELECT credit_kind, -cents FROM claims.journal) AS side GROUP BY kind"
        )
        return {kind: cents for kind, cents in rows if cents}


def hash_(number: int) -> str:
    return hashlib.sha256(str(number).encode()).hexdigest()


def insert(table: str, row: dict) -> tuple[str, list]:
    """Return an INSERT of one row."""
    places = ", ".join(["%s"] * len(row))
    return f"INSERT INTO {table} ({', '.join(row)}) VALUES ({places})", list(row.values())
