"""Exactly who, again: overrules, what another analysis changes, and how whole the record is."""

from collections.abc import Callable
from contextlib import AbstractContextManager
from random import Random

import psycopg
import pytest
from tests.workflows.test_expose_defined import invent
from tests.workflows.test_expose_persons import (
    BYSTANDER,
    OTHER_SUSPECT,
    START,
    SUSPECT,
    WINDOW,
    a_stolen_pharmacy,
    declare,
    expose,
    prepare_analyst,
    recount,
    write,
)

from rempart.disclosure.entry import Mode
from rempart.incidents.attribution import Verdict
from rempart.incidents.bounds import Bounds
from rempart.incidents.changes import Change, compare_verdicts, compute_changes
from rempart.incidents.coverage import HoleKind
from rempart.incidents.exposure import Tier
from rempart.incidents.population import decide_answer
from rempart.incidents.room import EventKind, RoomAuthor
from rempart.kernel.errors import InvalidRequest, NotFound
from rempart.storage import incident_analyses, incidents
from rempart.storage.connect import Database, Transaction
from rempart.storage.incident_room import list_events
from rempart.storage.queries import Queries, parse_queries
from rempart.workflows.incidents.expose_persons import ExposureAnswer
from rempart.workflows.incidents.overrule_session import overrule_session


@pytest.fixture
def analyst(database: Database) -> Callable[[], AbstractContextManager[Transaction]]:
    """A function that opens transactions of the analyst on a database with three professionals."""
    return prepare_analyst(database)


DIRECTOR = RoomAuthor(name="Camille Essai")


def overrule(tx: Transaction, incident_id: int, session_ref: int, verdict: str) -> None:
    overrule_session(
        tx,
        incident_id,
        session_ref,
        verdict=verdict,
        reason="the pharmacist says so, by telephone",
        by=DIRECTOR,
    )


def list_changes(tx: Transaction, answer: ExposureAnswer) -> list[tuple[str, int]]:
    rows = tx.execute(
        "SELECT change, count(*) FROM incidents.exposure_change"
        " WHERE incident_id = %s AND number = %s GROUP BY change ORDER BY change",
        (answer.incident_id, answer.analysis),
    )
    return rows.fetchall()


def test_an_overrule_changes_nothing_before_the_next_analysis_which_says_what(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        first = expose(tx, incident_id)
        assert (first.analysis, list_changes(tx, first)) == (1, [("added", 40)])
        overrule(tx, incident_id, 2, "mixed")
    with analyst() as tx:
        assert incidents.list_exposed_persons(tx, incident_id, analysis=1) == first.persons
        second = expose(tx, incident_id)
        recount(tx, second)
        assert {p.tier for p in second.persons} == {Tier.B}
        assert list_changes(tx, second) == [("lowered", 40)]
        overrule(tx, incident_id, 2, "owner")
        third = expose(tx, incident_id)
        recount(tx, third)
        assert (third.persons, list_changes(tx, third)) == ((), [("removed", 40)])
        overrule(tx, incident_id, 2, "sums")
        fourth = expose(tx, incident_id)
    assert fourth.persons == first.persons
    assert fourth.list_digest == first.list_digest != second.list_digest
    assert fourth.verdicts == first.verdicts


def test_the_timeline_tells_of_analyses_and_overrules(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        expose(tx, incident_id)
        overrule(tx, incident_id, 2, "owner")
        events = {event.kind: event for event in list_events(tx, incident_id)}
    assert events[EventKind.ANALYSED].details["lower"] == 40
    assert events[EventKind.OVERRULED].author == "Camille Essai"
    assert events[EventKind.OVERRULED].details["session"] == 2


@pytest.mark.parametrize(
    ("session_ref", "verdict", "reason", "refusal"),
    [
        (2, "guilty", "the pharmacist says so", InvalidRequest),
        (2, "owner", "  no  ", InvalidRequest),
        (99, "owner", "the pharmacist says so", NotFound),
    ],
)
def test_an_overrule_needs_a_session_a_verdict_and_a_reason(
    database, analyst, session_ref, verdict, reason, refusal
):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        expose(tx, incident_id)
        with pytest.raises(refusal):
            overrule_session(
                tx, incident_id, session_ref, verdict=verdict, reason=reason, by=DIRECTOR
            )


def test_what_was_written_is_never_changed(database, analyst):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        expose(tx, incident_id)
        overrule(tx, incident_id, 2, "owner")
    for statement in (
        "UPDATE incidents.overrule SET verdict = 'thief'",
        "DELETE FROM incidents.overrule",
        "UPDATE incidents.analysis SET rules = ''",
        "DELETE FROM incidents.exposure_change",
    ):
        with pytest.raises(psycopg.errors.InsufficientPrivilege), analyst() as tx:
            tx.execute(statement)


def test_an_analysis_that_is_cut_short_leaves_the_list_before_it_whole(
    database, analyst, monkeypatch
):
    write(database, a_stolen_pharmacy())
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT)
        first = expose(tx, incident_id)
        overrule(tx, incident_id, 2, "owner")

    def die(*_args: object, **_options: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(incidents, "save_answer", die)
    with pytest.raises(KeyboardInterrupt), analyst() as tx:
        expose(tx, incident_id)
    with analyst() as tx:
        assert incidents.list_exposed_persons(tx, incident_id, analysis=1) == first.persons
        assert incident_analyses.find_analysis(tx, incident_id) == 1


@pytest.mark.parametrize("seed", range(3))
def test_the_database_compares_two_lists_as_defined(database, analyst, seed):
    diary, random = invent(Random(seed)), Random(seed)
    write(database, diary)
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT, OTHER_SUSPECT)
        first = expose(tx, incident_id)
        for verdict in first.verdicts:
            if random.random() < 0.7:
                overrule(tx, incident_id, verdict.session_ref, random.choice(list(Verdict)))
        second = expose(tx, incident_id)
        recount(tx, second)
        changes = incident_analyses.list_changes(tx, incident_id, 2)
        moved = incident_analyses.list_verdict_changes(tx, incident_id, 2)
    assert changes == compute_changes(first.persons, second.persons)
    assert {change.change for change in changes} >= {Change.RAISED, Change.REMOVED}
    before = {verdict.session_ref: verdict.verdict for verdict in first.verdicts}
    assert tuple(moved) == compare_verdicts(before, second.verdicts)


CHANGE_MUTATIONS = {
    "a tier that falls is raised": ("a.tier < b.tier", "a.tier <> b.tier"),
    "who goes was added": (
        "WHEN a.tier IS NULL THEN 'removed'",
        "WHEN a.tier IS NULL THEN 'added'",
    ),
    "fields do not matter": (" OR a.fields IS DISTINCT FROM b.fields", ""),
}


@pytest.mark.parametrize("mutation", CHANGE_MUTATIONS)
def test_a_database_that_compares_otherwise_is_caught(database, analyst, monkeypatch, mutation):
    right, wrong = CHANGE_MUTATIONS[mutation]
    queries = dict(incidents.QUERIES)
    assert right in queries["insert_changes"]
    queries["insert_changes"] = queries["insert_changes"].replace(right, wrong)
    file = "\n".join(f"-- name: {name}\n-- mutated\n{sql};" for name, sql in queries.items())
    write(database, invent(Random(3)))
    with analyst() as tx:
        incident_id = declare(tx, SUSPECT, OTHER_SUSPECT)
        first = expose(tx, incident_id)
        for verdict, choice in zip(first.verdicts, ["owner", "thief", "mixed"] * 9, strict=False):
            overrule(tx, incident_id, verdict.session_ref, choice)
        monkeypatch.setattr(incidents, "QUERIES", Queries("incidents", parse_queries(file)))
        second = expose(tx, incident_id)
        changes = incident_analyses.list_changes(tx, incident_id, 2)
    assert changes != compute_changes(first.persons, second.persons)


# ---------------------------------------------------------------- how whole the record is


def test_a_whole_record_says_who_may_be_told_that_they_are_not_concerned(database, analyst):
    write(database, a_stolen_pharmacy())
    number_accounts(database)
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    assert [hole.kind for hole in answer.coverage.holes] == []
    assert answer.bounds == Bounds(lower=40, best=40, upper=40)


def test_an_entry_of_a_suspect_that_is_gone_forbids_it_and_raises_the_most(database, analyst):
    write(database, a_stolen_pharmacy())
    number_accounts(database)
    with database.transaction("owner") as tx:
        tx.execute("DELETE FROM ledger.entry WHERE session_ref = 2 AND person_ref IN (2007, 2011)")
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    [hole] = answer.coverage.holes
    assert (hole.kind, hole.hidden) == (HoleKind.ACCOUNT_GAP, 2)
    assert answer.bounds == Bounds(lower=38, best=38, upper=40)
    assert decide_answer(None, None, answer.coverage, 1).tier is Tier.C


def test_an_entry_of_somebody_else_that_is_gone_changes_nothing(database, analyst):
    diary = a_stolen_pharmacy()
    diary.open(9, BYSTANDER, address="198.18.0.3", agent="Officine")
    for n in range(50):
        diary.note(9, START + n * 1500, mode=Mode.CARD, person_ref=5000 + n)
    write(database, diary)
    number_accounts(database)
    with database.transaction("owner") as tx:
        tx.execute("DELETE FROM ledger.entry WHERE person_ref BETWEEN 5010 AND 5030")
    with analyst() as tx:
        answer = expose(tx, declare(tx, SUSPECT))
    assert answer.coverage.is_whole
    assert decide_answer(None, None, answer.coverage, 1).tier is Tier.D


def number_accounts(database: Database) -> None:
    """Give every entry the number of its account, as a writer does, and sign the end of the log."""
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE ledger.entry AS e SET acct_seq = n.seq FROM (SELECT log_id, idx, row_number()"
            " OVER (PARTITION BY log_id, account_ref ORDER BY idx) AS seq FROM ledger.entry) AS n"
            " WHERE (n.log_id, n.idx) = (e.log_id, e.idx)"
        )
        tx.execute(
            "UPDATE ledger.head AS h SET size = e.size"
            " FROM (SELECT log_id, max(idx) + 1 AS size FROM ledger.entry GROUP BY log_id) AS e"
            " WHERE e.log_id = h.log_id"
        )
        tx.execute(
            "INSERT INTO ledger.checkpoint SELECT log_id, size, %s, root, '' FROM ledger.head"
            " ON CONFLICT (log_id, size) DO UPDATE SET t_ms = EXCLUDED.t_ms",
            (WINDOW.ends_ms,),
        )
