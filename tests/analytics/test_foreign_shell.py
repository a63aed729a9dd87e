"""The files of a cold segment in a bare DuckDB shell: an auditor needs nothing of ours."""

import random
from pathlib import Path

import duckdb
import pytest
from tests.segment_samples import invent_entries, write_files

from rempart.disclosure.entry import Kind
from rempart.storage.segment_files import SegmentStore


@pytest.fixture(scope="module")
def segment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("segments")
    entries = invent_entries(random.Random(7), 3_000)
    names = write_files(SegmentStore(str(folder)), entries, 0)
    return entries, [folder / name for name in names]


def ask(statement: str, file: Path) -> list[tuple]:
    with duckdb.connect() as shell:
        shell.execute("SET autoinstall_known_extensions = false")
        return shell.execute(statement, [str(file)]).fetchall()


def test_who_saw_how_many_people_is_counted_by_plain_sql(segment):
    entries, (by_account, _) = segment
    told = ask(
        "SELECT account_ref, count(DISTINCT person_ref) FROM read_parquet(?)"
        f" WHERE kind = {int(Kind.DISCLOSE)} GROUP BY ALL ORDER BY ALL",
        by_account,
    )
    seen: dict[int, set[int]] = {}
    for one in entries:
        if one.kind == Kind.DISCLOSE:
            seen.setdefault(one.account_ref, set()).add(one.person_ref)
    assert told == [(account, len(persons)) for account, persons in sorted(seen.items())]


def test_what_was_shown_of_one_person_is_found_in_the_other_file(segment):
    entries, (_, by_person) = segment
    person = next(one.person_ref for one in entries if one.person_ref)
    told = ask(f"SELECT idx FROM read_parquet(?) WHERE person_ref = {person} ORDER BY 1", by_person)
    assert told == [(one.idx,) for one in entries if one.person_ref == person]


def test_the_two_files_are_of_the_same_entries_and_say_what_their_columns_are(segment):
    entries, files = segment
    for file in files:
        columns = [row[0] for row in ask("DESCRIBE SELECT * FROM read_parquet(?)", file)]
        assert {"idx", "account_ref", "person_ref", "kind"} <= set(columns)
        [(count, last)] = ask("SELECT count(*), max(idx) FROM read_parquet(?)", file)
        assert (count, last) == (len(entries), len(entries) - 1)
