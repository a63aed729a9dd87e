"""Posts questions over a kept connection: one request, one answer, as little else as possible.

A drill plays a week in a minute on the machine of the gateway it asks: a full HTTP client would
take most of it. Refuses whatever our gateway does not write: chunks, redirects, compression.
"""

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Final, NamedTuple

from rempart.kernel.errors import Unavailable

TIMEOUT_S: Final = 30.0
_END: Final = b"\r\n\r\n"


class Reply(NamedTuple):
    """What came back, but for the body, which nobody keeps."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """A connection to the gateway, opened when it is first used and again after it broke.

    Args:
        host: Where it listens.
        port: On which port.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def post(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Send one request and wait for its answer.

        Raises:
            Unavailable: no answer came; whether the question was heard is not known.
        """
        try:
            async with asyncio.timeout(TIMEOUT_S):
                return await self._exchange(path, headers, body)
        except (OSError, TimeoutError, asyncio.IncompleteReadError, ValueError) as failure:
            await self.close()
            raise Unavailable("the gateway of the exercise does not answer") from failure

    async def close(self) -> None:
        """Close the connection; the next question opens another."""
        streams, self._streams = self._streams, None
        if streams is not None:
            streams[1].close()
            with contextlib.suppress(OSError):
                await streams[1].wait_closed()

    async def _exchange(self, path: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if self._streams is None:
            self._streams = await asyncio.open_connection(self._host, self._port)
        reader, writer = self._streams
        lines = [f"POST {path} HTTP/1.1", f"Host: {self._host}:{self._port}"]
        lines += [f"{name}: {value}" for name, value in headers.items()]
        lines.append(f"Content-Length: {len(body)}")
        writer.write("\r\n".join(lines).encode() + _END + body)
        head = (await reader.readuntil(_END)).decode("latin-1").split("\r\n")
        given = dict(line.split(": ", 1) for line in head[1:] if line)
        named = {name.lower(): value for name, value in given.items()}
        content = await reader.readexactly(int(named.get("content-length", "0")))
        return Reply(int(head[0].split(" ", 2)[1]), named, content)
