"""Tokens bound to a certificate: the TLS connection of each call must be made with it."""

import base64
import hashlib
import ssl
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
from scripts.gateway_process import GatewayProcess
from tests.api.asking import Psc, error_of, read_part
from tests.api.proving import post, refusal, take_auth
from tests.api.reading import PATH, read_entries
from tests.api.running import LOOPBACK
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ESTABLISHMENT_REF,
    RPPS,
    save_holder,
    save_organisation,
    save_professional,
    save_software,
    typed_body,
)
from tests.certificates import DAY, Authority, Certificate, ending_tls, make_name
from tests.tokens import Prover

from rempart.accounts.tokens import Binding
from rempart.gateway.app import GatewayApp
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.wiring.settings import Settings

STRUCTURE = {"grant_type": "client_credentials", "client_id": "logiciel-structure"}
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "client_id": "logiciel-certifie",
    "subject_token": "token-of-the-pharmacist",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
}
ORG_REF = 4242
SUBJECT = make_name("logiciel-du-test", "990000019")


@pytest.fixture(scope="module")
def authority() -> Authority:
    return Authority()


@pytest.fixture(scope="module")
def certificate(authority: Authority) -> Certificate:
    return authority.issue(SUBJECT)


@pytest.fixture
def peer(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The address requests come from: by default, that of a proxy we trust."""
    address = ["127.0.0.1"]
    call = GatewayApp.__call__

    def from_there(self: GatewayApp, scope: Any, receive: Any, send: Any) -> Any:
        if scope["type"] == "http":
            scope["client"] = (address[0], 50000)
        return call(self, scope, receive, send)

    monkeypatch.setattr(GatewayApp, "__call__", from_there)
    return address


@pytest.fixture
def softwares(world: Any, certificate: Certificate) -> None:
    """One software of a structure, one that exchanges tokens; both hold the certificate."""
    with world.database.transaction("registrar") as tx:
        subject = certificate.subject
        save_organisation(tx, ORG_REF, "establishment", establishment_ref=ESTABLISHMENT_REF)
        save_holder(tx, ORG_REF, ACCOUNT_REF)
        save_software(
            tx,
            "logiciel-structure",
            certificate_subject=subject,
            establishment_ref=ESTABLISHMENT_REF,
        )
        save_software(tx, "logiciel-certifie", certificate_subject=subject)


@pytest.fixture
def gateway(open_gateway: Any, peer: list[str], softwares: None) -> Iterator[Any]:
    with open_gateway(introspect=Psc().introspect) as client:
        take_auth(client)
        yield client


def ask(gateway: Any, form: dict[str, str], certificate: Certificate | None, **more: str) -> Any:
    headers = {} if certificate is None else {"Client-Cert": certificate.header}
    return gateway.post("/oauth/token", data={**form, **more}, headers=headers)


def check(gateway: Any, token: str, header: str | None, scheme: str = "Bearer") -> Any:
    headers = {"Authorization": f"{scheme} {token}"}
    if header is not None:
        headers["Client-Cert"] = header
    return gateway.post(PATH, json=typed_body(COVERED), headers=headers)


def test_a_structure_gets_a_token_for_whoever_answers_for_it(gateway, world, certificate):
    reply = ask(gateway, STRUCTURE, certificate)
    assert reply.status_code == 200
    body = reply.json()
    assert body["token_type"] == "Bearer"
    assert "issued_token_type" not in body
    claims = read_part(body["access_token"].split(".")[1])
    assert (claims["sub"], claims["est"], claims["amr"]) == (
        str(ACCOUNT_REF),
        str(ESTABLISHMENT_REF),
        ["structure"],
    )
    assert claims["cnf"].keys() == {"x5t#S256"}
    answer = check(gateway, body["access_token"], certificate.header)
    assert answer.status_code == 200
    with world.database.transaction("auditor") as tx:
        methods = tx.execute("SELECT method FROM ledger.session ORDER BY opened_ms").fetchall()
    assert methods == [("psc+dpop",), ("structure+mtls",)]


def test_a_professional_s_token_may_be_exchanged_over_mutual_tls(gateway, certificate):
    body = ask(gateway, EXCHANGE, certificate).json()
    claims = read_part(body["access_token"].split(".")[1])
    assert (claims["amr"], body["token_type"]) == (["psc"], "Bearer")
    assert check(gateway, body["access_token"], certificate.header).status_code == 200


def test_a_token_without_its_certificate_or_with_another_is_refused(
    gateway, authority, certificate, world
):
    token = ask(gateway, STRUCTURE, certificate).json()["access_token"]
    before = len(read_entries(world.database))
    renewed = authority.issue(SUBJECT)  # the same subject, another key: another certificate
    for header in (
        None,
        "",
        "::",
        ":",
        "rubbish",
        renewed.header,
        certificate.header.strip(":"),
        certificate.header[:-1],
        f":{base64.b64encode(certificate.der).decode()[:-8]}!!!!:",
        f":{'A' * 20_000}:",
    ):
        assert refusal(check(gateway, token, header)) == (401, "access_denied")
    twice = [("Authorization", f"Bearer {token}"), *[("Client-Cert", certificate.header)] * 2]
    reply = gateway.post(PATH, json=typed_body(COVERED), headers=twice)
    assert refusal(reply) == (401, "access_denied")
    assert len(read_entries(world.database)) == before


def test_a_certificate_that_a_stranger_wrote_is_not_seen(gateway, peer, certificate, world):
    token = ask(gateway, STRUCTURE, certificate).json()["access_token"]
    peer[0] = "203.0.113.9"
    assert refusal(check(gateway, token, certificate.header)) == (401, "access_denied")
    assert error_of(ask(gateway, STRUCTURE, certificate)) == (401, "invalid_client")
    peer[0] = "127.0.0.1"
    assert check(gateway, token, certificate.header).status_code == 200


def test_other_names_of_that_header_are_never_read(gateway, certificate):
    token = ask(gateway, STRUCTURE, certificate).json()["access_token"]
    for name in ("X-Client-Cert", "X-SSL-Client-Cert", "SSL-Client-Cert", "Client-Cert-Chain"):
        headers = {"Authorization": f"Bearer {token}", name: certificate.header}
        reply = gateway.post(PATH, json=typed_body(COVERED), headers=headers)
        assert refusal(reply) == (401, "access_denied")


def test_a_token_of_a_certificate_is_not_used_with_a_proof(gateway, certificate):
    token = ask(gateway, STRUCTURE, certificate).json()["access_token"]
    proof = Prover().prove("POST", f"http://localhost:8080{PATH}", token)
    assert refusal(post(gateway, token=token, proof=proof)) == (401, "access_denied")
    assert refusal(check(gateway, token, certificate.header, "DPoP")) == (401, "access_denied")


@pytest.mark.parametrize("fault", ["expired", "not yet", "another subject", "no certificate"])
def test_a_certificate_out_of_date_or_of_another_subject_is_no_client(gateway, authority, fault):
    shown = {
        "expired": lambda: authority.issue(SUBJECT, starts=-2 * DAY, ends=-DAY),
        "not yet": lambda: authority.issue(SUBJECT, starts=DAY, ends=2 * DAY),
        "another subject": lambda: authority.issue(make_name("logiciel-du-test", "990000027")),
        "no certificate": lambda: None,
    }[fault]()
    assert error_of(ask(gateway, STRUCTURE, shown)) == (401, "invalid_client")


def test_unknown_revoked_and_another_s_software_get_the_same_bytes(gateway, world, certificate):
    found = [ask(gateway, {**STRUCTURE, "client_id": "nobody-at-all"}, certificate)]
    found.append(ask(gateway, {**STRUCTURE, "client_id": "logiciel-officine"}, certificate))
    with world.database.transaction("registrar") as tx:
        tx.execute("UPDATE accounts.software SET revoked_at = clock_timestamp()")
    found.append(ask(gateway, STRUCTURE, certificate))
    assert {(r.status_code, str(r.headers), r.content) for r in found} == {
        (401, str(found[0].headers), found[0].content)
    }


def test_without_mutual_tls_a_structure_gets_nothing(gateway):
    """Only a person's token makes up for the certificate."""
    assert error_of(ask(gateway, STRUCTURE, None)) == (401, "invalid_client")


def test_a_software_without_a_structure_asks_for_nobody(gateway, certificate):
    reply = ask(gateway, {**STRUCTURE, "client_id": "logiciel-certifie"}, certificate)
    assert error_of(reply) == (400, "unauthorized_client")


def test_where_several_could_answer_the_request_says_who(gateway, world, certificate):
    colleague = make_synthetic_rpps(9)
    with world.database.transaction("registrar") as tx:
        save_professional(tx, 9, colleague, establishment_ref=ESTABLISHMENT_REF)
        save_holder(tx, ORG_REF, 9)
    reply = ask(gateway, STRUCTURE, certificate)
    assert error_of(reply) == (400, "invalid_request")
    assert "professional" in reply.json()["error_description"]
    for rpps, account_ref in ((RPPS, ACCOUNT_REF), (colleague, 9)):
        token = ask(gateway, STRUCTURE, certificate, professional=rpps.number).json()
        assert read_part(token["access_token"].split(".")[1])["sub"] == str(account_ref)
    stranger = make_synthetic_rpps(10).number
    reply = ask(gateway, STRUCTURE, certificate, professional=stranger)
    assert error_of(reply) == (400, "invalid_grant")


def test_when_nobody_answers_for_a_structure_it_gets_nothing(gateway, world, certificate):
    with world.database.transaction("registrar") as tx:
        tx.execute("UPDATE accounts.actor SET suspended_at = clock_timestamp()")
    assert error_of(ask(gateway, STRUCTURE, certificate)) == (400, "invalid_grant")


def test_somebody_an_establishment_stopped_does_not_answer_for_it(gateway, world, certificate):
    with world.database.transaction("registrar") as tx:
        tx.execute("UPDATE accounts.membership SET suspended_at = clock_timestamp()")
    assert error_of(ask(gateway, STRUCTURE, certificate)) == (400, "invalid_grant")


def test_a_certificate_proves_nothing_where_no_proxy_checks_them(
    open_gateway, peer, softwares, certificate
):
    with open_gateway(introspect=Psc().introspect, certificate_proxies=()) as gateway:
        take_auth(gateway)
        assert error_of(ask(gateway, STRUCTURE, certificate))[0] == 401


def test_a_certificate_written_twice_is_none(gateway, certificate):
    twice = [("Client-Cert", certificate.header)] * 2
    reply = gateway.post("/oauth/token", data=STRUCTURE, headers=twice)
    assert error_of(reply)[0] == 401


def test_mutation_a_gateway_that_believes_everybody_is_noticed(
    gateway, peer, certificate, monkeypatch
):
    token = ask(gateway, STRUCTURE, certificate).json()["access_token"]
    admission = gateway.app.state["gateway"].door._admission
    peer[0] = "203.0.113.9"
    believing = admission._find_certificate
    monkeypatch.setattr(
        admission, "_find_certificate", lambda _, header: believing("127.0.0.1", header)
    )
    assert check(gateway, token, certificate.header).status_code == 200


# ------------------------------------------------------------------ with a real handshake


def make_caller(authority: Path, certificate: Path | None) -> httpx.Client:
    context = ssl.create_default_context(cafile=str(authority))
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if certificate is not None:
        context.load_cert_chain(certificate)
    return httpx.Client(verify=context, trust_env=False, timeout=20)


def test_a_real_handshake_makes_the_token_and_only_it_uses_it(
    world, settings, softwares, authority, certificate, tmp_path
):
    roots = authority.save(tmp_path / "roots.pem")
    server = authority.issue(make_name("127.0.0.1"))
    holder = certificate.save(tmp_path / "holder.pem")
    other = authority.issue(SUBJECT).save(tmp_path / "other.pem")
    stranger = Authority().issue(SUBJECT).save(tmp_path / "stranger.pem")
    process = GatewayProcess(trusting(settings, world))
    process.start()
    try:
        with ending_tls(server, roots, process.port, tmp_path / "server.pem") as url:
            with make_caller(roots, holder) as caller:
                given = caller.post(f"{url}/oauth/token", data=STRUCTURE)
                assert given.status_code == 200
                headers = {"Authorization": f"Bearer {given.json()['access_token']}"}
                answer = caller.post(f"{url}{PATH}", json=typed_body(COVERED), headers=headers)
                assert answer.status_code == 200
            spoofed = {**headers, "Client-Cert": certificate.header}
            for thief in (other, None):
                with make_caller(roots, thief) as caller:
                    stolen = caller.post(f"{url}{PATH}", json=typed_body(COVERED), headers=spoofed)
                    assert refusal(stolen) == (401, "access_denied")
            with (
                make_caller(roots, stranger) as caller,
                pytest.raises((httpx.ReadError, httpx.RemoteProtocolError, httpx.ConnectError)),
            ):
                caller.post(f"{url}/oauth/token", data=STRUCTURE)
    finally:
        process.kill()


def trusting(settings: Settings, world: Any) -> Settings:
    """Settings of a gateway whose proxy, on this machine, checks certificates."""
    return replace(settings, database_url=world.database.url(), certificate_proxies=LOOPBACK)


def test_the_digest_is_that_of_the_certificate_as_it_is_sent(gateway, certificate, world):
    digest = base64.urlsafe_b64encode(hashlib.sha256(certificate.der).digest()).rstrip(b"=")
    token = ask(gateway, STRUCTURE, certificate).json()["access_token"]
    cnf = read_part(token.split(".")[1])["cnf"]
    assert cnf == dict([Binding("x5t#S256", digest.decode())])
