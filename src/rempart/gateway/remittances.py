"""An establishment's own transfers: which there were, and one line by line, in five forms.

A return names no person and no act: a line is known by the biller's own invoice number, so nothing
is written in the ledger. Refuses to tell another's transfer from one that never was. Like claims,
payments are told while rights are cut and while an operator holds whoever asks.
"""

import asyncio
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Annotated, Final, cast

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Meta

from rempart.accounts.tokens import CLAIMS_SCOPE
from rempart.gateway.admission import Admission
from rempart.gateway.allowances import Allowances
from rempart.gateway.bugs import log_bug
from rempart.gateway.claim_calls import read_query
from rempart.gateway.keeper import Clock
from rempart.gateway.languages import choose_language
from rempart.gateway.problems import InvalidQuestion, MethodNotAllowed, Reply, format_problem
from rempart.gateway.questions import SHAPE
from rempart.gateway.requests import send_reply
from rempart.kernel.errors import AccessDenied, NotFound, RempartError
from rempart.settlement.references import read_reference
from rempart.settlement.return_reasons import find_reason
from rempart.workflows.settlement.read_payments import (
    RemittanceReader,
    RemittanceRow,
    find_return,
    list_newest_remittances,
)
from rempart.workflows.settlement.read_returns import FORMS, ReturnForm, format_return

REMITTANCES_PATH: Final = "/v1/remittances"
MOST_ON_PAGE: Final = 100
USUAL_PAGE: Final = 50
USUAL_FORM: Final[ReturnForm] = "json"
_JSON: Final = b"application/json"
_FORM_OF_TYPE: Final[Mapping[str, ReturnForm]] = {
    form.media_type.partition(";")[0]: name for name, form in FORMS.items()
}

Cents = Annotated[int, Meta(description="Euro cents.")]


class RemittanceTold(msgspec.Struct, frozen=True):
    """One transfer."""

    reference: Annotated[
        str, Meta(description="Its reference (ISO 11649), as on your bank's statement.")
    ]
    state: Annotated[
        str,
        Meta(
            description=(
                "`sent` to the bank, `paid`, `returned`: its lines will be paid again; `refunded`: "
                "what you paid back."
            ),
            extra_json_schema={"enum": ["sent", "paid", "returned", "refunded"]},
        ),
    ]
    cents: Cents
    lines: Annotated[int, Meta(description="How many lines it holds.")]
    account_ends_with: Annotated[str, Meta(description="The last characters of the account.")]
    execution_on: Annotated[date | None, Meta(description="The bank's day; null for a refund.")]
    paid_on: Annotated[date | None, Meta(description="When the bank said it was done.")]
    returned_on: Annotated[date | None, Meta(description="When it came back.")]
    return_code: Annotated[str, Meta(description="Why it came back (ISO 20022); often empty.")]
    return_reason: Annotated[str, Meta(description="The same in French; often empty.")]
    working_days: Annotated[
        int | None, Meta(description="From the reception of its oldest claim to the bank's day.")
    ]


class RemittanceList(msgspec.Struct, frozen=True):
    """An establishment's transfers, the newest first."""

    remittances: Annotated[list[RemittanceTold], Meta(description="At most 100.")]
    next: Annotated[
        str | None,
        Meta(description="Ask for `?before=` this to go on; null when there are no more."),
    ]


class RemittanceDoor:
    """The routes that tell transfers.

    Args:
        admission: Lets callers in.
        allowances: What each client may ask.
        book: Where transfers are.
        clock: The time.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        allowances: Allowances,
        book: RemittanceReader,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._allowances = allowances
        self._book = book
        self._clock = clock

    async def __call__(self, scope: Scope, _: Receive, send: Send) -> None:
        """Answer one HTTP request at `REMITTANCES_PATH` or below."""
        headers = dict(scope["headers"])
        language = choose_language(headers.get(b"accept-language", b"").decode("latin-1"))
        try:
            reply = await self._answer(cast("HTTPScope", scope), headers)
        except RempartError as refusal:
            reply = self._admission.explain(refusal, language, now_ms=self._clock.now_ms())
        except Exception as bug:  # noqa: BLE001 - outermost layer: an anonymous 500, and it is logged
            log_bug("transfers", bug)
            reply = format_problem(None, language)
        await send_reply(reply, send)

    async def _answer(self, scope: HTTPScope, headers: dict[bytes, bytes]) -> Reply:
        reference = scope["path"].removeprefix(REMITTANCES_PATH).removeprefix("/")
        if "/" in reference:
            raise NotFound("there is nothing here")
        if scope["method"] != "GET":
            raise MethodNotAllowed("GET")
        now_ms = self._clock.now_ms()
        admitted = await self._admission.admit(scope, now_ms=now_ms, use=CLAIMS_SCOPE)
        bearer = admitted.bearer
        self._allowances.check_can_ask_now(
            (bearer.client_ref, bearer.account_ref), now_ms=self._clock.steady_ms()
        )
        place = bearer.establishment_ref
        if place is None:
            raise AccessDenied("payments are an establishment's")
        query = scope["query_string"]
        if reference:
            form = _choose_form(query, headers.get(b"accept", b"").decode("latin-1"))
            reply = await self._tell(reference, form, place, now_ms=now_ms)
        else:
            reply = await self._list(query, place)
        if admitted.next_nonce is not None:
            nonce = (b"dpop-nonce", admitted.next_nonce.encode())
            reply = reply._replace(headers=(*reply.headers, nonce))
        return reply

    async def _list(self, query: bytes, establishment_ref: int) -> Reply:
        before, most = _read_page(query)
        rows, following = await list_newest_remittances(
            self._book, establishment_ref=establishment_ref, before=before, most=most
        )
        listed = RemittanceList([_describe(row) for row in rows], following)
        return Reply(200, _JSON, msgspec.json.encode(listed))

    async def _tell(
        self, reference: str, form: ReturnForm, establishment_ref: int, *, now_ms: int
    ) -> Reply:
        told = await find_return(self._book, reference, establishment_ref=establishment_ref)
        made_at = datetime.fromtimestamp(now_ms // 1000, UTC)
        # A transfer may hold thousands of lines, and a page takes a while to set: others go on.
        file = await asyncio.to_thread(format_return, told, form, made_at=made_at)
        named = (b"content-disposition", f'attachment; filename="{file.name}"'.encode())
        return Reply(200, file.media_type.encode(), file.content, (named, (b"vary", b"accept")))


def _read_page(query: bytes) -> tuple[int | None, int]:
    """Return the number of the transfer a page comes after, and how many it holds.

    Raises:
        InvalidQuestion: one of them cannot be.
    """
    given = read_query(query, ("before", "most"))
    before = None
    if "before" in given:
        found = read_reference(given["before"])
        if found is None or found[0] != "remittance":
            raise InvalidQuestion([("before", SHAPE)])
        before = found[1]
    most = given.get("most", str(USUAL_PAGE))
    if not (
        most.isascii() and most.isdecimal() and len(most) <= 3 and 1 <= int(most) <= MOST_ON_PAGE
    ):
        raise InvalidQuestion([("most", SHAPE)])
    return before, int(most)


def _choose_form(query: bytes, accepted: str) -> ReturnForm:
    """Return the form asked for: by the address, else the first known one accepted, else JSON.

    Raises:
        InvalidQuestion: the address asks for another one.
    """
    given = read_query(query, ("format",)).get("format")
    if given is not None:
        if given not in FORMS:
            raise InvalidQuestion([("format", SHAPE)])
        return cast("ReturnForm", given)
    types = (one.partition(";")[0].strip().lower() for one in accepted.split(","))
    return next((_FORM_OF_TYPE[one] for one in types if one in _FORM_OF_TYPE), USUAL_FORM)


def _describe(row: RemittanceRow) -> RemittanceTold:
    return RemittanceTold(
        reference=row.reference,
        state=row.state,
        cents=row.cents,
        lines=row.lines,
        account_ends_with=row.last_digits,
        execution_on=row.execution_on,
        paid_on=row.paid_on,
        returned_on=row.returned_on,
        return_code=row.return_code,
        return_reason=find_reason(row.return_code).fr if row.return_code else "",
        working_days=row.working_days,
    )
