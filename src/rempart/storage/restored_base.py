"""A base being restored: made beside the one in place, closed to everybody, opened at the end.

Under a name that nothing looks for, entered by the logins that erase and by no other. Its last step
is one transaction: the base in place takes another name and this one takes its own.
"""

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import psycopg
from psycopg import sql

from rempart.kernel.errors import Conflict
from rempart.storage.connect import Database, Transaction
from rempart.storage.queries import load_queries
from rempart.storage.roles import LOGINS, create_database, prepare_database, role_name, set_defaults

# Those who carry purges out again, and record that they do.
ENTER_EARLY: Final = ("archivist", "recorder", "auditor", "keeper", "feeds", "notifier")
_RESTORING: Final = "_restoring"

_sql = load_queries("restored_base")


class Base(NamedTuple):
    """One base of the server.

    Attributes:
        name: Its name.
        size: In bytes.
        sessions: How many are connected to it.
    """

    name: str
    size: int
    sessions: int


class Quieted(NamedTuple):
    """What a restored base was kept from going on with by itself.

    Attributes:
        sessions: Web sessions ended.
        jobs: Jobs that do not start.
        messages: Messages of campaigns that are held.
    """

    sessions: int
    jobs: int
    messages: int


def list_bases(database: Database) -> list[Base]:
    """Return the base in place, those it replaced, and the one being restored."""
    with _administer(database) as admin:
        return [Base(*row) for row in admin.execute(_sql.list_bases, {"name": database.name})]


def make_closed_base(database: Database) -> Database:
    """Make the empty base that a backup goes into; one that a crash left is thrown away."""
    fresh = database.renamed(f"{database.name}{_RESTORING}")
    drop_base(database, fresh.name)
    with _administer(database) as admin:
        create_database(admin, fresh.name)
        name = sql.Identifier(fresh.name)
        admin.execute(sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC").format(name))
        set_defaults(admin, fresh.name)
    return fresh


def let_erasers_in(database: Database, base: Database) -> None:
    """Let those who carry purges out again into a closed base."""
    with _administer(database) as admin:
        admin.execute(
            sql.SQL("GRANT CONNECT ON DATABASE {} TO {}").format(
                sql.Identifier(base.name), _name_logins(ENTER_EARLY)
            )
        )


def open_base(database: Database, base: Database, *, stamp: str) -> str | None:
    """Put a restored base in place and open it; return the name of the one it replaces, if any.

    A crash before the commit leaves everything as it was; after it, a base in place that nobody but
    the owner enters: `rempart db migrate` opens it.

    Raises:
        Conflict: somebody is connected to the base in place.
    """
    replaced = f"{database.name}_replaced_{stamp}"
    there = {one.name: one for one in list_bases(database)}
    with _administer(database, autocommit=False) as admin:
        try:
            if database.name in there:
                _rename(admin, database.name, replaced)
                _close(admin, replaced)
            _rename(admin, base.name, database.name)
        except psycopg.errors.ObjectInUse as failure:
            raise Conflict(
                "somebody is connected to the base in place: stop `rempart serve` and every other "
                "command, and run the same again"
            ) from failure
    with database.connect("admin", autocommit=True) as admin:
        prepare_database(admin)
    return replaced if database.name in there else None


def drop_base(database: Database, name: str) -> None:
    """Throw a base away, with whoever is connected to it; one that is not there is well.

    Raises:
        ValueError: it is the one in place.
    """
    if name == database.name:
        raise ValueError("the base in place is not thrown away")
    with _administer(database) as admin:
        admin.execute(
            sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name))
        )


def quiet_base(tx: Transaction) -> Quieted:
    """Keep a restored base from going on with what it had begun when the backup was made."""
    sessions = tx.execute(_sql.end_web_sessions).rowcount
    tx.execute(_sql.forget_sign_ins)
    jobs = tx.execute(_sql.hold_jobs).rowcount + tx.execute(_sql.fail_jobs).rowcount
    return Quieted(sessions=sessions, jobs=jobs, messages=tx.execute(_sql.hold_messages).rowcount)


def say_reapplying(tx: Transaction) -> None:
    """Say that what goes in this transaction had gone: holds that came back do not keep it."""
    tx.execute(_sql.say_reapplying)


def compare_payments(tx: Transaction, reason: str) -> bool:
    """Let runs of payments go on; as the owner. Say whether they waited for it."""
    return tx.execute(_sql.compare_payments, {"reason": reason}).rowcount > 0


def list_log_numbers(tx: Transaction) -> list[int]:
    """Return every number that a log has or goes on as."""
    return [number for (number,) in tx.execute(_sql.list_log_numbers)]


def _administer(database: Database, *, autocommit: bool = True) -> Transaction:
    return database.renamed("postgres").connect("admin", autocommit=autocommit)


def _rename(admin: psycopg.Connection[Any], name: str, to: str) -> None:
    admin.execute(
        sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(name), sql.Identifier(to))
    )


def _close(admin: psycopg.Connection[Any], name: str) -> None:
    admin.execute(
        sql.SQL("REVOKE ALL ON DATABASE {} FROM PUBLIC, {}").format(
            sql.Identifier(name), _name_logins([one for one in LOGINS if one != "owner"])
        )
    )


def _name_logins(logins: Sequence[str]) -> sql.Composed:
    return sql.SQL(", ").join(sql.Identifier(role_name(login)) for login in logins)
