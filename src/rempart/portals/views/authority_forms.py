"""What authorities are given, completed on a page and taken away as files.

Refuses to let a file leave that its own schema refuses, and to hide what is missing.
"""

from collections.abc import Mapping
from typing import Any, Final, cast

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.exchange import complaint, incident_summary
from rempart.exchange.cnil_export import make_document, write_json
from rempart.exchange.incident_summary import Reader, make_summary
from rempart.incidents.cnil_form import Answered, Filled, Notification, Phase
from rempart.kernel.instants import PARIS
from rempart.portals.administering import FORM_METHODS, Refused, perform, perform_or_404, read_ref
from rempart.portals.answers_form import AnswersForm, Question, send_file
from rempart.portals.authority_wording import (
    REPORTS,
    name_party,
    read_party,
)
from rempart.portals.desk import get_desk
from rempart.portals.views.authorities import describe_head, load_case
from rempart.portals.visit import allows
from rempart.portals.watching import read_number
from rempart.workflows.incidents import notify_authority
from rempart.workflows.incidents.case_file import write_as
from rempart.workflows.incidents.export_incident import SUFFIXES, export_summary

_PAPERS: Final[Mapping[str, tuple[Any, Mapping[str, str]]]] = {
    "complaint": (_("Plainte"), complaint.FIELDS),
    "acpr": (_("Synthèse pour l’ACPR"), incident_summary.FIELDS),
    "anssi": (_("Synthèse pour l’ANSSI"), incident_summary.FIELDS),
}


@require_http_methods(FORM_METHODS)
@allows(Permission.WORK_INCIDENT)
def cnil(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Complete the CNIL notification of one controller."""
    insurer_id, phase = read_party(request.GET.get("partie", "")), read_phase(request)
    done = complete_cnil(request, incident_id, insurer_id, phase)
    if isinstance(done, HttpResponseRedirect):
        return done
    context, status = done
    case = load_case(request, incident_id)
    context |= describe_head(case) | {
        "controller": name_party(case, insurer_id),
        "what": REPORTS[f"cnil/{phase}"],
        "file": reverse("incident-cnil-file", args=[incident_id]),
    }
    return render(request, "portals/authorities/cnil.html", context, status=status)


@require_safe
@allows(Permission.WORK_INCIDENT)
def cnil_file(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take a CNIL notification away: PDF, JSON, or text to retype."""
    insurer_id, phase = read_party(request.GET.get("partie", "")), read_phase(request)
    return send_cnil(request, incident_id, insurer_id, phase)


def complete_cnil(
    request: HttpRequest, incident_id: int, insurer_id: int | None, phase: Phase
) -> HttpResponseRedirect | tuple[dict[str, Any], int]:
    """Show a notification as it is filled, or save what somebody completed.

    Returns:
        Where to go once a version is saved; otherwise what the page shows, and its status.

    Raises:
        Http404: there is no such incident for the visitor, or it does not concern this insurer.
    """
    made = _load_notification(request, incident_id, insurer_id, phase)
    form = _make_cnil_form(made, request.POST if request.method == "POST" else None)
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        after = read_number(request.POST, "version")
        done = perform(
            request,
            lambda tx, asker: notify_authority.save_answers(
                tx,
                write_as(asker),
                incident_id,
                insurer_id,
                report="cnil",
                phase=phase,
                answers=_keep_written(made, form.read_answers()),
                after=(after or 0) if made.version else None,
            ),
        )
        if not isinstance(done, Refused):
            return HttpResponseRedirect(request.get_full_path())
        status = done.status
    context = {
        "form": form,
        "made": made,
        "sections": _group_answers(made, form),
        "query": request.GET.urlencode(),
        "conflict": status == 409,
    }
    return context, status


def send_cnil(
    request: HttpRequest, incident_id: int, insurer_id: int | None, phase: Phase
) -> HttpResponse:
    """Return a notification as a file: PDF, JSON, or text to retype."""
    made = _load_notification(request, incident_id, insurer_id, phase)
    stem = f"cnil-{phase}-{incident_id}-{insurer_id or 'operateur'}"
    match request.GET.get("forme"):
        case "json":
            return send_file(write_json(made), stem, "json", exercise=made.exercise)
        case "txt":
            content = make_document(made).write_text().encode()
            return send_file(content, stem, "txt", exercise=made.exercise)
        case _:
            content = make_document(made).print_pdf(made_at=get_desk().now())
            return send_file(content, stem, "pdf", exercise=made.exercise)


@require_http_methods(FORM_METHODS)
@allows(Permission.WORK_INCIDENT)
def papers(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Complete a complaint or a summary."""
    case = load_case(request, incident_id)
    kind = request.GET.get("pour", "")
    if kind not in _PAPERS:
        raise Http404
    title, fields = _PAPERS[kind]
    report = cast("notify_authority.Report", kind)
    _version, saved = perform_or_404(
        request,
        lambda tx, _asker: notify_authority.load_answers(
            tx, incident_id, None, report=report, phase=""
        ),
    )
    asked = [Question(code, label, shape="long") for code, label in fields.items()]
    form = AnswersForm(
        request.POST if request.method == "POST" else None, asked=asked, initial=saved
    )
    if request.method == "POST" and form.is_valid():
        done = perform(
            request,
            lambda tx, asker: notify_authority.save_answers(
                tx,
                write_as(asker),
                incident_id,
                None,
                report=report,
                phase="",
                answers=form.read_answers(),
            ),
        )
        if not isinstance(done, Refused):
            return HttpResponseRedirect(request.get_full_path())
    context = describe_head(case) | {"form": form, "kind": kind, "what": title}
    status = 422 if form.errors else 200
    return render(request, "portals/authorities/papers.html", context, status=status)


@require_safe
@allows(Permission.WORK_INCIDENT)
def paper(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take a complaint's bundle, a summary or a file for another tool away."""
    kind, form = request.GET.get("pour", ""), request.GET.get("forme", "pdf")
    number = read_ref(incident_id)
    if kind == "complaint":
        case = load_case(request, number)
        content = perform_or_404(
            request,
            lambda tx, asker: notify_authority.make_complaint(tx, write_as(asker), number, []),
        )
        return send_file(content, f"plainte-{number}", "zip", exercise=case.exercise)
    if kind in {"acpr", "anssi"}:
        return _send_summary(request, number, cast("Reader", kind), form)
    if kind in {"ciso-assistant", "iris", "iris-timeline"}:
        case, content = perform_or_404(
            request,
            lambda tx, asker: export_summary(tx, write_as(asker), number, cast("Any", kind)),
        )
        return send_file(content, f"{kind}-{number}", SUFFIXES[kind], exercise=case.exercise)
    raise Http404


def _load_notification(
    request: HttpRequest, incident_id: int, insurer_id: int | None, phase: Phase
) -> Notification:
    number = read_ref(incident_id)
    return perform_or_404(
        request,
        lambda tx, asker: notify_authority.prepare_notification(
            tx, write_as(asker), number, insurer_id, phase=phase
        ),
    )


def read_phase(request: HttpRequest) -> Phase:
    """Return the phase that an address names."""
    return "complementary" if request.GET.get("phase") == "complementary" else "initial"


def _make_cnil_form(made: Notification, posted: Any) -> AnswersForm:
    asked = [
        Question(one.asked.code, one.asked.label, _hint(one), one.asked.shape, one.asked.choices)
        for one in made.answers
    ]
    initial = {
        one.asked.code: one.value.split(", ") if one.asked.shape == "many" else one.value
        for one in made.answers
    }
    return AnswersForm(posted, asked=asked, initial=initial)


def _hint(one: Answered) -> str:
    match one.filled:
        case Filled.GAP:
            return gettext("Manque. Peut répondre : %(who)s.") % {"who": one.asked.who}
        case Filled.FACT:
            return gettext("D’après les faits.")
        case Filled.WRITTEN:
            return gettext("Les faits disent : %(facts)s") % {"facts": one.proposed or "–"}


def _keep_written(made: Notification, answers: Mapping[str, str]) -> dict[str, str]:
    """Keep what differs from the facts: the rest follows them when they change."""
    known = {
        one.asked.code: one.proposed if one.filled is Filled.WRITTEN else one.value
        for one in made.answers
        if one.filled is not Filled.GAP
    }
    return {code: text for code, text in answers.items() if text.strip() != known.get(code, "")}


def _group_answers(made: Notification, form: AnswersForm) -> list[dict[str, Any]]:
    names = dict.fromkeys(one.asked.section for one in made.answers)
    return [
        {
            "name": name,
            "fields": [form[one.asked.code] for one in made.answers if one.asked.section == name],
        }
        for name in names
    ]


def _send_summary(
    request: HttpRequest, incident_id: int, reader: Reader, form: str
) -> HttpResponse:
    case = load_case(request, incident_id)
    _version, answers = perform_or_404(
        request,
        lambda tx, _asker: notify_authority.load_answers(
            tx, incident_id, None, report=reader, phase=""
        ),
    )
    document = make_summary(case, reader, answers, zone=PARIS)
    stem = f"{reader}-{incident_id}"
    if form == "txt":
        return send_file(document.write_text().encode(), stem, "txt", exercise=case.exercise)
    content = document.print_pdf(made_at=get_desk().now())
    return send_file(content, stem, "pdf", exercise=case.exercise)
