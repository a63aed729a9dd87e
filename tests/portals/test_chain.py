"""The chain: each link sees its own, what a cut stops for it and what goes on."""

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.conftest import KEY
from tests.portals.pages import open_browser
from tests.portals.test_services import clean, cut, list_cuts

from rempart.accounts.roles import Role
from rempart.exchange.warning_text import format_warning
from rempart.storage.contacts import make_letterbox
from rempart.workflows.accounts.warn_contacts import send_warnings
from rempart.workflows.rights import cut_services

__all__ = ["clean"]  # a fixture


def give(desk, kind, principal, agent, *, starts="2026-01-01", ends="infinity") -> None:
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.mandate (mandate_ref, principal_ref, agent_ref, kind, starts_on,"
            " ends_on) VALUES (%s, %s, %s, %s, %s, %s)",
            (people.draw(), principal.org_ref, agent.org_ref, kind, starts, ends),
        )


@pytest.fixture
def world(desk):
    """A host, two operators it hosts, three insurers, somebody who processes for one of them."""
    make = people.make_organisation
    host = make(desk.database, "operator", name="Plateforme Lambda")
    orgs = {"host": host}
    for name in ("Kappa", "Sigma"):
        orgs[name] = make(desk.database, "operator", name=name, hosted_by=host.org_ref)
        give(desk, "hosts", orgs[name], host)
    for name in ("Aubelune", "Brisemer", "Corvalle"):
        orgs[name] = make(desk.database, "insurer", name=name)
    orgs["Omicron"] = make(desk.database, "operator", name="Omicron", hosted_by=host.org_ref)
    give(desk, "operates", orgs["Aubelune"], orgs["Kappa"])
    give(desk, "operates", orgs["Brisemer"], orgs["Kappa"], starts="2026-03-01")
    give(desk, "operates", orgs["Brisemer"], orgs["Sigma"], ends="2026-02-28")
    give(desk, "operates", orgs["Corvalle"], orgs["Sigma"])
    give(desk, "sub_processes", orgs["Aubelune"], orgs["Omicron"])
    return orgs


def enter(desk, org, role, name="Camille Essai") -> Client:
    return open_browser(desk, people.make_agent(desk.database, org, role, name=name))


def read(browser: Client, address: str = "/chaine") -> str:
    answer = browser.get(address)
    assert answer.status_code == 200, answer.status_code
    return answer.content.decode()


@pytest.fixture
def guard(desk, world) -> Client:
    return enter(desk, world["host"], Role.OPERATOR_SECURITY)


def test_the_host_sees_every_link_and_each_hosted_operator_its_own(desk, world, guard):
    page = read(guard)
    assert all(name in page for name in ("Kappa", "Sigma", "Aubelune", "Brisemer", "Omicron"))
    # sorted, and whole as a file: five mandates and two hostings, past ones too
    lines = read(guard, "/chaine.csv?tri=starts&sens=desc").splitlines()
    assert len(lines) == 8
    assert lines[1] == "Kappa;gère le tiers payant de;Brisemer;2026-03-01;"
    kappa = read(enter(desk, world["Kappa"], Role.OPERATOR_OPS))
    assert all(name in kappa for name in ("Plateforme Lambda", "Aubelune", "Brisemer", "Omicron"))
    # Not the other hosted operator, though one of its insurers was Sigma's before.
    assert "Sigma" not in kappa
    assert "Corvalle" not in kappa
    sigma = read(enter(desk, world["Sigma"], Role.OPERATOR_ADMIN))
    assert all(name in sigma for name in ("Plateforme Lambda", "Corvalle", "Brisemer"))
    assert "Kappa" not in sigma
    assert "Aubelune" not in sigma


def test_an_insurer_sees_who_works_for_it_and_who_hosts_them(desk, world):
    page = read(enter(desk, world["Aubelune"], Role.INSURER_DPO))
    assert all(name in page for name in ("Plateforme Lambda", "Kappa", "Omicron"))
    assert "Brisemer" not in page
    manager = enter(desk, world["Aubelune"], Role.INSURER_MANAGER)
    assert manager.get("/chaine").status_code in {403, 404}


def test_before_a_cut_the_host_reads_what_stops_and_goes_on_for_each(desk, world, guard):
    with desk.database.transaction("owner") as tx:
        [(amc,)] = tx.execute(
            "SELECT amc_number FROM rights.insurer WHERE name = 'Aubelune'"
        ).fetchall()
    form = {"scope": "insurer", "amc_number": amc, "reason": "incident", "review_hours": "4"}
    page = guard.post("/console/services/couper", form).content.decode()
    told = page.partition("Chez les opérateurs hébergés")[2].partition("</form>")[0]
    assert "Kappa" in told
    assert "Omicron" in told
    assert "Rien ne change pour : Brisemer" in told
    assert "Sigma" not in told
    form |= {"scope": "gateway", "amc_number": ""}
    page = guard.post("/console/services/couper", form).content.decode()
    told = page.partition("Chez les opérateurs hébergés")[2].partition("</form>")[0]
    assert all(name in told for name in ("Kappa", "Omicron", "Sigma"))
    assert "La facturation continue" in told


def test_while_it_lasts_each_party_reads_its_own_share_and_nobody_elses(desk, world, guard):
    with desk.database.transaction("owner") as tx:
        [(amc,)] = tx.execute(
            "SELECT amc_number FROM rights.insurer WHERE name = 'Corvalle'"
        ).fetchall()
    visitors = {
        name: enter(desk, world[name], role)
        for name, role in (
            ("Kappa", Role.OPERATOR_ADMIN),
            ("Sigma", Role.OPERATOR_ADMIN),
            ("Corvalle", Role.INSURER_ADMIN),
        )
    }
    assert cut(guard, "insurer", amc_number=amc).status_code == 302
    assert "Rien n’est coupé pour vous" in read(visitors["Kappa"])
    for name in ("Sigma", "Corvalle"):
        page = read(visitors[name])
        assert "Coupé depuis le" in page
        assert "La facturation continue" in page
    assert "Coupé depuis le" in read(guard)
    assert cut(guard, "gateway").status_code == 302
    page = read(visitors["Kappa"])
    assert "Vérification depuis les logiciels" in page
    assert "Aubelune, Brisemer" in page
    assert "Sigma" not in page


def add_addresses(desk, world, *names) -> None:
    with desk.database.transaction("owner") as tx:
        for ref, name in enumerate(names, 101):
            sealed = desk.close_address(f"{name.lower()}@example.invalid", ref)
            tx.execute(
                "INSERT INTO accounts.contact (contact_ref, org_ref, channel, sealed)"
                " VALUES (%s, %s, 'email', %s)",
                (ref, world[name].org_ref, sealed),
            )


def receive(desk, *, phone: str = "") -> dict[str, str]:
    """Send the warnings that wait; return each text by its reader."""
    box = {}

    class Box:
        def send(self, warning):
            box[warning.address.partition("@")[0]] = format_warning(warning, phone=phone)

    with desk.database.transaction("registrar") as tx:
        send_warnings(tx, Box(), letterbox=make_letterbox(KEY))
    return box


def find_amc(desk, name: str) -> str:
    with desk.database.transaction("owner") as tx:
        [(amc,)] = tx.execute(
            "SELECT amc_number FROM rights.insurer WHERE name = %s", (name,)
        ).fetchall()
    return amc


def test_whom_a_cut_touches_is_told_what_stops_since_when_and_whom_to_call(desk, world, guard):
    add_addresses(desk, world, "Kappa", "Sigma", "Aubelune", "Corvalle")
    assert cut(guard, "insurer", amc_number=find_amc(desk, "Aubelune")).status_code == 302
    told = receive(desk, phone="01 99 00 00 01")
    assert set(told) == {"kappa", "aubelune"}, "nobody whom it does not touch"
    kappa = told["kappa"]
    assert kappa.index("a coupé les vérifications de droits") < kappa.index("cut rights checks")
    for words in (
        *("Pour : Aubelune.", "Motif : incident de sécurité", "la revoit au plus tard le"),
        *("Rien ne change pour : Brisemer", "la facturation, les paiements"),
        *("page « Chaîne »", "appelez Plateforme Lambda au 01 99 00 00 01"),
    ):
        assert words in kappa, words
    assert "Camille" not in kappa, "nobody at the host is named"
    assert "http" not in kappa
    assert "Brisemer" not in told["aubelune"]
    # The host sees who was told, and whom to call because no address is known.
    page = read(guard)
    assert "à 1 adresse" in page
    assert "aucune adresse connue" in page  # Omicron's
    assert "Prévenu" not in read(enter(desk, world["Kappa"], Role.OPERATOR_ADMIN))
    # And when it is over.
    [(cut_ref, *_)] = list_cuts(desk)
    give_back = f"/console/services/{cut_ref}/retablissement"
    assert guard.post(give_back, {}).status_code == 302
    over = receive(desk)["kappa"]
    assert "Plateforme Lambda a rétabli les vérifications de droits" in over
    assert "au numéro de votre convention" in over


def test_what_waits_for_a_second_person_is_told_to_nobody_before(desk, world, guard):
    add_addresses(desk, world, "Kappa", "Sigma")
    assert cut(guard, "rights").status_code == 302
    assert receive(desk) == {}
    [(cut_ref, *_)] = list_cuts(desk)
    with desk.database.transaction("registrar") as tx:
        cut_services.approve_cut(tx, None, cut_ref, now=desk.now())
    told = receive(desk)
    assert set(told) == {"kappa", "sigma"}, "the command line tells them too"
    assert "L’opérateur qui vous héberge a coupé toutes les vérifications" in told["sigma"]
    assert "Pour : Corvalle." in told["sigma"]


def test_mutation_without_its_message_a_cut_is_silent(desk, world, guard, monkeypatch):
    add_addresses(desk, world, "Kappa")
    monkeypatch.setattr(cut_services, "tell_cut", lambda *_values, **_options: 0)
    assert cut(guard, "gateway").status_code == 302
    assert receive(desk) == {}


def test_mutation_links_shown_to_whoever_asks_name_other_operators(desk, world):
    """Without its condition, the function would tell one hosted operator of another."""
    kappa = enter(desk, world["Kappa"], Role.OPERATOR_ADMIN)
    with desk.database.transaction("owner") as tx:
        [(source,)] = tx.execute(
            "SELECT pg_get_functiondef('accounts.read_chain()'::regprocedure)"
        ).fetchall()
        opened = source.replace("accounts.is_host()\n", "true\n")
        assert opened != source
        tx.execute(opened.replace("%", "%%"))
    try:
        assert "Sigma" in read(kappa)
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute(source.replace("%", "%%"))
    assert "Sigma" not in read(kappa)
