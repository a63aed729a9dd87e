"""What the database refuses of a campaign; beside each, the mutation that lets it through."""

from contextlib import AbstractContextManager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest
from psycopg import errors
from tests.archive_samples import make_purge_journal
from tests.campaign_samples import Outreach, make_line

from rempart.kernel.errors import InconsistentRecord
from rempart.notices.campaigns import CAMPAIGN_STEPS, CampaignState
from rempart.storage.connect import Database, Transaction
from rempart.workflows.notices.campaign_contacts import forget_contacts, forget_on_record

_APPROVED = "approved_by = COALESCE(approved_by, 8)"


@pytest.fixture
def told(database) -> Outreach:
    """Two persons, prepared."""
    outreach = Outreach(database)
    outreach.package({101: "A", 102: "A"})
    for person in (101, 102):
        outreach.cover(person)
    outreach.contacts([make_line(101), make_line(102)])
    outreach.begin()
    outreach.prepare()
    return outreach


def attempt(database: Database, statement: str) -> str:
    """Try a statement as whoever prepares and sends; say what came of it, and undo it."""
    with database.connect("notifier") as tx:
        try:
            tx.execute(statement)  # type: ignore[arg-type]
        except psycopg.Error as refusal:
            tx.rollback()
            return type(refusal).__name__
        tx.rollback()
    return "done"


AGAIN = (
    "INSERT INTO notices.message (campaign_ref, insurer_id, person_ref, kind, relation, certainty,"
    " fields, language, channel, state) SELECT campaign_ref, insurer_id, person_ref, kind,"
    " relation, certainty, fields, language, channel, 'held' FROM notices.message LIMIT 1"
)
OTHER_TEXT = "UPDATE notices.message SET digest = sha256('another')"
OTHER_PERSON = "UPDATE notices.message SET fields = 1 WHERE person_ref = 101"
REMOVED = "DELETE FROM notices.message"
OTHER_FACTS = "UPDATE notices.campaign SET facts = '{}', state = 'proposed', proposed_by = 7"
ALONE = "UPDATE notices.campaign SET state = 'approved', approved_by = 7"


@pytest.mark.parametrize(
    ("statement", "refusal", "mutation"),
    [
        pytest.param(
            AGAIN,
            errors.UniqueViolation,
            "ALTER TABLE notices.message DROP CONSTRAINT message_pkey",
            id="one person, two messages",
        ),
        pytest.param(
            OTHER_TEXT,
            errors.InsufficientPrivilege,
            "DROP TRIGGER keep_message ON notices.message",
            id="another text than the one agreed to",
        ),
        pytest.param(
            OTHER_PERSON,
            errors.InsufficientPrivilege,
            "DROP TRIGGER keep_message ON notices.message",
            id="another loss than the one agreed to",
        ),
        pytest.param(
            REMOVED,
            errors.InsufficientPrivilege,
            "DROP TRIGGER keep_prepared ON notices.message",
            id="a message that disappears",
        ),
        pytest.param(
            OTHER_FACTS,
            errors.InsufficientPrivilege,
            "DROP TRIGGER check_campaign ON notices.campaign;"
            " UPDATE notices.campaign SET proposed_at = clock_timestamp(), proposed_by = 7",
            id="other facts, once proposed",
        ),
    ],
)
def test_what_was_prepared_stays(told, statement, refusal, mutation):
    assert attempt(told.database, statement) == refusal.__name__
    with told.database.connect("owner", autocommit=True) as owner:
        owner.execute(mutation)
    assert attempt(told.database, statement) == "done"


def test_one_person_never_decides_alone(told):
    told.execute("UPDATE notices.campaign SET state = 'proposed', proposed_by = 7")
    assert attempt(told.database, ALONE) == errors.CheckViolation.__name__
    with told.database.connect("owner", autocommit=True) as owner:
        [(name,)] = owner.execute(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'notices.campaign'::regclass"
            " AND pg_get_constraintdef(oid) LIKE '%approved_by <> proposed_by%'"
        ).fetchall()
        owner.execute(f"ALTER TABLE notices.campaign DROP CONSTRAINT {name}")  # type: ignore[arg-type]
    assert attempt(told.database, ALONE) == "done"


def test_the_database_and_the_table_of_steps_agree(told):
    """Each pair of states: allowed by the trigger when, and only when, a step leads there."""
    with told.database.connect("owner", autocommit=True) as owner:
        owner.execute("ALTER TABLE notices.campaign DISABLE TRIGGER check_campaign")
        for before in CampaignState:
            owner.execute(
                "UPDATE notices.campaign SET state = %s, proposed_by = 7, proposed_at = now(),"  # type: ignore[arg-type]
                f" {_APPROVED}, approved_at = now(),"
                " ended_at = CASE WHEN %s IN ('done', 'stopped') THEN now() END",
                (before, before),
            )
            owner.execute("ALTER TABLE notices.campaign ENABLE TRIGGER check_campaign")
            allowed = {
                after
                for after in CampaignState
                if after is not before
                and attempt(told.database, f"UPDATE notices.campaign SET state = '{after}'")
                == "done"
            }
            assert allowed == set(CAMPAIGN_STEPS[before].values()), before
            owner.execute("ALTER TABLE notices.campaign DISABLE TRIGGER check_campaign")


def test_what_was_tried_stays_as_it_was_written(told):
    told.execute(
        "INSERT INTO notices.attempt (number, channel, outcome)"
        " SELECT number, 'email', 'refused' FROM notices.message"
    )
    changed = "UPDATE notices.attempt SET outcome = 'sent'"
    assert attempt(told.database, changed) == errors.InsufficientPrivilege.__name__
    assert attempt(told.database, "DELETE FROM notices.attempt") == "InsufficientPrivilege"
    with told.database.connect("owner", autocommit=True) as owner:
        owner.execute("DROP TRIGGER keep_attempt ON notices.attempt")
    assert attempt(told.database, changed) == "done"


def test_a_contact_does_not_open_elsewhere_than_where_it_was_sealed(told):
    told.fetch(
        "UPDATE notices.contact AS c SET sealed = o.sealed FROM notices.contact AS o"
        " WHERE c.person_ref = 101 AND o.person_ref = 102 RETURNING 1"
    )
    with pytest.raises(InconsistentRecord):
        told.write()


def test_contacts_go_thirty_days_after_the_last_campaign_and_not_before(told):
    later = datetime.now(UTC) + timedelta(days=31)

    def forget() -> int:
        with told.database.transaction("notifier") as tx:
            return forget_contacts(tx, now=later)

    assert forget() == 0  # a campaign is under way
    told.send()
    told.finish()
    with told.database.transaction("notifier") as tx:
        assert forget_contacts(tx, now=datetime.now(UTC)) == 0  # too early
    journal = make_purge_journal()

    def begin() -> AbstractContextManager[Transaction]:
        return told.database.transaction("notifier")

    assert forget_on_record(begin, journal, now=datetime.now(UTC)) == 0
    assert forget_on_record(begin, journal, now=later) == 2
    # No backup brings them back: it is said outside which insurer's went.
    [record] = journal.read_since(0)
    assert (record.kind, record.content["rows"]) == ("rows", [[told.insurer_id]])
    assert journal.is_done(record.number)
    assert forget() == 0
    assert told.fetch("SELECT count(*) FROM notices.contact") == [(0,)]
    assert told.fetch("SELECT forgotten_at IS NOT NULL FROM notices.campaign") == [(True,)]
    # What was said can still be written again, to nobody by name.
    written = told.write()[0]
    assert "Bonjour Madame, Monsieur," in written.text
    assert not written.is_as_prepared
