"""The addresses of what people are answered about incidents: everybody's, and insurers' agents'."""

from typing import Final

from django.urls import path

from rempart.portals.views import answer_calls, concerned, own_pages, public_help, public_incidents

_PUBLIC: Final = (
    path("incidents/", public_incidents.public_incidents, name="public-incidents"),
    path(
        "incidents/<str:amc_number>/<int:page_number>",
        public_incidents.public_incident,
        name="public-incident",
    ),
    path(
        "incidents/<str:amc_number>/<int:page_number>/v<int:version>",
        public_incidents.public_incident,
        name="public-incident-version",
    ),
    path(
        "incidents/<str:amc_number>/<int:page_number>/v<int:version>.txt",
        public_incidents.public_incident_text,
        name="public-incident-text",
    ),
    path("suis-je-concerne", concerned.concerned, name="concerned"),
    path(
        "suis-je-concerne/listes/<int:list_ref>/<int:prefix>",
        concerned.concerned_bucket,
        name="concerned-bucket",
    ),
    path("courrier", concerned.check_letter, name="check-letter"),
    path("signaler", public_help.report_phishing, name="report-phishing"),
    path("mentions-legales", public_help.legal_notices, name="legal-notices"),
)
_INSURER: Final = (
    path("assureur/telephone", answer_calls.call_desk, name="call-desk"),
    path("assureur/incidents/<int:incident_id>/page", own_pages.own_page, name="own-page"),
    path(
        "assureur/incidents/<int:incident_id>/page/faits",
        own_pages.write_facts,
        name="write-page-facts",
    ),
    path(
        "assureur/incidents/<int:incident_id>/page/questions",
        own_pages.write_questions,
        name="write-page-questions",
    ),
    path(
        "assureur/incidents/<int:incident_id>/page/publier",
        own_pages.publish,
        name="publish-page",
    ),
    path(
        "assureur/incidents/<int:incident_id>/page/retirer",
        own_pages.withdraw,
        name="withdraw-page",
    ),
)
PATHS: Final = (*_PUBLIC, *_INSURER)
