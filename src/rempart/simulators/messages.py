"""Requests and replies of a simulator, as plain values: tests call it without a server.

Keeps no connection open and streams nothing: bodies are small here.
"""

import asyncio
import base64
import binascii
import html
from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field
from http.cookies import CookieError, SimpleCookie
from typing import Any, Final
from urllib.parse import parse_qsl, unquote_plus, urlencode, urlsplit, urlunsplit

import msgspec

BODY_LIMIT: Final = 64 * 1024

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One request. Header names are in lower case; of a repeated parameter the first counts."""

    method: str
    path: str
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def form(self) -> Mapping[str, str]:
        """The fields of a posted form."""
        return read_parameters(self.body.decode("utf-8", "replace"))

    @property
    def cookies(self) -> Mapping[str, str]:
        """The browser's cookies."""
        try:
            jar = SimpleCookie(self.headers.get("cookie", ""))
        except CookieError:
            return {}
        return {name: morsel.value for name, morsel in jar.items()}

    @property
    def bearer(self) -> str:
        """The access token presented, or nothing."""
        kind, _, token = self.headers.get("authorization", "").partition(" ")
        return token.strip() if kind.lower() == "bearer" else ""

    @property
    def basic(self) -> tuple[str, str] | None:
        """The client's name and secret of RFC 6749 §2.3.1, if given that way."""
        kind, _, coded = self.headers.get("authorization", "").partition(" ")
        if kind.lower() != "basic" or not coded:
            return None
        try:
            name, _, secret = base64.b64decode(coded, validate=True).decode().partition(":")
        except (binascii.Error, UnicodeDecodeError):
            return None
        return unquote_plus(name), unquote_plus(secret)


@dataclass(frozen=True, slots=True, kw_only=True)
class Reply:
    """One reply."""

    status: int
    headers: tuple[tuple[str, str], ...] = ()
    body: bytes = b""

    def with_cookie(self, name: str, value: str) -> "Reply":
        """Return the same, leaving a cookie in the browser."""
        cookie = ("set-cookie", f"{name}={value}; Path=/; HttpOnly; SameSite=Lax")
        return Reply(status=self.status, headers=(*self.headers, cookie), body=self.body)


def read_parameters(text: str) -> dict[str, str]:
    """Read a query or a form; of a repeated name the first value counts."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        found.setdefault(name, value)
    return found


def answer_json(value: object, status: int = 200) -> Reply:
    """Reply with JSON that no cache keeps."""
    headers = (("content-type", "application/json"), ("cache-control", "no-store"))
    return Reply(status=status, headers=headers, body=msgspec.json.encode(value))


def answer_error(error: str, description: str, status: int = 400) -> Reply:
    """Reply with an OAuth error (RFC 6749 §5.2)."""
    return answer_json({"error": error, "error_description": description}, status)


def answer_redirect(address: str, parameters: Mapping[str, str] | None = None) -> Reply:
    """Send the browser elsewhere, with more parameters in the address."""
    parts = urlsplit(address)
    query = "&".join(text for text in (parts.query, urlencode(parameters or {})) if text)
    target = urlunsplit(parts._replace(query=query))
    return Reply(status=303, headers=(("location", target), ("cache-control", "no-store")))


def answer_page(title: str, content: str, status: int = 200) -> Reply:
    """Reply with a French page that says clearly what it is; `content` is HTML already."""
    page = _PAGE.format(title=html.escape(title), content=content)
    headers = (
        ("content-type", "text/html; charset=utf-8"),
        ("cache-control", "no-store"),
        ("content-security-policy", "default-src 'none'; style-src 'self'; base-uri 'none'"),
        ("x-frame-options", "DENY"),
        ("referrer-policy", "no-referrer"),
    )
    return Reply(status=status, headers=headers, body=page.encode())


def answer_style() -> Reply:
    """Reply with the style of the pages."""
    return Reply(status=200, headers=(("content-type", "text/css"),), body=_STYLE.encode())


def serve_asgi(
    answer: Callable[[Request], Reply],
) -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Return the ASGI application around a function that answers requests."""

    async def application(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            await _live(receive, send)
            return
        body = await _read_body(receive)
        request = Request(
            method=scope["method"],
            path=scope["path"],
            query=read_parameters(scope["query_string"].decode("latin-1")),
            headers={k.decode("latin-1").lower(): v.decode("latin-1") for k, v in scope["headers"]},
            body=body or b"",
        )
        too_large = answer_error("invalid_request", "the body is too large", 413)
        # In a thread: a logout waits for the clients it tells.
        reply = too_large if body is None else await asyncio.to_thread(answer, request)
        headers = [(k.encode("latin-1"), v.encode("latin-1")) for k, v in reply.headers]
        await send({"type": "http.response.start", "status": reply.status, "headers": headers})
        await send({"type": "http.response.body", "body": reply.body})

    return application


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, or None when it passes the limit."""
    body = bytearray()
    more = True
    while more:
        message = await receive()
        body += message.get("body", b"")
        more = message.get("more_body", False)
        if len(body) > BODY_LIMIT:
            return None
    return bytes(body)


_PAGE: Final = """<!doctype html>
<html lang="fr"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>{title} – simulateur</title><link rel="stylesheet" href="/simulateur.css"></head>
<body><p class="banner" role="note"><strong>Simulateur.</strong> Ceci n’est ni Pro Santé Connect
ni un fournisseur réel : personnes et identifiants inventés, aucune carte, aucun secret.</p>
<main><h1>{title}</h1>{content}</main></body></html>
"""
_STYLE: Final = """
body { margin: 0; font: 1rem/1.5 system-ui, sans-serif; color: #1d2733; background: #f3f5f8; }
.banner { margin: 0; padding: .75rem 1rem; background: #7a2d00; color: #fff; }
main { max-width: 44rem; margin: 1.5rem auto; padding: 1.5rem; background: #fff; }
h1 { font-size: 1.4rem; margin-top: 0; }
ul { list-style: none; padding: 0; }
li { border-top: 1px solid #cfd6df; padding: .6rem 0; }
button { font: inherit; padding: .5rem .9rem; border: 1px solid #14476b; border-radius: .3rem;
         background: #14476b; color: #fff; cursor: pointer; text-align: left; }
button:focus-visible, input:focus-visible, select:focus-visible { outline: 3px solid #d98200; }
button.plain { background: #fff; color: #14476b; }
small { display: block; color: #4a5766; }
input[type=search], select { font: inherit; padding: .45rem; max-width: 100%; }
fieldset { border: 0; padding: 0; margin: 0 0 1rem; }
label { display: inline-block; margin: 0 1rem .5rem 0; }
code { background: #e8ecf1; padding: 0 .25rem; overflow-wrap: anywhere; }
"""
