"""The addresses of tiers payant for who pays and for members: insurers, the host, one's own."""

from typing import Final

from django.urls import path

from rempart.portals.views import (
    bank_files,
    benefits,
    calls,
    claim_holds,
    insured_claims,
    insured_pecs,
    my_claims,
    runs,
)

_INSURER: Final = (
    path("assureur/factures", insured_claims.insured_claims, name="insured-claims"),
    path("assureur/factures.csv", insured_claims.insured_claims_csv, name="insured-claims-csv"),
    path("assureur/factures/<int:claim_ref>", insured_claims.insured_claim, name="insured-claim"),
    path("assureur/factures/<int:claim_ref>/attendre", insured_claims.hold, name="hold-claim"),
    path("assureur/prises-en-charge", insured_pecs.insured_pecs, name="insured-pecs"),
    path("assureur/prises-en-charge.csv", insured_pecs.insured_pecs_csv, name="insured-pecs-csv"),
    path(
        "assureur/prises-en-charge/<str:pec_number>", insured_pecs.insured_pec, name="insured-pec"
    ),
    path("assureur/signaux", claim_holds.signals, name="claim-signals"),
    path("assureur/signaux.csv", claim_holds.signals_csv, name="claim-signals-csv"),
    path(
        "assureur/etablissements/<int:biller_ref>/verifier",
        claim_holds.watch,
        name="watch-establishment",
    ),
    path("verifications", claim_holds.holds, name="claim-holds"),
    path("verifications.csv", claim_holds.holds_csv, name="claim-holds-csv"),
    path("verifications/<int:claim_hold_ref>", claim_holds.decide, name="decide-claim-hold"),
    path(
        "verifications/etablissements/<int:watch_ref>/fin", claim_holds.end_watch, name="end-watch"
    ),
    path("assureur/appels", calls.calls, name="calls"),
    path("assureur/appels.csv", calls.calls_csv, name="calls-csv"),
    path("assureur/appels/<int:call_id>", calls.call, name="call"),
    path("assureur/appels/<int:call_id>.csv", calls.call_csv, name="call-csv"),
    path("assureur/garanties", benefits.benefits, name="benefits"),
    path("assureur/garanties.csv", benefits.benefits_csv, name="benefits-csv"),
    path("assureur/garanties/proposer", benefits.propose, name="propose-benefits"),
    path("assureur/garanties/<int:file_ref>", benefits.benefit_file, name="benefit-file"),
    path("assureur/garanties/<int:file_ref>.toml", benefits.benefit_toml, name="benefit-toml"),
    path(
        "assureur/garanties/<int:file_ref>/contrat-responsable.csv",
        benefits.responsible_csv,
        name="responsible-csv",
    ),
    path(
        "assureur/garanties/<int:file_ref>/simulation.csv",
        benefits.simulate_csv,
        name="simulate-benefits",
    ),
    path("assureur/garanties/<int:file_ref>/accord", benefits.approve, name="approve-benefits"),
    path("assureur/garanties/<int:file_ref>/refus", benefits.refuse, name="refuse-benefits"),
)
_MEMBER: Final = (
    path("mes-remboursements", my_claims.my_claims, name="my-claims"),
    path("mes-remboursements.csv", my_claims.my_claims_csv, name="my-claims-csv"),
    path("mes-remboursements/<int:claim_ref>", my_claims.my_claim, name="my-claim"),
    path("mes-prises-en-charge", my_claims.my_pecs, name="my-pecs"),
    path("mes-prises-en-charge.csv", my_claims.my_pecs_csv, name="my-pecs-csv"),
    path("mes-prises-en-charge/<str:pec_number>", my_claims.my_pec, name="my-pec"),
)
_HOST: Final = (
    path("console/paiements", runs.runs, name="runs"),
    path("console/paiements.csv", runs.runs_csv, name="runs-csv"),
    path("console/paiements/preparer", runs.plan, name="plan-run"),
    path("console/paiements/banque", bank_files.bank_files, name="bank-files"),
    path("console/paiements/banque.csv", bank_files.bank_files_csv, name="bank-files-csv"),
    path("console/paiements/a-expliquer", bank_files.suspense, name="suspense"),
    path("console/paiements/a-expliquer.csv", bank_files.suspense_csv, name="suspense-csv"),
    path("console/paiements/<int:run_id>", runs.run, name="run"),
    path("console/paiements/<int:run_id>.csv", runs.run_csv, name="run-csv"),
    path("console/paiements/<int:run_id>/accord", runs.approve, name="approve-run"),
    path("console/paiements/<int:run_id>/refus", runs.refuse, name="refuse-run"),
    path("console/factures", bank_files.claim_counts, name="claim-counts"),
    path("console/factures.csv", bank_files.claim_counts_csv, name="claim-counts-csv"),
)
PATHS: Final = (*_INSURER, *_MEMBER, *_HOST)
