"""Claims through the door, durable: one a request, fifty a request, and a lot in a file.

    python -m bench claims-intake --claims 20000

Statements are counted by the database itself: each is a transaction here.
"""

import asyncio
import json
import random
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path

from rich.console import Console
from rich.table import Table
from scripts.gateway_process import GatewayProcess

from bench.callers import BY_CERTIFICATE, CLIENT_CERT, PUBLIC_URL
from bench.machinery import save_results
from bench.open_loop import Caller
from bench.processors import read_group_memory
from bench.rights_checks import Ground, prepare, running_gateway
from rempart.accounts.tokens import CLAIMS_SCOPE, Bearer
from rempart.claims.claim import ClaimLine
from rempart.exchange.b2_file import format_lot
from rempart.exchange.billed_claim import BilledClaim
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers
from rempart.tariffs.care import ACTS
from rempart.workflows.accounts.issue_token import sign_access_token

MEMBERS = 30_000
CALLERS = 64
BILLERS = 200
TOGETHER = 50
LINES = 3
# What one process of the nearest open system takes in, and the most statements it may cost here.
OPENIMIS_PER_SECOND = 4.5
MOST_STATEMENTS = 15
ACTS_BILLED = ("G", "PH7", "AMI", "CS", "B")


@dataclass(frozen=True)
class Measure:
    """How many claims a second, and what each cost."""

    name: str
    claims: int
    seconds: float
    failed: int
    statements: float
    memory_mb: float

    @property
    def per_second(self) -> float:
        """Claims acknowledged in a second."""
        return self.claims / self.seconds


def run(*, claims: int) -> None:
    """Measure the three ways, print and keep the figures."""
    with prepare(MEMBERS) as ground, running_gateway(ground) as gateway:
        tokens = list(_mint_tokens(ground))
        people = _read_people(ground.questions)
        # The first requests open connections and compile plans.
        _send(gateway, ground, tokens, people, claims=500, together=1, name="warm-up")
        measures = [
            _send(gateway, ground, tokens, people, claims=claims, together=1, name="one a request"),
            _send(
                gateway, ground, tokens, people,
                claims=claims, together=TOGETHER, name=f"{TOGETHER} a request",
            ),
            _send_lot(gateway, ground, tokens, people, claims=claims),
        ]  # fmt: skip
    _print(measures)
    path = save_results("claims-intake", {"measures": [asdict(one) for one in measures]})
    Console().print(f"saved in {path}")


def _mint_tokens(ground: Ground) -> Iterator[str]:
    with ground.database.transaction("registrar") as tx:
        rows = tx.execute(
            "SELECT (SELECT max(client_ref) FROM accounts.software WHERE revoked_at IS NULL"
            " AND client_id LIKE 'exercise-%%'), account_ref, establishment_ref"
            " FROM accounts.professional WHERE establishment_ref IS NOT NULL"
            " ORDER BY rpps LIMIT %s",
            (BILLERS,),
        ).fetchall()
    for client_ref, account_ref, establishment_ref in rows:
        yield sign_access_token(
            ground.home.key("token"),
            issuer=PUBLIC_URL,
            client_id="bench",
            bearer=Bearer(client_ref, account_ref, establishment_ref),
            binding=BY_CERTIFICATE,
            now_s=int(time.time()),
            lifetime_s=3600,
            token_id=secrets.token_urlsafe(16),
            scope=CLAIMS_SCOPE,
        )


def _read_people(questions: Path) -> list[dict[str, object]]:
    """Read the typed identifiers of the questions of rights checks."""
    read = (json.loads(line)["identifiers"] for line in questions.read_text().splitlines())
    return [one for one in read if one["mode"] == "typed"]


def _send(
    gateway: GatewayProcess,
    ground: Ground,
    tokens: Sequence[str],
    people: Sequence[dict[str, object]],
    *,
    claims: int,
    together: int,
    name: str,
) -> Measure:
    dice = random.Random(secrets.randbits(32))
    requests = [
        _make_request(dice.choice(tokens), _make_body(people, dice, together))
        for _ in range(claims // together)
    ]
    with _counted(ground) as count:
        started = time.perf_counter()
        failed = asyncio.run(_ask(gateway.port, requests))
        seconds = time.perf_counter() - started
        done = len(requests) * together
        return Measure(name, done, seconds, failed, count() / done, read_group_memory(gateway.pid))


def _send_lot(
    gateway: GatewayProcess,
    ground: Ground,
    tokens: Sequence[str],
    people: Sequence[dict[str, object]],
    *,
    claims: int,
) -> Measure:
    dice = random.Random(secrets.randbits(32))
    lines = format_lot(
        dice.randrange(999_999),
        "990000019",
        date.today(),  # noqa: DTZ011 - the day a file was made
        (_make_billed(dice.choice(people), place, dice) for place in range(claims)),
    )
    body = "\n".join(lines).encode("latin-1")
    request = _make_request(tokens[0], body, path="/v1/lots", kind="text/plain")
    with _counted(ground) as count:
        started = time.perf_counter()
        failed = asyncio.run(_ask(gateway.port, [request]))
        seconds = time.perf_counter() - started
        memory_mb = read_group_memory(gateway.pid)
        return Measure("a lot in a file", claims, seconds, failed, count() / claims, memory_mb)


def _make_body(people: Sequence[dict[str, object]], dice: random.Random, together: int) -> bytes:
    today = date.today().isoformat()  # noqa: DTZ011 - care given where this machine stands
    claims = [
        {
            "invoice": secrets.token_hex(8),
            "beneficiary": dice.choice(people),
            "lines": [
                {
                    "number": number,
                    "act": dice.choice(ACTS_BILLED),
                    "care_date": today,
                    "billed_cents": dice.randrange(500, 9_000),
                    "amo_cents": 300,
                }
                for number in range(1, LINES + 1)
            ],
        }
        for _ in range(together)
    ]
    return json.dumps(claims[0] if together == 1 else {"claims": claims}).encode()


def _make_billed(person: dict[str, object], place: int, dice: random.Random) -> BilledClaim:
    lines = tuple(
        ClaimLine(
            number=number,
            act=ACTS[dice.choice(ACTS_BILLED)],
            care_date=date.today(),  # noqa: DTZ011 - as above
            billed_cents=dice.randrange(500, 9_000),
            amo_cents=300,
            base_cents=500,
        )
        for number in range(1, LINES + 1)
    )
    return BilledClaim(
        invoice=f"{place:09d}",
        identifiers=TypedIdentifiers(
            amc_number=AmcNumber.parse(str(person["amc_number"])),
            insured_nir=Nir.parse(str(person["insured_nir"])),
            birth_date=BirthDate.parse(str(person["birth_date"])),
            birth_rank=BirthRank.parse(str(person["birth_rank"])),
        ),
        lines=lines,
        birth_date=str(person["birth_date"]),
        asked_amc_cents=tuple(200 for _ in lines),
    )


def _make_request(
    token: str, body: bytes, *, path: str = "/v1/claims", kind: str = "application/json"
) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer {token}\r\n"
        f"Client-Cert: {CLIENT_CERT}\r\nContent-Type: {kind}\r\nUser-Agent: bench\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def _ask(port: int, requests: Sequence[bytes]) -> int:
    """Send every request, `CALLERS` at a time; return how many were not taken."""
    waiting, failed = list(requests), 0
    loop = asyncio.get_running_loop()

    async def work() -> None:
        nonlocal failed
        _, caller = await loop.create_connection(Caller, "127.0.0.1", port)
        while waiting:
            failed += await caller.ask(waiting.pop()) != 202

    await asyncio.gather(*(work() for _ in range(min(CALLERS, len(requests)))))
    return failed


@contextmanager
def _counted(ground: Ground) -> Iterator[Callable[[], int]]:
    """Give what tells how many transactions the database has committed since."""

    def read() -> int:
        with ground.database.connect("admin", autocommit=True) as admin:
            admin.execute("SELECT pg_stat_clear_snapshot()")
            [(count,)] = admin.execute(
                "SELECT xact_commit FROM pg_stat_database WHERE datname = %s",
                (ground.database.name,),
            ).fetchall()
        return int(count)

    before = read()

    def count() -> int:
        time.sleep(1.5)  # sessions tell what they did after a second
        return read() - before

    yield count


def _print(measures: Sequence[Measure]) -> None:
    table = Table(title=f"Claims of {LINES} lines, through HTTP, durable")
    names = ("", "claims", "per second", "× openIMIS", "statements a claim", "failed", "memory MB")
    for column in names:
        table.add_column(column, justify="left" if not column else "right")
    for one in measures:
        table.add_row(
            one.name,
            f"{one.claims:,}",
            f"{one.per_second:,.0f}",
            f"{one.per_second / OPENIMIS_PER_SECOND:,.0f}",
            f"{one.statements:.2f}",
            str(one.failed),
            f"{one.memory_mb:,.0f}",
        )
    console = Console()
    console.print(table)
    console.print(
        f"targets: 10 × openIMIS ({OPENIMIS_PER_SECOND}/s a process), "
        f"at most {MOST_STATEMENTS} statements a claim"
    )
