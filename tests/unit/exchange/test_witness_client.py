"""What witnesses answer over HTTP, and everything that is no answer of the protocol."""

import httpx
import pytest

from rempart.disclosure.witness import AddCheckpoint
from rempart.exchange.witness_client import WitnessAnswer, WitnessClient, WitnessUnreachable

REQUEST = AddCheckpoint(3, (bytes(32),), "a note\n")
SIZE = {"Content-Type": "text/x.tlog.size"}


def ask(reply: httpx.Response | Exception) -> WitnessAnswer:
    def carry(request: httpx.Request) -> httpx.Response:
        assert request.method == "POST"
        assert str(request.url) == "https://w.example/prefix/add-checkpoint"
        assert request.content.decode() == f"old 3\n{'A' * 43}=\n\na note\n"
        if isinstance(reply, Exception):
            raise reply
        return reply

    with WitnessClient(transport=httpx.MockTransport(carry)) as client:
        return client.add_checkpoint("https://w.example/prefix", REQUEST)


def test_each_status_of_the_protocol_is_read():
    assert ask(httpx.Response(200, text="— w x\n")) == WitnessAnswer(200, lines="— w x\n")
    assert ask(httpx.Response(409, text="7\n", headers=SIZE)) == WitnessAnswer(409, size=7)
    for status in (400, 403, 404, 422):
        answer = ask(httpx.Response(status, text="because\n  of this"))
        assert answer == WitnessAnswer(status, reason="because of this")


def test_what_a_witness_says_is_shortened():
    assert len(ask(httpx.Response(422, text="x" * 5000)).reason) == 200


@pytest.mark.parametrize(
    "reply",
    [
        httpx.Response(500, text="down"),
        httpx.Response(302, headers={"Location": "https://elsewhere.example/"}),
        httpx.Response(409, text="7\n"),
        httpx.Response(409, text="07\n", headers=SIZE),
        httpx.Response(200, text="x" * 70_000),
        httpx.ReadTimeout("slow"),
        httpx.ConnectError("away"),
    ],
)
def test_anything_else_is_no_answer(reply: httpx.Response | Exception):
    with pytest.raises(WitnessUnreachable):
        ask(reply)
