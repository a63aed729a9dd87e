"""A real gateway process, met over real sockets by callers that misbehave.

One process meets them all, but where it is stopped: none may harm those who come after.
"""

import json
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace

import pytest
from scripts.gateway_process import GatewayProcess
from scripts.kill_harness import Acknowledged, Load
from tests.api.reading import PATH, StoredEntry, read_entries
from tests.api.world import COVERED, World, populate, typed_body
from tests.database_copies import copied_database

from rempart.disclosure.entry import Kind
from rempart.gateway import unread
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.audit_ledger import audit_ledger

MEGABYTE = 1_000_000


@pytest.fixture(scope="module")
def world(template: Database, home: Home) -> Iterator[World]:
    with copied_database(template, "test_gateway_process") as database:
        yield populate(database, home)


@pytest.fixture(scope="module")
def process(world: World) -> Iterator[GatewayProcess]:
    with started(world) as gateway:
        yield gateway


@contextmanager
def started(world: World) -> Iterator[GatewayProcess]:
    settings = replace(Settings(), home=world.home.path, database_url=world.database.url())
    gateway = GatewayProcess(settings)
    gateway.start()
    yield gateway
    gateway.kill()


@pytest.fixture
def read_new(process: GatewayProcess, world: World) -> Callable[[], list[StoredEntry]]:
    """A function that returns the entries written since the test began."""
    before = len(read_entries(world.database))
    return lambda: read_entries(world.database)[before:]


def list_answers(entries: list[StoredEntry]) -> list[StoredEntry]:
    """Return those that are about a person; the opening of a session is an entry too."""
    return [entry for entry in entries if entry.kind == Kind.DISCLOSE]


def call(process: GatewayProcess) -> socket.socket:
    connection = socket.create_connection(("127.0.0.1", process.port), timeout=60)
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


def test_ten_megabytes_in_chunks_are_refused_after_the_first_kilobytes(process, world, read_new):
    chunk = b"1000\r\n" + b" " * 0x1000 + b"\r\n"
    with call(process) as connection:
        connection.sendall(head(world, "Transfer-Encoding: chunked") + chunk * 2)
        assert read_status(connection) == 413
        sent = push_until_closed(connection, chunk, 10 * MEGABYTE)
    assert sent < 10 * MEGABYTE
    assert read_new() == []


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


def test_a_caller_that_hangs_up_before_its_answer_leaves_its_entry_and_harms_nobody(
    make_database, home
):
    world = populate(make_database(), home)
    body = json.dumps(typed_body(COVERED)).encode()
    request = head(world, f"Content-Length: {len(body)}") + body
    with started(world) as process:
        for _ in range(20):
            with call(process) as connection:
                connection.sendall(request)
        with call(process) as connection:
            connection.sendall(request)
            assert read_status(connection) == 200
        assert process.stop() == 0
    entries = read_entries(world.database)
    assert [entry.idx for entry in entries] == list(range(len(entries)))
    with world.database.transaction("auditor") as tx:
        assert audit_ledger(tx).is_sound


def test_a_caller_that_stops_in_the_middle_of_its_body_is_not_answered(process, world, read_new):
    with call(process) as connection:
        connection.sendall(head(world, "Content-Length: 400") + b'{"identifiers":')
    with call(process) as connection:
        body = json.dumps(typed_body(COVERED)).encode()
        connection.sendall(head(world, f"Content-Length: {len(body)}") + body)
        assert read_status(connection) == 200
    assert len(list_answers(read_new())) == 1


@pytest.mark.parametrize(
    "garbage", [b"\x00" * 64, b"GET\r\n\r\n", b"POST / HTTP/9.9\r\n\r\n", b"\x16\x03\x01\x02\x00"]
)
def test_what_is_not_http_does_not_stop_the_gateway(process, read_new, garbage):
    with call(process) as connection:
        connection.sendall(garbage)
        connection.recv(4096)
    process.wait_until_ready()
    assert read_new() == []


def test_a_gateway_asked_to_stop_answers_what_it_began_and_keeps_a_checkpoint(make_database, home):
    told, world = Acknowledged(), populate(make_database(), home)
    with started(world) as process, Load(process.port, world.make_headers(), told):
        while len(told.indexes) <= 10:
            time.sleep(0.05)
        assert process.stop() == 0
    entries = read_entries(world.database)
    with world.database.transaction("auditor") as tx:
        [(checkpoint,)] = tx.execute("SELECT max(size) FROM ledger.checkpoint").fetchall()
        assert audit_ledger(tx).is_sound
    assert len(told.indexes) > 10
    assert max(told.indexes.values()) < len(entries)
    assert checkpoint == len(entries)


def test_the_address_of_a_session_is_the_one_our_proxy_saw(process, world, read_new):
    body = json.dumps(typed_body(COVERED)).encode()
    for said in ("192.0.2.7", "198.51.100.1, 192.0.2.8", "nonsense"):
        with call(process) as connection:
            length = f"Content-Length: {len(body)}"
            connection.sendall(head(world, length, f"X-Forwarded-For: {said}") + body)
            assert read_status(connection) == 200
    sessions = [entry.session_ref for entry in list_answers(read_new())]
    with world.database.transaction("auditor") as tx:
        found = dict(tx.execute("SELECT session_ref, address FROM ledger.session").fetchall())
    assert [found[one] for one in sessions] == ["192.0.2.7", "192.0.2.8", "127.0.0.1"]


@pytest.mark.parametrize("size", [400, 100_000, 3 * MEGABYTE])
def test_whoever_is_refused_before_its_body_is_read_keeps_its_connection(process, size):
    """Head and body in two pieces, as HTTP libraries send them; each must be answered."""
    refused = "\r\n".join(
        [
            f"POST {PATH} HTTP/1.1",
            "Host: 127.0.0.1",
            "Authorization: Bearer old",
            "Content-Type: application/json",
            f"Content-Length: {size}",
            "",
            "",
        ]
    ).encode()
    is_taken_in = size <= unread.MOST_BYTES
    for pause_s in (0, 0, 0.002, 0.02):
        with call(process) as connection:
            for _ in range(20 if is_taken_in else 1):
                connection.sendall(refused)
                time.sleep(pause_s)
                if is_taken_in:
                    connection.sendall(b"x" * size)
                assert read_status(connection) == 401
