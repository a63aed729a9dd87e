"""The closed list of words: docs/glossary.toml is well formed, and nobody uses what it forbids."""

import ast
import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

GLOSSARY = Path(__file__).parents[2] / "docs" / "glossary.toml"
TERMS = tomllib.loads(GLOSSARY.read_text("utf-8"))["term"]
FORBIDDEN: Mapping[str, tuple[str, ...]] = {
    one["word"]: tuple(one.get("except_in", ()))
    for term in TERMS
    for one in term.get("forbidden", ())
}
WORD = re.compile(r"[a-z0-9]+")
HUMP = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


def list_identifiers(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """Yield the line and the name of everything a module names."""
    for node in ast.walk(tree):
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
                yield node.lineno, node.name
            case ast.arg():
                yield node.lineno, node.arg
            case ast.Name(ctx=ast.Store()):
                yield node.lineno, node.id
            case ast.Attribute(ctx=ast.Store()):
                yield node.lineno, node.attr


def find_forbidden_words(path: str, tree: ast.Module) -> list[str]:
    """Return where a module names something by a synonym the glossary refuses."""
    place = path.removeprefix("src/rempart/")
    found = []
    for line, name in list_identifiers(tree):
        snake = "_".join(WORD.findall(HUMP.sub("_", name).lower()))
        for word, excepted in FORBIDDEN.items():
            if f"_{word}_" in f"_{snake}_" and not place.startswith(excepted or ("\0",)):
                found.append(f"{path}:{line} {name}: the glossary says {preferred(word)}")
    return found


def preferred(word: str) -> str:
    """Return the word to use in place of a forbidden one."""
    return next(
        term["word"] for term in TERMS for one in term.get("forbidden", ()) if one["word"] == word
    )


@pytest.mark.parametrize("term", TERMS, ids=lambda term: term["word"])
def test_every_term_has_its_word_its_meaning_and_what_it_is_not(term):
    assert set(term) <= {"fr", "word", "meaning", "not", "forbidden"}
    assert re.fullmatch(r"[a-z][a-z0-9_]*", term["word"])
    for line in (term["fr"], term["meaning"], term["not"]):
        assert line
        assert "\n" not in line
        assert len(line) <= 120
    assert term["meaning"].endswith((".", "…"))


def test_a_word_stands_once_and_is_never_forbidden_elsewhere():
    words = [term["word"] for term in TERMS]
    assert len(set(words)) == len(words)
    assert not set(words) & set(FORBIDDEN)


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("class Patient: ...", "src/rempart/rights/x.py"),
        ("def count_patients_seen(patient): ...", "src/rempart/rights/x.py"),
        ("copay_cents = 1", "src/rempart/rights/x.py"),
        ("class MutuelleRecord: ...", "src/rempart/exchange/x.py"),
        ("css = True", "src/rempart/rights/x.py"),
        ("one.birthdate = 1", "src/rempart/storage/x.py"),
    ],
)
def test_the_rule_sees_a_forbidden_word(code, path):
    assert find_forbidden_words(path, ast.parse(code))


@pytest.mark.parametrize(
    ("code", "path"),
    [
        ("css = True", "src/rempart/portals/x.py"),
        ("class Patient: ...", "src/rempart/exchange/fhir.py"),
        ("impatient_clients = 1", "src/rempart/gateway/x.py"),
        ("label = 'patient'", "src/rempart/rights/x.py"),
    ],
)
def test_the_rule_lets_other_standards_and_texts_pass(code, path):
    assert not find_forbidden_words(path, ast.parse(code))


def test_nobody_uses_a_word_the_glossary_refuses(product, expect_none):
    found = [hit for file in product for hit in find_forbidden_words(file.path, file.parse())]
    expect_none(found, "use the word of docs/glossary.toml")
