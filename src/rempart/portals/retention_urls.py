"""The addresses of retention: the host's, insurers', members'."""

from typing import Final

from django.urls import path

from rempart.portals.views import data_requests, retention, retention_schedules

_HOST: Final = (
    path("console/conservation", retention.purges, name="purges"),
    path("console/conservation.csv", retention.purges_csv, name="purges-csv"),
    path("console/conservation/preparer", retention.plan, name="plan-purge"),
    path("console/conservation/<int:purge_id>", retention.purge, name="purge"),
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
)
_INSURER: Final = (
    path("assureur/demandes", data_requests.requests, name="data-requests"),
    path("assureur/demandes.csv", data_requests.requests_csv, name="data-requests-csv"),
    path("assureur/demandes/<int:data_request_ref>", data_requests.answer, name="data-request"),
)
_MEMBER: Final = (
    path("adherent/demandes", data_requests.my_requests, name="my-requests"),
    path("adherent/demandes/nouvelle", data_requests.make_request, name="make-request"),
)
PATHS: Final = (*_HOST, *_INSURER, *_MEMBER)
