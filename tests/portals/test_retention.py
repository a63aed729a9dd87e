"""What is due to leave, and how long what is kept, decided by two of the host, who read nobody."""

from html import unescape

import pytest
from django.test import Client
from psycopg.types.json import Jsonb
from tests.portals import people

from rempart.accounts.roles import Role
from rempart.retention.schedule import DEFAULT, load_default_text

PAGE, CALENDAR = "/console/conservation", "/console/calendrier"


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Mu")


def agent(desk, org, role=Role.OPERATOR_DPO, name="Carole Hôte"):
    who = people.make_agent(desk.database, org, role, name=name)
    browser = Client()
    people.sign_in(browser, desk.database, who)
    return browser


@pytest.fixture
def dpo(desk, host):
    return agent(desk, host)


@pytest.fixture
def admin(desk, host):
    return agent(desk, host, Role.OPERATOR_ADMIN, name="Denis Hôte")


def text(answer) -> str:
    return unescape(answer.content.decode())


def run(desk, statement: str, *values, login="owner"):
    with desk.database.transaction(login) as tx:
        cursor = tx.execute(statement, values)
        return cursor.fetchall() if cursor.description else None


@pytest.fixture
def purge(desk, host) -> int:
    """A run that is planned: two fields, one of which is held."""
    [(run_id,)] = run(
        desk,
        "INSERT INTO retention.run (origin, day, schedule, state, items, people, planned_at)"
        " VALUES ('due', '2026-11-22', %s, 'planned', 3, 2, now()) RETURNING run_id",
        DEFAULT.digest,
    )
    for field, held in (("contact", ""), ("civil", "judicial 12")):
        run(
            desk,
            "INSERT INTO retention.tally (run_id, insurer_id, field, step, rule, held_by, planned,"
            " oldest) VALUES (%s, 7, %s, 'delete', 'limitation', %s, 2, '2026-11-01')",
            *(run_id, field, held),
        )
    return run_id


def find_state(desk, run_id: int) -> str:
    [(state,)] = run(desk, "SELECT state FROM retention.run WHERE run_id = %s", run_id)
    return state


def test_two_people_agree_and_a_job_is_asked_for(desk, dpo, admin, purge):
    shown = text(dpo.get(f"{PAGE}/{purge}"))
    assert "coordonnées" in shown
    assert "L221-11" in shown
    assert "judicial 12" in shown
    assert dpo.post(f"{PAGE}/{purge}/accord").status_code == 302
    assert find_state(desk, purge) == "planned"
    assert "un accord sur deux" in text(admin.get(PAGE))
    assert "Une autre personne doit donner" in text(dpo.get(f"{PAGE}/{purge}"))
    assert dpo.post(f"{PAGE}/{purge}/accord").status_code == 403
    assert admin.post(f"{PAGE}/{purge}/accord").status_code == 302
    assert find_state(desk, purge) == "approved"
    asked = run(desk, "SELECT task_name, args FROM jobs.procrastinate_jobs")
    assert ("run_retention", {"run_id": purge}) in asked


def test_whoever_came_with_the_first_is_no_second_person(desk, host, dpo, purge):
    dpo.post(f"{PAGE}/{purge}/accord")
    puppet = people.make_agent(
        desk.database, host, Role.OPERATOR_ADMIN, name="Pantin", since="2999-01-01"
    )
    browser = Client()
    people.sign_in(browser, desk.database, puppet)
    assert browser.post(f"{PAGE}/{purge}/accord").status_code == 403
    assert find_state(desk, purge) == "planned"


def test_a_refusal_says_why_and_nothing_leaves(desk, dpo, admin, purge):
    assert dpo.post(f"{PAGE}/{purge}/refus", {"reason": ""}).status_code == 422
    assert dpo.post(f"{PAGE}/{purge}/refus", {"reason": "à revoir"}).status_code == 302
    assert find_state(desk, purge) == "refused"
    assert "Carole Hôte : à revoir" in text(admin.get(f"{PAGE}/{purge}"))
    assert admin.post(f"{PAGE}/{purge}/accord").status_code == 409
    assert b"\xc3\xa0 revoir" in admin.get(f"{PAGE}.csv").content


def test_a_certificate_is_downloaded_once_there_is_one(desk, dpo, purge):
    assert dpo.get(f"{PAGE}/{purge}/certificat").status_code == 404
    run(
        desk,
        "UPDATE retention.run SET routine = true, state = 'done', ended_at = now(),"
        " certificate = 'rempart retention certificate v1' WHERE run_id = %s",
        purge,
    )
    assert "certificate v1" in text(dpo.get(f"{PAGE}/{purge}"))
    assert dpo.get(f"{PAGE}/{purge}/certificat").content.startswith(b"rempart retention")


def test_a_plan_shows_its_years_and_a_few_people_before_anybody_agrees(desk, dpo, purge):
    preview = {
        "years": [
            [2009, "delete", 1],
            [2026, "delete", 2],
            [2026, "held", 2],
            [None, "archive", 1],
        ],
        "samples": [
            {
                "place": 1,
                "insurer_id": 7,
                "field": "contact",
                "step": "delete",
                "rule": "limitation",
                "held_by": "",
                "last_day": "2026-11-01",
                "lines": 1,
            },
            {
                "place": 2,
                "insurer_id": 7,
                "field": "civil",
                "step": "held",
                "rule": "",
                "held_by": "judicial 12",
                "last_day": None,
                "lines": 3,
            },
        ],
    }
    run(desk, "UPDATE retention.run SET preview = %s WHERE run_id = %s", Jsonb(preview), purge)
    shown = text(dpo.get(f"{PAGE}/{purge}"))
    for words in ("Personne 2", "gardé jusqu’au", "(× 3)", "2009 : ", "sans règle", "<svg"):
        assert words in shown
    assert f"{PAGE}/retenues/12" in shown
    assert "hx-get" not in shown


def test_what_differs_by_insurer_only_is_one_line_and_the_file_has_each(desk, dpo, purge):
    run(
        desk,
        "INSERT INTO retention.tally (run_id, insurer_id, field, step, rule, held_by, planned,"
        " oldest) VALUES (%s, 8, 'contact', 'delete', 'limitation', '', 40, '2026-10-01')",
        purge,
    )
    shown = text(dpo.get(f"{PAGE}/{purge}"))
    assert "2 complémentaires" in shown
    assert shown.count("Vous pouvez demander un remboursement") == 1
    assert ">42</td>" in shown
    assert "01/10/2026" in shown
    lines = text(dpo.get(f"{PAGE}/{purge}.csv")).splitlines()
    assert len(lines) == 4
    assert next(line for line in lines if line.startswith("8;")).endswith(";40;0;0;2026-10-01")


def test_the_first_page_says_what_waits_to_whoever_may_decide(desk, host, dpo, purge):
    words = "1 passage de conservation attend un accord"
    assert words in text(dpo.get("/console"))
    assert words not in text(agent(desk, host, Role.OPERATOR_SECURITY).get("/console"))
    run(desk, "UPDATE retention.run SET state = 'refused' WHERE run_id = %s", purge)
    assert "Rien n’attend votre décision" in text(dpo.get("/console"))


def test_a_run_under_way_says_how_far_it_is_and_keeps_itself_up_to_date(desk, dpo, purge):
    run(
        desk,
        "UPDATE retention.run SET routine = true, state = 'running', done = 1 WHERE run_id = %s",
        purge,
    )
    shown = text(dpo.get(f"{PAGE}/{purge}"))
    assert "1 lignes faites sur 2" in shown
    assert 'value="50"' in shown
    assert 'hx-select="#run-live"' in shown


def test_planning_is_asked_for_by_a_button(desk, dpo):
    assert dpo.post(f"{PAGE}/preparer").status_code == 302
    [(name,)] = run(desk, "SELECT task_name FROM jobs.procrastinate_jobs")
    assert name == "plan_retention"


@pytest.mark.parametrize("role", [Role.OPERATOR_OPS, Role.OPERATOR_SECURITY])
def test_other_agents_of_the_host_see_none_of_it(desk, host, purge, role):
    browser = agent(desk, host, role, name="Autre")
    for page in (PAGE, f"{PAGE}/{purge}", CALENDAR):
        assert browser.get(page).status_code == 403


def test_a_hosted_operator_finds_no_such_page(desk, host, purge):
    hosted = people.make_organisation(
        desk.database, "operator", name="Hébergé", hosted_by=host.org_ref
    )
    browser = agent(desk, hosted, Role.OPERATOR_ADMIN, name="Hébergé")
    for page in (PAGE, f"{PAGE}/{purge}", CALENDAR):
        assert browser.get(page).status_code == 404


def propose(browser, content: str, note: str = "un an suffit"):
    return browser.post(f"{CALENDAR}/proposer", {"content": content, "note": note})


def test_a_schedule_is_proposed_tried_and_approved_by_another(desk, dpo, admin):
    shown = text(dpo.get(CALENDAR))
    assert "L561-12" in shown
    assert "24 mois depuis : fin du contrat" in shown
    answer = propose(dpo, load_default_text().replace("months = 60", "months = 72"))
    page = answer.headers["Location"]
    ref = int(page.rpartition("/")[2])
    assert "L’essai est en cours" in text(admin.get(page))
    assert admin.post(f"{page}/accord").status_code == 409
    run(
        desk,
        "UPDATE retention.schedule SET tried_on = '2026-11-22',"
        """ effect = '{"now": {"delete nir": 4}, "then": {"held civil": 1}}'"""
        " WHERE schedule_ref = %s",
        ref,
        login="keeper",
    )
    shown = text(admin.get(page))
    assert "money_laundering" in shown
    assert "72 mois depuis" in shown
    assert dpo.post(f"{page}/accord").status_code == 403
    assert admin.post(f"{page}/accord").status_code == 302
    assert "72 mois depuis : fin du contrat" in text(dpo.get(CALENDAR))
    assert b"months = 72" in dpo.get(f"{CALENDAR}.toml").content


def test_periods_are_changed_by_a_form_and_the_rest_of_the_text_stays(desk, dpo):
    page = f"{CALENDAR}/durees"
    shown = text(dpo.get(page))
    assert "L561-12" in shown
    form = {f"mois-{rule.code}": rule.months for rule in DEFAULT.rules}
    form |= {"routine_people": 0, "note": "six ans suffisent"}
    same = dpo.post(page, form)
    assert same.status_code == 422
    assert "ce sont les durées en vigueur" in text(same)
    wrong = dpo.post(page, {**form, "mois-limitation": "6000"})
    assert wrong.status_code == 422
    assert "600" in text(wrong)
    made = dpo.post(page, {**form, "mois-money_laundering": 72})
    assert made.status_code == 302
    [(content,)] = run(desk, "SELECT content FROM retention.schedule")
    assert content == load_default_text().replace("months = 60", "months = 72")
    shown = text(dpo.get(made.headers["Location"]))
    assert "money_laundering" in shown
    assert "se met à jour seule" in shown


def test_a_schedule_that_cannot_be_read_says_everything_that_is_wrong(desk, dpo):
    broken = load_default_text().replace("months = 60", "months = 6000").replace('"contact", ', "")
    answer = propose(dpo, broken)
    assert answer.status_code == 422
    assert "rule[6]" in text(answer)
    assert "contact" in text(answer)
    assert propose(dpo, load_default_text()).status_code == 422


def test_ones_own_schedule_is_taken_back(desk, dpo):
    answer = propose(dpo, load_default_text() + "\n# autre\n")
    assert answer.status_code == 302, text(answer)
    page = answer.headers["Location"]
    assert dpo.post(f"{page}/refus").status_code == 302
    assert "retiré" in text(dpo.get(CALENDAR))
