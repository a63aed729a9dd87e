"""Requests and replies of a simulator behind a server."""

import asyncio

import pytest

from rempart.simulators.messages import BODY_LIMIT, Reply, Request, answer_redirect, serve_asgi


def talk(application, scope, *received):
    """Run one connection; return what was sent."""
    sent, waiting = [], list(received)

    async def receive():
        return waiting.pop(0)

    async def send(message):
        sent.append(message)

    asyncio.run(application(scope, receive, send))
    return sent


def scope(**changes):
    return {
        "type": "http",
        "method": "POST",
        "path": "/x",
        "query_string": b"a=1&a=2&b=%C3%A9",
        "headers": [(b"Cookie", b"c=d; e=f"), (b"authorization", b"Basic YTpi")],
        **changes,
    }


def echo(request: Request) -> Reply:
    said = f"{request.query} {request.cookies} {request.basic} {request.form}"
    return Reply(status=201, headers=(("x", "y"),), body=said.encode())


def test_a_request_is_read_and_a_reply_is_sent():
    parts = [
        {"type": "http.request", "body": b"u=v", "more_body": True},
        {"type": "http.request", "body": b"w", "more_body": False},
    ]
    start, body = talk(serve_asgi(echo), scope(), *parts)
    assert (start["status"], start["headers"]) == (201, [(b"x", b"y")])
    assert body["body"].decode() == (
        "{'a': '1', 'b': 'é'} {'c': 'd', 'e': 'f'} ('a', 'b') {'u': 'vw'}"
    )


def test_a_body_has_an_end():
    parts = [{"type": "http.request", "body": b"x" * (BODY_LIMIT + 1), "more_body": False}]
    start, _ = talk(serve_asgi(echo), scope(), *parts)
    assert start["status"] == 413


def test_a_server_starts_and_stops_it():
    phases = [{"type": "lifespan.startup"}, {"type": "lifespan.shutdown"}]
    sent = talk(serve_asgi(echo), {"type": "lifespan"}, *phases)
    assert [one["type"] for one in sent] == [
        "lifespan.startup.complete",
        "lifespan.shutdown.complete",
    ]


@pytest.mark.parametrize("header", ["", "Basic", "Basic ???", "Basic /w==", "Bearer x"])
def test_what_is_no_secret_of_a_client_is_none(header):
    assert Request(method="GET", path="/", headers={"authorization": header}).basic is None


def test_an_address_keeps_its_own_parameters():
    reply = answer_redirect("http://x.invalid/a?b=1", {"c": "é"})
    assert dict(reply.headers)["location"] == "http://x.invalid/a?b=1&c=%C3%A9"
