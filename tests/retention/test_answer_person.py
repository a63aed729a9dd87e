"""Not in the base that day: certificates of erasure rule out who had left before an incident."""

from contextlib import ExitStack
from datetime import UTC, date, datetime

import pytest
from click.testing import CliRunner
from tests.acts_samples import MemoryActs
from tests.feed_samples import AMC, INSURER, make_nir
from tests.retention.practice import Cellar
from tests.retention.test_holds import hold, release
from tests.workflows.test_expose_again import number_accounts
from tests.workflows.test_expose_persons import (
    ANALYST,
    START,
    SUSPECT,
    a_stolen_pharmacy,
    declare,
    expose,
    prepare_analyst,
    write,
)

from rempart.cli.main import cli
from rempart.incidents.exposure import Tier
from rempart.incidents.population import NotHeld, Reason
from rempart.kernel.amc import AmcNumber
from rempart.kernel.birth import BirthDate, BirthRank
from rempart.kernel.errors import Conflict, LedgerUnavailable, NotFound
from rempart.kernel.nir import Nir
from rempart.rights.lookup import TypedIdentifiers, compute_lookup_key
from rempart.storage import retention_runs
from rempart.wiring.retention import load_certificate_signer, open_vault
from rempart.workflows.notices import answer_person as workflow
from rempart.workflows.notices.answer_person import AnswerDesk, PersonAnswer, answer_person

# The incident is on the 29th of January 2024.
BEFORE, SAME_DAY, AFTER = (
    datetime(2024, 1, 28, 22, tzinfo=UTC),
    datetime(2024, 1, 29, 3, tzinfo=UTC),
    datetime(2024, 3, 1, 12, tzinfo=UTC),
)
GONE, SHOWN, HELD, THAT_DAY, STRANGER = range(1, 6)


class Clock:
    """The database's instant, as the tests say."""

    now = BEFORE

    def read(self, _tx: object) -> datetime:
        return self.now


@pytest.fixture
def cellar(cellar: Cellar) -> Cellar:
    """Its certificates are signed by the installation's key, as the commands believe."""
    cellar.signer = load_certificate_signer(cellar.home)
    return cellar


@pytest.fixture
def incident(cellar: Cellar, monkeypatch: pytest.MonkeyPatch) -> int:
    """Four former members: one erased the day before, one the same day, one shown and erased since,
    one whom a judge holds."""
    clock = Clock()
    monkeypatch.setattr(retention_runs, "read_clock", clock.read)
    for serial in (GONE, SHOWN, HELD, THAT_DAY):
        cellar.add(serial, left_months=75)
    cellar.load()
    _, shown, held, that_day = cellar.list_persons()
    for serial, person in ((SHOWN, shown), (HELD, held), (THAT_DAY, that_day)):
        hold(cellar, serial, person)
    cellar.purge()
    release(cellar, THAT_DAY)
    clock.now = SAME_DAY
    cellar.purge()
    diary = a_stolen_pharmacy()
    diary.note(2, START + 60_000, person_ref=shown, insurer_id=INSURER)
    write(cellar.database, diary)
    number_accounts(cellar.database)
    with prepare_analyst(cellar.database)() as tx:
        incident_id = declare(tx, SUSPECT)
        expose(tx, incident_id)
    release(cellar, SHOWN)
    clock.now = AFTER
    cellar.purge()
    return incident_id


def ask(
    cellar: Cellar, incident_id: int, serial: int, acts: MemoryActs | None = None
) -> PersonAnswer:
    key = compute_lookup_key(
        cellar.home.key("lookup"),
        TypedIdentifiers(
            amc_number=AmcNumber.parse(AMC),
            insured_nir=Nir.parse(make_nir(serial)),
            birth_date=BirthDate.parse("19840502"),
            birth_rank=BirthRank.parse("1"),
        ),
    )
    with ExitStack() as stack:
        finder, keeper, analyst = (
            stack.enter_context(cellar.database.transaction(role))
            for role in ("feeds", "keeper", "analyst")
        )
        desk = AnswerDesk(
            finder=finder,
            keeper=keeper,
            analyst=analyst,
            vault=open_vault(cellar.home),
            verifier=cellar.keeper.signer.verifier,
            acts=acts or MemoryActs(),
            by=ANALYST,
        )
        return answer_person(desk, incident_id, key)


def test_who_was_erased_before_is_ruled_out_who_was_shown_is_found_and_who_is_held_is_told(
    cellar: Cellar, incident: int
):
    gone, acts = ask(cellar, incident, GONE), MemoryActs()
    assert (gone.answer.tier, gone.answer.not_held) == (Tier.D, NotHeld.PURGED_BEFORE)
    assert (gone.purged_on, gone.certificates, gone.uncertified) == (date(2024, 1, 29), (1,), 0)
    # Nothing of them is left here, and the list kept the reference: they are told.
    shown = ask(cellar, incident, SHOWN, acts)
    assert (shown.answer.tier, shown.answer.reason) == (Tier.A, Reason.LISTED)
    assert (shown.fields, shown.purged_on) == (1, date(2024, 3, 2))
    [(draft, act)] = acts.entries
    assert (act.question, draft.insurer_id) == ("incident-person", INSURER)
    held = ask(cellar, incident, HELD)
    assert (held.answer.tier, held.answer.reason) == (Tier.D, Reason.NOTHING_MISSING)
    assert (held.purged_on, len(held.held_by)) == (None, 1)
    assert held.held_by[0].startswith("judicial ")
    # Erased on the day of the incident: their rights may have been shown that morning.
    that_day = ask(cellar, incident, THAT_DAY)
    assert (that_day.answer.reason, that_day.purged_on) == (
        Reason.NOTHING_MISSING,
        date(2024, 1, 30),
    )
    stranger = ask(cellar, incident, STRANGER)
    assert (stranger.known, stranger.answer.tier) == (False, Tier.D)


def test_a_hole_in_the_record_leaves_only_who_was_erased_before_excluded(
    cellar: Cellar, incident: int
):
    cellar.run("DELETE FROM ledger.entry WHERE session_ref = 2 AND person_ref = 2007")
    with cellar.database.transaction("analyst") as tx:
        expose(tx, incident)
    # Whose the missing entry was nobody knows: neither the held nor a stranger is excluded.
    told = {serial: ask(cellar, incident, serial).answer for serial in range(1, 6)}
    assert {serial: answer.tier for serial, answer in told.items()} == {
        GONE: Tier.D,
        SHOWN: Tier.A,
        HELD: Tier.C,
        THAT_DAY: Tier.C,
        STRANGER: Tier.C,
    }


TAMPERED = {
    "an earlier day": "UPDATE retention.gone SET day = day - 400 WHERE run_id = 2",
    "no certificate": "UPDATE retention.run SET certificate = '' WHERE run_id = 2",
    "that of another run": "UPDATE retention.run SET certificate = (SELECT certificate"
    " FROM retention.run WHERE run_id = 1) WHERE run_id = 2",
    "a departure less": "DELETE FROM retention.gone WHERE run_id = 2 AND field = 'coverage'",
}


def test_evidence_that_its_certificate_does_not_cover_excludes_nobody(
    cellar: Cellar, incident: int
):
    cellar.run("CREATE TABLE public.kept AS SELECT * FROM retention.gone WHERE run_id = 2")
    [(certificate,)] = cellar.fetch("SELECT certificate FROM retention.run WHERE run_id = 2")
    for name, tamper in TAMPERED.items():
        cellar.run(tamper)
        told = ask(cellar, incident, THAT_DAY)
        assert (told.answer.not_held, told.purged_on, told.certificates) == (None, None, ()), name
        assert told.uncertified > 0
        cellar.run("UPDATE retention.run SET certificate = %s WHERE run_id = 2", certificate)
        cellar.run("DELETE FROM retention.gone WHERE run_id = 2")
        cellar.run("INSERT INTO retention.gone OVERRIDING SYSTEM VALUE SELECT * FROM public.kept")
    assert ask(cellar, incident, THAT_DAY).certificates == (2,)


def test_mutation_evidence_taken_at_its_word_rules_out_who_was_there(
    cellar: Cellar, incident: int, monkeypatch: pytest.MonkeyPatch
):
    cellar.run("UPDATE retention.gone SET day = day - 400 WHERE run_id = 2")
    monkeypatch.setattr(workflow, "_is_certified", lambda _desk, _run: True)
    assert ask(cellar, incident, THAT_DAY).answer.not_held is NotHeld.PURGED_BEFORE


def test_nothing_is_looked_for_without_its_trace_an_incident_and_an_analysis(
    cellar: Cellar, incident: int
):
    with pytest.raises(LedgerUnavailable):
        ask(cellar, incident, SHOWN, MemoryActs(down=True))
    with pytest.raises(NotFound, match="incident list"):
        ask(cellar, incident + 1, SHOWN)
    with cellar.database.transaction("analyst") as tx:
        fresh = declare(tx, SUSPECT)
    with pytest.raises(Conflict, match=f"analyse {fresh}"):
        ask(cellar, fresh, SHOWN)


def test_the_command_asks_for_the_numbers_and_names_the_certificates(
    cellar: Cellar, incident: int, settings, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("REMPART_HOME", str(cellar.home.path))
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")

    def say(serial: int) -> str:
        typed = f"{AMC}\n{make_nir(serial)}\n19840502\n1\n"
        result = CliRunner().invoke(cli, ["incident", "person", str(incident)], input=typed)
        assert result.exit_code == 0, result.output
        assert make_nir(serial) not in result.output
        return result.output

    assert "D: not in the base in this window" in say(GONE)
    assert "runs 1 show" in say(GONE)
    shown = say(SHOWN)
    assert "A: on the list" in shown
    assert "erased since: nothing of them in the base from 2024-03-02 on" in shown
    assert "kept beyond their time by hold judicial" in say(HELD)
    assert "lead to nobody" in say(STRANGER)
