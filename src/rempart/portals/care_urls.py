"""The addresses of tiers payant for professionals: quotes, promises, claims, transfers."""

from typing import Final

from django.urls import path

from rempart.portals.views import (
    billed_claims,
    care_figures,
    claim_sending,
    payments,
    pecs,
    quotes,
)

PATHS: Final = (
    path("devis", quotes.quote, {"mode": "card"}, name="quote"),
    path("devis/saisie", quotes.quote, {"mode": "typed"}, name="quote-typed"),
    path("prises-en-charge", pecs.pecs, name="pecs"),
    path("prises-en-charge.csv", pecs.pecs_csv, name="pecs-csv"),
    path("prises-en-charge/<str:pec_number>", pecs.pec, name="pec"),
    path("prises-en-charge/<str:pec_number>/annuler", pecs.cancel, name="cancel-pec"),
    path("factures", billed_claims.claims, name="claims"),
    path("factures.csv", billed_claims.claims_csv, name="claims-csv"),
    path("factures/chiffres", care_figures.figures, name="claim-figures"),
    path("factures/lot", claim_sending.lot, name="send-lot"),
    path("factures/nouvelle", claim_sending.send, {"mode": "card"}, name="send-claim"),
    path(
        "factures/nouvelle/saisie", claim_sending.send, {"mode": "typed"}, name="send-claim-typed"
    ),
    path("factures/rejets", billed_claims.to_correct, name="claims-to-correct"),
    path("factures/rejets.csv", billed_claims.to_correct_csv, name="claims-to-correct-csv"),
    path("factures/<int:claim_ref>", billed_claims.claim, name="claim"),
    path("factures/<int:claim_ref>/annuler", billed_claims.cancel, name="cancel-claim"),
    path("factures/<int:claim_ref>/annulation", billed_claims.cancel_asked, name="claim-asked"),
    path(
        "factures/<int:claim_ref>/corriger",
        claim_sending.correct,
        {"mode": "card"},
        name="correct-claim",
    ),
    path(
        "factures/<int:claim_ref>/corriger/saisie",
        claim_sending.correct,
        {"mode": "typed"},
        name="correct-claim-typed",
    ),
    path("paiements", payments.payments, name="payments"),
    path("paiements.csv", payments.payments_csv, name="payments-csv"),
    path("paiements/rapprochement", payments.reconcile, name="reconcile"),
    path("paiements/<int:remittance_id>", payments.payment, name="payment"),
    path("paiements/<int:remittance_id>/fichier", payments.payment_file, name="payment-file"),
)
