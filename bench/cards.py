"""Cards issued from the database to print-ready files, beside typst rendering the same letters.

The baseline is given the letters ready made, and compiles them: no database, no sealed identity, no
signature, no symbol, no file. Verification stands beside a bare Ed25519 verification; figures are
per second of processor, all threads of the process counted, so that neighbours change little. At
the end, what a check by card or by six digits costs the gateway, beside a typed one.
"""

import os
import resource
import shutil
import time
from collections.abc import Callable
from datetime import UTC, date, datetime
from itertools import islice

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from rich.console import Console
from rich.table import Table

from bench import card_checks
from bench.machinery import DATA, rempart, running_database, save_results, synthesise
from rempart.exchange.card_letter import (
    CardPrint,
    compile_letters,
    decode_print,
    gather_sources,
)
from rempart.kernel.periods import Period
from rempart.rights.card import CardSerial
from rempart.rights.card_documents import CardKey, CardKeys, Issue, make_revocations
from rempart.rights.card_signature import CardSigner, read_symbol
from rempart.rights.card_verdict import CardReason, verify_card
from rempart.storage import cards
from rempart.storage.connect import Database
from rempart.wiring.cards import load_signer, make_card_secrets, open_print_seal
from rempart.wiring.home import Home
from rempart.workflows.rights.issue_cards import BATCH_SIZE, IssueRequest, issue_cards

TARGET_PER_CORE = 50
INSURER = 1
PEOPLE_PER_CONTRACT = 2
YEAR = 2027
TODAY = date(2026, 11, 22)
REVOKED = 1_000_000
VERIFIED = 2_000
CHECKS = 2_000


def run(*, contracts: int) -> None:
    """Measure, print the ratios, save them."""
    feed = next((synthesise(contracts * PEOPLE_PER_CONTRACT, insurers=1) / "feeds").glob("*.csv"))
    path = DATA / "cards"
    shutil.rmtree(path, ignore_errors=True)
    with running_database(path) as database:
        rempart(path, "feed", "import", str(feed), "--insurer", str(INSURER), "--name", "Bench")
        home = Home.open(path)
        issued, seconds, wall = _issue(database, home)
        peak_mib = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        prints = _read_prints(database, home)
    shutil.rmtree(path)
    bare = _render(prints)
    verified, bare_verified = _verify(prints)
    _print(
        ("typst alone", bare, 1.0),
        (f"rempart cards issue, {issued:,} cards", issued / seconds, issued / seconds / bare),
        ("Ed25519 alone", bare_verified, 1.0),
        ("verify_card, 1,000,000 revoked", verified, verified / bare_verified),
    )
    saved = save_results(
        "cards",
        {
            "cards": issued,
            "cards_per_processor_s": issued / seconds,
            "cards_per_wall_s": issued / wall,
            "typst_alone_per_processor_s": bare,
            "ratio": issued / seconds / bare,
            "peak_mib": peak_mib,
            "verified_per_processor_s": verified,
            "ed25519_per_processor_s": bare_verified,
        },
    )
    print(f"peak {peak_mib:.0f} MiB; saved in {saved}")
    card_checks.run(each=CHECKS)


def _issue(database: Database, home: Home) -> tuple[int, float, float]:
    """Issue to every contract; return cards, processor seconds, wall seconds."""
    with database.connect("feeds", autocommit=True) as connection:
        with connection.transaction():
            signer = load_signer(home, connection, TODAY)
        request = IssueRequest(
            insurer_id=INSURER, kind="yearly", year=YEAR, today=TODAY, out=home.path / "out"
        )
        started, wall = time.process_time(), time.perf_counter()
        issued = issue_cards(connection, make_card_secrets(home, signer), request)
    return issued.cards, time.process_time() - started, time.perf_counter() - wall


def _read_prints(database: Database, home: Home) -> list[CardPrint]:
    """Return the prints of the first batches."""
    seal = open_print_seal(home)
    with database.transaction("feeds") as tx:
        refs = tx.execute("SELECT batch_ref FROM rights.card_batch ORDER BY number LIMIT 5")
        return [
            decode_print(seal.open(serial, sealed))
            for (batch_ref,) in refs.fetchall()
            for serial, sealed in cards.load_prints(tx, batch_ref)
        ]


def _render(prints: list[CardPrint]) -> float:
    """Compile the same letters in batches of the same size; return letters a second."""
    made_at, rest, seconds = datetime.now(UTC), iter(prints), 0.0
    while batch := list(islice(rest, BATCH_SIZE)):
        sources = gather_sources(batch, operator="Bench")
        started = time.process_time()
        compile_letters(sources, made_at=made_at)
        seconds += time.process_time() - started
    return len(prints) / seconds


def _verify(prints: list[CardPrint]) -> tuple[float, float]:
    """Verify against a long list of revocations; return cards, and bare signatures, a second."""
    seed = bytes(range(32))
    signer = CardSigner(seed)
    texts = [signer.sign(one.card) for one in prints[:VERIFIED]]
    issue = Issue(operator="Bench", number=1, issued_on=TODAY, good_for_days=400)
    days = Period(TODAY, date(2027, 12, 31))
    keys = CardKeys(issue, {signer.key_id: CardKey(public_key=signer.public_key, issues=days)})
    revoked = make_revocations(issue, (CardSerial(os.urandom(10)) for _ in range(REVOKED)))
    public = Ed25519PublicKey.from_public_bytes(signer.public_key)
    signed = [read_symbol(text) for text in texts]

    def verify() -> None:
        for text in texts:
            verdict = verify_card(text, keys, revoked, date(YEAR, 6, 1))
            if verdict.reason is CardReason.FORGED:
                raise RuntimeError("a card signed a moment ago does not verify")

    def verify_bare() -> None:
        for each in signed:
            public.verify(each.signature, b"rempart card v1\0" + each.payload)

    return len(texts) / _time(verify), len(texts) / _time(verify_bare)


def _time(work: Callable[[], None]) -> float:
    started = time.process_time()
    work()
    return time.process_time() - started


def _print(*rows: tuple[str, float, float]) -> None:
    table = Table(title=f"Cards, per second of processor (target ≥ {TARGET_PER_CORE} issued)")
    for column in ("", "per second", "ratio"):
        table.add_column(column, justify="left" if not column else "right")
    for name, speed, ratio in rows:
        table.add_row(name, f"{speed:,.0f}", f"{ratio:.2f}")
    Console().print(table)
