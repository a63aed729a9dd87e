"""A proof on paper: the square code carries the whole text, and the page is read from it."""

import hashlib
import io
from datetime import UTC, datetime

import pypdfium2
import pytest
import zxingcpp
from tests.unit.disclosure.proofs import SIGNER, WITNESS, SmallLog

from rempart.disclosure.entry import Kind, Mode, Outcome, Purpose
from rempart.disclosure.evidence import Trust, judge_entry, judge_history
from rempart.disclosure.opening import Audience
from rempart.disclosure.proof_file import Disagreement, EvidenceRefused
from rempart.exchange import proof_words
from rempart.exchange.proof_code import (
    PACKED_LIMIT,
    PLAIN_LIMIT,
    PREFIX,
    TooLargeForACode,
    decode_base45,
    encode_base45,
    make_proof_code,
    read_proof_bytes,
    read_proof_code,
)
from rempart.exchange.proof_document import draw_code, print_history, print_proof

LOG = SmallLog()
TRUST = Trust([SIGNER.verifier], [WITNESS.verifier], quorum=1)
DAY = datetime(2026, 11, 22, tzinfo=UTC)


def scan(pdf: bytes) -> str:
    document = pypdfium2.PdfDocument(io.BytesIO(pdf))
    try:
        assert len(document) == 1
        page = document[0]
        image = page.render(scale=3).to_pil()
        [found] = zxingcpp.read_barcodes(image)
        page.close()
    finally:
        document.close()
    return str(found.text)


def test_the_page_carries_the_proof_that_it_prints():
    text = LOG.prove(4)
    printed = print_proof(text, keys=[SIGNER.verifier], made_at=DAY)
    assert scan(printed) == text
    assert judge_entry(read_proof_code(scan(printed)), TRUST).idx == 4
    assert printed == print_proof(text, keys=[SIGNER.verifier], made_at=DAY)
    # PDF/UA-1: readers for blind people find the structure, and what the code is.
    assert b"pdfuaid" in printed
    assert b"/StructTreeRoot" in printed


def test_a_text_too_long_for_a_code_is_packed_and_scanned_back():
    text = LOG.prove(4, Audience.AUTHORITY)
    long = text + "— temoin.invalid/autre " + "QUJD" * 500 + "\n"
    assert len(long.encode()) > PLAIN_LIMIT
    code = make_proof_code(long)
    assert code.startswith(PREFIX)
    assert len(code) <= PACKED_LIMIT
    assert read_proof_code(code) == long
    assert judge_entry(read_proof_code(code), TRUST).idx == 4
    assert "<svg" in draw_code(code)


def test_what_fits_in_no_code_goes_as_a_file():
    noise = "".join(hashlib.sha256(bytes([index])).hexdigest() for index in range(200))
    with pytest.raises(TooLargeForACode):
        make_proof_code(noise)


@pytest.mark.parametrize("spoil", [lambda c: c[:-4], lambda c: c + "00", lambda c: c + "é"])
def test_a_damaged_code_is_refused(spoil):
    code = make_proof_code("x" * 3000)
    assert code.startswith(PREFIX)
    with pytest.raises(EvidenceRefused) as refusal:
        read_proof_code(spoil(code))
    assert refusal.value.what is Disagreement.TEXT


def test_a_packed_text_that_unfolds_too_far_is_refused():
    bomb = make_proof_code("y" * 100_000)
    with pytest.raises(EvidenceRefused):
        read_proof_code(bomb)


def test_base_45_is_that_of_the_rfc():
    """RFC 9285 section 4.3 and 4.4."""
    assert encode_base45(b"AB") == "BB8"
    assert encode_base45(b"Hello!!") == "%69 VD92EX0"
    assert encode_base45(b"base-45") == "UJCLQE7W581"
    assert decode_base45("QED8WEX0") == b"ietf!"
    for wrong in ("GGW", "A", ":::", "ab"):
        with pytest.raises(ValueError):
            decode_base45(wrong)


@pytest.mark.parametrize("language", ["fr", "en"])
@pytest.mark.parametrize("audience", Audience)
def test_the_words_say_what_is_shown_and_what_is_closed(language, audience):
    proved = judge_entry(LOG.prove(4, audience), TRUST)
    said = dict(proof_words.describe_proved(proved, language))
    who, whom = ("Qui", "Au sujet de") if language == "fr" else ("Who", "About whom")
    closed = "scellé" if language == "fr" else "sealed"
    assert (closed in said[who]) == (audience is Audience.INSURER)
    assert (closed in said[whom]) == (audience is Audience.MEMBER)
    assert SIGNER.verifier.vkey in said.values()
    unproved = proof_words.list_not_proved(proved, language)
    assert len(unproved) == len(proof_words.NOT_PROVED)


def test_without_a_key_or_a_witness_the_words_do_not_pretend():
    proved = judge_entry(LOG.prove(4), Trust())
    unproved = proof_words.list_not_proved(proved, "en")
    assert unproved[0].startswith("that the log signed")
    assert unproved[1].startswith("that everybody sees the same log")
    history = judge_history(LOG.prove_growth(4, 11), Trust())
    said = dict(proof_words.describe_history(history, "fr"))
    assert "de 4 à 11 entrées" in said["Où"]


@pytest.mark.parametrize(
    ("table", "codes"),
    [
        (proof_words.KINDS, Kind),
        (proof_words.PURPOSES, Purpose),
        (proof_words.MODES, Mode),
        (proof_words.OUTCOMES, Outcome),
        (proof_words.DISAGREEMENTS, Disagreement),
    ],
)
def test_every_code_has_words_in_both_languages(table, codes):
    assert set(table) == set(codes)
    assert all(words.fr and words.en for words in table.values())


def test_numbers_that_no_date_has_are_said_as_they_are():
    opening = LOG.open(4)
    odd = opening._replace(
        t_ms=1 << 62, what=opening.what._replace(care_day=2**31 - 1, domain=9999)
    )
    said = dict(proof_words.describe_opening(odd, "fr"))
    assert said["Quand"].endswith(" ms")
    assert "code 9999" in said["Pour quoi"]


def test_a_history_prints_every_line():
    rows = [
        ["22/11/2026", f"Officine {number}", "devis", "carte", "droits"] for number in range(90)
    ]
    printed = print_history(
        ["Quand", "Qui", "Pour quoi", "Comment", "Quoi"],
        rows,
        lead="x",
        unproved=["y"],
        made_at=DAY,
    )
    document = pypdfium2.PdfDocument(io.BytesIO(printed))
    try:
        text = "".join(page.get_textpage().get_text_range() for page in document)
        assert len(document) > 1
    finally:
        document.close()
    assert "Officine 0" in text
    assert "Officine 89" in text


def test_who_gives_the_printed_proof_is_told_where_its_text_is():
    with pytest.raises(EvidenceRefused, match="square code holds"):
        read_proof_bytes(b"%PDF-1.7\n\xe2\xe3")
    with pytest.raises(EvidenceRefused, match="not UTF-8"):
        read_proof_bytes(b"\xff\xfe")
