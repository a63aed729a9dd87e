"""An establishment's own prises en charge: where they are, and taking one back.

No amount and no person is told here, so nothing is written in the ledger. Refuses to tell another's
promise from one that was never made.
"""

from collections.abc import Sequence
from datetime import UTC, date, datetime, timedelta
from typing import Annotated, Final, Protocol, cast

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Meta

from rempart.claims.quote import Place, StandingPec
from rempart.claims.states import PecState
from rempart.gateway.admission import Admission
from rempart.gateway.allowances import Allowances
from rempart.gateway.bugs import log_bug
from rempart.gateway.claim_calls import read_instant, read_query
from rempart.gateway.keeper import Clock
from rempart.gateway.languages import choose_language
from rempart.gateway.problems import InvalidQuestion, MethodNotAllowed, Reply, format_problem
from rempart.gateway.questions import SHAPE
from rempart.gateway.requests import read_body, send_reply
from rempart.kernel.errors import AccessDenied, Conflict, NotFound, RempartError
from rempart.kernel.findings import BadValue
from rempart.rights.engagement import format_engagement, parse_engagement

PECS_PATH: Final = "/v1/pecs"
PAGE_SIZE: Final = 50
_JSON: Final = b"application/json"
_CANCEL: Final = "/cancel"


class PecStanding(msgspec.Struct, frozen=True):
    """Where a prise en charge is."""

    number: Annotated[str, Meta(description="Its number.")]
    domain: Annotated[str, Meta(description="Code of the domain of care.")]
    care_date: Annotated[date, Meta(description="The day of care it was computed for.")]
    state: Annotated[PecState, Meta(description="Where it is.")]
    asked_at: Annotated[datetime, Meta(description="When it was asked for (RFC 3339, UTC).")]
    expires_on: Annotated[date, Meta(description="Last day, included, on which it holds.")]


class PecList(msgspec.Struct, frozen=True):
    """An establishment's prises en charge, the newest first."""

    pecs: Annotated[list[PecStanding], Meta(description="At most 50.")]
    next_before: Annotated[
        datetime | None,
        Meta(description="Ask for `?before=` this to go on; null when there are no more."),
    ]


class KeepsPecs(Protocol):
    """Where an establishment's promises are."""

    async def find(self, place: Place) -> StandingPec | None:
        """Return a promise."""
        ...

    async def cancel(self, place: Place, *, establishment_ref: int) -> StandingPec | None:
        """Take a promise back; None when it is another's, or not good any more."""
        ...

    async def list_newest(
        self, establishment_ref: int, *, before: datetime, most: int
    ) -> Sequence[StandingPec]:
        """Return promises asked for before a moment, the newest first."""
        ...


class PecDoor:
    """The routes that follow prises en charge.

    Args:
        admission: Lets callers in.
        allowances: What each client may ask.
        pecs: Where promises are.
        engagement_secret: What their numbers are made with.
        clock: The time.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        allowances: Allowances,
        pecs: KeepsPecs,
        engagement_secret: bytes,
        clock: Clock,
    ) -> None:
        self._admission = admission
        self._allowances = allowances
        self._pecs = pecs
        self._secret = engagement_secret
        self._clock = clock

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request below `PECS_PATH`."""
        headers = dict(scope["headers"])
        language = choose_language(headers.get(b"accept-language", b"").decode("latin-1"))
        try:
            reply = await self._answer(cast("HTTPScope", scope), headers, receive)
        except RempartError as refusal:
            reply = self._admission.explain(refusal, language, now_ms=self._clock.now_ms())
        except Exception as bug:  # noqa: BLE001 - outermost layer: an anonymous 500, and it is logged
            log_bug("prises en charge", bug)
            reply = format_problem(None, language)
        await send_reply(reply, send)

    async def _answer(
        self, scope: HTTPScope, headers: dict[bytes, bytes], receive: Receive
    ) -> Reply:
        rest = scope["path"].removeprefix(PECS_PATH).strip("/")
        act = _choose(rest, scope["method"])
        admitted = await self._admission.admit(scope, now_ms=self._clock.now_ms())
        bearer = admitted.bearer
        self._allowances.check_can_ask_now(
            (bearer.client_ref, bearer.account_ref), now_ms=self._clock.steady_ms()
        )
        if bearer.establishment_ref is None:
            raise AccessDenied("prises en charge are an establishment's")
        if act == "list":
            return await self._list(bearer.establishment_ref, scope["query_string"])
        place = self._read_place(rest.removesuffix(_CANCEL))
        if act == "cancel":
            await read_body(receive, headers.get(b"content-length"), limit=0)
            return await self._cancel(place, bearer.establishment_ref)
        return _reply(self._describe(await self._find(place, bearer.establishment_ref)))

    async def _list(self, establishment_ref: int, query: bytes) -> Reply:
        before = _read_before(query) or _now(self._clock)
        pecs = await self._pecs.list_newest(establishment_ref, before=before, most=PAGE_SIZE + 1)
        shown = pecs[:PAGE_SIZE]
        more = shown[-1].asked_at if len(pecs) > PAGE_SIZE else None
        return _reply(PecList([self._describe(pec) for pec in shown], more))

    async def _find(self, place: Place, establishment_ref: int) -> StandingPec:
        pec = await self._pecs.find(place)
        if pec is None or pec.establishment_ref != establishment_ref:
            raise NotFound("no prise en charge of yours has this number")
        return pec

    async def _cancel(self, place: Place, establishment_ref: int) -> Reply:
        today = self._clock.today()
        pec = await self._find(place, establishment_ref)
        if pec.find_state(today) is PecState.AGREED:
            pec = await self._pecs.cancel(place, establishment_ref=establishment_ref) or pec
        if pec.find_state(today) is not PecState.CANCELLED:
            raise Conflict("this prise en charge holds no more: read it again")
        return _reply(self._describe(pec))

    def _read_place(self, number: str) -> Place:
        try:
            return Place(*parse_engagement(self._secret, number))
        except BadValue:
            raise NotFound("no prise en charge of yours has this number") from None

    def _describe(self, pec: StandingPec) -> PecStanding:
        return PecStanding(
            number=format_engagement(self._secret, pec.place.log_id, pec.place.idx),
            domain=pec.domain,
            care_date=pec.care_on,
            state=pec.find_state(self._clock.today()),
            asked_at=pec.asked_at.astimezone(UTC),
            expires_on=pec.expires_on,
        )


def _choose(rest: str, method: str) -> str:
    """Return what an address below `PECS_PATH` is for: list, read or cancel.

    Raises:
        NotFound: nothing is there.
        MethodNotAllowed: another method is.
    """
    act = "list" if not rest else "cancel" if rest.endswith(_CANCEL) else "read"
    if rest.removesuffix(_CANCEL).count("/"):
        raise NotFound("there is nothing here")
    allowed = "POST" if act == "cancel" else "GET"
    if method != allowed:
        raise MethodNotAllowed("GET, POST" if act == "list" else allowed)
    return act


def _read_before(query: bytes) -> datetime | None:
    """Return the moment of `?before=`, None when it is not given."""
    given = read_query(query, ("before",))
    try:
        return read_instant(given["before"]) if "before" in given else None
    except ValueError:
        raise InvalidQuestion([("before", SHAPE)]) from None


def _now(clock: Clock) -> datetime:
    # A little ahead: what the database wrote a moment ago by its own clock is not left out.
    return datetime.fromtimestamp(clock.now_ms() / 1000, UTC) + timedelta(minutes=5)


def _reply(shown: msgspec.Struct) -> Reply:
    return Reply(200, _JSON, msgspec.json.encode(shown))
