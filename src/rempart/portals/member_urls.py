"""The addresses of what members and their insurer write to one another."""

from typing import Final

from django.urls import path

from rempart.portals.views import (
    member_disputes,
    member_home,
    my_data,
    my_disputes,
    my_family,
    my_messages,
    my_reports,
    waves,
)

_MEMBER: Final = (
    path("adherent", member_home.member_home, name="member-home"),
    path("adherent/vigilance", member_home.my_watch, name="my-watch"),
    path("adherent/messages", my_messages.my_messages, name="my-messages"),
    path("adherent/messages/<int:message_number>", my_messages.my_message, name="my-message"),
    path("adherent/preferences", my_messages.my_preferences, name="my-preferences"),
    path("adherent/famille", my_family.my_family, name="my-family"),
    path("adherent/mes-donnees", my_data.my_data, name="my-data"),
    path("adherent/mes-donnees/copie", my_data.ask_copy, name="ask-copy"),
    path("adherent/mes-donnees/<int:copy_ref>.json", my_data.copy_json, name="my-copy-json"),
    path("adherent/mes-donnees/<int:copy_ref>.pdf", my_data.copy_pdf, name="my-copy-pdf"),
    path("adherent/contestations", my_disputes.my_disputes, name="my-disputes"),
    path("mes-remboursements/<int:claim_ref>/contester", my_disputes.dispute, name="dispute-care"),
    path("adherent/contestations/<int:dispute_ref>", my_disputes.my_dispute, name="my-dispute"),
    path(
        "adherent/contestations/<int:dispute_ref>/retrait",
        my_disputes.withdraw,
        name="withdraw-dispute",
    ),
    path("adherent/messages-suspects", my_reports.my_reports, name="my-reports"),
    path("adherent/messages-suspects/signaler", my_reports.report, name="report-message"),
    path("adherent/messages-suspects/<int:report_ref>", my_reports.my_report, name="my-report"),
)
_INSURER: Final = (
    path("assureur/contestations", member_disputes.disputes, name="disputes"),
    path("assureur/contestations.csv", member_disputes.disputes_csv, name="disputes-csv"),
    path("assureur/contestations/<int:dispute_ref>", member_disputes.dispute, name="dispute"),
    path("assureur/messages-suspects", waves.waves, name="waves"),
    path("assureur/messages-suspects.csv", waves.waves_csv, name="waves-csv"),
    path("assureur/messages-suspects/<int:report_ref>", waves.wave, name="wave"),
    path("assureur/messages-suspects/<int:report_ref>/message", waves.message, name="wave-message"),
    path("assureur/messages-suspects/<int:report_ref>/photo", waves.photo, name="wave-photo"),
)

PATHS: Final = (*_MEMBER, *_INSURER)
