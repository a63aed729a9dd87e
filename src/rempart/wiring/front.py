"""One port for everything: a small reverse proxy before the gateways and the portals.

For one machine and for the demonstration. It decides nothing: it adds the caller's address, chooses
a destination by path and streams both ways. It is no door of its own: what it cannot deliver, it
says. Only what goes to the portals waits here until it is whole: a page has a thread, of which
there are few, and a form that comes in drops would keep it.
"""

import asyncio
import base64
import zlib
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, MutableMapping, Sequence
from dataclasses import dataclass, field
from http import HTTPStatus
from ipaddress import ip_address
from typing import Any

import httpx
import msgspec

from rempart.gateway.unread import Intake
from rempart.wiring.settings import Network, Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Headers = list[tuple[bytes, bytes]]

GATEWAY_PATHS = (
    *("/v1", "/fhir", "/oauth", "/.well-known/oauth-authorization-server"),
    *("/healthz", "/readyz", "/metrics"),
)
RETRY_AFTER_S = 2

# RFC 9110 §7.6.1, and what a proxy must answer for itself.
_HOP_BY_HOP = frozenset(
    {b"connection", b"keep-alive", b"proxy-authenticate", b"proxy-authorization", b"te"}
    | {b"trailer", b"transfer-encoding", b"upgrade", b"expect"}
)
# What only a proxy may say: forgotten unless the caller is one we trust.
_SAID_BY_PROXIES = frozenset(
    {b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host", b"x-real-ip"}
)
# The certificate of the caller's own TLS connection (RFC 9440), which only who ended it knows.
_CERTIFICATES = frozenset({b"client-cert", b"client-cert-chain"})
_TIMEOUT = httpx.Timeout(60.0, connect=2.0)
# A lot of claims is answered once all of it is durable.
_SLOW_PATHS = ("/v1/lots",)
_LONG_TIMEOUT = httpx.Timeout(600.0, connect=2.0)
# The largest form of the portals, a photograph; what follows is cut off, and the page says so.
_MOST_FORM_BYTES = 8_500_000
_MOST_WAITING_BYTES = 256_000_000
# Of a form that stops coming; what came buys more of it, at the pace of the slowest line.
_PATIENCE_S = 30.0
_SLOWEST_BYTES_PER_S = 16_000
_LIMITS = httpx.Limits(max_connections=1024, max_keepalive_connections=256, keepalive_expiry=5.0)


class _CallerGone(Exception):
    """The caller hung up before its request was read to the end."""


class _CallerTooSlow(Exception):
    """The caller's form comes in drops."""


@dataclass(slots=True, kw_only=True)
class Front:
    """The proxy, as an ASGI application.

    Args:
        gateways: Base URLs; one caller always goes to the same one while it answers, because a
            session belongs to the log of one gateway.
        portals: Base URL.
        trusted_proxies: Networks whose word about the caller's address is believed.
        certificate_proxies: Networks whose word about the caller's certificate is believed.
    """

    gateways: Sequence[str]
    portals: str
    trusted_proxies: Sequence[Network] = ()
    certificate_proxies: Sequence[Network] = ()
    _client: httpx.AsyncClient | None = field(default=None, init=False)
    _waiting_bytes: int = field(default=0, init=False)
    _intake: Intake = field(default_factory=Intake, init=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one ASGI connection."""
        if scope["type"] == "lifespan":
            await self._live(receive, send)
        elif scope["type"] == "http":
            await self._intake.serve(scope, receive, lambda read: self._forward(scope, read, send))

    async def _live(self, receive: Receive, send: Send) -> None:
        while True:
            message = await receive()
            if message["type"] == "lifespan.startup":
                self._client = httpx.AsyncClient(
                    timeout=_TIMEOUT, limits=_LIMITS, trust_env=False, follow_redirects=False
                )
                await send({"type": "lifespan.startup.complete"})
            else:
                if self._client is not None:
                    await self._client.aclose()
                await send({"type": "lifespan.shutdown.complete"})
                return

    async def _forward(self, scope: Scope, receive: Receive, send: Send) -> None:
        for base in self._choose_destinations(scope):
            try:
                answer = await self._ask(base, scope, receive)
            except httpx.ConnectError:
                continue  # nothing was sent: another gateway may take it
            except _CallerTooSlow:
                await _say_too_slow(scope, send)
                return
            except (httpx.TransportError, _CallerGone):
                break
            try:
                await _stream(answer, send)
            finally:
                await answer.aclose()
            return
        await _say_unavailable(scope, send)

    def _choose_destinations(self, scope: Scope) -> list[str]:
        if not _leads_to_gateway(scope["path"]):
            return [self.portals]
        caller = _name_caller(dict(scope["headers"]).get(b"authorization", b""))
        first = zlib.crc32(caller) % len(self.gateways)
        return [*self.gateways[first:], *self.gateways[:first]]

    async def _ask(self, base: str, scope: Scope, receive: Receive) -> httpx.Response:
        if self._client is None:
            raise httpx.ConnectError("the proxy has not started")
        target = scope.get("raw_path") or scope["path"].encode()
        if scope["query_string"]:
            target += b"?" + scope["query_string"]
        headers = self._prepare_headers(scope)
        names = {name for name, _ in scope["headers"]}
        has_body = bool(names & {b"content-length", b"transfer-encoding"})
        content: AsyncIterator[bytes] | bytes | None = _read_body(receive) if has_body else None
        form = b""
        if has_body and not _leads_to_gateway(scope["path"]):
            content = form = await self._read_form(receive)
            headers = [one for one in headers if one[0] != b"content-length"]
        request = httpx.Request(
            scope["method"],
            httpx.URL(base).copy_with(raw_path=target),
            headers=headers,
            content=content,
            extensions={"timeout": _LONG_TIMEOUT.as_dict()}
            if scope["path"] in _SLOW_PATHS
            else None,
        )
        try:
            return await self._client.send(request, stream=True)
        finally:
            self._waiting_bytes -= len(form)

    async def _read_form(self, receive: Receive) -> bytes:
        """Wait for a form, as far as any page reads one.

        Raises:
            _CallerTooSlow: it comes in drops.
            _CallerGone: the caller hung up, or too much waits already.
        """
        clock = asyncio.get_running_loop().time
        begun_s, form, more = clock(), bytearray(), True
        kept = b""
        try:
            while more and len(form) < _MOST_FORM_BYTES:
                until_s = begun_s + _PATIENCE_S + len(form) / _SLOWEST_BYTES_PER_S
                async with asyncio.timeout_at(until_s):
                    message = await receive()
                if message["type"] == "http.disconnect":
                    raise _CallerGone
                part = message.get("body", b"")
                form += part
                self._waiting_bytes += len(part)
                if self._waiting_bytes > _MOST_WAITING_BYTES:
                    raise _CallerGone
                more = message.get("more_body", False)
            kept = bytes(form[:_MOST_FORM_BYTES])
        except TimeoutError:
            raise _CallerTooSlow from None
        finally:
            self._waiting_bytes -= len(form) - len(kept)
        return kept

    def _prepare_headers(self, scope: Scope) -> Headers:
        """Keep what is for the destination, and say who the caller is."""
        peer = _unmap(scope["client"][0] if scope.get("client") else "")
        headers = _drop_hop_by_hop(scope["headers"])
        given = dict(headers)
        trusted = _is_among(peer, self.trusted_proxies)
        has_checked = _is_among(peer, self.certificate_proxies)
        before = given.get(b"x-forwarded-for", b"") if trusted else b""
        scheme = given.get(b"x-forwarded-proto", b"") if trusted else b""
        refused = _SAID_BY_PROXIES if has_checked else _SAID_BY_PROXIES | _CERTIFICATES
        # Underscores: a WSGI server gives `x_forwarded_for` and `x-forwarded-for` one name.
        kept = [
            (name, value) for name, value in headers if name not in refused and b"_" not in name
        ]
        chain = b", ".join(part for part in (before, peer.encode()) if part)
        return [
            *kept,
            (b"x-forwarded-for", chain),
            (b"x-forwarded-proto", scheme or scope["scheme"].encode()),
        ]


def create_app() -> Front:
    """Build the proxy from the environment; granian calls it in its worker."""
    settings = Settings.from_environment()
    return Front(
        gateways=[f"http://127.0.0.1:{port}" for port in settings.gateway_ports],
        portals=f"http://127.0.0.1:{settings.portals_port}",
        trusted_proxies=settings.trusted_proxies,
        certificate_proxies=settings.certificate_proxies,
    )


def _leads_to_gateway(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in GATEWAY_PATHS)


def _name_caller(authorization: bytes) -> bytes:
    """Return what stays the same while one software asks for one person.

    A token is replaced every few minutes; whom it names is not. Nothing is verified here: whoever
    lies about it chooses a gateway, which then refuses the token.
    """
    parts = authorization.split(b".")
    if len(parts) != 3:
        return authorization
    try:
        payload = base64.urlsafe_b64decode(parts[1] + b"=" * (-len(parts[1]) % 4))
        claims = msgspec.json.decode(payload, type=_Named)
    except (ValueError, RecursionError):
        return authorization
    return f"{claims.client_ref} {claims.sub}".encode()


class _Named(msgspec.Struct):
    """Whom a token says it is for."""

    client_ref: str
    sub: str


def _unmap(peer: str) -> str:
    """Return an IPv4 address as such: a socket that serves both adds a prefix (::ffff:)."""
    try:
        mapped = getattr(ip_address(peer), "ipv4_mapped", None)
    except ValueError:
        return peer
    return str(mapped or peer)


def _is_among(peer: str, networks: Sequence[Network]) -> bool:
    try:
        address = ip_address(peer)
    except ValueError:
        return False
    return any(address in network for network in networks)


def _drop_hop_by_hop(headers: Iterable[tuple[bytes, bytes]]) -> Headers:
    """Remove the headers that concern one connection, those that `Connection` names included."""
    lowered = [(name.lower(), value) for name, value in headers]
    named = b",".join(value for name, value in lowered if name == b"connection").lower()
    dropped = _HOP_BY_HOP | {name.strip() for name in named.split(b",")}
    return [(name, value) for name, value in lowered if name not in dropped]


async def _read_body(receive: Receive) -> AsyncIterator[bytes]:
    more = True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _CallerGone
        yield message.get("body", b"")
        more = message.get("more_body", False)


async def _stream(answer: httpx.Response, send: Send) -> None:
    """Pass an answer on as it comes; if its source breaks, the caller's connection breaks too.

    It breaks as well when the caller takes nothing of it: whoever makes the answer waits.
    """
    headers = _drop_hop_by_hop(answer.headers.raw)
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    try:
        async for part in answer.aiter_raw():
            async with asyncio.timeout(_PATIENCE_S):
                await send({"type": "http.response.body", "body": part, "more_body": True})
    except (httpx.TransportError, TimeoutError):
        return
    await send({"type": "http.response.body", "body": b"", "more_body": False})


async def _say_unavailable(scope: Scope, send: Send) -> None:
    title, detail = (
        "Service indisponible",
        ("Cette partie de Rempart démarre ou est arrêtée. Réessayez dans quelques secondes."),
    )
    if _speaks_english(scope):
        title, detail = (
            HTTPStatus.SERVICE_UNAVAILABLE.phrase,
            ("This part of Rempart is starting or stopped. Retry in a few seconds."),
        )
    await _say(send, HTTPStatus.SERVICE_UNAVAILABLE, "unavailable", title, detail)


async def _say_too_slow(scope: Scope, send: Send) -> None:
    title, detail = "Envoi trop lent", "Le formulaire n’arrive plus. Envoyez-le de nouveau."
    if _speaks_english(scope):
        title, detail = (
            HTTPStatus.REQUEST_TIMEOUT.phrase,
            ("The form stopped coming. Send it again."),
        )
    await _say(send, HTTPStatus.REQUEST_TIMEOUT, "malformed_request", title, detail)


def _speaks_english(scope: Scope) -> bool:
    given: bytes = dict(scope["headers"]).get(b"accept-language", b"")
    return given.lower().startswith(b"en")


async def _say(send: Send, status: HTTPStatus, code: str, title: str, detail: str) -> None:
    problem = {
        "type": f"/problems/{code}",
        "title": title,
        "status": int(status),
        "code": code,
        "detail": detail,
    }
    headers = [
        (b"content-type", b"application/problem+json"),
        (b"retry-after", str(RETRY_AFTER_S).encode()),
        (b"cache-control", b"no-store"),
    ]
    start = {"type": "http.response.start", "status": problem["status"], "headers": headers}
    await send(start)
    await send({"type": "http.response.body", "body": msgspec.json.encode(problem)})
