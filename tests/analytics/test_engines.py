"""DuckDB here, Spark on a cluster, PostgreSQL and a plain loop: one question, one answer."""

import gc
import re
import sys
import time
import tracemalloc
from contextlib import nullcontext
from random import Random

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.analytics import brute_force
from tests.ledger_samples import START_MS
from tests.segment_samples import (
    SEGMENT,
    invent_entries,
    make_entry,
    seal,
    write_files,
    write_log,
)

from rempart.disclosure.entry import Kind
from rempart.kernel.errors import SetupError
from rempart.storage.analytics import (
    Engine,
    Means,
    SealedFiles,
    open_duckdb,
    open_engine,
    open_spark,
)
from rempart.storage.ledger_expressions import (
    LOOKED,
    SUSPECTS,
    Seen,
    SeenPerson,
    ask_lookups,
    ask_seen_by,
    ask_tries,
    ask_who_saw,
)
from rempart.storage.ledger_questions import seen_by, who_saw
from rempart.storage.ledger_sources import find_sources
from rempart.storage.segment_files import BY_ACCOUNT, BY_PERSON, ROW_GROUP, SegmentStore

ALL = {"from_ms": 0, "to_ms": START_MS * 2}
PARTS = 3
PART = 350_000
JOIN_LIMIT_S = 120
ASKED = {"from_ms": START_MS + 200_000, "to_ms": START_MS + 900_000}


def name(part: int, order: str) -> str:
    return f"log-1/{part}.by-{order}.parquet"


def write_columns(
    store: SegmentStore, columns: dict[str, np.ndarray], part: int, group: int = ROW_GROUP
) -> None:
    """Write the two files of a part from columns; what is not given is 0."""
    count = len(columns["idx"])
    for schema, order, keys in (
        (BY_ACCOUNT, "account", ("idx", "account_ref")),
        (BY_PERSON, "person", ("idx", "person_ref")),
    ):
        place = np.lexsort([columns[key] for key in keys])
        arrays = [
            pa.array([bytes(16)] * count, one.type)
            if pa.types.is_fixed_size_binary(one.type)
            else pa.array(columns.get(one.name, np.zeros(count, int))[place], one.type)
            for one in schema
        ]
        table = pa.Table.from_arrays(arrays, schema=schema)
        store.write(name(part, order), schema, table.to_batches(max_chunksize=group))


def invent_columns(count: int, *, first: int = 0, persons: int = 300_000) -> dict[str, np.ndarray]:
    """Invent entries in columns: a look-up a millisecond, accounts as unequal as in life."""
    random = np.random.default_rng(count + first)
    account = 1 + (random.pareto(1.2, count) * 50).astype("i8") % 5000
    kind = np.where(random.random(count) < 0.9, Kind.DISCLOSE, Kind.NEGATIVE)
    person = np.where(kind == Kind.DISCLOSE, random.integers(1, persons, count), 0)
    return {
        "log_id": np.ones(count, "i8"),
        "idx": np.arange(first, first + count),
        "kind": kind,
        "t_ms": START_MS + np.arange(first, first + count),
        "account_ref": account,
        "session_ref": account * 10 + random.integers(0, 4, count),
        "person_ref": person,
        "insurer_id": np.where(person, person % 90 + 1, 0),
        "fields": np.where(person, random.integers(1, 32, count), 0),
        "mode": random.integers(1, 4, count),
        "outcome": random.integers(1, 6, count),
        "data_version": random.integers(0, 1 << 40, count),
    }


@pytest.fixture(scope="module")
def many(tmp_path_factory) -> tuple[SegmentStore, dict[str, np.ndarray]]:
    """More than a million entries in three parts, and their columns."""
    store = SegmentStore(str(tmp_path_factory.mktemp("many")))
    parts = [invent_columns(PART, first=PART * number) for number in range(PARTS)]
    for number, columns in enumerate(parts):
        write_columns(store, columns, number)
    return store, {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}


def count_by_hand(columns, sessions, *, from_ms, to_ms) -> list[SeenPerson]:
    """`seen_by` in plain Python over more rows than one wants objects of."""
    wanted = set(sessions)
    people: dict[tuple[int, int], list[int]] = {}
    names = ("session_ref", "kind", "person_ref", "insurer_id", "t_ms", "fields")
    for session, kind, person, insurer, t_ms, fields in zip(
        *(columns[one].tolist() for one in names), strict=True
    ):
        if session not in wanted or kind not in (1, 2) or not person:
            continue
        if from_ms <= t_ms < to_ms:
            known = people.setdefault((person, insurer), [0, 0, t_ms, t_ms])
            known[0] |= fields
            known[1] += 1
            known[2] = min(known[2], t_ms)
            known[3] = max(known[3], t_ms)
    return [SeenPerson(*key, *people[key]) for key in sorted(people)]


def pick_sessions(columns) -> list[int]:
    return sorted(set(Random(3).sample(sorted(set(columns["session_ref"].tolist())), 2000)))


def ask_all(engine: Engine, columns: dict[str, np.ndarray]) -> list[list[tuple[int, ...]]]:
    """The answers of an engine to every question, over the same files."""
    sessions = pick_sessions(columns)
    accounts = sorted({session // 10 for session in sessions})
    persons = columns["person_ref"][:5].tolist()
    by_account = [name(part, "account") for part in range(PARTS)]
    by_person = [name(part, "person") for part in range(PARTS)]
    return [
        list(engine.answer(ask_seen_by(accounts, sessions, **ASKED), by_account)),
        sorted(engine.answer(ask_who_saw(persons, **ALL), by_person)),
        sorted(
            engine.answer(ask_lookups(LOOKED, **ASKED), by_account, {SUSPECTS: accounts[:3]}),
        ),
        sorted(engine.answer(ask_tries(**ASKED), by_account, {SUSPECTS: sessions[:50]})),
    ]


def test_duckdb_and_a_plain_loop_agree_on_a_million_entries(many):
    store, columns = many
    sessions = pick_sessions(columns)
    expected = count_by_hand(columns, sessions, **ASKED)
    with open_duckdb(store, memory="200MB", threads=2) as engine:
        by_session, *_ = ask_all(engine, columns)
        everywhere = list(
            engine.answer(
                ask_seen_by(None, sessions, **ASKED), [name(n, "account") for n in range(PARTS)]
            )
        )
    assert len(expected) > 10_000
    assert by_session == everywhere == expected


def test_spark_on_two_workers_gives_the_answers_of_duckdb(many, spark_on):
    store, columns = many
    with open_duckdb(store, memory="200MB", threads=2) as engine:
        here = ask_all(engine, columns)
    there = ask_all(spark_on(store), columns)
    assert all(here)
    assert there == here


def test_the_cluster_of_these_tests_has_two_workers(spark):
    context = spark._session.sparkContext
    assert context.master.startswith("spark://")
    # An executor joins when its Java has started: a question does not wait for the second one.
    deadline = time.monotonic() + JOIN_LIMIT_S
    while (joined := context._jsc.sc().getExecutorMemoryStatus().size()) < 2 + 1:  # and the driver
        assert time.monotonic() < deadline, f"{joined - 1} executors after {JOIN_LIMIT_S} s"
        time.sleep(0.1)
    assert joined == 2 + 1


def test_spark_answers_for_the_files_and_the_database_for_the_rest(database, store, spark_on):
    entries = invent_entries(Random(5), 5 * SEGMENT + 9)
    write_log(database, entries)
    seal(database, store, (0, 2, 3))
    sessions = [10011, 10020, 10052]
    with database.transaction("auditor") as tx:
        sources = find_sources(
            tx, SealedFiles(store=store, open_engine=lambda: nullcontext(spark_on(store))), **ALL
        )
        assert list(seen_by(sources, session_refs=sessions, **ALL)) == brute_force.seen_by(
            entries, sessions=sessions, **ALL
        )
        assert who_saw(sources, [1, 7], **ALL) == brute_force.who_saw(entries, [1, 7], **ALL)


def test_spark_without_its_extra_is_told_with_what_to_install(store, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark.errors", None)
    with (
        pytest.raises(SetupError, match=r"rempart\[spark\]"),
        open_spark(store, "spark://127.0.0.1:1"),
    ):
        raise AssertionError("a session was opened")


def test_bounds_that_duckdb_does_not_know_are_told(store):
    with (
        pytest.raises(SetupError, match="REMPART_QUESTION_MEMORY"),
        open_duckdb(store, memory="plenty"),
    ):
        raise AssertionError("an engine was opened")


# ---- any ledger at all ---------------------------------------------------------------------------

SMALL = st.lists(
    st.tuples(
        st.sampled_from([Kind.DISCLOSE, Kind.DISCLOSE, Kind.NEGATIVE, Kind.SESSION, Kind.BULK]),
        st.integers(0, 2),  # later by
        st.integers(1, 3),  # account
        st.integers(0, 1),  # session
        st.sampled_from([0, 1, 2, -(1 << 63), (1 << 63) - 1]),  # person
        st.integers(0, 2),  # insurer
        st.sampled_from([0, 1, 6, 1 << 23, -1]),  # fields
    ),
    max_size=60,
)


@given(rows=SMALL, start=st.integers(0, 20), length=st.integers(1, 60))
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_duckdb_and_a_plain_loop_agree_on_any_ledger(store, rows, start, length):
    t_ms, entries = 0, []
    for idx, (kind, later, account, session, person, insurer, fields) in enumerate(rows):
        t_ms += later
        entries.append(
            make_entry(
                *(1, idx),
                kind=int(kind),
                t_ms=t_ms,
                account_ref=account,
                session_ref=10 * account + session,
                person_ref=person,
                insurer_id=insurer,
                fields=fields,
            )
        )
    if not entries:
        return
    names = write_files(store, entries, 0)
    window = {"from_ms": start, "to_ms": start + length}
    with open_duckdb(store, memory="100MB", threads=1) as engine:
        asked = list(engine.answer(ask_seen_by([1, 2], [10, 21, 30], **window), [names[0]]))
        seen = [Seen(1, *row) for row in engine.answer(ask_who_saw([2, 1], **window), [names[1]])]
    in_accounts = [one for one in entries if one.account_ref in (1, 2)]
    assert asked == brute_force.seen_by(in_accounts, sessions=[10, 21, 30], **window)
    assert sorted(seen) == sorted(brute_force.who_saw(entries, [1, 2], **window))


@pytest.mark.parametrize("seed", range(3))
def test_the_database_and_the_files_agree_on_any_ledger(database, store, seed):
    random = Random(seed)
    entries = invent_entries(random, random.randint(300, 1500), persons=15, accounts=4)
    write_log(database, entries, checkpoint_every=random.randint(1, 99))
    full = len(entries) >> 8
    seal(database, store, random.sample(range(full), random.randint(1, full)))
    whom = sorted({10 * (1000 + random.randrange(4)) + random.randrange(3) for _ in range(4)})
    with database.transaction("auditor") as tx:
        sources = find_sources(
            tx, SealedFiles(store=store, open_engine=lambda: open_engine(store, Means())), **ALL
        )
        assert list(seen_by(sources, session_refs=whom, **ALL)) == brute_force.seen_by(
            entries, sessions=whom, **ALL
        )
        assert who_saw(sources, [3], **ALL) == brute_force.who_saw(entries, [3], **ALL)


# ---- what it costs -------------------------------------------------------------------------------


def count_row_groups(plan: str) -> tuple[int, int]:
    """How many row groups were scanned, of how many."""
    found = re.search(r"Row Groups Scanned: (\d+) / (\d+)", plan)
    assert found, plan
    return int(found[1]), int(found[2])


@pytest.fixture
def sorted_file(store) -> SegmentStore:
    """A part of 64 row groups, each order in its file."""
    write_columns(store, invent_columns(64 * 2048), 0, group=2048)
    return store


def test_one_person_is_found_by_reading_one_row_group_or_two(sorted_file):
    with open_duckdb(sorted_file) as engine:
        plan = engine.explain(ask_who_saw([150_000], **ALL), [name(0, "person")])
        read, there = count_row_groups(plan)
    assert there == 64
    assert read <= 2


def test_a_few_accounts_are_found_without_reading_the_others(sorted_file):
    with open_duckdb(sorted_file) as engine:
        plan = engine.explain(ask_seen_by([4001], None, **ALL), [name(0, "account")])
        read, there = count_row_groups(plan)
    assert there == 64
    assert read <= 2


def test_mutation_in_the_other_order_every_row_group_is_read(sorted_file):
    with open_duckdb(sorted_file) as engine:
        plan = engine.explain(
            ask_seen_by([4001], None, **ALL), [name(0, "person")[:-14] + "account.parquet"]
        )
        assert count_row_groups(plan)[0] <= 2
        question = ask_who_saw([150_000], **ALL)
        assert count_row_groups(engine.explain(question, [name(0, "account")]))[0] > 32


def test_an_answer_of_many_persons_is_never_held_whole(many):
    store, columns = many
    everybody = ask_seen_by(sorted(set(columns["account_ref"].tolist())), None, **ALL)
    files = [name(part, "account") for part in range(PARTS)]
    with open_duckdb(store, memory="150MB", threads=1) as engine:
        gc.collect()
        tracemalloc.start()
        count = sum(1 for _ in engine.answer(everybody, files))
        _, most = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert count > 250_000
    assert most < 60_000_000
