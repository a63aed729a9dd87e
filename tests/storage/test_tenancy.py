"""Nobody reads or writes the rows of another tenant, by any SQL the pages' login can send.

Beside it, for every policy there is, what the attack finds when that policy is gone or opens to
everybody: a policy that no attack misses protects nothing, or is not attacked.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import pytest
from psycopg import errors, sql
from tests.storage.attack import Outcome, attack
from tests.storage.tenant_rows import plant_world
from tests.storage.tenants import World

from rempart.storage.connect import Database, Login, Transaction
from rempart.storage.roles import role_name

POLICIES = """
    SELECT schemaname, tablename, policyname, cmd, roles::text[], qual, with_check,
           has_any_column_privilege('rempart_portals', schemaname || '.' || tablename, 'SELECT')
    FROM pg_catalog.pg_policies
    ORDER BY schemaname, tablename, policyname
"""
# What notices a policy of each command.
WAYS = {"ALL": ["select"], "SELECT": ["select"], "INSERT": ["add"], "UPDATE": ["change"]}
WAYS |= {"DELETE": ["remove"]}
# Whoever works for everybody; the gateway, like the others, sees every row of the tables it reads.
PROCESSES: tuple[Login, ...] = ("signin", "gateway", "registrar", "feeds", "analyst", "auditor")
PROCESSES += ("archivist", "forwarder", "settler", "notifier", "keeper")
# Software is told what was sent to its establishment, not what is being planned; of people, an
# analyst reads the names of agents and nobody else's.
BLIND = ("gateway: claims.remittance: 2 of 4", "analyst: accounts.actor: 16 of 21")
# Whoever writes to people reads the packages that were sent, not those being made.
BLIND += ("notifier: incidents.package: 2 of 4",)
# Letters are sealed for certificates that two people agreed to, and for no other.
BLIND += ("notifier: incidents.sealing_key: 2 of 4",)
# One of each kind is enough to notice a policy that is gone.
SOME = ("insurer admin A", "insurer admin B", "holder A", "holder B", "member B", "hosted admin")
SOME += ("publisher admin A", "publisher admin B", "host admin", "host ops")
SOME += ("employer admin A", "employer admin B")


@pytest.fixture
def world(database: Database) -> World:
    """A database with rows of several tenants."""
    return plant_world(database)


def test_no_visitor_reaches_the_rows_of_another_tenant(world: World, capsys):
    outcome = attack(world)
    with capsys.disabled():
        print(f"\n{describe(outcome)}")
    assert outcome.leaks == []
    assert outcome.losses == []


def test_somebody_without_a_session_reaches_nothing(world: World, capsys):
    outcome = attack(world, visitors=["holder A"], become=lambda *_: None, as_nobody=True)
    with capsys.disabled():
        print(f"\nwithout a session: {describe(outcome)}")
    assert outcome.is_clean


def test_processes_that_work_for_everybody_see_every_row(world: World):
    assert find_blind_processes(world, world.tables()) == list(BLIND)


def test_mutation_each_policy_taken_away_or_opened_is_noticed(world: World, capsys):
    unnoticed = []
    tried = 0
    policies = [one for one in list_policies(world) if is_of_tenants(one)]
    assert {f"{one.schema}.{one.table}" for one in policies} == set(world.tables())
    with world.database.connect("owner", autocommit=True) as owner:
        for policy in policies:
            for change in policy.mutations():
                tried += 1
                with changed(owner, policy, change):
                    if not is_noticed(world, policy):
                        unnoticed.append(change.as_string())
    with capsys.disabled():
        print(f"\n{tried} mutations of policies, {len(unnoticed)} unnoticed")
    assert not unnoticed, "\n".join(unnoticed)


@dataclass(frozen=True)
class Policy:
    """One policy, as the catalogue describes it."""

    schema: str
    table: str
    name: str
    command: str
    roles: list[str]
    using: str | None
    check: str | None
    is_of_the_pages: bool

    @property
    def place(self) -> sql.Composed:
        """Its name and its table's."""
        return sql.SQL("POLICY {} ON {}").format(
            sql.Identifier(self.name), sql.Identifier(self.schema, self.table)
        )

    def mutations(self) -> Iterator[sql.Composed]:
        """Yield the statements that take it away and that open it to everybody."""
        yield sql.SQL("DROP {}").format(self.place)
        if role_name("portals") not in self.roles:
            # Opened to the pages, where they have rights on the table at all.
            if self.is_of_the_pages:
                yield sql.SQL("ALTER {} TO PUBLIC").format(self.place)
            return
        using = sql.SQL("USING (true)" if self.command != "INSERT" else "")
        check = sql.SQL("WITH CHECK (true)" if self.command not in {"SELECT", "DELETE"} else "")
        yield sql.SQL("ALTER {} {} {}").format(self.place, using, check)

    def restoration(self) -> sql.Composed:
        """Return what makes it again as it was."""
        using = sql.SQL(f"USING ({self.using})" if self.using else "")  # type: ignore[arg-type]
        check = sql.SQL(f"WITH CHECK ({self.check})" if self.check else "")  # type: ignore[arg-type]
        return sql.SQL("DROP POLICY IF EXISTS {} ON {}; CREATE {} FOR {} TO {} {} {}").format(
            sql.Identifier(self.name),
            sql.Identifier(self.schema, self.table),
            self.place,
            sql.SQL(self.command),  # type: ignore[arg-type]
            sql.SQL(", ").join(map(sql.Identifier, self.roles)),
            using,
            check,
        )


def list_policies(world: World) -> list[Policy]:
    with world.database.connect("admin") as admin:
        return [Policy(*row) for row in admin.execute(POLICIES)]


def is_of_tenants(policy: Policy) -> bool:
    """Say whether a policy is about whose a row is; others are in test_log_policies.py."""
    if policy.schema != "ledger":
        return True
    return policy.table in {"entry", "session"} and policy.name in {"seen", "for_everybody"}


@contextmanager
def changed(owner: Transaction, policy: Policy, change: sql.Composed) -> Iterator[None]:
    """A database with one policy changed, put back afterwards."""
    owner.execute(change)
    yield
    owner.execute(policy.restoration())


def is_noticed(world: World, policy: Policy) -> bool:
    """Say whether the attack, or a process that works for everybody, notices a change.

    The first visitor to notice is enough.
    """
    table = f"{policy.schema}.{policy.table}"
    outcomes = (
        attack(world, tables=[table], visitors=[who], ways=WAYS[policy.command]) for who in SOME
    )
    if any(not one.is_clean for one in outcomes):
        return True
    known = [one for one in BLIND if f": {table}:" in one]
    return find_blind_processes(world, [table]) != known


def find_blind_processes(world: World, tables: Sequence[str]) -> list[str]:
    """Return which processes see fewer rows of a table they may read than there are; how many."""
    blind = []
    for login in PROCESSES:
        with world.database.connect(login, autocommit=True) as process:
            for table in tables:
                rows = world.of_table(table)
                # Rows without columns: some read a few columns, and not the key.
                found = sql.SQL("SELECT FROM {}").format(sql.Identifier(*table.split(".")))
                with suppress(errors.InsufficientPrivilege):
                    seen = process.execute(found).rowcount
                    if seen != len(rows):
                        blind.append(f"{login}: {table}: {seen} of {len(rows)}")
    return blind


def describe(outcome: Outcome) -> str:
    """Say how much was tried and what leaked."""
    ways = ", ".join(f"{way} {count}" for way, count in sorted(outcome.attempts.items()))
    return f"{sum(outcome.attempts.values())} attempts ({ways}), {len(outcome.leaks)} leaks"
