"""`rempart scope` as people run it: on public logs, with a mapping that comes with the project."""

import csv
import json
import re
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.scope_samples import read_csv, write_lines

from rempart.cli import scope as command
from rempart.cli.scope import scope

ROOT = Path(__file__).parents[2]
LOGS = ROOT / "tests" / "data" / "foreign"
MAPPINGS = ROOT / "examples" / "mappings"
STORY = LOGS / "aws" / "SDAWS-200914011940.yaml"
ROLE = "MordorNginxStack-BankingWAFRole-9S3E0UAE1MM0"
KEYS = "ASIA5FLZVX4OPVKKVBMX"


def run(*arguments: object) -> tuple[int, str, str]:
    result = CliRunner().invoke(scope, [str(one) for one in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result.exit_code, result.stdout, result.stderr


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """The 103 events of the AWS case, unpacked."""
    with zipfile.ZipFile(LOGS / "aws" / "ec2_proxy_s3_exfiltration.zip") as archive:
        [name] = archive.namelist()
        return Path(archive.extract(name, tmp_path))


def ask_aws(events: Path, out: Path, *lines: str, since: Path | None = None) -> dict:
    accounts = write_lines(out.with_suffix(".csv"), *lines)
    code, _, errors = run(
        events,
        "--mapping",
        MAPPINGS / "aws_cloudtrail.toml",
        "--accounts",
        accounts,
        "--out",
        out,
        *(() if since is None else ("--since", since)),
    )
    assert (code, errors) == (1, "")
    return json.loads((out / "summary.json").read_text("utf-8"))


def test_the_aws_case_is_what_its_story_says(events, tmp_path):
    """Which role, which object of which bucket; addresses were all rewritten to 1.2.3.4."""
    story = STORY.read_text("utf-8")
    arn = f"arn:aws:iam::123456789123:role/{ROLE}"
    summary = ask_aws(events, tmp_path / "first", "account", arn)
    [row] = read_csv(tmp_path / "first" / "not-in-registry.csv")
    [session] = read_csv(tmp_path / "first" / "sessions.csv")

    assert ROLE in story
    assert session["session_as_logged"] == KEYS
    assert KEYS in story
    assert summary["logs"]["lines"] == 103
    assert {row["identifier"]} == set(re.findall(r"download: s3://(\S+) to", story))
    assert row["identifier"].startswith(f"{row['insurer_as_logged']}/")
    assert row["fields"] == "object_content object_name"
    assert row["lookups"] == "2"
    assert session["address"] == ""
    assert (session["thief_points"], session["owner_points"]) == ("0", "0")
    assert row["tier"] == "C"


def test_the_aws_keys_that_the_operator_confirms_stolen_make_the_object_confirmed(events, tmp_path):
    arn = f"arn:aws:iam::123456789123:role/{ROLE}"
    ask_aws(events, tmp_path / "first", "account", arn)
    summary = ask_aws(
        events,
        tmp_path / "second",
        "account;session",
        f"{arn};{KEYS}",
        since=tmp_path / "first",
    )
    [row] = read_csv(tmp_path / "second" / "not-in-registry.csv")
    assert row["tier"] == "A"
    assert summary["changes"]["raised"] == 1


def test_a_public_web_log_goes_through(tmp_path):
    """Ten thousand lines of a web site: addresses stand for accounts, articles for persons."""
    accounts = write_lines(tmp_path / "stolen.csv", "account", "83.149.9.216", "75.97.9.59")
    code, told, _ = run(
        LOGS / "apache" / "apache_logs",
        "--mapping",
        MAPPINGS / "apache_access.toml",
        "--accounts",
        accounts,
        "--out",
        tmp_path / "answer",
    )
    assert code == 1
    assert told.startswith("10,000 lines of 1 files; 8 sessions of suspect accounts")
    shown = {one["identifier"] for one in read_csv(tmp_path / "answer" / "not-in-registry.csv")}
    with (LOGS / "apache" / "apache_logs").open(encoding="utf-8") as file:
        mine = [line for line in file if line.startswith(("83.149.9.216 ", "75.97.9.59 "))]
    found = [re.search(r'"GET /(?:presentations|projects)/([\w.-]+)/', line) for line in mine]
    pages = {one[1] for one in found if one}
    assert shown
    assert shown <= pages | {one for one in shown if any(f"/blog/geekery/{one}" in m for m in mine)}


def test_fhir_audit_events_go_through(tmp_path):
    """Each patient entity is a person; a search by name leaves everybody uncertain."""
    events = (LOGS / "fhir" / "audit_events.ndjson").read_text("utf-8").splitlines()
    read = [json.loads(one) for one in events]
    named = {
        entity["what"]["reference"].removeprefix("Patient/")
        for one in read
        for entity in one.get("entity", ())
        if entity.get("what", {}).get("reference", "").startswith("Patient/")
    }
    users = {
        agent["who"]["identifier"]["value"]
        for one in read
        for agent in one["agent"]
        if "identifier" in agent.get("who", {})
    }
    accounts = write_lines(tmp_path / "stolen.csv", "account", *sorted(users))
    code, _, errors = run(
        LOGS / "fhir" / "audit_events.ndjson",
        "--mapping",
        MAPPINGS / "fhir_auditevent.toml",
        "--accounts",
        accounts,
        "--out",
        tmp_path / "answer",
    )
    assert (code, errors) == (1, "")
    shown = {one["identifier"] for one in read_csv(tmp_path / "answer" / "not-in-registry.csv")}
    assert shown
    assert shown <= named


def test_the_command_tells_figures_and_never_a_person(events, tmp_path):
    accounts = write_lines(tmp_path / "stolen.csv", "account", "nobody-of-these-logs")
    code, told, _ = run(
        events,
        "--mapping",
        MAPPINGS / "aws_cloudtrail.toml",
        "--accounts",
        accounts,
        "--out",
        tmp_path / "answer",
        "--lang",
        "en",
    )
    assert code == 1
    assert "Account of line 2: absent" in told
    assert "nobody-of-these-logs" not in told
    assert read_csv(tmp_path / "answer" / "sessions.csv") == []


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (("--from", "2024-01-29"), "--from and --to together"),
        (("--from", "2024-02-02", "--to", "2024-01-29"), "--to is not after --from"),
        (("--attack-address", "here"), "write an address or a network"),
        (("--memory", "much"), "DuckDB refuses its bounds"),
    ],
)
def test_options_that_cannot_be_are_told(events, tmp_path, options, reason):
    accounts = write_lines(tmp_path / "stolen.csv", "account", "a")
    code, told, errors = run(
        events,
        "--mapping",
        MAPPINGS / "aws_cloudtrail.toml",
        "--accounts",
        accounts,
        "--out",
        tmp_path / "answer",
        *options,
    )
    assert code == 2
    assert reason in told + errors
    assert not (tmp_path / "answer").exists()


def test_an_interruption_leaves_no_answer_and_says_how_to_go_on(events, tmp_path, monkeypatch):
    def stop(*_: object) -> None:
        raise KeyboardInterrupt

    accounts = write_lines(tmp_path / "stolen.csv", "account", "a")
    arguments = (
        events,
        "--mapping",
        MAPPINGS / "aws_cloudtrail.toml",
        "--accounts",
        accounts,
        "--out",
        tmp_path / "answer",
    )
    with monkeypatch.context() as patched:
        patched.setattr("rempart.workflows.scope.scope_logs.scope.prepare", stop)
        code, _, errors = run(*arguments)
    assert code == command.EXIT_INTERRUPTED
    assert "Run the same command again" in errors
    kept = tmp_path / ".answer.work" / "facts"
    before = {one.name: one.stat().st_mtime_ns for one in kept.glob("*.parquet")}
    assert before
    code, _, _ = run(*arguments, "--work", tmp_path / ".answer.work")
    assert code == 1
    assert {one.name: one.stat().st_mtime_ns for one in kept.glob("*.parquet")} == before


def test_the_folder_of_what_was_read_is_kept_only_when_named(events, tmp_path):
    accounts = write_lines(tmp_path / "stolen.csv", "account", "a")
    asked = (events, "--mapping", MAPPINGS / "aws_cloudtrail.toml", "--accounts", accounts)
    run(*asked, "--out", tmp_path / "one")
    run(*asked, "--out", tmp_path / "two", "--work", tmp_path / "kept")
    assert not (tmp_path / ".one.work").exists()
    assert (tmp_path / "kept" / "sources.json").exists()


def test_help_is_the_answers_and_map_is_a_command_beside_it():
    code, told, _ = run("--help")
    assert code == 0
    assert "--registry" in told
    code, told, _ = run("map", "--help")
    assert code == 0
    assert "mapping" in told


def test_files_of_an_answer_open_in_a_spreadsheet(events, tmp_path):
    ask_aws(events, tmp_path / "first", "account", f"arn:aws:iam::123456789123:role/{ROLE}")
    for path in (tmp_path / "first").rglob("*.csv"):
        data = path.read_bytes()
        assert data.startswith(b"\xef\xbb\xbf"), path.name
        rows = list(csv.reader(data.decode("utf-8-sig").splitlines(), delimiter=";"))
        assert len({len(row) for row in rows}) == 1, path.name


def test_the_command_of_the_how_to_finds_the_forty_of_its_example(tmp_path):
    page = (ROOT / "docs" / "how-to" / "scope-foreign-logs.md").read_text("utf-8")
    [typed] = re.findall(r"^rempart scope (examples/.*?) --out", page, re.DOTALL | re.MULTILINE)
    words = [
        str(ROOT / word) if word.startswith("examples/") else word
        for word in typed.replace("\\\n", " ").split()
    ]
    code, said, errors = run(*words, "--out", tmp_path / "answer")
    assert (code, errors) == (0, "")
    for line in said.splitlines()[:2]:
        assert line in page
    assert "A 40, B 0, C 12." in said
