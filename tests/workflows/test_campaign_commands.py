"""`rempart notice campaign`, as somebody types it, and the jobs that pages ask for."""

import json
from datetime import UTC, datetime, timedelta

import pytest
from click.testing import CliRunner
from tests.campaign_samples import Outreach, ToProfessionals, make_line, write_list

from rempart.cli.campaign import campaign
from rempart.disclosure.fields import Field
from rempart.jobs import campaigns as jobs
from rempart.kernel.errors import Conflict, InvalidRequest, NotAllowed, NotFound
from rempart.storage import notice_contacts
from rempart.storage.contacts import make_letterbox
from rempart.wiring.database import Installation
from rempart.workflows.notices.campaign_contacts import open_slot

AMC = "9000000001"


class Silent:
    """Follows a job and says nothing."""

    job_id = 0

    def tell(self, *_args, **_options) -> None: ...

    conclude = check = tell


@pytest.fixture
def outreach(database, home) -> Outreach:
    """An insurer told of two persons."""
    outreach = Outreach(database)
    outreach.package({101: "A", 102: "B"})
    outreach.cover(101)
    outreach.cover(102)
    return outreach


@pytest.fixture
def run(environment):
    def invoke(*arguments, refused: type[Exception] | None = None) -> str:
        result = CliRunner(env=environment).invoke(campaign, [str(one) for one in arguments])
        if refused is not None:
            assert isinstance(result.exception, refused), result.output
            return str(result.exception)
        assert result.exit_code == 0, (result.output, result.exception)
        return result.stdout

    return invoke


def fill_in(printed: str) -> str:
    """Complete what `facts` printed."""
    known = json.loads(printed)
    sender = {
        **known["sender"],
        "phone": "01 99 00 12 34",
        "hours_fr": "de 9 h à 18 h",
        "hours_en": "9 am to 6 pm",
        "dpo_email": "dpo@aubelune.invalid",
        "post_address": "1 rue de l’Exemple, 75000 Paris",
        "site": "aubelune.invalid",
    }
    missing = {
        "operator": "Tiers Démo",
        "discovered_on": known["ends_on"],
        "next_update_on": None,
        "measures": ["cnil_notified"],
        "planned": [],
        "is_space_open": True,
        "prosecutor": "",
    }
    return json.dumps({**known, **missing, "sender": sender})


def test_from_the_facts_to_what_one_person_is_told(outreach, run, tmp_path, settings, home):
    incident = outreach.affair.incident_id
    facts, contacts = tmp_path / "facts.json", tmp_path / "liste.csv"
    facts.write_text(fill_in(run("facts", incident, AMC)), encoding="utf-8")
    contacts.write_bytes(write_list([make_line(101), make_line(102), make_line(999)]))
    assert "2 persons taken, 1 lines refused" in run("contacts", AMC, contacts)
    ref = run("begin", incident, AMC, facts, "--per-hour", 500).strip()
    assert run("prepare", ref) == "2 messages are prepared\n"
    shown = json.loads(run("show", ref, "--json"))
    assert (shown["state"], shown["persons"], shown["per_hour"]) == ("prepared", 2, 500)
    assert shown["messages"] == [{"way": "email", "state": "waiting", "count": 2}]
    assert "findings" not in run("show", ref)
    assert ref in run("list")
    run("propose", ref)
    run("approve", ref, refused=NotAllowed)  # the command line is one person
    assert f"campaign {ref}: send-back" in run("decide", ref, "send-back", "--reason", "à revoir")
    run("resume", ref, refused=Conflict)
    number = outreach.fetch("SELECT min(number) FROM notices.message")[0][0]
    text = run("text", number)
    assert "Camille Essaib" in text
    [(reads,)] = outreach.fetch(
        "SELECT count(*) FROM ledger.statement WHERE body LIKE %s", "%notice-text%"
    )
    assert reads == 1
    run("text", 10**9, refused=NotFound)
    jobs_prepare_again(outreach, settings, home, int(ref))


def test_professionals_are_told_from_the_command_line(database, home, run, tmp_path):
    told = ToProfessionals(database, letterbox=make_letterbox(home.key("master")))
    told.add(901, "Alice Officine", email="alice@pharmacie.invalid")
    told.list({901: ("A", Field.PROFESSIONAL_BANK_DETAILS)})
    incident, facts = told.affair.incident_id, tmp_path / "facts.json"
    known = json.loads(run("facts", incident, "professionals"))
    known["sender"] = {"name": "Plateforme Lambda"}
    facts.write_text(fill_in(json.dumps(known)), encoding="utf-8")
    ref = run("begin", incident, "professionals", facts).strip()
    assert run("prepare", ref) == "1 messages are prepared\n"
    assert json.loads(run("show", ref, "--json"))["insurer"] == "professionals"
    assert "professionals  1  professional  prepared  1 persons" in run("list")
    run("propose", ref)
    run("approve", ref, refused=NotAllowed)
    [(number,)] = told.fetch("SELECT number FROM notices.message")
    assert "Bonjour Alice Officine" in run("text", number)
    [(body,)] = told.fetch("SELECT body FROM ledger.statement WHERE body LIKE %s", "%notice-text%")
    assert "901" not in body
    run("contacts", "professionals", facts, refused=SystemExit)


def jobs_prepare_again(outreach, settings, home, ref: int) -> None:
    """Prepare once more as the job does."""
    at = Installation(settings=settings, home=home, database=outreach.database)
    outreach.execute("UPDATE notices.campaign SET state = 'preparing' WHERE campaign_ref = %s", ref)
    jobs.prepare(at, Silent(), {"campaign_ref": ref})
    assert outreach.fetch("SELECT state, persons FROM notices.campaign") == [("prepared", 2)]


def test_facts_that_are_not_whole_are_refused_with_what_is_missing(outreach, run, tmp_path):
    facts = tmp_path / "facts.json"
    facts.write_text(run("facts", outreach.affair.incident_id, AMC), encoding="utf-8")
    said = run("begin", outreach.affair.incident_id, AMC, facts, refused=InvalidRequest)
    assert "discovered_on" in said
    run("facts", 999, AMC, refused=NotFound)


def test_the_jobs_read_what_a_page_was_given_and_forget_it_in_time(outreach, settings, home):
    at = Installation(settings=settings, home=home, database=outreach.database)
    master_key = home.key("master")
    content = write_list([make_line(101)])
    sealed = open_slot(master_key).close(content.decode("latin-1"), bound_to=77)
    with outreach.database.transaction("notifier") as tx:
        notice_contacts.insert_file(tx, 77, sealed, insurer_id=1, uploaded_by=0)
    jobs.read_contacts(at, Silent(), {"file_ref": 77})
    assert outreach.fetch("SELECT state, rows FROM notices.contact_file") == [("read", 1)]
    jobs.forget_contacts(at, Silent())  # given today: kept
    assert outreach.fetch("SELECT count(*) FROM notices.contact") == [(1,)]
    long_ago = datetime.now(UTC) - timedelta(days=31)
    outreach.fetch("UPDATE notices.contact_file SET uploaded_at = %s RETURNING 1", long_ago)
    jobs.forget_contacts(at, Silent())
    assert outreach.fetch("SELECT count(*) FROM notices.contact") == [(0,)]


def test_an_insurer_that_nobody_knows_is_told_plainly(outreach, run):
    assert "9000000077" in run("facts", outreach.affair.incident_id, "9000000077", refused=NotFound)
