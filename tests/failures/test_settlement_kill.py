"""A sender killed with -9 at each of its steps: nothing is paid twice, nothing is lost."""

import hashlib
import subprocess
import sys
import threading

import pytest
from defusedxml import ElementTree
from tests.settlement.practice import Till

from rempart.kernel.errors import Conflict
from rempart.settlement.references import format_reference
from rempart.workflows.settlement.send_payments import send_run

pytestmark = pytest.mark.timeout(180)
NS = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


def prepare(database, directory) -> tuple[Till, int]:
    till = Till(database, directory)
    till.add_insurer()
    for number in range(3):
        till.bill(till.add_establishment(100 + number), 1000 + number)
    run_id = till.plan()
    till.approve(run_id)
    return till, run_id


def read_paid(till: Till) -> list[str]:
    """Return the references of all transfers in the files, one for each time it stands there."""
    return [
        one.findtext(f"{NS}PmtId/{NS}EndToEndId")
        for path in till.directory.glob("*.xml")
        for one in ElementTree.parse(path).iter(f"{NS}CdtTrfTxInf")
    ]


def expect_all_paid_once(till: Till) -> None:
    wanted = sorted(format_reference("remittance", row[0]) for row in till.list_remittances())
    assert len(wanted) == 3
    assert sorted(read_paid(till)) == wanted
    assert till.sum_accounts() == {"insurer": 3003, "in_flight": -3003}
    assert till.fetch("SELECT state FROM claims.run") == [("sent",)]
    assert till.fetch("SELECT count(*) FROM claims.payment_file WHERE written_at IS NULL") == [(0,)]


def test_a_sender_killed_at_each_step_pays_everything_once(database, environment, tmp_path):
    till, run_id = prepare(database, tmp_path)
    seen: dict[str, str] = {}
    deaths, code = 0, -9
    while code == -9:
        deaths += 1
        command = ["tests.settlement.dying_sender", str(run_id), str(tmp_path), str(deaths)]
        code = subprocess.run(
            [sys.executable, "-m", *command], env=environment, check=False
        ).returncode
        for path in tmp_path.glob("*.xml"):
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            # Written again after a death: the same bytes under the same name.
            assert seen.setdefault(path.name, digest) == digest
    assert code == 0
    assert deaths > 5
    expect_all_paid_once(till)


def test_mutation_a_file_named_anew_each_time_would_be_paid_twice(database, tmp_path, monkeypatch):
    till, run_id = prepare(database, tmp_path)
    names = iter(f"RPNEW{n}" for n in range(99))
    module = "rempart.workflows.settlement.send_payments"
    monkeypatch.setattr(f"{module}.format_message_id", lambda _file_id: next(names))
    monkeypatch.setattr(f"{module}.settlement.set_written", lambda *_: 1 / 0)
    for _ in range(2):
        with pytest.raises(ZeroDivisionError):
            send_run(till.settler, till.counter, run_id)
    assert len(read_paid(till)) == 6


def test_two_operators_who_send_at_once_pay_everything_once(database, tmp_path, monkeypatch):
    till, run_id = prepare(database, tmp_path)
    monkeypatch.setattr(
        "rempart.workflows.settlement.send_payments.value_on", lambda _name, _day: 1
    )
    late = []

    def send() -> None:
        try:
            send_run(till.settler, till.counter, run_id)
        except Conflict:
            late.append(1)  # the other had sent everything

    operators = [threading.Thread(target=send) for _ in range(2)]
    for one in operators:
        one.start()
    for one in operators:
        one.join()
    assert len(late) < 2
    expect_all_paid_once(till)
