"""POST /oauth/token: the only place where tokens are given.

Refuses a body that is not a short form, a field given twice, a software that does not prove itself,
and a token without a key to bind it to. Nothing of a request is repeated in an answer or in a log.

Source: RFC 6749, RFC 8414, RFC 8693, RFC 8705, RFC 9449.
"""

import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol, cast
from urllib.parse import parse_qsl

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send

from rempart.accounts.allowance import Allowance
from rempart.accounts.dpop import NonceNeeded, ProofRefused
from rempart.accounts.events import SecurityEvent, SecurityEventKind
from rempart.accounts.oauth import GrantRefused, OAuthError
from rempart.accounts.software import (
    CLIENT_CREDENTIALS,
    PORTAL_SESSION,
    PSC_TOKEN,
    Software,
    check_can_ask_token,
)
from rempart.accounts.tokens import CHECK_SCOPE, Binding
from rempart.gateway.allowances import Allowances
from rempart.gateway.bugs import log_bug
from rempart.gateway.client_authentication import (
    AssertionReplayed,
    ClientAuthentication,
    Recognised,
    SoftwareReader,
)
from rempart.gateway.keeper import Clock
from rempart.gateway.metrics import Metrics
from rempart.gateway.origins import NOWHERE, read_agent
from rempart.gateway.problems import MethodNotAllowed, Reply
from rempart.gateway.proofs import Call, ProofChecker, hash_certificate
from rempart.gateway.requests import list_headers, read_body, send_reply
from rempart.gateway.token_messages import TokenGiven, TokenRefusal
from rempart.kernel.errors import BodyTooLarge, RempartError, TooManyRequests, Unavailable
from rempart.workflows.accounts.issue_token import (
    TOKEN_PATH,
    AccountsReader,
    Introspect,
    IssuedToken,
    Issuer,
    PortalSubject,
    PscSubject,
    StructureSubject,
    Subject,
    issue_token,
)

MAX_FORM_BYTES: Final = 16_384
MAX_FIELDS: Final = 20
FORM_TYPE: Final = b"application/x-www-form-urlencoded"
JSON_TYPE: Final = b"application/json"
# A publisher's own server may ask for all its customers: bounds are for floods, not for use.
TOKENS_OF_A_CLIENT: Final = Allowance(rate_per_s=50, burst=500)
REQUESTS_OF_AN_ADDRESS: Final = Allowance(rate_per_s=50, burst=500)

_SITUATION: Final = re.compile(r"[0-9AB]{9}|[0-9]{14}")
_RPPS: Final = re.compile(r"[0-9]{11}")
_STATUSES: Final = {OAuthError.INVALID_CLIENT: 401, OAuthError.TEMPORARILY_UNAVAILABLE: 503}


class TokenAccounts(AccountsReader, SoftwareReader, Protocol):
    """Where software and people are found, and events written."""

    async def append_event(self, event: SecurityEvent, *, event_ref: int) -> None:
        """Write a security event."""
        ...


@dataclass(frozen=True, slots=True, kw_only=True)
class TokenParts:
    """What tokens are issued with.

    Args:
        issuer: The public address and the key that signs for it.
        accounts: Where software and people are found.
        introspect: Asks the national provider whose token this is.
        client_allowance: How often one software may ask.
        address_allowance: How often one address may ask.
    """

    issuer: Issuer
    accounts: TokenAccounts
    introspect: Introspect
    client_allowance: Allowance = TOKENS_OF_A_CLIENT
    address_allowance: Allowance = REQUESTS_OF_AN_ADDRESS


class _Request(NamedTuple):
    """One token request, read."""

    form: dict[str, str]
    proofs: list[bytes]
    certificate: bytes | None
    address: str
    agent: str
    now_ms: int

    @property
    def scope(self) -> str:
        """What the token is to be for."""
        return self.form.get("scope", CHECK_SCOPE)


class TokenEndpoint:
    """The only place where tokens are given.

    Args:
        parts: What it works with.
        proofs: Checks DPoP proofs; the same one as the door's.
        clock: The time.
        metrics: Where refusals are counted.
        find_address: Tells the caller's address from the peer and X-Forwarded-For.
        find_certificate: Tells the caller's certificate from the peer and Client-Cert.
    """

    def __init__(
        self,
        parts: TokenParts,
        *,
        proofs: ProofChecker,
        clock: Clock,
        metrics: Metrics,
        find_address: Callable[[str, bytes], str],
        find_certificate: Callable[[str, bytes | None], bytes | None],
    ) -> None:
        self._parts = parts
        self._proofs = proofs
        self._clock = clock
        self._metrics = metrics
        self._find_address = find_address
        self._find_certificate = find_certificate
        self._url = parts.issuer.url + TOKEN_PATH
        self._clients = ClientAuthentication(
            parts.accounts, audiences=(self._url, parts.issuer.url)
        )
        self._of_clients = Allowances(parts.client_allowance)
        self._of_addresses = Allowances(parts.address_allowance)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, whatever it is."""
        try:
            reply = await self._answer(cast("HTTPScope", scope), receive)
        except RempartError as refusal:
            reply = self._explain(refusal)
        except Exception as bug:  # noqa: BLE001 - outermost layer: an anonymous 500, and it is logged
            log_bug("a token request", bug)
            reply = self._explain(None)
        await send_reply(reply, send)

    async def _answer(self, scope: HTTPScope, receive: Receive) -> Reply:
        request = await self._read(scope, receive)
        if request.proofs and "client_assertion" in request.form:
            # Before an assertion is used up for nothing.
            self._proofs.check_nonce(request.proofs, now_ms=request.now_ms)
        try:
            recognised = await self._clients.recognise(
                request.form, request.certificate, now_ms=request.now_ms
            )
        except AssertionReplayed as refusal:
            await self._record(refusal.software, refusal, request)
            raise
        software = recognised.software
        self._of_clients.check_can_ask_now(software.client_ref, now_ms=self._clock.steady_ms())
        try:
            subject = self._read_subject(recognised, request)
            binding, next_nonce = self._bind(recognised, request)
            issued = await issue_token(
                self._parts.issuer,
                software,
                subject,
                binding=binding,
                reader=self._parts.accounts,
                introspect=self._parts.introspect,
                now_s=request.now_ms // 1000,
                token_id=secrets.token_urlsafe(16),
                scope=request.scope,
            )
        except GrantRefused as refusal:
            if refusal.error is OAuthError.INVALID_GRANT:
                await self._record(software, refusal, request)
            raise
        self._metrics.tokens.labels(binding.kind).inc()
        return _format_token(issued, subject, binding, request.scope, next_nonce)

    async def _read(self, scope: HTTPScope, receive: Receive) -> _Request:
        headers = dict(scope["headers"])
        # Written twice, one of them is not our proxy's.
        certificates = list_headers(scope, b"client-cert")
        peer = scope["client"][0] if scope["client"] else NOWHERE
        address = self._find_address(peer, headers.get(b"x-forwarded-for", b""))
        self._of_addresses.check_can_ask_now(address, now_ms=self._clock.steady_ms())
        if scope["method"] != "POST":
            raise MethodNotAllowed("POST")
        media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if media_type != FORM_TYPE or b"content-encoding" in headers:
            raise GrantRefused(OAuthError.INVALID_REQUEST, f"send {FORM_TYPE.decode()}")
        body = await read_body(receive, headers.get(b"content-length"), limit=MAX_FORM_BYTES)
        return _Request(
            _parse_form(body),
            list_headers(scope, b"dpop"),
            self._find_certificate(peer, certificates[0]) if len(certificates) == 1 else None,
            address,
            read_agent(headers.get(b"user-agent", b"")),
            self._clock.now_ms(),
        )

    def _read_subject(self, recognised: Recognised, request: _Request) -> Subject:
        """Tell for whom a token is asked, once it is known that this software may."""
        form, software = request.form, recognised.software
        grant_type = form.get("grant_type", "")
        token_type = form.get("subject_token_type", "")
        check_can_ask_token(
            software,
            grant_type=grant_type,
            subject_token_type=token_type,
            scope=request.scope,
            by_certificate=recognised.certificate is not None,
        )
        if grant_type == CLIENT_CREDENTIALS:
            return StructureSubject(_read_number(form, "professional", _RPPS))
        token = form.get("subject_token")
        if not token:
            raise GrantRefused(OAuthError.INVALID_REQUEST, "subject_token: it is missing")
        if token_type == PORTAL_SESSION:
            session_ref = self._clients.read_portal_session(software, token, now_ms=request.now_ms)
            return PortalSubject(session_ref)
        return PscSubject(token=token, situation=_read_number(form, "situation", _SITUATION))

    def _bind(self, recognised: Recognised, request: _Request) -> tuple[Binding, str | None]:
        """Tell which key the token will belong to: the one proved in this very request."""
        if recognised.certificate is not None:
            return Binding("x5t#S256", hash_certificate(recognised.certificate)), None
        # The software was looked up meanwhile: nonces and proofs follow the clock as it is now.
        proved = self._proofs.check(
            request.proofs, Call("POST", self._url), thumbprint=None, now_ms=self._clock.now_ms()
        )
        return Binding("jkt", proved.thumbprint), proved.next_nonce

    async def _record(self, software: Software, refusal: GrantRefused, request: _Request) -> None:
        """Write that a software we know was refused: for its publisher, and for the operator."""
        event = SecurityEvent(
            kind=SecurityEventKind.TOKEN_REFUSED,
            actor_ref=None,
            org_ref=software.publisher_ref,
            address=request.address,
            agent=request.agent,
            details={"software": software.client_id, "error": refusal.error.value},
        )
        await self._parts.accounts.append_event(event, event_ref=secrets.randbits(63) or 1)

    def _explain(self, refusal: RempartError | None) -> Reply:
        """Write a refusal as OAuth does."""
        headers: list[tuple[bytes, bytes]] = []
        error, status = _name_error(refusal)
        if isinstance(refusal, NonceNeeded):
            nonce = self._proofs.find_nonce(now_ms=self._clock.now_ms())
            headers.append((b"dpop-nonce", nonce.encode()))
        if isinstance(refusal, MethodNotAllowed):
            headers.append((b"allow", refusal.allowed.encode()))
        if isinstance(refusal, Unavailable | TooManyRequests):
            headers.append((b"retry-after", str(refusal.retry_after_s).encode()))
        self._metrics.token_refusals.labels(error.value).inc()
        description = str(refusal) if isinstance(refusal, _SAYABLE) else _WORDS[error]
        body = msgspec.json.encode(TokenRefusal(error.value, description))
        return Reply(status, JSON_TYPE, body, tuple(headers))


# Their words are written in this code and hold nothing of a request.
_SAYABLE: Final = (GrantRefused, ProofRefused, NonceNeeded, MethodNotAllowed)
_WORDS: Final = {
    OAuthError.INVALID_REQUEST: f"a form has at most {MAX_FORM_BYTES} bytes",
    OAuthError.TEMPORARILY_UNAVAILABLE: "wait for Retry-After seconds and ask again",
    OAuthError.SERVER_ERROR: "the failure has been reported: ask again later",
}


def _format_token(
    issued: IssuedToken,
    subject: Subject,
    binding: Binding,
    scope: str,
    next_nonce: str | None,
) -> Reply:
    given = TokenGiven(
        access_token=issued.text,
        token_type="DPoP" if binding.kind == "jkt" else "Bearer",
        expires_in=issued.lifetime_s,
        scope=scope,
        issued_token_type="" if isinstance(subject, StructureSubject) else PSC_TOKEN,
    )
    headers = [] if next_nonce is None else [(b"dpop-nonce", next_nonce.encode())]
    return Reply(200, JSON_TYPE, msgspec.json.encode(given), tuple(headers))


def _name_error(refusal: RempartError | None) -> tuple[OAuthError, int]:
    """Give a refusal its OAuth name and its status."""
    match refusal:
        case GrantRefused(error=error):
            return error, _STATUSES.get(error, 400)
        case NonceNeeded():
            return OAuthError.USE_DPOP_NONCE, 400
        case ProofRefused():
            return OAuthError.INVALID_DPOP_PROOF, 400
        case MethodNotAllowed():
            return OAuthError.INVALID_REQUEST, refusal.status
        case BodyTooLarge():
            return OAuthError.INVALID_REQUEST, 413
        case TooManyRequests():
            return OAuthError.TEMPORARILY_UNAVAILABLE, 429
        case Unavailable():
            return OAuthError.TEMPORARILY_UNAVAILABLE, 503
    return OAuthError.SERVER_ERROR, 500


def _parse_form(body: bytes) -> dict[str, str]:
    """Read a form; a field given twice or without a value is refused (RFC 6749 §3.2)."""
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=True,
            encoding="utf-8",
            errors="strict",
            max_num_fields=MAX_FIELDS,
        )
    except ValueError as wrong:
        raise GrantRefused(OAuthError.INVALID_REQUEST, "the form cannot be read") from wrong
    form = dict(pairs)
    if len(form) != len(pairs):
        raise GrantRefused(OAuthError.INVALID_REQUEST, "a field is given twice")
    # A field without a value counts as absent.
    return {name: value for name, value in pairs if value}


def _read_number(form: dict[str, str], name: str, shape: re.Pattern[str]) -> str | None:
    value = form.get(name)
    if value is not None and not shape.fullmatch(value):
        raise GrantRefused(OAuthError.INVALID_REQUEST, f"{name}: not a number of that kind")
    return value
