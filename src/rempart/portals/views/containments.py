"""« Mesures » of the console: what holds accounts; hold with a preview, agree, end, release."""

from collections.abc import Callable
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any, Final

from django import forms
from django.http import HttpRequest, HttpResponseBase, HttpResponseRedirect
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.containment import EndReason, MeasureReason, MeasureStep, MeasureTarget
from rempart.accounts.permissions import Permission
from rempart.kernel.errors import NotFound
from rempart.kernel.listing import Listing
from rempart.portals.administering import (
    FORM_METHODS,
    Refused,
    confirm,
    list_abilities,
    name_request,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.containment_wording import (
    END_REASONS,
    MEASURE_REASONS,
    STEP_NAMES,
    TARGET_NAMES,
    describe_open,
    describe_stopped,
)
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.paging import cut_page, describe_listing, read_listing, sort_here
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, read_next, require_visitor
from rempart.portals.wording import describe_profession
from rempart.workflows.guard import contain as workflow
from rempart.workflows.guard.contain import Cost, MeasureRequest, MeasureRow, Whom

REVIEW_HOURS: Final = (1, 4, 12, 24, 72, 168)
EXERCISE_MINUTES: Final = (5, 10, 20, 30)
_PRESET: Final = ("target", "step", "event", "ref")

COLUMNS: Final = (("state", _("État")), ("since", _("Depuis")), ("review", _("À revoir")))
_STATES: Final = (_("attend une seconde personne"), _("en vigueur"), _("finie"))


class MeasureForm(forms.Form):
    """Whom to hold, how, why, and when somebody looks at it again."""

    target = forms.ChoiceField(label=_("Qui"), choices=list(TARGET_NAMES.items()))
    number = forms.CharField(
        label=_("Lequel"),
        help_text=_("RPPS, FINESS ou SIRET, nom public du logiciel, ou code de la profession."),
        max_length=80,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    step = forms.ChoiceField(label=_("Mesure"), choices=list(STEP_NAMES.items()))
    reason = forms.ChoiceField(
        label=_("Motif"),
        help_text=_("Le professionnel le lit."),
        choices=list(MEASURE_REASONS.items()),
    )
    review_hours = forms.TypedChoiceField(
        label=_("À revoir dans"), coerce=int, choices=[(n, f"{n} h") for n in REVIEW_HOURS],
        initial=4,
    )  # fmt: skip
    exercise = forms.TypedChoiceField(
        label=_("Exercice"),
        help_text=_("Un exercice s’arrête tout seul et se montre comme tel."),
        coerce=int,
        choices=[("0", _("non")), *((n, f"{n} min") for n in EXERCISE_MINUTES)],
        initial=0,
    )
    note = forms.CharField(
        label=_("Note pour les collègues"),
        help_text=_("Jamais montrée dehors ; n’y nommez personne."),
        max_length=workflow.NOTE_LIMIT,
        required=False,
        widget=forms.Textarea(attrs={"rows": 2}),
    )
    ref = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    event = forms.IntegerField(required=False, min_value=1, widget=forms.HiddenInput)
    use_required_attribute = False

    def clean(self) -> dict[str, Any] | None:
        """Refuse a measure about nobody."""
        if not self.cleaned_data.get("ref") and not self.cleaned_data.get("number"):
            self.add_error("number", gettext("Dites lequel."))
        return self.cleaned_data


@require_safe
@allows(Permission.READ_GUARD)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """List what is held, what waits for a second person, and what was held."""
    rows, listing = _load(request)
    context = {
        "rows": cut_page(rows, listing),
        **describe_listing(listing, COLUMNS, len(rows)),
        **list_abilities(require_visitor(request), [Permission.CONTAIN, Permission.RELEASE]),
    }
    return render(request, "portals/console/containments.html", context)


@require_safe
@allows(Permission.READ_GUARD)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the measures in the order of the page."""
    rows, _listing = _load(request)
    header = (
        *(gettext("mesure"), gettext("qui"), gettext("comptes"), gettext("état")),
        *(gettext("depuis"), gettext("à revoir"), gettext("finie le"), gettext("motif")),
        *(gettext("exercice"), gettext("note"), gettext("par")),
    )
    cells = (
        (
            *(row["step"], row["whom"], row["touched"], _STATES[row["rank"]]),
            *(format_stamp(row["since"]), format_stamp(row["review"]), format_stamp(row["ended"])),
            *(row["why"], gettext("oui") if row["exercise"] else gettext("non")),
            *(row["note"], row["author"]),
        )
        for row in rows
    )
    return export_csv("mesures.csv", header, cells)


def _load(request: HttpRequest) -> tuple[list[dict[str, Any]], Listing[str]]:
    """Return all measures in the order asked for: what waits for somebody first, usually."""
    now, me = get_desk().now(), require_visitor(request).actor_ref
    found = perform_or_404(request, lambda tx, asker: workflow.list_measures(tx, asker, now=now))
    listing = read_listing(
        request.GET, tuple(name for name, _words in COLUMNS), "state", descending=False
    )
    rows = [_describe(row, me, now) for row in found]
    keys: dict[str, Callable[[dict[str, Any]], Any]] = {
        "state": lambda row: (row["rank"], -row["since"].timestamp()),
        "since": lambda row: row["since"],
        "review": lambda row: row["review"],
    }
    return sort_here(rows, listing, keys[listing.sort]), listing


@require_http_methods(FORM_METHODS)
@allows(Permission.CONTAIN)
def contain(request: HttpRequest) -> HttpResponseBase:
    """Fill in, see what it costs, then hold."""
    if request.method != "POST":
        given = {name: request.GET[name] for name in _PRESET if name in request.GET}
        return _show(request, MeasureForm(initial=given))
    form = MeasureForm(request.POST)
    if not form.is_valid():
        return _show(request, form, status=422)
    whom = _find_whom(request, form)
    if whom is None:
        form.add_error(
            "number",
            gettext(
                "Personne n’a ce numéro ici : comparez-le avec sa source. Un compte dont vous ne"
                " connaissez que le pseudonyme (C-…) se limite depuis sa page."
            ),
        )
        return _show(request, form, status=422)
    if "confirmed" not in request.POST:
        return _preview(request, form, whom)
    return _contain(request, form, whom)


@require_http_methods(FORM_METHODS)
@allows(Permission.CONTAIN)
def approve(request: HttpRequest, measure_ref: int) -> HttpResponseBase:
    """Be the second person, once confirmed."""
    now, row = get_desk().now(), _find(request, measure_ref)
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: workflow.approve(tx, asker, row.measure_ref, now=now)
        ),
        back=reverse("measures"),
        title=gettext("Confirmer une mesure"),
        sentence=_tell_sentence(row),
        button=gettext("Confirmer"),
        refusal=gettext(
            "Refusé : c’est votre demande, vous n’êtes pas une seconde personne, ou rien n’attend."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.RELEASE)
def end(request: HttpRequest, measure_ref: int) -> HttpResponseBase:
    """End a measure, or withdraw a request."""
    now, row = get_desk().now(), _find(request, measure_ref)
    return confirm(
        request,
        lambda: perform(
            request, lambda tx, asker: workflow.end_measure(tx, asker, row.measure_ref, now=now)
        ),
        back=reverse("measures"),
        title=gettext("Lever une mesure"),
        sentence=_tell_sentence(row),
        button=gettext("Lever"),
        refusal=gettext("Refusé : c’est déjà fini."),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.RELEASE)
def release(request: HttpRequest, account_ref: int) -> HttpResponseBase:
    """Release what the guard held by itself: one click."""
    now, ref = get_desk().now(), read_ref(account_ref)
    back, status = read_next(request, otherwise=reverse("measures")), 200
    if request.method == "POST":
        given = request.POST.get("reason", "")
        reason = EndReason(given) if given in set(EndReason) else EndReason.CLEARED
        done = perform(
            request,
            lambda tx, asker: workflow.release_account(tx, asker, ref, now=now, reason=reason),
        )
        if not isinstance(done, Refused):
            return HttpResponseRedirect(back)
        status = done.status
    context = {"back": back, "refused": status != HTTPStatus.OK}
    return render(request, "portals/console/release.html", context, status=status)


def _show(request: HttpRequest, form: MeasureForm, *, status: int = 200) -> HttpResponseBase:
    context = {"form": form, "hidden": {"ref", "event"}}
    return render(request, "portals/console/contain.html", context, status=status)


def _find_whom(request: HttpRequest, form: MeasureForm) -> Whom | None:
    values = form.cleaned_data
    target = MeasureTarget(values["target"])
    if values["ref"] and target is not MeasureTarget.PROFESSION:
        return Whom(target, read_ref(values["ref"]))

    def find(tx: Any, _asker: Any) -> Whom | None:
        try:
            return workflow.find_whom(tx, target, values["number"].strip())
        except NotFound:
            return None

    return perform_or_404(request, find)


def _preview(request: HttpRequest, form: MeasureForm, whom: Whom) -> HttpResponseBase:
    now, step = get_desk().now(), form.cleaned_data["step"]
    cost = perform(
        request,
        lambda tx, asker: workflow.preview(tx, get_desk().readings, asker, whom, now=now),
    )
    if isinstance(cost, Refused):
        form.add_error(None, gettext("Refusé : les portails se coupent à la page « Services »."))
        return _show(request, form, status=cost.status)
    context = {
        "form": form,
        "cost": cost,
        "what": STEP_NAMES[step],
        "whom": _name(whom, cost),
        "stopped": describe_stopped(step),
        "still": describe_open(step),
        "request_id": now.isoformat(),
    }
    return render(request, "portals/console/contain.html", context)


def _contain(request: HttpRequest, form: MeasureForm, whom: Whom) -> HttpResponseBase:
    values, now = form.cleaned_data, get_desk().now()
    minutes = values["exercise"]
    wanted = MeasureRequest(
        step=MeasureStep(values["step"]),
        target=whom.target,
        target_ref=whom.target_ref,
        profession=whom.profession,
        reason=MeasureReason(values["reason"]),
        note=values["note"],
        review_at=now + timedelta(hours=values["review_hours"]),
        ends_at=now + timedelta(minutes=minutes) if minutes else None,
        is_exercise=bool(minutes),
        event_ref=values["event"],
    )
    session_ref = require_visitor(request).session_ref
    measure_ref = name_request(session_ref, request.POST.get("request_id", ""))
    done = perform(
        request,
        lambda tx, asker: workflow.contain(tx, asker, wanted, measure_ref=measure_ref, now=now),
    )
    if isinstance(done, Refused):
        form.add_error(None, gettext("Refusé : la même mesure est prise, ou demandée, déjà."))
        return _show(request, form, status=done.status)
    return HttpResponseRedirect(reverse("measures"))


def _find(request: HttpRequest, measure_ref: int) -> MeasureRow:
    ref, now = read_ref(measure_ref), get_desk().now()
    return perform_or_404(request, lambda tx, asker: workflow.find_measure(tx, asker, ref, now=now))


def _name(whom: Whom, cost: Cost) -> str:
    return str(describe_profession(whom.profession)) if whom.profession else cost.name


def _name_row(row: MeasureRow) -> str:
    called = describe_profession(row.profession) if row.profession else row.called
    return f"{TARGET_NAMES[row.target]} : {called}"


def _tell_sentence(row: MeasureRow) -> str:
    return gettext("%(step)s · %(whom)s · %(accounts)s compte(s) touché(s).") % {
        "step": STEP_NAMES[row.step],
        "whom": _name_row(row),
        "accounts": row.touched,
    }


def _describe(row: MeasureRow, me: int, now: datetime) -> dict[str, Any]:
    in_force, waits = row.is_in_force(now), row.waits(now)
    return {
        "ref": row.measure_ref,
        "step": STEP_NAMES[row.step],
        "whom": _name_row(row),
        "account_ref": row.target_ref if row.target == MeasureTarget.ACCOUNT else None,
        "touched": row.touched,
        "why": MEASURE_REASONS[row.reason],
        "note": row.note,
        "author": row.author,
        "exercise": row.exercise,
        "since": row.starts_at or row.asked_at,
        "review": row.review_at,
        "ends": row.ends_at,
        "is_late": in_force and row.review_at < now,
        "ended": row.ended_at or row.ends_at,
        "end_reason": END_REASONS.get(row.end_reason or ""),
        "waits": waits,
        "in_force": in_force,
        "rank": 0 if waits else 1 if in_force else 2,
        "approvable": waits and row.asked_by != me,
        "endable": waits or in_force,
    }
