"""Callers that drip, and callers that take nothing: they keep nobody else waiting."""

import asyncio
import json

from tests.api.test_front import NOBODY, Request, destination, running

from rempart.wiring.front import Front


async def send_slowly(front: Front, path: str, pieces: int, every_s: float) -> list[dict]:
    """Send a form piece by piece; return what is answered."""
    left, sent = [b"x" * 10] * pieces, []

    async def receive() -> dict:
        await asyncio.sleep(every_s)
        return {"type": "http.request", "body": left.pop(), "more_body": bool(left)}

    async def send(message: dict) -> None:
        sent.append(message)

    length = str(10 * pieces).encode()
    scope = {
        "type": "http",
        "method": "POST",
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "query_string": b"",
        "headers": [(b"host", b"rempart.test"), (b"content-length", length)],
        "client": ("198.51.100.9", 50000),
    }
    await front(scope, receive, send)
    return sent


def test_a_form_reaches_the_portals_once_it_is_whole(monkeypatch):
    """A page has a thread, of which there are few: a form in drops must not keep one."""
    monkeypatch.setattr("rempart.wiring.front._PATIENCE_S", 0.3)

    async def scenario() -> None:
        connected = []

        async def take(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            connected.append(1)
            writer.close()

        server = await asyncio.start_server(take, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        front = Front(gateways=[NOBODY], portals=f"http://127.0.0.1:{port}")
        async with server, running(front):
            start, body = await send_slowly(front, "/connexion", 1_000, 0.02)
            assert connected == []
        assert start["status"] == 408
        assert json.loads(body["body"])["code"] == "malformed_request"
        assert front._waiting_bytes == 0

        async with destination() as (portals, seen):
            front = Front(gateways=[NOBODY], portals=portals)
            async with running(front):
                [start, *_] = await send_slowly(front, "/connexion", 5, 0.01)
            assert start["status"] == 200
            assert (seen[0].body, seen[0].headers["content-length"]) == (b"x" * 50, "50")
            assert front._waiting_bytes == 0

    asyncio.run(scenario())


def test_forms_that_wait_have_a_bound_each_and_together(monkeypatch):
    monkeypatch.setattr("rempart.wiring.front._MOST_FORM_BYTES", 25)

    async def scenario() -> None:
        async with destination() as (portals, seen):
            front = Front(gateways=[NOBODY], portals=portals)
            async with running(front):
                await send_slowly(front, "/", 100, 0)
                assert [one.body for one in seen] == [b"x" * 25]
                monkeypatch.setattr("rempart.wiring.front._MOST_WAITING_BYTES", 40)
                many = [send_slowly(front, "/", 3, 0.02) for _ in range(3)]
                answers = [start["status"] for start, *_ in await asyncio.gather(*many)]
                assert 503 in answers
                assert len(seen) == 1 + answers.count(200)
                assert front._waiting_bytes == 0
                [start, *_] = await send_slowly(front, "/", 3, 0)
                assert start["status"] == 200

    asyncio.run(scenario())


async def ask_and_stop_listening(front: Front) -> list[dict]:
    """Ask for a page, and take one piece of the answer only; return what was taken."""
    told: list[dict] = []

    async def receive() -> dict:
        return {"type": "http.request", "body": b"", "more_body": False}

    async def send(message: dict) -> None:
        if len(told) >= 2:
            await asyncio.sleep(60)
        told.append(message)

    scope = {"type": "http", "method": "GET", "scheme": "http", "path": "/", "raw_path": b"/"}
    scope |= {"query_string": b"", "headers": [(b"host", b"a")], "client": ("198.51.100.9", 1)}
    await asyncio.wait_for(front(scope, receive, send), 5)
    return told


def test_whoever_takes_nothing_of_an_answer_does_not_keep_whoever_makes_it(monkeypatch):
    monkeypatch.setattr("rempart.wiring.front._PATIENCE_S", 0.2)
    left = asyncio.Event()

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n")
        try:
            for _piece in range(1_000):
                writer.write(b"x" * 100_000)
                await writer.drain()
        except ConnectionError:
            left.set()

    async def scenario() -> None:
        async with (
            destination(answer) as (portals, _),
            running(Front(gateways=[NOBODY], portals=portals)) as front,
        ):
            told = await ask_and_stop_listening(front)
            assert told[-1]["more_body"]
            await asyncio.wait_for(left.wait(), 5)

    asyncio.run(scenario())


def test_what_nobody_takes_is_read_all_the_same_so_that_the_connection_lives_on():
    async def scenario() -> None:
        pieces = [b"x" * 10] * 3

        async def receive() -> dict:
            return {"type": "http.request", "body": pieces.pop(), "more_body": bool(pieces)}

        told = []

        async def send(message: dict) -> None:
            told.append(message)

        path = "/v1/rights-checks"
        scope = {"type": "http", "method": "POST", "scheme": "http", "path": path}
        scope |= {"raw_path": path.encode(), "query_string": b"", "client": ("198.51.100.9", 1)}
        scope["headers"] = [(b"host", b"a"), (b"content-length", b"30")]
        async with running(Front(gateways=[NOBODY], portals=NOBODY)) as front:
            await front(scope, receive, send)
        assert (told[0]["status"], pieces) == (503, [])

    asyncio.run(scenario())
