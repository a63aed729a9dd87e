"""What goes on besides calls: each round, a campaign, a purge, payments; sealing all the time."""

import csv
import io
import threading
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Final, LiteralString, Self
from zoneinfo import ZoneInfo

import psycopg
from defusedxml import ElementTree
from tests.campaign_samples import Outreach
from tests.package_samples import Affair

from bench import notices
from bench.retention import plant_members
from bench.siege.ground import Fortress
from rempart.kernel.errors import Conflict, RempartError
from rempart.storage.connect import Database
from rempart.storage.sealing import FileKms
from rempart.wiring.notices import load_envelope_key
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.retention.plan_retention import begin_plan as begin_purge
from rempart.workflows.retention.plan_retention import plan_all
from rempart.workflows.settlement.close_run import begin_plan, plan_piece

TOLD: Final = 1_000
KEPT: Final = 2_000
FIRST_REF: Final = 10**12
REFS_A_ROUND: Final = 10**6
PURGER, TELLER = 200, 400
CAMPAIGN: Final = 501
ROUTINE: Final = (
    *("adjudicate_claims", "seal_segments", "send_notices", "read_bounces", "print_letters"),
)
ASK_EVERY_S: Final = 3.0
NIGHT_WITHIN_S: Final = 120


def today() -> date:
    """Return the day it is where the operator is."""
    return datetime.now(ZoneInfo("Europe/Paris")).date()


@dataclass
class Round:
    """One round's work, made ready while nothing is hit.

    Args:
        number: From 0; each round has insurers of its own.
        leavers: Whom the purge must take.
        stayers: Whom it must not.
    """

    fortress: Fortress
    number: int
    leavers: frozenset[int] = frozenset()
    stayers: frozenset[int] = frozenset()

    def prepare(self) -> None:
        """Have a campaign and a purge approved, and payments as far as claims are shared out."""
        self._prepare_campaign()
        self._prepare_purge()
        self._prepare_payments()

    def _prepare_campaign(self) -> None:
        database = self.fortress.database
        kms = FileKms(self.fortress.ground.home.key("master"))
        insurer = TELLER + self.number
        first = FIRST_REF + self.number * REFS_A_ROUND
        refs = range(first, first + TOLD)
        with database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
                " VALUES (%s, %s, 'Mutuelle', '2020-01-01')",
                (insurer, f"{7_700_000_000 + insurer}"),
            )
            tx.execute(
                "INSERT INTO rights.coverage (person_ref, opened_in, insurer_id, contract_ref,"
                " starts_on, ends_on, suspended_from, suspended_to, terms_id)"
                " SELECT n, 1, %s, '{1}', '{2020-01-01}', '{9999-12-31}', '{infinity}',"
                " '{infinity}', '{1}' FROM generate_series(%s::bigint, %s::bigint) AS n",
                (insurer, refs[0], refs[-1]),
            )
        affair = Affair(database, kms=kms)
        affair.add_key(insurer)
        outreach = Outreach(database, known=affair, insurer_id=insurer, files=self.number)
        outreach.package(dict.fromkeys(refs, "A"))
        outreach.contacts([notices.make_contact(ref) for ref in refs])
        campaign = outreach.begin(CAMPAIGN + self.number)
        outreach.prepare(campaign, piece=500)
        with database.transaction("notifier") as tx:
            acts.propose_campaign(tx, outreach.decider, campaign)
        outreach.execute(
            "UPDATE notices.campaign SET state = 'approved', approved_by = 7"
            " WHERE campaign_ref = %s",
            campaign,
        )

    def _prepare_purge(self) -> None:
        database = self.fortress.database
        first = 2 * FIRST_REF + self.number * REFS_A_ROUND
        refs = range(first, first + KEPT)
        kms = FileKms(self.fortress.ground.home.key("master"))
        plant_members(database, refs, insurer=PURGER + self.number, kms=kms)
        with database.transaction("owner") as tx:
            rows = tx.execute(
                "SELECT person_ref FROM rights.past_coverage WHERE insurer_id = %s",
                (PURGER + self.number,),
            ).fetchall()
        self.leavers = frozenset(ref for (ref,) in rows)
        self.stayers = frozenset(refs) - self.leavers
        self._finish_purge_of_the_night()
        with database.transaction("keeper") as tx:
            run_id = begin_purge(tx, today())
        plan_all(lambda: database.transaction("keeper"), run_id)
        self._agree_to_purge()

    def _finish_purge_of_the_night(self) -> None:
        """Let a run that the worker planned by itself come to its end: one goes at a time."""
        limit = time.monotonic() + NIGHT_WITHIN_S
        while _count(self.fortress.database, _PURGES):
            if time.monotonic() > limit:
                raise TimeoutError("the purge of the night did not end")
            self._agree_to_purge()
            time.sleep(0.5)

    def _agree_to_purge(self) -> None:
        with self.fortress.database.transaction("owner") as tx:
            rows = tx.execute(
                "UPDATE retention.run SET state = 'approved', first_at = now(), second_by = 1,"
                " second_at = now() WHERE state = 'planned' RETURNING run_id"
            ).fetchall()
        for (run_id,) in rows:
            with self.fortress.database.transaction("worker") as tx:
                enqueue(tx, "run_retention", run_id=run_id)

    def _prepare_payments(self) -> None:
        database = self.fortress.database
        try:
            with database.transaction("settler") as tx:
                run_id = begin_plan(tx, today())
        except Conflict:
            return
        done = False
        while not done:
            with database.transaction("settler") as tx:
                done = plan_piece(tx, run_id).done
        with database.transaction("owner") as tx:
            approved = tx.execute(
                "UPDATE claims.run SET state = 'approved', first_at = now(), second_by = 1,"
                " second_at = now() WHERE run_id = %s AND state = 'planned'",
                (run_id,),
            ).rowcount
        if approved:
            with database.transaction("worker") as tx:
                enqueue(tx, "send_payments", run_id=run_id)

    def is_over(self) -> bool:
        """Say whether everything that was asked for is done, or something never will be."""
        if any((self.fortress.ground.home.path / "mail" / "reports" / "new").iterdir()):
            return False  # whoever it is about will be written a letter
        with (
            suppress(psycopg.Error, RempartError),
            self.fortress.database.transaction("owner") as tx,
        ):
            return all(not tx.execute(query).fetchone()[0] for query in _OPEN)  # type: ignore[index]
        return False


_PURGES: Final = "SELECT count(*) FROM retention.run WHERE state NOT IN ('done', 'refused')"
_OPEN: Final = (
    "SELECT count(*) FROM claims.claim WHERE state = 'received'",
    "SELECT count(*) FROM claims.run WHERE state IN ('approved', 'sending')",
    _PURGES,
    "SELECT count(*) FROM notices.message WHERE state IN ('waiting', 'sending')",
    "SELECT count(*) FROM notices.letter_batch WHERE written_at IS NULL",
)


def _count(database: Database, query: LiteralString) -> int:
    with database.transaction("owner") as tx:
        [(count,)] = tx.execute(query).fetchall()
    return int(count)


class Clerk:
    """Asks for what is routine again and again, as minutes would."""

    def __init__(self, fortress: Fortress) -> None:
        self._fortress, self._stop = fortress, threading.Event()
        self._thread = threading.Thread(target=self._work)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._stop.set()
        self._thread.join()

    def _work(self) -> None:
        while not self._stop.wait(ASK_EVERY_S):
            for job in ROUTINE:
                # Nobody is there now: the next time will do.
                with (
                    suppress(psycopg.Error, RempartError),
                    self._fortress.database.transaction("worker") as tx,
                ):
                    enqueue(tx, job)


@dataclass
class Post:
    """What left, as those who got it would count it."""

    fortress: Fortress
    mailed: Counter[int | None] = field(default_factory=Counter)
    printed: Counter[int | None] = field(default_factory=Counter)

    def read(self) -> Counter[int | None]:
        """Return how often each message left, by e-mail or by letter."""
        home = self.fortress.ground.home.path
        key = load_envelope_key(self.fortress.installation)
        delivered = home / "mail" / "delivered.txt"
        if delivered.exists():
            self.mailed = Counter(
                key.read_mail_token(line.split()[1]) for line in delivered.read_text().splitlines()
            )
        self.printed = Counter(
            key.read_post_reference(row["reference"])
            for file in (home / "letters").glob("*.csv")
            for row in csv.DictReader(io.StringIO(file.read_text("utf-8")), delimiter=";")
        )
        return self.mailed + self.printed


def read_transfers(fortress: Fortress) -> Counter[str]:
    """Return the cents of each transfer in the files for the bank, by its own reference.

    Raises:
        AssertionError: one transfer is in two files, or twice in one.
    """
    cents: Counter[str] = Counter()
    for file in sorted((fortress.ground.home.path / "payments").glob("*.xml")):
        for transfer in ElementTree.parse(file).findall(".//{*}CdtTrfTxInf"):
            [reference] = [one.text or "" for one in transfer.findall(".//{*}EndToEndId")]
            [amount] = [one.text or "" for one in transfer.findall(".//{*}InstdAmt")]
            if reference in cents:
                raise AssertionError(f"the transfer {reference} would be paid twice")
            euros, _, rest = amount.partition(".")
            cents[reference] = int(euros) * 100 + int(rest or 0)
    return cents
