"""Invented rows and replies: what a test of the portals needs to find in the world around them."""

import json
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from psycopg.types.json import Jsonb

from rempart.disclosure.entry import Kind, Mode, Outcome
from rempart.kernel.synthetic import (
    make_synthetic_amc_number,
    make_synthetic_nir,
    make_synthetic_rpps,
    make_synthetic_siret,
)
from rempart.storage.connect import Database, Transaction

CARD = "7K3M-Q2ZX-0V9T-5RBN-HC41"
NIR = make_synthetic_nir(sex=2, year=1984, month=5, serial=123456)
AMC = make_synthetic_amc_number(7)
NOW = datetime(2026, 11, 22, 10, 30, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
ENGAGEMENT = "RP-04QK-7T2M-9XCE-W3HD"
CHECKPOINT = (
    "rempart.invalid/5f0c12ab/log/1\n1043\nc29tZSByb290IG9mIHRoZSB0cmVlIG9mIHRoaXMgbG9n\n\n"
    "— rempart.invalid/5f0c12ab/log/1 8Z7d1b4Ff3t0bGVkZ2Vy\n"
)
TYPED = {
    "amc_number": AMC.number,
    "insured_nir": NIR.format(),
    "birth_date": "12/05/1984",
    "birth_rank": "1",
    "domain": "OPTI",
    "care_date": "2026-11-22",
    "purpose": "quote",
}
CARD_FORM = {
    "card_code": CARD,
    "domain": "PHAR",
    "care_date": "2026-11-22",
    "purpose": "billing",
}


def make_answer(
    *,
    rights: str = "open",
    domain: str = "PHAR",
    reason: str | None = None,
    consigne: str = "bill_amc",
    terms: dict[str, Any] | None = None,
    index: int = 1042,
) -> dict[str, Any]:
    """Return what the gateway answers, as the API documents it."""
    answer: dict[str, Any] = {"rights": rights, "domain": domain, "care_date": "2026-11-22"}
    if rights == "open":
        answer["terms"] = terms or {
            "kind": "rate",
            "rate_bp": 10000,
            "circuit": "IS",
            "conditions": [],
        }
        answer["engagement"] = {"number": ENGAGEMENT, "expires_on": "2026-12-22"}
    else:
        answer["reason"] = reason
    answer["consigne"] = consigne
    receipt = {
        "log": "rempart.invalid/5f0c12ab/log/1",
        "index": index,
        "checkpoint": CHECKPOINT,
    }
    return {"answer": answer, "receipt": receipt}


@dataclass
class FakeGateway:
    """Answers like the gateway and remembers what it was asked."""

    reply: httpx.Response | Exception = field(
        default_factory=lambda: httpx.Response(200, json=make_answer())
    )
    openapi: httpx.Response | None = None
    token: httpx.Response = field(
        default_factory=lambda: httpx.Response(
            200, json={"access_token": "a-token", "token_type": "DPoP", "expires_in": 600}
        )
    )
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Carry one request; an exception stands for a broken transport.

        What the portals ask the token endpoint is not kept among the requests.
        """
        if request.url.path == "/oauth/token":
            return httpx.Response(self.token.status_code, content=self.token.content)
        self.requests.append(request)
        if request.url.path == "/v1/openapi.json":
            return self.openapi or httpx.Response(503)
        if isinstance(self.reply, Exception):
            raise self.reply
        return httpx.Response(
            self.reply.status_code, headers=self.reply.headers, content=self.reply.content
        )

    @property
    def body(self) -> dict[str, Any]:
        """The last request's body."""
        return dict(json.loads(self.requests[-1].content))


def make_problem(
    status: int, code: str, *errors: tuple[str, str], **headers: str
) -> httpx.Response:
    """Return a problem document as the gateway writes one."""
    document = {
        "type": f"/problems/{code}",
        "title": "Requête invalide",
        "status": status,
        "code": code,
        "detail": "Corrigez les champs indiqués et renvoyez la requête.",
        "errors": [{"field": name, "message": message} for name, message in errors],
    }
    return httpx.Response(status, json=document, headers=headers)


def add_professional(
    database: Database,
    *,
    serial: int = 1,
    name: str = "Claire Vasseur",
    profession: str = "pharmacy",
) -> int:
    """Add a professional and their establishment; return the account."""
    account_ref = 5_000_000_000 + serial
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
            " VALUES (%s, %s, %s, '14000', 'Caen') ON CONFLICT DO NOTHING",
            (serial, make_synthetic_siret(serial).number, "Pharmacie du Vieux-Pont"),
        )
        tx.execute(
            "INSERT INTO accounts.professional VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            (account_ref, make_synthetic_rpps(serial).number, profession, name, serial),
        )
    return account_ref


def add_insurers(database: Database, names: list[str]) -> None:
    """Add insurers numbered from 1."""
    with database.transaction("owner") as tx:
        for number, name in enumerate(names, 1):
            tx.execute(
                "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
                " VALUES (%s, %s, %s, '2023-01-01')",
                (number, make_synthetic_amc_number(number).number, name),
            )


def add_log(database: Database, *, log_id: int = 1, size: int, t_ms: int = NOW_MS) -> None:
    """Add a log of `size` entries with a checkpoint at each hundred and at its end."""
    origin = f"rempart.invalid/5f0c12ab/log/{log_id}"
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO ledger.log (log_id, origin, vkey) VALUES (%s, %s, %s)",
            (log_id, origin, f"{origin}+0f3c5a77+AZc1"),
        )
        tx.execute(
            "INSERT INTO ledger.head VALUES (%s, %s, 1, %s, %s)", (log_id, size, bytes(32), t_ms)
        )
        tx.execute(
            "INSERT INTO ledger.checkpoint VALUES (%s, %s, %s, %s, %s)",
            (log_id, size, t_ms, bytes(32), CHECKPOINT),
        )
        tx.execute("SELECT ledger.ensure_segment(%s::smallint, 0)", (log_id,))


def add_entry(
    tx: Transaction,
    idx: int,
    *,
    log_id: int = 1,
    t_ms: int = NOW_MS,
    account_ref: int = 5_000_000_001,
    session_ref: int = 7_000_000_001,
    insurer_id: int = 1,
    mode: int = Mode.CARD,
    domain: int = 1,
    outcome: int = Outcome.OPEN,
    person_ref: int = 99,
    kind: int | None = None,
) -> None:
    """Add one entry as it is shown; what no page shows is not a true commitment."""
    unknown = outcome == Outcome.UNKNOWN
    tx.execute(
        "INSERT INTO ledger.entry VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, 0, %s,"
        " 1, %s, %s, 20000, %s, 29, 1, 1, %s)",
        (
            *(log_id, idx, kind or (Kind.NEGATIVE if unknown else Kind.DISCLOSE), t_ms),
            *(bytes(16), account_ref, session_ref, idx, 0 if unknown else person_ref),
            *(insurer_id, "00000000-0000-4000-8000-000000000000", mode, domain, outcome),
            "00000000-0000-4000-8000-000000000001",
        ),
    )


def add_session(
    tx: Transaction, session_ref: int, account_ref: int, *, address: str, agent: str, opened_ms: int
) -> None:
    """Add the facts of one session."""
    tx.execute(
        "INSERT INTO ledger.session VALUES (%s, %s, 1, %s, 'key', %s, %s)",
        (session_ref, account_ref, opened_ms, address, agent),
    )


def add_incident(
    tx: Transaction,
    *,
    title: str = "Rejeu de janvier 2024",
    report: dict[str, Any] | None = None,
    answered: bool = True,
    exercise: bool = True,
) -> int:
    """Add an incident of the last quarter of an hour; return its number."""
    row = tx.execute(
        "INSERT INTO incidents.incident (title, exercise, declared_at, starts_ms, ends_ms,"
        " answered_at, report) VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING incident_id",
        (
            *(title, exercise, NOW, NOW_MS - 900_000, NOW_MS),
            NOW + timedelta(seconds=7) if answered else None,
            Jsonb(report or {}),
        ),
    ).fetchone()
    assert row is not None
    return int(row[0])


def to_json(value: object) -> str:
    """Write a report as the database takes it."""
    return json.dumps(value)


def add_suspect(tx: Transaction, incident_id: int, account_ref: int) -> None:
    """Name a suspect account."""
    tx.execute("INSERT INTO incidents.suspect_account VALUES (%s, %s)", (incident_id, account_ref))


def add_verdict(
    tx: Transaction,
    incident_id: int,
    *,
    session_ref: int,
    account_ref: int,
    verdict: str,
    reasons: list[dict[str, Any]],
) -> None:
    """Judge a session."""
    tx.execute(
        "INSERT INTO incidents.attributed_session VALUES (%s, %s, %s, %s, %s)",
        (incident_id, session_ref, account_ref, verdict, Jsonb(reasons)),
    )


def add_exposed(
    tx: Transaction,
    incident_id: int,
    insurer_id: int,
    person_ref: int,
    *,
    tier: str = "A",
    fields: int = 29,
    sessions: tuple[int, ...] = (7_000_000_001,),
) -> None:
    """Name an exposed person, by reference."""
    tx.execute(
        "INSERT INTO incidents.exposed_person VALUES (%s, %s, %s, %s, %s, 1, %s)",
        (incident_id, insurer_id, person_ref, tier, fields, list(sessions)),
    )
