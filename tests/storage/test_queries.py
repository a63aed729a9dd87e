"""Every named query is understood by the migrated schema, and somebody uses it."""

import re
from pathlib import Path

import psycopg
import pytest

import rempart
from rempart.storage.connect import Database
from rempart.storage.queries import DIRECTORY, load_queries, parse_queries

SOURCES = Path(rempart.__file__).parent
FILES = sorted(file.stem for file in DIRECTORY.glob("*.sql"))

GOOD = """-- Queries of an example.

-- name: first
-- What it is for,
-- in two lines.
SELECT 1;

-- name: second
-- Another.
SELECT 2
"""


def test_a_file_is_cut_into_its_queries():
    queries = parse_queries(GOOD)
    assert [(query.name, query.text) for query in queries.values()] == [
        ("first", "SELECT 1"),
        ("second", "SELECT 2"),
    ]
    assert queries["first"].comment == "What it is for, in two lines."


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("SELECT 0;\n" + GOOD, "SQL before the first"),
        (GOOD.replace("second", "first"), "used twice"),
        (GOOD.replace("-- Another.\n", ""), "second: say in a comment"),
        (GOOD.replace("SELECT 2", ""), "second: there is no statement"),
        (GOOD.replace("second", "Second-One"), "a name is lower-case words"),
        (GOOD.replace("name: second", "name:"), "a name is lower-case words"),
    ],
)
def test_a_file_that_breaks_a_rule_is_refused(text: str, reason: str):
    with pytest.raises(ValueError, match=reason):
        parse_queries(text)


def test_an_unknown_query_is_named_with_its_file():
    with pytest.raises(AttributeError, match=r"storage/server\.sql has no query named nothing"):
        _ = load_queries("server").nothing


@pytest.mark.parametrize("file", FILES)
def test_the_schema_understands_every_query(database: Database, file: str):
    for name, text in load_queries(file).items():
        prepare(database, name, text)


@pytest.mark.parametrize(
    "text",
    [
        "SELECT nothing FROM rights.insurer",
        "SELECT name FROM rights.insurer WHERE insurer_id = %(insurer_id)s AND nme = 'x'",
        "UPDATE ledger.heads SET size = $1",
        "COPY ledger.nothing (idx) FROM STDIN",
        "SELECT 1; SELECT 2",
    ],
)
def test_mutation_a_query_the_schema_does_not_understand_fails(database: Database, text: str):
    with pytest.raises((psycopg.ProgrammingError, ValueError)):
        prepare(database, "wrong", text)


@pytest.mark.parametrize("file", FILES)
def test_every_query_is_used(file: str):
    assert unused_queries(file, list(load_queries(file))) == []


def test_mutation_a_query_nobody_uses_is_noticed():
    assert unused_queries("server", ["read_server", "never_called"]) == ["never_called"]


def unused_queries(file: str, names: list[str]) -> list[str]:
    """Names that appear in no module that loads the file, as attributes or strings."""
    modules = [module.read_text() for module in SOURCES.rglob("*.py")]
    users = "".join(text for text in modules if f'load_queries("{file}")' in text)
    return [name for name in names if not re.search(rf"[.\"']{name}\b", users)]


def prepare(database: Database, name: str, text: str) -> None:
    """Have the server parse and plan a query without running it; a COPY runs, on no row."""
    with database.connect("owner") as connection:
        if text.lstrip().upper().startswith("COPY"):
            with connection.cursor().copy(text):
                pass
        else:
            result = connection.pgconn.prepare(name.encode(), number_parameters(text).encode())
            if result.status != psycopg.pq.ExecStatus.COMMAND_OK:
                raise psycopg.errors.error_from_result(result)
        connection.rollback()


def number_parameters(text: str) -> str:
    """Turn psycopg's %(name)s into the server's $1, as psycopg does; asyncpg's $1 stay."""
    names = list(dict.fromkeys(re.findall(r"%\((\w+)\)[sbt]", text)))
    if not names:
        return text
    if re.search(r"\$\d", text):
        raise ValueError("the query mixes %(name)s and $1")
    numbered = re.sub(r"%\((\w+)\)[sbt]", lambda found: f"${names.index(found[1]) + 1}", text)
    if re.search(r"(?<!%)%(%%)*(?!%)", numbered):
        raise ValueError("double a lone % in a query with parameters")
    return numbered.replace("%%", "%")
