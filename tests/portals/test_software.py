"""« Logiciels »: what the operator and publishers see, register, replace and end."""

import csv
import io
import json
from datetime import timedelta

import pytest
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.registration import Registration, read_jwk
from rempart.accounts.roles import Role
from rempart.client import SigningKey
from rempart.portals.session_store import compute_token_digest
from rempart.workflows.accounts.register_software import (
    find_software,
    list_keys,
    register_portals,
    register_software,
)
from rempart.workflows.accounts.web_session import enter_session


def draw_jwk() -> dict:
    return SigningKey.generate().public_jwk


@pytest.fixture
def publisher(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "publisher", name="Éditions Officine")


@pytest.fixture
def enter(desk):
    """A function that signs a browser in as somebody of an organisation."""

    def enter(org: people.Organisation, role: Role) -> Client:
        browser = Client(headers={"user-agent": "Firefox on a test bench"})
        people.sign_in(browser, desk.database, people.make_agent(desk.database, org, role))
        return browser

    return enter


@pytest.fixture
def host(desk, enter) -> Client:
    """The browser of the operator's administrator."""
    org = people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    return enter(org, Role.OPERATOR_ADMIN)


@pytest.fixture
def editor(enter, publisher) -> Client:
    """The browser of the publisher's administrator."""
    return enter(publisher, Role.PUBLISHER_ADMIN)


def add(desk, publisher, name="officine-plus", **changes) -> int:
    facts = {"label": name.title(), "key": read_jwk(draw_jwk())}
    with desk.database.transaction("registrar") as tx:
        registration = Registration(
            client_id=name, publisher_ref=publisher.org_ref, **{**facts, **changes}
        )
        return register_software(tx, registration)


def fill(publisher, /, **changes) -> dict:
    form = {
        "publisher": str(publisher.org_ref),
        "label": "Officine Plus",
        "client_id": "officine-plus",
        "jwk": json.dumps(draw_jwk()),
        "certificate_subject": "",
    }
    return {**form, **changes}


def read(desk, client_ref: int):
    with desk.database.transaction("registrar") as tx:
        return find_software(tx, client_ref=client_ref), list_keys(tx, client_ref)


def test_a_publisher_registers_a_software_by_pasting_its_public_key(desk, editor, publisher):
    jwk = draw_jwk()
    shown = editor.post(
        "/logiciels/nouveau", fill(publisher, jwk=json.dumps(jwk)), follow=True
    ).content.decode()
    assert jwk["kid"] in shown
    assert "en service" in shown
    assert "officine-plus" in editor.get("/logiciels").content.decode()


def test_a_private_key_is_refused_and_not_shown_again_as_registered(editor, publisher, tmp_path):
    key = SigningKey.generate()
    key.save(tmp_path / "key.json")
    answer = editor.post(
        "/logiciels/nouveau", fill(publisher, jwk=(tmp_path / "key.json").read_text())
    )
    assert answer.status_code == 422
    assert "elle n&#x27;est plus secrète" in answer.content.decode()
    assert "Aucun logiciel" in editor.get("/logiciels").content.decode()


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"jwk": "not a key"}, "JWK"),
        ({"jwk": ""}, "par ses clés ou par un certificat"),
        ({"certificate_subject": "CN=clinique"}, "par ses clés ou par un certificat"),
        ({"certificate_subject": "clinique"}, "RFC 4514"),
        ({"client_id": "Officine Plus"}, "lettres minuscules"),
        ({"client_id": "portals"}, "réservé"),
        ({"label": " "}, "obligatoire"),
        ({"publisher": "1"}, "choix"),
    ],
)
def test_what_cannot_be_registered_is_told_beside_its_field(editor, publisher, changes, words):
    answer = editor.post("/logiciels/nouveau", fill(publisher, **changes))
    assert answer.status_code == 422
    assert words in answer.content.decode()


def test_a_name_that_is_taken_is_told(desk, editor, publisher):
    add(desk, publisher)
    answer = editor.post("/logiciels/nouveau", fill(publisher))
    assert answer.status_code == 422
    assert "Ce nom est pris" in answer.content.decode()


def test_a_publisher_neither_sees_nor_touches_the_software_of_another(desk, editor, publisher):
    other = people.make_organisation(desk.database, "publisher", name="Autre éditeur")
    theirs = add(desk, other, "autre-logiciel")
    [key] = read(desk, theirs)[1]
    assert "autre-logiciel" not in editor.get("/logiciels").content.decode()
    assert "autre-logiciel" not in editor.get("/logiciels.csv").content.decode()
    for path in ("", "/cle", f"/cle/{key.kid}/fin", "/revocation"):
        assert editor.get(f"/logiciels/{theirs}{path}").status_code == 404
        assert editor.post(f"/logiciels/{theirs}{path}").status_code in (404, 405)
    refused = editor.post("/logiciels/nouveau", fill(other))
    assert refused.status_code == 422
    assert read(desk, theirs)[0].revoked_at is None


def test_the_operator_sees_all_and_registers_for_an_establishment(desk, host, publisher):
    clinic = people.make_organisation(desk.database, "establishment", name="Clinique")
    with desk.database.transaction("owner") as tx:
        [siret] = tx.execute(
            "SELECT siret FROM accounts.establishment WHERE establishment_ref = %s",
            (clinic.establishment_ref,),
        ).fetchone()
    form = fill(publisher, jwk="", certificate_subject="CN=clinique.example, O=Clinique")
    shown = host.post("/logiciels/nouveau", {**form, "establishment": siret}, follow=True)
    assert "CN=clinique.example,O=Clinique" in shown.content.decode()
    assert "Clinique" in host.get("/logiciels").content.decode()
    unknown = host.post("/logiciels/nouveau", {**form, "establishment": "123"})
    assert "Aucun établissement" in unknown.content.decode()


def test_a_publisher_is_not_offered_to_act_for_an_establishment(editor, publisher):
    assert "FINESS" not in editor.get("/logiciels/nouveau").content.decode()
    form = fill(publisher, jwk="", certificate_subject="CN=x", establishment="12345678901234")
    assert editor.post("/logiciels/nouveau", form).status_code == 302


def test_a_key_is_replaced_without_a_gap(desk, editor, publisher):
    client_ref = add(desk, publisher)
    [old] = read(desk, client_ref)[1]
    new = draw_jwk()
    editor.post(f"/logiciels/{client_ref}/cle", {"jwk": json.dumps(new)})
    assert [key.is_live for key in read(desk, client_ref)[1]] == [True, True]
    editor.post(f"/logiciels/{client_ref}/cle/{old.kid}/fin")
    live = [key.kid for key in read(desk, client_ref)[1] if key.is_live]
    assert live == [new["kid"]]
    last = editor.post(f"/logiciels/{client_ref}/cle/{new['kid']}/fin")
    assert last.status_code == 409
    assert "dernière clé" in last.content.decode()


def test_a_key_that_was_had_before_is_refused(desk, editor, publisher):
    client_ref = add(desk, publisher)
    jwk = json.dumps(draw_jwk())
    editor.post(f"/logiciels/{client_ref}/cle", {"jwk": jwk})
    again = editor.post(f"/logiciels/{client_ref}/cle", {"jwk": jwk})
    assert again.status_code == 422
    assert "déjà eu cette clé" in again.content.decode()


def test_a_revoked_software_is_shown_as_such_and_offers_nothing_more(desk, editor, publisher):
    client_ref = add(desk, publisher)
    assert "cinq secondes" in editor.get(f"/logiciels/{client_ref}/revocation").content.decode()
    shown = editor.post(f"/logiciels/{client_ref}/revocation", follow=True).content.decode()
    assert "révoqué le" in shown
    assert "Ajouter une clé" not in shown
    assert read(desk, client_ref)[0].revoked_at is not None


def test_the_portals_own_software_is_listed_and_cannot_be_changed(desk, host):
    with desk.database.transaction("registrar") as tx:
        register_portals(tx, draw_jwk())
        client_ref = find_software(tx, client_id="portals").client_ref
    assert "cette installation" in host.get("/logiciels").content.decode()
    assert "Révoquer ce logiciel" not in host.get(f"/logiciels/{client_ref}").content.decode()
    refused = host.post(f"/logiciels/{client_ref}/revocation")
    assert refused.status_code == 409
    assert read(desk, client_ref)[0].revoked_at is None


@pytest.mark.parametrize(
    ("role", "page", "status"),
    [
        (Role.PUBLISHER_DEVELOPER, "/logiciels", 200),
        (Role.PUBLISHER_DEVELOPER, "/logiciels/nouveau", 403),
        (Role.PUBLISHER_DEVELOPER, "/logiciels/{ref}/cle", 200),
        (Role.PUBLISHER_DEVELOPER, "/logiciels/{ref}/revocation", 403),
        (Role.OPERATOR_SECURITY, "/logiciels/{ref}/revocation", 200),
        (Role.OPERATOR_SECURITY, "/logiciels/{ref}/cle", 403),
        (Role.INSURER_ADMIN, "/logiciels", 403),
        (Role.HOLDER, "/logiciels.csv", 403),
    ],
)
def test_each_role_opens_what_the_table_grants(desk, enter, publisher, role, page, status):
    client_ref = add(desk, publisher)
    kind = role.value.split("_", maxsplit=1)[0]
    org = publisher
    if role is Role.HOLDER:
        org = people.make_organisation(desk.database, "establishment")
    elif kind != "publisher":
        org = people.make_organisation(desk.database, kind)
    assert enter(org, role).get(page.format(ref=client_ref)).status_code == status


def test_a_sensitive_act_needs_a_fresh_confirmation(desk, editor, publisher):
    client_ref = add(desk, publisher)
    with desk.database.transaction("owner") as tx:
        # Judged by the clock of the desk, which the test holds.
        tx.execute("UPDATE accounts.session SET stepped_up_at = %s", (samples.NOW,))
    desk.clock = samples.NOW + timedelta(minutes=6)
    for path in ("/logiciels/nouveau", f"/logiciels/{client_ref}/cle"):
        for answer in (editor.get(path), editor.post(path, {"jwk": json.dumps(draw_jwk())})):
            assert answer.status_code == 302
            assert answer.headers["Location"].startswith("/confirmation?next=")
    assert len(read(desk, client_ref)[1]) == 1
    # Stopping a thief does not wait.
    assert editor.post(f"/logiciels/{client_ref}/revocation").status_code == 302
    assert read(desk, client_ref)[0].revoked_at is not None


def test_the_list_is_sorted_and_exported_in_the_same_order(desk, editor, publisher):
    for name in ("bbb", "aaa", "ccc"):
        add(desk, publisher, name)
    query = "?tri=name&sens=asc"
    page = editor.get(f"/logiciels{query}").content.decode()
    assert page.index(">aaa<") < page.index(">bbb<") < page.index(">ccc<")
    export = editor.get(f"/logiciels.csv{query}").content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(export), delimiter=";"))
    assert [row[0] for row in rows] == ["nom", "aaa", "bbb", "ccc"]


def test_a_long_list_is_paged(desk, editor, publisher):
    for n in range(52):
        add(desk, publisher, f"logiciel-{n:02}")
    first = editor.get("/logiciels?tri=name&sens=asc").content.decode()
    second = editor.get("/logiciels?tri=name&sens=asc&page=2").content.decode()
    assert "1 à 50 sur 52" in first
    assert "logiciel-51" not in first
    assert "logiciel-51" in second


def test_everything_done_is_in_the_events_of_whoever_did_it(desk, editor, publisher):
    client_ref = add(desk, publisher)
    editor.post(f"/logiciels/{client_ref}/revocation")
    with desk.database.transaction("owner") as tx:
        rows = tx.execute(
            "SELECT actor_ref IS NOT NULL, session_ref IS NOT NULL, address <> '', org_ref"
            " FROM accounts.security_event WHERE kind = 'software_revoked'"
        ).fetchall()
    assert rows == [(True, True, True, publisher.org_ref)]


def test_the_life_of_a_key_is_not_made_longer_by_a_page(desk, browser):
    """Not even by SQL in the publisher's own session: another key is added instead."""
    org = people.make_organisation(desk.database, "publisher")
    who = people.make_agent(desk.database, org, Role.PUBLISHER_ADMIN)
    people.sign_in(browser, desk.database, who)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.software (client_ref, client_id, publisher_ref, label, scopes)"
            " VALUES (1, 'logiciel-essai', %s, 'x', '{}')",
            (org.org_ref,),
        )
        tx.execute(
            "INSERT INTO accounts.software_key (client_ref, kid, jwk, ends_at)"
            " VALUES (1, 'k', '{}', now() + interval '1 h')"
        )
    digest = compute_token_digest(browser.cookies["rempart_session"].value)

    def extend(by):
        with desk.transaction() as tx:
            assert enter_session(tx, digest)
            tx.execute(
                "UPDATE accounts.software_key SET ends_at = ends_at + %s::interval RETURNING 1",
                (by,),
            ).fetchall()

    for longer in ("1 s", "1 y", "9999 y"):
        with pytest.raises(Exception, match="not made longer"):
            extend(longer)
    extend("-30 min")
    with desk.database.transaction("owner") as tx:
        tx.execute("ALTER TABLE accounts.software_key DISABLE TRIGGER guard")
    try:
        extend("1 h")  # the mutation: without the guard it passes
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute("ALTER TABLE accounts.software_key ENABLE TRIGGER guard")
