"""The RFC 6962 Merkle tree as it grows, and its C2SP tiles.

Refuses to keep leaves: a tree is its size and its right edge, a few kilobytes whatever the size.

Source: RFC 6962 section 2.1 (S12); C2SP tlog-tiles (S13).
"""

import hashlib
from collections.abc import Iterable, Sequence
from typing import NamedTuple, Self

HASH_SIZE = 32
TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT
NODE_PREFIX = b"\x01"
EMPTY_ROOT = hashlib.sha256(b"").digest()


class Tile(NamedTuple):
    """256 consecutive hashes of one tile level: written once, never again.

    Attributes:
        level: 0 holds leaf hashes; a hash of level `l` covers 256**l leaves.
        n: Place of the tile in its level, from 0.
        hashes: 256 hashes end to end: 8,192 bytes.
    """

    level: int
    n: int
    hashes: bytes


def compute_node(left: bytes, right: bytes) -> bytes:
    """Return the hash of an inner node."""
    return hashlib.sha256(NODE_PREFIX + left + right).digest()


def compute_perfect_root(hashes: Sequence[bytes]) -> bytes:
    """Return the root over a power of two of hashes.

    Raises:
        ValueError: The number of hashes is not a power of two.
    """
    if len(hashes) == 0 or len(hashes) & (len(hashes) - 1):
        raise ValueError(f"{len(hashes)} hashes are not a perfect subtree")
    level = hashes
    while len(level) > 1:
        level = [compute_node(level[i], level[i + 1]) for i in range(0, len(level), 2)]
    return level[0]


def split_hashes(joined: bytes) -> list[bytes]:
    """Cut hashes that lie end to end.

    Raises:
        ValueError: The length is not a whole number of hashes.
    """
    if len(joined) % HASH_SIZE:
        raise ValueError(f"{len(joined)} bytes are not a whole number of hashes")
    return [joined[i : i + HASH_SIZE] for i in range(0, len(joined), HASH_SIZE)]


def compute_root(leaf_hashes: Iterable[bytes]) -> bytes:
    """Return the RFC 6962 root over all the leaf hashes of a tree."""
    tree = Tree()
    tree.grow(leaf_hashes)
    return tree.compute_root()


def tile_width(size: int, level: int) -> int:
    """Return how many hashes the unfinished tile of a level holds in a tree of `size` leaves."""
    return (size >> (TILE_HEIGHT * level)) % TILE_WIDTH


def full_tiles(size: int, level: int) -> int:
    """Return how many full tiles a level has in a tree of `size` leaves."""
    return size >> (TILE_HEIGHT * (level + 1))


class Tree:
    """A growing tree: its size, its frontier and its unfinished tiles.

    `_frontier` holds the roots of the perfect subtrees the size is made of, largest first.
    `_edges[level]` holds the hashes of the unfinished tile of each tile level.
    """

    __slots__ = ("_edges", "_frontier", "size")

    def __init__(self) -> None:
        self.size = 0
        self._frontier: list[bytes] = []
        self._edges: list[list[bytes]] = [[]]

    @classmethod
    def resume(cls, size: int, edges: Sequence[Sequence[bytes]]) -> Self:
        """Take a tree up again from its unfinished tiles.

        Args:
            size: Number of leaves.
            edges: For each tile level from 0, the hashes after its last full tile; as many levels
                as the size needs.

        Raises:
            ValueError: An edge does not have the width that the size demands.
        """
        if size >> (TILE_HEIGHT * len(edges)):
            raise ValueError(f"a tree of {size} leaves needs more than {len(edges)} levels")
        for level, edge in enumerate(edges):
            if len(edge) != tile_width(size, level):
                raise ValueError(
                    f"the edge of level {level} holds {len(edge)} hashes; "
                    f"a tree of {size} leaves has {tile_width(size, level)} there"
                )
        frontier: list[bytes] = []
        for edge in reversed(edges):
            start = 0
            for bit in reversed(range(TILE_HEIGHT)):
                width = 1 << bit
                if len(edge) & width:
                    frontier.append(compute_perfect_root(edge[start : start + width]))
                    start += width
        return cls._assemble(size, frontier, [list(edge) for edge in edges] or [[]])

    def copy(self) -> Self:
        """Return an independent tree: growing one leaves the other alone."""
        return self._assemble(
            self.size, self._frontier.copy(), [edge.copy() for edge in self._edges]
        )

    @classmethod
    def _assemble(cls, size: int, frontier: list[bytes], edges: list[list[bytes]]) -> Self:
        tree = cls()
        tree.size, tree._frontier, tree._edges = size, frontier, edges
        return tree

    @property
    def edge(self) -> bytes:
        """The hashes of the unfinished tile of level 0, end to end."""
        return b"".join(self._edges[0])

    def grow(self, leaf_hashes: Iterable[bytes]) -> list[Tile]:
        """Append leaves.

        Args:
            leaf_hashes: Leaf hashes in order of index.

        Returns:
            The tiles that became full, in the order they did: a tile of one level comes before the
            tile above it that holds its root.
        """
        sha256 = hashlib.sha256
        frontier, edge = self._frontier, self._edges[0]
        size = self.size
        tiles: list[Tile] = []
        for leaf_hash in leaf_hashes:
            edge.append(leaf_hash)
            node = tile_root = leaf_hash
            rest, height = size, 0
            while rest & 1:
                node = sha256(NODE_PREFIX + frontier.pop() + node).digest()
                rest >>= 1
                height += 1
                if height == TILE_HEIGHT:
                    tile_root = node
            frontier.append(node)
            size += 1
            if height >= TILE_HEIGHT:
                tiles += self._close_tiles(size, tile_root)
        self.size = size
        return tiles

    def _close_tiles(self, size: int, root: bytes) -> Iterable[Tile]:
        """Empty the edges that are full at `size` and hand their roots to the level above.

        `root` is that of the full edge of level 0, met while its last leaf was added.
        """
        for level, edge in enumerate(self._edges):
            if len(edge) < TILE_WIDTH:
                return
            yield Tile(level, full_tiles(size, level) - 1, b"".join(edge))
            if level + 1 == len(self._edges):
                self._edges.append([])
            self._edges[level + 1].append(compute_perfect_root(edge) if level else root)
            edge.clear()

    def compute_root(self) -> bytes:
        """Return the root at the present size."""
        if not self._frontier:
            return EMPTY_ROOT
        nodes = reversed(self._frontier)
        root = next(nodes)
        for node in nodes:
            root = compute_node(node, root)
        return root
