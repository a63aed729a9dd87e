"""A batch of entries, complete before anything is written: numbers, bytes, tiles and new root.

Refuses to change the tree or the counters it starts from: a batch that is not committed leaves no
trace.
"""

import struct
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import count, repeat
from typing import Any, TypeAlias

from rempart.disclosure.entry import NO_KEY, SALT_SIZE, Draft, Kind, compute_leaf_hashes
from rempart.disclosure.session import SessionFacts, commits_to
from rempart.disclosure.tree import Tile, Tree

# The columns of ledger.entry from `kind` to `request_id` but `t_ms`, one sequence for each.
Columns: TypeAlias = tuple[Sequence[Any], ...]


class CorruptBatch(RuntimeError):
    """The bytes about to be stored do not hash to the root about to be stored with them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Consecutive entries of one log and one instant, ready to store.

    Attributes:
        log_id: The log.
        first: Index of the first entry.
        t_ms: Time of all of them, Unix milliseconds.
        columns: Their values, column by column.
        tiles: The tiles they complete.
        tree: The tree after them.
        root: Its root.
        account_counters: The last number of every account they number.
        insurer_counters: The last number of every insurer they number.
    """

    log_id: int
    first: int
    t_ms: int
    columns: Columns
    tiles: Sequence[Tile]
    tree: Tree
    root: bytes
    account_counters: Mapping[int, int]
    insurer_counters: Mapping[int, int]


def build_batch(
    tree: Tree,
    drafts: Sequence[Draft],
    *,
    log_id: int,
    t_ms: int,
    salts: bytes,
    account_counters: Mapping[int, int],
    insurer_counters: Mapping[int, int],
) -> Batch:
    """Give entries their index, numbers and salt, and compute the tree after them.

    Args:
        tree: The tree before them; it is left as it is.
        drafts: At least one, in the order they will have.
        log_id: The log.
        t_ms: Their time: not before that of the entry that precedes them.
        salts: Fresh random bytes, 16 for each draft.
        account_counters: The last number of every account in `drafts`; 0 when it has none yet.
        insurer_counters: The last number of each insurer; one that is missing has none yet.

    Raises:
        ValueError: A value does not fit its column; nothing was changed.
    """
    _check_drafts(drafts, salts)
    accounts: dict[int, int] = {}
    insurers: dict[int, int] = {}
    rows = []
    for place, draft in enumerate(drafts):
        kind, account, session, person, insurer, *rest = draft
        acct_seq = ins_seq = 0
        if account:
            acct_seq = accounts[account] = (accounts.get(account) or account_counters[account]) + 1
        if insurer:
            ins_seq = insurers.get(insurer) or insurer_counters.get(insurer, 0)
            ins_seq = insurers[insurer] = ins_seq + 1
        salt = salts[place * SALT_SIZE : (place + 1) * SALT_SIZE]
        rows.append((kind, salt, account, session, acct_seq, person, insurer, ins_seq, *rest))
    columns = tuple(zip(*rows, strict=True))
    try:
        new_tree, tiles = _grow(tree, columns, log_id=log_id, t_ms=t_ms)
    except struct.error as failure:
        raise ValueError(f"a value does not fit its column: {failure}") from failure
    return Batch(
        log_id=log_id,
        first=tree.size,
        t_ms=t_ms,
        columns=columns,
        tiles=tiles,
        tree=new_tree,
        root=new_tree.compute_root(),
        account_counters=accounts,
        insurer_counters=insurers,
    )


def check_batch(tree: Tree, batch: Batch) -> None:
    """Compute the batch's tree a second time, from the values that will be stored.

    One bit that flips in memory between hashing and storing would make the log unprovable for ever.

    Args:
        tree: The tree before the batch.
        batch: What `build_batch` returned.

    Raises:
        CorruptBatch: The second time gives something else: nothing may be stored.

    Source: the end of the certificate log Yeti 2022 (S31): one flipped bit in one leaf hash.
    """
    again, tiles = _grow(tree, batch.columns, log_id=batch.log_id, t_ms=batch.t_ms)
    if again.compute_root() != batch.root or tiles != batch.tiles or again.size != batch.tree.size:
        raise CorruptBatch(f"entries {batch.first} to {again.size - 1} were hashed to two roots")


def check_sessions(drafts: Sequence[Draft], sessions: Sequence[SessionFacts]) -> None:
    """Check that SESSION drafts and the facts to store with them belong together, in order.

    Raises:
        ValueError: A draft commits to no facts, or facts have no draft.
    """
    openings = [draft for draft in drafts if draft.kind == Kind.SESSION]
    if len(openings) != len(sessions) or not all(map(commits_to, openings, sessions)):
        raise ValueError("each SESSION entry goes with the facts it commits to, in the same order")


def _grow(tree: Tree, columns: Columns, *, log_id: int, t_ms: int) -> tuple[Tree, list[Tile]]:
    kind, *rest = columns
    rows = zip(repeat(log_id), count(tree.size), kind, repeat(t_ms), *rest, strict=False)
    grown = tree.copy()
    tiles = grown.grow(compute_leaf_hashes(rows))
    return grown, tiles


def _check_drafts(drafts: Sequence[Draft], salts: bytes) -> None:
    if not drafts:
        raise ValueError("a batch has at least one entry")
    if len(salts) != SALT_SIZE * len(drafts):
        raise ValueError(f"{len(drafts)} entries need {SALT_SIZE} bytes of salt each")
    for draft in drafts:
        if len(draft.lookup_key) != len(NO_KEY) or len(draft.request_id) != len(NO_KEY):
            raise ValueError("lookup_key and request_id are 16 bytes each")
