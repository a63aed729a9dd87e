"""What a form asks for, done or refused; and one decision on a page of its own.

A form that is wrong, or that the rules refuse, is shown again with what was typed: never both, so
that whoever is refused reads why.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from rempart.kernel.reasons import REASON_LETTERS
from rempart.portals.administering import Act, Refused, Result, perform


@dataclass(frozen=True, slots=True)
class Unsent:
    """A form to show: not sent yet, wrong, or right and `refused` by the rules.

    Args:
        status: The page's.
        refused: The form is right, and what it asks for was refused.
    """

    status: int
    refused: bool = False


def send_form(
    request: HttpRequest,
    form: forms.Form,
    act: Act[Result],
    *,
    leads_to: Callable[[Result], str],
) -> HttpResponseRedirect | Unsent:
    """Do what a form asks for, if it was sent and is right.

    Args:
        request: GET asks, POST does.
        form: Filled in when the request is a POST.
        act: Does it; the form is valid then.
        leads_to: Where to go once it is done, from what was made.
    """
    if request.method != "POST" or not form.is_valid():
        return Unsent(422 if form.errors else 200)
    done = perform(request, act)
    if isinstance(done, Refused):
        return Unsent(done.status, refused=True)
    return HttpResponseRedirect(leads_to(done))


class WhyForm(forms.Form):
    """Why something is done, for colleagues."""

    reason = forms.CharField(
        label=_("Raison"),
        help_text=_("Vos collègues la lisent. Ne nommez personne."),
        max_length=REASON_LETTERS,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False

    @property
    def why(self) -> str:
        """Why; the form is valid."""
        return str(self.cleaned_data["reason"])


def take_decision(
    request: HttpRequest,
    form: forms.Form,
    act: Act[Any],
    *,
    back: str,
    leads_to: Callable[[Any], str] | None = None,
    **words: str,
) -> HttpResponse:
    """Ask with a form, then do; what is refused is told on the page that asked.

    Args:
        request: GET asks, POST does.
        form: Filled in when the request is a POST.
        act: Does it; the form is valid then.
        back: Where to go once it is given up, and once it is done unless `leads_to` says.
        leads_to: Where to go once it is done, from what was made.
        words: title, reference, sentence, button and refusal of the page.
    """
    sent = send_form(request, form, act, leads_to=leads_to or (lambda _done: back))
    if isinstance(sent, HttpResponse):
        return sent
    context = {**words, "back": back, "form": form, "refused": sent.refused}
    return render(request, "portals/payers/decide.html", context, status=sent.status)
