"""Establishments, insurers and what is due to them, on a real database: for tests of settlement."""

import secrets
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from rempart.exchange.sepa_files import Payer
from rempart.kernel.iban import Iban
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.storage import settlement
from rempart.storage.connect import Database
from rempart.storage.funds import MandateSeal
from rempart.storage.iban_seal import IbanSeal
from rempart.tariffs.working_days import Calendar
from rempart.workflows.settlement.approve_run import approve_run
from rempart.workflows.settlement.close_run import begin_plan, plan_piece
from rempart.workflows.settlement.send_payments import Counter, SentRun, send_run

MASTER = bytes(32)
SEAL = IbanSeal(MASTER)
MANDATES = MandateSeal(MASTER)
PAYER_IBAN = make_synthetic_iban(7)
PARIS = Calendar(zone=ZoneInfo("Europe/Paris"))
DAY = date(2026, 11, 23)


def draw() -> int:
    return secrets.randbits(40) + 1


@dataclass
class Till:
    """One installation that pays.

    Args:
        database: Fresh.
        directory: Where files to the bank go.
    """

    database: Database
    directory: Path
    counter: Counter = field(init=False)
    bills: dict[int, tuple[int, int]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.counter = Counter(
            payer=Payer(
                name="Opérateur d'essai",
                iban=PAYER_IBAN,
                bic="SYNTFRPPXXX",
                creditor_id="FR12ZZZ123456",
            ),
            directory=self.directory,
            seal=SEAL,
            mandates=MANDATES,
            calendar=PARIS,
        )

    def run(self, statement: str, *values: object) -> None:
        with self.database.transaction("owner") as tx:
            tx.execute(statement, values)

    def fetch(self, statement: str, *values: object) -> list[tuple]:
        with self.database.transaction("owner") as tx:
            return tx.execute(statement, values).fetchall()

    def add_insurer(self, number: int = 1) -> int:
        self.run(
            "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from)"
            " VALUES (%s, %s, %s, '2020-01-01')",
            number,
            f"{number:010d}",
            f"Mutuelle d'essai {number}",
        )
        return number

    def add_establishment(self, account: int | None = 100, check: str | None = "match") -> int:
        """Return an establishment paid on a synthetic account; on none for None."""
        place = draw()
        self.run(
            "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
            " VALUES (%s, '00000000000000', %s, '75001', 'Essai')",
            place,
            f"Pharmacie n° {place}",
        )
        if account is not None:
            self.give_account(place, make_synthetic_iban(account), check=check)
        return place

    def give_account(
        self,
        place: int,
        iban: Iban,
        *,
        state: str = "active",
        since: str = "2020-01-01",
        check: str | None = "match",
    ) -> int:
        change = draw()
        self.run(
            "INSERT INTO accounts.bank_details (change_ref, establishment_ref, sealed_iban,"
            " last_digits, state, active_from, payee_check) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            change,
            place,
            SEAL.close(iban, establishment_ref=place),
            iban.number[-4:],
            state,
            since,
            check,
        )
        return change

    def bill(
        self,
        place: int,
        cents: int,
        *,
        insurer: int = 1,
        received: str = "2026-11-18 10:00+01",
        since: date = DAY,
    ) -> int:
        """Have a claim of one line adjudicated: due now. Returns its part."""
        claim = draw()
        invoice = f"{claim % 10**9:09d}"
        self.run(
            "INSERT INTO claims.claim (claim_ref, establishment_ref, account_ref, channel, invoice,"
            " digest, person_ref, insurer_id, born, first_care_on, last_care_on, billed_cents,"
            " received_at, state, amo_cents, amc_cents, reste_a_charge_cents, vouched)"
            " VALUES (%s, %s, 1, 'json', %s, %s, 5, %s, '19800101', '2026-11-01', '2026-11-01',"
            " %s, %s, 'adjudicated', 100, %s, 50, true)",
            claim,
            place,
            invoice,
            secrets.token_bytes(32),
            insurer,
            cents + 150,
            received,
            cents,
        )
        self.run(
            "INSERT INTO claims.line (claim_ref, number, act, care_on, quantity, billed_cents,"
            " amo_cents, amc_cents, reste_a_charge_cents)"
            " VALUES (%s, 1, 'ACT', '2026-11-01', 1, %s, 100, %s, 50)",
            claim,
            cents + 150,
            cents,
        )
        [(part,)] = self.fetch(
            "INSERT INTO claims.part (claim_ref, line, rank, insurer_id, contract_ref, table_code,"
            " cents) VALUES (%s, 1, 1, %s, 1, 't', %s) RETURNING part_ref",
            claim,
            insurer,
            cents,
        )
        self.run(
            "INSERT INTO claims.due (part_ref, undone, establishment_ref, insurer_id, cents, since)"
            " VALUES (%s, false, %s, %s, %s, %s)",
            part,
            place,
            insurer,
            cents,
            since,
        )
        self.post("adjudicated", part, ("insurer", insurer), ("professional", place), cents)
        self.bills[part] = (claim, cents)
        return part

    def undo(self, part: int, *, since: date = DAY) -> None:
        """Cancel what was billed: it is due back."""
        [(place, insurer, cents)] = self.fetch(
            "INSERT INTO claims.due (part_ref, undone, establishment_ref, insurer_id, cents, since)"
            " SELECT part_ref, true, establishment_ref, insurer_id, -cents, %s FROM claims.due"
            " WHERE part_ref = %s RETURNING establishment_ref, insurer_id, -cents",
            since,
            part,
        )
        self.post("undone", part, ("professional", place), ("insurer", insurer), cents)

    def post(self, event, subject, debit, credit, cents) -> None:
        self.run(
            "INSERT INTO claims.journal (event, subject, debit_kind, debit_owner, credit_kind,"
            " credit_owner, cents) VALUES (%s, %s, %s, %s, %s, %s, %s)",
            *(event, subject, *debit, *credit, cents),
        )

    def settler(self):
        return self.database.transaction("settler")

    def plan(self, day: date = DAY, *, piece: int = 200) -> int:
        with self.settler() as tx:
            run_id = begin_plan(tx, day)
        done = False
        while not done:
            with self.settler() as tx:
                done = plan_piece(tx, run_id, piece=piece).done
        return run_id

    def approve(self, run_id: int) -> None:
        """Have two people agree: the command line, and somebody."""
        with self.settler() as tx:
            approve_run(tx, None, run_id)
        self.agree(run_id)

    def agree(self, run_id: int) -> None:
        """Have somebody agree beside the command line."""
        self.run(
            "UPDATE claims.run SET state = 'approved', second_by = 1, second_at = now()"
            " WHERE run_id = %s AND state = 'planned'",
            run_id,
        )

    def send(self, run_id: int) -> SentRun:
        return send_run(self.settler, self.counter, run_id)

    def pay(self, day: date = DAY) -> int:
        run_id = self.plan(day)
        self.approve(run_id)
        self.send(run_id)
        return run_id

    def list_remittances(self) -> list[tuple]:
        return self.fetch(
            "SELECT remittance_id, establishment_ref, cents, state, reason FROM claims.remittance"
            " ORDER BY remittance_id"
        )

    def sum_accounts(self) -> dict[str, int]:
        """Return what each kind of account holds; above nought, it is owed or there."""
        rows = self.fetch(
            "SELECT kind, sum(cents)::bigint FROM ("
            " SELECT debit_kind AS kind, cents FROM claims.journal"
            " UNION ALL SELECT credit_kind, -cents FROM claims.journal) AS s GROUP BY kind"
        )
        return {kind: int(cents) for kind, cents in rows if cents}

    def read_clock(self) -> datetime:
        with self.settler() as tx:
            return settlement.read_clock(tx).astimezone(UTC)
