"""How far an answer about the ledger reaches: which stretches were read, which are no longer there.

Refuses to let a gap pass in silence: every segment that the window touches is in the answer, with
where it was read or why it was not.
"""

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import NamedTuple


class Place(enum.StrEnum):
    """Where the openings of a stretch are."""

    HOT = "hot"  # in the database, sealed or not
    COLD = "cold"  # in the files of a sealed segment
    DROPPED = "dropped"  # nowhere any more: the segment's retention ended
    LOST = "lost"  # the files should be in the store and are not


class Stretch(NamedTuple):
    """Entries [start, stop) of one log, all of one segment and in one place.

    `first_ms` and `last_ms` are None while the segment is not sealed.
    """

    log_id: int
    segment: int
    start: int
    stop: int
    place: Place
    first_ms: int | None = None
    last_ms: int | None = None


class LogSpan(NamedTuple):
    """The entries of a log that a window may concern, by its signed checkpoints: [start, stop)."""

    log_id: int
    segment_bits: int
    start: int
    stop: int


class SealedSegment(NamedTuple):
    """A segment that was sealed, and what became of it since: sealed, cold or dropped."""

    log_id: int
    segment: int
    state: str
    first_ms: int
    last_ms: int
    by_account_name: str
    by_person_name: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reach:
    """What an answer looked at.

    Args:
        from_ms: The window's first instant, Unix milliseconds.
        to_ms: The instant after its last one.
        stretches: By log and index; together, every entry the window may concern.
        erased: By log, how many openings among these entries were erased one by one. Their time
            went with them: some may lie just outside the window.
    """

    from_ms: int
    to_ms: int
    stretches: tuple[Stretch, ...]
    erased: Mapping[int, int]

    @property
    def missing(self) -> tuple[Stretch, ...]:
        """The stretches that could not be read."""
        return tuple(one for one in self.stretches if one.place in (Place.DROPPED, Place.LOST))

    @property
    def is_complete(self) -> bool:
        """Whether every opening of the window was there to be read."""
        return not self.missing and not any(self.erased.values())

    def list_hot_ranges(self) -> list[tuple[int, int, int]]:
        """Return (log, start, stop) of the entries in the database, neighbours joined."""
        ranges: list[tuple[int, int, int]] = []
        for one in self.stretches:
            if one.place is not Place.HOT:
                continue
            if ranges and ranges[-1][0] == one.log_id and ranges[-1][2] == one.start:
                ranges[-1] = (one.log_id, ranges[-1][1], one.stop)
            else:
                ranges.append((one.log_id, one.start, one.stop))
        return ranges


def decide_stretches(
    spans: Iterable[LogSpan],
    segments: Mapping[tuple[int, int], SealedSegment],
    *,
    from_ms: int,
    to_ms: int,
) -> tuple[Stretch, ...]:
    """Cut the entries a window concerns by where they are.

    Args:
        spans: What the checkpoints say of each log.
        segments: The sealed segments, by (log, segment).
        from_ms: The window's first instant.
        to_ms: The instant after its last one.

    Returns:
        Stretches by log and index. A segment that is no longer in the database and has no entry in
        the window is left out; one still in the database never is: reading it costs an index.
    """
    return tuple(
        stretch
        for span in sorted(spans)
        for stretch in _cut_span(span, segments)
        if stretch.place is Place.HOT or _meets(stretch, from_ms, to_ms)
    )


def _cut_span(
    span: LogSpan, segments: Mapping[tuple[int, int], SealedSegment]
) -> Iterator[Stretch]:
    bits = span.segment_bits
    if span.start >= span.stop:
        return
    for number in range(span.start >> bits, ((span.stop - 1) >> bits) + 1):
        start, stop = max(span.start, number << bits), min(span.stop, (number + 1) << bits)
        sealed = segments.get((span.log_id, number))
        if sealed is None:
            yield Stretch(span.log_id, number, start, stop, Place.HOT)
        else:
            # Sealed and still in the database: read there, and only there, so counted once.
            place = Place.HOT if sealed.state == "sealed" else Place(sealed.state)
            yield Stretch(span.log_id, number, start, stop, place, sealed.first_ms, sealed.last_ms)


def _meets(stretch: Stretch, from_ms: int, to_ms: int) -> bool:
    first_ms, last_ms = stretch.first_ms, stretch.last_ms
    return first_ms is None or last_ms is None or (first_ms < to_ms and last_ms >= from_ms)
