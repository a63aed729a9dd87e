"""Desks with a guard on a real database, and clocks that a test moves: no HTTP, no waiting."""

import asyncio
import contextlib
import secrets
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from typing import Any, NamedTuple

from tests.api.world import make_person

from rempart.accounts.session import Origin
from rempart.disclosure.entry import Purpose
from rempart.guard.habits import Habits
from rempart.kernel.errors import RempartError
from rempart.storage.connect import Database
from rempart.storage.guard_habits import decode_habits
from rempart.tariffs.domains import DOMAINS
from rempart.wiring.gateway_app import DatabaseDesk, DeskMaker
from rempart.wiring.home import Home
from rempart.wiring.log_signers import load_signers
from rempart.workflows.guard.guard_lookups import GuardMode
from rempart.workflows.guard.memory import Tally
from rempart.workflows.rights.check_rights import check_rights
from rempart.workflows.rights.rights_desk import Answered, Asked, Question

# A Monday morning.
BEGIN_MS = 1_795_420_800_000 // 86_400_000 * 86_400_000 + 8 * 3_600_000
HOUR_MS = 3_600_000
DAY_MS = 86_400_000
CARE_DATE = date(2026, 1, 1)


@dataclass
class PracticeClock:
    """A clock that stands still until it is moved."""

    ms: int = BEGIN_MS

    def now_ms(self) -> int:
        return self.ms

    def steady_ms(self) -> float:
        return float(self.ms)

    def today(self) -> date:
        return datetime.fromtimestamp(self.ms / 1000, UTC).date()


class Ask(NamedTuple):
    """One question: which account asks about whom, how and from where."""

    account_ref: int
    person: int
    card: bool = False
    address: str = "192.0.2.1"
    agent: str = "Logiciel"
    digits: Any = None


@dataclass
class Office:
    """A desk and its clock."""

    made: DatabaseDesk
    clock: PracticeClock
    lost: list[str] = field(default_factory=list)

    async def ask(self, *asks: Ask) -> list[Answered | RempartError]:
        """Check a batch."""
        return await check_rights(
            self.made.desk,
            [make_asked(one) for one in asks],
            now_ms=self.clock.now_ms(),
            today=self.clock.today(),
        )

    async def try_each(self, asks: Sequence[Ask]) -> list[bool]:
        """Ask one at a time; say which were answered."""
        return [isinstance((await self.ask(one))[0], Answered) for one in asks]


def make_asked(one: Ask) -> Asked:
    person = make_person(one.person)
    return Asked(
        question=Question(
            identifiers=person.card if one.card else person.typed,
            domain=DOMAINS["PHAR"],
            care_date=CARE_DATE,
            purpose=Purpose.BILLING,
            digits=one.digits,
        ),
        origin=Origin(5, one.account_ref, "psc+dpop", one.address, one.agent),
        request_id=secrets.token_bytes(16),
        body_digest=None,
    )


def make_maker(
    database: Database,
    home: Home,
    clock: PracticeClock,
    *,
    log_id: int = 1,
    mode: GuardMode = GuardMode.ON,
) -> DeskMaker:
    return DeskMaker(
        connection=database.asyncpg_kwargs("gateway"),
        log_id=log_id,
        signers=load_signers(home, log_id),
        segment_bits=24,
        lookup_secret=home.key("lookup"),
        engagement_secret=home.key("engagement"),
        clock=clock,
        guard_mode=mode,
        tally=Tally(log_id),
    )


@contextlib.asynccontextmanager
async def open_office(
    database: Database, home: Home, clock: PracticeClock, **changes: Any
) -> AsyncIterator[Office]:
    """Open a desk with a guard."""
    lost: list[str] = []
    maker = make_maker(database, home, clock, **changes)
    made = await maker.open(on_loss=lambda: lost.append("lost"))
    try:
        yield Office(made, clock, lost)
    finally:
        await made.close()


def open_accounts(database: Database, count: int, *, profession: str = "pharmacist") -> list[int]:
    """Register professionals; return their accounts."""
    refs = [8_000_001 + n for n in range(count)]
    with database.transaction("owner") as tx:
        for ref in refs:
            tx.execute(
                "INSERT INTO accounts.actor (actor_ref, kind, display_name, user_handle)"
                " VALUES (%s, 'professional', 'x', %s)",
                (ref, secrets.token_bytes(32)),
            )
            tx.execute(
                "INSERT INTO accounts.professional (account_ref, rpps, profession, display_name)"
                " VALUES (%s, %s, %s, 'x')",
                (ref, f"997{ref:08d}", profession),
            )
    return refs


def run(database: Database, statement: str, *values: Any) -> None:
    with database.transaction("owner") as tx:
        tx.execute(statement, values)  # type: ignore[arg-type]


def read(database: Database, query: str, *values: Any) -> list[tuple[Any, ...]]:
    with database.transaction("owner") as tx:
        return tx.execute(query, values).fetchall()  # type: ignore[arg-type]


def load_habits(database: Database, account_ref: int) -> Habits | None:
    [[stored]] = read(
        database, "SELECT habits FROM guard.account WHERE account_ref = %s", account_ref
    )
    return None if stored is None else decode_habits(bytes(stored))


def play(work: Any) -> Any:
    """Run a coroutine to its end."""
    return asyncio.run(work)
