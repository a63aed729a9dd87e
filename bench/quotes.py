"""Quotes at a steady pace, beside rights checks of the same people at the same pace.

    python -m bench quotes --members 30000

A quote of glasses for people whose insurer's table bounds a pair: coverages, what was used of
limits, promises and the table are read, and an entry is written first.
"""

import asyncio
import json
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

from rich.console import Console
from rich.table import Table

from bench import open_loop
from bench.machinery import save_results
from bench.open_loop import Latencies, make_requests
from bench.rights_checks import Ground, prepare, running_gateway
from rempart.cli.demo_claims import make_benefit_file
from rempart.storage import benefit_tables
from rempart.workflows.claims.benefit_tables import Proposal, install_benefits

PACE = 200
TARGET_P99_MS = 100
GLASSES = (
    {"number": 1, "act": "MON", "billed_cents": 9000, "base_cents": 5, "basket": "free"},
    {"number": 2, "act": "VER", "billed_cents": 8000, "base_cents": 10, "basket": "free"},
)


def run(*, members: int, seconds: float) -> None:
    """Measure both, print, save."""
    with prepare(members) as ground:
        _give_tables(ground)
        # A card alone does not name whom of the family the glasses are for.
        checks = [one for one in ground.questions.read_text().splitlines() if '"typed"' in one]
        tokens = ground.tokens.read_text().splitlines()
        with running_gateway(ground) as gateway:
            ways = {
                "rights checks": make_requests(checks, tokens),
                "quotes": make_requests(list(_ask_glasses(checks)), tokens, path="/v1/quotes"),
            }
            # The first requests open connections and compile plans.
            for requests in ways.values():
                asyncio.run(open_loop.measure(gateway.port, requests, per_second=PACE, seconds=3))
            found = {
                name: asyncio.run(
                    open_loop.measure(gateway.port, requests, per_second=PACE, seconds=2 * seconds)
                )
                for name, requests in ways.items()
            }
    _print(found)
    path = save_results("quotes", {name: asdict(one) for name, one in found.items()})
    Console().print(f"saved in {path}")


def _give_tables(ground: Ground) -> None:
    with ground.database.transaction("settler") as tx:
        for (insurer_id,) in tx.execute("SELECT insurer_id FROM rights.insurer").fetchall():
            if not benefit_tables.list_files(tx, insurer_id):
                content = make_benefit_file()
                install_benefits(tx, Proposal(insurer_id=insurer_id, content=content, note="bench"))


def _ask_glasses(checks: list[str]) -> Iterator[str]:
    """Ask what glasses would be paid of the people that rights are asked of."""
    for line in checks:
        check: dict[str, Any] = json.loads(line)
        quote = {
            "identifiers": check["identifiers"],
            "care_date": check["care_date"],
            "lines": GLASSES,
        }
        yield json.dumps(quote, separators=(",", ":"))


def _print(found: dict[str, Latencies]) -> None:
    table = Table(title=f"an open loop at {PACE}/s: milliseconds from the planned instant")
    for column in ("", "answered", "failed", "median", "p99", "worst"):
        table.add_column(column, justify="right")
    for name, one in found.items():
        cells = (one.answered, one.failed, *(one.p50_ms, one.p99_ms, one.worst_ms))
        table.add_row(
            name, *(f"{cell:,.1f}" if isinstance(cell, float) else f"{cell:,}" for cell in cells)
        )
    console = Console()
    console.print(table)
    met = "met" if found["quotes"].p99_ms < TARGET_P99_MS else "not met"
    console.print(f"target of {TARGET_P99_MS} ms at the 99th percentile of quotes: {met}")
