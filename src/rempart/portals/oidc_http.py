"""The way to identity providers: short, bounded, straight.

Refuses redirections, a proxy from the environment, a compressed body, a body past its limit and an
answer that comes in drops: a provider in trouble, or false, must not hold our pages.
"""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, Final

import httpx
import msgspec

from rempart.kernel.errors import Unavailable

BODY_LIMIT: Final = 256 * 1024
TOTAL_S: Final = 10.0
_TIMEOUT: Final = httpx.Timeout(5.0, connect=3.0)
_HEADERS: Final = {"Accept-Encoding": "identity", "User-Agent": "rempart"}


class ProviderDown(Unavailable):
    """The provider does not answer, or answers what cannot be read; trying again may help."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What a provider answered: its status, its type without parameters, its body."""

    status: int
    kind: str
    body: bytes

    def read_object(self) -> Mapping[str, Any]:
        """Return the JSON object it is.

        Raises:
            ProviderDown: it is not one.
        """
        try:
            return msgspec.json.decode(self.body, type=dict[str, Any])
        except (ValueError, RecursionError) as failure:
            raise ProviderDown("the identity provider's answer is not JSON") from failure


class BoundedHttp:
    """Asks providers, safe to share between threads.

    Args:
        transport: Another way of carrying requests; tests use it.
        clock: Seconds that never go back, for the limit on the whole of one answer.
    """

    def __init__(
        self,
        transport: httpx.BaseTransport | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._clock = clock
        self._client = httpx.Client(
            transport=transport,
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=False,
            headers=_HEADERS,
        )

    def get(self, address: str, *, token: str = "") -> Answer:
        """Get an address, with an access token if one is given."""
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return self._ask("GET", address, headers=headers)

    def post(
        self, address: str, form: Mapping[str, str], *, auth: tuple[str, str] | None = None
    ) -> Answer:
        """Post a form, with a client's name and secret if they are given."""
        return self._ask("POST", address, data=dict(form), auth=auth)

    def _ask(self, method: str, address: str, **parts: Any) -> Answer:
        limit = self._clock() + TOTAL_S
        try:
            with self._client.stream(method, address, **parts) as response:
                body = self._read(response, limit)
        except httpx.HTTPError as failure:
            raise ProviderDown(
                "the identity provider does not answer: try again in a moment"
            ) from failure
        if response.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or response.is_redirect:
            raise ProviderDown("the identity provider is in trouble: try again in a moment")
        kind = response.headers.get("content-type", "").partition(";")[0].strip().lower()
        return Answer(response.status_code, kind, body)

    def _read(self, response: httpx.Response, limit: float) -> bytes:
        if response.headers.get("content-encoding", "identity").lower() != "identity":
            raise ProviderDown("the identity provider compressed its answer, unasked")
        body = bytearray()
        for part in response.iter_raw():
            body += part
            if len(body) > BODY_LIMIT:
                raise ProviderDown("the identity provider's answer is too large")
            if self._clock() > limit:
                raise ProviderDown("the identity provider's answer takes too long")
        return bytes(body)
