"""`rempart settlement` from a plan to what a professional is told, and the job that sends."""

import json
from dataclasses import replace

import pytest
from click.testing import CliRunner
from tests.settlement.bank import Booking, write_bank_file
from tests.settlement.practice import PAYER_IBAN, Till

from rempart.cli.main import cli
from rempart.jobs import settlement as jobs
from rempart.kernel.errors import SetupError
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.settlement.references import format_reference
from rempart.storage.iban_seal import IbanSeal
from rempart.wiring.database import Installation
from rempart.wiring.payments import open_counter
from rempart.workflows.settlement.send_payments import send_run

PAYER = f'name = "Opérateur"\niban = "{PAYER_IBAN.number}"\nbic = "SYNTFRPPXXX"\n'


class Silent:
    """Follows a job and says nothing."""

    def tell(self, *_args, **_options) -> None: ...

    conclude = check = tell


@pytest.fixture
def installation(home, settings, database, till: Till, tmp_path, monkeypatch) -> Installation:
    """An installation with a payer, and one establishment to pay."""
    (tmp_path / "payer.toml").write_text(PAYER, encoding="utf-8")
    (tmp_path / "out").mkdir()
    settings = replace(settings, payer_file=tmp_path / "payer.toml", payments_to=tmp_path / "out")
    monkeypatch.setenv("REMPART_HOME", str(home.path))
    monkeypatch.setenv("DATABASE_URL", settings.database_url or "")
    monkeypatch.setenv("REMPART_PAYER_FILE", str(settings.payer_file))
    monkeypatch.setenv("REMPART_PAYMENTS_TO", str(settings.payments_to))
    place = till.add_establishment(None)
    seal = IbanSeal(home.key("master"))
    monkeypatch.setattr("tests.settlement.practice.SEAL", seal)
    till.give_account(place, make_synthetic_iban(50))
    till.bill(place, 1234, since=till.read_clock().date())
    return Installation(settings=settings, home=home, database=database)


def run(*arguments: str, stdin: str | None = None) -> str:
    result = CliRunner().invoke(
        cli, ["settlement", *arguments], input=stdin, catch_exceptions=False
    )
    assert result.exit_code == 0, result.output
    return result.output


def test_a_day_from_the_plan_to_what_is_told(installation, till, tmp_path):
    assert "1 transfers, €12.34, planned" in run("plan")
    run("funds", f"{1:010d}", "--rule", "wait", "--due-days", "3")
    run(
        *("mandate", f"{1:010d}", "--reference", "M-1", "--signed", "2026-01-15"),
        stdin=f"{make_synthetic_iban(60).format()}\n",
    )
    run("mandate", f"{1:010d}", "--end")
    run("approve", "1")
    till.agree(1)
    assert "1 transfers, €12.34, in 1 files; 0 held" in run("send", "1")
    assert f"{1:d}: €12.34, due on" in run("call")
    reference = format_reference("remittance", till.list_remittances()[0][0])
    statement = write_bank_file(
        tmp_path / "b.xml", [Booking(cents=-1234, reference=reference), Booking(cents=-9, text="x")]
    )
    assert "1 paid, 1 suspense" in run("import", str(statement))
    run("explain", "fees", "2", "--note", "frais")
    status = json.loads(run("status", "--json"))
    assert (status["runs"][0]["state"], status["unexplained_count"]) == ("sent", 0)
    assert sum(status["journal_cents"].values()) == 0
    assert "1 transfers in 30 days" in run("status")
    assert "12,34" in run("returns", reference)
    assert "1 transfers, written" in run("show", "1")
    again = CliRunner().invoke(cli, ["settlement", "import", str(statement)])
    assert (again.exit_code, "déjà été importé" in again.output) == (1, True)


def test_jobs_plan_and_send_the_same(installation, till):
    jobs.plan_settlement(installation, Silent())
    jobs.plan_settlement(installation, Silent())  # one waits: left alone
    till.approve(1)
    jobs.send_payments(installation, Silent(), {"run_id": 1})
    jobs.remind_funds(installation, Silent())
    assert till.fetch("SELECT state FROM claims.run") == [("sent",)]
    assert till.fetch("SELECT cents FROM claims.call") == [(1234,)]
    assert len(list(installation.settings.payments_to.glob("RP*.xml"))) == 1


def test_a_job_that_was_killed_after_its_transfers_calls_insurers_all_the_same(installation, till):
    jobs.plan_settlement(installation, Silent())
    till.approve(1)
    send_run(till.settler, open_counter(installation), 1)
    for _ in range(2):
        jobs.send_payments(installation, Silent(), {"run_id": 1})
        assert till.fetch("SELECT cents FROM claims.call") == [(1234,)]


def test_what_a_stopped_call_left_to_collect_is_collected_by_the_next(installation, till):
    payer = installation.settings.payer_file
    payer.write_text(f'{PAYER}creditor_id = "FR12ZZZ123456"\n', encoding="utf-8")
    run(
        *("mandate", f"{1:010d}", "--reference", "M-1", "--signed", "2026-01-15"),
        stdin=f"{make_synthetic_iban(60).format()}\n",
    )
    till.run(
        "INSERT INTO claims.call (insurer_id, cents, due_on, mandate_id)"
        " SELECT 1, 500, '2026-11-30', mandate_id FROM claims.mandate"
    )
    run("call")
    assert till.fetch("SELECT kind, cents FROM claims.payment_file") == [("debit", 500)]


def test_an_old_call_that_is_open_is_told_whatever_came_since(installation, till):
    till.run(
        "INSERT INTO claims.call (insurer_id, cents, due_on, received_cents)"
        " SELECT 1, 700, '2026-11-30', CASE n WHEN 1 THEN 0 ELSE 700 END"
        " FROM generate_series(1, 25) AS n"
    )
    assert f"call {format_reference('call', 1)}: €7.00 due on 2026-11-30" in run("status")


@pytest.mark.parametrize("lacks", ["payer_file", "payments_to"])
def test_without_a_payer_or_a_folder_nothing_is_sent(installation, lacks):
    without = replace(installation, settings=replace(installation.settings, **{lacks: None}))
    with pytest.raises(SetupError, match="REMPART_PAY"):
        open_counter(without)
