"""Fresh databases: each is a copy of one that exists, made and dropped as fast as a server can."""

import contextlib
from collections.abc import Iterator

from psycopg import sql

from rempart.storage.connect import Database, Transaction
from rempart.storage.roles import prepare_database


def copy_database(admin: Transaction, source: Database, name: str) -> Database:
    """Copy a database that nobody is connected to.

    Args:
        admin: The administrator's connection to another database of the server, in autocommit.
        source: What is copied.
        name: The copy's name.
    """
    fresh = source.renamed(name)
    # Copying files costs the server a third less than writing every page to its log.
    admin.execute(
        sql.SQL("CREATE DATABASE {} OWNER rempart_owner TEMPLATE {} STRATEGY file_copy").format(
            sql.Identifier(name), sql.Identifier(source.name)
        )
    )
    with fresh.connect("admin", autocommit=True) as inside:
        prepare_database(inside)
    return fresh


def drop_database(admin: Transaction, database: Database) -> None:
    """Drop a database, whoever is still connected to it."""
    admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(database.name)))


@contextlib.contextmanager
def copied_database(source: Database, name: str) -> Iterator[Database]:
    """A copy of a database that nobody is connected to, for as long as the block lasts."""
    with source.renamed("postgres").connect("admin", autocommit=True) as admin:
        fresh = copy_database(admin, source, name)
        yield fresh
        drop_database(admin, fresh)
