"""« Paiements » of the host: runs prepared, approved by two people, sent; in sums, no act.

Refuses agents of hosted operators: this installation's money is not theirs.
"""

from datetime import timedelta
from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import (
    FORM_METHODS,
    confirm,
    list_abilities,
    perform,
    perform_or_404,
    read_ref,
)
from rempart.portals.care_wording import describe_state
from rempart.portals.csv_export import export_csv
from rempart.portals.deciding import WhyForm, take_decision
from rempart.portals.desk import get_today
from rempart.portals.money_cells import format_cell
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.payer_wording import (
    BANK_FILES,
    RULES,
    RUN_BADGES,
    RUN_STATES,
    TRANSFER_STATES,
    name_reason,
)
from rempart.portals.times import format_stamp
from rempart.portals.views.payments import draw_promise
from rempart.portals.visit import allows, require_visitor
from rempart.settlement.references import format_reference
from rempart.workflows.settlement import approve_run, read_runs
from rempart.workflows.settlement.read_runs import (
    RunColumn,
    RunRemittance,
    RunRemittanceColumn,
    RunRow,
)

COLUMNS: Final = (
    ("run", _("Campagne")),
    ("day", _("Jour")),
    ("amount", _("Montant")),
    ("state", _("État")),
)
TRANSFER_COLUMNS: Final = (
    ("establishment", _("Établissement")),
    ("amount", _("Montant")),
    ("state", _("État")),
)
PROMISE_DAYS: Final = 365


@require_safe
@allows(Permission.READ_RUNS)
def runs(request: HttpRequest) -> HttpResponseBase:
    """Show the runs, and how the promise is kept."""
    listing = read_listing(request.GET, get_args(RunColumn), "run")
    state = _read_state(request)
    since = get_today() - timedelta(days=PROMISE_DAYS)

    def load(tx: Any, asker: Any) -> Any:
        page = read_runs.list_runs(tx, asker, listing, state=state)
        return *page, read_runs.read_promise(tx, asker, since=since)

    rows, total, promise = perform_or_404(request, load)
    context = {
        "rows": [_describe(row) for row in rows],
        "states": RUN_STATES.items(),
        "shown": state,
        "promise": promise,
        "kept": 1 - promise.late / promise.total if promise.total else None,
        "median": promise.find_quantile(5_000) if promise.total else None,
        "chart": draw_promise(promise),
        **list_abilities(require_visitor(request), [Permission.PLAN_RUN]),
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/payers/runs.html", context)


@require_safe
@allows(Permission.READ_RUNS)
def runs_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the runs."""
    listing = export_listing(read_listing(request.GET, get_args(RunColumn), "run"))
    rows, _total = perform_or_404(
        request,
        lambda tx, asker: read_runs.list_runs(tx, asker, listing, state=_read_state(request)),
    )
    header = (
        *(gettext("campagne"), gettext("jour"), gettext("état"), gettext("virements")),
        *(gettext("montant"), gettext("premier accord"), gettext("deuxième accord")),
        *(gettext("envoyée le"), gettext("raison")),
    )
    cells = [
        (
            *(row.run_id, row.day, RUN_STATES[row.state], row.remittances),
            *(format_cell(row.cents), row.first_by_name, row.second_by_name),
            *(format_stamp(row.sent_at) if row.sent_at else "", row.reason),
        )
        for row in rows
    ]
    return export_csv("campagnes.csv", header, cells)


@require_safe
@allows(Permission.READ_RUNS)
def run(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Show what a run pays, on whose behalf, what it leaves, and its transfers."""
    ref = read_ref(run_id)
    listing = read_listing(request.GET, get_args(RunRemittanceColumn), "amount")

    def load(tx: Any, asker: Any) -> Any:
        preview = read_runs.read_run(tx, asker, ref)
        return preview, *read_runs.list_run_remittances(tx, asker, ref, listing)

    preview, transfers, total = perform_or_404(request, load)
    context = {
        **_describe(preview.row),
        "preview": preview,
        "insurers": [{"sum": one, "rule": RULES.get(one.rule, "")} for one in preview.insurers],
        "carried": [{"sum": one, "reason": name_reason(one.reason)} for one in preview.carried],
        "held": [{"row": one, "reason": name_reason(one.reason)} for one in preview.held],
        "most_held": read_runs.MOST_HELD,
        "files": [
            {"file": one, "name": read_runs.format_message_id(one.file_id), "kind": _name(one.kind)}
            for one in preview.files
        ],
        "rows": [_describe_transfer(one) for one in transfers],
        "is_planned": preview.row.state == "planned",
        **list_abilities(require_visitor(request), [Permission.APPROVE_RUN]),
        **describe_listing(listing, TRANSFER_COLUMNS, total),
    }
    return render(request, "portals/payers/run.html", context)


@require_safe
@allows(Permission.READ_RUNS)
def run_csv(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Download the transfers of a run."""
    ref = read_ref(run_id)
    listing = export_listing(read_listing(request.GET, get_args(RunRemittanceColumn), "amount"))

    def load(tx: Any, asker: Any) -> Any:
        read_runs.read_run(tx, asker, ref)
        return read_runs.list_run_remittances(tx, asker, ref, listing)

    rows, _total = perform_or_404(request, load)
    header = (
        *(gettext("référence"), gettext("établissement"), gettext("ville"), gettext("montant")),
        *(gettext("lignes"), gettext("état"), gettext("pourquoi"), gettext("exécuté le")),
        gettext("jours ouvrés"),
    )
    cells = [
        (
            *(format_reference("remittance", one.remittance_id), one.name, one.city),
            *(format_cell(one.cents), one.lines, TRANSFER_STATES[one.state]),
            *(name_reason(one.reason) if one.reason else "", one.execution_on or ""),
            "" if one.working_days is None else one.working_days,
        )
        for one in rows
    ]
    return export_csv(f"campagne-{ref}.csv", header, cells)


@require_http_methods(FORM_METHODS)
@allows(Permission.PLAN_RUN)
def plan(request: HttpRequest) -> HttpResponseBase:
    """Ask, then have a run prepared; a job does it."""
    return confirm(
        request,
        lambda: perform(request, approve_run.ask_plan),
        back=reverse("runs"),
        title=gettext("Préparer une campagne"),
        sentence=gettext(
            "Un travail rassemble ce qui est dû et à qui. Rien ne part sans l’accord de deux "
            "personnes."
        ),
        button=gettext("Préparer"),
        refusal=gettext("Ce n’est pas possible maintenant."),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_RUN)
def approve(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Ask, then agree to a run."""
    ref = read_ref(run_id)
    perform_or_404(request, lambda tx, asker: read_runs.read_run(tx, asker, ref))
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: approve_run.approve_run(tx, asker, ref)),
        back=reverse("run", args=[ref]),
        title=gettext("Donner son accord à la campagne"),
        sentence=gettext(
            "Après le premier accord rien ne part encore ; après le deuxième, d’une autre "
            "personne, les virements sont envoyés à la banque."
        ),
        button=gettext("Donner mon accord"),
        refusal=gettext(
            "Il faut une deuxième personne, arrivée indépendamment de la première, et une "
            "campagne qui attend encore."
        ),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.APPROVE_RUN)
def refuse(request: HttpRequest, run_id: int) -> HttpResponseBase:
    """Ask why, then refuse a run."""
    ref = read_ref(run_id)
    perform_or_404(request, lambda tx, asker: read_runs.read_run(tx, asker, ref))
    form = WhyForm(request.POST if request.method == "POST" else None)
    return take_decision(
        request,
        form,
        lambda tx, asker: approve_run.refuse_run(tx, asker, ref, form.why),
        title=gettext("Refuser la campagne"),
        reference=str(ref),
        sentence=gettext("Rien n’est payé ; ce qu’elle contenait attend la prochaine."),
        button=gettext("Refuser"),
        refusal=gettext("Elle est déjà décidée : relisez-la."),
        back=reverse("run", args=[ref]),
    )


def _describe(row: RunRow) -> dict[str, Any]:
    return {"row": row, "state": describe_state(row.state, RUN_STATES, RUN_BADGES)}


def _describe_transfer(row: RunRemittance) -> dict[str, Any]:
    return {
        "row": row,
        "reference": format_reference("remittance", row.remittance_id),
        "state": TRANSFER_STATES[row.state],
        "reason": name_reason(row.reason) if row.reason else "",
    }


def _name(kind: str) -> str:
    return str(BANK_FILES.get(kind, kind))


def _read_state(request: HttpRequest) -> str | None:
    state = request.GET.get("etat", "")
    return state if state in RUN_STATES else None
