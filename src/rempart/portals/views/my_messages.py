"""« Mes messages » : what the member's insurer wrote, and how they want to be written to."""

from typing import Any, cast

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.findings import Language
from rempart.notices.contacts import Channel, Preference
from rempart.notices.media import Variant
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.member_wording import MESSAGE_STATES, VARIANTS, WISHED_CHANNELS
from rempart.portals.views.member_home import describe_message
from rempart.portals.visit import allows
from rempart.workflows.members import own_messages, set_preferences


class PreferenceForm(forms.Form):
    """How somebody wants to be written to."""

    channel = forms.ChoiceField(
        label=_("Comment vous écrire ?"),
        help_text=_("Si un message ne peut pas arriver ainsi, il part par courrier."),
        choices=list(WISHED_CHANNELS.items()),
        widget=forms.RadioSelect,
        required=False,
    )
    variant = forms.ChoiceField(
        label=_("Avec quels caractères ?"),
        choices=list(VARIANTS.items()),
        widget=forms.RadioSelect,
    )
    language = forms.ChoiceField(
        label=_("Dans quelle langue ?"),
        choices=[("fr", "Français"), ("en", "English")],
        widget=forms.RadioSelect,
    )
    use_required_attribute = False

    def to_preference(self) -> Preference:
        """Return what is wished; the form is valid."""
        kept = self.cleaned_data
        return Preference(
            channel=Channel(kept["channel"]) if kept["channel"] else None,
            language=cast("Language", kept["language"]),
            variant=Variant(kept["variant"]),
        )


@require_safe
@allows(Permission.READ_OWN_MESSAGES)
def my_messages(request: HttpRequest) -> HttpResponseBase:
    """Show what the insurer wrote, the newest first."""
    rows = perform_or_404(request, own_messages.list_own_messages)
    context = {"rows": [{**describe_message(one), **_say_state(one)} for one in rows]}
    return render(request, "portals/member/messages.html", context)


@require_safe
@allows(Permission.READ_OWN_MESSAGES)
def my_message(request: HttpRequest, message_number: int) -> HttpResponseBase:
    """Show one message, in the language and the print it was sent in."""
    number = read_ref(message_number)
    letter = perform_or_404(
        request, lambda tx, asker: own_messages.read_own_message(tx, asker, number)
    )
    context = {
        "letter": letter,
        "is_large": letter.variant is not Variant.STANDARD,
        **describe_message(letter.received),
        **_say_state(letter.received),
    }
    return render(request, "portals/member/message.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.SET_PREFERENCES)
def my_preferences(request: HttpRequest) -> HttpResponseBase:
    """Show how the member wants to be written to, or take another wish."""
    wished = perform_or_404(request, set_preferences.read_preference)
    initial = {
        "channel": wished.channel or "",
        "language": wished.language or "fr",
        "variant": wished.variant or Variant.STANDARD,
    }
    form = PreferenceForm(request.POST if request.method == "POST" else None, initial=initial)
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        chosen = form.to_preference()
        done = perform(request, lambda tx, asker: set_preferences.set_preference(tx, asker, chosen))
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("my-preferences") + "?fait=1")
        status = done.status
    context = {"form": form, "done": request.GET.get("fait") == "1" and status == 200}
    return render(request, "portals/member/preferences.html", context, status=status)


def _say_state(one: own_messages.Received) -> dict[str, Any]:
    return {"how": MESSAGE_STATES[one.channel, one.state]}
