"""One transfer, five forms: the same lines, which add up, with the keys to reconcile by."""

import csv
import io
import json
from dataclasses import replace
from datetime import UTC, date, datetime

import pypdfium2
import pytest
from fhir.resources.R4B.paymentreconciliation import PaymentReconciliation

from rempart.exchange.return_document import print_return
from rempart.exchange.return_fhir import write_reconciliation
from rempart.exchange.return_files import write_csv, write_json
from rempart.exchange.return_noemie import LINE, write_noemie_like
from rempart.settlement.returns import Party, Return, ReturnRow

AT = datetime(2026, 11, 24, 8, tzinfo=UTC)
PAID = ReturnRow(
    claim="ABCD-EFGH-JKMN",
    lot="012",
    invoice="123456789",
    line=1,
    insurer="Mutuelle d'essai",
    amc_number="0000000001",
    kind="payment",
    billed_cents=3000,
    amo_cents=1200,
    amc_cents=1500,
    reste_a_charge_cents=300,
    paid_cents=1500,
)
TAKEN = PAID._replace(
    invoice="F-2026/77", lot="", kind="taken_back", amc_cents=500, paid_cents=-500
)
TOLD = Return(
    reference="RF92V0000000001",
    state="sent",
    execution_on=date(2026, 11, 24),
    account_digits="0189",
    cents=1000,
    payee=Party("Pharmacie d'essai", "999999999", "00000000000000"),
    rows=(PAID, TAKEN),
)


def test_a_csv_opens_in_a_french_spreadsheet_and_ends_with_the_sum():
    text = write_csv(TOLD).decode("utf-8-sig")
    header, first, second, total = csv.reader(io.StringIO(text), delimiter=";")
    assert dict(zip(header, first, strict=True)) | {"Payé": "15,00"} == dict(
        zip(header, first, strict=True)
    )
    assert (first[0], first[1], first[3]) == ("012", "123456789", TOLD.reference)
    assert (second[5], second[12]) == ("retenue", "-5,00")
    assert (total[0], total[12], len(total)) == ("TOTAL", "10,00", len(header))


def test_a_number_of_the_billers_does_not_become_a_formula():
    told = replace(TOLD, rows=(PAID._replace(invoice="=1+1"), TAKEN))
    assert "'=1+1" in write_csv(told).decode()


def test_json_holds_cents_and_every_key():
    said = json.loads(write_json(TOLD))
    assert said["amount_cents"] == sum(line["paid_cents"] for line in said["lines"])
    assert said["lines"][0] == PAID._asdict()


def test_lines_like_noemies_are_128_characters_and_add_up():
    head, first, second, total = write_noemie_like(TOLD).decode("ascii").split("\r\n")[:-1]
    assert {len(line) for line in (head, first, second, total)} == {LINE}
    assert head.startswith(f"1{TOLD.reference}")
    # Positions of S89: return type 14-15, invoice 16-24, identity 31-45, paid part 70-77.
    assert (first[13:15], first[15:24], first[30:45], first[69:77]) == (
        *("12", "123456789", "0" * 15),
        "00001500",
    )
    assert (first[117:120], first[120:126]) == ("012", "261124")
    assert (second[13:15], second[80:117].strip(), second[69:77]) == ("32", "F-2026/77", "00000500")
    assert total[26:].strip() == "00000002" + f"{1500:012d}{500:012d}{1000:012d}"


@pytest.mark.parametrize("number", ["\u0661\u0662", "7\u00b2"])
def test_an_invoice_or_a_lot_of_other_digits_is_a_label_in_lines_like_noemies(number):
    told = replace(TOLD, rows=(PAID._replace(invoice=number, lot=number), TAKEN))
    line = write_noemie_like(told).decode("ascii").split("\r\n")[1]
    assert (len(line), line[15:24], line[117:120]) == (LINE, "0" * 9, "000")


def test_a_foreign_reader_takes_the_fhir_resource():
    written = write_reconciliation(TOLD, created_at=AT)
    read = PaymentReconciliation.model_validate(written)
    assert float(read.paymentAmount.value) == 10.0
    assert [float(one.amount.value) for one in read.detail] == [15.0, -5.0]
    assert read.detail[0].request.identifier.value == PAID.invoice


def test_a_pdf_tells_the_reference_and_both_invoices():
    first = print_return(TOLD, made_at=AT)
    assert first == print_return(TOLD, made_at=AT)
    text = pypdfium2.PdfDocument(first)[0].get_textpage().get_text_bounded()
    assert all(word in text for word in (TOLD.reference, "123456789", "F-2026/77"))


def test_lines_that_do_not_add_up_to_their_transfer_are_none():
    with pytest.raises(ValueError, match="add up"):
        replace(TOLD, cents=1001)
