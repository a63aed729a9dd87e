"""A synthetic month of look-ups: lawful work, thieves of every kind, and the truth beside them."""

from collections import defaultdict

import numpy as np
import pytest
from click.testing import CliRunner
from pyarrow import parquet

from rempart.cli.synth import synth
from rempart.synth.traffic import BEGIN_MS, write_traffic
from rempart.synth.traffic_parameters import (
    KINDS,
    LAWFUL,
    PACES,
    PRACTICES,
    THIEVES,
    TrafficParameters,
    move_figures,
)
from rempart.synth.traffic_people import (
    SERVER_LINES,
    find_birth_department,
    find_home,
    find_insurer,
    is_found,
    list_canaries,
    make_nobodies,
)

DAY_MS = 86_400_000
PARAMETERS = TrafficParameters(
    accounts=80, days=12, attack_day=8, seed=3, per_kind=2, per_pace=1, distributed=5
)
FILES = ("events", "accounts", "canaries", "truth")


def write(out, **changes):
    values = {name: getattr(PARAMETERS, name) for name in PARAMETERS.__dataclass_fields__}
    write_traffic(TrafficParameters(**(values | changes)), out)
    return {name: parquet.read_table(out / f"{name}.parquet").to_pylist() for name in FILES}


@pytest.fixture(scope="module")
def out(tmp_path_factory):
    return tmp_path_factory.mktemp("traffic")


@pytest.fixture(scope="module")
def month(out):
    return write(out)


def test_the_same_parameters_give_the_same_bytes(out, month, tmp_path):
    write(tmp_path)
    for name in FILES:
        again = (tmp_path / f"{name}.parquet").read_bytes()
        assert again == (out / f"{name}.parquet").read_bytes()


@pytest.mark.parametrize("changes", [{"seed": 4}, {"moved": 1.2}, {"local_victims": 1.0}])
def test_mutation_another_parameter_gives_other_look_ups(month, tmp_path, changes):
    assert write(tmp_path, **changes)["events"] != month["events"]


def test_look_ups_are_in_the_order_of_time_and_within_the_month(month):
    times = [event["time"] for event in month["events"]]
    assert times == sorted(times)
    assert times[0] >= BEGIN_MS
    assert times[-1] < BEGIN_MS + PARAMETERS.days * DAY_MS


def test_every_kind_of_thief_asks_with_accounts_of_its_own_from_the_attack_on(month):
    truth = {row["account"]: row for row in month["truth"]}
    counts = defaultdict(int)
    for row in truth.values():
        counts[row["kind"]] += 1
    sweeps = {f"sweep{pace}" for pace in PACES}
    assert set(counts) == {*KINDS, *sweeps}
    assert counts["distributed"] == 5
    stolen = [event for event in month["events"] if event["stolen"]]
    assert {event["account"] for event in stolen} >= {
        account for account, row in truth.items() if row["kind"] not in {"sweep3", "insider"}
    }
    for event in stolen:
        assert event["time"] >= truth[event["account"]]["from"]
        assert event["time"] >= BEGIN_MS + PARAMETERS.attack_day * DAY_MS


def test_owners_go_on_working_while_their_account_is_stolen(month):
    stolen = {row["account"]: row["from"] for row in month["truth"]}
    still = {
        event["account"]
        for event in month["events"]
        if not event["stolen"] and event["time"] > stolen.get(event["account"], 10**18)
    }
    assert len(still) > 0.8 * len(stolen)


def test_only_the_fastest_thief_comes_from_where_nobody_lawful_does(month):
    kinds = {row["account"]: row["kind"] for row in month["truth"]}
    on_servers = {
        kinds[event["account"]]
        for event in month["events"]
        if event["stolen"] and event["ip"] >= SERVER_LINES
    }
    assert on_servers == {"fast"}
    assert all(e["ip"] < SERVER_LINES for e in month["events"] if not e["stolen"])


def test_only_who_guesses_numbers_meets_planted_people(tmp_path):
    month = write(tmp_path, per_kind=3)
    planted = {row["subject"] for row in month["canaries"]}
    kinds = {row["account"]: row["kind"] for row in month["truth"]}
    met = {kinds[event["account"]] for event in month["events"] if event["subject"] in planted}
    assert met == {"sequential"}


def test_thieves_at_the_workstation_are_where_the_owner_is(tmp_path):
    month = write(tmp_path, at_the_workstation=True)
    own = defaultdict(set)
    for event in month["events"]:
        if not event["stolen"]:
            own[event["account"]].add(event["ip"])
    stolen = [event for event in month["events"] if event["stolen"]]
    elsewhere = sum(event["ip"] not in own[event["account"]] for event in stolen)
    # A line may change address during the attack, and some owners are on holiday.
    assert elsewhere < 0.1 * len(stolen)


def test_thieves_who_ask_again_ask_about_everybody_twice(tmp_path):
    stolen = [event for event in write(tmp_path, asks_again=True)["events"] if event["stolen"]]
    asked = defaultdict(int)
    for event in stolen:
        asked[event["account"], event["subject"]] += 1
    # Not those whose second time would come after the month.
    assert np.mean([count >= 2 for count in asked.values()]) > 0.7


def test_professions_work_at_their_own_pace(month):
    per_day = defaultdict(int)
    accounts = defaultdict(set)
    for event in month["events"]:
        if not event["stolen"]:
            per_day[event["profession"]] += 1
            accounts[event["profession"]].add(event["account"])
    pace = {name: per_day[name] / len(accounts[name]) / PARAMETERS.days for name in per_day}
    assert pace["pharmacy"] > 3 * pace["general_practitioner"] > 3 * pace["physiotherapist"] / 2
    assert 5 < pace["nurse"] < 40


def test_cards_and_typed_identifiers_are_as_the_table_says(month):
    day = [e for e in month["events"] if not e["stolen"] and 8 <= hour_of(e) < 20]
    typed = np.mean([not event["presence"] for event in day])
    missed = np.mean([event["outcome"] == "not_found" for event in day])
    assert 0.04 < typed < 0.16
    assert 0.03 < missed < 0.12


def hour_of(event):
    return (event["time"] - BEGIN_MS) % DAY_MS / 3_600_000


def test_figures_move_by_no_more_than_asked_and_shares_stay_shares():
    figures = move_figures(TrafficParameters(seed=5, moved=1.5))
    for name, value in LAWFUL.items():
        assert value / 1.5 <= figures.lawful[name] <= min(value * 1.5, 0.95) + 1e-9
    assert any(figures.thieves[name] != value for name, value in THIEVES.items())
    for before, after in zip(PRACTICES, figures.practices, strict=True):
        assert after.profession == before.profession
        assert 0 < after.regulars < 1
        assert before.lookups / 1.5 <= after.lookups <= before.lookups * 1.5


def test_unmoved_figures_are_the_table():
    figures = move_figures(TrafficParameters())
    assert dict(figures.lawful) == dict(LAWFUL)
    assert [one.lookups for one in figures.practices] == [one.lookups for one in PRACTICES]


def test_people_live_are_born_and_are_insured_always_the_same():
    people = np.arange(0, 4_000_000, 997)
    assert (find_insurer(people) == find_insurer(people)).all()
    assert set(find_insurer(people)) <= set(range(1, 101))
    born_here = np.mean(find_birth_department(people, 0.3) == find_home(people))
    assert 0.65 < born_here < 0.75
    nobodies = make_nobodies(people)
    assert not is_found(nobodies).any()
    assert (find_insurer(nobodies) == 0).all()
    assert (find_home(nobodies) == find_home(people)).all()
    assert is_found(list_canaries()).all()


@pytest.mark.parametrize(
    "wrong",
    [
        {"accounts": 0},
        {"days": 0},
        {"attack_day": 28},
        {"accounts": 100},
        {"per_kind": -1},
        {"moved": 0.5},
        {"local_victims": 1.5},
        {"seed": -1},
    ],
)
def test_impossible_months_are_refused(wrong):
    with pytest.raises(ValueError):
        TrafficParameters(**wrong)


def test_a_month_without_thieves_and_a_month_of_one_day_are_months(tmp_path):
    month = write(tmp_path / "a", per_kind=0, per_pace=0, distributed=0)
    assert month["truth"] == []
    assert not any(event["stolen"] for event in month["events"])
    short = {"days": 1, "attack_day": 0, "accounts": 40, "per_kind": 1, "distributed": 1}
    assert write(tmp_path / "b", **short)["events"]


def test_the_command_writes_a_month_and_says_what_is_in_it(tmp_path):
    options = "--accounts 40 --days 7 --attack-day 5 --per-kind 1 --per-pace 1 --distributed 2"
    arguments = ["traffic", *options.split(), "--out", str(tmp_path / "m")]
    result = CliRunner().invoke(synth, arguments)
    assert result.exit_code == 0, result.output
    assert "look-ups of 40 accounts in 7 days; 21 accounts are stolen" in result.output
    assert sorted(path.name for path in (tmp_path / "m").iterdir()) == [
        "accounts.parquet", "canaries.parquet", "events.parquet", "parameters.json", "truth.parquet"
    ]  # fmt: skip


def test_the_command_refuses_more_thieves_than_accounts(tmp_path):
    result = CliRunner().invoke(
        synth, ["traffic", "--accounts", "40", "--out", str(tmp_path / "m")]
    )
    assert result.exit_code == 2
    assert "ask for more accounts" in result.output
    assert not (tmp_path / "m").exists()


def test_without_a_subcommand_members_and_a_directory_are_needed():
    result = CliRunner().invoke(synth, ["--seed", "2"])
    assert result.exit_code == 2
    assert "--members and --out are needed" in result.output
