"""What checking rights works with: a question, who asks it, where to read and where to write.

Holds no rule: `check_rights` has them.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import NamedTuple, NoReturn, Protocol, cast

from rempart.accounts.session import Origin
from rempart.claims.quote import CareAsked
from rempart.disclosure.entry import Draft, Mode, Purpose
from rempart.disclosure.session import SessionFacts
from rempart.kernel.errors import RempartError
from rempart.rights.lookup import Identifiers, TypedIdentifiers
from rempart.rights.presence import OPEN, PresenceDigits, PresencePolicy
from rempart.storage.care import PecRow
from rempart.storage.gateway import Found, Wanted
from rempart.storage.ledger_writer import Receipt, Replay
from rempart.tariffs.domains import Domain
from rempart.workflows.rights.open_session import SessionBook, SessionReader
from rempart.workflows.rights.posture import Posture, make_open_posture
from rempart.workflows.rights.rights_books import CareBook, PresenceBook, TableShelf, Weighed


class Question(NamedTuple):
    """What a professional asks, already known to be possible.

    Attributes:
        identifiers: The person, as the caller knows them.
        domain: The family of care.
        care_date: The day care is given.
        purpose: Why.
        digits: The six digits of the electronic card, with typed identifiers; or None.
        assertion: What a terminal signed of the Vitale card it read, with the same; or None.
        care: The acts whose amounts are asked; None to ask for rights alone.
    """

    identifiers: Identifiers
    domain: Domain
    care_date: date
    purpose: Purpose
    digits: PresenceDigits | None = None
    assertion: str | None = None
    care: CareAsked | None = None

    @property
    def mode(self) -> Mode:
        """How the person is designated, and what proves that they are there."""
        if not isinstance(self.identifiers, TypedIdentifiers):
            return Mode.CARD
        if self.assertion is not None:
            return Mode.VITALE
        return Mode.TYPED if self.digits is None else Mode.CODE


class Asked(NamedTuple):
    """A question, who asks it, and under which name.

    Attributes:
        question: What is asked.
        origin: Who asks, known to be one who may, and from where.
        request_id: 16 bytes that name the request.
        body_digest: Digest of the body sent with an Idempotency-Key; None without one, and then
            the answer is not kept for a repetition.
        establishment_ref: Where they act; None for one who has no establishment.
        bound: What they may ask without presence by what holds them, besides the policy.
    """

    question: Question
    origin: Origin
    request_id: bytes
    body_digest: bytes | None
    establishment_ref: int | None = None
    bound: PresencePolicy = OPEN


class ClaimLook(NamedTuple):
    """A result about to be read that neither a promise nor presence vouches for.

    Attributes:
        origin: Who reads, from where.
        establishment_ref: Where they act.
        person_ref: Whom the claim is about; 0 for nobody.
        mark: 16 bytes that stand for nobody.
        insurer_id: Their insurer; 0 for none.
        by_card: Whether the card's code named them.
        named_insurer: The insurer that was named, whoever it is about; 0 for none.
    """

    origin: Origin
    establishment_ref: int | None
    person_ref: int
    mark: bytes
    insurer_id: int
    by_card: bool
    named_insurer: int = 0


class Answered(NamedTuple):
    """Bytes that may leave: their entry is durable."""

    body: bytes
    is_open: bool


class Sheets(SessionReader, Protocol):
    """Where sheets are read."""

    async def load(self, wanted: Sequence[Wanted]) -> Sequence[Found]:
        """Load what a batch needs, in its order."""
        ...


class Ledger(Protocol):
    """Where entries are written, by one batch at a time."""

    @property
    def log_id(self) -> int:
        """The log."""
        ...

    @property
    def origin(self) -> str:
        """Its public name."""
        ...

    @property
    def size(self) -> int:
        """The index of the next entry."""
        ...

    @property
    def checkpoint(self) -> str:
        """The signed note of the present size."""
        ...

    async def append(
        self,
        drafts: Sequence[Draft],
        *,
        sessions: Sequence[SessionFacts] = (),
        replays: Sequence[Replay] = (),
        pecs: Sequence[PecRow] = (),
    ) -> Sequence[Receipt]:
        """Record a batch; return when it is durable."""
        ...


class Guarding(Protocol):
    """What judges look-ups before their answers."""

    async def judge(
        self,
        asked: Sequence[Asked],
        wanted: Sequence[Wanted],
        found: Sequence[Found],
        weighed: "Sequence[Weighed]",
        *,
        now_ms: int,
    ) -> "Sequence[Weighed]":
        """Return what was weighed, with a refusal for each look-up that is not answered."""
        ...

    async def judge_claims(
        self, looks: Sequence[ClaimLook], *, now_ms: int
    ) -> Sequence[RempartError | None]:
        """Return why each result is not told; None for one that is."""
        ...


class _NoGuard:
    """Lets everything pass."""

    async def judge(
        self,
        asked: Sequence[Asked],  # noqa: ARG002 - what a guard is given
        wanted: Sequence[Wanted],  # noqa: ARG002
        found: Sequence[Found],  # noqa: ARG002
        weighed: "Sequence[Weighed]",
        *,
        now_ms: int,  # noqa: ARG002
    ) -> "Sequence[Weighed]":
        return weighed

    async def judge_claims(
        self,
        looks: Sequence[ClaimLook],
        *,
        now_ms: int,  # noqa: ARG002
    ) -> Sequence[RempartError | None]:
        return [None] * len(looks)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Everything a batch of rights checks needs. One batch at a time."""

    sheets: Sheets
    ledger: Ledger
    sessions: SessionBook
    lookup_secret: bytes
    engagement_secret: bytes
    presence: PresenceBook = field(default_factory=lambda: cast("PresenceBook", _NoPresence()))
    posture: Posture = field(default_factory=make_open_posture)
    guard: Guarding = field(default_factory=_NoGuard)
    care: CareBook = field(default_factory=lambda: cast("CareBook", _NoCare()))
    tables: TableShelf = field(default_factory=lambda: cast("TableShelf", _NoCare()))


class _NoPresence:
    """Where nothing is bounded and nobody has a code, nothing is asked of it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise LookupError(f"this desk keeps no presence, and was asked for {name}")


class _NoCare:
    """Where nobody asks for amounts, nothing is asked of it."""

    def __getattr__(self, name: str) -> NoReturn:
        raise LookupError(f"this desk computes no amount, and was asked for {name}")
