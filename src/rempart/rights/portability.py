"""How long somebody who lost their job stays covered by their employer's contract, for nothing.

Refuses to say who has a right to it: the employer tells that a contract ended in a way that opens
unemployment benefit, and the insurer asks for the proof.
"""

from datetime import date
from typing import Final

from rempart.kernel.periods import add_months

PORTABILITY_MONTHS: Final = 12


def compute_portability_end(
    contract_start: date, contract_end: date, *, benefits_end: date | None = None
) -> date:
    """Return the last day on which somebody who lost their job stays covered for nothing.

    Args:
        contract_start: First day of the last work contract.
        contract_end: Its last day.
        benefits_end: Last day of unemployment benefit, or the one before a new job; None: not yet.

    Source: code de la sécurité sociale, article L911-8 (S106): as long as the last contract, in
        whole months rounded up, twelve at most.
    """
    whole = (contract_end.year - contract_start.year) * 12 + contract_end.month
    whole -= contract_start.month
    if add_months(contract_start, whole) <= contract_end:
        whole += 1
    last = add_months(contract_end, max(1, min(whole, PORTABILITY_MONTHS)))
    return last if benefits_end is None else max(contract_end, min(last, benefits_end))
