"""A claim as any channel brings it: by which identifiers, for which acts, whatever the format.

Refuses to print: it holds identifiers until they are turned into a reference.
"""

from dataclasses import dataclass

from rempart.claims.claim import ClaimLine
from rempart.kernel.identity import Identity
from rempart.rights.lookup import Identifiers


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class BilledClaim(Identity):
    """One claim.

    Args:
        invoice: The biller's own number, unique for them over a stretch of time.
        identifiers: Of the beneficiary.
        lines: The acts, amounts in cents.
        birth_date: Eight characters; what the card or the typed identifiers say.
        asked_amc_cents: What the biller expects of the complementary insurer, line by line.
        engagement: The engagement number quoted; empty for none.
        pec: The prise en charge quoted; empty for none.
        in_pathway: Whether care followed the coordinated pathway.
        at: Where the claim begins in its file, line 1 being the first; None outside a file.
    """

    invoice: str
    identifiers: Identifiers
    lines: tuple[ClaimLine, ...]
    birth_date: str
    asked_amc_cents: tuple[int, ...]
    engagement: str = ""
    pec: str = ""
    in_pathway: bool = True
    at: int | None = None
