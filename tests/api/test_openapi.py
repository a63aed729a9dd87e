"""The published description is true: served, complete, and what really comes back."""

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scripts import api_reference
from tests.api.reading import PATH
from tests.api.world import PEOPLE, STRANGER, TODAY, card_body, typed_body

from rempart.exchange.rights_answer import OpenAnswer
from rempart.gateway.app import GatewayApp
from rempart.gateway.openapi import Readiness, RightsCheckResponse, build_openapi
from rempart.gateway.problems import TEXTS, Problem
from rempart.gateway.token_messages import TokenGiven

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to" / "call-the-gateway.md"
DOCUMENT = build_openapi()
SCHEMAS = DOCUMENT["components"]["schemas"]


@pytest.fixture
def gateway(shared_gateway):
    return shared_gateway


def walk(node: Any):
    """Every object inside a JSON document."""
    if isinstance(node, dict):
        yield node
    for child in (
        node.values() if isinstance(node, dict) else node if isinstance(node, list) else ()
    ):
        yield from walk(child)


def test_the_document_is_served_as_it_is_built(gateway):
    reply = gateway.get("/v1/openapi.json")
    assert reply.headers["content-type"] == "application/json"
    assert reply.json() == msgspec.to_builtins(DOCUMENT)


def test_the_reference_page_is_generated_from_it():
    page = api_reference.PAGE.read_text(encoding="utf-8")
    assert page == api_reference.format_page(DOCUMENT), "run python scripts/api_reference.py"


def test_every_route_is_described_and_every_description_has_a_route(gateway):
    app = gateway.app
    assert isinstance(app, GatewayApp)
    below = {
        path
        for path in DOCUMENT["paths"]
        if any(path == address or path.startswith(f"{address}/") for address in app.below)
    }
    assert {route.path for route in app.routes} | below == set(DOCUMENT["paths"])
    assert set(app.below) <= below


def test_every_reference_leads_somewhere():
    for kind in ("schemas", "headers"):
        start = f"#/components/{kind}/"
        references = [one["$ref"] for one in walk(DOCUMENT) if "$ref" in one]
        used = {one.removeprefix(start) for one in references if one.startswith(start)}
        assert used == set(DOCUMENT["components"][kind])


def test_every_type_field_and_header_is_described():
    for name, schema in SCHEMAS.items():
        if "properties" in schema:
            assert schema.get("description"), name
            missing = [
                k for k, field in schema["properties"].items() if not field.get("description")
            ]
            assert not missing, (name, missing)
    for operation in (
        operation for path in DOCUMENT["paths"].values() for operation in path.values()
    ):
        assert all(header["description"] for header in operation.get("parameters", ()))


def test_every_code_of_a_problem_is_announced_for_its_status():
    responses = DOCUMENT["paths"][PATH]["post"]["responses"]
    announced = {
        (code, int(status))
        for status, response in responses.items()
        for code in TEXTS
        if f"`{code}`" in response["description"]
    }
    elsewhere = {("not_found", 404)}
    assert announced | elsewhere == {(code, text.status) for code, text in TEXTS.items()}


@pytest.mark.parametrize("make_body", [typed_body, card_body])
def test_every_answer_is_what_the_document_says(gateway, make_body):
    strict = msgspec.json.Decoder(RightsCheckResponse)
    for person in (*PEOPLE, STRANGER):
        for domain in ("PHAR", "OPTI", "MEDG", "TRAN"):
            body = gateway.post(PATH, json=make_body(person, domain=domain)).content
            assert msgspec.json.encode(strict.decode(body)) == body


@pytest.mark.parametrize("body", [{}, typed_body(STRANGER, domain="X"), typed_body(STRANGER)])
def test_every_problem_is_what_the_document_says(gateway, body):
    headers = {"Authorization": "none"} if "purpose" in body and body["domain"] != "X" else {}
    reply = gateway.post(PATH, json=body, headers=headers)
    problem = msgspec.json.decode(reply.content, type=Problem)
    assert reply.headers["content-type"] == "application/problem+json"
    assert (problem.status, problem.type) == (reply.status_code, f"/problems/{problem.code}")
    assert msgspec.json.encode(problem) == reply.content


def test_the_example_of_every_field_is_accepted(gateway):
    def example(name: str) -> dict[str, Any]:
        fields = SCHEMAS[name]["properties"]
        return {k: f["examples"][0] if "examples" in f else f["enum"][0] for k, f in fields.items()}

    for name in ("IdentifiersTyped", "IdentifiersCard"):
        reply = gateway.post(PATH, json=typed_body(STRANGER, identifiers=example(name)))
        assert reply.status_code == 200


def test_a_running_gateway_is_healthy_and_ready(gateway):
    assert (gateway.get("/healthz").status_code, gateway.get("/healthz").text) == (200, "ok\n")
    ready = gateway.get("/readyz")
    assert ready.status_code == 200
    assert msgspec.json.decode(ready.content, type=Readiness) == Readiness(True, True)


def test_metrics_count_answers_and_problems(gateway):
    def read(line: str) -> float:
        [value] = [
            float(text.rpartition(" ")[2])
            for text in gateway.get("/metrics").text.splitlines()
            if text.startswith(f"{line} ")
        ] or [0.0]
        return value

    answers = 'rempart_rights_checks_total{mode="card",rights="closed"}'
    problems = 'rempart_problems_total{code="invalid_request"}'
    before = read(answers), read(problems)
    gateway.post(PATH, json=card_body(STRANGER))
    gateway.post(PATH, json={})
    assert (read(answers), read(problems)) == (before[0] + 1, before[1] + 1)
    assert read("rempart_ledger_open") == 1


def read_examples() -> list[bytes]:
    """The JSON examples of the how-to page, and the body of its HTTP example."""
    text = HOW_TO.read_text(encoding="utf-8")
    [asked] = re.findall(r"```http\nPOST /v1/.*?\n\n(\{.*?\})\n```", text, re.DOTALL)
    return [block.encode() for block in (asked, *re.findall(r"```json\n(.*?)```", text, re.DOTALL))]


def test_the_examples_of_the_how_to_page_are_true(gateway):
    card, token, typed, answer = read_examples()
    for example in (card, typed):
        body = json.loads(example) | {"care_date": TODAY.isoformat()}
        assert gateway.post(PATH, json=body).status_code == 200
    assert isinstance(msgspec.json.decode(answer, type=RightsCheckResponse).answer, OpenAnswer)
    given = msgspec.json.decode(token, type=TokenGiven)
    assert (given.token_type, given.scope) == ("DPoP", "rights:check")
