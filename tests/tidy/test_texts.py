"""What no text of the repository may hold: other people's machines, and promises left for later."""

import re
from collections.abc import Iterable
from pathlib import PurePosixPath
from urllib.parse import unquote

import pytest

# A letter in brackets keeps each pattern from finding itself in this file.
HOSTS = re.compile(
    r"((?<!no-emit-)index-ur[l]|registry\.npmj[s]|files\.pythonhoste[d]|pypi\.org/simpl[e]"
    r"|[\w-]+\.interna[l]\b)"
)
MACHINE = re.compile(r"(?<![\w.~$}])(/roo[t]/|/wor[k]/\w|/hom[e]/\w+/|/User[s]/\w|/tmp/rempar[t]/)")
OUTSIDE = re.compile(r"\.\./share[d]")
LATER = re.compile(r"\b(TOD[O]|FIXM[E]|HAC[K])\b")
SKIPPED = re.compile(r"(pytest\.ski[p]\(|mark\.ski[p]|mark\.xfai[l]|importorski[p])")
LINK = re.compile(r"\]\((?!https?:|mailto:|#)([^)\s#]+)")
VENDORED = "/vendor/"


def find_lines(pattern: re.Pattern[str], text: str) -> list[int]:
    """Return the lines where a pattern is found."""
    return [n for n, line in enumerate(text.splitlines(), 1) if pattern.search(line)]


def find_dead_links(path: str, text: str, paths: set[str]) -> list[str]:
    """Return the relative links of a Markdown page that lead nowhere."""
    dead = []
    for target in LINK.findall(text):
        parts: list[str] = []
        for part in (PurePosixPath(path).parent / unquote(target)).parts:
            parts = parts[:-1] if part == ".." else [*parts, part]
        place = "/".join(part for part in parts if part != ".")
        if place not in paths and not any(one.startswith(f"{place}/") for one in paths):
            dead.append(target)
    return dead


def find_unseen(pictures: Iterable[str], texts: Iterable[str]) -> list[str]:
    """Return the pictures that no text shows."""
    shown = {PurePosixPath(unquote(link)).name for text in texts for link in LINK.findall(text)}
    return [path for path in pictures if PurePosixPath(path).name not in shown]


@pytest.mark.parametrize(
    ("pattern", "line"),
    [
        (HOSTS, "--index-~url https://example.invalid"),
        (HOSTS, "https://registry.npm~js.org/x"),
        (HOSTS, "http://cache.build.~internal/x"),
        (MACHINE, "cd /wor~k/main"),
        (MACHINE, "'/hom~e/somebody/x'"),
        (MACHINE, "/roo~t/.cache"),
        (OUTSIDE, "see ../~shared/style.md"),
        (LATER, "# TO~DO: later"),
        (SKIPPED, "@pytest.mark.~skipif(True)"),
    ],
)
def test_the_rules_see_what_they_forbid(pattern, line):
    """The tilde keeps the sample from breaking the rule here."""
    assert find_lines(pattern, line) == []
    assert find_lines(pattern, "fine\n" + line.replace("~", "")) == [2]


@pytest.mark.parametrize("line", ["GET /work", "$HOME/x", "~/root/x", "portals.local_time", "todo"])
def test_the_rules_let_ordinary_text_pass(line):
    patterns = (HOSTS, MACHINE, OUTSIDE, LATER, SKIPPED)
    assert not any(find_lines(pattern, line) for pattern in patterns)


@pytest.mark.parametrize(
    ("pattern", "remedy"),
    [
        pytest.param(HOSTS, "leave the index to the machine", id="a registry"),
        pytest.param(MACHINE, "use a relative path or REMPART_HOME", id="a machine's path"),
        pytest.param(OUTSIDE, "copy it, with its licence and source", id="a file out of the tree"),
        pytest.param(LATER, "do it or drop it", id="a promise"),
    ],
)
def test_no_text_holds(repository, pattern, remedy, expect_none):
    own = [file for file in repository if VENDORED not in file.path]
    found = [f"{f.path}:{line}" for f in own for line in find_lines(pattern, f.text)]
    expect_none(found, remedy)


def test_no_test_is_skipped(python_files, expect_none):
    found = [f"{f.path}:{line}" for f in python_files for line in find_lines(SKIPPED, f.text)]
    expect_none(found, "let it run or remove it")


def test_the_rule_sees_a_dead_link():
    paths = {"docs/a.md", "docs/adr/1.md", "src/x.py"}
    text = "[a](a.md) [x](../src/x.py) [adr](adr) [web](https://example.org) [dead](b.md#part)"
    assert find_dead_links("docs/index.md", text, paths) == ["b.md"]


def test_every_link_of_the_docs_leads_somewhere(repository, every_path, expect_none):
    pages = [file for file in repository if file.path.endswith(".md")]
    dead = [
        f"{page.path}: {link}"
        for page in pages
        for link in find_dead_links(page.path, page.text, every_path)
    ]
    expect_none(dead, "correct the link or write the page")


def test_the_rule_sees_a_picture_that_no_page_shows():
    assert find_unseen(["docs/a.png", "docs/b.png"], ["![A](../a.png)"]) == ["docs/b.png"]


def test_every_picture_of_the_docs_is_shown(repository, every_path, expect_none):
    pictures = [path for path in every_path if path.startswith("docs/") and path.endswith(".png")]
    pages = [file.text for file in repository if file.path.endswith(".md")]
    expect_none(find_unseen(sorted(pictures), pages), "show it on a page or delete it")
