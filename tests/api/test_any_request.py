"""Whatever a stranger's tool makes of the published description, the gateway keeps to it.

Schemathesis reads the OpenAPI document and sends what it allows, and what it forbids, to a real
gateway, each request signed anew for a token that is bound to a key. `REMPART_ANY_REQUESTS=2000`
sends that many of each kind; a few dozen are sent every day.
"""

import itertools
import json
import os
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import unquote, urlsplit

import pytest
import requests
import schemathesis
from schemathesis import Case, HookContext
from schemathesis.config import SchemathesisConfig
from schemathesis.core.failures import FailureGroup
from scripts.gateway_process import GatewayProcess
from tests.api.claiming import CLAIMS, make_claim, make_line
from tests.api.reading import PATH
from tests.api.world import PEOPLE, TODAY, World, populate, typed_body
from tests.database_copies import copied_database
from tests.tokens import TokenAuth

from rempart.gateway.openapi import build_openapi
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

EXAMPLES = int(os.environ.get("REMPART_ANY_REQUESTS", "6"))
# A number without its key has the right shape and is refused; every request of ours is signed.
UNFIT = ("positive_data_acceptance", "ignored_auth")
CONFIG = SchemathesisConfig.from_dict(
    {
        "generation": {"max-examples": EXAMPLES, "database": "none", "no-shrink": True},
        "checks": {name: {"enabled": False} for name in UNFIT},
        "phases": {"stateful": {"enabled": False}},
    }
)
SCHEMA = schemathesis.openapi.from_dict(build_openapi(), config=CONFIG)
_turns = itertools.count()


class Signing(requests.auth.AuthBase):
    """Puts a token and a fresh proof on every request; signs again when it is told a nonce."""

    def __init__(self, auth: TokenAuth) -> None:
        self._auth = auth

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        self._sign(request)
        request.register_hook("response", self._hear)
        return request

    def _sign(self, request: requests.PreparedRequest) -> None:
        path = unquote(urlsplit(request.url or "").path)
        request.headers.update(self._auth.make_headers(request.method or "", path))

    def _hear(self, response: requests.Response, **options: Any) -> requests.Response:
        nonce = response.headers.get("DPoP-Nonce")
        if nonce is None or nonce == self._auth.prover.nonce:
            return response
        self._auth.prover.nonce = nonce
        if response.status_code != 401:
            return response
        again = response.request.copy()
        self._sign(again)
        return response.connection.send(again, **options)


@schemathesis.serializer("application/x-ndjson", "application/fhir+json")
def write_text(_: object, value: object) -> bytes:
    """Send a text as it is, anything else as JSON."""
    return value.encode() if isinstance(value, str) else json.dumps(value).encode()


@SCHEMA.hook
def map_case(_: HookContext, case: Case) -> Case:
    """Make every second good body one about somebody who is on file, where it says who."""
    turn = next(_turns)
    is_good = case.meta is None or case.meta.generation.mode.is_positive
    if turn % 2 or not is_good or not isinstance(case.body, dict):
        return case
    person = PEOPLE[turn // 2 % len(PEOPLE)]
    real = typed_body(person)
    names = ("identifiers", "domain", "care_date", "purpose")
    case.body |= {name: real[name] for name in names if name in case.body}
    if "beneficiary" in case.body:
        claim = make_claim(person, f"F-{turn}")
        case.body |= {"beneficiary": claim["beneficiary"], "lines": [make_line()]}
    return case


@pytest.fixture(scope="module")
def world(template: Database, home: Home) -> Iterator[World]:
    """A world of its own: another gateway may be writing the log of the shared one."""
    with copied_database(template, "test_any_request") as database:
        yield populate(database, home)


@pytest.fixture(scope="module")
def running(world: World) -> Iterator[str]:
    home, url = world.home.path, world.database.url()
    process = GatewayProcess(replace(Settings(), home=home, database_url=url))
    process.start()
    yield f"http://127.0.0.1:{process.port}"
    assert process.stop() == 0


@pytest.fixture(scope="module")
def session(world: World) -> Iterator[requests.Session]:
    with requests.Session() as session:
        session.auth = Signing(world.make_auth())
        yield session


@SCHEMA.parametrize()
def test_every_answer_is_what_the_document_says(case: Case, running, session):
    case.validate_response(case.call(base_url=running, session=session))


def test_the_tool_is_let_in_and_answered(running, session):
    for person in PEOPLE:
        body = typed_body(person)
        assert session.post(running + PATH, json=body, timeout=20).status_code == 200
        claim = make_claim(person, f"G-{person.person_ref}")
        assert session.post(running + CLAIMS, json=claim, timeout=20).status_code == 202
    assert session.get(running + CLAIMS, timeout=20).json()["claims"]


@pytest.mark.parametrize(("status", "kind"), [(500, ""), (204, ""), (418, ""), (200, "text/html")])
def test_mutation_an_answer_that_is_not_described_is_told(running, session, status, kind):
    operation = SCHEMA[PATH]["POST"]
    case = operation.Case(body=typed_body(PEOPLE[0]), media_type="application/json")
    response = case.call(base_url=running, session=session)
    case.validate_response(response)
    response.status_code = status
    if kind:
        response.headers["content-type"] = [kind]
    with pytest.raises(FailureGroup):
        case.validate_response(response)


@pytest.mark.parametrize("before", ["", "2026-11-23", "0001-01-01T00:00:00+14:00", "x&before=y"])
def test_an_instant_that_is_none_is_refused(running, session, before):
    for path in (f"/v1/pecs?before={before}", f"{CLAIMS}?since={before}"):
        told = session.get(running + path, timeout=20)
        assert (told.status_code, told.json()["code"]) == (422, "invalid_request"), path
    assert session.get(f"{running}/v1/pecs?before={TODAY}T00:00:00Z", timeout=20).ok


def test_tokens_are_asked_for_by_post_only(running):
    told = requests.request("TRACE", f"{running}/oauth/token", timeout=20)
    assert (told.status_code, told.headers["Allow"]) == (405, "POST")
    assert told.json() == {"error": "invalid_request", "error_description": "use POST"}
