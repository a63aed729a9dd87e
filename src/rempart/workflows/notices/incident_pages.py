"""An insurer's public page about an incident: written, published, read by anybody, withdrawn.

Refuses to publish what lacks what the law asks for, to change what was published, and to show an
exercise to the public.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.disclosure.fields import FIELD_LABELS, FIELDS_OF_PROFESSIONALS, Field
from rempart.incidents.room import read_words
from rempart.kernel.errors import Conflict, InvalidRequest, NotFound
from rempart.kernel.instants import to_paris_day
from rempart.notices.facts import IncidentFacts, PublicFacts
from rempart.notices.incident_page import (
    IncidentPage,
    PageFinding,
    check_can_publish,
    compute_page_digest,
    lint_page,
    list_first_questions,
)
from rempart.storage import incident_pages
from rempart.storage.connect import Transaction
from rempart.storage.incident_pages import LastPackage, PageHead, PageVersion
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.accounts.web_session import draw_ref
from rempart.workflows.jobs.enqueue import enqueue

__all__ = ["LastPackage", "OwnPage", "PageHead", "PageVersion"]

REASON_LIMIT: Final = 500
_OF_MEMBERS: Final = Field(sum(FIELD_LABELS)) & ~FIELDS_OF_PROFESSIONALS


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPage:
    """What an insurer sees of its page about one incident.

    Args:
        incident_id: The incident.
        package: What it was told last: where the numbers of a new version come from.
        head: The page; None: nothing was written yet.
        versions: Published ones, the newest first.
        draft: What is being written; None when nothing is.
        findings: Of the draft.
        facts: What its last campaign says of the incident; None when there is no campaign.
    """

    incident_id: int
    package: LastPackage
    head: PageHead | None
    versions: Sequence[PageVersion]
    draft: PageVersion | None
    findings: Sequence[PageFinding]
    facts: IncidentFacts | None

    @property
    def published(self) -> PageVersion | None:
        """What readers see now."""
        return self.versions[0] if self.versions else None

    @property
    def is_behind(self) -> bool:
        """Whether a newer package was received since the newest version was written."""
        newest = self.draft or self.published
        return newest is not None and newest.page.package_number < self.package.number


def list_public_pages(tx: Transaction) -> list[tuple[PageHead, PageVersion]]:
    """Return the pages anybody may read, the newest first."""
    return incident_pages.list_public_pages(tx)


def read_public_page(
    tx: Transaction, amc_number: str, number: int, version: int | None = None
) -> tuple[PageHead, PageVersion, Sequence[PageVersion]]:
    """Return one version of a public page, the last one by default, and every version there is.

    Raises:
        NotFound: nobody may read such a page.
    """
    found = incident_pages.load_public_page(tx, amc_number, number, version)
    if found is None:
        raise NotFound("no such page")
    head, shown = found
    versions = incident_pages.list_versions(tx, head.page_ref)
    return head, shown, [one for one in versions if one.published_at is not None]


def read_own_page(tx: Transaction, asker: Asker, incident_id: int) -> OwnPage:
    """Return what the asker's insurer sees of its page about an incident.

    Raises:
        NotFound: it was told of no such incident.
    """
    check_can(asker.visitor, Permission.WRITE_INCIDENT_PAGE, now=asker.now)
    insurer_id = asker.visitor.insurer_id
    package = (
        None
        if insurer_id is None
        else incident_pages.load_last_package(tx, incident_id, insurer_id)
    )
    if insurer_id is None or package is None:
        raise NotFound("no such incident")
    head = incident_pages.find_own_page(tx, incident_id, insurer_id)
    versions = [] if head is None else incident_pages.list_versions(tx, head.page_ref)
    draft = next((one for one in versions if one.published_at is None), None)
    return OwnPage(
        incident_id=incident_id,
        package=package,
        head=head,
        versions=[one for one in versions if one.published_at is not None],
        draft=draft,
        findings=[] if draft is None else lint_page(draft.page),
        facts=incident_pages.load_campaign_facts(tx, incident_id, insurer_id),
    )


def compute_public_facts(package: LastPackage) -> PublicFacts:
    """Return the numbers and the fields that a package gives to say to everybody.

    Raises:
        Conflict: nobody is concerned, or no field has a name: there is nothing to say.
    """
    exposed = Field(package.fields) & _OF_MEMBERS
    if not exposed:
        raise Conflict("the last package lists nobody: there is nothing to publish")
    held = package.persons_a + package.persons_b
    hidden = package.hidden
    return PublicFacts(
        exposed=exposed,
        confirmed=package.persons_a,
        held=held,
        at_most=None if hidden is None else held + package.persons_c + hidden,
    )


def to_day(t_ms: int) -> date:
    """Return the Paris civil date of an instant, in Unix milliseconds."""
    return to_paris_day(datetime.fromtimestamp(t_ms / 1000, UTC))


def draft_page(own: OwnPage, facts: IncidentFacts, *, now: datetime) -> IncidentPage:
    """Return a new version from facts: today's numbers, the questions of the version before.

    Raises:
        InvalidRequest: the facts cannot be true together on this day.
        Conflict: the last package lists nobody.
    """
    former = own.draft or own.published
    number = 1 + len(own.versions)
    try:
        return IncidentPage(
            facts=replace(facts, version=number, written_on=to_paris_day(now)),
            about=compute_public_facts(own.package),
            package_number=own.package.number,
            questions=former.page.questions if former else tuple(list_first_questions()),
            change_fr="" if own.draft is None else own.draft.page.change_fr,
            change_en="" if own.draft is None else own.draft.page.change_en,
        )
    except ValueError as wrong:
        raise InvalidRequest(str(wrong)) from None


def save_draft(tx: Transaction, asker: Asker, incident_id: int, page: IncidentPage) -> OwnPage:
    """Write what the next version says; nobody reads it until it is published.

    Args:
        tx: A transaction with the asker's ticket.
        asker: An agent of the insurer.
        incident_id: The incident.
        page: What it says; its version and its day are set here.

    Raises:
        NotFound: the insurer was told of no such incident.
        Conflict: the page was withdrawn, or a colleague published this version meanwhile.
    """
    own = read_own_page(tx, asker, incident_id)
    me = asker.visitor.actor_ref
    head = _find_head(tx, own, asker)
    dated = _date(page, 1 + len(own.versions), asker.now)
    if own.draft is None:
        incident_pages.insert_draft(tx, head, dated.facts.version, dated, written_by=me)
    elif not incident_pages.update_draft(tx, head.page_ref, own.draft.number, dated, written_by=me):
        raise Conflict("this version was published meanwhile: read it, then write another")
    return read_own_page(tx, asker, incident_id)


def publish_page(tx: Transaction, asker: Asker, incident_id: int) -> PageHead:
    """Let everybody read the draft, dated of today.

    Raises:
        NotFound: the insurer was told of no such incident.
        Conflict: there is no draft, or the page was withdrawn.
        InvalidRequest: it lacks what the law asks for, does not say what changed, or the day of its
            next update has passed.
    """
    check_can(asker.visitor, Permission.PUBLISH_INCIDENT_PAGE, now=asker.now)
    own = read_own_page(tx, asker, incident_id)
    head = _find_head(tx, own, asker)
    if own.draft is None:
        raise Conflict("there is nothing to publish")
    me = asker.visitor.actor_ref
    page = _date(own.draft.page, own.draft.number, asker.now)
    check_can_publish(page, own.published.page if own.published else None)
    if page != own.draft.page:
        incident_pages.update_draft(tx, head.page_ref, own.draft.number, page, written_by=me)
    digest = compute_page_digest(page)
    if not incident_pages.publish_draft(
        tx, head.page_ref, own.draft.number, digest, published_by=me
    ):
        raise Conflict("this version was published meanwhile")
    enqueue(tx, "make_self_checks")
    return head


def withdraw_page(tx: Transaction, asker: Asker, incident_id: int, reason: str) -> None:
    """Take a page back for ever; whoever opens its address reads why.

    Raises:
        NotFound: there is no such page.
        Conflict: it was withdrawn already.
        InvalidRequest: no reason, or too long.
    """
    check_can(asker.visitor, Permission.PUBLISH_INCIDENT_PAGE, now=asker.now)
    own = read_own_page(tx, asker, incident_id)
    if own.head is None:
        raise NotFound("no such page")
    words = read_words(reason, "reason", REASON_LIMIT)
    if not incident_pages.withdraw_page(
        tx, own.head.page_ref, words, withdrawn_by=asker.visitor.actor_ref
    ):
        raise Conflict("this page was withdrawn already")


def _find_head(tx: Transaction, own: OwnPage, asker: Asker) -> PageHead:
    insurer_id = asker.visitor.insurer_id
    if own.head is None and insurer_id is not None:
        incident_pages.insert_page(
            tx,
            draw_ref(),
            own.package,
            of=(own.incident_id, insurer_id),
            made_by=asker.visitor.actor_ref,
        )
        made = incident_pages.find_own_page(tx, own.incident_id, insurer_id)
        if made is not None:
            return made
    if own.head is None or own.head.withdrawn_at is not None:
        raise Conflict("this page was withdrawn")
    return own.head


def _date(page: IncidentPage, version: int, now: datetime) -> IncidentPage:
    try:
        return replace(
            page, facts=replace(page.facts, version=version, written_on=to_paris_day(now))
        )
    except ValueError as wrong:
        raise InvalidRequest(str(wrong)) from None
