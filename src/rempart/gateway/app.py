"""The gateway as one ASGI application: the hot route, and four small ones behind it."""

import asyncio
import contextlib
import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from ipaddress import IPv4Network, IPv6Network
from typing import Any, Final, cast

import msgspec
from litestar import Litestar, Request, Response, asgi, get
from litestar.datastructures import State
from litestar.enums import ScopeType
from litestar.exceptions import HTTPException
from litestar.types import (
    HTTPScope,
    LifeSpanReceive,
    LifeSpanScope,
    LifeSpanSend,
    Receive,
    Scope,
    Send,
)

from rempart.accounts.allowance import Allowance
from rempart.accounts.containment import SLOW_EVERY_S
from rempart.client.keys import SigningKey
from rempart.gateway.admission import Admission
from rempart.gateway.allowances import Allowances
from rempart.gateway.batching import GroupCommit
from rempart.gateway.bearers import BearerDirectory, LoadStandings
from rempart.gateway.bugs import log_bug
from rempart.gateway.checkpoint_header import CheckpointHeader
from rempart.gateway.claims_gateway import Answers, ClaimParts, ClaimsGateway
from rempart.gateway.door import PATH, Messages, RightsDoor
from rempart.gateway.fhir_quotes import FHIR_QUOTES_PATH, make_fhir_messages
from rempart.gateway.keeper import Clock, DeskKeeper, OpensDesk
from rempart.gateway.languages import choose_language
from rempart.gateway.metrics import METRICS_TYPE, Metrics
from rempart.gateway.offline_routes import BATCHES_PATH, ENGAGEMENTS_PATH, OfflineDoor
from rempart.gateway.openapi import Readiness, build_openapi
from rempart.gateway.origins import make_address_finder
from rempart.gateway.pec_routes import PECS_PATH, KeepsPecs, PecDoor
from rempart.gateway.problems import MethodNotAllowed, format_problem
from rempart.gateway.proofs import ProofChecker, make_certificate_finder
from rempart.gateway.quote_messages import MAX_QUOTE_BYTES, QUOTES_PATH, PecParser, parse_quote
from rempart.gateway.signatures import PublicKey
from rempart.gateway.terminals import (
    LoadTerminal,
    Terminals,
    UseNonce,
    know_no_terminal,
    refuse_nonce,
)
from rempart.gateway.token_endpoint import TokenEndpoint, TokenParts
from rempart.gateway.token_messages import (
    KEYS_PATH,
    METADATA_PATH,
    build_keys,
    build_metadata,
)
from rempart.gateway.tokens import TokenReader
from rempart.gateway.unread import Intake
from rempart.kernel.errors import NotFound, RempartError
from rempart.workflows.accounts.issue_token import API_PATH, TOKEN_PATH, build_public_jwk
from rempart.workflows.rights.posture import LoadPosture, Posture, make_open_posture
from rempart.workflows.rights.reconcile_offline import Books
from rempart.workflows.rights.rights_desk import Answered, Asked

IDLE_CHECKPOINT_S: Final = 0.5
HOUSEKEEPING_S: Final = 60.0
POSTURE_S: Final = 1.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Parts:
    """What the gateway is built from; wiring makes them, and the bench makes others.

    Args:
        open_desk: Takes the log over and opens the connections behind it.
        load_standings: Loads what is known now of several bearers of tokens.
        tokens: What tokens are issued with.
        ping: Asks the database for a sign of life.
        keep_house: Forgets what has been kept long enough; called once a minute.
        do_jobs: Does the guard's jobs when they are due; asked once a minute, may take long.
        clock: The time.
        desk_clock: The time that is judged and written with; that of `clock` but in an exercise.
        allowance: What each client may ask.
        trusted_proxies: Peers whose X-Forwarded-For is believed.
        certificate_peers: Peers whose Client-Cert is believed: they checked the certificate.
        stop: Ends the process in good order.
        posture: What is cut and what needs presence, shared with the desk.
        load_posture: Reads it, once a second.
        load_terminal: Finds a reader of Vitale cards by the name of its key.
        use_nonce: Uses what a terminal signed up; False when it was used before.
        books: Where numbers for working offline are written; None: none are lent.
        pecs: Where prises en charge are followed; None: none are given.
        engagement_secret: What numbers of promises are made with.
        claims: What claims are taken in with; None: none are.
    """

    open_desk: OpensDesk
    load_standings: LoadStandings
    tokens: TokenParts
    ping: Callable[[], Awaitable[None]]
    keep_house: Callable[[], Awaitable[None]]
    clock: Clock
    allowance: Allowance
    trusted_proxies: Sequence[IPv4Network | IPv6Network]
    certificate_peers: Sequence[IPv4Network | IPv6Network]
    stop: Callable[[], None]
    desk_clock: Clock | None = None
    posture: Posture = field(default_factory=make_open_posture)
    do_jobs: Callable[[], Awaitable[None]] | None = None
    load_posture: LoadPosture | None = None
    load_terminal: LoadTerminal = know_no_terminal
    use_nonce: UseNonce = refuse_nonce
    books: Books | None = None
    pecs: KeepsPecs | None = None
    engagement_secret: bytes = bytes(32)
    claims: ClaimParts | None = None


class Gateway:
    """The tasks behind the routes, from the first request to the last checkpoint."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self.posture = parts.posture
        self.metrics = Metrics()
        self.keeper = DeskKeeper(
            parts.open_desk,
            clock=parts.desk_clock or parts.clock,
            metrics=self.metrics,
            stop=parts.stop,
        )
        self.checks: GroupCommit[Asked, Answered] = GroupCommit(
            self.keeper.check, when_idle=self.keeper.rest, idle_after_s=IDLE_CHECKPOINT_S
        )
        self.bearers = BearerDirectory(parts.load_standings)
        issuer = parts.tokens.issuer
        proofs = ProofChecker()
        find_address = make_address_finder(parts.trusted_proxies)
        find_certificate = make_certificate_finder(parts.certificate_peers)
        key = PublicKey(build_public_jwk(issuer.key_seed))
        admission = Admission(
            tokens=TokenReader(key, issuer=issuer.url, audience=issuer.url + API_PATH),
            proofs=proofs,
            bearers=self.bearers,
            find_certificate=find_certificate,
            url=issuer.url,
        )
        allowances = Allowances(parts.allowance)
        open_door = functools.partial(
            RightsDoor,
            admission=admission,
            allowances=allowances,
            checks=self.checks,
            clock=parts.clock,
            metrics=self.metrics,
            find_address=find_address,
            posture=parts.posture,
            terminals=Terminals(parts.load_terminal, parts.use_nonce, audience=issuer.url + PATH),
            slowed=Allowances(Allowance(rate_per_s=1 / SLOW_EVERY_S, burst=1)),
        )
        self.door = open_door()
        self.quotes = open_door(messages=Messages(parse_quote, MAX_QUOTE_BYTES))
        parser = PecParser(parts.engagement_secret)
        self.pec_requests = open_door(messages=Messages(parser.parse, MAX_QUOTE_BYTES))
        self.fhir_quotes = open_door(messages=make_fhir_messages(parts.engagement_secret))
        self.pecs = (
            None
            if parts.pecs is None
            else PecDoor(
                admission=admission,
                allowances=allowances,
                pecs=parts.pecs,
                engagement_secret=parts.engagement_secret,
                clock=parts.clock,
            )
        )
        self.offline = self._open_offline(admission, allowances, find_address)
        self.claims = self._open_claims(admission, find_address)
        self.token_endpoint = TokenEndpoint(
            parts.tokens,
            proofs=proofs,
            clock=parts.clock,
            metrics=self.metrics,
            find_address=find_address,
            find_certificate=find_certificate,
        )

    def _open_offline(
        self, admission: Admission, allowances: Allowances, find_address: Callable[..., str]
    ) -> OfflineDoor | None:
        parts = self._parts
        if parts.books is None:
            return None
        return OfflineDoor(
            admission=admission,
            allowances=allowances,
            keeper=self.keeper,
            books=parts.books,
            key=SigningKey.from_seed(parts.tokens.issuer.key_seed),
            clock=parts.clock,
            find_address=find_address,
            posture=parts.posture,
        )

    def _open_claims(
        self, admission: Admission, find_address: Callable[..., str]
    ) -> ClaimsGateway | None:
        parts = self._parts
        if parts.claims is None:
            return None
        return ClaimsGateway(
            parts.claims,
            admission=admission,
            # Of their own: whoever spends the allowance of rights checks still bills.
            allowances=Allowances(parts.allowance),
            keeper=self.keeper,
            clock=parts.clock,
            metrics=self.metrics,
            find_address=find_address,
        )

    async def is_database_there(self) -> bool:
        """Ask the database for a sign of life."""
        try:
            await self._parts.ping()
        except RempartError:
            return False
        return True

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the tasks; at the end, answer what waits, keep a checkpoint and close.

        A crash at any point of the closing loses nothing: only the last checkpoint may be missing,
        and the next start finds the head where the last commit left it.
        """
        commits: list[GroupCommit[Any, Any] | BearerDirectory]
        commits = [self.checks, self.bearers, *(self.claims.commits if self.claims else ())]
        working = [asyncio.create_task(work.run()) for work in commits]
        watching = [
            asyncio.create_task(task)
            for task in (
                self.keeper.run(),
                self._repeat(self._parts.keep_house, "keeping house"),
                self._repeat(self._parts.do_jobs, "the guard's jobs"),
                self._watch_posture(),
                *([] if self.claims is None else [self.claims.door.run()]),
            )
        ]
        try:
            yield
        finally:
            for work in commits:
                work.close()
            await asyncio.gather(*working)
            for task in watching:
                task.cancel()
            await asyncio.gather(*watching, return_exceptions=True)
            await self.keeper.close()

    async def _watch_posture(self) -> None:
        """Read what is cut, once a second: a cut bites in two seconds at most, everywhere."""
        load = self._parts.load_posture
        while load is not None:
            try:
                await self._parts.posture.refresh(load)
            except RempartError:
                pass  # the database is away, and with it every answer: what was known stays
            except Exception as bug:  # noqa: BLE001 - outermost layer of this task
                log_bug("reading what is cut", bug)
            await asyncio.sleep(POSTURE_S)

    async def _repeat(self, work: Callable[[], Awaitable[None]] | None, name: str) -> None:
        while work is not None:
            await asyncio.sleep(HOUSEKEEPING_S)
            try:
                await work()
            except RempartError:
                continue  # the database is away: in a minute again
            except Exception as bug:  # noqa: BLE001 - outermost layer of this task
                log_bug(name, bug)


class GatewayApp(Litestar):
    """Requests to the very path of rights checks go straight to the handler of that route.

    The framework's routing and layers do nothing for a rights check and cost a tenth of it; and it
    does not lead to bare applications below an address that has a parameter.

    Args:
        door: Answers rights checks.
        checkpoint_header: Adds the checkpoint to every answer.
        below: What answers at an address and everywhere below it.
    """

    def __init__(
        self,
        door: RightsDoor,
        checkpoint_header: CheckpointHeader,
        *,
        below: Mapping[str, Answers],
        **options: Any,
    ) -> None:
        super().__init__(**options)
        self._door = door
        self.below = below
        self._checkpoint_header = checkpoint_header
        self._intake = Intake()

    def __call__(
        self,
        scope: Scope | LifeSpanScope,
        receive: Receive | LifeSpanReceive,
        send: Send | LifeSpanSend,
    ) -> Coroutine[Any, Any, None]:
        """Answer one request, or live through the process's life."""
        if scope["type"] != ScopeType.HTTP:
            return super().__call__(scope, receive, send)
        request = cast("Scope", scope)
        answers: Any = super().__call__
        if request["path"] == PATH:
            answers = self._door
        elif below := self._find_below(request["path"]):
            answers = below
        send = self._checkpoint_header.wrap(cast("Send", send))
        return self._intake.serve(
            cast("Any", request), cast("Any", receive), lambda read: answers(request, read, send)
        )

    def _find_below(self, path: str) -> Answers | None:
        for address, answer in self.below.items():
            if path == address or path.startswith(address + "/"):
                return answer
        return None


def build_app(parts: Parts, *, lifespan: Sequence[Any] = ()) -> GatewayApp:
    """Build the application.

    Args:
        parts: What it works with.
        lifespan: What must be open around the gateway's own tasks, outermost first: context
            managers made from the application.
    """
    gateway = Gateway(parts)

    @contextlib.asynccontextmanager
    async def run_gateway(_: Litestar) -> AsyncIterator[None]:
        async with gateway.running():
            yield

    return GatewayApp(
        gateway.door,
        CheckpointHeader(gateway.keeper.find_checkpoint),
        below={
            FHIR_QUOTES_PATH: gateway.fhir_quotes,
            **_make_pec_door(gateway),
            **({} if gateway.claims is None else gateway.claims.below()),
        },
        route_handlers=[
            _make_rights_route(gateway.door),
            *_make_token_routes(gateway.token_endpoint, parts.tokens),
            *_make_offline_routes(gateway.offline),
            *_make_quote_routes(gateway),
            *_make_small_routes(gateway),
        ],
        exception_handlers={HTTPException: _explain_http, Exception: _explain_bug},
        lifespan=[*lifespan, run_gateway],
        openapi_config=None,
        state=State({"gateway": gateway}),
        logging_config=None,
    )


def _make_rights_route(door: RightsDoor) -> Any:
    @asgi(PATH, copy_scope=False)
    async def check_rights_over_http(scope: Scope, receive: Receive, send: Send) -> None:
        await door(scope, receive, send)

    return check_rights_over_http


def _make_offline_routes(door: OfflineDoor | None) -> list[Any]:
    if door is None:
        return []

    @asgi(BATCHES_PATH, copy_scope=False)
    async def lend_numbers_over_http(scope: Scope, receive: Receive, send: Send) -> None:
        await door(scope, receive, send)

    @asgi(ENGAGEMENTS_PATH, copy_scope=False)
    async def settle_numbers_over_http(scope: Scope, receive: Receive, send: Send) -> None:
        await door(scope, receive, send)

    return [lend_numbers_over_http, settle_numbers_over_http]


def _make_quote_routes(gateway: Gateway) -> list[Any]:
    @asgi(QUOTES_PATH, copy_scope=False)
    async def quote_over_http(scope: Scope, receive: Receive, send: Send) -> None:
        await gateway.quotes(scope, receive, send)

    return [quote_over_http]


def _make_pec_door(gateway: Gateway) -> dict[str, Answers]:
    """Make what answers at and below the address of prises en charge."""
    follow = gateway.pecs
    if follow is None:
        return {}

    async def answer(scope: Scope, receive: Receive, send: Send) -> None:
        is_asked = scope["path"] == PECS_PATH and cast("HTTPScope", scope)["method"] == "POST"
        await (gateway.pec_requests if is_asked else follow)(scope, receive, send)

    return {PECS_PATH: answer}


def _make_token_routes(endpoint: TokenEndpoint, parts: TokenParts) -> list[Any]:
    keys = msgspec.json.encode(build_keys(parts.issuer))
    metadata = msgspec.json.encode(build_metadata(parts.issuer.url))

    @asgi(TOKEN_PATH, copy_scope=False)
    async def give_token_over_http(scope: Scope, receive: Receive, send: Send) -> None:
        await endpoint(scope, receive, send)

    @get(KEYS_PATH, sync_to_thread=False)
    def read_keys() -> Response[bytes]:
        return Response(keys, media_type="application/jwk-set+json")

    @get(METADATA_PATH, sync_to_thread=False)
    def read_metadata() -> Response[bytes]:
        return Response(metadata, media_type="application/json")

    return [give_token_over_http, read_keys, read_metadata]


def _make_small_routes(gateway: Gateway) -> list[Any]:
    document = msgspec.json.encode(build_openapi())

    @get("/v1/openapi.json", sync_to_thread=False)
    def read_openapi() -> Response[bytes]:
        return Response(document, media_type="application/json")

    @get("/healthz", sync_to_thread=False)
    def read_health() -> Response[bytes]:
        return Response(b"ok\n", media_type="text/plain")

    @get("/readyz")
    async def read_readiness() -> Response[bytes]:
        readiness = Readiness(await gateway.is_database_there(), gateway.keeper.is_open)
        is_ready = readiness.database and readiness.ledger and gateway.posture.is_known
        return Response(
            msgspec.json.encode(readiness),
            media_type="application/json",
            status_code=200 if is_ready else 503,
            headers={} if is_ready else {"Retry-After": "1"},
        )

    @get("/metrics", sync_to_thread=False)
    def read_metrics() -> Response[bytes]:
        return Response(gateway.metrics.format(), media_type=METRICS_TYPE)

    return [read_openapi, read_health, read_readiness, read_metrics]


def _explain_http(request: Request[Any, Any, Any], failure: HTTPException) -> Response[bytes]:
    """Explain what the framework refuses: paths and methods that do not exist."""
    if failure.status_code == 405:
        return _respond(request, MethodNotAllowed("GET"))
    return _respond(request, NotFound("there is nothing here"))


def _explain_bug(request: Request[Any, Any, Any], bug: Exception) -> Response[bytes]:
    log_bug("a small route", bug)
    return _respond(request, None)


def _respond(request: Request[Any, Any, Any], refusal: RempartError | None) -> Response[bytes]:
    reply = format_problem(refusal, choose_language(request.headers.get("accept-language", "")))
    return Response(
        reply.body,
        status_code=reply.status,
        media_type=reply.content_type.decode(),
        headers={name.decode(): value.decode() for name, value in reply.headers},
    )
