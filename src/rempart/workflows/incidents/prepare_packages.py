"""The host's sheet of an incident's packages: every insurer, what is missing, what is under way.

Refuses to make anything itself: whoever opens names is not a page.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.errors import Conflict, NotFound
from rempart.kernel.listing import Listing
from rempart.storage import package_pages
from rempart.storage.connect import Transaction
from rempart.storage.package_pages import InsurerName, ListedPackage, PackageColumn, Receipt
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.jobs.enqueue import enqueue
from rempart.workflows.jobs.read_jobs import JobRow, find_latest_job

JOB = "make_packages"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """An incident's packages.

    Args:
        packages: One page of each insurer's latest package.
        total: How many insurers have one.
        missing: The insurers that have none.
        counts: How many of the latest packages are in each state, and not received.
        analysed: Whether there is a list to make packages of.
        job: The latest job that made some; None when none was asked for.
    """

    title: str
    exercise: bool
    packages: Sequence[ListedPackage]
    total: int
    missing: Sequence[InsurerName]
    counts: dict[str, int]
    analysed: bool
    job: JobRow | None


def read_sheet(
    tx: Transaction, asker: Asker, incident_id: int, listing: Listing[PackageColumn]
) -> Sheet:
    """Return an incident's packages for a page.

    Raises:
        NotFound: no such incident for the asker.
    """
    check_can(asker.visitor, Permission.READ_INCIDENTS, now=asker.now)
    head = package_pages.load_head(tx, incident_id)
    if head is None:
        raise NotFound("no such incident")
    title, exercise, analysed = head
    found, total = package_pages.list_packages(tx, listing, incident_id=incident_id, latest=True)
    return Sheet(
        title=title,
        exercise=exercise,
        packages=found,
        total=total,
        missing=package_pages.list_missing_insurers(tx, incident_id),
        counts=package_pages.count_latest(tx, incident_id),
        analysed=analysed,
        job=find_latest_job(tx, JOB, incident_id=incident_id),
    )


def prepare(tx: Transaction, asker: Asker, incident_id: int) -> int:
    """Ask that an incident's packages be made; return the job's number.

    Raises:
        NotFound: no such incident for the asker.
        Conflict: it was not analysed.
    """
    check_can(asker.visitor, Permission.WORK_INCIDENT, now=asker.now)
    head = package_pages.load_head(tx, incident_id)
    if head is None or not asker.visitor.is_host:
        raise NotFound("no such incident")
    if not head[2]:
        raise Conflict("this incident was not analysed")
    return enqueue(tx, JOB, incident_id=incident_id)


def read_one(
    tx: Transaction, asker: Asker, package_ref: int
) -> tuple[ListedPackage, list[Receipt], list[ListedPackage]]:
    """Return one package, its receipts, and every package of its insurer, the newest first.

    Raises:
        NotFound: no such package for the asker.
    """
    check_can(asker.visitor, Permission.READ_INCIDENTS, now=asker.now)
    package = package_pages.load_package(tx, package_ref)
    if package is None or not asker.visitor.is_host:
        raise NotFound("no such package")
    earlier, _total = package_pages.list_packages(
        tx,
        Listing(sort="number", limit=500),
        incident_id=package.incident_id,
        insurer_id=package.insurer_id,
    )
    return package, package_pages.list_receipts(tx, package_ref), earlier
