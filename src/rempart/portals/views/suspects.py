"""« Soupçons » of an incident: which accounts, what points to others; a theft established.

Refuses to name an account without a reason, and to hide that a doubt confirms nobody.
"""

from datetime import timedelta
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods
from psycopg import Connection

from rempart.accounts.permissions import Permission
from rempart.incidents.evidence import Window
from rempart.incidents.room import REASON_LIMIT, TITLE_LIMIT
from rempart.incidents.suspicion import Doubt, DoubtKind, How, read_doubt
from rempart.kernel.errors import InvalidRequest
from rempart.kernel.instants import to_ms
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.desk import get_desk
from rempart.portals.pseudonyms import format_account
from rempart.portals.room_forms import MomentField, show_moment
from rempart.portals.room_wording import DOUBT_NAMES
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.incidents import suspects as acts
from rempart.workflows.incidents.incident_room import find_accounts, read_room_as
from rempart.workflows.retention.hold_evidence import write_as

# Accounts shown by name; beyond, their number says enough.
SHOWN: Final = 200
_BEFORE: Final = timedelta(hours=24)
_STILL_ON_MS: Final = 24 * 3600 * 1000
_AREA: Final = forms.Textarea(attrs={"rows": 2, "autocomplete": "off"})
_HOW: Final = {
    How.NAMED: _("désigné"),
    How.STOLEN: _("vol établi"),
    How.DOUBTED: _("atteint par un doute"),
}


class SuspectForm(forms.Form):
    """Accounts, or what points to some, and why."""

    accounts = forms.CharField(
        label=_("Comptes volés, ou qui le seraient"),
        help_text=_("RPPS, FINESS, SIRET ou références, séparés par des espaces."),
        required=False,
        widget=_AREA,
    )
    kind = forms.ChoiceField(
        label=_("Ou ce qui mène à des comptes"),
        choices=[("", "–"), *DOUBT_NAMES.items()],
        help_text=_(
            "Tout ce qui passe par là est un doute : personne n’est confirmé avant qu’un compte "
            "soit désigné."
        ),
        required=False,
    )
    value = forms.CharField(
        label=_("Lequel"),
        help_text=_("FINESS ou SIRET, adresse IP, nom public du logiciel ; vide pour tous."),
        max_length=120,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    reason = forms.CharField(
        label=_("Pourquoi"), help_text=_("Ne nommez personne."), max_length=REASON_LIMIT,
        widget=_AREA,
    )  # fmt: skip
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Ask for something, and for a doubt that can be one."""
        given = super().clean() or {}
        kind = given.get("kind", "")
        if not kind and not given.get("accounts", "").strip():
            self.add_error("accounts", _("Désignez des comptes, ou ce qui y mène."))
        if kind:
            try:
                given["doubt"] = read_doubt(DoubtKind(kind), given.get("value", ""))
            except InvalidRequest:
                self.add_error("value", _("Cela ne désigne rien de ce genre."))
        return given


class TheftForm(forms.Form):
    """That an account was stolen: in which incident, since when, how one knows."""

    incident = forms.ChoiceField(label=_("Incident"), required=False)
    title = forms.CharField(
        label=_("Titre du nouvel incident"),
        help_text=_("Ne nommez personne."),
        max_length=TITLE_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    since = MomentField(label=_("Volé depuis"), help_text=_("JJ/MM/AAAA HH:MM, heure de Paris"))
    words = forms.CharField(
        label=_("Ce qui l’établit"), max_length=REASON_LIMIT, widget=_AREA
    )  # fmt: skip
    use_required_attribute = False

    def __init__(self, *values: Any, incidents: list[acts.OpenIncident], **options: Any) -> None:
        super().__init__(*values, **options)
        field = self.fields["incident"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        exercise = gettext("exercice")
        field.choices = [
            ("", gettext("un nouvel incident")),
            *(
                (str(one.incident_id), f"{one.title}{f' ({exercise})' if one.exercise else ''}")
                for one in incidents
            ),
        ]


@require_http_methods(FORM_METHODS)
@allows(Permission.WORK_INCIDENT)
def incident_suspects(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show whom an incident suspects, and add to it."""
    form = SuspectForm(request.POST if request.method == "POST" else None)
    if request.method != "POST" or not form.is_valid():
        return _show(request, incident_id, form=form, status=422 if form.errors else 200)
    answers = form.cleaned_data
    doubts: list[Doubt] = [answers["doubt"]] if answers.get("doubt") else []

    def add(tx: Connection[tuple[Any, ...]], asker: Asker) -> int:
        return acts.add_suspects(
            tx,
            read_ref(incident_id),
            write_as(asker, Permission.WORK_INCIDENT),
            reason=answers["reason"],
            account_refs=find_accounts(tx, answers["accounts"]),
            doubts=doubts,
        )

    done = perform(request, add)
    if isinstance(done, Refused):
        return _show(request, incident_id, form=form, status=done.status)
    return HttpResponseRedirect(reverse("incident-suspects", args=[incident_id]))


@require_http_methods(FORM_METHODS)
@allows(Permission.DECLARE_INCIDENT)
def establish_theft(request: HttpRequest, account_ref: int) -> HttpResponseBase:
    """Make an incident of a theft that an operator established, or add it to one."""
    if not require_visitor(request).is_host:
        raise Http404
    incidents = perform_or_404(request, acts.list_open_incidents)
    now, status = get_desk().now(), 200
    form = TheftForm(
        request.POST if request.method == "POST" else None,
        incidents=incidents,
        initial={
            "title": gettext("Compte volé, établi par la garde"),
            "since": show_moment(now - _BEFORE),
        },
    )
    if request.method == "POST":
        status = 422
        if form.is_valid():
            theft = _read_theft(form, read_ref(account_ref), now_ms=to_ms(now))
            done = perform(
                request,
                lambda tx, asker: acts.establish_theft(
                    tx, write_as(asker, Permission.DECLARE_INCIDENT), theft
                ),
            )
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("incident-room", args=[done]))
            status = done.status
    context = {
        "form": form,
        "account_ref": account_ref,
        "refused": status != 200 and not form.errors,
    }
    return render(request, "portals/room/theft.html", context, status=status)


def _read_theft(form: TheftForm, account_ref: int, *, now_ms: int) -> acts.EstablishedTheft:
    given = form.cleaned_data
    since_ms = to_ms(given["since"])
    return acts.EstablishedTheft(
        account_ref=account_ref,
        words=given["words"],
        window=Window(starts_ms=since_ms, ends_ms=max(now_ms, since_ms) + _STILL_ON_MS),
        title=given["title"],
        incident_id=int(given["incident"]) if given["incident"] else None,
    )


def _show(
    request: HttpRequest, incident_id: int, *, form: SuspectForm, status: int
) -> HttpResponseBase:
    number = read_ref(incident_id)
    room = perform_or_404(request, lambda tx, asker: read_room_as(tx, asker, number))
    read = perform_or_404(request, lambda tx, asker: acts.read_suspicions(tx, asker, number))
    ordered = sorted(read.how.items(), key=lambda one: list(How).index(one[1]))
    context = {
        "incident": room.incident,
        "is_closed": room.is_closed,
        "accounts": [(format_account(ref), _HOW[how]) for ref, how in ordered[:SHOWN]],
        "hidden": max(len(ordered) - SHOWN, 0),
        "doubts": [{"said": one, "name": DOUBT_NAMES[one.doubt.kind.value]} for one in read.doubts],
        "form": form,
        "refused": status != 200 and not form.errors,
    }
    return render(request, "portals/room/suspects.html", context, status=status)
