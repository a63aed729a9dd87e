"""« Suis-je concerné ? »: codes and cards for anybody, what a wrong one gives, and how often."""

import base64
import json
import re
from datetime import date
from html import unescape

import pytest
from django.http import Http404
from django.test import Client
from tests.concerned_samples import FACTS, Campaign, give_card, publish
from tests.package_samples import Affair
from tests.portals import people
from tests.portals.pages import read

from rempart.accounts.allowance import Allowance
from rempart.disclosure.fields import FIELD_LABELS, Field
from rempart.notices.codes import derive_code, digest_code
from rempart.notices.self_check import ENTRY_BYTES, compute_prefix, read_bucket
from rempart.portals.allowances import ANSWERS, AddressAllowance
from rempart.storage.card_prints import PrintSeal
from rempart.workflows.notices import answer_concerned
from rempart.workflows.notices.make_self_checks import ListMaker, make_self_checks

TOKEN = re.compile(rb'name="csrfmiddlewaretoken" value="\w+"')
PERSON = 101


def strip(answer) -> tuple[int, bytes, dict[str, str]]:
    """Return what an answer says, without the token of its forms."""
    headers = {k: v for k, v in answer.headers.items() if k != "Set-Cookie"}
    return answer.status_code, TOKEN.sub(b"", answer.content), headers


@pytest.fixture
def mine(desk) -> people.Organisation:
    people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    return people.make_organisation(desk.database, "insurer", name="Mutuelle Aubelune")


@pytest.fixture
def affair(desk, mine) -> Affair:
    """An incident that the insurer was told of."""
    affair = Affair(desk.database)
    affair.add_key(mine.insurer_id)
    affair.know(mine.insurer_id, PERSON)
    affair.analyse([(mine.insurer_id, PERSON, "A")])
    affair.make()
    affair.send(mine.insurer_id)
    yield affair
    with affair.database.connect("admin", autocommit=True) as admin:
        admin.execute("TRUNCATE identity.person, identity.insurer_key")


@pytest.fixture
def campaign(affair, mine) -> Campaign:
    campaign = Campaign(affair, mine.insurer_id)
    campaign.approve()
    return campaign


@pytest.fixture
def anybody(desk) -> Client:
    desk.allowances.answers = AddressAllowance(
        "answer", Allowance(rate_per_s=1000, burst=1000), desk.signin
    )
    return Client(headers={"user-agent": "Firefox on a test bench"})


def test_a_code_gives_the_words_of_its_message_without_a_name(anybody, campaign):
    code = campaign.write(PERSON)
    page = read(anybody.post("/suis-je-concerne", {"code": code.lower().replace("-", " ")}))
    for words in (
        "Ce message est vrai",
        "Vous êtes concerné(e) par un vol de données. C’est établi.",
        "Bonjour Madame, Monsieur,",
        FACTS.case_reference,
        FIELD_LABELS[Field.NIR].fr,
        FIELD_LABELS[Field.BANK_DETAILS].fr,
        "Lettre-plainte",
        "17cyber.gouv.fr",
    ):
        assert words in page


def test_a_code_gives_the_same_in_english(anybody, campaign):
    code = campaign.write(PERSON)
    anybody.cookies["rempart_language"] = "en"
    page = read(anybody.post("/suis-je-concerne", {"code": code}))
    assert "You are concerned by a theft of data. This is established." in page
    assert FIELD_LABELS[Field.NIR].en in page


@pytest.mark.parametrize(
    ("more", "words"),
    [
        (
            {"certainty": "B", "doubt": "shared_session"},
            "Vous êtes très probablement concerné(e)",
        ),
        ({"certainty": "C", "doubt": "explained_or_hole"}, "ou une partie des journaux manque"),
        ({"relation": "minor"}, "Ce message est pour votre enfant, que vous représentez."),
        (
            {
                "relation": "former",
                "left_on": date(2025, 6, 30),
                "kept_until": date(2027, 6, 30),
                "kept_why": "reimbursements",
            },
            "Votre contrat a pris fin le lundi 30 juin 2025",
        ),
        ({"channel": "email", "state": "sent"}, "C’est établi"),
        ({"channel": "space", "state": "sent"}, "C’est établi"),
        ({"state": "waiting", "attempts": 1}, "C’est établi"),
    ],
)
def test_each_reader_is_told_what_their_message_says(anybody, campaign, more, words):
    code = campaign.write(PERSON, **more)
    assert words in read(anybody.post("/suis-je-concerne", {"code": code}))


def list_wrong_codes(campaign) -> dict[str, str]:
    """Return codes that lead to nothing, by what is wrong with each."""
    waiting = campaign.write(102, state="waiting")
    held, dropped = campaign.write(103, state="held"), campaign.write(104, state="dropped")
    right = campaign.write(PERSON)
    slip = ("1" if right[0] != "1" else "2") + right[1:]
    return {
        "empty": "",
        "spaces": "   ",
        "a slip of the hand": slip,
        "never printed": derive_code(bytes(32), 1, 1),
        "not sent yet": waiting,
        "held": held,
        "dropped": dropped,
        "too long": "A" * 39,
        "not letters": "é\u202e<b>☃{0}%s'",
        "a card's secret": "0" * 26,
    }


@pytest.mark.parametrize("address", ["/suis-je-concerne", "/courrier"])
def test_every_wrong_code_is_answered_by_the_same_bytes(anybody, campaign, address):
    answers = {
        what: strip(anybody.post(address, {"code": code}))
        for what, code in list_wrong_codes(campaign).items()
    }
    first = answers["empty"]
    assert first[0] == 422
    assert {what for what, one in answers.items() if one != first} == set()


def test_mutation_a_page_that_looks_at_the_code_first_tells_them_apart(
    anybody, campaign, monkeypatch
):
    real = answer_concerned.read_code

    def hasty(tx, text):
        if digest_code(text) is None:
            raise Http404
        return real(tx, text)

    monkeypatch.setattr(answer_concerned, "read_code", hasty)
    codes = list_wrong_codes(campaign).values()
    answers = [strip(anybody.post("/suis-je-concerne", {"code": code})) for code in codes]
    assert any(one != answers[0] for one in answers)


def test_a_wrong_code_asks_the_database_what_a_right_one_asks(desk, campaign, monkeypatch):
    """The same steps, so the same time: one look, whatever is wrong with the code."""
    asked: list[bytes] = []
    real = answer_concerned.concerned.answer_code

    def count(tx, digest):
        asked.append(digest)
        return real(tx, digest)

    monkeypatch.setattr(answer_concerned.concerned, "answer_code", count)
    codes = [*list_wrong_codes(campaign).values(), campaign.write(105)]
    for code in codes:
        with desk.transaction() as tx:
            answer_concerned.read_code(tx, code)
    assert len(asked) == len(codes)
    assert {len(digest) for digest in asked} == {32}


def test_nothing_that_was_typed_comes_back(anybody, campaign):
    page = anybody.post("/suis-je-concerne", {"code": "KQ7Z-ESSA-YONS-X"}).content
    assert b"KQ7Z" not in page


def test_codes_are_tried_a_few_times_a_minute_from_one_network(desk, campaign):
    browser = Client()
    code = campaign.write(PERSON)
    for _ in range(ANSWERS.burst):
        assert browser.post("/courrier", {"code": "x"}).status_code == 422
    late = browser.post("/suis-je-concerne", {"code": code})
    assert late.status_code == 429
    assert "Trop d’essais" in read(late)
    assert "C’est établi" not in read(late)


def test_a_correction_is_what_a_former_code_gives_first(anybody, campaign, affair, mine):
    code = campaign.write(PERSON)
    campaign.end()
    later = Campaign(
        affair, mine.insurer_id, number=2, kind="correction", written_on=date(2025, 12, 8)
    )
    later.write(PERSON, certainty="C", doubt="explained", former=campaign.find_number(PERSON))
    later.approve()
    answer = anybody.post("/suis-je-concerne", {"code": code})
    page = read(answer)
    assert page.index("Nous ne pouvons pas exclure") < page.index("C’est établi")
    assert "Ce message remplace celui du mercredi 26 novembre 2025" in page
    assert "Un message plus récent l’a remplacé" in page


def test_a_retraction_offers_no_complaint(anybody, campaign, affair, mine):
    code = campaign.write(PERSON)
    campaign.end()
    later = Campaign(affair, mine.insurer_id, number=2, kind="retraction")
    later.write(PERSON, certainty="D", fields=0, not_exposed=0, former=campaign.find_number(PERSON))
    later.approve()
    answer = anybody.post("/suis-je-concerne", {"code": code})
    assert b'id="complaint"' not in answer.content
    assert "Vous n’êtes pas concerné(e)" in read(answer)


def test_whether_a_letter_is_genuine_says_nothing_of_its_reader(anybody, campaign):
    code = campaign.write(PERSON)
    page = read(anybody.post("/courrier", {"code": code}))
    assert "Un message parti d’ici porte ce code" in page
    assert FACTS.sender.name in page
    for words in ("établi", FIELD_LABELS[Field.NIR].fr, "concerné(e) par"):
        assert words not in page


def test_a_message_of_an_exercise_says_so(anybody, desk, mine):
    affair = Affair(desk.database, exercise=True)
    affair.add_key(mine.insurer_id)
    affair.analyse([(mine.insurer_id, PERSON, "A")])
    affair.know(mine.insurer_id, PERSON)
    affair.make()
    affair.send(mine.insurer_id)
    campaign = Campaign(affair, mine.insurer_id)
    code = campaign.write(PERSON)
    campaign.approve()
    for address in ("/suis-je-concerne", "/courrier"):
        assert "EXERCICE" in read(anybody.post(address, {"code": code}))
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("TRUNCATE identity.person, identity.insurer_key")


# ---------------------------------------------------------------------------- by card


@pytest.fixture
def carded(desk, affair, campaign, mine):
    """A card of the person concerned, and the list that answers it."""
    campaign.write(PERSON)
    address = publish(affair, mine.insurer_id)
    card = give_card(
        desk.database,
        mine.insurer_id,
        [(PERSON, "19700101")],
        seal=PrintSeal(bytes(32)),
        secret=bytes(range(16)),
    )
    with (
        desk.database.connect("notifier", autocommit=True) as notices,
        desk.database.connect("feeds", autocommit=True) as cards,
    ):
        make_self_checks(
            ListMaker(
                notices=notices,
                cards=cards,
                prints=PrintSeal(bytes(32)),
                draw=lambda size: bytes([7]) * size,
                now=desk.now(),
            )
        )
    return card, address


def read_lists(page: bytes) -> list[dict[str, object]]:
    found = re.search(rb'data-lists="([^"]*)"', page)
    assert found is not None
    return list(json.loads(unescape(found[1].decode())))


def test_a_card_is_checked_with_what_the_page_serves(anybody, carded):
    card, (amc_number, _) = carded
    [one] = read_lists(anybody.get("/suis-je-concerne").content)
    assert one["realm"] == amc_number
    prefix = compute_prefix(amc_number, card.serial, int(str(one["bits"])))
    bucket = anybody.get(f"/suis-je-concerne/listes/{one['ref']}/{prefix}")
    assert bucket.headers["Content-Type"] == "application/octet-stream"
    assert len(bucket.content) % ENTRY_BYTES == 0
    [answer] = read_bucket(bucket.content, base64.b64decode(str(one["salt"])), card.secret)
    assert answer.exposed == Field.NIR | Field.FAMILY_NAME


@pytest.mark.parametrize("address", ["1/0", "99999999999999999999/0", "1/99999999", "{ref}/1"])
def test_a_bucket_that_is_not_there_is_no_page(anybody, carded, address):
    [one] = read_lists(anybody.get("/suis-je-concerne").content)
    answer = anybody.get(f"/suis-je-concerne/listes/{address.format(ref=one['ref'])}")
    assert answer.status_code == 404


def test_without_a_published_page_there_is_nothing_to_check(anybody, campaign):
    campaign.write(PERSON)
    page = anybody.get("/suis-je-concerne").content
    assert b'id="by-card"' not in page
    assert b'id="by-code"' in page
