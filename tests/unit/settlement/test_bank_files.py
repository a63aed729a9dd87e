"""What we read of a bank, and write to it, is what others read and write."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest
from pyiso20022.camt.camt_053_001_08 import camt_053_001_08
from pyiso20022.camt.camt_054_001_08 import camt_054_001_08
from pyiso20022.pain.pain_001_001_09 import pain_001_001_09
from tests.settlement.bank import Booking, write_bank_file
from tests.settlement.practice import PAYER_IBAN
from xsdata.formats.dataclass.parsers import XmlParser

from rempart.exchange.bank_statement import BankFileRefused, read_bank_file
from rempart.exchange.sepa_files import (
    Debit,
    Message,
    Payer,
    Transfer,
    read_payer,
    write_debits,
    write_transfers,
)
from rempart.kernel.errors import InconsistentRecord, SetupError
from rempart.kernel.synthetic import make_synthetic_iban

PAYER = Payer(name="Opérateur d’essai", iban=PAYER_IBAN, bic="SYNTFRPPXXX")
MESSAGE = Message(
    message_id="RP0000000001",
    created_at=datetime(2026, 11, 23, 10, tzinfo=UTC),
    execution_on=date(2026, 11, 24),
)
TRANSFERS = [
    Transfer("RF92V0000000001", "Pharmacie de l’Œuvre & Fils", make_synthetic_iban(3), 123456),
    Transfer("RF65V0000000002", "Centre dentaire – Évry", make_synthetic_iban(4), 5),
]
BOOKINGS = [
    Booking(cents=-3000, parts=(("A", -1000), ("B", -2000)), bank_ref="X1"),
    Booking(cents=4200, text="virement reçu", bank_ref="X2"),
    Booking(cents=1000, reference="A", code="AC04", bank_ref="X3"),
    Booking(cents=99, reference="C", status="PDNG", bank_ref="X4"),
]


def test_a_foreign_reader_takes_our_transfers_and_they_are_the_same_twice():
    content = write_transfers(PAYER, MESSAGE, TRANSFERS)
    assert content == write_transfers(PAYER, MESSAGE, TRANSFERS)
    told = XmlParser().from_bytes(content, pain_001_001_09.Document).cstmr_cdt_trf_initn
    assert (told.grp_hdr.msg_id, told.grp_hdr.nb_of_txs) == ("RP0000000001", "2")
    assert float(told.grp_hdr.ctrl_sum) == 1234.61
    [batch] = told.pmt_inf
    assert batch.pmt_inf_id == "RP0000000001-1"
    assert [one.pmt_id.end_to_end_id for one in batch.cdt_trf_tx_inf] == [
        one.reference for one in TRANSFERS
    ]
    assert batch.cdt_trf_tx_inf[0].cdtr.nm == "Pharmacie de l'OEuvre + Fils"


def test_a_file_that_its_schema_refuses_is_not_given():
    wrong = replace(MESSAGE, message_id="X" * 36)
    with pytest.raises(InconsistentRecord) as refused:
        write_transfers(PAYER, wrong, TRANSFERS)
    assert TRANSFERS[0].iban.number not in str(refused.value)


def test_without_a_creditor_identifier_nothing_is_collected():
    debit = Debit("RF", "Mutuelle", make_synthetic_iban(5), 1, "M", date(2026, 1, 1), follows=True)
    with pytest.raises(SetupError):
        write_debits(PAYER, MESSAGE, [debit])


@pytest.mark.parametrize(
    "facts",
    [
        {},
        {"name": "x", "iban": "FR00", "bic": "SYNTFRPPXXX"},
        {"name": "x", "iban": PAYER_IBAN.number, "bic": "short"},
        {"name": "x", "iban": PAYER_IBAN.number, "bic": "SYNTFRPPXXX", "other": "1"},
        {"name": "x", "iban": PAYER_IBAN.number, "bic": "SYNTFRPPXXX", "creditor_id": "no"},
    ],
)
def test_a_payers_file_that_cannot_be_right_is_refused_without_its_values(facts):
    with pytest.raises(SetupError) as refused:
        read_payer(facts)
    assert PAYER_IBAN.number not in str(refused.value)


def test_a_payers_file_is_read():
    facts = {"name": "x", "iban": PAYER_IBAN.format(), "bic": "SYNTFRPPXXX"}
    assert read_payer(facts) == Payer(name="x", iban=PAYER_IBAN, bic="SYNTFRPPXXX")


@pytest.mark.parametrize(
    ("number", "model"),
    [("053", camt_053_001_08.Document), ("054", camt_054_001_08.Document)],
)
def test_the_bank_files_of_these_tests_are_true_ones(tmp_path, number, model):
    path = write_bank_file(tmp_path / "b.xml", BOOKINGS, number=number)
    XmlParser().from_bytes(path.read_bytes(), model)


def test_every_booked_transaction_is_a_movement(tmp_path):
    path = write_bank_file(tmp_path / "b.xml", BOOKINGS)
    file = read_bank_file(path, account=PAYER_IBAN)
    told = [(one.cents, one.end_to_end, one.return_code, one.bank_ref) for one in file.movements]
    assert told == [
        (-1000, "A", "", "X1-1"),
        (-2000, "B", "", "X1-2"),
        (4200, "NOTPROVIDED", "", "X2"),
        (1000, "A", "AC04", "X3"),
    ]
    assert (file.opening_cents, file.closing_cents) == (1_000_000, 1_002_200)


@pytest.mark.parametrize(
    ("old", "new", "rule"),
    [
        ('Ccy="EUR">42.00', 'Ccy="USD">42.00', "bank_currency"),
        (">42.00<", ">42.001<", "bank_value"),
        (">42.00<", ">-42.00<", "bank_value"),
        ("<Dt>2026-11-24</Dt></BookgDt>", "<Dt>2026-13-24</Dt></BookgDt>", "bank_value"),
        ("camt.053.001.08", "pain.002.001.10", "bank_format"),
        ("</Stmt>", "", "bank_format"),
        ("<Document", "<!DOCTYPE x [<!ENTITY a 'b'>]><Document", "bank_format"),
        ("<Id>R1</Id>", "", "bank_several"),
        (
            "<Ntry>",
            "<TxsSummry><TtlCdtNtries><Sum>1.00</Sum></TtlCdtNtries></TxsSummry><Ntry>",
            "bank_summary",
        ),
    ],
)
def test_a_file_that_is_not_what_it_seems_is_refused(tmp_path, old, new, rule):
    path = write_bank_file(tmp_path / "b.xml", BOOKINGS)
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(BankFileRefused) as refused:
        read_bank_file(path, account=PAYER_IBAN)
    assert rule in {finding.rule for finding in refused.value.findings}
