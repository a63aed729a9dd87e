"""`rempart guard replay`, as somebody types it."""

import json

import pytest
from click.testing import CliRunner
from pyarrow import parquet

from rempart.cli import guard_replay
from rempart.cli.guard import guard
from rempart.exchange.guard_columns import EventsRefused
from rempart.synth.traffic import write_traffic
from rempart.synth.traffic_parameters import TrafficParameters


@pytest.fixture(scope="module")
def month(tmp_path_factory):
    out = tmp_path_factory.mktemp("month")
    write_traffic(
        TrafficParameters(
            accounts=60, days=12, attack_day=9, seed=2, per_kind=1, per_pace=1, distributed=2
        ),
        out,
    )
    return out


def run(month, *arguments, files=("accounts", "canaries", "truth")):
    named = [part for name in files for part in (f"--{name}", str(month / f"{name}.parquet"))]
    return CliRunner().invoke(
        guard, ["replay", str(month / "events.parquet"), *named, *map(str, arguments)]
    )


def test_a_month_is_replayed_scored_and_told_by_profession(month):
    result = run(month, "--warm-up-days", 9)
    assert result.exit_code == 0, result.output
    for words in ("look-ups of 60 accounts", "pharmacy", "Rules in force", "Persons per stolen",
                  "False containments", "sweep1280", "per 100 000"):  # fmt: skip
        assert words in result.output


def test_the_same_files_give_the_same_decisions_on_every_run(month, tmp_path):
    for name in ("one", "two"):
        assert run(month, "-o", tmp_path / name).exit_code == 0
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    table = parquet.read_table(tmp_path / "one")
    assert table.num_rows == parquet.read_metadata(month / "events.parquet").num_rows
    assert table["index"].to_pylist() == list(range(table.num_rows))
    assert {"none", "presence_only"} <= set(table["step"].to_pylist())


def test_machines_get_one_json_object(month):
    record = json.loads(run(month, "--json", "--warm-up-days", 9).output)
    assert record["accounts"] == 60
    assert record["score"]["worst"] >= record["score"]["mean"] > 0
    assert len(record["score"]["kinds"]) == 20
    assert record["out_of_order"] == 0


def test_without_the_truth_there_is_no_score_and_nobody_is_released(month):
    held = run(month, "--json", files=("accounts",))
    record = json.loads(held.output)
    assert "score" not in record
    assert record["contained_at_the_end"] == sum(
        one["containments"] for one in record["professions"].values()
    )
    trusted = json.loads(run(month, "--json", "--assume-lawful", files=("accounts",)).output)
    assert trusted["contained_at_the_end"] < record["contained_at_the_end"]


def test_files_beside_the_look_ups_are_optional(month):
    result = run(month, files=())
    assert result.exit_code == 0, result.output
    assert "look-ups of 60 accounts" in result.output


@pytest.mark.parametrize(
    ("arguments", "files", "said"),
    [
        (("--review-hours", 4), ("accounts",), "add --truth, or --assume-lawful"),
        (("--assume-lawful",), ("truth",), "--assume-lawful is for replays without --truth"),
        (("--days-over", 0), (), "--days-over"),
        (("--false-containments", 1000), (), "--false-containments"),
        (("--review-hours", -1, "--assume-lawful"), (), "--review-hours"),
    ],
)
def test_options_that_contradict_each_other_are_refused(month, arguments, files, said):
    result = run(month, *arguments, files=files)
    assert result.exit_code == 2
    assert said in result.output


def test_a_file_of_something_else_is_refused_by_name(month):
    result = CliRunner().invoke(guard, ["replay", str(month / "canaries.parquet")])
    assert isinstance(result.exception, EventsRefused)
    assert "canaries.parquet has no column time, account" in str(result.exception)


def test_an_interruption_leaves_no_file_and_says_so(month, tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(guard_replay, "replay_month", stop)
    result = run(month, "-o", tmp_path / "decisions.parquet")
    assert result.exit_code == guard_replay.EXIT_INTERRUPTED
    assert "No decision was written" in result.output
    assert list(tmp_path.iterdir()) == []
