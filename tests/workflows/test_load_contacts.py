"""Addresses come from a file; a replacement is told to the address replaced."""

import pytest
from tests.workflows.practice import LETTERBOX, Practice

from rempart.kernel.errors import FeedRefused
from rempart.storage.contacts import make_letterbox
from rempart.workflows.accounts.load_contacts import load_contacts
from rempart.workflows.accounts.warn_contacts import send_warnings

HEADER = "owner;channel;address"


@pytest.fixture
def practice(database):
    return Practice(database)


@pytest.fixture
def siret(practice):
    [(siret,)] = practice.fetch("SELECT siret FROM accounts.establishment")
    return siret


def load(practice, *rows, letterbox=LETTERBOX, header=HEADER):
    with practice.database.transaction("registrar") as tx:
        return load_contacts(tx, [header, *rows], letterbox=letterbox)


def list_warned(practice):
    """Return the addresses to warn, by kind of event."""
    sent = []

    class Box:
        def send(self, warning):
            sent.append((warning.kind, warning.address))

    with practice.database.transaction("registrar") as tx:
        send_warnings(tx, Box(), letterbox=LETTERBOX)
    return sorted(sent)


def test_addresses_of_a_place_and_of_a_person_are_added_once(practice, siret):
    claire = practice.hire()
    [(rpps,)] = practice.fetch("SELECT rpps FROM accounts.professional")
    rows = (f"{siret};email;one@example.invalid", f"{rpps};sms;06 39 98 00 01")
    report = load(practice, *rows)
    assert (report.added, report.replaced, report.unchanged) == (2, 0, 0)
    owners = practice.fetch("SELECT org_ref, actor_ref FROM accounts.contact ORDER BY channel")
    assert owners == [(practice.org.org_ref, None), (None, claire.actor_ref)]
    again = load(practice, *rows)
    assert (again.added, again.replaced, again.unchanged) == (0, 0, 2)


def test_a_new_address_replaces_the_old_one_and_both_are_told(practice, siret):
    load(practice, f"{siret};email;old@example.invalid")
    list_warned(practice)
    report = load(practice, f"{siret};email;new@example.invalid")
    assert (report.added, report.replaced) == (1, 1)
    assert list_warned(practice) == [
        ("contact_replaced", "new@example.invalid"),
        ("contact_replaced", "old@example.invalid"),
    ]


def test_other_channels_and_other_owners_stay_as_they_are(practice, siret):
    load(practice, f"{siret};email;one@example.invalid", f"{siret};sms;+33639980001")
    report = load(practice, f"{siret};email;two@example.invalid")
    assert (report.replaced, report.unchanged) == (1, 0)
    assert practice.fetch(
        "SELECT channel FROM accounts.contact WHERE replaced_at IS NULL ORDER BY channel"
    ) == [("email",), ("sms",)]


def test_an_owner_may_have_two_addresses(practice, siret):
    report = load(
        practice, f"{siret};email;one@example.invalid", f"{siret};email;two@example.invalid"
    )
    assert (report.added, report.replaced) == (2, 0)


def test_bad_rows_are_told_by_line_and_column_and_the_others_loaded(practice, siret):
    report = load(
        practice,
        "00000000000000;email;one@example.invalid",
        f"{siret};pigeon;one@example.invalid",
        f"{siret};email;nobody",
        f"{siret};email",
        f"{siret};email;good@example.invalid",
    )
    found = [(finding.line, finding.field) for finding in report.findings]
    assert found == [(2, "owner"), (3, "channel"), (4, "address"), (5, "address")]
    assert not any("nobody" in one.message + one.advice for one in report.findings)
    assert report.added == 1


def test_a_file_without_a_column_is_refused_whole(practice):
    with pytest.raises(FeedRefused, match="address"):
        load(practice, header="owner;channel;adress")


def test_an_address_of_another_home_is_replaced(practice, siret):
    load(practice, f"{siret};email;one@example.invalid", letterbox=make_letterbox(b"\x01" * 32))
    report = load(practice, f"{siret};email;one@example.invalid")
    assert (report.added, report.replaced) == (1, 1)
