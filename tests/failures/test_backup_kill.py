"""Killed anywhere, a backup leaves no half of one, and a restoration leaves the base in place."""

import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.archive_samples import approve
from tests.backup_samples import Kept, dropping_what_is_beside, set_up, write_ledger

from rempart.exchange.backup_sealing import draw_backup_key
from rempart.kernel.errors import RempartError
from rempart.storage.connect import Database
from rempart.storage.restored_base import list_bases
from rempart.wiring.backups import add_recipient
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.backups.make_backup import list_backups
from rempart.workflows.retention.erase_openings import run_erasures

ERASED = [5, 9, 300]


@pytest.fixture
def kept(database: Database, home: Home, reachable_path: Path) -> Iterator[Kept]:
    write_ledger(database, 512)
    with dropping_what_is_beside(database):
        settings = Settings(home=home.path, database_url=database.url())
        yield set_up(settings, home, database, reachable_path / "kept")


@pytest.fixture
def key(kept: Kept) -> Path:
    drawn = draw_backup_key()
    add_recipient(kept.at.home, drawn.recipient)
    file = kept.folder / "usb.key"
    file.write_text(drawn.secret)
    return file


def start(kept: Kept, environment: dict[str, str], *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "rempart", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        env={
            **environment,
            "REMPART_BACKUPS": str(kept.backups),
            "REMPART_SEGMENTS": str(kept.folder / "segments"),
            "REMPART_SEGMENT_BITS": "8",
        },
    )


def kill_at(process: subprocess.Popen[str], words: str, *, after_s: float = 0.0) -> bool:
    """Kill a process a moment after it said something; say whether it was alive."""
    for line in process.stdout or ():
        if words in line:
            break
    time.sleep(after_s)
    alive = process.poll() is None
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return alive


def count(database: Database, *indexes: int) -> int:
    with database.transaction("owner") as tx:
        [(found,)] = tx.execute(
            "SELECT count(*) FROM ledger.entry WHERE log_id = 1 AND idx = ANY (%s)", [list(indexes)]
        )
    return int(found)


def test_a_backup_killed_in_the_middle_is_none_and_the_next_one_removes_it(
    kept: Kept, key: Path, environment: dict[str, str]
):
    for _ in range(2):
        process = start(kept, environment, "backup", "make")
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and not list(kept.backups.glob("bases/*")):
            time.sleep(0.01)
        process.send_signal(signal.SIGKILL)
        process.communicate()
        assert list_backups(kept.means.store, kept.means.signer.verifier) == []
        assert list(kept.backups.glob("bases/*"))
    manifest = kept.make()
    assert {file.name for file in (kept.backups / "bases").iterdir()} == {
        f"{manifest.backup_id}.manifest",
        Path(manifest.database.name).name,
    }


def test_a_restoration_killed_anywhere_leaves_the_base_in_place_and_opens_nothing(
    kept: Kept, key: Path, environment: dict[str, str]
):
    kept.make()
    approve(kept.at.database, ERASED)
    list(run_erasures(kept.archive))
    restore = ("restore", "base", "--key", str(key), "--replace")
    dice = random.Random(7)
    moments = [("comes back", 0.0), ("comes back", dice.uniform(0.1, 1.5)), ("purge 1", 0.0)]
    for words, after_s in moments:
        assert kill_at(start(kept, environment, *restore), words, after_s=after_s)
        names = {base.name for base in list_bases(kept.at.database)}
        assert kept.at.database.name in names
        assert not any("replaced" in name for name in names)
        assert count(kept.at.database, *ERASED, 6) == 1
        with kept.at.database.transaction("owner") as tx:
            assert tx.execute("SELECT 1 FROM retention.restoration").fetchone() is None
        for name in names - {kept.at.database.name}:
            closed = kept.at.database.renamed(name)
            for login in ("gateway", "portals", "worker"):
                with pytest.raises(RempartError), closed.transaction(login):  # type: ignore[arg-type]
                    pass
    done = start(kept, environment, *restore)
    said, _ = done.communicate()
    assert done.returncode == 0, said
    assert count(kept.at.database, *ERASED) == 0
    assert count(kept.at.database, 6) == 1
