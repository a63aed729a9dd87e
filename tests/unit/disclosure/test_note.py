"""Signed notes say who signed, and refuse every other spelling of themselves."""

import pytest

from rempart.disclosure.note import (
    Note,
    NoteRefused,
    NoteSigner,
    NoteVerifier,
    decode_base64,
    format_note,
    parse_note,
)

# Published in the documentation of golang.org/x/mod/sumdb/note (BSD-3-Clause).
PUBLISHED_VKEY = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
PUBLISHED_NOTE = (
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n"
    "\n"
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngot"
    "pRZb6KE6RyyBwJnAM=\n"
)

SIGNER = NoteSigner("log.invalid/one", bytes(range(32)))
OTHER = NoteSigner("log.invalid/two", bytes(range(1, 33)))
TEXT = "first line\n\nsecond line\n"


def test_a_note_published_by_another_implementation_is_accepted():
    NoteVerifier.parse(PUBLISHED_VKEY).verify(parse_note(PUBLISHED_NOTE))


def test_a_published_key_keeps_its_text():
    assert NoteVerifier.parse(PUBLISHED_VKEY).vkey == PUBLISHED_VKEY


def test_a_signed_note_is_accepted_by_its_key():
    note = parse_note(SIGNER.sign(TEXT))
    NoteVerifier.parse(SIGNER.verifier.vkey).verify(note)
    assert note.text == TEXT


def test_a_note_written_again_is_the_same():
    message = SIGNER.sign(TEXT)
    assert format_note(parse_note(message)) == message


def test_every_changed_character_of_a_note_is_refused():
    message = SIGNER.sign(TEXT)
    for place, letter in enumerate(message):
        changed = message[:place] + ("A" if letter != "A" else "B") + message[place + 1 :]
        with pytest.raises(NoteRefused):
            SIGNER.verifier.verify(parse_note(changed))


def test_a_note_cut_anywhere_is_refused():
    message = SIGNER.sign(TEXT)
    for length in range(len(message)):
        with pytest.raises(NoteRefused):
            SIGNER.verifier.verify(parse_note(message[:length]))


def test_signatures_of_unknown_keys_are_ignored_but_never_enough():
    mine, theirs = parse_note(SIGNER.sign(TEXT)), parse_note(OTHER.sign(TEXT))
    both = Note(TEXT, theirs.signatures + mine.signatures)
    SIGNER.verifier.verify(parse_note(format_note(both)))
    with pytest.raises(NoteRefused, match=r"not signed by log\.invalid/one"):
        SIGNER.verifier.verify(theirs)


def test_one_wrong_signature_of_a_known_key_refuses_the_note_even_beside_a_good_one():
    good, wrong = parse_note(SIGNER.sign(TEXT)), parse_note(SIGNER.sign("another text\n"))
    for signatures in (good.signatures + wrong.signatures, wrong.signatures + good.signatures):
        with pytest.raises(NoteRefused, match="wrong"):
            SIGNER.verifier.verify(Note(TEXT, signatures))


def test_a_key_of_another_name_is_another_key():
    same_key = NoteSigner("log.invalid/three", bytes(range(32)))
    with pytest.raises(NoteRefused, match="not signed"):
        same_key.verifier.verify(parse_note(SIGNER.sign(TEXT)))


@pytest.mark.parametrize(
    "message",
    [
        "",
        "text\n",
        "text\n\n",
        "text\n\n— name QUJDREVG",
        "text\n\n- name QUJDREVG\n",
        "text\n\n—name QUJDREVG\n",
        "text\n\n— name  QUJDREVG\n",
        "text\n\n— na+me QUJDREVG\n",
        "text\n\n— na\u00a0me QUJDREVG\n",
        "text\n\n— name QUJDREVG \n",
        "text\n\n— name QUJDRE VG\n",
        "text\n\n— name QUJDRA\n",
        "text\n\n— name QUJDRB==\n",
        "text\n\n— name QUJDRA==\n\n",
        "text\n\n— name QUJD\n",
        "text\n\n" + "— name QUJDREVG\n" * 65,
        "te\txt\n\n— name QUJDREVG\n",
        "te\r\nxt\n\n— name QUJDREVG\n",
    ],
)
def test_what_is_not_exactly_a_note_is_refused(message: str):
    with pytest.raises(NoteRefused):
        parse_note(message)


def test_sixteen_signatures_are_accepted():
    message = SIGNER.sign(TEXT) + "— other.invalid QUJDREVG\n" * 15
    SIGNER.verifier.verify(parse_note(message))


@pytest.mark.parametrize(
    "vkey",
    [
        "",
        "name",
        "name+c74f20a3",
        PUBLISHED_VKEY.replace("c74f20a3", "c74f20a4"),
        PUBLISHED_VKEY.replace("Peter", "Paul"),
        PUBLISHED_VKEY.replace("+AR", "+BR"),
        PUBLISHED_VKEY[:-4],
        PUBLISHED_VKEY + "\n",
        PUBLISHED_VKEY.replace("PeterNeumann", ""),
        PUBLISHED_VKEY.replace("c74f20a3", "C74F20A3"),
    ],
)
def test_what_is_not_exactly_a_verifier_key_is_refused(vkey: str):
    with pytest.raises(NoteRefused):
        NoteVerifier.parse(vkey)


@pytest.mark.parametrize("text", ["", "no newline", "a\x00b\n", "a\tb\n", "a\r\n"])
def test_a_text_that_cannot_be_a_notes_is_not_signed(text: str):
    with pytest.raises(NoteRefused):
        SIGNER.sign(text)


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u2003b", "a\nb", "a\x01b"])
def test_a_name_that_cannot_be_a_keys_is_refused(name: str):
    with pytest.raises(NoteRefused):
        NoteSigner(name, bytes(32))


def test_base64_has_one_spelling():
    assert decode_base64("QUI=") == b"AB"
    for spelling in ("QUI", "QUJ=", "QUI=\n", "QUI==", "QU-=", "Q", "QUI=QUI="):
        with pytest.raises(NoteRefused):
            decode_base64(spelling)


def test_a_signer_never_prints_its_key():
    assert repr(SIGNER) == f"NoteSigner(log.invalid/one+{SIGNER.verifier.key_id.hex()})"
