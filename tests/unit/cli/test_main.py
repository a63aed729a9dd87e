"""The door of the command line: what is refused is one clear line, and holds nothing of a file."""

import io
import sys
from pathlib import Path

import click
import pytest

from rempart.cli import main as door
from rempart.kernel.amc import AmcNumber


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch):
    """A function that runs `rempart` with a command that does one thing."""

    def start(act) -> int:
        @click.command()
        def cli() -> None:
            act()

        monkeypatch.setattr(door, "cli", cli)
        monkeypatch.setattr(sys, "argv", ["rempart"])
        with pytest.raises(SystemExit) as end:
            door.main()
        return int(end.value.code or 0)

    return start


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16"])
def test_a_file_in_another_encoding_is_refused_in_a_line(
    run, encoding: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    file = tmp_path / "professionals.csv"
    file.write_bytes("family_name;first_name\nLefèvre;Zoé\n".encode(encoding))
    assert run(lambda: file.read_text(encoding="utf-8-sig")) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("rempart: a file given here is not text in UTF-8")
    assert line.endswith("[invalid_request]")
    assert "0x" not in line


def test_a_number_that_cannot_be_is_refused_in_a_line(run, capsys: pytest.CaptureFixture[str]):
    assert run(lambda: AmcNumber.parse("12")) == 1
    [line] = capsys.readouterr().err.splitlines()
    assert line.startswith("rempart: The AMC number")


def test_a_terminal_that_lacks_a_letter_gets_its_number(run, monkeypatch: pytest.MonkeyPatch):
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding="latin-1", write_through=True) as terminal:
        monkeypatch.setattr(sys, "stdout", terminal)
        assert run(lambda: print("Opérateur, job 3…")) == 0
        assert written.getvalue() == "Opérateur, job 3\\u2026\n".encode("latin-1")


def test_a_bug_is_no_refusal(run):
    with pytest.raises(ZeroDivisionError):
        run(lambda: 1 // 0)
