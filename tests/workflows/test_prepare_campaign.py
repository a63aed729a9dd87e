"""A campaign is prepared: who is told what, by which way, once; and the same text written again."""

from dataclasses import replace
from datetime import date

import pytest
from psycopg import errors
from tests.campaign_samples import Outreach, make_line
from tests.package_samples import GAINED, HOLE, SHOWN

from rempart.disclosure.fields import Field, format_fields
from rempart.exchange.contact_cells import Rule
from rempart.kernel.errors import Conflict, InvalidRequest, LedgerUnavailable
from rempart.notices.campaigns import Step
from rempart.notices.contacts import NO_PREFERENCE, Channel
from rempart.notices.texts import BLOCKS
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices import prepare_campaign
from rempart.workflows.notices.campaign_text import digest_text
from rempart.workflows.notices.pace_campaign import begin_campaigns
from rempart.workflows.notices.prepare_campaign import begin_preparing, prepare_piece


@pytest.fixture
def outreach(database) -> Outreach:
    return Outreach(database)


@pytest.fixture
def told(outreach) -> Outreach:
    """Seven persons, in three pieces: each kind of contact."""
    outreach.package(dict.fromkeys(range(101, 108), "A") | {102: "B", 103: "C"})
    for person in (101, 102, 103, 105, 106, 107):
        outreach.cover(person)
    outreach.cover(104, "2023-06-30", past=True)
    outreach.contacts(
        [
            make_line(101),
            make_line(102, email="", language="en", print="gros caractères"),
            make_line(103, representative="Dominique Essai", birth_date="2015-01-01"),
            make_line(104, by_post="oui"),
            make_line(105, deceased="oui"),
            make_line(106, protected="oui"),
        ]
    )
    outreach.begin()
    outreach.prepare()
    return outreach


def test_each_person_has_one_message_by_the_way_that_reaches_them(told):
    assert told.messages("person_ref, relation, certainty, channel, state, reason, variant") == [
        (101, "member", "A", "email", "waiting", "", "standard"),
        (102, "member", "B", "letter", "waiting", "", "large_print"),
        (103, "minor", "C", "email", "waiting", "", "standard"),
        (104, "former", "A", "letter", "waiting", "", "standard"),
        (105, "member", "A", "letter", "held", "deceased", "standard"),
        (106, "member", "A", "letter", "held", "protected_address", "standard"),
        (107, "member", "A", "letter", "held", "no_contact", "standard"),
    ]
    assert told.fetch("SELECT state, persons, findings FROM notices.campaign") == [
        ("prepared", 7, [])
    ]


def test_a_message_written_again_is_the_one_that_was_prepared(told):
    written = told.write()
    digests = told.messages("digest")
    for rendered, (digest,) in zip(written[:4], digests, strict=False):
        assert rendered.is_as_prepared
        assert rendered.digest == bytes(digest) == digest_text(rendered.text)
        assert rendered.code in rendered.text
    adult, english, child, former = written[:4]
    assert adult.email == "essai101@exemple.invalid"
    assert english.address == ("Camille Essaic", "102 rue de l’Essai", "75000 PARIS")
    assert "Dear Camille Essaic" in english.text
    assert child.recipient == "Dominique Essai"
    assert "Ce message est pour Camille, que vous représentez" in child.text
    assert "Votre contrat a pris fin le vendredi 30 juin 2023" in former.text
    assert not written[6].is_as_prepared  # held: nothing was agreed to


def test_an_email_that_becomes_a_letter_says_the_same_or_that_it_may_be_the_second(told):
    before = told.write()[0]
    letter = told.write(channel=Channel.LETTER)[0]
    assert (letter.text, letter.digest, letter.is_as_prepared) == (before.text, before.digest, True)
    second = told.write(channel=Channel.LETTER, second=True)[0]
    assert "Vous avez peut-être reçu ce texte par courriel" in second.text
    assert second.is_as_prepared
    assert second.digest != before.digest


def test_a_letter_lists_exactly_the_fields_that_were_lost(told):
    lines = [line for line in told.write()[0].text.splitlines() if line.startswith("- ")]
    lost = [f"- {one}" for one in format_fields(GAINED, "fr")]
    assert lines[: len(lost)] == lost
    assert f"- {format_fields(Field.NIR, 'fr')[0]}" not in lines  # typed by whoever asked


def test_what_a_contact_is_changed_to_does_not_leave_under_another_s_agreement(told):
    told.contacts([make_line(101, family_name="Autrement")])
    assert not told.write()[0].is_as_prepared
    assert told.write()[1].is_as_prepared


WISHED = [
    ("letter", "en", "plain"),
    ("email", "fr", "large_print"),
    ("letter", "fr", "standard"),  # no address to send an e-mail to
]


def prepare_wished(outreach) -> list[tuple]:
    """Prepare three persons who said how they want to be written to; return what came of it."""
    outreach.package({101: "A", 102: "A", 103: "A"})
    for person in (101, 102, 103):
        outreach.cover(person)
    outreach.contacts([make_line(101), make_line(102), make_line(103, email="")])
    outreach.fetch(
        "INSERT INTO notices.preference (insurer_id, person_ref, channel, language, variant)"
        " VALUES (1, 101, 'letter', 'en', 'plain'), (1, 102, NULL, 'fr', 'large_print'),"
        " (1, 103, 'email', 'fr', 'standard'), (1, 104, 'letter', 'en', 'plain') RETURNING 1"
    )
    outreach.begin()
    outreach.prepare()
    return outreach.messages("channel, language, variant")


def test_what_a_member_wished_is_followed_where_it_can_be(outreach):
    assert prepare_wished(outreach) == WISHED


def test_mutation_wishes_that_nobody_reads_would_be_noticed(outreach, monkeypatch):
    monkeypatch.setattr(prepare_campaign, "_read_preference", lambda _person: NO_PREFERENCE)
    assert prepare_wished(outreach) != WISHED


def test_one_person_with_two_contracts_has_one_message_where_the_last_line_says(outreach):
    outreach.package({101: "A"})
    outreach.cover(101)
    again = make_line(101, email="", address_1="9 rue de la Fin")
    reading = outreach.contacts([make_line(101), make_line(101), again])
    assert (reading.taken, reading.refused) == (1, 0)
    assert reading.rules == {Rule.TWICE: 1, Rule.TWICE_OTHERWISE: 1}
    outreach.begin()
    outreach.prepare()
    [written] = outreach.write()
    assert (written.channel, written.address[1]) == (Channel.LETTER, "9 rue de la Fin")


def test_the_ledger_holds_that_contacts_are_read_before_any_is(outreach):
    outreach.package({101: "A"})
    outreach.begin()
    outreach.decide(501, Step.PREPARE)
    outreach.affair.acts.down = True
    with pytest.raises(LedgerUnavailable), outreach.database.transaction("notifier") as tx:
        begin_preparing(tx, outreach.preparation(), 501)
    outreach.affair.acts.down = False
    outreach.affair.acts.entries.clear()
    with outreach.database.transaction("notifier") as tx:
        begin_preparing(tx, outreach.preparation(), 501)
    [act] = outreach.affair.acts.acts
    assert act.question == "notice-campaign"


def test_killed_between_pieces_it_goes_on_and_nobody_is_there_twice(outreach):
    outreach.package(dict.fromkeys(range(101, 112), "A"))
    outreach.contacts(make_line(ref) for ref in range(101, 112))
    outreach.begin()
    outreach.decide(501, Step.PREPARE)
    preparation = outreach.preparation()
    for _ in range(6):  # each time from the start, as a worker that died would
        with outreach.database.transaction("notifier") as tx:
            begin_preparing(tx, preparation, 501)
        with outreach.database.transaction("notifier") as tx:
            if prepare_piece(tx, preparation, 501).is_done:
                break
    assert [row[0] for row in outreach.messages("person_ref")] == list(range(101, 112))
    assert outreach.fetch("SELECT state, persons FROM notices.campaign") == [("prepared", 11)]


def test_facts_that_change_are_prepared_again_and_former_messages_go(told):
    codes = told.messages("code_digest")
    with told.database.transaction("notifier") as tx:
        acts.change_facts(tx, told.decider, 501, replace(told.facts, version=2), per_hour=None)
    told.prepare()
    assert len(told.messages("number")) == 7
    assert told.messages("code_digest") != codes
    assert "version 2" in told.write()[0].text


def test_who_was_told_and_changed_is_told_a_correction_and_the_others_nothing(told):
    told.send()
    told.finish()
    told.package({101: "A", 102: "A", 103: "C", 104: "A", 105: "A", 106: "A", 108: "A"})
    told.cover(108)
    told.contacts([make_line(108)])
    told.facts = replace(told.facts, version=2, written_on=date(2024, 2, 8))
    told.begin(502)
    told.prepare(502)
    rows = told.messages("person_ref, kind, certainty, state, reason", 502)
    assert rows == [
        (102, "correction", "A", "waiting", ""),
        # Held, so never told: it is a first message for them still.
        (105, "notice", "A", "held", "deceased"),
        (106, "notice", "A", "held", "protected_address"),
        (108, "notice", "A", "waiting", ""),
    ]
    [(former,)] = told.fetch(
        "SELECT former FROM notices.message WHERE campaign_ref = 502 AND person_ref = 102"
    )
    assert (former,) == told.messages("number")[1]
    corrected = told.write(502)[0]
    assert "This message replaces the one of Monday 5 February 2024" in corrected.text
    assert corrected.subject.startswith("Santé Démo: correction of our message")


def test_who_was_told_too_much_is_told_that_nothing_was_read(told):
    told.send()
    told.finish()
    told.package({102: "B", 103: "C", 104: "A", 105: "A", 106: "A", 107: "A"})
    told.begin(502)
    told.prepare(502)
    [retracted] = [
        row for row in told.messages("person_ref, kind, certainty", 502) if row[0] == 101
    ]
    assert retracted == (101, "retraction", "D")
    text = told.write(502)[0].text
    assert "Une nouvelle vérification montre que non" in text
    assert "Vous n’êtes pas concerné(e)" in text


def test_whom_the_insurer_told_in_its_own_way_is_not_told_the_same_again(told):
    with told.database.transaction("notifier") as tx:
        for person in (105, 106):
            [(number,)] = tx.execute(
                "SELECT number FROM notices.message WHERE person_ref = %s", (person,)
            ).fetchall()
            acts.note_told(tx, told.decider, 501, number)
    told.send()
    told.finish()
    told.package(dict.fromkeys((101, 104, 105, 107), "A") | {102: "B", 103: "C"})
    told.facts = replace(told.facts, version=2)
    told.begin(502)
    told.prepare(502)
    assert told.messages("person_ref, kind, state", 502) == [
        (106, "retraction", "held"),
        (107, "notice", "held"),
    ]


def test_a_hole_in_the_record_forbids_to_say_that_nothing_was_read(told):
    told.send()
    told.finish()
    told.package({102: "B", 103: "C", 104: "A", 105: "A", 106: "A", 107: "A"}, holes=[HOLE])
    told.begin(502)
    told.prepare(502)
    rows = told.messages("person_ref, kind, state, reason", 502)
    assert rows[0] == (101, "retraction", "held", "cannot_exclude")


def test_who_never_got_it_is_told_for_the_first_time(told):
    told.send(state="bounced")
    told.finish()
    told.facts = replace(told.facts, version=2)
    told.begin(502)
    told.prepare(502)
    kinds = told.messages("DISTINCT kind, person_ref", 502)
    assert {kind for kind, _ in kinds} == {"notice"}
    assert len(kinds) == 7


def test_a_newer_package_holds_what_it_makes_untrue(told):
    told.package({101: "B", 102: "B", 103: "C", 104: "A", 105: "A", 106: "A", 107: "A"})
    rows = told.messages("person_ref, state, reason")
    assert rows[0] == (101, "held", "package_changed")
    assert rows[1] == (102, "waiting", "")
    with told.database.transaction("notifier") as tx, pytest.raises(Conflict, match="since"):
        acts.propose_campaign(tx, told.decider, 501)


def test_a_package_taken_back_pauses_what_is_being_sent(told):
    told.send(state="waiting")
    told.fetch(
        "UPDATE incidents.package SET state = 'withdrawn', withdrawn_for = 'essai',"
        " withdrawn_by = 1 RETURNING 1"
    )
    assert told.fetch("SELECT state, decided_by FROM notices.campaign") == [("paused", 0)]
    with pytest.raises(Conflict, match="taken back"):
        told.decide(501, Step.RESUME)


def test_a_whole_list_holds_what_was_to_be_written_to_those_it_leaves_out(told):
    everybody = {102: "B", 103: "C", 104: "A", 105: "A", 106: "A", 107: "A"}
    told.package({101: "A", **everybody, 108: "A"})
    told.fetch(
        "UPDATE incidents.package SET state = 'withdrawn', withdrawn_for = 'essai',"
        " withdrawn_by = 1 WHERE number = 2 RETURNING 1"
    )
    assert told.messages("person_ref, state")[0] == (101, "waiting")
    told.package(everybody)
    [(basis,)] = told.fetch("SELECT basis FROM incidents.package WHERE number = 3")
    assert basis == 0
    rows = told.messages("person_ref, state, reason")
    assert rows[:2] == [(101, "held", "package_changed"), (102, "waiting", "")]


TAKEN_BACK = (
    "UPDATE incidents.package SET state = 'withdrawn', withdrawn_for = 'essai',"
    " withdrawn_by = 1 RETURNING 1"
)


def test_a_package_taken_back_between_two_people_is_not_agreed_to(told):
    with told.database.transaction("notifier") as tx:
        acts.propose_campaign(tx, replace(told.decider, actor_ref=7), 501)
    told.fetch(TAKEN_BACK)
    with told.database.transaction("notifier") as tx, pytest.raises(Conflict, match="taken back"):
        acts.approve_from_outside(tx, told.decider, 501)


def test_a_package_taken_back_while_somebody_agrees_lets_nothing_leave(told):
    with told.database.transaction("notifier") as tx:
        acts.propose_campaign(tx, told.decider, 501)
    told.fetch(TAKEN_BACK)
    told.execute("UPDATE notices.campaign SET state = 'approved', approved_by = 7")
    with told.database.transaction("notifier") as tx:
        assert begin_campaigns(tx) == []


def test_a_campaign_that_tells_nobody_is_not_proposed(outreach):
    outreach.package({})
    outreach.begin()
    outreach.prepare()
    assert outreach.fetch("SELECT state, persons FROM notices.campaign") == [("prepared", 0)]
    with outreach.database.transaction("notifier") as tx, pytest.raises(Conflict, match="nobody"):
        acts.propose_campaign(tx, outreach.decider, 501)


def test_a_text_that_lacks_what_the_law_asks_for_is_not_prepared(outreach, monkeypatch):
    outreach.package({101: "A"})
    outreach.cover(101)
    outreach.contacts([make_line(101)])
    outreach.begin()
    monkeypatch.setattr(
        "rempart.notices.assembly.BLOCKS",
        tuple(block for block in BLOCKS if block.block_id != "measures"),
    )
    with pytest.raises(InvalidRequest, match="measures"):
        outreach.prepare()
    assert outreach.messages("number") == []


def test_of_two_campaigns_about_one_incident_one_is_open(told):
    with pytest.raises(Conflict, match="not over"):
        told.begin(502)


def test_an_exercise_says_so_before_anything_else(database):
    outreach = Outreach(database, exercise=True)
    outreach.package({101: "A"})
    outreach.cover(101)
    outreach.contacts([make_line(101)])
    outreach.begin()
    outreach.prepare()
    [rendered] = outreach.write()
    assert rendered.text.startswith("EXERCICE. Rien de ce qui suit")
    assert rendered.exercise


def test_the_messages_of_an_exercise_leave_for_nobody(database):
    outreach = Outreach(database, exercise=True)
    outreach.package({101: "A"})
    outreach.cover(101)
    outreach.contacts([make_line(101)])
    outreach.begin()
    outreach.prepare()
    outreach.execute("UPDATE notices.campaign SET state = 'proposed', proposed_by = 7")
    outreach.execute("UPDATE notices.campaign SET state = 'approved', approved_by = 8")
    with outreach.database.transaction("notifier") as tx:
        assert begin_campaigns(tx) == []  # the worker leaves it alone
    outreach.decide(501, Step.PAUSE)
    with pytest.raises(Conflict, match="exercise"):
        outreach.decide(501, Step.RESUME)
    with pytest.raises(errors.InsufficientPrivilege):
        outreach.execute("UPDATE notices.campaign SET state = 'sending'")


def test_fields_shown_are_told_when_nothing_was_new(outreach):
    outreach.package({101: "A"}, gained=0)
    outreach.cover(101)
    outreach.contacts([make_line(101)])
    outreach.begin()
    outreach.prepare()
    assert outreach.messages("fields") == [(SHOWN,)]
