"""Hostile input to every parser of what strangers write: a refusal it says, in time, or an answer.

`make fuzz` looks further, for as long as one likes; what it finds is kept in tests/data/fuzz and is
read again here.
"""

import ast
import json
import random
import resource
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from tests.fuzzing import corpus, target
from tests.fuzzing.corpus import CORPUS, keep, load_corpus, load_kept
from tests.fuzzing.mutate import mutate
from tests.fuzzing.target import MOST_BYTES, Target, TooSlow, Wrong, try_input
from tests.fuzzing.targets import TARGETS

from rempart.kernel.errors import InvalidRequest

ROOT = Path(__file__).parents[2]
# Processor time for one parser here, and changed inputs at most: minutes of `make fuzz` do more.
SECONDS = 0.4
MUTATIONS = 2_000
MOST_MEMORY_KB = 400_000
# Arrow takes the memory that a page of Parquet announces, two gigabytes at most; where there is no
# fuzzing, a process with a limit does.
PARQUET = {"feed", "guard_events", "log_sample", "parquet_log"}
PARQUET_MEMORY_KB = 2_400_000
FOREIGN = {"str", "bytes", "Path", "BinaryIO", "Iterable[bytes]", "Iterable[str]", "Readable"}
# What another parser of the table calls, and which.
READ_THROUGH = {
    "benefit_file.read_choice": "benefit_tables",
    "benefit_inputs.read_all": "standing",
    "contact_cells.read_date": "contact_list",
    "contact_cells.read_reference": "contact_list",
    "contact_cells.read_text": "contact_list",
    "feed_fields.read_amc_number": "feed",
    "feed_fields.read_birth_date": "feed",
    "feed_fields.read_birth_rank": "feed",
    "feed_fields.read_card_code": "feed",
    "feed_fields.read_date": "feed",
    "feed_fields.read_nir": "feed",
    "feed_fields.read_optional_date": "feed",
    "feed_fields.read_optional_nir": "feed",
    "foreign_parts.read_part": "web_log",
    "foreign_pattern.read_pattern": "pattern_log",
    "foreign_table.read_parquet": "parquet_log",
    "foreign_time.read_times": "csv_log",
    "guard_events.read_thefts": "guard_events",
    "maildir.read_message": "delivery_report",
    "package_note.read_package": "package",
    "postal_returns.read_reason": "postal_returns",
    "proof_code.read_proof_code": "proof_code",
    "psc.parse_national_id": "psc_identity",
}
# Our own answers, read again before they leave: whatever breaks there is a bug, and told as one.
OURS = {"fhir_quote.read_response_fields", "rights_answer.read_fields"}


@pytest.fixture(params=sorted(TARGETS))
def parser(request) -> Target:
    return TARGETS[request.param]


@pytest.mark.filterwarnings("default")
def test_a_parser_takes_or_refuses_whatever_it_is_given(parser):
    memory = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    good = load_corpus(parser)
    assert good
    for data in good:
        try_input(parser, data)
    chance = random.Random()
    end = time.process_time() + SECONDS
    for _ in range(MUTATIONS):
        if time.process_time() > end:
            break
        try_input(parser, mutate(good, chance, most=MOST_BYTES))
    grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - memory
    assert grown < (PARQUET_MEMORY_KB if parser.name in PARQUET else MOST_MEMORY_KB)


def test_a_good_input_of_each_parser_is_taken(parser):
    """Otherwise only its first line would be tried."""
    assert any(try_input(parser, data) for data in parser.seeds())


def test_a_refusal_is_a_kind_of_our_own_or_a_bad_value(parser):
    for kind in parser.refusals:
        assert kind is ValueError or kind.__module__.startswith("rempart.")


def test_every_file_of_the_corpus_is_of_a_parser():
    names = {path.stem for path in CORPUS.glob("*.txt")}
    assert names <= TARGETS.keys()


def make(read, *refusals) -> Target:
    return Target(name="sample", read=read, seeds=lambda: [b"1"], refusals=refusals)


def refuse(_: bytes) -> None:
    raise InvalidRequest("no")


def wait(_: bytes) -> None:
    while True:
        pass


def test_mutation_a_parser_that_breaks_or_waits_is_told(monkeypatch):
    monkeypatch.setattr(target, "LONGEST_S", 0.05)
    assert not try_input(make(refuse), b"")
    assert not try_input(make(int, ValueError), b"x")
    assert try_input(make(int), b"1")
    for read, cause in ((int, ValueError), (lambda data: data[9], IndexError), (wait, TooSlow)):
        with pytest.raises(Wrong) as told:
            try_input(make(read), b"x")
        assert isinstance(told.value.__cause__, cause)
    with pytest.raises(Wrong):
        try_input(make(lambda data: pytest.fail if data[9:] else data.decode("ascii")), b"\xff")


def test_mutation_a_broken_parser_is_found_by_what_is_tried():
    """A parser that breaks on a value in JSON, a cut, and a very deep document."""

    def read(data: bytes) -> None:
        try:
            document = json.loads(data)
        except ValueError as bad:
            raise InvalidRequest("no JSON") from bad
        assert document["a"]["b"] is not None

    chance, found = random.Random(1), set()
    for _ in range(6_000):
        try:
            try_input(make(read), mutate([b'{"a": {"b": 1}}'], chance, most=MOST_BYTES))
        except Wrong as wrong:
            found.add(type(wrong.__cause__))
    assert {KeyError, TypeError, AssertionError, RecursionError} <= found


def test_what_is_kept_is_read_back_once(tmp_path):
    assert keep("x", [b"\0\xff", b"a", b"a"], why="IndexError", folder=tmp_path) == 2
    assert keep("x", [b"a", b"b"], folder=tmp_path) == 1
    assert load_kept("x", tmp_path) == [b"\0\xff", b"a", b"b"]
    assert load_kept("y", tmp_path) == []
    assert corpus.CORPUS.is_dir()


def list_parsers() -> Iterator[str]:
    """Public functions of `exchange` and `kernel` that read bytes, text or a file."""
    for folder in ("exchange", "kernel"):
        for path in sorted((ROOT / "src" / "rempart" / folder).glob("*.py")):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                if isinstance(node, ast.FunctionDef) and node.name.startswith(("parse", "read_")):
                    given = [
                        ast.unparse(one.annotation) for one in node.args.args if one.annotation
                    ]
                    if FOREIGN & set(given):
                        yield f"{path.stem}.{node.name}"


def find_untried(parsers: Iterable[str]) -> list[str]:
    """Return the parsers that no target names, and that no other calls."""
    here = Path(__file__).parent
    named = {
        getattr(node, "id", None) or getattr(node, "attr", None)
        for path in here.glob("[!t]*.py")
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
    }
    known = READ_THROUGH.keys() | OURS
    return [one for one in parsers if one not in known and one.partition(".")[2] not in named]


def test_every_parser_is_tried():
    parsers = sorted(set(list_parsers()))
    assert find_untried(parsers) == []
    assert set(READ_THROUGH.values()) <= TARGETS.keys()
    assert READ_THROUGH.keys() | OURS <= set(parsers)


def test_mutation_a_parser_nobody_tries_is_named():
    assert find_untried(["bank_statement.read_bank_file", "x.read_new"]) == ["x.read_new"]
