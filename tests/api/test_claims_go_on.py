"""Claims are never cut by a rights step; and a stolen account learns nothing at once."""

import re

import pytest
from tests.api.asking import execute
from tests.api.claiming import (
    CLAIMS,
    FHIR,
    make_claim,
    read_rows,
    take_one,
)
from tests.api.fhir_claiming import make_fhir_claim, send_fhir
from tests.api.reading import PATH
from tests.api.test_cuts import cut, restore
from tests.api.test_lots import make_b2, send_b2
from tests.api.test_steps import CODES, ask_until, hold, let_go
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ENDED,
    ESTABLISHMENT_REF,
    PENDING,
    PHARMACY_ONLY,
    STRANGER,
    SUSPENDED,
    save_organisation,
    typed_body,
)

from rempart.accounts.containment import MeasureStep
from rempart.exchange.billed_claim import Fault
from rempart.exchange.claim_json import SHAPE
from rempart.gateway.claim_routes import ClaimsDoor
from rempart.workflows.claims import take_claims
from rempart.workflows.claims.take_claims import Refused

PEOPLE = (COVERED, ENDED, SUSPENDED, PHARMACY_ONLY, PENDING, STRANGER)
# What is drawn or dated, and what the transport says anew each time.
REFERENCE = re.compile(rb"[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}")
INSTANT = re.compile(rb"\d{4}-\d\d-\d\dT[0-9:.]+(Z|\+00:00)")
CHANGING = {"dpop-nonce", "rempart-checkpoint"}


def send_everything(gateway, person, invoice):
    """Send one claim by each way; return the statuses."""
    return [
        gateway.post(CLAIMS, json=make_claim(person, invoice)).status_code,
        send_fhir(gateway, make_fhir_claim(person, f"{invoice}-fhir")).status_code,
        send_b2(gateway, make_b2(1, person, pec=invoice)).status_code,
    ]


def see(reply):
    """All that a caller can compare, but what is drawn and dated."""
    headers = {name: text for name, text in reply.headers.items() if name not in CHANGING}
    return reply.status_code, headers, INSTANT.sub(b"", REFERENCE.sub(b"", reply.content))


def collect_acknowledgements(gateway):
    """What is answered about each person, by each way."""
    return [
        (
            see(gateway.post(CLAIMS, json=make_claim(person))),
            see(send_fhir(gateway, make_fhir_claim(person))),
            see(send_b2(gateway, make_b2(1, person))),
        )
        for person in PEOPLE
    ]


def test_an_acknowledgement_is_the_same_bytes_whoever_the_person_is(gateway, world):
    seen = collect_acknowledgements(gateway)
    assert all(one == seen[0] for one in seen)
    assert {code for code, *_ in seen[0]} == {200, 202}
    # They were told apart where nobody looks from outside.
    assert len(read_rows(world, "SELECT DISTINCT person_ref FROM claims.claim")) == len(PEOPLE)


def test_mutation_an_acknowledgement_that_tells_a_stranger_apart_is_noticed(gateway, monkeypatch):
    write = take_claims._write

    async def tell(office, prepared):
        found = await office.shelf.find_persons([one.lookup_key for one in prepared])
        taken = await write(office, prepared)
        return {
            digest: Refused((Fault("beneficiary", SHAPE),)) if not person.person_ref else result
            for (digest, result), person in zip(taken.items(), found, strict=True)
        }

    monkeypatch.setattr(take_claims, "_write", tell)
    seen = collect_acknowledgements(gateway)
    assert any(one != seen[0] for one in seen)


def find_holds(world):
    """Every way rights are held, each with the status a rights check then has."""
    for step in MeasureStep:
        if step.value in CODES:
            yield lambda step=step: hold(world, step.value), CODES[step.value][0], let_go
    for scope in ("rights", "gateway", "insurer"):
        yield lambda scope=scope: cut(world, scope), 503, restore


def test_claims_are_taken_by_every_way_whatever_step_or_cut_holds_rights(gateway, world):
    held = 0
    gateway.post(PATH, json=typed_body(COVERED))
    for begin, status, end in find_holds(world):
        begin()
        # Slowed, the second question is too early.
        gateway.post(PATH, json=typed_body(COVERED))
        ask_until(gateway, typed_body(COVERED), status)
        assert send_everything(gateway, COVERED, f"F-{held}") == [202, 200, 202]
        reference = take_one(gateway, make_claim(STRANGER, f"S-{held}"))
        assert gateway.get(f"{CLAIMS}/{reference}").status_code == 200
        assert gateway.post(f"{CLAIMS}/{reference}/cancel").status_code == 202
        end(world)
        held += 1
    assert held == len(CODES) + 3
    [(count,)] = read_rows(world, "SELECT count(*) FROM claims.claim")
    assert count == 4 * held


def test_mutation_claims_that_a_step_holds_are_noticed(gateway, world, monkeypatch):
    posture = gateway.app.state.gateway.posture
    find_act = ClaimsDoor._find_act

    def hold_claims(self, path, method):
        posture.check_not_held(world.bearer, profession=None, proved_ms=0, now_ms=2**62)
        return find_act(self, path, method)

    monkeypatch.setattr(ClaimsDoor, "_find_act", hold_claims)
    hold(world, "suspend")
    ask_until(gateway, typed_body(COVERED), 403)
    assert send_everything(gateway, COVERED, "F-1") == [403, 403, 403]


def test_spending_the_allowance_of_rights_checks_leaves_that_of_claims(open_gateway):
    with open_gateway(checks_per_minute=1) as gateway:
        for _ in range(10):
            last = gateway.post(PATH, json=typed_body(COVERED)).status_code
        assert last == 429
        assert gateway.post(CLAIMS, json=make_claim(COVERED)).status_code == 202


@pytest.mark.parametrize("stopped", ["the account", "the establishment", "the software"])
def test_whoever_is_stopped_altogether_sends_no_claim(gateway, world, clock, stopped):
    if stopped == "the establishment":
        with world.database.transaction("registrar") as tx:
            save_organisation(tx, 4711, "establishment", establishment_ref=ESTABLISHMENT_REF)
    assert gateway.post(CLAIMS, json=make_claim(COVERED)).status_code == 202
    statement, ref = {
        "the account": ("actor SET suspended_at = now() WHERE actor_ref", ACCOUNT_REF),
        "the establishment": ("organisation SET suspended_at = now() WHERE org_ref", 4711),
        "the software": ("software SET revoked_at = now() WHERE client_ref", world.client_ref),
    }[stopped]
    execute(world, f"UPDATE accounts.{statement} = %s", ref)
    clock.put_forward(seconds=6)
    for method, path in (("post", CLAIMS), ("get", CLAIMS), ("post", FHIR)):
        reply = getattr(gateway, method)(path)
        assert (reply.status_code, reply.json()["code"]) == (401, "access_denied")


@pytest.mark.parametrize("scope", ["rights:check", "claims", "claims:sends"])
def test_a_token_for_something_else_sends_no_claim(gateway, world, scope):
    minted = world.make_auth()
    mint = minted.minter.mint
    minted.minter.mint = lambda binding, **more: mint(binding, **{**more, "scope": scope})
    gateway.auth = minted
    reply = gateway.post(CLAIMS, json=make_claim(COVERED))
    assert (reply.status_code, reply.json()["code"]) == (401, "access_denied")


def test_a_token_for_claims_alone_checks_no_rights(gateway, world):
    minted = world.make_auth()
    mint = minted.minter.mint
    minted.minter.mint = lambda binding, **more: mint(binding, **{**more, "scope": "claims:send"})
    gateway.auth = minted
    assert gateway.post(CLAIMS, json=make_claim(COVERED)).status_code == 202
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 401


def test_whoever_has_no_establishment_bills_nothing(gateway, world):
    execute(world, "UPDATE accounts.professional SET establishment_ref = NULL")
    gateway.auth = world.make_auth(bearer=world.bearer._replace(establishment_ref=None))
    assert gateway.post(CLAIMS, json=make_claim(COVERED)).status_code == 401
