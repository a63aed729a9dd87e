"""The processes of `rempart serve`: killed, they come back; asked to stop, they do, in order."""

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from rempart.kernel.errors import SetupError
from rempart.wiring.processes import Part, Supervisor, check_port_is_free, check_ports, plan_parts
from rempart.wiring.settings import Settings

APPLICATION = """
import os, pathlib, time

JOURNAL = pathlib.Path(os.environ["JOURNAL"])

def write(line):
    with JOURNAL.open("a") as journal:
        journal.write(line + chr(10))

def create_app():
    name = os.environ["PART"]

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await receive()
            write(f"{name} up")
            await send({"type": "lifespan.startup.complete"})
            await receive()
            write(f"{name} down")
            await send({"type": "lifespan.shutdown.complete"})
            return
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": str(os.getpid()).encode()})

    return app

def create_slow_app():
    write("slow begins")
    time.sleep(60)

def create_broken_app():
    raise SystemExit("broken on purpose")
"""

MakePart = Callable[..., Part]
Eventually = Callable[[Callable[[], object]], object]


@pytest.fixture
def make_part(tmp_path: Path) -> Callable[..., Part]:
    """Make a part that answers its worker's process number, and writes its ups and downs."""
    (tmp_path / "small_app.py").write_text(APPLICATION)

    def make(name: str, factory: str = "create_app") -> Part:
        return Part(
            name=name,
            interface="asgi",
            factory=f"small_app:{factory}",
            host="127.0.0.1",
            port=find_free_port(),
            variable="REMPART_TEST_PORT",
            environment={
                "PYTHONPATH": str(tmp_path),
                "JOURNAL": str(tmp_path / "journal"),
                "PART": name,
            },
        )

    return make


@pytest.fixture
def journal(tmp_path: Path) -> Callable[[], list[str]]:
    """Read what the parts wrote, in order."""
    file = tmp_path / "journal"
    return lambda: file.read_text().splitlines() if file.exists() else []


@pytest.fixture
def eventually() -> Callable[[Callable[[], object]], object]:
    """Wait until something is true, and return it; fail after twenty seconds."""

    def wait(condition: Callable[[], object]) -> object:
        limit = time.monotonic() + 20
        while not (value := condition()):
            assert time.monotonic() < limit, "it never became true"
            time.sleep(0.02)
        return value

    return wait


class Stopped(Exception):
    """Raised inside `watch` to end it."""


@contextmanager
def supervised(*parts: Part) -> Iterator[tuple[Supervisor, dict[str, int], list[str]]]:
    """Run parts under a supervisor whose `watch` turns in a thread; stop them at the end."""
    pids: dict[str, int] = {}
    said: list[str] = []
    over = threading.Event()

    def look_at_the_database() -> None:
        if over.is_set():
            raise Stopped

    supervisor = Supervisor(
        parts=parts, say=said.append, register=pids.update, revive_database=look_at_the_database
    )

    def watch() -> None:
        with pytest.raises(Stopped):
            supervisor.watch()

    try:
        supervisor.start()
        watcher = threading.Thread(target=watch)
        watcher.start()
        try:
            yield supervisor, pids, said
        finally:
            over.set()
            watcher.join()
    finally:
        supervisor.stop()


def test_parts_start_together_and_stop_in_the_reverse_order(
    make_part: MakePart, journal: Callable[[], list[str]]
):
    parts = [make_part("first"), make_part("second")]
    with supervised(*parts) as (_, pids, _):
        assert set(pids) == {"first", "second"}
        assert all(ask(part) for part in parts)
    assert sorted(journal()[:2]) == ["first up", "second up"]
    assert journal()[2:] == ["second down", "first down"]
    assert not any(ask(part) for part in parts)


@pytest.mark.parametrize("whom", ["the process", "its worker"])
def test_a_killed_part_comes_back_and_nothing_of_it_survives(
    make_part: MakePart, eventually: Eventually, whom: str
):
    part = make_part("only")
    with supervised(part) as (_, pids, said):
        master, worker = pids["only"], int(ask(part) or 0)
        os.kill(master if whom == "the process" else worker, signal.SIGKILL)
        eventually(lambda: ask(part) not in {None, str(worker)})
        assert pids["only"] != master
        assert not is_alive(worker)
        assert "only ended" in said[0]
        assert "starts again" in said[0]


def test_a_part_that_cannot_start_is_named_and_the_others_stop(make_part: MakePart):
    good, bad = make_part("good"), make_part("bad", "create_broken_app")
    with pytest.raises(SetupError, match="bad did not start"), supervised(good, bad):
        pytest.fail("it started")
    assert ask(good) is None


def test_a_part_that_is_still_loading_does_not_delay_the_stop(
    make_part: MakePart, journal: Callable[[], list[str]], eventually: Eventually
):
    supervisor = Supervisor(
        parts=[make_part("slow", "create_slow_app")],
        say=print,
        register=lambda _: None,
        revive_database=lambda: None,
    )

    def start() -> None:
        with pytest.raises(SetupError, match="slow did not start"):
            supervisor.start()

    starter = threading.Thread(target=start)
    starter.start()
    eventually(lambda: "slow begins" in journal())
    began = time.monotonic()
    supervisor.stop()
    starter.join()
    assert time.monotonic() - began < 5


def test_parts_end_with_a_killed_supervisor(make_part: MakePart, eventually: Eventually):
    part = make_part("orphan")
    script = textwrap.dedent(f"""
        import os, time
        from rempart.wiring.processes import Part, Supervisor
        part = Part(
            name="orphan", interface="asgi", factory={part.factory!r}, host={part.host!r},
            port={part.port}, variable="X", environment={dict(part.environment)!r},
        )
        supervisor = Supervisor(
            parts=[part], say=print, register=print, revive_database=lambda: None
        )
        supervisor.start()
        supervisor.watch()
    """)
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.DEVNULL) as parent:
        worker = int(eventually(lambda: ask(part)))
        parent.kill()
    eventually(lambda: not is_alive(worker))
    assert ask(part) is None


def test_a_taken_port_is_named_with_the_variable_that_moves_it(make_part: MakePart):
    part = make_part("gateway")
    with socket.socket() as squatter:
        squatter.bind((part.host, part.port))
        squatter.listen()
        with pytest.raises(SetupError, match=f"port {part.port} .*set REMPART_TEST_PORT"):
            check_port_is_free(part)
    check_port_is_free(part)


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"REMPART_PORTALS_PORT": "8080"}, "portals and the front .* port 8080: set REMPART_PORT"),
        ({"REMPART_GATEWAYS": "6"}, "the gateway 6 and the worker both have port 8087"),
        ({"REMPART_PORT": "65535"}, "port 65536, which does not exist: set REMPART_GATEWAY_PORT"),
    ],
)
def test_a_port_that_cannot_be_is_named_before_anything_starts(
    environment: dict[str, str], said: str
):
    with pytest.raises(SetupError, match=said):
        check_ports(plan_parts(Settings.from_environment(environment), "all"))


def test_everything_is_planned_behind_the_front():
    parts = plan_parts(replace(Settings(), host="0.0.0.0"), "all")
    assert [(part.name, part.host, part.port) for part in parts] == [
        ("gateway", "127.0.0.1", 8081),
        ("worker", "127.0.0.1", 8087),
        ("portals", "127.0.0.1", 8082),
        ("front", "0.0.0.0", 8080),
    ]


def test_each_gateway_has_a_port_and_a_log_of_its_own():
    parts = plan_parts(replace(Settings(), gateways=3, log_id=5), "gateway")
    assert [part.port for part in parts] == [8081, 8083, 8084]
    assert [part.environment["REMPART_LOG_ID"] for part in parts] == ["5", "6", "7"]


def ask(part: Part) -> str | None:
    """Return what the part answers, or None when nobody answers."""
    try:
        with urllib.request.urlopen(part.address, timeout=5) as answer:
            return answer.read().decode()
    except OSError:
        return None


def is_alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


def find_free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
