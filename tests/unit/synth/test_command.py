"""`rempart synth`, as somebody types it; and the examples of the docstrings."""

import doctest
import importlib
import pkgutil

import pytest
from click.testing import CliRunner

import rempart.synth
from rempart.cli.synth import synth
from rempart.kernel.errors import Conflict
from rempart.synth import load_parameters


def run(*arguments):
    return CliRunner().invoke(synth, [str(argument) for argument in arguments])


def test_the_command_writes_a_data_set_and_says_what_is_in_it(tmp_path):
    result = run(
        "--members", 200, "--insurers", 5, "--seed", 9, "--out", tmp_path / "set", "--gzip",
        "--today", "2025-03-31", "--professionals", 20, "--delta", "--jobs", 1,
    )  # fmt: skip
    assert result.exit_code == 0, result.output
    assert "200 people in" in result.output
    assert "20 professionals" in result.output
    assert len(list((tmp_path / "set" / "feeds").glob("*.csv.gz"))) == 5
    assert load_parameters(tmp_path / "set").today.isoformat() == "2025-03-31"


def test_the_command_refuses_another_data_set_until_forced(tmp_path):
    arguments = ("--members", 20, "--insurers", 2, "--out", tmp_path / "set", "--jobs", 1)
    assert run(*arguments).exit_code == 0
    refused = run(*arguments, "--seed", 2)
    assert isinstance(refused.exception, Conflict)
    assert run(*arguments, "--seed", 2, "--force").exit_code == 0


@pytest.mark.parametrize(
    "wrong",
    [
        ("--members", "0"),
        ("--members", "10", "--insurers", "0"),
        ("--members", "10", "--today", "tomorrow"),
        ("--members", "10", "--professionals", "-1"),
    ],
)
def test_impossible_options_are_refused_before_anything_is_written(tmp_path, wrong):
    result = run(*wrong, "--out", tmp_path / "set")
    assert result.exit_code == 2
    assert not (tmp_path / "set").exists()


def test_the_examples_of_the_docstrings_are_true():
    tried = 0
    for module in pkgutil.iter_modules(rempart.synth.__path__, "rempart.synth."):
        result = doctest.testmod(importlib.import_module(module.name))
        assert result.failed == 0
        tried += result.attempted
    assert tried >= 5
