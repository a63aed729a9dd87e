"""Inclusion and consistency proofs: made from tiles, checked from nothing but hashes.

Refuses to trust a size that comes with a proof: the caller takes it from a signed checkpoint.

Source: RFC 6962 section 2.1; RFC 9162 sections 2.1.3.2 and 2.1.4.2 (S12; the same tree).
"""

from collections.abc import Callable, Sequence
from typing import TypeAlias

from rempart.disclosure.tree import (
    HASH_SIZE,
    TILE_HEIGHT,
    TILE_WIDTH,
    compute_node,
    compute_perfect_root,
    full_tiles,
    split_hashes,
)

# read_node(level, n) gives the hash over leaves [n << level, (n + 1) << level).
ReadNode: TypeAlias = Callable[[int, int], bytes]
# read_tile(level, n) gives the hashes of a tile end to end, as many as the tree has there.
ReadTile: TypeAlias = Callable[[int, int], bytes]


class ProofRefused(ValueError):
    """A proof does not prove what it was given for."""


def make_node_reader(size: int, read_tile: ReadTile) -> ReadNode:
    """Return a reader of tree nodes on top of a reader of tiles.

    Args:
        size: Number of leaves of the tree the nodes are read from.
        read_tile: Asked only for full tiles, and for the unfinished tile of level 0.
    """

    def read_node(level: int, n: int) -> bytes:
        tile_level, height = divmod(level, TILE_HEIGHT)
        first = n << height
        tile_n, start = divmod(first, TILE_WIDTH)
        if tile_level == 0 or tile_n < full_tiles(size, tile_level):
            hashes = split_hashes(read_tile(tile_level, tile_n))
            return compute_perfect_root(hashes[start : start + (1 << height)])
        # The tile above is unfinished and not kept: each of its hashes is the root of a full tile.
        return compute_perfect_root(
            [
                compute_perfect_root(split_hashes(read_tile(tile_level - 1, below)))
                for below in range(first, first + (1 << height))
            ]
        )

    return read_node


def _read_range(start: int, stop: int, read_node: ReadNode) -> bytes:
    """Return the root over leaves [start, stop), where start is aligned as RFC 6962 splits."""
    nodes: list[bytes] = []
    while start < stop:
        level = (stop - start).bit_length() - 1
        nodes.append(read_node(level, start >> level))
        start += 1 << level
    root = nodes.pop()
    while nodes:
        root = compute_node(nodes.pop(), root)
    return root


def _split(start: int, stop: int) -> int:
    """Return where RFC 6962 cuts leaves [start, stop): after the largest power of two below."""
    return start + (1 << ((stop - start - 1).bit_length() - 1))


def prove_inclusion(index: int, size: int, read_node: ReadNode) -> list[bytes]:
    """Return the proof that leaf `index` is in the tree of `size` leaves, leaf side first.

    Raises:
        ValueError: The tree has no such leaf.
    """
    if not 0 <= index < size:
        raise ValueError(f"a tree of {size} leaves has no leaf {index}")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = _split(start, stop)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return [_read_range(*bounds, read_node) for bounds in reversed(ranges)]


def prove_consistency(old_size: int, new_size: int, read_node: ReadNode) -> list[bytes]:
    """Return the proof that the tree of `old_size` leaves is the beginning of the newer one.

    Raises:
        ValueError: The sizes are not 0 < old_size <= new_size.
    """
    if not 0 < old_size <= new_size:
        raise ValueError(f"no consistency proof leads from size {old_size} to {new_size}")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, new_size
    while stop != old_size:
        middle = _split(start, stop)
        if old_size <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    if start:
        # The old tree is not a subtree of the new one: its last part comes first.
        ranges.append((start, stop))
    return [_read_range(*bounds, read_node) for bounds in reversed(ranges)]


def verify_inclusion(
    proof: Sequence[bytes], *, index: int, size: int, leaf_hash: bytes, root: bytes
) -> None:
    """Check that a leaf is at `index` of the tree of `size` leaves under `root`.

    Raises:
        ProofRefused: It is not shown to be there.
    """
    _check_hashes([*proof, leaf_hash, root])
    if not 0 <= index < size:
        raise ProofRefused(f"a tree of {size} leaves has no leaf {index}")
    place, last = index, size - 1
    node = leaf_hash
    for sibling in proof:
        if last == 0:
            raise ProofRefused("the proof is longer than the tree is high")
        if place & 1 or place == last:
            node = compute_node(sibling, node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            node = compute_node(node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofRefused("the proof is shorter than the tree is high")
    if node != root:
        raise ProofRefused("the proof leads to another root")


def verify_consistency(
    proof: Sequence[bytes], *, old_size: int, new_size: int, old_root: bytes, new_root: bytes
) -> None:
    """Check that the tree under `old_root` is the beginning of the tree under `new_root`.

    Raises:
        ProofRefused: It is not shown to be. An empty old tree is refused: it proves nothing.
    """
    if not 0 < old_size <= new_size:
        raise ProofRefused(f"a tree of {new_size} leaves does not follow one of {old_size}")
    if old_size == new_size:
        if proof or old_root != new_root:
            raise ProofRefused("two trees of one size must have one root and need no proof")
        return
    _check_hashes([*proof, old_root, new_root])
    if not proof:
        raise ProofRefused("an empty proof shows nothing")
    path = list(proof) if old_size & (old_size - 1) else [old_root, *proof]
    place, last = old_size - 1, new_size - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    old_node = new_node = path[0]
    for sibling in path[1:]:
        if last == 0:
            raise ProofRefused("the proof is longer than the tree is high")
        if place & 1 or place == last:
            old_node = compute_node(sibling, old_node)
            new_node = compute_node(sibling, new_node)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            new_node = compute_node(new_node, sibling)
        place, last = place >> 1, last >> 1
    if last:
        raise ProofRefused("the proof is shorter than the tree is high")
    if old_node != old_root or new_node != new_root:
        raise ProofRefused("the proof leads to other roots")


def _check_hashes(hashes: Sequence[bytes]) -> None:
    """Refuse a hash that is not 32 bytes.

    Raises:
        ProofRefused: One has another length.
    """
    for value in hashes:
        if len(value) != HASH_SIZE:
            raise ProofRefused(f"a hash is {HASH_SIZE} bytes, not {len(value)}")
