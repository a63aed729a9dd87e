"""What a professional types is nowhere afterwards: no address, log, row, cookie or error."""

import logging
import re

import httpx
import pytest
from django.core import signing
from tests.portals import samples

from rempart.portals.redaction import RedactLinks

SECRETS = (
    samples.NIR.format(),
    samples.NIR.format_compact(),
    samples.NIR.number,
    samples.CARD,
    samples.CARD.replace("-", ""),
    "12/05/1984",
    "19840512",
)
REPLIES = {
    "open": httpx.Response(200, json=samples.make_answer()),
    "closed": httpx.Response(
        200,
        json=samples.make_answer(rights="closed", reason="not_open", consigne="ask_for_card"),
    ),
    "refused": samples.make_problem(422, "invalid_request", ("identifiers.insured_nir", "Non.")),
    "slow": httpx.ReadTimeout("slow"),
    "too many": samples.make_problem(429, "too_many_requests"),
    "broken": httpx.Response(200, text="{"),
    "signed out": samples.make_problem(401, "access_denied"),
}


def find_secrets(text: str) -> list[str]:
    """Return what of the typed identifiers a text holds, however it is spaced."""
    bare = re.sub(r"[\s\u202f\u00a0+%-]", "", text)
    return [secret for secret in SECRETS if re.sub(r"[\s-]", "", secret) in bare]


@pytest.mark.parametrize("text", [f"GET /x?nir={samples.NIR.format()}", samples.CARD, "19840512"])
def test_the_rule_sees_an_identifier(text):
    assert find_secrets(text)


@pytest.mark.parametrize("reply", REPLIES)
def test_nothing_typed_reaches_a_log_an_address_or_the_database(
    desk, professional, gateway, press, caplog, reply
):
    gateway.reply = REPLIES[reply]
    with caplog.at_level(logging.DEBUG):
        answers = [
            press("/verifier", samples.CARD_FORM),
            press("/verifier/saisie", samples.TYPED),
            press("/verifier/saisie", {**samples.TYPED, "amc_number": "1"}),
        ]
    assert not find_secrets(caplog.text)
    for answer in answers:
        assert not find_secrets(answer.headers.get("Location", ""))
        assert not find_secrets(str(answer.headers))
    for request in gateway.requests:
        assert not find_secrets(str(request.url))
        assert not find_secrets(str(request.headers))
    assert not find_secrets(str(professional.cookies))
    with desk.transaction() as tx:
        for (row,) in tx.execute("SELECT session_data FROM accounts.django_session"):
            kept = signing.loads(row, salt="django.contrib.sessions.SessionStore")
            assert not find_secrets(str(kept))


def test_a_fault_in_the_middle_logs_no_identifier(professional, gateway, press, caplog):
    professional.raise_request_exception = False
    gateway.reply = RuntimeError("an unforeseen fault")
    with caplog.at_level(logging.DEBUG):
        answer = press("/verifier/saisie", samples.TYPED)
    assert answer.status_code == 500
    assert "an unforeseen fault" in caplog.text
    assert not find_secrets(caplog.text)
    assert not find_secrets(answer.content.decode())


def test_a_link_that_still_works_is_in_no_log(desk, browser, press, caplog, monkeypatch):
    """Refused for its form's token, or lost to a fault, a link is not used up: it is a secret."""
    browser.raise_request_exception = False
    token = samples.add_link(desk.database, None)
    with caplog.at_level(logging.DEBUG):
        assert browser.post(f"/connexion/{token}").status_code == 403
        with monkeypatch.context() as broken:
            broken.setattr(desk, "now", None)
            broken.setattr(desk, "transaction", None)
            assert press(f"/connexion/{token}").status_code == 500
    assert "Internal Server Error: /connexion/…" in caplog.text
    assert "Forbidden" in caplog.text
    assert token not in caplog.text
    assert press(f"/connexion/{token}").status_code == 302


def test_without_the_filter_the_link_would_be_logged(desk, browser, caplog, monkeypatch):
    """The mutation: the filter lets tokens pass."""
    monkeypatch.setattr(RedactLinks, "filter", lambda self, record: True)
    token = samples.add_link(desk.database, None)
    browser.post(f"/connexion/{token}")
    assert token in caplog.text


def test_fields_that_hold_an_identifier_are_never_completed_or_remembered(professional):
    for page in ("/verifier", "/verifier/saisie"):
        text = professional.get(page).content.decode()
        assert re.search(r'<form[^>]*method="post"[^>]*autocomplete="off"', text)
        for name in ("card_code", "amc_number", "insured_nir", "birth_date"):
            for control in re.findall(rf'<input[^>]*name="{name}"[^>]*>', text):
                assert 'autocomplete="off"' in control
                assert 'spellcheck="false"' in control


def test_a_query_string_never_fills_the_form(professional, gateway):
    page = professional.get(f"/verifier/saisie?insured_nir={samples.NIR.number}").content.decode()
    [control] = re.findall(r'<input[^>]*name="insured_nir"[^>]*>', page)
    assert "value=" not in control
    assert gateway.requests == []


def test_the_session_table_holds_no_usable_key(desk, professional, gateway, press):
    """A copy of the database must not open the gateway."""
    press("/verifier", samples.CARD_FORM)
    key = gateway.requests[-1].headers["Authorization"].removeprefix("Bearer ")
    with desk.transaction() as tx:
        [(row,)] = tx.execute("SELECT session_data FROM accounts.django_session").fetchall()
    kept = signing.loads(row, salt="django.contrib.sessions.SessionStore")
    assert kept["person"]["sealed_key"]
    assert key not in str(kept)
    assert desk.seal.open(kept["person"]["sealed_key"]) == key


def test_the_key_never_reaches_the_browser(professional, gateway, press):
    page = press("/verifier", samples.CARD_FORM)
    key = gateway.requests[-1].headers["Authorization"].removeprefix("Bearer ")
    assert key not in page.content.decode()
    assert key not in str(professional.cookies)
    assert "rmp_" not in professional.get("/verifier").content.decode()


class NoSeal:
    """The mutation: a seal that closes nothing."""

    def close(self, text):
        return text

    def open(self, sealed):
        return sealed


def test_without_the_seal_the_key_would_be_in_the_table(desk, monkeypatch, browser, press, gateway):
    monkeypatch.setattr(desk, "seal", NoSeal())
    account_ref = samples.add_professional(desk.database)
    press(f"/connexion/{samples.add_link(desk.database, account_ref)}")
    press("/verifier", samples.CARD_FORM)
    key = gateway.requests[-1].headers["Authorization"].removeprefix("Bearer ")
    with desk.transaction() as tx:
        [(row,)] = tx.execute("SELECT session_data FROM accounts.django_session").fetchall()
    assert key in str(signing.loads(row, salt="django.contrib.sessions.SessionStore"))
