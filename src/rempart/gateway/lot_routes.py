"""Lots of claims at the door: taken in as they come, in memory that does not grow with them.

Refuses to take more than a few lots at once: whoever comes next is told when to come back. One
establishment has one place, and loses it when its lot comes in drops: others bill too.
"""

import asyncio
import contextlib
from collections.abc import Iterator
from typing import Final, NamedTuple, Protocol
from weakref import WeakValueDictionary

import msgspec

from rempart.claims.references import parse_reference
from rempart.exchange.billed_claim import MOST_LETTERS, is_printable
from rempart.exchange.lot_spool import LotSpool
from rempart.gateway.claim_calls import JSON, JSON_LINES, TEXT, Call, check_media_type, read_query
from rempart.gateway.claim_messages import LotsTaken, describe_lot
from rempart.gateway.problems import InvalidQuestion, Reply
from rempart.gateway.questions import SHAPE
from rempart.kernel.errors import MalformedRequest, NotFound, Unavailable
from rempart.workflows.claims.take_claims import Office
from rempart.workflows.claims.take_lot import LotShelf, StoredLot, take_lots

MOST_AT_ONCE: Final = 2
RETRY_AFTER_S: Final = 10
# Of a sender who stops sending; what came buys more of it, at the pace of the slowest line.
PATIENCE_S: Final = 30.0
SLOWEST_BYTES_PER_S: Final = 16_000
_CHANNELS: Final = {JSON_LINES: "json", TEXT: "b2"}


class Shelf(LotShelf, Protocol):
    """Where lots are written and read."""

    async def load_lot(self, lot_ref: int, establishment_ref: int) -> StoredLot | None:
        """Load a lot of an establishment."""
        ...


class LotReply(NamedTuple):
    """What is answered, and what is counted of it."""

    reply: Reply
    taken: int
    refused: int
    channel: str


class LotDesk:
    """Takes lots in.

    Args:
        office: Where claims are written.
        shelf: Where lots are.
    """

    def __init__(self, office: Office, shelf: Shelf) -> None:
        self._office = office
        self._shelf = shelf
        self._open = 0
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()

    async def take(self, call: Call) -> LotReply:
        """Take the lots of a body in, and acknowledge them once they are durable.

        Raises:
            UnsupportedMediaType, BodyTooLarge, MalformedRequest, InvalidQuestion: nothing was
                taken.
            Unavailable: too many lots come in, or the database does not answer: sent again, the
                rest is taken.
        """
        channel = _CHANNELS[check_media_type(call.headers, _CHANNELS)]
        number = _read_number(call.scope["query_string"])
        turn = self._turns.setdefault(call.establishment_ref, asyncio.Lock())
        async with turn:
            return await self._take(call, channel, number)

    async def _take(self, call: Call, channel: str, number: str) -> LotReply:
        with self._take_place():
            spool = LotSpool()
            await _receive(call, spool)
            if not spool.size:
                raise MalformedRequest("the lot is empty, or was cut short")
            lots = await take_lots(
                self._office,
                self._shelf,
                spool.lines,
                sender=call.make_sender(channel),
                content_digest=spool.close(),
                number=number,
            )
        answer = msgspec.json.encode(LotsTaken([describe_lot(lot) for lot in lots]))
        taken, refused = sum(lot.claims for lot in lots), sum(lot.refused for lot in lots)
        return LotReply(Reply(202 if taken else 422, JSON, answer), taken, refused, channel)

    async def read(self, call: Call, reference: str) -> Reply:
        """Tell a lot again: what of it was taken, nothing of whom it is about.

        Raises:
            NotFound: the establishment sent no such lot.
        """
        lot_ref = parse_reference(reference)
        lot = None
        if lot_ref is not None:
            lot = await self._shelf.load_lot(lot_ref, call.establishment_ref)
        if lot is None:
            raise NotFound("the establishment sent no such lot")
        return Reply(200, JSON, msgspec.json.encode(describe_lot(lot)))

    @contextlib.contextmanager
    def _take_place(self) -> Iterator[None]:
        if self._open >= MOST_AT_ONCE:
            raise Unavailable("enough lots come in now", retry_after_s=RETRY_AFTER_S)
        self._open += 1
        try:
            yield
        finally:
            self._open -= 1


async def _receive(call: Call, spool: LotSpool) -> None:
    """Keep a body as it comes.

    Raises:
        MalformedRequest: the sender hung up, or stopped: nothing of the lot is taken.
        BodyTooLarge: it is; nothing is read further.
    """
    clock = asyncio.get_running_loop().time
    begun_s = clock()
    while True:
        until_s = begun_s + PATIENCE_S + spool.size / SLOWEST_BYTES_PER_S
        try:
            async with asyncio.timeout_at(until_s):
                message = await call.receive()
        except TimeoutError:
            raise MalformedRequest("the lot stopped coming") from None
        if message["type"] != "http.request":
            raise MalformedRequest("the lot was cut short")
        spool.write(message.get("body", b""))
        if not message.get("more_body", False):
            return


def _read_number(query: bytes) -> str:
    """Read the biller's own number of a lot; empty when none is given."""
    number = read_query(query, {"number"}).get("number", "")
    if not is_printable(number, MOST_LETTERS):
        raise InvalidQuestion([("number", SHAPE)])
    return number
