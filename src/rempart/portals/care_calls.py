"""Quotes, prises en charge and claims through the gateway's public API, as any software asks.

Refuses to keep an answer, and to know more of a claim than the API tells.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any, Final, TypeAlias, TypeVar
from urllib.parse import quote

import httpx
import msgspec
from django.http import HttpRequest

from rempart.exchange.quote_answer import PecAnswer, QuoteAnswer
from rempart.exchange.rights_answer import ClosedAnswer
from rempart.portals.addresses import find_browser_address
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.gateway_client import Browser, Receipt, Refusal, read_reply
from rempart.portals.visit import require_visitor

_LOT_TYPES: Final = {"b2": "text/plain", "json": "application/x-ndjson"}
Shape = TypeVar("Shape")


class Quoted(msgspec.Struct, frozen=True):
    """What a quote is answered: amounts, or that rights are not open."""

    answer: QuoteAnswer | ClosedAnswer
    receipt: Receipt


class Promised(msgspec.Struct, frozen=True):
    """What a request for a prise en charge is answered."""

    answer: PecAnswer | ClosedAnswer
    receipt: Receipt


class Standing(msgspec.Struct, frozen=True):
    """Where a prise en charge is."""

    number: str
    domain: str
    care_date: date
    state: str
    asked_at: datetime
    expires_on: date


class FormFinding(msgspec.Struct, frozen=True):
    """What is wrong in the form of a claim."""

    rule: str
    at: int | None
    line: int | None
    field: str
    fr: str
    en: str

    @property
    def message(self) -> str:
        """The finding in the language of the page."""
        return self.en if current_language() == "en" else self.fr


class TakenClaim(msgspec.Struct, frozen=True):
    """A claim that was taken."""

    at: int
    invoice: str
    claim: str


class RefusedClaim(msgspec.Struct, frozen=True):
    """A claim that could not be taken."""

    at: int
    findings: list[FormFinding]


class ClaimsTaken(msgspec.Struct, frozen=True):
    """The acknowledgement of claims."""

    accepted: list[TakenClaim]
    refused: list[RefusedClaim]


class Lot(msgspec.Struct, frozen=True):
    """The acknowledgement of one lot."""

    lot: str
    number: str
    state: str
    claims: int
    refused: int
    received_at: str
    findings: list[FormFinding]


class LotsTaken(msgspec.Struct, frozen=True):
    """The acknowledgement of a file."""

    lots: list[Lot]


class ClaimTold(msgspec.Struct, frozen=True):
    """That a claim was told, and where the ledger has it; what it holds is read apart."""

    claim: str
    replaces: str | None
    receipt: Receipt


@dataclass(frozen=True, slots=True)
class Caller:
    """Whoever asks: the session of the browser, and where it is."""

    session_ref: int
    browser: Browser


QuoteReply: TypeAlias = Quoted | Refusal
PecReply: TypeAlias = Promised | Refusal


def make_caller(request: HttpRequest) -> Caller:
    """Return who asks."""
    agent = request.headers.get("User-Agent", "").encode("ascii", "replace").decode()
    browser = Browser(
        address=find_browser_address(request), agent=agent, language=current_language()
    )
    return Caller(require_visitor(request).session_ref, browser)


def ask_quote(caller: Caller, body: Mapping[str, object], *, request_id: str) -> QuoteReply:
    """Ask what acts would be paid; it promises nothing."""
    return _call(caller, "POST", "/v1/quotes", Quoted, request_id=request_id, json=body)


def ask_pec(caller: Caller, body: Mapping[str, object], *, request_id: str) -> PecReply:
    """Ask an insurer to promise what acts will be paid."""
    return _call(caller, "POST", "/v1/pecs", Promised, request_id=request_id, json=body)


def cancel_pec(caller: Caller, number: str) -> Standing | Refusal:
    """Take a promise back."""
    return _call(caller, "POST", f"/v1/pecs/{quote(number, safe='')}/cancel", Standing)


def read_pec(caller: Caller, number: str) -> Standing | Refusal:
    """Read where a promise is."""
    return _call(caller, "GET", f"/v1/pecs/{quote(number, safe='')}", Standing)


def send_claim(caller: Caller, body: Mapping[str, object]) -> ClaimsTaken | Refusal:
    """Send one claim; the same one twice is one claim."""
    reply = get_desk().gateway.call(
        "POST", "/v1/claims", caller.session_ref, browser=caller.browser, json=body
    )
    return _read_taken(reply, ClaimsTaken) if isinstance(reply, httpx.Response) else reply


def send_lot(caller: Caller, content: bytes, *, form: str, number: str) -> LotsTaken | Refusal:
    """Send a lot.

    Args:
        caller: Whoever sends.
        content: The bytes of the file.
        form: `b2` or `json`.
        number: The biller's own number; empty for none.
    """
    reply = get_desk().gateway.call(
        "POST",
        "/v1/lots",
        caller.session_ref,
        browser=caller.browser,
        headers={"Content-Type": _LOT_TYPES[form]},
        content=content,
        params={"number": number} if number else None,
    )
    return _read_taken(reply, LotsTaken) if isinstance(reply, httpx.Response) else reply


def read_claim(caller: Caller, reference: str) -> ClaimTold | Refusal:
    """Read a claim: the ledger has it before this returns."""
    return _call(caller, "GET", f"/v1/claims/{quote(reference, safe='')}", ClaimTold)


def _call(
    caller: Caller,
    method: str,
    path: str,
    shape: type[Shape],
    *,
    request_id: str = "",
    **content: Any,
) -> Shape | Refusal:
    reply = get_desk().gateway.call(
        method,
        path,
        caller.session_ref,
        browser=caller.browser,
        request_id=request_id,
        **content,
    )
    return read_reply(reply, shape) if isinstance(reply, httpx.Response) else reply


def _read_taken(response: httpx.Response, shape: type[Shape]) -> Shape | Refusal:
    """Read an acknowledgement: one that takes nothing has its findings, a refusal has none."""
    if response.status_code == httpx.codes.UNPROCESSABLE_ENTITY:
        try:
            return msgspec.json.decode(response.content, type=shape)
        except msgspec.DecodeError:
            pass  # a problem document
    return read_reply(response, shape)
