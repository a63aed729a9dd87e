"""An establishment with people who sign in, an account, and addresses: for tests of its account."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime

from tests.portals import people
from tests.portals.people import Organisation, Somebody

from rempart.accounts.bank_details import AccountVersion
from rempart.accounts.roles import Role
from rempart.exchange.payee_check import FakePayeeProvider, ask_payee
from rempart.kernel.iban import Iban
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.portals.session_store import compute_token_digest
from rempart.storage.connect import Database, Transaction
from rempart.storage.contacts import make_letterbox
from rempart.storage.iban_seal import IbanSeal
from rempart.workflows.accounts.web_session import enter_session
from rempart.workflows.settlement.change_bank_details import Asker, NewAccount, propose_change
from rempart.workflows.settlement.first_accounts import open_first_accounts

SEAL = IbanSeal(bytes(32))
LETTERBOX = make_letterbox(bytes(32))
OLD = make_synthetic_iban(1)


def find_iban(last_digit: str) -> Iban:
    """Return an account about which the fake provider answers what its last digit says."""
    candidates = (make_synthetic_iban(number) for number in range(100, 1100))
    return next(iban for iban in candidates if iban.number.endswith(last_digit))


MATCHING, CLOSE, WRONG, SILENT = (find_iban(digit) for digit in "0689")


@dataclass
class Practice:
    """One establishment, whose people act under the policies of the pages."""

    database: Database
    name: str = "Pharmacie d'essai"
    org: Organisation = field(init=False)

    def __post_init__(self) -> None:
        self.org = people.make_organisation(self.database, "establishment", name=self.name)

    @property
    def establishment_ref(self) -> int:
        assert self.org.establishment_ref is not None
        return self.org.establishment_ref

    def hire(
        self, role: Role = Role.HOLDER, name: str = "Claire Essai", *, since: str = "2020-01-01"
    ) -> Somebody:
        return people.make_agent(self.database, self.org, role, name=name, since=since)

    def open_account(self, iban: Iban = OLD) -> None:
        with self.database.transaction("registrar") as tx:
            open_first_accounts(tx, {self.establishment_ref: iban}, seal=SEAL)

    def add_address(
        self, address: str, *, somebody: Somebody | None = None, replaced: str | None = None
    ) -> int:
        """Add an address of the establishment, or of somebody; `replaced` is how long ago."""
        ref = people.draw()
        with self.database.transaction("owner") as tx:
            tx.execute(
                "INSERT INTO accounts.contact"
                " (contact_ref, actor_ref, org_ref, channel, sealed, replaced_at)"
                " VALUES (%s, %s, %s, 'email', %s, now() - %s::interval)",
                (
                    ref,
                    somebody.actor_ref if somebody else None,
                    None if somebody else self.org.org_ref,
                    LETTERBOX.slot.close(address, bound_to=ref),
                    replaced,
                ),
            )
        return ref

    def sign_in(self, who: Somebody) -> str:
        """Return the token of a live session, just stepped up."""
        key = secrets.token_hex(16)
        people.adopt(key, self.database, who)
        return key

    @contextmanager
    def act(self, who: Somebody, *, token: str = "") -> Iterator[tuple[Transaction, Asker]]:
        """Open a transaction of the pages as somebody signed in."""
        key = token or self.sign_in(who)
        with self.database.transaction("portals") as tx:
            visitor = enter_session(tx, compute_token_digest(key))
            assert visitor is not None
            now = datetime.now(UTC)
            yield tx, Asker(visitor=visitor, whence=people.WHENCE, now=now)

    def propose(self, who: Somebody, iban: Iban = MATCHING) -> AccountVersion:
        with self.act(who) as (tx, asker):
            return propose_change(tx, asker, make_account(iban))

    def let_time_pass(self, interval: str = "3 days") -> None:
        """Bring every cooling-off period of the database nearer to its end."""
        self.run(
            "UPDATE accounts.bank_details SET active_from = active_from - %s::interval"
            " WHERE state = 'cooling'",
            interval,
        )

    def run(self, statement: str, *values: object) -> None:
        with self.database.transaction("owner") as tx:
            tx.execute(statement, values)

    def fetch(self, statement: str, *values: object) -> list[tuple]:
        with self.database.transaction("owner") as tx:
            return tx.execute(statement, values).fetchall()

    def list_states(self) -> list[tuple[str, str]]:
        """Return the last digits and the state of each account, oldest first."""
        return self.fetch(
            "SELECT last_digits, state FROM accounts.bank_details"
            " WHERE establishment_ref = %s ORDER BY proposed_at",
            self.establishment_ref,
        )

    def list_events(self) -> list[str]:
        """Return the kinds of the events of bank details, oldest first."""
        rows = self.fetch(
            "SELECT kind FROM accounts.security_event"
            " WHERE org_ref = %s AND kind LIKE 'bank%%' ORDER BY at",
            self.org.org_ref,
        )
        return [kind.removeprefix("bank_details_") for (kind,) in rows]


def make_account(iban: Iban) -> NewAccount:
    """Return an account as a page hands it over: verified, and a function that only seals."""
    payee = ask_payee(FakePayeeProvider(), iban, "Pharmacie d'essai")
    return NewAccount(iban=iban, close=SEAL.closer.close, payee=payee)
