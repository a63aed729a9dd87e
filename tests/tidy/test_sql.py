"""SQL lives in named files: nothing in src puts a statement together from strings."""

import ast
import re

import pytest

STATEMENT = re.compile(
    r"\s*(SELECT|INSERT INTO|UPDATE\s+\S+\s+SET|DELETE FROM|WITH\s+\w+\s+AS|COPY|CREATE"
    r"|ALTER|DROP|GRANT|REVOKE|TRUNCATE)\s"
)


def starts_statement(node: ast.AST) -> bool:
    """Tell whether an expression is a literal that begins like SQL."""
    if isinstance(node, ast.JoinedStr):
        return bool(node.values) and starts_statement(node.values[0])
    literal = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return literal and STATEMENT.match(node.value) is not None


def find_built_sql(tree: ast.Module) -> list[int]:
    """Return the lines where a statement is put together: f-string, %, +, format, join.

    `sql.SQL(...).format(sql.Identifier(...))` is not: it quotes the names of roles and databases,
    which no parameter can carry.
    """
    found = []
    for node in ast.walk(tree):
        match node:
            case ast.JoinedStr(values=values):
                filled = any(isinstance(value, ast.FormattedValue) for value in values)
                built = filled and starts_statement(node)
            case ast.BinOp(left=left, op=ast.Add() | ast.Mod()):
                built = starts_statement(left)
            case ast.Call(func=ast.Attribute(value=value, attr="format" | "replace")):
                built = starts_statement(value)
            case _:
                built = False
        if built:
            found.append(node.lineno)
    return found


def find_statements(tree: ast.Module) -> list[int]:
    """Return the lines that hold a statement at all, docstrings aside."""
    docstrings = {
        id(node.value)
        for node in ast.walk(tree)
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    }
    return [
        node.lineno
        for node in ast.walk(tree)
        if isinstance(node, ast.Constant) and id(node) not in docstrings and starts_statement(node)
    ]


@pytest.mark.parametrize(
    "code",
    [
        "f'SELECT name FROM {table}'",
        "'DELETE FROM ledger.entry WHERE ' + condition",
        "'UPDATE accounts.client SET label = %s' % label",
        "'SELECT {} FROM x'.format(column)",
        "'''\n  WITH a AS (SELECT 1) SELECT ?'''.replace('?', x)",
    ],
)
def test_the_rule_sees_a_statement_put_together(code):
    assert find_built_sql(ast.parse(code))


@pytest.mark.parametrize(
    "code",
    [
        "connection.execute('SELECT 1')",
        "sql.SQL('CREATE ROLE {}').format(sql.Identifier(name))",
        "f'Select a domain: {domain}'",
        "queries.append_entry",
    ],
)
def test_the_rule_lets_whole_statements_and_quoted_names_pass(code):
    assert not find_built_sql(ast.parse(code))


def test_no_statement_is_put_together_from_strings(product, expect_none):
    found = [f"{f.path}:{line}" for f in product for line in find_built_sql(f.parse())]
    expect_none(found, "name the query in storage/*.sql")


def test_the_rule_sees_a_statement_outside_storage():
    assert find_statements(ast.parse("execute('SELECT 1 FROM x')"))
    assert not find_statements(ast.parse('def f():\n    """SELECT is for storage."""'))


# A witness is a program of its own that knows no table of ours: its four statements are SQLite's.
STORES = ("src/rempart/storage/", "src/rempart/witness/store.py")


def test_statements_live_in_storage_only(product, expect_none):
    outside = [f for f in product if not f.path.startswith(STORES)]
    found = [f"{f.path}:{line}" for f in outside for line in find_statements(f.parse())]
    expect_none(found, "name the query in storage/*.sql")
