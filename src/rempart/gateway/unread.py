"""What a caller sent and nobody read: taken in after the answer, so that the connection lives on.

A server closes a connection whose request was not read to its end. Whoever keeps it for the next
request then finds it closed, and whoever still writes may lose the answer itself: a token refused
before the body is read would look like a gateway that is gone. Refuses to take in much, and to wait
long: after that the connection is closed, and what it brought was never kept.
"""

import asyncio
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import suppress
from typing import Any, Final, TypeAlias

MOST_BYTES: Final = 2 * 1024 * 1024
PATIENCE_S: Final = 5.0
_ANNOUNCE_A_BODY: Final = frozenset({b"content-length", b"transfer-encoding"})

Receive: TypeAlias = Callable[[], Awaitable[Any]]
Answer: TypeAlias = Callable[[Receive], Awaitable[None]]


async def answer_and_take_in(
    scope: MutableMapping[str, Any], receive: Receive, answer: Answer
) -> None:
    """Have a request answered; then take in what is left of it.

    Args:
        scope: The request.
        receive: Where its body comes from.
        answer: Sends the whole answer, reading as much of the body as it likes from what it gets.
    """
    is_left = True

    async def read() -> Any:
        nonlocal is_left
        is_left = False  # and stays so when whoever waits gives up: there is nothing to save
        message = await receive()
        is_left = message["type"] == "http.request" and message.get("more_body", False)
        return message

    await answer(read)
    if not is_left or _ANNOUNCE_A_BODY.isdisjoint(name for name, _ in scope["headers"]):
        return
    taken = 0
    with suppress(TimeoutError):
        async with asyncio.timeout(PATIENCE_S):
            while is_left and taken < MOST_BYTES:
                taken += len((await read()).get("body", b""))
