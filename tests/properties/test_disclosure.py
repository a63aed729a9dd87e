"""What holds for every entry, every tree and every audit."""

import dataclasses
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.ledger_samples import START_MS, make_draft, make_signer

from rempart.disclosure.acts_audit import StatementRow
from rempart.disclosure.audit import LogAudit
from rempart.disclosure.audit_source import CheckpointRow, CosignatureRow, LogState
from rempart.disclosure.batch import build_batch, check_batch
from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.differences import Difference
from rempart.disclosure.entry import Entry, compute_leaf_hash, compute_leaf_hashes
from rempart.disclosure.proof import (
    ProofRefused,
    make_node_reader,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from rempart.disclosure.session import SessionFacts
from rempart.disclosure.tree import Tree, compute_root

SMALL = st.integers(-(1 << 15), (1 << 15) - 1)
MEDIUM = st.integers(-(1 << 31), (1 << 31) - 1)
LARGE = st.integers(-(1 << 63), (1 << 63) - 1)
KEY = st.binary(min_size=16, max_size=16)

ENTRIES = st.builds(
    Entry,
    log_id=SMALL,
    idx=LARGE,
    kind=st.integers(0, 255),
    t_ms=st.integers(0, (1 << 63) - 1),
    salt=KEY,
    account_ref=LARGE,
    session_ref=LARGE,
    acct_seq=LARGE,
    person_ref=LARGE,
    insurer_id=MEDIUM,
    ins_seq=LARGE,
    lookup_key=KEY,
    purpose=SMALL,
    mode=SMALL,
    domain=SMALL,
    care_day=MEDIUM,
    outcome=SMALL,
    fields=LARGE,
    schema_version=SMALL,
    data_version=LARGE,
    request_id=KEY,
)


@given(st.lists(ENTRIES, max_size=8))
def test_leaves_hashed_together_are_the_leaves_hashed_alone(entries: list[Entry]):
    assert compute_leaf_hashes(entries) == [compute_leaf_hash(entry) for entry in entries]


def make_leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(number.to_bytes(4)).digest() for number in range(count)]


@given(st.lists(st.integers(0, 300), max_size=6))
def test_a_tree_does_not_depend_on_how_its_leaves_were_grouped(groups: list[int]):
    leaves = make_leaves(sum(groups))
    tree, start = Tree(), 0
    for count in groups:
        tree = tree.copy()
        tree.grow(leaves[start : start + count])
        start += count
    assert tree.compute_root() == compute_root(leaves)


@given(st.data())
def test_a_proof_proves_its_leaf_and_no_other(data: st.DataObject):
    size = data.draw(st.integers(1, 700))
    index = data.draw(st.integers(0, size - 1))
    tree = Tree()
    leaves = make_leaves(size)
    tiles = {(tile.level, tile.n): tile.hashes for tile in tree.grow(leaves)}
    tiles[0, size // 256] = tree.edge
    read_node = make_node_reader(size, lambda level, n: tiles[level, n])
    proof = prove_inclusion(index, size, read_node)
    claim = {"index": index, "size": size, "leaf_hash": leaves[index], "root": tree.compute_root()}
    verify_inclusion(proof, **claim)
    for wrong in (
        {**claim, "index": (index + 1) % size} if size > 1 else {**claim, "index": 1},
        {**claim, "leaf_hash": bytes(32)},
        {**claim, "root": bytes(32)},
    ):
        try:
            verify_inclusion(proof, **wrong)
        except ProofRefused:
            continue
        raise AssertionError(f"accepted: {wrong}")
    old_size = data.draw(st.integers(1, size))
    verify_consistency(
        prove_consistency(old_size, size, read_node),
        old_size=old_size,
        new_size=size,
        old_root=compute_root(leaves[:old_size]),
        new_root=claim["root"],
    )


@dataclasses.dataclass
class MemoryLog:
    """A log in memory: what the database would hold, open to falsification."""

    rows: list[tuple[Any, ...]]
    tiles: dict[tuple[int, int], bytes]
    checkpoints: list[CheckpointRow]
    state: LogState

    def read_entries(self, start: int, stop: int) -> Sequence[tuple[Any, ...]]:
        return [row for row in self.rows if start <= row[1] < stop]

    def read_tiles(self, level: int, start: int, stop: int) -> Mapping[int, bytes]:
        return {n: self.tiles[level, n] for n in range(start, stop) if (level, n) in self.tiles}

    def read_checkpoints(self, after: int, up_to: int, limit: int) -> Sequence[CheckpointRow]:
        return [one for one in self.checkpoints if after < one.size <= up_to][:limit]

    def read_sessions(self, session_refs: Sequence[int]) -> Iterable[SessionFacts]:
        return []

    def read_erased(self, start: int, stop: int) -> Sequence[int]:
        return []

    def read_statements(self, start: int, stop: int) -> Sequence[StatementRow]:
        return []

    def read_cosignatures(self, after: int, up_to: int) -> Sequence[CosignatureRow]:
        return []

    def audit(self) -> list[Difference]:
        return list(LogAudit(self.state, self).run())


def make_log(batches: Sequence[int]) -> MemoryLog:
    """Write a log of batches as the writer does, with a checkpoint after each."""
    signer = make_signer()
    tree, rows, tiles, checkpoints = Tree(), [], {}, []
    accounts: dict[int, int] = dict.fromkeys(range(1000, 1007), 0)
    insurers: dict[int, int] = {}
    number = 0
    for place, count in enumerate(batches):
        drafts = [make_draft(number + offset) for offset in range(count)]
        t_ms = START_MS + 700 * place
        batch = build_batch(
            tree,
            drafts,
            log_id=1,
            t_ms=t_ms,
            salts=hashlib.shake_128(place.to_bytes(4)).digest(16 * count),
            account_counters=accounts,
            insurer_counters=insurers,
        )
        check_batch(tree, batch)
        kinds, *rest = batch.columns
        rows += [
            (1, batch.first + offset, kind, t_ms, *values)
            for offset, (kind, *values) in enumerate(zip(kinds, *rest, strict=True))
        ]
        tiles |= {(tile.level, tile.n): tile.hashes for tile in batch.tiles}
        accounts |= batch.account_counters
        insurers |= batch.insurer_counters
        tree = batch.tree
        number += count
        note = sign_checkpoint(signer, Checkpoint(signer.name, tree.size, batch.root))
        checkpoints.append(CheckpointRow(tree.size, t_ms, batch.root, note))
    state = LogState(
        log_id=1,
        origin=signer.name,
        vkey=signer.verifier.vkey,
        size=tree.size,
        root=tree.compute_root(),
        t_ms=checkpoints[-1].t_ms,
        last_checkpoint=tree.size,
        edge_size=tree.size,
        edge_hashes=tree.edge,
    )
    return MemoryLog(rows, tiles, checkpoints, state)


BATCHES = st.lists(st.integers(1, 200), min_size=1, max_size=5)


def ignore_counters(differences: list[Difference]) -> list[Difference]:
    return [found for found in differences if found.table != "insurer_counter"]


@settings(max_examples=25)
@given(BATCHES)
def test_a_log_that_nobody_touched_is_sound(batches: list[int]):
    assert ignore_counters(make_log(batches).audit()) == []


@settings(max_examples=40)
@given(BATCHES, st.data())
def test_any_changed_value_of_any_row_is_found_in_that_row_and_nowhere_else(
    batches: list[int], data: st.DataObject
):
    log = make_log(batches)
    index = data.draw(st.integers(0, len(log.rows) - 1))
    column = data.draw(st.sampled_from(Entry._fields[2:]))
    place = Entry._fields.index(column)
    row = list(log.rows[index])
    other = data.draw(KEY if isinstance(row[place], bytes) else st.integers(0, (1 << 15) - 1))
    if other == row[place]:
        return
    row[place] = other
    log.rows[index] = tuple(row)
    found = ignore_counters(log.audit())
    assert [(one.table, dict(one.row)) for one in found] == [("entry", {"idx": index})]
    assert found[0].columns in ((), (column,))


@settings(max_examples=40)
@given(st.lists(st.integers(100, 200), min_size=3, max_size=5), st.data())
def test_any_changed_byte_of_any_tile_is_found_in_that_tile_and_nowhere_else(
    batches: list[int], data: st.DataObject
):
    log = make_log(batches)
    level, n = data.draw(st.sampled_from(sorted(log.tiles)))
    place = data.draw(st.integers(0, 8191))
    tile = bytearray(log.tiles[level, n])
    tile[place] ^= data.draw(st.integers(1, 255))
    log.tiles[level, n] = bytes(tile)
    found = ignore_counters(log.audit())
    assert [(one.table, dict(one.row)) for one in found] == [("tile", {"level": level, "n": n})]


@settings(max_examples=40)
@given(BATCHES, st.data())
def test_any_changed_letter_of_any_note_is_found_in_that_checkpoint(
    batches: list[int], data: st.DataObject
):
    log = make_log(batches)
    which = data.draw(st.integers(0, len(log.checkpoints) - 1))
    row = log.checkpoints[which]
    place = data.draw(st.integers(0, len(row.note) - 1))
    letter = data.draw(st.characters(codec="utf-8").filter(lambda one: one != row.note[place]))
    log.checkpoints[which] = row._replace(note=row.note[:place] + letter + row.note[place + 1 :])
    found = ignore_counters(log.audit())
    assert [(one.table, dict(one.row)) for one in found if one.table != "log"] == [
        ("checkpoint", {"size": row.size})
    ]
