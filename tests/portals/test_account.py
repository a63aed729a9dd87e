"""« Mon compte »: one's sessions, keys and events, and nobody else's."""

import csv
import io
import re
from datetime import UTC, datetime

import pytest
from tests.portals import people
from tests.portals.authenticator import Authenticator, Keyholder
from tests.portals.bench import (
    REFUSED,
    change,
    fetch,
    is_nobody_in,
    leave,
    list_events,
    make_client,
    run_at_once,
)

from rempart.accounts.events import SecurityEventKind
from rempart.accounts.roles import Role
from rempart.portals.account_wording import EVENTS, describe_event
from rempart.portals.devices import describe_device
from rempart.storage import own_account


@pytest.fixture
def signed_in(desk, enrolled) -> Keyholder:
    """A browser whose owner just came in with a key."""
    desk.clock = datetime.now(UTC)
    assert enrolled.sign_in().status_code == 200
    return enrolled


def post(keyholder, path, values=None):
    token = keyholder.client.cookies["rempart_csrf"].value
    return keyholder.client.post(path, values or {}, headers={"x-csrftoken": token})


def read(keyholder, path):
    answer = keyholder.client.get(path)
    assert answer.status_code == 200
    return answer.content.decode()


def find_handles(keyholder):
    """Return how the account page names each key that may be renamed."""
    return re.findall(r"/compte/cles/([0-9a-f]{32})/nom", read(keyholder, "/compte"))


def come_in_elsewhere(desk, who, address="198.51.100.4"):
    """Sign the same person in from another browser."""
    other = make_client()
    ref = people.sign_in(other, desk.database, who)
    change(desk, "UPDATE accounts.session SET address = %s WHERE session_ref = %s", address, ref)
    return other, ref


# ---------------------------------------------------------------- sessions


def test_each_session_says_where_how_and_since_when(desk, signed_in, manager):
    come_in_elsewhere(desk, manager)
    page = read(signed_in, "/compte")
    assert page.count("celle-ci") == 1
    assert "198.51.100.4" in page
    assert "Firefox sur Linux" in page
    assert "Gestionnaire · Mutuelle d&#x27;essai" in page
    assert "clé d’accès" in page


def test_closing_a_session_throws_its_browser_out(desk, signed_in, manager):
    other, ref = come_in_elsewhere(desk, manager)
    assert other.get("/assureur").status_code == 200
    assert post(signed_in, f"/compte/sessions/{ref}/fin").headers["Location"] == "/compte"
    assert other.get("/assureur").status_code == 302
    assert signed_in.client.get("/assureur").status_code == 200
    assert list_events(desk, "session_ended") == [(manager.actor_ref, {"reason": "revoked"})]
    # Once more changes nothing.
    post(signed_in, f"/compte/sessions/{ref}/fin")
    assert len(list_events(desk, "session_ended")) == 1


def test_closing_all_the_others_leaves_this_one(desk, signed_in, manager):
    others = [come_in_elsewhere(desk, manager)[0] for _ in range(3)]
    post(signed_in, "/compte/sessions/autres/fin")
    assert [other.get("/assureur").status_code for other in others] == [302] * 3
    assert signed_in.client.get("/assureur").status_code == 200
    assert len(list_events(desk, "session_ended")) == 3


def test_nobody_closes_somebody_else_s_session(desk, signed_in, insurer):
    colleague = people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Autre")
    other, ref = come_in_elsewhere(desk, colleague)
    post(signed_in, f"/compte/sessions/{ref}/fin")
    post(signed_in, "/compte/sessions/autres/fin")
    assert other.get("/assureur").status_code == 200
    assert "Autre" not in read(signed_in, "/compte")
    assert list_events(desk, "session_ended") == []


def test_a_reference_beyond_any_is_no_page(signed_in):
    for path in (f"/compte/sessions/{10**30}/fin", f"/compte/evenements/{10**30}/signaler"):
        assert post(signed_in, path).status_code == 404


# ---------------------------------------------------------------- keys


def test_a_second_key_opens_as_well_as_the_first(desk, signed_in):
    assert "Vous n’avez qu’une clé" in read(signed_in, "/compte")
    assert signed_in.add_key("Clé du bureau").json() == {"next": "/compte"}
    page = read(signed_in, "/compte")
    assert "Clé du bureau" in page
    assert "Vous n’avez qu’une clé" not in page
    leave(signed_in)
    assert signed_in.sign_in().status_code == 200


def test_a_key_without_a_readable_name_is_called_by_its_device(desk, signed_in):
    signed_in.add_key("\u202e" * 3)
    assert [d["label"] for _, d in list_events(desk, "passkey_added")] == ["Firefox sur Linux"] * 2


def test_what_touches_a_key_waits_for_a_fresh_confirmation(desk, signed_in):
    [handle] = find_handles(signed_in)
    change(desk, "UPDATE accounts.session SET stepped_up_at = now() - interval '6 min'")
    paths = [f"/compte/cles/{what}" for what in ("ajouter", f"{handle}/nom", f"{handle}/revoquer")]
    for path in paths:
        asked = signed_in.client.get(path)
        assert asked.headers["Location"].startswith("/confirmation?next=%2Fcompte%2Fcles%2F")
    for path in paths[1:]:
        assert post(signed_in, path).headers["Location"].startswith("/confirmation?")
    for path in ("/compte/cles/debut", "/compte/cles/fin"):
        assert signed_in.send(path, {}).status_code == 302
    assert signed_in.confirm().status_code == 200
    assert signed_in.client.get(paths[0]).status_code == 200


def test_renaming_a_key(desk, signed_in, manager):
    [handle] = find_handles(signed_in)
    path = f"/compte/cles/{handle}/nom"
    wrong = post(signed_in, path, {"label": "\x1b[31mrouge"})
    assert wrong.status_code == 422
    assert "Le nom de la clé est vide ou dépasse 60 caractères." in wrong.content.decode()
    assert post(signed_in, path, {"label": "  Mon   badge "}).status_code == 302
    assert "Mon badge" in read(signed_in, "/compte")
    assert list_events(desk, "passkey_renamed") == [(manager.actor_ref, {"label": "Mon badge"})]


def test_a_revoked_key_opens_nothing_and_the_other_sessions_close(desk, signed_in, manager):
    credentials = [*signed_in.authenticator.credentials]
    first = Keyholder(make_client(), Authenticator(credentials=credentials))
    signed_in.add_key()
    other, _ = come_in_elsewhere(desk, manager)
    first_handle = find_handles(signed_in)[0]
    page = read(signed_in, f"/compte/cles/{first_handle}/revoquer")
    assert "Firefox sur Linux" in page
    path = f"/compte/cles/{first_handle}/revoquer"
    assert post(signed_in, path, {"others": "on"}).headers["Location"] == "/compte"
    assert other.get("/assureur").status_code == 302
    assert first.sign_in().content == REFUSED
    assert "révoquée" in read(signed_in, "/compte")
    assert signed_in.client.get(path).status_code == 404


def test_the_last_key_stays(desk, signed_in):
    [handle] = find_handles(signed_in)
    assert "Révoquer" not in read(signed_in, "/compte")
    refused = post(signed_in, f"/compte/cles/{handle}/revoquer")
    assert refused.status_code == 409
    assert "C’est votre dernière clé" in refused.content.decode()
    leave(signed_in)
    assert signed_in.sign_in().status_code == 200


def test_two_requests_at_once_do_not_revoke_both_last_keys(desk, signed_in):
    signed_in.add_key()
    handles = find_handles(signed_in)
    token = signed_in.client.cookies["rempart_csrf"].value
    cookies = {name: morsel.value for name, morsel in signed_in.client.cookies.items()}

    def revoke(handle):
        client = make_client()
        for name, value in cookies.items():
            client.cookies[name] = value
        return client.post(f"/compte/cles/{handle}/revoquer", headers={"x-csrftoken": token})

    answers = run_at_once([lambda handle=handle: revoke(handle) for handle in handles])
    assert sorted(answer.status_code for answer in answers) == [302, 409]


def test_mutation_without_the_lock_both_last_keys_may_go(desk, signed_in, monkeypatch):
    """Each request judges what it read before the other wrote."""
    signed_in.add_key()
    handles = find_handles(signed_in)
    with desk.database.transaction("owner") as tx:
        before = tx.execute("SELECT count(*) FROM accounts.passkey").fetchone()
    seen = []
    original = own_account.list_passkeys

    def read_first(tx, actor_ref):
        seen.append(original(tx, actor_ref))
        return seen[0]

    monkeypatch.setattr(own_account, "lock_passkeys", read_first)
    for handle in handles:
        assert post(signed_in, f"/compte/cles/{handle}/revoquer").status_code == 302
    usable = "SELECT count(*) FROM accounts.passkey WHERE revoked_at IS NULL"
    assert (before, fetch(desk, usable)) == ((2,), [(0,)])


def test_nobody_touches_somebody_else_s_key(desk, signed_in, insurer):
    colleague = people.make_agent(desk.database, insurer, Role.INSURER_ADMIN, name="Autre")
    other = Keyholder(make_client(), address="192.0.2.66")
    other.enrol(people.invite(desk.database, colleague))
    [handle] = find_handles(other)
    for what in ("nom", "revoquer"):
        assert post(signed_in, f"/compte/cles/{handle}/{what}", {"label": "x"}).status_code == 404


def test_ten_keys_are_enough(desk, signed_in):
    for number in range(9):
        assert signed_in.add_key(f"Clé {number}").status_code == 200
    assert signed_in.send("/compte/cles/debut", {}).content == REFUSED


def test_a_key_made_elsewhere_or_without_its_holder_is_not_added(desk, signed_in):
    for spoilt in (Authenticator(origin="http://evil.invalid"), Authenticator(verifies=False)):
        signed_in.authenticator = spoilt
        assert signed_in.add_key().content == REFUSED
    assert fetch(desk, "SELECT count(*) FROM accounts.passkey") == [(1,)]


def test_a_professional_has_no_passkey_and_needs_none(desk, professional):
    desk.clock = datetime.now(UTC)
    page = professional.get("/compte").content.decode()
    assert "Vous entrez par Pro Santé Connect" in page
    assert "/compte/cles/ajouter" not in page
    assert professional.get("/compte/cles/ajouter").headers["Location"] == "/compte"
    assert Keyholder(professional).send("/compte/cles/debut", {}).content == REFUSED


# ---------------------------------------------------------------- events


def test_events_are_told_in_words_the_newest_first(signed_in):
    page = read(signed_in, "/compte/evenements")
    told = re.findall(r'<th scope="row">([^<]+)<', page)
    assert told == [
        "Connexion", "Déconnexion", "Connexion", "Clé d’accès ajoutée", "Invitation utilisée"
    ]  # fmt: skip


@pytest.mark.parametrize("column", ["time", "kind", "place"])
def test_events_are_sorted_both_ways(desk, signed_in, manager, column):
    change(
        desk,
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref, address, at)"
        " SELECT n, CASE n %% 3 WHEN 0 THEN 'signed_in' ELSE 'signed_out' END, %s,"
        " '192.0.2.' || n, now() - n * interval '1 minute' FROM generate_series(1, 9) AS n",
        manager.actor_ref,
    )
    rows = {}
    for way in ("asc", "desc"):
        text = signed_in.client.get(f"/compte/evenements.csv?tri={column}&sens={way}").content
        rows[way] = list(csv.reader(io.StringIO(text.decode("utf-8-sig")), delimiter=";"))[1:]
    place = {"time": 0, "kind": 1, "place": 3}[column]
    rising = [row[place] for row in rows["asc"]]
    assert [row[place] for row in rows["desc"]] == rising[::-1]
    assert len(set(rising)) > 1


def test_a_long_history_has_pages(desk, signed_in, manager):
    change(
        desk,
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref, at)"
        " SELECT n, 'signed_in', %s, now() - n * interval '1 minute'"
        " FROM generate_series(1, 60) AS n",
        manager.actor_ref,
    )
    first = read(signed_in, "/compte/evenements")
    assert "1 à 50 sur 65" in first
    assert 'id="next"' in first
    second = read(signed_in, "/compte/evenements?page=2")
    assert "51 à 65 sur 65" in second
    assert 'id="previous"' in second
    assert "Rien sur cette page." in read(signed_in, "/compte/evenements?page=9")
    for nonsense in ("0", "-1", "x", "9" * 30):
        assert "1 à 50" in read(signed_in, f"/compte/evenements?page={nonsense}")


def test_a_file_of_events_is_for_a_spreadsheet(desk, signed_in):
    signed_in.add_key("=HYPERLINK(1)")
    answer = signed_in.client.get("/compte/evenements.csv")
    assert answer.headers["Content-Disposition"] == 'attachment; filename="evenements.csv"'
    text = answer.content.decode("utf-8-sig")
    assert text.startswith("instant;événement;précision;adresse;appareil;signalé\r\n")
    assert ";=HYPERLINK" not in text


def test_nobody_reads_somebody_else_s_events(desk, signed_in, insurer):
    colleague = people.make_agent(desk.database, insurer, Role.INSURER_MANAGER, name="Autre")
    come_in_elsewhere(desk, colleague)
    [(ref,)] = fetch(
        desk,
        "SELECT event_ref FROM accounts.security_event WHERE actor_ref = %s",
        colleague.actor_ref,
    )
    assert signed_in.client.get(f"/compte/evenements/{ref}/signaler").status_code == 404
    assert post(signed_in, f"/compte/evenements/{ref}/signaler").status_code == 404
    assert fetch(desk, "SELECT count(*) FROM accounts.event_report") == [(0,)]


def test_it_was_not_me_opens_a_report_and_closes_the_other_sessions(desk, signed_in, manager):
    other, ref = come_in_elsewhere(desk, manager)
    [(event_ref,)] = fetch(
        desk, "SELECT event_ref FROM accounts.security_event WHERE session_ref = %s", ref
    )
    path = f"/compte/evenements/{event_ref}/signaler"
    assert "192.0.2.10" in read(signed_in, path)
    answer = post(signed_in, path, {"words": "Je dormais.", "others": "on"})
    assert answer.headers["Location"] == path
    assert other.get("/assureur").status_code == 302
    row = fetch(desk, "SELECT event_ref, actor_ref, words FROM accounts.event_report")
    assert row == [(event_ref, manager.actor_ref, "Je dormais.")]
    [(_, details)] = list_events(desk, "event_reported")
    assert details == {"event": str(event_ref), "kind": "signed_in"}
    page = read(signed_in, path)
    assert "Signalé le" in page
    assert "Fermer toutes les autres connexions" in page
    # Twice is once.
    post(signed_in, path, {"words": "Encore."})
    assert len(list_events(desk, "event_reported")) == 1


def test_the_operator_s_answer_is_read_where_the_report_was_made(desk, signed_in):
    [(event_ref, *_)] = fetch(
        desk, "SELECT event_ref FROM accounts.security_event WHERE kind = 'signed_out'"
    )
    path = f"/compte/evenements/{event_ref}/signaler"
    post(signed_in, path, {"words": ""})
    change(desk, "UPDATE accounts.event_report SET handled_at = now(), outcome = 'Rien de grave.'")
    assert "Rien de grave." in read(signed_in, path)
    assert "traité" in read(signed_in, "/compte/evenements")


def test_words_too_long_stay_in_the_form(signed_in, desk):
    [(event_ref, *_)] = fetch(
        desk, "SELECT event_ref FROM accounts.security_event WHERE kind = 'signed_out'"
    )
    answer = post(signed_in, f"/compte/evenements/{event_ref}/signaler", {"words": "x" * 2001})
    assert answer.status_code == 422
    assert "x" * 2001 in answer.content.decode()


def test_every_event_has_its_words():
    assert set(EVENTS) == set(SecurityEventKind)
    assert describe_event("from_a_later_version") == "from_a_later_version"


WEBKIT = "AppleWebKit/537.36 (KHTML, like Gecko)"


@pytest.mark.parametrize(
    ("agent", "words"),
    [
        ("Mozilla/5.0 (Windows NT 10.0) Gecko/20100101 Firefox/140.0", "Firefox sur Windows"),
        (f"(Windows NT 10.0) {WEBKIT} Chrome/142.0 Safari/537.36 Edg/142.0", "Edge sur Windows"),
        (f"(iPhone; like Mac OS X) {WEBKIT} Version/18.0 Safari/604.1", "Safari sur iPhone"),
        (f"(Linux; Android 14) {WEBKIT} Chrome/142.0 Mobile Safari/537", "Chrome sur Android"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_0) Version/18.0 Safari/605", "Safari sur Mac"),
        ("curl/8.0", "curl/8.0"),
        ("x" * 200, "x" * 40),
        ("", "appareil inconnu"),
    ],
)
def test_a_device_is_named_as_its_owner_would(desk, agent, words):
    assert describe_device(agent) == words


def test_nothing_of_the_account_is_for_strangers(keyholder):
    keyholder.client.get("/connexion")
    assert is_nobody_in(keyholder)
    for path in ("/compte/evenements", "/compte/evenements.csv", "/compte/cles/seconde"):
        assert keyholder.client.get(path).headers["Location"].startswith("/connexion?next=")
