"""Claims as software sends them, and ways to look at what became of them."""

import json
from typing import Any

from tests.api.world import AMC, TODAY, Person, World

CLAIMS = "/v1/claims"
LOTS = "/v1/lots"
FHIR = "/fhir/Claim/$submit"


def make_line(number: int = 1, **changes: Any) -> dict[str, Any]:
    """A consultation of a general practitioner, today."""
    line = {"number": number, "act": "G", "care_date": TODAY.isoformat(), "billed_cents": 3_000}
    return {**line, **changes}


def make_claim(person: Person, invoice: str = "F-1", **changes: Any) -> dict[str, Any]:
    """A claim of one line by typed identifiers."""
    beneficiary = {
        "mode": "typed",
        "amc_number": AMC,
        "insured_nir": person.nir.format_compact(),
        "birth_date": person.birth_date,
        "birth_rank": person.birth_rank,
    }
    claim = {"invoice": invoice, "beneficiary": beneficiary, "lines": [make_line()]}
    return {**claim, **changes}


def make_card_claim(person: Person, invoice: str = "F-1", **changes: Any) -> dict[str, Any]:
    """The same by the code of the card."""
    beneficiary = {
        "mode": "card",
        "card_code": person.card.format(),
        "birth_date": person.birth_date,
    }
    return make_claim(person, invoice, beneficiary=beneficiary, **changes)


def format_lines(*claims: dict[str, Any]) -> bytes:
    """A lot in JSON, a claim a line."""
    return b"".join(json.dumps(claim).encode() + b"\n" for claim in claims)


def send_lines(gateway: Any, content: bytes, **more: Any) -> Any:
    """Send a lot in JSON."""
    return gateway.post(
        LOTS, content=content, headers={"Content-Type": "application/x-ndjson"}, **more
    )


def read_rows(world: World, query: str, *values: Any) -> list[tuple[Any, ...]]:
    """What the database holds of claims."""
    with world.database.transaction("settler") as tx:
        return tx.execute(query, values).fetchall()


def take_one(gateway: Any, claim: dict[str, Any]) -> str:
    """Send one claim; return its reference."""
    reply = gateway.post(CLAIMS, json=claim)
    assert reply.status_code == 202, reply.text
    [accepted] = reply.json()["accepted"]
    return str(accepted["claim"])
