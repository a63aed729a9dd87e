"""« Campagnes »: what an insurer tells its people, and the operator professionals; by two persons.

A list says states and numbers, no person: messages are named by their number. Refuses to show a
name, an address or a code: the pages have none.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, get_args

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe
from psycopg import Connection

from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotAllowed
from rempart.notices.campaigns import CAMPAIGN_STEPS, CampaignState, MessageState, Step
from rempart.notices.contacts import Channel
from rempart.notices.lint_rules import Severity
from rempart.notices.pace import Speed, compute_forecast
from rempart.portals import campaign_wording as wording
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.campaign_forms import (
    CampaignForm,
    MessagesForm,
    PaceForm,
    fill_suggestion,
)
from rempart.portals.campaign_rows import (
    describe_findings,
    describe_kind,
    describe_message,
    describe_row,
)
from rempart.portals.charts import Series, draw_shares
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import WhyForm
from rempart.portals.desk import get_desk, get_today
from rempart.portals.facts_form import fill_facts
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.portals.watching import read_number
from rempart.workflows.accounts.administer_organisation import Asker
from rempart.workflows.notices import campaigns as acts
from rempart.workflows.notices.campaigns import (
    CampaignColumn,
    CampaignSheet,
    Decider,
    MessageColumn,
)

COLUMNS: Final = (("made", _("Créée")), ("persons", _("Personnes")))
MESSAGE_COLUMNS: Final = (("number", _("Numéro")), ("at", _("Depuis")))
# The pace alone bounds a forecast here; what the machine does is measured elsewhere.
_AT_ONCE: Final = Speed(emails_per_s=1e9, letters_per_s=1e9)
_MAKES: Final = (Permission.MAKE_CAMPAIGN, Permission.APPROVE_CAMPAIGN)
# What a button of the page does; the rest is the machine's, or the second person's.
_BUTTONS: Final[Mapping[str, Step]] = {
    "renvoyer": Step.SEND_BACK,
    "pause": Step.PAUSE,
    "reprendre": Step.RESUME,
    "arreter": Step.STOP,
}
_SERIES: Final = (
    (_("arrivés ou postés"), "fill-open", {MessageState.SENT, MessageState.POSTED}),
    (_("en route"), "fill-typed", {MessageState.SENDING, MessageState.PRINTED}),
    (_("attendent"), "fill-unknown", {MessageState.WAITING}),
    (
        _("revenus ou retenus"),
        "fill-closed",
        {*(MessageState.BOUNCED, MessageState.RETURNED, MessageState.HELD, MessageState.DROPPED)},
    ),
)


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def own_campaigns(request: HttpRequest) -> HttpResponseBase:
    """List the campaigns of the visitor's insurer, or of the operator to professionals."""
    listing = read_listing(request.GET, get_args(CampaignColumn), "made")
    rows, total = perform_or_404(
        request,
        lambda tx, asker: acts.list_campaigns(tx, asker, listing, incident_id=None),
    )
    context = {
        "rows": [describe_row(row) for row in rows],
        "of_operator": require_visitor(request).is_host,
        **list_abilities(require_visitor(request), _MAKES),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/campaigns/list.html", context)


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def own_campaigns_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list of campaigns."""
    listing = export_listing(read_listing(request.GET, get_args(CampaignColumn), "made"))
    rows, _total = perform_or_404(
        request,
        lambda tx, asker: acts.list_campaigns(tx, asker, listing, incident_id=None),
    )
    header = (
        *(gettext("incident"), gettext("numéro"), gettext("nature"), gettext("état")),
        *(gettext("personnes"), gettext("créée le"), gettext("terminée le"), gettext("exercice")),
    )
    cells = [
        (
            *(row.incident_id, row.number, wording.KINDS[row.kind], wording.STATES[row.state]),
            *(row.persons, format_stamp(row.made_at)),
            format_stamp(row.ended_at) if row.ended_at else "",
            gettext("oui") if row.exercise else gettext("non"),
        )
        for row in rows
    ]
    return export_csv("campagnes.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.MAKE_CAMPAIGN)
def new_campaign(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Fill in the facts of a new campaign, what is known already filled in."""
    number = read_ref(incident_id)

    def load(tx: Connection[Any], asker: Asker) -> tuple[Any, dict[str, Any]]:
        teller = acts.find_teller(asker, Permission.MAKE_CAMPAIGN)
        package = acts.read_package(tx, number, teller)
        known = acts.suggest_facts(tx, package, number, now=asker.now)
        if package.package_ref is None:
            name = asker.visitor.org_name
            known = {"operator": name, **known, "sender": {"name": name, **known["sender"]}}
        return package, known

    package, suggested = perform_or_404(request, load)
    form = CampaignForm(
        request.POST if request.method == "POST" else None, initial=fill_suggestion(suggested)
    )
    status = 422 if form.errors else 200
    if request.method == "POST":
        today = get_today()
        facts = form.read_facts(version=suggested["version"], written_on=today)
        status = 422
        if facts is not None:
            ref = acts.draw_reference()
            done = perform(
                request,
                lambda tx, asker: acts.begin_campaign(
                    tx,
                    _decide_as(asker),
                    number,
                    facts,
                    campaign_ref=ref,
                    per_hour=form.cleaned_data["per_hour"],
                ),
            )
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("campaign", args=[ref]))
            form.add_error(None, _("Une autre campagne sur cet incident n’est pas finie."))
            status = done.status
    context = {
        "form": form,
        "title": gettext("Nouvelle campagne"),
        "package": package,
        "back": reverse(
            "incident" if package.package_ref is None else "own-incident", args=[number]
        ),
    }
    return render(request, "portals/campaigns/facts.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.MAKE_CAMPAIGN)
def campaign_facts(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Change what everybody is told."""
    ref = read_ref(campaign_ref)
    sheet = _load(request, ref)
    known = acts.load_facts(sheet.campaign)
    form = CampaignForm(
        request.POST if request.method == "POST" else None,
        initial={**fill_facts(known), "per_hour": sheet.campaign.per_hour},
    )
    status = 200
    if request.method == "POST":
        today = get_today()
        facts = form.read_facts(version=known.version, written_on=today)
        status = 422
        if facts is not None:
            pace = form.cleaned_data["per_hour"]
            done = perform(
                request,
                lambda tx, asker: acts.change_facts(
                    tx, _decide_as(asker), ref, facts, per_hour=pace
                ),
            )
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("campaign", args=[ref]))
            form.add_error(None, _("Elle est proposée, ou plus loin : renvoyez-la d’abord."))
            status = done.status
    context = {
        "form": form,
        "title": gettext("Ce que tous apprennent"),
        "back": reverse("campaign", args=[ref]),
    }
    return render(request, "portals/campaigns/facts.html", context, status=status)


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def campaign(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Show one campaign: what it says, how far it is, what is left to decide."""
    return _show(request, read_ref(campaign_ref))


@require_POST
@allows(Permission.MAKE_CAMPAIGN)
def decide(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Prepare, propose, send back, pause, resume or stop; or change the pace."""
    ref = read_ref(campaign_ref)
    button = request.POST.get("geste", "")
    act, form = _choose_act(request, button, ref)
    if form is not None and not form.is_valid():
        return _show(request, ref, form=form, button=button, status=422)
    done = perform(request, act)
    if isinstance(done, Refused):
        return _show(request, ref, form=form, button=button, refusal=done)
    return HttpResponseRedirect(reverse("campaign", args=[ref]))


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_CAMPAIGN)
def approve(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Read what is proposed, then agree as the second person."""
    ref = read_ref(campaign_ref)
    status = 200
    if request.method == "POST":
        done = perform(request, lambda tx, asker: acts.approve_campaign(tx, asker, ref))
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("campaign", args=[ref]))
        status = done.status
    sheet = _load(request, ref)
    context = {
        **_describe(sheet),
        "is_own": sheet.campaign.proposed_by == require_visitor(request).actor_ref,
        "is_open": sheet.campaign.state == CampaignState.PROPOSED,
        "refused": status != 200,
    }
    return render(request, "portals/campaigns/approve.html", context, status=status)


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def messages(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """List the messages of a campaign, by number."""
    ref = read_ref(campaign_ref)
    sheet = _load(request, ref)
    form = MessagesForm(request.GET)
    listing = read_listing(request.GET, get_args(MessageColumn), "number", descending=False)
    which = form.make_filter()
    rows, total = perform_or_404(
        request, lambda tx, asker: acts.list_messages(tx, asker, ref, listing, which)
    )
    context = {
        "campaign": sheet.campaign,
        "form": form,
        "rows": [describe_message(row) for row in rows],
        **list_abilities(require_visitor(request), _MAKES),
        **describe_listing(listing, MESSAGE_COLUMNS, total),
    }
    return render(request, "portals/campaigns/messages.html", context)


@require_POST
@allows(Permission.MAKE_CAMPAIGN)
def told_otherwise(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Note that the insurer told somebody in its own way, whose message is held."""
    ref = read_ref(campaign_ref)
    number = read_number(request.POST, "numero")
    if number is None:
        raise Http404
    perform_or_404(
        request,
        lambda tx, asker: acts.note_told(tx, _decide_as(asker), ref, number),
    )
    return HttpResponseRedirect(reverse("campaign-messages", args=[ref]) + "?etat=held")


@require_safe
@allows(Permission.READ_CAMPAIGNS)
def messages_csv(request: HttpRequest, campaign_ref: int) -> HttpResponseBase:
    """Download the messages of a campaign, by number."""
    ref = read_ref(campaign_ref)
    _load(request, ref)
    which = MessagesForm(request.GET).make_filter()
    listing = export_listing(
        read_listing(request.GET, get_args(MessageColumn), "number", descending=False)
    )
    rows, _total = perform_or_404(
        request, lambda tx, asker: acts.list_messages(tx, asker, ref, listing, which)
    )
    header = (
        *(gettext("numéro"), gettext("nature"), gettext("qui"), gettext("certitude")),
        *(gettext("langue"), gettext("voie"), gettext("état"), gettext("raison")),
        *(gettext("essais"), gettext("depuis")),
    )
    cells = [
        (
            *(row.number, wording.KINDS[row.kind], wording.RELATIONS[row.relation]),
            *(row.certainty, row.language, wording.CHANNELS[row.channel]),
            *(wording.MESSAGE_STATES[row.state], wording.REASONS.get(row.reason, row.reason)),
            *(row.attempts, format_stamp(row.state_at)),
        )
        for row in rows
    ]
    return export_csv(f"messages-campagne-{ref}.csv", header, cells)


def load_sheet(request: HttpRequest, campaign_ref: int) -> CampaignSheet:
    """Return one campaign for a page.

    Raises:
        Http404: the visitor's insurer has no such campaign.
    """
    return _load(request, campaign_ref)


def _choose_act(
    request: HttpRequest, button: str, ref: int
) -> tuple[Callable[[Connection[Any], Asker], object], forms.Form | None]:
    """Return what a button does, and the form it needs."""
    if button == "rythme":
        pace = PaceForm(request.POST)
        return (
            lambda tx, asker: acts.change_pace(
                tx, _decide_as(asker), ref, pace.cleaned_data["per_hour"]
            ),
            pace,
        )
    if button == "proposer":
        return lambda tx, asker: acts.propose_campaign(tx, _decide_as(asker), ref), None
    if button == "preparer":
        return lambda tx, asker: acts.ask_preparing(tx, _decide_as(asker), ref), None
    step = _BUTTONS.get(button)
    if step is None:
        return _refuse, None
    why = WhyForm(request.POST) if step is not Step.RESUME else None
    return (
        lambda tx, asker: acts.decide_campaign(
            tx, _decide_as(asker), ref, step, reason=why.cleaned_data["reason"] if why else ""
        ),
        why,
    )


def _decide_as(asker: Asker) -> Decider:
    return acts.make_decider(asker, Permission.MAKE_CAMPAIGN)


def _refuse(_tx: Connection[Any], _asker: Asker) -> object:
    raise NotAllowed("no such button")


def _load(request: HttpRequest, ref: int) -> CampaignSheet:
    return perform_or_404(request, lambda tx, asker: acts.read_campaign(tx, asker, ref))


def _show(
    request: HttpRequest,
    ref: int,
    *,
    form: forms.Form | None = None,
    button: str = "",
    refusal: Refused | None = None,
    status: int = 200,
) -> HttpResponseBase:
    sheet = _load(request, ref)
    visitor = require_visitor(request)
    context = {
        **_describe(sheet),
        "why": form if isinstance(form, WhyForm) else WhyForm(),
        "pace": form
        if isinstance(form, PaceForm)
        else PaceForm(initial={"per_hour": sheet.campaign.per_hour}),
        "button": button,
        "refused": refusal is not None,
        **list_abilities(visitor, _MAKES),
    }
    return render(
        request,
        "portals/campaigns/campaign.html",
        context,
        status=status if refusal is None else refusal.status,
    )


def _describe(sheet: CampaignSheet) -> dict[str, Any]:
    one = sheet.campaign
    badge, icon = wording.BADGES[one.state]
    steps = CAMPAIGN_STEPS[CampaignState(one.state)]
    return {
        "sheet": sheet,
        "campaign": one,
        "facts": acts.load_facts(one),
        "kind": wording.KINDS[one.kind],
        "state": wording.STATES[one.state],
        "badge": badge,
        "icon": icon,
        "steps": {step.value: True for step in steps},
        "shares": _draw(sheet) if sheet.counts else None,
        "ends_by": _foresee(sheet),
        "counts": [
            (wording.CHANNELS[channel], wording.MESSAGE_STATES[state], count)
            for channel, state, count in sheet.counts
        ],
        "reasons": [
            (wording.MESSAGE_STATES[state], wording.REASONS.get(reason, reason), count)
            for state, reason, count in sheet.reasons
        ],
        "held": sheet.count(MessageState.HELD),
        "kinds": [describe_kind(place, kind) for place, kind in enumerate(sheet.kinds)],
        "findings": describe_findings(one.findings),
        "is_blocked": any(one["severity"] == Severity.BLOCKING for one in one.findings),
        "proposed_name": sheet.names.get(one.proposed_by or 0, gettext("l’opérateur")),
        "approved_name": sheet.names.get(one.approved_by or 0, gettext("l’opérateur")),
        "decided_name": sheet.names.get(one.decided_by or 0, gettext("l’opérateur")),
    }


def _draw(sheet: CampaignSheet) -> object:
    return draw_shares(
        [(Series(name=str(name), css=css), sheet.count(*states)) for name, css, states in _SERIES]
    )


def _foresee(sheet: CampaignSheet) -> datetime | None:
    """Return when the last message leaves at the pace asked for; None: nothing bounds it."""
    one = sheet.campaign
    if one.per_hour is None or one.state not in {CampaignState.APPROVED, CampaignState.SENDING}:
        return None
    waiting = [(way, count) for way, state, count in sheet.counts if state == MessageState.WAITING]
    return compute_forecast(
        emails=sum(count for way, count in waiting if way != Channel.LETTER),
        letters=sum(count for way, count in waiting if way == Channel.LETTER),
        per_hour=one.per_hour,
        speed=_AT_ONCE,
        now=get_desk().now(),
    ).ends_by
