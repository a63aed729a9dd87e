"""A transfer told line by line, as CSV for a spreadsheet and as JSON for software.

The CSV is French: semicolons, decimal commas, a byte order mark. Refuses to let a number of the
biller's become a formula.
"""

import csv
import io
from typing import Any, Final

import msgspec

from rempart.exchange.table_cells import protect_cell
from rempart.settlement.returns import Return, ReturnRow

HEADER: Final = (
    "Lot",
    "Facture",
    "Ligne",
    "Référence du virement",
    "Date d’exécution",
    "Nature",
    "Organisme",
    "N° AMC",
    "Facturé",
    "Part AMO",
    "Part AMC",
    "Reste à charge",
    "Payé",
    "Dossier",
)
_KINDS: Final = {"payment": "paiement", "taken_back": "retenue"}


def write_csv(told: Return) -> bytes:
    """Return the lines of a transfer as a spreadsheet opens them; the last one is their sum."""
    text = io.StringIO()
    writer = csv.writer(text, delimiter=";", lineterminator="\r\n")
    writer.writerow(HEADER)
    writer.writerows(_list_cells(told, row) for row in told.rows)
    empty = ("",) * (len(HEADER) - 5)
    writer.writerow(("TOTAL", "", "", *empty, _euros(told.cents), ""))
    return ("\ufeff" + text.getvalue()).encode()


def describe_return(told: Return) -> dict[str, Any]:
    """Return a transfer as JSON says it; amounts are whole cents."""
    return {
        "reference": told.reference,
        "state": told.state,
        "execution_on": None if told.execution_on is None else told.execution_on.isoformat(),
        "account_ends_with": told.account_digits,
        "amount_cents": told.cents,
        "payee": told.payee._asdict(),
        "lines": [row._asdict() for row in told.rows],
    }


def write_json(told: Return) -> bytes:
    """Return a transfer as JSON."""
    return msgspec.json.format(msgspec.json.encode(describe_return(told)), indent=2) + b"\n"


def _list_cells(told: Return, row: ReturnRow) -> tuple[object, ...]:
    day = "" if told.execution_on is None else f"{told.execution_on:%d/%m/%Y}"
    return (
        protect_cell(row.lot),
        protect_cell(row.invoice),
        row.line,
        told.reference,
        day,
        _KINDS[row.kind],
        protect_cell(row.insurer),
        protect_cell(row.amc_number),
        _euros(row.billed_cents),
        _euros(row.amo_cents),
        _euros(row.amc_cents),
        _euros(row.reste_a_charge_cents),
        _euros(row.paid_cents),
        row.claim,
    )


def _euros(cents: int) -> str:
    sign = "-" if cents < 0 else ""
    return f"{sign}{abs(cents) // 100},{abs(cents) % 100:02d}"
