"""What the page that works with no network is made of, and what it may ask."""

import json
import re

import httpx
import pytest
from tests.portals.bench import make_client

from rempart.portals.views.offline import FILES


def test_the_page_its_worker_and_its_manifest_are_for_anybody(desk):
    browser = make_client()
    page = browser.get("/hors-ligne")
    assert page.status_code == 200
    assert "camera=(self)" in page.headers["Permissions-Policy"]
    assert "camera=()" in browser.get("/").headers["Permissions-Policy"]
    worker = browser.get("/hors-ligne/worker.js")
    assert worker.headers["Service-Worker-Allowed"] == "/hors-ligne"
    assert worker.headers["Content-Type"].startswith("text/javascript")
    manifest = browser.get("/hors-ligne/manifeste.webmanifest").json()
    assert manifest["scope"] == manifest["start_url"] == "/hors-ligne"


def test_the_worker_keeps_every_file_the_page_loads(desk):
    browser = make_client()
    page = browser.get("/hors-ligne").content.decode()
    loaded = set(re.findall(r'"(/static/[^"]+)"', page))
    worker = browser.get("/hors-ligne/worker.js").content.decode()
    kept = set(json.loads(worker.split("= ", 1)[1].split(";\n", 1)[0])["files"])
    assert loaded <= kept
    assert len(kept) == len(FILES)


def test_the_page_holds_no_session_and_no_script_of_its_own(desk, professional):
    page = professional.get("/hors-ligne").content.decode()
    assert "Claire Vasseur" not in page
    assert "csrfmiddlewaretoken" not in page
    inline = re.findall(r"<script(?![^>]*src=)", page)
    assert inline == []


def test_numbers_are_borrowed_by_whoever_may_check_rights(desk, professional, gateway):
    lent = {"numbers": ["HL-0000-0000-0000-01"], "amount_cents": 30000}
    gateway.reply = httpx.Response(200, json=lent)
    session = professional.get("/hors-ligne/connexion.json").json()
    assert session["signed_in"]
    reply = professional.post(
        "/hors-ligne/numeros", "{}", "application/json", headers={"X-CSRFToken": session["csrf"]}
    )
    assert reply.json() == lent
    assert gateway.requests[-1].url.path == "/v1/offline-batches"


@pytest.mark.parametrize("body", [r'{"a": "\ud800"}', '{"a": NaN}', '{"a": 1e999}', "[]", "\xff"])
def test_a_report_that_cannot_be_written_again_is_refused(desk, professional, gateway, body):
    sent = {"X-CSRFToken": professional.get("/hors-ligne/connexion.json").json()["csrf"]}
    reply = professional.post("/hors-ligne/rapport", body, "application/json", headers=sent)
    assert (reply.status_code, reply.json()) == (400, {"code": "malformed_request"})


def test_a_report_without_the_forms_secret_is_refused(desk, professional):
    assert professional.post("/hors-ligne/rapport", "{}", "application/json").status_code == 403


def test_a_stranger_is_told_to_sign_in_and_reports_nothing(desk):
    browser = make_client()
    assert browser.get("/hors-ligne/connexion.json").json()["signed_in"] is False


def test_the_lists_are_given_as_they_were_signed(desk):
    with desk.database.transaction("owner") as tx:
        tx.execute("TRUNCATE rights.card_document")
        tx.execute(
            "INSERT INTO rights.card_document (kind, number, issued_on, body)"
            " VALUES ('keys', 1, '2026-11-22', 'as signed')"
        )
    assert make_client().get("/hors-ligne/listes.json").json() == {"keys": "as signed"}
