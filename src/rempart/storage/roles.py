"""The server's roles and the empty database they meet in.

Roles belong to a server, not to a database: they are made here, before any migration. Two kinds
only: planes (no login, hold the rights on one schema) and logins (one per process, members of the
planes they work on; the schema grants them the rest). No login is a superuser, may create a role
or a database, or bypasses row-level security.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Final

import psycopg
from psycopg import sql

LOGINS = (
    "owner",
    "gateway",
    "feeds",
    "portals",
    "signin",
    "registrar",
    "auditor",
    "analyst",
    "recorder",
    "archivist",
    "cosigner",
    "forwarder",
    "worker",
    "settler",
    "notifier",
    "keeper",
)
PLANES = (
    *("identity", "rights", "ledger", "claims", "accounts", "incidents", "retention", "jobs"),
    "guard",
    *("notices", "archive", "employers"),
)

# Which planes each process belongs to. The owner, who runs migrations, owns everything. The pages
# (portals) and whoever recognises people (signin) belong to none: the schema grants them column by
# column, and row policies show the pages the rows of whoever asks.
MEMBERSHIPS: Mapping[str, tuple[str, ...]] = {
    "gateway": ("ledger", "guard"),
    "feeds": ("identity", "rights", "employers"),
    "registrar": ("accounts",),
    "analyst": ("incidents",),
    "worker": ("jobs",),
    "settler": ("claims",),
    "keeper": ("retention", "archive"),
    "notifier": ("notices",),
}

# Bulk work uses temporary tables; nobody else has a reason to write outside the schemas.
_MAY_USE_TEMPORARY_TABLES = ("feeds", "analyst")
# Django names its tables without a schema, and so does the queue of jobs.
_FIRST_SCHEMA = {"owner": "accounts", "portals": "accounts", "worker": "jobs"}

# An advisory lock of the database `postgres` ("REMP", "ARTS").
_TURN: Final = (0x52454D50, 0x41525453)

_MODEST = sql.SQL("NOCREATEDB NOCREATEROLE")
# Only a superuser may take these away, and only a superuser could have given them.
_MODEST_BEFORE_A_SUPERUSER = sql.SQL("NOSUPERUSER NOREPLICATION NOBYPASSRLS {}").format(_MODEST)


def role_name(login: str) -> str:
    """Return the server's name of a login given by its short name."""
    if login not in LOGINS:
        raise ValueError(f"{login} is not a login: use one of {', '.join(LOGINS)}")
    return f"rempart_{login}"


def plane_name(plane: str) -> str:
    """Return the server's name of the role that holds the rights on one schema."""
    return f"rempart_plane_{plane}"


@contextmanager
def await_turn(admin: psycopg.Connection[Any]) -> Iterator[None]:
    """Wait until nobody else makes a server ready, and keep it so for the length of the block.

    Two that change one role at the same instant are refused by the server, and two that migrate
    make the same table.

    Args:
        admin: An autocommit connection to the database `postgres`, which every machine can reach.
    """
    admin.execute("SELECT pg_advisory_lock(%s, %s)", _TURN)
    try:
        yield
    finally:
        admin.execute("SELECT pg_advisory_unlock(%s, %s)", _TURN)


def create_roles(admin: psycopg.Connection[Any], passwords: Mapping[str, str]) -> list[str]:
    """Create the missing roles and set every login's password; return the roles created.

    The server receives SCRAM verifiers, never a password, so that none reaches its log.

    Args:
        admin: An autocommit connection of a role that may create roles.
        passwords: By short name, at least `LOGINS`.
    """
    wanted = [plane_name(plane) for plane in PLANES] + [role_name(name) for name in LOGINS]
    known = {row[0] for row in admin.execute("SELECT rolname FROM pg_catalog.pg_roles")}
    created = [name for name in wanted if name not in known]
    for name in created:
        admin.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
    superuser = _is_superuser(admin)
    for login in LOGINS:
        name = role_name(login)
        verifier = admin.pgconn.encrypt_password(
            passwords[login].encode(), name.encode(), b"scram-sha-256"
        )
        admin.execute(
            sql.SQL("ALTER ROLE {} LOGIN {} PASSWORD {}").format(
                sql.Identifier(name),
                _MODEST_BEFORE_A_SUPERUSER if superuser else _MODEST,
                sql.Literal(verifier.decode()),
            )
        )
    _settle_memberships(admin)
    # An admin that is not a superuser can give a database to the owner only as one of its members.
    if not superuser:
        admin.execute("GRANT rempart_owner TO CURRENT_USER")
    return created


def create_database(admin: psycopg.Connection[Any], name: str) -> bool:
    """Create database `name`, owned by rempart_owner, unless it exists; say whether it did not."""
    found = admin.execute("SELECT 1 FROM pg_catalog.pg_database WHERE datname = %s", [name])
    if found.fetchone():
        return False
    admin.execute(
        sql.SQL("CREATE DATABASE {} OWNER rempart_owner TEMPLATE template0 ENCODING 'UTF8'").format(
            sql.Identifier(name)
        )
    )
    return True


def prepare_database(admin: psycopg.Connection[Any]) -> None:
    """Say who may enter the database `admin` is connected to, and make the schema Django starts in.

    Idempotent. A copy made with CREATE DATABASE ... TEMPLATE loses these rights and needs it again.
    """
    name = sql.Identifier(admin.info.dbname)
    logins = sql.SQL(", ").join(sql.Identifier(role_name(login)) for login in LOGINS)
    temporary = sql.SQL(", ").join(
        sql.Identifier(role_name(login)) for login in _MAY_USE_TEMPORARY_TABLES
    )
    statements = [
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name),
        sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(name, logins),
        sql.SQL("GRANT TEMPORARY ON DATABASE {} TO {}").format(name, temporary),
        sql.SQL("REVOKE ALL ON SCHEMA public FROM PUBLIC"),
        sql.SQL("CREATE SCHEMA IF NOT EXISTS accounts AUTHORIZATION rempart_owner"),
    ]
    admin.execute(sql.SQL("; ").join(statements))
    set_defaults(admin, admin.info.dbname)


def set_defaults(admin: psycopg.Connection[Any], database: str) -> None:
    """Set what sessions of a database begin with: the time zone, and where tables are looked for.

    Idempotent. Kept by the server, not by the database: a dump of it has none of this.
    """
    name = sql.Identifier(database)
    statements = [sql.SQL("ALTER DATABASE {} SET timezone = 'UTC'").format(name)]
    statements += [
        sql.SQL("ALTER ROLE {} IN DATABASE {} SET search_path = {}").format(
            sql.Identifier(role_name(login)), name, sql.Identifier(schema)
        )
        for login, schema in _FIRST_SCHEMA.items()
    ]
    admin.execute(sql.SQL("; ").join(statements))


def _settle_memberships(admin: psycopg.Connection[Any]) -> None:
    """Make each login a member of its planes and of nothing else, whatever it was before."""
    found = admin.execute(
        "SELECT u.rolname, g.rolname FROM pg_catalog.pg_auth_members AS m"
        " JOIN pg_catalog.pg_roles AS u ON u.oid = m.member"
        " JOIN pg_catalog.pg_roles AS g ON g.oid = m.roleid WHERE u.rolname = ANY(%s)",
        [[role_name(login) for login in LOGINS]],
    ).fetchall()
    wanted = [
        (role_name(login), plane_name(plane))
        for login, planes in MEMBERSHIPS.items()
        for plane in planes
    ]
    changes = [("REVOKE {} FROM {}", one) for one in found if one not in wanted]
    changes += [("GRANT {} TO {}", one) for one in wanted if one not in found]
    for change, (login, group) in changes:
        admin.execute(sql.SQL(change).format(sql.Identifier(group), sql.Identifier(login)))


def _is_superuser(admin: psycopg.Connection[Any]) -> bool:
    row = admin.execute(
        "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user"
    ).fetchone()
    return row is not None and bool(row[0])
