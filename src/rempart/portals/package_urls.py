"""The addresses of packages and of their chain: the host's, an insurer's, a hosted operator's."""

from typing import Final

from django.urls import path

from rempart.portals import campaign_urls
from rempart.portals.views import chain, incident_person, own_authorities, own_incident, packages
from rempart.portals.views import insurer_incidents as own

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
    path("chaine", chain.show, name="chain"),
    path("chaine.csv", chain.show_csv, name="chain-csv"),
    path("console/relais", own.relayed, name="relayed-packages"),
    path("console/relais/<int:package_ref>.tar", own.download_relayed, name="download-relayed"),
    path(
        "console/relais/<int:package_ref>/accuse",
        own.acknowledge_relayed,
        name="acknowledge-relayed",
    ),
    path(
        "console/incidents/<int:incident_id>/personne",
        incident_person.of_the_host,
        name="incident-person",
    ),
    path(
        "assureur/incidents/<int:incident_id>/personne",
        incident_person.of_an_insurer,
        name="own-person",
    ),
    path("assureur/incidents", own.own_incidents, name="own-incidents"),
    path("assureur/incidents/<int:incident_id>", own_incident.own_incident, name="own-incident"),
    path(
        "assureur/incidents/<int:incident_id>/incident.json",
        own_incident.own_incident_json,
        name="own-incident-json",
    ),
    path(
        "assureur/incidents/<int:incident_id>/echeances.ics",
        own_incident.own_clocks_ics,
        name="own-clocks-ics",
    ),
    path("assureur/incidents/<int:incident_id>/ecrire", own_incident.write, name="write-own"),
    path(
        "assureur/incidents/<int:incident_id>/echeance",
        own_incident.take_clock,
        name="take-own-clock",
    ),
    path("assureur/incidents/<int:incident_id>/cnil", own_authorities.own_cnil, name="own-cnil"),
    path(
        "assureur/incidents/<int:incident_id>/cnil/fichier",
        own_authorities.own_cnil_file,
        name="own-cnil-file",
    ),
    path(
        "assureur/incidents/<int:incident_id>/gravite",
        own_authorities.own_severity,
        name="own-severity",
    ),
    path("assureur/incidents/<int:incident_id>/risque", own_authorities.own_risk, name="own-risk"),
    path("assureur/taches/<int:note_ref>/faite", own_incident.finish_task, name="finish-own-task"),
    path("assureur/violations", own_authorities.own_register, name="own-register"),
    path("assureur/violations.csv", own_authorities.own_register_csv, name="own-register-csv"),
    path("assureur/violations.json", own_authorities.own_register_json, name="own-register-json"),
    path("assureur/envois/<int:package_ref>.tar", own.download, name="download-package"),
    path("assureur/envois/<int:package_ref>/accuse", own.acknowledge, name="acknowledge-package"),
    path("assureur/certificats", own.keys, name="sealing-keys"),
    path("assureur/certificats/nouveau", own.give_key, name="give-sealing-key"),
    path("assureur/certificats/<int:key_ref>/decision", own.decide_key, name="decide-sealing-key"),
    *campaign_urls.PATHS,
)
