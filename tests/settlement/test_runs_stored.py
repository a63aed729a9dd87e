"""A run from what is due to files at the bank: planned, approved, sent, each thing once."""

from datetime import date

import pytest
from cryptography.exceptions import InvalidTag
from defusedxml import ElementTree
from tests.settlement.practice import DAY, MANDATES, SEAL

from rempart.exchange.sepa_files import TRANSFERS, find_faults
from rempart.kernel.errors import Conflict, NotAllowed
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.settlement.references import format_reference
from rempart.workflows.settlement.approve_run import approve_run, refuse_run
from rempart.workflows.settlement.close_run import begin_plan, plan_piece

NS = "{urn:iso:std:iso:20022:tech:xsd:pain.001.001.09}"


def read_transfers(till) -> list[tuple[str, str, str]]:
    """Return reference, IBAN and amount of each transfer in the files written."""
    paths = (
        f"{NS}PmtId/{NS}EndToEndId",
        f"{NS}CdtrAcct/{NS}Id/{NS}IBAN",
        f"{NS}Amt/{NS}InstdAmt",
    )
    files = sorted(till.directory.glob("*.xml"))
    assert [find_faults(file.read_bytes(), TRANSFERS) for file in files] == [[]] * len(files)
    return [
        tuple(one.findtext(path) for path in paths)
        for file in files
        for one in ElementTree.parse(file).iter(f"{NS}CdtTrfTxInf")
    ]


def test_what_is_due_becomes_one_transfer_for_each_establishment(till):
    one, other = till.add_establishment(100), till.add_establishment(101)
    till.bill(one, 1000)
    till.bill(one, 234)
    undone = till.bill(other, 5000)
    till.bill(other, 7000)
    till.undo(undone)
    till.bill(other, 9900, since=date(2026, 11, 24))  # not yet
    run_id = till.pay()
    found = {place: (ref, cents) for ref, place, cents, _, _ in till.list_remittances()}
    assert {place: cents for place, (_, cents) in found.items()} == {one: 1234, other: 7000}
    assert sorted(read_transfers(till)) == sorted(
        (format_reference("remittance", found[place][0]), make_synthetic_iban(n).number, amount)
        for place, n, amount in ((one, 100, "12.34"), (other, 101, "70.00"))
    )
    assert till.fetch("SELECT state, remittances, cents FROM claims.run") == [("sent", 2, 8234)]
    assert till.sum_accounts() == {"insurer": 18134, "professional": -9900, "in_flight": -8234}
    states = till.fetch("SELECT state, count(*) FROM claims.claim GROUP BY state ORDER BY 1")
    assert states == [("adjudicated", 1), ("remitted", 4)]
    assert run_id


def test_a_line_is_paid_once_whatever_is_run_again(till):
    till.bill(till.add_establishment(), 1000)
    till.pay()
    run_id = till.plan()
    assert till.fetch("SELECT remittances FROM claims.run WHERE run_id = %s", run_id) == [(0,)]
    assert till.fetch("SELECT count(*) FROM claims.journal WHERE event = 'sent'") == [(1,)]


def test_two_people_who_plan_at_once_plan_one_run(till):
    till.bill(till.add_establishment(), 1000)
    with till.settler() as tx:
        first = begin_plan(tx, DAY)
    with till.settler() as tx:
        assert begin_plan(tx, DAY) == first  # it is taken up, not begun again
    till.plan()
    with till.settler() as tx, pytest.raises(Conflict):
        begin_plan(tx, DAY)


def test_a_plan_that_was_left_goes_on_where_it_was(till):
    places = [till.add_establishment(100 + n) for n in range(5)]
    for place in places:
        till.bill(place, 1000)
    with till.settler() as tx:
        run_id = begin_plan(tx, DAY)
    with till.settler() as tx:
        assert plan_piece(tx, run_id, piece=2).remittances == 2
    killed = till.database.connect("settler")
    plan_piece(killed, run_id, piece=2)
    killed.close()  # nothing of this piece is left
    assert till.plan(piece=2) == run_id
    assert [row[1] for row in till.list_remittances()] == sorted(places)


def test_the_command_line_is_one_person_and_never_two(till):
    till.bill(till.add_establishment(), 1000)
    run_id = till.plan()
    with till.settler() as tx:
        assert approve_run(tx, None, run_id) == "planned"
    with till.settler() as tx, pytest.raises(NotAllowed):
        approve_run(tx, None, run_id)
    with pytest.raises(Conflict):
        till.send(run_id)
    assert list(till.directory.iterdir()) == []


def test_what_a_refused_run_held_waits_for_the_next(till):
    till.bill(till.add_establishment(), 1000)
    run_id = till.plan()
    with till.settler() as tx:
        refuse_run(tx, None, run_id, "sommes à revoir")
    again = till.pay()
    assert again != run_id
    assert [row[2:] for row in till.list_remittances()] == [
        (1000, "released", "refused"),
        (1000, "sent", ""),
    ]


def test_a_day_without_anything_to_pay_waits_for_nobody(till):
    with till.settler() as tx:
        run_id = begin_plan(tx, DAY)
        assert plan_piece(tx, run_id).done
    assert till.fetch("SELECT state FROM claims.run") == [("empty",)]
    with till.settler() as tx, pytest.raises(Conflict):
        approve_run(tx, None, run_id)
    with till.settler() as tx:
        assert begin_plan(tx, DAY) != run_id


def test_nothing_goes_where_no_account_may_be_paid_and_the_preview_says_why(till):
    nowhere, wrong = till.add_establishment(None), till.add_establishment(102, check="no_match")
    owing = till.add_establishment(103)
    till.bill(nowhere, 1000)
    till.bill(wrong, 2000)
    till.undo(till.bill(owing, 3000))
    till.plan()
    assert till.list_remittances() == []
    carried = till.fetch("SELECT establishment_ref, reason, cents FROM claims.carried")
    assert sorted(carried) == sorted(
        [(nowhere, "no_account", 1000), (wrong, "payee_no_match", 2000), (owing, "owes", 0)]
    )


def test_an_account_in_its_cooling_off_period_is_not_paid_the_old_one_is(till):
    place = till.add_establishment(100)
    till.give_account(place, make_synthetic_iban(200), state="cooling", since="2100-01-01")
    till.bill(place, 1000)
    till.pay()
    assert [iban for _, iban, _ in read_transfers(till)] == [make_synthetic_iban(100).number]


def test_an_account_that_took_effect_is_paid_whether_that_was_written_or_not(till):
    place = till.add_establishment(100)
    till.give_account(place, make_synthetic_iban(200), state="cooling", since="2025-01-01")
    till.bill(place, 1000)
    till.pay()
    assert [iban for _, iban, _ in read_transfers(till)] == [make_synthetic_iban(200).number]


def test_an_account_replaced_after_the_approval_holds_the_transfer(till):
    place, other = till.add_establishment(100), till.add_establishment(101)
    till.bill(place, 1000)
    till.bill(other, 2000)
    run_id = till.plan()
    till.approve(run_id)
    till.run(
        "UPDATE accounts.bank_details SET state = 'replaced', ended_at = now()"
        " WHERE establishment_ref = %s",
        place,
    )
    till.give_account(place, make_synthetic_iban(200), since="2026-01-01")
    sent = till.send(run_id)
    assert (sent.transfers, sent.held) == (1, 1)
    held = [row[2:] for row in till.list_remittances() if row[1] == place]
    assert held == [(1000, "held", "account_changed")]
    till.pay()  # the next run was planned for the new account
    assert make_synthetic_iban(200).number in {iban for _, iban, _ in read_transfers(till)}


def test_a_sealed_account_opens_for_its_own_purpose_only(till):
    sealed = SEAL.close(make_synthetic_iban(1), establishment_ref=1)
    with pytest.raises(InvalidTag):
        MANDATES.open(sealed, insurer_id=1)


def test_payments_go_on_while_everything_is_cut(till):
    till.bill(till.add_establishment(), 1000)
    till.run(
        "INSERT INTO rights.cut (cut_ref, scope, reason, asked_by, approved_by, starts_at,"
        " review_at) VALUES (1, 'rights', 'incident', 1, 2, now(), now() + interval '1 day')"
    )
    till.pay()
    assert len(read_transfers(till)) == 1


def test_a_file_pays_so_many_lines_and_one_transfer_at_least(till, monkeypatch):
    for account, lines in ((100, 1), (101, 3), (102, 1), (103, 1)):
        place = till.add_establishment(account)
        for _ in range(lines):
            till.bill(place, 1000)
    bounds = {"lines_per_file": 2, "transfers_per_file": 2}
    monkeypatch.setattr(
        "rempart.workflows.settlement.send_payments.value_on", lambda name, day: bounds[name]
    )
    till.pay()
    files = till.fetch(
        "SELECT file_id, count(*), sum(lines) FROM claims.remittance GROUP BY 1 ORDER BY 1"
    )
    sizes = [(int(count), int(lines)) for _, count, lines in files]
    assert sum(lines for _, lines in sizes) == 6
    assert all(count <= 2 for count, _ in sizes)
    # Whatever order establishments come in, nothing is added to a file that pays two lines.
    assert all(count == 1 or lines - 3 < 2 for count, lines in sizes)
    assert len(read_transfers(till)) == 4
    states = till.fetch("SELECT state, count(*) FROM claims.claim GROUP BY state")
    assert states == [("remitted", 6)]
