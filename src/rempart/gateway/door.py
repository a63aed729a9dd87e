"""POST /v1/rights-checks, and what is asked like one, as a bare ASGI application: the hot path.

Refuses early and cheaply: method and format before anything is read, the token before the body,
the allowance and what holds the caller before the body, the body before the database.
"""

import hashlib
import secrets
from collections.abc import Callable
from datetime import date
from typing import Final, NamedTuple, Protocol, cast

from litestar.types import HTTPScope, Receive, Scope, Send

from rempart.accounts.containment import SignInAgain, SlowedDown
from rempart.accounts.dpop import NonceNeeded
from rempart.accounts.session import Origin
from rempart.accounts.tokens import Bearer
from rempart.gateway.admission import Admission, Admitted
from rempart.gateway.allowances import Allowances
from rempart.gateway.batching import GroupCommit
from rempart.gateway.bugs import log_bug
from rempart.gateway.keeper import Clock
from rempart.gateway.languages import choose_language
from rempart.gateway.metrics import Metrics
from rempart.gateway.origins import NOWHERE, read_agent
from rempart.gateway.problems import InvalidQuestion, MethodNotAllowed, Reply, format_problem
from rempart.gateway.questions import MAX_BODY_BYTES, parse_question
from rempart.gateway.requests import read_body, send_reply
from rempart.gateway.terminals import Terminals
from rempart.kernel.errors import AccessDenied, RempartError, TooManyRequests, UnsupportedMediaType
from rempart.kernel.findings import Refusal
from rempart.kernel.periods import Period
from rempart.rights.lookup import TypedIdentifiers
from rempart.tariffs.parameters import compute_care_dates
from rempart.workflows.rights.posture import Held, Posture
from rempart.workflows.rights.rights_desk import Answered, Asked, Question

PATH: Final = "/v1/rights-checks"
ANSWER_TYPE: Final = b"application/json"
MAX_KEY_LENGTH: Final = 128

IDEMPOTENCY_KEY: Final = Refusal(
    rule="idempotency_key",
    fr="La clé d'idempotence n'a pas de 1 à 128 caractères ASCII visibles.",
    en="The idempotency key does not have 1 to 128 visible ASCII characters.",
    advice_fr="Envoyer par exemple un UUID, ou retirer l'en-tête.",
    advice_en="Send for instance a UUID, or leave the header out.",
)

Headers = dict[bytes, bytes]


class ParseQuestion(Protocol):
    """Reads a body."""

    def __call__(self, body: bytes, *, care_dates: Period) -> Question:
        """Return the question of a body.

        Raises:
            MalformedRequest, InvalidQuestion: it is none, or cannot be true.
        """
        ...


class WriteAnswer(Protocol):
    """Writes an answer in another format."""

    def __call__(self, answer: bytes, *, asked: bytes, today: date) -> bytes:
        """Return what an answer in JSON says, to the request that asked it; no more, no less."""
        ...


class Messages(NamedTuple):
    """What is asked at one address: how bodies are read, how long they may be, how to answer.

    Attributes:
        parse: Reads a body.
        most_bytes: How long it may be.
        accepted: Formats it may be announced in.
        answer_type: Format of the answer.
        write: Writes it; None for JSON.
    """

    parse: ParseQuestion
    most_bytes: int
    accepted: frozenset[bytes] = frozenset({ANSWER_TYPE})
    answer_type: bytes = ANSWER_TYPE
    write: WriteAnswer | None = None


RIGHTS_CHECKS: Final = Messages(parse_question, MAX_BODY_BYTES)


class RightsDoor:
    """The one way through which rights are learned.

    Args:
        messages: What is asked at its address; everything else is the same at each.
    """

    def __init__(
        self,
        *,
        admission: Admission,
        allowances: Allowances,
        checks: GroupCommit[Asked, Answered],
        clock: Clock,
        metrics: Metrics,
        find_address: Callable[[str, bytes], str],
        posture: Posture,
        terminals: Terminals,
        slowed: Allowances,
        messages: Messages = RIGHTS_CHECKS,
    ) -> None:
        self._messages = messages
        self._admission = admission
        self._allowances = allowances
        self._checks = checks
        self._clock = clock
        self._metrics = metrics
        self._find_address = find_address
        self._posture = posture
        self._terminals = terminals
        # Whoever is slowed asks once in so long, at whatever address; the first one is answered.
        self._slowed = slowed
        self._care_dates: tuple[date, Period] | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request, whatever it is."""
        headers: Headers = dict(scope["headers"])
        try:
            reply = await self._check(cast("HTTPScope", scope), headers, receive)
        except RempartError as refusal:
            reply = self._explain(refusal, headers)
        except Exception as bug:  # noqa: BLE001 - outermost layer: an anonymous 500, and it is logged
            log_bug("a rights check", bug)
            reply = self._explain(None, headers)
        await send_reply(reply, send)

    async def _check(self, scope: HTTPScope, headers: Headers, receive: Receive) -> Reply:
        started_ms = self._clock.steady_ms()
        _check_request_line(scope["method"], headers, self._messages.accepted)
        now_ms = self._clock.now_ms()
        admitted = await self._admission.admit(scope, now_ms=now_ms)
        bearer = admitted.bearer
        asking = (bearer.client_ref, bearer.account_ref)
        self._allowances.check_can_ask_now(asking, now_ms=started_ms)
        held = self._check_not_held(admitted, now_ms=now_ms, steady_ms=started_ms)
        request_id = _read_request_id(headers.get(b"idempotency-key"))
        limit = self._messages.most_bytes
        body = await read_body(receive, headers.get(b"content-length"), limit=limit)
        question = self._messages.parse(body, care_dates=self._find_care_dates())
        if question.care and question.care.promises and bearer.establishment_ref is None:
            raise AccessDenied("a prise en charge is promised to an establishment")
        peer = scope["client"]
        origin = Origin(
            bearer.client_ref,
            bearer.account_ref,
            admitted.method,
            self._find_address(peer[0] if peer else NOWHERE, headers.get(b"x-forwarded-for", b"")),
            read_agent(headers.get(b"user-agent", b"")),
            bearer.portal_session_ref,
        )
        await self._check_presence_and_cuts(question, origin, bearer, now_ms=now_ms)
        answered = await self._checks.submit(
            Asked(
                question=question,
                origin=origin,
                request_id=request_id or secrets.token_bytes(16),
                body_digest=hashlib.sha256(body).digest() if request_id else None,
                establishment_ref=bearer.establishment_ref,
                bound=held.bound,
            )
        )
        self._metrics.count_answer(question.mode, is_open=answered.is_open)
        self._metrics.seconds.observe((self._clock.steady_ms() - started_ms) / 1000)
        reply = answered.body
        if self._messages.write is not None:
            reply = self._messages.write(reply, asked=body, today=self._clock.today())
        return Reply(200, self._messages.answer_type, reply, _offer(admitted.next_nonce))

    def _check_not_held(self, admitted: Admitted, *, now_ms: int, steady_ms: float) -> Held:
        """Refuse whom an operator stops or slows; say what else they are held to."""
        try:
            held = self._posture.check_not_held(
                admitted.bearer,
                profession=admitted.profession,
                proved_ms=admitted.proved_ms,
                now_ms=now_ms,
            )
        except SignInAgain:
            # They come back from the ceremony within seconds: what is kept of them is older.
            self._admission.forget(admitted.bearer)
            raise
        if held.slowed:
            try:
                self._slowed.check_can_ask_now(admitted.bearer.account_ref, now_ms=steady_ms)
            except TooManyRequests as early:
                raise SlowedDown(
                    "an operator slowed this account", retry_after_s=early.retry_after_s
                ) from None
        return held

    async def _check_presence_and_cuts(
        self, question: Question, origin: Origin, bearer: Bearer, *, now_ms: int
    ) -> None:
        """Refuse what is cut, by what the question names; then what a terminal did not sign."""
        identifiers = question.identifiers
        typed = identifiers if isinstance(identifiers, TypedIdentifiers) else None
        amc_number = typed.amc_number.number if typed else None
        self._posture.check_not_cut(origin, amc_number=amc_number, now_ms=now_ms)
        if question.assertion is not None and typed is not None:
            await self._terminals.check(
                question.assertion,
                typed,
                establishment_ref=bearer.establishment_ref,
                now_ms=now_ms,
            )

    def _find_care_dates(self) -> Period:
        """Return the days that may be asked about, computed once a day."""
        today = self._clock.today()
        if self._care_dates is None or self._care_dates[0] != today:
            self._care_dates = (today, compute_care_dates(today))
        return self._care_dates[1]

    def _explain(self, refusal: RempartError | None, headers: Headers) -> Reply:
        self._metrics.problems.labels(refusal.code if refusal else "error").inc()
        language = choose_language(headers.get(b"accept-language", b"").decode("latin-1"))
        reply = format_problem(refusal, language)
        if isinstance(refusal, NonceNeeded):
            nonce = self._admission.find_nonce(now_ms=self._clock.now_ms())
            reply = reply._replace(headers=(*reply.headers, *_offer(nonce)))
        return reply


def _offer(nonce: str | None) -> tuple[tuple[bytes, bytes], ...]:
    """Give the caller the nonce to sign with from now on."""
    return () if nonce is None else ((b"dpop-nonce", nonce.encode()),)


def _check_request_line(method: str, headers: Headers, accepted: frozenset[bytes]) -> None:
    if method != "POST":
        raise MethodNotAllowed("POST")
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if media_type not in accepted or b"content-encoding" in headers:
        names = b" or ".join(sorted(accepted)).decode()
        raise UnsupportedMediaType(f"send {names}, not compressed")


def _read_request_id(idempotency_key: bytes | None) -> bytes | None:
    """Return the 16 bytes an Idempotency-Key is known by, None without one."""
    if idempotency_key is None:
        return None
    visible = all(0x21 <= byte <= 0x7E for byte in idempotency_key)
    if not visible or not 1 <= len(idempotency_key) <= MAX_KEY_LENGTH:
        raise InvalidQuestion([("Idempotency-Key", IDEMPOTENCY_KEY)])
    return hashlib.sha256(idempotency_key).digest()[:16]
