"""Asking a witness over HTTP for its cosignature (C2SP tlog-witness).

Refuses to wait for long, to follow a redirection, and to read a long answer: a witness is somebody
else's machine.
"""

from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import httpx

from rempart.disclosure.note import NoteRefused
from rempart.disclosure.witness import SIZE_TYPE, AddCheckpoint, format_add_checkpoint, parse_size

TIMEOUT_S: Final = 5.0
_LONGEST_ANSWER: Final = 64 * 1024
_SHOWN: Final = 200


class WitnessUnreachable(Exception):
    """The witness did not answer, or not in a way the protocol knows."""


@dataclass(frozen=True, slots=True)
class WitnessAnswer:
    """What a witness answered.

    Attributes:
        status: 200, 400, 403, 404, 409 or 422.
        lines: Signature lines (200 only).
        size: What it has (409 only).
        reason: What it says, shortened, for people.
    """

    status: int
    lines: str = ""
    size: int | None = None
    reason: str = ""


class WitnessClient:
    """Speaks to witnesses; connections are kept from one round to the next.

    Args:
        timeout_s: How long one request may take.
        transport: Another way of carrying requests; tests use it.
    """

    def __init__(
        self, *, timeout_s: float = TIMEOUT_S, transport: httpx.BaseTransport | None = None
    ) -> None:
        self._http = httpx.Client(
            timeout=timeout_s,
            headers={"User-Agent": "rempart"},
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._http.close()

    def add_checkpoint(self, url: str, request: AddCheckpoint) -> WitnessAnswer:
        """Submit a checkpoint to the witness at `url`.

        Raises:
            WitnessUnreachable: it does not answer in time, or answers something else.
        """
        content = format_add_checkpoint(request).encode()
        try:
            with self._http.stream("POST", f"{url}/add-checkpoint", content=content) as response:
                body = _read_bounded(response)
        except httpx.HTTPError as failure:
            raise WitnessUnreachable(type(failure).__name__) from failure
        return _read_answer(response, body)


def _read_bounded(response: httpx.Response) -> str:
    body = b""
    for part in response.iter_bytes():
        body += part
        if len(body) > _LONGEST_ANSWER:
            raise WitnessUnreachable("its answer is too long")
    return body.decode("utf-8", errors="replace")


def _read_answer(response: httpx.Response, body: str) -> WitnessAnswer:
    reason = " ".join(body.split())[:_SHOWN]
    match response.status_code:
        case 200:
            return WitnessAnswer(200, lines=body)
        case 409 if response.headers.get("Content-Type") == SIZE_TYPE:
            try:
                return WitnessAnswer(409, size=parse_size(body.removesuffix("\n")))
            except NoteRefused as refusal:
                raise WitnessUnreachable("its 409 holds no size") from refusal
        case 400 | 403 | 404 | 422 as status:
            return WitnessAnswer(status, reason=reason)
        case status:
            raise WitnessUnreachable(f"it answered {status}")
