"""`rempart notice lint`: what it prints, and how it ends."""

import json

import pytest
from click.testing import CliRunner
from tests.notice_samples import write_notice

from rempart.cli.notice import notice
from rempart.notices.assembly import format_text


@pytest.fixture
def run():
    return lambda *words: CliRunner().invoke(notice, ["lint", *map(str, words)])


@pytest.fixture
def good(tmp_path):
    path = tmp_path / "good.txt"
    path.write_text(format_text(write_notice()), "utf-8")
    return path


@pytest.fixture
def bad(tmp_path):
    path = tmp_path / "bad.txt"
    path.write_text("Bonjour,\nsoyez rassurés.\n", "utf-8")
    return path


def test_a_notice_without_a_fault_ends_well(run, good):
    result = run(good, "--medium", "letter")
    assert result.exit_code == 0
    assert "0 blocking, 0 warning, 0 hint" in result.output


def test_a_fault_is_shown_with_its_place_and_the_command_fails(run, good, bad):
    result = run(good, bad)
    assert result.exit_code == 1
    assert f"{bad}:2:1: warning [minimising] « soyez rassuré »" in result.output


def test_findings_are_told_in_english_on_request(run, bad):
    assert "Drop it: state the facts" in run(bad, "--report", "en").output


def test_a_program_reads_the_same_as_json(run, good, bad):
    document = json.loads(run(good, bad, "--json").output)
    first, second = document["files"]
    assert first["findings"] == []
    found = next(one for one in second["findings"] if one["rule"] == "minimising")
    assert (found["line"], found["column"], found["severity"]) == (2, 1, "warning")
    assert set(found["message"]) == {"fr", "en"}


def test_a_file_that_is_no_text_is_named_with_the_remedy(run, tmp_path):
    path = tmp_path / "scan.pdf"
    path.write_bytes(b"\xff\xd8")
    result = run(path)
    assert result.exit_code == 1
    assert "scan.pdf is not UTF-8 text (byte 0)" in result.output
