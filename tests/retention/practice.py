"""Former members and what is left of them, on a real database: for tests of retention."""

import secrets
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from tests.archive_samples import make_purge_journal
from tests.feed_samples import INSURER, make_row, publish, register, write_feed

from rempart.disclosure.note import NoteSigner
from rempart.retention.terms import add_months
from rempart.storage import retention_runs
from rempart.storage.connect import Database, Transaction
from rempart.storage.leaving import read_people
from rempart.storage.purge_journal import PurgeJournal
from rempart.storage.sealing import open_sealed
from rempart.wiring.home import Home
from rempart.wiring.retention import open_vault
from rempart.workflows.feeds.sweep_former_members import sweep_former_members
from rempart.workflows.retention.approve_purge import approve_run
from rempart.workflows.retention.plan_retention import begin_plan, plan_all
from rempart.workflows.retention.run_retention import Keeper, Ran, run_retention

TODAY = date(2026, 11, 22)
ESTABLISHMENT = 4321


@dataclass
class Cellar:
    """One installation that keeps people, and forgets them.

    Args:
        database: Fresh.
        home: Its keys.
        directory: Where feeds are written.
    """

    database: Database
    home: Home
    directory: Path
    journal: PurgeJournal = field(default_factory=make_purge_journal)
    rows: list[dict[str, str]] = field(default_factory=list)

    is_new: bool = True
    signer: NoteSigner = field(
        default_factory=lambda: NoteSigner("rempart.invalid/test/retention", bytes(32))
    )

    def __post_init__(self) -> None:
        if self.is_new:
            register(self.database)

    @classmethod
    def take_up(cls, database: Database, home: Home, directory: Path) -> "Cellar":
        """Return the cellar of a database that has one."""
        return cls(database=database, home=home, directory=directory, is_new=False)

    def begin(self) -> AbstractContextManager[Transaction]:
        return self.database.transaction("keeper")

    @property
    def keeper(self) -> Keeper:
        return Keeper(
            begin=self.begin,
            vault=open_vault(self.home),
            journal=self.journal,
            signer=self.signer,
        )

    def run(self, statement: str, *values: object) -> None:
        with self.database.transaction("owner") as tx:
            tx.execute(statement, values)

    def fetch(self, statement: str, *values: object) -> list[tuple]:
        with self.database.transaction("owner") as tx:
            return tx.execute(statement, values).fetchall()

    def add(self, serial: int, *, left_months: int | None = None, **changes: str) -> None:
        """Have somebody in the next feed, who left so many months ago, or is a member."""
        end = {} if left_months is None else {"period_end": self.tell(left_months)}
        start = {"period_start": "2010-01-01"}
        self.rows.append(make_row(serial, **start, **end, **changes))

    def tell(self, months: int) -> str:
        return add_months(TODAY, -months).isoformat()

    def load(self) -> None:
        """Publish the feed, and let former members leave the plane of the gateway."""
        path = write_feed(self.directory / f"feed-{secrets.token_hex(4)}.csv", self.rows)
        publish(self.database, self.home, path, today=TODAY)
        with self.database.transaction("feeds") as tx:
            sweep_former_members(tx, TODAY)

    def list_persons(self) -> list[int]:
        """Return persons in the order of their contract numbers."""
        rows = self.fetch("SELECT person_ref, insurer_id, sealed FROM identity.person")
        vault, found = open_vault(self.home), {}
        with self.begin() as tx:
            for ref, insurer_id, sealed in rows:
                record = open_sealed(vault.load_seal(tx, insurer_id), ref, bytes(sealed))
                found[record.contracts[0].contract_number] = ref
        return [found[number] for number in sorted(found)]

    def bill(self, person_ref: int, *, settled_months: int, state: str = "paid") -> int:
        """Write a claim of one act that was settled so many months ago."""
        claim_ref = secrets.randbits(62) + 1
        day = add_months(TODAY, -settled_months)
        self.run(
            "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
            " VALUES (%s, '00000000000000', 'Essai', '75001', 'Paris') ON CONFLICT DO NOTHING",
            ESTABLISHMENT,
        )
        self.run(
            "INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,"
            " digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,"
            " state, state_at, amo_cents, amc_cents, reste_a_charge_cents)"
            " VALUES (%s, %s, 1, 'json', 'F1', %s, %s, %s, '19840502', %s, %s, 3000, %s, %s,"
            " 2000, 1000, 0)",
            *(claim_ref, ESTABLISHMENT, secrets.token_bytes(32), person_ref, INSURER),
            *(day - timedelta(days=9), day - timedelta(days=9), state, day),
        )
        self.run(
            "INSERT INTO claims.line (claim_ref, number, act, care_on, quantity, billed_cents,"
            " amo_cents, amc_cents, reste_a_charge_cents)"
            " VALUES (%s, 1, 'G', %s, 1, 3000, 2000, 1000, 0)",
            *(claim_ref, day),
        )
        self.run(
            "INSERT INTO claims.part (claim_ref, line, rank, insurer_id, contract_ref, table_code,"
            " cents, benefit) VALUES (%s, 1, 1, %s, 5, 'T', 1000, 'consultation')",
            *(claim_ref, INSURER),
        )
        self.run(
            "INSERT INTO claims.due (part_ref, undone, establishment_ref, insurer_id, cents, since)"
            " SELECT part_ref, false, %s, insurer_id, cents, %s FROM claims.part"
            " WHERE claim_ref = %s",
            *(ESTABLISHMENT, day, claim_ref),
        )
        self.run(
            "INSERT INTO claims.use (claim_ref, line, person_ref, contract_ref, name, since, mark,"
            " cents, units, day) VALUES (%s, 1, %s, 5, 'year', %s, '', 1000, 1, %s)",
            *(claim_ref, person_ref, day, day),
        )
        return claim_ref

    def plan(self, day: date = TODAY) -> int | None:
        """Plan what is due; return the run, or None when nothing is."""
        with self.begin() as tx:
            run_id = begin_plan(tx, day)
        progress = plan_all(self.begin, run_id)
        return run_id if progress.state is not None else None

    def agree(self, run_id: int) -> None:
        """Let two people have agreed: one at the command line, one in the rows of a colleague."""
        with self.begin() as tx:
            approve_run(tx, None, run_id)
        self.run(
            "UPDATE retention.run SET state = 'approved', second_by = 77,"
            " second_at = clock_timestamp() WHERE run_id = %s",
            run_id,
        )

    def purge(self, day: date = TODAY) -> Ran | None:
        """Plan, agree and carry out."""
        run_id = self.plan(day)
        if run_id is None:
            return None
        self.agree(run_id)
        return run_retention(self.keeper, run_id)

    def list_items(self, run_id: int) -> set[tuple[int, str, str, str]]:
        """Return subject, field, step and state of the lines of a run."""
        rows = self.fetch(
            "SELECT subject, field, step, state FROM retention.item WHERE run_id = %s", run_id
        )
        return set(rows)

    def find_state(self, run_id: int) -> str:
        with self.begin() as tx:
            run = retention_runs.load_run(tx, run_id)
        assert run is not None
        return run.state.value

    def see(self, person_ref: int) -> dict[str, set[str]]:
        """Return which fields of a person are where, whatever a run would say."""
        with self.begin() as tx:
            found = read_people(tx, [person_ref])
        if not found:
            return {"active": set(), "archive": set()}
        [one] = found
        return {"active": {f.value for f in one.active}, "archive": set(one.archived)}
