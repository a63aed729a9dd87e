"""The proxy before everything: it passes on what it gets, says who called, and never makes up."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from ipaddress import ip_network

import pytest

from rempart.gateway.origins import make_address_finder
from rempart.wiring.front import Front
from rempart.wiring.settings import Settings

NOBODY = "http://127.0.0.1:9"
Answer = Callable[["Request", asyncio.StreamWriter], Awaitable[None]]


@dataclass
class Request:
    """What arrived at a destination, byte for byte."""

    line: str
    headers: dict[str, str]
    body: bytes


@dataclass
class Caller:
    """One call to the front, as an ASGI server would make it."""

    front: Front
    address: str = "127.0.0.1"
    sent: list[dict] = field(default_factory=list)

    async def ask(
        self,
        path: str,
        *,
        method: str = "GET",
        query: bytes = b"",
        headers: dict[str, str] | None = None,
        parts: list[bytes] | None = None,
        hang_up: bool = False,
    ) -> int:
        """Call, and return the status of the answer."""
        waiting = [
            {"type": "http.request", "body": part, "more_body": n < len(parts or []) or hang_up}
            for n, part in enumerate(parts or [b""], 1)
        ]

        async def receive() -> dict:
            return waiting.pop(0) if waiting else {"type": "http.disconnect"}

        async def send(message: dict) -> None:
            self.sent.append(message)

        given = {"host": "rempart.test", **(headers or {})}
        scope = {
            "type": "http",
            "method": method,
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": query,
            "headers": [(name.encode(), value.encode()) for name, value in given.items()],
            "client": (self.address, 50000),
        }
        await self.front(scope, receive, send)
        return self.sent[0]["status"]

    @property
    def headers(self) -> dict[str, str]:
        return {name.decode(): value.decode() for name, value in self.sent[0]["headers"]}

    @property
    def body(self) -> bytes:
        return b"".join(message.get("body", b"") for message in self.sent[1:])

    @property
    def finished(self) -> bool:
        return self.sent[-1].get("more_body", False) is False


async def answer_plainly(_: Request, writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")


@asynccontextmanager
async def destination(answer: Answer = answer_plainly) -> AsyncIterator[tuple[str, list[Request]]]:
    """Listen on a port; give its URL and the requests that arrive."""
    seen: list[Request] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            lowered = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(lowered.get("content-length", 0)))
            seen.append(Request(head[0], lowered, body))
            await answer(seen[-1], writer)
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        port = server.sockets[0].getsockname()[1]
        yield f"http://127.0.0.1:{port}", seen


@asynccontextmanager
async def running(front: Front) -> AsyncIterator[Front]:
    """Take a front through its lifespan."""
    steps: asyncio.Queue[dict] = asyncio.Queue()
    done: asyncio.Queue[dict] = asyncio.Queue()
    task = asyncio.create_task(front({"type": "lifespan"}, steps.get, done.put))
    await steps.put({"type": "lifespan.startup"})
    assert (await done.get())["type"] == "lifespan.startup.complete"
    yield front
    await steps.put({"type": "lifespan.shutdown"})
    assert (await done.get())["type"] == "lifespan.shutdown.complete"
    await task


@pytest.mark.parametrize(
    ("path", "to_gateway"),
    [
        ("/v1/rights-checks", True),
        ("/v1", True),
        ("/oauth/token", True),
        ("/oauth/jwks", True),
        ("/.well-known/oauth-authorization-server", True),
        ("/.well-known/anything-else", False),
        ("/oauthority", False),
        ("/healthz", True),
        ("/readyz", True),
        ("/metrics", True),
        ("/", False),
        ("/v10", False),
        ("/healthz-of-somebody", False),
        ("/static/style.css", False),
    ],
)
def test_the_path_alone_chooses_gateway_or_portals(path: str, to_gateway: bool):
    async def scenario() -> None:
        async with destination() as (gateway, at_gateway), destination() as (portals, at_portals):
            async with running(Front(gateways=[gateway], portals=portals)) as front:
                assert await Caller(front).ask(path) == 200
            assert (len(at_gateway), len(at_portals)) == ((1, 0) if to_gateway else (0, 1))

    asyncio.run(scenario())


def test_path_query_method_host_and_body_arrive_as_they_were_sent():
    async def scenario() -> None:
        async with destination() as (gateway, seen):
            async with running(Front(gateways=[gateway], portals=NOBODY)) as front:
                await Caller(front).ask(
                    "/v1/a%2Fb/..%20c",
                    method="POST",
                    query=b"x=%C3%A9&y=a+b",
                    headers={"content-length": "6", "accept": "application/json"},
                    parts=[b"abc", b"def"],
                )
            [request] = seen
            assert request.line == "POST /v1/a%2Fb/..%20c?x=%C3%A9&y=a+b HTTP/1.1"
            assert request.body == b"abcdef"
            assert request.headers["host"] == "rempart.test"
            assert request.headers["accept"] == "application/json"
            assert "user-agent" not in request.headers
            assert "accept-encoding" not in request.headers

    asyncio.run(scenario())


def test_headers_of_one_connection_stop_at_the_front_in_both_directions():
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(
            b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close, X-Hop\r\n"
            b"X-Hop: 1\r\nKeep-Alive: timeout=5\r\nX-Kept: 1\r\nSet-Cookie: a=1\r\n\r\n"
        )

    async def scenario() -> None:
        async with destination(answer) as (portals, seen):
            async with running(Front(gateways=[NOBODY], portals=portals)) as front:
                caller = Caller(front)
                await caller.ask(
                    "/", headers={"connection": "keep-alive, x-mine", "x-mine": "1", "te": "gzip"}
                )
            assert not {"x-mine", "te"} & set(seen[0].headers)
            assert set(caller.headers) == {"content-length", "x-kept", "set-cookie"}

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("address", "claimed", "told"),
    [
        ("127.0.0.1", None, "127.0.0.1"),
        ("127.0.0.1", "203.0.113.7", "203.0.113.7, 127.0.0.1"),
        ("::ffff:127.0.0.1", "203.0.113.7", "203.0.113.7, 127.0.0.1"),
        ("::ffff:198.51.100.9", None, "198.51.100.9"),
        ("198.51.100.9", None, "198.51.100.9"),
        ("198.51.100.9", "127.0.0.1", "198.51.100.9"),
    ],
)
def test_only_a_trusted_proxy_is_believed_about_the_caller_s_address(
    address: str, claimed: str | None, told: str
):
    async def scenario() -> None:
        async with destination() as (gateway, seen):
            front = Front(
                gateways=[gateway], portals=NOBODY, trusted_proxies=[ip_network("127.0.0.0/8")]
            )
            headers = {"x-forwarded-for": claimed, "x-real-ip": claimed} if claimed else {}
            async with running(front):
                await Caller(front, address).ask("/v1/x", headers=headers)
            assert seen[0].headers["x-forwarded-for"] == told
            assert "x-real-ip" not in seen[0].headers

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("address", "known"), [("10.0.0.5", "203.0.113.7"), ("127.0.0.1", "127.0.0.1")]
)
def test_a_gateway_behind_the_front_knows_the_callers_of_a_proxy_elsewhere(
    address: str, known: str
):
    """The proxy named is on another machine, the front before the gateway on this one."""

    async def scenario() -> None:
        settings = Settings.from_environment({"REMPART_TRUSTED_PROXIES": "10.0.0.5/32"})
        async with destination() as (gateway, seen):
            front = Front(
                gateways=[gateway], portals=NOBODY, trusted_proxies=settings.trusted_proxies
            )
            async with running(front):
                await Caller(front, address).ask(
                    "/v1/x", headers={"x-forwarded-for": "198.51.100.1, 203.0.113.7"}
                )
            find_address = make_address_finder(settings.trusted_peers)
            forwarded = seen[0].headers["x-forwarded-for"].encode()
            assert find_address("127.0.0.1", forwarded) == known

    asyncio.run(scenario())


@pytest.mark.parametrize(("address", "told"), [("127.0.0.1", True), ("198.51.100.9", False)])
def test_only_a_trusted_proxy_is_believed_about_the_caller_s_certificate(address: str, told: bool):
    async def scenario() -> None:
        async with destination() as (gateway, seen):
            front = Front(
                gateways=[gateway],
                portals=NOBODY,
                trusted_proxies=[ip_network("0.0.0.0/0")],
                certificate_proxies=[ip_network("127.0.0.0/8")],
            )
            certificate = {"client-cert": ":YQ==:", "client-cert-chain": ":YQ==:"}
            async with running(front):
                await Caller(front, address).ask("/oauth/token", headers=certificate)
            assert (set(certificate) <= set(seen[0].headers)) is told
            assert ("client-cert" in seen[0].headers) is told

    asyncio.run(scenario())


def test_an_answer_flows_before_it_is_complete():
    first_part_seen = asyncio.Event()

    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nfirst\r\n")
        await writer.drain()
        await first_part_seen.wait()
        writer.write(b"4\r\nlast\r\n0\r\n\r\n")

    class Watching(list):
        def append(self, message: dict) -> None:
            super().append(message)
            if message.get("body") == b"first":
                first_part_seen.set()

    async def scenario() -> None:
        async with destination(answer) as (portals, _):
            async with running(Front(gateways=[NOBODY], portals=portals)) as front:
                caller = Caller(front, sent=Watching())
                await asyncio.wait_for(caller.ask("/"), 5)
            assert caller.body == b"firstlast"
            assert caller.finished

    asyncio.run(scenario())


def test_an_answer_cut_short_is_never_presented_as_complete():
    async def answer(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\npart")

    async def scenario() -> None:
        async with destination(answer) as (portals, _):
            async with running(Front(gateways=[NOBODY], portals=portals)) as front:
                caller = Caller(front)
                await caller.ask("/")
            assert caller.body == b"part"
            assert not caller.finished

    asyncio.run(scenario())


def test_one_caller_stays_with_one_gateway_and_callers_are_spread():
    async def scenario() -> None:
        async with destination() as (one, at_one), destination() as (two, at_two):
            async with running(Front(gateways=[one, two], portals=NOBODY)) as front:
                for caller in range(16):
                    for _ in range(2):
                        await Caller(front).ask("/v1/x", headers={"authorization": f"B {caller}"})
            for requests in (at_one, at_two):
                callers = [request.headers["authorization"] for request in requests]
                assert all(callers.count(name) == 2 for name in callers)
                assert callers

    asyncio.run(scenario())


def make_token(number: int, **claims: object) -> str:
    """A token as it is presented, whose signature the front does not look at."""
    payload = {"client_ref": "1", "sub": "2", "jti": str(number), **claims}
    text = base64.urlsafe_b64encode(json.dumps(payload).encode()).rstrip(b"=").decode()
    return f"DPoP header.{text}.signature"


def test_a_renewed_token_leads_to_the_same_gateway():
    """A session belongs to the log of one gateway, and a token lives ten minutes only."""

    async def scenario() -> None:
        async with destination() as (one, at_one), destination() as (two, at_two):
            async with running(Front(gateways=[one, two], portals=NOBODY)) as front:
                for number in range(16):
                    token = make_token(number)
                    await Caller(front).ask("/v1/x", headers={"authorization": token})
                assert {len(at_one), len(at_two)} == {0, 16}
                for number in range(16):
                    token = make_token(0, sub=str(number))
                    await Caller(front).ask("/v1/x", headers={"authorization": token})
            assert min(len(at_one), len(at_two)) > 0

    asyncio.run(scenario())


@pytest.mark.parametrize("payload", ["é", "e30", "W10", "bnVsbA", "====", "IiI", "eyJzdWIiOjF9"])
def test_a_token_that_cannot_be_read_goes_somewhere_all_the_same(payload: str):
    async def scenario() -> None:
        async with destination() as (gateway, seen):
            async with running(Front(gateways=[gateway], portals=NOBODY)) as front:
                token = {"authorization": f"DPoP a.{payload}.b"}
                assert await Caller(front).ask("/v1/x", headers=token) == 200
            assert len(seen) == 1

    asyncio.run(scenario())


def test_a_gateway_that_is_down_is_replaced_by_the_next():
    async def scenario() -> None:
        async with destination() as (gateway, seen):
            async with running(Front(gateways=[NOBODY, gateway], portals=NOBODY)) as front:
                for caller in range(8):
                    status = await Caller(front).ask(
                        "/v1/x",
                        method="POST",
                        headers={"authorization": f"B {caller}", "content-length": "2"},
                        parts=[b"{}"],
                    )
                    assert status == 200
            assert [request.body for request in seen] == [b"{}"] * 8

    asyncio.run(scenario())


@pytest.mark.parametrize(
    ("language", "word"), [("", "Réessayez"), ("fr-FR", "Réessayez"), ("en-GB, fr", "Retry")]
)
def test_when_nobody_is_there_the_caller_is_told_when_to_return(language: str, word: str):
    async def scenario() -> None:
        async with running(Front(gateways=[NOBODY], portals=NOBODY)) as front:
            caller = Caller(front)
            assert await caller.ask("/v1/x", headers={"accept-language": language}) == 503
        assert caller.headers["retry-after"] == "2"
        assert caller.headers["content-type"] == "application/problem+json"
        problem = json.loads(caller.body)
        assert (problem["code"], problem["status"]) == ("unavailable", 503)
        assert word in problem["detail"]

    asyncio.run(scenario())


def test_a_request_that_reached_a_gateway_is_never_sent_to_another():
    async def close_without_a_word(_: Request, writer: asyncio.StreamWriter) -> None:
        writer.close()

    async def scenario() -> None:
        async with (
            destination(close_without_a_word) as (one, at_one),
            destination(close_without_a_word) as (two, at_two),
            running(Front(gateways=[one, two], portals=NOBODY)) as front,
        ):
            assert await Caller(front).ask("/v1/x", headers={"authorization": "B"}) == 503
            assert len(at_one) + len(at_two) == 1

    asyncio.run(scenario())


def test_a_caller_that_hangs_up_in_the_middle_of_its_request_leaves_nothing_behind():
    async def scenario() -> None:
        async with destination() as (gateway, seen):
            async with running(Front(gateways=[gateway], portals=NOBODY)) as front:
                await Caller(front).ask(
                    "/v1/x",
                    method="POST",
                    headers={"content-length": "100"},
                    parts=[b"abc"],
                    hang_up=True,
                )
            assert seen == []

    asyncio.run(scenario())
