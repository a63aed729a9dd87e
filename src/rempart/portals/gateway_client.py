"""The portals' way through the one door: the gateway's public API, as one more software.

Refuses to retry by itself, to keep an answer, and to put what was typed into a URL or an error.
"""

import zlib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any, TypeAlias, TypeVar

import httpx
import msgspec

from rempart.client.keys import SigningKey
from rempart.exchange.rights_answer import Answer
from rempart.portals.session_tokens import CeremonyNeeded, NoToken, SessionRefused, SessionTokens

PATH = "/v1/rights-checks"
DEFAULT_RETRY_AFTER_S = 5
_TIMEOUT = httpx.Timeout(10.0, connect=2.0)
_PROBE_TIMEOUT = httpx.Timeout(2.0)
# Refusals whose own words say what to do next, above the form.
_ADVISED = frozenset({"typed_allowance_spent", "slowed_down"})


class Receipt(msgspec.Struct, frozen=True):
    """Where the ledger wrote the answer down before it left."""

    log: str
    index: int
    checkpoint: str


class Answered(msgspec.Struct, frozen=True):
    """A complete answer: rights and receipt."""

    answer: Answer
    receipt: Receipt


class FieldError(msgspec.Struct, frozen=True):
    """One field the gateway did not accept, by its path in the request."""

    field: str
    message: str


class CutFacts(msgspec.Struct, frozen=True):
    """What is cut, since when, why, and what still works."""

    scope: str
    reason: str
    since: datetime
    until: datetime | None
    still_works: list[str]


class Problem(msgspec.Struct, frozen=True):
    """The parts of an RFC 9457 document the portals use."""

    code: str = "error"
    detail: str = ""
    errors: list[FieldError] = []
    cut: CutFacts | None = None


class _Readiness(msgspec.Struct, frozen=True):
    database: bool
    ledger: bool


@dataclass(frozen=True, slots=True)
class InputRefused:
    """The gateway says which fields cannot be true; nothing was looked up."""

    problem: Problem


@dataclass(frozen=True, slots=True)
class KeyRefused:
    """The gateway knows of no session that goes on: whoever asked must sign in again."""


@dataclass(frozen=True, slots=True)
class CeremonyWanted:
    """An operator asked for a fresh ceremony: nothing was looked up."""


@dataclass(frozen=True, slots=True)
class SlowDown:
    """The account passed its allowance; nothing was looked up."""

    retry_after_s: int


@dataclass(frozen=True, slots=True)
class RightsAreCut:
    """Somebody cut rights; what still works is said."""

    cut: CutFacts
    retry_after_s: int


@dataclass(frozen=True, slots=True)
class GatewayDown:
    """No answer came; if the request did arrive, sending it again is the same consultation."""

    retry_after_s: int


Refusal: TypeAlias = (
    InputRefused | KeyRefused | CeremonyWanted | SlowDown | RightsAreCut | GatewayDown
)
GatewayReply: TypeAlias = Answered | Refusal
Shape = TypeVar("Shape")


@dataclass(frozen=True, slots=True, kw_only=True)
class Browser:
    """Who is really asking, for the gateway's session: the portals only pass it on."""

    address: str
    agent: str
    language: str


class GatewayClient:
    """The way to the gateways, safe to share between threads.

    One session always asks the same gateway while it answers, because a session belongs to the
    log of one gateway; another one is asked only when nothing was sent to the first.

    Args:
        base_urls: Where they answer, for example http://127.0.0.1:8081; at least one.
        public_url: The address of this installation, for which calls are signed.
        key: The key `portals-client` of the home.
        transport: Another way of carrying requests; tests use it.
    """

    def __init__(
        self,
        base_urls: Sequence[str],
        *,
        public_url: str,
        key: SigningKey,
        transport: httpx.BaseTransport | None = None,
    ) -> None:
        self._base_urls = tuple(base_urls)
        self._http = httpx.Client(transport=transport, timeout=_TIMEOUT, trust_env=False)
        self._tokens = SessionTokens(public_url=public_url, key=key, http=self._http)

    def close(self) -> None:
        """Close the connections; the tokens kept are forgotten with this object."""
        self._http.close()

    def check_rights(
        self, session_ref: int, body: Mapping[str, object], *, browser: Browser, request_id: str
    ) -> GatewayReply:
        """Ask one rights check for one person.

        Args:
            session_ref: The browser session of the professional who asks.
            body: The request as the API documents it.
            browser: Passed on so that the ledger's session is the professional's, not the portal's.
            request_id: Idempotency key: the same page sent twice gets one entry and the same bytes.

        Returns:
            What came back, as one of seven shapes; a reply that cannot be read counts as no reply.
        """
        reply = self.call(
            "POST", PATH, session_ref, browser=browser, request_id=request_id, json=body
        )
        return read_reply(reply, Answered) if isinstance(reply, httpx.Response) else reply

    def call(
        self,
        method: str,
        path: str,
        session_ref: int,
        *,
        browser: Browser,
        request_id: str = "",
        headers: Mapping[str, str] = MappingProxyType({}),
        **content: Any,
    ) -> httpx.Response | KeyRefused | CeremonyWanted | GatewayDown:
        """Make one call of the API for somebody, whatever it answers.

        Args:
            method: GET or POST.
            path: As the API documents it, without a query.
            session_ref: The browser session of whoever asks.
            browser: Passed on, as in `check_rights`.
            request_id: Idempotency key, where the call takes one.
            headers: What else is said of the request.
            content: What httpx sends: `json`, `content` or `params`.

        Returns:
            The response, or why there is none.
        """
        told = {
            **headers,
            "X-Forwarded-For": browser.address,
            "User-Agent": browser.agent,
            "Accept-Language": browser.language,
        }
        if request_id:
            told["Idempotency-Key"] = request_id
        for base_url in self._order_for(session_ref):
            try:
                return self._tokens.send(
                    base_url, path, session_ref=session_ref, headers=told, method=method, **content
                )
            except SessionRefused:
                return KeyRefused()
            except CeremonyNeeded:
                return CeremonyWanted()
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue
            except (httpx.TransportError, NoToken):
                break
        return GatewayDown(DEFAULT_RETRY_AFTER_S)

    def post(
        self,
        path: str,
        session_ref: int,
        body: Mapping[str, object] | None,
        *,
        browser: Browser,
    ) -> httpx.Response | None:
        """Make another call of the API for somebody; None when no answer came."""
        reply = self.call("POST", path, session_ref, browser=browser, json=body)
        return reply if isinstance(reply, httpx.Response) else None

    def read_readiness(self) -> tuple[bool, bool]:
        """Say whether a gateway answers, and whether one's ledger can record."""
        answers = records = False
        for base_url in self._base_urls:
            try:
                response = self._http.get(f"{base_url}/readyz", timeout=_PROBE_TIMEOUT)
                state = msgspec.json.decode(response.content, type=_Readiness)
            except (httpx.TransportError, msgspec.DecodeError):
                continue
            answers = True
            records = records or (state.ledger and response.status_code == httpx.codes.OK)
        return answers, records

    def read_openapi(self) -> dict[str, Any] | None:
        """Return the API's own description, or None while no gateway answers."""
        for base_url in self._base_urls:
            try:
                response = self._http.get(f"{base_url}/v1/openapi.json")
                if response.status_code == httpx.codes.OK:
                    return msgspec.json.decode(response.content, type=dict[str, Any])
            except (httpx.TransportError, msgspec.DecodeError):
                continue
        return None

    def _order_for(self, session_ref: int) -> tuple[str, ...]:
        first = zlib.crc32(str(session_ref).encode()) % len(self._base_urls)
        return (*self._base_urls[first:], *self._base_urls[:first])


def read_reply(
    response: httpx.Response, shape: type[Shape], *, also: Collection[int] = ()
) -> Shape | Refusal:
    """Return what a response says; one that cannot be read counts as no reply.

    Args:
        response: Of any call.
        shape: What a good one holds.
        also: Statuses, besides 200 and 202, of good ones.
    """
    retry_after_s = _read_retry_after(response)
    try:
        match response.status_code:
            case good if good in (200, 202, *also):
                return msgspec.json.decode(response.content, type=shape)
            case 400 | 403 | 404 | 409 | 413 | 415 | 422:
                return InputRefused(msgspec.json.decode(response.content, type=Problem))
            case 429:
                return _read_slow_down(response, retry_after_s)
            case 503:
                return _read_cut(response, retry_after_s)
            case _:
                return GatewayDown(retry_after_s)
    except msgspec.DecodeError:
        return GatewayDown(retry_after_s)


def _read_slow_down(response: httpx.Response, retry_after_s: int) -> InputRefused | SlowDown:
    problem = _read_problem(response)
    return InputRefused(problem) if problem.code in _ADVISED else SlowDown(retry_after_s)


def _read_cut(response: httpx.Response, retry_after_s: int) -> RightsAreCut | GatewayDown:
    cut = _read_problem(response).cut
    return GatewayDown(retry_after_s) if cut is None else RightsAreCut(cut, retry_after_s)


def _read_problem(response: httpx.Response) -> Problem:
    """Read a problem; a proxy on the way may have written something else."""
    try:
        return msgspec.json.decode(response.content, type=Problem)
    except msgspec.DecodeError:
        return Problem()


def _read_retry_after(response: httpx.Response) -> int:
    text = response.headers.get("Retry-After", "")
    return int(text) if text.isdecimal() else DEFAULT_RETRY_AFTER_S
