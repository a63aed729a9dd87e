"""Claims at the door: taken in, listed, read, taken back.

Nothing here asks whether rights are cut, whether presence was shown or whether the guard holds who
sends: claims and payments are never cut by a step on rights. Whoever was stopped altogether has no
token that works. What is answered at once is a technical acknowledgement; what became of a claim is
read afterwards, and is in the ledger before it leaves.
"""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Final, Protocol, TypeAlias, cast

import msgspec
from litestar.types import HTTPScope, Receive, Scope, Send

from rempart.accounts.session import Origin
from rempart.accounts.tokens import CLAIMS_SCOPE
from rempart.claims.references import format_reference, parse_reference
from rempart.claims.states import ClaimState
from rempart.exchange.billed_claim import MOST_LETTERS, BilledClaim, is_printable
from rempart.exchange.claim_json import MOST_CLAIMS, TOO_MANY, read_claim, split_claims
from rempart.exchange.fhir_claim import format_acknowledgement, read_fhir_claim
from rempart.gateway.admission import Admission
from rempart.gateway.allowances import Allowances
from rempart.gateway.batching import GroupCommit
from rempart.gateway.bugs import log_bug
from rempart.gateway.claim_calls import (
    FHIR,
    JSON,
    Call,
    check_media_type,
    read_instant,
    read_query,
)
from rempart.gateway.claim_messages import (
    CancelAsked,
    ClaimsTaken,
    RefusedClaim,
    TakenClaim,
    describe_claim,
    describe_faults,
    describe_list,
)
from rempart.gateway.keeper import Clock
from rempart.gateway.languages import choose_language
from rempart.gateway.lot_routes import LotDesk
from rempart.gateway.metrics import Metrics
from rempart.gateway.origins import NOWHERE, read_agent
from rempart.gateway.problems import InvalidQuestion, MethodNotAllowed, Reply, format_problem
from rempart.gateway.questions import SHAPE
from rempart.gateway.requests import read_body, send_reply
from rempart.kernel.errors import AccessDenied, NotFound, RempartError
from rempart.workflows.claims import read_claims
from rempart.workflows.claims.read_claims import Reading, Receipt, Told, Wish
from rempart.workflows.claims.take_claims import Refused, Sent, Taken
from rempart.workflows.rights.rights_desk import ClaimLook

CLAIMS_PATH: Final = "/v1/claims"
LOTS_PATH: Final = "/v1/lots"
FHIR_PATH: Final = "/fhir/Claim/$submit"
MAX_BODY_BYTES: Final = 2 * 1024 * 1024
MOST_ON_PAGE: Final = 100
USUAL_PAGE: Final = 50
CALL_EVERY_S: Final = 1.0
_WISHES: Final = frozenset({"since", "state", "invoice", "lot", "after", "most"})


Act: TypeAlias = Callable[[Call, str], Awaitable[Reply]]
"""Answers a call, with the reference in its path."""


class Shelf(read_claims.Reader, Protocol):
    """Where claims are read and taken back."""

    async def ask_cancel(
        self, claim_ref: int, *, establishment_ref: int, account_ref: int, reason: str
    ) -> bool:
        """Ask that a claim be taken back; False when the establishment billed no such claim."""
        ...

    async def call_adjudication(self) -> None:
        """Say that claims wait."""
        ...


class ClaimsDoor:
    """The routes of claims and lots."""

    def __init__(
        self,
        *,
        admission: Admission,
        allowances: Allowances,
        judging: GroupCommit[ClaimLook, bool],
        readings: GroupCommit[Told, Sequence[Receipt]],
        intake: GroupCommit[Sent, Taken | Refused],
        shelf: Shelf,
        lots: LotDesk,
        clock: Clock,
        metrics: Metrics,
        find_address: Callable[[str, bytes], str],
    ) -> None:
        self._admission = admission
        self._allowances = allowances
        self._judging = judging
        self._readings = readings
        self._intake = intake
        self._shelf = shelf
        self._lots = lots
        self._clock = clock
        self._metrics = metrics
        self._find_address = find_address
        self._waiting = asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request to any of the paths."""
        headers: dict[bytes, bytes] = dict(scope["headers"])
        language = choose_language(headers.get(b"accept-language", b"").decode("latin-1"))
        try:
            reply = await self._answer(cast("HTTPScope", scope), headers, receive)
        except RempartError as refusal:
            self._metrics.problems.labels(refusal.code).inc()
            reply = self._admission.explain(refusal, language, now_ms=self._clock.now_ms())
        except Exception as bug:  # noqa: BLE001 - outermost layer: an anonymous 500, and it is logged
            log_bug("a claim", bug)
            reply = format_problem(None, language)
        await send_reply(reply, send)

    async def run(self) -> None:
        """Say to whoever shares claims out that some wait, at most once a second.

        Nothing is lost when it fails: they are looked for every minute anyway.
        """
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            try:
                await self._shelf.call_adjudication()
            except RempartError:
                pass  # the database is away, and with it whoever would do the work
            except Exception as bug:  # noqa: BLE001 - outermost layer of this task
                log_bug("calling for adjudication", bug)
            await asyncio.sleep(CALL_EVERY_S)

    async def _answer(
        self, scope: HTTPScope, headers: dict[bytes, bytes], receive: Receive
    ) -> Reply:
        """Choose what to do: the path first, who asks next, the body last."""
        path, method = scope["path"], scope["method"]
        act, reference = self._find_act(path, method)
        now_ms = self._clock.now_ms()
        admitted = await self._admission.admit(scope, now_ms=now_ms, use=CLAIMS_SCOPE)
        bearer = admitted.bearer
        self._allowances.check_can_ask_now(
            (bearer.client_ref, bearer.account_ref), now_ms=self._clock.steady_ms()
        )
        if bearer.establishment_ref is None:
            raise AccessDenied("claims are billed by an establishment")
        peer = scope["client"]
        origin = Origin(
            bearer.client_ref,
            bearer.account_ref,
            admitted.method,
            self._find_address(peer[0] if peer else NOWHERE, headers.get(b"x-forwarded-for", b"")),
            read_agent(headers.get(b"user-agent", b"")),
            bearer.portal_session_ref,
        )
        call = Call(scope, headers, receive, origin, bearer.establishment_ref, now_ms)
        reply = await act(call, reference)
        if admitted.next_nonce is not None:
            nonce = (b"dpop-nonce", admitted.next_nonce.encode())
            reply = reply._replace(headers=(*reply.headers, nonce))
        return reply

    def _find_act(self, path: str, method: str) -> tuple[Act, str]:
        """Return what answers a path, and the reference in it.

        Raises:
            NotFound: there is no such path.
            MethodNotAllowed: it is for another method.
        """
        acts: dict[str, Act]
        reference = ""
        match path.split("/")[1:]:
            case ["fhir", *_] if path == FHIR_PATH:
                acts = {"POST": self._take_fhir}
            case ["v1", "claims"]:
                acts = {"GET": self._list, "POST": self._take}
            case ["v1", "claims", reference]:
                acts = {"GET": self._read}
            case ["v1", "claims", reference, "cancel"]:
                acts = {"POST": self._cancel}
            case ["v1", "lots"]:
                acts = {"POST": self._take_lots}
            case ["v1", "lots", reference]:
                acts = {"GET": self._read_lot}
            case _:
                raise NotFound("there is nothing here")
        if method not in acts:
            raise MethodNotAllowed(", ".join(acts))
        return acts[method], reference

    async def _take(self, call: Call, _: str) -> Reply:
        check_media_type(call.headers, {JSON})
        texts = split_claims(await self._read_body(call))
        if not 1 <= len(texts) <= MOST_CLAIMS:
            raise InvalidQuestion([("claims", TOO_MANY)])
        read = [read_claim(text) for text in texts]
        sender = call.make_sender("json")
        results = await asyncio.gather(
            *(
                _pass(Refused(one))
                if isinstance(one, tuple)
                else self._intake.submit(Sent(one, sender))
                for one in read
            )
        )
        accepted, refused = [], []
        for at, (one, result) in enumerate(zip(read, results, strict=True), 1):
            if isinstance(result, Taken) and isinstance(one, BilledClaim):
                name = format_reference(result.claim_ref)
                accepted.append(TakenClaim(at, one.invoice, name))
            elif isinstance(result, Refused):
                refused.append(RefusedClaim(at, describe_faults(result.faults)))
        self._count("json", len(accepted), len(refused))
        answer = ClaimsTaken(accepted, refused)
        return Reply(202 if accepted else 422, JSON, msgspec.json.encode(answer))

    async def _take_fhir(self, call: Call, _: str) -> Reply:
        check_media_type(call.headers, {FHIR, JSON})
        body = await self._read_body(call)
        read = read_fhir_claim(body)
        result: Taken | Refused
        if isinstance(read, tuple):
            result = Refused(read)
        else:
            result = await self._intake.submit(Sent(read, call.make_sender("fhir")))
        is_taken = isinstance(result, Taken)
        self._count("fhir", int(is_taken), int(not is_taken))
        answer = format_acknowledgement(
            body,
            created=datetime.fromtimestamp(call.now_ms // 1000, UTC).isoformat(),
            reference=format_reference(result.claim_ref) if isinstance(result, Taken) else None,
            faults=result.faults if isinstance(result, Refused) else (),
        )
        return Reply(200 if is_taken else 422, FHIR, answer)

    async def _take_lots(self, call: Call, _: str) -> Reply:
        reply, taken, refused, channel = await self._lots.take(call)
        self._count(channel, taken, refused)
        return reply

    async def _read_lot(self, call: Call, reference: str) -> Reply:
        return await self._lots.read(call, reference)

    async def _list(self, call: Call, _: str) -> Reply:
        wish = _read_wish(call.scope["query_string"])
        found = await read_claims.list_claims(
            self._shelf,
            wish,
            reading=_make_reading(call),
            record=self._make_record(call),
        )
        return Reply(200, JSON, msgspec.json.encode(describe_list(found, most=wish.most)))

    async def _read(self, call: Call, reference: str) -> Reply:
        found, receipt = await read_claims.read_claim(
            self._shelf,
            parse_reference(reference),
            reading=_make_reading(call),
            judge=self._judging.submit,
            record=self._make_record(call),
        )
        return Reply(200, JSON, msgspec.json.encode(describe_claim(found, receipt)))

    async def _cancel(self, call: Call, reference: str) -> Reply:
        claim_ref = parse_reference(reference)
        is_asked = claim_ref is not None and await self._shelf.ask_cancel(
            claim_ref,
            establishment_ref=call.establishment_ref,
            account_ref=call.origin.account_ref,
            reason="asked by its biller",
        )
        if claim_ref is None or not is_asked:
            raise NotFound("the establishment billed no such claim")
        self._waiting.set()
        asked = CancelAsked(format_reference(claim_ref))
        return Reply(202, JSON, msgspec.json.encode(asked))

    def _make_record(self, call: Call) -> read_claims.Record:
        """Return what writes that a call is told something, together with those that wait."""
        return lambda drafts: self._readings.submit(Told(drafts, call.origin))

    async def _read_body(self, call: Call) -> bytes:
        announced = call.headers.get(b"content-length")
        return await read_body(call.receive, announced, limit=MAX_BODY_BYTES)

    def _count(self, channel: str, taken: int, refused: int) -> None:
        self._metrics.claims.labels(channel, "taken").inc(taken)
        self._metrics.claims.labels(channel, "refused").inc(refused)
        if taken:
            self._waiting.set()


def _make_reading(call: Call) -> Reading:
    return Reading(call.origin, call.establishment_ref, secrets.token_bytes(16))


async def _pass(refused: Refused) -> Refused:
    """Give a refusal as if it had been waited for."""
    return refused


def _read_wish(query: bytes) -> Wish:
    """Read which claims are asked for.

    Raises:
        InvalidQuestion: a name is not one of ours, is given twice, or its value cannot be.
    """
    given = read_query(query, _WISHES)
    try:
        since = read_instant(given["since"]) if "since" in given else None
        state = ClaimState(given["state"]) if "state" in given else None
        refs = {name: parse_reference(given[name]) for name in ("lot", "after") if name in given}
        most = int(given.get("most", USUAL_PAGE))
    except ValueError:
        raise InvalidQuestion([("query", SHAPE)]) from None
    invoice = given.get("invoice")
    is_wrong = (
        None in refs.values()
        or not 1 <= most <= MOST_ON_PAGE
        or (invoice is not None and not is_printable(invoice, MOST_LETTERS))
    )
    if is_wrong:
        raise InvalidQuestion([("query", SHAPE)])
    return Wish(since, state, invoice, refs.get("lot"), refs.get("after"), most)
