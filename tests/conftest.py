"""What every test may ask for: a home, a real PostgreSQL server, a fresh migrated database.

One server per test process, started at the first test that needs it and thrown away at the end.
"""

import contextlib
import functools
import itertools
import os
import secrets
import shutil
import signal
import socket
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import hypothesis
import pytest
from tests import schedule
from tests.database_copies import copy_database, drop_database

from rempart.storage.cluster import ADMIN, Cluster
from rempart.storage.connect import Database, Transaction
from rempart.storage.postmaster import find_postmaster
from rempart.wiring.database import make_ready
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

# A server killed under a test loses nothing with these (the machine does not crash); commits stay
# synchronous so that what was acknowledged is there after recovery.
FAST_SETTINGS = {
    "fsync": "off",
    "full_page_writes": "off",
    "rempart.throwaway": "on",
    "autovacuum": "off",
    "shared_buffers": "64MB",
    "min_wal_size": "64MB",
    "max_wal_size": "256MB",
}
TEMPLATE = "rempart_template"
PREFIX = "rempart-tests-"
# Servers, and whatever their user must reach, live in memory where there is enough of it. Nothing
# is proven less: a process that is killed leaves what it wrote, on a disk or in memory alike.
MEMORY = Path("/dev/shm")
ENOUGH_MEMORY = 2 << 30

# A property is tried on few examples at each run, others each time; `--hypothesis-profile=deep`
# tries many. No deadline: a slow machine is not a wrong answer.
hypothesis.settings.register_profile("everyday", max_examples=40, deadline=None)
hypothesis.settings.register_profile("deep", max_examples=2_000, deadline=None)
hypothesis.settings.load_profile("everyday")

_numbers = itertools.count(1)


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    """Let tests reach this machine only."""
    config.option.disable_socket = True
    config.option.allow_unix_socket = True
    config.option.allow_hosts = "127.0.0.1,::1"


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long."""
    schedule.put_long_first(items)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: object) -> object:
    """Keep each file in one process."""
    return schedule.make_scheduler(config, log)


@pytest.fixture(scope="session")
def session_path() -> Iterator[Path]:
    """A temporary directory of this test process that the server's user can enter."""
    _sweep_abandoned_servers()
    with _temporary_directory() as path:
        yield path


@pytest.fixture(scope="session")
def make_reachable_directory() -> Callable[[], contextlib.AbstractContextManager[Path]]:
    """A context manager that makes such a directory, for fixtures that outlive a test."""
    return _temporary_directory


@pytest.fixture
def reachable_path() -> Iterator[Path]:
    """A temporary directory of one test that the server's user can enter; pytest's are closed."""
    with _temporary_directory() as path:
        yield path


# Below the ports that the system gives to connections: none of those can come in between.
_LOWEST_PORT, _HIGHEST_PORT = 12_000, 32_000
# `rempart serve` on a port takes others up to the ninth after it.
_PORTS_IN_A_ROW = 10


@pytest.fixture
def unused_port() -> int:
    """A port nobody has, followed by nine others that nobody has; each test process has its own."""
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
    while True:
        place = secrets.randbelow((_HIGHEST_PORT - _LOWEST_PORT) // (2 * _PORTS_IN_A_ROW))
        port = _LOWEST_PORT + (2 * place + worker % 2) * _PORTS_IN_A_ROW
        if all(_is_free(port + after) for after in range(_PORTS_IN_A_ROW)):
            return port


def _is_free(port: int) -> bool:
    with socket.socket() as probe, contextlib.suppress(OSError):
        probe.bind(("127.0.0.1", port))
        return True
    return False


@pytest.fixture(scope="session")
def home(session_path: Path) -> Home:
    """The home of this test process: keys, and the passwords of the roles of `cluster`."""
    return Home.create(session_path / "home")


@pytest.fixture(scope="session")
def cluster(home: Home) -> Iterator[Cluster]:
    """A running server with settings for speed; ask for `durable_cluster` to harm one."""
    cluster = make_cluster(home, FAST_SETTINGS)
    cluster.start()
    yield cluster
    cluster.stop()


@pytest.fixture(scope="session")
def template(home: Home, cluster: Cluster) -> Database:
    """The migrated database that `database` copies. Never connect to it in a test."""
    place = cluster.status().place
    template = Database(address=place.address, name=TEMPLATE, admin=ADMIN, passwords=home.passwords)
    make_ready(template)
    return template


@pytest.fixture(scope="session")
def server(template: Database) -> Iterator[Transaction]:
    """The administrator's connection to the server, where databases are made and dropped."""
    with template.renamed("postgres").connect("admin", autocommit=True) as admin:
        yield admin


@pytest.fixture
def make_database(
    template: Database, server: Transaction, home: Home
) -> Iterator[Callable[[], Database]]:
    """A function that makes fresh migrated databases; all are dropped after the test.

    What was erased from them is forgotten too: the next would be taken for an old backup.
    """
    made = []

    def make() -> Database:
        made.append(copy_database(server, template, f"test_{next(_numbers)}"))
        return made[-1]

    yield make
    for fresh in made:
        drop_database(server, fresh)
    shutil.rmtree(home.path / "backups", ignore_errors=True)


@pytest.fixture
def database(make_database: Callable[[], Database]) -> Database:
    """A fresh migrated database, for this test alone."""
    return make_database()


@pytest.fixture
def settings(home: Home, database: Database) -> Settings:
    """Settings that lead to `home` and to `database`."""
    return replace(Settings(), home=home.path, database_url=database.url())


@pytest.fixture
def environment(home: Home, database: Database) -> dict[str, str]:
    """Environment variables for a process that must work in `home` on `database`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REMPART_")}
    return {**kept, "REMPART_HOME": str(home.path), "DATABASE_URL": database.url()}


@pytest.fixture
def durable_cluster(reachable_path: Path) -> Iterator[Cluster]:
    """A running server of this test alone, with production settings: kill it at will."""
    home = Home.create(reachable_path / "durable")
    cluster = make_cluster(home, {"shared_buffers": "64MB"})
    cluster.start()
    yield cluster
    cluster.stop()


def make_cluster(home: Home, server_settings: dict[str, str]) -> Cluster:
    """Return the cluster of a test's home, on the programs REMPART_PG_BIN names if it does."""
    configured = os.environ.get("REMPART_PG_BIN")
    return Cluster(
        home=home.path,
        elsewhere=home.path.parent / "elsewhere",
        admin_password=home.passwords["admin"],
        pg_bin=Path(configured) if configured else None,
        settings=server_settings,
    )


@contextlib.contextmanager
def _temporary_directory() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix=f"{PREFIX}{os.getpid()}-", dir=_choose_place()))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path)


@functools.cache
def _choose_place() -> Path:
    """Return where directories are made: in memory if programs may run there and it is large."""
    if not MEMORY.is_dir() or not os.access(MEMORY, os.W_OK):
        return Path(tempfile.gettempdir())
    found = os.statvfs(MEMORY)
    fits = found.f_bavail * found.f_frsize >= ENOUGH_MEMORY and not found.f_flag & os.ST_NOEXEC
    return MEMORY if fits else Path(tempfile.gettempdir())


def _sweep_abandoned_servers() -> None:
    """Stop the servers of test processes that were killed, and remove their directories."""
    for path in _choose_place().glob(f"{PREFIX}*"):
        owner = path.name.removeprefix(PREFIX).split("-")[0]
        if path.stat().st_uid != os.geteuid() or _is_alive(int(owner)):
            continue
        for data in path.glob("*/postgresql/data"):
            pid = find_postmaster(data)
            if pid is not None:
                os.kill(pid, signal.SIGQUIT)
        shutil.rmtree(path, ignore_errors=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True
