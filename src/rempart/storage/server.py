"""What an operator wants to know of a server and of its Rempart database. Changes nothing."""

from dataclasses import dataclass
from pathlib import Path

from rempart.storage.connect import Transaction
from rempart.storage.queries import load_queries
from rempart.storage.roles import LOGINS, PLANES, plane_name, role_name

MIGRATIONS = Path(__file__).parent / "migrations"

_queries = load_queries("server")


@dataclass(frozen=True, slots=True, kw_only=True)
class ServerFacts:
    """The state of a server and a database, as the administrator sees it."""

    version: str
    size_bytes: int
    checksums: str
    synchronous_commit: str
    fsync: str
    schema: str | None
    missing_migrations: tuple[str, ...]
    missing_roles: tuple[str, ...]


def read_server_facts(transaction: Transaction) -> ServerFacts:
    """Ask the server what it is; the connection must be the administrator's."""
    [(version, size_bytes, checksums, synchronous_commit, fsync)] = transaction.execute(
        _queries.read_server
    ).fetchall()
    roles = {row[0] for row in transaction.execute(_queries.list_roles)}
    applied = list_applied(transaction)
    wanted_roles = [plane_name(plane) for plane in PLANES] + [role_name(name) for name in LOGINS]
    return ServerFacts(
        version=version,
        size_bytes=size_bytes,
        checksums=checksums,
        synchronous_commit=synchronous_commit,
        fsync=fsync,
        schema=applied[-1] if applied else None,
        missing_migrations=tuple(name for name in list_migrations() if name not in applied),
        missing_roles=tuple(name for name in wanted_roles if name not in roles),
    )


def list_applied(transaction: Transaction) -> list[str]:
    """Return the migrations that were applied to a database, in order; none to an empty one."""
    [(has_schema,)] = transaction.execute(_queries.has_schema).fetchall()
    if not has_schema:
        return []
    return [row[0] for row in transaction.execute(_queries.list_migrations)]


def list_migrations() -> list[str]:
    """Return the names of the migrations this program knows, in order."""
    return sorted(file.stem for file in MIGRATIONS.glob("[0-9]*.py"))
