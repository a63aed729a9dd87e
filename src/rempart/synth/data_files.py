"""Reads the files of `data/` and turns weights into pools to draw from.

Refuses chance: a pool is a fixed sequence; the caller draws an index.
"""

import csv
import gzip
from collections.abc import Iterable, Sequence
from importlib.resources import files
from typing import TypeVar

T = TypeVar("T")


def load_rows(name: str, *, delimiter: str = ";") -> list[dict[str, str]]:
    """Return the rows of one CSV file of `data/`, unpacked when its name ends in .gz."""
    raw = files("rempart.synth").joinpath("data", name).read_bytes()
    text = (gzip.decompress(raw) if name.endswith(".gz") else raw).decode("utf-8")
    return list(csv.DictReader(text.splitlines(), delimiter=delimiter))


def load_words(name: str) -> tuple[str, ...]:
    """Return the lines of one text file of `data/`, comments and empty lines left out."""
    text = files("rempart.synth").joinpath("data", name).read_text("utf-8")
    return tuple(line for line in text.splitlines() if line and not line.startswith("#"))


def split_by_weight(total: int, weights: Sequence[float]) -> list[int]:
    """Split `total` into whole parts proportional to `weights`; the parts add up to it.

    Largest remainders get the units left; on a tie, the first.

    >>> split_by_weight(10, [1, 1, 1])
    [4, 3, 3]
    """
    whole = sum(weights)
    exact = [total * weight / whole for weight in weights]
    parts = [int(share) for share in exact]
    by_remainder = sorted(range(len(parts)), key=lambda i: parts[i] - exact[i])
    for i in by_remainder[: total - sum(parts)]:
        parts[i] += 1
    return parts


def build_pool(weighted: Iterable[tuple[T, float]], size: int) -> tuple[T, ...]:
    """Return `size` values, each repeated by its weight: a uniform index draws by weight.

    >>> build_pool([("a", 3), ("b", 1)], 4)
    ('a', 'a', 'a', 'b')
    """
    pairs = list(weighted)
    counts = split_by_weight(size, [weight for _, weight in pairs])
    return tuple(
        value for (value, _), count in zip(pairs, counts, strict=True) for _ in range(count)
    )
