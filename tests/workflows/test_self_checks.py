"""Lists that answer cards: who is in them, when they are made again, what a stranger sees."""

import datetime as dt
import random
from collections.abc import Iterator
from contextlib import closing, contextmanager

import pytest
from tests.concerned_samples import Campaign, give_card, publish
from tests.package_samples import Affair

from rempart.notices import self_check
from rempart.notices.facts import Certainty, Doubt
from rempart.notices.self_check import ALIKE, ENTRY_BYTES, compute_prefix, read_bucket
from rempart.rights.card import Card
from rempart.storage.card_prints import PrintSeal
from rempart.storage.connect import Database
from rempart.workflows.notices import make_self_checks
from rempart.workflows.notices.answer_concerned import list_checks
from rempart.workflows.notices.answer_concerned import read_bucket as serve_bucket
from rempart.workflows.notices.make_self_checks import ListMaker

NOW = dt.datetime(2026, 11, 23, 12, 0, tzinfo=dt.UTC)
SEAL = PrintSeal(bytes(32))
MINE, OTHER = 1, 2
ADULT, CHILD = "19700101", "20150303"


def give(affair: Affair, people: list[tuple[int, str]], secret: int, **changes: object) -> Card:
    return give_card(
        affair.database,
        int(changes.pop("insurer_id", MINE)),  # type: ignore[call-overload]
        people,
        seal=SEAL,
        secret=bytes([secret]) * 16,
        **changes,  # type: ignore[arg-type]
    )


@contextmanager
def making(affair: Affair, **changes: object) -> Iterator[ListMaker]:
    with (
        closing(affair.database.connect("notifier", autocommit=True)) as notices,
        closing(affair.database.connect("feeds", autocommit=True)) as cards,
    ):
        values: dict[str, object] = {
            "notices": notices,
            "cards": cards,
            "prints": SEAL,
            "draw": random.Random(7).randbytes,
            "now": NOW,
        }
        yield ListMaker(**{**values, **changes})  # type: ignore[arg-type]


def make(affair: Affair, **changes: object) -> int:
    with making(affair, **changes) as maker:
        return make_self_checks.make_self_checks(maker)


def ask(affair: Affair, card: Card) -> list[self_check.SealedAnswer]:
    """Return what a browser reads with a card, as the page and its script do."""
    with affair.database.transaction("portals") as tx:
        [one] = list_checks(tx)
        prefix = compute_prefix(one.amc_number, card.serial, one.bits)
        bucket = serve_bucket(tx, one.list_ref, prefix)
    return read_bucket(bucket, one.salt, card.secret)


@pytest.fixture
def affair(database: Database) -> Affair:
    """An incident told to one insurer: a family of four of which three are concerned."""
    affair = Affair(database)
    for insurer_id in (MINE, OTHER):
        affair.add_insurer(insurer_id)
    affair.add_key(MINE)
    listed = [(MINE, 101, "A"), (MINE, 102, "B"), (MINE, 103, "A")]
    for insurer_id, ref, _tier in listed:
        affair.know(insurer_id, ref)
    affair.analyse(listed)
    affair.make(MINE)
    affair.send(MINE)
    return affair


@pytest.fixture
def campaign(affair: Affair) -> Campaign:
    """Messages of which one waits, one is held, one left."""
    campaign = Campaign(affair, MINE)
    campaign.write(101)
    campaign.write(102, certainty="B", doubt="shared_session", state="waiting")
    campaign.write(103, state="held")
    campaign.approve()
    return campaign


def test_a_card_answers_for_its_holder_and_the_children_on_it(affair, campaign):
    publish(affair, MINE)
    family = give(affair, [(101, ADULT), (102, ADULT), (103, CHILD), (104, CHILD)], 1)
    own = give(affair, [(102, ADULT)], 2)
    assert make(affair) == 1
    answers = ask(affair, family)
    assert [one.place for one in answers] == [1, 3]
    [spouse] = ask(affair, own)
    assert (spouse.certainty, spouse.doubt) == (Certainty.PROBABLE, Doubt.SHARED_SESSION)


def test_mutation_without_the_rule_a_card_tells_of_another_adult(affair, campaign, monkeypatch):
    monkeypatch.setattr(make_self_checks, "decide_is_minor", lambda *_, **__: True)
    publish(affair, MINE)
    family = give(affair, [(101, ADULT), (102, ADULT)], 1)
    make(affair)
    assert [one.place for one in ask(affair, family)] == [1, 2]


def test_somebody_nobody_could_be_written_to_reads_their_answer_by_card(affair, campaign):
    publish(affair, MINE)
    card = give(affair, [(103, ADULT)], 3)
    make(affair)
    assert len(ask(affair, card)) == 1


def test_nothing_is_answered_before_two_people_agreed_to_what_is_said(affair):
    draft = Campaign(affair, MINE)
    draft.write(101)
    publish(affair, MINE)
    give(affair, [(101, ADULT)], 1)
    assert make(affair) == 0
    draft.approve()
    assert make(affair) == 1


def test_a_list_is_made_again_when_a_message_or_a_card_changes_and_only_then(affair, campaign):
    publish(affair, MINE)
    card = give(affair, [(101, ADULT)], 1)
    assert make(affair) == 1
    assert make(affair) == 0
    give(affair, [(102, ADULT)], 2)
    assert make(affair) == 1
    campaign.end()
    correction = Campaign(affair, MINE, number=2, kind="correction")
    correction.write(101, certainty="C", doubt="explained", former=campaign.find_number(101))
    correction.approve()
    assert make(affair) == 1
    assert make(affair) == 0
    [answer] = ask(affair, card)
    assert answer.doubt is Doubt.EXPLAINED


def test_a_retraction_takes_its_reader_out_of_the_list(affair, campaign):
    publish(affair, MINE)
    card = give(affair, [(101, ADULT)], 1)
    make(affair)
    campaign.end()
    retraction = Campaign(affair, MINE, number=2, kind="retraction")
    retraction.write(101, certainty="D", fields=0, not_exposed=0, former=campaign.find_number(101))
    retraction.approve()
    assert make(affair) == 1
    assert ask(affair, card) == []


@pytest.mark.parametrize("reason", ["cannot_exclude", "package_changed"])
def test_a_retraction_that_may_not_leave_takes_nobody_out_of_the_list(affair, campaign, reason):
    publish(affair, MINE)
    card = give(affair, [(101, ADULT)], 1)
    campaign.end()
    retraction = Campaign(affair, MINE, number=2, kind="retraction")
    retraction.write(101, certainty="D", fields=0, not_exposed=0, former=campaign.find_number(101))
    retraction.approve()
    make(affair)
    assert ask(affair, card) == []
    with affair.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE notices.message SET state = 'held', reason = %s WHERE number = %s",
            (reason, retraction.find_number(101)),
        )
    assert make(affair) == 1
    assert [one.certainty for one in ask(affair, card)] == [Certainty.CONFIRMED]


def test_who_was_not_written_to_and_whom_no_package_names_any_more_finds_nothing(affair, campaign):
    publish(affair, MINE)
    told, untold = give(affair, [(101, ADULT)], 1), give(affair, [(102, ADULT)], 2)
    make(affair)
    assert len(ask(affair, untold)) == 1
    affair.analyse([(MINE, 103, "A")])
    affair.make(MINE)
    affair.send(MINE)
    assert make(affair) == 1
    assert ask(affair, untold) == []
    assert len(ask(affair, told)) == 1, "told it, and not told otherwise yet"


def test_a_card_that_was_taken_back_answers_nobody(affair, campaign):
    publish(affair, MINE)
    stolen = give(affair, [(101, ADULT)], 1, revoked=True)
    make(affair)
    assert ask(affair, stolen) == []


def test_a_card_of_another_insurer_finds_nothing(affair, campaign):
    publish(affair, MINE)
    foreign = give(affair, [(101, ADULT)], 9, insurer_id=OTHER)
    make(affair)
    assert ask(affair, foreign) == []


def test_every_bucket_served_has_one_length_whoever_is_in_it(affair, campaign):
    publish(affair, MINE)
    for number in range(3):
        give(affair, [(101 + number, ADULT)], number + 1)
    make(affair)
    sizes = affair.fetch("SELECT DISTINCT length(entries) FROM notices.self_check_bucket")
    assert sizes == [(ALIKE * ENTRY_BYTES,)]


def test_no_secret_and_no_person_is_in_what_anybody_may_read(affair, campaign):
    publish(affair, MINE)
    card = give(affair, [(101, ADULT)], 1)
    make(affair)
    [(entries,)] = affair.fetch("SELECT entries FROM notices.self_check_bucket")
    for value in (card.secret, card.serial.value, (101).to_bytes(8, "big")):
        assert value not in bytes(entries)


def test_the_list_of_a_page_that_was_withdrawn_is_gone(affair, campaign):
    publish(affair, MINE)
    give(affair, [(101, ADULT)], 1)
    make(affair)
    with affair.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE notices.incident_page SET withdrawn_by = 1, withdrawn_for = 'Une erreur.'"
        )
    with affair.database.transaction("portals") as tx:
        assert list_checks(tx) == []
    make(affair)
    assert affair.fetch("SELECT count(*) FROM notices.self_check") == [(0,)]


def test_an_exercise_answers_nobody(database):
    affair = Affair(database, exercise=True)
    affair.add_insurer(MINE)
    affair.add_key(MINE)
    affair.know(MINE, 101)
    affair.analyse([(MINE, 101, "A")])
    affair.make(MINE)
    affair.send(MINE)
    campaign = Campaign(affair, MINE)
    campaign.write(101)
    campaign.approve()
    publish(affair, MINE)
    give(affair, [(101, ADULT)], 1)
    assert make(affair) == 0


def test_killed_while_it_seals_it_leaves_the_list_before(affair, campaign):
    publish(affair, MINE)
    card = give(affair, [(101, ADULT)], 1)
    make(affair)
    give(affair, [(102, ADULT)], 2)

    def stop(_done: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        make(affair, report=stop)
    assert len(ask(affair, card)) == 1
    assert make(affair) == 1
