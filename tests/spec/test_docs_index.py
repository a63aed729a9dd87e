"""The index of the docs: every page, by kind; and tables that must name all there is of a kind."""

import os
import re
from collections.abc import Iterable
from pathlib import Path

import pytest

from rempart.wiring.home import KEY_NAMES, SEED_NAMES
from rempart.workflows.jobs.job_kinds import KINDS as JOBS

DOCS = Path(__file__).parents[2] / "docs"
INDEX = DOCS / "README.md"
HOW_TO_WRITE = "pages came or went: run `REMPART_WRITE_DOCS=1 pytest tests/spec` and read the diff"
KINDS = {
    "tutorial": "Learn: an hour with the demo",
    "how-to": "Do: one task a page",
    "explanation": "Understand",
    "reference": "Look up",
    "rules": "Rules as tables, written by their tests",
    "adr": "Decisions",
}
HEAD = """# Every page

Who you are and where to begin is in the [README](../README.md#what-is-here). Commands are written
`rempart …`: after `make demo` or `make run` that is `.venv/bin/rempart`, and the demo's data is
`REMPART_HOME=$PWD/.rempart/demo`.

Words: [the glossary](glossary.toml). Texts cited: [sources](sources.md). What is defended:
[threat model](threat-model.md). What was built when: [changelog](../CHANGELOG.md).
"""


def format_index(docs: Path) -> str:
    """Return the index of a folder of docs: each page by its title, in the order of its name."""
    parts = [HEAD]
    for folder, words in KINDS.items():
        lines = [
            f"- [{read_title(page)}]({folder}/{page.name})"
            for page in sorted((docs / folder).glob("*.md"))
        ]
        parts.append("\n".join([f"## {words}", "", *lines, ""]))
    return "\n".join(parts)


def read_title(page: Path) -> str:
    """Return the first line of a page, which is its title."""
    first, _, _rest = page.read_text("utf-8").partition("\n")
    assert first.startswith("# "), f"{page} begins with its title"
    return first.removeprefix("# ")


def test_every_page_is_in_the_index():
    text = format_index(DOCS)
    if os.environ.get("REMPART_WRITE_DOCS") == "1":
        INDEX.write_text(text, "utf-8")
    assert INDEX.read_text("utf-8") == text, HOW_TO_WRITE


def test_a_page_without_a_title_is_told(tmp_path):
    (tmp_path / "how-to").mkdir()
    (tmp_path / "how-to" / "lost.md").write_text("no title\n", "utf-8")
    with pytest.raises(AssertionError, match=r"lost\.md begins with its title"):
        format_index(tmp_path)


def test_no_folder_of_the_docs_is_left_out():
    folders = {one.name for one in DOCS.iterdir() if one.is_dir()}
    assert folders - {"screenshots"} == set(KINDS)


def find_differences(page: str, names: Iterable[str], *, shape: str) -> set[str]:
    """Return the names that a page's rows lack, or have though there is no such thing."""
    cells = [line.split(" | ")[0] for line in page.splitlines() if line.startswith("| `")]
    return set(re.findall(shape, "\n".join(cells))) ^ set(names)


def test_every_job_is_on_the_page_of_jobs_and_no_other():
    page = (DOCS / "how-to" / "run-jobs.md").read_text("utf-8")
    assert find_differences(page, JOBS, shape=r"`(\w+)`") == set()
    without = page.replace("| `settle_employers` |", "| `settle_nobody` |")
    assert find_differences(without, JOBS, shape=r"`(\w+)`") == {
        "settle_employers",
        "settle_nobody",
    }


def test_every_key_of_a_home_is_on_the_page_of_configuration():
    page = (DOCS / "reference" / "configuration.md").read_text("utf-8")
    keys = {f"{name}.key" for name in KEY_NAMES} | {f"{name}.ed25519" for name in SEED_NAMES}
    # Those that have a number have a row too.
    keys |= {"card-<id>.ed25519", "log-<n>.ed25519"}
    assert find_differences(page, keys, shape=r"`keys/([^`]+)`") == set()
