"""« Vérifier des droits »: what is asked, what is answered, what is wrong, what does not answer."""

import re
from datetime import UTC, datetime
from ipaddress import ip_network

import httpx
import pytest
from tests.portals import people, samples

from rempart.portals.views import checks


def read(answer) -> str:
    """Return the words of a page, without its tags, spaces made plain."""
    text = re.sub(r"<[^>]+>", " ", answer.content.decode())
    return re.sub(r"\s+", " ", text.replace("\u202f", " "))


def test_a_scanned_card_needs_nothing_but_the_code(professional, gateway, press):
    """The domain is the pharmacist's usual one, the day is today: the scanner's Enter is enough."""
    page = professional.get("/verifier").content.decode()
    [code] = re.findall(r'<input[^>]*name="card_code"[^>]*>', page)
    assert "autofocus" in code
    assert '<option value="PHAR" selected>' in page
    assert 'value="22/11/2026"' in page
    answer = press("/verifier", {**samples.CARD_FORM, "care_date": "22/11/2026"})
    assert answer.status_code == 200
    assert gateway.body == {
        "identifiers": {"mode": "card", "card_code": samples.CARD},
        "domain": "PHAR",
        "care_date": "2026-11-22",
        "purpose": "billing",
    }


@pytest.mark.parametrize("typed", ["7k3mq2zx0v9t5rbnhc41", "7K3M Q2ZX OV9T 5RBN HC4I"])
def test_a_code_copied_by_hand_is_forgiven_case_spaces_and_look_alikes(
    professional, gateway, press, typed
):
    press("/verifier", {**samples.CARD_FORM, "card_code": typed})
    assert gateway.body["identifiers"]["card_code"] == samples.CARD


def test_typed_identifiers_go_out_as_the_api_wants_them(professional, gateway, press):
    press("/verifier/saisie", samples.TYPED)
    assert gateway.body["identifiers"] == {
        "mode": "typed",
        "amc_number": samples.AMC.number,
        "insured_nir": samples.NIR.format_compact(),
        "birth_date": "19840512",
        "birth_rank": 1,
    }


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("12/05/1984", "19840512"),
        ("12051984", "19840512"),
        ("19840512", "19840512"),
        ("1984-05-12", "19840512"),
        ("01/19/1942", "19421901"),
        ("19121960", "19601219"),
    ],
)
def test_a_birth_date_is_read_in_the_order_the_form_asks_for(
    professional, gateway, press, typed, sent
):
    press("/verifier/saisie", {**samples.TYPED, "birth_date": typed})
    assert gateway.body["identifiers"]["birth_date"] == sent


def test_the_gateway_learns_who_really_asks(professional, gateway, press):
    press("/verifier", samples.CARD_FORM)
    headers = gateway.requests[-1].headers
    assert headers["Authorization"] == "DPoP a-token"
    assert headers["X-Forwarded-For"] == "127.0.0.1"
    assert headers["User-Agent"] == "Firefox on a test bench"
    assert headers["Accept-Language"] == "fr"
    assert len(headers["Idempotency-Key"]) >= 16


@pytest.mark.parametrize(
    ("peer", "forwarded", "told"),
    [
        ("127.0.0.1", "203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "198.51.100.1, 203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "203.0.113.9, 127.0.0.1", "203.0.113.9"),
        ("127.0.0.1", "nonsense", "127.0.0.1"),
        ("203.0.113.50", "198.51.100.1", "203.0.113.50"),
        ("::ffff:127.0.0.1", "::ffff:203.0.113.9", "203.0.113.9"),
        ("127.0.0.1", "FE80::1%eth0", "fe80::1"),
    ],
)
def test_an_address_is_believed_from_our_own_proxies_only(
    professional, gateway, peer, forwarded, told
):
    page = professional.get("/verifier").content.decode()
    token = re.findall(r'name="csrfmiddlewaretoken" value="([^"]+)"', page)[0]
    professional.post(
        "/verifier",
        {**samples.CARD_FORM, "csrfmiddlewaretoken": token},
        headers={"X-Forwarded-For": forwarded},
        REMOTE_ADDR=peer,
    )
    assert gateway.requests[-1].headers["X-Forwarded-For"] == told


def test_a_page_sent_twice_is_one_consultation(professional, gateway):
    page = professional.get("/verifier").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    for _ in range(2):
        professional.post("/verifier", {**hidden, **samples.CARD_FORM})
    first, second = (request.headers["Idempotency-Key"] for request in gateway.requests)
    assert first == second == hidden["request_id"]


def test_a_name_drawn_at_each_sending_would_make_it_two(professional, gateway, monkeypatch):
    """The mutation: the portal names the request instead of the page."""
    monkeypatch.setattr(checks, "read_request_id", lambda request: checks.draw_request_id())
    page = professional.get("/verifier").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    for _ in range(2):
        professional.post("/verifier", {**hidden, **samples.CARD_FORM})
    first, second = (request.headers["Idempotency-Key"] for request in gateway.requests)
    assert first != second


def test_a_new_page_is_a_new_consultation(professional, gateway, press):
    press("/verifier", samples.CARD_FORM)
    press("/verifier", samples.CARD_FORM)
    first, second = (request.headers["Idempotency-Key"] for request in gateway.requests)
    assert first != second


@pytest.mark.parametrize("request_id", ["", "short", "x" * 65, "é" * 20, "a b c d e f g h i j k"])
def test_a_request_name_that_is_not_ours_is_replaced(professional, gateway, press, request_id):
    press("/verifier", {**samples.CARD_FORM, "request_id": request_id})
    assert gateway.requests[-1].headers["Idempotency-Key"] != request_id


def test_an_open_answer_says_what_to_do_and_gives_the_engagement(professional, press):
    answer = press("/verifier", samples.CARD_FORM)
    words = read(answer)
    for wanted in (
        "Droits ouverts",
        "Pharmacie · soins du 22 novembre 2026",
        samples.ENGAGEMENT,
        "À facturer au plus tard le 22 décembre 2026.",
        "Faites le tiers payant",
        "100\u00a0% de la base de remboursement".replace("\u00a0", " "),
        "Réseau IS, comme l’imprime la carte",
        "Facturer",
        "carte finissant par HC41",
        "inscrite au registre sous le n° 1 042",
    ):
        assert wanted in words
    assert "— rempart.invalid/5f0c12ab/log/1" in words
    page = answer.content.decode()
    assert "<title>Droits ouverts · Pharmacie – Rempart</title>" in page
    assert 'role="status" aria-live="polite"' in page
    assert "data-print" in page


@pytest.mark.parametrize(
    ("terms", "words"),
    [
        ({"kind": "rate", "rate_bp": 25050}, "250,5 % de la base"),
        ({"kind": "forfait", "amount_cents": 20000}, "Forfait de 200,00 €"),
        ({"kind": "ticket_moderateur"}, "Ticket modérateur, sans dépassement"),
    ],
)
def test_terms_are_told_in_plain_words(professional, gateway, press, terms, words):
    terms = {**terms, "circuit": None, "conditions": ["Sur devis"]}
    gateway.reply = httpx.Response(200, json=samples.make_answer(domain="OPTI", terms=terms))
    answer = read(press("/verifier", samples.CARD_FORM))
    assert words in answer
    assert "Sur devis" in answer
    assert "Réseau" not in answer


@pytest.mark.parametrize(
    ("reason", "consigne", "words"),
    [
        ("not_open", "ask_for_card", ("ni si la personne est connue", "Demandez la carte")),
        ("out_of_period", "collect_from_member", ("hors de sa période", "facture acquittée")),
        ("suspended", "contact_insurer", ("suspendus", "appeler sa complémentaire")),
        ("domain_not_covered", "collect_from_member", ("ne couvre pas ce domaine", "acquittée")),
        ("unknown_card", "ask_for_card", ("Aucune carte en service", "Relisez le code imprimé")),
    ],
)
def test_a_closed_answer_says_why_and_what_to_do(
    professional, gateway, press, reason, consigne, words
):
    closed = samples.make_answer(rights="closed", reason=reason, consigne=consigne)
    gateway.reply = httpx.Response(200, json=closed)
    answer = read(press("/verifier", samples.CARD_FORM))
    assert "Droits non ouverts" in answer
    assert samples.ENGAGEMENT not in answer
    for wanted in words:
        assert wanted in answer


def test_the_answer_names_the_person_as_little_as_possible(professional, press):
    """A printed answer lies on a counter: no whole NIR, no whole birth date."""
    words = read(press("/verifier/saisie", samples.TYPED))
    assert "naissance en 1984" in words
    assert samples.NIR.format() not in words
    assert samples.NIR.format_compact() not in words
    assert "12/05/1984" not in words


def test_the_next_card_keeps_domain_day_and_purpose(professional, press):
    page = press("/verifier/saisie", samples.TYPED).content.decode()
    for name, value in (("domain", "OPTI"), ("care_date", "2026-11-22"), ("purpose", "quote")):
        assert f'<input type="hidden" name="{name}" value="{value}"' in page
    assert 'name="card_code"' in page


def test_a_new_check_remembers_the_last_domain_and_purpose_but_nobody(professional, press):
    press("/verifier/saisie", samples.TYPED)
    page = professional.get("/verifier/saisie").content.decode()
    assert '<option value="OPTI" selected>' in page
    assert '<option value="quote" selected>' in page
    for personal in (samples.NIR.format(), samples.AMC.number, "1984"):
        assert personal not in page


@pytest.mark.parametrize(
    ("name", "typed", "words"),
    [
        ("amc_number", "12", "8 à 10 chiffres"),
        ("amc_number", "", "obligatoire"),
        ("insured_nir", "2 84 05 00 123 456 00", "clé du NIR"),
        ("insured_nir", "284", "15"),
        ("insured_nir", "", "obligatoire"),
        ("birth_date", "hier", "date de naissance"),
        ("birth_date", "31/12/1700", "année de naissance"),
        ("birth_date", "", "obligatoire"),
        ("birth_rank", "0", "choix valide"),
        ("domain", "XXXX", "choix valide"),
        ("care_date", "31/02/2026", "une date qui existe"),
        ("care_date", "", "obligatoire"),
        ("purpose", "curiosity", "choix valide"),
    ],
)
def test_a_wrong_field_is_told_beside_it_and_what_was_typed_stays(
    professional, gateway, press, name, typed, words
):
    answer = press("/verifier/saisie", {**samples.TYPED, name: typed})
    page = answer.content.decode()
    assert answer.status_code == 422
    assert gateway.requests == []
    assert "Rien n’a été consulté" in page
    [told] = re.findall(rf'id="id_{name}_error">.*?</div>', page, flags=re.DOTALL)
    assert words.lower() in told.lower()
    [control] = re.findall(rf'<(?:input|select)[^>]*name="{name}"[^>]*>', page)
    assert 'aria-invalid="true"' in control
    assert f"id_{name}_error" in control
    assert "autofocus" in control
    for other in ("amc_number", "insured_nir", "birth_date"):
        kept = typed if other == name else samples.TYPED[other]
        assert not kept or f'value="{kept}"' in page
    assert page.count('aria-invalid="true"') == 1


@pytest.mark.parametrize(
    "code", ["", "7K3M", "7K3M-Q2ZX-0V9T-5RBN-HC4U", "7K3M-Q2ZX-0V9T-5RBN-HC411"]
)
def test_a_wrong_card_code_is_told_beside_it(professional, gateway, press, code):
    answer = press("/verifier", {**samples.CARD_FORM, "card_code": code})
    assert answer.status_code == 422
    assert 'id="id_card_code_error"' in answer.content.decode()
    assert gateway.requests == []


def test_what_the_gateway_refuses_is_told_beside_its_field(professional, gateway, press):
    gateway.reply = samples.make_problem(
        422, "invalid_request", ("care_date", "La date des soins est trop loin.")
    )
    answer = press("/verifier/saisie", samples.TYPED)
    assert answer.status_code == 422
    [told] = re.findall(
        r'id="id_care_date_error">.*?</div>', answer.content.decode(), flags=re.DOTALL
    )
    assert "La date des soins est trop loin." in told


@pytest.mark.parametrize(
    "problem",
    [
        samples.make_problem(409, "conflict"),
        samples.make_problem(422, "invalid_request", ("Idempotency-Key", "Trop longue.")),
        samples.make_problem(422, "invalid_request", ("identifiers.card_code", "Faux.")),
    ],
    ids=["conflict", "a header", "a field of the other form"],
)
def test_a_refusal_about_no_field_of_this_form_is_told_above_it(
    professional, gateway, press, problem
):
    gateway.reply = problem
    answer = press("/verifier/saisie", samples.TYPED)
    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert "Rien n’a été consulté" not in answer.content.decode()


def test_a_form_that_was_refused_leaves_under_a_new_name(professional, gateway):
    page = professional.get("/verifier/saisie").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    refused = professional.post(
        "/verifier/saisie", {**hidden, **samples.TYPED, "amc_number": "1"}
    ).content.decode()
    assert hidden["request_id"] not in refused


@pytest.mark.parametrize(
    "trouble",
    [
        httpx.ConnectError("refused"),
        httpx.ReadTimeout("slow"),
        httpx.Response(500, text="no"),
        httpx.Response(502, text="<html>"),
        samples.make_problem(503, "ledger_unavailable", **{"Retry-After": "7"}),
        httpx.Response(200, json={"answer": {}}),
        httpx.Response(200, text="{"),
        httpx.Response(422, text="not json"),
    ],
    ids=["down", "slow", "500", "502", "503", "half", "cut", "unreadable refusal"],
)
def test_a_gateway_that_does_not_answer_is_told_with_what_still_works(
    professional, gateway, press, trouble
):
    gateway.reply = trouble
    answer = press("/verifier/saisie", samples.TYPED)
    assert answer.status_code == 503
    assert int(answer.headers["Retry-After"]) in (5, 7)
    words = read(answer)
    assert "La vérification ne répond pas" in words
    assert "Ce qui marche encore" in words


def test_trying_again_sends_the_same_request_under_the_same_name(professional, gateway):
    page = professional.get("/verifier/saisie").content.decode()
    hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', page))
    gateway.reply = httpx.ReadTimeout("slow")
    trouble = professional.post("/verifier/saisie", {**hidden, **samples.TYPED}).content.decode()
    again = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', trouble))
    again.pop("next")
    gateway.reply = httpx.Response(200, json=samples.make_answer(domain="OPTI"))
    assert "Droits ouverts" in read(professional.post("/verifier/saisie", again))
    first, second = gateway.requests
    assert first.headers["Idempotency-Key"] == second.headers["Idempotency-Key"]
    assert first.content == second.content


def test_an_account_over_its_rate_is_asked_to_wait(professional, gateway, press):
    gateway.reply = samples.make_problem(429, "too_many_requests", **{"Retry-After": "1"})
    answer = press("/verifier", samples.CARD_FORM)
    assert answer.status_code == 429
    assert answer.headers["Retry-After"] == "1"
    words = read(answer)
    assert "reprenez dans 1 seconde." in words
    assert "prévenez l’opérateur" in words


@pytest.mark.parametrize(
    ("profession", "domain"),
    [("optician", "OPTI"), ("nurse", "AUXM"), ("something new", "PHAR")],
)
def test_a_fresh_form_proposes_the_usual_domain_of_the_profession(
    desk, browser, profession, domain
):
    account_ref = samples.add_professional(desk.database, serial=9, profession=profession)
    people.sign_in(browser, desk.database, people.make_holder(desk.database, account_ref))
    page = browser.get("/verifier").content.decode()
    assert f'<option value="{domain}" selected>' in page


def test_midnight_is_that_of_paris(desk, professional):
    desk.clock = datetime(2026, 11, 22, 23, 30, tzinfo=UTC)
    assert 'value="23/11/2026"' in professional.get("/verifier").content.decode()


def test_the_form_works_by_keyboard_and_names_everything(professional):
    for address in ("/verifier", "/verifier/saisie"):
        page = professional.get(address).content.decode()
        controls = re.findall(r'<(?:input|select)[^>]*id="(id_\w+)"[^>]*>', page)
        assert controls
        for control in controls:
            assert f'<label for="{control}">' in page
        assert page.count("autofocus") == 1
        assert 'tabindex="1' not in page


def test_a_proxy_network_may_be_wider_than_this_machine(desk, professional, gateway, press):
    before = desk.trusted_proxies
    desk.trusted_proxies = (ip_network("10.0.0.0/8"),)
    try:
        press("/verifier", samples.CARD_FORM)
    finally:
        desk.trusted_proxies = before
    assert gateway.requests[-1].headers["X-Forwarded-For"] == "127.0.0.1"
