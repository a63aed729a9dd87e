"""Looking at the ledger from the console is on record before a row is shown, or nothing is."""

from datetime import timedelta

import pytest
from tests.acts_samples import MemoryActs
from tests.portals import people, samples
from tests.portals.bench import make_client

from rempart.accounts.roles import Role
from rempart.workflows.ledger.read_on_record import Readings

LOOKUPS = "/console/consultations"
EXPORT = "/console/consultations.csv"
PAGES = (
    LOOKUPS,
    EXPORT,
    "/console/incidents/{incident}",
    "/console/incidents/{incident}/exposition.csv",
)


@pytest.fixture
def acts(desk) -> MemoryActs:
    """An acts log the test looks into."""
    acts = MemoryActs()
    desk.readings = Readings(acts)
    return acts


@pytest.fixture
def incident(desk) -> int:
    """An incident with a suspect account."""
    with desk.database.transaction("owner") as tx:
        row = tx.execute(
            "INSERT INTO incidents.incident (title, exercise, starts_ms, ends_ms)"
            " VALUES ('Essai', true, 10, 20) RETURNING incident_id"
        ).fetchone()
    assert row
    return row[0]


def questions(acts: MemoryActs) -> list[str]:
    return [act.question for act in acts.acts]


def test_a_live_page_is_one_reading_for_ten_minutes_then_another(desk, operator, acts):
    for _ in range(5):
        assert operator.get(LOOKUPS).status_code == 200
        assert operator.get(LOOKUPS, headers={"HX-Request": "true"}).status_code == 200
        desk.clock += timedelta(minutes=1)
    assert questions(acts) == ["lookups"]
    desk.clock += timedelta(minutes=5)
    operator.get(LOOKUPS)
    assert questions(acts) == ["lookups"] * 2
    first = acts.acts[0]
    assert first.until_ms == samples.NOW_MS + 600_000 == first.to_ms
    entry, _ = acts.entries[0]
    assert entry.account_ref
    assert entry.session_ref


def test_sorting_and_turning_pages_is_the_same_reading(operator, acts):
    for query in ("", "?tri=account", "?page=2", "?mode=1", "?pause=1"):
        operator.get(LOOKUPS + query)
    assert questions(acts) == ["lookups"]


@pytest.mark.parametrize("query", ["compte=12", "seance=21", "assureur=2", "periode=1440"])
def test_looking_at_something_else_is_another_reading(operator, acts, query):
    operator.get(LOOKUPS)
    operator.get(f"{LOOKUPS}?{query}")
    operator.get(f"{LOOKUPS}?{query}")
    assert questions(acts) == ["lookups"] * 2


def test_another_visitor_reads_for_themselves(desk, operator, acts):
    operator.get(LOOKUPS)
    org = people.make_organisation(desk.database, "operator", name="Plateforme Lambda")
    colleague = people.make_agent(desk.database, org, Role.OPERATOR_ADMIN)
    browser = make_client()
    people.sign_in(browser, desk.database, colleague)
    browser.get(LOOKUPS)
    readers = [entry.account_ref for entry, _ in acts.entries]
    assert len(readers) == len(set(readers)) == 2


def test_a_file_that_leaves_is_a_reading_each_time(operator, acts, incident):
    for _ in range(2):
        assert operator.get(EXPORT).status_code == 200
        assert operator.get(f"/console/incidents/{incident}/exposition.csv").status_code == 200
    assert questions(acts) == ["lookups-export", "incident-export"] * 2


def test_an_incident_is_read_on_record(operator, acts, incident):
    for _ in range(3):
        assert operator.get(f"/console/incidents/{incident}").status_code == 200
    [read] = acts.acts
    assert (read.question, read.about.kind, read.about.refs) == (
        "incident",
        "incidents",
        (incident,),
    )
    assert operator.get("/console/incidents/999").status_code == 404
    assert len(acts.acts) == 1


@pytest.mark.parametrize("page", PAGES)
def test_what_cannot_be_recorded_is_not_shown(desk, operator, acts, incident, page, monkeypatch):
    """A durable act, or a page that says to come back."""

    def fetch(*_args: object, **_options: object) -> None:
        raise AssertionError("rows were fetched")

    for name in ("list_lookups", "list_exposure", "list_sessions", "list_suspects"):
        monkeypatch.setattr(f"rempart.storage.console.{name}", fetch)
    acts.down = True
    operator.raise_request_exception = False
    answer = operator.get(page.format(incident=incident))
    assert answer.status_code == 503
    assert answer.headers["Retry-After"] == "5"
    assert "Momentanément indisponible" in answer.content.decode()


def test_the_page_opens_again_once_the_ledger_records(operator, acts):
    acts.down = True
    operator.raise_request_exception = False
    assert operator.get(LOOKUPS).status_code == 503
    acts.down = False
    assert operator.get(LOOKUPS).status_code == 200


def test_mutation_a_reading_that_is_remembered_before_it_is_durable_shows_what_nobody_recorded(
    operator, acts, monkeypatch
):
    def remember_first(self, read, *, by, now_ms, subject=None):
        """Remember, then record: a failure to record is forgotten at the second look."""
        if (by, read.about) not in self.__dict__.setdefault("_seen", set()):
            self._seen.add((by, read.about))
            self.record(read, by=by)

    monkeypatch.setattr(Readings, "go_on", remember_first)
    acts.down = True
    operator.raise_request_exception = False
    assert operator.get(LOOKUPS).status_code == 503
    assert operator.get(LOOKUPS).status_code == 200
    assert acts.acts == []


@pytest.mark.parametrize("table", ["statement", "entry", "head"])
def test_a_real_acts_log_that_cannot_write_closes_the_page_and_nothing_else(desk, operator, table):
    """With the real log: the console's look-ups wait, its front page and the door stay open."""
    verb = "UPDATE" if table == "head" else "INSERT"
    operator.raise_request_exception = False
    with desk.database.connect("admin", autocommit=True) as admin:
        admin.execute(f"REVOKE {verb} ON ledger.{table} FROM rempart_recorder")
        try:
            assert operator.get(LOOKUPS).status_code == 503
            assert operator.get(EXPORT).headers["Retry-After"] == "5"
            assert operator.get("/console").status_code == 200
            assert operator.get("/").status_code in (200, 302)
        finally:
            admin.execute(f"GRANT {verb} ON ledger.{table} TO rempart_recorder")
    assert operator.get(LOOKUPS).status_code == 200
