"""Cosignatures: what a witness states, and every way of spoiling it."""

import base64

import pytest

from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.cosignature import (
    CosignatureVerifier,
    Cosigner,
    verify_cosignatures,
)
from rempart.disclosure.note import NoteRefused, NoteSigner, parse_note

LOG = NoteSigner("rempart.invalid/00000000/log/1", bytes(32))
WITNESS = Cosigner("witness.example/w1", bytes([7] * 32))
NOTE = sign_checkpoint(LOG, Checkpoint(LOG.name, 5, bytes(32)))
TEXT = parse_note(NOTE).text
TIME_S = 1_700_000_000


def cosigned(line: str) -> str:
    return NOTE + line


def test_a_cosignature_is_accepted_with_its_time():
    line = WITNESS.cosign(TEXT, time_s=TIME_S)
    found = WITNESS.verifier.verify(parse_note(cosigned(line)))
    assert found == ("witness.example/w1", TIME_S, line)
    LOG.verifier.verify(parse_note(cosigned(line)))


def test_a_verifier_key_reads_back_and_tells_a_witness_from_a_log():
    vkey = WITNESS.verifier.vkey
    assert CosignatureVerifier.parse(vkey).vkey == vkey
    with pytest.raises(NoteRefused, match="type 04"):
        CosignatureVerifier.parse(LOG.verifier.vkey)
    assert repr(WITNESS) == f"Cosigner({vkey.rsplit('+', 1)[0]})"


def test_a_key_id_that_is_not_the_keys_is_refused():
    name, key_id, key = WITNESS.verifier.vkey.split("+", 2)
    other = f"{int(key_id, 16) ^ 1:08x}"
    with pytest.raises(NoteRefused, match="does not belong"):
        CosignatureVerifier.parse(f"{name}+{other}+{key}")


@pytest.mark.parametrize("bit", range(0, 8 * 76, 7))
def test_a_changed_bit_of_the_line_is_refused(bit: int):
    name, encoded = WITNESS.cosign(TEXT, time_s=TIME_S).removeprefix("— ").split()
    value = bytearray(base64.b64decode(encoded))
    value[bit // 8] ^= 1 << bit % 8
    line = f"— {name} {base64.b64encode(value).decode()}\n"
    with pytest.raises(NoteRefused):
        WITNESS.verifier.verify(parse_note(cosigned(line)))


def test_the_logs_own_signature_is_no_cosignature():
    with pytest.raises(NoteRefused, match="not cosigned"):
        WITNESS.verifier.verify(parse_note(NOTE))


def test_a_cosignature_of_another_tree_is_refused():
    line = WITNESS.cosign(TEXT.replace("\n5\n", "\n6\n"), time_s=TIME_S)
    with pytest.raises(NoteRefused, match="wrong"):
        WITNESS.verifier.verify(parse_note(cosigned(line)))


def test_a_short_line_of_the_witness_is_refused():
    key_id = base64.b64encode(WITNESS.verifier.key_id + bytes(8)).decode()
    with pytest.raises(NoteRefused, match="a time and"):
        WITNESS.verifier.verify(parse_note(cosigned(f"— {WITNESS.verifier.name} {key_id}\n")))


@pytest.mark.parametrize("time_s", [0, -1, 1 << 63])
def test_nothing_is_cosigned_without_a_time(time_s: int):
    with pytest.raises(NoteRefused, match="time"):
        WITNESS.cosign(TEXT, time_s=time_s)


def test_a_line_without_a_time_is_refused():
    value = base64.b64encode(WITNESS.verifier.key_id + bytes(72)).decode()
    with pytest.raises(NoteRefused, match="time"):
        WITNESS.verifier.verify(parse_note(cosigned(f"— {WITNESS.verifier.name} {value}\n")))


def test_a_spoilt_line_counts_as_an_absent_witness():
    other = Cosigner("witness.example/w2", bytes([8] * 32))
    good = WITNESS.cosign(TEXT, time_s=TIME_S)
    spoilt = other.cosign(TEXT + "x\n", time_s=TIME_S)
    found = verify_cosignatures(cosigned(good + spoilt), [WITNESS.verifier, other.verifier])
    assert list(found) == ["witness.example/w1"]
