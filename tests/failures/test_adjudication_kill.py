"""Whoever shares claims out is killed with -9, and PostgreSQL under it: each claim once."""

import itertools
import os
import signal
import subprocess
import sys
from datetime import date

import pytest
from psycopg import OperationalError
from tests.adjudication.practice import TODAY, Mill

from rempart.storage.adjudication_writes import Writer
from rempart.storage.connect import Database
from rempart.wiring.database import make_ready
from rempart.wiring.home import Home
from rempart.workflows.claims.adjudicate_claims import adjudicate_batch

pytestmark = pytest.mark.timeout(240)


def bill_all(mill: Mill) -> None:
    """Bill people who have several claims each, so that order and limits matter."""
    for person in range(1, 5):
        mill.add_member(person=person)
    for number in range(24):
        day = date(2026, 2, 20 - number // 4)
        mill.bill(
            1 + number % 4,
            {"care_on": day},
            {"care_on": day, "act": "PH7", "billed_cents": 2130, "base_cents": 2130},
            invoice=f"{number:02d}",
            at=f"2026-03-03 10:00:{number:02d}Z",
        )


def tell(mill: Mill) -> list[tuple]:
    """All that came of the claims, whatever their numbers."""
    return mill.fetch(
        "SELECT c.invoice, c.state, c.amo_cents, c.amc_cents, c.reste_a_charge_cents,"
        " c.findings::text,"
        " (SELECT array_agg((e.event, e.state)::text) FROM claims.claim_event AS e"
        "  WHERE e.claim_ref = c.claim_ref),"
        " (SELECT array_agg((p.line, p.cents, p.steps)::text ORDER BY p.line) FROM claims.part AS p"
        "  WHERE p.claim_ref = c.claim_ref),"
        " (SELECT array_agg((u.name, u.since, u.cents, u.units)::text ORDER BY u.name, u.line)"
        "  FROM claims.use AS u WHERE u.claim_ref = c.claim_ref),"
        " (SELECT sum(d.cents) FROM claims.due AS d JOIN claims.part AS p USING (part_ref)"
        "  WHERE p.claim_ref = c.claim_ref)"
        " FROM claims.claim AS c ORDER BY c.invoice"
    )


def share_all(mill: Mill, size: int) -> None:
    while mill.share(size=size).claims:
        pass


def expect_once(mill: Mill, whole: Mill) -> None:
    assert tell(mill) == tell(whole)
    assert mill.fetch("SELECT count(*), count(DISTINCT claim_ref) FROM claims.claim_event") == [
        (24, 24)
    ]
    assert mill.journal() == whole.journal()
    assert mill.journal()["insurer"] == mill.dues() > 0


def test_killed_at_any_statement_all_is_shared_out_once_as_in_one_go(make_database, environment):
    mill, whole = Mill(make_database()), Mill(make_database())
    bill_all(mill)
    bill_all(whole)
    share_all(whole, 500)
    address = {**os.environ, **environment, "DATABASE_URL": mill.database.url()}
    deaths = 0
    for number in itertools.count(1, 4):
        command = [sys.executable, "-m", "tests.adjudication.dying_worker", str(number)]
        code = subprocess.run(command, env=address, check=False).returncode
        if code == 0:
            break
        assert code == -signal.SIGKILL
        deaths += 1
    assert deaths > 5
    expect_once(mill, whole)


def test_mutation_money_in_a_transaction_of_its_own_is_noticed(make_database, monkeypatch):
    mill, whole = Mill(make_database()), Mill(make_database())
    bill_all(mill)
    bill_all(whole)
    share_all(whole, 500)

    def commit_and_die(writer: Writer, _entries) -> None:
        writer.tx.commit()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(Writer, "append_entries", commit_and_die)
        with pytest.raises(KeyboardInterrupt):
            mill.share(size=4)
    share_all(mill, 4)
    with pytest.raises(AssertionError):
        expect_once(mill, whole)


def test_postgresql_killed_in_the_middle_leaves_batches_whole(
    durable_cluster, reachable_path, make_database
):
    home = Home.open(reachable_path / "durable")
    place = durable_cluster.status().place
    database = Database(
        address=place.address, name="rempart", admin="rempart_admin", passwords=home.passwords
    )
    make_ready(database)
    mill, whole = Mill(database), Mill(make_database())
    bill_all(mill)
    bill_all(whole)
    share_all(whole, 500)
    assert mill.share(size=1).claims
    tx = mill.database.connect("settler")
    adjudicate_batch(tx, mill.library, today=TODAY, size=1)
    os.kill(durable_cluster.status().pid, signal.SIGKILL)
    with pytest.raises(OperationalError):
        tx.execute("SELECT pg_sleep(5)")
    durable_cluster.start()
    share_all(mill, 4)
    expect_once(mill, whole)
