"""The way of the gateway to the database: to the primary, wherever it is now.

Every host of DATABASE_URL is asked at the same time, because one that lost its power answers
nothing for as long as one waits. Refuses a standby; of two that take writes, the one promoted last
is the primary.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Sequence
from typing import Any, Final

import asyncpg

from rempart.storage.ledger_opening import DRIVER_FAILURES

# Another host's answer is waited for so long once one has answered: it may lead later.
GRACE_S: Final = 0.5
# One host of several is given so long: while nobody leads, all are asked again soon.
HOST_S: Final = 3.0
# A connection whose other end is silent is closed by the system, like those of libpq (connect.py):
# seconds before a probe, between probes, how many; milliseconds for what was sent to be received.
_SILENCE: Final = {
    "TCP_KEEPIDLE": 5,
    "TCP_KEEPINTVL": 3,
    "TCP_KEEPCNT": 3,
    "TCP_USER_TIMEOUT": 10_000,
}
# The timeline counts promotions: the first eight digits of the name of what is written now.
_TIMELINE: Final = (
    "SELECT pg_catalog.left(pg_catalog.pg_walfile_name(pg_catalog.pg_current_wal_insert_lsn()), 8)"
)


async def connect_primary(
    dsn: str,
    *,
    timeout: float,
    host: Sequence[str] = (),
    port: Sequence[int] = (),
    **options: Any,
) -> asyncpg.Connection:
    """Open one connection to the primary.

    Args:
        dsn: Where it is, who enters; without hosts when `host` names them.
        timeout: Seconds for all of it; several hosts have less each.
        host: The primary and its standbys, in any order.
        port: Theirs.
        options: What `asyncpg.connect` takes besides.

    Raises: what `asyncpg.connect` raises; of several hosts, what the last one to fail raised.
    """
    if not host:
        connection = await asyncpg.connect(dsn, timeout=timeout, **options)
    else:
        places = [{"host": one, "port": at} for one, at in zip(host, port, strict=True)]
        async with asyncio.timeout(timeout):
            connection = await _choose(
                [_open_one(dsn, {**options, **place}, HOST_S) for place in places]
            )
    _notice_silence(connection)
    return connection


async def _open_one(
    dsn: str, options: dict[str, Any], timeout_s: float
) -> tuple[int, asyncpg.Connection]:
    """Connect to one host; return how often its cluster was promoted, and the connection."""
    connection = await asyncpg.connect(dsn, timeout=timeout_s, **options)
    try:
        return int(await connection.fetchval(_TIMELINE), 16), connection
    except BaseException:
        connection.terminate()
        raise


async def _choose(openings: Sequence[Any]) -> asyncpg.Connection:
    """Return the connection to the primary; close the others, and stop waiting for the silent."""
    waiting = {asyncio.ensure_future(opening) for opening in openings}
    found: list[tuple[int, asyncpg.Connection]] = []
    failure: BaseException | None = None
    chosen: asyncpg.Connection | None = None
    try:
        while waiting:
            done, waiting = await asyncio.wait(
                waiting,
                timeout=GRACE_S if found else None,
                return_when=asyncio.FIRST_COMPLETED,
            )
            if not done:
                break
            for one in done:
                failure = one.exception() or failure
                if one.exception() is None:
                    found.append(one.result())
        if not found:
            raise failure or OSError("no host answered")
        chosen = max(found, key=lambda one: one[0])[1]
        return chosen
    finally:
        for _, connection in found:
            if connection is not chosen:
                connection.terminate()
        await _give_up(waiting)


async def _give_up(waiting: set["asyncio.Future[tuple[int, asyncpg.Connection]]"]) -> None:
    for one in waiting:
        one.cancel()
    for one in waiting:
        # One that succeeded at this very moment is closed like the others.
        with contextlib.suppress(asyncio.CancelledError, *DRIVER_FAILURES):
            (await one)[1].terminate()


def _notice_silence(connection: asyncpg.Connection) -> None:
    """Have the system close the connection when the other end is silent."""
    # The driver offers no way to its socket, and the loop's own may not be touched: a copy is.
    place = connection._transport.get_extra_info("socket")  # noqa: SLF001
    if place is None or place.family not in {socket.AF_INET, socket.AF_INET6}:
        return
    with socket.socket(fileno=os.dup(place.fileno())) as copy:
        copy.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for name, value in _SILENCE.items():
            if hasattr(socket, name):  # not every system has them all
                copy.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
