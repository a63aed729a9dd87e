"""The portals in one process: Django configured once, a real database, a gateway of our own."""

import re
import uuid
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

import httpx
import pytest
from django.db import connections
from django.http import HttpResponse
from django.test import Client
from psycopg import sql
from psycopg_pool import ConnectionPool
from tests.database_copies import copied_database
from tests.portals import people, samples
from tests.portals.authenticator import Keyholder
from tests.portals.bench import leave, make_client

from rempart.accounts.roles import Role
from rempart.client import SigningKey
from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.disclosure.witness import Quorum
from rempart.exchange.legal_notices import LegalNotices
from rempart.exchange.payee_check import FakePayeeProvider, PayeeProvider
from rempart.kernel.iban import Iban
from rempart.portals.allowances import Allowances
from rempart.portals.gateway_client import GatewayClient
from rempart.portals.oidc import ProviderBook
from rempart.portals.service_watch import ServiceWatch
from rempart.rights.lookup import Identifiers, compute_lookup_key
from rempart.storage.acts_log import AppendsActs
from rempart.storage.analytics import SealedFiles
from rempart.storage.archive_seal import KnownBy
from rempart.storage.card_prints import PrintSeal
from rempart.storage.connect import Database, Transaction
from rempart.storage.contacts import make_letterbox
from rempart.storage.iban_seal import IbanSeal
from rempart.storage.joiner_slot import make_joiner_box
from rempart.storage.letterbox import Slot
from rempart.storage.member_seal import MemberSeal
from rempart.storage.presence import CodeSeal
from rempart.wiring.portals_app import POOL_SIZE, configure_django
from rempart.wiring.settings import Network, Settings
from rempart.workflows.claims.read_pecs import PecNumbers
from rempart.workflows.feeds.keys import FeedKeys
from rempart.workflows.ledger.publish_ledger import UnfinishedTiles
from rempart.workflows.ledger.read_on_record import Readings
from rempart.workflows.notices.campaign_contacts import open_slot

NAME = "rempart_portals"
KEY = bytes(range(32))
TABLES = """
    SELECT relnamespace::regnamespace::text, relname FROM pg_catalog.pg_class
    WHERE relkind IN ('r', 'p') AND NOT relispartition AND relpersistence <> 't'
      AND relnamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
"""


@dataclass
class BenchDesk:
    """A desk whose gateway and clock the test holds."""

    database: Database
    pools: dict[str, ConnectionPool[Transaction]]
    fake: samples.FakeGateway = field(default_factory=samples.FakeGateway)
    clock: datetime = samples.NOW
    trusted_proxies: tuple[Network, ...] = Settings().trusted_proxies
    sensitive_needs_device: bool = False

    def __post_init__(self) -> None:
        self.allowances = Allowances(self.signin)
        self.readings = Readings(self.acts)

        def carry(request: httpx.Request) -> httpx.Response:
            return self.fake(request)

        transport = httpx.MockTransport(carry)
        self.gateway = GatewayClient(
            ["http://gateway.invalid"],
            public_url=self.public_url,
            key=SigningKey.from_seed(KEY),
            transport=transport,
        )

    def transaction(self) -> AbstractContextManager[Transaction]:
        """Open a transaction of the portals' role."""
        return self.pools["portals"].connection()

    public_url: str = "http://localhost"
    providers: ProviderBook = field(default_factory=lambda: ProviderBook(()))

    def signin(self) -> AbstractContextManager[Transaction]:
        """Open a transaction of the role that recognises people."""
        return self.pools["signin"].connection()

    payee_provider: PayeeProvider = field(default_factory=FakePayeeProvider)
    quorum: Quorum = field(default_factory=Quorum)

    log_keys: tuple[NoteVerifier, ...] = ()
    unfinished_tiles: UnfinishedTiles = field(default_factory=UnfinishedTiles)
    sealed_files: SealedFiles | None = None
    legal: LegalNotices | None = None

    @property
    def acts(self) -> AppendsActs:
        """The acts log of the tests, by the desk's clock."""
        return AppendsActs(
            connection=self.database.asyncpg_kwargs("recorder"),
            signers=[NoteSigner("rempart.invalid/5f0c12ab/log/0", KEY)],
            clock_ms=lambda: int(self.clock.timestamp() * 1000),
        )

    @property
    def contacts_slot(self) -> Slot:
        """What closes files of contact data."""
        return open_slot(KEY)

    @property
    def prints(self) -> PrintSeal:
        """What opens the prints of cards."""
        return PrintSeal(KEY)

    def name_contract(self, amc_number: str, contract_number: str) -> int:
        """Return the reference of a contract."""
        return FeedKeys(amc_number, KEY, KEY).contract(contract_number)

    def designate(self, identifiers: Identifiers) -> bytes:
        """Return a look-up key."""
        return compute_lookup_key(KEY, identifiers)

    def recall(self, lookup_key: bytes) -> uuid.UUID:
        """Return the digest of a look-up key."""
        return KnownBy(KEY).digest(uuid.UUID(bytes=lookup_key))

    def close_iban(self, iban: Iban, *, establishment_ref: int) -> bytes:
        """Seal an account."""
        return IbanSeal(KEY).close(iban, establishment_ref=establishment_ref)

    def close_address(self, text: str, contact_ref: int) -> bytes:
        """Seal an address."""
        return make_letterbox(KEY).slot.close(text, bound_to=contact_ref)

    def close_joiner(self, text: str, movement_ref: int) -> bytes:
        """Seal who joins."""
        return make_joiner_box(KEY).slot.close(text, bound_to=movement_ref)

    @property
    def services(self) -> ServiceWatch:
        """A watch that looks anew each time."""
        return ServiceWatch(self.gateway.read_readiness, self.transaction, now=self.now)

    card_root: bytes = bytes(32)
    letters_to: Path | None = None
    code_seal: CodeSeal = field(default_factory=lambda: CodeSeal(KEY))
    pec_numbers: PecNumbers = field(default_factory=lambda: PecNumbers(KEY))
    member_seal: MemberSeal = field(default_factory=lambda: MemberSeal(KEY))

    def now(self) -> datetime:
        """Return the test's instant."""
        return self.clock


@pytest.fixture(scope="session")
def portals_database(template: Database) -> Iterator[Database]:
    """One database for all tests of the portals: Django's address of it cannot change."""
    with copied_database(template, NAME) as ours:
        yield ours
        connections.close_all()


@pytest.fixture(scope="session")
def bench_desk(portals_database: Database) -> Iterator[BenchDesk]:
    """The desk Django is configured with; it lends pooled connections, as the real one does."""
    with (
        portals_database.pool("portals", max_size=POOL_SIZE) as portals,
        portals_database.pool("signin", max_size=POOL_SIZE) as signin,
    ):
        desk = BenchDesk(portals_database, {"portals": portals, "signin": signin})
        configure_django(database=portals_database, desk=desk, secret="a secret of the tests")
        yield desk


@pytest.fixture(scope="session")
def empty(portals_database: Database) -> Iterator[Callable[[], None]]:
    """A function that empties every table that was empty at first."""
    with portals_database.connect("admin", autocommit=True) as admin:
        tables = [
            sql.Identifier(schema, name)
            for schema, name in admin.execute(TABLES).fetchall()
            if not admin.execute(
                sql.SQL("SELECT 1 FROM {} LIMIT 1").format(sql.Identifier(schema, name))
            ).fetchall()
        ]
        # Nobody is asked: neither those who refer to a row nor those who keep it for ever. For a
        # few rows this takes a thirtieth of what TRUNCATE does, which makes new files for all.
        admin.execute("SET session_replication_role = replica")
        emptying = sql.SQL("; ").join(sql.SQL("DELETE FROM {}").format(one) for one in tables)

        def run() -> None:
            admin.execute(emptying)

        yield run


@pytest.fixture
def desk(bench_desk: BenchDesk, empty: Callable[[], None]) -> Iterator[BenchDesk]:
    """The desk as new, over an empty database."""
    bench_desk.fake = samples.FakeGateway()
    bench_desk.clock = samples.NOW
    bench_desk.providers = ProviderBook(())
    bench_desk.sensitive_needs_device = False
    bench_desk.allowances = Allowances(bench_desk.signin)
    bench_desk.readings = Readings(bench_desk.acts)
    bench_desk.quorum = Quorum()
    bench_desk.log_keys = ()
    bench_desk.unfinished_tiles = UnfinishedTiles()
    bench_desk.sealed_files = None
    bench_desk.legal = None
    yield bench_desk
    empty()


@pytest.fixture
def gateway(desk: BenchDesk) -> samples.FakeGateway:
    """The gateway the portals talk to."""
    return desk.fake


@pytest.fixture
def browser(desk: BenchDesk) -> Client:
    """A browser nobody has signed in, that a real CSRF check watches."""
    return Client(enforce_csrf_checks=True, headers={"user-agent": "Firefox on a test bench"})


@pytest.fixture
def press(browser: Client) -> Callable[..., HttpResponse]:
    """Open a page and send its form: `press(page, {...})`, with the page's own token and action."""

    def press(page: str, values: dict[str, str] | None = None, action: str | None = None):
        opened = browser.get(page, follow=True).content.decode()
        hidden = dict(re.findall(r'<input type="hidden" name="(\w+)" value="([^"]*)"', opened))
        sent = {"csrfmiddlewaretoken": hidden["csrfmiddlewaretoken"]}
        if "request_id" in hidden:
            sent["request_id"] = hidden["request_id"]
        return browser.post(action or page, {**sent, **(values or {})})

    return press


@pytest.fixture
def professional(desk: BenchDesk, browser: Client) -> Client:
    """A browser a pharmacist has signed in."""
    account_ref = samples.add_professional(desk.database)
    people.sign_in(browser, desk.database, people.make_holder(desk.database, account_ref))
    return browser


@pytest.fixture
def operator(desk: BenchDesk, browser: Client) -> Client:
    """A browser an operator has signed in."""
    org = people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    people.sign_in(
        browser, desk.database, people.make_agent(desk.database, org, Role.OPERATOR_ADMIN)
    )
    return browser


@pytest.fixture
def insurer(desk: BenchDesk) -> people.Organisation:
    """An insurer."""
    return people.make_organisation(desk.database, "insurer", name="Mutuelle d'essai")


@pytest.fixture
def manager(desk: BenchDesk, insurer: people.Organisation) -> people.Somebody:
    """Somebody who works at the insurer."""
    return people.make_agent(desk.database, insurer, Role.INSURER_MANAGER)


@pytest.fixture
def keyholder(desk: BenchDesk) -> Keyholder:
    """A browser with an authenticator, which nobody has used yet."""
    return Keyholder(make_client())


@pytest.fixture
def enrolled(desk: BenchDesk, keyholder: Keyholder, manager: people.Somebody) -> Keyholder:
    """A browser whose owner, at the insurer, enrolled and went out."""
    assert keyholder.enrol(people.invite(desk.database, manager)).status_code == 200
    leave(keyholder)
    return keyholder
