"""« Mon compte »: where one is signed in, with which keys, and what happened.

Shows the visitor's own account only, and what they may do about it themselves.
"""

import hashlib
from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.passkeys import LABEL_LIMIT, USABLE_KEYS_URGED, clean_label
from rempart.accounts.permissions import Permission
from rempart.accounts.role_names import name_role
from rempart.kernel.errors import AccessDenied, Conflict, NotAllowed, NotFound
from rempart.kernel.findings import BadValue
from rempart.portals.account_wording import METHODS, describe_details, describe_event
from rempart.portals.administering import read_ref
from rempart.portals.challenges import (
    answer_next,
    answer_options,
    answer_refused,
    get_party,
    open_challenge,
    read_credential,
    read_message,
    read_text,
    take_challenge,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.devices import describe_device
from rempart.portals.forms import current_language
from rempart.portals.landing import find_home
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, get_whence, open_visit, require_visitor
from rempart.workflows.accounts.enrol_passkey import (
    add_own_passkey,
    ask_for_new_key,
    check_can_add_key,
)
from rempart.workflows.accounts.own_account import (
    WORDS_LIMIT,
    EventColumn,
    OwnEvent,
    OwnSession,
    Passkey,
    end_other_sessions,
    end_own_session,
    list_own_events,
    list_own_passkeys,
    list_own_sessions,
    read_own_event,
    rename_own_passkey,
    report_event,
    revoke_own_passkey,
)

_NEW_KEY: Final = "new-key"
COLUMNS: Final = (("time", _("Quand")), ("kind", _("Quoi")), ("place", _("D’où")))


class LabelForm(forms.Form):
    """What a key is called."""

    label = forms.CharField(
        label=_("Nom de la clé"),
        help_text=_("Pour la reconnaître, par exemple « Téléphone » ou « Clé du bureau »."),
        max_length=LABEL_LIMIT,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    use_required_attribute = False

    def clean_label(self) -> str:
        """Return the name in order, or refuse it in the rule's own words."""
        try:
            return clean_label(self.cleaned_data["label"])
        except BadValue as bad:
            raise forms.ValidationError(bad.refusal.message(current_language())) from None


class RevokeForm(forms.Form):
    """What else to close with a key."""

    others = forms.BooleanField(
        label=_("Fermer aussi mes autres connexions"), required=False, initial=True
    )


class ReportForm(forms.Form):
    """What somebody says of an event that was not their doing."""

    words = forms.CharField(
        label=_("Ce que vous en savez"),
        help_text=_("Facultatif : appareil perdu, message suspect… N’écrivez le nom de personne."),
        required=False,
        max_length=WORDS_LIMIT,
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    others = forms.BooleanField(
        label=_("Fermer toutes mes autres connexions"), required=False, initial=True
    )


@require_safe
@allows(Permission.READ_OWN_ACCOUNT)
def account(request: HttpRequest) -> HttpResponseBase:
    """Show one's live sessions and one's keys."""
    with open_visit(request) as (tx, visitor):
        sessions = list_own_sessions(tx, visitor)
        keys = list_own_passkeys(tx, visitor)
    usable = [key for key in keys if key.is_usable]
    context = {
        "sessions": [_describe_session(one, visitor.session_ref) for one in sessions],
        "keys": [_describe_key(key) for key in keys],
        "may_hold_keys": visitor.actor_kind != "professional",
        "may_revoke": len(usable) > 1 or visitor.method != "passkey",
        "is_urged": 0 < len(usable) < USABLE_KEYS_URGED,
    }
    return render(request, "portals/account/account.html", context)


@require_POST
@allows(Permission.END_OWN_SESSION)
def end_session(request: HttpRequest, session_ref: int) -> HttpResponseBase:
    """Close one of one's sessions; closing this one is signing out."""
    with open_visit(request) as (tx, visitor):
        end_own_session(tx, visitor, read_ref(session_ref), whence=get_whence(request))
    return HttpResponseRedirect(reverse("account"))


@require_POST
@allows(Permission.END_OWN_SESSION)
def end_others(request: HttpRequest) -> HttpResponseBase:
    """Close all of one's sessions but this one."""
    with open_visit(request) as (tx, visitor):
        end_other_sessions(tx, visitor, whence=get_whence(request))
    return HttpResponseRedirect(reverse("account"))


@require_safe
@allows(Permission.MANAGE_OWN_KEYS)
def new_key(request: HttpRequest) -> HttpResponseBase:
    """Offer to make another key."""
    if require_visitor(request).actor_kind == "professional":
        return HttpResponseRedirect(reverse("account"))
    form = LabelForm(initial={"label": describe_device(get_whence(request).agent)})
    return render(request, "portals/account/new_key.html", {"form": form})


@require_safe
@allows(Permission.READ_OWN_ACCOUNT)
def second_key(request: HttpRequest) -> HttpResponseBase:
    """Urge somebody who just enrolled to make a second key; they may do it later."""
    home_address = reverse(find_home(require_visitor(request).role))
    return render(request, "portals/account/second_key.html", {"home_address": home_address})


@require_POST
@allows(Permission.MANAGE_OWN_KEYS)
def start_new_key(request: HttpRequest) -> HttpResponseBase:
    """Say what the authenticator is asked, to make a key."""
    visitor = require_visitor(request)
    challenge = open_challenge(request, _NEW_KEY)
    with get_desk().signin() as tx:
        try:
            check_can_add_key(tx, visitor)
        except (NotAllowed, Conflict):
            return answer_refused()
        options = ask_for_new_key(tx, visitor.actor_ref, get_party(), challenge)
    return answer_refused() if options is None else answer_options(options)


@require_POST
@allows(Permission.MANAGE_OWN_KEYS)
def finish_new_key(request: HttpRequest) -> HttpResponseBase:
    """Keep the key that was made."""
    visitor, whence = require_visitor(request), get_whence(request)
    challenge, message = take_challenge(request, _NEW_KEY), read_message(request)
    form = LabelForm({"label": read_text(message, "label")})
    label = form.cleaned_data["label"] if form.is_valid() else describe_device(whence.agent)
    try:
        with get_desk().signin() as tx:
            add_own_passkey(
                tx,
                visitor,
                read_credential(message),
                label=label,
                party=get_party(),
                challenge=challenge.value,
                whence=whence,
            )
    except (AccessDenied, NotAllowed, Conflict):
        return answer_refused()
    return answer_next(reverse("account"))


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_OWN_KEYS)
def rename_key(request: HttpRequest, handle: str) -> HttpResponseBase:
    """Give a key another name."""
    with open_visit(request) as (tx, visitor):
        key = _find_key(list_own_passkeys(tx, visitor), handle)
    form = LabelForm(
        request.POST if request.method == "POST" else None, initial={"label": key.label}
    )
    if request.method == "POST" and form.is_valid():
        with open_visit(request) as (tx, visitor):
            rename_own_passkey(
                tx,
                visitor,
                key.credential_id,
                label=form.cleaned_data["label"],
                whence=get_whence(request),
            )
        return HttpResponseRedirect(reverse("account"))
    context = {"form": form, "key": _describe_key(key)}
    return render(request, "portals/account/rename_key.html", context, status=_status(form))


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.MANAGE_OWN_KEYS)
def revoke_key(request: HttpRequest, handle: str) -> HttpResponseBase:
    """Revoke a key, and close the other sessions with it when asked to."""
    with open_visit(request) as (tx, visitor):
        key = _find_key(list_own_passkeys(tx, visitor), handle)
    form = RevokeForm(request.POST) if request.method == "POST" else RevokeForm()
    is_last = False
    if request.method == "POST" and form.is_valid():
        try:
            with open_visit(request) as (tx, visitor):
                revoke_own_passkey(tx, visitor, key.credential_id, whence=get_whence(request))
                if form.cleaned_data["others"]:
                    end_other_sessions(tx, visitor, whence=get_whence(request))
            return HttpResponseRedirect(reverse("account"))
        except Conflict:
            is_last = True
    context = {"form": form, "key": _describe_key(key), "is_last": is_last}
    status = 409 if is_last else 200
    return render(request, "portals/account/revoke_key.html", context, status=status)


@require_safe
@allows(Permission.READ_OWN_ACCOUNT)
def events(request: HttpRequest) -> HttpResponseBase:
    """Show what happened to one's account, the newest first unless asked otherwise."""
    listing = read_listing(request.GET, get_args(EventColumn), "time")
    with open_visit(request) as (tx, visitor):
        found, total = list_own_events(tx, visitor, listing)
    context = {
        "rows": [_describe_event(event) for event in found],
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/account/events.html", context)


@require_safe
@allows(Permission.READ_OWN_ACCOUNT)
def events_csv(request: HttpRequest) -> HttpResponseBase:
    """Download one's events in the order of the page."""
    listing = read_listing(request.GET, get_args(EventColumn), "time")
    with open_visit(request) as (tx, visitor):
        found, _total = list_own_events(tx, visitor, export_listing(listing))
    header = (
        *(gettext("instant"), gettext("événement"), gettext("précision"), gettext("adresse")),
        *(gettext("appareil"), gettext("signalé")),
    )
    return export_csv("evenements.csv", header, (_to_cells(event) for event in found))


@require_http_methods(["GET", "HEAD", "POST"])
@allows(Permission.REPORT_EVENT)
def report(request: HttpRequest, event_ref: int) -> HttpResponseBase:
    """Take down that an event was not its owner's doing, and close what may be a thief's."""
    with open_visit(request) as (tx, visitor):
        try:
            event = read_own_event(tx, visitor, read_ref(event_ref))
        except NotFound:
            raise Http404 from None
    form = ReportForm(request.POST) if request.method == "POST" else ReportForm()
    if request.method == "POST" and form.is_valid():
        _report(request, event, form.cleaned_data)
        return HttpResponseRedirect(reverse("report-event", args=[event.event_ref]))
    context = {"event": _describe_event(event), "form": form}
    return render(request, "portals/account/report.html", context, status=_status(form))


def _report(request: HttpRequest, event: OwnEvent, answers: dict[str, Any]) -> None:
    whence = get_whence(request)
    with open_visit(request) as (tx, visitor):
        if event.reported_at is None:
            report_event(tx, visitor, event.event_ref, words=answers["words"], whence=whence)
        if answers["others"]:
            end_other_sessions(tx, visitor, whence=whence)


def _describe_session(session: OwnSession, current_ref: int) -> dict[str, Any]:
    return {
        "row": session,
        "device": describe_device(session.agent),
        "role": name_role(session.role, current_language()),
        "method": METHODS[session.method],
        "is_current": session.session_ref == current_ref,
    }


def _describe_key(key: Passkey) -> dict[str, Any]:
    return {"row": key, "handle": _make_handle(key)}


def _describe_event(event: OwnEvent) -> dict[str, Any]:
    return {
        "row": event,
        "words": describe_event(event.kind),
        "details": describe_details(event, current_language()),
        "device": describe_device(event.agent) if event.agent else "",
    }


def _to_cells(event: OwnEvent) -> tuple[object, ...]:
    said = _describe_event(event)
    return (
        *(format_stamp(event.at), said["words"], said["details"], event.address, said["device"]),
        format_stamp(event.reported_at),
    )


def _find_key(keys: list[Passkey], handle: str) -> Passkey:
    found = [key for key in keys if key.is_usable and _make_handle(key) == handle]
    if not found:
        raise Http404
    return found[0]


def _make_handle(key: Passkey) -> str:
    """Return a short name of a key for addresses: its reference may be a kilobyte long."""
    return hashlib.sha256(key.credential_id).hexdigest()[:32]


def _status(form: forms.Form) -> int:
    return 422 if form.errors else 200
