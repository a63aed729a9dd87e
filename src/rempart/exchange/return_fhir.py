"""A transfer as a FHIR R4B PaymentReconciliation: one detail for each line.

Refuses identity: a claim is named by the biller's invoice number and by its own reference.
"""

from datetime import datetime
from typing import Any, Final

from rempart.settlement.returns import Return, ReturnRow

_TYPES: Final = "http://terminology.hl7.org/CodeSystem/payment-type"
_SYSTEM: Final = "urn:rempart"
_OUTCOMES: Final = {"sent": "queued", "paid": "complete", "returned": "error"}


def write_reconciliation(told: Return, *, created_at: datetime) -> dict[str, Any]:
    """Return the resource, as JSON holds it."""
    day = told.execution_on or created_at.date()
    return {
        "resourceType": "PaymentReconciliation",
        "identifier": [{"system": f"{_SYSTEM}:remittance", "value": told.reference}],
        "status": "active",
        "created": created_at.isoformat(timespec="seconds"),
        "outcome": _OUTCOMES.get(told.state, "complete"),
        "paymentDate": day.isoformat(),
        "paymentAmount": _euros(told.cents),
        "paymentIdentifier": {"system": f"{_SYSTEM}:transfer", "value": told.reference},
        "requestor": {
            "display": told.payee.name,
            "identifier": {"system": "https://sirene.fr", "value": told.payee.siret},
        },
        "detail": [_describe(row, day.isoformat()) for row in told.rows],
    }


def _describe(row: ReturnRow, day: str) -> dict[str, Any]:
    code = "payment" if row.kind == "payment" else "adjustment"
    return {
        "identifier": {"system": f"{_SYSTEM}:line", "value": f"{row.claim}/{row.line}"},
        "type": {"coding": [{"system": _TYPES, "code": code}]},
        "request": {"identifier": {"system": f"{_SYSTEM}:invoice", "value": row.invoice}},
        "submitter": {"display": row.lot or "-"},
        "response": {"identifier": {"system": f"{_SYSTEM}:claim", "value": row.claim}},
        "responsible": {"display": row.insurer},
        "date": day,
        "amount": _euros(row.paid_cents),
    }


def _euros(cents: int) -> dict[str, Any]:
    # A number of JSON with two decimals, without going through binary fractions.
    return {"value": round(cents / 100, 2), "currency": "EUR"}
