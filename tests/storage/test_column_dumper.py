"""What we write of a list is what the server reads, and what the driver would write."""

from datetime import date
from enum import StrEnum

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from psycopg import sql

from rempart.storage import column_dumper
from rempart.storage.connect import Database

HOSTILE = [
    "",
    " ",
    "NULL",
    "null",
    '"',
    "\\",
    '\\"',
    "{}",
    "a,b",
    "é\u2003\n\t",
    "'",
    '{"a": "\\\\"}',
]
texts = st.text(
    st.characters(exclude_characters="\0", exclude_categories=["Cs"])
) | st.sampled_from(HOSTILE)
numbers = st.integers(-(2**63), 2**63 - 1)


class State(StrEnum):
    PAID = 'paid, or "not"'


def read_back(database: Database, kind: str, values: list[object]) -> object:
    with database.transaction("gateway") as tx:
        query = sql.SQL("SELECT {}::{}").format(sql.Placeholder(), sql.SQL(kind))
        [value] = tx.execute(query, (values,)).fetchone()
    return value


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    column=st.tuples(st.just("text[]"), st.lists(st.none() | texts))
    | st.tuples(st.just("bigint[]"), st.lists(st.none() | numbers))
    | st.tuples(st.just("date[]"), st.lists(st.dates(date(1, 1, 1))))
)
def test_the_server_reads_back_what_was_given(database: Database, column):
    kind, values = column
    assert read_back(database, kind, values) == values


def test_the_server_misreads_a_text_that_is_not_escaped(database: Database, monkeypatch):
    monkeypatch.setattr(column_dumper, "_quote", lambda text: f'"{text}"')
    with pytest.raises(psycopg.Error):
        assert read_back(database, "text[]", HOSTILE) == HOSTILE


@pytest.mark.parametrize(
    ("kind", "values", "read"),
    [
        ("text[]", [State.PAID, None], [State.PAID.value, None]),
        ("boolean[]", [True, False, None], [True, False, None]),
        ("bigint[]", [[1, 2], [3, None]], [[1, 2], [3, None]]),
        ("text[]", [["a", '"'], ["{", "\\"]], [["a", '"'], ["{", "\\"]]),
        ("bytea[]", [b"\0", b'"\\'], [b"\0", b'"\\']),
        ("numeric[]", [2**70], [2**70]),
        ("text[]", [], []),
        ("text[]", [None], [None]),
    ],
)
def test_whatever_else_there_is_goes_as_well(database: Database, kind, values, read):
    assert read_back(database, kind, values) == read


def test_a_text_that_no_server_holds_is_refused_as_before(database: Database):
    with pytest.raises(psycopg.DataError, match="NUL"):
        read_back(database, "text[]", ["well", "a\0b"])


def test_a_pool_writes_the_same_way(database: Database):
    with database.pool("gateway") as pool, pool.connection() as connection:
        assert connection.adapters.get_dumper(list, psycopg.adapt.PyFormat.AUTO) is (
            column_dumper.ColumnDumper
        )
