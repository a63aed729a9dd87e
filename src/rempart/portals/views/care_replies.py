"""What a form about care does when the gateway answers something else than what was asked."""

from collections.abc import Callable, Sequence
from http import HTTPStatus

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext, ngettext

from rempart.portals.gateway_client import (
    CeremonyWanted,
    FieldError,
    GatewayDown,
    InputRefused,
    KeyRefused,
    Refusal,
    RightsAreCut,
    SlowDown,
)
from rempart.portals.views.checks import send_away, show_cut

Blame = Callable[[Sequence[FieldError], str], None]


def answer_refusal(
    request: HttpRequest, reply: Refusal, *, blame: Blame, show: Callable[[int], HttpResponse]
) -> HttpResponse:
    """Return the page of a refusal.

    Args:
        request: What was sent.
        reply: What came back.
        blame: Puts what is wrong next to its fields, or above the form.
        show: Shows the form again, with a status; what was typed stays.
    """
    match reply:
        case InputRefused(problem):
            blame(problem.errors, problem.detail)
            return show(HTTPStatus.UNPROCESSABLE_ENTITY)
        case KeyRefused():
            return send_away(request)
        case CeremonyWanted():
            return HttpResponseRedirect(f"{reverse('step-up')}?next={request.path}")
        case RightsAreCut(cut, retry_after_s):
            return show_cut(request, cut, retry_after_s=retry_after_s)
        case SlowDown(retry_after_s):
            blame((), say_slow(retry_after_s))
            return _again(show(HTTPStatus.TOO_MANY_REQUESTS), retry_after_s)
        case GatewayDown(retry_after_s):
            blame((), say_down(retry_after_s))
            return _again(show(HTTPStatus.SERVICE_UNAVAILABLE), retry_after_s)


def tell_refusal(request: HttpRequest, reply: Refusal) -> HttpResponse:
    """Return the page of a refusal where there is no form: one that reads.

    Raises:
        Http404: what was asked about is not there for them.
    """
    said: list[str] = []

    def show(status: int) -> HttpResponse:
        if isinstance(reply, InputRefused):
            raise Http404
        return render(request, "portals/care/trouble.html", {"said": said}, status=status)

    return answer_refusal(request, reply, blame=lambda _, detail: said.append(detail), show=show)


def say_slow(seconds: int) -> str:
    """Say that somebody asks too fast."""
    return ngettext(
        "Votre compte a dépassé sa cadence. Rien n’a été fait ; reprenez dans %(n)s seconde.",
        "Votre compte a dépassé sa cadence. Rien n’a été fait ; reprenez dans %(n)s secondes.",
        seconds,
    ) % {"n": seconds}


def say_down(seconds: int) -> str:
    """Say that no answer came."""
    again = gettext("Renvoyer la même demande ne compte qu’une fois.")
    return (
        ngettext(
            "Aucune réponse n’est venue. Réessayez dans %(n)s seconde.",
            "Aucune réponse n’est venue. Réessayez dans %(n)s secondes.",
            seconds,
        )
        % {"n": seconds}
        + f" {again}"
    )


def _again(response: HttpResponse, seconds: int) -> HttpResponse:
    response.headers["Retry-After"] = str(seconds)
    return response
