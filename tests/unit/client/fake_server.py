"""A token endpoint and a rights check in memory: what they are sent is kept, nothing is decided."""

import json
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import httpx
from joserfc import jws
from joserfc.jwk import import_key

URL = "https://tp.example"
ANSWER = {
    "answer": {
        "rights": "open",
        "domain": "PHAR",
        "care_date": "2026-11-22",
        "terms": {"kind": "rate", "rate_bp": 10000, "circuit": "IS", "conditions": []},
        "engagement": {"number": "RP-0080-0000-0NY8-2DYS", "expires_on": "2026-12-22"},
        "consigne": "bill_amc",
    },
    "receipt": {"log": "rempart.invalid/1/log/1", "index": 1, "checkpoint": "signed"},
}


@dataclass
class FakeServer:
    """Answers what it is told to, in turn; the last reply repeats."""

    tokens: list[httpx.Response] = field(default_factory=lambda: [give_token()])
    answers: list[httpx.Response | Exception] = field(
        default_factory=lambda: [httpx.Response(200, json=ANSWER)]
    )
    requests: list[httpx.Request] = field(default_factory=list)

    def __call__(self, request: httpx.Request) -> httpx.Response:
        """Answer one request."""
        self.requests.append(request)
        replies: list[Any] = self.tokens if request.url.path == "/oauth/token" else self.answers
        reply = replies.pop(0) if len(replies) > 1 else replies[0]
        if isinstance(reply, Exception):
            raise reply
        return httpx.Response(reply.status_code, headers=reply.headers, content=reply.content)

    @property
    def transport(self) -> httpx.MockTransport:
        """What a client is given."""
        return httpx.MockTransport(self)

    def of(self, path: str) -> list[httpx.Request]:
        """Return the requests to one path."""
        return [request for request in self.requests if request.url.path == path]


def give_token(value: str = "a-token", *, expires_in: int = 600) -> httpx.Response:
    """Return the reply of a token endpoint that says yes."""
    return httpx.Response(
        200, json={"access_token": value, "token_type": "DPoP", "expires_in": expires_in}
    )


def ask_nonce(status: int, nonce: str) -> httpx.Response:
    """Return the reply of a server that wants its nonce in the proof."""
    document = {"error": "use_dpop_nonce"} if status == 400 else {"code": "use_dpop_nonce"}
    return httpx.Response(status, json=document, headers={"DPoP-Nonce": nonce})


def read_form(request: httpx.Request) -> dict[str, str]:
    """Return the fields of a form."""
    return dict(parse_qsl(request.content.decode()))


def read_proof(request: httpx.Request) -> dict[str, Any]:
    """Return the claims of a proof, verified with the key it shows."""
    text = request.headers["DPoP"]
    header = read_header(text)
    return read_claims(text, header["jwk"])


def read_header(text: str) -> dict[str, Any]:
    """Return the header of a signed token."""
    return dict(jws.extract_compact(text.encode()).headers())


def read_claims(text: str, jwk: dict[str, Any]) -> dict[str, Any]:
    """Return the claims of a signed token, verified."""
    return dict(json.loads(jws.deserialize_compact(text, import_key(jwk), ["ES256"]).payload))
