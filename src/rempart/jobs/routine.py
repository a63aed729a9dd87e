"""What is due by itself: each job opens the login its work needs, in transactions of its own.

Each may be killed anywhere and run again. Refuses to hold a transaction longer than its workflow
asks for.
"""

import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import SystemRandom
from typing import Final

from rempart import __version__
from rempart.exchange.alert_ocsf import Producer
from rempart.exchange.warning_text import FolderSender
from rempart.guard.policy import Policy
from rempart.jobs.report import Report
from rempart.kernel.errors import RempartError, SetupError, Unavailable
from rempart.storage import jobs
from rempart.storage.card_lists import list_signing_keys
from rempart.storage.contacts import make_letterbox
from rempart.storage.feeds import index_contracts as note_contracts
from rempart.storage.pec_pages import expire_pecs as expire_old_pecs
from rempart.storage.sealing import FileKms
from rempart.wiring.alerts import open_receiver
from rempart.wiring.backups import back_up as make_backup
from rempart.wiring.backups import copy_acts_now
from rempart.wiring.cards import load_root
from rempart.wiring.clock import today_in_paris
from rempart.wiring.database import Installation
from rempart.wiring.notices import read_phone
from rempart.wiring.segments import open_archive
from rempart.workflows.accounts.end_fallen_sessions import end_fallen_sessions as end_sessions
from rempart.workflows.accounts.warn_contacts import send_codes
from rempart.workflows.accounts.warn_contacts import send_warnings as send_batch
from rempart.workflows.feeds.import_feed import FeedSecrets
from rempart.workflows.feeds.sweep_former_members import sweep_former_members as sweep
from rempart.workflows.guard.canary_numbers import read_registers
from rempart.workflows.guard.export_alerts import DatabaseCursor, Export, export_alerts
from rempart.workflows.guard.forget_faces import KEPT_DAYS as KEEP_FACES_DAYS
from rempart.workflows.guard.forget_faces import forget_faces
from rempart.workflows.guard.hold_unfollowed import hold_unfollowed
from rempart.workflows.guard.list_canaries import list_canary_counts
from rempart.workflows.guard.plant_canaries import PlantRequest
from rempart.workflows.guard.plant_canaries import refresh_canaries as let_canaries_live
from rempart.workflows.guard.renew_guard_rules import renew_guard_rules as compute_rules
from rempart.workflows.incidents.clocks import remind as remind_clocks
from rempart.workflows.incidents.send_packages import remind as remind_packages
from rempart.workflows.ledger.seal_segment import seal_segments as seal_complete
from rempart.workflows.rights.card_events import publish_documents
from rempart.workflows.rights.issue_cards import OPERATOR
from rempart.workflows.settlement.change_bank_details import activate_due_changes

KEEP_ROUTINE: Final = timedelta(days=3)
KEEP_OTHERS: Final = timedelta(days=90)


def activate_bank_details(at: Installation, report: Report) -> None:
    """Write down the changes of account whose wait is over, and warn of them."""
    activated = 0
    while True:
        with at.database.transaction("registrar") as tx:
            done = activate_due_changes(tx)
        if not done:
            return
        activated += done
        report.tell(activated, unit="changes")


def back_up(at: Installation, report: Report) -> None:
    """Make the backup of the day, read it back, and remove those that had their time."""
    manifest, _swept = make_backup(at, lambda _line: None)
    report.conclude(manifest.size, unit="bytes")


def copy_acts(at: Installation, report: Report) -> None:
    """Copy outside the database the acts that are not: no restoration may sign others instead."""
    report.conclude(copy_acts_now(at), unit="acts")


def end_fallen_sessions(at: Installation, report: Report) -> None:
    """End sessions that rest on something suspended or changed, whoever changed it."""
    with at.database.transaction("registrar") as tx:
        ended = end_sessions(tx)
    report.conclude(ended, unit="sessions")


def forget_guard_faces(at: Installation, report: Report) -> None:
    """Forget whom accounts have not asked about for three years."""
    steps = forget_faces(
        lambda: at.database.transaction("gateway"),
        days=KEEP_FACES_DAYS,
        now_ms=_now_ms(),
        preview=False,
    )
    for done in steps:
        report.tell(done.faces, unit="faces")


def expire_pecs(at: Installation, report: Report) -> None:
    """Let prises en charge whose last day has passed hold nothing any more."""
    with at.database.transaction("settler") as tx:
        expired = expire_old_pecs(tx, today_in_paris())
    report.conclude(expired, unit="pecs")


def forget_jobs(at: Installation, report: Report) -> None:
    """Delete jobs that ended long ago."""
    with at.database.transaction("worker") as tx:
        forgotten = jobs.forget_jobs(tx, routine=KEEP_ROUTINE, others=KEEP_OTHERS)
    report.conclude(forgotten, unit="jobs")


def forward_alerts(at: Installation, report: Report) -> None:
    """Send the alerts that wait to whoever watches."""
    if at.settings.alerts_to is None:
        raise SetupError("REMPART_ALERTS_TO is not set: nobody receives alerts from here")
    destination = open_receiver(at, at.settings.alerts_to)
    sent = export_alerts(
        Export(
            connect=lambda: at.database.connect("forwarder", autocommit=True),
            store=DatabaseCursor(destination.name),
            destination=destination,
            producer=Producer(installation=at.home.id, version=__version__),
            clock_ms=_now_ms,
            wait=lambda seconds: _wait(seconds, report),
            chance=SystemRandom(),
        )
    )
    report.conclude(sent, unit="alerts")


def index_contracts(at: Installation, report: Report) -> None:
    """Note who is on each contract, for insurers that ask by its number."""
    with at.database.transaction("feeds") as tx:
        indexed = note_contracts(tx)
    report.conclude(indexed, unit="members")


def publish_card_lists(at: Installation, report: Report) -> None:
    """Sign and publish the lists of keys, revocations and domains, once somebody issued cards."""
    with at.database.transaction("feeds") as tx:
        if not list_signing_keys(tx):
            return
        done = publish_documents(tx, load_root(at.home), operator=OPERATOR, today=today_in_paris())
    report.conclude(done.closed, unit="cards")


def refresh_canaries(at: Installation, report: Report) -> None:
    """Let canaries live as the members around them do, insurer by insurer."""
    secrets = FeedSecrets(
        lookup_key=at.home.key("lookup"),
        contract_key=at.home.key("blind"),
        kms=FileKms(at.home.key("master")),
    )
    file = at.settings.registers_file
    numbers = None if file is None else read_registers(file)
    with at.database.transaction("feeds") as tx:
        insurers = [one.insurer_id for one in list_canary_counts(tx) if one.keys]
    refused: RempartError | None = None
    for done, insurer_id in enumerate(insurers, start=1):
        request = PlantRequest(
            insurer_id=insurer_id, today=today_in_paris(), chance=SystemRandom(), registers=numbers
        )
        try:
            with at.database.transaction("feeds") as tx:
                let_canaries_live(tx, secrets, request)
        except RempartError as failure:
            refused = refused or failure  # the others' canaries live all the same
        report.tell(done, len(insurers), unit="insurers")
    if refused is not None:
        raise refused


def hold_late_lookups(at: Installation, report: Report) -> None:
    """Hold accounts whose look-ups no claim followed."""

    def follow(accounts: int) -> None:
        report.tell(accounts, unit="accounts")

    hold_unfollowed(
        lambda: at.database.transaction("gateway"), Policy(), now_ms=_now_ms(), follow=follow
    )


def remind_incidents(at: Installation, report: Report) -> None:
    """Warn whoever answers for what is due after incidents, and insurers that received nothing."""
    warned = 0
    for remind in (remind_clocks, remind_packages):
        with at.database.transaction("analyst") as tx, at.database.transaction("registrar") as by:
            warned += len(remind(tx, by, now=datetime.now(UTC)))
    report.conclude(warned, unit="warnings")


def renew_guard_rules(at: Installation, report: Report) -> None:
    """Compute the guard's rules of tomorrow, if nobody did."""
    with at.database.transaction("gateway") as tx:
        rules = compute_rules(tx, Policy(), now_ms=_now_ms())
    if rules is not None:
        report.conclude(rules.account_days, unit="account_days")


def seal_segments(at: Installation, report: Report) -> None:
    """Write every complete segment of the ledger to files that lead to its root."""

    def follow(_log_id: int, _segment: int, _entries: int) -> None:
        report.check()

    for sealed, _ in enumerate(seal_complete(open_archive(at, follow)), start=1):
        report.tell(sealed, unit="segments")


def send_warnings(at: Installation, report: Report) -> None:
    """Write the warnings that wait where REMPART_WARNINGS_TO says."""
    directory = _find_outbox(at.settings.warnings_to)
    letterbox = make_letterbox(at.home.key("master"))
    sender, sent, unreadable = FolderSender(directory, phone=read_phone(at.settings)), 0, 0
    after: int | None = 0
    while after is not None:
        with at.database.transaction("registrar") as tx:
            sent += send_codes(tx, sender, letterbox=letterbox)
        with at.database.transaction("registrar") as tx:
            done = send_batch(tx, sender, letterbox=letterbox, after=after)
        sent, unreadable, after = sent + done.sent, unreadable + done.unreadable, done.last_ref
        report.tell(sent, unit="warnings")
    if unreadable:
        raise SetupError(
            f"{unreadable} warnings wait: their addresses were sealed by another home; "
            "load them again"
        )


def sweep_former_members(at: Installation, report: Report) -> None:
    """Take those whose contracts ended out of the gateway's reach."""
    with at.database.transaction("feeds") as tx:
        swept = sweep(tx, today_in_paris())
    report.conclude(swept.people, unit="members")


def _find_outbox(directory: Path | None) -> Path:
    if directory is None:
        raise SetupError("REMPART_WARNINGS_TO is not set: nobody sends warnings from here")
    if not directory.is_dir():
        raise Unavailable(f"{directory} is not there: make it, or set REMPART_WARNINGS_TO")
    return directory


def _wait(seconds: float, report: Report) -> bool:
    """Wait, and say whether it is time to stop."""
    limit = time.monotonic() + seconds
    while time.monotonic() < limit:
        if report.must_stop():
            return True
        time.sleep(min(0.2, seconds))
    return report.must_stop()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000
