"""Policies of presence and readers of Vitale cards in a browser: who sees, who sets, who stops."""

import json
import re

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from tests.portals import people, samples

from rempart.accounts.roles import Role
from rempart.client import SigningKey
from rempart.disclosure.entry import Mode
from rempart.portals.paging import PAGE_ROWS

POLICIES, READERS = "/console/presence", "/lecteurs"


def enter(desk, org, role) -> tuple[Client, people.Somebody]:
    browser = Client()
    who = people.make_agent(desk.database, org, role)
    people.sign_in(browser, desk.database, who)
    return browser, who


@pytest.fixture
def org(desk):
    return people.make_organisation(desk.database, "operator", name="Plateforme Lambda")


@pytest.fixture
def security(desk, org) -> Client:
    """The browser of somebody of the host's security."""
    return enter(desk, org, Role.OPERATOR_SECURITY)[0]


@pytest.fixture
def pharmacy(desk):
    return people.make_organisation(desk.database, "establishment", name="Pharmacie du Pont")


@pytest.fixture
def holder(desk, pharmacy):
    """The holder of an establishment at their browser, and who they are."""
    return enter(desk, pharmacy, Role.HOLDER)


def read(desk, query: str, *values):
    with desk.database.transaction("owner") as tx:
        return tx.execute(query, values).fetchall()


def find_number(desk, org) -> str:
    [(number,)] = read(
        desk,
        "SELECT siret FROM accounts.establishment WHERE establishment_ref = %s",
        org.establishment_ref,
    )
    return str(number)


def find_rpps(desk, who) -> str:
    [(rpps,)] = read(
        desk, "SELECT rpps FROM accounts.professional WHERE account_ref = %s", who.actor_ref
    )
    return str(rpps)


def plant_lookups(desk, account_ref: int) -> None:
    """Three answers to what an account typed, one to a card it read, one two days ago."""
    samples.add_log(desk.database, size=5)
    old = samples.NOW_MS - 2 * 86_400_000
    with desk.database.transaction("owner") as tx:
        for idx, (mode, t_ms) in enumerate(
            ((Mode.TYPED, old), *[(Mode.TYPED, samples.NOW_MS)] * 3, (Mode.CARD, samples.NOW_MS))
        ):
            samples.add_entry(
                tx, idx, t_ms=t_ms, account_ref=account_ref, mode=mode, person_ref=90 + idx
            )


def policy(**changes) -> dict:
    form = {"scope": "everybody", "number": "", "presence": "always", "typed_new_persons": ""}
    return {**form, **changes}


def set_policy(browser, **changes):
    form = policy(**changes)
    confirmed = {**form, "confirmed": "1", "request_id": str(people.draw())}
    return browser.post(f"{POLICIES}/nouvelle", confirmed)


def list_policies(desk) -> list[tuple]:
    return read(
        desk,
        "SELECT establishment_ref, account_ref, required, known_faces, typed_persons_per_day,"
        " set_by IS NOT NULL FROM rights.presence_policy ORDER BY set_at",
    )


def draw_key() -> dict:
    return SigningKey.generate().public_jwk


def reader(desk, org, **changes) -> dict:
    form = {"establishment": find_number(desk, org), "label": "Comptoir 2"}
    return {**form, "jwk": json.dumps(draw_key()), **changes}


def list_readers(desk) -> list[tuple]:
    return read(
        desk,
        "SELECT terminal_ref, establishment_ref, label, registered_by IS NOT NULL,"
        " revoked_at IS NOT NULL FROM accounts.terminal ORDER BY registered_at",
    )


# ---------------------------------------------------------------- policies


def test_a_policy_is_set_after_seeing_whom_it_touches_and_taken_back(desk, security, holder):
    account_ref = holder[1].actor_ref
    plant_lookups(desk, account_ref)
    preview = security.post(f"{POLICIES}/nouvelle", policy(typed_new_persons="0"))
    words = re.sub(r"\s+", " ", preview.content.decode())
    assert "3 vérifications saisies, par 1 comptes" in words
    assert "1 de ces comptes ont saisi plus de personnes que la limite" in words
    assert list_policies(desk) == [], "seeing sets nothing"

    assert set_policy(security, typed_new_persons="0").status_code == 302
    assert list_policies(desk) == [(None, None, True, False, 0, True)]
    page = security.get(POLICIES).content.decode()
    assert "Tout le monde" in page
    assert "toujours" in page
    [(ref,)] = read(desk, "SELECT policy_ref FROM rights.presence_policy")
    assert security.get(f"{POLICIES}/{ref}/retrait").status_code == 200
    assert security.post(f"{POLICIES}/{ref}/retrait").status_code == 302
    assert list_policies(desk) == []
    events = read(desk, "SELECT kind FROM accounts.security_event WHERE kind LIKE 'presence%%'")
    assert {kind for (kind,) in events} == {"presence_set", "presence_removed"}


def test_a_policy_of_an_establishment_or_a_professional_counts_theirs_only(
    desk, security, pharmacy, holder
):
    elsewhere = people.make_organisation(desk.database, "establishment", name="Ailleurs")
    plant_lookups(desk, holder[1].actor_ref)
    for scope, number, typed in (
        ("establishment", find_number(desk, pharmacy), 3),
        ("professional", find_rpps(desk, holder[1]), 3),
        ("establishment", find_number(desk, elsewhere), 0),
    ):
        form = policy(scope=scope, number=number, presence="new-faces")
        words = re.sub(r"\s+", " ", security.post(f"{POLICIES}/nouvelle", form).content.decode())
        assert f"{typed} vérifications saisies" in words, scope
        assert set_policy(security, **form).status_code == 302
    found = list_policies(desk)
    assert [row[:2] for row in found] == [
        (pharmacy.establishment_ref, None),
        (None, holder[1].actor_ref),
        (elsewhere.establishment_ref, None),
    ]
    assert set_policy(security, **{**form, "presence": "optional"}).status_code == 302
    assert len(list_policies(desk)) == 3, "the same one, changed"


@pytest.mark.parametrize(
    "wrong",
    [
        {"scope": "everybody", "number": "990000019"},
        {"scope": "establishment", "number": ""},
        {"scope": "establishment", "number": "00000000000000"},
        {"scope": "professional", "number": "123"},
        {"typed_new_persons": "-1"},
        {"typed_new_persons": "beaucoup"},
        {"presence": "sometimes"},
    ],
)
def test_what_cannot_be_set_is_said_beside_its_field(desk, security, wrong):
    answer = set_policy(security, **wrong)
    assert answer.status_code == 422
    assert b'class="error"' in answer.content
    assert list_policies(desk) == []


def test_policies_are_exported_and_paged_and_read_in_english(desk, security):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.presence_policy (policy_ref, account_ref, required)"
            " SELECT n, n, true FROM generate_series(1, %s) AS n",
            [PAGE_ROWS + 1],
        )
    assert "Page suivante" in security.get(POLICIES).content.decode()
    assert "Page suivante" not in security.get(f"{POLICIES}?page=2").content.decode()
    assert security.get(f"{POLICIES}.csv").content.count(b"\r\n") == PAGE_ROWS + 2
    security.post("/langue", {"language": "en", "next": POLICIES})
    page = security.get(POLICIES).content.decode()
    assert "Next page" in page
    assert "<h1>Presence</h1>" in page


def test_only_the_hosts_security_sets_a_policy(desk, org, holder):
    hosted = people.make_organisation(desk.database, "operator", hosted_by=org.org_ref)
    for browser, seen, status in (
        (enter(desk, org, Role.OPERATOR_OPS)[0], 200, 403),
        (enter(desk, hosted, Role.OPERATOR_ADMIN)[0], 200, 404),
        (holder[0], 403, 403),
    ):
        assert browser.get(POLICIES).status_code == seen
        assert set_policy(browser).status_code == status
    assert list_policies(desk) == []


def test_setting_and_registering_need_a_fresh_ceremony(desk, security):
    desk.clock = desk.clock.now(desk.clock.tzinfo).replace(year=2099)
    for page in (f"{POLICIES}/nouvelle", f"{READERS}/nouveau"):
        assert security.get(page).headers["Location"].startswith("/confirmation"), page


# ---------------------------------------------------------------- readers


def test_security_registers_a_reader_by_pasting_or_sending_its_key(desk, security, pharmacy):
    pasted, sent = draw_key(), draw_key()
    form = reader(desk, pharmacy, jwk=json.dumps(pasted))
    assert security.post(f"{READERS}/nouveau", form).status_code == 302
    file = SimpleUploadedFile("cle.json", json.dumps(sent).encode(), "application/json")
    form = reader(desk, pharmacy, label="Comptoir 3", jwk="", file=file)
    assert security.post(f"{READERS}/nouveau", form).status_code == 302
    assert [row[1:] for row in list_readers(desk)] == [
        (pharmacy.establishment_ref, "Comptoir 2", True, False),
        (pharmacy.establishment_ref, "Comptoir 3", True, False),
    ]
    page = security.get(READERS).content.decode()
    for words in (pasted["kid"], sent["kid"], "Comptoir 2", "Pharmacie du Pont"):
        assert words in page


def test_a_key_that_cannot_be_believed_is_refused_in_its_own_words(desk, security, pharmacy):
    key = draw_key()
    assert security.post(f"{READERS}/nouveau", reader(desk, pharmacy, jwk=json.dumps(key)))
    for wrong, said in (
        ({"jwk": json.dumps(key)}, "enregistrée déjà"),
        ({"jwk": json.dumps({**draw_key(), "d": "x"})}, "contient sa partie privée"),
        ({"jwk": "x"}, "pas une clé au format JWK"),
        ({"jwk": ""}, "pas une clé au format JWK"),
        ({"establishment": "123"}, "Aucun établissement"),
        ({"label": ""}, "error"),
    ):
        answer = security.post(f"{READERS}/nouveau", reader(desk, pharmacy, **wrong))
        assert answer.status_code == 422, wrong
        assert said in answer.content.decode(), wrong
    assert len(list_readers(desk)) == 1


def test_an_establishment_sees_its_own_readers_and_stops_them(desk, security, pharmacy, holder):
    elsewhere = people.make_organisation(desk.database, "establishment", name="Ailleurs")
    for place, label in ((pharmacy, "Comptoir A"), (elsewhere, "Comptoir B")):
        security.post(f"{READERS}/nouveau", reader(desk, place, label=label))
    mine, other = (row[0] for row in list_readers(desk))
    browser = holder[0]
    page = browser.get(READERS).content.decode()
    assert "Comptoir A" in page
    assert "Comptoir B" not in page
    assert "Enregistrer un lecteur" not in page
    assert b"Comptoir B" not in browser.get(f"{READERS}.csv").content
    for method in (browser.get, browser.post):
        assert method(f"{READERS}/{other}/revocation").status_code == 404
        assert method(f"{READERS}/nouveau").status_code == 403
    assert browser.post(f"{READERS}/{mine}/revocation").status_code == 302
    assert [row[-1] for row in list_readers(desk)] == [True, False]
    again = browser.post(f"{READERS}/{mine}/revocation")
    assert again.status_code == 409
    assert "révoqué déjà" in again.content.decode()


def test_an_assistant_and_a_hosted_operator_see_no_reader(desk, org, security, pharmacy, holder):
    security.post(f"{READERS}/nouveau", reader(desk, pharmacy))
    hosted = people.make_organisation(desk.database, "operator", hosted_by=org.org_ref)
    admin = enter(desk, hosted, Role.OPERATOR_ADMIN)[0]
    assert "Comptoir 2" not in admin.get(READERS).content.decode()
    assert admin.post(f"{READERS}/nouveau", reader(desk, pharmacy)).status_code == 404
    browser = Client()
    people.sign_in(
        browser,
        desk.database,
        people.make_agent(
            desk.database, pharmacy, Role.ASSISTANT, accountable_ref=holder[1].actor_ref
        ),
    )
    assert browser.get(READERS).status_code == 403


@pytest.mark.parametrize("column", ["added", "label", "place", "state"])
def test_readers_are_sorted_paged_and_exported(desk, security, pharmacy, column):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.terminal (terminal_ref, establishment_ref, kid, jwk, label)"
            " SELECT n, %s, 'k' || n, '{}', 'Lecteur ' || n FROM generate_series(1, %s) AS n",
            [pharmacy.establishment_ref, PAGE_ROWS + 1],
        )
    for sense in ("asc", "desc"):
        page = security.get(f"{READERS}?tri={column}&sens={sense}")
        assert page.content.count(b"<tr>") == PAGE_ROWS + 1
    assert security.get(f"{READERS}?page=2").content.count(b"<tr>") == 2
    assert security.get(f"{READERS}.csv?tri={column}").content.count(b"\r\n") == PAGE_ROWS + 2
