"""Examples of FHIR bundles, ours only: invented people under the national test identifier."""

from typing import Any

from tests.feed_samples import AMC, make_card, make_nir

from rempart.exchange.fhir_feed import (
    AMC_SYSTEM,
    CARD_SYSTEM,
    CONTRACT_SYSTEM,
    EXTENSIONS,
    INS_SYSTEMS,
)

INS = INS_SYSTEMS[2]


def make_patient(
    serial: int, *, usual_name: str = "", previous_nir: str = "", **changes: Any
) -> dict[str, Any]:
    """A Patient with the national test identifier."""
    identifiers = [{"use": "official", "system": INS, "value": make_nir(serial)}]
    if previous_nir:
        identifiers.append({"use": "old", "system": INS, "value": previous_nir})
    names = [{"use": "official", "family": "DURAND", "given": ["Camille", "Dominique"]}]
    if usual_name:
        names.append({"use": "usual", "family": usual_name, "given": ["Camille"]})
    resource = {
        "resourceType": "Patient",
        "id": str(serial),
        "identifier": identifiers,
        "name": names,
        "telecom": [
            {"system": "email", "value": f"camille.{serial}@example.invalid"},
            {"system": "phone", "value": "0199000000"},
        ],
        "birthDate": "1984-05-02",
        "multipleBirthInteger": 1,
        "address": [{"line": ["1 rue des Lilas"], "postalCode": "75001", "city": "Paris"}],
    } | changes
    return {name: value for name, value in resource.items() if value not in (None, [])}


def make_coverage(
    serial: int,
    *,
    insured: int | None = None,
    relationship: str = "self",
    status: str = "active",
    suspended: tuple[str, str | None] | None = None,
) -> dict[str, Any]:
    """A Coverage of one beneficiary by one contract."""
    extensions: list[dict[str, Any]] = [
        {"url": f"{EXTENSIONS}/terms", "valueString": "PHAR=R100@IS|MEDG=T|OPTI=F20000"},
        {"url": f"{EXTENSIONS}/responsible", "valueBoolean": True},
    ]
    if suspended:
        period = {"start": suspended[0]} | ({"end": suspended[1]} if suspended[1] else {})
        extensions.append({"url": f"{EXTENSIONS}/suspension", "valuePeriod": period})
    return {
        "resourceType": "Coverage",
        "id": f"c{serial}",
        "status": status,
        "identifier": [
            {"system": CONTRACT_SYSTEM, "value": f"C{serial:06d}"},
            {"system": CARD_SYSTEM, "value": make_card(serial)},
        ],
        "subscriber": {"reference": f"Patient/{insured or serial}"},
        "subscriberId": f"M{serial:06d}",
        "beneficiary": {"reference": f"Patient/{serial}"},
        "relationship": {
            "coding": [
                {
                    "system": "http://terminology.hl7.org/CodeSystem/subscriber-relationship",
                    "code": relationship,
                }
            ]
        },
        "period": {"start": "2024-01-01"},
        "payor": [{"identifier": {"system": AMC_SYSTEM, "value": AMC}}],
        "class": [make_class("group", "TP"), make_class("subgroup", "01")],
        "extension": extensions,
    }


def make_class(code: str, value: str) -> dict[str, Any]:
    """One entry of Coverage.class."""
    system = "http://terminology.hl7.org/CodeSystem/coverage-class"
    return {"type": {"coding": [{"system": system, "code": code}]}, "value": value}


def make_bundle(*resources: dict[str, Any]) -> dict[str, Any]:
    """A Bundle of type collection."""
    return {
        "resourceType": "Bundle",
        "type": "collection",
        "entry": [{"resource": resource} for resource in resources],
    }
