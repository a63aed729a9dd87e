"""Insurers' feeds as the registry a scope needs: who was covered, when, by which contract.

The same files and the same rules as an import (docs/reference/feed-format.md), of any number of
insurers, without sealing anything. Refuses to drop a row in silence: those that cannot be read are
counted by file, and their people are then not in the registry.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from datetime import date
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from rempart.exchange.feed_columns import COLUMNS
from rempart.exchange.feed_fields import Reader, make_readers
from rempart.exchange.feed_file import open_feed
from rempart.exchange.feed_pieces import read_piece
from rempart.exchange.scope_inputs import SINCE_EVER
from rempart.kernel.amc import AmcNumber
from rempart.kernel.findings import BadValue
from rempart.kernel.periods import OPEN_END

# Of the feed's columns, those that tell who was covered when; their names in the registry.
_TAKEN: Final = {
    "amc_number": "amc",
    "contract_number": "contract",
    "member_number": "member",
    "insured_nir": "insured_nir",
    "own_nir": "own_nir",
    "previous_nir": "previous_nir",
    "family_name": "family_name",
    "birth_date": "birth_date",
    "birth_rank": "birth_rank",
    "quality": "quality",
    "period_start": "starts",
    "period_end": "ends",
    "agreement_start": "agreed_from",
    "agreement_end": "agreed_to",
    "action": "removes",
}
_ABSENT: Final[dict[str, date]] = {
    "ends": OPEN_END,
    "agreed_from": SINCE_EVER,
    "agreed_to": OPEN_END,
}
# What makes a row a person: a fault elsewhere leaves the value out, not the person.
_NEEDED: Final = frozenset({"amc", "contract", "insured_nir", "birth_date", "birth_rank", "starts"})
_REMEMBERED: Final = 50_000


class RegistryFeed:
    """One feed, read as rows of a registry.

    Args:
        path: The file: CSV, gzip, Parquet or FHIR, as an import takes it.
        schema: The columns wanted, those of `storage.scope.REGISTRY_COLUMNS`.
        first: The number of its first row, over all feeds.
    """

    def __init__(self, path: Path, schema: pa.Schema, *, first: int) -> None:
        self._path = path
        self._schema = schema
        self.rows = 0
        self.rejected = 0
        self.done_share = 0.0
        self._first = first
        readers = make_readers("", removals=True)
        readers["amc_number"] = Reader(lambda text: AmcNumber.parse(text).number)
        self._columns = [
            (COLUMNS.index(name), own, _Memory(readers[name].read)) for name, own in _TAKEN.items()
        ]

    def tables(self) -> Iterator[pa.Table]:
        """Yield the rows that can be read, some at a time; the others are counted.

        Raises:
            FeedRefused: the file is not a feed, or is broken further on.
        """
        with open_feed(self._path, language="en") as feed:
            for piece in feed.pieces():
                for cells in read_piece(piece, feed.dialect):
                    self.rejected += cells.rejected
                    table = self._read(cells.columns, len(cells.lines))
                    if table is not None:
                        yield table
                self.done_share = feed.done_share()

    def _read(self, columns: Sequence[Sequence[str]], count: int) -> pa.Table | None:
        values: dict[str, list[Any]] = {}
        good = [True] * count
        for place, own, memory in self._columns:
            read = [memory[text] for text in columns[place]]
            if own in _NEEDED:
                good = [kept and value is not None for kept, value in zip(good, read, strict=True)]
            if own in _ABSENT:
                read = [_ABSENT[own] if value is None else value for value in read]
            values[own] = read
        kept = sum(good)
        self.rejected += count - kept
        values["seq"] = list(range(self._first + self.rows, self._first + self.rows + count))
        values["removes"] = [bool(value) for value in values["removes"]]
        self.rows += count
        if not kept:
            return None
        arrays = [pa.array(values[one.name], one.type) for one in self._schema]
        table = pa.Table.from_arrays(arrays, schema=self._schema)
        return table if kept == count else table.filter(pa.array(good))


class _Memory(dict[str, Any]):
    """Values met lately and what they read as; None for what cannot be read."""

    def __init__(self, read: Callable[[str], Any]) -> None:
        super().__init__()
        self._read = read

    def __missing__(self, text: str) -> Any:
        if len(self) >= _REMEMBERED:
            self.clear()
        value = None
        with suppress(BadValue):
            value = self._read(text)
        self[text] = value
        return value

    def __repr__(self) -> str:
        return "<_Memory>"


def list_feeds(places: Sequence[Path]) -> tuple[list[Path], Path | None]:
    """Return the feeds of some files and folders, in order, and the list of insurers if there is.

    A folder gives its `insurers.csv`, and the files of its `feeds` folder, or its own.
    """
    feeds: list[Path] = []
    insurers = None
    for place in places:
        if not place.is_dir():
            if place.name == "insurers.csv":
                insurers = place
            else:
                feeds.append(place)
            continue
        listed = place / "insurers.csv"
        insurers = listed if listed.is_file() else insurers
        folder = place / "feeds" if (place / "feeds").is_dir() else place
        feeds += sorted(
            one
            for one in folder.iterdir()
            if one.is_file() and one.name.endswith(_ENDINGS) and one.name not in _NOT_FEEDS
        )
    return feeds, insurers


_ENDINGS: Final = (".csv", ".csv.gz", ".gz", ".parquet", ".ndjson", ".json")
_NOT_FEEDS: Final = frozenset(
    {"insurers.csv", "professionals.csv", "parameters.json", "truth.json", "contracts.csv"}
)
