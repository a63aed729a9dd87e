"""Named SQL: each storage/<package>.sql file is a list of commented queries, loaded once.

Refuses a file with a query that has no name, no comment or a name already used. Never builds SQL.
"""

import functools
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

DIRECTORY = Path(__file__).parent

_BLOCK = re.compile(r"^-- name: *(.*)$", re.MULTILINE)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


@dataclass(frozen=True, slots=True)
class Query:
    """One named query and the sentence that says what it is for."""

    name: str
    comment: str
    text: str


class Queries(Mapping[str, str]):
    """The queries of one file: `queries.append_entry` is the text of the query of that name."""

    def __init__(self, package: str, queries: Mapping[str, Query]) -> None:
        self._package = package
        self._queries = queries

    def __getattr__(self, name: str) -> str:
        if name in self._queries:
            return self._queries[name].text
        raise AttributeError(f"storage/{self._package}.sql has no query named {name}")

    def __getitem__(self, name: str) -> str:
        return self._queries[name].text

    def __iter__(self) -> Iterator[str]:
        return iter(self._queries)

    def __len__(self) -> int:
        return len(self._queries)


@functools.cache
def load_queries(package: str) -> Queries:
    """Load storage/<package>.sql.

    Raises:
        ValueError: the file breaks a rule above; the message names the query.
    """
    text = (DIRECTORY / f"{package}.sql").read_text(encoding="utf-8")
    return Queries(package, parse_queries(text))


def parse_queries(text: str) -> dict[str, Query]:
    """Cut a file into its queries, in order.

    A query is a line `-- name: its_name`, at least one comment line, then one SQL statement.

    Raises:
        ValueError: SQL before a name, a bad or repeated name, a missing comment or statement.
    """
    head, *blocks = _BLOCK.split(text)
    if any(not line.startswith("--") for line in head.splitlines() if line.strip()):
        raise ValueError("there is SQL before the first `-- name:` line: give it a name")
    queries: dict[str, Query] = {}
    for name, body in zip(blocks[::2], blocks[1::2], strict=True):
        query = _parse_block(name.strip(), body)
        if query.name in queries:
            raise ValueError(f"query {query.name}: the name is used twice")
        queries[query.name] = query
    return queries


def _parse_block(name: str, body: str) -> Query:
    if not _NAME.fullmatch(name):
        raise ValueError(f"query {name!r}: a name is lower-case words joined by _")
    lines = body.strip().splitlines()
    comment = []
    while lines and lines[0].startswith("--"):
        comment.append(lines.pop(0).removeprefix("--").strip())
    statement = "\n".join(lines).strip().removesuffix(";").rstrip()
    if not any(comment):
        raise ValueError(f"query {name}: say in a comment under its name what it is for")
    if not statement:
        raise ValueError(f"query {name}: there is no statement")
    return Query(name, " ".join(comment), statement)
