"""The header that shows every caller how far the log is, signed: each becomes a witness.

Refuses to guess: nothing is said while this process does not hold the log, because another one may
be further on.
"""

import base64
from collections.abc import Callable
from typing import Any, Final

from litestar.types import HTTPResponseStartEvent, Message, Send

NAME: Final = "Rempart-Checkpoint"
_WIRE_NAME: Final = NAME.lower().encode()
_DESCRIPTION: Final = (
    "Signed note (C2SP tlog-checkpoint) of this gateway's log as it stands, in base64url without "
    "padding. On every answer, refusals and errors included, while the log is open. Keep the "
    "largest one: sizes of one log never go back, and one size never has two roots."
)


class CheckpointHeader:
    """Adds the header to answers; encodes each note once.

    Args:
        read_note: Returns the note of the present size, None while the log is not held.
    """

    def __init__(self, read_note: Callable[[], str | None]) -> None:
        self._read_note = read_note
        self._note = ""
        self._header: tuple[bytes, bytes] = (_WIRE_NAME, b"")

    def wrap(self, send: Send) -> Send:
        """Return a `send` whose answers carry the header as of the moment they start."""

        async def send_with_checkpoint(message: Message) -> None:
            if message["type"] == "http.response.start":
                self._add(message)
            await send(message)

        return send_with_checkpoint

    def _add(self, start: HTTPResponseStartEvent) -> None:
        note = self._read_note()
        if note is None:
            return
        if note is not self._note:
            value = base64.urlsafe_b64encode(note.encode()).rstrip(b"=")
            self._note, self._header = note, (_WIRE_NAME, value)
        start["headers"] = [*start["headers"], self._header]


def describe_in_every_answer(document: dict[str, Any]) -> dict[str, Any]:
    """Add the header to every response of an OpenAPI document, in place, and return it."""
    document["components"]["headers"] = {
        NAME: {"description": _DESCRIPTION, "schema": {"type": "string"}}
    }
    for path in document["paths"].values():
        for operation in path.values():
            for response in operation["responses"].values():
                headers = response.setdefault("headers", {})
                headers[NAME] = {"$ref": f"#/components/headers/{NAME}"}
    return document
