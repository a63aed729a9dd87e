"""What is left of a request after its answer: taken in, within bounds."""

import asyncio

import pytest

from rempart.gateway import unread
from rempart.gateway.unread import MOST_BYTES, Intake

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

    asyncio.run(Intake().serve(scope, sender.receive, answer))


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
    monkeypatch.setattr(unread, "AFTERWARDS_S", 0.05)
    sender = Sender([b"x"], then_waits=True)
    asyncio.run(asyncio.wait_for(Intake().serve(WITH_BODY, sender.receive, _say_nothing), 5))
    assert sender.asked == 2


def test_a_body_whose_reader_gave_up_is_not_waited_for_again():
    sender = Sender([], then_waits=True)

    async def give_up(read) -> None:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(read(), 0.01)

    asyncio.run(asyncio.wait_for(Intake().serve(WITH_BODY, sender.receive, give_up), 5))
    assert sender.asked == 1


@pytest.mark.parametrize("pieces", [[], [b"x"] * 5])
def test_whoever_stops_sending_has_hung_up_and_those_who_go_on_are_waited_for(monkeypatch, pieces):
    monkeypatch.setattr(unread, "PATIENCE_S", 0.1)
    monkeypatch.setattr(unread, "LOOK_EVERY_S", 0.02)
    told: list[str] = []

    async def answer(read) -> None:
        while (message := await read())["type"] == "http.request" and message["more_body"]:
            pass
        told.append(message["type"])
        await asyncio.sleep(0)  # nothing of the giving up is left

    async def scenario() -> None:
        intake = Intake()
        drips = intake.serve(WITH_BODY, Sender(list(pieces), then_waits=True).receive, answer)
        await asyncio.wait_for(drips, 5)
        await intake.serve(WITH_BODY, Sender([b"x"]).receive, answer)
        await asyncio.sleep(0.1)
        assert intake._until_s == {}
        assert not intake._looks

    asyncio.run(scenario())
    assert told == ["http.disconnect", "http.request"]


def test_what_came_buys_more_time(monkeypatch):
    monkeypatch.setattr(unread, "PATIENCE_S", 0.05)
    monkeypatch.setattr(unread, "LOOK_EVERY_S", 0.02)
    pieces = [b"x" * 16_000] * 3

    async def receive() -> dict:
        await asyncio.sleep(0.1 if len(pieces) < 3 else 0)
        return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

    asyncio.run(Intake().serve(WITH_BODY, receive, _say_nothing))
    assert pieces == []


def test_who_cancels_a_request_for_another_reason_cancels_it():
    async def scenario() -> None:
        sender = Sender([], then_waits=True)

        async def answer(read) -> None:
            await read()

        task = asyncio.create_task(Intake().serve(WITH_BODY, sender.receive, answer))
        await asyncio.sleep(0.01)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(scenario())


async def _say_nothing(_) -> None:
    pass
