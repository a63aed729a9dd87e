"""A campaign told to its end by the real worker, killed with -9 three times on the way.

    python -m bench notices --persons 100000

Persons are invented, with e-mail or postal addresses; one e-mail in twenty comes back. A relay of
ours takes what is sent; `rempart work` sends, reads what comes back, prints. At the end each person
has been told exactly once, by e-mail or by letter, or the benchmark fails. Interrupted, the same
command goes on where it was. Beside it, in the same run: the same e-mails handed to the same relay
with no database, and the same letters printed with nothing else.
"""

import contextlib
import csv
import io
import os
import random
import resource
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from tests.campaign_samples import Outreach, make_line

from bench.machinery import DATA, running_database, save_results
from rempart.exchange.notice_letter import compile_batch, describe_batch
from rempart.exchange.notice_mail import Mailroom, Written, compose_mail
from rempart.exchange.smtp_transport import Fate, Outgoing, Post, parse_relay
from rempart.kernel.email_address import EmailAddress
from rempart.notices.contacts import Channel
from rempart.notices.envelopes import EnvelopeKey
from rempart.storage.connect import Database
from rempart.storage.notice_delivery import WaitingLetter
from rempart.storage.sealing import FileKms
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.notices import load_envelope_key, open_office
from rempart.wiring.settings import Settings
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices import deliver_email, pace_campaign
from rempart.workflows.notices.campaign_text import open_writer
from rempart.workflows.notices.print_letters import BATCH_LETTERS, make_letters

CAMPAIGN: Final = 501
FIRST: Final = 1_000
BOUNCE_EVERY: Final = 20
LETTER_EVERY: Final = 4
COUNTRY: Final = 33_000_000
PORT: Final = 28_525
TARGET_PER_CORE: Final = 50
ALONE: Final = 2_000
_PREPARED: Final = "prepared-per-s.txt"
_UNDER_WAY: Final = ("approved", "sending", "done")
_TABLES: Final = (
    "incidents.incident, incidents.exposed_person, incidents.sealing_key, identity.person,"
    " rights.insurer, identity.insurer_key, rights.coverage, notices.contact_file, notices.campaign"
)
_console = Console()


def run(*, persons: int) -> None:
    """Tell everybody once; print and save what it took."""
    home = DATA / f"home-notices-{persons}"
    with running_database(home) as database:
        at = Installation(settings=Settings(home=home), home=Home.open(home), database=database)
        if _read_state(database) not in _UNDER_WAY or _count(database, "true") != persons:
            _prepare(at, persons)
        with open_relay(home):
            figures = deliver(at, persons)
        if not figures["letters_per_processor_s"]:
            _console.print(f"everybody was told before: remove {home} to measure again")
            return
        figures |= _measure_alone(at, home)
        figures["prepared_per_s"] = float((home / _PREPARED).read_text())
    for what, alone in (("emails_per_s", "emails"), ("letters_per_processor_s", "letters")):
        figures[f"{alone}_ratio"] = figures[what] / figures[f"{alone}_alone_per_s"]
    per_core = figures["letters_per_processor_s"]
    emails = figures["emails_per_s"]
    hours = COUNTRY / per_core / 3600
    _console.print(
        f"{persons:,} persons, prepared at {figures['prepared_per_s']:,.0f} a second, each told "
        f"once: {emails:,.0f} e-mails a second "
        f"({figures['emails_ratio']:.2f} of the relay alone; "
        f"{figures['emails_per_processor_s']:,.0f} a second of processor, what comes back and "
        f"three starts included), {per_core:,.0f} letters a second of "
        f"processor ({figures['letters_ratio']:.2f} of typst alone, target {TARGET_PER_CORE}); "
        f"33 million letters: {hours:,.0f} hours of one core, e-mails: "
        f"{COUNTRY / emails / 3600:,.0f} hours"
    )
    _console.print(f"saved in {save_results(f'notices-{persons}', figures)}")


def _prepare(at: Installation, persons: int) -> None:
    """Have a campaign prepared and approved, as its insurer would."""
    database = at.database
    with database.transaction("owner") as tx:
        tx.execute(f"TRUNCATE {_TABLES} CASCADE")
    outreach = Outreach(database)
    outreach.affair.kms = FileKms(at.home.key("master"))
    refs = range(FIRST, FIRST + persons)
    _say("the package", lambda: outreach.package(dict.fromkeys(refs, "A")))
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.coverage (person_ref, opened_in, insurer_id, contract_ref,"
            " starts_on, ends_on, suspended_from, suspended_to, terms_id)"
            " SELECT n, 1, 1, '{1}', '{2020-01-01}', '{9999-12-31}', '{infinity}', '{infinity}',"
            " '{1}' FROM generate_series(%s::bigint, %s::bigint) AS n",
            (refs[0], refs[-1]),
        )
    _say("contacts", lambda: outreach.contacts([make_contact(ref) for ref in refs]))
    outreach.begin(CAMPAIGN)
    seconds = _say("messages", lambda: outreach.prepare(CAMPAIGN, piece=1000))
    # Kept beside the data: what goes on after an interruption reports it too.
    (at.home.path / _PREPARED).write_text(str(persons / max(seconds, 0.001)))
    with database.transaction("notifier") as tx:
        acts.propose_campaign(tx, outreach.decider, CAMPAIGN)
    outreach.execute("UPDATE notices.campaign SET state = 'approved', approved_by = 7")


def make_contact(ref: int) -> dict[str, str]:
    """Write a line: one in four by letter; one in eight is a child of the person before."""
    cells = {"email": ""} if ref % LETTER_EVERY == 0 else {}
    if ref % 8 == 1:
        before = make_line(ref - 1)
        parent = f"{before['first_names']} {before['family_name']}"
        cells = {
            "email": "",
            "birth_date": "2015-06-01",
            "representative": parent,
            "address_1": before["address_1"],
        }
    return make_line(ref, **cells)


def deliver(at: Installation, persons: int) -> dict[str, float]:
    """Have the worker do all of it, killed twice while it sends and once while it prints."""
    database, home = at.database, at.home.path
    letters = home / "letters"
    letters.mkdir(exist_ok=True)
    (home / "mail" / "reports" / "new").mkdir(parents=True, exist_ok=True)
    emails = _count(database, "channel = 'email'")
    waiting_emails, began = _count(database, "channel = 'email' AND state = 'waiting'"), _use()
    handed = "channel = 'email' AND state <> 'waiting'"
    cuts = sorted(random.uniform(0.1, 0.9) * emails for _ in range(2))
    kills = _work(
        at,
        {},
        lambda: (
            _count(database, "channel = 'email' AND state = 'waiting'") == 0
            and not any((home / "mail" / "reports" / "new").iterdir())
        ),
        [partial(_has_reached, database, handed, cut) for cut in cuts],
    )
    email_processor_s = _use() - began
    uncertain = _count(database, "state = 'sending'")
    settle_all(at)
    before = _use()
    waiting = _count(database, "channel = 'letter' AND state = 'waiting'")
    printed = "channel = 'letter' AND state = 'printed'"
    start = _count(database, printed)
    cut = start + random.uniform(0.1, 0.9) * waiting
    kills += _work(
        at,
        {"REMPART_LETTERS_TO": str(letters)},
        lambda: _count(database, "state IN ('waiting', 'sending')") == 0,
        [lambda: _count(database, printed) >= cut],
    )
    processor_s = _use() - before
    check_once(at, persons)
    sent, seconds = _measure_active(database, "sent")
    return {
        "persons": persons,
        "kills": kills,
        "uncertain": uncertain,
        "emails": sent,
        "emails_per_s": sent / max(1, seconds),
        "emails_per_processor_s": waiting_emails / max(email_processor_s, 0.001),
        "letters": _count(database, printed),
        "letters_per_processor_s": waiting / max(processor_s, 0.001),
        "bounced": _count(database, "reason = 'bounced'"),
        "second_letters": _count(database, "is_second"),
    }


def _work(
    at: Installation,
    environment: dict[str, str],
    is_done: Callable[[], bool],
    kill_when: list[Callable[[], bool]],
) -> int:
    """Run the worker until done, killing it at each condition; return how often it was killed."""
    kills = 0
    pending = list(kill_when)
    while True:
        with _worker(at.home.path, environment) as worker:
            while not is_done():
                if pending and pending[0]():
                    pending.pop(0)
                    os.killpg(worker.pid, signal.SIGKILL)
                    kills += 1
                    _console.print(f"killed with -9 ({kills})")
                    break
                if worker.poll() is not None:
                    raise AssertionError("the worker ended by itself")
                time.sleep(0.1)
            else:
                return kills


@contextlib.contextmanager
def _worker(home: Path, environment: dict[str, str]) -> Iterator[subprocess.Popen[bytes]]:
    values = {
        "REMPART_HOME": str(home),
        "REMPART_SMTP": f"smtp+clear://localhost:{PORT}",
        "REMPART_NOTICES_FROM": "avis@tp.invalid",
        "REMPART_BOUNCES_TO": "retours@tp.invalid",
        "REMPART_BOUNCES": str(home / "mail" / "reports"),
    }
    worker = subprocess.Popen(
        [sys.executable, "-m", "rempart", "work"],
        env={**os.environ, **values, **environment},
        start_new_session=True,
    )
    try:
        yield worker
    finally:
        if worker.poll() is None:
            worker.terminate()
        worker.wait(60)


@contextlib.contextmanager
def open_relay(home: Path, *, port: int = PORT) -> Iterator[None]:
    """Run a relay that writes what it delivers in the folder `mail` of a home."""
    folder = home / "mail"
    folder.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "rempart", "dev", "smtp", "--port", str(port)]
    command += ["--folder", str(folder), "--bounce-every", str(BOUNCE_EVERY)]
    relay = subprocess.Popen(command)
    try:
        limit = time.monotonic() + 30
        while not _answers(port):
            if time.monotonic() > limit:
                raise AssertionError("the relay did not start")
            time.sleep(0.1)
        yield
    finally:
        relay.terminate()
        relay.wait(30)


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def settle_all(at: Installation, *, after: timedelta = timedelta(0)) -> None:
    """What nobody heard of for a day gets a letter: here, the day is shorter."""
    office = open_office(at)
    at_once = replace(office, timing=replace(office.timing, uncertain_after=after))
    with office.open_transaction() as tx:
        campaigns = pace_campaign.begin_campaigns(tx)
    for campaign in campaigns:
        deliver_email.settle_uncertain(at_once, campaign)


def check_once(at: Installation, persons: int) -> None:
    """Compare what the relay delivered and what was printed with everybody there is."""
    home, key = at.home.path, load_envelope_key(at)
    mailed = Counter(
        key.read_mail_token(line.split()[1])
        for line in (home / "mail" / "delivered.txt").read_text().splitlines()
    )
    printed = Counter(
        key.read_post_reference(row["reference"])
        for file in (home / "letters").glob("*.csv")
        for row in csv.DictReader(io.StringIO(file.read_text("utf-8")), delimiter=";")
    )
    told = mailed + printed
    everybody = {row[0] for row in _fetch(at.database, "SELECT number FROM notices.message")}
    if len(everybody) != persons or set(told) != everybody or set(told.values()) != {1}:
        twice = sum(count > 1 for count in told.values())
        raise AssertionError(
            f"{len(everybody - set(told))} persons were not told, {twice} were told twice"
        )
    _console.print(f"{len(mailed):,} by e-mail, {len(printed):,} by letter: each person once")


def _measure_active(database: Database, outcome: str) -> tuple[int, int]:
    """Count tries with an outcome, and the seconds in which there was any."""
    [(count, seconds)] = _fetch(
        database,
        "SELECT count(*), count(DISTINCT date_trunc('second', at)) FROM notices.attempt"
        f" WHERE outcome = '{outcome}'",
    )
    return count, seconds


def _measure_alone(at: Installation, home: Path) -> dict[str, float]:
    """Hand over the same e-mails with no database, and print the same letters with nothing else."""
    office, key = open_office(at), load_envelope_key(at)
    numbers = [
        row[0]
        for row in _fetch(
            at.database, f"SELECT number FROM notices.message ORDER BY number LIMIT {ALONE}"
        )
    ]
    with office.open_transaction() as tx:
        writer = open_writer(tx, office.kms, CAMPAIGN)
        rendered = writer.write(tx, numbers, channel=Channel.EMAIL)
    mails = [_compose(key, one.number, one.text, one.subject) for one in rendered]
    with open_relay(home / "alone"), Post(parse_relay(f"smtp+clear://localhost:{PORT}")) as post:
        started = time.perf_counter()
        outcomes = post.send(mails)
        alone_s = time.perf_counter() - started
    if any(one.fate is not Fate.SENT for one in outcomes):
        raise AssertionError("the relay refused what it took before")
    letters_alone = _print_alone(at, key)
    return {"emails_alone_per_s": len(mails) / alone_s, "letters_alone_per_s": letters_alone}


def _compose(key: EnvelopeKey, number: int, text: str, subject: str) -> Outgoing:
    address = EmailAddress.parse("avis@tp.invalid")
    room = Mailroom(from_address=address, bounces_address=address, key=key)
    return compose_mail(
        room,
        Written(
            number=number,
            recipient=EmailAddress.parse(f"alone{number}@exemple.invalid"),
            insurer="Santé Démo",
            reply_to=address,
            subject=subject,
            text=text,
            language="fr",
            written_at=datetime.now(UTC),
        ),
    )


def _print_alone(at: Installation, key: EnvelopeKey) -> float:
    """Print letters that are described already; return how many a second of processor."""
    office = open_office(at)
    waiting = [
        WaitingLetter(*row)
        for row in _fetch(
            at.database,
            "SELECT number, household FROM notices.message WHERE state = 'printed'"
            f" ORDER BY household, number LIMIT {BATCH_LETTERS}",
        )
    ]
    with office.open_transaction() as tx:
        writer = open_writer(tx, office.kms, CAMPAIGN)
        written = {one.number: one for one in writer.write(tx, [one.number for one in waiting])}
    data = describe_batch(make_letters(waiting, written, key), batch=1, operator="Bench")
    started = time.process_time()
    compile_batch(data, made_at=datetime.now(UTC))
    return len(waiting) / (time.process_time() - started)


def _has_reached(database: Database, condition: str, count: float) -> bool:
    return _count(database, condition) >= count


def _count(database: Database, condition: str) -> int:
    [(count,)] = _fetch(database, f"SELECT count(*) FROM notices.message WHERE {condition}")
    return int(count)


def _fetch(database: Database, statement: str) -> list[tuple[Any, ...]]:
    with database.transaction("owner") as tx:
        return tx.execute(statement).fetchall()


def _use() -> float:
    """Return processor seconds of the processes that ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def _say(what: str, work: Callable[[], object]) -> float:
    """Do something and say how long it took; return the seconds."""
    started = time.perf_counter()
    work()
    seconds = time.perf_counter() - started
    _console.print(f"{what}: {seconds:.1f} s")
    return seconds


def _read_state(database: Database) -> str:
    rows = _fetch(database, "SELECT state FROM notices.campaign")
    return rows[0][0] if rows else ""
