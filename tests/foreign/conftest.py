"""A log of 70 001 entries, the portals that publish it, and the reference implementation in Go."""

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.database_copies import copied_database
from tests.foreign.judges import GoJudge
from tests.ledger_samples import ENTRY_COLUMNS
from tests.witness_samples import grow_log

from rempart.disclosure.entry import Entry, compute_leaf, compute_leaf_hashes
from rempart.disclosure.proof import ReadNode
from rempart.storage.connect import Database, Transaction
from rempart.storage.ledger_tiles import UnfinishedTiles, make_stored_node_reader
from rempart.wiring.home import Home

HERE = Path(__file__).parent
GOPATH = Path("/usr/share/gocode")
SIZES = (255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 70_001)
APT = "apt-get install golang-go golang-golang-x-mod-dev"

Build = Callable[[str], Path]


@pytest.fixture(scope="session")
def build_go() -> Iterator[Build]:
    """A function that builds one of our Go programs, offline, against Debian's packages.

    Without them the tests fail: a proof that strangers check is not a proof when no stranger does.
    """
    if shutil.which("go") is None or not (GOPATH / "src/golang.org/x/mod/sumdb/tlog").is_dir():
        pytest.fail(f"the reference implementation is missing: {APT}")
    with tempfile.TemporaryDirectory() as built:
        environment = {
            **os.environ,
            "GO111MODULE": "off",
            "GOPATH": str(GOPATH),
            "GOFLAGS": "",
            "GOCACHE": f"{built}/cache",
        }

        def build(name: str) -> Path:
            program = Path(built) / name
            if not program.exists():
                command = ["go", "build", "-o", str(program), "."]
                subprocess.run(command, cwd=HERE / name, env=environment, check=True)
            return program

        yield build


@pytest.fixture(scope="session")
def go(build_go: Build) -> GoJudge:
    """The reference implementation as a judge of proofs, notes and published tiles."""
    return GoJudge(build_go("verify"))


@dataclass(frozen=True)
class ForeignLog:
    """A generated log, read as anybody may."""

    database: Database
    size: int
    notes: dict[int, str]
    roots: dict[int, bytes]
    leaf_hashes: list[bytes]
    leaves: dict[int, bytes]
    read_node: ReadNode


@pytest.fixture(scope="session")
def foreign_log(template: Database) -> Iterator[ForeignLog]:
    """The log, with checkpoints at sizes where trees change their shape."""
    steps = [after - before for before, after in zip((0, *SIZES), SIZES, strict=False)]
    with copied_database(template, "test_foreign") as database:
        assert grow_log(database, *steps) == SIZES[-1]
        with database.connect("cosigner", autocommit=True) as connection:
            yield read_log(database, connection)


def read_log(database: Database, connection: Transaction) -> ForeignLog:
    """Read everything a test needs once; nodes of the tree come from the published tables."""
    with database.transaction("auditor") as tx:
        rows = tx.execute(f"SELECT {ENTRY_COLUMNS} FROM ledger.entry ORDER BY idx").fetchall()
        kept = tx.execute("SELECT size, note, root FROM ledger.checkpoint").fetchall()
    return ForeignLog(
        database=database,
        size=SIZES[-1],
        notes={size: note for size, note, _ in kept if size in SIZES},
        roots={size: root for size, _, root in kept if size in SIZES},
        leaf_hashes=compute_leaf_hashes(rows),
        leaves={row[1]: compute_leaf(Entry(*row)) for row in rows[:: len(rows) // 700]},
        read_node=make_stored_node_reader(connection, 1, SIZES[-1], UnfinishedTiles()),
    )


@pytest.fixture(scope="session")
def published_url(foreign_log: ForeignLog, home: Home) -> Iterator[str]:
    """Where the portals' own process publishes the log."""
    with serve_portals(foreign_log.database, home) as url:
        yield f"{url}/ledger/1"


@contextlib.contextmanager
def serve_portals(database: Database, home: Home) -> Iterator[str]:
    """Run the portals as `rempart serve` does."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    kept = {name: value for name, value in os.environ.items() if not name.startswith("REMPART_")}
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "rempart.wiring.http_server", "wsgi"),
            *("rempart.wiring.portals_app:create_app", "127.0.0.1", str(port)),
        ],
        stdin=subprocess.PIPE,
        env={**kept, "REMPART_HOME": str(home.path), "DATABASE_URL": database.url()},
    )
    try:
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/charte", process)
        yield url
    finally:
        process.terminate()
        process.communicate(timeout=120)


def wait_for(url: str, process: subprocess.Popen[bytes]) -> None:
    """Wait until somebody answers there."""
    give_up = time.monotonic() + 120
    while time.monotonic() < give_up and process.poll() is None:
        with contextlib.suppress(httpx.HTTPError):
            httpx.get(url, verify=False)
            return
        time.sleep(0.05)
    pytest.fail(f"nobody answers on {url}")
