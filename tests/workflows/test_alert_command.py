"""`rempart guard alerts`: what it sends where, and what a kill leaves."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from tests.certificates import Authority
from tests.unit.exchange.test_alert_syslog import make_tls
from tests.unit.exchange.test_alert_syslog import receiving as receiving_syslog
from tests.unit.exchange.test_alert_webhook import receiving as receiving_posts
from tests.workflows.test_export_alerts import add_events

from rempart.cli.guard_alerts import alerts as command
from rempart.storage.connect import Database


@contextmanager
def in_environment(environment: dict[str, str]) -> Any:
    before = dict(os.environ)
    os.environ.update(environment)
    handlers = {kind: signal.getsignal(kind) for kind in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
        for kind, handler in handlers.items():
            signal.signal(kind, handler)


@pytest.fixture
def call(environment: dict[str, str]) -> Callable[..., Any]:
    def call(*arguments: str) -> Any:
        with in_environment(environment):
            return CliRunner().invoke(command, list(arguments))

    return call


def test_the_command_writes_lines_and_says_how_many(database: Database, call: Callable[..., Any]):
    add_events(database, "contained", "canary")
    result = call("--format", "ocsf")
    assert result.exit_code == 0
    assert [json.loads(line)["class_uid"] for line in result.stdout.splitlines()] == [2004, 2004]
    assert "2 alerts sent to standard output" in result.stderr


def test_the_command_forwards_by_what_its_url_says(
    database: Database, call: Callable[..., Any], environment: dict[str, str]
):
    environment["REMPART_ALERT_NETWORKS"] = "127.0.0.1"
    add_events(database, "contained")
    with receiving_syslog() as receiver:
        for _ in range(2):
            assert call("--to", f"tcp://127.0.0.1:{receiver.port}").exit_code == 0
        assert len(receiver.messages) == 1
    with receiving_posts() as posts:
        assert call("--to", f"http://127.0.0.1:{posts.port}/hook").exit_code == 0
    assert len(posts.taken) == 1


def test_the_command_refuses_two_destinations(call: Callable[..., Any]):
    assert call("--syslog", "tcp://a", "--webhook", "https://b").exit_code == 2
    assert call("--to", "tcp://a", "--cursor", "x").exit_code == 2


def test_the_command_shows_the_secret_that_receivers_need(call: Callable[..., Any]):
    assert call("--show-secret").stdout.startswith("whsec_")


def test_killed_while_following_it_goes_on_where_it_was(
    database: Database, environment: dict[str, str], tmp_path: Path
):
    authority = Authority()
    environment["REMPART_ALERT_ROOTS_FILE"] = str(authority.save(tmp_path / "roots.pem"))
    with receiving_syslog(tls=make_tls(authority, tmp_path)) as receiver:
        url = f"tls://127.0.0.1:{receiver.port}"
        arguments = [sys.executable, "-m", "rempart", "guard", "alerts", "--syslog", url]
        add_events(database, *["contained"] * 3)
        process = subprocess.Popen([*arguments, "--follow"], env=environment)
        try:
            while not receiver.messages:
                assert process.poll() is None
                receiver.sender_gone.wait(0.05)
        finally:
            process.send_signal(signal.SIGKILL)
            process.wait()
        add_events(database, *["canary"] * 2)
        subprocess.run(arguments, env=environment, check=True)
        bodies = {
            json.loads(one[one.index(b"] {") + 2 :])["metadata"]["uid"] for one in receiver.messages
        }
    assert len(bodies) == 5
