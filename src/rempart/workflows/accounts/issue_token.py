"""Issue an access token: recognise the person, find where they act, name them and the software.

Refuses to name anybody the directory does not know, and to let a software choose for a professional
who works in several places. The token is worth nothing without the key it is bound to.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, TypeAlias

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from rempart.accounts.dpop import encode_segment
from rempart.accounts.oauth import GrantRefused, OAuthError
from rempart.accounts.software import Software
from rempart.accounts.tokens import (
    CHECK_SCOPE,
    TOKEN_LIFETIME_S,
    TOKEN_TYPE,
    AccessToken,
    Authority,
    Bearer,
    Binding,
    format_claims,
)
from rempart.accounts.workplaces import Workplace, choose_workplace
from rempart.exchange.psc_introspection import PscToken
from rempart.storage.gateway_accounts import FoundProfessional, Holder, PortalSession

API_PATH: Final = "/v1"
TOKEN_PATH: Final = "/oauth/token"  # noqa: S105 - a path, not a secret

# Asks the national provider whose token this is, and to whom it was given; None when the token is
# worth nothing. Raises Unavailable when the provider does not answer.
Introspect: TypeAlias = Callable[[str], Awaitable[PscToken | None]]


class AccountsReader(Protocol):
    """Where professionals and sessions are found."""

    async def load_professional(self, rpps: str) -> FoundProfessional | None:
        """Load a professional and where they may act today."""
        ...

    async def load_portal_session(self, session_ref: int) -> PortalSession | None:
        """Load a browser session that goes on."""
        ...

    async def load_holders(self, establishment_ref: int) -> list[Holder]:
        """Load those who answer for an establishment."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class PscSubject:
    """A person, by the token that Pro Santé Connect gave for them, and the place they chose."""

    token: str
    situation: str | None

    def __repr__(self) -> str:
        return "<PscSubject>"


@dataclass(frozen=True, slots=True)
class PortalSubject:
    """A person, by their browser session, as the portals signed it."""

    session_ref: int


@dataclass(frozen=True, slots=True)
class StructureSubject:
    """Nobody but the structure; `rpps` names who answers, where several could."""

    rpps: str | None


Subject: TypeAlias = PscSubject | PortalSubject | StructureSubject


class IssuedToken(NamedTuple):
    """A token just signed.

    Attributes:
        text: The token; nobody keeps it here.
        bearer: Whom it names.
        lifetime_s: How long it lives.
    """

    text: str
    bearer: Bearer
    lifetime_s: int


class _Named(NamedTuple):
    authority: Authority
    account_ref: int
    workplace: Workplace
    last_s: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Issuer:
    """Who issues: a public address and the key that signs for it."""

    url: str
    key_seed: bytes

    def __repr__(self) -> str:
        return f"<Issuer {self.url}>"


async def issue_token(
    issuer: Issuer,
    software: Software,
    subject: Subject,
    *,
    binding: Binding,
    reader: AccountsReader,
    introspect: Introspect,
    now_s: int,
    token_id: str,
    scope: str = CHECK_SCOPE,
) -> IssuedToken:
    """Give a software, already recognised and allowed to ask, a token for somebody.

    Args:
        issuer: Who signs.
        software: Who asks.
        subject: For whom.
        binding: The key it proved to hold.
        reader: Where people are found.
        introspect: Asks the national provider.
        now_s: The instant, Unix seconds.
        token_id: What makes the token unique: random.
        scope: What it is for; the software may ask for that.

    Raises:
        GrantRefused: nobody is recognised, or not where they say; nothing was written.
        Unavailable: the database or the national provider does not answer.
    """
    if isinstance(subject, PscSubject):
        named = await _recognise_professional(software, subject, reader, introspect)
    elif isinstance(subject, PortalSubject):
        named = await _recognise_session(subject, reader)
    else:
        named = await _recognise_structure(software, subject, reader)
    lifetime_s = TOKEN_LIFETIME_S
    if named.last_s is not None:
        lifetime_s = max(1, min(lifetime_s, named.last_s - now_s))
    bearer = Bearer(
        software.client_ref,
        named.account_ref,
        named.workplace.establishment_ref,
        named.workplace.accountable_ref,
        subject.session_ref if isinstance(subject, PortalSubject) else None,
    )
    text = sign_access_token(
        issuer.key_seed,
        issuer=issuer.url,
        client_id=software.client_id,
        bearer=bearer,
        authority=named.authority,
        binding=binding,
        now_s=now_s,
        lifetime_s=lifetime_s,
        token_id=token_id,
        scope=scope,
    )
    return IssuedToken(text, bearer, lifetime_s)


def sign_access_token(
    key_seed: bytes,
    *,
    issuer: str,
    client_id: str,
    bearer: Bearer,
    binding: Binding,
    now_s: int,
    token_id: str,
    authority: Authority = "psc",
    scope: str = CHECK_SCOPE,
    lifetime_s: int = TOKEN_LIFETIME_S,
) -> str:
    """Sign an access token. Whoever holds the installation's key can name anybody: keep it there.

    Args:
        key_seed: The key `token` of the home.
        issuer: The public address of the installation.
        client_id: The software, by its public name.
        bearer: Whom the token names.
        binding: The key it belongs to.
        now_s: When it begins, Unix seconds.
        token_id: What makes it unique.
        authority: How the person was recognised.
        scope: What it is for.
        lifetime_s: How long it lives.
    """
    token = AccessToken(
        issuer=issuer,
        audience=issuer + API_PATH,
        client_id=client_id,
        bearer=bearer,
        scope=scope,
        authority=authority,
        binding=binding,
        issued_s=now_s,
        expires_s=now_s + lifetime_s,
        token_id=token_id,
    )
    key = Ed25519PrivateKey.from_private_bytes(key_seed)
    header = {"alg": "EdDSA", "kid": compute_key_id(build_public_jwk(key_seed)), "typ": TOKEN_TYPE}
    signed = ".".join(
        encode_segment(msgspec.json.encode(part)) for part in (header, format_claims(token))
    )
    return f"{signed}.{encode_segment(key.sign(signed.encode('ascii')))}"


def build_public_jwk(key_seed: bytes) -> dict[str, str]:
    """Return the public side of an Ed25519 key as a JSON Web Key (RFC 8037)."""
    public = Ed25519PrivateKey.from_private_bytes(key_seed).public_key().public_bytes_raw()
    return {"crv": "Ed25519", "kty": "OKP", "x": encode_segment(public)}


def compute_key_id(jwk: dict[str, str]) -> str:
    """Return the thumbprint of a public Ed25519 key (RFC 7638): its name."""
    canonical = msgspec.json.encode({name: jwk[name] for name in ("crv", "kty", "x")})
    return encode_segment(hashlib.sha256(canonical).digest())


async def _recognise_professional(
    software: Software, subject: PscSubject, reader: AccountsReader, introspect: Introspect
) -> _Named:
    token = await introspect(subject.token)
    # A token somebody gave another application was not given for this: whoever caught it there must
    # not use it here. Said like a token that is not in force.
    if token is None or token.client_id not in software.psc_clients:
        raise GrantRefused(
            OAuthError.INVALID_GRANT,
            "subject_token: not in force at the provider, or not given to this software",
        )
    found = await reader.load_professional(token.rpps.number)
    if found is None or found.stopped:
        raise GrantRefused(OAuthError.INVALID_GRANT, "subject_token: not a professional known here")
    return _Named("psc", found.account_ref, choose_workplace(found.workplaces, subject.situation))


async def _recognise_session(subject: PortalSubject, reader: AccountsReader) -> _Named:
    found = await reader.load_portal_session(subject.session_ref)
    if found is None:
        raise GrantRefused(OAuthError.INVALID_GRANT, "subject_token: the session is over")
    workplace = Workplace(found.establishment_ref, accountable_ref=found.accountable_ref)
    return _Named("portal", found.account_ref, workplace, found.expires_s)


async def _recognise_structure(
    software: Software, subject: StructureSubject, reader: AccountsReader
) -> _Named:
    if software.establishment_ref is None:
        raise GrantRefused(OAuthError.UNAUTHORIZED_CLIENT, "this software has no structure")
    holders = await reader.load_holders(software.establishment_ref)
    if subject.rpps is not None:
        holders = [holder for holder in holders if holder.rpps == subject.rpps]
    if not holders:
        raise GrantRefused(
            OAuthError.INVALID_GRANT, "nobody answers for this structure: see its professionals"
        )
    if len(holders) > 1:
        raise GrantRefused(
            OAuthError.INVALID_REQUEST,
            "several professionals answer for this structure: add professional, the RPPS number of "
            "the one who does now",
        )
    workplace = Workplace(software.establishment_ref)
    return _Named("structure", holders[0].account_ref, workplace)
