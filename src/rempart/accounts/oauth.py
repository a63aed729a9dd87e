"""Refusals of the token endpoint, by the names OAuth gives them. A closed list.

Refuses to say more than a client needs: unknown, revoked and wrongly signed look the same.

Source: RFC 6749 §5.2, RFC 8693 §2.2.2, RFC 9449 §5 and §8.
"""

import enum
from typing import ClassVar

from rempart.kernel.errors import RempartError


class OAuthError(enum.StrEnum):
    """The `error` of a refusal."""

    INVALID_REQUEST = "invalid_request"
    INVALID_CLIENT = "invalid_client"
    INVALID_GRANT = "invalid_grant"
    INVALID_SCOPE = "invalid_scope"
    UNAUTHORIZED_CLIENT = "unauthorized_client"
    UNSUPPORTED_GRANT_TYPE = "unsupported_grant_type"
    INVALID_DPOP_PROOF = "invalid_dpop_proof"
    USE_DPOP_NONCE = "use_dpop_nonce"
    TEMPORARILY_UNAVAILABLE = "temporarily_unavailable"
    SERVER_ERROR = "server_error"


class GrantRefused(RempartError):
    """No token is given; `error` says why, in the words of OAuth."""

    code: ClassVar[str] = "token_refused"
    status: ClassVar[int] = 400

    def __init__(self, error: OAuthError, description: str) -> None:
        super().__init__(description)
        self.error = error
