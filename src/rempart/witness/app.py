"""The witness over HTTP: `add-checkpoint`, and the last checkpoint of each log for monitors.

Refuses to sign before what it signs is saved, and to say more than the protocol does.
"""

import os
import time
from collections.abc import Awaitable, Callable, MutableMapping
from pathlib import Path
from typing import Any, Final, NamedTuple

from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.witness import (
    SIZE_TYPE,
    Cosign,
    Refuse,
    decide_cosigning,
    open_submission,
)
from rempart.witness.keys import load_key
from rempart.witness.store import WitnessStore

DIRECTORY: Final = "REMPART_WITNESS_DIR"
MAX_BODY: Final = 64 * 1024
_TEXT: Final = "text/plain; charset=utf-8"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Answer(NamedTuple):
    """What goes back."""

    status: int
    body: str
    kind: str = _TEXT


class Witness:
    """One witness.

    Args:
        cosigner: Its key.
        store: What it remembers.
        now_s: Unix seconds.
    """

    def __init__(
        self, cosigner: Cosigner, store: WitnessStore, *, now_s: Callable[[], int]
    ) -> None:
        self._cosigner = cosigner
        self._store = store
        self._now_s = now_s

    def add_checkpoint(self, body: bytes) -> Answer:
        """Cosign a checkpoint that continues what was seen, or refuse it."""
        try:
            text = body.decode("utf-8")
        except UnicodeDecodeError:
            return Answer(400, "the request is not UTF-8\n")
        submission = open_submission(text, self._store.find_keys)
        if isinstance(submission, Refuse):
            return _explain(submission)
        decision = self._store.settle(submission, decide=decide_cosigning, time_s=self._now_s())
        match decision:
            case Refuse():
                return _explain(decision)
            case Cosign(text=signed):
                # On disk by now: a crash here leaves a witness that is ahead of what the log knows.
                line = self._cosigner.cosign(signed, time_s=self._now_s())
                self._store.save_cosigned(submission, line)
                return Answer(200, line)

    def read_checkpoint(self, origin_hash: str) -> Answer:
        """Return the last checkpoint cosigned of a log, known by the SHA-256 of its origin."""
        note = self._store.find_note(origin_hash)
        return Answer(404, "never cosigned\n") if note is None else Answer(200, note)


class WitnessApp:
    """The ASGI application."""

    def __init__(self, witness: Witness) -> None:
        self._witness = witness

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request; whatever else a server tells is none of ours."""
        if scope["type"] == "lifespan":
            await _live(receive, send)
        elif scope["type"] == "http":
            await _send(await self._answer(scope, receive), send)

    async def _answer(self, scope: MutableMapping[str, Any], receive: Receive) -> Answer:
        method, path = scope["method"], scope["path"]
        if path == "/add-checkpoint":
            if method != "POST":
                return Answer(405, "use POST\n")
            body = await _read_body(receive)
            if body is None:
                return Answer(400, "the request is too long\n")
            # One at a time, on this thread: comparing and saving are not interleaved.
            return self._witness.add_checkpoint(body)
        origin_hash, slash, rest = path.removeprefix("/").partition("/")
        if slash and rest == "checkpoint" and method in ("GET", "HEAD"):
            return self._witness.read_checkpoint(origin_hash)
        return Answer(404, "there is nothing here\n")


def create_app() -> WitnessApp:
    """Build the witness of the directory that the environment names; the server calls it."""
    directory = Path(os.environ[DIRECTORY])
    cosigner = load_key(directory)
    return WitnessApp(Witness(cosigner, WitnessStore(directory), now_s=lambda: int(time.time())))


def _explain(refusal: Refuse) -> Answer:
    if refusal.latest_size is not None:
        return Answer(refusal.status, f"{refusal.latest_size}\n", SIZE_TYPE)
    return Answer(refusal.status, f"{refusal.reason}\n")


async def _live(receive: Receive, send: Send) -> None:
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _read_body(receive: Receive) -> bytes | None:
    """Return the body, None when it is too long or its sender hung up."""
    body = b""
    more = True
    while more:
        message = await receive()
        if message["type"] != "http.request":
            return None
        body += message.get("body", b"")
        if len(body) > MAX_BODY:
            return None
        more = message.get("more_body", False)
    return body


async def _send(answer: Answer, send: Send) -> None:
    body = answer.body.encode()
    headers = [
        (b"content-type", answer.kind.encode()),
        (b"content-length", str(len(body)).encode()),
        (b"cache-control", b"no-store"),
    ]
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
