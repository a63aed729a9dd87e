"""Every address of the portals. None of them carries an identifier of a person."""

from django.urls import path

from rempart.portals.views import checks, console, homes, incidents, public, sign_in

urlpatterns = [
    path("", public.home, name="home"),
    path("charte", public.charter, name="design"),
    path("docs/api", public.api, name="api"),
    path("langue", sign_in.choose_language, name="language"),
    path("connexion", sign_in.how_to_sign_in, name="sign-in"),
    path("connexion/<str:token>", sign_in.use_link, name="use-link"),
    path("deconnexion", sign_in.leave, name="leave"),
    path("confirmation", sign_in.how_to_sign_in, name="step-up"),
    path("verifier", checks.check, {"mode": "card"}, name="check-card"),
    path("verifier/saisie", checks.check, {"mode": "typed"}, name="check-typed"),
    path("professionnel", homes.professional_home, name="professional-home"),
    path("adherent", homes.member_home, name="member-home"),
    path("assureur", homes.insurer_home, name="insurer-home"),
    path("employeur", homes.employer_home, name="employer-home"),
    path("editeur", homes.publisher_home, name="publisher-home"),
    path("console", console.overview, name="console"),
    path("console/consultations", console.lookups, name="lookups"),
    path("console/consultations.csv", console.lookups_csv, name="lookups-csv"),
    path("console/registre", console.ledger, name="ledger"),
    path("console/incidents", incidents.incidents, name="incidents"),
    path("console/incidents/<int:incident_id>", incidents.incident, name="incident"),
    path(
        "console/incidents/<int:incident_id>/exposition.csv",
        incidents.exposure_csv,
        name="exposure-csv",
    ),
]

handler400 = public.bad_request
handler403 = public.forbidden
handler404 = public.not_found
handler500 = public.failed
