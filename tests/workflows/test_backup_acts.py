"""The acts log of a restored base goes on to the bit, from its copy outside the database."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.archive_samples import approve
from tests.backup_samples import (
    Kept,
    ask,
    dropping_what_is_beside,
    find,
    list_readable,
    refuse,
    set_up,
    write_ledger,
)
from tests.database_copies import copied_database

from rempart.disclosure.entry import compute_leaf_hashes
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.tree import Tree
from rempart.kernel.errors import InconsistentRecord
from rempart.storage.connect import Database
from rempart.wiring.acts import open_acts_log
from rempart.wiring.backups import copy_acts_now, prune
from rempart.wiring.home import Home
from rempart.wiring.log_signers import format_origin
from rempart.wiring.settings import Settings
from rempart.workflows.ledger.change_log_key import change_log_key
from rempart.workflows.ledger.seal_segment import seal_segments
from rempart.workflows.retention.erase_openings import run_erasures

SIZE = 1024


@pytest.fixture(scope="module")
def written(template: Database) -> Iterator[Database]:
    with copied_database(template, "written_for_backups") as database:
        write_ledger(database, SIZE)
        yield database


@pytest.fixture
def kept(written: Database, home: Home, reachable_path: Path) -> Iterator[Kept]:
    with copied_database(written, "backups") as database, dropping_what_is_beside(database):
        settings = Settings(home=home.path, database_url=database.url())
        yield set_up(settings, home, database, reachable_path / "kept")


def read_acts_log(kept: Kept) -> tuple[int, bytes]:
    [(size, root)] = ask(kept, "SELECT size, root FROM ledger.head WHERE log_id = 0")
    return size, bytes(root)


def find_root(kept: Kept, size: int) -> bytes | None:
    """Return the root that the base says log 0 had at a size, from its entries."""
    rows = ask(kept, ENTRIES, size)
    tree = Tree()
    tree.grow(compute_leaf_hashes(rows))
    return tree.compute_root() if tree.size == size else None


ENTRIES = """
    SELECT log_id, idx, kind, t_ms, salt, account_ref, session_ref, acct_seq, person_ref,
           insurer_id, ins_seq, uuid_send(lookup_key), purpose, mode, domain, care_day, outcome,
           fields, schema_version, data_version, uuid_send(request_id)
    FROM ledger.entry WHERE log_id = 0 AND idx < %s ORDER BY idx
"""


def change_key(kept: Kept) -> None:
    """Give the acts log another key, which is an act of it too."""
    home = kept.at.home
    opener = open_acts_log(kept.at.settings, home, kept.at.database).make_opener()
    with kept.at.database.transaction("auditor") as tx:
        change_log_key(
            tx,
            log=opener,
            acts=opener,
            draw_key=lambda: NoteSigner(format_origin(home, 0), home.draw_log_key(0)).verifier,
            reason="yearly",
        )


def test_the_acts_log_goes_on_from_where_it_was_signed(kept: Kept):
    list(seal_segments(kept.archive, log_id=1, segment=0))
    manifest = kept.make()
    approve(kept.at.database, [5, 300])
    list(run_erasures(kept.archive))
    change_key(kept)
    list(seal_segments(kept.archive, log_id=1, segment=1))
    assert copy_acts_now(kept.at) > 2
    assert copy_acts_now(kept.at) == 0
    size, root = read_acts_log(kept)
    restored = kept.restore(manifest.backup_id)
    assert restored.acts == size - manifest.logs[0].size
    assert find_root(kept, size) == root
    # What two people decided is stated once: the act that came back was carried out.
    erasures = "SELECT count(*) FROM ledger.statement WHERE log_id = 0 AND kind = 5"
    assert ask(kept, erasures) == [(1,)]
    assert list_readable(kept, 5, 300, 301) == [301]
    assert find(kept) == []


def test_mutation_without_its_copy_the_acts_log_forks(kept: Kept):
    list(seal_segments(kept.archive, log_id=1, segment=0))
    kept.make()
    for request_ref, index in ((5, 5), (6, 300)):
        approve(kept.at.database, [index], request_ref=request_ref)
        list(run_erasures(kept.archive))
    size, root = read_acts_log(kept)
    kept.restore(means=replace(kept.open_restore(), replay_acts=lambda _base: 0))
    assert find_root(kept, size) not in (None, root)


def test_a_copy_of_the_acts_with_a_hole_or_of_another_log_is_refused(kept: Kept):
    manifest = kept.make()
    for segment in range(3):
        list(seal_segments(kept.archive, log_id=1, segment=segment))
        copy_acts_now(kept.at)
    files = sorted((kept.backups / "acts").iterdir())
    first = files[0].read_bytes()
    files[0].unlink()
    refuse(kept, InconsistentRecord, "lacks acts 0 to 0", backup_id=manifest.backup_id)
    files[0].write_bytes(files[1].read_bytes())
    refuse(kept, InconsistentRecord, "does not open", backup_id=manifest.backup_id)
    files[0].write_bytes(first)
    kept.restore(manifest.backup_id)
    kept.make()
    (kept.backups / "bases" / f"{manifest.backup_id}.manifest").unlink()
    prune(kept.at, kept.said.append)
    assert len(list((kept.backups / "acts").iterdir())) == 1
