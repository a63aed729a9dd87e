"""What fuzzing found worth keeping: one file for each parser, an input a line, in base64.

A line that begins with `#` says what the next one once broke.
"""

import base64
from collections.abc import Iterable, Sequence
from pathlib import Path

from tests.fuzzing.target import Target

CORPUS = Path(__file__).parents[1] / "data" / "fuzz"


def load_kept(name: str, folder: Path = CORPUS) -> list[bytes]:
    """Return the inputs kept for a parser, in order."""
    path = folder / f"{name}.txt"
    lines = path.read_text("ascii").splitlines() if path.exists() else []
    return [base64.b64decode(line, validate=True) for line in lines if not line.startswith("#")]


def load_corpus(target: Target) -> list[bytes]:
    """Return good inputs, and those kept."""
    return [*target.seeds(), *load_kept(target.name)]


def keep(name: str, inputs: Iterable[bytes], *, why: str = "", folder: Path = CORPUS) -> int:
    """Add inputs that are not kept yet; return how many."""
    known = set(load_kept(name, folder))
    new: Sequence[bytes] = [one for one in dict.fromkeys(inputs) if one not in known]
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f"{name}.txt").open("a", encoding="ascii") as file:
        for one in new:
            if why:
                file.write(f"# {why}\n")
            file.write(base64.b64encode(one).decode() + "\n")
    return len(new)
