"""Bodies that stop coming, and bodies nobody read: neither may cost others their answers.

A server has so many places, and a body that comes in drops keeps one: it is given up after a while.
It closes a connection whose request was not read to its end: whoever keeps it for the next request
finds it closed, and whoever still writes may lose the answer itself, so that a token refused before
the body is read looks like a gateway that is gone. What is left is therefore taken in after the
answer. Refuses to take in much, and to wait long for it: then the connection is closed.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

# Of a body that stops coming; what came buys more of it, at the pace of the slowest line.
PATIENCE_S: Final = 30.0
SLOWEST_BYTES_PER_S: Final = 16_000
LOOK_EVERY_S: Final = 1.0
# Of what nobody read.
MOST_BYTES: Final = 2 * 1024 * 1024
AFTERWARDS_S: Final = 5.0
_ANNOUNCE_A_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})
_GONE: Final = {"type": "http.disconnect"}

Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Any]]
Answer: TypeAlias = Callable[[Receive], Awaitable[None]]


class Intake:
    """Reads the bodies of an application's requests; whoever stops sending has hung up.

    Those that wait are looked at once a second: a timer for each would cost every request.
    """

    def __init__(self) -> None:
        self._until_s: dict[asyncio.Task[Any] | None, float] = {}
        self._looks = False

    async def serve(self, scope: Message, receive: Receive, answer: Answer) -> None:
        """Have a request answered; then take in what is left of it.

        Args:
            scope: The request.
            receive: Where its body comes from.
            answer: Sends the whole answer, reading as much of the body as it likes from what it
                gets.
        """
        until_s = asyncio.get_running_loop().time() + PATIENCE_S
        is_left, taken = True, 0

        async def read() -> Any:
            nonlocal is_left, taken
            is_left = False  # and stays so when whoever waits gives up: there is nothing to save
            message = await self._wait(receive, until_s + taken / SLOWEST_BYTES_PER_S)
            if message["type"] == "http.request":
                is_left = message.get("more_body", False)
                taken += len(message.get("body", b""))
            return message

        await answer(read)
        if not is_left or _ANNOUNCE_A_BODY.isdisjoint(name for name, _ in scope["headers"]):
            return
        most = taken + MOST_BYTES
        with suppress(TimeoutError):
            async with asyncio.timeout(AFTERWARDS_S):
                while is_left and taken < most:
                    await read()

    async def _wait(self, receive: Receive, until_s: float) -> Any:
        task = asyncio.current_task()
        self._until_s[task] = until_s
        if not self._looks:
            self._look()
        try:
            return await receive()
        except asyncio.CancelledError:
            if task is None or task in self._until_s or task.uncancel():
                raise  # somebody else ends it
            return _GONE
        finally:
            self._until_s.pop(task, None)

    def _look(self) -> None:
        """Give up those who stopped sending; look again as long as anybody sends."""
        loop = asyncio.get_running_loop()
        now_s = loop.time()
        late = [task for task, until_s in self._until_s.items() if task and until_s < now_s]
        for task in late:
            del self._until_s[task]
            task.cancel()
        self._looks = bool(self._until_s)
        if self._looks:
            loop.call_later(LOOK_EVERY_S, self._look)
