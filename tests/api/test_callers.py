"""Who may ask, until when, and how often: whoever is stopped is out within five seconds."""

import asyncio
from typing import Any

import asyncpg
import pytest
from tests.api.proving import post, refusal, take_auth
from tests.api.reading import PATH, read_entries
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ESTABLISHMENT_REF,
    PUBLISHER_REF,
    save_establishment,
    save_organisation,
    save_professional,
    save_software,
    typed_body,
)
from tests.tokens import TokenAuth

from rempart.accounts import tokens
from rempart.accounts.tokens import Bearer
from rempart.gateway import bearers
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage import gateway_accounts

PLACE_REF = 91
ELSEWHERE_REF = 72
COLLEAGUE_REF = 9


def ask(gateway: Any, auth: TokenAuth | None = None) -> Any:
    more = {} if auth is None else {"auth": auth}
    return gateway.post(PATH, json=typed_body(COVERED), **more)


def execute(world: Any, statement: str, *values: Any) -> None:
    with world.database.transaction("registrar") as tx:
        tx.execute(statement, values)


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "DPoP",
        "DPoP ",
        "DPoP x",
        "Bearer",
        "Bearer rmp_" + "A" * 43,
        "Basic cm1wOg==",
        "DPoP " + "x" * 9000,
        "DPoP " + "é" * 43,
        "DPoP e30.e30.e30",
        "Digest username=x",
    ],
)
def test_without_a_good_token_nothing_is_answered(gateway, world, authorization):
    headers = {"Authorization": authorization.encode()}
    reply = gateway.post(PATH, json=typed_body(COVERED), headers=headers)
    assert refusal(reply) == (401, "access_denied")
    challenges = reply.headers.get_list("www-authenticate")
    assert challenges == [
        'DPoP error="invalid_token", algs="ES256 EdDSA"',
        'Bearer error="invalid_token"',
    ]
    assert read_entries(world.database) == []


def test_without_any_token_nothing_is_answered(gateway):
    gateway.auth = None
    assert gateway.post(PATH, json=typed_body(COVERED)).status_code == 401


def test_a_bad_token_is_refused_before_the_body_is_looked_at(gateway):
    headers = {"Authorization": "DPoP nothing"}
    assert gateway.post(PATH, json={"x": 1}, headers=headers).status_code == 401


# ------------------------------------------------------------------ stopped


@pytest.fixture
def elsewhere(world: Any, clock: Any) -> TokenAuth:
    """The same professional, standing in for a colleague at another place."""
    with world.database.transaction("registrar") as tx:
        save_organisation(tx, PLACE_REF, "establishment", establishment_ref=ESTABLISHMENT_REF)
        save_establishment(tx, ELSEWHERE_REF, finess="990000027", siret="99000002700013")
        save_organisation(tx, 92, "establishment", establishment_ref=ELSEWHERE_REF)
        save_professional(
            tx, COLLEAGUE_REF, make_synthetic_rpps(5), establishment_ref=ELSEWHERE_REF
        )
        tx.execute(
            "INSERT INTO accounts.membership (membership_ref, actor_ref, org_ref, role,"
            " accountable_ref, starts_on) VALUES (1, %s, 92, 'locum', %s, '2020-01-01')",
            (ACCOUNT_REF, COLLEAGUE_REF),
        )
        tx.execute(
            "INSERT INTO accounts.session (session_ref, token_digest, actor_ref, role, method,"
            " address, agent, idle_limit, expires_at, membership_ref, org_ref, accountable_ref)"
            " VALUES (601, %s, %s, 'locum', 'psc', '', '', '30 min',"
            " clock_timestamp() + interval '4 h', 1, 92, %s)",
            (bytes(32), ACCOUNT_REF, COLLEAGUE_REF),
        )
    bearer = Bearer(world.client_ref, ACCOUNT_REF, ELSEWHERE_REF, COLLEAGUE_REF)
    auth: TokenAuth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
    return auth


def in_portal(auth: TokenAuth, session_ref: int = 601) -> TokenAuth:
    """The same, through the portals."""
    minter = auth.minter
    minter.bearer = minter.bearer._replace(portal_session_ref=session_ref)
    return auth


# What stops a locum who asks by software (left), and through the portals (right).
STOPS = {
    "the software is revoked": (
        "UPDATE accounts.software SET revoked_at = clock_timestamp()",
        (True, True),
    ),
    "its publisher is suspended": (
        f"UPDATE accounts.organisation SET suspended_at = now() WHERE org_ref = {PUBLISHER_REF}",
        (True, True),
    ),
    "the account is suspended": (
        f"UPDATE accounts.actor SET suspended_at = now() WHERE actor_ref = {ACCOUNT_REF}",
        (True, True),
    ),
    "the accountable professional is suspended": (
        f"UPDATE accounts.actor SET suspended_at = now() WHERE actor_ref = {COLLEAGUE_REF}",
        (True, True),
    ),
    "the establishment is suspended": (
        "UPDATE accounts.organisation SET suspended_at = now() WHERE org_ref = 92",
        (True, True),
    ),
    "the role is suspended": ("UPDATE accounts.membership SET suspended_at = now()", (True, True)),
    "the role is over": ("UPDATE accounts.membership SET ends_on = '2021-01-01'", (True, True)),
    "the role is another": (
        "UPDATE accounts.membership SET role = 'establishment_manager'",
        (True, False),
    ),
    "somebody else is accountable": (
        "UPDATE accounts.membership SET accountable_ref = NULL",
        (True, False),
    ),
    "the browser session is closed": (
        "UPDATE accounts.session SET ended_at = clock_timestamp()",
        (False, True),
    ),
    "the browser session is too old": (
        "UPDATE accounts.session SET expires_at = clock_timestamp()",
        (False, True),
    ),
    "another place is suspended": (
        f"UPDATE accounts.organisation SET suspended_at = now() WHERE org_ref = {PLACE_REF}",
        (False, False),
    ),
}


@pytest.mark.parametrize("cause", STOPS)
def test_whoever_is_stopped_is_out_within_five_seconds(gateway, world, clock, elsewhere, cause):
    statement, (stops_software, stops_portal) = STOPS[cause]
    portal = in_portal(world.make_auth(now=elsewhere.prover.now, bearer=elsewhere.minter.bearer))
    assert [ask(gateway, auth).status_code for auth in (elsewhere, portal)] == [200, 200]
    execute(world, statement)
    clock.put_forward(seconds=5)
    found = [ask(gateway, auth).status_code == 401 for auth in (elsewhere, portal)]
    assert found == [stops_software, stops_portal]


def test_mutation_a_directory_that_never_forgets_is_noticed(
    gateway, world, clock, elsewhere, monkeypatch
):
    monkeypatch.setattr(bearers, "MAX_AGE_MS", 3_600_000)
    assert ask(gateway, elsewhere).status_code == 200
    execute(world, "UPDATE accounts.software SET revoked_at = clock_timestamp()")
    clock.put_forward(seconds=5)
    assert ask(gateway, elsewhere).status_code == 200


def test_mutation_a_standing_nobody_looks_at_is_noticed(gateway, world, monkeypatch):
    monkeypatch.setattr(bearers, "check_standing", lambda _: None)
    execute(world, "UPDATE accounts.software SET revoked_at = clock_timestamp()")
    assert ask(gateway).status_code == 200


def test_whoever_is_restored_is_in_again(gateway, world, clock):
    execute(world, "UPDATE accounts.actor SET suspended_at = now()")
    assert ask(gateway).status_code == 401
    execute(world, "UPDATE accounts.actor SET suspended_at = NULL")
    clock.put_forward(seconds=5)
    assert ask(gateway).status_code == 200


@pytest.mark.parametrize(
    "changes",
    [
        {"client_ref": 1},
        {"account_ref": 1},
        {"establishment_ref": ELSEWHERE_REF},
        {"establishment_ref": 1},
        {"accountable_ref": COLLEAGUE_REF},
        {"portal_session_ref": 1},
    ],
)
def test_a_token_that_names_somebody_else_is_refused(gateway, world, clock, changes):
    """Even signed by us: what it names is not so, or not so any more."""
    bearer = world.bearer._replace(**changes)
    auth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
    assert refusal(ask(gateway, auth)) == (401, "access_denied")


def test_a_session_of_somebody_else_does_not_serve(gateway, world, clock, elsewhere):
    bearer = world.bearer._replace(portal_session_ref=601)
    assert ask(gateway, in_portal(elsewhere)).status_code == 200
    execute(world, "UPDATE accounts.session SET actor_ref = %s", COLLEAGUE_REF)
    auth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
    assert refusal(ask(gateway, auth)) == (401, "access_denied")


def test_unknown_and_stopped_get_the_same_bytes(gateway, world, clock):
    auth = take_auth(gateway)
    execute(world, "UPDATE accounts.software SET revoked_at = clock_timestamp()")
    clock.put_forward(seconds=5)
    revoked = ask(gateway, auth)
    unknown = ask(gateway, world.make_auth(now=auth.prover.now, bearer=Bearer(1, 2)))
    invented = post(gateway, token="rubbish")
    found = {(r.status_code, str(r.headers.multi_items()), r.content) for r in (revoked, unknown)}
    assert found == {(401, str(invented.headers.multi_items()), invented.content)}


# ------------------------------------------------------------------ what it costs


def test_a_warm_directory_asks_the_database_nothing(gateway, monkeypatch):
    asked: list[str] = []
    fetch = gateway_accounts.GatewayAccounts._fetch

    async def count(self: Any, query: str, *arguments: Any) -> Any:
        asked.append(query)
        return await fetch(self, query, *arguments)

    monkeypatch.setattr(gateway_accounts.GatewayAccounts, "_fetch", count)
    assert ask(gateway).status_code == 200
    assert asked == [gateway_accounts.QUERIES.load_standings]
    for _ in range(5):
        assert ask(gateway).status_code == 200
    assert len(asked) == 1


def test_a_rights_check_makes_two_queries_and_no_more(gateway, monkeypatch):
    """One reads, one writes; whoever asks is known already."""
    assert ask(gateway).status_code == 200
    made: list[str] = []

    def watch(name: str) -> None:
        method = getattr(asyncpg.Connection, name)

        async def count(self: Any, *arguments: Any, **options: Any) -> Any:
            made.append(str(arguments[0]))
            return await method(self, *arguments, **options)

        monkeypatch.setattr(asyncpg.Connection, name, count)

    for name in ("fetch", "fetchrow", "fetchval", "execute"):
        watch(name)
    assert ask(gateway).status_code == 200
    asyncio.run(asyncio.sleep(0))
    work = [query for query in made if "checkpoint" not in query.lower()]
    assert len([query for query in work if "rights.lookup" in query]) == 1
    assert not any("accounts." in query for query in made)


def test_a_token_is_verified_once_and_its_proofs_each_time(gateway, monkeypatch):
    from rempart.gateway.signatures import PublicKey

    verified: list[object] = []
    verify = PublicKey.verify

    def count(self: Any, algorithm: object, token: Any) -> None:
        verified.append(algorithm)
        verify(self, algorithm, token)

    monkeypatch.setattr(PublicKey, "verify", count)
    for _ in range(3):
        assert ask(gateway).status_code == 200
    assert verified.count("EdDSA") == 1, "the token, signed by us"
    assert verified.count("ES256") == 3, "one proof for each call"


# ------------------------------------------------------------------ how often


def test_beyond_its_burst_a_caller_waits(open_gateway, clock):
    with open_gateway(checks_per_minute=60) as gateway:  # one a second, four at once
        statuses = [ask(gateway).status_code for _ in range(6)]
        last = ask(gateway)
        assert statuses == [200] * 4 + [429] * 2
        assert (last.json()["code"], last.headers["retry-after"]) == ("too_many_requests", "1")
        clock.put_forward(seconds=1)
        assert [ask(gateway).status_code for _ in range(2)] == [200, 429]


def test_a_new_token_does_not_give_a_new_allowance(open_gateway, world, clock):
    with open_gateway(checks_per_minute=60) as gateway:
        while ask(gateway).status_code == 200:
            pass
        assert ask(gateway, world.make_auth(now=lambda: clock.now_ms() / 1000)).status_code == 429


def test_a_caller_that_waits_does_not_slow_the_others(open_gateway, world, clock):
    with world.database.transaction("registrar") as tx:
        other_ref, _ = save_software(tx, "autre-logiciel")
        save_professional(tx, COLLEAGUE_REF, make_synthetic_rpps(5))
    others = [
        world.bearer._replace(client_ref=other_ref),
        Bearer(world.client_ref, COLLEAGUE_REF),
    ]
    with open_gateway(checks_per_minute=60) as gateway:
        while ask(gateway).status_code == 200:
            pass
        for bearer in others:
            auth = world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer)
            assert ask(gateway, auth).status_code == 200


def test_a_refused_question_counts_in_the_allowance(open_gateway):
    with open_gateway(checks_per_minute=60) as gateway:
        statuses = [gateway.post(PATH, json={}).status_code for _ in range(5)]
    assert statuses == [422] * 4 + [429]


def test_another_professional_is_another_account(gateway, world, clock):
    with world.database.transaction("registrar") as tx:
        save_professional(tx, 8, make_synthetic_rpps(4))
    ask(gateway)
    bearer = Bearer(world.client_ref, 8)
    ask(gateway, world.make_auth(now=lambda: clock.now_ms() / 1000, bearer=bearer))
    assert {entry.account_ref for entry in read_entries(world.database)} == {ACCOUNT_REF, 8}


def test_the_lifetime_of_a_token_is_ten_minutes():
    assert tokens.TOKEN_LIFETIME_S == 600
