"""Show the prises en charge a visitor may see: who asked, what was promised, until when.

Refuses to tell another's promise from one that was never made: the database shows neither.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import NotFound
from rempart.kernel.findings import BadValue, Language
from rempart.kernel.listing import Listing
from rempart.rights.engagement import format_engagement, parse_engagement
from rempart.storage import pec_pages
from rempart.storage.connect import Transaction
from rempart.storage.pec_pages import PecColumn, StoredPec
from rempart.tariffs.care import ACTS
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = ["PecColumn"]


@dataclass(frozen=True, slots=True, kw_only=True)
class PecRow:
    """One promise, and the number it is known by."""

    number: str
    pec: StoredPec


@dataclass(frozen=True, slots=True, kw_only=True)
class PecLine:
    """One act promised; amounts in cents. Old promises do not say their base."""

    number: int
    act: str
    label: str
    quantity: int
    billed_cents: int
    amo_cents: int
    amc_cents: int
    base_cents: int | None = None

    @property
    def reste_a_charge_cents(self) -> int:
        """What is left to the member."""
        return self.billed_cents - self.amo_cents - self.amc_cents


@dataclass(frozen=True, slots=True)
class PecNumbers:
    """Writes and reads numbers of promises.

    Args:
        engagement_secret: What tells ours from others.
    """

    engagement_secret: bytes

    def format(self, log_id: int, idx: int) -> str:
        """Return the number of the promise an entry tells."""
        return format_engagement(self.engagement_secret, log_id, idx)

    def parse(self, number: str) -> tuple[int, int]:
        """Return the entry a number names.

        Raises:
            NotFound: it is not ours.
        """
        try:
            return parse_engagement(self.engagement_secret, number)
        except BadValue:
            raise NotFound("no prise en charge has this number") from None


def list_pecs(
    tx: Transaction,
    asker: Asker,
    numbers: PecNumbers,
    listing: Listing[PecColumn],
    *,
    state: str | None = None,
) -> tuple[list[PecRow], int]:
    """Return one page of the promises the asker may see, and how many there are.

    Raises:
        NotAllowed: their role does not allow it.
    """
    check_can(asker.visitor, Permission.READ_PECS, now=asker.now)
    rows, total = pec_pages.list_pecs(tx, listing, today=asker.today, state=state)
    return [PecRow(number=numbers.format(row.log_id, row.idx), pec=row) for row in rows], total


def read_pec_lines(
    tx: Transaction, asker: Asker, numbers: PecNumbers, number: str, language: Language = "fr"
) -> list[PecLine]:
    """Return the acts of a promise.

    Raises:
        NotAllowed: their role does not allow it.
        NotFound: there is no such promise for them.
    """
    check_can(asker.visitor, Permission.READ_PECS, now=asker.now)
    lines = pec_pages.load_pec_lines(tx, *numbers.parse(number))
    if lines is None:
        raise NotFound("no prise en charge has this number")
    return [_make_line(line, language) for line in lines]


def _make_line(line: Mapping[str, Any], language: Language) -> PecLine:
    return PecLine(
        number=line["number"],
        act=line["act"],
        label=ACTS[line["act"]].label(language),
        quantity=line["quantity"],
        billed_cents=line["billed"],
        amo_cents=line["amo"],
        amc_cents=line["amc"],
        base_cents=line.get("base"),
    )
