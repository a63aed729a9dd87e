"""The clients a simulated provider knows, and how they prove who they are.

Refuses a public client: everybody here has a secret or a key, as with the real provider.
"""

import secrets
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc import jwt
from joserfc.errors import JoseError
from joserfc.jwk import KeySet

from rempart.simulators.messages import Request

ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ALGORITHMS: Final = ["RS256", "PS256", "ES256", "EdDSA"]
_SKEW_S: Final = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class RegisteredClient:
    """One application allowed to ask.

    Args:
        redirect_uris: Where it may be answered, exactly; `http://127.0.0.1/…` stands for any port
            of the loopback (RFC 8252 §7.3).
        logout_uri: Where it wants logout tokens; empty: nowhere.
        home_uri: Where a browser may go after a logout.
        jwks: Public keys, when it proves itself with private_key_jwt.
    """

    client_id: str
    secret: str = field(default="", repr=False)
    jwks: Mapping[str, Any] | None = None
    redirect_uris: tuple[str, ...] = ()
    logout_uri: str = ""
    home_uri: str = ""

    def allows_redirect(self, address: str) -> bool:
        """Say whether the browser may be sent to `address` with a code."""
        return any(address == known or _is_loopback(address, known) for known in self.redirect_uris)


class ClientBook:
    """The registered clients, and the assertions they used already."""

    def __init__(self, clients: Iterable[RegisteredClient]) -> None:
        self._clients = {client.client_id: client for client in clients}
        self._used: dict[str, float] = {}

    def find(self, client_id: str) -> RegisteredClient | None:
        """Return a client by name."""
        return self._clients.get(client_id)

    def list(self) -> tuple[RegisteredClient, ...]:
        """Return every client."""
        return tuple(self._clients.values())

    def recognise(
        self, request: Request, *, audiences: Iterable[str], now: float
    ) -> RegisteredClient | None:
        """Return the client that made a request, None when it does not prove who it is."""
        form = request.form
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            return self._read_assertion(form.get("client_assertion", ""), set(audiences), now)
        name, secret = request.basic or (form.get("client_id", ""), form.get("client_secret", ""))
        client = self._clients.get(name)
        if client is None or not client.secret:
            return None
        same = secrets.compare_digest(client.secret.encode(), secret.encode())
        return client if same else None

    def _read_assertion(
        self, assertion: str, audiences: set[str], now: float
    ) -> RegisteredClient | None:
        """Read a private_key_jwt assertion (RFC 7523): each is good for one use."""
        for client in self._clients.values():
            if client.jwks is None:
                continue
            try:
                keys = KeySet.import_key_set(dict(client.jwks))  # type: ignore[arg-type]
                claims = jwt.decode(assertion, keys, algorithms=_ALGORITHMS).claims
            except (JoseError, ValueError):
                continue
            if self._is_good(claims, client.client_id, audiences, now):
                self._used[str(claims["jti"])] = float(claims["exp"])
                return client
        return None

    def _is_good(
        self, claims: Mapping[str, Any], client_id: str, audiences: set[str], now: float
    ) -> bool:
        self._used = {jti: end for jti, end in self._used.items() if end > now - _SKEW_S}
        audience = claims.get("aud")
        named = set(audience) if isinstance(audience, list) else {audience}
        return (
            claims.get("iss") == claims.get("sub") == client_id
            and bool(named & audiences)
            and isinstance(claims.get("exp"), int | float)
            and now - _SKEW_S < claims["exp"] < now + 3600 + _SKEW_S
            and bool(claims.get("jti"))
            and str(claims["jti"]) not in self._used
        )


def _is_loopback(address: str, known: str) -> bool:
    given, registered = urlsplit(address), urlsplit(known)
    return (
        registered.hostname == given.hostname == "127.0.0.1"
        and registered.port is None
        and (registered.scheme, registered.path) == (given.scheme, given.path)
        and not given.query
    )
