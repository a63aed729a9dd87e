"""A browser that binds sessions to its device, in software: headers and bytes as the draft says.

Written from the specification with `cryptography` alone: nothing of the library the portals check
with.
"""

import base64
import json
import re
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.hashes import SHA256
from django.http import HttpResponse
from django.test import Client

COOKIE = "rempart_device"
_REGISTRATION = re.compile(r'\(([A-Za-z0-9 ]+)\);path="([^"]+)";challenge="([^"]+)"')
_CHALLENGE = re.compile(r'"([^"]+)";id="([^"]+)"')


def encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def write(part: object) -> str:
    return encode(json.dumps(part).encode())


def describe(key: ec.EllipticCurvePrivateKey) -> dict[str, str]:
    """Return the public half as a JSON Web Key."""
    numbers = key.public_key().public_numbers()
    x, y = (encode(number.to_bytes(32)) for number in (numbers.x, numbers.y))
    return {"kty": "EC", "crv": "P-256", "x": x, "y": y}


def make_key() -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(ec.SECP256R1())


def sign(key: ec.EllipticCurvePrivateKey, claims: dict[str, Any], **header: Any) -> str:
    """Return the value of Secure-Session-Response."""
    signed = f"{write({'alg': 'ES256', 'typ': 'dbsc+jwt', **header})}.{write(claims)}"
    r, s = decode_dss_signature(key.sign(signed.encode(), ec.ECDSA(SHA256())))
    return f'"{signed}.{encode(r.to_bytes(32) + s.to_bytes(32))}"'


@dataclass
class Device:
    """What such a browser keeps: its key, what the site told it, the challenge to sign next."""

    client: Client
    key: ec.EllipticCurvePrivateKey = field(default_factory=make_key)
    offer: str = ""
    challenge: str = ""
    session_id: str = ""
    instructions: dict[str, Any] = field(default_factory=dict)

    def hear(self, response: HttpResponse) -> None:
        """Read the headers of an answer, as of any answer."""
        if "Secure-Session-Registration" in response.headers:
            self.offer = response.headers["Secure-Session-Registration"]
        found = _CHALLENGE.fullmatch(response.headers.get("Secure-Session-Challenge", ""))
        if found:
            self.challenge = found[1]

    def read_offer(self) -> tuple[str, str]:
        """Return where to register and what to sign."""
        found = _REGISTRATION.fullmatch(self.offer)
        assert found
        assert "ES256" in found[1].split()
        return found[2], found[3]

    def bind(self, response: HttpResponse) -> HttpResponse:
        """Do what a browser does after the answer to a sign-in."""
        self.hear(response)
        path, challenge = self.read_offer()
        answer = self.post(path, sign(self.key, {"jti": challenge}, jwk=describe(self.key)))
        if answer.status_code == 200:
            self.instructions = json.loads(answer.content)
            self.session_id = self.instructions["session_identifier"]
        return answer

    def refresh(self) -> HttpResponse:
        """Do what a browser does before a request whose bound cookie is missing."""
        path = self.instructions["refresh_url"]
        answer = self.post(path, self.make_proof() if self.challenge else None)
        if answer.status_code == 403:
            answer = self.post(path, self.make_proof())
        return answer

    def make_proof(self, **claims: Any) -> str:
        """Sign the challenge that was last heard."""
        return sign(self.key, {"jti": self.challenge, **claims})

    def post(self, path: str, proof: str | None = None, **headers: str) -> HttpResponse:
        """Send what only browsers send, and hear the answer."""
        named = {"sec-secure-session-id": f'"{self.session_id}"'} if self.session_id else {}
        proved = {"secure-session-response": proof} if proof else {}
        answer = self.client.post(path, headers={**named, **proved, **headers})
        self.hear(answer)
        return answer

    def lose_cookie(self) -> None:
        """Let the bound cookie's ten minutes pass in the browser."""
        self.client.cookies.pop(COOKIE, None)
