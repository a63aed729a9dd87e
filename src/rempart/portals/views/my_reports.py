"""« Message suspect » : a member sends it to their insurer, as a text or a photograph.

What to do at once is said before anything is asked. Shows no link that nobody means to follow.
"""

from datetime import date
from typing import Any, Final

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange.photo_file import Photo, PhotoRefused, read_photo
from rempart.kernel.errors import TooManyRequests
from rempart.notices.channels import ReportKind, find_channel
from rempart.notices.suspicious import MOST_LETTERS, ReportMedium, defang
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.desk import get_desk, get_today
from rempart.portals.forms import DayField, current_language
from rempart.portals.member_wording import (
    MEDIA,
    PHOTO_FAULTS,
    REPORT_KINDS,
    VERDICT_BADGES,
    VERDICT_NOTES,
    VERDICTS,
)
from rempart.portals.visit import allows
from rempart.workflows.members import report_message
from rempart.workflows.members.report_message import NewReport, ReportRow, Taken

_PHOTOS: Final = ".jpg,.jpeg,.png,image/jpeg,image/png"


class ReportForm(forms.Form):
    """A message that somebody finds suspicious."""

    medium = forms.ChoiceField(
        label=_("Comment est-il arrivé ?"),
        choices=list(MEDIA.items()),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez une réponse.")},
    )
    came_on = DayField(
        label=_("Quel jour ?"),
        help_text=_("JJ/MM/AAAA"),
    )
    acted = forms.ChoiceField(
        label=_("Avez-vous cliqué, rappelé, payé ou donné une information ?"),
        choices=[("non", _("non")), ("oui", _("oui"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choisissez une réponse.")},
    )
    text = forms.CharField(
        label=_("Le texte du message"),
        help_text=_(
            "Copiez-le ici, ou racontez l’appel : ce qu’on vous a demandé, le numéro affiché. "
            "N’ouvrez pas le lien."
        ),
        required=False,
        max_length=MOST_LETTERS,
        strip=False,
        widget=forms.Textarea(attrs={"rows": 6, "autocomplete": "off", "spellcheck": "false"}),
    )
    photo = forms.FileField(
        label=_("Ou une photo du message"),
        help_text=_("Une photo de l’écran ou du courrier, 8 Mo au plus."),
        required=False,
        max_length=255,
        widget=forms.FileInput(attrs={"accept": _PHOTOS}),
    )
    # After the photograph: a browser that was stopped in the middle of it did not send this.
    whole = forms.CharField(required=False, widget=forms.HiddenInput, initial="1")
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Read the photograph; ask for a text or a photograph."""
        found: dict[str, Any] = super().clean() or {}
        sent = found.get("photo")
        if not found.get("whole"):
            self.add_error("photo", str(PHOTO_FAULTS["photo_too_large"]))
        elif isinstance(sent, UploadedFile):
            try:
                found["photo"] = read_photo(sent.read(), name=sent.name or "")
            except PhotoRefused as refused:
                self.add_error("photo", str(PHOTO_FAULTS[refused.fault]))
        elif not (found.get("text") or "").strip() and not self.has_error("photo"):
            self.add_error("text", _("Copiez le message, ou envoyez-en une photo."))
        day = found.get("came_on")
        if isinstance(day, date) and day > get_today():
            self.add_error("came_on", _("Ce jour n’est pas encore venu."))
        return found

    def to_report(self) -> NewReport:
        """Return what is sent; the form is valid."""
        kept = self.cleaned_data
        photo = kept.get("photo")
        return NewReport(
            medium=ReportMedium(kept["medium"]),
            came_on=kept["came_on"],
            acted=kept["acted"] == "oui",
            text=kept["text"],
            photo=photo if isinstance(photo, Photo) else None,
        )


@require_safe
@allows(Permission.REPORT_MESSAGE)
def my_reports(request: HttpRequest) -> HttpResponseBase:
    """Show what the member sent, and what their insurer said of it."""
    rows = perform_or_404(request, report_message.list_own_reports)
    return render(
        request, "portals/member/reports.html", {"rows": [describe_row(row) for row in rows]}
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.REPORT_MESSAGE)
def report(request: HttpRequest) -> HttpResponseBase:
    """Say what to do at once, then take the message."""
    today = get_today()
    initial = {"came_on": today, "whole": "1"}
    form = ReportForm(
        request.POST if request.method == "POST" else None, request.FILES or None, initial=initial
    )
    status, is_full = 422 if form.errors else 200, False
    if request.method == "POST" and form.is_valid():
        seal, sent = get_desk().member_seal, form.to_report()
        try:
            done: Taken | Refused = perform(
                request, lambda tx, asker: report_message.report_message(tx, asker, seal, sent)
            )
        except TooManyRequests as refusal:
            status, is_full, done = refusal.status, True, Refused(refusal.status)
        if isinstance(done, Taken):
            known = "?connu=1" if done.is_like_fraud else ""
            return HttpResponseRedirect(reverse("my-report", args=[done.report_ref]) + known)
        status = done.status
    context = {"form": form, "is_full": is_full, "refused": status not in {200, 422, 429}}
    return render(request, "portals/member/report_message.html", context, status=status)


@require_safe
@allows(Permission.REPORT_MESSAGE)
def my_report(request: HttpRequest, report_ref: int) -> HttpResponseBase:
    """Show one message the member sent, what to do, and what their insurer says of it."""
    ref, seal = read_ref(report_ref), get_desk().member_seal
    found = perform_or_404(
        request, lambda tx, asker: report_message.read_own_report(tx, asker, seal, ref)
    )
    language = current_language()
    kinds = [REPORT_KINDS[one] for one in (found.medium,) if one in REPORT_KINDS]
    kinds += [ReportKind.SITE] if found.hosts else []
    kinds += [ReportKind.VICTIM] if found.acted else []
    verdict = found.verdict
    context = {
        "report": found,
        "text": defang(found.text),
        "medium": MEDIA[found.medium],
        "is_like_fraud": verdict is None and request.GET.get("connu") == "1",
        "verdict": None if verdict is None else VERDICTS[verdict],
        "note": "" if verdict is None else VERDICT_NOTES[verdict][0],
        "note_icon": "info" if verdict is None else VERDICT_NOTES[verdict][1],
        "channels": [find_channel(one).format_line(language) for one in kinds],
    }
    return render(request, "portals/member/report.html", context)


def describe_row(row: ReportRow) -> dict[str, Any]:
    """Return what a list shows of a report."""
    badge, icon = ("badge-info", "clock") if row.verdict is None else VERDICT_BADGES[row.verdict]
    return {
        "row": row,
        "medium": MEDIA[row.medium],
        "badge": badge,
        "icon": icon,
        "verdict": _("en attente") if row.verdict is None else VERDICTS[row.verdict],
    }
