"""What the house rules look at: the files of the repository, read once."""

import ast
import functools
import gzip
import subprocess
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class SourceFile:
    """A file of the repository: its path from the root, and its text."""

    path: str
    text: str

    @property
    def is_python(self) -> bool:
        return self.path.endswith(".py")

    @property
    def is_product(self) -> bool:
        return self.path.startswith("src/")

    def parse(self) -> ast.Module:
        return parse_once(self.text, self.path)


@functools.cache
def parse_once(text: str, path: str) -> ast.Module:
    """Return the syntax tree of a module; every rule looks at the same one."""
    return ast.parse(text, path)


def list_paths() -> list[str]:
    """Return the files git would commit; every file when this is not a git checkout."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
    try:
        listed = subprocess.run(command, cwd=ROOT, capture_output=True, check=True, text=True)
    except (OSError, subprocess.CalledProcessError):
        found = (path.relative_to(ROOT) for path in ROOT.rglob("*") if path.is_file())
        return [str(p) for p in found if not any(part.startswith(".") for part in p.parts)]
    return sorted(path for path in listed.stdout.split("\0") if path)


def read_text(path: Path) -> str | None:
    """Return the text of a file, gzip opened; None when it is not text."""
    content = path.read_bytes()
    if path.suffix == ".gz":
        content = gzip.decompress(content)
    if b"\0" in content:
        return None
    return content.decode("utf-8", errors="replace")


@pytest.fixture
def expect_none() -> Callable[[Iterable[str], str], None]:
    """Return a function that fails with the whole list of what breaks a rule, and the remedy."""

    def expect(found: Iterable[str], remedy: str) -> None:
        lines = list(found)
        assert not lines, "\n".join([f"{remedy}:", *lines])

    return expect


@pytest.fixture(scope="session")
def every_path() -> set[str]:
    """The path of every file of the repository, pictures included."""
    return {name for name in list_paths() if (ROOT / name).is_file()}


@pytest.fixture(scope="session")
def repository() -> list[SourceFile]:
    """Every text file of the repository."""
    files = [(name, ROOT / name) for name in list_paths()]
    texts = ((name, read_text(path)) for name, path in files if path.is_file())
    return [SourceFile(name, text) for name, text in texts if text is not None]


@pytest.fixture(scope="session")
def python_files(repository: list[SourceFile]) -> list[SourceFile]:
    """Every Python file of the repository, tests included."""
    return [file for file in repository if file.is_python]


@pytest.fixture(scope="session")
def product(python_files: list[SourceFile]) -> list[SourceFile]:
    """Every Python file of `src`."""
    return [file for file in python_files if file.is_product]
