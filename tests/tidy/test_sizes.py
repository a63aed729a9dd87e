"""Budgets: a folder can be read through, a file fits in the head, a function on a screen."""

import ast
from collections import Counter

MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 70
MAX_MODULES = 40
CODE = (".py", ".sql", ".css", ".sh", ".html")
VENDORED = "/vendor/"
# Folders of one kind of thing each, where a module is found by the name of what it is for.
LARGE = {
    "src/rempart/cli": "one per group of commands",
    "src/rempart/exchange": "one per format",
    "src/rempart/portals": "addresses, forms and wording of the views",
    "src/rempart/portals/views": "one per part of the site",
    "src/rempart/storage": "one per file of queries",
}


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


def count_modules(paths: list[str]) -> Counter[str]:
    """Return how many modules each folder holds by itself; numbered migrations are no choice."""
    places = [path.rpartition("/") for path in paths if not path.endswith("/__init__.py")]
    return Counter(folder for folder, _, name in places if not name[0].isdigit())


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


def test_no_folder_is_too_large_to_find_ones_way(product, expect_none):
    folders = count_modules([file.path for file in product])
    large = {folder for folder, modules in folders.items() if modules > MAX_MODULES}
    expect_none(sorted(large - LARGE.keys()), f"{MAX_MODULES} modules at most: cut it by subject")


def test_mutation_a_module_too_many_is_counted_in_its_own_folder():
    paths = [f"src/rempart/x/m{number}.py" for number in range(MAX_MODULES + 1)]
    others = ("__init__.py", "y/z.py", "0001_first.py")
    folders = count_modules([*paths, *(f"src/rempart/x/{other}" for other in others)])
    assert folders == {"src/rempart/x": MAX_MODULES + 1, "src/rempart/x/y": 1}


def test_the_list_of_large_folders_is_not_longer_than_needed(product):
    folders = count_modules([file.path for file in product])
    assert all(folders[folder] > MAX_MODULES for folder in LARGE)
