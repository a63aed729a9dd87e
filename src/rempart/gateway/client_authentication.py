"""Which software asks for a token: by an assertion it signed, or by its TLS certificate.

Refuses every software it does not recognise in the same words and with the same work: unknown,
revoked, badly signed, signed before. Refuses shared secrets: there is no such field.

Source: RFC 7523 §3, RFC 8705 §2.1.2, RFC 9700 §2.5.
"""

import functools
import hashlib
import re
from collections.abc import Collection, Mapping
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple, Protocol

from cryptography import x509
from joserfc.jwk import ECKey, OKPKey, RSAKey

from rempart.accounts.oauth import GrantRefused, OAuthError
from rempart.accounts.software import (
    ASSERTION_ALGORITHMS,
    ASSERTION_TYPE,
    PORTAL_SESSION_TYPE,
    BadStatement,
    Software,
    check_assertion,
    check_statement,
)
from rempart.gateway.signatures import BadSignature, Compact, PublicKey, read_object, split_compact

# Two names that mean the same; no other kind of signed token passes for an assertion.
ASSERTION_TYPES: Final = ("JWT", "client-authentication+jwt")
_CLIENT_ID: Final = re.compile(r"[a-z0-9-]{3,64}")


class SoftwareReader(Protocol):
    """Where software and used assertions are found, shared by every gateway."""

    async def load_software(self, client_id: str) -> Software | None:
        """Load a software, stopped or not."""
        ...

    async def use_assertion(self, digest: bytes, *, expires_s: float) -> bool:
        """Use an assertion up; False when it was used before."""
        ...


class AssertionReplayed(GrantRefused):
    """A good assertion came a second time: somebody has a copy."""

    def __init__(self, software: Software) -> None:
        super().__init__(OAuthError.INVALID_CLIENT, INVALID_CLIENT_WORDS)
        self.software = software


class Recognised(NamedTuple):
    """A software that proved itself; its certificate when it did so by TLS."""

    software: Software
    certificate: bytes | None


INVALID_CLIENT_WORDS: Final = (
    "the software is unknown or did not prove itself: see its keys, its clock and its certificate"
)


class ClientAuthentication:
    """Recognises the software behind a token request.

    Args:
        reader: Where software is found.
        audiences: What an assertion may be addressed to.
    """

    def __init__(self, reader: SoftwareReader, *, audiences: Collection[str]) -> None:
        self._reader = reader
        self._audiences = audiences

    async def recognise(
        self, form: Mapping[str, str], certificate: bytes | None, *, now_ms: int
    ) -> Recognised:
        """Return the software that asks.

        Args:
            form: The fields of the request.
            certificate: That of the caller's TLS connection, if our own proxy gave one.
            now_ms: The instant, Unix milliseconds.

        Raises:
            GrantRefused: `invalid_client`, whatever is wrong with it.
            Unavailable: software cannot be read.
        """
        if "client_assertion" in form:
            return await self._recognise_signer(form, now_ms)
        if certificate is not None and "client_id" in form:
            return await self._recognise_holder(form["client_id"], certificate, now_ms)
        raise _refuse()

    def read_portal_session(self, software: Software, statement: str, *, now_ms: int) -> int:
        """Return the browser session that the portals' own software signed for.

        Raises:
            GrantRefused: the statement is not one of theirs.
        """
        try:
            compact = split_compact(statement.encode())
            header = compact.read_header()
            key = software.find_key(header.get("kid"))
            if key is None or header.get("typ") != PORTAL_SESSION_TYPE:
                raise BadSignature("not a session of the portals")
            PublicKey(key.jwk).verify(header.get("alg"), compact)
            claims = read_object(compact.payload)
            check_statement(
                claims,
                client_id=software.client_id,
                audiences=self._audiences,
                now_s=now_ms / 1000,
            )
            return int(str(claims.get("sid")))
        except ValueError as wrong:  # BadSignature and BadStatement are two
            raise GrantRefused(OAuthError.INVALID_GRANT, "subject_token: not a session") from wrong

    async def _recognise_signer(self, form: Mapping[str, str], now_ms: int) -> Recognised:
        compact, header, claims = _read_assertion(form)
        client_id = claims["sub"]
        software = await self._reader.load_software(client_id)
        key = None if software is None else software.find_key(header.get("kid"))
        try:
            # A stranger's signature is verified too, with a key of ours: refusing costs the same.
            verifier = PublicKey(key.jwk) if key else _make_dummy_key(header["alg"])
            verifier.verify(header["alg"], compact)
            statement = check_assertion(
                claims, client_id=client_id, audiences=self._audiences, now_s=now_ms / 1000
            )
        except (BadSignature, BadStatement) as wrong:
            raise _refuse() from wrong
        if key is None or software is None or software.stopped:
            raise _refuse()
        # Used up before the token exists: a crash here costs the software one more assertion.
        name = f"{software.client_id} {statement.statement_id}".encode()
        if not await self._reader.use_assertion(
            hashlib.sha256(name).digest(), expires_s=statement.expires_s
        ):
            raise AssertionReplayed(software)
        return Recognised(software, None)

    async def _recognise_holder(
        self, client_id: str, certificate: bytes, now_ms: int
    ) -> Recognised:
        if not _CLIENT_ID.fullmatch(client_id):
            raise _refuse()
        subject = _read_subject(certificate, now_ms)
        software = await self._reader.load_software(client_id)
        if software is None or software.stopped or software.certificate_subject != subject:
            raise _refuse()
        return Recognised(software, certificate)


def _refuse() -> GrantRefused:
    return GrantRefused(OAuthError.INVALID_CLIENT, INVALID_CLIENT_WORDS)


def _read_assertion(form: Mapping[str, str]) -> tuple[Compact, dict[str, Any], dict[str, Any]]:
    """Take an assertion apart, as far as it can be without knowing who signed."""
    if form.get("client_assertion_type") != ASSERTION_TYPE:
        raise GrantRefused(OAuthError.INVALID_REQUEST, f"client_assertion_type: {ASSERTION_TYPE}")
    try:
        compact = split_compact(form["client_assertion"].encode())
        header = compact.read_header()
        claims = read_object(compact.payload)
    except BadSignature as wrong:
        raise _refuse() from wrong
    client_id = claims.get("sub")
    if header.get("alg") not in ASSERTION_ALGORITHMS:
        raise _refuse()
    if header.get("typ", "JWT") not in ASSERTION_TYPES:
        raise _refuse()
    if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
        raise _refuse()
    if form.get("client_id", client_id) != client_id:
        raise _refuse()
    return compact, header, claims


def _read_subject(certificate: bytes, now_ms: int) -> str:
    """Return the subject of a certificate in force, as RFC 4514 writes it."""
    now = datetime.fromtimestamp(now_ms / 1000, UTC)
    try:
        read = x509.load_der_x509_certificate(certificate)
        if not read.not_valid_before_utc <= now <= read.not_valid_after_utc:
            raise _refuse()
        return read.subject.rfc4514_string()
    except ValueError as wrong:
        raise _refuse() from wrong


@functools.cache
def _make_dummy_key(algorithm: str) -> PublicKey:
    """Make a key nobody holds the other side of, of the kind an algorithm needs."""
    if algorithm == "EdDSA":
        return PublicKey(OKPKey.generate_key("Ed25519").as_dict(private=False))
    if algorithm == "ES256":
        return PublicKey(ECKey.generate_key("P-256").as_dict(private=False))
    return PublicKey(RSAKey.generate_key(2048).as_dict(private=False))
