"""One decision on a page of its own: what it does, what must be said of it, done or refused."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _

from rempart.kernel.reasons import REASON_LETTERS
from rempart.portals.administering import Act, Refused, perform


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
    refused, status = False, 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        done = perform(request, act)
        if not isinstance(done, Refused):
            return HttpResponseRedirect(back if leads_to is None else leads_to(done))
        refused, status = True, done.status
    context = {**words, "back": back, "form": form, "refused": refused}
    return render(request, "portals/payers/decide.html", context, status=status)
