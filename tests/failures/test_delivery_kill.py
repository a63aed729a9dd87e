"""A postman killed with -9 at any of its steps: each person is told once, by one way."""

import csv
import hashlib
import io
import random
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest
from tests.delivery.campaign import Delivery
from tests.delivery.post_office import KEY, serving

from rempart.notices.contacts import Channel
from rempart.simulators.smtp import MailHandler

pytestmark = pytest.mark.timeout(300)
PERSONS = 24


def prepare(database) -> Delivery:
    """Most by e-mail, some of which come back or are unknown; some by letter."""
    faults = {3: "bounce", 7: "unknown", 11: "bounce_plain"}
    people = {
        ref: {"email": "" if ref % 5 == 0 else f"{faults.get(ref % 13, 'lou')}-{ref}@mel.invalid"}
        for ref in range(101, 101 + PERSONS)
    }
    return Delivery(database, people)


def run_postman(environment, port: int, folder: Path, last: int) -> int:
    command = [
        sys.executable,
        "-m",
        "tests.delivery.dying_postman",
        str(port),
        str(folder),
        str(last),
    ]
    return subprocess.run(command, env=environment, check=False, timeout=120).returncode


def expect_each_told_once(delivery: Delivery, relay: MailHandler, letters: Path) -> None:
    by_mail = Counter(address for address, _ in relay.delivered)
    by_post = Counter(
        row["reference"]
        for file in letters.glob("*.csv")
        for row in csv.DictReader(io.StringIO(file.read_text("utf-8")), delimiter=";")
    )
    assert set(by_mail.values()) | set(by_post.values()) <= {1}
    written = {one.number: one for one in delivery.outreach.write()}
    for number, channel, state in delivery.rows("number, channel, state"):
        said = written[number]
        mailed = by_mail[said.email] if said.email else 0
        posted = by_post[KEY.post_reference(number)]
        if (channel, state) == ("email", "sending"):
            # Nobody knows yet: at most once, and a report or a letter that says so comes.
            assert mailed + posted <= 1
        else:
            assert (channel, state) in {("email", "sent"), ("letter", "printed")}
            assert mailed + posted == 1


def test_a_postman_killed_anywhere_tells_each_person_once(
    database, environment, tmp_path, unused_port
):
    delivery = prepare(database)
    letters = tmp_path / "letters"
    letters.mkdir()
    chance = random.Random()
    seen: dict[str, str] = {}
    deaths, code = 0, -9
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        while code == -9 and deaths < 8:
            deaths += 1
            # Often in the middle of e-mails, at times among letters, at last not at all.
            last = chance.randrange(1, 90) if deaths < 7 else 0
            code = run_postman(environment, unused_port, tmp_path, last)
            for path in letters.glob("*.pdf"):
                digest = hashlib.sha256(path.read_bytes()).hexdigest()
                # Written again after a death: the same bytes under the same name.
                assert seen.setdefault(path.name, digest) == digest
        assert code == 0
        # Reports that came after the last look settle what was uncertain and arrived.
        delivery.read_reports(tmp_path / "reports")
        expect_each_told_once(delivery, relay, letters)
        # What nobody heard of gets a letter that says it may be the second; then nobody is left.
        delivery.settle()
        delivery.print(letters)
    states = delivery.states()
    assert sum(states.values()) == PERSONS
    assert set(states) <= {"email sent", "letter printed"}
    told = {address for address, _ in relay.delivered}
    letters_to = [one for one in delivery.outreach.write() if one.channel is Channel.LETTER]
    second = {one.email for one in letters_to if one.email}
    assert not told & second


def test_mutation_a_message_handed_over_before_it_is_said_so_would_leave_twice(
    database, environment, tmp_path, unused_port, monkeypatch
):
    delivery = prepare(database)
    with serving(MailHandler(folder=tmp_path), unused_port) as relay:
        (tmp_path / "letters").mkdir()
        # The first death after something was handed over and before that is settled.
        run_postman(environment, unused_port, tmp_path, 12)
        assert relay.delivered
        delivery.outreach.execute(
            "UPDATE notices.message SET state = 'waiting' WHERE state = 'sending'"
        )
        delivery.send(unused_port)
    assert max(Counter(address for address, _ in relay.delivered).values()) == 2
