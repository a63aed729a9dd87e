"""`rempart backup` and `rempart restore`, as an operator types them on the worst day."""

import json
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from rempart.cli.main import main
from rempart.storage.server import list_migrations

Run = Callable[..., str]


@pytest.fixture
def run(
    reachable_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> Iterator[Run]:
    """A `rempart` whose home, backups and keys are in three places; returns what it printed."""
    monkeypatch.delenv("DATABASE_URL", raising=False)
    monkeypatch.setenv("REMPART_HOME", str(reachable_path / "home"))
    monkeypatch.setenv("REMPART_BACKUPS", str(reachable_path / "backups"))

    def call(*arguments: str, expect: int = 0) -> str:
        monkeypatch.setattr(sys, "argv", ["rempart", *arguments])
        with pytest.raises(SystemExit) as end:
            main()
        printed = "".join(capfd.readouterr())
        assert (end.value.code or 0) == expect, printed
        return printed

    yield call
    if (reachable_path / "home" / "id").exists():
        call("db", "stop")


def test_everything_is_lost_and_comes_back_from_three_places(run: Run, reachable_path: Path):
    key, keys = str(reachable_path / "usb.key"), str(reachable_path / "home.age")
    owner = ("db", "shell", "--role", "owner", "--", "-qAt", "-c")
    run("init")
    run("db", "start")
    assert "run `rempart backup key`" in run("backup", "make", expect=1)
    inside = str(reachable_path / "home" / "x.key")
    assert "is not kept in the home" in run("backup", "key", inside, expect=1)
    told = run("backup", "key", key)
    [recipient] = [word for word in told.split() if word.startswith("age1")]
    assert "take it away" in told
    assert Path(key).stat().st_mode & 0o077 == 0
    assert "exists" in run("backup", "key", key, expect=1)
    beside = str(reachable_path / "backups" / "home.age")
    assert "kept apart" in run("backup", "keys", beside, expect=1)
    assert recipient in run("backup", "keys", keys)
    assert "exists" in run("backup", "keys", keys, expect=1)

    run(*owner, "INSERT INTO accounts.professional VALUES (1, 'r', 'p', 'n', NULL)")
    assert "there is no backup" in run("backup", "list")
    assert "read back" in run("backup", "make")
    [listed] = [json.loads(line) for line in run("backup", "list", "--json").splitlines()]
    assert (listed["schema"], listed["recipients"]) == (list_migrations()[-1], [recipient])
    assert "files are as written" in run("backup", "verify", "--every")
    tried = json.loads(run("backup", "try", "--key", key, "--json").splitlines()[0])
    assert tried["backup_id"] == listed["backup"]
    known = "SELECT count(*) FROM retention.backup WHERE tried_s >= 0 AND verified_at > made_at"
    assert run(*owner, known).strip() == "1"
    assert "was never restored" in run("restore", "status")
    assert "say --replace" in run("restore", "base", "--key", key, expect=1)
    assert "no such backup" in run("restore", "base", "nothing", "--key", key, expect=1)
    assert "none is missing" in run("backup", "journal")

    # The machine burns: home, keys, database.
    run("db", "stop")
    shutil.rmtree(reachable_path / "home")
    assert "is not a complete home" in run("restore", "base", "--key", key, expect=1)
    stranger = reachable_path / "other.key"
    stranger.write_text("# nothing\n")
    assert "holds no key" in run("restore", "keys", keys, "--key", str(stranger), expect=1)
    assert "restore base" in run("restore", "keys", keys, "--key", key)
    assert "is a home already" in run("restore", "keys", keys, "--key", key, expect=1)
    restored = run("restore", "base", "--key", key)
    assert f"restored {listed['backup']}" in restored
    assert run(*owner, "SELECT account_ref FROM accounts.professional") == "1\n"
    denied = ("db", "shell", "--role", "gateway", "--", "-c", "SELECT FROM identity.person")
    assert "permission denied" in run(*denied, expect=1)
    status = json.loads(run("db", "status", "--json"))
    assert status["running"] is False

    # On the same machine: the base in place is kept aside, then dropped.
    run("db", "start")
    run(*owner, "DELETE FROM accounts.professional")
    again = run("restore", "base", "--key", key, "--replace")
    assert "the base it replaced is rempart_replaced_" in again
    assert run(*owner, "SELECT account_ref FROM accounts.professional") == "1\n"
    assert "kept beside: rempart_replaced_" in run("restore", "status")
    assert "dropped rempart_replaced_" in run("restore", "clean", "--yes")
    assert "runs may go on" in run("restore", "payments", "--reason", "nothing was sent")
    assert "0 files" in run("restore", "finish", "--key", key)
    assert "0 purges" in run("restore", "purges")
    run("backup", "prune")


def test_what_is_no_file_of_keys_makes_no_home(
    run: Run, reachable_path: Path, monkeypatch: pytest.MonkeyPatch
):
    key = str(reachable_path / "usb.key")
    run("init")
    run("backup", "key", key)
    garbage = reachable_path / "garbage.age"
    garbage.write_bytes(b"age-encryption.org/v1\n")
    with monkeypatch.context() as elsewhere:
        elsewhere.setenv("REMPART_HOME", str(reachable_path / "new"))
        refused = run("restore", "keys", str(garbage), "--key", key, expect=1)
    assert "changed, or cut short" in refused
    assert not (reachable_path / "new").exists()
