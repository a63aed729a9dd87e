"""What is written: always the same bytes, never half a file, never two data sets in one place."""

import csv
import gzip
import json
import random
from dataclasses import replace
from pathlib import Path

import pytest

from rempart.kernel.errors import Conflict, NotFound
from rempart.synth import FeedFormat, Parameters, plan, read_members, write_data_set
from rempart.synth.data_files import load_rows, load_words
from rempart.synth.folders import COLUMNS

SMALL = Parameters(members=400, seed=3, insurers=6, delta=True)


def read_tree(out):
    return {
        str(path.relative_to(out)): path.read_bytes() for path in out.rglob("*") if path.is_file()
    }


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    out = tmp_path_factory.mktemp("small") / "set"
    write_data_set(SMALL, out)
    return out


def test_the_same_parameters_give_the_same_bytes(small, tmp_path):
    write_data_set(SMALL, tmp_path)
    assert read_tree(tmp_path) == read_tree(small)


def test_several_processes_write_the_same_bytes(small, tmp_path):
    write_data_set(SMALL, tmp_path, jobs=2)
    assert read_tree(tmp_path) == read_tree(small)


def test_chance_from_the_machine_changes_the_bytes(small, tmp_path, monkeypatch):
    monkeypatch.setattr("rempart.synth.feeds.make_dice", lambda *_: random.Random())
    write_data_set(SMALL, tmp_path)
    assert read_tree(tmp_path) != read_tree(small)


def test_another_seed_gives_other_people(small, tmp_path):
    write_data_set(replace(SMALL, seed=4), tmp_path)
    ours = {line["insured_nir"] for i in plan(SMALL).insurers for line in _read(small, i)}
    others = {
        line["insured_nir"] for i in plan(replace(SMALL, seed=4)).insurers
        for line in _read(tmp_path, i)
    }  # fmt: skip
    assert len(ours & others) < len(ours) / 20


def test_the_columns_are_those_of_the_feed_format_in_order(small):
    [first, *_] = sorted((small / "feeds").iterdir())
    assert first.read_text("utf-8").split("\n", 1)[0] == ";".join(COLUMNS)
    assert len(COLUMNS) == 29


def test_no_value_needs_quotes_in_any_style(data_set):
    for line in data_set.lines():
        assert not any(mark in value for value in line.values() for mark in ';,\t"\r\n')


def test_a_feed_read_back_is_what_its_insurers_style_wrote(data_set):
    for insurer in data_set.plan.insurers:
        raw = (data_set.out / "feeds" / f"{insurer.amc_number}.csv").read_bytes()
        text = raw.decode(insurer.style.encoding)
        rows = list(csv.reader(text.splitlines(), delimiter=insurer.style.delimiter))
        lines = data_set.feeds[insurer.amc_number]
        assert [list(line.values()) for line in lines] == rows[1:]
        assert text.endswith(insurer.style.line_end)


@pytest.mark.parametrize("feed_format", [FeedFormat.GZIP, FeedFormat.PARQUET])
def test_gzip_and_parquet_hold_the_same_lines_as_csv(small, tmp_path, feed_format):
    parameters = replace(SMALL, feed_format=feed_format, delta=False)
    for again in ("one", "two"):
        write_data_set(parameters, tmp_path / again)
    assert read_tree(tmp_path / "one") == read_tree(tmp_path / "two")
    for insurer in plan(SMALL).insurers:
        assert list(_read(tmp_path / "one", insurer)) == list(_read(small, insurer))


def test_a_gzipped_feed_is_the_plain_one_packed(small, tmp_path):
    write_data_set(replace(SMALL, feed_format=FeedFormat.GZIP, delta=False), tmp_path)
    for path in (small / "feeds").iterdir():
        packed = tmp_path / "feeds" / f"{path.name}.gz"
        assert gzip.decompress(packed.read_bytes()) == path.read_bytes()


def test_reading_stops_at_the_limit(small):
    [first, *_] = plan(SMALL).insurers
    assert len(list(read_members(small, first.amc_number, limit=5))) == 5


def test_reading_what_is_not_there_says_what_to_do(small, tmp_path):
    with pytest.raises(NotFound, match="rempart synth"):
        read_members(tmp_path, "9920000000")
    with pytest.raises(NotFound, match=r"insurers\.csv"):
        read_members(small, "9900000000")


def test_a_stopped_run_goes_on_where_it_was(small, tmp_path):
    seen = []

    def stop_midway(count):
        seen.append(count)
        if sum(seen) > SMALL.members / 2:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_data_set(SMALL, tmp_path, stop_midway)
    finished = {path: path.stat().st_mtime_ns for path in (tmp_path / ".done").iterdir()}
    assert 0 < len(finished) < 6
    assert not list(tmp_path.rglob("*.part"))
    write_data_set(SMALL, tmp_path)
    assert read_tree(tmp_path) == read_tree(small)
    assert all(path.stat().st_mtime_ns == before for path, before in finished.items())


def test_a_lost_file_is_written_again(small, tmp_path):
    write_data_set(SMALL, tmp_path)
    [first, second, *_] = sorted((tmp_path / "feeds").iterdir())
    first.unlink()
    (tmp_path / "feeds" / f"{second.name}.part").write_bytes(b"half a feed")
    second.unlink()
    next(iter((tmp_path / "deltas").iterdir())).unlink()
    write_data_set(SMALL, tmp_path)
    assert read_tree(tmp_path) == read_tree(small)


def test_progress_adds_up_to_the_members_even_when_all_is_there(small, tmp_path):
    first, second = [], []
    write_data_set(SMALL, tmp_path, first.append)
    write_data_set(SMALL, tmp_path, second.append)
    assert sum(first) == sum(second) == SMALL.members
    assert [count for count in second if count] == [SMALL.members]


def test_another_data_set_is_not_overwritten(small):
    before = read_tree(small)
    with pytest.raises(Conflict, match="--force"):
        write_data_set(replace(SMALL, seed=4), small)
    assert read_tree(small) == before


def test_force_replaces_another_data_set_and_leaves_what_is_not_ours(small, tmp_path):
    write_data_set(replace(SMALL, seed=4, feed_format=FeedFormat.GZIP), tmp_path)
    (tmp_path / "notes.txt").write_text("mine")
    write_data_set(SMALL, tmp_path, force=True)
    assert read_tree(tmp_path) == read_tree(small) | {"notes.txt": b"mine"}


def test_a_directory_with_other_files_is_not_written_in(tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    with pytest.raises(Conflict, match="not empty"):
        write_data_set(SMALL, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_a_data_set_of_another_format_version_is_not_read(small, tmp_path):
    record = json.loads((small / "parameters.json").read_text("utf-8"))
    (tmp_path / "parameters.json").write_text(json.dumps(record | {"format_version": 0}))
    with pytest.raises(Conflict, match="format 0"):
        read_members(tmp_path, "9920000000")


def test_a_full_disk_leaves_no_half_feed_under_its_name(tmp_path, monkeypatch):
    monkeypatch.setattr("rempart.synth.files._TextFeed._flush", _fail_on_full_disk)
    with pytest.raises(OSError, match="No space left"):
        write_data_set(SMALL, tmp_path)
    assert list((tmp_path / "feeds").iterdir()) == []


def test_the_first_names_file_is_whole():
    rows = load_rows("first_names_by_decade.csv", delimiter=",")
    groups = {}
    for row in rows:
        groups.setdefault((row["decade"], row["sex"]), []).append(row)
        assert int(row["births"]) > 0
        row["first_name"].encode("latin-1")
    assert len(groups) == 26
    assert all(len({row["first_name"] for row in group}) == 300 for group in groups.values())
    assert all(
        [int(row["births"]) for row in group]
        == sorted((int(row["births"]) for row in group), reverse=True)
        for group in groups.values()
    )


def test_the_other_data_files_are_whole():
    communes = {row["place"]: row for row in load_rows("communes.csv.gz")}
    departments = load_rows("departments.csv")
    assert len(communes) == 38_772
    assert len(departments) == 101
    assert {row["place"] for row in load_rows("cities.csv")} <= communes.keys()
    assert all(len(row["postcode"]) == 5 for row in communes.values())
    for name in ("surnames.txt", "streets.txt", "insurer_names.txt"):
        words = load_words(name)
        assert len(set(words)) == len(words) >= 50
        "".join(words).encode("latin-1")


def test_every_data_file_has_its_source_and_licence_in_the_readme():
    folder = Path(load_rows.__code__.co_filename).parent / "data"
    readme = (folder / "README.md").read_text("utf-8")
    assert all(path.name in readme for path in folder.iterdir() if path.name != "README.md")


def _read(out, insurer):
    return read_members(out, insurer.amc_number)


def _fail_on_full_disk(_):
    raise OSError(28, "No space left on device")
