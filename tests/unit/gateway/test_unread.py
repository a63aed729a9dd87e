"""What is left of a request after its answer: taken in, within bounds."""

import asyncio

import pytest

from rempart.gateway import unread
from rempart.gateway.unread import MOST_BYTES, answer_and_take_in

WITH_BODY = {"headers": [(b"content-length", b"30")]}


class Sender:
    """Sends a body piece by piece, and knows what was asked of it."""

    def __init__(self, pieces: list[bytes], *, then_waits: bool = False) -> None:
        self.pieces = pieces
        self._then_waits = then_waits
        self.asked = 0

    async def receive(self) -> dict:
        self.asked += 1
        if not self.pieces:
            if self._then_waits:
                await asyncio.sleep(60)
            return {"type": "http.disconnect"}
        body = self.pieces.pop(0)
        more = bool(self.pieces) or self._then_waits
        return {"type": "http.request", "body": body, "more_body": more}


def take(sender: Sender, scope: dict, *, reads: int = 0) -> None:
    async def answer(read) -> None:
        for _ in range(reads):
            await read()

    asyncio.run(answer_and_take_in(scope, sender.receive, answer))


@pytest.mark.parametrize("reads", [0, 1, 3])
def test_a_body_is_taken_in_to_its_end_and_nothing_after_it_is_waited_for(reads):
    sender = Sender([b"x" * 10] * 3)
    take(sender, WITH_BODY, reads=reads)
    assert (sender.pieces, sender.asked) == ([], 3)


def test_a_request_without_a_body_is_asked_for_none():
    sender = Sender([])
    take(sender, {"headers": [(b"host", b"a")]})
    assert sender.asked == 0


def test_no_more_is_taken_in_than_the_bound():
    sender = Sender([b"x" * (MOST_BYTES // 2)] * 10)
    take(sender, WITH_BODY)
    assert sender.asked == 2


def test_a_body_that_stops_coming_is_not_waited_for_long(monkeypatch):
    monkeypatch.setattr(unread, "PATIENCE_S", 0.05)
    sender = Sender([b"x"], then_waits=True)
    asyncio.run(asyncio.wait_for(answer_and_take_in(WITH_BODY, sender.receive, _say_nothing), 5))
    assert sender.asked == 2


def test_a_body_whose_reader_gave_up_is_not_waited_for_again():
    sender = Sender([], then_waits=True)

    async def give_up(read) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.01)

    asyncio.run(asyncio.wait_for(answer_and_take_in(WITH_BODY, sender.receive, give_up), 5))
    assert sender.asked == 1


async def _say_nothing(_) -> None:
    pass
