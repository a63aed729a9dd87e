"""An employer's own list, movements, statements and counts: dates and numbers, never a person.

Refuses a look-up: a staff number is looked for among the employer's own, whole, and leads to dates.
"""

from datetime import date

from rempart.accounts.permissions import Permission, check_can
from rempart.accounts.visitor import Visitor
from rempart.employers.movements import Structure
from rempart.employers.statements import StatementLine
from rempart.kernel.errors import NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import employers
from rempart.storage.connect import Transaction
from rempart.storage.employers import (
    ExposedCount,
    FindingColumn,
    FindingRow,
    GroupContract,
    MovementColumn,
    MovementRow,
    PriceRow,
    StaffColumn,
    StaffRow,
    StatementColumn,
    StatementRow,
    UploadRow,
)
from rempart.workflows.accounts.administer_organisation import Asker

__all__ = [
    "ExposedCount",
    "FindingColumn",
    "FindingRow",
    "GroupContract",
    "MovementColumn",
    "MovementRow",
    "PriceRow",
    "StaffColumn",
    "StaffRow",
    "StatementColumn",
    "StatementLine",
    "StatementRow",
    "Structure",
    "UploadRow",
]

STAFF_NUMBER_LETTERS = 20


def list_own_groups(tx: Transaction, asker: Asker, *, today: date) -> list[GroupContract]:
    """Return the employer's collective contracts, with how many people are on each.

    Raises:
        NotAllowed: they do not work in an employer's space.
    """
    check_employer(asker, Permission.READ_STAFF)
    return employers.list_groups(tx, today)


def list_staff(
    tx: Transaction, asker: Asker, listing: Listing[StaffColumn], *, staff_number: str = ""
) -> tuple[list[StaffRow], int]:
    """Return one page of the list; of one number only, when it is not empty.

    Raises:
        NotAllowed: they do not work in an employer's space.
    """
    org_ref = check_employer(asker, Permission.READ_STAFF)
    return employers.list_staff(tx, org_ref, listing, staff_number=staff_number)


def list_movements(
    tx: Transaction, asker: Asker, listing: Listing[MovementColumn], *, only: str = ""
) -> tuple[list[MovementRow], int]:
    """Return one page of the movements of the employer, of one state when `only` names it.

    Raises:
        NotAllowed: they do not work in an employer's space.
    """
    check_employer(asker, Permission.READ_STAFF)
    return employers.list_movements(tx, listing, only=only)


def read_upload(
    tx: Transaction, asker: Asker, upload_ref: int, listing: Listing[FindingColumn]
) -> tuple[UploadRow, list[FindingRow], int]:
    """Return a file that was sent, and one page of what is wrong with it.

    Raises:
        NotAllowed: they do not work in an employer's space.
        NotFound: no such file of theirs.
    """
    check_employer(asker, Permission.DECLARE_MOVEMENTS)
    found = employers.load_upload(tx, upload_ref)
    if found is None:
        raise NotFound("no such file")
    rows, total = employers.list_findings(tx, upload_ref, listing)
    return found, rows, total


def list_statements(
    tx: Transaction, asker: Asker, listing: Listing[StatementColumn]
) -> tuple[list[StatementRow], int]:
    """Return one page of what the employer is called for.

    Raises:
        NotAllowed: they do not work in an employer's space.
    """
    check_employer(asker, Permission.READ_STATEMENTS)
    return employers.list_statements(tx, listing)


def list_prices(tx: Transaction, asker: Asker) -> list[PriceRow]:
    """Return what the employer's contracts cost a month, by structure, the latest first.

    Raises:
        NotAllowed: they do not work in an employer's space.
    """
    check_employer(asker, Permission.READ_STATEMENTS)
    return employers.list_prices(tx)


def read_statement(
    tx: Transaction, asker: Asker, statement_ref: int
) -> tuple[StatementRow, list[StatementLine]]:
    """Return one statement with its lines.

    Raises:
        NotAllowed: they do not work in an employer's space.
        NotFound: no such statement of theirs.
    """
    check_employer(asker, Permission.READ_STATEMENTS)
    found = employers.load_statement(tx, statement_ref)
    if found is None:
        raise NotFound("no such statement")
    return found


def count_exposed_staff(tx: Transaction, asker: Asker) -> list[ExposedCount]:
    """Return how many of the staff each incident exposed, tier by tier, the latest first.

    Small numbers never leave the database, nor does an incident whose insurer told nobody yet.

    Raises:
        NotAllowed: they do not work in an employer's space.
    """
    check_employer(asker, Permission.COUNT_EXPOSED_STAFF)
    return employers.count_exposed(tx)


def check_employer(asker: Asker, permission: Permission) -> int:
    """Return the employer somebody works for.

    Raises:
        NotAllowed: their role does not allow it, or they work for no employer.
    """
    check_can(asker.visitor, permission, now=asker.now)
    return _find_org(asker.visitor)


def _find_org(visitor: Visitor) -> int:
    if visitor.org_kind != "employer" or visitor.org_ref is None:
        raise NotAllowed("a staff list is its employer's")
    return visitor.org_ref
