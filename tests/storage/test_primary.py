"""The gateway finds the primary among hosts that are silent, away, or promoted no more."""

import asyncio
import contextlib
import os
import socket
import time
from collections.abc import Iterator
from typing import Any

import asyncpg
import pytest

from rempart.storage import primary
from rempart.storage.connect import Database
from rempart.storage.primary import GRACE_S, connect_primary

PATIENCE_S = 5.0


@pytest.fixture
def silent() -> Iterator[tuple[str, int]]:
    """A host that takes connections and says nothing, as one whose power went."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()


def at(database: Database, *places: tuple[str, int]) -> dict[str, Any]:
    """The gateway's way to hosts; this server's own port stands for `("", 0)`."""
    host, port = "127.0.0.1", int(database.address["port"])
    hosts = [(one or host, at or port) for one, at in places]
    address = {
        **database.address,
        "host": ",".join(one for one, _ in hosts),
        "port": ",".join(str(at) for _, at in hosts),
    }
    moved = Database(
        address=address, name=database.name, admin=database.admin, passwords=database.passwords
    )
    return moved.asyncpg_kwargs("gateway")


async def enter(arguments: dict[str, Any]) -> tuple[str, float]:
    began = time.monotonic()
    connection = await connect_primary(**arguments, timeout=PATIENCE_S)
    try:
        return await connection.fetchval("SELECT current_user::text"), time.monotonic() - began
    finally:
        await connection.close()


def test_a_silent_host_is_not_waited_for(database: Database, silent: tuple[str, int]):
    who, took_s = asyncio.run(enter(at(database, silent, ("", 0))))
    assert who == "rempart_gateway"
    assert took_s < GRACE_S + 1


def test_mutation_one_after_the_other_never_leaves_the_silent_host(
    database: Database, silent: tuple[str, int]
):
    async def in_turn() -> None:
        await asyncpg.connect(**at(database, silent, ("", 0)), timeout=1)

    with pytest.raises(TimeoutError):
        asyncio.run(in_turn())


def test_a_host_that_refuses_is_passed_over(database: Database, unused_port: int):
    who, _ = asyncio.run(enter(at(database, ("", 0), ("127.0.0.1", unused_port))))
    assert who == "rempart_gateway"


def test_nobody_there_is_said(database: Database, unused_port: int):
    places = [("127.0.0.1", unused_port), ("127.0.0.1", unused_port + 1)]
    with pytest.raises(OSError, match=r"[Cc]onnect"):
        asyncio.run(enter(at(database, *places)))


def test_a_silent_host_is_asked_again_soon_while_nobody_leads(
    database: Database, silent: tuple[str, int], unused_port: int, monkeypatch: pytest.MonkeyPatch
):
    """The others may be promoted meanwhile: waiting for this one would find out late."""
    monkeypatch.setattr(primary, "HOST_S", 0.3)
    began = time.monotonic()
    with pytest.raises(OSError):
        asyncio.run(enter(at(database, silent, ("127.0.0.1", unused_port))))
    assert time.monotonic() - began < PATIENCE_S / 2


def test_a_standby_is_refused(database: Database):
    # A server that takes no writes, as far as a client sees.
    role = f"ALTER ROLE rempart_gateway IN DATABASE {database.name}"
    with database.connect("admin", autocommit=True) as admin:
        admin.execute(f"{role} SET default_transaction_read_only = on")
    with pytest.raises(asyncpg.TargetServerAttributeNotMatched):
        asyncio.run(enter(at(database, ("", 0), ("", 0))))


class Candidate:
    """A connection that may be chosen or not."""

    def __init__(self) -> None:
        self.ended = False

    def terminate(self) -> None:
        self.ended = True


@pytest.mark.parametrize("order", [(4, 9), (9, 4)])
def test_of_two_that_take_writes_the_one_promoted_last_leads(order: tuple[int, int]):
    """A server whose keeper died goes on believing that it leads; nobody follows it any more."""
    held = {timeline: Candidate() for timeline in order}

    async def open_one(timeline: int) -> tuple[int, Any]:
        await asyncio.sleep(0.05 * order.index(timeline))
        return timeline, held[timeline]

    chosen = asyncio.run(primary._choose([open_one(timeline) for timeline in order]))
    assert chosen is held[9]
    assert (held[4].ended, held[9].ended) == (True, False)


def test_the_timeline_is_read_from_the_server(database: Database):
    async def read() -> int:
        arguments = at(database, ("", 0))
        timeline, connection = await primary._open_one(arguments["dsn"], {}, PATIENCE_S)
        await connection.close()
        return timeline

    with database.connect("admin") as admin:
        row = admin.execute("SELECT timeline_id FROM pg_control_checkpoint()").fetchone()
    assert row == (asyncio.run(read()),)


def test_a_connection_to_a_machine_that_falls_silent_is_ended_by_the_system(database: Database):
    async def look() -> list[int]:
        connection = await connect_primary(**at(database, ("", 0)), timeout=PATIENCE_S)
        try:
            place = connection._transport.get_extra_info("socket")
            with contextlib.closing(socket.socket(fileno=os.dup(place.fileno()))) as copy:
                names = ["TCP_KEEPIDLE", "TCP_KEEPINTVL", "TCP_KEEPCNT", "TCP_USER_TIMEOUT"]
                found = [copy.getsockopt(socket.IPPROTO_TCP, getattr(socket, n)) for n in names]
                return [copy.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE), *found]
        finally:
            await connection.close()

    assert asyncio.run(look()) == [1, *primary._SILENCE.values()]
