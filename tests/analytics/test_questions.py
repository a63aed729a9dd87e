"""Who has seen whom: hot rows, cold files and a brute-force loop give one answer."""

from random import Random
from typing import Any

import pytest
from tests.analytics import brute_force
from tests.ledger_samples import START_MS, replace_in_query
from tests.segment_samples import SEGMENT, invent_entries, seal, write_log

from rempart.disclosure.entry import Kind
from rempart.disclosure.reach import Place
from rempart.kernel.errors import Conflict, InvalidRequest, Unavailable
from rempart.storage import ledger_questions, ledger_sources
from rempart.storage.analytics import SealedFiles
from rempart.storage.connect import Database
from rempart.storage.ledger_questions import seen_by, who_saw
from rempart.storage.ledger_sources import Sources, find_sources

ALL = {"from_ms": 0, "to_ms": START_MS * 2}


@pytest.fixture
def entries(database: Database) -> list[Any]:
    """Two logs: eight full segments and a bit, two and a bit."""
    first = invent_entries(Random(1), 8 * SEGMENT + 40)
    second = invent_entries(Random(2), 2 * SEGMENT + 10, log_id=2)
    write_log(database, first)
    write_log(database, second, log_id=2, checkpoint_every=7)
    return [*first, *second]


@pytest.fixture
def ask(database, store, duckdb_engine):
    """A function that opens the sources of a window and gives them to a question."""

    def ask(question, **window):
        window = {**ALL, **window}
        with database.transaction("auditor") as tx:
            sources = find_sources(
                tx, SealedFiles(store=store, open_engine=duckdb_engine), **window
            )
            return question(sources, window)

    return ask


def persons_seen(sources: Sources, window, **whom):
    return list(seen_by(sources, **whom, **window))


def test_the_questions_are_answered_from_the_database_alone(ask, entries):
    assert ask(lambda s, w: who_saw(s, [3, 5], **w)) == brute_force.who_saw(entries, [3, 5], **ALL)
    assert ask(lambda s, w: persons_seen(s, w, account_refs=[1001])) == brute_force.seen_by(
        entries, accounts=[1001], **ALL
    )


def check_agreement(ask, entries, *, sessions, persons, **window):
    window = {**ALL, **window}
    expected = brute_force.who_saw(entries, persons, **window)
    assert ask(lambda s, w: who_saw(s, persons, **w), **window) == expected
    by_session = brute_force.seen_by(entries, sessions=sessions, **window)
    assert ask(lambda s, w: persons_seen(s, w, session_refs=sessions), **window) == by_session
    accounts = sorted({session // 10 for session in sessions})
    by_account = brute_force.seen_by(entries, accounts=accounts, **window)
    assert ask(lambda s, w: persons_seen(s, w, account_refs=accounts), **window) == by_account
    return expected, by_session, by_account


def test_half_hot_and_half_cold_give_what_all_hot_gave(ask, entries, database, store):
    seal(database, store, (0, 1, 3, 5))
    seal(database, store, (1,), log_id=2)
    answers = check_agreement(ask, entries, sessions=[10011, 10020, 10022], persons=[1, 2, 7])
    assert all(answers)


def test_a_segment_both_sealed_and_in_the_database_is_counted_once(ask, entries, database, store):
    seal(database, store, (0, 1, 2), state="sealed")
    answers = check_agreement(ask, entries, sessions=[10011], persons=[1, 2])
    assert all(answers)


def test_mutation_reading_it_in_both_places_counts_it_twice(
    ask, entries, database, store, monkeypatch
):
    seal(database, store, (0, 1, 2), state="sealed")

    def list_both(self, name, log_id=None):
        return [name(one) for one in self.segments.values() if log_id in (None, one.log_id)]

    monkeypatch.setattr(Sources, "list_files", list_both)
    twice = ask(lambda s, w: persons_seen(s, w, session_refs=[10011]))
    once = brute_force.seen_by(entries, sessions=[10011], **ALL)
    assert sum(one.lookups for one in twice) > sum(one.lookups for one in once)


@pytest.mark.parametrize("seed", range(4))
def test_any_window_gives_its_own_entries_and_no_other(ask, entries, database, store, seed):
    random = Random(seed)
    seal(database, store, random.sample(range(8), 4))
    first, last = sorted(random.sample(range(len(entries) - 600), 2))
    check_agreement(
        ask,
        entries,
        sessions=[10000, 10021, 10032],
        persons=[4, 9, 31],
        from_ms=entries[first].t_ms,
        to_ms=entries[last].t_ms + 1,
    )


@pytest.mark.parametrize(
    ("query", "right", "wrong"),
    [
        ("seen_by", "e.t_ms < %(to_ms)s", "e.t_ms <= %(to_ms)s"),
        ("seen_by", "bit_or", "bit_and"),
        ("seen_by", "AND e.kind IN (1, 2)", ""),
        ("who_saw", "e.t_ms >= %(from_ms)s", "e.t_ms > %(from_ms)s"),
        ("list_spans", "kept.t_ms < %(from_ms)s", "kept.t_ms > %(from_ms)s"),
        ("list_spans", "kept.t_ms >= %(to_ms)s", "kept.t_ms < %(to_ms)s"),
    ],
)
def test_mutation_a_database_that_answers_otherwise_is_caught(
    ask, entries, monkeypatch, query, right, wrong
):
    sessions = [10000, 10011, 10021]
    borders = [
        one.t_ms
        for one in entries
        if one.log_id == 1 and one.session_ref in sessions and one.kind == Kind.DISCLOSE
    ]
    ask_of = {
        "sessions": sessions,
        "persons": list(range(41)),
        "from_ms": borders[40],
        "to_ms": borders[-40],
    }
    check_agreement(ask, entries, **ask_of)
    mutate(monkeypatch, query, right, wrong)
    with pytest.raises(AssertionError):
        check_agreement(ask, entries, **ask_of)


def mutate(monkeypatch, name, right, wrong):
    """Replace a part of one query of the questions."""
    module = ledger_questions if name in ledger_questions.QUERIES else ledger_sources
    monkeypatch.setattr(module, "_sql", module.QUERIES, raising=False)
    replace_in_query(monkeypatch, module, name, right, wrong)
    monkeypatch.setattr(module, "QUERIES", module._sql)


def test_only_the_segments_of_the_window_are_opened(ask, entries, database, store):
    seal(database, store, range(8))
    window = {"from_ms": entries[3 * SEGMENT + 5].t_ms, "to_ms": entries[4 * SEGMENT - 9].t_ms}
    files = ask(lambda s, w: s.list_files(lambda one: one.by_account_name), **window)
    assert files == ["log-1/3.by-account.parquet"]


def test_a_dropped_segment_is_said_to_be_missing_with_its_period(ask, entries, database, store):
    seal(database, store, (0,), state="dropped")
    seal(database, store, (1,))
    reach = ask(lambda s, w: s.reach)
    assert not reach.is_complete
    [missing] = reach.missing
    assert (missing.log_id, missing.segment, missing.place) == (1, 0, Place.DROPPED)
    times = [one.t_ms for one in entries[:SEGMENT]]
    assert (missing.first_ms, missing.last_ms) == (min(times), max(times))
    left = [one for one in entries if one.log_id != 1 or one.idx >= SEGMENT]
    check_agreement(ask, left, sessions=[10011], persons=[1])


def test_outside_the_window_a_dropped_segment_is_nobodys_loss(ask, entries, database, store):
    seal(database, store, (0,), state="dropped")
    reach = ask(lambda s, w: s.reach, from_ms=entries[SEGMENT + 70].t_ms)
    assert reach.is_complete
    assert reach.missing == ()


def test_a_file_that_is_not_in_the_store_is_said_to_be_lost(ask, entries, database, store):
    seal(database, store, (2, 3))
    store.delete("log-1/2.by-person.parquet")
    [lost] = ask(lambda s, w: s.reach).missing
    assert (lost.segment, lost.place) == (2, Place.LOST)
    assert ask(lambda s, w: who_saw(s, [1], **w))


def test_a_file_that_cannot_be_read_ends_the_question(ask, entries, database, store, tmp_path):
    seal(database, store, (2,))
    (tmp_path / "segments/log-1/2.by-person.parquet").write_bytes(b"PAR1 and nothing else PAR1")
    with pytest.raises(Unavailable, match="ledger audit"):
        ask(lambda s, w: who_saw(s, [1], **w))


def test_openings_erased_one_by_one_are_counted(ask, entries, database):
    with database.transaction("owner") as tx:
        tx.execute("INSERT INTO ledger.erased VALUES (1, 5, 0, 0), (1, 6, 0, 0), (2, 9, 0, 0)")
    reach = ask(lambda s, w: s.reach)
    assert reach.erased == {1: 2, 2: 1}
    assert not reach.is_complete


def test_sessions_nobody_remembers_are_looked_for_in_every_account(ask, entries, database, store):
    seal(database, store, (0, 1))
    with database.transaction("owner") as tx:
        tx.execute("DELETE FROM ledger.session WHERE session_ref = 10011")
    check_agreement(ask, entries, sessions=[10011, 10020], persons=[1])


def test_a_segment_moved_while_one_asks_is_noticed(ask, entries, database, store):
    """Its rows left the database after the look at where they were: neither half has them."""

    def move_then_ask(sources, window):
        seal(database, store, (4,))
        return persons_seen(sources, window, session_refs=[10011])

    with pytest.raises(Conflict, match="ask again"):
        ask(move_then_ask)
    with pytest.raises(Conflict, match="ask again"):
        ask(lambda s, w: (seal(database, store, (5,)), who_saw(s, [1], **w)))


def test_mutation_without_the_second_look_entries_go_missing(
    ask, entries, database, store, monkeypatch
):
    monkeypatch.setattr(Sources, "check_unmoved", lambda self: None)

    def move_then_ask(sources, window):
        seal(database, store, (4,))
        return persons_seen(sources, window, session_refs=[10011])

    assert ask(move_then_ask) != brute_force.seen_by(entries, sessions=[10011], **ALL)


@pytest.mark.parametrize("whom", [{}, {"account_refs": [1], "session_refs": [1]}])
def test_a_question_is_about_accounts_or_about_sessions(ask, entries, whom):
    with pytest.raises(InvalidRequest, match="exactly one"):
        ask(lambda s, w: persons_seen(s, w, **whom))


@pytest.mark.parametrize("count", [0, 100_001])
def test_a_question_has_a_bounded_number_of_references(ask, entries, count):
    with pytest.raises(InvalidRequest, match="ask several"):
        ask(lambda s, w: persons_seen(s, w, session_refs=range(count)))


def test_a_period_that_ends_before_it_starts_is_refused(ask):
    with pytest.raises(InvalidRequest, match="ends before it starts"):
        ask(lambda s, w: s, from_ms=5, to_ms=5)


def test_where_no_files_are_reached_a_question_that_needs_them_fails(database, store, entries):
    with database.transaction("auditor") as tx:
        assert who_saw(find_sources(tx, None, **ALL), [1], **ALL)
    seal(database, store, (0,))
    with (
        database.transaction("auditor") as tx,
        pytest.raises(Unavailable, match="REMPART_SEGMENTS"),
    ):
        who_saw(find_sources(tx, None, **ALL), [1], **ALL)


def test_nobody_asked_means_no_engine_opened(database, store, entries):
    def never():
        raise AssertionError("an engine was opened for nothing")

    with database.transaction("auditor") as tx:
        sources = find_sources(tx, SealedFiles(store=store, open_engine=never), **ALL)
        assert list(seen_by(sources, account_refs=[1001], **ALL))
