"""Packages on pages: two people send, the insurer receives, and nobody sees another one's."""

import gc
import io
import re
from datetime import timedelta

import pytest
from django.test import Client
from tests.package_samples import (
    SIGNER,
    Affair,
    format_private_key,
    make_certificate,
    make_rsa_key,
)
from tests.portals import people
from tests.portals.pages import read

from rempart.accounts.roles import Role
from rempart.exchange.package_reader import PrivateKey, open_package
from rempart.incidents.sealing_keys import ALONE_DELAY
from rempart.portals.downloads import MOST_AT_ONCE
from rempart.storage.connect import Database

KEY = PrivateKey(format_private_key(make_rsa_key()))


def make_browser(desk, org, role, name):
    who = people.make_agent(desk.database, org, role, name=name)
    browser = Client()
    people.sign_in(browser, desk.database, who)
    return browser


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def insurer(desk, host) -> people.Organisation:
    return people.make_organisation(desk.database, "insurer", name="Mutuelle d'essai")


@pytest.fixture
def affair(desk, insurer) -> Affair:
    """An analysed incident with one person of the insurer, its package made."""
    affair = Affair(desk.database)
    affair.add_key(insurer.insurer_id)
    affair.know(insurer.insurer_id, 101)
    affair.analyse([(insurer.insurer_id, 101, "A")])
    affair.make()
    yield affair
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute("TRUNCATE identity.person, identity.insurer_key")


@pytest.fixture
def asker(desk, host) -> Client:
    return make_browser(desk, host, Role.OPERATOR_DPO, "Ariane Hôte")


@pytest.fixture
def colleague(desk, host) -> Client:
    return make_browser(desk, host, Role.OPERATOR_SECURITY, "Boris Hôte")


@pytest.fixture
def dpo(desk, insurer) -> Client:
    return make_browser(desk, insurer, Role.INSURER_DPO, "Chloé Mutuelle")


def sheet(affair: Affair) -> str:
    return f"/console/incidents/{affair.incident_id}/envois"


def send(affair, asker, colleague) -> int:
    assert asker.post(f"{sheet(affair)}/geste", {"geste": "demander"}).status_code == 302
    assert colleague.post(f"{sheet(affair)}/geste", {"geste": "envoyer"}).status_code == 302
    [(ref,)] = affair.fetch("SELECT package_ref FROM incidents.package WHERE state = 'sent'")
    return ref


def test_two_people_send_and_the_insurer_sees_its_incident(affair, asker, colleague, dpo):
    assert "Rien" in read(dpo.get("/assureur/incidents")) or "ne vous a rien" in read(
        dpo.get("/assureur/incidents")
    )
    assert dpo.get(f"/assureur/incidents/{affair.incident_id}").status_code == 404
    shown = read(asker.get(f"{sheet(affair)}/geste?geste=demander"))
    assert "1 envoi, 1 personnes" in shown
    odd = {"geste": "demander", "envoi": ["²", "9" * 5000]}
    assert "1 envoi, 1 personnes" in read(asker.get(f"{sheet(affair)}/geste", odd))
    assert "Mutuelle d'essai" in shown
    send(affair, asker, colleague)
    assert "Comptes volés" in read(dpo.get("/assureur/incidents"))
    page = dpo.get(f"/assureur/incidents/{affair.incident_id}")
    assert page.status_code == 200
    assert "Au moins 1 personnes" in read(page)
    assert "Vos échéances" in read(page)


def test_one_person_alone_sends_nothing(affair, asker):
    asker.post(f"{sheet(affair)}/geste", {"geste": "demander"})
    refused = asker.post(f"{sheet(affair)}/geste", {"geste": "envoyer"})
    assert refused.status_code == 403
    assert "une autre personne" in read(refused)
    assert affair.fetch("SELECT state FROM incidents.package") == [("asked",)]


def test_mutation_without_the_workflows_rule_the_database_still_refuses(affair, asker, monkeypatch):
    monkeypatch.setattr(
        "rempart.workflows.incidents.send_packages._check_second_person", lambda *_, **__: 0
    )
    asker.post(f"{sheet(affair)}/geste", {"geste": "demander"})
    with pytest.raises(Exception, match=r"do not count as two|check"):
        asker.post(f"{sheet(affair)}/geste", {"geste": "envoyer"})
    with affair.database.transaction("owner") as tx:
        tx.execute("ALTER TABLE incidents.package DISABLE TRIGGER check_package")
    try:
        with pytest.raises(Exception, match="package_check"):
            asker.post(f"{sheet(affair)}/geste", {"geste": "envoyer"})
    finally:
        with affair.database.transaction("owner") as tx:
            tx.execute("ALTER TABLE incidents.package ENABLE TRIGGER check_package")


def test_the_first_download_is_the_receipt_and_the_archive_opens(affair, asker, colleague, dpo):
    ref = send(affair, asker, colleague)
    answer = dpo.get(f"/assureur/envois/{ref}.tar")
    assert answer.status_code == 200
    content = b"".join(answer.streaming_content)
    assert int(answer["Content-Length"]) == len(content)
    opened = open_package(io.BytesIO(content), [SIGNER.verifier], KEY)
    assert opened.manifest["counts"]["A"] == 1
    again = dpo.get(f"/assureur/envois/{ref}.tar", headers={"range": "bytes=700-"})
    assert again.status_code == 206
    assert b"".join(again.streaming_content) == content[700:]
    for back in (affair.incident_id, "²", "9" * 5000):
        assert dpo.post(f"/assureur/envois/{ref}/accuse", {"incident": back}).status_code == 302
    receipts = affair.fetch("SELECT way, level FROM incidents.package_receipt ORDER BY received_at")
    assert receipts == [("downloaded", "insurer"), ("acknowledged", "insurer")]
    events = affair.fetch(
        "SELECT insurer_id, author, details->>'way' FROM incidents.room_event"
        " WHERE kind = 'package_received'"
    )
    assert [(author, way) for _, author, way in events] == [("Chloé Mutuelle", "downloaded")]
    assert events[0][0] is not None
    assert "Chloé Mutuelle" in read(asker.get(sheet(affair)))
    assert "Chloé Mutuelle" in asker.get(f"{sheet(affair)}.csv").content.decode()
    assert "Chloé Mutuelle" in read(asker.get(f"/console/envois/{ref}"))


def test_few_packages_are_given_out_at_once_and_pages_go_on(affair, asker, colleague, dpo):
    address = f"/assureur/envois/{send(affair, asker, colleague)}.tar"
    gc.collect()  # a server closes what it answers; tests before this one may not have
    head = dpo.head(address)
    assert head.status_code == 200
    head.close()
    left = [dpo.get(address) for _ in range(MOST_AT_ONCE)]
    refused = dpo.get(address)
    assert (refused.status_code, refused["Retry-After"]) == (503, "30")
    assert dpo.get(f"/assureur/incidents/{affair.incident_id}").status_code == 200
    left.pop().close()
    whole = dpo.get(address)
    assert len(b"".join(whole.streaming_content)) == int(whole["Content-Length"])
    last = dpo.get(address)
    assert last.status_code == 200
    last.close()
    left.pop().close()


def test_an_older_package_downloads_whole_while_a_newer_one_is_sent(
    affair, insurer, asker, colleague, dpo
):
    ref = send(affair, asker, colleague)
    answer = dpo.get(f"/assureur/envois/{ref}.tar")
    stream = iter(answer.streaming_content)
    parts = [next(stream)]
    affair.analyse([(insurer.insurer_id, 101, "B")])
    affair.make()
    affair.send(insurer.insurer_id)
    parts += list(stream)
    opened = open_package(io.BytesIO(b"".join(parts)), [SIGNER.verifier], KEY)
    assert opened.note.number == 1
    page = read(dpo.get(f"/assureur/incidents/{affair.incident_id}"))
    assert "Envoi n° 2" in page
    assert "1 abaissées" in page


def test_another_insurer_sees_nothing(affair, desk, asker, colleague):
    ref = send(affair, asker, colleague)
    other = people.make_organisation(desk.database, "insurer", name="Autre mutuelle")
    stranger = make_browser(desk, other, Role.INSURER_DPO, "Denis Ailleurs")
    assert stranger.get(f"/assureur/incidents/{affair.incident_id}").status_code == 404
    assert stranger.get(f"/assureur/envois/{ref}.tar").status_code == 404
    assert stranger.post(f"/assureur/envois/{ref}/accuse").status_code == 404
    assert affair.fetch("SELECT count(*) FROM incidents.package_receipt") == [(0,)]


def test_a_hosted_operator_relays_and_starts_nobodys_clock(
    affair, desk, host, insurer, asker, colleague
):
    hosted = people.make_organisation(
        desk.database, "operator", name="Kappa", hosted_by=host.org_ref
    )
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.mandate (mandate_ref, principal_ref, agent_ref, kind, starts_on)"
            " VALUES (%s, %s, %s, 'operates', '2020-01-01')",
            (people.draw(), insurer.org_ref, hosted.org_ref),
        )
    relay = make_browser(desk, hosted, Role.OPERATOR_ADMIN, "Émile Kappa")
    ref = send(affair, asker, colleague)
    assert "Mutuelle d'essai" in read(relay.get("/console/relais"))
    assert b"".join(relay.get(f"/console/relais/{ref}.tar").streaming_content)
    relay.post(f"/console/relais/{ref}/accuse")
    events = affair.fetch(
        "SELECT insurer_id, details->>'level' FROM incidents.room_event"
        " WHERE kind = 'package_received'"
    )
    assert events == [(None, "operator")]
    page = read(asker.get(f"/console/envois/{ref}"))
    assert "Kappa" in page
    assert "pas encore" in read(asker.get(sheet(affair)))
    assert asker.get("/console/relais").status_code == 404


def test_a_withdrawn_package_is_handed_out_no_more_and_says_why(affair, asker, colleague, dpo):
    ref = send(affair, asker, colleague)
    assert asker.post(f"/console/envois/{ref}/retrait", {"reason": ""}).status_code == 422
    done = asker.post(f"/console/envois/{ref}/retrait", {"reason": "Mauvais comptes."})
    assert done.status_code == 302
    assert dpo.get(f"/assureur/envois/{ref}.tar").status_code == 404
    assert "Mauvais comptes." in read(dpo.get(f"/assureur/incidents/{affair.incident_id}"))
    assert asker.post(f"/console/envois/{ref}/retrait", {"reason": "Encore."}).status_code == 409


def test_a_certificate_waits_for_a_second_person(desk, insurer, dpo):
    boss = make_browser(desk, insurer, Role.INSURER_ADMIN, "Fanny Mutuelle")
    sent = dpo.post("/assureur/certificats/nouveau", {"pasted": make_certificate().decode()})
    assert sent.status_code == 302
    [(key_ref, state)] = fetch(desk.database, "SELECT key_ref, state FROM incidents.sealing_key")
    assert state == "proposed"
    page = read(dpo.get("/assureur/certificats"))
    assert "attend une seconde personne" in page
    assert re.search(r"([0-9A-F]{2}:){31}[0-9A-F]{2}", page)
    own = dpo.post(f"/assureur/certificats/{key_ref}/decision", {"approve": "1"})
    assert own.status_code == 403
    boss.post(f"/assureur/certificats/{key_ref}/decision", {"approve": "1"})
    assert fetch(desk.database, "SELECT state FROM incidents.sealing_key") == [("approved",)]
    boss.post(f"/assureur/certificats/{key_ref}/decision", {})
    assert fetch(desk.database, "SELECT state FROM incidents.sealing_key") == [("revoked",)]
    again = boss.post(f"/assureur/certificats/{key_ref}/decision", {})
    assert again.status_code == 409


def test_somebody_alone_waits_three_days(desk, insurer, dpo):
    dpo.post("/assureur/certificats/nouveau", {"pasted": make_certificate().decode()})
    [(state, delay)] = fetch(
        desk.database, "SELECT state, active_from - proposed_at FROM incidents.sealing_key"
    )
    assert state == "approved"
    assert abs(delay - ALONE_DELAY) < timedelta(seconds=5)


def test_a_bad_certificate_is_refused_with_what_to_do(desk, insurer, dpo):
    key = format_private_key(make_rsa_key()).decode()
    for pasted, words in (
        ("bonjour", "not one X.509"),
        ("", "the file"),
        (key, "private key"),
        (make_certificate(make_rsa_key(2048)).decode(), "2048 bits"),
    ):
        answer = dpo.post("/assureur/certificats/nouveau", {"pasted": pasted})
        assert answer.status_code == 422
        assert words in read(answer), pasted[:20]
    assert fetch(desk.database, "SELECT count(*) FROM incidents.sealing_key") == [(0,)]


def test_preparing_asks_a_job_once_analysed(desk, insurer, asker):
    affair = Affair(desk.database)
    place = sheet(affair)
    assert "pas encore été analysé" in read(asker.get(place))
    assert asker.post(f"{place}/preparer").status_code == 409
    affair.analyse([])
    assert asker.post(f"{place}/preparer").status_code == 302
    assert "Préparation en cours" in read(asker.get(place))


def test_an_exercise_says_so_on_every_page(desk, insurer, asker, colleague, dpo):
    affair = Affair(desk.database, exercise=True)
    affair.add_key(insurer.insurer_id)
    affair.analyse([])
    affair.make()
    ref = send(affair, asker, colleague)
    for browser, page in (
        (asker, sheet(affair)),
        (asker, f"/console/envois/{ref}"),
        (dpo, f"/assureur/incidents/{affair.incident_id}"),
    ):
        assert "EXERCICE" in read(browser.get(page))
    answer = dpo.get(f"/assureur/envois/{ref}.tar")
    assert 'filename="EXERCICE-' in answer["Content-Disposition"]
    b"".join(answer.streaming_content)


def fetch(database: Database, statement: str) -> list[tuple]:
    with database.transaction("owner") as tx:
        return tx.execute(statement).fetchall()  # type: ignore[arg-type]
