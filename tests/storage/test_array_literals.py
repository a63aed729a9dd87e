"""An array literal means the same to the server as the values it was written from."""

import pytest
from psycopg import sql

from rempart.storage.array_literals import (
    format_bytes,
    format_numbers,
    format_optional,
    format_uuids,
)
from rempart.storage.connect import Database

KEYS = [bytes(16), bytes(range(16)), b"\xff" * 16]


@pytest.mark.parametrize(
    ("literal", "kind", "values"),
    [
        (format_numbers([]), "bigint[]", []),
        (format_numbers([0, -1, 2**63 - 1, -(2**63)]), "bigint[]", [0, -1, 2**63 - 1, -(2**63)]),
        (format_bytes([b"", b"\x00", b'"\\,{}NULL']), "bytea[]", [b"", b"\x00", b'"\\,{}NULL']),
        (format_optional([7, None, 0]), "bigint[]", [7, None, 0]),
        (format_optional(["0099000001", None]), "text[]", ["0099000001", None]),
    ],
)
def test_the_server_reads_back_what_was_written(database: Database, literal, kind, values):
    with database.transaction("gateway") as tx:
        query = sql.SQL("SELECT %s::text::{}").format(sql.SQL(kind))
        assert tx.execute(query, (literal,)).fetchone() == (values,)


def test_the_server_reads_uuids_back_as_their_bytes(database: Database):
    with database.transaction("gateway") as tx:
        row = tx.execute("SELECT %s::text::uuid[]", (format_uuids(KEYS),)).fetchone()
    assert [one.bytes for one in row[0]] == KEYS
