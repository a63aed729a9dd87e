"""What an employer is called for, on paper, in French (PDF/UA-1): counts and amounts, nobody."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Final

from rempart.employers.movements import Structure
from rempart.employers.statements import StatementLine
from rempart.exchange.pdf_document import compile_document
from rempart.kernel.money import format_euros

_STRUCTURES: Final = {
    Structure.SINGLE: "Isolé",
    Structure.COUPLE: "Duo",
    Structure.FAMILY: "Famille",
}
_COLUMNS: Final = ("Mois", "Structure", "Salariés", "Portabilité", "Prix", "Montant")


def print_statement(
    lines: Sequence[StatementLine],
    *,
    month: date,
    contract_number: str,
    employer_name: str,
    insurer_name: str,
    issued_at: datetime,
) -> bytes:
    """Return a statement as a PDF; the same content gives the same file."""
    own = [line for line in lines if line.about == month]
    data = {
        "title": f"Appel de cotisations {month:%m/%Y}",
        "payer": [employer_name, f"Contrat collectif {contract_number}"],
        "facts": [
            ("Organisme", insurer_name),
            ("Mois", f"{month:%m/%Y}"),
            ("Émis le", f"{issued_at:%d/%m/%Y}"),
            ("Salariés couverts", str(sum(line.active for line in own))),
            ("Portabilité, sans cotisation", str(sum(line.ported for line in own))),
            ("Montant", format_euros(sum(line.amount_cents for line in lines))),
        ],
        "columns": _COLUMNS,
        "rows": [
            (
                f"{line.about:%m/%Y}",
                _STRUCTURES[line.structure],
                str(line.active),
                str(line.ported),
                format_euros(line.unit_cents),
                format_euros(line.amount_cents),
            )
            for line in lines
        ],
        "note": "Tout mois commencé est dû. Les lignes d’un mois passé disent ce que des "
        "mouvements déclarés depuis en changent.",
    }
    return compile_document("contribution_document.typ", data, made_at=issued_at)
