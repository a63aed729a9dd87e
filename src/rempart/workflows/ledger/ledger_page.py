"""The entries one batch adds to the log, and the answers that wait for their commit.

Refuses to give an answer out before `commit` returned, and to give two answers under one
Idempotency-Key.
"""

from collections.abc import Sequence
from datetime import date
from typing import NamedTuple

import msgspec

from rempart.accounts.session import Origin, Session
from rempart.claims.quote import Place as Named
from rempart.disclosure.entry import Draft
from rempart.disclosure.session import SessionFacts, draft_session
from rempart.exchange.quote_answer import AnyAnswer
from rempart.exchange.rights_answer import ClosedAnswer, Engagement, encode_answer
from rempart.kernel.errors import Conflict, RempartError
from rempart.rights.engagement import compute_expiry, format_engagement
from rempart.storage.care import PecRow
from rempart.storage.ledger_writer import Replay
from rempart.workflows.rights.open_session import open_session
from rempart.workflows.rights.rights_desk import Answered, Asked, Desk


class Place(NamedTuple):
    """Where the next entry will be: known beforehand, because one batch writes at a time."""

    page: "LedgerPage"
    entry_index: int
    session_ref: int

    @property
    def named(self) -> Named:
        """The entry, as what it promises is named by it."""
        return Named(self.page.log_id, self.entry_index)

    def promise(self) -> Engagement:
        """Write the promise to pay that names this entry."""
        return self.page.write_engagement(self.entry_index)


class LedgerPage:
    """What one batch writes. Get one with `open`, fill it, `commit` it once.

    Its pending answers are the start of their body, up to the checkpoint, which exists only once
    the batch is durable.
    """

    def __init__(
        self, desk: Desk, sessions: dict[Origin, Session], now_ms: int, today: date
    ) -> None:
        self._desk = desk
        self._sessions = sessions
        self.now_ms = now_ms
        self.today = today
        self._expires_on = compute_expiry(today)
        self._first = desk.ledger.size
        self._head = b',"receipt":{"log":' + msgspec.json.encode(desk.ledger.origin) + b',"index":'
        self._drafts: list[Draft] = []
        self._opened: list[SessionFacts] = []
        self._replays: list[Replay] = []
        self._given: dict[tuple[int, bytes], tuple[bytes, bytes]] = {}
        self._pending: list[tuple[bytes, bool] | RempartError] = []
        self._used: dict[Origin, int] = {}
        self._pecs: list[PecRow] = []

    @classmethod
    async def open(
        cls, desk: Desk, asked: Sequence[Asked], *, now_ms: int, today: date
    ) -> "LedgerPage":
        """Start a page with the live sessions of those who ask.

        Raises:
            Unavailable: the sessions cannot be read.
        """
        origins = dict.fromkeys(one.origin for one in asked)
        sessions = await desk.sessions.find(
            origins,
            reader=desk.sheets,
            log_id=desk.ledger.log_id,
            log_size=desk.ledger.size,
            now_ms=now_ms,
        )
        return cls(desk, sessions, now_ms, today)

    @property
    def log_id(self) -> int:
        """The log it is written in."""
        return self._desk.ledger.log_id

    def find_session(self, one: Asked) -> int | None:
        """Return the live session of whoever asks; None when this question opens one."""
        session = self._sessions.get(one.origin)
        return None if session is None else session.session_ref

    def repeat(self, one: Asked, given: tuple[bytes, bytes] | None) -> bool:
        """Give the answer already given to this request, if there is one; else do nothing.

        Args:
            one: The question.
            given: Body digest and pending answer kept by an earlier batch, or None.
        """
        if one.body_digest is None:
            return False
        session_ref = self.find_session(one)
        if given is None and session_ref is not None:
            given = self._given.get((session_ref, one.request_id))
        if given is None:
            return False
        digest, start = given
        if digest == one.body_digest:
            self._pending.append((start, start.startswith(b'{"answer":{"rights":"open"')))
        else:
            self.refuse(Conflict("the Idempotency-Key was used for another request"))
        return True

    def refuse(self, failure: RempartError) -> None:
        """Give no answer to a question, for a reason."""
        self._pending.append(failure)

    def next_place(self, one: Asked) -> Place:
        """Return the place of the next entry, after that of its session if it opens one."""
        session = self._sessions.get(one.origin)
        if session is None:
            facts = open_session(one.origin, now_ms=self.now_ms)
            self._opened.append(facts)
            self._drafts.append(draft_session(facts, request_id=one.request_id))
            session = self._sessions[one.origin] = Session(facts.session_ref, self.now_ms)
        return Place(self, self._first + len(self._drafts), session.session_ref)

    def write(self, one: Asked, place: Place, answer: AnyAnswer, draft: Draft) -> None:
        """Add an entry, and the answer that waits for it."""
        index = str(place.entry_index).encode()
        start = b'{"answer":' + encode_answer(answer) + self._head + index + b',"checkpoint":'
        self._drafts.append(draft)
        self._used[one.origin] = place.session_ref
        self._pending.append((start, not isinstance(answer, ClosedAnswer)))
        if one.body_digest is not None:
            self._given[place.session_ref, one.request_id] = (one.body_digest, start)
            self._replays.append(Replay(place.session_ref, one.request_id, one.body_digest, start))

    def write_refusal(self, one: Asked, place: Place, refusal: RempartError, draft: Draft) -> None:
        """Add the entry of a refusal that tells something of a person; it waits like an answer."""
        self.write_entry(one, place, draft)
        self._pending.append(refusal)

    def write_entry(self, one: Asked, place: Place, draft: Draft) -> None:
        """Add an entry alone: its answer is the caller's, once the page is committed."""
        self._drafts.append(draft)
        self._used[one.origin] = place.session_ref

    def write_pec(self, pec: PecRow | None) -> None:
        """Add a promise that an entry of this page tells, if there is one."""
        if pec is not None:
            self._pecs.append(pec)

    def write_engagement(self, index: int) -> Engagement:
        """Write the promise to pay that names entry `index`."""
        ledger = self._desk.ledger
        number = format_engagement(self._desk.engagement_secret, ledger.log_id, index)
        return Engagement(number, self._expires_on)

    async def commit(self) -> list[Answered | RempartError]:
        """Make the page durable; return the answers, in the order of their questions.

        Raises:
            PromiseMoved: nothing was written; begin another page.
            LedgerUnavailable, LedgerFenced: no answer of this page may leave.
        """
        if self._drafts:
            # A crash before this commit leaves nothing, and nobody was answered. A crash after it
            # leaves entries of answers that never left: the ledger may say too much, never too
            # little. Whoever repeats the request under its Idempotency-Key gets the answer kept.
            await self._desk.ledger.append(
                self._drafts, sessions=self._opened, replays=self._replays, pecs=self._pecs
            )
        for origin, session_ref in self._used.items():
            self._desk.sessions.remember(origin, session_ref, now_ms=self.now_ms)
        end = msgspec.json.encode(self._desk.ledger.checkpoint) + b"}}"
        return [
            one if isinstance(one, RempartError) else Answered(one[0] + end, one[1])
            for one in self._pending
        ]
