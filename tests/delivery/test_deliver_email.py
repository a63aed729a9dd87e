"""E-mails of a campaign: handed over once; whoever they do not reach gets a letter."""

from datetime import timedelta

import pytest
from tests.campaign_samples import make_line
from tests.delivery.campaign import SOON, Delivery
from tests.delivery.post_office import serving

from rempart.kernel.errors import Unavailable
from rempart.simulators.smtp import REPORTS_FOLDER, MailFault, MailHandler
from rempart.storage.notice_delivery import claim_emails
from rempart.workflows.notices import deliver_email
from rempart.workflows.notices.pace_campaign import (
    Timing,
    begin_campaigns,
    find_allowed,
    read_progress,
)
from rempart.workflows.notices.print_letters import post_batch

pytestmark = pytest.mark.timeout(120)


def named(*faults: str) -> dict[int, dict[str, str]]:
    """Persons whose addresses fail as named; an empty name is an address that works."""
    return {
        ref: {"email": f"{fault or 'lou'}-{ref}@mel.invalid"}
        for ref, fault in enumerate(faults, start=101)
    }


def test_each_person_is_handed_over_once_with_the_text_that_was_agreed_to(
    database, tmp_path, unused_port
):
    people = named(*[""] * 100)
    delivery = Delivery(database, people)
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        assert delivery.send(unused_port).sent == 100
        assert delivery.send(unused_port).sent == 0
    addresses = [address for address, _ in relay.delivered]
    assert sorted(addresses) == sorted(cells["email"] for cells in people.values())
    assert delivery.states() == {"email sent": 100}
    assert delivery.attempts() == {"sent": 100}
    assert delivery.rows("attempts")[0] == (1,)


def test_who_is_not_reached_gets_a_letter_and_nobody_both(database, tmp_path, unused_port):
    delivery = Delivery(database, named("", "unknown", "refuse_content", "bounce", "bounce_plain"))
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        assert delivery.send(unused_port).turned == 2
        read = delivery.read_reports(tmp_path / REPORTS_FOLDER)
    assert (read.failed, read.delivered, read.left) == (2, 1, 0)
    assert delivery.rows("channel, state, reason, is_second") == [
        ("email", "sent", "", False),
        ("letter", "waiting", "refused", False),
        ("letter", "waiting", "refused", False),
        ("letter", "waiting", "bounced", False),
        ("letter", "waiting", "bounced", False),
    ]
    assert len(relay.delivered) == 1
    assert delivery.attempts() == {"sent": 3, "refused": 2, "bounced": 2, "delivered": 1}
    assert not list((tmp_path / REPORTS_FOLDER / "new").iterdir())
    codes = delivery.outreach.fetch("SELECT DISTINCT code FROM notices.attempt ORDER BY code")
    assert ("550 5.1.1",) in codes
    assert not any("@" in code for (code,) in codes)


def test_what_may_have_left_is_settled_by_a_report_or_by_a_letter_that_says_so(
    database, tmp_path, unused_port
):
    delivery = Delivery(database, named("vanish", "lose", ""))
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        delivery.send(unused_port)
        assert delivery.states() == {"email sending": 2, "email sent": 1}
        patient = Timing(uncertain_after=timedelta(hours=1))
        assert delivery.settle(patient) == 0
        delivery.send(unused_port)
        assert len(relay.delivered) == 2  # nothing uncertain is handed over again
        delivery.read_reports(tmp_path / REPORTS_FOLDER)
        assert delivery.settle() == 1
    assert delivery.rows("channel, state, reason, is_second") == [
        ("email", "sent", "", False),
        ("letter", "waiting", "uncertain", True),
        ("email", "sent", "", False),
    ]
    letter = delivery.outreach.write()[1]
    assert letter.is_as_prepared
    assert "peut-être reçu ce texte par courriel" in letter.text


def test_a_letter_that_waits_is_taken_back_when_the_email_arrived_after_all(
    database, tmp_path, unused_port
):
    delivery = Delivery(database, named("vanish"))
    before = delivery.rows("digest")
    with serving(MailHandler(folder=tmp_path), unused_port):
        delivery.send(unused_port)
        delivery.settle()
        assert delivery.states() == {"letter waiting": 1}
        for _ in range(2):  # a report that is read twice changes nothing more
            delivery.read_reports(tmp_path / REPORTS_FOLDER)
    assert delivery.states() == {"email sent": 1}
    assert delivery.rows("digest") == before
    assert delivery.attempts()["delivered"] == 1


def test_who_is_held_because_nobody_knew_was_told_when_the_email_arrived_after_all(
    database, tmp_path, unused_port
):
    nowhere = {"address_1": "", "postcode": "", "city": ""}
    delivery = Delivery(database, {ref: cells | nowhere for ref, cells in named("vanish").items()})
    with serving(MailHandler(folder=tmp_path), unused_port):
        delivery.send(unused_port)
        delivery.settle()
        assert delivery.rows("state, reason") == [("held", "uncertain_no_address")]
        delivery.read_reports(tmp_path / REPORTS_FOLDER)
    assert delivery.rows("state, reason") == [("sent", "")]


def test_what_is_put_off_is_tried_again_and_then_written(database, tmp_path, unused_port):
    delivery = Delivery(database, named("later", "slow"))
    once = MailHandler(
        folder=tmp_path,
        script=lambda address, tries: (
            MailFault.LATER if address.startswith("later") or tries == 1 else None
        ),
    )
    with serving(once, unused_port):
        delivery.send(unused_port, connections=1)
        for _ in range(3):
            delivery.send(unused_port, connections=1)
            delivery.settle()
    assert delivery.rows("channel, state, reason") == [
        ("letter", "waiting", "put_off"),
        ("email", "sent", ""),
    ]


def test_what_was_put_off_waits_longer_each_time(database, tmp_path, unused_port):
    delivery = Delivery(database, named("later"))
    handler = MailHandler(folder=tmp_path)
    with serving(handler, unused_port):
        delivery.send(unused_port)
        tries = sum(handler.tries.values())
        campaign = delivery.begin()
        with database.transaction("notifier") as tx:
            for patience, found in ((timedelta(hours=1), 0), (timedelta(0), 1)):
                claimed = claim_emails(
                    tx, campaign.campaign_ref, most=9, patience=patience, tries=9
                )
                assert len(claimed) == found
    assert tries == SOON.tries


def test_a_relay_that_refuses_everybody_is_wrong_and_not_they(database, tmp_path, unused_port):
    delivery = Delivery(database, named(*["unknown"] * 30))
    with (
        serving(MailHandler(folder=tmp_path), unused_port),
        pytest.raises(Unavailable, match=r"refuses every message \(550 5\.1\.1\)"),
    ):
        delivery.send(unused_port)
    assert delivery.states() == {"email waiting": 30}
    assert delivery.rows("attempts") == [(0,)] * 30


def test_mutation_without_that_doubt_everybody_would_get_a_letter(
    database, tmp_path, unused_port, monkeypatch
):
    delivery = Delivery(database, named(*["unknown"] * 30))
    monkeypatch.setattr(deliver_email, "SUSPICIOUS", 10_000)
    with serving(MailHandler(folder=tmp_path), unused_port):
        delivery.send(unused_port)
    assert delivery.states() == {"letter waiting": 30}


def test_a_relay_that_is_away_leaves_everybody_waiting(database, unused_port):
    delivery = Delivery(database, named("", ""))
    with pytest.raises(Unavailable):
        delivery.send(unused_port)
    assert delivery.rows("state, attempts") == [("waiting", 0)] * 2


def test_a_pause_is_obeyed_between_two_lots_and_resumed(database, tmp_path, unused_port):
    delivery = Delivery(database, named(*[""] * 100))
    handler = MailHandler(folder=tmp_path)

    def pause_at_fifty(_address: str, _tries: int) -> None:
        if len(handler.delivered) == 50:
            delivery.outreach.execute(
                "UPDATE notices.campaign SET state = 'paused', decided_by = 0"
            )

    handler.script = pause_at_fifty
    with serving(handler, unused_port):
        delivery.send(unused_port)
        left = delivery.states()["email waiting"]
        assert 0 < left <= 50
        delivery.outreach.execute("UPDATE notices.campaign SET state = 'sending', decided_by = 0")
        delivery.send(unused_port)
    assert delivery.states() == {"email sent": 100}
    assert len({address for address, _ in handler.delivered}) == len(handler.delivered) == 100


def test_no_more_leave_than_a_hot_line_answers_for(database, tmp_path, unused_port):
    delivery = Delivery(database, named(*[""] * 30), per_hour=120)
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        for _ in range(3):
            campaign = delivery.begin()
            with database.transaction("notifier") as tx:
                allowed = find_allowed(tx, campaign, delivery.office().now())
            delivery.send(unused_port, allowed=allowed)
    assert len(relay.delivered) == 10  # five minutes of 120 an hour
    with database.transaction("notifier") as tx:
        progress = read_progress(tx, delivery.campaign_ref)
    assert progress.counts == {("email", "sent"): 10, ("email", "waiting"): 20}
    assert progress.forecast.emails_by is not None


def test_a_contact_that_changed_since_people_agreed_is_kept_back(database, tmp_path, unused_port):
    delivery = Delivery(database, named("", ""))
    delivery.outreach.contacts([make_line(101, family_name="Autrement")])
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        delivery.send(unused_port)
    assert delivery.rows("state, reason") == [("held", "text_changed"), ("sent", "")]
    assert len(relay.delivered) == 1


def test_who_died_or_is_hidden_since_people_agreed_gets_nothing(database, tmp_path, unused_port):
    delivery = Delivery(database, named("", "bounce", ""))
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        delivery.send(unused_port, allowed=2)
        delivery.outreach.contacts(
            [
                make_line(102, email="bounce-102@mel.invalid", protected="oui"),
                make_line(103, email="lou-103@mel.invalid", deceased="oui"),
            ]
        )
        delivery.read_reports(tmp_path / REPORTS_FOLDER)
        delivery.send(unused_port)
    assert delivery.rows("state, reason") == [
        ("sent", ""),
        ("held", "protected_address"),
        ("held", "deceased"),
    ]
    assert len(relay.delivered) == 1


def test_an_email_that_comes_back_is_no_letter_once_a_package_says_otherwise(
    database, tmp_path, unused_port
):
    delivery = Delivery(database, named("", "bounce", "vanish"))
    with serving(MailHandler(folder=tmp_path), unused_port):
        delivery.send(unused_port)
        delivery.outreach.package({101: "B", 102: "B", 103: "A"})
        delivery.read_reports(tmp_path / REPORTS_FOLDER)
    assert delivery.rows("channel, state, reason") == [
        ("email", "sent", ""),
        ("email", "held", "package_changed"),
        ("email", "sent", ""),
    ]


def test_an_email_that_was_put_off_does_not_leave_once_a_package_says_otherwise(
    database, unused_port
):
    delivery = Delivery(database, named("", ""))
    with database.transaction("notifier") as tx:
        begin_campaigns(tx)
        claim_emails(tx, 501, most=1, patience=timedelta(0), tries=3)
    delivery.outreach.package({101: "B", 102: "B"})
    delivery.outreach.execute(
        "UPDATE notices.message SET state = 'waiting' WHERE state = 'sending'"
    )
    delivery.send(unused_port)  # no relay is needed: nobody is handed over
    assert delivery.rows("state, reason") == [("held", "package_changed")] * 2


def test_a_code_that_may_have_arrived_is_known_while_its_letter_waits(
    database, tmp_path, unused_port
):
    delivery = Delivery(database, named("lose"))
    with serving(MailHandler(folder=tmp_path), unused_port):
        delivery.send(unused_port)
        delivery.settle()
    assert delivery.states() == {"letter waiting": 1}
    assert delivery.outreach.fetch("SELECT notices.has_left(m) FROM notices.message AS m") == [
        (True,)
    ]


def test_a_campaign_ends_when_nothing_can_come_back_any_more(database, tmp_path, unused_port):
    delivery = Delivery(database, named("", "bounce"))
    with serving(MailHandler(folder=tmp_path), unused_port):
        delivery.send(unused_port)
        delivery.read_reports(tmp_path / REPORTS_FOLDER)
        assert delivery.finish() == 0
        out = tmp_path / "letters"
        out.mkdir()
        delivery.print(out)
        assert delivery.finish() == 0  # printed, not posted
        with database.transaction("notifier") as tx:
            assert post_batch(tx, delivery.campaign_ref, 1, by=0) == 1
        assert delivery.finish() == 1
