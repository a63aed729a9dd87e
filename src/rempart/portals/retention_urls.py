"""The addresses of retention: the host's, insurers', members'."""

from typing import Final

from django.urls import path

from rempart.portals.views import (
    backups,
    data_holds,
    data_requests,
    retention,
    retention_schedules,
)

_HOST: Final = (
    path("console/conservation", retention.purges, name="purges"),
    path("console/conservation.csv", retention.purges_csv, name="purges-csv"),
    path("console/conservation/preparer", retention.plan, name="plan-purge"),
    path("console/conservation/retenues", data_holds.holds, name="data-holds"),
    path("console/conservation/retenues.csv", data_holds.holds_csv, name="data-holds-csv"),
    path("console/conservation/retenues/<int:data_hold_ref>", data_holds.hold, name="data-hold"),
    path(
        "console/conservation/retenues/<int:data_hold_ref>/levee",
        data_holds.release,
        name="release-data-hold",
    ),
    path(
        "console/enquetes/<int:inquiry_ref>/retenir",
        data_holds.hold_inquired,
        name="hold-inquired",
    ),
    path("console/conservation/<int:purge_id>", retention.purge, name="purge"),
    path("console/conservation/<int:purge_id>.csv", retention.purge_csv, name="purge-csv"),
    path(
        "console/conservation/<int:purge_id>/certificat",
        retention.certificate,
        name="purge-certificate",
    ),
    path("console/conservation/<int:purge_id>/accord", retention.approve, name="approve-purge"),
    path("console/conservation/<int:purge_id>/refus", retention.refuse, name="refuse-purge"),
    path("console/calendrier", retention_schedules.schedules, name="retention-schedules"),
    path("console/calendrier.toml", retention_schedules.schedule_toml, name="schedule-toml"),
    path("console/calendrier/proposer", retention_schedules.propose, name="propose-schedule"),
    path(
        "console/calendrier/durees",
        retention_schedules.change_periods_form,
        name="change-periods",
    ),
    path(
        "console/calendrier/<int:schedule_ref>",
        retention_schedules.schedule,
        name="retention-schedule",
    ),
    path(
        "console/calendrier/<int:schedule_ref>/accord",
        retention_schedules.approve,
        name="approve-schedule",
    ),
    path(
        "console/calendrier/<int:schedule_ref>/refus",
        retention_schedules.refuse,
        name="refuse-schedule",
    ),
    path("console/sauvegardes", backups.backups, name="backups"),
    path("console/sauvegardes.csv", backups.backups_csv, name="backups-csv"),
    path(
        "console/sauvegardes/restaurations/<int:restoration_number>",
        backups.certificate,
        name="restoration-certificate",
    ),
)
_INSURER: Final = (
    path("assureur/retenues", data_holds.own_holds, name="own-data-holds"),
    path("assureur/retenues.csv", data_holds.own_holds_csv, name="own-data-holds-csv"),
    path("assureur/retenues/<int:data_hold_ref>", data_holds.own_hold, name="own-data-hold"),
    path(
        "assureur/retenues/<int:data_hold_ref>/levee",
        data_holds.own_release,
        name="release-own-data-hold",
    ),
    path(
        "assureur/dossiers/<int:member_file_ref>/demande",
        data_requests.write_letter,
        name="write-letter",
    ),
    path("assureur/dossiers/<int:member_file_ref>/retenir", data_holds.hold_file, name="hold-file"),
    path("assureur/demandes", data_requests.requests, name="data-requests"),
    path("assureur/demandes.csv", data_requests.requests_csv, name="data-requests-csv"),
    path("assureur/demandes/<int:data_request_ref>", data_requests.answer, name="data-request"),
)
_MEMBER: Final = (
    path("adherent/demandes", data_requests.my_requests, name="my-requests"),
    path("adherent/demandes/nouvelle", data_requests.make_request, name="make-request"),
)
PATHS: Final = (*_HOST, *_INSURER, *_MEMBER)
