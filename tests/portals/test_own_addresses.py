"""Where somebody is warned: given by them, confirmed by a code, never removed silently."""

import re
import time
from datetime import UTC, datetime

import pytest
from tests.portals import people
from tests.portals.bench import change, fetch, list_events, make_client, run_at_once
from tests.portals.conftest import KEY

from rempart.accounts.roles import Role
from rempart.exchange.warning_text import FolderSender, format_code
from rempart.storage.contacts import make_letterbox
from rempart.workflows.accounts.warn_contacts import send_codes, send_warnings
from rempart.workflows.accounts.web_session import draw_ref

GIVE = "/compte/alertes/ajouter"
LETTERBOX = make_letterbox(KEY)


class Post:
    """Takes messages to their address."""

    def __init__(self):
        self.codes, self.warnings = {}, []

    def send_code(self, contact_ref, channel, address, code):
        self.codes[contact_ref] = (channel, address, code)

    def send(self, warning):
        self.warnings.append((warning.address, warning.kind.value))


@pytest.fixture
def post(desk):
    class Office(Post):
        def carry(self):
            with desk.database.transaction("registrar") as tx:
                send_codes(tx, self, letterbox=LETTERBOX)
                send_warnings(tx, self, letterbox=LETTERBOX)
            return self

    return Office()


@pytest.fixture
def who(desk, browser):
    org = people.make_organisation(desk.database, "insurer")
    who = people.make_agent(desk.database, org, Role.INSURER_MANAGER)
    people.sign_in(browser, desk.database, who)
    desk.clock = datetime.now(UTC)
    return who


def give(press, address="camille@example.invalid", channel="email"):
    answer = press(GIVE, {"channel": channel, "address": address})
    assert answer.status_code == 302, answer.content.decode()
    return int(re.search(r"/(\d+)/", answer.headers["Location"])[1])


def confirm(press, post, ref, code=None):
    code = code or post.carry().codes[ref][2]
    return press(f"/compte/alertes/{ref}/confirmer", {"code": code})


def list_addresses(desk):
    return fetch(
        desk,
        "SELECT channel, hint FROM accounts.contact WHERE replaced_at IS NULL ORDER BY added_at",
    )


def test_an_address_is_warned_once_its_code_came_back(desk, browser, press, who, post):
    ref = give(press)
    assert list_addresses(desk) == []
    assert post.carry().codes[ref][:2] == ("email", "camille@example.invalid")
    assert confirm(press, post, ref).headers["Location"] == "/compte/alertes"
    assert list_addresses(desk) == [("email", "c•••@e•••.invalid")]
    assert list_events(desk, "contact_added") == [(who.actor_ref, {"channel": "email"})]
    assert post.carry().warnings == [("camille@example.invalid", "contact_added")]
    page = browser.get("/compte/alertes").content.decode()
    assert "c•••@e•••.invalid" in page
    assert "camille" not in page
    assert "attente" not in page


def test_a_code_is_sent_once(press, who, post):
    ref = give(press, "06 39 98 00 42", "sms")
    assert post.carry().codes.pop(ref)[:2] == ("sms", "+33639980042")
    assert post.carry().codes == {}


def test_a_wrong_code_counts_and_five_are_enough(desk, press, who, post):
    ref = give(press)
    right = post.carry().codes[ref][2]
    wrong = f"{(int(right) + 1) % 10**8:08d}"
    for _ in range(5):
        assert confirm(press, post, ref, wrong).status_code in (404, 422)
    assert press_code(press, ref, right) == 404
    assert list_addresses(desk) == []


def press_code(press, ref, code):
    try:
        return press(f"/compte/alertes/{ref}/confirmer", {"code": code}).status_code
    except KeyError:  # no form: the page is not there
        return 404


def test_a_code_written_in_two_halves_is_read(desk, press, who, post):
    ref = give(press)
    code = post.carry().codes[ref][2]
    assert confirm(press, post, ref, f" {code[:4]} {code[4:]} ").status_code == 302


def test_a_code_lives_an_hour(desk, press, who, post):
    ref = give(press)
    code = post.carry().codes[ref][2]
    change(desk, "UPDATE accounts.contact_request SET expires_at = now()")
    assert press_code(press, ref, code) == 404
    assert list_addresses(desk) == []


def test_a_code_of_somebody_else_confirms_nothing(desk, browser, press, who, post):
    ref = give(press)
    code = post.carry().codes[ref][2]
    other = people.make_agent(desk.database, who.org, Role.INSURER_ADMIN, name="Sam Essai")
    people.sign_in(browser, desk.database, other)
    assert press_code(press, ref, code) == 404
    assert list_addresses(desk) == []
    assert browser.get("/compte/alertes").content.decode().count("Écrire le code") == 0


def test_three_wait_at_most(press, who):
    for number in range(3):
        give(press, f"n{number}@example.invalid")
    assert press(GIVE, {"channel": "email", "address": "n4@example.invalid"}).status_code == 422


def test_codes_that_were_tried_out_do_not_make_room_for_more_messages(press, who, post):
    for _ in range(3):
        ref = give(press, "stranger@example.invalid")
        for _ in range(5):
            confirm(press, post, ref, "00000000")
    assert press(GIVE, {"channel": "email", "address": "a@example.invalid"}).status_code == 422


def test_pages_at_once_write_to_no_more_than_three(browser, who, monkeypatch):
    def draw_slowly():
        time.sleep(0.3)
        return draw_ref()

    monkeypatch.setattr("rempart.workflows.accounts.own_addresses.draw_ref", draw_slowly)
    browser.get(GIVE)
    token = browser.cookies["rempart_csrf"].value
    sent = {"channel": "email", "address": "a@example.invalid", "csrfmiddlewaretoken": token}

    def give_one():
        other = make_client()
        other.cookies = browser.cookies
        return other.post(GIVE, sent).status_code

    assert sorted(run_at_once([give_one] * 5)) == [302] * 3 + [422] * 2


@pytest.mark.parametrize(
    ("channel", "address"),
    [("email", "nowhere"), ("sms", "12"), ("letter", "1 rue X"), ("x", "a@b.fr"), ("email", "")],
)
def test_what_is_no_address_is_refused(desk, press, who, channel, address):
    assert press(GIVE, {"channel": channel, "address": address}).status_code == 422
    assert fetch(desk, "SELECT count(*) FROM accounts.contact_request") == [(0,)]


def test_every_act_needs_a_fresh_ceremony(desk, browser, press, who, post):
    ref = give(press)
    desk.clock = datetime(2099, 1, 1, tzinfo=UTC)
    for path in (GIVE, f"/compte/alertes/{ref}/confirmer", f"/compte/alertes/{ref}/retirer"):
        assert browser.get(path).headers["Location"].startswith("/confirmation?next=")


def test_one_of_two_is_removed_and_both_are_told(desk, press, who, post):
    for name in ("one", "two"):
        confirm(press, post, give(press, f"{name}@example.invalid"))
    [(first,), _] = fetch(desk, "SELECT contact_ref FROM accounts.contact ORDER BY added_at")
    post.carry().warnings.clear()
    assert press(f"/compte/alertes/{first}/retirer").status_code == 302
    told = sorted(address for address, kind in post.carry().warnings if kind == "contact_removed")
    assert told == ["one@example.invalid", "two@example.invalid"]
    assert [hint for _, hint in list_addresses(desk)] == ["t•••@e•••.invalid"]


def test_the_last_one_is_not_removed_silently(desk, browser, press, who, post):
    ref = give(press)
    confirm(press, post, ref)
    refused = press(f"/compte/alertes/{ref}/retirer")
    assert refused.status_code == 409
    assert "dernière adresse" in refused.content.decode()
    assert len(list_addresses(desk)) == 1
    assert press(f"/compte/alertes/{ref}/retirer", {"silence": "on"}).status_code == 302
    assert list_addresses(desk) == []
    assert ("camille@example.invalid", "contact_removed") in post.carry().warnings
    assert "Aucune adresse" in browser.get("/compte/alertes").content.decode()


def test_mutation_without_the_rule_the_last_one_goes(desk, press, who, post, monkeypatch):
    monkeypatch.setattr(
        "rempart.workflows.accounts.own_addresses.check_can_remove", lambda *given, **more: None
    )
    ref = give(press)
    confirm(press, post, ref)
    assert press(f"/compte/alertes/{ref}/retirer").status_code == 302
    assert list_addresses(desk) == []


def test_nobody_removes_the_address_of_somebody_else(desk, browser, press, who, post):
    ref = give(press)
    confirm(press, post, ref)
    other = people.make_agent(desk.database, who.org, Role.INSURER_ADMIN, name="Sam Essai")
    people.sign_in(browser, desk.database, other)
    assert browser.get(f"/compte/alertes/{ref}/retirer").status_code == 404
    assert len(list_addresses(desk)) == 1


def test_nothing_is_kept_in_clear(desk, press, who, post):
    ref = give(press)
    code = post.carry().codes[ref][2]
    rows = str(fetch(desk, "SELECT * FROM accounts.contact_request"))
    assert "camille" not in rows
    assert code not in rows
    confirm(press, post, ref, code)
    assert "camille" not in str(fetch(desk, "SELECT * FROM accounts.contact"))


@pytest.mark.parametrize(
    "statement",
    [
        "SELECT 1 FROM accounts.contact_request",
        "SELECT sealed FROM accounts.contact",
        "UPDATE accounts.contact SET replaced_at = now()",
        "INSERT INTO accounts.contact (contact_ref, channel, sealed) VALUES (1, 'email', '')",
    ],
)
def test_the_pages_write_no_address(desk, statement):
    with pytest.raises(Exception, match="permission denied"), desk.transaction() as tx:
        tx.execute(statement)


def test_a_message_with_a_code_has_no_link(tmp_path):
    text = format_code(7, "email", "camille@example.invalid", "12345678")
    assert "1234 5678" in text
    assert "http" not in text
    FolderSender(tmp_path).send_code(7, "email", "camille@example.invalid", "12345678")
    assert (tmp_path / "7.txt").read_text() == text


def test_a_code_sealed_by_another_home_waits(desk, press, who):
    give(press)
    other, post = make_letterbox(bytes(32)), Post()
    with desk.database.transaction("registrar") as tx:
        assert send_codes(tx, post, letterbox=other) == 0
    assert post.codes == {}


def test_a_key_added_is_told_where_its_owner_is_warned(desk, enrolled, manager, post):
    with desk.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.contact (contact_ref, actor_ref, channel, sealed)"
            " VALUES (5, %s, 'email', %s)",
            (manager.actor_ref, LETTERBOX.slot.close("owner@example.invalid", bound_to=5)),
        )
    enrolled.sign_in()
    assert enrolled.add_key().status_code == 200
    assert post.carry().warnings == [("owner@example.invalid", "passkey_added")]


def test_mutation_without_the_warning_nobody_is_told(desk, enrolled, manager, post, monkeypatch):
    monkeypatch.setattr(
        "rempart.workflows.accounts.enrol_passkey.warn_now", lambda tx, event_ref: 0
    )
    change(
        desk,
        "INSERT INTO accounts.contact (contact_ref, actor_ref, channel, sealed)"
        " VALUES (5, %s, 'email', '')",
        manager.actor_ref,
    )
    enrolled.sign_in()
    enrolled.add_key()
    assert fetch(desk, "SELECT count(*) FROM accounts.warning") == [(0,)]
