"""« Autorités » of an incident: what was prepared for whom, how severe it is, what was submitted.

Refuses to submit anything: somebody does outside, and writes here when and under which reference.
"""

from datetime import UTC
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from rempart.accounts.permissions import Permission
from rempart.incidents.case import CaseFile, describe_bounds, read_detail
from rempart.incidents.room import EventKind
from rempart.incidents.severity import (
    NAME_LIMIT,
    REASON_LIMIT,
    Adjustment,
    Answer,
    DataClass,
    Ground,
    Identification,
    Judgement,
    Loss,
    RiskDecision,
    suggest_data_class,
    suggest_identification,
)
from rempart.kernel.instants import PARIS
from rempart.portals.administering import (
    FORM_METHODS,
    Act,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.authority_wording import (
    ADJUSTMENTS,
    ANSWERS,
    BANDS,
    CLASSES,
    EASE,
    GROUNDS,
    LOSSES,
    REPORTS,
    list_choices,
    list_controllers,
    name_party,
    read_party,
)
from rempart.portals.desk import get_desk
from rempart.portals.room_forms import MOMENT_YEARS, NO_MOMENT
from rempart.portals.times import in_paris
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.incidents import judge_incident, notify_authority
from rempart.workflows.incidents.case_file import read_case, write_as

_LONG: Final = forms.Textarea(attrs={"rows": 2, "autocomplete": "off"})
_INSTANT: Final = "%Y-%m-%dT%H:%M"


class _PartyForm(forms.Form):
    """Starts with whom it is about, among the controllers of an incident."""

    party = forms.ChoiceField(label=_("Responsable de traitement"))
    use_required_attribute = False

    def __init__(self, *values: Any, case: CaseFile, **options: Any) -> None:
        super().__init__(*values, **options)
        field = self.fields["party"]
        assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
        field.choices = list_controllers(case)


class SeverityForm(_PartyForm):
    """What somebody chooses for one group of people, and why."""

    group = forms.CharField(
        label=_("Groupe de personnes"),
        help_text=_("Par exemple : assurés dont le NIR a été montré. Un groupe par gravité."),
        max_length=NAME_LIMIT,
    )
    persons = forms.IntegerField(label=_("Combien"), min_value=1, max_value=10**9)
    data_class = forms.ChoiceField(label=_("Données (DPC)"), choices=list_choices(CLASSES))
    adjustments = forms.MultipleChoiceField(
        label=_("Ce qui change ce niveau"),
        choices=list_choices(ADJUSTMENTS),
        widget=forms.CheckboxSelectMultiple,
        required=False,
    )
    context_reason = forms.CharField(
        label=_("Pourquoi ces données"), max_length=REASON_LIMIT, widget=_LONG
    )
    identification = forms.ChoiceField(
        label=_("Facilité d’identification (EI)"), choices=list_choices(EASE)
    )
    identification_reason = forms.CharField(
        label=_("Pourquoi cette facilité"), max_length=REASON_LIMIT, widget=_LONG
    )
    confidentiality = forms.ChoiceField(
        label=_("Confidentialité perdue"), choices=list_choices(LOSSES), initial=Loss.FULL
    )
    integrity = forms.ChoiceField(label=_("Intégrité perdue"), choices=list_choices(LOSSES))
    availability = forms.ChoiceField(label=_("Disponibilité perdue"), choices=list_choices(LOSSES))
    malicious = forms.BooleanField(label=_("Acte malveillant (+0,5)"), required=False, initial=True)
    breach_reason = forms.CharField(
        label=_("Pourquoi ces circonstances"), max_length=REASON_LIMIT, widget=_LONG
    )
    unintelligible = forms.BooleanField(
        label=_("Données incompréhensibles (chiffrées, clé à l’abri)"), required=False
    )

    def make_judgement(self) -> Judgement:
        """Return what was chosen; the form is valid."""
        given = self.cleaned_data
        return Judgement(
            group=given["group"],
            persons=given["persons"],
            data_class=DataClass(given["data_class"]),
            adjustments=frozenset(Adjustment(one) for one in given["adjustments"]),
            context_reason=given["context_reason"],
            identification=Identification(given["identification"]),
            identification_reason=given["identification_reason"],
            confidentiality=Loss(given["confidentiality"]),
            integrity=Loss(given["integrity"]),
            availability=Loss(given["availability"]),
            malicious=given["malicious"],
            breach_reason=given["breach_reason"],
            unintelligible=given["unintelligible"],
        )


class RiskForm(_PartyForm):
    """Whether people are told, and why."""

    answer = forms.ChoiceField(label=_("Décision"), choices=list_choices(ANSWERS))
    ground = forms.ChoiceField(
        label=_("Motif, si l’on n’informe pas"),
        choices=[("", _("aucun : on informe")), *list_choices(GROUNDS)],
        required=False,
    )
    reason = forms.CharField(label=_("Raisons"), max_length=REASON_LIMIT, widget=_LONG)
    instead = forms.CharField(
        label=_("Communication publique prévue (34(3)(c))"),
        max_length=REASON_LIMIT,
        widget=_LONG,
        required=False,
    )

    def make_decision(self) -> RiskDecision:
        """Return what was decided; the form is valid."""
        given = self.cleaned_data
        return RiskDecision(
            answer=Answer(given["answer"]),
            ground=Ground(given["ground"]) if given["ground"] else None,
            reason=given["reason"],
            instead=given["instead"],
        )


class SubmissionForm(_PartyForm):
    """What somebody submitted outside, when, under which reference."""

    report = forms.ChoiceField(label=_("Quoi"), choices=list_choices(REPORTS))
    at = forms.DateTimeField(
        label=_("Déposé le"),
        help_text=_("Heure de Paris."),
        input_formats=[_INSTANT, "%d/%m/%Y %H:%M"],
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format=_INSTANT),
    )
    reference = forms.CharField(
        label=_("Référence reçue"),
        max_length=notify_authority.REFERENCE_LIMIT,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    for_all = forms.BooleanField(
        label=_("Dépôt groupé de l’opérateur, pour toutes les complémentaires concernées"),
        required=False,
    )

    def clean_at(self) -> Any:
        """Refuse another century than ours."""
        at = self.cleaned_data["at"]
        if at.year not in MOMENT_YEARS:
            raise forms.ValidationError(NO_MOMENT)
        return at

    def make_submission(self, case: CaseFile) -> notify_authority.Submission:
        """Return what was submitted; the form is valid."""
        given = self.cleaned_data
        report, _slash, phase = given["report"].partition("/")
        everybody = tuple(one.insurer_id for one in case.members if one.insurer_id is not None)
        return notify_authority.Submission(
            report=report,
            phase=phase,
            at=given["at"].astimezone(UTC),
            reference=given["reference"],
            insurer_id=None if given["for_all"] else read_party(given["party"]),
            insurers=everybody if given["for_all"] else (),
        )


@require_safe
@allows(Permission.READ_CLOCKS)
def authorities(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show what was prepared and submitted for each controller."""
    return _show(request, incident_id)


@require_POST
@allows(Permission.NOTIFY_AUTHORITY)
def record_submission(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Write that a report was submitted."""
    case = load_case(request, incident_id)
    form = SubmissionForm(request.POST, case=case)
    if not form.is_valid():
        return _show(request, incident_id, form=form, status=422)
    done = perform(
        request,
        lambda tx, asker: notify_authority.record_submission(
            tx, write_as(asker), incident_id, form.make_submission(case)
        ),
    )
    if isinstance(done, Refused):
        return _show(request, incident_id, form=form, status=done.status)
    return HttpResponseRedirect(reverse("incident-authorities", args=[incident_id]))


@require_http_methods(FORM_METHODS)
@allows(Permission.SCORE_SEVERITY)
def severity(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show the scores of each group, and score one."""
    case = load_case(request, incident_id)
    if request.method != "POST":
        return _show_severity(request, case)
    form = SeverityForm(request.POST, case=case)
    return _judge(
        request,
        case,
        {"form": form},
        lambda tx, asker: judge_incident.score_group(
            tx,
            write_as(asker),
            incident_id,
            read_party(form.cleaned_data["party"]),
            form.make_judgement(),
        ),
    )


@require_POST
@allows(Permission.SCORE_SEVERITY)
def decide_risk(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Decide whether the people of a controller are told."""
    case = load_case(request, incident_id)
    form = RiskForm(request.POST, case=case)
    return _judge(
        request,
        case,
        {"risk": form},
        lambda tx, asker: judge_incident.decide_risk(
            tx,
            write_as(asker),
            incident_id,
            read_party(form.cleaned_data["party"]),
            form.make_decision(),
        ),
    )


def load_case(request: HttpRequest, incident_id: int) -> CaseFile:
    """Return an incident for a page.

    Raises:
        Http404: there is no such incident for the visitor.
    """
    number = read_ref(incident_id)
    return perform_or_404(request, lambda tx, asker: read_case(tx, write_as(asker), number))


def describe_head(case: CaseFile) -> dict[str, Any]:
    """Return what the head of each page of an incident shows."""
    return {
        "case": case,
        "incident_id": case.incident_id,
        "exercise": case.exercise,
        "here": "authorities",
    }


def list_decisions(case: CaseFile) -> list[dict[str, Any]]:
    """Return the decisions on telling people (article 34), as pages show them."""
    return [
        _describe_decision(case, event)
        for event in case.timeline
        if event.kind is EventKind.DECISION and event.details.get("decision") == "art34"
    ]


def _show(
    request: HttpRequest, incident_id: int, *, form: SubmissionForm | None = None, status: int = 200
) -> HttpResponse:
    case = load_case(request, incident_id)
    now = get_desk().now().astimezone(PARIS)
    insurers: list[int | None] = [None, *(one.insurer_id for one in case.members)]
    context = describe_head(case) | {
        "controllers": [_describe_controller(case, one) for one in insurers],
        "submissions": [_describe_submission(case, event) for event in _list_submissions(case)],
        "form": form or SubmissionForm(case=case, initial={"at": now}),
        "refused": status not in {200, 422}
        or (status == 422 and form is not None and not form.errors),
        **list_abilities(
            require_visitor(request),
            (Permission.WORK_INCIDENT, Permission.NOTIFY_AUTHORITY, Permission.SCORE_SEVERITY),
        ),
    }
    return render(request, "portals/authorities/authorities.html", context, status=status)


def _judge(
    request: HttpRequest,
    case: CaseFile,
    form: dict[str, Any],
    act: Act[object],
) -> HttpResponseBase:
    """Do what one form of the page of severity asks, or show it again with what is wrong."""
    [filled] = form.values()
    if not filled.is_valid():
        return _show_severity(request, case, **form, status=422)
    done = perform(request, act)
    if isinstance(done, Refused):
        return _show_severity(request, case, **form, status=done.status)
    return HttpResponseRedirect(reverse("incident-severity", args=[case.incident_id]))


def _show_severity(
    request: HttpRequest,
    case: CaseFile,
    *,
    form: SeverityForm | None = None,
    risk: RiskForm | None = None,
    status: int = 200,
) -> HttpResponse:
    party = read_party(request.GET.get("partie", ""))
    used = form or risk
    context = describe_head(case) | {
        "scores": [
            {"one": one, "party": name_party(case, one.insurer_id), "band": BANDS[one.band]}
            for one in case.severities
        ],
        "form": form or SeverityForm(case=case, initial=_suggest(case, party)),
        "risk": risk or RiskForm(case=case, initial={"party": request.GET.get("partie", "")}),
        "decisions": list_decisions(case),
        "refused": used is not None and not used.errors,
    }
    return render(request, "portals/authorities/severity.html", context, status=status)


def _suggest(case: CaseFile, insurer_id: int | None) -> dict[str, Any]:
    """Propose the factors that the fields point to; nothing is chosen until somebody says why."""
    known = {one.insurer_id: one for one in case.members}
    people = known.get(insurer_id, case.professionals)
    return {
        "party": "operateur" if people.insurer_id is None else str(people.insurer_id),
        "persons": people.bounds.best or None,
        "data_class": suggest_data_class(people.fields).value,
        "identification": suggest_identification(people.fields).value,
    }


def _describe_controller(case: CaseFile, insurer_id: int | None) -> dict[str, Any]:
    people = case.find_population(insurer_id)
    worst = case.find_worst(insurer_id)
    decided = case.find_last(EventKind.DECISION, insurer_id, decision="art34")
    answer = read_detail(decided, "answer")
    return {
        "party": "operateur" if insurer_id is None else str(insurer_id),
        "name": name_party(case, insurer_id),
        "is_operator": insurer_id is None,
        "persons": describe_bounds(people.bounds),
        "fields": ", ".join(people.field_names),
        "severity": None if worst is None else BANDS[worst.band],
        "score": None if worst is None else worst.score,
        "answer": ANSWERS[Answer(answer)] if answer else None,
    }


def _list_submissions(case: CaseFile) -> list[Any]:
    kinds = {EventKind.REPORT_SUBMITTED, EventKind.COMPLAINT_FILED}
    return [event for event in case.timeline if event.kind in kinds]


def _describe_submission(case: CaseFile, event: Any) -> dict[str, Any]:
    said = event.details
    key = f"{said.get('report', 'complaint')}/{said.get('phase', '')}"
    return {
        "at": in_paris(event.happened_ms),
        "what": REPORTS.get(key, key),
        "party": name_party(case, event.insurer_id),
        "count": len(said.get("insurers", ())),
        "reference": said.get("reference", ""),
        "author": event.author,
    }


def _describe_decision(case: CaseFile, event: Any) -> dict[str, Any]:
    said = event.details
    return {
        "at": in_paris(event.happened_ms),
        "party": name_party(case, event.insurer_id),
        "answer": ANSWERS[Answer(said["answer"])],
        "ground": GROUNDS[Ground(said["ground"])] if said.get("ground") else "",
        "reason": said.get("reason", ""),
        "instead": said.get("instead", ""),
        "author": event.author,
    }
