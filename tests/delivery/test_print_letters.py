"""Letters of a campaign: in one batch and no other, one addressee to an envelope, once on paper."""

import csv
import hashlib
import io
from pathlib import Path

import psycopg
import pypdfium2
import pytest
from tests.campaign_samples import make_line
from tests.delivery.campaign import Delivery
from tests.delivery.post_office import KEY

from rempart.exchange.postal_returns import read_return_list
from rempart.kernel.errors import Conflict, InconsistentRecord, MalformedRequest, NotFound
from rempart.storage import notice_delivery
from rempart.workflows.notices import print_letters
from rempart.workflows.notices.pace_campaign import find_allowed_letters
from rempart.workflows.notices.print_letters import post_batch, write_batches
from rempart.workflows.notices.read_post_returns import read_returns

pytestmark = pytest.mark.timeout(120)
FAMILY = {
    "address_1": "1 rue de l’Essai",
    "email": "",
}


def by_post(*refs: int, **cells: str) -> dict[int, dict[str, str]]:
    return {ref: {"email": "", **cells} for ref in refs}


def read_pages(path: Path) -> list[str]:
    document = pypdfium2.PdfDocument(path)
    return [document[page].get_textpage().get_text_range() for page in range(len(document))]


def read_index(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_text("utf-8")), delimiter=";"))


def test_each_letter_is_in_one_batch_with_the_words_that_were_agreed_to(database, tmp_path):
    delivery = Delivery(database, by_post(*range(101, 108)))
    printed = delivery.print(tmp_path, batch_letters=3)
    assert (printed.batches, printed.letters) == (3, 7)
    assert delivery.states() == {"letter printed": 7}
    files = sorted(tmp_path.glob("*.pdf"))
    assert len(files) == len(list(tmp_path.glob("*.csv"))) == 3
    assert all(file.stat().st_mode & 0o077 == 0 for file in tmp_path.iterdir())
    references = [
        row["reference"] for file in files for row in read_index(file.with_suffix(".csv"))
    ]
    numbers = [row[0] for row in delivery.rows("number")]
    assert sorted(references) == sorted(KEY.post_reference(number) for number in numbers)
    written = {KEY.post_reference(one.number): one for one in delivery.outreach.write()}
    for file in files:
        pages = read_pages(file)
        for row in read_index(file.with_suffix(".csv")):
            first, count = int(row["first_page"]) - 1, int(row["pages"])
            text = "\n".join(pages[first : first + count])
            said = written[row["reference"]]
            assert said.code in text
            assert said.address[0] in text
            assert row["reference"] in pages[first]
        stored = delivery.outreach.fetch("SELECT digest FROM notices.letter_batch")
        assert hashlib.sha256(file.read_bytes()).digest() in {bytes(one) for (one,) in stored}


def test_an_envelope_has_one_addressee_and_a_family_s_letters_for_that_person(database, tmp_path):
    people = {
        101: {**FAMILY, "family_name": "Essai", "first_names": "Camille"},
        102: {
            **FAMILY,
            "birth_date": "2015-01-01",
            "representative": "Camille Essai",
            "first_names": "Lou",
        },
        103: {
            **FAMILY,
            "birth_date": "2017-01-01",
            "representative": "Camille Essai",
            "first_names": "Léo",
        },
        104: {**FAMILY, "family_name": "Essai", "first_names": "Dominique"},
    }
    delivery = Delivery(database, people)
    delivery.print(tmp_path)
    [file] = tmp_path.glob("*.csv")
    written = {KEY.post_reference(one.number): one.recipient for one in delivery.outreach.write()}
    envelopes: dict[str, set[str]] = {}
    for row in read_index(file):
        envelopes.setdefault(row["envelope"], set()).add(written[row["reference"]])
    assert sorted(map(sorted, envelopes.values())) == [["Camille Essai"], ["Dominique Essai"]]
    assert [row["place"] for row in read_index(file)].count("3") == 1


def test_an_index_names_nobody(database, tmp_path):
    delivery = Delivery(database, by_post(101, 102, country="BELGIQUE"))
    delivery.print(tmp_path)
    [file] = tmp_path.glob("*.csv")
    text = file.read_text("utf-8")
    assert "Essai" not in text
    assert "rue" not in text
    assert text.count("BELGIQUE") == 2


def test_killed_between_the_decision_and_the_file_the_same_file_is_written(
    database, tmp_path, monkeypatch
):
    delivery = Delivery(database, by_post(*range(101, 106)))
    with monkeypatch.context() as broken:
        broken.setattr(print_letters, "write_whole", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delivery.print(tmp_path)
    assert delivery.states() == {"letter printed": 5}
    assert not list(tmp_path.iterdir())
    office, press = delivery.office(), delivery.press(tmp_path)
    assert write_batches(office, press) == 1
    [file] = tmp_path.glob("*.pdf")
    [(digest,)] = delivery.outreach.fetch("SELECT digest FROM notices.letter_batch")
    assert hashlib.sha256(file.read_bytes()).digest() == bytes(digest)
    assert write_batches(office, press) == 0
    assert delivery.print(tmp_path).letters == 0


def test_a_batch_that_would_not_be_the_same_is_not_written(database, tmp_path, monkeypatch):
    delivery = Delivery(database, by_post(101))
    with monkeypatch.context() as broken:
        broken.setattr(print_letters, "write_whole", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delivery.print(tmp_path)
    delivery.outreach.contacts([make_line(101, email="", family_name="Autrement")])
    with pytest.raises(InconsistentRecord):
        write_batches(delivery.office(), delivery.press(tmp_path))
    assert not list(tmp_path.iterdir())


def test_a_batch_whose_reader_has_no_address_any_more_keeps_no_other_from_the_printer(
    database, tmp_path, monkeypatch
):
    delivery = Delivery(database, by_post(101, 102))
    with monkeypatch.context() as broken:
        broken.setattr(print_letters, "write_whole", lambda *_: 1 / 0)
        for _ in range(2):
            with pytest.raises(ZeroDivisionError):
                print_letters.print_campaign(
                    delivery.office(),
                    delivery.press(tmp_path, batch_letters=1),
                    delivery.begin(),
                    allowed=1,
                )
    delivery.outreach.contacts([make_line(101, address_1="", postcode="", city="")])
    with pytest.raises(InconsistentRecord, match="1 batches"):
        write_batches(delivery.office(), delivery.press(tmp_path))
    [file] = tmp_path.glob("*.pdf")
    assert "102 rue" in read_pages(file)[0]


def test_who_moved_since_people_agreed_is_in_no_other_s_envelope(database, tmp_path):
    together = {**FAMILY, "family_name": "Essai", "first_names": "Camille"}
    delivery = Delivery(database, {101: together, 102: together})
    delivery.outreach.contacts([make_line(102, **{**together, "address_1": "2 rue d’Ailleurs"})])
    delivery.print(tmp_path)
    [file] = tmp_path.glob("*.csv")
    assert len({row["envelope"] for row in read_index(file)}) == 2


def test_who_is_hidden_since_people_agreed_gets_no_letter(database, tmp_path):
    delivery = Delivery(database, by_post(101, 102))
    delivery.outreach.contacts([make_line(101, email="", protected="oui")])
    assert delivery.print(tmp_path).letters == 1
    assert delivery.rows("state, reason") == [("held", "protected_address"), ("printed", "")]


def test_who_is_on_the_new_list_no_more_gets_no_letter_after_one_was_taken_back(database, tmp_path):
    delivery = Delivery(database, by_post(101, 102))
    delivery.outreach.package({101: "A", 102: "A", 103: "A"})
    delivery.outreach.fetch(
        "UPDATE incidents.package SET state = 'withdrawn', withdrawn_for = 'essai',"
        " withdrawn_by = 1 WHERE number = 2 RETURNING 1"
    )
    delivery.outreach.package({101: "A"})
    assert delivery.print(tmp_path).letters == 1
    assert delivery.rows("state, reason") == [("printed", ""), ("held", "package_changed")]


def list_printed(folder: Path) -> list[Path]:
    return [*folder.glob("*.pdf"), *folder.glob("*.csv")]


def test_a_batch_that_is_on_the_disk_is_known_to_be_there(database, tmp_path, monkeypatch):
    delivery = Delivery(database, by_post(101))
    with monkeypatch.context() as broken:
        broken.setattr(notice_delivery, "set_written", lambda *_, **__: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            delivery.print(tmp_path)
    before = {path.name: path.stat().st_ino for path in list_printed(tmp_path)}
    # Contacts may change meanwhile: the file is the one that was decided.
    delivery.outreach.contacts([make_line(101, email="", family_name="Autrement")])
    assert write_batches(delivery.office(), delivery.press(tmp_path)) == 1
    # The insurer's own copy is sealed again: its certificate may have changed meanwhile, too.
    assert {path.name: path.stat().st_ino for path in list_printed(tmp_path)} == before


def test_two_who_print_at_once_do_not_print_the_same(database, tmp_path, monkeypatch):
    delivery = Delivery(database, by_post(101, 102))
    decide = print_letters._decide
    others = []

    def decide_late(tx, draft, batch):
        if not others:
            others.append(1)
            delivery.print(tmp_path)  # the other is faster
        return decide(tx, draft, batch)

    monkeypatch.setattr(print_letters, "_decide", decide_late)
    with pytest.raises((Conflict, psycopg.errors.UniqueViolation)):
        delivery.print(tmp_path)
    assert delivery.states() == {"letter printed": 2}
    assert len(list(tmp_path.glob("*.pdf"))) == 1


def test_a_letter_whose_words_or_address_are_not_fit_is_held(database, tmp_path):
    delivery = Delivery(database, by_post(101, 102, 103, address_1="كتب 1"))
    delivery.outreach.contacts([make_line(102, email="", family_name="Autrement")])
    assert delivery.print(tmp_path).letters == 0
    assert delivery.rows("state, reason") == [
        ("held", "address_unprintable"),
        ("held", "text_changed"),
        ("held", "address_unprintable"),
    ]


def test_large_print_is_larger_and_says_the_same(database, tmp_path):
    delivery = Delivery(database, by_post(101) | by_post(102, print="gros caractères"))
    delivery.print(tmp_path)
    [index] = tmp_path.glob("*.csv")
    pages = {row["reference"]: int(row["pages"]) for row in read_index(index)}
    numbers = [row[0] for row in delivery.rows("number")]
    usual, large = (pages[KEY.post_reference(number)] for number in numbers)
    assert large > usual


def test_no_more_are_printed_in_a_day_than_a_hot_line_answers_for(database, tmp_path):
    delivery = Delivery(database, by_post(*range(101, 121)), per_hour=1)
    with database.transaction("notifier") as tx:
        allowed = print_letters_allowed(tx, delivery)
    assert allowed == 8
    assert delivery.print(tmp_path, allowed=allowed).letters == 8
    with database.transaction("notifier") as tx:
        assert print_letters_allowed(tx, delivery) == 0
    # Posted the same day, they ring all the same.
    with database.transaction("notifier") as tx:
        post_batch(tx, 501, 1, by=1)
    assert delivery.states()["letter posted"] == 8
    with database.transaction("notifier") as tx:
        assert print_letters_allowed(tx, delivery) == 0


def print_letters_allowed(tx, delivery) -> int | None:
    campaign = notice_delivery.SendingCampaign(delivery.campaign_ref, 1, 1, 1)
    delivery.begin()
    return find_allowed_letters(tx, campaign, delivery.office().now())


def test_letters_that_come_back_are_said_so_once(database, tmp_path):
    delivery = Delivery(database, by_post(101, 102, 103))
    delivery.print(tmp_path)
    with database.transaction("notifier") as tx:
        assert post_batch(tx, delivery.campaign_ref, 1, by=0) == 3
        with pytest.raises(NotFound):
            post_batch(tx, delivery.campaign_ref, 1, by=0)
    numbers = [row[0] for row in delivery.rows("number")]
    first, second = (KEY.post_reference(number) for number in numbers[:2])
    content = (
        "référence;motif\n"
        f"{first.lower()};NPAI\n"
        f"{second.replace('-', ' ')};Pli avisé et non réclamé\n"
        f"{first};NPAI\n"
        f"{second[:-1]}{'0' if second[-1] != '0' else '1'};NPAI\n"
        ";NPAI\n"
    ).encode("cp1252")
    read = read_returns(delivery.office(), content, KEY)
    assert (read.returned, read.known) == (2, 0)
    assert [(one.line, one.rule) for one in read.findings] == [
        (6, "return_reference"),
        (5, "return_unknown"),
    ]
    again = read_returns(delivery.office(), content, KEY)
    assert (again.returned, again.known) == (0, 2)
    assert delivery.rows("state, reason") == [
        ("returned", "unknown_at_address"),
        ("returned", "unclaimed"),
        ("posted", ""),
    ]


@pytest.mark.parametrize(
    "content", [b"", b"\0\0", b"a;b\n1;2\n", b"\x89PNG\r\n\x1a\n", b"pli;ref\n"]
)
def test_what_is_no_list_of_returns_is_refused(content):
    with pytest.raises(MalformedRequest):
        read_return_list(content)
