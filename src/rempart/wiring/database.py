"""The database of an installation: found, started when it is ours to start, made ready, let go.

The last process that uses the embedded cluster stops it, unless `rempart db start` pinned it.
"""

import contextlib
import fcntl
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from rempart.kernel.errors import SetupError
from rempart.storage.binaries import list_binaries
from rempart.storage.cluster import ADMIN, Cluster, Place
from rempart.storage.connect import DEFAULT_NAME, Database, Login, Transaction
from rempart.storage.migrate import migrate
from rempart.storage.roles import await_turn, create_database, create_roles, prepare_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

CLUSTERS = Path("/var/lib/rempart")


@dataclass(frozen=True, slots=True, kw_only=True)
class Installation:
    """A home, its settings and its database, ready to be worked with."""

    settings: Settings
    home: Home
    database: Database


def locate_cluster(
    settings: Settings, home: Home, say: Callable[[str], None] = lambda _: None
) -> Cluster:
    """Return the embedded cluster of a home, whatever its state."""
    return Cluster(
        home=home.path,
        elsewhere=CLUSTERS / home.id,
        admin_password=home.passwords["admin"],
        pg_bin=settings.pg_bin,
        say=say,
    )


def locate_database(settings: Settings, home: Home) -> Database:
    """Return the address of the database without starting anything: for processes under `serve`."""
    if settings.database_url:
        return Database.from_url(settings.database_url, home.passwords)
    return _embedded(locate_cluster(settings, home).status().place, home)


@contextlib.contextmanager
def open_installation(
    settings: Settings, say: Callable[[str], None] = lambda _: None
) -> Iterator[Installation]:
    """Open the home and hold its database up for the length of the block.

    Raises:
        SetupError: the home is not complete, or the cluster cannot start.
    """
    home = Home.open(settings.home)
    with hold_database(settings, home, say) as database:
        yield Installation(settings=settings, home=home, database=database)


@contextlib.contextmanager
def open_transaction(login: Login) -> Iterator[Transaction]:
    """Open one transaction in the installation of this environment.

    Raises:
        SetupError: as for `open_installation`.
    """
    with (
        open_installation(Settings.from_environment()) as installation,
        installation.database.transaction(login) as tx,
    ):
        yield tx


@contextlib.contextmanager
def hold_database(
    settings: Settings, home: Home, say: Callable[[str], None] = lambda _: None
) -> Iterator[Database]:
    """Hold the database up: start the embedded cluster if need be, stop it after its last user.

    Users hold a shared lock; a user that is killed lets go of it, so no count can go wrong. A
    cluster left running by a kill -9 of its only user is stopped by the next user to finish.
    """
    if settings.database_url:
        yield Database.from_url(settings.database_url, home.passwords)
        return
    cluster = locate_cluster(settings, home, say)
    with (home.path / "run" / "cluster.users").open("w") as users:
        fcntl.flock(users, fcntl.LOCK_SH)
        try:
            yield _embedded(cluster.start(), home)
        finally:
            if not pin_file(home).exists() and _try_alone(users.fileno()):
                cluster.stop()


def pin_cluster(settings: Settings, home: Home, say: Callable[[str], None]) -> None:
    """Start the embedded cluster and keep it up when nobody uses it."""
    _refuse_foreign_server(settings)
    pin_file(home).touch()  # before the start: a user that finishes now must not stop it
    place = locate_cluster(settings, home, say).start()
    say(f"the database is up on {place.describe()} until `rempart db stop`")


def release_cluster(settings: Settings, home: Home, say: Callable[[str], None]) -> None:
    """Stop the embedded cluster, unless a process is using it.

    Raises:
        SetupError: somebody uses it; they would lose their transactions.
    """
    _refuse_foreign_server(settings)
    pin_file(home).unlink(missing_ok=True)
    with (home.path / "run" / "cluster.users").open("w") as users:
        if not _try_alone(users.fileno()):
            raise SetupError(
                "the database is in use (by `rempart serve` or another command): stop that first; "
                "the last one to finish stops the database"
            )
        stopped = locate_cluster(settings, home, say).stop()
    say("the database is stopped" if stopped else "the database was not running")


def remove_installation(settings: Settings, home: Home, say: Callable[[str], None]) -> None:
    """Stop the embedded cluster and delete the home: keys, database and everything beside them.

    Without its keys a database is unreadable, so the keys go last: what a crash leaves can be
    removed by calling again.

    Raises:
        SetupError: somebody uses the database, or it is on a server that is not ours.
    """
    release_cluster(settings, home, say)
    for directory in (CLUSTERS / home.id, home.path):
        if directory.exists():
            shutil.rmtree(directory)
            say(f"removed {directory}")


def find_program(name: str, settings: Settings, home: Home, *, major: int | None = None) -> str:
    """Return the path of one of PostgreSQL's own programs, such as pg_dump.

    Args:
        name: Its name.
        settings: Say where the server is.
        home: The home.
        major: Version of a server that is not ours: pg_dump refuses a later one, and writes what an
            earlier one does not understand.

    Raises:
        SetupError: it is not installed.
    """
    if settings.database_url is None or settings.pg_bin is not None:
        program: str | None = locate_cluster(settings, home).find_binaries().program(name)
    else:
        found = sorted(list_binaries(), key=lambda one: one.major)
        fitting = [one.program(name) for one in found if major is not None and one.major >= major]
        program = fitting[0] if fitting else shutil.which(name)
    if program is None or not Path(program).is_file():
        raise SetupError(f"there is no program {name}: install postgresql-client")
    return program


def _refuse_foreign_server(settings: Settings) -> None:
    if settings.database_url:
        raise SetupError("DATABASE_URL is set: the server it names is not ours to start or stop")


def pin_file(home: Home) -> Path:
    """Return the file whose presence keeps the cluster up when nobody uses it."""
    return home.path / "run" / "cluster.pinned"


def make_ready(database: Database, say: Callable[[str], None] = lambda _: None) -> None:
    """Create what the server lacks: roles, database, rights, schema. Idempotent.

    One at a time on a server: machines that start together wait for the first, and find it done.
    """
    server = database.renamed("postgres")
    with server.connect("admin", autocommit=True) as admin, await_turn(admin):
        _say_roles(create_roles(admin, database.passwords), say)
        made = create_database(admin, database.name)
        say(f"database {database.name}: {'created' if made else 'already there'}")
        with database.connect("admin", autocommit=True) as inside:
            prepare_database(inside)
        applied = migrate(database)
    say(f"schema: {', '.join(applied) if applied else 'up to date'}")


def make_roles(database: Database, say: Callable[[str], None] = lambda _: None) -> None:
    """Create the roles that the server lacks, and set their passwords. Idempotent."""
    server = database.renamed("postgres")
    with server.connect("admin", autocommit=True) as admin, await_turn(admin):
        _say_roles(create_roles(admin, database.passwords), say)


def _say_roles(created: list[str], say: Callable[[str], None]) -> None:
    say(f"roles: {len(created)} created" if created else "roles: all there, passwords set")


def _embedded(place: Place, home: Home) -> Database:
    return Database(address=place.address, name=DEFAULT_NAME, admin=ADMIN, passwords=home.passwords)


def _try_alone(descriptor: int) -> bool:
    """Turn our shared lock into an exclusive one if nobody else holds it."""
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
