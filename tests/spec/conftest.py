"""Rules stated as tables: each table is a test and a page of docs/rules.

`REMPART_WRITE_DOCS=1 pytest tests/spec` writes the pages; without it they are compared.
"""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

RULES = Path(__file__).parents[2] / "docs" / "rules"
HOW_TO_WRITE = "the rules changed: run `REMPART_WRITE_DOCS=1 pytest tests/spec` and read the diff"


@pytest.fixture
def check_page() -> Callable[[str, str], None]:
    """Return a function that compares a page of docs/rules with the text it should have."""

    def check(name: str, text: str) -> None:
        path = RULES / name
        if os.environ.get("REMPART_WRITE_DOCS") == "1":
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), HOW_TO_WRITE
        assert path.read_text(encoding="utf-8") == text, HOW_TO_WRITE

    return check


@pytest.fixture
def write_table() -> Callable[[Sequence[str], Sequence[Sequence[object]]], str]:
    """Return a function that writes a Markdown table."""

    def write(header: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
        lines = [header, ["---"] * len(header), *rows]
        return "\n".join("| " + " | ".join(str(cell) for cell in row) + " |" for row in lines)

    return write
