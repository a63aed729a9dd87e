"""An authenticator in software, honest unless a test asks otherwise, and a browser's side of it.

Written from the WebAuthn specification with `cryptography` and `cbor2`, and nothing of the library
that the portals check with: both must agree on real bytes.
"""

import base64
import copy
import hashlib
import json
import secrets
import struct
from dataclasses import dataclass, field
from typing import Any

import cbor2
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from django.http import HttpResponse
from django.test import Client

ORIGIN = "http://localhost"
PRESENT, VERIFIED, ATTESTED = 0x01, 0x04, 0x40


def encode(data: bytes) -> str:
    """Write bytes as browsers do."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode("ascii")


def decode(text: str) -> bytes:
    """Read what `encode` wrote."""
    return base64.urlsafe_b64decode(f"{text}===")


@dataclass
class Credential:
    """One key pair inside an authenticator."""

    rp_id: str
    credential_id: bytes
    user_handle: bytes
    private_key: ec.EllipticCurvePrivateKey

    @property
    def public_key(self) -> bytes:
        """The public half as COSE writes it."""
        numbers = self.private_key.public_key().public_numbers()
        return cbor2.dumps(
            {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32), -3: numbers.y.to_bytes(32)}
        )


@dataclass
class Authenticator:
    """A security key; its counter grows at each use unless `counts` is False.

    `origin` is where its browser believes to be, `verifies` whether it asked for a fingerprint,
    `frame` whether the page was inside another site's.
    """

    origin: str = ORIGIN
    verifies: bool = True
    counts: bool = True
    frame: bool = False
    counter: int = 0
    credentials: list[Credential] = field(default_factory=list)

    def clone(self) -> "Authenticator":
        """Return a copy with the same keys and the same counter, as a thief would have it."""
        return copy.copy(self)

    def make(self, options: dict[str, Any], *, rp_id: str | None = None) -> dict[str, Any]:
        """Answer navigator.credentials.create()."""
        key = ec.generate_private_key(ec.SECP256R1())
        made = Credential(
            rp_id or options["rp"]["id"],
            secrets.token_bytes(32),
            decode(options["user"]["id"]),
            key,
        )
        self.credentials.append(made)
        attested = bytes(16) + struct.pack(">H", len(made.credential_id)) + made.credential_id
        data = self._describe(made.rp_id, ATTESTED) + attested + made.public_key
        attestation = {"fmt": "none", "attStmt": {}, "authData": data}
        return self._wrap(
            made,
            clientDataJSON=self._make_client_data("webauthn.create", options["challenge"]),
            attestationObject=encode(cbor2.dumps(attestation)),
            transports=["usb", "nfc", "carrier-pigeon"],
        )

    def prove(
        self, options: dict[str, Any], *, which: int = -1, rp_id: str | None = None
    ) -> dict[str, Any]:
        """Answer navigator.credentials.get() with one key, the last made unless told otherwise."""
        used = self.credentials[which]
        data = self._describe(rp_id or used.rp_id)
        client_data = self._make_client_data("webauthn.get", options["challenge"])
        signed = data + hashlib.sha256(decode(client_data)).digest()
        return self._wrap(
            used,
            clientDataJSON=client_data,
            authenticatorData=encode(data),
            signature=encode(used.private_key.sign(signed, ec.ECDSA(SHA256()))),
            userHandle=encode(used.user_handle),
        )

    def _describe(self, rp_id: str, flags: int = 0) -> bytes:
        self.counter += self.counts
        flags |= PRESENT | (VERIFIED if self.verifies else 0)
        return hashlib.sha256(rp_id.encode()).digest() + struct.pack(">BI", flags, self.counter)

    def _make_client_data(self, kind: str, challenge: str) -> str:
        said = {"type": kind, "challenge": challenge, "origin": self.origin}
        return encode(json.dumps({**said, "crossOrigin": self.frame}).encode())

    @staticmethod
    def _wrap(used: Credential, **response: Any) -> dict[str, Any]:
        name = encode(used.credential_id)
        return {"id": name, "rawId": name, "type": "public-key", "response": response}


@dataclass
class Keyholder:
    """A browser with an authenticator, as the script of our pages drives them.

    `address` is where it is, as the front says.
    """

    client: Client
    authenticator: Authenticator = field(default_factory=Authenticator)
    address: str = "192.0.2.1"

    def send(self, path: str, message: object) -> HttpResponse:
        """Send a message of the script, with the form's own token."""
        if "rempart_csrf" not in self.client.cookies:
            self.client.get("/connexion")
        return self.client.post(
            path,
            message if isinstance(message, bytes) else json.dumps(message),
            content_type="application/json",
            headers={
                "x-csrftoken": self.client.cookies["rempart_csrf"].value,
                "x-forwarded-for": self.address,
            },
        )

    def begin(self, path: str, message: object | None = None) -> dict[str, Any]:
        """Do the first half of a ceremony and return what the authenticator is asked."""
        answer = self.send(f"{path}/debut", message or {})
        assert answer.status_code == 200, answer.content
        return dict(answer.json()["options"])

    def enrol(self, code: str) -> HttpResponse:
        """Redeem an invitation."""
        options = self.begin("/invitation/cle", {"code": code})
        made = self.authenticator.make(options)
        return self.send("/invitation/cle/fin", {"code": code, "credential": made})

    def sign_in(self, *, next_page: str = "") -> HttpResponse:
        """Come in with the last key."""
        proof = self.authenticator.prove(self.begin("/connexion/cle"))
        query = f"?next={next_page}" if next_page else ""
        return self.send(f"/connexion/cle/fin{query}", {"credential": proof})

    def confirm(self) -> HttpResponse:
        """Prove once more who one is."""
        proof = self.authenticator.prove(self.begin("/confirmation/cle"))
        return self.send("/confirmation/cle/fin?next=/compte", {"credential": proof})

    def add_key(self, label: str = "Deuxième") -> HttpResponse:
        """Add a key, signed in and stepped up."""
        made = self.authenticator.make(self.begin("/compte/cles"))
        return self.send("/compte/cles/fin", {"label": label, "credential": made})

    @property
    def token(self) -> str:
        """The browser's session token."""
        return str(self.client.cookies["rempart_session"].value)
