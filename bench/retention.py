"""A yearly purge of a large base: planned and carried out, beside the least that could be done.

    python -m bench retention --members 1000000

One in ten left more than two years ago, in equal parts until eight years ago. The baseline deletes
the same persons' rows in one statement for each table, by the same server: nothing is opened,
archived, said, journaled or certified.
"""

import resource
import shutil
import uuid
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from datetime import date, timedelta
from pathlib import Path
from typing import Final

from rich.console import Console

from bench.machinery import DATA, Stopwatch, running_database, save_results
from rempart.disclosure.note import NoteSigner
from rempart.storage.archive_seal import Vault
from rempart.storage.backup_store import BackupStore
from rempart.storage.connect import Database, Transaction
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.sealing import (
    ContractRecord,
    FileKms,
    PersonRecord,
    Seal,
    encode_record,
    load_insurer_key,
)
from rempart.workflows.retention.plan_retention import begin_plan, plan_all
from rempart.workflows.retention.run_retention import Keeper, run_retention

DAY: Final = date(2026, 11, 22)
INSURER: Final = 1
LEFT_IN: Final = 10
MASTER: Final = FileKms(bytes(32))
_TABLES: Final = (
    *("identity.person", "identity.person_key", "rights.lookup", "rights.coverage"),
    *("rights.past_coverage", "retention.life", "retention.run", "retention.item"),
    *("retention.tally", "retention.gone", "retention.purge", "archive.item", "rights.insurer"),
)


def run(*, members: int) -> None:
    """Plant, plan, carry out, delete as many by hand, print and save."""
    console = Console()
    folder = DATA / "retention-journal"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with running_database(DATA / "retention") as database:
        _plant(database, members)
        base = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        steps, fields = _purge(database, folder)
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3
        _plant(database, members)
        baseline = _delete(database)
    spent = sum(steps.values())
    told = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in steps.items())
    console.print(
        f"{members:,} people, {fields:,} fields left: {spent:.1f} s ({told}), "
        f"{fields / steps['run']:,.0f} fields a second; peak memory {peak:,.0f} MB "
        f"({base:,.0f} before). One DELETE for each table: {baseline:.1f} s, "
        f"ratio {spent / baseline:.1f}"
    )
    figures = {"members": members, "fields": fields, "seconds": steps, "baseline_s": baseline}
    save_results("retention", {**figures, "peak_mb": peak})


def _plant(database: Database, members: int) -> None:
    with database.transaction("owner") as tx:
        tx.execute(f"TRUNCATE {', '.join(_TABLES)} CASCADE")
    plant_members(database, range(1, members + 1), insurer=INSURER, kms=MASTER)


def plant_members(database: Database, refs: Sequence[int], *, insurer: int, kms: FileKms) -> None:
    """Give an insurer members; one in ten left, from two to eight years ago."""
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (%s, %s, 'Mutuelle', '2000-01-01')",
            [insurer, f"{7_700_000_000 + insurer}"],
        )
    with database.transaction("feeds") as tx:
        seal = Seal(insurer, load_insurer_key(tx, kms, insurer))
    with database.transaction("owner") as tx:
        with tx.cursor().copy(
            "COPY identity.person (person_ref, insurer_id, sealed, digest, lookup_keys, changed_in)"
            " FROM STDIN"
        ) as copy:
            for ref in refs:
                plain = encode_record(_make_record(ref))
                sealed = seal.seal(ref, plain)
                copy.write_row((ref, insurer, sealed, seal.digest(plain), [_make_key(ref)], 1))
        for table, rows in (("past_coverage", True), ("coverage", False)):
            with tx.cursor().copy(
                f"COPY rights.{table} (person_ref, opened_in, insurer_id, contract_ref, starts_on,"
                " ends_on, suspended_from, suspended_to, terms_id) FROM STDIN"
            ) as copy:
                for ref, end in _list_ends(refs):
                    if (end is not None) is rows:
                        last = "infinity" if end is None else end.isoformat()
                        never = ["infinity"]
                        place = ref, 1, insurer, [ref]
                        copy.write_row((*place, ["2010-01-01"], [last], never, never, [1]))
        tx.execute(
            "INSERT INTO identity.person_key (person_key, person_ref, added_in)"
            " SELECT lookup_keys[1], person_ref, 0 FROM identity.person"
            " WHERE insurer_id = %s AND person_ref %% %s = 0",
            [insurer, LEFT_IN],
        )
    with database.connect("owner", autocommit=True) as owner:
        owner.execute("ANALYZE")


def _list_ends(refs: Sequence[int]) -> Iterator[tuple[int, date | None]]:
    for number in refs:
        ago = 740 + number // LEFT_IN % 2_200
        yield number, DAY - timedelta(days=ago) if number % LEFT_IN == 0 else None


def _make_key(number: int) -> uuid.UUID:
    return uuid.UUID(int=number)


def _make_record(number: int) -> PersonRecord:
    return PersonRecord(
        insured_nir=f"{number:013d}",
        birth_date="19840502",
        birth_rank="1",
        family_name=f"NOM {number}",
        first_names="Camille",
        quality=1,
        stated_on="2020-01-01",
        contracts=(ContractRecord(f"C{number}", f"M{number}", "", "2020-01-01"),),
        email=f"{number}@example.invalid",
        address="1 rue des Lilas",
        postcode="75001",
        city="Paris",
    )


def _purge(database: Database, folder: Path) -> tuple[dict[str, float], int]:
    def begin() -> AbstractContextManager[Transaction]:
        return database.transaction("keeper")

    keeper = Keeper(
        begin=begin,
        vault=Vault(MASTER, FileKms(bytes(31) + b"\x01"), bytes(32)),
        journal=PurgeJournal(BackupStore(str(folder)), MASTER),
        signer=NoteSigner("rempart.invalid/bench/retention", bytes(32)),
    )
    with Stopwatch() as plan:
        with begin() as tx:
            run_id = begin_plan(tx, DAY)
        plan_all(begin, run_id)
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE retention.run SET state = 'approved', first_at = now(), second_by = 1,"
            " second_at = now() WHERE run_id = %s",
            [run_id],
        )
    with Stopwatch() as carried:
        ran = run_retention(keeper, run_id)
    return {"plan": plan.seconds, "run": carried.seconds}, ran.archived + ran.deleted


def _delete(database: Database) -> float:
    """Return how long it takes to delete those who left, one statement for each table."""
    with Stopwatch() as spent, database.transaction("owner") as tx:
        tx.execute("CREATE TEMPORARY TABLE leaver AS SELECT person_ref FROM rights.past_coverage")
        for table in ("rights.past_coverage", "identity.person_key", "identity.person"):
            tx.execute(
                f"DELETE FROM {table} USING leaver WHERE {table}.person_ref = leaver.person_ref"
            )
    return spent.seconds
