"""Inclusion and consistency proofs: the public vectors, and proofs of our own tiles."""

import base64
import hashlib
import json
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from rempart.disclosure.proof import (
    ProofRefused,
    make_node_reader,
    prove_consistency,
    prove_inclusion,
    verify_consistency,
    verify_inclusion,
)
from rempart.disclosure.tree import Tree, compute_root

VECTORS = Path(__file__).parents[2] / "data" / "merkle"


def read_vectors(kind: str) -> list[Any]:
    files = sorted((VECTORS / kind).rglob("*.json"))
    return [pytest.param(file, id=str(file.relative_to(VECTORS))) for file in files]


def decode(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or []]


@pytest.mark.parametrize("file", read_vectors("inclusion"))
def test_inclusion_proofs_of_the_public_vectors_are_accepted_or_refused_as_they_say(file: Path):
    vector = json.loads(file.read_text())
    leaf_hash, root = decode([vector["leafHash"] or "", vector["root"] or ""])

    def verify() -> None:
        verify_inclusion(
            decode(vector["proof"]),
            index=vector["leafIdx"],
            size=vector["treeSize"],
            leaf_hash=leaf_hash,
            root=root,
        )

    if vector["wantErr"]:
        with pytest.raises(ProofRefused):
            verify()
    else:
        verify()


@pytest.mark.parametrize("file", read_vectors("consistency"))
def test_consistency_proofs_of_the_public_vectors_are_accepted_or_refused_as_they_say(file: Path):
    vector = json.loads(file.read_text())
    old_root, new_root = decode([vector["root1"] or "", vector["root2"] or ""])

    def verify() -> None:
        verify_consistency(
            decode(vector["proof"]),
            old_size=vector["size1"],
            new_size=vector["size2"],
            old_root=old_root,
            new_root=new_root,
        )

    if vector["wantErr"]:
        with pytest.raises(ProofRefused):
            verify()
    else:
        verify()


def test_the_public_vectors_are_all_there():
    assert len(read_vectors("inclusion")) == 98
    assert len(read_vectors("consistency")) == 98


def make_leaves(count: int) -> list[bytes]:
    return [hashlib.sha256(b"leaf %d" % number).digest() for number in range(count)]


class Shelf:
    """Full tiles of a tree, and the unfinished tile of level 0, as the database keeps them."""

    def __init__(self, leaves: list[bytes]) -> None:
        tree = Tree()
        self.tiles = {(tile.level, tile.n): tile.hashes for tile in tree.grow(leaves)}
        self.tiles[0, len(leaves) // 256] = tree.edge
        self.root = tree.compute_root()
        self.read_node = make_node_reader(len(leaves), lambda level, n: self.tiles[level, n])


@pytest.mark.parametrize("size", [1, 2, 3, 255, 256, 257, 511, 700, 65_536, 66_000])
def test_every_leaf_is_proven_from_tiles(size: int):
    leaves = make_leaves(size)
    shelf = Shelf(leaves)
    for index in {0, 1, size // 3, size // 2, size - 2, size - 1} & set(range(size)):
        proof = prove_inclusion(index, size, shelf.read_node)
        verify_inclusion(proof, index=index, size=size, leaf_hash=leaves[index], root=shelf.root)
        for other in {index + 1, index - 1} & set(range(size)):
            with pytest.raises(ProofRefused):
                verify_inclusion(
                    proof, index=other, size=size, leaf_hash=leaves[index], root=shelf.root
                )


def test_every_older_size_is_proven_to_be_the_beginning():
    leaves = make_leaves(600)
    shelf = Shelf(leaves)
    sizes = [1, 2, 3, 128, 255, 256, 257, 511, 512, 513, 599, 600]
    for old_size, next_size in pairwise(sizes):
        proof = prove_consistency(old_size, 600, shelf.read_node)
        roots = {"old_root": compute_root(leaves[:old_size]), "new_root": shelf.root}
        verify_consistency(proof, old_size=old_size, new_size=600, **roots)
        with pytest.raises(ProofRefused):
            verify_consistency(proof, old_size=next_size, new_size=600, **roots)


def test_a_tree_that_was_rewritten_is_not_consistent_with_what_was_signed():
    leaves = make_leaves(600)
    signed = compute_root(leaves[:300])
    leaves[7] = bytes(32)
    rewritten = Shelf(leaves)
    proof = prove_consistency(300, 600, rewritten.read_node)
    with pytest.raises(ProofRefused, match="other roots"):
        verify_consistency(
            proof, old_size=300, new_size=600, old_root=signed, new_root=rewritten.root
        )


@pytest.mark.parametrize("index", [-1, 5])
def test_a_leaf_that_does_not_exist_has_no_proof(index: int):
    with pytest.raises(ValueError, match="no leaf"):
        prove_inclusion(index, 5, Shelf(make_leaves(5)).read_node)


@pytest.mark.parametrize("old_size", [0, 6])
def test_an_older_size_that_is_not_one_has_no_proof(old_size: int):
    with pytest.raises(ValueError, match="no consistency proof"):
        prove_consistency(old_size, 5, Shelf(make_leaves(5)).read_node)
