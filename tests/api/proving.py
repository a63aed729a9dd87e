"""Calls signed by hand: one token, one proof, and what is wrong with them."""

from typing import Any

from tests.api.reading import PATH
from tests.api.world import COVERED, typed_body
from tests.tokens import PUBLIC_URL, TokenAuth

URL = f"{PUBLIC_URL}{PATH}"


def take_auth(gateway: Any) -> TokenAuth:
    """Return the caller's token and key, once it has a nonce; its requests are then unsigned."""
    assert post(gateway).status_code == 200
    found: TokenAuth = gateway.auth
    gateway.auth = None
    return found


def post(gateway: Any, *, token: str = "", proof: Any = None, scheme: str = "DPoP") -> Any:
    """Ask with these credentials and no other."""
    headers = [("Authorization", f"{scheme} {token}")] if token else []
    proof = [proof] if isinstance(proof, str) else proof or []
    headers += [("DPoP", one) for one in proof]
    return gateway.post(PATH, json=typed_body(COVERED), headers=headers)


def refusal(reply: Any) -> tuple[int, str]:
    """Status and code of a problem."""
    return reply.status_code, reply.json()["code"]
