"""Asks Pro Santé Connect whose token this is: at every token request, nothing kept.

Refuses redirections, a proxy from the environment, a long answer and a slow one: a provider in
trouble must not hold the gateway; and a description of another issuer, or without TLS. Never logs a
token.
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, Final
from urllib.parse import quote

import httpx
import msgspec
from authlib.oauth2.rfc7523 import private_key_jwt_sign

from rempart.accounts.software import ASSERTION_TYPE
from rempart.exchange.psc_introspection import PscToken, parse_introspection
from rempart.kernel.errors import Unavailable
from rempart.portals.oidc import Provider, read_address, read_issuer

BODY_LIMIT: Final = 256 * 1024
TOTAL_S: Final = 6.0
RETRY_AFTER_S: Final = 5
DISCOVERY_LIFETIME_S: Final = 3600.0
ASSERTION_LIFETIME_S: Final = 60
_TIMEOUT: Final = httpx.Timeout(4.0, connect=2.0)
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "rempart"}


@dataclass(frozen=True, slots=True)
class _Discovery:
    issuer: str
    introspection_endpoint: str


class PscIntrospection:
    """The way to Pro Santé Connect's introspection, open while the application runs.

    Args:
        provider: Where it is and who we are there; None when it is not configured.
        transport: Another way of carrying requests; tests use it.
        clock: Unix seconds.
    """

    def __init__(
        self,
        provider: Provider | None,
        *,
        transport: httpx.AsyncBaseTransport | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._provider = provider
        self._transport = transport
        self._clock = clock
        self._http: httpx.AsyncClient | None = None
        self._discovery: _Discovery | None = None
        self._until_s = 0.0

    @contextlib.asynccontextmanager
    async def running(self, _: object) -> AsyncIterator[None]:
        """Keep connections open around the application."""
        async with httpx.AsyncClient(
            transport=self._transport,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            headers=_HEADERS,
        ) as self._http:
            yield

    async def introspect(self, token: str) -> PscToken | None:
        """Return whom a token is about and to whom it was given; None when it is worth nothing.

        Raises:
            Unavailable: the provider is not configured, does not answer, or answers nonsense.
        """
        if self._provider is None or self._http is None:
            raise Unavailable("Pro Santé Connect is not configured here", retry_after_s=60)
        try:
            async with asyncio.timeout(TOTAL_S):
                discovery = await self._find_discovery(self._provider, self._http)
                body = await self._ask(self._provider, self._http, discovery, token)
        except (httpx.HTTPError, TimeoutError) as failure:
            raise Unavailable(
                "Pro Santé Connect does not answer", retry_after_s=RETRY_AFTER_S
            ) from failure
        return parse_introspection(body, issuer=discovery.issuer, now_s=self._clock())

    async def _find_discovery(self, provider: Provider, http: httpx.AsyncClient) -> _Discovery:
        """Return the provider's description; an old one serves while no new one can be had."""
        known = self._discovery
        if known is not None and self._clock() <= self._until_s:
            return known
        try:
            found = await _describe(provider, http)
        except (httpx.HTTPError, Unavailable):
            if known is None:
                raise
            self._until_s = self._clock() + RETRY_AFTER_S
            return known
        self._discovery, self._until_s = found, self._clock() + DISCOVERY_LIFETIME_S
        return found

    async def _ask(
        self, provider: Provider, http: httpx.AsyncClient, discovery: _Discovery, token: str
    ) -> bytes:
        form = {"token": token, "token_type_hint": "access_token"}
        address = discovery.introspection_endpoint
        if provider.key is None:
            # RFC 6749 §2.3.1: name and secret are form-encoded before they are joined.
            pair = (quote(provider.client_id, safe=""), quote(provider.secret, safe=""))
            basic = httpx.BasicAuth(*pair)
            request = next(basic.auth_flow(http.build_request("POST", address, data=form)))
        else:
            assertion = private_key_jwt_sign(
                provider.key.key,
                client_id=provider.client_id,
                token_endpoint=address,
                alg=provider.key.algorithm,
                expires_in=ASSERTION_LIFETIME_S,
            )
            proof = {
                "client_id": provider.client_id,
                "client_assertion_type": ASSERTION_TYPE,
                "client_assertion": assertion,
            }
            request = http.build_request("POST", address, data={**form, **proof})
        return await _read(http, request)


async def _describe(provider: Provider, http: httpx.AsyncClient) -> _Discovery:
    body = await _read(http, http.build_request("GET", provider.discovery))
    try:
        document = msgspec.json.decode(body, type=dict[str, Any])
    except (ValueError, RecursionError) as wrong:
        raise Unavailable("Pro Santé Connect's own description is unreadable") from wrong
    return _Discovery(
        read_issuer(document, provider.discovery), read_address(document, "introspection_endpoint")
    )


async def _read(http: httpx.AsyncClient, request: httpx.Request) -> bytes:
    """Send a request and read its answer, up to a bound.

    Raises:
        Unavailable: the answer is not a success, or too long.
    """
    response = await http.send(request, stream=True)
    try:
        if response.status_code != httpx.codes.OK:
            raise Unavailable("Pro Santé Connect is in trouble", retry_after_s=RETRY_AFTER_S)
        body = bytearray()
        async for part in response.aiter_raw():
            body += part
            if len(body) > BODY_LIMIT:
                raise Unavailable("Pro Santé Connect's answer is too long")
    finally:
        await response.aclose()
    return bytes(body)
