"""Accounts named after the declaration, incidents without an account, and thefts established."""

from datetime import UTC, datetime

import pytest
from click.testing import CliRunner
from tests.workflows.test_expose_persons import (
    BYSTANDER,
    OTHER_SUSPECT,
    START,
    SUSPECT,
    WINDOW,
    Diary,
    a_stolen_pharmacy,
    declare,
    expose,
    prepare_analyst,
    recount,
    write,
)

from rempart.cli.main import cli
from rempart.disclosure.entry import Mode
from rempart.incidents import attribution
from rempart.incidents.attribution import Verdict
from rempart.incidents.exposure import Tier
from rempart.incidents.room import EventKind, RoomAuthor
from rempart.incidents.suspicion import Doubt, DoubtKind, How
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.storage import evidence_holds, incident_analyses
from rempart.storage.incident_room import list_events
from rempart.workflows.incidents import expose_persons as workflow
from rempart.workflows.incidents.suspects import EstablishedTheft, add_suspects, establish_theft

BY = RoomAuthor(name="Camille Essai")
ADDRESS = Doubt(kind=DoubtKind.ADDRESS, value="198.19.0.9")


@pytest.fixture
def analyst(database):
    """A function that opens transactions of the analyst on a database with three professionals."""
    return prepare_analyst(database)


def test_without_an_account_everybody_of_the_window_is_a_doubt_and_nobody_is_confirmed(
    database, analyst
):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        answer = expose(tx, declare(tx))
        recount(tx, answer)
    tiers = {person.person_ref: person.tier for person in answer.persons}
    typed = {2000 + n for n in range(50) if n % 5}
    assert {ref for ref, tier in tiers.items() if tier is Tier.B} == typed
    assert Tier.A not in tiers.values()


def test_mutation_a_doubt_that_confirms_is_noticed(database, analyst, monkeypatch):
    monkeypatch.setattr(workflow, "temper_verdicts", lambda verdicts, _doubted: tuple(verdicts))
    with pytest.raises(AssertionError):
        test_without_an_account_everybody_of_the_window_is_a_doubt_and_nobody_is_confirmed(
            database, analyst
        )


def test_naming_the_account_afterwards_raises_its_persons_and_frees_the_others(database, analyst):
    diary = a_stolen_pharmacy()
    diary.open(3, BYSTANDER, address="198.18.0.7", agent="Cabinet")
    diary.note(3, START + 9_000, person_ref=3000)
    write(database, diary)
    with analyst() as tx:
        number = declare(tx)
        first = expose(tx, number)
        assert {p.tier for p in first.persons if p.person_ref == 3000} == {Tier.C}
        add_suspects(tx, number, BY, reason="the owner called", account_refs=[SUSPECT])
        again = expose(tx, number)
        changes = incident_analyses.count_changes(tx, number, again.analysis)
    assert {p.tier for p in again.persons if 2000 <= p.person_ref < 3000} == {Tier.A}
    assert {one.change for one in changes} == {"raised"}


@pytest.mark.parametrize(
    ("doubt", "accounts"),
    [
        (ADDRESS, {SUSPECT}),
        (Doubt(kind=DoubtKind.SOFTWARE, value="officine-nord"), {OTHER_SUSPECT}),
        (Doubt(kind=DoubtKind.ESTABLISHMENT, value="12345678900011"), {BYSTANDER}),
        (Doubt(kind=DoubtKind.EVERYBODY), {SUSPECT, OTHER_SUSPECT, BYSTANDER}),
    ],
)
def test_a_place_an_address_or_a_software_leads_to_its_accounts(database, analyst, doubt, accounts):
    write(database, a_stolen_pharmacy())
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.organisation (org_ref, kind, name)"
            " VALUES (77, 'publisher', 'Éditeur d’essai')"
        )
        tx.execute(
            "INSERT INTO accounts.software (client_ref, client_id, publisher_ref, label, scopes)"
            " VALUES (55, 'officine-nord', 77, 'Officine', '{}')"
        )
        tx.execute("INSERT INTO ledger.session VALUES (9, %s, 55, 0, 'key', '::1', 'x')",
                   [OTHER_SUSPECT])  # fmt: skip
        tx.execute(
            "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
            " VALUES (66, '12345678900011', 'Cabinet', '75009', 'Paris')"
        )
        tx.execute(
            "UPDATE accounts.professional SET establishment_ref = 66 WHERE account_ref = %s",
            [BYSTANDER],
        )
    with analyst() as tx:
        number = declare(tx)
        add_suspects(tx, number, BY, reason="a report", doubts=[doubt])
        expose(tx, number)
        rows = tx.execute(
            "SELECT account_ref FROM incidents.suspect_account"
            " WHERE incident_id = %s AND how = 'doubted'",
            [number],
        )
        assert {row[0] for row in rows} == accounts


def test_a_doubt_that_leads_nowhere_proves_nothing(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        number = declare(tx)
        nowhere = Doubt(kind=DoubtKind.ADDRESS, value="203.0.113.7")
        add_suspects(tx, number, BY, reason="a report", doubts=[nowhere])
        with pytest.raises(Conflict, match="leads to no account"):
            expose(tx, number)
        assert incident_analyses.find_analysis(tx, number) == 0


def test_what_is_added_is_told_with_its_reason_and_its_evidence_is_held(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        number = declare(tx, OTHER_SUSPECT)
        assert add_suspects(tx, number, BY, reason="same address", account_refs=[SUSPECT]) == 1
        [told] = list_events(tx, number, [EventKind.SUSPECTS_ADDED])
        held = evidence_holds.list_of_incident(tx, number)
        assert told.details["reason"] == "same address"
        assert told.author == "Camille Essai"
        assert any(SUSPECT in hold.account_refs for hold in held)
        with pytest.raises(Conflict, match="already"):
            add_suspects(tx, number, BY, reason="again", account_refs=[SUSPECT])


@pytest.mark.parametrize(
    ("refusal", "values"),
    [
        (InvalidRequest, {"reason": " ", "account_refs": [SUSPECT]}),
        (InvalidRequest, {"reason": "why"}),
        (InvalidRequest, {"reason": "why",
                          "doubts": [Doubt(kind=DoubtKind.SOFTWARE, value="nobodys")]}),
        (NotFound, {"reason": "why", "account_refs": [4242]}),
    ],
)  # fmt: skip
def test_nothing_is_added_without_a_reason_or_by_mistake(analyst, refusal, values):
    with analyst() as tx:
        number = declare(tx)
        with pytest.raises(refusal):
            add_suspects(tx, number, BY, **values)


def a_theft_the_guard_held() -> Diary:
    """An owner with a card on one line, and four look-ups from elsewhere: too few for a sum."""
    diary = Diary()
    diary.open(1, SUSPECT, address="198.18.0.1", agent="Officine")
    diary.open(2, SUSPECT, address="198.18.0.1", agent="Officine")
    for n in range(40):
        diary.note(1, START - 86_400_000 + n * 180_000, mode=Mode.CARD, person_ref=1000 + n)
    for n in range(4):
        diary.note(2, START + 3_600_000 + n * 9_000, person_ref=2000 + n)
    return diary


def hold_account(database, t_ms: int) -> None:
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO guard.event (t_ms, account_ref, client_ref, kind, step)"
            " VALUES (%s, %s, 1, 'contained', 2)",
            (t_ms, SUSPECT),
        )


def theft(incident_id: int | None = None) -> EstablishedTheft:
    return EstablishedTheft(
        account_ref=SUSPECT,
        words="the owner recognises none of it",
        window=WINDOW,
        title="Compte volé",
        incident_id=incident_id,
    )


def test_a_theft_an_operator_established_is_a_sign_against_the_session_the_guard_held(
    database, analyst
):
    write(database, a_theft_the_guard_held())
    hold_account(database, START + 3_600_000 + 20_000)
    with analyst() as tx:
        before = expose(tx, declare(tx, SUSPECT))
        number = establish_theft(tx, BY, theft())
        after = expose(tx, number)
    assert {v.session_ref: v.verdict for v in before.verdicts}[2] is not Verdict.THIEF
    signs = {s.rule.value for v in after.verdicts if v.session_ref == 2 for s in v.signals}
    assert "confirmed_theft/1" in signs
    assert {v.session_ref: v.verdict for v in after.verdicts}[2] is Verdict.THIEF
    assert {p.tier for p in after.persons} == {Tier.A}


def test_a_theft_established_joins_an_incident_once(database, analyst):
    write(database, a_theft_the_guard_held())
    with analyst() as tx:
        number = declare(tx, OTHER_SUSPECT)
        assert establish_theft(tx, BY, theft(number)) == number
        with pytest.raises(Conflict):
            establish_theft(tx, BY, theft(number))
        rows = tx.execute(
            "SELECT account_ref, how FROM incidents.suspect_account WHERE incident_id = %s",
            [number],
        ).fetchall()
    assert dict(rows) == {SUSPECT: How.STOLEN, OTHER_SUSPECT: How.NAMED}


def enrol(database, *, created_at: datetime, method: str = "passkey") -> None:
    """Give the owner a passkey, and a session of the pages behind session 2."""
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
            " VALUES (%s, 'professional', 'Officine', %s)",
            (SUSPECT, bytes(32)),
        )
        tx.execute(
            "INSERT INTO accounts.passkey (credential_id, actor_ref, public_key, sign_count,"
            " aaguid, backed_up, label, created_at)"
            " VALUES (%s, %s, '', 0, gen_random_uuid(), false, 'clé', %s)",
            (bytes(16), SUSPECT, created_at),
        )
        tx.execute(
            "INSERT INTO accounts.session (session_ref, token_digest, actor_ref, role, method,"
            " address, agent, opened_at, idle_limit, expires_at)"
            " VALUES (5, %s, %s, 'holder', %s, '198.18.0.1', 'Officine',"
            " '1969-12-31', '1 hour', '1970-01-02')",
            (bytes(32), SUSPECT, method),
        )


@pytest.mark.parametrize(
    ("created_at", "method", "is_known"),
    [
        (datetime(2020, 1, 1, tzinfo=UTC), "passkey", True),
        (datetime(2020, 1, 1, tzinfo=UTC), "psc", False),
        (datetime.fromtimestamp(START / 1000 + 60, UTC), "passkey", False),
    ],
)
def test_a_key_enrolled_before_the_window_speaks_for_its_owner(
    database, analyst, created_at, method, is_known
):
    write(database, a_theft_the_guard_held())
    enrol(database, created_at=created_at, method=method)
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    signs = {s.rule for v in answer.verdicts for s in v.signals}
    assert (attribution.Rule.KNOWN_DEVICE in signs) is is_known


def test_the_sessions_to_answer_for_are_listed_at_the_command_line(database, analyst, environment):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        number = str(declare(tx, SUSPECT))
        expose(tx, int(number))
    run = CliRunner(env=environment).invoke
    shown = run(cli, ["incident", "show", number, "--sessions"])
    assert shown.exit_code == 0, shown.output
    assert "session 2: thief" in shown.output
    assert "shows the thief: typed_without_card" in shown.output
    why = ("--as", "owner", "--reason", "her telephone", "--by", "Camille Essai")
    assert run(cli, ["incident", "overrule", number, "2", *why]).exit_code == 0
