"""Claims as a FHIR client sends them."""

import json
from typing import Any

from tests.api.claiming import FHIR
from tests.api.world import AMC, TODAY, Person

from rempart.exchange.fhir_feed import AMC_SYSTEM, EXTENSIONS, INS_SYSTEMS


def money(url: str, euros: float) -> dict[str, Any]:
    """An extension of an item that holds an amount."""
    return {"url": f"{EXTENSIONS}/{url}", "valueMoney": {"value": euros, "currency": "EUR"}}


def make_item(sequence: int = 1, euros: float = 30.00, **changes: Any) -> dict[str, Any]:
    """A consultation of a general practitioner, today."""
    item = {
        "sequence": sequence,
        "productOrService": {"coding": [{"code": "G"}]},
        "servicedDate": TODAY.isoformat(),
        "net": {"value": euros, "currency": "EUR"},
    }
    return {**item, **changes}


def make_fhir_claim(person: Person, invoice: str = "F-1", **changes: Any) -> dict[str, Any]:
    """A claim of one item about a person."""
    day = person.birth_date
    patient = {
        "resourceType": "Patient",
        "id": "p",
        "identifier": [{"system": INS_SYSTEMS[0], "value": person.nir.format_compact()}],
        "birthDate": f"{day[:4]}-{day[4:6]}-{day[6:]}",
        "multipleBirthInteger": person.birth_rank,
    }
    coverage = {
        "resourceType": "Coverage",
        "id": "c",
        "status": "active",
        "beneficiary": {"reference": "#p"},
        "subscriber": {"reference": "#p"},
        "payor": [{"identifier": {"system": AMC_SYSTEM, "value": AMC}}],
    }
    claim = {
        "resourceType": "Claim",
        "status": "active",
        "use": "claim",
        "type": {"coding": [{"code": "professional"}]},
        "identifier": [{"system": "urn:cabinet", "value": invoice}],
        "contained": [patient, coverage],
        "patient": {"reference": "#p"},
        "created": TODAY.isoformat(),
        "provider": {"display": "Cabinet du Test"},
        "priority": {"coding": [{"code": "normal"}]},
        "insurance": [{"sequence": 1, "focal": True, "coverage": {"reference": "#c"}}],
        "item": [make_item()],
    }
    return {**claim, **changes}


def send_fhir(gateway: Any, claim: Any) -> Any:
    """Send a claim."""
    content = json.dumps(claim) if isinstance(claim, dict) else claim
    return gateway.post(FHIR, content=content, headers={"Content-Type": "application/fhir+json"})
