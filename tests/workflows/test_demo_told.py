"""`rempart dev told`: from an invented theft to a campaign that waits for its second person."""

import time
from types import SimpleNamespace

import pytest
from click.testing import CliRunner
from tests.package_samples import Affair
from tests.portals import people
from tests.workflows.test_expose_persons import Diary, write

from rempart.accounts.roles import Role
from rempart.cli import demo_told
from rempart.cli.main import cli
from rempart.disclosure.entry import Mode
from rempart.kernel.errors import SetupError
from rempart.storage.sealing import FileKms
from rempart.wiring import packages
from rempart.wiring.providers import SIMULATED_COMPANY

pytestmark = pytest.mark.timeout(240)
HOUR_MS = 3_600_000
PERSONS = range(2001, 2007)


@pytest.fixture
def demo(home, database, environment, monkeypatch):
    """What the demo has by then: two agents, a professional who looked members up, their names."""
    host = people.make_organisation(database, "operator", name="Plateforme Lambda")
    insurer = people.make_organisation(database, "insurer", name="Mutuelle Aubelune")
    pharmacy = people.make_organisation(database, "establishment", name="Pharmacie du Port")
    robbed = people.make_agent(database, pharmacy, Role.HOLDER, name="Camille Officine")
    agents = (
        (demo_told.HOST_AGENT, people.make_agent(database, host, Role.OPERATOR_ADMIN)),
        (demo_told.INSURER_AGENT, people.make_agent(database, insurer, Role.INSURER_ADMIN)),
    )
    with database.transaction("owner") as tx:
        for subject, agent in agents:
            tx.execute(
                "INSERT INTO accounts.provider_identity (provider, subject, actor_ref)"
                " VALUES (%s, %s, %s)",
                (SIMULATED_COMPANY, subject, agent.actor_ref),
            )
        [(rpps,)] = tx.execute("SELECT rpps FROM accounts.professional").fetchall()
        [(amc_number,)] = tx.execute("SELECT amc_number FROM rights.insurer").fetchall()
    affair = Affair(database, kms=FileKms(home.key("master")))
    diary = Diary()
    diary.open(71, robbed.actor_ref, address="198.19.0.9", agent="python-requests")
    for n, person in enumerate(PERSONS):
        affair.know(insurer.insurer_id, person)
        at = time.time_ns() // 1_000_000 - HOUR_MS - n * 1000
        facts = {"mode": Mode.TYPED, "person_ref": person, "insurer_id": insurer.insurer_id}
        diary.note(71, at, **facts)
    write(database, diary)
    billing = [SimpleNamespace(professional={"rpps": one}) for one in ("signs in", rpps)]
    monkeypatch.setattr(demo_told, "draw_billings", lambda *_, **__: (None, billing))
    # The entries of this ledger were not signed: what proves them is another test's.
    monkeypatch.setattr(packages, "prove_entry", lambda *_, **__: "")
    for name, value in {**environment, "REMPART_DEV_PSC": "1"}.items():
        monkeypatch.setenv(name, value)
    return amc_number


def tell(amc_number, folder):
    options = ("--card", "1", "--card-insurer", amc_number, "--insurer", amc_number)
    return CliRunner().invoke(cli, ["dev", "told", "--data", str(folder), *options])


def fetch(database, statement):
    with database.transaction("owner") as tx:
        return tx.execute(statement).fetchall()


def test_an_invented_theft_is_told_up_to_the_last_click(demo, database, tmp_path):
    done = tell(demo, tmp_path)
    assert done.exit_code == 0, done.output + str(done.exception)
    assert f"a campaign waits for {demo_told.INSURER_AGENT}" in done.output
    title = demo_told.TITLE
    assert fetch(database, "SELECT title, state, persons_a FROM incidents.package") == [
        (title, "sent", len(PERSONS))
    ]
    assert fetch(database, "SELECT state, proposed_by, persons FROM notices.campaign") == [
        ("proposed", 0, len(PERSONS))
    ]
    ways = fetch(database, "SELECT channel, state, count(*) FROM notices.message GROUP BY 1, 2")
    assert sorted(ways) == [("email", "waiting", 5), ("letter", "waiting", 1)]
    published = "SELECT count(*) FROM notices.page_version WHERE published_at IS NOT NULL"
    assert fetch(database, published) == [(1,)]


def test_a_real_installation_gets_no_invented_theft(demo, database, tmp_path, monkeypatch):
    monkeypatch.delenv("REMPART_DEV_PSC")
    assert isinstance(tell(demo, tmp_path).exception, SetupError)
    assert fetch(database, "SELECT count(*) FROM incidents.package") == [(0,)]
