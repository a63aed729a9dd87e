"""Turns what an audit meets into differences: one for each place, runs of the same fault as one.

Refuses to grow without bound: see MAX_DISPUTES.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from rempart.disclosure.differences import Difference
from rempart.disclosure.tree import HASH_SIZE, TILE_WIDTH, Tile

# Disagreements between rows and tiles remembered until a root settles them.
MAX_DISPUTES = 100_000


class AuditReport:
    """Collects the differences of one log until they are drained."""

    def __init__(
        self, log_id: int, *, cold: frozenset[int] = frozenset(), segment_bits: int = 24
    ) -> None:
        """Begin.

        Args:
            log_id: The log.
            cold: Segments whose rows are in files: a difference there is in the file.
            segment_bits: A segment holds 2**segment_bits leaves.
        """
        self._log_id = log_id
        self._cold, self._bits = cold, segment_bits
        self._found: list[Difference] = []
        # Entries whose row and record disagree: (index, tile number or None for the edge).
        self._disputes: list[tuple[int, int | None]] = []
        self._wrong_roots = _Run()
        self._refused_notes = _Run()
        self._notes_refused = 0
        self._last_right_size = 0

    def drain(self) -> Iterator[Difference]:
        """Give away what was found since the last time."""
        found, self._found = self._found, []
        yield from found

    def _add(
        self, table: str, row: Mapping[str, int], columns: Sequence[str], rule: str, message: str
    ) -> None:
        self._found.append(
            Difference(
                table=table,
                log_id=None if table == "session" else self._log_id,
                row=row,
                columns=tuple(columns),
                rule=rule,
                message=message,
            )
        )

    def _add_row(self, index: int, columns: Sequence[str], rule: str, message: str) -> None:
        """Tell of one row of entries, in the database or in a segment's file."""
        segment = index >> self._bits
        if segment in self._cold:
            row = {"segment": segment, "idx": index}
            self._add("segment", row, columns, rule, message)
        else:
            self._add("entry", {"idx": index}, columns, rule, message)

    def include(self, differences: Sequence[Difference]) -> None:
        """Take differences that were found elsewhere."""
        self._found += differences

    def stray(self, table: str, row: Mapping[str, int]) -> None:
        """A row lies outside what the head covers."""
        self._add(table, row, (), "extra_row", "the row is beyond the head, or no log has it")

    def log_key(self, message: str) -> None:
        """The log's name or key cannot be right."""
        self._add("log", {}, ("vkey", "origin"), "signature", message)

    def edge(self, columns: Sequence[str], rule: str, message: str) -> None:
        """The kept edge is not what the last checkpoint left."""
        self._add("edge", {}, columns, rule, message)

    def entry(self, index: int, columns: Sequence[str], message: str) -> None:
        """A row does not hash to its leaf."""
        self._add_row(index, columns, "leaf", f"the row was changed: {message}")

    def number(self, index: int, column: str, rule: str, message: str) -> None:
        """A row is out of order, or (for the cadence) no checkpoint stands where one must."""
        if rule == "cadence":
            self._add("checkpoint", {"size": index}, (), "missing_row", message)
        else:
            self._add_row(index, (column,), rule, message)

    def missing_entries(self, indexes: Sequence[int]) -> None:
        """Rows are missing; neighbours are told together."""
        for _, group in groupby(enumerate(indexes), key=lambda pair: pair[1] - pair[0]):
            members = [index for _, index in group]
            what = f"entry {members[0]} is missing"
            if len(members) > 1:
                what = f"entries {members[0]} to {members[-1]} are missing"
            self._add_row(members[0], (), "missing_row", what)

    def not_erased(self, index: int) -> None:
        """An opening is there although the ledger says that it was erased."""
        self._add_row(index, (), "erasure", "it was erased, and is there")

    def tile(self, level: int, n: int, rule: str, message: str) -> None:
        """A tile is missing or malformed."""
        columns = () if rule == "missing_row" else ("hashes",)
        self._add("tile", {"level": level, "n": n}, columns, rule, message)

    def compare_tile(self, tile: Tile, stored: bytes) -> None:
        """Compare a stored tile with what it must be."""
        if stored == tile.hashes:
            return
        wrong = [
            place
            for place in range(TILE_WIDTH)
            if stored[place * HASH_SIZE : (place + 1) * HASH_SIZE]
            != tile.hashes[place * HASH_SIZE : (place + 1) * HASH_SIZE]
        ]
        self.tile(tile.level, tile.n, "tile", _format_places(wrong))

    def session(self, session_ref: int, rule: str, message: str) -> None:
        """A session is not the one an entry commits to."""
        self._add("session", {"session_ref": session_ref}, (), rule, message)

    def checkpoint(self, size: int, columns: Sequence[str], rule: str, message: str) -> None:
        """A checkpoint's row is wrong."""
        self._add("checkpoint", {"size": size}, columns, rule, message)

    def cosignature(self, size: int, columns: Sequence[str], message: str) -> None:
        """A witness's line is wrong."""
        self._add("cosignature", {"size": size}, columns, "signature", message)

    def counter(self, insurer_id: int, columns: Sequence[str], message: str) -> None:
        """An insurer's kept counter is wrong."""
        self._add("insurer_counter", {"insurer_id": insurer_id}, columns, "counter", message)

    def head(self, columns: Sequence[str], message: str) -> None:
        """The head is not what the log leads to."""
        self._add("head", {}, columns, "head", message)

    def dispute(self, index: int, tile_n: int | None) -> None:
        """A row and its record disagree, and neither can be blamed yet."""
        if len(self._disputes) < MAX_DISPUTES:
            self._disputes.append((index, tile_n))

    @property
    def has_disputes(self) -> bool:
        """Whether a disagreement waits for a root that settles it."""
        return bool(self._disputes)

    def settle(self, *, rows_right: bool | None) -> None:
        """Report the disagreements that wait, against rows or records; None blames neither."""
        disputes, self._disputes = self._disputes, []
        if rows_right:
            for tile_n, group in groupby(disputes, key=lambda dispute: dispute[1]):
                places = [index % TILE_WIDTH for index, _ in group]
                if tile_n is None:
                    self.edge(("hashes",), "edge", _format_places(places))
                else:
                    self.tile(0, tile_n, "tile", _format_places(places))
            return
        for index, tile_n in disputes:
            where = "the edge" if tile_n is None else f"tile {tile_n}"
            message = f"{where} and the next root prove it"
            if rows_right is None:
                message = f"or {where} was: no root tells which"
            self.entry(index, (), message)

    def root(self, size: int, *, is_right: bool) -> None:
        """A checkpoint's root was recomputed."""
        if not is_right:
            self._wrong_roots.add(size)
            return
        self._tell_wrong_roots()
        self._last_right_size = size

    def _tell_wrong_roots(self) -> None:
        run, self._wrong_roots = self._wrong_roots, _Run()
        if run.count:
            self.checkpoint(
                run.first,
                ("root",),
                "root",
                f"entries {self._last_right_size} to {run.first - 1} do not lead to its root{run}",
            )

    def signature(self, size: int, *, is_right: bool) -> None:
        """A checkpoint's note was verified."""
        if not is_right:
            self._refused_notes.add(size)
            self._notes_refused += 1
            return
        self._tell_refused_notes()

    def _tell_refused_notes(self) -> None:
        run, self._refused_notes = self._refused_notes, _Run()
        if run.count:
            self.checkpoint(
                run.first, ("note",), "signature", f"the log's key did not sign its note{run}"
            )

    def finish(self, checkpoints: int) -> None:
        """Tell what was being counted."""
        self._tell_wrong_roots()
        self._tell_refused_notes()
        if checkpoints > 1 and self._notes_refused == checkpoints:
            self.log_key("the key verifies no checkpoint at all")


@dataclass(slots=True)
class _Run:
    """Checkpoints in a row that share one fault."""

    first: int = 0
    last: int = 0
    count: int = 0

    def add(self, size: int) -> None:
        self.first, self.last, self.count = self.first or size, size, self.count + 1

    def __str__(self) -> str:
        if self.count < 2:
            return ""
        return f" (the same for {self.count - 1} after it, to size {self.last})"


def _format_places(places: Sequence[int]) -> str:
    if len(places) == 1:
        return f"its hash {places[0]} was changed"
    return f"{len(places)} of its hashes were changed, from {places[0]} to {places[-1]}"
