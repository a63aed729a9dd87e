"""I7: code that is not ours accepts every proof, note and cosignature, and refuses every mutant.

The judges are the Go reference of transparency logs and sigstore's verifier. Beside each promise
stands the mutation of our own code that must make it fail.
"""

import base64
import json
import random
from pathlib import Path
from typing import Any

import pytest
from tests.foreign.conftest import SIZES, ForeignLog
from tests.foreign.judges import Consistency, GoJudge, Inclusion, flip, sigstore_accepts
from tests.ledger_samples import make_signer
from tests.witness_samples import ONE, TWO

from rempart.disclosure import proof as proof_module
from rempart.disclosure.note import parse_note
from rempart.disclosure.proof import prove_consistency, prove_inclusion
from rempart.disclosure.publishing import TileAddress, format_tile_path
from rempart.disclosure.tree import compute_node

VECTORS = Path(__file__).parents[1] / "data" / "merkle"
VKEY = make_signer().verifier.vkey


def claim_inclusion(log: ForeignLog, index: int) -> Inclusion:
    proof = prove_inclusion(index, log.size, log.read_node)
    return Inclusion(tuple(proof), index, log.size, log.leaf_hashes[index], log.roots[log.size])


def claim_consistency(log: ForeignLog, old_size: int) -> Consistency:
    proof = prove_consistency(old_size, log.size, log.read_node)
    roots = log.roots
    return Consistency(tuple(proof), old_size, log.size, roots[old_size], roots[log.size])


def choose_indexes(log: ForeignLog, count: int) -> list[int]:
    edges = {0, 1, 255, 256, 65_535, 65_536, log.size - 1}
    return sorted(edges | set(random.Random(7).sample(range(log.size), count)))


def test_every_inclusion_proof_is_accepted_and_every_mutant_refused(
    go: GoJudge, foreign_log: ForeignLog
):
    claims = [claim_inclusion(foreign_log, index) for index in choose_indexes(foreign_log, 700)]
    assert go.accepts([claim.to_json() for claim in claims]) == [True] * len(claims)
    mutants = [mutant for claim in claims[::20] for mutant in claim.mutants()]
    assert len(mutants) > 1000
    verdicts = go.accepts([mutant.to_json() for mutant in mutants])
    assert not any(verdicts)
    assert not any(mutant.is_ours() for mutant in mutants)


def test_every_consistency_proof_is_accepted_and_every_mutant_refused(
    go: GoJudge, foreign_log: ForeignLog
):
    claims = [claim_consistency(foreign_log, size) for size in SIZES]
    assert go.accepts([claim.to_json() for claim in claims]) == [True] * len(claims)
    mutants = [mutant for claim in claims[:-1] for mutant in claim.mutants()]
    assert len(mutants) > 300
    assert not any(go.accepts([mutant.to_json() for mutant in mutants]))
    assert not any(mutant.is_ours() for mutant in mutants)


def test_our_verifier_and_the_reference_agree_on_any_claim(go: GoJudge, foreign_log: ForeignLog):
    """Claims made at random, true and false: the two never disagree."""
    chance = random.Random(11)
    claims: list[Inclusion] = []
    for index in choose_indexes(foreign_log, 100):
        true = claim_inclusion(foreign_log, index)
        for _ in range(5):
            size = chance.choice([true.size, chance.randrange(1, 100_000)])
            other = chance.choice([index, chance.randrange(size)])
            cut = chance.randrange(len(true.proof) + 1)
            proof = chance.choice([true.proof, true.proof[:cut]])
            claims.append(Inclusion(proof, other, size, true.leaf_hash, true.root))
    verdicts = go.accepts([claim.to_json() for claim in claims])
    assert verdicts == [claim.is_ours() for claim in claims]
    assert {True, False} <= set(verdicts)


def test_sigstore_accepts_every_inclusion_proof_and_refuses_every_mutant(foreign_log: ForeignLog):
    claims = [claim_inclusion(foreign_log, index) for index in foreign_log.leaves]
    assert len(claims) >= 500
    for claim in claims:
        assert sigstore_accepts(claim, foreign_log.leaves[claim.index])
    for claim in claims[::20]:
        leaf = foreign_log.leaves[claim.index]
        assert not sigstore_accepts(claim, flip(leaf, claim.index))
        for mutant in claim.mutants():
            if mutant.leaf_hash == claim.leaf_hash and mutant.index >= 0:
                assert not sigstore_accepts(mutant, leaf)


@pytest.mark.parametrize("judge", ["go", "sigstore"])
def test_mutation_proofs_of_a_tree_hashed_otherwise_are_refused(
    go: GoJudge, foreign_log: ForeignLog, monkeypatch: pytest.MonkeyPatch, judge: str
):
    """Our prover and our verifier agree with each other, and with nobody else."""
    monkeypatch.setattr(proof_module, "compute_node", lambda left, right: compute_node(right, left))
    claim = claim_inclusion(foreign_log, 700 if judge == "go" else sorted(foreign_log.leaves)[7])
    if judge == "go":
        assert go.accepts([claim.to_json()]) == [claim.is_ours()] == [False]
    else:
        assert not sigstore_accepts(claim, foreign_log.leaves[claim.index])


def ask_note(note: str, vkey: str = VKEY, kind: str = "note") -> dict[str, Any]:
    return {"kind": kind, "note": note, "vkey": vkey}


def spoil(note: str) -> list[str]:
    """Change each character of a note, where that changes what is said."""
    changed = []
    for place, letter in enumerate(note):
        other = note[:place] + chr(ord(letter) ^ 1) + note[place + 1 :]
        if letter.isascii() and read_signature(other) != read_signature(note):
            changed.append(other)
    return [*changed, note[:-1], note + "\n", note + "x", note.replace("\n\n", "\n"), ""]


def read_signature(note: str) -> object:
    """What a decoder that forgives stray bits at the end of base64 would read."""
    text, _, lines = note.partition("\n\n")
    try:
        return (
            text,
            [base64.b64decode(line.split(" ")[2]) for line in lines.splitlines()],
            lines[:9],
        )
    except (IndexError, ValueError):
        return note


def test_every_checkpoint_is_accepted_and_every_changed_character_refused(
    go: GoJudge, foreign_log: ForeignLog
):
    notes = list(foreign_log.notes.values())
    assert len(notes) == len(SIZES)
    assert go.accepts([ask_note(note) for note in notes]) == [True] * len(notes)
    mutants = [mutant for note in notes[:4] for mutant in spoil(note)]
    assert len(mutants) > 500
    assert not any(go.accepts([ask_note(mutant) for mutant in mutants]))
    other = make_signer(2).verifier.vkey
    stranger = "+".join([VKEY.split("+")[0], *other.split("+")[1:]])
    assert not any(go.accepts([ask_note(note, key) for note in notes for key in (other, stranger)]))


def test_every_cosignature_is_accepted_and_every_changed_byte_refused(
    go: GoJudge, foreign_log: ForeignLog
):
    note = foreign_log.notes[SIZES[-1]]
    text = parse_note(note).text
    line = ONE.cosign(text, time_s=1_700_000_000)
    key = ONE.verifier.vkey
    assert go.accepts([ask_note(note + line, key, "cosignature")]) == [True]
    assert go.accepts([ask_note(note + line)]) == [True]  # the log's own is still good
    name, encoded = line.removeprefix("— ").split()
    value = base64.b64decode(encoded)
    mutants = [
        note + f"— {name} {base64.b64encode(flip_at(value, bit)).decode()}\n"
        for bit in range(0, 8 * len(value), 2)
    ]
    elsewhere = foreign_log.notes[SIZES[0]] + line
    moved = TWO.cosign(text, time_s=5).replace(TWO.verifier.name, name)
    mutants += [elsewhere, note, note + moved]
    assert len(mutants) > 300
    assert not any(go.accepts([ask_note(mutant, key, "cosignature") for mutant in mutants]))
    assert go.accepts([ask_note(note + line, TWO.verifier.vkey, "cosignature")]) == [False]


def flip_at(value: bytes, bit: int) -> bytes:
    changed = bytearray(value)
    changed[bit // 8] ^= 1 << bit % 8
    return bytes(changed)


def test_the_reference_reads_the_published_tiles_and_proves_from_them(
    go: GoJudge, published_url: str
):
    indexes = [0, 255, 256, 511, 65_534, 65_535, 65_536, 69_999, 70_000]
    case = {"kind": "tiles", "url": published_url, "vkey": VKEY, "indexes": indexes}
    assert go.explain([case]) == ["ok"]


def test_mutation_one_changed_byte_of_one_tile_is_refused(
    go: GoJudge, published_url: str, foreign_log: ForeignLog
):
    case = {"kind": "tiles", "url": published_url, "vkey": VKEY, "indexes": [3]}
    change = (
        "UPDATE ledger.tile SET hashes = set_byte(hashes, 99, get_byte(hashes, 99) # 1)"
        " WHERE level = 0 AND n = 0"
    )
    with foreign_log.database.transaction("owner") as tx:
        tx.execute(change)
    [refusal] = go.explain([case])
    with foreign_log.database.transaction("owner") as tx:
        tx.execute(change)
    assert refusal.startswith("refused")
    assert go.explain([case]) == ["ok"]


def test_the_addresses_of_tiles_are_written_as_the_reference_writes_them(go: GoJudge):
    chance = random.Random(3)
    tiles = [
        TileAddress(chance.randrange(6), chance.randrange(10**power), chance.randrange(1, 257))
        for power in (1, 3, 4, 6, 9, 12)
        for _ in range(40)
    ]
    cases = [{"kind": "path", "path": format_tile_path(tile)} for tile in tiles]
    assert go.accepts(cases) == [True] * len(tiles)


def read_vectors(kind: str) -> list[dict[str, Any]]:
    return [json.loads(file.read_text()) for file in sorted((VECTORS / kind).rglob("*.json"))]


def test_the_public_vectors_are_judged_alike_by_the_reference(go: GoJudge):
    """Those about whole trees; the reference knows nothing of parts of a tree.

    The reference is stricter on one point, which is counted: it wants hashes of 32 bytes even where
    a vector's equal sizes make them irrelevant.
    """
    inclusion = [
        {
            "kind": "inclusion",
            "proof": vector["proof"] or [],
            "index": vector["leafIdx"],
            "size": vector["treeSize"],
            "root": vector["root"] or "",
            "leaf": vector["leafHash"] or "",
        }
        for vector in read_vectors("inclusion")
    ]
    consistency = [
        {
            "kind": "consistency",
            "proof": vector["proof"] or [],
            "old_size": vector["size1"],
            "size": vector["size2"],
            "old_root": vector["root1"] or "",
            "root": vector["root2"] or "",
        }
        for vector in read_vectors("consistency")
    ]
    wanted = [not v["wantErr"] for v in (*read_vectors("inclusion"), *read_vectors("consistency"))]
    verdicts = go.accepts([*inclusion, *consistency])
    assert len(verdicts) == 196
    different = [(w, v) for w, v in zip(wanted, verdicts, strict=True) if w != v]
    assert all(want and not verdict for want, verdict in different)
    assert len(different) <= 1
