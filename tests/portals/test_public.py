"""Pages for anybody, and pages for when something is wrong."""

import logging
import re

import httpx
import psycopg
import pytest
from django.db import OperationalError

from rempart.gateway.openapi import build_openapi
from rempart.kernel.errors import Unavailable
from rempart.portals import design, visit


def test_home_says_what_this_is_for_whom_and_what_it_does_not_claim(browser):
    page = browser.get("/").content.decode()
    for words in (
        "un compte volé",
        "Professionnels de santé",
        "Adhérents",
        "Complémentaires",
        "Employeurs",
        "Opérateur",
        "Éditeurs de logiciels",
        "sans y être agréé",
    ):
        assert words in page
    assert page.count("montré</span>") == page.count("jamais</span>") == 8


def test_home_leads_whoever_is_signed_in_to_their_work(professional):
    assert "Vérifier des droits" in professional.get("/").content.decode()


def test_the_api_page_lists_what_the_gateway_describes(browser, gateway):
    document = build_openapi()
    gateway.openapi = httpx.Response(200, json=document)
    page = browser.get("/docs/api").content.decode()
    for path in document["paths"]:
        assert f'<span class="path">{path}</span>' in page
    for field in ("identifiers.card_code", "answer.engagement.number", "receipt.checkpoint"):
        assert f">{field}" in page
    assert 'with Rempart("http://testserver", client_id=' in page
    assert "too_many_requests" in page


def test_the_api_page_survives_a_description_it_does_not_know(browser, gateway):
    gateway.openapi = httpx.Response(
        200,
        json={
            "paths": {
                "/x": {
                    "get": {"responses": {"200": {}}},
                    "post": {"requestBody": {"$ref": "#/components/nowhere"}},
                    "trace": {},
                }
            }
        },
    )
    assert browser.get("/docs/api").status_code == 200


@pytest.mark.parametrize(
    "reply", [httpx.Response(503), httpx.Response(200, text="{"), httpx.Response(200, text="[]")]
)
def test_the_api_page_says_so_when_the_gateway_does_not_answer(browser, gateway, reply):
    gateway.openapi = reply
    answer = browser.get("/docs/api")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Momentanément indisponible" in answer.content.decode()


def test_the_design_page_shows_every_pair_of_colours_with_its_contrast(browser):
    page = browser.get("/charte").content.decode()
    assert "15,6" in page
    assert page.count('class="sample') == len(design.PAIRS)


@pytest.mark.parametrize("address", ["/nowhere", "/verifier/", "/console/incidents/x", "/static/x"])
def test_an_address_that_leads_nowhere_says_so(browser, address):
    answer = browser.get(address)
    assert answer.status_code == 404
    assert "Page introuvable" in answer.content.decode()
    assert 'href="/"' in answer.content.decode()


def test_a_form_without_its_token_is_refused_with_what_to_do(professional):
    answer = professional.post("/verifier", {"card_code": "x"})
    assert answer.status_code == 403
    assert "rechargez la page" in answer.content.decode()


def test_a_body_beyond_any_form_is_refused(professional):
    professional.get("/verifier")
    answer = professional.post("/verifier", {"card_code": "x" * 400_000})
    assert answer.status_code == 400
    assert "Demande illisible" in answer.content.decode()


def test_too_many_fields_are_refused(professional):
    professional.get("/verifier")
    answer = professional.post("/verifier", {f"x{n}": "1" for n in range(400)})
    assert answer.status_code == 400


class Broken:
    """A transaction that cannot be had."""

    def __init__(self, failure: Exception):
        self.failure = failure

    def __call__(self):
        raise self.failure


@pytest.mark.parametrize(
    "failure",
    [Unavailable("the database does not answer"), psycopg.OperationalError("gone")],
)
def test_a_database_that_is_away_is_told_from_a_fault(desk, operator, monkeypatch, failure):
    operator.raise_request_exception = False
    monkeypatch.setattr(desk, "transaction", Broken(failure))
    answer = operator.get("/console")
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Momentanément indisponible" in answer.content.decode()


def test_a_fault_of_ours_is_logged_and_told_without_detail(desk, operator, monkeypatch, caplog):
    operator.raise_request_exception = False
    monkeypatch.setattr(desk, "transaction", Broken(RuntimeError("the inside of the machine")))
    with caplog.at_level(logging.ERROR):
        answer = operator.get("/console")
    assert answer.status_code == 500
    page = answer.content.decode()
    assert "Une panne de notre côté" in page
    assert "machine" not in page
    assert "RuntimeError at " in caplog.text
    assert "inside" not in caplog.text


def test_a_session_table_that_is_away_gives_a_page_too(operator, monkeypatch):
    """The page of a failure must not need what failed."""

    def refuse(tx, digest, device):
        raise OperationalError("gone")

    operator.raise_request_exception = False
    monkeypatch.setattr(visit, "enter_session", refuse)
    answer = operator.get("/console")
    assert answer.status_code == 503
    assert "Momentanément indisponible" in answer.content.decode()


def test_every_page_has_its_landmarks_a_title_and_a_way_to_skip(professional, gateway):
    gateway.openapi = httpx.Response(200, json=build_openapi())
    for address in ("/", "/charte", "/docs/api", "/connexion", "/verifier", "/verifier/saisie"):
        page = professional.get(address).content.decode()
        assert re.search(r"<title>\S.* – Rempart</title>", page)
        assert '<a class="skip" href="#contenu">' in page
        assert page.count("<main") == page.count("<h1") == 1 or address == "/charte"
        assert 'lang="fr"' in page
        for landmark in ("<header", "<nav aria-label", "<footer"):
            assert landmark in page
