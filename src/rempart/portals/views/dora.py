"""DORA for one incident: is it major, by which criteria, and the reports its schema accepts.

Refuses to let a file leave that the schema refuses.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Final, cast

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange import dora_report
from rempart.incidents.case import CaseFile
from rempart.incidents.classification import Classification, IncidentScale, classify_incident
from rempart.portals.administering import FORM_METHODS, Refused, perform, perform_or_404
from rempart.portals.answers_form import AnswersForm, Question, send_file
from rempart.portals.authority_wording import (
    CRITERIA,
    REACHED,
    REPORTS,
    TRI_STATE,
    list_controllers,
    read_parties,
)
from rempart.portals.forms import current_language
from rempart.portals.views.authorities import describe_head, load_case
from rempart.portals.visit import allows
from rempart.workflows.incidents import judge_incident, notify_authority
from rempart.workflows.incidents.case_file import write_as

_YES_NO: Final = frozenset(
    {
        *("relevant_clients", "counterparts_or_transactions", "supports_critical"),
        *("needs_authorisation", "malicious_access", "may_lose_data", "harms_objectives"),
        "reputation",
    }
)


class ScaleForm(forms.Form):
    """What people know of the criteria of 2024/1772; nothing is not known yet."""

    relevant_clients = forms.ChoiceField(label=_("Clients importants touchés ? (9(1))"))
    counterparts_or_transactions = forms.ChoiceField(
        label=_("Seuils de contreparties ou de transactions atteints ? (9(1))")
    )
    supports_critical = forms.ChoiceField(
        label=_("Le système touché soutient-il une fonction critique ou importante ? (6(a))")
    )
    needs_authorisation = forms.ChoiceField(
        label=_("Sert-il une activité soumise à agrément ? (6(b))")
    )
    malicious_access = forms.ChoiceField(
        label=_("Accès malveillant et non autorisé réussi à un système de l’entité ? (6(c))"),
        help_text=_("Que le système de l’opérateur en soit un est à voir avec un conseil."),
    )
    may_lose_data = forms.ChoiceField(
        label=_("Peut-il entraîner des pertes de données ? (9(5)(b))")
    )
    harms_objectives = forms.ChoiceField(
        label=_("Pertes de données qui nuisent aux objectifs ou aux obligations ? (9(5)(a))")
    )
    reputation = forms.ChoiceField(label=_("Médias, plaintes répétées ? (9(2))"))
    clients_total = forms.IntegerField(label=_("Adhérents du service, en tout"), min_value=1)
    duration_hours = forms.FloatField(label=_("Durée de l’incident, en heures"), min_value=0)
    downtime_hours = forms.FloatField(label=_("Interruption, en heures"), min_value=0)
    member_states = forms.IntegerField(label=_("États membres touchés"), min_value=1, max_value=30)
    costs_eur = forms.IntegerField(label=_("Coûts et pertes, en euros"), min_value=0)
    use_required_attribute = False

    def __init__(self, *values: Any, **options: Any) -> None:
        super().__init__(*values, **options)
        for field in self.fields.values():
            field.required = False
            if isinstance(field, forms.ChoiceField):
                field.choices = TRI_STATE

    def read_scale(self) -> dict[str, Any]:
        """Return what is known; the form is valid."""
        known: dict[str, Any] = {}
        for name, value in self.cleaned_data.items():
            if name in _YES_NO:
                known[name] = {"oui": True, "non": False}.get(value)
            else:
                known[name] = value
        return {name: value for name, value in known.items() if value is not None}


@require_http_methods(FORM_METHODS)
@allows(Permission.WORK_INCIDENT)
def dora(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Classify an incident under DORA, and complete its reports."""
    case = load_case(request, incident_id)
    insurers = read_parties(request, case)
    classified = case.find_classification(insurers)
    known = notify_authority.read_scale(classified, insurers)
    classifying = "classer" in request.POST
    scale = ScaleForm(request.POST if classifying else None, initial=_write_scale(known))
    phase = request.GET.get("phase", "initial")
    if phase not in dora_report.SUBMISSIONS:
        raise Http404
    saving = "enregistrer" in request.POST
    form = _make_dora_form(request, case, phase, request.POST if saving else None)
    done: object = None
    if classifying and scale.is_valid():
        done = perform(
            request,
            lambda tx, asker: judge_incident.classify(
                tx, write_as(asker), incident_id, insurers, scale.read_scale()
            ),
        )
    elif saving and form.is_valid():
        done = perform(
            request,
            lambda tx, asker: notify_authority.save_answers(
                tx,
                write_as(asker),
                incident_id,
                None,
                report="dora",
                phase=phase,
                answers=form.read_answers(),
            ),
        )
    if request.method == "POST" and done is not None and not isinstance(done, Refused):
        return HttpResponseRedirect(request.get_full_path())
    status = 422 if form.errors or scale.errors else 200
    if isinstance(done, Refused):
        status = done.status
    answer = classify_incident(IncidentScale(clients=case.count_members(insurers), **known))
    context = describe_head(case) | {
        "scale": scale,
        "form": form,
        "phase": phase,
        "phases": [(one, REPORTS[f"dora/{one}"]) for one in dora_report.SUBMISSIONS],
        "parties": [one for one in list_controllers(case) if one[0] != "operateur"],
        "chosen": [str(one) for one in insurers],
        "classified": classified,
        "answer": answer,
        "criteria": _describe_criteria(answer),
        "report": _load_dora(request, incident_id, insurers, phase) if classified else None,
        "query": "&".join(["phase=" + phase, *(f"partie={one}" for one in insurers)]),
        "refused": isinstance(done, Refused),
    }
    return render(request, "portals/authorities/dora.html", context, status=status)


@require_safe
@allows(Permission.WORK_INCIDENT)
def dora_file(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take a DORA report away, when its schema accepts it."""
    case = load_case(request, incident_id)
    phase = request.GET.get("phase", "")
    made = (
        _load_dora(request, incident_id, read_parties(request, case), phase)
        if phase in dora_report.SUBMISSIONS
        else None
    )
    if made is None or made.faults:
        raise Http404
    return send_file(made.write(), f"dora-{phase}-{incident_id}", "json", exercise=case.exercise)


def _load_dora(
    request: HttpRequest, incident_id: int, insurers: Sequence[int], phase: str
) -> dora_report.DoraReport | None:
    if not insurers:
        return None
    done = perform(
        request,
        lambda tx, asker: notify_authority.prepare_dora(
            tx, write_as(asker), incident_id, insurers, phase=cast("dora_report.Phase", phase)
        ),
    )
    return None if isinstance(done, Refused) else done


def _make_dora_form(request: HttpRequest, case: CaseFile, phase: str, posted: Any) -> AnswersForm:
    _version, first = perform_or_404(
        request,
        lambda tx, _asker: notify_authority.load_answers(
            tx, case.incident_id, None, report="dora", phase="initial"
        ),
    )
    _version, saved = perform_or_404(
        request,
        lambda tx, _asker: notify_authority.load_answers(
            tx, case.incident_id, None, report="dora", phase=phase
        ),
    )
    asked: list[Question] = []
    for one in dora_report.FORM:
        hint = gettext("Nécessaire à ce rapport.") if phase in one.needed else ""
        if one.each:
            asked += [
                Question(f"{one.code}:{party}", f"{one.number} {one.label} {name}", hint)
                for party, name in list_controllers(case)
                if party != "operateur"
            ]
        else:
            label = f"{one.number} {one.label}"
            asked.append(Question(one.code, label, hint, one.shape, one.choices))
    known = {**first, **saved}
    initial = {
        code: known[code].split(", ") if shape == "many" else known[code]
        for code, _label, _help, shape, _choices in asked
        if code in known
    }
    return AnswersForm(posted, asked=asked, initial=initial)


def _describe_criteria(answer: Classification) -> list[dict[str, Any]]:
    return [
        {
            "one": one,
            "name": CRITERIA[one.criterion],
            "why": one.fr if current_language() == "fr" else one.en,
            "reached": REACHED[one.reached],
        }
        for one in answer.criteria
    ]


def _write_scale(known: Mapping[str, Any]) -> dict[str, Any]:
    words = {True: "oui", False: "non"}
    return {
        name: words[value] if isinstance(value, bool) else value for name, value in known.items()
    }
