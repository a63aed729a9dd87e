"""Nothing that identifies a person leaves by an answer, a header, a problem, a log or a metric.

The property over many people is in `tests/properties/test_check_rights.py`.
"""

import base64
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
from tests.api.claiming import CLAIMS, format_lines, make_card_claim, make_claim, send_lines
from tests.api.fhir_claiming import make_fhir_claim, send_fhir
from tests.api.reading import PATH
from tests.api.world import ACCOUNT_REF, COVERED, PEOPLE, RPPS, STRANGER, card_body, typed_body


def secrets_of(world: Any) -> dict[str, str]:
    """What must not be read anywhere, by name."""
    found = {"account": str(ACCOUNT_REF), "RPPS": RPPS.number}
    for number, person in enumerate((*PEOPLE, STRANGER)):
        found |= {
            f"NIR {number}": person.nir.number,
            f"card {number}": person.card.code,
            f"card as printed {number}": person.card.format(),
            f"person {number}": str(person.person_ref),
            f"contract {number}": str(person.person_ref + 1_000_000),
        }
    return {**found, "birth date": COVERED.birth_date, "insurer": "Mutuelle du Test"}


def find_secrets(text: str, world: Any) -> list[str]:
    """Name the secrets that a text holds."""
    return [name for name, value in secrets_of(world).items() if value in text]


def hostile_bodies() -> Iterator[bytes]:
    """Bodies that hold real identifiers in every wrong place."""
    body = typed_body(COVERED)
    text = json.dumps(body)
    nir = COVERED.nir.format_compact()
    yield text[:-1].encode()
    yield f'"{nir}"'.encode()
    yield text.replace('"domain"', f'"{nir}"').encode()
    yield text.replace('"typed"', f'"{nir}"').encode()
    for place in ("amc_number", "insured_nir", "birth_date", "birth_rank"):
        for value in (nir + "0", COVERED.card.format(), [nir], {nir: nir}, None):
            yield json.dumps(
                {**body, "identifiers": {**body["identifiers"], place: value}}
            ).encode()
    for place in ("domain", "care_date", "purpose"):
        for value in (nir, COVERED.card.format(), [nir], {nir: nir}):
            yield json.dumps({**body, place: value}).encode()
    yield b"\xff" + text.encode()
    yield text.encode("utf-16")


def send_everything(gateway: Any) -> Iterator[Any]:
    """Ask well and badly, with identifiers in headers and in the address too."""
    nir = COVERED.nir.format_compact()
    for person in (*PEOPLE, STRANGER):
        yield gateway.post(PATH, json=typed_body(person))
        yield gateway.post(PATH, json=card_body(person))
    for body in hostile_bodies():
        yield gateway.post(PATH, content=body, headers={"Content-Type": "application/json"})
    for name in ("Authorization", "Idempotency-Key", "Accept-Language", "Content-Type"):
        yield gateway.post(PATH, json=typed_body(COVERED), headers={name: f"{nir} {nir}"})
    yield from send_claims(gateway)
    yield gateway.get(f"/v1/{nir}?{nir}")
    yield gateway.get(f"{PATH}/{nir}")


def send_claims(gateway: Any) -> Iterator[Any]:
    """Send claims well and badly by every way, and read them."""
    nir = COVERED.nir.format_compact()
    for person in (COVERED, STRANGER):
        claims = [make_claim(person), make_card_claim(person)]
        yield gateway.post(CLAIMS, json={"claims": claims})
        yield send_lines(gateway, format_lines(*claims))
        yield send_fhir(gateway, make_fhir_claim(person))
    for place in ("insured_nir", "birth_date", "birth_rank", "mode"):
        for value in (nir + "0", [nir], {nir: nir}, None):
            wrong = make_claim(COVERED)
            wrong["beneficiary"] |= {place: value}
            yield gateway.post(CLAIMS, json=wrong)
            yield send_lines(gateway, format_lines(wrong) + nir.encode())
    for name in ("engagement", "replaces", "lines", nir):
        yield gateway.post(CLAIMS, json={**make_claim(COVERED), name: nir})
        yield send_fhir(gateway, {**make_fhir_claim(COVERED), name: [nir]})
    yield gateway.get(f"{CLAIMS}/{nir}")
    yield gateway.get(CLAIMS, params={"state": nir})
    yield gateway.get(CLAIMS)


def test_replies_logs_and_metrics_hold_nothing_of_anybody(gateway, world, caplog, capfd):
    caplog.set_level(logging.DEBUG)
    replies = list(send_everything(gateway))
    assert {reply.status_code for reply in replies} >= {200, 400, 401, 404, 409, 415, 422} - {409}
    for reply in replies:
        assert find_secrets(f"{reply.headers}\n{reply.text}", world) == []
    logged = "\n".join(
        f"{record.getMessage()} {record.exc_text} {record.__dict__}"
        for record in caplog.records
        if not record.name.startswith(("httpx", "httpcore", "asyncio"))  # the caller's own
    )
    assert find_secrets(logged, world) == []
    assert find_secrets("".join(capfd.readouterr()), world) == []
    assert find_secrets(gateway.get("/metrics").text, world) == []


def test_a_bug_is_told_anonymously_and_logged_without_its_values(
    gateway, world, caplog, monkeypatch
):
    def explode(*_: object, **__: object) -> None:
        raise KeyError(COVERED.nir.number)

    monkeypatch.setattr("rempart.gateway.questions._build_question", explode)
    reply = gateway.post(PATH, json=typed_body(COVERED))
    assert (reply.status_code, reply.json()["code"]) == (500, "error")
    assert find_secrets(reply.text + caplog.text, world) == []
    assert "KeyError at" in caplog.text


def test_mutation_a_talkative_log_is_noticed(gateway, world, caplog):
    logging.getLogger("rempart").error("asked about %s", COVERED.nir.number)
    assert find_secrets(caplog.text, world) == ["NIR 0"]


def test_no_metric_label_is_open_to_callers(gateway):
    for agent in ("A", "B"):
        gateway.post(PATH, json=typed_body(COVERED), headers={"User-Agent": agent})
    labels = {
        label.partition("=")[0]
        for line in gateway.get("/metrics").text.splitlines()
        if not line.startswith("#") and "{" in line
        for label in line.partition("{")[2].partition("}")[0].split(",")
    }
    assert labels <= {"mode", "rights", "code", "le", "channel", "outcome"}


@pytest.mark.parametrize("person", [COVERED, STRANGER])
def test_headers_of_an_answer_are_the_same_four(gateway, person):
    gateway.post(PATH, json=typed_body(person))
    reply = gateway.post(PATH, json=typed_body(person))
    wanted = ["cache-control", "content-length", "content-type", "rempart-checkpoint"]
    assert sorted(reply.headers) == wanted
    # The last one says what the receipt says, and nothing of the person.
    shown = base64.urlsafe_b64decode(reply.headers["rempart-checkpoint"] + "==").decode()
    assert shown == reply.json()["receipt"]["checkpoint"]
