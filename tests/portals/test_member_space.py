"""What members and their insurer write to one another: disputes, messages reported, on record."""

import io
import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from PIL import Image
from tests.portals import people
from tests.portals.bench import make_client
from tests.portals.test_payers import CLAIM, add_claim, count_readings, find_person

from rempart.accounts.roles import Role

WORDS = "Je n’ai pas vu ce médecin ce jour-là"
SMS = "Remboursement en attente : confirmez sur https://remb-sante.example/a avant ce soir"
SENT = {"medium": "sms", "came_on": "20/11/2026", "acted": "non", "text": SMS, "whole": "1"}


def read(answer) -> str:
    words = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", answer.content.decode()))
    return unescape(words).replace("\u202f", " ").replace("\u00a0", " ")


def picture(name: str = "photo.jpg", *, size=(400, 300)) -> SimpleUploadedFile:
    out = io.BytesIO()
    exif = Image.Exif()
    exif[0x010F] = "48.8566 N"
    Image.new("RGB", size, (1, 2, 3)).save(out, "JPEG", exif=exif)
    return SimpleUploadedFile(name, out.getvalue(), content_type="image/jpeg")


@pytest.fixture
def place(desk) -> int:
    org = people.make_organisation(desk.database, "establishment", name="Cabinet des Lilas")
    assert org.establishment_ref is not None
    return org.establishment_ref


def enter(desk, somebody) -> Client:
    browser = Client(headers={"user-agent": "Firefox on a test bench"})
    people.sign_in(browser, desk.database, somebody)
    return browser


@pytest.fixture
def member(desk, insurer) -> people.Somebody:
    return people.make_member(desk.database, insurer)


@pytest.fixture
def ours(desk, member) -> Client:
    return enter(desk, member)


@pytest.fixture
def agent(desk, manager) -> Client:
    return enter(desk, manager)


@pytest.fixture
def claim(desk, insurer, member, place) -> int:
    person_ref = find_person(desk, member)
    add_claim(desk, insurer_id=insurer.insurer_id, person_ref=person_ref, place=place)
    return CLAIM


def dispute(ours, claim, **values) -> str:
    sent = {"reason": "not_received", "line": "1", "words": WORDS, **values}
    answer = ours.post(f"/mes-remboursements/{claim}/contester", sent)
    assert answer.status_code == 302, read(answer)
    return answer.headers["Location"]


def rows(desk, statement):
    with desk.database.transaction("owner") as tx:
        return tx.execute(statement).fetchall()


def test_a_member_says_that_care_was_not_received_and_reads_the_answer(desk, ours, agent, claim):
    assert "Je n’ai pas reçu ce soin" in read(ours.get(f"/mes-remboursements/{claim}"))
    page = dispute(ours, claim)
    shown = read(ours.get(page))
    assert WORDS in shown
    assert "en attente de réponse" in shown
    # No word in the table, nor in the insurer's list; opening it is on record first.
    [(sealed,)] = rows(desk, "SELECT sealed FROM claims.dispute")
    assert WORDS.encode() not in bytes(sealed)
    listed = agent.get("/assureur/contestations")
    assert "Cabinet des Lilas" in read(listed)
    assert WORDS not in read(listed)
    assert WORDS not in agent.get("/assureur/contestations.csv").content.decode()
    before = count_readings(desk)
    address = page.replace("/adherent/", "/assureur/")
    opened = read(agent.get(address))
    assert WORDS in opened
    assert "inscrite au registre" in opened
    assert count_readings(desk) == before + 1
    said = "Le cabinet confirme une erreur de dossier. La facture sera reprise."
    done = agent.post(address, {"outcome": "upheld", "words": said})
    assert done.status_code == 302
    answered = read(ours.get(page))
    assert "Vous avez raison" in answered
    assert said in answered
    assert agent.post(address, {"outcome": "upheld", "words": said}).status_code == 409


def test_an_answer_needs_words_and_a_finding(agent, ours, claim):
    address = dispute(ours, claim).replace("/adherent/", "/assureur/")
    answer = agent.post(address, {"words": " "})
    assert answer.status_code == 422
    assert "Choisissez une réponse." in read(answer)


def test_one_question_at_a_time_and_it_may_be_taken_back(ours, claim):
    page = dispute(ours, claim, words="")
    again = ours.post(
        f"/mes-remboursements/{claim}/contester", {"reason": "not_all", "line": "1", "words": ""}
    )
    assert again.status_code == 409
    assert "vous l’avez déjà dit" in read(again)
    assert ours.post(f"{page}/retrait").status_code == 302
    assert "retirée" in read(ours.get("/adherent/contestations"))
    assert ours.post(f"{page}/retrait").status_code == 409
    dispute(ours, claim)


def test_a_line_is_known_by_its_number_on_the_bill(desk, ours, claim):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO claims.line (claim_ref, number, act, care_on, quantity, billed_cents)"
            " SELECT claim_ref, 10, act, care_on, quantity, billed_cents FROM claims.line"
        )
    dispute(ours, claim, line="10")
    assert rows(desk, "SELECT line FROM claims.dispute") == [(10,)]


def test_a_line_that_is_not_there_and_a_claim_that_nobody_pays_are_refused(
    desk, ours, insurer, member, place
):
    add_claim(
        desk,
        insurer_id=insurer.insurer_id,
        person_ref=find_person(desk, member),
        place=place,
        state="cancelled",
    )
    page = f"/mes-remboursements/{CLAIM}/contester"
    sent = {"reason": "not_received", "words": ""}
    assert ours.post(page, {**sent, "line": "2"}).status_code == 422
    assert ours.post(page, {**sent, "line": "0"}).status_code == 409
    assert "Je n’ai pas reçu" not in read(ours.get(f"/mes-remboursements/{CLAIM}"))


def test_another_member_another_insurer_and_the_host_see_nothing_of_it(desk, ours, claim, insurer):
    page = dispute(ours, claim)
    report = ours.post("/adherent/messages-suspects/signaler", SENT).headers["Location"]
    strangers = [enter(desk, people.make_member(desk.database, insurer))]
    other = people.make_organisation(desk.database, "insurer", name="Autre mutuelle")
    strangers.append(enter(desk, people.make_member(desk.database, other)))
    for stranger in strangers:
        assert stranger.get(page).status_code == 404
        assert stranger.get(report).status_code == 404
        assert stranger.post(f"/mes-remboursements/{claim}/contester", {}).status_code == 404
    theirs = enter(desk, people.make_agent(desk.database, other, Role.INSURER_ADMIN))
    before = count_readings(desk)
    for address in (page, report, f"{report}/message", f"{report}/photo"):
        assert theirs.get(address.replace("/adherent/", "/assureur/")).status_code == 404
    assert count_readings(desk) == before
    assert "Cabinet des Lilas" not in read(theirs.get("/assureur/contestations"))


def test_a_message_is_reported_shown_disarmed_and_judged_for_all_who_sent_one(
    desk, ours, agent, insurer
):
    page = ours.post("/adherent/messages-suspects/signaler", {**SENT, "acted": "oui"}).headers[
        "Location"
    ]
    shown = ours.get(page)
    assert "hxxps://remb-sante[.]example" in read(shown)
    assert "https://remb-sante.example" not in shown.content.decode()
    assert "Appelez votre banque" in read(shown)
    assert "33700" in read(shown)
    second = enter(desk, people.make_member(desk.database, insurer))
    other = {**SENT, "text": "un autre texte, mais va sur remb-sante.example vite"}
    second.post("/adherent/messages-suspects/signaler", other)
    [(message,)] = rows(desk, "SELECT message FROM notices.suspicious ORDER BY made_at LIMIT 1")
    assert b"remb-sante" not in bytes(message)
    listed = read(agent.get("/assureur/messages-suspects"))
    assert "SMS ou messagerie" in listed
    assert "remb-sante" not in listed
    address = page.replace("/adherent/", "/assureur/")
    wave = read(agent.get(address))
    assert "Répondre à 2 personnes" in wave
    assert "remb-sante" not in wave
    before = count_readings(desk)
    opened = read(agent.get(f"{address}/message"))
    assert "remb-sante[.]example" in opened
    assert count_readings(desk) == before + 1
    agent.post(address, {"verdict": "fraud", "words": "Nous n’envoyons pas de lien."})
    for browser in (ours, second):
        mine = read(browser.get("/adherent/messages-suspects"))
        assert "C’est une fraude" in mine
    assert "Nous n’envoyons pas de lien." in read(ours.get(page))
    # Whoever sends the next one is told at once.
    third = enter(desk, people.make_member(desk.database, insurer))
    told = third.post("/adherent/messages-suspects/signaler", SENT).headers["Location"]
    assert "déjà reconnus comme des fraudes" in read(third.get(told))


def test_of_more_messages_than_are_compared_none_waits_for_ever(
    desk, ours, agent, insurer, monkeypatch
):
    monkeypatch.setattr("rempart.workflows.members.report_message.MOST_COMPARED", 1)
    second = enter(desk, people.make_member(desk.database, insurer))
    pages = [
        browser.post("/adherent/messages-suspects/signaler", {**SENT, "text": text}).headers[
            "Location"
        ]
        for browser, text in ((ours, "Allez sur un.example"), (second, "Allez sur deux.example"))
    ]
    first, last = (page.replace("/adherent/", "/assureur/") for page in pages)
    rows(
        desk,
        "UPDATE notices.suspicious SET made_at = made_at - interval '1 minute'"
        f" WHERE report_ref = {int(first.rsplit('/', 1)[1])} RETURNING 1",
    )
    assert agent.get(first).status_code == 404
    agent.post(last, {"verdict": "fraud", "words": ""})
    assert agent.get(first).status_code == 200


def test_a_photograph_is_sealed_without_its_place_and_opened_on_record(desk, ours, agent):
    sent = {**SENT, "text": "", "photo": picture()}
    page = ours.post("/adherent/messages-suspects/signaler", sent).headers["Location"]
    [(photo,)] = rows(desk, "SELECT photo FROM notices.suspicious")
    assert b"48.8566" not in bytes(photo)
    assert bytes(photo)[13:15] != b"\xff\xd8"
    address = page.replace("/adherent/", "/assureur/")
    before = count_readings(desk)
    answer = agent.get(f"{address}/photo")
    assert answer.headers["Content-Type"] == "image/jpeg"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert Image.open(io.BytesIO(answer.content)).size == (400, 300)
    assert b"48.8566" not in answer.content
    assert count_readings(desk) == before + 1
    assert f"{address}/photo" in agent.get(f"{address}/message").content.decode()


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        ({"photo": picture("facture.pdf.exe")}, "Ce n’est pas une photo"),
        ({"photo": picture("photo\u202egpj.exe")}, "Ce n’est pas une photo"),
        (
            {"photo": SimpleUploadedFile("a.jpg", b"MZ\x90", content_type="image/jpeg")},
            "ne se lit pas comme une photo",
        ),
        ({"photo": SimpleUploadedFile("a.jpg", b"", content_type="image/jpeg")}, "vide"),
        ({"whole": ""}, "trop grande"),
        ({"text": " "}, "Copiez le message"),
        ({"came_on": "24/12/2026"}, "pas encore venu"),
        ({"medium": ""}, "Choisissez une réponse."),
        ({"text": "a" * 3_501}, "3500"),
    ],
)
def test_what_cannot_be_taken_is_said_beside_its_field(desk, ours, sent, said):
    answer = ours.post("/adherent/messages-suspects/signaler", {**SENT, **sent})
    assert answer.status_code == 422
    assert said in read(answer)
    assert rows(desk, "SELECT 1 FROM notices.suspicious") == []


def test_a_photograph_of_nine_megabytes_is_left_unread(desk, ours):
    large = SimpleUploadedFile("a.jpg", b"\xff\xd8" + bytes(9_000_000), content_type="image/jpeg")
    answer = ours.post(
        "/adherent/messages-suspects/signaler",
        {**{name: value for name, value in SENT.items() if name != "whole"}, "photo": large}
        | {"whole": "1"},
    )
    assert answer.status_code == 422
    assert "trop grande" in read(answer)
    assert rows(desk, "SELECT 1 FROM notices.suspicious") == []


def test_a_flood_stops_at_five_a_day_and_what_was_sent_stays(desk, ours):
    desk.clock = datetime.now(UTC)  # a day is counted by the database
    for _ in range(5):
        sent = ours.post("/adherent/messages-suspects/signaler", SENT)
        assert sent.status_code == 302
    answer = ours.post("/adherent/messages-suspects/signaler", SENT)
    assert answer.status_code == 429
    assert "revenez demain" in read(answer)
    assert rows(desk, "SELECT count(*) FROM notices.suspicious") == [(5,)]


def test_without_the_bound_the_flood_goes_on(desk, ours):
    """The mutation: nothing counts."""
    with desk.database.transaction("owner") as tx:
        tx.execute("ALTER TABLE notices.suspicious DISABLE TRIGGER bound_reports")
    try:
        for _ in range(6):
            sent = ours.post("/adherent/messages-suspects/signaler", SENT)
            assert sent.status_code == 302
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute("ALTER TABLE notices.suspicious ENABLE TRIGGER bound_reports")


def test_an_old_message_is_no_part_of_a_wave(desk, ours, agent):
    ours.post("/adherent/messages-suspects/signaler", SENT)
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE notices.suspicious SET made_at = %s", (desk.clock - timedelta(days=91),))
    assert "Aucun message signalé." in read(agent.get("/assureur/messages-suspects"))


def test_pages_are_signed_for_by_whoever_may_not_read_them(desk):
    browser = make_client()
    for address in ("/adherent/contestations", "/assureur/messages-suspects"):
        assert browser.get(address).headers["Location"].startswith("/connexion")
