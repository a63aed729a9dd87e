"""What a member finds when they come in: what waits for them, their last reimbursements, the watch.

Refuses to read the ledger: that page is another, and its reading is on record.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from rempart.accounts.permissions import Permission, check_can
from rempart.kernel.listing import Listing
from rempart.storage import disputes, insured_claims
from rempart.storage.connect import Transaction
from rempart.storage.disputes import DisputeColumn, DisputeFilter
from rempart.storage.insured_claims import BillerName, InsuredColumn, InsuredFilter, InsuredRow
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.members.own_messages import Received, find_exposures, list_own_messages
from rempart.workflows.members.report_message import list_own_reports

__all__ = ["Home", "Watch"]

_LAST: Final = 3
_WATCHED: Final = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """What a member finds.

    Args:
        new: Messages not opened yet.
        exposures: Incidents in which something of theirs was read, the last word on each.
        claims: The last reimbursements.
        billers: Who billed them, by reference.
        disputed: How many disputes wait for an answer.
        judged: How many suspicious messages were answered.
    """

    new: Sequence[Received]
    exposures: Sequence[Received]
    claims: Sequence[InsuredRow]
    billers: Mapping[int, BillerName]
    disputed: int
    judged: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """After an incident: what was read, and what was billed since, to look at together.

    Args:
        exposures: The last word on each incident.
        claims: What was billed for care since the first day of the first of them, newest first.
        more: How many there are beyond those.
        billers: Who billed, by reference.
        disputed: The claims among them that the member disputes.
    """

    exposures: Sequence[Received]
    claims: Sequence[InsuredRow]
    more: int
    billers: Mapping[int, BillerName]
    disputed: frozenset[int]


def read_home(tx: Transaction, asker: Asker) -> Home:
    """Return what a member finds when they come in.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.ENTER_MEMBER_SPACE, now=asker.now)
    messages = list_own_messages(tx, asker)
    last: Listing[InsuredColumn] = Listing(sort="care", limit=_LAST)
    claims, _total = insured_claims.list_claims(tx, last, InsuredFilter())
    waiting = DisputeFilter(state="open")
    one: Listing[DisputeColumn] = Listing(sort="made")
    _rows, disputed = disputes.list_disputes(tx, one, waiting)
    reports = list_own_reports(tx, asker)
    return Home(
        new=[one for one in messages if one.is_new],
        exposures=find_exposures(messages),
        claims=claims,
        billers=insured_claims.name_billers(tx, {row.establishment_ref for row in claims}),
        disputed=disputed,
        judged=sum(one.verdict is not None for one in reports),
    )


def read_watch(tx: Transaction, asker: Asker) -> Watch:
    """Return what a member looks at after an incident; nothing when none concerns them.

    Raises:
        NotAllowed: they are no member.
    """
    check_can(asker.visitor, Permission.READ_OWN_MESSAGES, now=asker.now)
    exposures = find_exposures(list_own_messages(tx, asker))
    if not exposures:
        return Watch(exposures=(), claims=(), more=0, billers={}, disputed=frozenset())
    since = min(one.starts_on for one in exposures)
    recent: Listing[InsuredColumn] = Listing(sort="received", limit=_WATCHED)
    claims, total = insured_claims.list_claims(tx, recent, InsuredFilter(since=since))
    waiting: Listing[DisputeColumn] = Listing(sort="made", limit=_WATCHED)
    open_ones, _total = disputes.list_disputes(tx, waiting, DisputeFilter(state="open"))
    return Watch(
        exposures=exposures,
        claims=claims,
        more=max(total - len(claims), 0),
        billers=insured_claims.name_billers(tx, {row.establishment_ref for row in claims}),
        disputed=frozenset(one.claim_ref for one in open_ones),
    )
