"""Claims end to end, durable: taken in, shared out, planned, sent, called for, paid.

    python -m bench claims --claims 100000

Five claims for each person, of two acts each, a hundred for each establishment. Every stage is the
workflow that production runs, in one process. openIMIS, measured on two cores: 4.5 claims a second
for one process, 105 to 143 statements a claim (peers.md). At the end the transfers, the parts of
insurers, the journal and the bank say the same, to the cent, or it fails.
"""

import asyncio
import json
import resource
import secrets
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
from rich.console import Console
from rich.table import Table
from tests.settlement.bank import Booking, write_bank_file
from tests.settlement.practice import PAYER_IBAN

from bench.machinery import DATA, Stopwatch, running_database, save_results
from rempart.claims.claim import ClaimLine
from rempart.claims.references import REFERENCE_BITS
from rempart.exchange.billed_claim import BilledClaim
from rempart.exchange.sepa_files import Payer
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.rights.coverage import Rate, Terms, TicketModerateur
from rempart.rights.lookup import CardCode, compute_lookup_key
from rempart.rights.terms import format_domains
from rempart.settlement.references import format_message_id
from rempart.storage.claims_intake import ClaimShelf, open_claims_pool
from rempart.storage.connect import Database, Transaction
from rempart.storage.funds import MandateSeal
from rempart.storage.iban_seal import IbanSeal
from rempart.tariffs.care import ACTS
from rempart.tariffs.working_days import Calendar
from rempart.workflows.claims.adjudicate_claims import Library, adjudicate_batch
from rempart.workflows.claims.take_claims import Office, Sender, Sent, Taken, take_claims
from rempart.workflows.settlement.call_funds import call_funds
from rempart.workflows.settlement.close_run import begin_plan, plan_piece
from rempart.workflows.settlement.import_bank_file import import_bank_file
from rempart.workflows.settlement.send_payments import Counter, send_run

PARIS = ZoneInfo("Europe/Paris")
TODAY = datetime.now(PARIS).date()
SECRET = bytes(32)
PEER_CLAIMS_A_SECOND = 4.5
TARGET = 10 * PEER_CLAIMS_A_SECOND
MOST_STATEMENTS = 15
MOST_MIB = 512
CLAIMS_A_PERSON = 5
CLAIMS_A_PLACE = 100
TOGETHER = 500
INSURERS = 20
TERMS = Terms(
    convention_type="RP",
    csr="",
    responsible=True,
    domains={"MEDG": Rate(rate_bp=15_000), "PHAR": TicketModerateur()},
)
INSERTS = (
    (
        "INSERT INTO accounts.establishment (establishment_ref, siret, name, postcode, city)"
        " SELECT n, '00000000000000', 'Pharmacie ' || n, '75001', 'Essai'"
        " FROM generate_series(1, %(places)s) AS n"
    ),
    (
        "INSERT INTO rights.coverage (person_ref, opened_in, insurer_id, contract_ref, starts_on,"
        " ends_on, suspended_from, suspended_to, terms_id)"
        " SELECT n, 1, 1 + n %% %(insurers)s, ARRAY[n], '{2020-01-01}', '{infinity}', '{infinity}',"
        " '{infinity}', ARRAY[1 + n %% %(insurers)s]"
        " FROM generate_series(1::bigint, %(people)s) AS n"
    ),
)
# What everything must come to, each written by another stage.
SUMS = {
    "transfers": "SELECT sum(cents) FROM claims.remittance WHERE state = 'paid'",
    "parts of contracts": "SELECT sum(cents) FROM claims.part",
    "parts of lines": "SELECT sum(amc_cents) FROM claims.line",
    "parts of claims paid": "SELECT sum(amc_cents) FROM claims.claim WHERE state = 'paid'",
    "files": "SELECT sum(cents) FROM claims.payment_file WHERE kind = 'transfer'",
    "calls": "SELECT sum(cents - fees_cents) FROM claims.call",
    "bank": "SELECT -sum(cents) FROM claims.bank_line WHERE state = 'paid'",
    "billed less the rest": (
        "SELECT sum(billed_cents - amo_cents - reste_a_charge_cents) FROM claims.line"
    ),
}


@dataclass
class Measures:
    """What each stage took, in order.

    Args:
        claims: How many claims went through.
    """

    claims: int
    seconds: dict[str, float] = field(default_factory=dict)
    statements: dict[str, int] = field(default_factory=dict)
    peak_mib: dict[str, float] = field(default_factory=dict)
    count: int = 0

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Measure a stage."""
        before = self.count
        with Stopwatch() as watch:
            yield
        # Said as it comes: a run of a million takes a while.
        Console().print(f"{name}: {watch.seconds:,.0f} s", highlight=False)
        self.seconds[name] = watch.seconds
        self.statements[name] = self.count - before
        self.peak_mib[name] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


class _CountedShelf(ClaimShelf):
    """Counts statements of the intake."""

    measures: Measures

    async def _fetch(self, query: str, *arguments: Any) -> Any:
        self.measures.count += 1
        return await super()._fetch(query, *arguments)


def run(*, claims: int) -> None:
    """Measure, print, save."""
    claims -= claims % (CLAIMS_A_PERSON * CLAIMS_A_PLACE)
    folder = DATA / "claims-files"
    shutil.rmtree(DATA / "claims", ignore_errors=True)
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    measures = Measures(claims)
    with running_database(DATA / "claims") as database:
        _fill(database, claims)
        opened = _count_in(database, measures)
        with measures.stage("taken in"):
            asyncio.run(_take(database, measures))
        with measures.stage("shared out"):
            _share_out(opened, claims)
        _settle(database, opened, folder, measures)
        with database.transaction("owner") as tx:
            paid_cents = _add_up(tx, claims)
            _check_journal(tx, paid_cents)
        _report(measures, paid_cents, files=len(list(folder.glob("*.xml"))))


def _fill(database: Database, claims: int) -> None:
    people, places = claims // CLAIMS_A_PERSON, claims // CLAIMS_A_PLACE
    values = {"people": people, "places": places, "insurers": INSURERS}
    seal, domains = IbanSeal(SECRET), json.dumps(format_domains(TERMS.domains))
    with database.transaction("owner") as tx:
        for number in range(1, INSURERS + 1):
            tx.execute(
                "INSERT INTO rights.insurer (insurer_id, amc_number, name, agreement_from,"
                " published_version) VALUES (%s, %s, %s, '2020-01-01', 1)",
                [number, f"{number:010d}", f"Mutuelle {number}"],
            )
            tx.execute(
                "INSERT INTO rights.terms (terms_id, insurer_id, digest, convention_type, csr,"
                " responsible, domains) VALUES (%s, %s, sha256(%s), 'RP', '', true, %s)",
                [number, number, bytes([number]), domains],
            )
        for statement in INSERTS:
            tx.execute(statement, values)
        with tx.cursor().copy("COPY rights.lookup (lookup_key, person_ref) FROM STDIN") as copy:
            for person in range(1, people + 1):
                copy.write_row((compute_lookup_key(SECRET, _card(person)).hex(), person))
        with tx.cursor().copy(
            "COPY accounts.bank_details (change_ref, establishment_ref, sealed_iban, last_digits,"
            " state, active_from, payee_check) FROM STDIN"
        ) as copy:
            for place in range(1, places + 1):
                iban = make_synthetic_iban(1000 + place)
                sealed = seal.close(iban, establishment_ref=place)
                digits = iban.number[-4:]
                copy.write_row((place, place, sealed, digits, "active", "2020-01-01", "match"))
        tx.execute("ANALYZE")


def _card(person: int) -> CardCode:
    return CardCode.from_number(2**97 + person * 7919**5)


def _count_in(
    database: Database, measures: Measures
) -> Callable[[], AbstractContextManager[Transaction]]:
    """Give what opens transactions of the settler whose statements are counted."""

    class Counted(psycopg.Cursor[Any]):
        def execute(self, *arguments: Any, **options: Any) -> Any:
            measures.count += 1
            return super().execute(*arguments, **options)

    @contextmanager
    def open_transaction() -> Iterator[Transaction]:
        with database.transaction("settler") as tx:
            tx.cursor_factory = Counted
            yield tx

    return open_transaction


async def _take(database: Database, measures: Measures) -> None:
    """Take every claim in, 500 at a time, as they come together at the door."""
    async with open_claims_pool(database.asyncpg_kwargs("gateway")) as pool:
        shelf = _CountedShelf(lambda: pool)
        _CountedShelf.measures = measures
        office = Office(
            shelf=shelf,
            lookup_secret=SECRET,
            engagement_secret=SECRET,
            draw_reference=lambda: secrets.randbits(REFERENCE_BITS) or 1,
        )
        for first in range(0, measures.claims, TOGETHER):
            last = min(first + TOGETHER, measures.claims)
            done = await take_claims(
                office, [_make_claim(place, measures.claims) for place in range(first, last)]
            )
            if not all(isinstance(one, Taken) and one.is_new for one in done):
                raise SystemExit("a claim was refused, or was there before")


def _make_claim(number: int, claims: int) -> Sent:
    people = claims // CLAIMS_A_PERSON
    place = 1 + number % (claims // CLAIMS_A_PLACE)
    day = TODAY - timedelta(days=60 - number // people)
    claim = BilledClaim(
        invoice=f"{number:09d}",
        identifiers=_card(1 + number % people),
        birth_date="19700101",
        lines=(
            ClaimLine(number=1, act=ACTS["G"], care_date=day, billed_cents=3500),
            ClaimLine(number=2, act=ACTS["PH7"], care_date=day, billed_cents=2130, base_cents=2130),
        ),
        asked_amc_cents=(None, None),
    )
    return Sent(claim, Sender(place, place, 1, "json"))


def _share_out(opened: Callable[[], AbstractContextManager[Transaction]], claims: int) -> None:
    library, done = Library(SECRET), 0
    while True:
        with opened() as tx:
            batch = adjudicate_batch(tx, library, today=TODAY)
        if not batch.claims:
            break
        done += batch.adjudicated
    if done != claims:
        raise SystemExit(f"{done} of {claims} claims were shared out")


def _settle(
    database: Database,
    opened: Callable[[], AbstractContextManager[Transaction]],
    folder: Path,
    measures: Measures,
) -> None:
    """Plan a run, approve it, write its files, call for funds, and hear from the bank."""
    counter = Counter(
        payer=Payer(name="Opérateur", iban=PAYER_IBAN, bic="SYNTFRPPXXX"),
        directory=folder,
        seal=IbanSeal(SECRET),
        mandates=MandateSeal(SECRET),
        calendar=Calendar(zone=PARIS),
    )
    with measures.stage("planned"):
        with opened() as tx:
            run_id = begin_plan(tx, TODAY)
        done = False
        while not done:
            with opened() as tx:
                done = plan_piece(tx, run_id).done
    with database.transaction("owner") as tx:
        tx.execute(
            "UPDATE claims.run SET state = 'approved', first_at = now(), second_by = 1,"
            " second_at = now() WHERE run_id = %s",
            [run_id],
        )
    with measures.stage("sent"):
        send_run(opened, counter, run_id)
    with measures.stage("called for"), opened() as tx:
        call_funds(tx, today=TODAY)
    answers = _answer(database, folder)
    with measures.stage("bank's answer"):
        for path in answers:
            with opened() as tx:
                import_bank_file(tx, path, account=PAYER_IBAN)


def _answer(database: Database, folder: Path) -> list[Path]:
    """Write what a bank that paid everything says: one statement a file."""
    with database.transaction("settler") as tx:
        rows = tx.execute(
            "SELECT file_id, cents FROM claims.payment_file WHERE kind = 'transfer' ORDER BY 1"
        ).fetchall()
    answers, opening = [], 10**12
    for number, (file_id, cents) in enumerate(rows):
        path = folder / f"answer-{number}.camt"
        booking = Booking(cents=-cents, batch=format_message_id(file_id), bank_ref=f"B{number}")
        answers.append(write_bank_file(path, [booking], name=f"S{number}", opening=opening))
        opening -= cents
    return answers


def _add_up(tx: Transaction, claims: int) -> int:
    """Return what was paid, once every stage says the same of it."""
    found = {
        name: int((tx.execute(query).fetchone() or (0,))[0] or 0) for name, query in SUMS.items()
    }
    if len(set(found.values())) != 1:
        raise SystemExit(f"the sums differ: {found}")
    states = tx.execute("SELECT state, count(*) FROM claims.claim GROUP BY state").fetchall()
    if states != [("paid", claims)]:
        raise SystemExit(f"not every claim is paid: {states}")
    return found["transfers"]


def _check_journal(tx: Transaction, paid_cents: int) -> None:
    """Insurers owe what the bank paid out; nobody else owes or is owed anything."""
    rows = tx.execute(
        "SELECT kind, sum(cents)::bigint FROM ("
        " SELECT debit_kind AS kind, cents FROM claims.journal"
        " UNION ALL SELECT credit_kind, -cents FROM claims.journal) AS side GROUP BY kind"
    ).fetchall()
    left = {kind: cents for kind, cents in rows if cents}
    if left != {"insurer": paid_cents, "bank": -paid_cents}:
        raise SystemExit(f"the journal differs from what was paid: {left}")


def _report(measures: Measures, paid_cents: int, *, files: int) -> None:
    claims, spent = measures.claims, sum(measures.seconds.values())
    statements = sum(measures.statements.values()) / claims
    peak_mib = max(measures.peak_mib.values())
    table = Table("Stage", "Seconds", "Share", "Claims a second", "SQL a claim", "Peak MiB")
    for name, seconds in measures.seconds.items():
        table.add_row(
            *(name, f"{seconds:.1f}", f"{seconds / spent:.0%}", f"{claims / seconds:,.0f}"),
            *(f"{measures.statements[name] / claims:.3f}", f"{measures.peak_mib[name]:,.0f}"),
        )
    console = Console()
    console.print(table)
    console.print(
        f"{claims:,} claims, {paid_cents / 100:,.2f} € in {files} files, to the cent: "
        f"{spent:.0f} s, {claims / spent:,.0f} a second "
        f"({claims / spent / PEER_CLAIMS_A_SECOND:,.0f} × openIMIS), "
        f"{statements:.2f} SQL a claim, peak {peak_mib:,.0f} MiB (bound {MOST_MIB})"
    )
    figures = {
        "claims": claims,
        "paid_cents": paid_cents,
        "seconds": measures.seconds,
        "statements": measures.statements,
        "peak_mib": measures.peak_mib,
        "claims_per_second": claims / spent,
        "statements_per_claim": statements,
    }
    console.print(f"written to {save_results('claims', figures)}")
    if claims / spent < TARGET or statements > MOST_STATEMENTS or peak_mib > MOST_MIB:
        raise SystemExit(
            f"wanted: {TARGET} claims a second, {MOST_STATEMENTS} SQL a claim, {MOST_MIB} MiB"
        )
