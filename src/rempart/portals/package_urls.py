"""The addresses of packages: the host's, an insurer's, a hosted operator's."""

from typing import Final

from django.urls import path

from rempart.portals.views import insurer_incidents as own
from rempart.portals.views import packages

PATHS: Final = (
    path(
        "console/incidents/<int:incident_id>/envois",
        packages.incident_packages,
        name="incident-packages",
    ),
    path(
        "console/incidents/<int:incident_id>/envois.csv",
        packages.incident_packages_csv,
        name="incident-packages-csv",
    ),
    path(
        "console/incidents/<int:incident_id>/envois/preparer",
        packages.prepare,
        name="prepare-packages",
    ),
    path("console/incidents/<int:incident_id>/envois/geste", packages.send, name="send-packages"),
    path("console/envois/<int:package_ref>", packages.package, name="incident-package"),
    path("console/envois/<int:package_ref>/retrait", packages.withdraw, name="withdraw-package"),
    path("console/relais", own.relayed, name="relayed-packages"),
    path("console/relais/<int:package_ref>.tar", own.download_relayed, name="download-relayed"),
    path(
        "console/relais/<int:package_ref>/accuse",
        own.acknowledge_relayed,
        name="acknowledge-relayed",
    ),
    path("assureur/incidents", own.own_incidents, name="own-incidents"),
    path("assureur/incidents/<int:incident_id>", own.own_incident, name="own-incident"),
    path("assureur/incidents/<int:incident_id>/note", own.add_note, name="add-own-note"),
    path("assureur/taches/<int:note_ref>/faite", own.finish_task, name="finish-own-task"),
    path("assureur/envois/<int:package_ref>.tar", own.download, name="download-package"),
    path("assureur/envois/<int:package_ref>/accuse", own.acknowledge, name="acknowledge-package"),
    path("assureur/certificats", own.keys, name="sealing-keys"),
    path("assureur/certificats/nouveau", own.give_key, name="give-sealing-key"),
    path("assureur/certificats/<int:key_ref>/decision", own.decide_key, name="decide-sealing-key"),
)
