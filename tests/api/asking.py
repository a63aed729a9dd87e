"""Software that asks for tokens, correctly unless told otherwise; and the national provider."""

import base64
import json
from collections.abc import Callable
from typing import Any

import pytest
from tests.api.running import Gateway
from tests.api.world import RPPS
from tests.tokens import (
    CLIENT_ID,
    PUBLIC_URL,
    Prover,
    TokenAuth,
    algorithm_of,
    describe_key,
    sign,
    thumbprint,
)

from rempart.exchange.psc_introspection import PscToken
from rempart.kernel.errors import Unavailable
from rempart.kernel.rpps import Rpps

TOKEN_URL = f"{PUBLIC_URL}/oauth/token"
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
PSC_TYPE = "urn:ietf:params:oauth:token-type:access_token"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
PSC_TOKEN = "token-of-the-pharmacist"


class Psc:
    """The national provider, as far as introspection goes."""

    def __init__(self) -> None:
        self.known = {PSC_TOKEN: RPPS.number}
        self.is_down = False
        self.client_id = "psc-du-test"

    async def introspect(self, token: str) -> PscToken | None:
        if self.is_down:
            raise Unavailable("the provider does not answer", retry_after_s=7)
        number = self.known.get(token)
        return None if number is None else PscToken(Rpps.parse(number), self.client_id)


class Publisher:
    """A software that asks for tokens, correctly unless told otherwise."""

    def __init__(self, gateway: Gateway, world: Any, clock: Any) -> None:
        self.gateway = gateway
        self.key = world.software_key
        self.now: Callable[[], float] = lambda: clock.now_ms() / 1000
        self.prover = Prover(now=self.now)
        self.count = 0

    def make_assertion(self, *, header: Any = None, key: Any = None, **changes: Any) -> str:
        key = key or self.key
        self.count += 1
        claims = {
            "iss": CLIENT_ID,
            "sub": CLIENT_ID,
            "aud": TOKEN_URL,
            "iat": int(self.now()),
            "exp": int(self.now()) + 60,
            "jti": f"assertion-{id(self)}-{self.count}",
            **changes,
        }
        kept = {name: value for name, value in claims.items() if value is not None}
        head = {"alg": algorithm_of(key), "kid": thumbprint(describe_key(key)), "typ": "JWT"}
        return sign(key, {**head, **(header or {})}, kept)

    def make_form(self, **changes: Any) -> dict[str, str]:
        form = {
            "grant_type": EXCHANGE,
            "subject_token": PSC_TOKEN,
            "subject_token_type": PSC_TYPE,
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": changes.pop("client_assertion", None) or self.make_assertion(),
            **changes,
        }
        return {name: value for name, value in form.items() if value is not None}

    def post(self, form: dict[str, str], *, proof: str | None = "good", **headers: str) -> Any:
        if proof == "good":
            proof = self.prover.prove("POST", TOKEN_URL)
        sent = {**headers, **({"DPoP": proof} if proof else {})}
        return self.gateway.post("/oauth/token", data=form, headers=sent, auth=None)

    def ask(self, **changes: Any) -> Any:
        """Ask, and once more with the nonce when there was none."""
        reply = self.post(self.make_form(**changes))
        if "dpop-nonce" in reply.headers:
            self.prover.nonce = reply.headers["dpop-nonce"]
            if reply.status_code == 400:
                reply = self.post(self.make_form(**changes))
        return reply

    def use(self, token: str) -> TokenAuth:
        """Calls with a token just given."""
        auth = TokenAuth(None, self.prover)  # type: ignore[arg-type]
        auth.token, auth.until = token, float("inf")
        return auth


@pytest.fixture
def psc() -> Psc:
    """The national provider."""
    return Psc()


@pytest.fixture
def publisher(gateway: Gateway, world: Any, clock: Any) -> Publisher:
    """The software of the world."""
    return Publisher(gateway, world, clock)


def execute(world: Any, statement: str, *values: Any) -> None:
    with world.database.transaction("registrar") as tx:
        tx.execute(statement, values)


def read_events(world: Any) -> list[tuple[Any, ...]]:
    with world.database.transaction("registrar") as tx:
        return tx.execute(
            "SELECT kind, org_ref, details FROM accounts.security_event ORDER BY at"
        ).fetchall()


def error_of(reply: Any) -> tuple[int, str]:
    return reply.status_code, reply.json()["error"]


def read_part(part: str) -> Any:
    raw = base64.urlsafe_b64decode(part + "=" * (-len(part) % 4))
    try:
        return json.loads(raw)
    except ValueError:
        return raw
