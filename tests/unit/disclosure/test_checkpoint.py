"""A checkpoint binds one log, one size and one root."""

import base64

import pytest

from rempart.disclosure.checkpoint import (
    Checkpoint,
    format_checkpoint,
    parse_checkpoint,
    sign_checkpoint,
    verify_checkpoint,
)
from rempart.disclosure.note import NoteRefused, NoteSigner

ORIGIN = "rempart.invalid/00000000/log/1"
SIGNER = NoteSigner(ORIGIN, bytes(range(32)))
ROOT = bytes(range(32))
CHECKPOINT = Checkpoint(ORIGIN, 20_852_163, ROOT)
BASE64 = base64.b64encode(ROOT).decode()


def test_a_checkpoint_is_three_lines():
    assert format_checkpoint(CHECKPOINT) == f"{ORIGIN}\n20852163\n{BASE64}\n"


def test_a_checkpoint_is_read_back():
    assert parse_checkpoint(format_checkpoint(CHECKPOINT)) == CHECKPOINT


def test_the_example_of_the_specification_is_read():
    # C2SP tlog-checkpoint.
    text = "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n"
    checkpoint = parse_checkpoint(text)
    assert (checkpoint.origin, checkpoint.size) == ("example.com/behind-the-sofa", 20_852_163)
    assert format_checkpoint(checkpoint) == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        f"{ORIGIN}\n1\n",
        f"{ORIGIN}\n1\n{BASE64}",
        f"\n1\n{BASE64}\n",
        f"{ORIGIN}\n01\n{BASE64}\n",
        f"{ORIGIN}\n-1\n{BASE64}\n",
        f"{ORIGIN}\n+1\n{BASE64}\n",
        f"{ORIGIN}\n1 \n{BASE64}\n",
        f"{ORIGIN}\n١\n{BASE64}\n",
        f"{ORIGIN}\n\n{BASE64}\n",
        f"{ORIGIN}\n{'9' * 20}\n{BASE64}\n",
        f"{ORIGIN}\n1\n{BASE64[:-4]}\n",
        f"{ORIGIN}\n1\n{BASE64[:-2]}9=\n",
        f"{ORIGIN}\n1\n{BASE64}\nextension\n",
    ],
)
def test_what_is_not_exactly_a_checkpoint_is_refused(text: str):
    with pytest.raises(NoteRefused):
        parse_checkpoint(text)


@pytest.mark.parametrize("origin", ["", "two\nlines", "bell\x07"])
def test_an_origin_that_is_not_one_line_is_not_written(origin: str):
    with pytest.raises(NoteRefused):
        format_checkpoint(CHECKPOINT._replace(origin=origin))


def test_a_signed_checkpoint_is_accepted_for_its_log_only():
    message = sign_checkpoint(SIGNER, CHECKPOINT)
    assert verify_checkpoint(message, SIGNER.verifier, origin=ORIGIN) == CHECKPOINT
    with pytest.raises(NoteRefused, match="another log"):
        verify_checkpoint(message, SIGNER.verifier, origin="rempart.invalid/00000000/log/2")


def test_a_checkpoint_signed_by_another_key_is_refused():
    thief = NoteSigner(ORIGIN, bytes(32))
    with pytest.raises(NoteRefused, match="not signed"):
        verify_checkpoint(sign_checkpoint(thief, CHECKPOINT), SIGNER.verifier, origin=ORIGIN)
