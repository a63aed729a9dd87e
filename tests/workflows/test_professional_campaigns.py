"""Professionals told by the operator what was theirs; beside each guard, its mutation."""

from datetime import UTC, datetime, timedelta

import pytest
from psycopg import errors
from tests.campaign_samples import ToProfessionals
from tests.package_samples import HOLE, KMS, START_MS
from tests.workflows.test_campaign_guards import attempt

from rempart.disclosure.acts import About, LedgerRead
from rempart.disclosure.fields import FIELDS_OF_PROFESSIONALS, Field, format_fields
from rempart.kernel.errors import Conflict
from rempart.notices.codes import digest_code
from rempart.notices.lint import lint_notice
from rempart.notices.media import Medium
from rempart.storage.incident_analyses import list_entered_accounts
from rempart.storage.notice_contacts import load_contact_seal
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices import prepare_campaign
from rempart.workflows.notices.answer_concerned import read_code
from rempart.workflows.notices.campaign_contacts import forget_contacts

LOGIN = Field.PROFESSIONAL_NAME | Field.PROFESSIONAL_LOGIN
BANK = LOGIN | Field.PROFESSIONAL_BANK_DETAILS | Field.FINESS
THEFT = datetime.fromtimestamp(START_MS / 1000, UTC)
ALICE, BRUNO, CHLOE, DENIS = 901, 902, 903, 904


@pytest.fixture
def told(database) -> ToProfessionals:
    """Four accounts were entered: one by software, which shows nothing of its owner."""
    told = ToProfessionals(database)
    told.add(ALICE, "Alice Officine", email="alice@pharmacie.invalid")
    told.add(BRUNO, "Bruno Cabinet", letter="2 rue du Port, 35400 SAINT-MALO")
    told.add(CHLOE, "Chloé Ailleurs")
    told.add(DENIS, "Denis Logiciel", email="denis@pharmacie.invalid")
    told.list(
        {ALICE: ("A", BANK), BRUNO: ("B", LOGIN), CHLOE: ("A", LOGIN), DENIS: ("A", Field(0))}
    )
    return told


def prepare(told: ToProfessionals, campaign_ref: int = 501) -> int:
    told.begin(campaign_ref)
    told.prepare(campaign_ref, piece=2)
    return campaign_ref


def test_each_is_told_by_the_way_the_accounts_know_or_is_held(told):
    prepare(told)
    assert told.messages("person_ref, kind, relation, certainty, channel, state, reason") == [
        (ALICE, "professional", "professional", "A", "email", "waiting", ""),
        (BRUNO, "professional", "professional", "B", "letter", "waiting", ""),
        (CHLOE, "professional", "professional", "A", "letter", "held", "no_contact"),
    ]
    [campaign] = told.fetch(
        "SELECT insurer_id, package_ref, analysis, kind, persons FROM notices.campaign"
    )
    assert campaign == (0, None, 1, "professional", 3)


def test_each_letter_lists_exactly_the_fields_of_the_exposure_list(told):
    prepare(told)
    for rendered in told.write():
        [(fields,)] = told.fetch(
            "SELECT fields FROM incidents.exposed_professional WHERE account_ref = %s",
            rendered.person_ref,
        )
        [block] = [one for one in rendered.notice.blocks if one.block_id == "exposed"]
        assert block.items == tuple(format_fields(Field(fields), "fr"))
        assert rendered.notice.missing_elements == ()
    others = format_fields(FIELDS_OF_PROFESSIONALS & ~LOGIN, "fr")
    bruno = told.write()[1]
    assert not [one for one in others if one in bruno.text]


def test_the_words_are_theirs_and_the_linter_has_nothing_to_say(told):
    prepare(told)
    alice, bruno, _ = told.write()
    assert "Bonjour Alice Officine" in alice.text
    assert "Il a lu leurs comptes chez" in alice.text
    assert "coordonnées bancaires" in alice.text
    assert alice.email == "alice@pharmacie.invalid"
    assert bruno.address == ("Bruno Cabinet", "2 rue du Port", "35400 SAINT-MALO")
    assert "votre travail et celui d’un voleur ne se distinguent pas" in bruno.text
    for one in (alice, bruno):
        assert "mutuelle" not in one.text.casefold()
        assert "adhérent" not in one.text
        assert lint_notice(one.text, medium=Medium.LETTER, language="fr") == []
    assert told.fetch("SELECT findings FROM notices.campaign") == [([],)]


def test_contacts_are_opened_once_the_ledger_holds_it_and_are_sealed_again(told):
    prepare(told)
    [(_, reading)] = told.affair.acts.entries
    assert isinstance(reading, LedgerRead)
    assert reading.about == About(kind="incidents", refs=(told.affair.incident_id,), count=1)
    contacts = told.fetch("SELECT insurer_id, file_ref, person_ref, sealed FROM notices.contact")
    assert {(one[0], one[1]) for one in contacts} == {(0, None)}
    assert not [one for one in contacts if b"alice" in bytes(one[3])]
    with told.database.transaction("notifier") as tx:
        seal = load_contact_seal(tx, KMS, 0)
    sealed = {one[2]: bytes(one[3]) for one in contacts}
    assert seal.open(ALICE, sealed[ALICE]).recipient == "Alice Officine"


@pytest.mark.parametrize(("given_up", "was_shown"), [(-1, False), (1, True)])
def test_an_address_given_up_since_the_theft_was_shown(told, given_up, was_shown):
    with told.database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO incidents.attributed_session (incident_id, session_ref, account_ref,"
            " verdict, reasons) VALUES (%s, 71, %s, 'thief', '[]')",
            (told.affair.incident_id, ALICE),
        )
        tx.execute(
            "UPDATE accounts.contact SET replaced_at = %s WHERE actor_ref = %s",
            (THEFT + timedelta(days=given_up), ALICE),
        )
    with told.database.transaction("analyst") as tx:
        [entered] = list_entered_accounts(tx, told.affair.incident_id)
    assert entered.record.has_email is was_shown


def test_an_address_given_on_a_page_since_the_theft_may_be_the_thiefs(told):
    before, after = THEFT - timedelta(days=9), THEFT + timedelta(hours=2)
    told.add(905, "Élise Officine")
    old = told.reach(905, "elise@pharmacie.invalid", hint="e•••", added_at=before)
    told.reach(905, "voleur@mel.invalid", hint="v•••", added_at=after)
    with told.database.transaction("owner") as tx:
        tx.execute(
            "UPDATE accounts.contact SET replaced_at = %s WHERE contact_ref = %s", (after, old)
        )
    told.list({905: ("A", LOGIN)})
    prepare(told)
    assert [one.email for one in told.write()] == ["elise@pharmacie.invalid"]


def test_mutation_the_newest_address_is_the_thiefs(told):
    told.add(905, "Élise Officine")
    after = THEFT + timedelta(hours=2)
    told.reach(905, "voleur@mel.invalid", hint="v•••", added_at=after)
    told.list({905: ("A", LOGIN)})
    with told.database.connect("owner", autocommit=True) as owner:
        [(source,)] = owner.execute(
            "SELECT pg_get_functiondef('notices.reach_professionals'::regproc)"
        ).fetchall()
        owner.execute(source.replace("k.hint = ''", "true"))  # type: ignore[arg-type]
    prepare(told)
    assert [one.email for one in told.write()] == ["voleur@mel.invalid"]


def test_the_code_of_a_letter_answers_whoever_has_it(told):
    prepare(told)
    told.send()
    [alice, *_] = told.write()
    with told.database.transaction("portals") as tx:
        reply = read_code(tx, alice.code)
        assert read_code(tx, "0000-0000-0000-0") is None
    assert reply is not None
    assert reply.this.answer.exposed == BANK
    assert reply.this.kind == "professional"
    assert reply.this.page is None
    [(digest,)] = told.fetch("SELECT code_digest FROM notices.message WHERE person_ref = %s", ALICE)
    assert bytes(digest) == digest_code(alice.code)


def test_another_analysis_holds_what_it_makes_untrue_and_a_correction_follows(told):
    prepare(told)
    told.send()
    told.execute("UPDATE notices.message SET state = 'waiting' WHERE person_ref = %s", BRUNO)
    told.list({ALICE: ("B", BANK), BRUNO: ("A", LOGIN)})
    held = told.messages("person_ref, state, reason")
    assert (BRUNO, "held", "package_changed") in held
    assert (ALICE, "sent", "") in held
    told.decide(501, acts.Step.STOP)
    prepare(told, 502)
    assert told.messages("person_ref, kind, certainty, relation, former IS NULL", 502) == [
        (ALICE, "correction", "B", "professional", False),
        (BRUNO, "professional", "A", "professional", True),
    ]


def test_mutation_without_its_trigger_an_analysis_lets_untrue_letters_go(told):
    prepare(told)
    with told.database.connect("owner", autocommit=True) as owner:
        owner.execute("DROP TRIGGER follow_analysis ON incidents.analysis")
    told.list({ALICE: ("B", BANK), BRUNO: ("A", LOGIN)})
    assert (BRUNO, "waiting") in told.messages("person_ref, state")


def test_who_is_on_no_list_any_more_is_told_so_where_the_record_is_whole(told):
    prepare(told)
    told.send()
    told.decide(501, acts.Step.STOP)
    told.list({})
    prepare(told, 502)
    told.decide(502, acts.Step.STOP)
    retracted = [(ALICE, "retraction", "D", "waiting"), (BRUNO, "retraction", "D", "waiting")]
    assert told.messages("person_ref, kind, certainty, state", 502) == retracted
    told.list({}, holes=[HOLE])
    prepare(told, 503)
    assert told.messages("person_ref, state, reason", 503) == [
        (ALICE, "held", "cannot_exclude"),
        (BRUNO, "held", "cannot_exclude"),
    ]


def test_a_list_that_was_replaced_is_not_prepared(told, monkeypatch):
    told.begin()
    told.list({ALICE: ("B", LOGIN)})
    with pytest.raises(Conflict, match="another analysis"):
        told.decide(501, acts.Step.PREPARE)
    monkeypatch.setattr(acts, "_check_list_stands", lambda _sheet: None)
    with pytest.raises(Conflict, match="another analysis"):
        told.prepare()
    # The mutation: whoever prepares does not look, and two lists make one campaign.
    monkeypatch.setattr(prepare_campaign, "_check_list_stands", lambda _tx, _campaign: None)
    told.work(501)
    assert told.messages("person_ref, certainty") == [(ALICE, "B")]


def test_an_exercise_is_prepared_and_leaves_for_nobody(database):
    told = ToProfessionals(database, exercise=True)
    told.add(ALICE, email="alice@pharmacie.invalid")
    told.list({ALICE: ("A", BANK)})
    prepare(told)
    assert told.write()[0].text.startswith("EXERCICE")
    with pytest.raises(errors.InsufficientPrivilege):
        told.send()


NOT_OURS = (
    "INSERT INTO notices.message (campaign_ref, insurer_id, person_ref, kind, relation, certainty,"
    " fields, language, channel, state)"
)


@pytest.mark.parametrize(
    ("statement", "refusal"),
    [
        (
            NOT_OURS + " VALUES (501, 0, 7, 'notice', 'member', 'A', 1, 'fr', 'letter', 'held')",
            errors.CheckViolation,
        ),
        (
            NOT_OURS + " VALUES (501, 1, 7, 'notice', 'member', 'A', 1, 'fr', 'letter', 'held')",
            errors.ForeignKeyViolation,
        ),
        ("UPDATE notices.campaign SET analysis = 2", errors.InsufficientPrivilege),
        (
            "INSERT INTO notices.contact (insurer_id, person_ref, sealed) VALUES (1, 7, '')",
            errors.CheckViolation,
        ),
    ],
    ids=["a member's words", "another's message", "another list", "a contact of no file"],
)
def test_the_database_keeps_professionals_apart(told, statement, refusal):
    prepare(told)
    assert attempt(told.database, statement) == refusal.__name__


def test_addresses_go_a_month_after_the_last_campaign(told):
    prepare(told)
    told.decide(501, acts.Step.STOP)
    later = datetime.now(UTC) + timedelta(days=31)
    with told.database.transaction("notifier") as tx:
        assert forget_contacts(tx, now=later) == 3
    assert told.fetch("SELECT count(*) FROM notices.contact") == [(0,)]
