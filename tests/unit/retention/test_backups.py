"""A backup is believed if this installation signed what it says; none is kept too long."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rempart.disclosure.note import NoteSigner
from rempart.retention.backups import (
    BackupManifest,
    BackupPart,
    LogHead,
    ManifestRefused,
    choose_kept,
    compute_end,
    find_needed,
    name_backup,
    parse_manifest,
    sign_manifest,
)

SIGNER = NoteSigner("rempart.invalid/00000000/backups", bytes([1] * 32))
NOW = datetime(2026, 11, 23, 1, 36, tzinfo=UTC)
BASE = BackupPart(name="bases/x.database.age", sha256="0" * 64, size=10, holds="database")
FILE = BackupPart(
    name=f"segments/{'1' * 64}.age",
    sha256="2" * 64,
    size=5,
    holds="log-1/0.by-account.parquet",
    plain_sha256="1" * 64,
)
MANIFEST = BackupManifest(
    backup_id=name_backup(NOW, b"\x01\x02\x03"),
    home_id="00000000",
    made_at=NOW,
    program="0.1.0",
    server="18.0",
    migrations=("0001_foundation", "0033_purges"),
    purge=4,
    purge_digest="3" * 64,
    settled=4,
    logs=(LogHead(log_id=0, size=3, root="4" * 64), LogHead(log_id=1, size=900, root="5" * 64)),
    recipients=("age1x",),
    parts=(BASE, FILE),
)


def test_a_manifest_is_read_as_it_was_signed():
    assert parse_manifest(sign_manifest(MANIFEST, SIGNER), SIGNER.verifier) == MANIFEST
    assert (MANIFEST.database, MANIFEST.segments, MANIFEST.size) == (BASE, (FILE,), 15)


def test_a_backup_is_named_by_its_instant():
    assert MANIFEST.backup_id == "20261123T013600Z-010203"


@pytest.mark.parametrize(
    ("written", "instead"),
    [("900", "901"), ("0" * 64, "1" * 64), ('"purge": 4', '"purge": 5'), ("18.0", "17.0")],
)
def test_mutation_a_manifest_that_was_changed_is_refused(written: str, instead: str):
    signed = sign_manifest(MANIFEST, SIGNER)
    assert written in signed
    with pytest.raises(ManifestRefused, match="signature"):
        parse_manifest(signed.replace(written, instead, 1), SIGNER.verifier)


def test_mutation_a_manifest_of_another_installation_is_refused():
    other = NoteSigner(SIGNER.name, bytes([2] * 32))
    with pytest.raises(ManifestRefused, match="not signed by this installation"):
        parse_manifest(sign_manifest(MANIFEST, other), SIGNER.verifier)


@pytest.mark.parametrize(
    "text", ["rempart backup v2\n{}\n", "rempart backup v1\n{}\n", "rempart backup v1\n[1\n", "x\n"]
)
def test_what_is_no_manifest_is_refused_even_signed(text: str):
    with pytest.raises(ManifestRefused):
        parse_manifest(SIGNER.sign(text), SIGNER.verifier)


@pytest.mark.parametrize(
    "change",
    [
        {"parts": ()},
        {"parts": (BASE, BASE)},
        {"parts": (replace(BASE, name="../keys/master.key"),)},
        {"parts": (BASE, replace(FILE, holds="/etc/passwd"))},
        {"parts": (replace(BASE, sha256="x"),)},
        {"backup_id": "latest"},
        {"made_at": datetime(2026, 1, 1)},  # noqa: DTZ001 - what must be refused
    ],
)
def test_a_manifest_that_cannot_be_is_refused(change: dict[str, object]):
    with pytest.raises(ManifestRefused):
        replace(MANIFEST, **change)


def days_ago(*days: float) -> list[datetime]:
    return [NOW - timedelta(days=day) for day in days]


def test_every_backup_of_a_week_is_kept_then_the_first_of_each_week():
    made = days_ago(*range(60))
    kept, removed = choose_kept(made, now=NOW, keep_days=35)
    assert [(NOW - one).days for one in reversed(kept)] == [0, 1, 2, 3, 4, 5, 6, 7, 14, 21, 28, 35]
    assert len(kept) + len(removed) == 60


@pytest.mark.parametrize(
    ("days", "left"),
    [
        ([], []),
        ([0], [0]),
        ([35], [35]),
        ([36], [36]),  # the newest stays, however old
        ([36, 400], [36]),
        ([7, 7.5], [7, 7.5]),  # one of the last week, one of the week before
        ([0, 8, 9], [0, 9]),
    ],
)
def test_borders_of_how_long_backups_are_kept(days: list[float], left: list[float]):
    kept, _removed = choose_kept(days_ago(*days), now=NOW, keep_days=35)
    assert sorted((NOW - one) / timedelta(days=1) for one in kept) == sorted(left)


@given(st.lists(st.floats(0, 500), max_size=40), st.integers(1, 366))
def test_nothing_but_the_newest_outlives_its_time_and_something_is_always_left(
    days: list[float], keep_days: int
):
    made = days_ago(*days)
    kept, removed = choose_kept(made, now=NOW, keep_days=keep_days)
    assert sorted([*kept, *removed]) == sorted(made)
    assert bool(kept) == bool(made)
    for one in kept:
        assert one == max(made) or NOW - one <= timedelta(days=keep_days)
    # Looking twice changes nothing.
    assert choose_kept(kept, now=NOW, keep_days=keep_days) == (kept, [])


def test_the_end_of_a_backup_is_its_age_and_what_it_needs_the_least_it_knows():
    assert compute_end(NOW, keep_days=35) == NOW + timedelta(days=35)
    assert find_needed([MANIFEST, replace(MANIFEST, purge=9, settled=2)]) == 2
    assert find_needed([]) == 0
