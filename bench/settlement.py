"""What is due to files at the bank: a whole run, beside the least that could be done.

    python -m bench settlement --dues 1000000

Each due row is one line of one claim, a hundred to an establishment. The baseline marks as many
rows of the same table in one statement, by the same server: no remittance, no journal, no file.
"""

import resource
import shutil
import time
from contextlib import AbstractContextManager
from datetime import date
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from psycopg import sql
from rich.console import Console

from bench.machinery import DATA, Stopwatch, running_database, save_results
from rempart.exchange.sepa_files import Payer
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.storage.connect import Database, Transaction
from rempart.storage.funds import MandateSeal
from rempart.storage.iban_seal import IbanSeal
from rempart.tariffs.working_days import Calendar
from rempart.workflows.settlement.call_funds import call_funds
from rempart.workflows.settlement.close_run import begin_plan, plan_piece
from rempart.workflows.settlement.send_payments import Counter, send_run

LINES: Final = 100
INSURERS: Final = 20
DAY: Final = date(2026, 11, 23)
MASTER: Final = bytes(32)
# Kept out of the runs: what the baseline marks.
ASIDE: Final = date(2999, 1, 1)
PLANT: Final = (
    """INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)
       SELECT n, lpad(n::text, 10, '0'), 'Mutuelle ' || n, '2020-01-01'
       FROM generate_series(1, %(insurers)s) AS n ON CONFLICT DO NOTHING""",
    """INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)
       SELECT n, '00000000000000', 'Pharmacie ' || n, '75001', 'Essai'
       FROM generate_series(1, %(places)s) AS n ON CONFLICT DO NOTHING""",
    """INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,
           digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,
           received_at, state, amo_cents, amc_cents, reste_a_charge_cents)
       SELECT %(from)s + n, n / %(lines)s + 1, 1, 'json', n::text,
              sha256(int8send(%(from)s + n)), 5, n %% %(insurers)s + 1, '19800101', '2026-11-01',
              '2026-11-01', 2000, '2026-11-18 10:00+01', 'adjudicated', 1000, 1000, 0
       FROM generate_series(0, %(dues)s - 1) AS n""",
    """INSERT INTO claims.line (claim_ref, number, act, care_on, quantity, billed_cents, amo_cents,
           amc_cents, reste_a_charge_cents)
       SELECT %(from)s + n, 1, 'ACT', '2026-11-01', 1, 2000, 1000, 1000, 0
       FROM generate_series(0, %(dues)s - 1) AS n""",
    """WITH part AS (
           INSERT INTO claims.part (claim_ref, line, rank, insurer_id, contract_ref, table_code,
               cents)
           SELECT %(from)s + n, 1, 1, n %% %(insurers)s + 1, 1, 't', 1000
           FROM generate_series(0, %(dues)s - 1) AS n RETURNING part_ref, claim_ref, insurer_id)
       INSERT INTO claims.due (part_ref, undone, establishment_ref, insurer_id, cents, since)
       SELECT part_ref, false, (claim_ref - %(from)s) / %(lines)s + 1, insurer_id, 1000, %(day)s
       FROM part""",
)


def run(*, dues: int) -> None:
    """Plant, pay, mark as many rows by hand, print and save."""
    console = Console()
    folder = DATA / "settlement-files"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with running_database(DATA / "settlement") as database:
        _clear(database)
        _plant(database, dues)
        steps = _pay(database, folder)
        baseline = _mark(database, dues)
    spent = sum(steps.values())
    size = sum(file.stat().st_size for file in folder.glob("*.xml"))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps.items())
    console.print(
        f"{dues:,} due rows to {len(list(folder.glob('*.xml')))} files ({size / 1e6:.1f} MB): "
        f"{spent:.1f} s, {dues / spent:,.0f} rows a second ({told}); peak memory {peak:,.0f} MB. "
        f"One UPDATE of as many rows: {baseline:.1f} s, ratio {spent / baseline:.1f}"
    )
    figures = {"dues": dues, "seconds": steps, "baseline_s": baseline, "peak_mb": peak}
    save_results("settlement", {**figures, "rows_per_second": dues / spent})


def _plant(database: Database, dues: int) -> None:
    seal = IbanSeal(MASTER)
    places = (dues + LINES - 1) // LINES
    values = {"insurers": INSURERS, "places": places, "lines": LINES, "day": DAY, "dues": dues}
    with database.transaction("owner") as tx:
        for statement in PLANT:
            tx.execute(sql.SQL(statement), {**values, "from": 1})
        with tx.cursor().copy(
            "COPY accounts.bank_details (change_ref, establishment_ref, sealed_iban, last_digits,"
            " state, active_from, payee_check) FROM STDIN"
        ) as copy:
            for place in range(1, places + 1):
                iban = make_synthetic_iban(place)
                sealed = seal.close(iban, establishment_ref=place)
                digits = iban.number[-4:]
                copy.write_row((place, place, sealed, digits, "active", "2020-01-01", "match"))
    with database.connect("owner", autocommit=True) as owner:
        owner.execute("ANALYZE claims.due, claims.part, claims.claim")


def _pay(database: Database, folder: Path) -> dict[str, float]:
    def open_transaction() -> AbstractContextManager[Transaction]:
        return database.transaction("settler")

    counter = Counter(
        payer=Payer(name="Opérateur", iban=make_synthetic_iban(0), bic="SYNTFRPPXXX"),
        directory=folder,
        seal=IbanSeal(MASTER),
        mandates=MandateSeal(MASTER),
        calendar=Calendar(zone=ZoneInfo("Europe/Paris")),
    )
    with Stopwatch() as plan:
        with open_transaction() as tx:
            run_id = begin_plan(tx, DAY)
        done = False
        while not done:
            with open_transaction() as tx:
                done = plan_piece(tx, run_id).done
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE claims.run SET state = 'approved', first_at = now(), second_by = 1,"
            " second_at = now() WHERE run_id = %s",
            [run_id],
        )
    with Stopwatch() as send:
        send_run(open_transaction, counter, run_id)
    with Stopwatch() as call, open_transaction() as tx:
        call_funds(tx, today=DAY)
    return {"plan": plan.seconds, "send": send.seconds, "call": call.seconds}


def _mark(database: Database, dues: int) -> float:
    """Return how long one statement takes to mark as many rows, durable as everything else."""
    started = time.perf_counter()
    with database.transaction("owner") as tx:
        marked = tx.execute("UPDATE claims.due SET since = %s", [ASIDE]).rowcount
    if marked != dues:
        raise AssertionError(f"{marked} rows instead of {dues}")
    return time.perf_counter() - started


def _clear(database: Database) -> None:
    with database.connect("admin", autocommit=True) as admin:
        admin.execute(
            "TRUNCATE claims.run, claims.claim, claims.journal, claims.payment_file,"
            " claims.bank_file, accounts.establishment, rights.insurer CASCADE"
        )
