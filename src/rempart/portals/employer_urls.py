"""The addresses of an employer's space, and of its contracts at the insurer's; nobody is named."""

from typing import Final

from django.urls import path

from rempart.portals.views import (
    employer,
    employer_movements,
    employer_statements,
    insurer_employers,
)

PATHS: Final = (
    path("employeur", employer.home, name="employer-home"),
    path("employeur/effectif", employer.staff, name="staff"),
    path("employeur/effectif.csv", employer.staff_csv, name="staff-csv"),
    path("employeur/mouvements", employer_movements.movements, name="movements"),
    path("employeur/mouvements.csv", employer_movements.movements_csv, name="movements-csv"),
    path("employeur/mouvements/entree", employer_movements.declare_join, name="declare-join"),
    path("employeur/mouvements/sortie", employer_movements.declare_leave, name="declare-leave"),
    path("employeur/mouvements/fichier", employer_movements.send_file, name="send-movements"),
    path("employeur/mouvements/modele.csv", employer_movements.model_csv, name="movements-model"),
    path(
        "employeur/mouvements/fichiers/<int:upload_ref>",
        employer_movements.movement_file,
        name="movement-file",
    ),
    path(
        "employeur/mouvements/fichiers/<int:upload_ref>/anomalies.csv",
        employer_movements.movement_file_csv,
        name="movement-file-csv",
    ),
    path(
        "employeur/mouvements/<int:movement_ref>/retrait",
        employer_movements.withdraw,
        name="withdraw-movement",
    ),
    path("employeur/cotisations", employer_statements.statements, name="statements"),
    path("employeur/cotisations.csv", employer_statements.statements_csv, name="statements-csv"),
    path(
        "employeur/cotisations/<int:statement_ref>",
        employer_statements.statement,
        name="statement",
    ),
    path(
        "employeur/cotisations/<int:statement_ref>.csv",
        employer_statements.statement_csv,
        name="statement-csv",
    ),
    path(
        "employeur/cotisations/<int:statement_ref>.pdf",
        employer_statements.statement_pdf,
        name="statement-pdf",
    ),
    path("employeur/incidents", employer.incidents, name="staff-incidents"),
    path("employeur/incidents.csv", employer.incidents_csv, name="staff-incidents-csv"),
    path("assureur/employeurs", insurer_employers.employers, name="employers"),
    path("assureur/employeurs.csv", insurer_employers.movements_csv, name="employers-csv"),
    path("assureur/employeurs/decision", insurer_employers.decide, name="decide-movements"),
)
