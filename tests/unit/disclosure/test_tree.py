"""The tree grows leaf by leaf and says the same as the definition of RFC 6962."""

import hashlib

import pytest

from rempart.disclosure.tree import (
    EMPTY_ROOT,
    Tree,
    compute_perfect_root,
    compute_root,
    full_tiles,
    split_hashes,
    tile_width,
)


def make_leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"leaf %d" % number).digest() for number in range(count)]


def define_root(leaves: list[bytes]) -> bytes:
    """The root, word for word as RFC 6962 section 2.1 defines it."""
    if not leaves:
        return hashlib.sha256(b"").digest()
    if len(leaves) == 1:
        return leaves[0]
    middle = 1
    while middle * 2 < len(leaves):
        middle *= 2
    left, right = define_root(leaves[:middle]), define_root(leaves[middle:])
    return hashlib.sha256(b"\x01" + left + right).digest()


def test_an_empty_tree_has_the_hash_of_nothing():
    assert Tree().compute_root() == EMPTY_ROOT == define_root([])


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5, 7, 8, 100, 255, 256, 257, 511, 512, 1000])
def test_the_root_is_the_one_the_standard_defines(size: int):
    leaves = make_leaves(size)
    assert compute_root(leaves) == define_root(leaves)


def test_leaves_added_one_by_one_or_together_give_one_tree():
    leaves = make_leaves(700)
    together, one_by_one = Tree(), Tree()
    tiles = together.grow(leaves)
    assert tiles == [tile for leaf in leaves for tile in one_by_one.grow([leaf])]
    assert together.compute_root() == one_by_one.compute_root()


def test_a_tile_holds_256_leaf_hashes_and_appears_when_it_is_full():
    leaves = make_leaves(512)
    tree = Tree()
    assert tree.grow(leaves[:255]) == []
    assert [tile[:2] for tile in tree.grow(leaves[255:])] == [(0, 0), (0, 1)]
    assert tree.edge == b""


def test_a_tile_of_the_next_level_holds_the_roots_of_the_tiles_below():
    leaves = make_leaves(65_536)
    tree = Tree()
    tiles = tree.grow(leaves)
    top = tiles[-1]
    assert (top.level, top.n) == (1, 0)
    below = [tile for tile in tiles if tile.level == 0]
    assert split_hashes(top.hashes) == [compute_perfect_root(split_hashes(t.hashes)) for t in below]
    assert compute_perfect_root(split_hashes(top.hashes)) == tree.compute_root()


@pytest.mark.parametrize("size", [0, 1, 255, 256, 300, 65_535, 65_536, 66_600, 131_072 + 257])
def test_a_tree_taken_up_again_continues_as_if_it_had_never_stopped(size: int):
    leaves = make_leaves(size + 300)
    tree = Tree()
    tiles = tree.grow(leaves[:size])
    roots = {
        level: [compute_perfect_root(split_hashes(t.hashes)) for t in tiles if t.level == level]
        for level in (0, 1)
    }
    edges = [split_hashes(tree.edge)]
    edges += [roots[level][full_tiles(size, level + 1) * 256 :] for level in (0, 1)]
    resumed = Tree.resume(size, edges)
    assert resumed.compute_root() == tree.compute_root()
    assert resumed.grow(leaves[size:]) == tree.grow(leaves[size:])
    assert resumed.compute_root() == tree.compute_root() == compute_root(leaves)


def test_a_tree_refuses_to_be_taken_up_from_too_little():
    with pytest.raises(ValueError, match="a tree of 300 leaves has 44 there"):
        Tree.resume(300, [make_leaves(43), make_leaves(1)])
    with pytest.raises(ValueError, match="more than 1 levels"):
        Tree.resume(300, [make_leaves(44)])


def test_a_copy_grows_alone():
    tree = Tree()
    tree.grow(make_leaves(300))
    root, edge = tree.compute_root(), tree.edge
    tree.copy().grow(make_leaves(300))
    assert (tree.size, tree.compute_root(), tree.edge) == (300, root, edge)


def test_the_widths_of_the_standards_example_are_found():
    # C2SP tlog-tiles: a tree of 70,000 leaves.
    assert [full_tiles(70_000, level) for level in range(3)] == [273, 1, 0]
    assert [tile_width(70_000, level) for level in range(3)] == [112, 17, 1]


@pytest.mark.parametrize("count", [0, 3, 255])
def test_only_a_power_of_two_of_hashes_is_a_perfect_subtree(count: int):
    with pytest.raises(ValueError, match="not a perfect subtree"):
        compute_perfect_root(make_leaves(count))


def test_a_cut_hash_is_refused():
    with pytest.raises(ValueError, match="33 bytes"):
        split_hashes(bytes(33))
