"""Strangers that judge proofs: the Go reference, and sigstore's Merkle code."""

import base64
import json
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from sigstore._internal.merkle import verify_merkle_inclusion
from sigstore.errors import VerificationError

from rempart.disclosure.proof import ProofRefused, verify_consistency, verify_inclusion


@dataclass(frozen=True)
class Inclusion:
    """A claim that a leaf is in a tree."""

    proof: tuple[bytes, ...]
    index: int
    size: int
    leaf_hash: bytes
    root: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "inclusion",
            "proof": [encode(one) for one in self.proof],
            "index": self.index,
            "size": self.size,
            "leaf": encode(self.leaf_hash),
            "root": encode(self.root),
        }

    def is_ours(self) -> bool:
        """What our own verifier says."""
        try:
            verify_inclusion(
                self.proof,
                index=self.index,
                size=self.size,
                leaf_hash=self.leaf_hash,
                root=self.root,
            )
        except ProofRefused:
            return False
        return True

    def mutants(self) -> list["Inclusion"]:
        """Claims near this one that are all false."""
        proof = self.proof
        far = [self.size * 2 + 1, self.index] if self.size > 1 else [self.index]
        return [
            *(replace(self, proof=changed) for changed in mutate_proof(proof)),
            *(replace(self, index=index) for index in (self.index ^ 1, self.index + self.size, -1)),
            *(replace(self, size=size) for size in far),
            replace(self, root=flip(self.root, self.index)),
            replace(self, leaf_hash=flip(self.leaf_hash, self.index)),
            replace(self, leaf_hash=self.root, root=self.leaf_hash),
        ]


@dataclass(frozen=True)
class Consistency:
    """A claim that one tree is the beginning of another."""

    proof: tuple[bytes, ...]
    old_size: int
    size: int
    old_root: bytes
    root: bytes

    def to_json(self) -> dict[str, Any]:
        return {
            "kind": "consistency",
            "proof": [encode(one) for one in self.proof],
            "old_size": self.old_size,
            "size": self.size,
            "old_root": encode(self.old_root),
            "root": encode(self.root),
        }

    def is_ours(self) -> bool:
        """What our own verifier says."""
        try:
            verify_consistency(
                self.proof,
                old_size=self.old_size,
                new_size=self.size,
                old_root=self.old_root,
                new_root=self.root,
            )
        except ProofRefused:
            return False
        return True

    def mutants(self) -> list["Consistency"]:
        """Claims near this one that are all false."""
        return [
            *(replace(self, proof=changed) for changed in mutate_proof(self.proof)),
            *(replace(self, old_size=old) for old in (self.old_size - 1, self.old_size + 1, 0)),
            *(replace(self, size=size) for size in (self.size * 2 + 1, self.old_size - 1)),
            replace(self, old_root=flip(self.old_root, self.old_size)),
            replace(self, root=flip(self.root, self.old_size)),
            replace(self, old_root=self.root, root=self.old_root),
        ]


class GoJudge:
    """The Go program, asked many cases at once."""

    def __init__(self, program: Path) -> None:
        self._program = program

    def accepts(self, cases: Sequence[dict[str, Any]]) -> list[bool]:
        """Return what the reference says of each case."""
        return [answer == "ok" for answer in self.explain(cases)]

    def explain(self, cases: Sequence[dict[str, Any]]) -> list[str]:
        """Return the reference's words about each case."""
        asked = "".join(json.dumps(case) + "\n" for case in cases)
        answered = subprocess.run(
            [str(self._program)], input=asked, capture_output=True, text=True, check=True
        )
        answers = answered.stdout.splitlines()
        assert len(answers) == len(cases), answered.stderr
        return answers


def sigstore_accepts(claim: Inclusion, leaf: bytes) -> bool:
    """Ask sigstore's verifier, which hashes the leaf itself."""
    given = SimpleNamespace(
        log_index=claim.index,
        tree_size=claim.size,
        hashes=list(claim.proof),
        root_hash=claim.root,
    )
    inner = SimpleNamespace(inclusion_proof=given, canonicalized_body=leaf)
    try:
        verify_merkle_inclusion(SimpleNamespace(_inner=inner))
    except VerificationError:
        return False
    return True


def mutate_proof(proof: tuple[bytes, ...]) -> list[tuple[bytes, ...]]:
    """Flip, drop, add and swap hashes."""
    changed = [(*proof, bytes(32)), (bytes(32), *proof)]
    for place, one in enumerate(proof):
        changed.append((*proof[:place], flip(one, place), *proof[place + 1 :]))
        changed.append((*proof[:place], *proof[place + 1 :]))
        changed.append((*proof[:place], one, *proof[place:]))
    for place in range(len(proof) - 1):
        pair = (proof[place + 1], proof[place])
        changed.append((*proof[:place], *pair, *proof[place + 2 :]))
    return changed


def flip(value: bytes, seed: int) -> bytes:
    """Flip one bit."""
    bit = seed * 37 % (8 * len(value))
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def encode(value: bytes) -> str:
    return base64.b64encode(value).decode()
