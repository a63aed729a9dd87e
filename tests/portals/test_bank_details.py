"""« Coordonnées bancaires » in a browser: what is shown, who may, and what a thief meets."""

import re
from datetime import timedelta

import pytest
from django.test import Client
from tests.portals import people
from tests.workflows.practice import CLOSE, MATCHING, OLD, SILENT, WRONG, Practice

from rempart.accounts.bank_details import ChangeState, Obstacle, PayeeCheck
from rempart.accounts.events import SecurityEventKind
from rempart.accounts.roles import Role
from rempart.portals import bank_wording

PAGE = "/etablissement/rib"
NEW, BEFORE = MATCHING.number[-4:], OLD.number[-4:]


@pytest.fixture
def practice(desk) -> Practice:
    practice = Practice(desk.database, "Pharmacie du Rempart")
    practice.open_account()
    desk.clock = desk.clock.now(desk.clock.tzinfo)
    return practice


@pytest.fixture
def claire(practice, browser):
    claire = practice.hire()
    people.sign_in(browser, practice.database, claire)
    return claire


@pytest.fixture
def colleague(practice, claire) -> Client:
    """Another browser, of a manager of the same establishment."""
    return open_browser(practice, practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai"))


def open_browser(practice, who) -> Client:
    browser = Client(enforce_csrf_checks=True, headers={"user-agent": "Firefox on a test bench"})
    people.sign_in(browser, practice.database, who)
    return browser


def send(browser, page, values=None, *, action=None):
    """Open a page and send its form, with the page's own CSRF token."""
    opened = browser.get(page, follow=True).content.decode()
    token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', opened)
    assert token, opened
    return browser.post(
        action or page, {"csrfmiddlewaretoken": token[1], **(values or {})}, follow=True
    )


def propose(browser, iban=MATCHING):
    return send(browser, f"{PAGE}/changer", {"iban": iban.format()})


def find_change(practice) -> int:
    [(ref,)] = practice.fetch(
        "SELECT change_ref FROM accounts.bank_details WHERE state IN ('proposed', 'cooling')"
    )
    return ref


def read(response) -> str:
    """Return what a page says, tags and spare spaces left out."""
    text = re.sub(r"<[^>]+>", " ", response.content.decode())
    return re.sub(r"\s+", " ", text.replace("&#x27;", "'"))


def test_the_page_shows_four_characters_of_the_account_and_since_when(browser, claire):
    page = read(browser.get(PAGE))
    assert f"•••• {BEFORE}" in page
    assert "Depuis le" in page
    assert OLD.number not in page.replace(" ", "")
    assert "Pharmacie du Rempart" in page


def test_a_change_alone_is_shown_with_old_and_new_and_its_first_day(browser, practice, claire):
    practice.add_address("pharmacie@example.invalid")
    practice.add_address("claire@example.invalid", somebody=claire)
    page = read(propose(browser))
    assert f"•••• {BEFORE}" in page
    assert f"•••• {NEW}" in page
    assert "Nous avons prévenu 2 contacts." in page
    assert "La banque confirme" in page
    assert "Claire Essai" in page
    assert "Jusque-là, les paiements vont à l’ancien compte." in page
    assert "Ce n’était pas moi" in page
    assert MATCHING.number not in page.replace(" ", "")


def test_each_of_ones_own_steps_leads_to_its_report(browser, practice, claire, colleague):
    propose(browser)
    link = re.search(
        r'href="(/compte/evenements/\d+/signaler)"', browser.get(PAGE).content.decode()
    )
    assert link
    assert browser.get(link[1]).status_code == 200
    assert "/compte/evenements/" not in colleague.get(PAGE).content.decode()


def test_nobody_known_to_warn_is_said(browser, claire):
    assert "personne n’a pu être prévenu" in read(propose(browser))


def test_a_colleague_approves_after_looking_at_it(browser, practice, claire, colleague):
    page = read(propose(browser))
    assert "Une autre personne de l’établissement doit approuver" in page
    assert "Examiner pour approuver" not in page
    assert "Examiner pour approuver" in read(colleague.get(PAGE))
    approve = f"{PAGE}/{find_change(practice)}/approuver"
    assert "de vive voix" in read(colleague.get(approve))
    page = read(send(colleague, approve))
    assert "En attente" in page
    assert "Denis Essai" in page
    practice.let_time_pass()
    page = read(browser.get(PAGE))
    assert f"Compte •••• {NEW}" in page
    assert practice.list_states() == [(BEFORE, "replaced"), (NEW, "active")]


def test_one_does_not_approve_ones_own(browser, practice, claire, colleague):
    propose(browser)
    approve = f"{PAGE}/{find_change(practice)}/approuver"
    assert browser.get(approve).status_code == 302
    refused = send(browser, PAGE, action=approve)
    assert refused.status_code == 409
    assert "une autre personne doit l’approuver" in read(refused)
    assert practice.list_states()[-1] == (NEW, "proposed")


def test_a_colleague_refuses_and_anybody_stops(browser, practice, claire, colleague):
    propose(browser)
    page = read(send(colleague, PAGE, action=f"{PAGE}/{find_change(practice)}/arreter"))
    assert "Refusé" in page
    propose(browser)
    page = read(send(browser, PAGE, action=f"{PAGE}/{find_change(practice)}/arreter"))
    assert "Annulé" in page
    assert practice.list_events() == ["proposed", "refused", "proposed", "cancelled"]


def test_stopping_twice_says_who_was_first(browser, practice, claire):
    propose(browser)
    ref = find_change(practice)
    send(browser, PAGE, action=f"{PAGE}/{ref}/arreter")
    again = send(browser, PAGE, action=f"{PAGE}/{ref}/arreter")
    assert again.status_code == 409
    assert "déjà décidé" in read(again)


def test_stopping_too_late_says_what_to_do(browser, practice, claire):
    propose(browser)
    ref = find_change(practice)
    practice.let_time_pass()
    late = send(browser, f"{PAGE}/changer", action=f"{PAGE}/{ref}/arreter")
    assert late.status_code == 409
    assert "appelez l’opérateur" in read(late)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("", "Recopiez l’IBAN"),
        ("FR76 0000", "n’est pas valide"),
        (MATCHING.format()[:-1] + "x", "n’est pas valide"),
        ("GB33BUKB20201555555550", "n’est pas valide"),
        ("<script>alert(1)</script>", "n’est pas valide"),
        ("9" * 61, "60"),
    ],
)
def test_a_wrong_iban_is_refused_beside_its_field(browser, practice, claire, typed, words):
    refused = send(browser, f"{PAGE}/changer", {"iban": typed})
    assert refused.status_code == 422
    assert words in read(refused)
    assert b"<script>alert" not in refused.content
    assert practice.list_states() == [(BEFORE, "active")]


def test_spaces_and_small_letters_are_welcome(browser, practice, claire):
    send(browser, f"{PAGE}/changer", {"iban": f"  {MATCHING.number.lower()} "})
    assert practice.list_states()[-1] == (NEW, "cooling")


@pytest.mark.parametrize(
    ("iban", "words", "days"),
    [
        (MATCHING, "La banque confirme", 3),
        (CLOSE, "un nom proche", 7),
        (SILENT, "n’a pas répondu", 7),
    ],
)
def test_what_the_bank_said_is_shown_and_counts(browser, practice, claire, iban, words, days):
    assert words in read(propose(browser, iban))
    [(waited,)] = practice.fetch(
        "SELECT active_from - proposed_at FROM accounts.bank_details WHERE state = 'cooling'"
    )
    assert waited == timedelta(days=days)


def test_a_page_open_too_long_asks_again_who_one_is(desk, browser, practice, claire):
    desk.clock += timedelta(minutes=6)
    sent = browser.get(f"{PAGE}/changer")
    assert sent.status_code == 302
    assert sent.headers["Location"].startswith("/confirmation?next=")
    assert browser.get(PAGE).status_code == 200


def test_an_old_ceremony_neither_proposes_nor_approves_but_stops(
    desk, browser, practice, claire, colleague
):
    propose(browser)
    ref = find_change(practice)
    desk.clock += timedelta(minutes=6)
    for address, values in (
        (f"{PAGE}/changer", {"iban": CLOSE.format()}),
        (f"{PAGE}/{ref}/approuver", {}),
    ):
        token = re.search(
            r'name="csrfmiddlewaretoken" value="([^"]+)"', colleague.get(PAGE).content.decode()
        )[1]
        sent = colleague.post(address, {"csrfmiddlewaretoken": token, **values})
        assert sent.headers["Location"].startswith("/confirmation?next=")
    assert practice.list_states()[-1] == (NEW, "proposed")
    send(colleague, PAGE, action=f"{PAGE}/{ref}/arreter")
    assert practice.list_states()[-1] == (NEW, "refused")


@pytest.mark.parametrize("role", [Role.LOCUM, Role.ASSISTANT])
def test_a_locum_or_an_assistant_is_told_no(browser, practice, claire, role):
    propose(browser)
    ref = find_change(practice)
    other = open_browser(practice, practice.hire(role, "Une personne de passage"))
    for address in (PAGE, f"{PAGE}.csv", f"{PAGE}/changer", f"{PAGE}/{ref}/approuver"):
        assert other.get(address).status_code == 403, address
    token = re.search(
        r'name="csrfmiddlewaretoken" value="([^"]+)"', other.get(PAGE).content.decode()
    )[1]
    for address in (f"{PAGE}/{ref}/arreter", f"{PAGE}/{ref}/approuver", f"{PAGE}/changer"):
        sent = other.post(address, {"csrfmiddlewaretoken": token, "iban": CLOSE.format()})
        assert sent.status_code == 403, address
    assert practice.list_states()[-1] == (NEW, "cooling")


def test_another_establishments_change_looks_like_one_that_does_not_exist(
    browser, practice, claire
):
    propose(browser)
    ref = find_change(practice)
    elsewhere = Practice(practice.database, "Un autre cabinet")
    thief = open_browser(elsewhere, elsewhere.hire(name="Un voleur"))
    assert thief.get(f"{PAGE}/{ref}/approuver").status_code == 404
    for step in ("approuver", "arreter"):
        answers = [
            send(thief, f"{PAGE}/changer", action=f"{PAGE}/{one}/{step}")
            for one in (ref, 1, 2**63 - 1, 2**63)
        ]
        assert {answer.status_code for answer in answers} == {404}
        tokenless = {
            re.sub(r'value="[^"]{64}"|/\d+/', "", answer.content.decode()) for answer in answers
        }
        assert len(tokenless) == 1
    assert NEW not in read(thief.get(PAGE))
    assert practice.list_states()[-1] == (NEW, "cooling")


@pytest.mark.parametrize("step", ["changer", "{ref}/approuver", "{ref}/arreter"])
def test_a_form_from_elsewhere_does_nothing(browser, practice, claire, colleague, step):
    propose(browser)
    address = f"{PAGE}/{step.format(ref=find_change(practice))}"
    assert colleague.post(address, {"iban": CLOSE.format()}).status_code == 403
    forged = {"csrfmiddlewaretoken": "x" * 64, "iban": CLOSE.format()}
    assert colleague.post(address, forged).status_code == 403
    assert practice.list_states()[-1] == (NEW, "proposed")


def test_stopping_is_never_a_link(browser, practice, claire):
    propose(browser)
    assert browser.get(f"{PAGE}/{find_change(practice)}/arreter").status_code == 405


def test_nobody_is_asked_about_an_account_while_a_change_is_pending(
    desk, browser, practice, claire, monkeypatch
):
    propose(browser)
    asked = []
    monkeypatch.setattr(type(desk.payee_provider), "check", lambda *args: asked.append(args))
    refused = send(browser, PAGE, {"iban": CLOSE.format()}, action=f"{PAGE}/changer")
    assert refused.status_code == 409
    assert "déjà en cours" in read(refused)
    assert asked == []


def test_first_account_payments_are_held_and_the_page_says_so(desk):
    practice = Practice(desk.database)
    desk.clock = desk.clock.now(desk.clock.tzinfo)
    browser = open_browser(practice, practice.hire())
    assert "Les paiements sont gardés : aucun compte" in read(browser.get(PAGE))
    assert "Donner un compte" in read(browser.get(PAGE))
    page = read(propose(browser))
    assert "Les paiements sont gardés jusqu’au" in page
    assert "aucun compte" in page


def add_history(practice, count):
    for number in range(count):
        practice.run(
            "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
            " last_digits, state, proposed_at, active_from, ended_at)"
            " VALUES (%s, %s, '\\x00', %s, 'replaced', now() - %s * interval '10 days',"
            " now() - %s * interval '10 days', now())",
            *(number + 1, practice.establishment_ref, f"{number:04d}", number + 1, number + 1),
        )


def test_the_history_is_sorted_and_paged(browser, practice, claire):
    add_history(practice, 24)
    first = read(browser.get(f"{PAGE}?tri=account&sens=asc"))
    assert "1 à 20 sur 25" in first
    assert first.index("•••• 0000") < first.index("•••• 0001") < first.index("•••• 0019")
    second = read(browser.get(f"{PAGE}?tri=account&sens=asc&page=2"))
    assert "21 à 25 sur 25" in second
    for column in ("asked", "state", "by", "approved", "begins", "ends", "nothing"):
        assert browser.get(f"{PAGE}?tri={column}&page=x").status_code == 200
    assert "Rien sur cette page" in read(browser.get(f"{PAGE}?page=9"))


def test_the_history_as_a_file_is_in_the_order_of_the_page(browser, practice, claire):
    add_history(practice, 3)
    file = browser.get(f"{PAGE}.csv?tri=account&sens=asc").content.decode("utf-8-sig")
    header, *lines = file.splitlines()
    assert header.startswith("Demandé le;Compte;État")
    assert [line.split(";")[1] for line in lines][:3] == [f"•••• {n:04d}" for n in range(3)]
    assert OLD.number not in file


@pytest.fixture
def host(practice):
    org = people.make_organisation(practice.database, "operator", name="Opérateur")
    odile = people.make_agent(practice.database, org, Role.OPERATOR_SECURITY, name="Odile Essai")
    return open_browser(practice, odile)


def test_the_operator_approves_what_nobody_else_can(browser, practice, claire, host):
    page = read(propose(browser, WRONG))
    assert "L’opérateur doit approuver" in page
    listed = read(host.get("/console/rib"))
    assert "1 changement attend l’opérateur." in listed
    assert "Pharmacie du Rempart" in listed
    settle = f"/console/rib/{find_change(practice)}/approuver"
    assert "jamais à un numéro reçu avec la demande" in read(host.get(settle))
    assert "En attente" in read(send(host, settle))
    page = read(browser.get(PAGE))
    assert "l’opérateur" in page
    assert "Odile" not in page


def test_the_operator_leaves_to_colleagues_what_is_theirs(
    browser, practice, claire, colleague, host
):
    propose(browser)
    settle = f"/console/rib/{find_change(practice)}/approuver"
    assert "Examiner" not in read(host.get("/console/rib"))
    refused = send(host, "/console/rib", action=settle)
    assert refused.status_code == 409
    assert "c’est à elle de le faire" in read(refused)


def test_the_operator_stops_what_should_not_be(browser, practice, claire, host):
    propose(browser)
    ref = find_change(practice)
    assert "Aucun changement" in read(send(host, "/console/rib", action=f"{PAGE}/{ref}/arreter"))
    assert practice.list_states()[-1] == (NEW, "cancelled")
    again = send(host, "/console", action=f"{PAGE}/{ref}/arreter")
    assert again.status_code == 200
    assert host.get(f"/console/rib/{ref}/approuver").status_code == 404


def test_the_list_of_the_operator_is_sorted_and_exported(browser, practice, claire, host):
    propose(browser)
    other = Practice(practice.database, "Cabinet d'ailleurs")
    propose(open_browser(other, other.hire()))
    page = read(host.get("/console/rib?tri=place&sens=asc"))
    assert page.index("Cabinet d'ailleurs") < page.index("Pharmacie du Rempart")
    for column in ("asked", "account", "check", "state", "approver", "begins"):
        assert host.get(f"/console/rib?tri={column}").status_code == 200
    file = host.get("/console/rib.csv?tri=place&sens=desc").content.decode("utf-8-sig")
    assert [line.split(";")[1] for line in file.splitlines()[1:]] == [
        *("Pharmacie du Rempart, Paris", "Cabinet d'ailleurs, Paris"),
    ]


@pytest.mark.parametrize("role", [Role.OPERATOR_OPS, Role.OPERATOR_DPO])
def test_other_agents_of_the_operator_have_no_business_there(practice, host, role):
    org = people.make_organisation(practice.database, "operator")
    agent = open_browser(practice, people.make_agent(practice.database, org, role))
    assert agent.get("/console/rib").status_code == 403


def test_an_operator_hosted_by_another_finds_nothing_there(practice, browser, claire, host):
    propose(browser, WRONG)
    org = people.make_organisation(practice.database, "operator")
    guest = people.make_organisation(practice.database, "operator", hosted_by=org.org_ref)
    agent = open_browser(
        practice, people.make_agent(practice.database, guest, Role.OPERATOR_SECURITY)
    )
    assert agent.get("/console/rib").status_code == 404
    assert agent.get("/console/rib.csv").status_code == 404
    settle = f"/console/rib/{find_change(practice)}/approuver"
    assert agent.get(settle).status_code == 404


def test_the_pages_speak_english_too(browser, practice, claire):
    browser.cookies["rempart_language"] = "en"
    practice.add_address("pharmacie@example.invalid")
    page = read(propose(browser))
    assert "Bank details" in page
    assert "We warned 1 contact." in page
    assert "Coordonnées" not in page


def test_every_code_has_its_words():
    assert set(bank_wording.STATES) == set(bank_wording.LOOKS) == set(ChangeState)
    assert set(bank_wording.CHECKS) == set(bank_wording.SHORT_CHECKS) == set(PayeeCheck)
    assert set(bank_wording.OBSTACLES) == set(Obstacle)
    kinds = {kind for kind in SecurityEventKind if kind.startswith("bank_details")}
    assert set(bank_wording.STEPS) == kinds
