"""The jobs that deliver, with what an installation says of itself; and what is typed."""

import csv
import io
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from procrastinate.exceptions import JobAborted
from tests.delivery.campaign import Delivery
from tests.delivery.post_office import serving
from tests.jobs.practice import make_installation

from rempart.cli.demo_notices import delivering
from rempart.cli.notice import notice
from rempart.jobs import notices
from rempart.jobs.report import Report
from rempart.kernel.errors import RempartError, SetupError, Unavailable
from rempart.simulators.smtp import REPORTS_FOLDER, MailHandler, fail_by_name
from rempart.storage.sealing import FileKms
from rempart.wiring.notices import open_press, open_relay
from rempart.wiring.settings import Settings
from rempart.workflows.jobs.enqueue import enqueue

pytestmark = pytest.mark.timeout(120)


class Place:
    """An installation whose relay is the simulator, and a campaign there."""

    def __init__(self, settings, home, database, folder: Path, port: int) -> None:
        self.letters = folder / "letters"
        self.letters.mkdir()
        self.folder = folder
        self.delivery = Delivery(
            database,
            {
                101: {},
                102: {"email": "bounce-102@mel.invalid"},
                103: {"email": ""},
            },
            kms=FileKms(home.key("master")),
        )
        self.settings = replace(
            settings,
            smtp=f"smtp+clear://localhost:{port}",
            notices_from="avis@tp.invalid",
            bounces_to="retours@tp.invalid",
            bounces=folder / REPORTS_FOLDER,
            letters_to=self.letters,
        )
        self.at = make_installation(self.settings, home, database)

    def do(self, job, *, must_stop=lambda: False, **changes: object) -> None:
        with self.at.database.transaction("worker") as tx:
            job_id = enqueue(tx, "send_notices")
        at = replace(self.at, settings=replace(self.settings, **changes))
        job(at, Report(database=at.database, job_id=job_id, must_stop=must_stop))


@pytest.fixture
def place(settings, home, database, tmp_path, unused_port) -> Place:
    return Place(settings, home, database, tmp_path, unused_port)


def test_three_jobs_tell_everybody_once_and_the_commands_say_so(
    place, unused_port, environment, monkeypatch, tmp_path
):
    with serving(MailHandler(folder=tmp_path, script=fail_by_name), unused_port) as relay:
        place.do(notices.send_notices)
        place.do(notices.read_bounces)
        place.do(notices.print_waiting_letters)
        place.do(notices.send_notices)
    assert len(relay.delivered) == 1
    assert place.delivery.states() == {"email sent": 1, "letter printed": 2}
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    said = CliRunner().invoke(notice, ["progress", "501"], catch_exceptions=False)
    assert "printed" in said.output
    listed = CliRunner().invoke(notice, ["batches"], catch_exceptions=False)
    assert "501" in listed.output
    posted = CliRunner().invoke(notice, ["posted", "501", "1"], catch_exceptions=False)
    assert posted.output == "batch 1: 2 letters posted\n"
    [index] = place.letters.glob("*.csv")
    [row, _] = csv.DictReader(io.StringIO(index.read_text("utf-8")), delimiter=";")
    returned = tmp_path / "returns.csv"
    returned.write_text(f"reference;motif\n{row['reference']};NPAI\nXXXX;NPAI\n", "utf-8")
    came = CliRunner().invoke(notice, ["returned", str(returned)])
    assert came.exit_code == 1
    assert "1 letters came back" in came.output
    assert "XXXX" not in came.output
    assert place.delivery.states() == {
        "email sent": 1,
        "letter returned": 1,
        "letter posted": 1,
    }


def test_a_job_that_is_stopped_leaves_nobody_of_whom_it_is_not_known(
    place, unused_port, tmp_path, monkeypatch
):
    monkeypatch.setattr("rempart.workflows.notices.deliver_email.WINDOW", 1)
    with serving(MailHandler(folder=tmp_path), unused_port) as relay, pytest.raises(JobAborted):
        place.do(notices.send_notices, must_stop=lambda: bool(relay.delivered))
    assert len(relay.delivered) == 1
    assert place.delivery.states() == {
        "email sent": 1,
        "email waiting": 1,
        "letter waiting": 1,
    }


def test_without_a_relay_emails_wait_and_the_setting_is_named(place):
    with pytest.raises(SetupError, match="REMPART_SMTP is not set"):
        place.do(notices.send_notices, smtp=None)
    with pytest.raises(SetupError, match="REMPART_BOUNCES_TO"):
        place.do(notices.send_notices, bounces_to=None)
    assert place.delivery.states()["email waiting"] == 2


@pytest.mark.parametrize(
    ("job", "changes", "refusal"),
    [
        (notices.print_waiting_letters, {"letters_to": None}, SetupError),
        (notices.print_waiting_letters, {"letters_to": Path("/nowhere")}, Unavailable),
        (notices.read_bounces, {"bounces": None}, SetupError),
        (notices.read_bounces, {"bounces": Path("/nowhere")}, SetupError),
    ],
)
def test_what_has_no_place_to_go_or_to_come_from_is_said(job, changes, refusal, settings, home):
    at = make_installation(replace(settings, **changes), home, None)  # type: ignore[arg-type]
    if job is notices.print_waiting_letters:
        with pytest.raises(refusal):
            open_press(at)
    else:
        with pytest.raises(RempartError):
            notices.read_bounces(at, Report(database=None, job_id=1))  # type: ignore[arg-type]


def test_a_secret_that_cannot_be_read_is_said_without_it(settings, home, tmp_path):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\xff\xfe")
    settings = replace(settings, smtp="smtp://n@relay.example", smtp_secret_file=secret)
    with pytest.raises(SetupError, match="cannot be read"):
        open_relay(make_installation(settings, home, None))  # type: ignore[arg-type]
    secret.write_text("hush\n", "utf-8")
    relay = open_relay(make_installation(settings, home, None))  # type: ignore[arg-type]
    assert (relay.secret, relay.username) == ("hush", "n")


def test_a_hot_line_says_how_many_may_be_told():
    said = CliRunner().invoke(notice, ["pace", "--agents", "20"])
    assert said.output == "4000\n"


def test_the_demo_has_a_relay_and_a_place_for_letters(tmp_path, monkeypatch):
    for name in ("SMTP", "NOTICES_FROM", "BOUNCES_TO", "BOUNCES", "LETTERS_TO"):
        monkeypatch.setenv(f"REMPART_{name}", "")
    with delivering(tmp_path):
        settings = Settings.from_environment()
    assert settings.smtp is not None
    assert settings.letters_to == tmp_path / "letters"
    assert settings.bounces is not None
    assert (settings.bounces / "new").is_dir()
