"""Sealed segments and erased openings, held against the acts that account for them.

Refuses to excuse a missing opening by a row alone: an act of the acts log must state it, two people
must have signed it, and what is gone must be exactly what it states.
"""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from rempart.disclosure.acts import ACTS_LOG, Act, Erase, Seal, SealedFile
from rempart.disclosure.acts_audit import PlacedAct
from rempart.disclosure.differences import Difference
from rempart.disclosure.segment import SegmentFold, SegmentRow, SegmentState, get_bounds

# Rows told one by one, of each kind and segment.
MOST_TOLD: Final = 100


class FilePart(NamedTuple):
    """A part of a file that cannot be read; None where it is not known."""

    row_group: int | None
    column: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileFacts:
    """What was found of one file.

    Attributes:
        digest: SHA-256 of its bytes, in hexadecimal; None when it is not there.
        size: How many bytes.
        damage: What of it cannot be read.
    """

    digest: str | None
    size: int = 0
    damage: Sequence[FilePart] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class SegmentFacts:
    """What was found of one segment.

    Attributes:
        row: Its row.
        bits: A segment of this log holds 2**bits leaves.
        log_size: Entries of the log, as its head says.
        root: Its root by its tile; None when the tile is missing.
        by_account: The file sorted by account.
        by_person: The file sorted by person.
        fold: Its rows recomputed, when the log's own audit did not read them from the file.
        strange: Indexes of rows of the file that have no business there, or stand twice.
        disagreements: Indexes of rows that differ between the two files.
        hot: Indexes of rows that are in the database although the segment is not.
    """

    row: SegmentRow
    bits: int
    log_size: int
    root: bytes | None
    by_account: FileFacts
    by_person: FileFacts
    fold: SegmentFold | None = None
    strange: Sequence[int] = ()
    disagreements: Sequence[int] = ()
    hot: Sequence[int] = ()


class ErasedGroup(NamedTuple):
    """The rows of `ledger.erased` under one act and log.

    Attributes:
        log_id: The log.
        act_log, act_idx: The act.
        first: The smallest index.
        openings: How many.
        digest: Of the indexes, as `acts.compute_indexes_digest`.
    """

    log_id: int
    act_log: int
    act_idx: int
    first: int
    openings: int
    digest: str


@dataclass(slots=True)
class ActIndex:
    """The acts that segments and erasures rest on, by their place in the acts log.

    Attributes:
        acts: Those whose entry commits to a well-formed statement.
        ill_signed: ERASE acts that two different people did not sign.
        used: Those that something rests on.
    """

    acts: Mapping[int, Act]
    ill_signed: frozenset[int] = frozenset()
    used: set[int] = field(default_factory=set)

    @classmethod
    def build(cls, placed: Iterable[PlacedAct], refused: Iterable[tuple[int, str]]) -> "ActIndex":
        """Index acts.

        Args:
            placed: Acts that were read back.
            refused: Place and body of the ERASE acts whose statement is not well formed.
        """
        return cls(
            {one.idx: one.act for one in placed},
            frozenset(index for index, body in refused if not _has_two_signers(body)),
        )

    def find(self, act_log: int, act_idx: int) -> Act | None:
        """Return an act; None when there is none that counts."""
        if act_log != ACTS_LOG:
            return None
        self.used.add(act_idx)
        return self.acts.get(act_idx)

    def list_unfinished(self, segments: Iterable[SegmentRow]) -> Iterator[str]:
        """Say which acts nothing followed: a crash, or work under way. No difference by itself."""
        superseded = {(row.log_id, row.segment): row.act_idx for row in segments}
        for index, act in self.acts.items():
            if index in self.used:
                continue
            match act:
                case Erase():
                    yield f"act {index} erases and was not carried out"
                case Seal(log=log, segment=number):
                    if superseded.get((log, number), -1) < index:
                        yield f"act {index} seals segment {number} of log {log}; no row says so"
                case _:
                    pass


def check_segment(facts: SegmentFacts, acts: ActIndex) -> Iterator[Difference]:
    """Compare one sealed segment with its tile, its files and the acts that account for it."""
    row = facts.row
    _, stop = get_bounds(row.segment, facts.bits)
    if row.segment < 0 or stop > facts.log_size:
        yield _segment(row, (), "extra_row", "the log has no such complete segment")
        return
    if facts.root is not None and facts.root != row.root:
        yield _segment(row, ("root",), "root", "it is not the root of its tile")
    yield from _check_seal(facts, acts)
    yield from _check_drop(facts, acts)
    if row.state != SegmentState.DROPPED:
        files = (
            ("by_account", row.by_account_digest, facts.by_account),
            ("by_person", row.by_person_digest, facts.by_person),
        )
        for which, digest, file in files:
            yield from _check_file(row, which, digest, file)
    yield from _check_rows(facts)


def check_erasures(groups: Iterable[ErasedGroup], acts: ActIndex) -> Iterator[Difference]:
    """Compare the lists of what was erased with the ERASE acts that state them."""
    for group in groups:
        act = acts.find(group.act_log, group.act_idx)
        place = {"act_idx": group.act_idx, "idx": group.first}
        if group.act_idx in acts.ill_signed and group.act_log == ACTS_LOG:
            message = f"two different people did not sign act {group.act_idx}"
            yield _difference("erased", group.log_id, place, (), "signers", message)
        elif not isinstance(act, Erase) or act.digest is None:
            message = f"{group.openings} openings are gone, and no ERASE act says so"
            yield _difference("erased", group.log_id, place, (), "no_act", message)
        elif (act.log, act.count, act.digest) != (group.log_id, group.openings, group.digest):
            message = (
                f"act {group.act_idx} erases {act.count} openings of log {act.log}; the "
                f"{group.openings} listed are others"
            )
            yield _difference("erased", group.log_id, place, (), "erasure", message)


def _check_seal(facts: SegmentFacts, acts: ActIndex) -> Iterator[Difference]:
    row = facts.row
    act = acts.find(row.act_log, row.act_idx)
    if not isinstance(act, Seal):
        yield _segment(row, ("act_log", "act_idx"), "no_act", "no SEAL act says that it is sealed")
        return
    stated = {
        "log_id": (row.log_id, act.log),
        "segment": (row.segment, act.segment),
        "root": (row.root.hex(), act.root),
        "first_ms": (row.first_ms, act.first_ms),
        "last_ms": (row.last_ms, act.last_ms),
        "by_account_name": (row.by_account_name, act.by_account.name),
        "by_account_digest": (row.by_account_digest.hex(), act.by_account.sha256),
        "by_person_name": (row.by_person_name, act.by_person.name),
        "by_person_digest": (row.by_person_digest.hex(), act.by_person.sha256),
    }
    differ = tuple(name for name, (here, there) in stated.items() if here != there)
    if differ:
        yield _segment(row, differ, "statement", f"it is not what act {row.act_idx} states")
    if row.state != SegmentState.DROPPED:
        for which, file, sealed in (
            ("by_account", facts.by_account, act.by_account),
            ("by_person", facts.by_person, act.by_person),
        ):
            yield from _check_size(row, which, file, sealed)


def _check_size(
    row: SegmentRow, which: str, file: FileFacts, sealed: SealedFile
) -> Iterator[Difference]:
    if file.digest == sealed.sha256 and file.size != sealed.bytes:
        yield _segment(row, (which,), "file", "its act states another number of bytes")


def _check_drop(facts: SegmentFacts, acts: ActIndex) -> Iterator[Difference]:
    row = facts.row
    if row.state != SegmentState.DROPPED:
        if row.drop_idx is not None:
            yield _segment(row, ("drop_idx",), "erasure", "it is there, and an act dropped it")
        return
    act = None if row.drop_idx is None else acts.find(ACTS_LOG, row.drop_idx)
    if not isinstance(act, Erase) or (act.log, act.segment) != (row.log_id, row.segment):
        yield _segment(row, ("drop_idx",), "no_act", "its openings are gone, and no act drops it")
    for which, file in (("by_account", facts.by_account), ("by_person", facts.by_person)):
        if file.digest is not None:
            yield _segment(row, (which,), "erasure", "it was dropped, and its file is there")


def _check_file(
    row: SegmentRow, which: str, digest: bytes, file: FileFacts
) -> Iterator[Difference]:
    if file.digest is None:
        yield _segment(row, (which,), "missing_row", "its file is missing")
        return
    if file.digest == digest.hex():
        return
    yield _segment(row, (which,), "file", "its file is not the one that was sealed")
    for part in file.damage[:MOST_TOLD]:
        where = "its file cannot be read"
        if part.row_group is not None:
            where = f"row group {part.row_group}, column {part.column} cannot be read"
        yield _segment(row, (which,), "unreadable", where)


def _check_rows(facts: SegmentFacts) -> Iterator[Difference]:
    row = facts.row
    fold = facts.fold
    kinds: tuple[tuple[Sequence[int], str, str, str], ...] = (
        (fold.wrong if fold else (), "by_account", "leaf", "the row was changed"),
        (fold.missing if fold else (), "by_account", "missing_row", "the row is missing"),
        (facts.strange, "by_account", "extra_row", "the row has no business there"),
        (facts.disagreements, "by_person", "file", "the two files differ about it"),
    )
    for indexes, which, rule, message in kinds:
        for index in indexes[:MOST_TOLD]:
            place = {"segment": row.segment, "idx": index}
            yield _difference("segment", row.log_id, place, (which,), rule, message)
    for index in facts.hot[:MOST_TOLD]:
        message = f"its segment is {row.state}: the row has no business in the database"
        yield _difference("entry", row.log_id, {"idx": index}, (), "extra_row", message)


def _has_two_signers(body: str) -> bool:
    try:
        signers = json.loads(body)["signers"]
        return len(signers) == 2 and signers[0] != signers[1]
    except (ValueError, KeyError, TypeError):
        return False


def _segment(row: SegmentRow, columns: tuple[str, ...], rule: str, message: str) -> Difference:
    return _difference("segment", row.log_id, {"segment": row.segment}, columns, rule, message)


def _difference(
    table: str,
    log_id: int,
    row: Mapping[str, int],
    columns: tuple[str, ...],
    rule: str,
    message: str,
) -> Difference:
    return Difference(
        table=table, log_id=log_id, row=row, columns=columns, rule=rule, message=message
    )
