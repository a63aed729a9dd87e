"""What a professional types is nowhere afterwards: no address, log, row, cookie or error."""

import logging
import re

import httpx
import pytest
from django.core import signing
from psycopg.errors import CheckViolation
from tests.portals import samples

from rempart.portals.views import checks

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
    # A database that refuses a row quotes it whole.
    row = f"Failing row contains ({samples.NIR.number}, 19840512)."
    gateway.reply = CheckViolation(f"new row violates check constraint\nDETAIL: {row}")
    with caplog.at_level(logging.DEBUG):
        answer = press("/verifier/saisie", samples.TYPED)
    assert answer.status_code == 500
    assert "CheckViolation at " in caplog.text
    assert "views/checks.py" in caplog.text
    assert not find_secrets(caplog.text)
    assert not find_secrets(answer.content.decode())


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


def find_token(desk, professional, gateway, press) -> list[str]:
    """Make one check; return where the token it was made with can be read, if anywhere."""
    page = press("/verifier", samples.CARD_FORM)
    token = gateway.requests[-1].headers["Authorization"].removeprefix("DPoP ")
    with desk.database.transaction("owner") as tx:
        rows = tx.execute("SELECT session_data FROM accounts.django_session").fetchall()
        said = str(tx.execute("SELECT * FROM accounts.session").fetchall())
    kept = [signing.loads(row, salt="django.contrib.sessions.SessionStore") for (row,) in rows]
    places = {
        "the page": page.content.decode(),
        "the cookies": str(professional.cookies),
        "the session table": str(kept) + said,
    }
    return [place for place, text in places.items() if token in text]


def test_the_token_stays_in_the_memory_of_the_portals(desk, professional, gateway, press):
    """A copy of the database or of the browser must not open the gateway."""
    assert find_token(desk, professional, gateway, press) == []


def test_mutation_a_token_kept_in_the_session_is_found(
    desk, professional, gateway, press, monkeypatch
):
    original = checks.describe_browser

    def leak(request):
        request.session["token"] = "a-token"
        return original(request)

    monkeypatch.setattr(checks, "describe_browser", leak)
    assert find_token(desk, professional, gateway, press) == ["the session table"]
