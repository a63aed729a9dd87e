"""What a witness decides: the table of the specification, in its order, and what is a fork."""

import hashlib

import pytest

from rempart.disclosure.checkpoint import Checkpoint, format_checkpoint, sign_checkpoint
from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.note import NoteRefused, NoteSigner
from rempart.disclosure.proof import make_node_reader, prove_consistency
from rempart.disclosure.tree import EMPTY_ROOT, compute_root
from rempart.disclosure.witness import (
    AddCheckpoint,
    Cosign,
    Refuse,
    Seen,
    Submission,
    decide_cosigning,
    format_add_checkpoint,
    open_submission,
    parse_add_checkpoint,
    read_cosignature,
)

LOG = NoteSigner("rempart.invalid/00000000/log/1", bytes(32))
STRANGER = NoteSigner("rempart.invalid/00000000/log/1", bytes([1] * 32))
LEAVES = [hashlib.sha256(b"leaf %d" % number).digest() for number in range(200)]
FORKED = [*LEAVES[:50], bytes(32), *LEAVES[51:]]


def make_note(size: int, leaves: list[bytes] = LEAVES, signer: NoteSigner = LOG) -> str:
    root = compute_root(leaves[:size])
    return sign_checkpoint(signer, Checkpoint(LOG.name, size, root))


def prove(old_size: int, size: int, leaves: list[bytes] = LEAVES) -> tuple[bytes, ...]:
    if old_size == 0:
        return ()
    edge = b"".join(leaves[:size])
    return tuple(prove_consistency(old_size, size, make_node_reader(size, lambda *_: edge)))


def see(size: int) -> Seen:
    return Seen(size, compute_root(LEAVES[:size]))


def decide(request: AddCheckpoint, seen: Seen | None) -> Cosign | Refuse:
    submission = open_submission(format_add_checkpoint(request), lambda _: [LOG.verifier])
    assert isinstance(submission, Submission)
    return decide_cosigning(submission, seen)


def test_a_request_reads_back_as_it_was_written():
    request = AddCheckpoint(100, prove(100, 200), make_note(200))
    assert parse_add_checkpoint(format_add_checkpoint(request)) == request


@pytest.mark.parametrize(("old_size", "size"), [(0, 1), (0, 200), (1, 2), (64, 64), (100, 200)])
def test_a_tree_that_continues_what_was_seen_is_cosigned(old_size: int, size: int):
    request = AddCheckpoint(old_size, prove(old_size, size), make_note(size))
    decision = decide(request, see(old_size) if old_size else None)
    assert isinstance(decision, Cosign)
    assert decision.checkpoint.size == size


def test_an_empty_log_is_cosigned_and_the_empty_tree_has_one_root():
    assert isinstance(decide(AddCheckpoint(0, (), make_note(0)), None), Cosign)
    wrong = sign_checkpoint(LOG, Checkpoint(LOG.name, 0, bytes(32)))
    decision = decide(AddCheckpoint(0, (), wrong), None)
    assert decision == Refuse(422, "an empty log has the root of nothing", is_fork=True)
    assert compute_root([]) == EMPTY_ROOT


@pytest.mark.parametrize(
    ("request_", "seen", "status", "is_fork"),
    [
        # the old size is larger than the checkpoint's
        (AddCheckpoint(200, (), make_note(100)), see(200), 400, False),
        # not what was seen last
        (AddCheckpoint(50, prove(50, 200), make_note(200)), see(100), 409, False),
        (AddCheckpoint(0, (), make_note(200)), see(100), 409, False),
        (AddCheckpoint(100, prove(100, 200), make_note(200)), None, 409, False),
        # rolled back: older than what was seen
        (AddCheckpoint(0, (), make_note(60)), see(100), 409, False),
        # one size, two roots
        (AddCheckpoint(0, (), make_note(100, FORKED)), see(100), 409, True),
        (AddCheckpoint(100, (), make_note(100, FORKED)), see(100), 422, True),
        # a proof from nothing, or none at all, or one that leads elsewhere
        (AddCheckpoint(0, prove(1, 2), make_note(200)), None, 422, False),
        (AddCheckpoint(100, (), make_note(200)), see(100), 422, True),
        (AddCheckpoint(100, prove(99, 200), make_note(200)), see(100), 422, True),
        (AddCheckpoint(100, prove(100, 200, FORKED), make_note(200, FORKED)), see(100), 422, True),
        (AddCheckpoint(100, prove(100, 200), make_note(100)), see(100), 422, True),
    ],
)
def test_anything_else_is_refused_with_the_status_of_the_specification(
    request_: AddCheckpoint, seen: Seen | None, status: int, is_fork: bool
):
    decision = decide(request_, seen)
    assert isinstance(decision, Refuse)
    assert (decision.status, decision.is_fork) == (status, is_fork)
    if status == 409:
        assert decision.latest_size == (seen.size if seen else 0)


def submit(body: str, keys: list[NoteSigner]) -> int:
    found = open_submission(body, lambda _: [key.verifier for key in keys])
    return found.status if isinstance(found, Refuse) else 200


def test_a_checkpoint_is_read_only_under_a_trusted_signature():
    body = format_add_checkpoint(AddCheckpoint(0, (), make_note(200)))
    assert submit(body, [LOG]) == 200
    assert submit(body, []) == 404
    assert submit(body, [STRANGER]) == 403


def test_a_trusted_key_that_signed_wrongly_spoils_the_note_even_beside_a_good_signature():
    """As the specification of notes says: such a note is malformed."""
    good = make_note(200)
    other = make_note(199, signer=STRANGER)
    line = other.split("\n\n")[1]
    body = format_add_checkpoint(AddCheckpoint(0, (), good + line))
    assert submit(body, [LOG]) == 200  # a line of an unknown key is ignored
    assert submit(body, [LOG, STRANGER]) == 403


def test_extension_lines_are_refused():
    text = format_checkpoint(Checkpoint(LOG.name, 1, bytes(32))) + "more\n"
    assert submit(format_add_checkpoint(AddCheckpoint(0, (), LOG.sign(text))), [LOG]) == 400


@pytest.mark.parametrize(
    "body",
    [
        "",
        "old 0\n",
        make_note(1),
        "old 00\n\n" + make_note(1),
        "old -1\n\n" + make_note(1),
        "old \n\n" + make_note(1),
        "old ٣\n\n" + make_note(1),
        "old 99999999999999999999\n\n" + make_note(1),
        "old 1\n!!\n\n" + make_note(1),
        "old 1\n" + "AAAA\n" * 64 + "\n" + make_note(1),
        "old 0\n\n" + make_note(1)[:-5],
    ],
)
def test_what_is_no_request_is_refused(body: str):
    assert submit(body, [LOG]) == 400


def test_a_proof_longer_than_a_witness_reads_is_not_sent():
    with pytest.raises(ValueError, match="63"):
        format_add_checkpoint(AddCheckpoint(1, (bytes(32),) * 64, make_note(2)))


def test_the_lines_of_other_witnesses_in_an_answer_are_ignored():
    ours, other = Cosigner("w.example/1", bytes(32)), Cosigner("w.example/2", bytes([1] * 32))
    note = make_note(3)
    text = note.split("\n\n")[0] + "\n"
    lines = other.cosign(text, time_s=5) + ours.cosign(text, time_s=6)
    assert read_cosignature(note, lines, ours.verifier).time_s == 6
    with pytest.raises(NoteRefused):
        read_cosignature(note, other.cosign(text, time_s=5), ours.verifier)
    with pytest.raises(NoteRefused):
        read_cosignature(note, "not a line", ours.verifier)
