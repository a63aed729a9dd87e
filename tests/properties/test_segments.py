"""Whatever is appended, sealed, cooled, erased and dropped, in any order: the audit stays sound."""

import itertools
import tempfile
from collections.abc import Callable
from pathlib import Path

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tests.archive_samples import approve, begin_log, list_segments, make_archive, write_entries
from tests.ledger_samples import START_MS

from rempart.disclosure.erasure import ErasureState
from rempart.kernel.errors import Conflict
from rempart.storage import erasures
from rempart.storage.connect import Database
from rempart.workflows.ledger.audit_ledger import audit_ledger
from rempart.workflows.ledger.seal_segment import Archive, cool_segments, seal_segments
from rempart.workflows.retention.drop_segment import drop_segments
from rempart.workflows.retention.erase_openings import run_erasures

# What is done, and a number that says to what: how many entries, which segment's end, which entry.
STEPS = st.lists(
    st.tuples(st.sampled_from(["append", "seal", "cool", "erase", "drop"]), st.integers(1, 700)),
    min_size=3,
    max_size=9,
)


def take_step(database: Database, archive: Archive, step: str, number: int, place: int) -> None:
    """Do one thing as an operator would, if it can be done now."""
    rows = list_segments(database)
    before_ms = rows[number % len(rows)].last_ms + 1 if rows else 0
    match step:
        case "append":
            write_entries(database, number % 300 + 4, now_ms=START_MS + place * 1_000_000)
        case "seal":
            list(seal_segments(archive))
        case "cool":
            list(cool_segments(archive, before_ms=before_ms))
        case "erase":
            approve(database, range(number, number + 5), request_ref=place)
            try:
                list(run_erasures(archive))
            except Conflict:
                forget_requests(database)
        case "drop":
            list(drop_segments(archive, before_ms=before_ms, ground="three years are over"))


def forget_requests(database: Database) -> None:
    """Take back what cannot be erased (yet): the rest of the steps go on."""
    with database.transaction("archivist") as tx:
        for request in erasures.list_requests(tx, state=ErasureState.APPROVED):
            erasures.finish(tx, request.request_ref, act=None)


@settings(
    max_examples=6, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS)
def test_any_sequence_of_work_keeps_the_audit_sound(
    make_database: Callable[[], Database], steps: list[tuple[str, int]]
):
    database = make_database()
    begin_log(database, segment_count=13)
    with tempfile.TemporaryDirectory() as folder:
        archive = make_archive(database, Path(folder))
        numbered = zip(itertools.count(1), [("append", 299), ("seal", 1), *steps], strict=False)
        for place, (step, number) in numbered:
            take_step(database, archive, step, number, place)
            with database.transaction("auditor") as tx:
                verdict = audit_ledger(tx, store=archive.store)
            assert verdict.is_sound, (step, verdict.differences)
            assert verdict.unfinished == []
