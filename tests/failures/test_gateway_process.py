"""A real gateway process, met over real sockets by callers that misbehave."""

import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace

import pytest
from scripts.gateway_process import GatewayProcess
from scripts.kill_harness import Acknowledged, Load
from tests.api.reading import PATH, read_entries
from tests.api.world import COVERED, World, typed_body

from rempart.wiring.settings import Settings
from rempart.workflows.audit_ledger import audit_ledger

MEGABYTE = 1_000_000


@pytest.fixture
def process(world: World, settings: Settings) -> Iterator[GatewayProcess]:
    gateway = GatewayProcess(replace(settings, database_url=world.database.url()))
    gateway.start()
    yield gateway
    gateway.kill()


def call(process: GatewayProcess) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", process.port), timeout=10)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def head(world: World, *headers: str) -> bytes:
    lines = [
        f"POST {PATH} HTTP/1.1",
        "Host: 127.0.0.1",
        *(f"{name}: {value}" for name, value in world.make_headers().items()),
        "Content-Type: application/json",
        *headers,
    ]
    return "\r\n".join([*lines, "", ""]).encode()


def read_status(connection: socket.socket) -> int:
    return int(connection.recv(4096).split(b" ", 2)[1])


def test_ten_megabytes_announced_are_refused_before_any_of_them_is_sent(process, world):
    with call(process) as connection:
        connection.sendall(head(world, f"Content-Length: {10 * MEGABYTE}"))
        assert read_status(connection) == 413


def test_ten_megabytes_in_chunks_are_refused_after_the_first_kilobytes(process, world):
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    with call(process) as connection:
        connection.sendall(head(world, "Transfer-Encoding: chunked") + chunk * 2)
        assert read_status(connection) == 413
        sent = push_until_closed(connection, chunk, 10 * MEGABYTE)
    assert sent < 10 * MEGABYTE
    assert read_entries(world.database) == []


def push_until_closed(connection: socket.socket, chunk: bytes, limit: int) -> int:
    """Go on sending although the answer is there; return how much was taken."""
    sent = 0
    try:
        while sent < limit:
            connection.sendall(chunk)
            sent += len(chunk)
    except OSError:
        pass
    return sent


def test_a_caller_that_hangs_up_before_its_answer_leaves_its_entry_and_harms_nobody(process, world):
    body = json.dumps(typed_body(COVERED)).encode()
    request = head(world, f"Content-Length: {len(body)}") + body
    for _ in range(20):
        with call(process) as connection:
            connection.sendall(request)
    with call(process) as connection:
        connection.sendall(request)
        assert read_status(connection) == 200
    time.sleep(0.2)
    entries = read_entries(world.database)
    assert [entry.idx for entry in entries] == list(range(len(entries)))
    with world.database.transaction("auditor") as tx:
        assert audit_ledger(tx).is_sound


def test_a_caller_that_stops_in_the_middle_of_its_body_is_not_answered(process, world):
    with call(process) as connection:
        connection.sendall(head(world, "Content-Length: 400") + b'{"identifiers":')
    with call(process) as connection:
        body = json.dumps(typed_body(COVERED)).encode()
        connection.sendall(head(world, f"Content-Length: {len(body)}") + body)
        assert read_status(connection) == 200
    assert len(read_entries(world.database)) == 2


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 64, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_not_http_does_not_stop_the_gateway(process, world, garbage):
    with call(process) as connection:
        connection.sendall(garbage)
        connection.recv(4096)
    process.wait_until_ready()
    assert read_entries(world.database) == []


def test_a_gateway_asked_to_stop_answers_what_it_began_and_keeps_a_checkpoint(process, world):
    told = Acknowledged()
    with Load(process.port, world.make_headers(), told):
        time.sleep(1)
        assert process.stop() == 0
    entries = read_entries(world.database)
    with world.database.transaction("auditor") as tx:
        [(checkpoint,)] = tx.execute("SELECT max(size) FROM ledger.checkpoint").fetchall()
        assert audit_ledger(tx).is_sound
    assert len(told.indexes) > 10
    assert max(told.indexes.values()) < len(entries)
    assert checkpoint == len(entries)


def test_the_address_of_a_session_is_the_one_our_proxy_saw(process, world):
    body = json.dumps(typed_body(COVERED)).encode()
    for said in ("192.0.2.7", "198.51.100.1, 192.0.2.8", "nonsense"):
        with call(process) as connection:
            length = f"Content-Length: {len(body)}"
            connection.sendall(head(world, length, f"X-Forwarded-For: {said}") + body)
            assert read_status(connection) == 200
    with world.database.transaction("auditor") as tx:
        found = tx.execute("SELECT address FROM ledger.session ORDER BY opened_ms").fetchall()
    assert [address for (address,) in found] == ["192.0.2.7", "192.0.2.8", "127.0.0.1"]
