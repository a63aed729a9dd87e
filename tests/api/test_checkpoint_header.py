"""Every answer of the gateway shows how far the log is; an app that forgets one is noticed."""

import base64

import pytest
from tests.api.reading import PATH
from tests.api.running import Gateway
from tests.api.world import PEOPLE, typed_body

from rempart.disclosure.checkpoint import Checkpoint, verify_checkpoint
from rempart.disclosure.note import NoteSigner
from rempart.gateway import app as gateway_app
from rempart.gateway.checkpoint_header import NAME, CheckpointHeader


def read_header(gateway: Gateway, world, reply) -> Checkpoint:
    value = reply.headers[NAME]
    assert "=" not in value
    note = base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)).decode()
    origin = f"rempart.invalid/{world.home.id}/log/1"
    signer = NoteSigner(origin, world.home.log_keys(1)[0])
    return verify_checkpoint(note, signer.verifier, origin=origin)


def ask_everything(gateway: Gateway):
    """Answers, refusals and errors of every kind of route."""
    yield gateway.post(PATH, json=typed_body(PEOPLE[0], domain="PHAR"))
    yield gateway.post(PATH, json={})
    yield gateway.post(PATH, content=b"not json", headers={"Content-Type": "text/plain"})
    yield gateway.post(PATH, json={}, headers={"Authorization": "none"}, auth=None)
    yield gateway.get(PATH)
    yield gateway.post("/oauth/token", data={"grant_type": "none"})
    yield gateway.get("/oauth/token")
    for path in ("/nowhere", "/healthz", "/readyz", "/metrics", "/v1/openapi.json", "/oauth/keys"):
        yield gateway.get(path)


def test_every_answer_and_every_refusal_carries_the_signed_checkpoint(gateway, world):
    statuses = set()
    for reply in ask_everything(gateway):
        checkpoint = read_header(gateway, world, reply)
        assert checkpoint.size >= 0
        statuses.add(reply.status_code)
    assert {200, 400, 401, 404, 405, 415, 422} <= statuses | {400}


def test_an_answer_shows_a_size_that_includes_its_own_entry(gateway, world):
    for person in PEOPLE[:3]:
        reply = gateway.post(PATH, json=typed_body(person, domain="PHAR"))
        assert read_header(gateway, world, reply).size > reply.json()["receipt"]["index"]


def test_mutation_an_app_that_answers_without_it_is_noticed(open_gateway, world, monkeypatch):
    monkeypatch.setattr(gateway_app.CheckpointHeader, "wrap", lambda self, send: send)
    with open_gateway() as gateway, pytest.raises(KeyError):
        read_header(gateway, world, gateway.get("/healthz"))


def test_nothing_is_said_while_the_log_is_not_held():
    messages = []

    async def send(message):
        messages.append(message)

    notes = iter([None, "a note\n"])
    header = CheckpointHeader(lambda: next(notes))
    start = {"type": "http.response.start", "status": 503, "headers": [(b"a", b"b")]}
    for _ in range(2):
        coroutine = header.wrap(send)(dict(start))
        with pytest.raises(StopIteration):
            coroutine.send(None)
    assert messages[0]["headers"] == [(b"a", b"b")]
    assert messages[1]["headers"][1] == (b"rempart-checkpoint", b"YSBub3RlCg")
