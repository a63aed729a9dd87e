"""What the OpenAPI document says of transfers."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rempart.gateway.openapi_tokens import CLAIMS_SECURITY
from rempart.gateway.problems import TEXTS
from rempart.gateway.remittances import MOST_ON_PAGE, REMITTANCES_PATH, RemittanceList
from rempart.workflows.settlement.read_returns import FORMS

REMITTANCE_TYPES: Final = (RemittanceList,)
_PROBLEMS: Final[Mapping[int, tuple[str, ...]]] = {
    401: ("access_denied", "invalid_dpop_proof", "use_dpop_nonce"),
    404: ("not_found",),
    405: ("method_not_allowed",),
    422: ("invalid_request",),
    429: ("too_many_requests",),
    500: ("error",),
    503: ("unavailable",),
}


def describe_remittance_paths(
    schemas: Sequence[dict[str, Any]], problem: dict[str, Any]
) -> dict[str, Any]:
    """Describe the routes of transfers.

    Args:
        schemas: Those of `REMITTANCE_TYPES`, in order.
        problem: That of a problem document.
    """
    [listed] = schemas
    problems = {
        str(status): {
            "description": "; ".join(f"`{code}`: {TEXTS[code].title['en']}" for code in codes),
            "content": {"application/problem+json": {"schema": problem}},
        }
        for status, codes in _PROBLEMS.items()
    }
    page = {"description": "A page.", "content": {"application/json": {"schema": listed}}}
    told = {"description": "The transfer, line by line.", "content": _describe_forms()}
    return {
        REMITTANCES_PATH: {
            "get": {
                "operationId": "list_remittances",
                "summary": "List the transfers your establishment was paid, the newest first",
                "security": CLAIMS_SECURITY,
                "parameters": [
                    _describe_query("before", "`next` of the page before.", {"type": "string"}),
                    _describe_query(
                        "most",
                        "How many.",
                        {"type": "integer", "minimum": 1, "maximum": MOST_ON_PAGE},
                    ),
                ],
                "responses": {"200": page, **problems},
            }
        },
        f"{REMITTANCES_PATH}/{{reference}}": {
            "get": {
                "operationId": "read_remittance",
                "summary": "Read one of your establishment's transfers, line by line",
                "description": (
                    "With the keys you reconcile by: lot, invoice, line, reference of the "
                    "transfer, parts. The lines add up to the transfer. No person and no act. "
                    "The form is that of `format`, else of `Accept`, else JSON."
                ),
                "security": CLAIMS_SECURITY,
                "parameters": [
                    {
                        "name": "reference",
                        "in": "path",
                        "required": True,
                        "description": "Its reference, as on your bank's statement.",
                        "schema": {"type": "string"},
                    },
                    _describe_query("format", "The form.", {"type": "string", "enum": [*FORMS]}),
                ],
                "responses": {"200": told, **problems},
            }
        },
    }


def _describe_forms() -> dict[str, Any]:
    schemas = {
        "json": {"type": "object"},
        "fhir": {"type": "object", "description": "FHIR R4B `PaymentReconciliation`."},
        "pdf": {"type": "string", "contentMediaType": "application/pdf"},
        "noemie": {"type": "string", "description": "Lines of 128, modelled on NOEMIE."},
    }
    return {
        form.media_type.partition(";")[0]: {"schema": schemas.get(name, {"type": "string"})}
        for name, form in FORMS.items()
    }


def _describe_query(name: str, said: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "query", "description": said, "schema": schema}
