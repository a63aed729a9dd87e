"""« Travaux » of the console: what runs by itself, what waits, what failed and why; retry, stop.

Refuses to show what a job is about but by references, and of a failure anything but our own words.
"""

from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponse, HttpResponseBase
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
from rempart.portals.csv_export import export_csv
from rempart.portals.desk import get_desk
from rempart.portals.job_wording import JOB_NAMES, OUTCOME_NAMES, STATE_NAMES, UNIT_NAMES
from rempart.portals.paging import describe_listing, export_listing, read_listing
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows, require_visitor
from rempart.workflows.jobs import manage_jobs
from rempart.workflows.jobs.read_jobs import (
    AttemptRow,
    JobColumn,
    JobRow,
    Watch,
    compute_share,
    format_arguments,
    list_attempts,
    list_jobs,
    read_job,
    watch_jobs,
)

COLUMNS: Final = (
    ("job", _("Numéro")),
    ("kind", _("Travail")),
    ("state", _("État")),
    ("since", _("Depuis")),
    ("tries", _("Essais")),
)
LATE_FROM_S: Final = 300
REFRESH_S: Final = 5


@require_safe
@allows(Permission.READ_SERVICES)
def list_all(request: HttpRequest) -> HttpResponseBase:
    """Show what is due when, and the jobs, the newest first unless asked otherwise."""
    state = _read_state(request)
    listing = read_listing(request.GET, get_args(JobColumn), "job")
    (rows, total), watch = perform_or_404(
        request,
        lambda tx, asker: (
            list_jobs(tx, asker, listing, state=state),
            watch_jobs(tx, asker, now=get_desk().now()),
        ),
    )
    context = {
        "rows": [_describe(row) for row in rows],
        "states": [(name, words, name == state) for name, words in STATE_NAMES.items()],
        "dues": _describe_dues(watch),
        "works": watch.works,
        "pulse": watch.pulse,
        **describe_listing(listing, COLUMNS, total),
    }
    return render(request, "portals/console/jobs.html", context)


@require_safe
@allows(Permission.READ_SERVICES)
def list_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the jobs."""
    listing = export_listing(read_listing(request.GET, get_args(JobColumn), "job"))
    state = _read_state(request)
    rows, _total = perform_or_404(
        request, lambda tx, asker: list_jobs(tx, asker, listing, state=state)
    )
    header = (
        *(gettext("numéro"), gettext("travail"), gettext("à propos de"), gettext("état")),
        *(gettext("essais"), gettext("commencé le"), gettext("fini le"), gettext("fait")),
        *(gettext("sur"), gettext("unité"), gettext("code"), gettext("cause")),
    )
    cells = (
        (
            *(row.job_id, JOB_NAMES[row.kind], format_arguments(row.arguments)),
            *(STATE_NAMES[row.state], row.tries, format_stamp(row.started_at)),
            *(format_stamp(row.ended_at), row.done, "" if row.total is None else row.total),
            *(UNIT_NAMES.get(row.unit, row.unit), row.code, row.reason),
        )
        for row in rows
    )
    return export_csv("travaux.csv", header, cells)


@require_safe
@allows(Permission.READ_SERVICES)
def one(request: HttpRequest, job_id: int) -> HttpResponse:
    """Show one job: how far it is, each attempt, and what may be done with it."""
    row, attempts = perform_or_404(
        request,
        lambda tx, asker: (
            read_job(tx, asker, read_ref(job_id)),
            list_attempts(tx, asker, job_id),
        ),
    )
    context = {
        **_describe(row),
        **list_abilities(require_visitor(request), [Permission.MANAGE_JOBS]),
        "attempts": [_describe_attempt(attempt) for attempt in attempts],
    }
    answer = render(request, "portals/console/job.html", context)
    if row.state in {"todo", "doing"}:
        answer["Refresh"] = str(REFRESH_S)
    return answer


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_JOBS)
def retry(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """Have a job taken up again, once confirmed."""
    _find(request, job_id)
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: manage_jobs.retry_job(tx, asker, job_id)),
        back=reverse("job", args=[job_id]),
        title=gettext("Reprendre ce travail"),
        sentence=gettext(
            "Il reprend tout de suite. Ce qui était fait le reste : rien n’est fait deux fois."
        ),
        button=gettext("Reprendre"),
        refusal=gettext("Refusé : il attend, court ou a réussi, ou le même attend déjà."),
    )


@require_http_methods(FORM_METHODS)
@allows(Permission.MANAGE_JOBS)
def cancel(request: HttpRequest, job_id: int) -> HttpResponseBase:
    """Stop a job, once confirmed."""
    _find(request, job_id)
    return confirm(
        request,
        lambda: perform(request, lambda tx, asker: manage_jobs.cancel_job(tx, asker, job_id)),
        back=reverse("job", args=[job_id]),
        title=gettext("Arrêter ce travail"),
        sentence=gettext(
            "S’il attend, il ne commencera pas ; s’il court, il s’arrête à sa prochaine étape. "
            "Ce qui est fait reste fait."
        ),
        button=gettext("Arrêter"),
        refusal=gettext("Refusé : il est fini."),
    )


def _find(request: HttpRequest, job_id: int) -> None:
    """Refuse a page about a job that is not there for the visitor."""
    perform_or_404(request, lambda tx, asker: read_job(tx, asker, read_ref(job_id)))


def _read_state(request: HttpRequest) -> str | None:
    state = request.GET.get("etat", "")
    return state if state in STATE_NAMES else None


def _describe(row: JobRow) -> dict[str, Any]:
    return {
        "row": row,
        "name": JOB_NAMES[row.kind],
        "about": format_arguments(row.arguments),
        "state": STATE_NAMES[row.state],
        "since": row.started_at or row.due_at or row.asked_at,
        "unit": UNIT_NAMES.get(row.unit, row.unit),
        "share": compute_share(row),
        "retryable": row.state in {"failed", "cancelled", "aborted"},
        "cancellable": row.state in {"todo", "doing"} and not row.cancelling,
    }


def _describe_attempt(attempt: AttemptRow) -> dict[str, Any]:
    late_s = attempt.late_s if attempt.late_s >= LATE_FROM_S else 0
    return {
        "attempt": attempt,
        "outcome": OUTCOME_NAMES[attempt.outcome],
        "late_minutes": late_s // 60,
    }


def _describe_dues(watch: Watch) -> list[dict[str, Any]]:
    return [{"due": due, "name": JOB_NAMES[due.kind]} for due in watch.dues if due.cron]
