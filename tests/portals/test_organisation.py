"""The people of an organisation, administered from its pages."""

import csv
import io
import re
from dataclasses import replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from tests.portals import people, samples
from tests.portals.pages import (
    CODE,
    address,
    change,
    events,
    fetch,
    is_in,
    open_browser,
    read_rows,
    read_token,
    show,
)

from rempart.accounts.invitations import InvitationCode
from rempart.accounts.roles import Role


@pytest.fixture
def insurer(desk):
    return people.make_organisation(desk.database, "insurer", name="Aubelune")


@pytest.fixture
def admin(desk, browser, insurer):
    """An insurer's administrator, signed in in `browser`."""
    who = people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Ada Première")
    people.sign_in(browser, desk.database, who)
    return who


@pytest.fixture
def colleague(desk, admin, insurer):
    return people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name="Bob Second")


@pytest.fixture
def second(desk, admin, insurer):
    """Another administrator of the same insurer."""
    return people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Chloé Troisième")


@pytest.fixture
def holder(desk, browser):
    """A holder, signed in in `browser`."""
    place = people.make_organisation(desk.database, "establishment", name="Pharmacie du Pont")
    who = people.make_agent(desk.database, place, Role.HOLDER, name="Hélène Titulaire")
    people.sign_in(browser, desk.database, who)
    return who


# ---------------------------------------------------------------- the list


def test_an_administrator_sees_colleagues_with_role_state_and_last_sign_in(
    desk, browser, admin, colleague
):
    stranger = people.make_organisation(desk.database, "insurer", name="Brisemer")
    people.make_agent(desk.database, stranger, Role.INSURER_ADMIN, name="Xavier Ailleurs")
    listed = read_rows(browser.get("/organisation"))
    today = datetime.now(ZoneInfo("Europe/Paris"))
    assert listed[0].startswith(f"Ada Première Administrateur Actif {today:%d/%m/%Y}")
    assert listed[1:] == ["Bob Second Gestionnaire Actif jamais"]


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", ["Ada", "Bob", "Chloé"]),
        ("tri=name&sens=desc", ["Chloé", "Bob", "Ada"]),
        ("tri=role", ["Ada", "Chloé", "Bob"]),
        ("tri=role&sens=desc", ["Bob", "Ada", "Chloé"]),
        ("tri=state&sens=desc", ["Bob", "Ada", "Chloé"]),
        ("tri=seen&sens=desc", ["Ada", "Bob", "Chloé"]),
        ("tri=nonsense&page=zero", ["Ada", "Bob", "Chloé"]),
        ("page=2", []),
    ],
)
def test_people_are_sorted_and_paged(desk, browser, admin, colleague, second, query, names):
    change(
        desk,
        "UPDATE accounts.membership SET suspended_at = now() WHERE membership_ref = %s",
        colleague.membership_ref,
    )
    listed = read_rows(browser.get(f"/organisation?{query}"))
    assert [line.split()[0] for line in listed] == names


def test_the_list_is_downloaded_in_the_order_of_the_page(browser, admin, colleague):
    answer = browser.get("/organisation/personnes.csv?tri=name&sens=desc")
    lines = list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig")), delimiter=";"))
    assert lines[0][:3] == ["nom", "rôle", "état"]
    assert [line[0] for line in lines[1:]] == ["Bob Second", "Ada Première"]


def test_whoever_does_not_administer_sees_colleagues_and_nothing_to_do(desk, admin, colleague):
    page = open_browser(desk, colleague).get("/organisation")
    assert read_rows(page) == ["Ada Première Administrateur Actif", "Bob Second Gestionnaire Actif"]
    assert "/organisation/inviter" not in page.content.decode()
    person = open_browser(desk, colleague).get(address(admin)).content.decode()
    assert "suspension" not in person
    assert "Dernière connexion" not in person


def test_a_member_has_no_organisation(desk, browser, insurer):
    people.sign_in(browser, desk.database, people.make_member(desk.database, insurer))
    assert browser.get("/organisation").status_code == 403


# ---------------------------------------------------------------- inviting


def test_an_invited_colleague_gets_a_code_that_is_shown_once(desk, press, browser, admin):
    made = press("/organisation/inviter", {"name": " Zoé  Nouvelle ", "role": "insurer_dpo"})
    [code] = CODE.findall(made.content.decode())
    assert "http://localhost/invitation" in made.content.decode()
    assert made.headers["Cache-Control"] == "no-store"
    digest = InvitationCode.parse(code).compute_digest()
    [(name, role, hours, by)] = fetch(
        desk,
        "SELECT a.display_name, m.role, round(extract(epoch FROM i.expires_at - now()) / 3600),"
        " i.invited_by FROM accounts.invitation AS i JOIN accounts.actor AS a USING (actor_ref)"
        " JOIN accounts.membership AS m USING (actor_ref) WHERE i.code_digest = %s",
        digest,
    )
    assert (name, role, hours, by) == ("Zoé Nouvelle", "insurer_dpo", 72, admin.actor_ref)
    assert events(desk, "role_given", "invited") == ["role_given", "invited"]
    page = browser.get("/organisation")
    assert code not in page.content.decode()
    assert "Zoé Nouvelle Délégué à la protection des données Invité jamais" in read_rows(page)


def test_a_name_that_turns_the_page_around_is_refused_beside_its_field(desk, press, admin):
    odd = {"name": "Zoé \u202eellevuoN", "role": "insurer_dpo"}
    refused = press("/organisation/inviter", odd)
    assert refused.status_code == 422
    assert "sans caractère caché" in refused.content.decode()
    assert events(desk, "invited") == []


def test_a_form_sent_twice_invites_once(desk, browser, press, admin):
    values = {"name": "Zoé Nouvelle", "role": "insurer_dpo", "request_id": "a" * 32}
    first = press("/organisation/inviter", values)
    again = press("/organisation/inviter", values)
    assert (first.status_code, again.status_code) == (200, 409)
    assert not CODE.search(again.content.decode())
    assert fetch(desk, "SELECT count(*) FROM accounts.invitation") == [(1,)]
    assert fetch(desk, "SELECT count(*) FROM accounts.actor") == [(2,)]


@pytest.mark.parametrize(
    "values",
    [
        {"name": "Zoé", "role": "operator_admin"},
        {"name": "Zoé", "role": "holder"},
        {"name": "Zoé", "role": "member"},
        {"name": "Zoé", "role": "no role"},
        {"name": "  ", "role": "insurer_dpo"},
        {"name": "Z" * 121, "role": "insurer_dpo"},
        {"role": "insurer_dpo"},
    ],
)
def test_a_role_of_another_kind_or_nobodys_name_is_refused_beside_its_field(
    desk, press, admin, values
):
    refused = press("/organisation/inviter", values)
    assert refused.status_code == 422
    assert 'class="error"' in refused.content.decode()
    assert fetch(desk, "SELECT count(*) FROM accounts.actor") == [(1,)]


@pytest.mark.parametrize(
    "act", ["/organisation/inviter", "/organisation/personnes/1/role"], ids=["invite", "role"]
)
def test_a_sensitive_act_waits_for_a_fresh_ceremony_and_comes_back(desk, browser, admin, act):
    change(desk, "UPDATE accounts.session SET stepped_up_at = %s", desk.now() - timedelta(days=1))
    sent = browser.get(act)
    assert sent.status_code == 302
    assert sent.headers["Location"].startswith("/confirmation?next=%2Forganisation")


def test_nobody_is_invited_by_a_page_of_another_site(desk, browser, admin):
    forged = browser.post("/organisation/inviter", {"name": "Zoé", "role": "insurer_dpo"})
    assert forged.status_code == 403
    assert fetch(desk, "SELECT count(*) FROM accounts.invitation") == [(0,)]


def test_a_waiting_invitation_is_taken_back(desk, browser, press, admin):
    press("/organisation/inviter", {"name": "Zoé Nouvelle", "role": "insurer_dpo"})
    [link] = re.findall(r'href="(/organisation/invitations/\d+/annulation)"', show(browser))
    assert press(link).headers["Location"] == "/organisation"
    assert fetch(desk, "SELECT revoked_at IS NOT NULL FROM accounts.invitation") == [(True,)]
    assert events(desk, "invitation_revoked") == ["invitation_revoked"]
    assert browser.get(link).status_code == 404


# ---------------------------------------------------------------- roles and suspension


def test_a_role_is_changed_and_the_sessions_in_the_former_one_end(desk, press, admin, colleague):
    other = open_browser(desk, colleague)
    assert is_in(other)
    done = press(address(colleague, "/role"), {"role": "insurer_dpo"})
    assert done.headers["Location"] == address(colleague)
    assert fetch(
        desk,
        "SELECT role FROM accounts.membership WHERE membership_ref = %s",
        colleague.membership_ref,
    ) == [("insurer_dpo",)]
    assert not is_in(other)
    assert events(desk, "role_changed", "session_ended") == ["role_changed", "session_ended"]


def test_whoever_is_suspended_is_out_at_once_and_stays_out_of_old_sessions(
    desk, browser, press, admin, colleague
):
    other = open_browser(desk, colleague)
    assert press(address(colleague, "/suspension")).status_code == 302
    assert not is_in(other)
    assert "Suspendu" in read_rows(browser.get("/organisation"))[1]
    assert press(address(colleague, "/retablissement")).status_code == 302
    assert not is_in(other)
    assert is_in(open_browser(desk, colleague))
    assert fetch(
        desk,
        "SELECT ended_at IS NOT NULL, end_reason FROM accounts.session WHERE actor_ref = %s"
        " ORDER BY opened_at",
        colleague.actor_ref,
    ) == [(True, "suspended"), (False, None)]
    kinds = ("agent_suspended", "session_ended", "agent_restored")
    assert events(desk, *kinds) == list(kinds)


def test_a_suspended_colleagues_waiting_codes_are_worth_nothing(desk, press, admin, colleague):
    people.invite(desk.database, colleague)
    press(address(colleague, "/suspension"))
    assert fetch(desk, "SELECT revoked_at IS NOT NULL FROM accounts.invitation") == [(True,)]


@pytest.mark.parametrize("act", ["/suspension", "/role"])
def test_nobody_suspends_or_changes_themselves(desk, press, admin, second, act):
    refused = press(address(admin, act), {"role": "insurer_manager"})
    assert refused.status_code == 403
    assert "Refusé" in refused.content.decode()
    assert events(desk, "role_changed", "agent_suspended") == []


def test_suspending_twice_is_told(press, admin, colleague):
    press(address(colleague, "/suspension"))
    assert press(address(colleague, "/suspension")).status_code == 409


# ---------------------------------------------------------------- establishments


def test_a_holder_invites_an_assistant_and_answers_for_them(desk, press, holder):
    made = press("/organisation/inviter", {"name": "Ali Assistant", "role": "assistant"})
    assert CODE.search(made.content.decode())
    assert fetch(
        desk, "SELECT accountable_ref FROM accounts.membership WHERE role = 'assistant'"
    ) == [(holder.actor_ref,)]


def test_a_holder_names_a_locum_of_another_establishment_by_number(desk, press, browser, holder):
    elsewhere = people.make_organisation(desk.database, "establishment", name="Cabinet d’à côté")
    locum = people.make_agent(desk.database, elsewhere, Role.HOLDER, name="Léo Remplaçant")
    [(rpps,)] = fetch(
        desk, "SELECT rpps FROM accounts.professional WHERE account_ref = %s", locum.actor_ref
    )
    until = (samples.NOW + timedelta(days=10)).date()
    done = press("/organisation/remplacant", {"rpps": rpps, "ends_on": f"{until:%d/%m/%Y}"})
    assert done.headers["Location"] == "/organisation"
    assert fetch(
        desk,
        "SELECT org_ref, accountable_ref, ends_on FROM accounts.membership"
        " WHERE role = 'locum' AND actor_ref = %s",
        locum.actor_ref,
    ) == [(holder.org.org_ref, holder.actor_ref, until)]
    assert events(desk, "role_given") == ["role_given"]
    assert "Léo Remplaçant Remplaçant sous la responsabilité de Hélène Titulaire" in " ".join(
        read_rows(browser.get("/organisation"))
    )
    again = press("/organisation/remplacant", {"rpps": rpps, "ends_on": f"{until:%d/%m/%Y}"})
    assert again.status_code == 422


@pytest.mark.parametrize(
    ("rpps", "days"), [("99700000005", 10), ("123", 10), ("", 10), (None, -1), (None, 367)]
)
def test_a_locum_is_a_known_professional_for_a_year_at_most(desk, press, holder, rpps, days):
    elsewhere = people.make_organisation(desk.database, "establishment")
    locum = people.make_agent(desk.database, elsewhere, Role.HOLDER)
    [(known,)] = fetch(
        desk, "SELECT rpps FROM accounts.professional WHERE account_ref = %s", locum.actor_ref
    )
    until = (samples.NOW + timedelta(days=days)).date()
    values = {"rpps": known if rpps is None else rpps, "ends_on": f"{until:%d/%m/%Y}"}
    assert press("/organisation/remplacant", values).status_code == 422
    assert fetch(desk, "SELECT count(*) FROM accounts.membership WHERE role = 'locum'") == [(0,)]


def test_a_holder_is_not_their_own_locum(desk, press, holder):
    [(rpps,)] = fetch(desk, "SELECT rpps FROM accounts.professional")
    until = (samples.NOW + timedelta(days=10)).date()
    refused = press("/organisation/remplacant", {"rpps": rpps, "ends_on": f"{until:%d/%m/%Y}"})
    assert refused.status_code == 422


@pytest.fixture
def manager(desk, browser, holder):
    """A manager of the holder's establishment, who takes over `browser`."""
    who = people.make_agent(
        desk.database, holder.org, Role.ESTABLISHMENT_MANAGER, name="Max Gestionnaire"
    )
    people.sign_in(browser, desk.database, who)
    return who


def test_a_manager_stops_no_holder_and_brings_nobody_under_one(
    desk, browser, press, holder, manager
):
    assert browser.get("/organisation/remplacant").status_code == 404
    assert press(address(holder, "/suspension")).status_code == 403
    assert press("/organisation/inviter", {"name": "Ali", "role": "assistant"}).status_code == 422
    assert "suspension" not in show(browser, address(holder))


def test_stopping_a_holder_stops_those_they_answer_for(desk, press, holder, browser):
    other = people.make_agent(desk.database, holder.org, Role.HOLDER, name="Omar Titulaire")
    assistant = people.make_agent(
        desk.database, holder.org, Role.ASSISTANT, accountable_ref=other.actor_ref
    )
    theirs = open_browser(desk, assistant)
    assert is_in(theirs)
    assert press(address(other, "/suspension")).status_code == 302
    assert not is_in(theirs)
    assert not is_in(open_browser(desk, assistant))
    assert press(address(other, "/retablissement")).status_code == 302
    assert not is_in(theirs)
    assert is_in(open_browser(desk, assistant))


def test_a_holder_who_was_stopped_does_not_come_in_by_a_situation_of_their_own(desk, press, holder):
    other = people.make_agent(desk.database, holder.org, Role.HOLDER, name="Omar Titulaire")
    by_the_directory = replace(other, membership_ref=None)
    theirs = open_browser(desk, by_the_directory)
    assert is_in(theirs)
    assert press(address(other, "/suspension")).status_code == 302
    assert not is_in(theirs)
    assert not is_in(open_browser(desk, by_the_directory))
    assert press(address(other, "/retablissement")).status_code == 302
    assert not is_in(theirs)
    assert is_in(open_browser(desk, by_the_directory))


# ---------------------------------------------------------------- recovery


def ask(press, who):
    return press(
        address(who, "/nouvelle-invitation"), {"reason": "Téléphone perdu, vue à son bureau."}
    )


def find_request(desk):
    [(ref,)] = fetch(
        desk, "SELECT request_ref FROM accounts.recovery_request ORDER BY asked_at DESC LIMIT 1"
    )
    return f"/organisation/nouvelles-invitations/{ref}"


def test_a_recovery_is_asked_by_one_and_approved_by_another(
    desk, browser, press, admin, second, colleague
):
    assert ask(press, colleague).headers["Location"] == "/organisation"
    assert ask(press, colleague).status_code == 409
    request = find_request(desk)
    assert press(request, {"approve": "1"}).status_code == 403
    assert fetch(desk, "SELECT count(*) FROM accounts.invitation") == [(0,)]
    people.sign_in(browser, desk.database, second)
    approved = press(request, {"approve": "1"})
    [code] = CODE.findall(approved.content.decode())
    digest = InvitationCode.parse(code).compute_digest()
    assert fetch(
        desk,
        "SELECT kind, actor_ref, invited_by, approved_by FROM accounts.invitation"
        " WHERE code_digest = %s",
        digest,
    ) == [("recovery", colleague.actor_ref, admin.actor_ref, second.actor_ref)]
    assert browser.get(request).status_code == 404
    kinds = ("recovery_asked", "recovery_approved")
    assert events(desk, *kinds) == list(kinds)


def test_the_person_recovered_does_not_approve_their_own(desk, browser, press, admin, second):
    ask(press, second)
    people.sign_in(browser, desk.database, second)
    refused = press(find_request(desk), {"approve": "1"})
    assert refused.status_code == 403
    assert not CODE.search(refused.content.decode())


def press_as(browser, desk, who, page, values):
    people.sign_in(browser, desk.database, who)
    token = read_token(browser, page)
    return browser.post(page, {"csrfmiddlewaretoken": token, **values})


def test_the_hosts_security_approves_for_a_lonely_administrator(
    desk, browser, press, admin, colleague
):
    ask(press, colleague)
    host = people.make_organisation(desk.database, "operator")
    security = people.make_agent(desk.database, host, Role.OPERATOR_SECURITY)
    approved = press_as(browser, desk, security, find_request(desk), {"approve": "1"})
    assert CODE.search(approved.content.decode())


def test_a_refused_recovery_makes_no_code(desk, browser, press, admin, second, colleague):
    ask(press, colleague)
    refused = press_as(browser, desk, second, find_request(desk), {})
    assert refused.headers["Location"] == "/organisation"
    assert fetch(desk, "SELECT count(*) FROM accounts.invitation") == [(0,)]
    assert events(desk, "recovery_refused") == ["recovery_refused"]
    people.sign_in(browser, desk.database, admin)
    assert ask(press, colleague).status_code == 302


def test_a_recovery_needs_a_reason(desk, press, admin, colleague):
    assert press(address(colleague, "/nouvelle-invitation"), {"reason": " "}).status_code == 422
    assert fetch(desk, "SELECT count(*) FROM accounts.recovery_request") == [(0,)]


def test_a_professional_is_not_sent_a_code(desk, press, holder):
    other = people.make_agent(desk.database, holder.org, Role.HOLDER)
    assert ask(press, other).status_code == 422
    assert fetch(desk, "SELECT count(*) FROM accounts.recovery_request") == [(0,)]
