"""The theft of 2024 on the demo's base, and everybody it concerns told, by the commands of a host.

    python -m bench told --persons 100000

`rempart demo` makes its base. Then accounts are stolen and ask for everybody over HTTP, with the
guard off, as the portals of 2024 were. The incident is declared, analysed and judged; each insurer
gets its package and opens it, hands contacts over, publishes its page, prepares its campaign. The
real worker delivers all of them to a real SMTP server and to letters, killed with -9 three times;
one e-mail in twenty comes back and becomes a letter. At the end each person has been told exactly
once, or the benchmark fails. Three things are lent: the second person of each insurer, its agent,
and the day that is waited before a letter follows an e-mail nobody heard of.
"""

import asyncio
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from rich.console import Console
from scripts.gateway_process import GatewayProcess, find_free_port

from bench.callers import registered_software, write_questions
from bench.machinery import DATA, Stopwatch, running_database, save_results
from bench.notices import deliver, open_relay
from bench.open_loop import Caller, make_requests
from rempart.cli.demo_told import Tale, find_stolen, tell
from rempart.storage.campaign_pages import approve
from rempart.storage.connect import Database
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

CALLERS: Final = 64
THIEVES: Final = 300
# Former members and those to come are shown to nobody: so many more for each who is.
_MORE: Final = 1.12
_ANOTHER: Final = 7
_APPROVED: Final = "approved"
_console = Console()


def run(*, persons: int) -> None:
    """Make the demo, rob it, tell everybody; print and save what it took."""
    home = DATA / f"home-told-{persons}"
    os.environ["REMPART_HOME"] = str(home)
    _make_demo(home, persons)
    with running_database(home) as database:
        at = Installation(settings=Settings(home=home), home=Home.open(home), database=database)
        if not (home / _APPROVED).is_file():
            numbers = _rob(at)
            with Stopwatch() as prepared:
                _tell_all(at, numbers)
            (home / _APPROVED).write_text(f"{prepared.seconds:.0f}")
        told = _count(database, "SELECT count(*) FROM notices.message")
        campaigns = _count(database, "SELECT count(*) FROM notices.campaign")
        with open_relay(home), Stopwatch() as delivered:
            figures = deliver(at, told)
    figures |= {
        "campaigns": campaigns,
        "prepared_s": float((home / _APPROVED).read_text()),
        "delivered_s": delivered.seconds,
    }
    _console.print(
        f"{told:,} persons of {campaigns} campaigns, on the demo's base: prepared in"
        f" {figures['prepared_s']:,.0f} s, told in {figures['delivered_s']:,.0f} s, each once;"
        f" {figures['kills']:.0f} kills, {figures['emails']:,.0f} e-mails at"
        f" {figures['emails_per_s']:,.0f} a second, {figures['bounced']:,.0f} came back,"
        f" {figures['letters']:,.0f} letters at {figures['letters_per_processor_s']:,.0f} a"
        " second of processor"
    )
    _console.print(f"saved in {save_results(f'told-{persons}', figures)}")


def _make_demo(home: Path, persons: int) -> None:
    """Make the demo's base, as a newcomer does; a second time it is there."""
    command = [sys.executable, "-m", "rempart", "demo", "--members", f"{persons * _MORE:.0f}"]
    command += ["--port", str(find_free_port()), "--no-open", "--exit-when-ready"]
    subprocess.run(command, check=True, env={**os.environ, "REMPART_HOME": str(home)})


def _rob(at: Installation) -> list[str]:
    """Have thieves ask for everybody; return whose accounts they stole."""
    home = at.home.path
    questions, tokens = home / "questions.jsonl", home / "tokens.txt"
    write_questions(home / "synth", questions, about=sys.maxsize, strangers=0)
    settings = Settings(home=home, database_url=at.database.url())
    with registered_software(at.database, at.home, tokens):
        requests = make_requests(
            questions.read_text().splitlines(), tokens.read_text().splitlines()
        )
        gateway = GatewayProcess(settings)
        gateway.start()
        try:
            with Stopwatch() as took:
                failed = asyncio.run(_ask_all(gateway.port, requests))
        finally:
            gateway.stop()
    shown = _count(at.database, "SELECT count(DISTINCT person_ref) FROM ledger.entry")
    _console.print(
        f"{THIEVES} stolen accounts asked {len(requests):,} questions in {took.seconds:,.0f} s,"
        f" {failed} failed: {shown - 1:,} persons"
    )
    with at.database.transaction("owner") as tx:
        return [
            rpps
            for (rpps,) in tx.execute(
                "SELECT rpps FROM accounts.professional ORDER BY rpps LIMIT %s", (THIEVES,)
            )
        ]


async def _ask_all(port: int, requests: Sequence[bytes]) -> int:
    """Ask every question once; return how many were not answered."""
    loop, failed, waiting = asyncio.get_running_loop(), 0, iter(requests)

    async def ask_on() -> None:
        nonlocal failed
        _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
        for request in waiting:
            failed += await caller.ask(request) != 200

    await asyncio.gather(*(ask_on() for _ in range(CALLERS)))
    return failed


def _tell_all(at: Installation, numbers: Sequence[str]) -> None:
    """Take the theft to a campaign of each insurer, and agree to all of them, the demo's too."""
    incident_id = find_stolen(at, numbers)
    with at.database.transaction("owner") as tx:
        insurers = tx.execute(
            "SELECT DISTINCT amc_number FROM incidents.exposed_person JOIN rights.insurer"
            " USING (insurer_id) WHERE incident_id = %s ORDER BY amc_number",
            (incident_id,),
        ).fetchall()
    for (amc_number,) in insurers:
        folder = at.home.path / "told" / amc_number
        folder.mkdir(parents=True, exist_ok=True)
        tell(
            Tale(
                at=at,
                incident_id=incident_id,
                amc_number=amc_number,
                folder=folder,
                per_hour=None,
            )
        )
    with at.database.transaction("owner") as tx:
        tx.execute("UPDATE notices.campaign SET per_hour = NULL")
        for (ref,) in tx.execute("SELECT campaign_ref FROM notices.campaign").fetchall():
            if not approve(tx, ref, _ANOTHER):
                raise AssertionError(f"campaign {ref} did not wait for somebody to agree")


def _count(database: Database, statement: str) -> int:
    with database.transaction("owner") as tx:
        [[count]] = tx.execute(statement).fetchall()
    return int(count)
