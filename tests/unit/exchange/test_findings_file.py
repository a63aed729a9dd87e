"""The findings file is whole or absent."""

import errno
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from rempart.exchange.findings_file import write_findings
from rempart.kernel.errors import Unavailable
from rempart.kernel.findings import Finding

FINDINGS = [
    Finding(None, "", "rule", "Tout.", "Rien; ou presque."),
    Finding(2, "quality", "quality", "« Neuf » n'existe pas.", "1 à 4."),
]


def test_findings_are_written_one_a_line(tmp_path: Path):
    path = tmp_path / "findings.csv"
    assert write_findings(path, FINDINGS) == 2
    assert path.read_text(encoding="utf-8").splitlines() == [
        "line;field;rule;message;advice",
        ';;rule;Tout.;"Rien; ou presque."',
        "2;quality;quality;« Neuf » n'existe pas.;1 à 4.",
    ]
    assert list(tmp_path.iterdir()) == [path]


def test_a_failure_in_the_middle_leaves_the_old_file(tmp_path: Path):
    path = tmp_path / "findings.csv"
    path.write_text("old")

    def fail() -> Iterator[Finding]:
        yield FINDINGS[0]
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(Unavailable, match=r"No space left.*it resumes"):
        write_findings(path, fail())
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_a_directory_that_is_not_there_is_told(tmp_path: Path):
    with pytest.raises(Unavailable, match="No such file or directory"):
        write_findings(tmp_path / "nowhere" / "findings.csv", FINDINGS)
