"""What the OpenAPI document says of working offline."""

from collections.abc import Mapping, Sequence
from typing import Any, Final

from rempart.gateway.offline_routes import (
    BATCHES_PATH,
    ENGAGEMENTS_PATH,
    OfflineBatch,
    OfflineReports,
    OfflineResults,
)
from rempart.gateway.problems import TEXTS

OFFLINE_TYPES: Final = (OfflineBatch, OfflineReports, OfflineResults)
_PROBLEMS: Final[Mapping[int, tuple[str, ...]]] = {
    400: ("malformed_request",),
    401: ("access_denied", "invalid_dpop_proof", "use_dpop_nonce", "sign_in_again"),
    403: ("checks_suspended",),
    405: ("method_not_allowed",),
    413: ("body_too_large",),
    422: ("invalid_request",),
    429: ("too_many_requests",),
    500: ("error",),
    503: ("unavailable", "ledger_unavailable"),
}


def describe_offline_paths(
    schemas: Sequence[dict[str, Any]], problem: dict[str, Any]
) -> dict[str, Any]:
    """Describe the two routes.

    Args:
        schemas: Those of `OFFLINE_TYPES`, in order.
        problem: That of a problem document.
    """
    batch, reports, results = schemas
    problems = {
        str(status): {
            "description": "; ".join(f"`{code}`: {TEXTS[code].title['en']}" for code in codes),
            "content": {"application/problem+json": {"schema": problem}},
        }
        for status, codes in _PROBLEMS.items()
    }
    return {
        BATCHES_PATH: {
            "post": {
                "operationId": "lend_offline_numbers",
                "summary": "Borrow numbers for the day the door is shut",
                "description": (
                    "An establishment keeps a few numbers on its device. With no network, a card "
                    "that verifies green may be given one: it promises payment up to its amount. "
                    "So many a day, worth so much each, for a week. No body."
                ),
                "responses": {
                    "200": {
                        "description": "Lent, or none left today.",
                        "content": {"application/json": {"schema": batch}},
                    },
                    **problems,
                },
            }
        },
        ENGAGEMENTS_PATH: {
            "post": {
                "operationId": "report_offline_engagements",
                "summary": "Report what was promised offline",
                "description": (
                    "Each number is accepted or refused, with why, and written in the ledger about "
                    "the person whose card was shown. The same report sent again gets the same "
                    "answer. It works while rights are cut."
                ),
                "requestBody": {
                    "required": True,
                    "content": {"application/json": {"schema": reports}},
                },
                "responses": {
                    "200": {
                        "description": "Settled, and written in the ledger.",
                        "content": {"application/json": {"schema": results}},
                    },
                    **problems,
                },
            }
        },
    }
