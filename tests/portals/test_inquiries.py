"""Questions about a person by name, displays held back: two people, the ledger first."""

import re
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from tests.portals import people
from tests.portals.test_my_history import (  # noqa: F401 - fixtures
    PAGE,
    consulted,
    draft,
    member,
    person_of,
    pharmacy,
    read_acts,
    rows,
    signed_in,
    stranger,
    text,
    write,
)

from rempart.accounts.inquiries import INQUIRY_LIFETIME
from rempart.accounts.roles import Role
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import NotAllowed
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.portals.session_store import compute_token_digest
from rempart.rights.lookup import TypedIdentifiers
from rempart.workflows.accounts.web_session import enter_session
from rempart.workflows.ledger import inquiries
from rempart.workflows.ledger.inquiries import check_inquiry

NIR = make_synthetic_nir(sex=1, year=1970, month=3, serial=777)
ASKED = {
    "insured_nir": NIR.format(),
    "birth_date": "12/03/1970",
    "birth_rank": "1",
    "purpose": "complaint",
    "reason": "Dossier 42",
}
HELD = {
    "authority": "Tribunal de Caen",
    "reference": "PV 2026/17",
    "first_day": "01/01/2020",
    "last_day": "31/12/2026",
    "ends_on": "01/06/2027",
}


@pytest.fixture
def host(desk) -> people.Organisation:
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


def agent(desk, org, role=Role.OPERATOR_DPO, name="Ariane Hôte", **options):
    who = people.make_agent(desk.database, org, role, name=name, **options)
    browser = Client()
    people.sign_in(browser, desk.database, who)
    return browser, who


@pytest.fixture
def asker(desk, host):
    return agent(desk, host)


@pytest.fixture
def colleague(desk, host):
    return agent(desk, host, Role.OPERATOR_SECURITY, name="Boris Hôte")


@pytest.fixture
def known(desk, member, insurer):  # noqa: F811
    """The member can be found by the identifiers that are typed."""
    person, insurer_id = person_of(desk, member)
    form = {"insurer": str(insurer_id), **ASKED}
    with desk.database.transaction("owner") as tx:
        [(amc,)] = tx.execute(
            "SELECT amc_number FROM rights.insurer WHERE insurer_id = %s", (insurer_id,)
        ).fetchall()
        key = desk.designate(
            TypedIdentifiers(
                amc_number=AmcNumber.parse(amc),
                insured_nir=NIR,
                birth_date=BirthDate.parse("19700312"),
                birth_rank=BirthRank.parse("1"),
            )
        )
        tx.execute(
            "INSERT INTO rights.lookup (lookup_key, person_ref) VALUES (%s, %s)",
            (key.hex(), person),
        )
        tx.execute(
            "INSERT INTO identity.person (person_ref, insurer_id, sealed, digest, lookup_keys,"
            " changed_in) VALUES (%s, %s, '', %s, '{}', 1)",
            (person, insurer_id, bytes(16)),
        )
    yield form
    with desk.database.transaction("owner") as tx:
        tx.execute("DELETE FROM rights.lookup WHERE person_ref = %s", (person,))
        tx.execute("DELETE FROM identity.person WHERE person_ref = %s", (person,))


def ask(browser, form, page="/console/enquetes/nouvelle"):
    return browser.post(page, form)


def ref_of(answer) -> str:
    assert answer.status_code == 302, text(answer)
    return answer.headers["Location"].rpartition("/")[2]


def list_kinds(desk) -> list[str]:
    with desk.database.transaction("owner") as tx:
        found = tx.execute("SELECT kind FROM accounts.security_event ORDER BY at")
        kinds = [kind for (kind,) in found]
    return [kind for kind in kinds if kind.startswith(("inquiry", "hold"))]


def test_two_people_ask_and_agree_and_every_reading_is_in_the_ledger(
    desk,
    consulted,  # noqa: F811
    known,
    member,  # noqa: F811
    asker,
    colleague,
):
    person, _ = person_of(desk, member)
    browser, who = asker
    ref = ref_of(ask(browser, known))
    page = f"/console/enquetes/{ref}"
    assert "Un collègue doit approuver" in text(browser.get(page))
    assert browser.get(f"{page}/reponse").status_code == 403
    assert colleague[0].post(f"{page}/decision", {"approve": "1"}).status_code == 302
    assert read_acts(desk) == []
    answer = browser.get(f"{page}/reponse")
    assert answer.status_code == 200
    assert "Pharmacie du Vieux-Pont" in text(answer)
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO ledger.segment (log_id, segment, state, root, first_ms, last_ms,"
            " by_account_name, by_account_digest, by_person_name, by_person_digest, act_log,"
            " act_idx) VALUES (1, 9, 'cold', %(hash)s, 0, 1, 'a', %(hash)s, 'b', %(hash)s, 0, 0)",
            {"hash": bytes(32)},
        )
    assert browser.get(f"{page}/reponse.csv").status_code == 200
    assert "who-saw" not in text(answer)
    assert "who-saw" in text(browser.get(f"{page}/reponse"))
    acts = read_acts(desk)
    assert [(account, about) for account, about, _ in acts] == [(who.actor_ref, person)] * 3
    assert f'"inquiry_ref":{ref}' in acts[0][2]
    assert list_kinds(desk) == ["inquiry_asked", "inquiry_approved"]
    # The person sees it, and no agent's name.
    own = text(consulted.get(PAGE))
    assert "L’opérateur" in own
    assert "réclamation de la personne" in own
    assert "Ariane" not in own


def test_nothing_typed_is_kept(desk, known, asker):
    ref_of(ask(asker[0], known))
    with desk.database.transaction("owner") as tx:
        [(row,)] = tx.execute("SELECT row_to_json(q)::text FROM accounts.inquiry AS q").fetchall()
    assert NIR.number not in row
    assert "1970" not in row


def test_the_answer_to_whoever_asks_is_the_same_for_nobody(desk, known, asker, colleague):
    """Only an approved answer tells whether the identifiers lead to somebody."""
    browser, _ = asker
    pages = []
    for serial in (NIR.format(), make_synthetic_nir(sex=1, year=1971, month=3, serial=1).format()):
        ref = ref_of(ask(browser, {**known, "insured_nir": serial}))
        shown = text(browser.get(f"/console/enquetes/{ref}"))
        shown = re.sub(r'value="[A-Za-z0-9]{64}"|\d\d:\d\d(:\d\d)?', "", shown)
        pages.append(shown.replace(ref, ""))
    assert pages[0] == pages[1]
    colleague[0].post(f"/console/enquetes/{ref}/decision", {"approve": "1"})
    answer = browser.get(f"/console/enquetes/{ref}/reponse")
    assert "ne mènent à personne" in text(answer)
    assert read_acts(desk) == []


@pytest.mark.parametrize("who", ["oneself", "a puppet", "somebody new"])
def test_who_does_not_count_as_a_second_person_is_refused(desk, known, host, asker, who):
    browser, me = asker
    ref = ref_of(ask(browser, known))
    if who == "oneself":
        second = browser
    else:
        since = "2020-01-01" if who == "a puppet" else str(desk.clock - timedelta(days=3))
        second, puppet = agent(desk, host, Role.OPERATOR_ADMIN, since=since)
        with desk.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO accounts.invitation (invitation_ref, code_digest, kind, actor_ref,"
                " org_ref, invited_by, expires_at) VALUES (%s, %s, 'recovery', %s, %s, %s,"
                " clock_timestamp())",
                (
                    people.draw(),
                    people.secrets.token_bytes(32),
                    puppet.actor_ref,
                    host.org_ref,
                    me.actor_ref if who == "a puppet" else None,
                ),
            )
    page = f"/console/enquetes/{ref}"
    assert second.post(f"{page}/decision", {"approve": "1"}).status_code == 403
    assert browser.get(f"{page}/reponse").status_code == 403


def test_the_database_refuses_what_a_page_would_let_through(desk, known, asker, monkeypatch):
    monkeypatch.setattr(inquiries, "check_second_person", lambda *_args, **_options: None)
    browser, _ = asker
    browser.raise_request_exception = False
    ref = ref_of(ask(browser, known))
    answer = browser.post(f"/console/enquetes/{ref}/decision", {"approve": "1"})
    assert answer.status_code == 500
    with desk.database.transaction("owner") as tx:
        assert tx.execute("SELECT state FROM accounts.inquiry").fetchall() == [("asked",)]


def test_approving_needs_a_fresh_ceremony(desk, known, asker, colleague):
    ref = ref_of(ask(asker[0], known))
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.session SET stepped_up_at = NULL WHERE actor_ref = %s",
            (colleague[1].actor_ref,),
        )
    answer = colleague[0].post(f"/console/enquetes/{ref}/decision", {"approve": "1"})
    assert answer.headers["Location"].startswith("/confirmation?next=")


def test_a_question_refused_is_never_answered_nor_decided_again(desk, known, asker, colleague):
    ref = ref_of(ask(asker[0], known))
    page = f"/console/enquetes/{ref}"
    assert colleague[0].post(f"{page}/decision").status_code == 302
    assert asker[0].get(f"{page}/reponse").status_code == 403
    assert colleague[0].post(f"{page}/decision", {"approve": "1"}).status_code == 409
    assert list_kinds(desk) == ["inquiry_asked", "inquiry_refused"]


def approve(desk, known, asker, colleague) -> str:
    ref = ref_of(ask(asker[0], known))
    colleague[0].post(f"/console/enquetes/{ref}/decision", {"approve": "1"})
    return ref


def test_an_answer_is_given_for_seven_days_by_page_and_command(desk, known, asker, colleague):
    ref = approve(desk, known, asker, colleague)
    with desk.database.transaction("registrar") as tx:
        found = check_inquiry(tx, int(ref))
    assert len(found.person_refs) == 1
    with desk.database.transaction("auditor") as tx:
        assert check_inquiry(tx, int(ref), person_refs=found.person_refs) == found
        with pytest.raises(NotAllowed, match="somebody else"):
            check_inquiry(tx, int(ref), person_refs=[1])
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.inquiry SET decided_at = clock_timestamp() - %s", (INQUIRY_LIFETIME,)
        )
    assert asker[0].get(f"/console/enquetes/{ref}/reponse").status_code == 403
    with (
        desk.database.transaction("registrar") as tx,
        pytest.raises(NotAllowed, match="is not approved, or is over"),
    ):
        check_inquiry(tx, int(ref))


def test_mutation_a_history_open_without_approval_is_noticed(
    desk,
    consulted,  # noqa: F811
    known,
    asker,
):
    ref = ref_of(ask(asker[0], known))
    page = f"/console/enquetes/{ref}/reponse"
    functions = ("ledger.inquiry_history", "ledger.inquiry_subjects")
    with desk.database.transaction("owner") as tx:
        sources = [
            tx.execute("SELECT pg_get_functiondef(%s::regproc)", (name,)).fetchone()[0]
            for name in functions
        ]
        rule = "q.state = 'approved' AND q.decided_at > clock_timestamp() - interval '7 days'"
        for source in sources:
            assert rule in source
            tx.execute(source.replace(rule, "true"))
    try:
        # The page's own rule still refuses; the database would not any more.
        assert asker[0].get(page).status_code == 403
        with desk.database.transaction("portals") as tx:
            key = asker[0].cookies["rempart_session"].value
            enter_session(tx, compute_token_digest(key))
            found = tx.execute("SELECT * FROM ledger.inquiry_history(%s)", (int(ref),)).fetchall()
        assert found
    finally:
        with desk.database.transaction("owner") as tx:
            for source in sources:
                tx.execute(source)
    with desk.database.transaction("portals") as tx:
        enter_session(tx, compute_token_digest(key))
        assert not tx.execute("SELECT * FROM ledger.inquiry_history(%s)", (int(ref),)).fetchall()


def test_the_list_is_sorted_paged_and_exported(desk, known, asker):
    for purpose in ("judicial", "access"):
        ask(asker[0], {**known, "purpose": purpose})
    shown = rows(asker[0].get("/console/enquetes?tri=purpose&sens=asc"))
    assert ["demande d’accès" in shown[0], "réquisition" in shown[1]] == [True, True]
    lines = asker[0].get("/console/enquetes.csv").content.decode("utf-8-sig").splitlines()
    assert len(lines) == 3
    assert "Dossier 42" in lines[1]


@pytest.mark.parametrize(
    "change",
    [{"insured_nir": "12"}, {"reason": ""}, {"purpose": "curiosity"}, {"insurer": "999999"}],
)
def test_a_question_that_cannot_be_read_is_not_asked(desk, known, asker, change):
    assert ask(asker[0], {**known, **change}).status_code == 422
    assert list_kinds(desk) == []


def test_a_hosted_operator_asks_nothing(desk, known, host):
    hosted = people.make_organisation(desk.database, "operator", hosted_by=host.org_ref)
    browser, _ = agent(desk, hosted, Role.OPERATOR_ADMIN)
    for page in ("/console/enquetes", "/console/enquetes/nouvelle", "/console/retenues"):
        assert browser.get(page).status_code == 404
    assert ask(browser, known).status_code == 404


def test_words_that_do_not_print_are_refused_and_the_page_says_so(asker, known):
    hidden = "Dossier\u200b 42"
    answer = ask(asker[0], {**known, "reason": hidden})
    assert answer.status_code == 422
    assert "Rien n’a été demandé" in text(answer)
    held = {**HELD, "accounts": "5", "reference": hidden}
    answer = ask(asker[0], held, "/console/retenues/nouvelle")
    assert answer.status_code == 422
    assert "Refusé" in text(answer)
    assert hidden in answer.content.decode()


def test_a_delay_of_display_is_decided_by_two_written_down_and_ends(
    desk,
    consulted,  # noqa: F811
    pharmacy,  # noqa: F811
    asker,
    colleague,
):
    wanted = {**HELD, "accounts": str(pharmacy)}
    ref = ref_of(ask(asker[0], wanted, "/console/retenues/nouvelle"))
    page = f"/console/retenues/{ref}"
    assert len(rows(consulted.get(PAGE))) == 3
    assert asker[0].post(f"{page}/decision", {"approve": "1"}).status_code == 403
    assert colleague[0].post(f"{page}/decision", {"approve": "1"}).status_code == 302
    assert len(rows(consulted.get(PAGE))) == 1
    body = read_acts(desk)[-1][2]
    assert '"question":"hold-display"' in body
    assert "Tribunal de Caen, PV 2026/17" in body
    listed = unescape(text(asker[0].get("/console/retenues")))
    assert "01/06/2027" in listed
    assert "PV 2026/17" in asker[0].get("/console/retenues.csv").content.decode()
    assert colleague[0].post(f"{page}/decision", {"lift": "1"}).status_code == 302
    assert len(rows(consulted.get(PAGE))) == 3
    assert list_kinds(desk) == ["hold_asked", "hold_approved", "hold_lifted"]


def test_without_the_ledger_nothing_is_held(desk, consulted, pharmacy, asker, colleague):  # noqa: F811
    ref = ref_of(ask(asker[0], {**HELD, "accounts": str(pharmacy)}, "/console/retenues/nouvelle"))
    with desk.database.transaction("owner") as tx:
        tx.execute("REVOKE INSERT ON ledger.entry FROM rempart_recorder")
    try:
        colleague[0].raise_request_exception = False
        answer = colleague[0].post(f"/console/retenues/{ref}/decision", {"approve": "1"})
        assert answer.status_code == 503
    finally:
        with desk.database.transaction("owner") as tx:
            tx.execute("GRANT INSERT ON ledger.entry TO rempart_recorder")
    assert len(rows(consulted.get(PAGE))) == 3


@pytest.mark.parametrize(
    ("change", "status"),
    [
        ({"accounts": "abc"}, 422),
        ({"accounts": " ".join(map(str, range(1, 102)))}, 422),
        ({"ends_on": "01/06/2030"}, 422),
        ({"ends_on": "01/06/2020"}, 422),
        ({"last_day": "31/12/2019"}, 422),
        ({"last_day": "31/12/9999"}, 422),
        ({"first_day": "01/01/0001"}, 422),
        ({"reference": ""}, 422),
    ],
)
def test_a_delay_without_an_end_or_a_reference_is_refused(desk, asker, change, status):
    form = {**HELD, "accounts": "5", **change}
    assert ask(asker[0], form, "/console/retenues/nouvelle").status_code == status
    assert list_kinds(desk) == []


def test_the_database_lets_no_delay_last_longer(desk, asker):
    _, who = asker
    with desk.database.transaction("owner") as tx, pytest.raises(Exception, match="check"):
        tx.execute(
            "INSERT INTO accounts.display_hold (hold_ref, authority, reference, account_refs,"
            " from_ms, to_ms, ends_at, asked_by) VALUES (1, 'a', 'b', '{1}', 0, 1,"
            " clock_timestamp() + interval '400 days', %s)",
            (who.actor_ref,),
        )
