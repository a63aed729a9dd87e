"""« Téléphone » of an insurer: what an incident means for whoever calls, and what to tell them.

The caller gives a letter's code, or a card's number and a line; the page has no field for a social
security number. Refuses to show anything before the acts log has it.
"""

from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.utils.translation import gettext_lazy as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods

from rempart.accounts.permissions import Permission
from rempart.disclosure.fields import format_fields
from rempart.kernel.errors import NotFound
from rempart.notices.answers import Answer, write_answer
from rempart.notices.facts import Certainty
from rempart.portals.administering import FORM_METHODS, perform_or_404
from rempart.portals.concerned_wording import CERTAINTY_WORDS, CHANNELS, KINDS, MESSAGE_STATES
from rempart.portals.desk import get_desk
from rempart.portals.forms import current_language
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, make_author, require_visitor
from rempart.workflows.notices import answer_calls
from rempart.workflows.notices.answer_calls import Caller, CallerIncident
from rempart.workflows.notices.answer_concerned import CODE_CHARS

_TYPED: Final = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "characters"}


class CallerForm(forms.Form):
    """How a caller is found."""

    code = forms.CharField(
        label=_("Code du courrier ou du courriel"),
        help_text=_("Treize lettres et chiffres."),
        required=False,
        max_length=CODE_CHARS,
        widget=forms.TextInput(attrs=_TYPED),
    )
    card = forms.CharField(
        label=_("Ou numéro de la carte de tiers payant"),
        help_text=_("Seize lettres et chiffres. Jamais le code sous le symbole."),
        required=False,
        max_length=CODE_CHARS,
        widget=forms.TextInput(attrs=_TYPED),
    )
    line = forms.TypedChoiceField(
        label=_("Ligne de la carte"),
        choices=[(place, str(place)) for place in range(1, 16)],
        coerce=int,
        initial=1,
    )
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Ask for one of the two."""
        given = super().clean() or {}
        if bool(given.get("code")) == bool(given.get("card")):
            self.add_error("code", _("L’un ou l’autre : le code, ou le numéro de carte."))
        return given


@require_http_methods(FORM_METHODS)
@allows(Permission.ANSWER_CALLS)
@sensitive_post_parameters("code", "card")
def call_desk(request: HttpRequest) -> HttpResponseBase:
    """Ask for a code or a card; show what is known, once that is on record."""
    form = CallerForm(request.POST if request.method == "POST" else None)
    context: dict[str, Any] = {"form": form}
    if request.method != "POST" or not form.is_valid():
        status = 422 if form.errors else 200
        return render(request, "portals/concerned/call_desk.html", context, status=status)
    given = form.cleaned_data
    caller = Caller(code=given["code"], card=given["card"], line=given["line"])
    by, readings = make_author(require_visitor(request)), get_desk().readings

    def answer(tx: Any, asker: Any) -> Any:
        try:
            return answer_calls.answer_call(tx, readings, asker, caller, by=by)
        except NotFound:
            return None

    found = perform_or_404(request, answer)
    if found is None:
        return render(
            request, "portals/concerned/call_desk.html", context | {"unknown": True}, status=422
        )
    # The next caller starts from an empty form.
    context = {"form": CallerForm(), "answered": [_describe(one) for one in found], "told": True}
    return render(request, "portals/concerned/call_desk.html", context)


def _describe(one: CallerIncident) -> dict[str, Any]:
    language = current_language()
    said = one.said
    line: dict[str, Any] = {
        "one": one,
        "starts_at": in_paris(one.starts_ms),
        "ends_at": in_paris(one.ends_ms - 1),  # excluded
        "is_listed": one.tier is not None,
        "is_whole": one.hidden == 0,
    }
    if one.tier is not None:
        line["tier"] = CERTAINTY_WORDS[one.tier]
        line["listed"] = format_fields(int(one.listed), language)
    if said is not None:
        line |= {
            "kind": KINDS[said.kind],
            "channel": CHANNELS[said.channel],
            "state": MESSAGE_STATES[said.state],
            "state_at": said.state_at,
            "blocks": write_answer(said.answer, language),
            "differs": _differs(one, said.answer),
        }
    return line


def _differs(one: CallerIncident, answer: Answer) -> bool:
    """Say whether the list changed since the message: a correction is due."""
    return (one.tier or Certainty.EXCLUDED) is not answer.certainty
