"""How long what is kept: the schedule in force, others proposed, tried, approved by two people."""

from collections.abc import Mapping
from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.kernel.reasons import REASON_LETTERS
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    confirm,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.forms import current_language
from rempart.portals.retention_wording import FACTS, FIELDS, PHASES, SCHEDULE_STATES, STEPS
from rempart.portals.visit import allows, require_visitor
from rempart.retention.schedule import (
    MOST_BYTES,
    MOST_MONTHS,
    Rule,
    Schedule,
    ScheduleRefused,
    parse_schedule,
)
from rempart.retention.schedule_edit import change_periods
from rempart.workflows.retention import retention_schedules as acts


class ScheduleForm(forms.Form):
    """A schedule as text, and why."""

    content = forms.CharField(
        label=_("Calendrier"),
        help_text=_("Celui en vigueur, à modifier. Une règle : des champs, un fait, une durée."),
        max_length=MOST_BYTES,
        strip=False,
        widget=forms.Textarea(
            attrs={"rows": 24, "autocomplete": "off", "spellcheck": "false", "class": "mono"}
        ),
    )
    note = forms.CharField(
        label=_("Pourquoi"),
        help_text=_("La personne qui approuve le lira. Ne nommez personne."),
        max_length=REASON_LETTERS,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False

    def clean_content(self) -> str:
        """Read the schedule; say everything that is wrong in it."""
        content: str = self.cleaned_data["content"].replace("\r\n", "\n")
        try:
            parse_schedule(content)
        except ScheduleRefused as refused:
            raise forms.ValidationError(
                [f"{one.field} : {one.message}" for one in refused.findings]
            ) from None
        return content


class PeriodsForm(forms.Form):
    """How many months each rule keeps, and why it changes.

    Args:
        schedule: The one in force.
    """

    routine_people = forms.IntegerField(
        label=_("Personnes qui partent sans autre accord"),
        help_text=_(
            "Un passage de si peu de personnes part seul, sous un calendrier que deux personnes "
            "ont approuvé. 0 : chaque passage demande deux accords."
        ),
        min_value=0,
        max_value=1_000_000,
    )
    note = forms.CharField(
        label=_("Pourquoi"),
        help_text=_("La personne qui approuve le lira. Ne nommez personne."),
        max_length=REASON_LETTERS,
        widget=forms.Textarea(attrs={"rows": 2, "autocomplete": "off"}),
    )
    use_required_attribute = False

    def __init__(self, *values: Any, schedule: Schedule, **options: Any) -> None:
        super().__init__(*values, **options)
        self.rules = schedule.rules
        self.fields["routine_people"].initial = schedule.routine_people
        for rule in schedule.rules:
            self.fields[f"mois-{rule.code}"] = forms.IntegerField(
                label=_("Mois"), min_value=0, max_value=MOST_MONTHS, initial=rule.months
            )

    def list_rules(self) -> list[dict[str, Any]]:
        """Return each rule with its field, in the order of the schedule."""
        return [
            {"rule": describe_rule(rule), "field": self[f"mois-{rule.code}"]} for rule in self.rules
        ]

    def write(self, text: str) -> str:
        """Return the text in force with these periods; the form is valid.

        Raises:
            ValueError: its periods cannot be changed by a form.
        """
        answers = self.cleaned_data
        months = {rule.code: answers[f"mois-{rule.code}"] for rule in self.rules}
        return change_periods(text, months, routine_people=answers["routine_people"])


@require_safe
@allows(Permission.MANAGE_RETENTION)
def schedules(request: HttpRequest) -> HttpResponseBase:
    """Show the schedule in force, and those that were proposed."""

    def load(tx: Any, asker: Any) -> Any:
        return acts.list_schedules(tx, asker), acts.read_in_force(tx)

    rows, in_force = perform_or_404(request, load)
    context = {
        "rows": [{"row": row, "state": SCHEDULE_STATES[row.state]} for row in rows],
        "title": in_force.en if current_language() == "en" else in_force.fr,
        "rules": [describe_rule(rule) for rule in in_force.rules],
        "routine": in_force.routine_people,
    }
    return render(request, "portals/retention/schedules.html", context)


@require_safe
@allows(Permission.MANAGE_RETENTION)
def schedule_toml(request: HttpRequest) -> HttpResponseBase:
    """Download the schedule in force."""

    def load(tx: Any, asker: Any) -> str:
        acts.list_schedules(tx, asker)
        return acts.read_text_in_force(tx)

    response = HttpResponse(perform_or_404(request, load), content_type="text/plain; charset=utf-8")
    response.headers["Content-Disposition"] = 'attachment; filename="calendrier.toml"'
    return response


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_RETENTION)
def propose(request: HttpRequest) -> HttpResponseBase:
    """Show the schedule in force to be edited, then propose what was written."""

    def load(tx: Any, asker: Any) -> str:
        acts.list_schedules(tx, asker)
        return acts.read_text_in_force(tx)

    text = perform_or_404(request, load)
    form = ScheduleForm(
        request.POST if request.method == "POST" else None, initial={"content": text}
    )
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        done = _propose(request, form.cleaned_data["content"], form.cleaned_data["note"])
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("retention-schedule", args=[done]))
        status = done.status
    context = {"form": form, "refused": status != 200 and not form.errors}
    return render(request, "portals/retention/propose.html", context, status=status)


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_RETENTION)
def change_periods_form(request: HttpRequest) -> HttpResponseBase:
    """Show the periods in force to be changed, then propose what was written."""

    def load(tx: Any, asker: Any) -> tuple[str, Schedule]:
        acts.list_schedules(tx, asker)
        return acts.read_text_in_force(tx), acts.read_in_force(tx)

    text, in_force = perform_or_404(request, load)
    form = PeriodsForm(request.POST if request.method == "POST" else None, schedule=in_force)
    status = 422 if form.errors else 200
    if request.method == "POST" and form.is_valid():
        try:
            done = _propose(request, form.write(text), form.cleaned_data["note"])
        except ValueError:
            # Written by hand in a way no form follows: the text itself is edited.
            return HttpResponseRedirect(reverse("propose-schedule"))
        if not isinstance(done, Refused):
            return HttpResponseRedirect(reverse("retention-schedule", args=[done]))
        status = done.status
    context = {
        "form": form,
        "rules": form.list_rules(),
        "refused": status != 200 and not form.errors,
    }
    return render(request, "portals/retention/periods.html", context, status=status)


def _propose(request: HttpRequest, content: str, note: str) -> int | Refused:
    return perform(request, lambda tx, asker: acts.propose_schedule(tx, asker, content, note=note))


@require_safe
@allows(Permission.MANAGE_RETENTION)
def schedule(request: HttpRequest, schedule_ref: int) -> HttpResponseBase:
    """Show one schedule: what it changes, what it would do today, what may be done with it."""
    ref = read_ref(schedule_ref)

    def load(tx: Any, asker: Any) -> Any:
        row = acts.read_schedule(tx, asker, ref)
        return row, acts.list_changes(tx, row)

    row, changes = perform_or_404(request, load)
    visitor = require_visitor(request)
    context = {
        "row": row,
        "state": SCHEDULE_STATES[row.state],
        "changes": [
            {
                "code": (after or before).code,
                "before": describe_rule(before) if before else None,
                "after": describe_rule(after) if after else None,
            }
            for before, after in changes
        ],
        "effect": _describe_effect(row.effect),
        **_sum_effect(row.effect),
        "is_open": row.state == "proposed",
        "is_own": row.proposed_by == visitor.actor_ref,
        **list_abilities(visitor, [Permission.APPROVE_PURGE]),
    }
    return render(request, "portals/retention/schedule.html", context)


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_PURGE)
def approve(request: HttpRequest, schedule_ref: int) -> HttpResponseBase:
    """Ask, then approve a schedule."""
    return _decide(request, schedule_ref, approve=True)


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_PURGE)
def refuse(request: HttpRequest, schedule_ref: int) -> HttpResponseBase:
    """Ask, then refuse a schedule, or take one's own back."""
    return _decide(request, schedule_ref, approve=False)


def _decide(request: HttpRequest, schedule_ref: int, *, approve: bool) -> HttpResponseBase:
    ref = read_ref(schedule_ref)
    perform_or_404(request, lambda tx, asker: acts.read_schedule(tx, asker, ref))
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: acts.decide_schedule(tx, asker, ref, approve=approve)
        ),
        back=reverse("retention-schedule", args=[ref]),
        title=gettext("Approuver ce calendrier") if approve else gettext("Écarter ce calendrier"),
        sentence=gettext("Il vaut dès maintenant pour les prochains passages.")
        if approve
        else gettext("Celui en vigueur le reste."),
        button=gettext("Approuver") if approve else gettext("Écarter"),
        refusal=gettext(
            "Il faut une autre personne que celle qui propose, toutes deux là depuis trente jours, "
            "et un calendrier essayé qui attend encore."
        ),
    )


def describe_rule(rule: Rule) -> dict[str, Any]:
    """Return what a page shows of a rule."""
    return {
        "code": rule.code,
        "fields": ", ".join(str(FIELDS[field]) for field in sorted(rule.fields)),
        "phase": PHASES[rule.phase],
        "start": FACTS[rule.start],
        "months": rule.months,
        "year_end": rule.year_end,
        "interruptible": rule.interruptible,
        "source": rule.source,
        "words": rule.en if current_language() == "en" else rule.fr,
    }


def _sum_effect(effect: Mapping[str, Any] | None) -> dict[str, int]:
    """Return how many lines more would leave for good, and go to the archive."""
    totals = {"delete": 0, "archive": 0}
    for sign, when in ((1, "then"), (-1, "now")):
        for name, count in (effect or {}).get(when, {}).items():
            step = name.partition(" ")[0]
            if step in totals:
                totals[step] += sign * count
    return {"more_gone": totals["delete"], "more_archived": totals["archive"]}


def _describe_effect(effect: Mapping[str, Any] | None) -> list[dict[str, Any]] | None:
    """Return the counts of a trial, line by line; None: it was not tried yet."""
    if effect is None:
        return None
    lines: list[dict[str, Any]] = []
    for name in sorted({*effect["now"], *effect["then"]}):
        step, _space, field = name.partition(" ")
        now, then = effect["now"].get(name, 0), effect["then"].get(name, 0)
        lines.append(
            {
                "step": STEPS[step],
                "field": FIELDS[field],
                "now": now,
                "then": then,
                "more": then - now,
            }
        )
    return lines
