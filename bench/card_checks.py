"""What presence costs at the gateway: the same person, open, by each way of designating them.

    python -m bench.card_checks --each 2000

One caller, one connection, ways mixed at random; microseconds that the gateway's processes spend
per answer (measured way by way), and the median time of an answer. The ratio is to a typed check.
"""

import argparse
import http.client
import json
import os
import random
import secrets
import shutil
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from rich.console import Console
from rich.table import Table
from scripts.gateway_process import GatewayProcess
from tests.api.world import COVERED, card_body, populate, typed_body

from bench.machinery import DATA, running_database, save_results
from rempart.rights.card import PresenceCode, compute_presence_key
from rempart.rights.presence import compute_digits, find_step
from rempart.storage.connect import Database
from rempart.storage.presence import CodeSeal
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

TYPED: Final = "typed"
TICKS: Final = os.sysconf("SC_CLK_TCK")
BLOCK: Final = 250
"""Answers between two readings of the processor's clock, which has a hundredth of a second."""


class Asking:
    """One caller on one connection, about one person.

    Args:
        port: The gateway's.
        let_in: Headers that let in.
        presence: The code of their card.
        secret: Of their rotating code.
    """

    def __init__(
        self, port: int, let_in: Mapping[str, str], presence: PresenceCode, secret: bytes
    ) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {**let_in, "Content-Type": "application/json"}
        self._secret = secret
        typed = typed_body(COVERED)
        self._bodies: dict[str, dict[str, Any]] = {
            TYPED: typed,
            "card of a feed": card_body(COVERED),
            "card": {**typed, "identifiers": {"mode": "card", "card_code": presence.format()}},
        }
        self.ways = (*self._bodies, "six digits")

    def ask(self, way: str) -> float:
        """Ask once; return milliseconds."""
        body = json.dumps(self._bodies.get(way) or self._make_code())
        started = time.perf_counter()
        self._connection.request("POST", "/v1/rights-checks", body, self._headers)
        reply = self._connection.getresponse()
        answer = reply.read()
        taken = (time.perf_counter() - started) * 1000
        if reply.status != 200 or b'"rights":"open"' not in answer:
            raise RuntimeError(f"{way}: {reply.status} is not open")
        return taken

    def _make_code(self) -> dict[str, Any]:
        typed = typed_body(COVERED)
        digits = compute_digits(self._secret, find_step(time.time()))
        code = {"mode": "code", "presence_digits": digits}
        return {**typed, "identifiers": {**typed["identifiers"], **code}}


def run(*, each: int) -> None:
    """Measure, print the ratios, save them."""
    home = DATA / "card-checks"
    shutil.rmtree(home, ignore_errors=True)
    with running_database(home) as database:
        world = populate(database, Home.open(home))
        presence, secret = _give_card(database, world.home)
        gateway = GatewayProcess(Settings(home=home, database_url=database.url()))
        gateway.start()
        asking = Asking(gateway.port, world.make_headers(), presence, secret)
        spent, times = _measure(asking, gateway.pid, each)
        gateway.stop()
    shutil.rmtree(home)
    figures = {
        way: {
            "processor_us": spent[way],
            "ratio": spent[way] / spent[TYPED],
            "median_ms": sorted(times[way])[each // 2],
        }
        for way in asking.ways
    }
    table = Table(title="A check by each way, the gateway's processor")
    for column in ("", "µs", "to typed", "median ms"):
        table.add_column(column, justify="left" if not column else "right")
    for way, found in figures.items():
        cells = (f"{found['processor_us']:,.0f}", f"{found['ratio']:.2f}")
        table.add_row(way, *cells, f"{found['median_ms']:.2f}")
    Console().print(table)
    Console().print(f"saved in {save_results('card-checks', {'each': each, **figures})}")


def _give_card(database: Database, home: Home) -> tuple[PresenceCode, bytes]:
    """Give the person a card and an electronic card; return the code and the secret."""
    presence = PresenceCode(secrets.token_bytes(16), 1)
    seal = CodeSeal(home.key("presence"))
    sealed = seal.draw(COVERED.person_ref)
    with database.transaction("owner") as tx:
        tx.execute(
            "INSERT INTO rights.lookup (lookup_key, person_ref)"
            " VALUES (encode(%s, 'hex')::uuid, %s)",
            (compute_presence_key(home.key("lookup"), presence), COVERED.person_ref),
        )
        tx.execute(
            "INSERT INTO rights.code_secret (person_ref, sealed) VALUES (%s, %s)",
            (COVERED.person_ref, sealed),
        )
    return presence, seal.open(COVERED.person_ref, sealed)


def _measure(
    asking: Asking, pid: int, each: int
) -> tuple[dict[str, float], dict[str, list[float]]]:
    """Return microseconds of processor per answer, and times of answers, by way."""
    blocks = [
        (way, min(BLOCK, each - done)) for way in asking.ways for done in range(0, each, BLOCK)
    ]
    random.Random(1).shuffle(blocks)
    spent = dict.fromkeys(asking.ways, 0.0)
    times: dict[str, list[float]] = {way: [] for way in asking.ways}
    for way in asking.ways:
        asking.ask(way)
    for way, count in blocks:
        before = _read_processor(pid)
        times[way] += [asking.ask(way) for _ in range(count)]
        spent[way] += _read_processor(pid) - before
    return {way: seconds / each * 1e6 for way, seconds in spent.items()}, times


def _read_processor(group: int) -> float:
    """Return the seconds of processor that the processes of a group have used."""
    ticks = 0
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # a process that ended in between
            fields = path.read_text().rsplit(")", 1)[1].split()
            if int(fields[2]) == group:
                ticks += int(fields[11]) + int(fields[12])
    return ticks / TICKS


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--each", type=int, default=2000, help="answers by each way")
    run(each=parser.parse_args().each)
