"""What the bank says changes the books once: paid, come back, funds, or in suspense."""

from dataclasses import replace
from datetime import date

import pytest
from tests.settlement.bank import Booking, write_bank_file
from tests.settlement.practice import DAY, MANDATES, PAYER_IBAN

from rempart.exchange.bank_statement import BankFileRefused
from rempart.exchange.sepa_files import DEBITS, find_faults
from rempart.kernel.errors import Conflict
from rempart.kernel.synthetic import make_synthetic_iban
from rempart.settlement.references import format_message_id, format_reference
from rempart.workflows.settlement.call_funds import (
    call_funds,
    collect_funds,
    end_mandate,
    give_mandate,
    remind_funds,
    set_funding,
)
from rempart.workflows.settlement.import_bank_file import (
    explain_as_fees,
    explain_as_funds,
    explain_as_refund,
    import_bank_file,
    lift_holds,
)


@pytest.fixture
def paid(till):
    """One establishment paid 10.00 in one file."""
    till.bill(till.add_establishment(), 1000)
    till.pay()
    return till


def take(till, *bookings, **options):
    options.setdefault("name", f"R{len(list(till.directory.iterdir()))}")
    path = write_bank_file(till.directory / f"bank-{options['name']}.xml", bookings, **options)
    with till.settler() as tx:
        return dict(import_bank_file(tx, path, account=PAYER_IBAN).states)


def reference(till) -> str:
    return format_reference("remittance", till.list_remittances()[-1][0])


def read_states(till) -> list[str]:
    return [row[3] for row in till.list_remittances()]


def test_a_transfer_is_confirmed_by_its_reference(paid):
    assert take(paid, Booking(cents=-1000, reference=reference(paid))) == {"paid": 1}
    assert read_states(paid) == ["paid"]
    assert paid.sum_accounts() == {"insurer": 1000, "bank": -1000}
    assert paid.fetch("SELECT state FROM claims.claim") == [("paid",)]


def test_a_file_booked_as_a_whole_confirms_all_its_transfers(till):
    for number in range(3):
        till.bill(till.add_establishment(100 + number), 1000)
    till.pay()
    [(file_id,)] = till.fetch("SELECT file_id FROM claims.payment_file")
    whole = Booking(cents=-3000, batch=f"{format_message_id(file_id)}-1")
    assert take(till, whole) == {"paid": 1}
    assert read_states(till) == ["paid"] * 3
    assert till.sum_accounts() == {"insurer": 3000, "bank": -3000}


def test_a_file_whose_transfers_were_told_one_by_one_is_booked_as_a_whole_once(till):
    for number in range(3):
        till.bill(till.add_establishment(100 + number), 1000)
    till.pay()
    [(file_id,)] = till.fetch("SELECT file_id FROM claims.payment_file")
    refs = [format_reference("remittance", row[0]) for row in till.list_remittances()]
    told = Booking(cents=-2000, parts=[(ref, -1000) for ref in refs[:2]], bank_ref="N1")
    assert take(till, told, number="054") == {"paid": 2}
    whole = Booking(cents=-3000, batch=f"{format_message_id(file_id)}-1", bank_ref="S1")
    assert take(till, whole) == {"paid": 1}
    assert read_states(till) == ["paid"] * 3
    again = Booking(cents=-3000, batch=f"{format_message_id(file_id)}-1")
    assert take(till, again, opening=997_000) == {"repeated": 1}
    assert till.sum_accounts() == {"insurer": 3000, "bank": -3000}


@pytest.mark.parametrize("part_ref", ["", "B1"])
@pytest.mark.parametrize("first", ["054", "053"])
def test_an_entry_and_its_transactions_are_the_same_money(till, first, part_ref):
    whole = Booking(cents=700, text="remise", bank_ref="B1")
    parts = replace(whole, parts=(("A", 300), ("B", 400)), part_ref=part_ref)
    before, after = (parts, whole) if first == "054" else (whole, parts)
    after_kind = "053" if first == "054" else "054"
    take(till, before, number=first)
    assert set(take(till, after, number=after_kind)) == {"repeated"}
    assert till.sum_accounts() == {"bank": 700, "suspense": -700}


def test_the_same_movement_in_a_notification_and_a_statement_counts_once(paid):
    booking = Booking(cents=-1000, reference=reference(paid), bank_ref="B1")
    assert take(paid, booking, number="054") == {"paid": 1}
    assert take(paid, booking) == {"repeated": 1}
    assert paid.sum_accounts() == {"insurer": 1000, "bank": -1000}


def test_a_transfer_that_comes_back_is_due_again_and_its_account_is_left_alone(paid):
    ref = reference(paid)
    take(paid, Booking(cents=-1000, reference=ref))
    assert take(paid, Booking(cents=1000, reference=ref, code="AC04"), opening=999_000) == {
        "returned": 1
    }
    assert read_states(paid) == ["returned"]
    assert paid.sum_accounts() == {"insurer": 1000, "professional": -1000}
    assert paid.fetch("SELECT state FROM claims.claim") == [("adjudicated",)]
    paid.plan()
    carried = paid.fetch("SELECT reason, cents FROM claims.carried")
    assert carried == [("returned", 1000)]
    with paid.settler() as tx:
        [(place,)] = paid.fetch("SELECT establishment_ref FROM claims.payment_hold")
        assert lift_holds(tx, place) == 1


def test_another_account_ends_the_hold_by_itself(paid):
    ref = reference(paid)
    take(paid, Booking(cents=-1000, reference=ref), Booking(cents=1000, reference=ref, code="AC01"))
    place = paid.list_remittances()[0][1]
    paid.run("UPDATE accounts.bank_details SET state = 'replaced', ended_at = '2026-01-01'")
    paid.give_account(place, make_synthetic_iban(300), since="2026-01-01")
    paid.pay()
    assert read_states(paid) == ["returned", "sent"]
    assert paid.sum_accounts() == {"insurer": 1000, "in_flight": -1000}


def test_a_return_told_before_its_payment_is_a_payment_that_came_back(paid):
    back = Booking(cents=1000, reference=reference(paid), code="MS03")
    assert take(paid, back) == {"returned": 1}
    assert paid.sum_accounts() == {"insurer": 1000, "professional": -1000}
    later = Booking(cents=-1000, reference=reference(paid))
    assert take(paid, later, opening=1_001_000) == {"repeated": 1}


def test_what_nothing_explains_waits_and_is_explained_later(paid):
    states = take(
        paid,
        Booking(cents=-999, reference=reference(paid)),  # another amount
        Booking(cents=4200, text="VIREMENT SANS REFERENCE"),
        Booking(cents=-150, text="FRAIS"),
    )
    assert states == {"suspense": 3}
    assert paid.sum_accounts()["suspense"] == -(4200 - 150 - 999)
    lines = dict(paid.fetch("SELECT cents, line_id FROM claims.bank_line"))
    with paid.settler() as tx:
        explain_as_fees(tx, lines[-150], note="frais de tenue de compte")
        [call] = call_funds(tx, today=DAY)
        explain_as_funds(
            tx, lines[4200], call=format_reference("call", call.call_id), note="sans référence"
        )
    assert paid.sum_accounts()["suspense"] == 999
    assert paid.fetch("SELECT received_cents FROM claims.call") == [(4200,)]


def test_what_an_establishment_pays_back_by_itself_is_taken_off_nothing_more(till):
    place = till.add_establishment()
    part = till.bill(place, 3000)
    till.pay()
    till.undo(part)
    take(till, Booking(cents=3000, text="remboursement"))
    [(line_id,)] = till.fetch("SELECT line_id FROM claims.bank_line")
    with till.settler() as tx, pytest.raises(Conflict):
        explain_as_refund(tx, line_id, establishment_ref=place + 1, note="x")
    with till.settler() as tx:
        explain_as_refund(tx, line_id, establishment_ref=place, note="trop versé")
    assert read_states(till) == ["sent", "refunded"]
    till.bill(place, 500)
    till.pay()
    assert till.list_remittances()[-1][2] == 500
    assert "professional" not in till.sum_accounts()


@pytest.mark.parametrize(
    ("bookings", "options", "rule"),
    [
        ((Booking(cents=100),), {"closing": 1_000_099}, "bank_balance"),
        ((Booking(cents=300, parts=(("A", 100), ("B", 100))),), {}, "bank_entry_sum"),
        ((), {"iban": make_synthetic_iban(8).number}, "bank_account"),
        ((Booking(cents=100, reference="X"),), {"number": "054"}, "bank_no_reference"),
    ],
)
def test_a_wrong_file_is_refused_and_changes_nothing(till, bookings, options, rule):
    with pytest.raises(BankFileRefused) as refused:
        take(till, *bookings, **options)
    assert rule in {finding.rule for finding in refused.value.findings}
    assert till.fetch("SELECT count(*) FROM claims.bank_file") == [(0,)]


def test_a_file_is_taken_once_by_its_bytes_and_by_its_name(paid):
    booking = Booking(cents=500, text="x")
    take(paid, booking, name="R7")
    for again in ({"name": "R7"}, {"name": "R7", "opening": 5}):
        with pytest.raises(BankFileRefused) as refused:
            take(paid, booking, **again)
        assert refused.value.findings[0].rule == "bank_repeated"
    assert paid.fetch("SELECT count(*) FROM claims.bank_line") == [(1,)]


def test_a_statement_that_is_missing_is_noticed(till):
    take(till, Booking(cents=500, text="x"), name="R1")
    path = write_bank_file(till.directory / "bank-R3.xml", (), name="R3", opening=7)
    with till.settler() as tx:
        assert import_bank_file(tx, path, account=PAYER_IBAN).gap
    # The one that was missing, when it comes: nothing lacks before it.
    first = {"day": "2026-11-22", "opening": 999_000}
    path = write_bank_file(till.directory / "bank-R0.xml", (), name="R0", **first)
    with till.settler() as tx:
        assert not import_bank_file(tx, path, account=PAYER_IBAN).gap


def test_an_insurer_is_called_once_for_what_was_sent_and_pays_in_parts(paid):
    with paid.settler() as tx:
        set_funding(tx, f"{1:010d}", "advance", due_days=10, fee_cents=20)
        [call] = call_funds(tx, today=DAY)
    assert (call.cents, call.due_on) == (1020, date(2026, 12, 3))
    with paid.settler() as tx:
        assert call_funds(tx, today=DAY) == []
    ref = format_reference("call", call.call_id)
    assert take(
        paid, Booking(cents=1000, text=f"APPEL {ref}"), Booking(cents=20, reference=ref)
    ) == {"funds": 2}
    assert paid.sum_accounts() == {"bank": 1020, "in_flight": -1000, "fees": -20}
    assert paid.fetch("SELECT received_cents = cents FROM claims.call") == [(True,)]


def test_what_came_back_is_taken_off_the_next_call(paid):
    ref = reference(paid)
    with paid.settler() as tx:
        call_funds(tx, today=DAY)
    take(paid, Booking(cents=-1000, reference=ref), Booking(cents=1000, reference=ref, code="MS03"))
    paid.bill(paid.add_establishment(120), 700)
    paid.pay()  # 10.00 again, and 7.00
    with paid.settler() as tx:
        [call] = call_funds(tx, today=DAY)
    assert call.cents == 1700 - 1000


def test_an_insurer_that_is_late_is_reminded_and_waited_for_when_its_rule_says_so(paid):
    with paid.settler() as tx:
        set_funding(tx, f"{1:010d}", "wait", due_days=0)
        call_funds(tx, today=DAY)
    other = paid.add_insurer(2)
    place = paid.add_establishment(121)
    later = date(2026, 11, 26)
    paid.bill(place, 800)
    paid.bill(place, 900, insurer=other)
    with paid.settler() as tx:
        [reminder] = remind_funds(tx, today=later)
        assert (reminder.open_cents, reminder.number) == (1000, 1)
        assert remind_funds(tx, today=later) == []
    paid.pay(later)
    assert paid.list_remittances()[-1][2] == 900
    assert paid.fetch("SELECT reason, cents FROM claims.carried") == [("insurer_late", 800)]
    with paid.settler() as tx:
        set_funding(tx, f"{1:010d}", "advance", due_days=0)
    paid.pay(later)
    assert paid.list_remittances()[-1][2] == 800


def test_a_mandate_is_collected_by_a_file_that_its_schema_accepts(paid):
    give(paid)
    with paid.settler() as tx:
        [call] = call_funds(tx, today=DAY)
    [file] = collect_funds(paid.settler, paid.counter)
    assert collect_funds(paid.settler, paid.counter) == []
    written = (paid.directory / f"{format_message_id(file.file_id)}.xml").read_bytes()
    assert find_faults(written, DEBITS) == []
    assert make_synthetic_iban(9).number.encode() in written
    ref = format_reference("call", call.call_id)
    whole = Booking(cents=1000, batch=f"{format_message_id(file.file_id)}-1", bank_ref="D1")
    assert take(paid, whole) == {"funds": 1}
    back = Booking(cents=-1000, reference=ref, code="AM04")
    assert take(paid, back, opening=1_001_000) == {"funds_returned": 1}
    assert paid.fetch("SELECT received_cents FROM claims.call") == [(0,)]
    assert paid.sum_accounts() == {"insurer": 1000, "in_flight": -1000}


def give(till, reference="MANDAT-1", account=9):
    with till.settler() as tx:
        give_mandate(
            tx,
            f"{1:010d}",
            reference=reference,
            signed_on=date(2026, 1, 2),
            iban=make_synthetic_iban(account),
            seal=MANDATES,
        )


@pytest.mark.parametrize("after", ["ended", "received"])
def test_nothing_is_collected_without_a_mandate_nor_what_came_already(paid, after):
    give(paid)
    with paid.settler() as tx:
        [call] = call_funds(tx, today=DAY)
    if after == "ended":
        with paid.settler() as tx:
            end_mandate(tx, f"{1:010d}")
        assert paid.fetch("SELECT mandate_id FROM claims.call") == [(None,)]
    else:
        take(paid, Booking(cents=1000, reference=format_reference("call", call.call_id)))
    assert collect_funds(paid.settler, paid.counter) == []


def test_another_mandate_collects_what_was_called_under_the_one_before(paid):
    give(paid)
    with paid.settler() as tx:
        call_funds(tx, today=DAY)
    give(paid, "MANDAT-2", account=10)
    [file] = collect_funds(paid.settler, paid.counter)
    written = (paid.directory / f"{format_message_id(file.file_id)}.xml").read_bytes()
    assert b"MANDAT-2" in written
    assert make_synthetic_iban(9).number.encode() not in written


def test_money_that_left_is_no_refund(till):
    place = till.add_establishment()
    till.bill(place, 3000)
    take(till, Booking(cents=-3000, text="sans référence"))
    [(line_id,)] = till.fetch("SELECT line_id FROM claims.bank_line")
    with till.settler() as tx, pytest.raises(Conflict):
        explain_as_refund(tx, line_id, establishment_ref=place, note="x")


def test_one_sum_for_several_calls_is_shared_between_them(till):
    calls = []
    for cents in (1000, 300):
        till.bill(till.add_establishment(cents), cents)
        till.pay()
        with till.settler() as tx:
            calls += call_funds(tx, today=DAY)
    refs = [format_reference("call", one.call_id) for one in calls]
    text = f"APPELS {refs[0]} {refs[1]}"
    assert take(till, Booking(cents=1250, text=text, bank_ref="F1")) == {"funds": 2}
    received = "SELECT received_cents FROM claims.call ORDER BY call_id"
    assert till.fetch(received) == [(1000,), (250,)]
    assert take(till, Booking(cents=60, text=text), opening=1_001_250) == {"funds": 1}
    assert till.fetch(received) == [(1000,), (310,)]
    assert till.sum_accounts() == {"bank": 1310, "in_flight": -1300, "insurer": -10}
