"""Whoever is concerned is warned, at every address, old ones included; nothing is lost."""

import pytest
from psycopg import errors
from tests.workflows.practice import LETTERBOX, MATCHING, OLD, Practice

from rempart.accounts.roles import Role
from rempart.exchange.warning_text import FolderSender, format_warning
from rempart.storage import contacts
from rempart.storage.contacts import make_letterbox
from rempart.workflows.accounts import warn_contacts
from rempart.workflows.accounts.warn_contacts import send_warnings
from rempart.workflows.settlement.change_bank_details import approve_change, stop_change
from rempart.workflows.settlement.read_bank_details import read_bank_details

NEW, BEFORE = MATCHING.number[-4:], OLD.number[-4:]


@pytest.fixture
def practice(database) -> Practice:
    practice = Practice(database)
    practice.open_account()
    return practice


@pytest.fixture
def claire(practice):
    return practice.hire()


class Box:
    """A sender that keeps what it was given."""

    def __init__(self, *, breaks_at: int = 1000) -> None:
        self.sent = []
        self._breaks_at = breaks_at

    def send(self, warning):
        if len(self.sent) == self._breaks_at:
            raise OSError("the disk is full")
        self.sent.append(warning)


def send(practice, sender, **options):
    with practice.database.transaction("registrar") as tx:
        return send_warnings(tx, sender, **({"letterbox": LETTERBOX} | options))


def list_addresses(practice):
    box = Box()
    send(practice, box)
    return sorted(warning.address for warning in box.sent)


def test_everybody_concerned_is_warned_of_each_step(practice, claire):
    denis = practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    practice.add_address("pharmacie@example.invalid")
    practice.add_address("claire@example.invalid", somebody=claire)
    practice.add_address("denis@example.invalid", somebody=denis)
    change = practice.propose(denis)
    everybody = [
        *("claire@example.invalid", "denis@example.invalid", "pharmacie@example.invalid"),
    ]
    assert list_addresses(practice) == everybody
    with practice.act(claire) as (tx, asker):
        approve_change(tx, asker, change.change_ref)
    assert list_addresses(practice) == everybody
    with practice.act(claire) as (tx, asker):
        sheet = read_bank_details(tx, asker)
    assert [told.warnings for told in sheet.pending.steps] == [3, 3]


def test_the_owner_is_warned_of_what_a_manager_does_and_cannot_see_them_all(practice, claire):
    """The manager's page may not read the owner's address: the database warns all the same."""
    manager = practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    practice.add_address("claire@example.invalid", somebody=claire)
    with practice.act(manager) as (tx, _):
        assert tx.execute("SELECT count(*) FROM accounts.contact").fetchone() == (0,)
    practice.propose(manager)
    assert list_addresses(practice) == ["claire@example.invalid"]


@pytest.mark.parametrize(
    ("replaced", "warned"),
    [("1 minute", True), ("89 days 23 hours", True), ("90 days 1 minute", False)],
)
def test_an_address_replaced_lately_is_still_warned(practice, claire, replaced, warned):
    practice.add_address("before@example.invalid", replaced=replaced)
    practice.propose(claire)
    assert bool(list_addresses(practice)) is warned


@pytest.mark.parametrize(
    "trick",
    [
        "UPDATE accounts.membership SET suspended_at = now() WHERE actor_ref = %(ref)s",
        "UPDATE accounts.membership SET ends_on = current_date - 1 WHERE actor_ref = %(ref)s",
        "UPDATE accounts.actor SET suspended_at = now() WHERE actor_ref = %(ref)s",
    ],
)
def test_an_owner_put_out_of_the_way_is_warned(practice, claire, trick):
    manager = practice.hire(Role.ESTABLISHMENT_MANAGER, "Denis Essai")
    practice.add_address("claire@example.invalid", somebody=claire)
    with practice.database.transaction("owner") as tx:
        tx.execute(trick, {"ref": claire.actor_ref})
    practice.propose(manager)
    assert list_addresses(practice) == ["claire@example.invalid"]


def test_strangers_colleagues_without_a_say_and_other_places_are_not_warned(practice, claire):
    assistant = practice.hire(Role.ASSISTANT, "Une assistante")
    practice.add_address("assistant@example.invalid", somebody=assistant)
    elsewhere = Practice(practice.database, "Ailleurs")
    elsewhere.add_address("elsewhere@example.invalid")
    elsewhere.add_address("other@example.invalid", somebody=elsewhere.hire())
    practice.propose(claire)
    assert list_addresses(practice) == []


def test_a_page_warns_of_no_event_it_may_not_see(practice, claire):
    practice.add_address("pharmacie@example.invalid")
    practice.run(
        "INSERT INTO accounts.security_event (event_ref, kind, org_ref) VALUES (1, 'invited', %s)",
        practice.org.org_ref,
    )
    thief = Practice(practice.database, "Ailleurs")
    with thief.act(thief.hire()) as (tx, _):
        [(told,)] = tx.execute("SELECT accounts.warn_contacts(1, '2020-01-01')").fetchall()
    assert told == 0
    with practice.act(claire) as (tx, _):
        [(told,)] = tx.execute("SELECT accounts.warn_contacts(1, '2020-01-01')").fetchall()
    assert told == 1


def test_a_step_that_is_not_taken_warns_nobody(practice, claire):
    practice.add_address("pharmacie@example.invalid")
    change = practice.propose(claire)

    def stop_then_break():
        with practice.act(claire) as (tx, asker):
            stop_change(tx, asker, change.change_ref)
            raise RuntimeError("the page breaks before its transaction ends")

    with pytest.raises(RuntimeError):
        stop_then_break()
    assert practice.fetch("SELECT count(*) FROM accounts.warning") == [(1,)]


def test_a_warning_is_sent_once(practice, claire):
    practice.add_address("pharmacie@example.invalid")
    practice.propose(claire)
    assert send(practice, Box()).sent == 1
    assert send(practice, Box()).sent == 0


def test_a_crash_after_the_sending_sends_again_and_loses_nothing(practice, claire, tmp_path):
    practice.add_address("one@example.invalid")
    practice.add_address("two@example.invalid")
    practice.propose(claire)
    with pytest.raises(OSError, match="disk is full"):
        send(practice, Box(breaks_at=1))
    sender = FolderSender(tmp_path)

    def send_then_break():
        with practice.database.transaction("registrar") as tx:
            assert send_warnings(tx, sender, letterbox=LETTERBOX).sent == 2
            raise RuntimeError("killed before the marks are kept")

    with pytest.raises(RuntimeError):
        send_then_break()
    assert len(list(tmp_path.iterdir())) == 2
    assert send(practice, sender).sent == 2
    assert len(list(tmp_path.iterdir())) == 2
    assert send(practice, sender).sent == 0


def test_mutation_marking_before_the_sending_loses_a_warning(practice, claire):
    practice.add_address("one@example.invalid")
    practice.propose(claire)
    with practice.database.transaction("registrar") as tx:
        [warning] = contacts.take_unsent(tx, after=0, most=1)
        contacts.mark_sent(tx, [warning.warning_ref])
    # Killed here: nobody will ever send it.
    assert send(practice, Box()).sent == 0


def test_two_senders_at_once_share_the_work(practice, claire):
    practice.add_address("one@example.invalid")
    practice.propose(claire)
    with practice.database.transaction("registrar") as tx:
        assert send_warnings(tx, Box(), letterbox=LETTERBOX).sent == 1
        assert send(practice, Box()).sent == 0


def test_an_address_of_another_home_stops_nobody_elses_warning(practice, claire, monkeypatch):
    monkeypatch.setattr(warn_contacts, "BATCH", 1)
    foreign = practice.add_address("one@example.invalid")
    practice.add_address("two@example.invalid")
    sealed = make_letterbox(b"\x01" * 32).slot.close("x@example.invalid", bound_to=foreign)
    practice.run("UPDATE accounts.contact SET sealed = %s WHERE contact_ref = %s", sealed, foreign)
    practice.propose(claire)
    box, after, unreadable = Box(), 0, 0
    while after is not None:
        done = send(practice, box, after=after)
        after, unreadable = done.last_ref, unreadable + done.unreadable
    assert [warning.address for warning in box.sent] == ["two@example.invalid"]
    assert unreadable == 1


def test_a_warning_says_what_who_when_and_holds_no_link(practice, claire, tmp_path):
    practice.add_address("pharmacie@example.invalid")
    practice.propose(claire)
    box = Box()
    send(practice, box)
    text = format_warning(box.sent[0])
    for words in (
        *("pharmacie@example.invalid", "Pharmacie d'essai", "Claire Essai"),
        *(f"•••• {BEFORE} serait remplacé par •••• {NEW}", "Il prendrait effet le"),
        *(f"•••• {BEFORE} would be replaced by •••• {NEW}", "It would take effect on"),
        *("et arrêtez le\nchangement", "stop the change"),
    ):
        assert words in text
    assert "http" not in text
    assert MATCHING.format() not in text
    assert "example.invalid" not in repr(box.sent[0])


def test_only_its_owner_reads_a_warning_written_to_a_folder(practice, claire, tmp_path):
    practice.add_address("pharmacie@example.invalid")
    practice.propose(claire)
    send(practice, FolderSender(tmp_path))
    [file] = tmp_path.iterdir()
    assert file.suffix == ".txt"
    assert file.stat().st_mode & 0o777 == 0o600


def test_other_events_have_words_too(practice, claire):
    practice.add_address("claire@example.invalid", somebody=claire)
    practice.run(
        "INSERT INTO accounts.security_event (event_ref, kind, actor_ref)"
        " VALUES (1, 'role_changed', %s)",
        claire.actor_ref,
    )
    with practice.act(claire) as (tx, asker):
        told = warn_contacts.warn_contacts(tx, 1, at=asker.now)
    assert told == 1
    box = Box()
    send(practice, box)
    assert "role_changed" in format_warning(box.sent[0])


def test_addresses_are_sealed_and_the_pages_cannot_read_them(practice, claire):
    address = "claire@example.invalid"
    ref = practice.add_address(address, somebody=claire)
    [(sealed,)] = practice.fetch("SELECT sealed FROM accounts.contact")
    assert address.encode() not in sealed
    assert LETTERBOX.open(sealed, bound_to=ref) == address
    with practice.act(claire) as (tx, _), pytest.raises(errors.InsufficientPrivilege):
        tx.execute("SELECT sealed FROM accounts.contact")
