"""Proofs about a part of a tree: the public vectors, and what they do not say."""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from rempart.disclosure.proof import ProofRefused
from rempart.disclosure.subtree import verify_subtree_consistency, verify_subtree_inclusion
from rempart.disclosure.tree import compute_node, compute_root

VECTORS = Path(__file__).parents[2] / "data" / "merkle"
LEAVES = [hashlib.sha256(b"leaf %d" % number).digest() for number in range(8)]


def read_vectors(kind: str) -> list[Any]:
    files = sorted((VECTORS / kind).rglob("*.json"))
    return [pytest.param(file, id=str(file.relative_to(VECTORS))) for file in files]


def decode(values: list[str] | None) -> list[bytes]:
    return [base64.b64decode(value) for value in values or []]


def is_accepted(verify: Any, proof: list[bytes], **given: Any) -> bool:
    try:
        verify(proof, **given)
    except ProofRefused:
        return False
    return True


@pytest.mark.parametrize("file", read_vectors("subtreeinclusion"))
def test_a_leaf_of_a_part_is_accepted_or_refused_as_the_public_vectors_say(file: Path):
    vector = json.loads(file.read_text())
    leaf_hash, root = decode([vector["leafHash"] or "", vector["root"] or ""])
    accepted = is_accepted(
        verify_subtree_inclusion,
        decode(vector["proof"]),
        index=vector["leafIdx"],
        start=vector["start"],
        end=vector["end"],
        leaf_hash=leaf_hash,
        root=root,
    )
    assert accepted == (not vector["wantErr"])


@pytest.mark.parametrize("file", read_vectors("subtreeconsistency"))
def test_a_part_of_a_tree_is_accepted_or_refused_as_the_public_vectors_say(file: Path):
    vector = json.loads(file.read_text())
    part_root, root = decode([vector["root1"] or "", vector["root2"] or ""])
    accepted = is_accepted(
        verify_subtree_consistency,
        decode(vector["proof"]),
        start=vector["start"],
        end=vector["end"],
        size=vector["size"],
        part_root=part_root,
        root=root,
    )
    assert accepted == (not vector["wantErr"])


def test_all_518_public_vectors_are_there():
    assert len(list(VECTORS.rglob("*.json"))) == 518
    assert len(read_vectors("subtreeinclusion")) == 204
    assert len(read_vectors("subtreeconsistency")) == 118


@pytest.mark.parametrize(("start", "end"), [(1, 3), (2, 5), (4, 3), (-2, 0), (6, 10)])
def test_a_part_that_no_tree_is_cut_into_is_refused(start: int, end: int):
    root = compute_root(LEAVES)
    assert not is_accepted(
        verify_subtree_consistency, [root], start=start, end=end, size=8, part_root=root, root=root
    )


def test_the_second_half_belongs_to_the_whole_and_not_to_another():
    half = compute_root(LEAVES[4:])
    first = compute_root(LEAVES[:4])
    given = {"start": 4, "end": 8, "size": 8, "part_root": half}
    verify_subtree_consistency([first], **given, root=compute_node(first, half))
    with pytest.raises(ProofRefused, match="other roots"):
        verify_subtree_consistency([first], **given, root=compute_node(half, first))
