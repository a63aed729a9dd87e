"""« Vérifier une preuve »: pasted, sent or scanned; judged without a database, kept nowhere."""

import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.unit.disclosure.proofs import SIGNER, SmallLog

from rempart.disclosure.note import NoteSigner
from rempart.exchange.proof_code import PREFIX, make_proof_code
from rempart.portals import uploads

PAGE = "/preuve"
LOG = SmallLog()
TEXT = LOG.prove(4)


@pytest.fixture
def page(desk) -> Client:
    """Anybody's browser, at an installation that knows the log's key."""
    desk.log_keys = (SIGNER.verifier,)
    return Client()


def read(answer) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", answer.content.decode()).split())


def test_anybody_pastes_a_proof_and_is_told_what_it_proves_and_what_not(page):
    assert "Le faire sans nous" in read(page.get(PAGE))
    answer = page.post(PAGE, {"proof": TEXT})
    assert answer.status_code == 200
    said = read(answer)
    for part in ("Prouvé.", "facturation", "entrée n° 4", "seulement scellé", "ne prouve pas"):
        assert part in said
    assert "les clés de cette installation" in said


@pytest.mark.parametrize(
    "spoil",
    [
        lambda text: text.replace("\n", "\r\n"),
        lambda text: text.replace("\n", "\r"),
        str.strip,
        lambda text: f"\n{text}\n\n",
    ],
)
def test_what_a_browser_does_to_a_text_is_undone(page, spoil):
    assert page.post(PAGE, {"proof": spoil(TEXT)}).status_code == 200


def test_a_file_and_a_packed_code_do_as_well(page):
    sent = SimpleUploadedFile("x.tlog-proof", TEXT.encode())
    assert page.post(PAGE, {"file": sent}).status_code == 200
    long = TEXT + "— temoin.invalid/autre " + "QUJD" * 600 + "\n"
    code = make_proof_code(long)
    assert code.startswith(PREFIX)
    assert page.post(PAGE, {"proof": code}).status_code == 200
    binary = SimpleUploadedFile("x", b"\xff\xfe")
    assert page.post(PAGE, {"file": binary}).status_code == 422


def test_no_database_is_read(page, desk, monkeypatch):
    def refuse():
        raise AssertionError("a proof is judged without the database")

    monkeypatch.setattr(desk, "transaction", refuse)
    monkeypatch.setattr(desk, "signin", refuse)
    assert "Prouvé." in read(page.post(PAGE, {"proof": TEXT}))


def test_a_changed_text_is_refused_with_what_disagrees(page):
    answer = page.post(PAGE, {"proof": TEXT.replace("index 4", "index 5")})
    assert answer.status_code == 422
    assert "[place]" in read(answer)
    assert page.post(PAGE, {"proof": ""}).status_code == 422
    assert page.post(PAGE, {"proof": "<script>"}).status_code == 422


def test_a_key_from_elsewhere_decides(page):
    own = page.post(PAGE, {"proof": TEXT, "vkey": SIGNER.verifier.vkey})
    assert "la clé que vous avez donnée" in read(own)
    other = NoteSigner(SIGNER.name, bytes(32)).verifier
    assert "[signature]" in read(page.post(PAGE, {"proof": TEXT, "vkey": other.vkey}))
    wrong = page.post(PAGE, {"proof": TEXT, "vkey": "clé"})
    assert wrong.status_code == 422
    assert "Ce n’est pas une clé de registre" in read(wrong)


def test_without_any_key_nothing_is_said_to_be_signed(page, desk):
    desk.log_keys = ()
    said = read(page.post(PAGE, {"proof": TEXT}))
    assert "Pas encore jugée." in said
    assert "Prouvé." not in said
    assert "que le registre a signé" in said


def test_a_consistency_proof_is_judged_too(page):
    assert "de 4 à 11 entrées" in read(page.post(PAGE, {"proof": LOG.prove_growth(4, 11)}))


def test_a_large_file_is_not_read_to_its_end(page, monkeypatch):
    monkeypatch.setattr(uploads, "FILE_LIMIT", 1000)
    big = SimpleUploadedFile("x", b"y" * 5000)
    assert page.post(PAGE, {"file": big}).status_code == 422


def test_many_small_files_are_one_large_one(page, monkeypatch):
    monkeypatch.setattr(uploads, "FILE_LIMIT", 4 * len(TEXT))
    read_files = []
    keep = uploads.SmallFileHandler.file_complete
    monkeypatch.setattr(
        uploads.SmallFileHandler,
        "file_complete",
        lambda self, size: read_files.append(size) or keep(self, size),
    )
    files = {f"f{number}": SimpleUploadedFile("x", TEXT.encode()) for number in range(60)}
    page.post(PAGE, files)
    assert sum(read_files) <= 4 * len(TEXT)
    assert page.post(PAGE, {"file": SimpleUploadedFile("x", TEXT.encode())}).status_code == 200


def test_a_form_of_another_site_is_refused(desk):
    strict = Client(enforce_csrf_checks=True)
    assert strict.post(PAGE, {"proof": TEXT}).status_code == 403
