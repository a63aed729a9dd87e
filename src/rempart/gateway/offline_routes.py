"""Working offline, at the door: numbers lent beforehand, and what was promised with them after.

Refuses what the door refuses: a caller without a bound token, one too fast, a body too large. Whom
an operator holds is lent no new number; what was promised is always settled.
"""

import hashlib
import secrets
from collections.abc import Awaitable, Callable
from datetime import UTC, date, datetime
from typing import Annotated, Any, Final, Protocol, cast

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send
from msgspec import Meta

from rempart.accounts.session import Origin
from rempart.claims.claim import MOST_CENTS
from rempart.client.keys import SigningKey
from rempart.disclosure.entry import Purpose
from rempart.gateway.admission import Admission
from rempart.gateway.allowances import Allowances
from rempart.gateway.bugs import log_bug
from rempart.gateway.claim_calls import YEARS
from rempart.gateway.keeper import Clock
from rempart.gateway.languages import choose_language
from rempart.gateway.origins import NOWHERE, read_agent
from rempart.gateway.problems import InvalidQuestion, MethodNotAllowed, Reply, format_problem
from rempart.gateway.requests import read_body, send_reply
from rempart.gateway.token_messages import KEYS_PATH
from rempart.kernel.errors import MalformedRequest, RempartError
from rempart.kernel.findings import BadValue, Refusal
from rempart.kernel.instants import to_paris_day
from rempart.rights.lookup import parse_card_code
from rempart.rights.offline_engagement import OfflineNumber, OfflineReport, RefusedBecause
from rempart.tariffs.domains import Domain
from rempart.workflows.rights.posture import Posture
from rempart.workflows.rights.reconcile_offline import (
    Books,
    Brought,
    lend_numbers,
    reconcile_offline,
)
from rempart.workflows.rights.rights_desk import Desk, Question

BATCHES_PATH: Final = "/v1/offline-batches"
ENGAGEMENTS_PATH: Final = "/v1/offline-engagements"
MAX_BODY_BYTES: Final = 16 * 1024
MAX_REPORTS: Final = 40
NUMBERS_TYPE: Final = "rempart-numbers+jws"
_JSON: Final = b"application/json"

REPORT: Final = Refusal(
    rule="offline_report",
    fr="Ce rapport hors ligne n'est pas de la forme attendue.",
    en="This offline report is not of the shape expected.",
    advice_fr="Voir /v1/openapi.json ; au plus 40 numéros, chacun une fois.",
    advice_en="See /v1/openapi.json; at most 40 numbers, each once.",
)


class OfflineBatch(msgspec.Struct, frozen=True):
    """Numbers lent to an establishment, to promise payment while the door is shut."""

    numbers: Annotated[list[str], Meta(description="The numbers; none when the day's are lent.")]
    amount_cents: Annotated[int, Meta(description="The most that one number promises, cents.")]
    expires_at: Annotated[str, Meta(description="Worth nothing from then on (RFC 3339, UTC).")]
    signed: Annotated[
        str,
        Meta(
            description=(
                "The same as a compact JWS (`typ` `rempart-numbers+jws`), signed with the key of "
                f"`{KEYS_PATH}`: keep it as proof of what was lent."
            )
        ),
    ]


class OfflineEngagement(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What a device promised while the door was shut."""

    number: Annotated[str, Meta(description="The number it gave.")]
    card_code: Annotated[str, Meta(description="Presence code of the card, 27 characters.")]
    domain: Annotated[str, Meta(description="Code of the care domain.")]
    care_date: Annotated[date, Meta(description="The day of care.")]
    amount_cents: Annotated[
        int, Meta(description="What is claimed under it, cents.", ge=0, le=MOST_CENTS)
    ]
    given_at: Annotated[datetime, Meta(description="When it was given (RFC 3339).", tz=True)]
    list_issued_on: Annotated[
        date, Meta(description="Day of the list of revocations the card was checked against.")
    ]


class OfflineReports(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Everything a device has to report."""

    engagements: Annotated[
        list[OfflineEngagement],
        Meta(description="At most 40, each number once.", min_length=1, max_length=MAX_REPORTS),
    ]


class OfflineResult(msgspec.Struct, frozen=True):
    """What became of one number."""

    number: Annotated[str, Meta(description="The number.")]
    accepted: Annotated[bool, Meta(description="Whether it promises payment.")]
    reason: Annotated[RefusedBecause | None, Meta(description="Why not; null when it does.")]
    log: Annotated[str, Meta(description="Public name of the log it was written in.")]
    index: Annotated[int, Meta(description="Place of the entry in the log.", ge=0)]


class OfflineResults(msgspec.Struct, frozen=True):
    """What became of every number, in the order sent."""

    results: Annotated[list[OfflineResult], Meta(description="One per number.")]


class PerformsBatch(Protocol):
    """Runs something with the desk, alone."""

    async def perform(self, work: Callable[[Desk], Awaitable[Any]]) -> Any:
        """Run it; everything that fails loses the desk."""
        ...


_DECODER: Final = msgspec.json.Decoder(OfflineReports)


class OfflineDoor:
    """The two routes of working offline."""

    def __init__(
        self,
        *,
        admission: Admission,
        allowances: Allowances,
        keeper: PerformsBatch,
        books: Books,
        key: SigningKey,
        clock: Clock,
        find_address: Callable[[str, bytes], str],
        posture: Posture,
    ) -> None:
        self._admission = admission
        self._allowances = allowances
        self._keeper = keeper
        self._books = books
        self._key = key
        self._clock = clock
        self._find_address = find_address
        self._posture = posture

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request to either path."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        try:
            reply = await self._answer(cast("HTTPScope", scope), headers, receive)
        except RempartError as refusal:
            reply = self._admission.explain(
                refusal,
                choose_language(headers.get(b"accept-language", b"").decode("latin-1")),
                now_ms=self._clock.now_ms(),
            )
        except Exception as bug:  # noqa: BLE001 - outermost layer: an anonymous 500, and it is logged
            log_bug("working offline", bug)
            reply = format_problem(None, "fr")
        await send_reply(reply, send)

    async def _answer(
        self, scope: HTTPScope, headers: dict[bytes, bytes], receive: Receive
    ) -> Reply:
        if scope["method"] != "POST":
            raise MethodNotAllowed("POST")
        now_ms = self._clock.now_ms()
        admitted = await self._admission.admit(scope, now_ms=now_ms)
        bearer = admitted.bearer
        self._allowances.check_can_ask_now(
            (bearer.client_ref, bearer.account_ref), now_ms=self._clock.steady_ms()
        )
        body = await read_body(receive, headers.get(b"content-length"), limit=MAX_BODY_BYTES)
        if scope["path"] == BATCHES_PATH:
            self._posture.check_not_held(
                bearer,
                profession=admitted.profession,
                proved_ms=admitted.proved_ms,
                now_ms=now_ms,
            )
            return await self._lend(bearer.account_ref, bearer.establishment_ref, now_ms)
        peer = scope["client"]
        origin = Origin(
            bearer.client_ref,
            bearer.account_ref,
            admitted.method,
            self._find_address(peer[0] if peer else NOWHERE, headers.get(b"x-forwarded-for", b"")),
            read_agent(headers.get(b"user-agent", b"")),
            bearer.portal_session_ref,
        )
        return await self._settle(body, origin, bearer.establishment_ref, now_ms)

    async def _lend(self, account_ref: int, establishment_ref: int | None, now_ms: int) -> Reply:
        lent, numbers = await lend_numbers(
            self._books,
            account_ref=account_ref,
            establishment_ref=establishment_ref,
            batch_ref=secrets.randbits(62),
            now_ms=now_ms,
            today=self._clock.today(),
        )
        expires_at = datetime.fromtimestamp(lent.expires_ms // 1000, UTC).isoformat()
        claims = {
            "sub": str(establishment_ref),
            "iat": now_ms // 1000,
            "exp": lent.expires_ms // 1000,
            "amount_cents": lent.amount_cents,
            "numbers": list(numbers),
        }
        header = {"typ": NUMBERS_TYPE, "kid": self._key.thumbprint}
        batch = OfflineBatch(
            list(numbers), lent.amount_cents, expires_at, self._key.sign(header, claims)
        )
        return Reply(200, _JSON, msgspec.json.encode(batch))

    async def _settle(
        self, body: bytes, origin: Origin, establishment_ref: int | None, now_ms: int
    ) -> Reply:
        brought = _parse(body)
        settled = await self._keeper.perform(
            lambda desk: reconcile_offline(
                desk,
                self._books,
                brought,
                origin=origin,
                establishment_ref=establishment_ref,
                now_ms=now_ms,
                today=self._clock.today(),
            )
        )
        results = [
            OfflineResult(one.number, one.reason is None, one.reason, one.log, one.entry_index)
            for one in settled
        ]
        return Reply(200, _JSON, msgspec.json.encode(OfflineResults(results)))


def _parse(body: bytes) -> list[Brought]:
    try:
        reports = _DECODER.decode(body).engagements
    except msgspec.ValidationError:
        raise InvalidQuestion([("engagements", REPORT)]) from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise MalformedRequest("the body is not JSON") from None
    brought = []
    for place, one in enumerate(reports):
        try:
            brought.append(_read(one))
        except BadValue as wrong:
            raise InvalidQuestion([(f"engagements.{place}", wrong.refusal)]) from None
    if len({(b.report.number.batch_ref, b.report.number.place) for b in brought}) != len(brought):
        raise InvalidQuestion([("engagements", REPORT)])
    return brought


def _read(one: OfflineEngagement) -> Brought:
    if one.given_at.year not in YEARS:
        raise BadValue(REPORT)
    return Brought(
        report=OfflineReport(
            number=OfflineNumber.parse(one.number),
            amount_cents=one.amount_cents,
            given_ms=int(one.given_at.timestamp() * 1000),
            care_date=one.care_date,
            list_issued_on=one.list_issued_on,
        ),
        question=Question(
            identifiers=parse_card_code(one.card_code),
            domain=Domain.parse(one.domain),
            care_date=one.care_date,
            purpose=Purpose.BILLING,
        ),
        given_on=to_paris_day(one.given_at),
        digest=hashlib.sha256(msgspec.json.encode(one)).digest(),
    )
