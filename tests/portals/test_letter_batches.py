"""Letters that an insurer posts itself: sealed batches, taken on record; lists of what returns."""

import io
import zipfile
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from tests.campaign_samples import Outreach, make_line
from tests.delivery.campaign import SOON
from tests.delivery.post_office import KEY as ENVELOPES
from tests.package_samples import (
    KMS,
    NOW,
    Affair,
    format_private_key,
    make_certificate,
    make_rsa_key,
)
from tests.portals import people
from tests.portals.conftest import KEY, BenchDesk
from tests.portals.test_campaigns import enter, read

from rempart.accounts.roles import Role
from rempart.exchange.package_sealing import Opener
from rempart.kernel.errors import LedgerUnavailable
from rempart.storage import notice_delivery
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices import letter_batches, pace_campaign
from rempart.workflows.notices.pace_campaign import Office
from rempart.workflows.notices.print_letters import Press, print_campaign, write_batches

CERTIFICATE = make_certificate()
LETTERS = "/campagnes/501/lettres"
RETURNS = "/assureur/lettres-revenues"


@dataclass
class Posting:
    """Three letters of an insurer, printed in one batch."""

    desk: BenchDesk
    org: people.Organisation
    folder: Path
    certificate: bytes | None = CERTIFICATE
    outreach: Outreach = field(init=False)

    def __post_init__(self) -> None:
        affair = Affair(self.desk.database)
        insurer_id = self.org.insurer_id
        if self.certificate is not None:
            affair.add_key(insurer_id, self.certificate)
        self.outreach = Outreach(self.desk.database, known=affair, insurer_id=insurer_id)
        self.outreach.package({101: "A", 102: "A", 103: "A"})
        for person in (101, 102, 103):
            self.outreach.cover(person)
        self.outreach.contacts([make_line(ref, email="") for ref in (101, 102, 103)])
        self.outreach.begin()
        self.outreach.prepare()
        with self.desk.database.transaction("notifier") as tx:
            acts.propose_campaign(tx, self.outreach.decider, 501)
            tx.execute("UPDATE notices.campaign SET state = 'approved', approved_by = 7")
        self.desk.letters_to = self.folder

    @property
    def office(self) -> Office:
        return Office(
            open_transaction=lambda: self.desk.database.transaction("notifier"),
            kms=KMS,
            now=lambda: NOW,
            timing=SOON,
        )

    @property
    def press(self) -> Press:
        return Press(directory=self.folder, key=ENVELOPES, operator="Tiers Démo", processes=1)

    def print(self) -> None:
        with self.desk.database.transaction("notifier") as tx:
            [campaign] = pace_campaign.begin_campaigns(tx)
        print_campaign(self.office, self.press, campaign, allowed=None)

    def states(self) -> list[tuple]:
        return self.outreach.messages("state, reason")

    def references(self) -> list[str]:
        numbers = self.outreach.messages("number")
        return [ENVELOPES.post_reference(row[0]) for row in numbers]

    def batch(self, columns: str) -> tuple:
        [row] = self.outreach.fetch(f"SELECT {columns} FROM notices.letter_batch")
        return row


def open_sealed(content: bytes) -> dict[str, bytes]:
    """Open a batch with the insurer's key; return its files."""
    der = x509.load_pem_x509_certificate(CERTIFICATE).public_bytes(Encoding.DER)
    opener = Opener(der, format_private_key(make_rsa_key()), None)
    with zipfile.ZipFile(io.BytesIO(opener.open(content))) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


@pytest.fixture
def mine(desk) -> people.Organisation:
    people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def posting(desk, mine, tmp_path) -> Posting:
    posting = Posting(desk, mine, tmp_path)
    posting.print()
    return posting


@pytest.fixture
def dpo(desk, mine):
    return enter(desk, mine, Role.INSURER_DPO, "Chloé Mutuelle")


def test_a_batch_is_taken_sealed_once_it_is_on_record_who_takes_it(dpo, posting):
    assert "imprimé" in read(dpo.get(LETTERS))
    answer = dpo.post(f"{LETTERS}/1", {"geste": "prendre"})
    assert answer.status_code == 200
    assert answer.headers["Content-Disposition"].endswith('batch-1.zip.p7m"')
    assert b"%PDF" not in answer.content
    files = open_sealed(answer.content)
    assert sorted(files) == ["campaign-501-batch-1.csv", "campaign-501-batch-1.pdf"]
    assert (
        files["campaign-501-batch-1.pdf"]
        == (posting.folder / "campaign-501-batch-1.pdf").read_bytes()
    )
    assert all(one in files["campaign-501-batch-1.csv"].decode() for one in posting.references())
    said = posting.outreach.fetch("SELECT body FROM ledger.statement")
    assert sum(b"notice-letters" in str(row[0]).encode() for row in said) == 1
    page = read(dpo.get(LETTERS))
    assert "pris" in page
    assert "Chloé Mutuelle" in page
    assert "Essai" not in page
    assert "Chloé Mutuelle" in dpo.get(f"{LETTERS}.csv").content.decode()


def test_without_the_ledger_nothing_leaves(dpo, posting, monkeypatch):
    def refuse(*_: object, **__: object) -> None:
        raise LedgerUnavailable("away")

    monkeypatch.setattr(letter_batches, "record_act", refuse)
    dpo.raise_request_exception = False
    answer = dpo.post(f"{LETTERS}/1", {"geste": "prendre"})
    assert answer.status_code == 503
    assert posting.batch("state, downloaded_by") == ("made", None)


def test_mutation_a_batch_handed_out_before_it_is_on_record_would_be_noticed(
    dpo, posting, monkeypatch
):
    monkeypatch.setattr(letter_batches, "record_act", lambda *_, **__: None)
    assert dpo.post(f"{LETTERS}/1", {"geste": "prendre"}).status_code == 200
    assert posting.outreach.fetch(
        "SELECT count(*) FROM ledger.statement WHERE body::text LIKE '%%notice-letters%%'"
    ) == [(0,)]


def test_a_posted_batch_moves_its_letters_and_is_posted_once(dpo, posting):
    assert dpo.post(f"{LETTERS}/1", {"geste": "poster"}).status_code == 302
    assert {state for state, _ in posting.states()} == {"posted"}
    assert dpo.post(f"{LETTERS}/1", {"geste": "poster"}).status_code == 409
    # Taken again afterwards, it stays posted.
    assert dpo.post(f"{LETTERS}/1", {"geste": "prendre"}).status_code == 200
    assert posting.batch("state, posted_by IS NOT NULL, downloaded_by IS NOT NULL") == (
        *("posted", True, True),
    )


def test_an_insurer_without_a_certificate_takes_nothing(dpo, desk, mine, tmp_path):
    posting = Posting(desk, mine, tmp_path)
    with desk.database.transaction("analyst") as tx:
        tx.execute("UPDATE incidents.sealing_key SET state = 'revoked', ended_at = now()")
    posting.print()
    assert not list(tmp_path.glob("*.p7m"))
    assert "scellé pour personne" in read(dpo.get(f"{LETTERS}/1"))
    assert dpo.post(f"{LETTERS}/1", {"geste": "prendre"}).status_code == 409
    assert posting.batch("sealed_for, written_at IS NOT NULL") == (None, True)


def test_killed_before_it_is_said_to_be_written_the_copy_is_sealed_the_next_time(
    desk, mine, tmp_path, monkeypatch
):
    posting = Posting(desk, mine, tmp_path)
    with monkeypatch.context() as broken:
        broken.setattr(notice_delivery, "set_written", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            posting.print()
    [sealed] = tmp_path.glob("*.p7m")
    sealed.unlink()
    assert write_batches(posting.office, posting.press) == 1
    assert len(open_sealed(sealed.read_bytes())) == 2


def test_nobody_else_takes_posts_or_returns_a_batch(posting, desk):
    other = people.make_organisation(desk.database, "insurer", name="Mutuelle Brisemer")
    stranger = enter(desk, other, Role.INSURER_ADMIN, "Sacha Ailleurs")
    for page in ("", ".csv", "/1"):
        assert stranger.get(f"{LETTERS}{page}").status_code == 404
    for act in ("prendre", "poster"):
        assert stranger.post(f"{LETTERS}/1", {"geste": act}).status_code == 404
    give(stranger, posting, posting.references()[0])
    assert {state for state, _ in posting.states()} == {"printed"}
    page = read(stranger.get(RETURNS))
    assert "cette référence n’est pas celle d’une de vos lettres" in page


def test_letters_that_came_back_are_said_so_by_line_and_once(dpo, posting):
    first, second, _ = posting.references()
    give(dpo, posting, f"{first};NPAI\r\n{second};décédé\r\nXXXX-XXXX-XXXX;NPAI")
    assert sorted(posting.states()) == [
        ("printed", ""),
        ("returned", "said_deceased"),
        ("returned", "unknown_at_address"),
    ]
    page = read(dpo.get(RETURNS))
    assert "2 lettres, 1 lignes refusées" in page
    assert "ligne 4" in page
    give(dpo, posting, f"{first};NPAI")
    assert posting.outreach.fetch(
        "SELECT count(*) FROM notices.attempt WHERE outcome = 'unknown_at_address'"
    ) == [(1,)]
    assert posting.outreach.fetch("SELECT count(sealed) FROM notices.contact_file") == [(0,)]


@pytest.mark.parametrize("content", [b" \n", b"%PDF-1.7 \x00\x01"])
def test_a_list_that_is_none_is_refused_in_words(dpo, posting, content):
    answer = dpo.post(RETURNS, {"file": io.BytesIO(content)})
    if content.strip():
        work(posting)
        assert "la première ligne doit nommer une colonne" in read(dpo.get(RETURNS))
    else:
        assert answer.status_code == 422
    assert {state for state, _ in posting.states()} == {"printed"}


def give(browser, posting: Posting, rows: str) -> None:
    """Give a list of letters that came back, and have the job read it."""
    content = f"reference;motif\r\n{rows}\r\n".encode()
    assert browser.post(RETURNS, {"file": io.BytesIO(content)}).status_code == 302
    work(posting)


def work(posting: Posting) -> None:
    [(file_ref,)] = posting.outreach.fetch(
        "SELECT file_ref FROM notices.contact_file WHERE state = 'received'"
    )
    letter_batches.read_given_returns(posting.office, KEY, ENVELOPES, file_ref)
