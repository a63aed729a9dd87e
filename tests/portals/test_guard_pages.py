"""The guard's pages: the moment, one account's story, decisions, canary hits, rules."""

import csv
import io
import re
from html import unescape

import pytest
from django.test import Client
from tests.portals import guard_samples as guard
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.disclosure.entry import Mode
from rempart.portals.pseudonyms import format_account

THIEF, CALLER, CALM, LATE = 5_000_000_001, 7_919_000_000_002, 7_919_000_000_003, 5_000_000_004
CANARY = ({"kind": "canary", "observed": 1.0, "expected": 0.0, "weight": 25.0},)


@pytest.fixture
def night(desk):
    """A night: one thief, one who asked for a canary, one who waits too long, a calm one."""
    people.make_holder(desk.database, samples.add_professional(desk.database))
    people.make_holder(
        desk.database, samples.add_professional(desk.database, serial=LATE - THIEF + 1)
    )
    with desk.database.transaction("owner") as tx:
        guard.add_case(tx, THIEF, evidence=12.1)
        guard.add_account(tx, CALLER, profession="nurse", step=2, evidence=25.0, typed=2.0)
        guard.add_event(tx, CALLER, "canary", evidence=25.0, signals=CANARY)
        guard.add_account(tx, CALM, evidence=2.6, typed=3.0)
        guard.add_case(tx, LATE, t_ms=samples.NOW_MS - 5 * guard.HOUR, evidence=5.6, new_faces=3)
        guard.add_rules(tx, guard.TODAY - 9, width=4.0)
        guard.add_rules(tx)
        for ago in range(1, 50):
            guard.add_minute(tx, ago, 20 + ago % 7, 2, 3, int(ago < 30))
        guard.add_minute(tx, 3, 4, 0, 1, 0, profession="nurse")


def read(client, address):
    answer = client.get(address)
    assert answer.status_code == 200, answer
    return unescape(answer.content.decode())


def list_accounts(page):
    """Return the accounts of a table, in its order."""
    return [int(ref) for ref in re.findall(r'id="row-(\d+)"', page)]


@pytest.fixture
def dpo(desk) -> Client:
    """A browser of the host's data protection officer."""
    org = people.make_organisation(desk.database, "operator")
    client = Client()
    people.sign_in(client, desk.database, people.make_agent(desk.database, org, Role.OPERATOR_DPO))
    return client


@pytest.fixture
def hosted(desk) -> Client:
    """A browser of a hosted operator's administrator: the same role, and nothing of the host's."""
    host = people.make_organisation(desk.database, "operator")
    org = people.make_organisation(desk.database, "operator", hosted_by=host.org_ref)
    client = Client()
    who = people.make_agent(desk.database, org, Role.OPERATOR_ADMIN)
    people.sign_in(client, desk.database, who)
    return client


def test_the_map_says_what_waits_who_is_held_and_who_is_near(operator, night):
    page = read(operator, "/console/garde")
    assert "3 décisions attendent" in page
    assert "1 a touché un témoin" in page
    assert "1 en retard" in page
    for held in (THIEF, CALLER, LATE):
        assert f'id="held-{held}"' in page
    assert f'id="near-{CALM}"' in page
    assert f'id="near-{THIEF}"' not in page
    assert "2,6 / 5,2" in page


def test_the_map_counts_every_measure_by_profession(operator, night):
    page = read(operator, "/console/garde")
    assert re.search(r"Refus de la garde</dt><dd>29</dd>", page)
    assert re.search(r"Confinements</dt><dd>2</dd>", page)
    rows = re.findall(r'<tr><th scope="row">(pharmacie|soins infirmiers)</th>', page)
    assert rows == ["pharmacie", "soins infirmiers"]


def test_the_day_has_what_the_hour_has_not(operator, night):
    assert re.search(r"Confinements</dt><dd>3</dd>", read(operator, "/console/garde?fenetre=jour"))


def test_the_budget_asked_stands_beside_the_one_achieved(operator, night, desk):
    with desk.database.transaction("owner") as tx:
        guard.add_event(tx, CALM, "contained", t_ms=samples.NOW_MS - 30 * guard.HOUR)
        guard.add_event(tx, CALM, "released", t_ms=samples.NOW_MS - 29 * guard.HOUR)
        # A release of what the guard did not contain is no mistake of the guard's.
        guard.add_event(tx, CALM, "released", t_ms=samples.NOW_MS - 28 * guard.HOUR)
    page = read(operator, "/console/garde")
    assert "0,30 pour 1" in page
    assert "25,00 pour 1" in page  # one of forty account-days
    assert "1 confinement défait par une revue, sur 40" in page


def test_the_map_refreshes_itself_and_is_read_without_a_script(operator, night):
    page = read(operator, "/console/garde")
    assert 'hx-trigger="every 5s, refresh"' in page
    assert "Rafraîchir" in page
    assert 'aria-live="polite"' in page
    part = operator.get("/console/garde", headers={"hx-request": "true"}).content.decode()
    assert part.startswith('<div id="guard-map"')
    assert "<html" not in part


def test_every_link_of_what_refreshes_itself_keeps_its_focus(operator, night):
    for address in ("/console/garde", "/console/garde/decisions"):
        part = operator.get(address, headers={"hx-request": "true"}).content.decode()
        links = re.findall(r"<(?:a|button|input|summary)\b[^>]*>", part)
        naked = [
            link
            for link in links
            if " id=" not in link and "hidden" not in link and "<summary" not in link
        ]
        assert naked == []


def test_an_account_is_explained_in_plain_words(operator, night):
    page = read(operator, f"/console/garde/comptes/{THIEF}")
    assert format_account(THIEF) in page
    assert "37 visages nouveaux saisis aujourd’hui, d’habitude moins de 6." in page
    assert "Adresse réseau jamais vue pour ce compte." in page
    assert "Consulte à 3 h" in page
    assert "12,1 pour un seuil de 5,2" in page
    assert "Confiné : une carte est demandée pour toute personne nouvelle" in page


def test_a_story_has_its_band_its_days_and_todays_hours(operator, night, desk):
    with desk.database.transaction("owner") as tx:
        guard.add_event(tx, THIEF, "refused", t_ms=samples.NOW_MS - 10 * guard.MINUTE)
    samples.add_log(desk.database, size=2)
    with desk.database.transaction("owner") as tx:
        for idx, mode in enumerate((Mode.TYPED, Mode.CARD)):
            samples.add_entry(
                tx, idx, t_ms=samples.NOW_MS - 20 * guard.MINUTE, account_ref=THIEF, mode=mode
            )
    page = read(operator, f"/console/garde/comptes/{THIEF}")
    assert 'class="band"' in page
    assert page.count('class="line-allowance"') == 1
    assert "répondues, avec présence 1, répondues, saisies 1, refusées 1" in page


def test_reading_an_account_is_on_record_first(operator, night, desk):
    read(operator, f"/console/garde/comptes/{THIEF}")
    with desk.database.transaction("owner") as tx:
        [(body,)] = tx.execute("SELECT body FROM ledger.statement").fetchall()
    assert '"question":"guard-account"' in body
    assert str(THIEF) in body
    # A page that is read again is the same reading.
    read(operator, f"/console/garde/comptes/{THIEF}")
    with desk.database.transaction("owner") as tx:
        assert tx.execute("SELECT count(*) FROM ledger.statement").fetchone() == (1,)


def test_nothing_of_an_account_is_shown_when_its_reading_cannot_be_recorded(
    operator, night, desk, monkeypatch
):
    from rempart.kernel.errors import LedgerUnavailable

    def refuse(*_args, **_options):
        raise LedgerUnavailable("down")

    monkeypatch.setattr(desk.readings, "go_on", refuse)
    operator.raise_request_exception = False
    answer = operator.get(f"/console/garde/comptes/{THIEF}")
    assert answer.status_code >= 500
    assert "37 visages" not in answer.content.decode()


def test_the_page_says_whom_to_call_and_where_to_find_the_number(operator, night):
    page = read(operator, f"/console/garde/comptes/{THIEF}")
    assert "Pharmacie du Vieux-Pont" in page
    assert "Annuaire Santé" in page
    assert "Appeler le cabinet" not in read(operator, f"/console/garde/comptes/{CALLER}")


def test_a_public_number_that_is_known_is_called_from_the_page(operator, night, desk):
    with desk.database.transaction("owner") as tx:
        tx.execute("UPDATE accounts.establishment SET telephone = '02 61 91 00 01'")
    page = read(operator, f"/console/garde/comptes/{THIEF}")
    assert '<a href="tel:0261910001">02 61 91 00 01</a>' in page
    assert "Annuaire Santé" not in page


def test_an_account_nobody_knows_is_a_page_that_is_not_there(operator, night):
    assert operator.get("/console/garde/comptes/99").status_code == 404
    assert operator.get(f"/console/garde/comptes/{1 << 70}").status_code == 404


def test_decisions_come_by_urgency_canaries_first(operator, night):
    assert list_accounts(read(operator, "/console/garde/decisions")) == [CALLER, THIEF, LATE]
    by_time = read(operator, "/console/garde/decisions?tri=since&sens=asc")
    assert list_accounts(by_time)[0] == LATE


def test_what_the_guard_only_watched_is_told_apart(operator, night, desk):
    assert "observé seulement" not in read(operator, "/console/garde/decisions")
    with desk.database.transaction("owner") as tx:
        guard.add_account(tx, 77, step=2)
        guard.add_event(tx, 77, "contained", enforced=False)
    assert read(operator, "/console/garde/decisions").count("observé seulement") == 1


def test_a_release_is_one_click_and_the_account_leaves_the_list(operator, night, desk):
    page = read(operator, "/console/garde/decisions")
    assert f"/console/garde/comptes/{THIEF}/liberation" in page
    operator.handler.enforce_csrf_checks = False
    answer = operator.post(
        f"/console/garde/comptes/{THIEF}/liberation",
        {"next": f"/console/garde/decisions?fait={THIEF}"},
    )
    assert answer.status_code == 302
    page = read(operator, answer.headers["Location"])
    assert f"Le compte {format_account(THIEF)} est libéré." in page
    assert list_accounts(page) == [CALLER, LATE]


def test_many_are_shown_before_they_are_released(operator, night):
    operator.handler.enforce_csrf_checks = False
    address = "/console/garde/decisions/liberation"
    assert operator.get(address, {"compte": ["9" * 19, "²"]}).status_code in (200, 302)
    chosen = {"compte": [THIEF, LATE, 99]}
    page = unescape(operator.get(address, chosen).content.decode())
    assert "Libérer 2 comptes" in page
    assert "1 compte choisi n’attend plus" in page
    assert len(list_accounts(read(operator, "/console/garde/decisions"))) == 3
    assert operator.post(address, {**chosen, "confirmed": "1"}).status_code == 302
    assert list_accounts(read(operator, "/console/garde/decisions")) == [CALLER]


def test_many_are_suspended_all_or_none_and_leave_the_list(operator, night, desk):
    operator.handler.enforce_csrf_checks = False
    address = "/console/garde/decisions/suspension"
    assert "Suspendre 1 compte" in read(operator, f"{address}?compte={THIEF}")
    answer = operator.post(address, {"compte": [THIEF], "confirmed": "1", "request_id": "x"})
    assert answer.headers["Location"] == "/console/garde/decisions"
    assert THIEF not in list_accounts(read(operator, "/console/garde/decisions"))
    assert "suspen" in read(operator, f"/console/garde/comptes/{THIEF}")


def test_choosing_nothing_leads_back_to_the_list(operator, night):
    answer = operator.get("/console/garde/decisions/liberation")
    assert answer.headers["Location"] == "/console/garde/decisions"


def test_every_key_is_listed_and_is_a_button_too(operator, night):
    page = read(operator, "/console/garde/decisions")
    for key in "jkorsx":
        assert f"<kbd>{key}</kbd>" in page
    for key in "orsx":
        assert f'data-key="{key}"' in page


def test_the_decisions_are_a_file(operator, night):
    text = operator.get("/console/garde/decisions.csv").content.decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(text), delimiter=";"))
    assert [int(row[0]) for row in rows[1:]] == [CALLER, THIEF, LATE]
    assert "d’habitude moins de 6" in rows[2][-1]


def test_canary_hits_say_who_and_never_which_person(operator, night):
    page = read(operator, "/console/garde/temoins")
    assert format_account(CALLER) in page
    assert "77123456789" not in page
    text = operator.get("/console/garde/temoins.csv").content.decode("utf-8-sig")
    assert str(CALLER) in text
    assert "77123456789" not in text


def test_an_account_given_back_after_a_theft_is_released_otherwise(operator, night):
    page = read(operator, f"/console/garde/comptes/{THIEF}")
    address = f"/console/garde/comptes/{THIEF}/liberation?next=/console/garde/comptes/{THIEF}"
    assert address in page
    assert "given_back" in read(operator, address)


def test_refusals_in_a_row_are_one_line(operator, night, desk):
    with desk.database.transaction("owner") as tx:
        for ago in range(1, 6):
            guard.add_event(tx, THIEF, "refused", t_ms=samples.NOW_MS - ago * guard.MINUTE)
    page = read(operator, f"/console/garde/comptes/{THIEF}")
    assert "5 consultations refusées" in page
    assert page.count('<div class="event-head">') == 2


def test_rules_are_told_in_words_and_drawn(operator, night):
    page = read(operator, "/console/garde/reglages")
    assert "41\u202f203" in page
    assert "3,10" in page
    assert page.count("<polyline") == 5
    assert "pharmacie" in page


def test_without_rules_the_page_says_so(operator):
    assert "Aucune règle n’a encore été calculée" in read(operator, "/console/garde/reglages")


def test_a_quiet_night_says_so(operator):
    assert "Rien n’attend de décision." in read(operator, "/console/garde")
    assert "Rien n’attend de décision." in read(operator, "/console/garde/decisions")


def test_the_data_protection_officer_reads_and_cannot_act(dpo, night):
    for address in ("", "/decisions", "/temoins", "/reglages", f"/comptes/{THIEF}"):
        page = read(dpo, f"/console/garde{address}")
        assert "/liberation" not in page
        assert "step=suspend" not in page
    assert dpo.post(f"/console/garde/comptes/{THIEF}/liberation").status_code == 403
    assert dpo.get("/console/garde/decisions/liberation").status_code == 403


def test_a_hosted_operator_finds_no_page(hosted, night):
    for address in ("", "/decisions", "/decisions.csv", "/temoins", "/temoins.csv", "/reglages"):
        assert hosted.get(f"/console/garde{address}").status_code == 404, address
    assert hosted.get(f"/console/garde/comptes/{THIEF}").status_code == 404


def test_mutation_without_the_check_of_the_host_its_rows_are_still_closed(
    hosted, night, monkeypatch
):
    """The pages refuse; were they not to, the database shows a hosted operator no row."""
    from rempart.workflows.guard import watch_guard

    monkeypatch.setattr(watch_guard, "_check_can_read", lambda _visitor, _now: None)
    assert list_accounts(read(hosted, "/console/garde/decisions")) == []
    assert hosted.get(f"/console/garde/comptes/{THIEF}").status_code == 404
