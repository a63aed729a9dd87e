"""The first page of a member, and the page that watches with them after an incident."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.claims.references import format_reference
from rempart.disclosure.fields import format_fields
from rempart.portals.administering import perform_or_404
from rempart.portals.care_wording import CLAIM_BADGES, CLAIM_STATES, describe_state
from rempart.portals.forms import current_language
from rempart.portals.member_wording import MESSAGE_KINDS
from rempart.portals.visit import allows
from rempart.workflows.claims.read_insured_claims import BillerName, InsuredRow
from rempart.workflows.members import member_home as workflow
from rempart.workflows.members.own_messages import Received


@require_safe
@allows(Permission.ENTER_MEMBER_SPACE)
def member_home(request: HttpRequest) -> HttpResponseBase:
    """Show what waits, the last reimbursements, and where everything is."""
    found = perform_or_404(request, workflow.read_home)
    context = {
        "new": [describe_message(one) for one in found.new],
        "exposures": [describe_message(one) for one in found.exposures],
        "claims": [
            _describe(row, found.billers.get(row.establishment_ref)) for row in found.claims
        ],
        "disputed": found.disputed,
        "judged": found.judged,
    }
    return render(request, "portals/homes/member.html", context)


@require_safe
@allows(Permission.READ_OWN_MESSAGES)
def my_watch(request: HttpRequest) -> HttpResponseBase:
    """Show what was read of the member, and what was billed since, to look at together."""
    found = perform_or_404(request, workflow.read_watch)
    context = {
        "exposures": [describe_message(one) for one in found.exposures],
        "claims": [
            {
                **_describe(row, found.billers.get(row.establishment_ref)),
                "is_disputed": row.claim_ref in found.disputed,
            }
            for row in found.claims
        ],
        "more": found.more,
    }
    return render(request, "portals/member/watch.html", context)


def describe_message(one: Received) -> dict[str, Any]:
    """Return what a list shows of a message."""
    return {
        "message": one,
        "kind": MESSAGE_KINDS[one.kind],
        "lost": format_fields(one.lost, current_language()),
    }


def _describe(row: InsuredRow, biller: BillerName | None) -> dict[str, Any]:
    return {
        "row": row,
        "biller": biller,
        "reference": format_reference(row.claim_ref),
        "state": describe_state(row.state, CLAIM_STATES, CLAIM_BADGES),
    }
