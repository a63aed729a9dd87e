"""An insurer's public page about an incident: facts, questions, what is wrong, publishing it.

Refuses to publish by one click what was not looked at: a version is written, read, then published.
"""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any, Final

from django import forms
from django.http import Http404, HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.instants import to_paris_day
from rempart.notices.incident_page import (
    ANSWER_CHARS,
    LANGUAGES,
    MOST_QUESTIONS,
    QUESTION_CHARS,
    IncidentPage,
    Question,
    write_page,
)
from rempart.notices.lint_rules import Severity
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.desk import get_today
from rempart.portals.facts_form import FactsForm, fill_facts
from rempart.portals.forms import LineField, current_language
from rempart.portals.visit import allows, require_visitor
from rempart.portals.whole_numbers import read_whole
from rempart.workflows.notices import incident_pages
from rempart.workflows.notices.incident_pages import REASON_LIMIT, OwnPage

# What word processors put before a question mark, and browsers at the end of a line.
_PLAIN: Final = str.maketrans({"\u00a0": " ", "\u202f": " ", "\r": None})
_AREA: Final = {"rows": 4, "autocomplete": "off"}


class QuestionForm(forms.Form):
    """A question and its answer, in both languages."""

    question_fr = LineField(label=_("Question, en français"), max_length=QUESTION_CHARS)
    answer_fr = forms.CharField(
        label=_("Réponse, en français"),
        help_text=_("Des phrases courtes, sans lien."),
        max_length=ANSWER_CHARS,
        widget=forms.Textarea(attrs=_AREA),
    )
    question_en = LineField(label=_("Question, en anglais"), max_length=QUESTION_CHARS)
    answer_en = forms.CharField(
        label=_("Réponse, en anglais"),
        max_length=ANSWER_CHARS,
        widget=forms.Textarea(attrs=_AREA),
    )
    use_required_attribute = False

    def read_question(self) -> Question | None:
        """Return the question; None when it cannot be one: the form then says why."""
        if not self.is_valid():
            return None
        given = {name: text.translate(_PLAIN) for name, text in self.cleaned_data.items()}
        try:
            return Question(**given)
        except ValueError:
            self.add_error(None, _("Un caractère ne s’imprime pas : tabulation, sens d’écriture…"))
            return None


class ChangeForm(forms.Form):
    """What changed since the version before, in one line."""

    change_fr = LineField(
        label=_("Ce qui change, en français"), max_length=QUESTION_CHARS, required=False
    )
    change_en = LineField(
        label=_("Ce qui change, en anglais"), max_length=QUESTION_CHARS, required=False
    )
    use_required_attribute = False

    def clean(self) -> dict[str, Any]:
        """Refuse a change that is said in one language only."""
        said = super().clean() or {}
        for one, other in (("change_fr", "change_en"), ("change_en", "change_fr")):
            if said.get(one) and said.get(other) == "":
                self.add_error(other, _("Dites-le dans les deux langues, ou dans aucune."))
        return said


class WithdrawForm(forms.Form):
    """Why a page is taken back."""

    reason = forms.CharField(
        label=_("Pourquoi, pour ceux qui la liront encore"),
        max_length=REASON_LIMIT,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False


@require_safe
@allows(Permission.WRITE_INCIDENT_PAGE)
def own_page(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Show the page as it is published and as it is being written, with what is wrong."""
    return _show(request, read_ref(incident_id))


@require_http_methods(FORM_METHODS)
@allows(Permission.WRITE_INCIDENT_PAGE)
def write_facts(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Ask for the facts, then write them in the draft."""
    number = read_ref(incident_id)
    own = _load(request, number)
    form = FactsForm(request.POST) if request.method == "POST" else _propose_facts(own)
    status = 200
    if request.method == "POST":
        today = get_today()
        facts = form.read_facts(version=1 + len(own.versions), written_on=today)
        status = 422
        if facts is not None:
            done = perform(
                request,
                lambda tx, asker: incident_pages.save_draft(
                    tx, asker, number, incident_pages.draft_page(own, facts, now=asker.now)
                ),
            )
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("own-page", args=[number]))
            status = done.status
    context = {"own": own, "form": form, "incident_id": number, "refused": status == 409}
    return render(request, "portals/concerned/page_facts.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.WRITE_INCIDENT_PAGE)
def write_questions(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Write, move or remove a question of the draft, or say what changed."""
    number = read_ref(incident_id)
    own = _load(request, number)
    if own.draft is None:
        raise Http404
    page = own.draft.page
    if request.POST.get("act") == "change":
        return _write_change(request, number, page)
    place = _read_place(request, len(page.questions))
    form = QuestionForm(
        request.POST if request.POST.get("act") == "save" else None,
        initial=_fill_question(page.questions, place),
    )
    if request.method == "POST":
        changed = _change(request, page, place, form)
        if changed is not None:
            done = perform(
                request, lambda tx, asker: incident_pages.save_draft(tx, asker, number, changed)
            )
            if not isinstance(done, Refused):
                return HttpResponseRedirect(reverse("own-page", args=[number]))
            return _show(request, number, status=done.status)
    context = {
        "own": own,
        "form": form,
        "place": place,
        "incident_id": number,
        "most": MOST_QUESTIONS,
        "is_full": place is None and len(page.questions) >= MOST_QUESTIONS,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "portals/concerned/page_question.html", context, status=status)


def _write_change(request: HttpRequest, incident_id: int, page: IncidentPage) -> HttpResponseBase:
    """Say in the draft what changed since the version before."""
    form = ChangeForm(request.POST)
    if not form.is_valid():
        return _show(request, incident_id, status=422, change=form)
    changed = replace(page, **form.cleaned_data)
    done = perform(
        request, lambda tx, asker: incident_pages.save_draft(tx, asker, incident_id, changed)
    )
    if isinstance(done, Refused):
        return _show(request, incident_id, status=done.status, change=form)
    return HttpResponseRedirect(reverse("own-page", args=[incident_id]))


@require_http_methods(FORM_METHODS)
@allows(Permission.PUBLISH_INCIDENT_PAGE)
def publish(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Let everybody read the draft; whoever comes back from a confirmation looks at it again."""
    number = read_ref(incident_id)
    if request.method != "POST":
        return _show(request, number)
    done = perform(request, lambda tx, asker: incident_pages.publish_page(tx, asker, number))
    if isinstance(done, Refused):
        return _show(request, number, status=done.status)
    return HttpResponseRedirect(reverse("own-page", args=[number]))


@require_http_methods(FORM_METHODS)
@allows(Permission.PUBLISH_INCIDENT_PAGE)
def withdraw(request: HttpRequest, incident_id: int) -> HttpResponseBase:
    """Take the page back."""
    number = read_ref(incident_id)
    if request.method != "POST":
        return _show(request, number)
    form = WithdrawForm(request.POST)
    if not form.is_valid():
        return _show(request, number, status=422, withdrawing=form)
    reason = form.cleaned_data["reason"]
    done = perform(
        request, lambda tx, asker: incident_pages.withdraw_page(tx, asker, number, reason)
    )
    if isinstance(done, Refused):
        return _show(request, number, status=done.status)
    return HttpResponseRedirect(reverse("own-page", args=[number]))


def _load(request: HttpRequest, incident_id: int) -> OwnPage:
    return perform_or_404(
        request, lambda tx, asker: incident_pages.read_own_page(tx, asker, incident_id)
    )


def _show(
    request: HttpRequest,
    incident_id: int,
    *,
    status: int = 200,
    withdrawing: WithdrawForm | None = None,
    change: ChangeForm | None = None,
) -> HttpResponseBase:
    own = _load(request, incident_id)
    language = current_language()
    shown = own.draft or own.published
    visitor = require_visitor(request)
    context: dict[str, Any] = {
        "own": own,
        "incident_id": incident_id,
        "head": own.head,
        "shown": shown,
        "previews": []
        if shown is None
        else [{"language": one, "blocks": write_page(shown.page, one)} for one in LANGUAGES],
        "questions": [] if shown is None else [q.say(language) for q in shown.page.questions],
        "findings": [
            {
                "language": one.language,
                "blocking": one.finding.rule.severity is Severity.BLOCKING,
                "excerpt": one.finding.excerpt,
                "message": one.finding.message(language),
                "advice": one.finding.advice(language),
            }
            for one in own.findings
        ],
        "change": change
        or ChangeForm(
            initial={}
            if own.draft is None
            else {
                "change_fr": own.draft.page.change_fr,
                "change_en": own.draft.page.change_en,
            }
        ),
        "withdrawing": withdrawing or WithdrawForm(),
        "refused": status != 200 and not (status == 422 and (withdrawing or change)),
        **list_abilities(visitor, [Permission.PUBLISH_INCIDENT_PAGE]),
    }
    return render(request, "portals/concerned/own_page.html", context, status=status)


def _propose_facts(own: OwnPage) -> FactsForm:
    """Return the form filled with what is known: the draft, the campaign, or the package."""
    newest = own.draft or own.published
    facts = own.draft.page.facts if own.draft else own.facts
    if facts is None and newest is not None:
        facts = newest.page.facts
    if facts is not None:
        return FactsForm(initial=fill_facts(facts))
    package = own.package
    first, last = (incident_pages.to_day(ms) for ms in (package.starts_ms, package.ends_ms - 1))
    told = to_paris_day(package.sent_at)
    return FactsForm(
        initial={
            "name": package.insurer,
            "starts_on": first,
            "ends_on": min(last, told),
            "told_on": told,
        }
    )


def _read_place(request: HttpRequest, count: int) -> int | None:
    """Return which question is meant, from 0; None: a new one.

    Raises:
        Http404: there is no such question.
    """
    text = request.POST.get("n") or request.GET.get("n") or ""
    if not text:
        return None
    place = read_whole(text, most=count - 1)
    if place is None:
        raise Http404
    return place


def _fill_question(questions: Sequence[Question], place: int | None) -> dict[str, str]:
    if place is None:
        return {}
    one = questions[place]
    return {name: getattr(one, name) for name in QuestionForm.base_fields}


def _change(
    request: HttpRequest, page: IncidentPage, place: int | None, form: QuestionForm
) -> IncidentPage | None:
    """Return the page as somebody changed it; None when it cannot be so: the form says why."""
    questions = list(page.questions)
    try:
        match request.POST.get("act"):
            case "save":
                question = form.read_question()
                if question is None:
                    return None
                _put(questions, place, question)
            case "remove" if place is not None:
                del questions[place]
            case "up" if place:
                questions[place - 1], questions[place] = questions[place], questions[place - 1]
            case _:
                raise Http404
        return replace(page, questions=tuple(questions))
    except ValueError:
        form.add_error(None, _("Cette question y est déjà, ou il y en a trop."))
        return None


def _put(questions: list[Question], place: int | None, question: Question) -> None:
    if place is None:
        questions.append(question)
    else:
        questions[place] = question
