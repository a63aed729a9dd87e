"""Many persons in one package: a bounded part of them is in memory at a time."""

import tracemalloc

from tests.package_samples import Affair

from rempart.exchange import package_rows

PERSONS = 30_000
# As much for any number of persons: a file and a block of them, and eight bytes for each.
BOUND_BYTES = 48 * 1024 * 1024


def test_a_large_list_is_made_in_files_within_bounded_memory(database):
    affair = Affair(database)
    affair.add_insurer(1)
    affair.add_key(1)
    affair.analyse([])
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO incidents.exposed_person (incident_id, insurer_id, person_ref, tier,"
            " fields, gained, lookups, sessions)"
            " SELECT %s, 1, n, 'A', 31, 31, 1, '{7}' FROM generate_series(1, %s) AS n",
            (affair.incident_id, PERSONS),
        )
    tracemalloc.start()
    try:
        [made] = affair.make(1)
        _now, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert made.changed == PERSONS
    files = PERSONS // package_rows.ROWS_PER_FILE
    [(count,)] = affair.fetch(
        "SELECT count(*) FROM incidents.package_file WHERE name LIKE 'personnes-%%'"
    )
    assert count == files
    print(f"{peak / 2**20:.0f} MiB at most for {PERSONS} persons in {files} files")
    assert peak < BOUND_BYTES
