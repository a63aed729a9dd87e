"""The proof that a log only grew between two checkpoints, as a text that anybody can check.

Refuses a pair of checkpoints of two logs. There is no C2SP text for this: the lines are those of
the request that asks a witness to sign (tlog-witness), with the earlier checkpoint after them.
"""

import base64
from collections.abc import Sequence
from typing import NamedTuple

from rempart.disclosure.checkpoint import Checkpoint
from rempart.disclosure.note import Note
from rempart.disclosure.proof import ProofRefused, verify_consistency
from rempart.disclosure.proof_file import (
    MAX_HASHES,
    Disagreement,
    EvidenceRefused,
    parse_hash,
    parse_number,
    read_signed,
)

HEADER = "rempart/consistency-proof@v1"


class ConsistencyFile(NamedTuple):
    """Two checkpoints and the hashes that lead from one to the other, nothing verified yet."""

    hashes: tuple[bytes, ...]
    new_note: str
    old_note: str


class Continued(NamedTuple):
    """Two checkpoints, the later shown to continue the earlier; signatures still to be judged."""

    new: tuple[Note, Checkpoint]
    old: tuple[Note, Checkpoint]


def format_consistency(hashes: Sequence[bytes], *, old_size: int, new: str, old: str) -> str:
    """Return a consistency proof as text.

    Args:
        hashes: As RFC 6962 orders them.
        old_size: Size of the earlier tree.
        new: The later checkpoint, with its signatures.
        old: The earlier one, signed by the log: witnesses of the later one vouch for both.
    """
    lines = "".join(f"{base64.b64encode(one).decode()}\n" for one in hashes)
    return f"{HEADER}\nold {old_size}\n{lines}\n{new}\n{old}"


def parse_consistency(text: str) -> ConsistencyFile:
    """Read a consistency proof.

    Raises:
        EvidenceRefused: It is not written as `format_consistency` writes it.
    """
    parts = text.split("\n\n")
    if len(parts) != 5:
        raise EvidenceRefused(
            Disagreement.TEXT, "a consistency proof is its hashes and two checkpoints"
        )
    head, new_text, new_lines, old_text, old_lines = parts
    lines = head.split("\n")
    if lines[0] != HEADER or not 2 <= len(lines) <= 2 + 2 * MAX_HASHES:
        raise EvidenceRefused(Disagreement.TEXT, f"the text does not begin as {HEADER} does")
    file = ConsistencyFile(
        hashes=tuple(parse_hash(line) for line in lines[2:]),
        new_note=f"{new_text}\n\n{new_lines}\n",
        old_note=f"{old_text}\n\n{old_lines}",
    )
    if parse_number(lines[1], "old") != read_signed(file.old_note)[1].size:
        raise EvidenceRefused(Disagreement.NOTE, "the earlier checkpoint is of another size")
    return file


def follow_log(file: ConsistencyFile) -> Continued:
    """Check that the later tree begins with the earlier one.

    Raises:
        EvidenceRefused: It is not shown to.
    """
    new, old = read_signed(file.new_note), read_signed(file.old_note)
    if new[1].origin != old[1].origin:
        raise EvidenceRefused(Disagreement.LOG, "the two checkpoints are of two logs")
    try:
        verify_consistency(
            file.hashes,
            old_size=old[1].size,
            new_size=new[1].size,
            old_root=old[1].root,
            new_root=new[1].root,
        )
    except ProofRefused as refusal:
        raise EvidenceRefused(Disagreement.HISTORY, str(refusal)) from refusal
    return Continued(new, old)
