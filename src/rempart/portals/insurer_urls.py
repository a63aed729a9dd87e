"""The addresses of an insurer's own space. None of them carries an identifier of a person."""

from typing import Final

from django.urls import path

from rempart.portals.views import (
    exposure_watches,
    insurer_figures,
    insurer_limits,
    member_files,
    own_feeds,
    own_lookups,
)

PATHS: Final = (
    path("assureur", insurer_figures.insurer_home, name="insurer-home"),
    path("assureur/adherents", member_files.members, name="members"),
    path("assureur/adherents/<int:member_file_ref>", member_files.member, name="member-file"),
    path("assureur/contrats/<int:member_file_ref>", member_files.contract, name="contract-file"),
    path(
        "assureur/contrats/<int:member_file_ref>/personnes/<int:place>",
        member_files.open_covered,
        name="open-covered-file",
    ),
    path("assureur/consultations", own_lookups.own_lookups, name="own-lookups"),
    path("assureur/consultations.csv", own_lookups.own_lookups_csv, name="own-lookups-csv"),
    path("assureur/flux", own_feeds.feeds, name="own-feeds"),
    path("assureur/flux.csv", own_feeds.feeds_csv, name="own-feeds-csv"),
    path("assureur/flux/<str:feed_number>", own_feeds.feed, name="own-feed"),
    path(
        "assureur/flux/<str:feed_number>/anomalies.csv",
        own_feeds.findings_csv,
        name="own-findings-csv",
    ),
    path("assureur/chiffres", insurer_figures.figures, name="insurer-figures"),
    path("assureur/chiffres.csv", insurer_figures.figures_csv, name="insurer-figures-csv"),
    path("assureur/limites", insurer_limits.limits, name="insurer-limits"),
    path("assureur/limites.csv", insurer_limits.limits_csv, name="insurer-limits-csv"),
    path("assureur/limites/changer", insurer_limits.set_limits, name="set-insurer-limits"),
    path("assureur/surveillance", exposure_watches.flags, name="exposure-flags"),
    path("assureur/surveillance.csv", exposure_watches.flags_csv, name="exposure-flags-csv"),
    path(
        "assureur/surveillance/factures/<int:claim_ref>",
        exposure_watches.decide,
        name="decide-exposure-flag",
    ),
    path(
        "assureur/surveillance/incidents/<int:incident_id>/commencer",
        exposure_watches.start,
        name="start-exposure-watch",
    ),
    path(
        "assureur/surveillance/incidents/<int:incident_id>/arreter",
        exposure_watches.end,
        name="end-exposure-watch",
    ),
)
