"""« Sauvegardes »: which there are, restored when, what was erased again; warnings when none is."""

from typing import Any, Final, get_args

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe

from rempart.accounts.permissions import Permission
from rempart.portals.administering import perform_or_404, read_ref
from rempart.portals.csv_export import export_csv
from rempart.portals.list_page import ListPage
from rempart.portals.retention_wording import BACKUP_WARNINGS
from rempart.portals.times import format_stamp
from rempart.portals.visit import allows
from rempart.workflows.backups import watch_backups as acts
from rempart.workflows.backups.watch_backups import BackupColumn, BackupRow, BackupWarning

COLUMNS: Final = (
    ("made", _("Faite le")),
    ("bytes", _("Taille")),
    ("until", _("Gardée jusqu’au")),
)
_GRAVE: Final = frozenset({BackupWarning.NONE, BackupWarning.OLD, BackupWarning.TOO_LONG})


def _describe(row: BackupRow) -> dict[str, Any]:
    return {"row": row}


_LIST: Final = ListPage(
    template="portals/retention/backups.html",
    columns=COLUMNS,
    sortable=get_args(BackupColumn),
    load=acts.list_backups,
    describe=_describe,
)


@require_safe
@allows(Permission.READ_SERVICES)
def backups(request: HttpRequest) -> HttpResponseBase:
    """Show the backups, the newest first unless asked otherwise."""
    summary = perform_or_404(request, acts.watch)
    context = {
        "figures": summary.figures,
        "warnings": [
            {"words": BACKUP_WARNINGS[one], "is_grave": one in _GRAVE} for one in summary.warnings
        ],
        "restorations": [
            {"row": one, "again": max(0, one.purges_to - one.purges_from)}
            for one in summary.restorations
        ],
        "signed_by": summary.restorations[0].signed_by if summary.restorations else "",
    }
    return _LIST.show(request, **context)


@require_safe
@allows(Permission.READ_SERVICES)
def certificate(request: HttpRequest, restoration_number: int) -> HttpResponseBase:
    """Download the signed certificate of what a restoration erased again."""
    number = read_ref(restoration_number)
    note = perform_or_404(
        request, lambda tx, asker: acts.read_restoration_certificate(tx, asker, number)
    )
    response = HttpResponse(note, content_type="text/plain; charset=utf-8")
    name = f"restauration-{number}.txt"
    response.headers["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
@allows(Permission.READ_SERVICES)
def backups_csv(request: HttpRequest) -> HttpResponseBase:
    """Download the list of backups."""
    header = (
        *(gettext("sauvegarde"), gettext("faite le"), gettext("octets"), gettext("version")),
        *(gettext("dernier effacement connu"), gettext("gardée jusqu’au")),
        *(gettext("relue le"), gettext("essayée le"), gettext("secondes")),
        *(gettext("effacements refaits à l’essai"), gettext("retirée le")),
    )
    cells = (
        (
            *(row.backup, format_stamp(row.made_at), row.bytes, row.program, row.purge),
            *(row.kept_until, format_stamp(row.verified_at), format_stamp(row.tried_at)),
            "" if row.tried_s is None else row.tried_s,
            "" if row.tried_purges is None else row.tried_purges,
            format_stamp(row.removed_at),
        )
        for row in _LIST.load_all(request)
    )
    return export_csv("sauvegardes.csv", header, cells)
