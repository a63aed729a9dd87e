"""« Mon compte est limité »: since when, what still works, what to do; and one's own release."""

from typing import Any

from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_POST, require_safe

from rempart.accounts.containment import OwnRelease
from rempart.accounts.permissions import Permission
from rempart.portals.administering import Refused, perform, perform_or_404
from rempart.portals.containment_wording import (
    HELD_NAMES,
    MEASURE_REASONS,
    STEP_NAMES,
    describe_held_open,
    describe_open,
    describe_stopped,
)
from rempart.portals.desk import get_desk
from rempart.portals.times import in_paris
from rempart.portals.visit import allows
from rempart.workflows.guard.contain import release_account
from rempart.workflows.guard.my_limits import MyLimits, MyMeasure, read_my_limits


@require_safe
@allows(Permission.ENTER_PROFESSIONAL_SPACE)
def show(request: HttpRequest) -> HttpResponseBase:
    """Say what limits the visitor's account, what goes on, and what they may do."""
    return _show(request)


@require_POST
@allows(Permission.ENTER_PROFESSIONAL_SPACE)
def release_own(request: HttpRequest) -> HttpResponseBase:
    """Release the visitor's own account, if the rule lets them, after a fresh ceremony."""
    if perform_or_404(request, read_my_limits).own_release is OwnRelease.CEREMONY_FIRST:
        return HttpResponseRedirect(f"{reverse('step-up')}?next={reverse('my-limits')}")
    now = get_desk().now()
    done = perform(
        request,
        lambda tx, asker: release_account(tx, asker, asker.visitor.actor_ref, now=now),
    )
    if isinstance(done, Refused):
        return _show(request, refused=True, status=done.status)
    return HttpResponseRedirect(f"{reverse('my-limits')}?fait=1")


def _show(request: HttpRequest, *, refused: bool = False, status: int = 200) -> HttpResponseBase:
    limits = perform_or_404(request, read_my_limits)
    context = {
        "limits": limits,
        "held": _describe_held(limits),
        "measures": [_describe(one) for one in limits.measures],
        "refused": refused,
        "was_released": "fait" in request.GET and not limits.step,
    }
    return render(request, "portals/my_limits.html", context, status=status)


def _describe_held(limits: MyLimits) -> dict[str, Any] | None:
    if not limits.step:
        return None
    return {
        "what": HELD_NAMES.get(limits.step, HELD_NAMES[2]),
        "since": None if limits.since_ms is None else in_paris(limits.since_ms),
        "still": describe_held_open(limits.step),
        "may_release": limits.own_release is OwnRelease.ALLOWED,
        "may_confirm": limits.own_release is OwnRelease.CEREMONY_FIRST,
    }


def _describe(one: MyMeasure) -> dict[str, Any]:
    return {
        "what": STEP_NAMES[one.step],
        "stopped": describe_stopped(one.step),
        "still": describe_open(one.step),
        "why": MEASURE_REASONS[one.reason],
        "since": one.starts_at,
        "review": one.review_at,
        "ends": one.ends_at,
        "exercise": one.exercise,
        "asks_again": one.step == "ask_again",
    }
