"""A transfer told on paper: what it pays, what it takes back, in French (PDF/UA-1)."""

from datetime import datetime
from typing import Final

from rempart.exchange.pdf_document import compile_document
from rempart.kernel.money import format_euros
from rempart.settlement.returns import Return, sum_kinds

_STATES: Final = {
    "sent": "envoyé à la banque",
    "paid": "confirmé par la banque",
    "returned": "revenu : les sommes seront payées à nouveau",
    "refunded": "somme que vous avez remboursée",
}
_COLUMNS: Final = (
    "Lot",
    "Facture",
    "Ligne",
    "Organisme",
    "Facturé",
    "Part AMO",
    "Part AMC",
    "Reste à charge",
    "Payé",
)


def print_return(told: Return, *, made_at: datetime) -> bytes:
    """Return a transfer as a PDF; the same content and instant give the same file."""
    sums = sum_kinds(told.rows)
    day = "–" if told.execution_on is None else f"{told.execution_on:%d/%m/%Y}"
    data = {
        "title": f"Virement {told.reference}",
        "payee": [told.payee.name, f"SIRET {told.payee.siret}"]
        + ([f"FINESS {told.payee.finess}"] if told.payee.finess else []),
        "facts": [
            ("Montant", format_euros(told.cents)),
            ("Date d’exécution", day),
            ("Compte", f"se terminant par {told.account_digits}" if told.account_digits else "–"),
            ("État", _STATES.get(told.state, told.state)),
            ("Paiements", format_euros(sums["payment"])),
            ("Retenues", format_euros(sums["taken_back"])),
        ],
        "columns": _COLUMNS,
        "rows": [
            (
                row.lot,
                row.invoice,
                str(row.line),
                row.insurer,
                *(
                    format_euros(cents)
                    for cents in (
                        row.billed_cents,
                        row.amo_cents,
                        row.amc_cents,
                        row.reste_a_charge_cents,
                        row.paid_cents,
                    )
                ),
            )
            for row in told.rows
        ],
        "note": "La référence du virement est celle de votre relevé bancaire. Une retenue reprend "
        "une somme payée pour une facture annulée ou rectifiée depuis.",
    }
    return compile_document("return_document.typ", data, made_at=made_at)
