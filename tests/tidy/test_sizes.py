"""Budgets: a file fits in the head, a function on a screen."""

import ast

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
CODE = (".py", ".sql", ".css", ".sh", ".html")
VENDORED = "/vendor/"


def is_too_long(text: str) -> bool:
    """Tell whether a file passes its budget."""
    return text.count("\n") > MAX_FILE_LINES


def find_long_functions(tree: ast.Module) -> list[str]:
    """Return the functions that pass their budget, docstring included."""
    return [
        f"{node.lineno} {node.name}"
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and (node.end_lineno or node.lineno) - node.lineno + 1 > MAX_FUNCTION_LINES
    ]


def test_the_rules_see_what_is_too_long():
    assert is_too_long("x = 1\n" * 501)
    assert not is_too_long("x = 1\n" * 500)
    assert find_long_functions(ast.parse("def f():\n" + "    x = 1\n" * 70)) == ["1 f"]
    assert not find_long_functions(ast.parse("def f():\n" + "    x = 1\n" * 69))


def test_no_file_is_longer_than_its_budget(repository, expect_none):
    own = [f for f in repository if f.path.endswith(CODE) and VENDORED not in f.path]
    found = [file.path for file in own if is_too_long(file.text)]
    expect_none(found, f"cut it: {MAX_FILE_LINES} lines at most")


def test_no_function_is_longer_than_its_budget(python_files, expect_none):
    found = [
        f"{file.path}:{one}" for file in python_files for one in find_long_functions(file.parse())
    ]
    expect_none(found, f"cut it: {MAX_FUNCTION_LINES} lines at most")
