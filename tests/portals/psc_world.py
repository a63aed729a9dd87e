"""A pharmacy and its people, known to us and to the simulated Pro Santé Connect."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from django.http import HttpResponse
from django.test import Client
from tests.portals import people
from tests.portals.conftest import BenchDesk
from tests.portals.providers import Providers, Walker, come_back

from rempart.simulators.faults import Fault
from rempart.simulators.people import Activity, Directory, Person, make_professional


@dataclass
class World:
    """A pharmacist of one pharmacy, known to both sides."""

    desk: BenchDesk
    pharmacy: people.Organisation
    holder: people.Somebody
    rpps: str
    providers: Providers
    person: Person
    walker: Walker = field(init=False)
    chief: people.Somebody | None = None

    def __post_init__(self) -> None:
        self.walker = Walker(self.providers.simulator)

    def sign_in(
        self, browser: Client, *, fault: Fault | None = None, start: str = "/connexion/psc"
    ) -> HttpResponse:
        """Go through the whole flow; return the last answer of the portals."""
        sent = browser.get(start)
        assert sent.status_code == 302, sent.content.decode()
        back = self.walker.sign_in(sent.headers["Location"], self.person, fault)
        return come_back(browser, back)

    def meet(self, person: Person) -> None:
        """Have the provider know somebody else, and our person be them."""
        self.person = person
        self.providers.professionals = [*self.providers.professionals, person]
        self.providers.simulator.psc.people = Directory(self.providers.professionals)

    def write(self, statement: str) -> None:
        """Change the database as its owner."""
        with self.desk.database.transaction("owner") as tx:
            tx.execute(statement)

    def read(self, statement: str) -> list[tuple[object, ...]]:
        """Read the database as its owner."""
        with self.desk.database.transaction("owner") as tx:
            return tx.execute(statement).fetchall()


def place_of(desk: BenchDesk, org: people.Organisation, **changes: str) -> Activity:
    """Return an establishment as the provider knows it."""
    with desk.database.transaction("owner") as tx:
        row = tx.execute(
            "SELECT siret, COALESCE(finess, ''), name FROM accounts.establishment"
            " WHERE establishment_ref = %s",
            [org.establishment_ref],
        ).fetchone()
    assert row is not None
    return Activity(name=row[2], siret=row[0], finess=row[1], **changes)


def make_world(
    desk: BenchDesk,
    org: people.Organisation,
    who: people.Somebody,
    activities: Sequence[Activity],
) -> World:
    """Return a world where the provider knows `who`, at these places."""
    with desk.database.transaction("owner") as tx:
        row = tx.execute(
            "SELECT rpps FROM accounts.professional WHERE account_ref = %s", [who.actor_ref]
        ).fetchone()
    assert row is not None
    person = make_professional(row[0], activities=activities)
    providers = Providers(lambda: desk.now().timestamp(), professionals=[person])
    desk.providers = providers.book()
    return World(desk, org, who, row[0], providers, person)
