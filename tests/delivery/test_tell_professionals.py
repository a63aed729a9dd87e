"""Professionals are told by the same machine as members: once each, by letter without e-mail."""

import pytest
from tests.delivery.campaign import DeliveryToProfessionals
from tests.delivery.post_office import serving

from rempart.notices.campaigns import Step
from rempart.simulators.smtp import REPORTS_FOLDER, MailHandler
from rempart.workflows.notices.pace_campaign import read_progress

pytestmark = pytest.mark.timeout(120)
POST = "2 rue du Port, 35400 SAINT-MALO"


def test_each_is_told_once_and_who_is_not_reached_gets_a_letter(database, tmp_path, unused_port):
    delivery = DeliveryToProfessionals(
        database,
        {
            901: {"email": "alice@pharmacie.invalid"},
            902: {"email": "bounce-902@cabinet.invalid", "letter": POST},
            903: {"letter": POST},
            904: {"email": "bounce-904@cabinet.invalid"},
            # The relay dies before anybody knows whether it left.
            905: {"email": "lose-905@cabinet.invalid", "letter": POST},
        },
    )
    campaign = delivery.begin()
    delivery.outreach.decide(501, Step.PAUSE)
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        assert delivery.send_as(campaign, unused_port).sent == 0
        delivery.outreach.decide(501, Step.RESUME)
        delivery.send(unused_port)
        delivery.read_reports(tmp_path / REPORTS_FOLDER)
        assert delivery.settle() == 1
        delivery.send(unused_port)
    assert [address for address, _ in relay.delivered] == ["alice@pharmacie.invalid"]
    uncertain = delivery.outreach.write()[4]
    assert uncertain.is_as_prepared
    assert "peut-être reçu ce texte par courriel" in uncertain.text
    folder = tmp_path / "letters"
    folder.mkdir()
    assert delivery.print(folder).letters == 3
    assert delivery.rows("person_ref, channel, state, reason") == [
        (901, "email", "sent", ""),
        (902, "letter", "printed", "bounced"),
        (903, "letter", "printed", ""),
        (904, "email", "bounced", "bounced_no_address"),
        (905, "letter", "printed", "uncertain"),
    ]
    with database.transaction("notifier") as tx:
        assert read_progress(tx, 501).counts[("letter", "printed")] == 3
