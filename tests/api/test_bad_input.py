"""What cannot be accepted gets a clear problem document, and leaves nothing behind."""

import json
from datetime import timedelta
from typing import Any

import pytest
from tests.api.reading import PATH, read_entries
from tests.api.world import COVERED, TODAY, card_body, typed_body

from rempart.gateway.questions import CARE_DATE, MAX_BODY_BYTES
from rempart.kernel.findings import Refusal
from rempart.tariffs.parameters import compute_care_dates, value_on

CARE_DATES = compute_care_dates(TODAY)


@pytest.fixture
def gateway(shared_gateway):
    return shared_gateway


@pytest.fixture
def world(shared_world):
    return shared_world


@pytest.fixture
def nothing_written(world):
    """Check that the test adds nothing to the ledger."""
    before = len(read_entries(world.database))
    yield
    assert len(read_entries(world.database)) == before


def with_identifiers(**changes: Any) -> dict[str, Any]:
    """The usual body with other identifiers."""
    body = typed_body(COVERED)
    return {**body, "identifiers": {**body["identifiers"], **changes}}


def without(*path: str) -> dict[str, Any]:
    """The usual body without one field."""
    body = json.loads(json.dumps(typed_body(COVERED)))
    target = body
    for step in path[:-1]:
        target = target[step]
    del target[path[-1]]
    return body


WRONG_NIR = COVERED.nir.number + f"{COVERED.nir.key % 97 + 1:02d}"


@pytest.mark.parametrize(
    ("body", "field", "words"),
    [
        pytest.param([], "", "type", id="an array"),
        pytest.param("text", "", "type", id="a string"),
        pytest.param({}, "identifiers", "obligatoire", id="an empty object"),
        pytest.param({**typed_body(COVERED), "name": "x"}, "", "n'existe pas", id="unknown field"),
        pytest.param(with_identifiers(x=1), "identifiers", "n'existe pas", id="unknown identifier"),
        pytest.param(with_identifiers(mode="name"), "identifiers.mode", "type", id="other mode"),
        pytest.param(
            without("identifiers", "mode"), "identifiers.mode", "obligatoire", id="no mode"
        ),
        pytest.param(without("domain"), "domain", "obligatoire", id="no domain"),
        pytest.param(without("care_date"), "care_date", "obligatoire", id="no care date"),
        pytest.param(without("purpose"), "purpose", "obligatoire", id="no purpose"),
        pytest.param(
            without("identifiers", "insured_nir"),
            "identifiers.insured_nir",
            "obligatoire",
            id="no NIR",
        ),
        pytest.param(
            with_identifiers(insured_nir=WRONG_NIR),
            "identifiers.insured_nir",
            "clé",
            id="wrong key",
        ),
        pytest.param(
            with_identifiers(insured_nir=COVERED.nir.number),
            "identifiers.insured_nir",
            "15",
            id="no key",
        ),
        pytest.param(
            with_identifiers(insured_nir=284050000100104),
            "identifiers.insured_nir",
            "type",
            id="NIR as a number",
        ),
        pytest.param(
            with_identifiers(amc_number="12"),
            "identifiers.amc_number",
            "AMC",
            id="short AMC number",
        ),
        pytest.param(
            with_identifiers(birth_date="12/05/84"),
            "identifiers.birth_date",
            "huit",
            id="birth date",
        ),
        pytest.param(
            with_identifiers(birth_rank=0), "identifiers.birth_rank", "1 à 9", id="birth rank 0"
        ),
        pytest.param(
            with_identifiers(birth_rank=10**30), "identifiers.birth_rank", "1 à 9", id="huge rank"
        ),
        pytest.param(
            with_identifiers(birth_rank="1"), "identifiers.birth_rank", "type", id="rank as text"
        ),
        pytest.param(
            card_body(COVERED, identifiers={"mode": "card", "card_code": "7K3M"}),
            "identifiers.card_code",
            "20",
            id="short card code",
        ),
        pytest.param(typed_body(COVERED, domain="XXXX"), "domain", "domaine", id="unknown domain"),
        pytest.param(typed_body(COVERED, domain=7), "domain", "type", id="domain as a number"),
        pytest.param(
            typed_body(COVERED, purpose="curiosity"), "purpose", "type", id="other purpose"
        ),
        pytest.param(
            typed_body(COVERED, care_date="22/11/2026"), "care_date", "type", id="French date"
        ),
        pytest.param(
            typed_body(COVERED, care_date="2026-02-30"), "care_date", "type", id="30 February"
        ),
        pytest.param(
            typed_body(COVERED, care_date=(CARE_DATES.starts_on - timedelta(days=1)).isoformat()),
            "care_date",
            "27 mois",
            id="one day too old",
        ),
        pytest.param(
            typed_body(COVERED, care_date=(CARE_DATES.ends_on + timedelta(days=1)).isoformat()),
            "care_date",
            "90 jours",
            id="one day too far",
        ),
        pytest.param(typed_body(COVERED, care_date="0001-01-01"), "care_date", "27", id="year 1"),
        pytest.param(
            typed_body(COVERED, care_date="9999-12-31"), "care_date", "90", id="year 9999"
        ),
    ],
)
def test_an_impossible_question_is_told_where_and_why(gateway, nothing_written, body, field, words):
    reply = gateway.post(PATH, json=body)
    problem = reply.json()
    assert (reply.status_code, problem["code"]) == (422, "invalid_request")
    assert [one["field"] for one in problem["errors"]] == [field]
    assert words in problem["errors"][0]["message"]


def test_all_the_impossible_values_are_told_at_once(gateway):
    body = with_identifiers(insured_nir="1", amc_number="1", birth_date="1", birth_rank=0)
    reply = gateway.post(PATH, json={**body, "domain": "X", "care_date": "2001-01-01"})
    assert [one["field"] for one in reply.json()["errors"]] == [
        "identifiers.amc_number",
        "identifiers.insured_nir",
        "identifiers.birth_date",
        "identifiers.birth_rank",
        "domain",
        "care_date",
    ]


@pytest.mark.parametrize("day", [CARE_DATES.starts_on, CARE_DATES.ends_on])
def test_the_first_and_the_last_care_dates_may_be_asked(gateway, day):
    reply = gateway.post(PATH, json=typed_body(COVERED, care_date=day.isoformat()))
    assert reply.status_code == 200


def test_the_text_about_care_dates_says_what_the_parameters_say():
    months = value_on("care_date_past_months", TODAY)
    days = value_on("care_date_future_days", TODAY)
    assert f"{months} mois" in CARE_DATE.advice_fr
    assert f"{days} days" in CARE_DATE.advice_en


def test_the_language_of_a_problem_is_french_unless_english_is_asked(gateway):
    french = gateway.post(PATH, json={})
    english = gateway.post(PATH, json={}, headers={"Accept-Language": "en-GB,fr;q=0.5"})
    assert french.headers["content-language"] == "fr"
    assert french.json()["title"] == "Requête invalide"
    assert english.headers["content-language"] == "en"
    assert english.json()["title"] == "Invalid request"
    assert english.json()["errors"][0]["message"].startswith("The field is required.")


@pytest.mark.parametrize(
    "content",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"{", id="cut short"),
        pytest.param(json.dumps(typed_body(COVERED)).encode() + b"x", id="something after"),
        pytest.param(b'{"domain": "\xff"}', id="not UTF-8"),
        pytest.param(json.dumps(typed_body(COVERED)).encode("utf-16"), id="UTF-16"),
        pytest.param(b"\xef\xbb\xbf" + json.dumps(typed_body(COVERED)).encode(), id="BOM"),
        pytest.param(b"identifiers=1", id="a form"),
    ],
)
def test_what_is_not_json_is_malformed(gateway, nothing_written, content):
    reply = gateway.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert (reply.status_code, reply.json()["code"]) == (400, "malformed_request")
    assert "errors" not in reply.json()


@pytest.mark.parametrize("content", [b"[" * MAX_BODY_BYTES, b'{"a":' * 800])
def test_deep_nesting_is_refused_like_any_other_body(gateway, content):
    reply = gateway.post(PATH, content=content, headers={"Content-Type": "application/json"})
    assert reply.status_code in {400, 422}


def test_a_body_may_have_4096_bytes_and_not_one_more(gateway):
    text = json.dumps(typed_body(COVERED)).encode()
    headers = {"Content-Type": "application/json"}
    fits = gateway.post(PATH, content=text.ljust(MAX_BODY_BYTES), headers=headers)
    too_large = gateway.post(PATH, content=text.ljust(MAX_BODY_BYTES + 1), headers=headers)
    assert fits.status_code == 200
    assert (too_large.status_code, too_large.json()["code"]) == (413, "body_too_large")


@pytest.mark.parametrize("length", ["4097", "10000000", "9" * 5000])
def test_a_large_body_is_refused_on_its_announcement(gateway, length):
    headers = {"Content-Type": "application/json", "Content-Length": length}
    reply = gateway.post(PATH, content=b"{}", headers=headers)
    assert reply.status_code == 413


@pytest.mark.parametrize(
    "headers",
    [
        {"Content-Type": "text/plain"},
        {"Content-Type": "application/x-www-form-urlencoded"},
        {"Content-Type": "application/json-patch+json"},
        {"Content-Type": ""},
        {"Content-Type": "application/json", "Content-Encoding": "gzip"},
    ],
)
def test_another_format_is_refused(gateway, headers):
    reply = gateway.post(PATH, content=json.dumps(typed_body(COVERED)), headers=headers)
    assert (reply.status_code, reply.json()["code"]) == (415, "unsupported_media_type")


@pytest.mark.parametrize(
    "media_type", ["application/json; charset=utf-8", "APPLICATION/JSON", "application/json ;x=y"]
)
def test_json_by_another_spelling_is_json(gateway, media_type):
    content = json.dumps(typed_body(COVERED))
    reply = gateway.post(PATH, content=content, headers={"Content-Type": media_type})
    assert reply.status_code == 200


@pytest.mark.parametrize("key", ["", "a b", "é", "x" * 129, "\x7f"])
def test_a_bad_idempotency_key_is_refused(gateway, nothing_written, key):
    headers = {"Idempotency-Key": key.encode()}
    reply = gateway.post(PATH, json=typed_body(COVERED), headers=headers)
    assert (reply.status_code, reply.json()["errors"][0]["field"]) == (422, "Idempotency-Key")


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "PATCH", "HEAD", "OPTIONS"])
def test_only_post_asks(gateway, method):
    reply = gateway.request(method, PATH)
    assert (reply.status_code, reply.headers["allow"]) == (405, "POST")


@pytest.mark.parametrize(
    "path", ["/", "/v1", "/v1/persons", "/v1/rights-checks/1", "/docs", "/%00"]
)
def test_there_is_no_other_way_in(gateway, path):
    for method in ("GET", "POST"):
        reply = gateway.request(method, path)
        assert (reply.status_code, reply.json()["code"]) == (404, "not_found")
        assert reply.headers["content-type"] == "application/problem+json"


def test_every_refusal_says_what_to_do_in_two_languages():
    from rempart.gateway import door, questions

    texts = [r for m in (door, questions) for r in vars(m).values() if isinstance(r, Refusal)]
    assert len(texts) >= 5
    assert all(t.fr and t.en and t.advice_fr and t.advice_en for t in texts)
