"""Proofs about a part of a tree: that it holds a leaf, and that the tree holds it.

A sealed segment is such a part: its root ties a file of rows to a checkpoint. Refuses a part that
is not where the tree would cut one.

Source: draft-ietf-plants-merkle-tree-certs-03 sections 4.1 to 4.4 (S12).
"""

from collections.abc import Sequence

from rempart.disclosure.proof import ProofRefused, check_hashes, verify_inclusion
from rempart.disclosure.tree import EMPTY_ROOT, compute_node


def verify_subtree_inclusion(
    proof: Sequence[bytes], *, index: int, start: int, end: int, leaf_hash: bytes, root: bytes
) -> None:
    """Check that leaf `index` of the log is in the part [start, end) under the part's root.

    Raises:
        ProofRefused: It is not shown to be there, or the part is not one a tree has.
    """
    _check_subtree(start, end)
    if index < start:
        raise ProofRefused("the leaf lies before the part")
    verify_inclusion(proof, index=index - start, size=end - start, leaf_hash=leaf_hash, root=root)


def verify_subtree_consistency(
    proof: Sequence[bytes], *, start: int, end: int, size: int, part_root: bytes, root: bytes
) -> None:
    """Check that the part [start, end) under `part_root` belongs to the tree under `root`.

    Args:
        proof: Hashes from the part's side to the root's.
        start: First leaf of the part.
        end: After its last leaf.
        size: Leaves of the whole tree.
        part_root: RFC 6962 root over the part.
        root: Root of the whole tree.

    Raises:
        ProofRefused: It is not shown to belong there. An empty part belongs everywhere.
    """
    _check_subtree(start, end)
    if end > size:
        raise ProofRefused("the part ends beyond the tree")
    if start == end:
        if proof or part_root != EMPTY_ROOT:
            raise ProofRefused("an empty part has the root of nothing and needs no proof")
        return
    if (start, end) == (0, size):
        if proof or part_root != root:
            raise ProofRefused("the whole tree is itself and needs no proof")
        return
    check_hashes([*proof, part_root, root])
    reached = _climb(proof, part_root, start=start, end=end, size=size)
    if reached != (part_root, root):
        raise ProofRefused("the proof leads to other roots")


def _climb(
    proof: Sequence[bytes], part_root: bytes, *, start: int, end: int, size: int
) -> tuple[bytes, bytes]:
    """Return the roots of the part and of the tree that a proof leads to."""
    first, last, tree_last = start, end - 1, size - 1
    # Up to the largest perfect subtree at the part's right end: the proof starts there.
    while first != last and (last == tree_last or last & 1):
        first, last, tree_last = first >> 1, last >> 1, tree_last >> 1
    # That subtree is the part itself, or its root comes first.
    path = [part_root, *proof] if first == last else proof
    if not path:
        raise ProofRefused("an empty proof shows nothing")
    part_node = node = path[0]
    for sibling in path[1:]:
        if tree_last == 0:
            raise ProofRefused("the proof is longer than the tree is high")
        if last & 1 or last == tree_last:
            if first < last:
                part_node = compute_node(sibling, part_node)
            node = compute_node(sibling, node)
            while last and not last & 1:
                first, last, tree_last = first >> 1, last >> 1, tree_last >> 1
        else:
            node = compute_node(node, sibling)
        first, last, tree_last = first >> 1, last >> 1, tree_last >> 1
    if tree_last:
        raise ProofRefused("the proof is shorter than the tree is high")
    return part_node, node


def _check_subtree(start: int, end: int) -> None:
    """Refuse a part that is not aligned on the power of two that holds it."""
    if not 0 <= start <= end:
        raise ProofRefused("the part ends before it starts")
    if start & ((1 << (end - start - 1).bit_length()) - 1 if end > start else 0):
        raise ProofRefused("a tree is not cut there")
