"""The folder of a scope: whole or not there, its owner's, the same bytes twice, safe to open."""

import csv
import json
import re
import stat
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tests.scope_samples import (
    AMC,
    HIT,
    PEOPLE,
    START_MS,
    World,
    ask_world,
    make_fact,
    make_past,
    make_raid,
    make_world,
    read_csv,
)

from rempart.exchange.scope_inputs import ScopeRefused
from rempart.storage.analytics import Means
from rempart.workflows.scope import scope_logs as workflow


@pytest.fixture
def ask(monkeypatch):
    """Asks a world: see `ask_world`."""
    return partial(ask_world, monkeypatch)


def read_all(folder: Path) -> dict[str, bytes]:
    return {
        str(one.relative_to(folder)): one.read_bytes()
        for one in sorted(folder.rglob("*"))
        if one.is_file()
    }


def test_the_same_inputs_give_the_same_bytes(ask, tmp_path):
    ask(make_world(tmp_path))
    first = read_all(tmp_path / "answer")
    ask(make_world(tmp_path), force=True)
    assert read_all(tmp_path / "answer") == first
    assert {"summary.json", "report.pdf", "report.html", "method.txt", "coverage.json"} < set(first)
    assert f"insurers/{AMC}/persons.parquet" in first


def test_only_its_owner_reads_an_answer(ask, tmp_path):
    ask(make_world(tmp_path))
    modes = {
        (one.is_dir(), stat.S_IMODE(one.stat().st_mode)) for one in (tmp_path / "answer").rglob("*")
    }
    assert modes == {(True, 0o700), (False, 0o600)}
    assert stat.S_IMODE((tmp_path / "answer").stat().st_mode) == 0o700
    assert not (tmp_path / "work").exists()


def test_an_answer_is_whole_or_not_there(ask, tmp_path, monkeypatch):
    def stop(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    world = make_world(tmp_path)
    monkeypatch.setattr(workflow, "write_answer", stop)
    with pytest.raises(KeyboardInterrupt):
        ask(world)
    assert not (tmp_path / "answer").exists()
    assert not list(tmp_path.glob(".answer*"))
    assert (tmp_path / "work" / "facts").is_dir()
    assert not list((tmp_path / "work").glob("*.duckdb*"))


def test_an_answer_is_replaced_only_when_asked_and_other_folders_never(ask, tmp_path):
    world = make_world(tmp_path)
    ask(world)
    with pytest.raises(ScopeRefused, match="--force"):
        ask(world)
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").write_text("x")
    with pytest.raises(ScopeRefused, match="holds no answer"):
        ask(world, out=other, force=True)
    assert (other / "precious").read_text() == "x"


def test_what_changed_since_an_answer_is_told_person_by_person(ask, tmp_path):
    first = World(
        tmp_path,
        [*make_past(), *make_raid([one.typed for one in HIT], agent="firefox")],
        people=PEOPLE,
    )
    first.facts = [one for one in first.facts if one["person"] != HIT[0].typed]
    ask(first, out=tmp_path / "before")
    second = World(
        tmp_path,
        [*make_past(), *make_raid([one.typed for one in HIT[:19]], agent="firefox")],
        people=PEOPLE,
    )
    figures = ask(second, since=tmp_path / "before")
    assert figures["changes"] == {
        "added": 1,
        "removed": 1,
        "raised": 0,
        "lowered": 0,
        "changed": 0,
    }
    rows = {one["change"]: one for one in read_csv(tmp_path / "answer" / "diff.csv")}
    assert rows["added"]["insured_nir"] == HIT[0].nir[:13]
    assert rows["removed"]["insured_nir"] == HIT[19].nir[:13]
    with pytest.raises(ScopeRefused, match="no answer to compare"):
        ask(second, since=tmp_path, out=tmp_path / "third")


def test_what_a_log_holds_never_becomes_a_formula(ask, tmp_path):
    world = make_world(tmp_path, people=())
    world.facts = [
        *world.facts,
        make_fact(START_MS + 1, person="=HYPERLINK(0)", session="@SUM(1)"),
        make_fact(START_MS + 2, person=' +1"; x'),
    ]
    ask(world)
    for path in (tmp_path / "answer").rglob("*.csv"):
        with path.open(encoding="utf-8-sig", newline="") as file:
            cells = [cell for row in csv.reader(file, delimiter=";") for cell in row]
        assert not [cell for cell in cells if re.match(r"\s*[=+@-]", cell)], path.name


def test_a_report_names_nobody_and_needs_nothing(ask, tmp_path):
    ask(make_world(tmp_path))
    page = (tmp_path / "answer" / "report.html").read_text("utf-8")
    assert not [one for one in HIT if one.nir[:13] in page]
    assert "<script" not in page
    assert not re.search(r"(src|href)=", page)
    assert '<html lang="fr">' in page
    assert page.count("<table>") == page.count("<caption>") == page.count("</table>")
    assert "<svg" in page
    assert (tmp_path / "answer" / "report.pdf").read_bytes().startswith(b"%PDF")


def test_a_report_is_in_english_when_asked(ask, tmp_path):
    ask(make_world(tmp_path, period=None), language="en")
    page = (tmp_path / "answer" / "report.html").read_text("utf-8")
    assert '<html lang="en">' in page
    assert "Nobody can be excluded by the logs, because:" in page


def test_the_method_names_rules_and_digests_and_no_folder(ask, tmp_path):
    ask(make_world(tmp_path))
    method = (tmp_path / "answer" / "method.txt").read_text("utf-8")
    assert "ab" * 32 in method
    assert "registry: feed.csv, 60 rows" in method
    assert str(tmp_path) not in "".join(
        one.decode("utf-8", "replace") for one in read_all(tmp_path / "answer").values()
    )


def test_memory_is_bounded_and_what_does_not_fit_goes_to_disk(ask, tmp_path):
    """Sixty thousand look-ups with 60 MB, as a hundred gigabytes with two."""
    people = [f"{n:013d}" for n in range(60_000)]
    facts = make_raid(people)
    for place, fact in enumerate(facts):
        fact["t_ms"] = START_MS + place
    world = World(tmp_path, facts)
    figures = ask(world, means=Means(memory="60MB", threads=1))
    assert figures["not_in_registry"]["B"] + figures["not_in_registry"]["A"] == 60_000
    summary = json.loads((tmp_path / "answer" / "summary.json").read_text("utf-8"))
    assert summary["logs"]["facts"] == 60_000
