"""Identity providers spoken to with OpenID Connect: Pro Santé Connect and others, one client.

The code flow with PKCE, state and nonce; every answer is verified before anything is believed of
it. Refuses a discovery document that names another issuer or an address without TLS, and keeps no
token: what was needed of them is read once.
"""

import secrets
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal, TypeVar, cast
from urllib.parse import urlencode, urlsplit

import httpx
from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7523 import private_key_jwt_sign
from authlib.oauth2.rfc7636 import create_s256_code_challenge
from joserfc.errors import JoseError
from joserfc.jwk import ECKey, KeySet, OctKey, OKPKey, RSAKey, import_key

from rempart.portals.oidc_http import Answer, BoundedHttp, ProviderDown
from rempart.portals.oidc_tokens import (
    Expected,
    Identified,
    LogoutOrder,
    ProviderNotBelieved,
    UnknownKey,
    read_signed,
    verify_id_token,
    verify_logout_token,
)

PSC: Final = "psc"
DISCOVERY_LIFETIME_S: Final = 3600.0
KEYS_PAUSE_S: Final = 30.0
# After a description that could not be had: whoever signs in waits for it on one of few threads.
RETRY_PAUSE_S: Final = 3.0
_ASSERTION_LIFETIME_S: Final = 60
_ASSERTION_TYPE: Final = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_OK: Final = 200
_LOCAL: Final = frozenset({"localhost", "127.0.0.1", "::1"})

Verified = TypeVar("Verified")
PublicKey = OctKey | RSAKey | ECKey | OKPKey
Audience = Literal["professionals", "agents", "members"]


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key with which we prove who we are, and its algorithm."""

    key: RSAKey | ECKey = field(repr=False)
    algorithm: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Provider:
    """One identity provider, as configured.

    Args:
        name: In addresses and in the database; `psc` is Pro Santé Connect.
        label: For people.
        discovery: The address of its discovery document, wherever it is under its issuer.
        secret: Ours at this provider; empty when we sign with `key` instead.
        scope: What we ask for.
        acr_values: Levels of authentication we accept; empty: the provider's own choice.
        audience: Who comes through it.
    """

    name: str
    label: str
    discovery: str
    client_id: str
    secret: str = field(repr=False)
    key: SigningKey | None
    scope: str
    acr_values: tuple[str, ...]
    audience: Audience


@dataclass(frozen=True, slots=True, kw_only=True)
class Ceremony:
    """What one browser must bring back; kept in its session, used once.

    Args:
        started: Unix seconds.
        fresh: Whether the person must be authenticated anew, whatever the provider remembers.
    """

    state: str
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    started: int
    fresh: bool


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Recognition:
    """Whom a provider recognised, and everything it says of them."""

    subject: str
    sid: str
    claims: Mapping[str, Any]

    def __repr__(self) -> str:
        return "<Recognition>"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Endpoints:
    """What a discovery document says, checked."""

    issuer: str
    authorization: str
    token: str
    userinfo: str
    keys: str
    end_session: str
    says_issuer: bool
    read_at: float


class OidcClient:
    """Our side of one provider; safe to share between threads.

    Args:
        provider: Which.
        http: The way there.
        clock: Seconds that never go back, for what is kept a while.
    """

    def __init__(
        self, provider: Provider, http: BoundedHttp, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.provider = provider
        self._http = http
        self._clock = clock
        self._lock = threading.Lock()
        self._reading = threading.Lock()
        self._failed_at: float | None = None
        self._endpoints: _Endpoints | None = None
        self._keys: KeySet | None = None
        self._keys_read_at = 0.0

    def begin(self, redirect_uri: str, *, now: int, fresh: bool = False) -> tuple[str, Ceremony]:
        """Return where to send the browser, and what it must bring back.

        Args:
            redirect_uri: Where the provider sends it back.
            now: Unix seconds.
            fresh: Whether the person must prove who they are even if the provider knows.

        Raises:
            ProviderDown: its discovery document cannot be had.
        """
        ceremony = Ceremony(
            state=secrets.token_urlsafe(32),
            nonce=secrets.token_urlsafe(32),
            verifier=secrets.token_urlsafe(64),
            started=now,
            fresh=fresh,
        )
        address = prepare_grant_uri(
            self._find_endpoints().authorization,
            client_id=self.provider.client_id,
            response_type="code",
            redirect_uri=redirect_uri,
            scope=self.provider.scope,
            state=ceremony.state,
            nonce=ceremony.nonce,
            code_challenge=create_s256_code_challenge(ceremony.verifier),
            code_challenge_method="S256",
            acr_values=" ".join(self.provider.acr_values) or None,
            prompt="login" if fresh else None,
            max_age="0" if fresh else None,
        )
        return address, ceremony

    def finish(
        self, ceremony: Ceremony, answer: Mapping[str, str], redirect_uri: str, *, now: int
    ) -> Recognition:
        """Exchange what the browser brought back for whom the provider recognised.

        Args:
            ceremony: What this browser began; its state has been compared by the caller.
            answer: The parameters of the address the browser came back to.
            redirect_uri: The same as at the beginning.
            now: Unix seconds.

        Raises:
            ProviderDown: it does not answer, or not in a way that can be read.
            ProviderNotBelieved: what it answers must not be believed.
        """
        endpoints = self._find_endpoints()
        _check_answer_issuer(answer, endpoints)
        form = {
            "grant_type": "authorization_code",
            "code": answer.get("code", ""),
            "redirect_uri": redirect_uri,
            "code_verifier": ceremony.verifier,
        }
        identity_token, access_token = self._redeem(endpoints, form, now=now)
        identified = self._verify(
            identity_token,
            Expected(
                issuer=endpoints.issuer,
                client_id=self.provider.client_id,
                nonce=ceremony.nonce,
                acr_values=self.provider.acr_values,
                fresh_since=ceremony.started if ceremony.fresh else None,
                access_token=access_token,
            ),
            now=now,
        )
        claims = self._ask_who(endpoints, access_token)
        if claims.get("sub") != identified.subject:
            raise ProviderNotBelieved("userinfo is somebody else's")
        return Recognition(subject=identified.subject, sid=identified.sid, claims=claims)

    def read_logout(self, token: str, *, now: int) -> LogoutOrder:
        """Return what a logout token orders.

        Raises:
            ProviderDown: the provider's keys cannot be had.
            ProviderNotBelieved: it must not be obeyed.
        """
        endpoints = self._find_endpoints()
        return self._with_keys(
            lambda keys: verify_logout_token(
                token, keys, issuer=endpoints.issuer, client_id=self.provider.client_id, now=now
            )
        )

    def make_logout_url(self, home: str) -> str | None:
        """Return where a browser ends the provider's own session, None where it offers nothing.

        No token is kept, so none is sent as a hint: the provider knows the browser by its cookie.

        Args:
            home: Where the browser comes back, as registered at the provider.
        """
        try:
            address = self._find_endpoints().end_session
        except ProviderDown:
            return None
        if not address:
            return None
        parameters = {"client_id": self.provider.client_id, "post_logout_redirect_uri": home}
        return f"{address}{'&' if '?' in address else '?'}{urlencode(parameters)}"

    # ------------------------------------------------------------ the provider's own description

    def _find_endpoints(self) -> _Endpoints:
        """Return the provider's addresses; an old answer serves while no new one can be had.

        One thread asks, and not again at once when it was in vain: the others take the old answer,
        or wait for it when there is none.
        """
        known = self._endpoints
        if known is not None and self._clock() - known.read_at < DISCOVERY_LIFETIME_S:
            return known
        if not self._reading.acquire(blocking=known is None):
            return cast("_Endpoints", known)
        try:
            found = self._endpoints if known is None else None
            self._endpoints = found or self._ask_for_discovery()
            self._failed_at = None
        except ProviderDown:
            if known is None:
                raise
            return known
        finally:
            self._reading.release()
        return self._endpoints

    def _ask_for_discovery(self) -> _Endpoints:
        if self._failed_at is not None and self._clock() - self._failed_at < RETRY_PAUSE_S:
            raise ProviderDown("the identity provider did not answer a moment ago")
        try:
            return self._read_discovery()
        except ProviderDown:
            self._failed_at = self._clock()
            raise

    def _read_discovery(self) -> _Endpoints:
        answer = self._http.get(self.provider.discovery)
        if answer.status != _OK:
            raise ProviderDown("the identity provider's discovery document is not there")
        document = answer.read_object()
        return _Endpoints(
            issuer=read_issuer(document, self.provider.discovery),
            authorization=read_address(document, "authorization_endpoint"),
            token=read_address(document, "token_endpoint"),
            userinfo=read_address(document, "userinfo_endpoint"),
            keys=read_address(document, "jwks_uri"),
            end_session=read_address(document, "end_session_endpoint", optional=True),
            says_issuer=document.get("authorization_response_iss_parameter_supported") is True,
            read_at=self._clock(),
        )

    def _with_keys(self, verify: Callable[[KeySet], Verified]) -> Verified:
        """Verify with the keys known; once more with fresh ones when a key is unknown."""
        try:
            return verify(self._find_keys(renew=False))
        except UnknownKey:
            return verify(self._find_keys(renew=True))

    def _find_keys(self, *, renew: bool) -> KeySet:
        """Return the provider's keys; asked again at most every `KEYS_PAUSE_S`, whoever insists."""
        with self._lock:
            age = self._clock() - self._keys_read_at
            old = age > DISCOVERY_LIFETIME_S or (renew and age > KEYS_PAUSE_S)
            if self._keys is None or old:
                self._keys = self._read_keys()
                self._keys_read_at = self._clock()
            return self._keys

    def _read_keys(self) -> KeySet:
        answer = self._http.get(self._find_endpoints().keys)
        listed = answer.read_object().get("keys")
        if answer.status != _OK or not isinstance(listed, list):
            raise ProviderDown("the identity provider's keys cannot be read")
        keys = [key for key in map(_import_key, listed) if key is not None]
        return KeySet(keys)

    # ------------------------------------------------------------ tokens

    def _redeem(
        self, endpoints: _Endpoints, form: Mapping[str, str], *, now: int
    ) -> tuple[str, str]:
        answer = self._post_as_client(endpoints, form, now=now)
        tokens = answer.read_object()
        if answer.status != _OK:
            raise ProviderNotBelieved(f"code: {_name_error(tokens)}")
        kind = tokens.get("token_type")
        identity_token, access_token = tokens.get("id_token"), tokens.get("access_token")
        if not isinstance(identity_token, str) or not isinstance(access_token, str):
            raise ProviderNotBelieved("a token is missing")
        if not isinstance(kind, str) or kind.lower() != "bearer":
            raise ProviderNotBelieved("token_type")
        return identity_token, access_token

    def _post_as_client(
        self, endpoints: _Endpoints, form: Mapping[str, str], *, now: int
    ) -> Answer:
        """Ask the token endpoint, proving who we are (RFC 6749 §2.3.1, RFC 7523)."""
        provider = self.provider
        if provider.key is None:
            name, secret = (_quote(provider.client_id), _quote(provider.secret))
            return self._http.post(endpoints.token, form, auth=(name, secret))
        assertion = private_key_jwt_sign(
            provider.key.key,
            client_id=provider.client_id,
            token_endpoint=endpoints.token,
            alg=provider.key.algorithm,
            issued_at=now,
            expires_in=_ASSERTION_LIFETIME_S,
        )
        proof = {"client_assertion_type": _ASSERTION_TYPE, "client_assertion": assertion}
        return self._http.post(endpoints.token, {**form, **proof, "client_id": provider.client_id})

    def _verify(self, token: str, expected: Expected, *, now: int) -> Identified:
        return self._with_keys(lambda keys: verify_id_token(token, keys, expected, now=now))

    def _ask_who(self, endpoints: _Endpoints, access_token: str) -> Mapping[str, Any]:
        answer = self._http.get(endpoints.userinfo, token=access_token)
        if answer.status != _OK:
            raise ProviderNotBelieved("userinfo")
        if answer.kind != "application/jwt":
            return answer.read_object()
        _, claims = self._with_keys(
            lambda keys: read_signed(answer.body.decode("ascii", "replace"), keys)
        )
        audience = claims.get("aud")
        named = audience if isinstance(audience, list) else [audience]
        if claims.get("iss") != endpoints.issuer or self.provider.client_id not in named:
            raise ProviderNotBelieved("userinfo is for another client")
        return claims if isinstance(claims, Mapping) else {}


class ProviderBook:
    """The providers of an installation, by name."""

    def __init__(
        self, providers: Sequence[Provider], *, transport: httpx.BaseTransport | None = None
    ) -> None:
        http = BoundedHttp(transport)
        self._clients = {provider.name: OidcClient(provider, http) for provider in providers}

    def find(self, name: str) -> OidcClient | None:
        """Return our side of a provider, None when there is no such provider."""
        return self._clients.get(name)

    def list_others(self) -> tuple[Provider, ...]:
        """Return every provider but Pro Santé Connect, in the order of the configuration."""
        return tuple(c.provider for name, c in self._clients.items() if name != PSC)


def _check_answer_issuer(answer: Mapping[str, str], endpoints: _Endpoints) -> None:
    """Refuse an answer that another provider gave (RFC 9207)."""
    said = answer.get("iss")
    if said is None and endpoints.says_issuer:
        raise ProviderNotBelieved("the answer does not say whose it is")
    if said is not None and said != endpoints.issuer:
        raise ProviderNotBelieved("the answer is another provider's")


def read_issuer(document: Mapping[str, Any], discovery: str) -> str:
    """Return the issuer that a discovery document names, if the document is found under it.

    Raises:
        ProviderDown: it names another one, or none.
    """
    issuer = document.get("issuer")
    if not isinstance(issuer, str) or not discovery.startswith(
        f"{issuer.rstrip('/')}/.well-known/"
    ):
        raise ProviderDown("the identity provider's discovery document names another issuer")
    return issuer


def read_address(document: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    """Return an address of a discovery document.

    Raises:
        ProviderDown: it is not there, or not one of https (localhost aside).
    """
    value = document.get(name, "")
    if optional and not value:
        return ""
    parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOCAL)
    if not safe or not parts.hostname:
        raise ProviderDown(f"the identity provider's {name} is not an https address")
    return str(value)


def _import_key(given: object) -> PublicKey | None:
    """Return a public key of a kind we accept; anything else in the set is passed over."""
    if not isinstance(given, dict) or given.get("kty") not in {"RSA", "EC", "OKP"}:
        return None
    kept = {name: value for name, value in given.items() if name in _KEY_MEMBERS}
    try:
        return import_key(kept)
    except (JoseError, ValueError, TypeError):
        return None


_KEY_MEMBERS: Final = frozenset({"kty", "kid", "use", "n", "e", "crv", "x", "y"})


def _name_error(answer: Mapping[str, Any]) -> str:
    """Return the error a token endpoint names, if it is one word: nothing else of it is kept."""
    error = answer.get("error")
    short = isinstance(error, str) and error.isascii() and error.replace("_", "").isalpha()
    return str(error)[:40] if short else "refused"


def _quote(text: str) -> str:
    return urlencode({"": text})[1:]
