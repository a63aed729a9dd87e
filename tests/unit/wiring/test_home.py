"""A home is made once: its secrets are closed to others, complete, and never replaced."""

import os
import re
import shutil
import stat
from collections.abc import Callable
from multiprocessing.pool import ThreadPool
from pathlib import Path

import pytest

from rempart.kernel.errors import SetupError
from rempart.storage.roles import LOGINS
from rempart.wiring import home as home_module
from rempart.wiring.home import KEY_BYTES, KEY_NAMES, SEED_NAMES, Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def read_secrets(home: Home) -> dict[str, bytes]:
    return {str(file): file.read_bytes() for file in home.path.rglob("*") if file.is_file()}


def test_a_home_holds_every_key_and_every_password(home: Home):
    keys = [home.key(name) for name in KEY_NAMES]
    assert {len(key) for key in keys} == {KEY_BYTES}
    assert len(set(keys)) == len(keys)
    assert set(home.passwords) == {"admin", *LOGINS}
    assert len(set(home.passwords.values())) == len(home.passwords)
    assert len(home.id) == 8


def test_only_its_owner_reads_a_secret(home: Home):
    for file in home.path.rglob("*"):
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file


def test_making_a_home_again_changes_nothing(home: Home):
    home.log_keys(1)
    before = read_secrets(home)
    again = Home.create(home.path)
    assert again == home
    assert again.log_keys(1) == home.log_keys(1)
    assert read_secrets(home) == before


def test_making_a_home_again_completes_what_a_crash_left_out(home: Home):
    kept = home.key("master")
    home.key_file("lookup").unlink()
    with pytest.raises(SetupError, match="run `rempart init`"):
        Home.open(home.path)
    Home.create(home.path)
    assert Home.open(home.path).key("master") == kept
    assert len(home.key("lookup")) == KEY_BYTES


def test_a_crash_before_the_key_has_its_name_leaves_no_short_key(
    home: Home, monkeypatch: pytest.MonkeyPatch
):
    def crash(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(home_module.os, "fsync", crash)
    with pytest.raises(KeyboardInterrupt):
        home.log_keys(1)
    monkeypatch.undo()
    assert [len(seed) for seed in home.log_keys(1)] == [KEY_BYTES]


def test_a_log_is_given_another_key_beside_those_it_has(home: Home):
    [first] = home.log_keys(1)
    second = home.draw_log_key(1)
    third = home.draw_log_key(1)
    assert home.log_keys(1) == [first, second, third]
    assert len(home.log_keys(11)) == 1
    (home.path / "keys" / "log-1.ed25519").unlink()
    assert home.log_keys(1) == [second, third]


def test_two_processes_at_once_agree_on_one_key(tmp_path: Path):
    def make(_: int) -> bytes:
        return Home.create(tmp_path / "home").key("lookup")

    with ThreadPool(8) as pool:
        assert len(set(pool.map(make, range(8)))) == 1
    home = Home.open(tmp_path / "home")
    with ThreadPool(8) as pool:
        assert len(set(pool.map(lambda _: home.log_keys(3)[0], range(8)))) == 1
    assert not list(home.path.rglob(".*"))


def test_each_log_signs_with_a_key_of_its_own(home: Home):
    assert home.log_keys(1)[0] != home.log_keys(2)


@pytest.mark.parametrize(
    "damage",
    [
        lambda home: home.key_file("lookup").write_bytes(b"short"),
        lambda home: (home.path / "keys/log-1.ed25519").write_bytes(b""),
        lambda home: (home.path / "secrets/passwords.json").write_text('{"admin": "x"}'),
        lambda home: (home.path / "secrets/passwords.json").write_text("{"),
    ],
)
def test_a_damaged_secret_is_to_be_restored_never_replaced(
    home: Home, damage: Callable[[Home], None]
):
    damage(home)
    with pytest.raises(SetupError, match="restore it"):
        (home.key("lookup"), home.log_keys(1)[0], home.passwords)


@pytest.mark.parametrize("ahead", [True, False])
def test_a_home_is_copied_with_every_key_it_will_need(home: Home, tmp_path: Path, ahead: bool):
    """Two machines of one installation sign with the same keys; drawn later, each has its own."""
    if ahead:
        home.draw_seeds([0, 1, 2])
    shutil.copytree(home.path, tmp_path / "copy")
    copy = Home.open(tmp_path / "copy")
    for name in SEED_NAMES:
        assert (home.signing_seed(name) == copy.signing_seed(name)) is ahead
    for log_id in (0, 1, 2):
        assert (home.log_keys(log_id) == copy.log_keys(log_id)) is ahead


def test_every_key_that_the_product_asks_for_by_name_is_drawn_ahead():
    asked = re.compile(r'signing_seed\((?:"([a-z-]+)"|([A-Z_]+))\)')
    constant = re.compile(r'^([A-Z_]+)(?:: Final)? = "([a-z-]+)"$', re.MULTILINE)
    found = set()
    for file in Path(home_module.__file__).parents[1].rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        named = dict(constant.findall(text))
        found |= {literal or named[name] for literal, name in asked.findall(text)}
    assert found == set(SEED_NAMES)


def test_a_place_that_is_not_a_home_says_which_command_makes_one(tmp_path: Path):
    with pytest.raises(SetupError, match=r"is not a complete home: run `rempart init`"):
        Home.open(tmp_path / "nothing")


def test_a_place_that_cannot_be_written_says_what_to_set(tmp_path: Path):
    (tmp_path / "file").touch()
    with pytest.raises(SetupError, match="set REMPART_HOME"):
        Home.create(tmp_path / "file" / "home")


def test_a_home_shows_no_secret(home: Home):
    assert repr(home) == f"Home(path={home.path!r})"


def test_a_home_of_root_lets_the_server_s_user_pass_and_nobody_look(home: Home):
    expected = 0o711 if os.geteuid() == 0 else 0o700
    assert stat.S_IMODE(home.path.stat().st_mode) == expected
    for name in ("keys", "secrets", "run"):
        assert stat.S_IMODE((home.path / name).stat().st_mode) == 0o700
