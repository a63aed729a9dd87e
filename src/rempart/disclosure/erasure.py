"""Erasing single openings: who decides, what may go, and what an ERASE act covers.

Erasing is rare: retention drops whole segments, and evidence may be kept against an objection. So
two people decide, and the log says that it was done. Refuses to erase what is not an answer, what a
hold covers, and what the tree cannot do without.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from rempart.accounts.events import SecurityEventKind
from rempart.accounts.second_person import Entitled, are_apart
from rempart.accounts.visitor import Visitor
from rempart.disclosure.acts import Erase, compute_indexes_digest
from rempart.disclosure.entry import Kind
from rempart.disclosure.segment import Hold
from rempart.disclosure.tree import TILE_WIDTH
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed

# What is erased one by one: answers. Sessions and acts are the ledger's own memory.
ERASABLE: Final = frozenset({Kind.DISCLOSE, Kind.NEGATIVE})
MOST_INDEXES: Final = 200_000
CASE_LETTERS: Final = 80


class ErasureGround(enum.StrEnum):
    """Why an opening is erased.

    Source: GDPR article 17(1): (c) objection, (d) unlawful processing, (e) legal obligation.
    """

    OBJECTION = "objection"
    UNLAWFUL = "unlawful"
    COURT = "court"
    ERROR = "error"


class ErasureState(enum.StrEnum):
    """What becomes of a request to erase."""

    ASKED = "asked"
    APPROVED = "approved"
    REFUSED = "refused"
    DONE = "done"


# From each state: the next ones, each with the event that the change writes. Carrying out writes
# acts, not an event: ERASE, and SEAL for each rewritten file.
ERASURE_STEPS: Final[Mapping[ErasureState, Mapping[ErasureState, SecurityEventKind | None]]] = (
    MappingProxyType(
        {
            ErasureState.ASKED: {
                ErasureState.APPROVED: SecurityEventKind.ERASURE_APPROVED,
                ErasureState.REFUSED: SecurityEventKind.ERASURE_REFUSED,
            },
            ErasureState.APPROVED: {ErasureState.DONE: None},
            ErasureState.REFUSED: {},
            ErasureState.DONE: {},
        }
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class ErasureRequest:
    """Somebody asked that openings be erased.

    Attributes:
        request_ref: Its reference.
        log_id: The log they are in.
        indexes: Which, sorted, each once.
        ground: Why.
        case_number: Where the decision is kept on paper; never a person's name.
        state: What became of it.
        asked_by: Who asked.
        asked_at: When, by the database's clock.
        decided_by: Who approved or refused; None before.
    """

    request_ref: int
    log_id: int
    indexes: tuple[int, ...]
    ground: ErasureGround
    case_number: str
    state: ErasureState
    asked_by: int
    asked_at: datetime
    decided_by: int | None = None

    def sign(self, indexes: Sequence[int]) -> Erase:
        """Return the act that erases these of its openings.

        Raises:
            Conflict: two people have not decided it.
        """
        if self.state is not ErasureState.APPROVED or self.decided_by is None:
            raise Conflict("this erasure is not approved: a second person approves it first")
        return Erase(
            log=self.log_id,
            ground=f"{self.ground}: {self.case_number}",
            signers=(self.asked_by, self.decided_by),
            count=len(indexes),
            digest=compute_indexes_digest(indexes),
        )


def check_can_refuse_erasure(request: ErasureRequest) -> None:
    """Let whoever may decide refuse a request to erase, their own included.

    Raises:
        Conflict: it was decided already.
    """
    if ErasureState.REFUSED not in ERASURE_STEPS[request.state]:
        raise Conflict("this erasure was decided already")


def check_can_approve_erasure(
    visitor: Visitor, request: ErasureRequest, people: Iterable[Entitled], *, at: datetime
) -> None:
    """Let a visitor approve somebody else's request to erase, or refuse them.

    Args:
        visitor: Who would approve.
        request: The request.
        people: Those of the host operator who may approve, or lately could.
        at: Now, by the clock that wrote `asked_at`.

    Raises:
        NotAllowed: it is their own, or they do not count as a second person beside who asked.
        Conflict: it was decided already.
    """
    check_can_refuse_erasure(request)
    if not are_apart(people, request.asked_by, visitor.actor_ref, asked_at=request.asked_at, at=at):
        raise NotAllowed(
            "an erasure is approved by another person than who asked, who was there for long"
        )


def parse_indexes(text: str) -> tuple[int, ...]:
    """Read indexes as people write them: `12, 15-20`; return them sorted, each once.

    Raises:
        InvalidRequest: it is not that, or more than MOST_INDEXES.
    """
    found: set[int] = set()
    for part in text.replace(",", " ").split():
        first, dash, last = part.partition("-")
        if not (first.isascii() and first.isdigit() and len(first) < 16) or (
            dash and not (last.isascii() and last.isdigit() and len(last) < 16)
        ):
            raise InvalidRequest("indexes: write numbers and ranges, such as 12, 15-20")
        start, stop = int(first), int(last if dash else first)
        if stop < start or stop - start >= MOST_INDEXES:
            raise InvalidRequest(f"indexes: a range goes up, {MOST_INDEXES:,} at most")
        found.update(range(start, stop + 1))
        if len(found) > MOST_INDEXES:
            raise InvalidRequest(f"indexes: {MOST_INDEXES:,} at most in one request")
    if not found:
        raise InvalidRequest("indexes: say which entries")
    return tuple(sorted(found))


def check_can_erase(indexes: Sequence[int], *, last_checkpoint: int) -> None:
    """Let openings be erased, or refuse.

    Args:
        indexes: Which, sorted.
        last_checkpoint: Size of the log's last kept checkpoint.

    Raises:
        Conflict: one is in the unfinished last tile, whose hashes exist only through the rows.
    """
    full = last_checkpoint // TILE_WIDTH * TILE_WIDTH
    if indexes and indexes[-1] >= full:
        raise Conflict(
            f"entry {indexes[-1]} is in the unfinished last tile: only entries below {full} can be "
            "erased; wait until the log has grown"
        )


def check_not_held(holds: Iterable[Hold], log_id: int, first_ms: int, last_ms: int) -> None:
    """Refuse to remove what somebody still needs.

    Raises:
        Conflict: a hold covers a part of it.
    """
    for hold in holds:
        if hold.covers(log_id, first_ms, last_ms):
            raise Conflict(
                f"{hold.name} covers these openings: an inquiry needs them; have it released first "
                "(`rempart incident holds`)"
            )
