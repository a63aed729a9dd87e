"""Why a bank sends a transfer back, in words, and whether the account may be tried again.

A closed list of the codes of the European schemes; another code is shown as it came, and counts as
one that says nothing of the account.

Source:
    S87: reason codes of ISO 20022 (ExternalReturnReason1Code), as banks publish them.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple


class ReturnReason(NamedTuple):
    """One reason.

    Attributes:
        fr, en: What it means.
        holds: Whether nothing is sent to this account until somebody looked.
    """

    fr: str
    en: str
    holds: bool


RETURN_REASONS: Final[Mapping[str, ReturnReason]] = MappingProxyType(
    {
        "AC01": ReturnReason("Numéro de compte incorrect", "Incorrect account number", True),
        "AC03": ReturnReason("Compte du bénéficiaire invalide", "Invalid creditor account", True),
        "AC04": ReturnReason("Compte clôturé", "Closed account", True),
        "AC06": ReturnReason("Compte bloqué", "Blocked account", True),
        "AC13": ReturnReason("Type de compte invalide", "Invalid account type", True),
        "AG01": ReturnReason("Opération interdite sur ce compte", "Transaction forbidden", True),
        "AG02": ReturnReason("Code d’opération invalide", "Invalid operation code", False),
        "AM04": ReturnReason("Provision insuffisante", "Insufficient funds", False),
        "AM05": ReturnReason("Opération en double", "Duplicate", False),
        "AM09": ReturnReason("Montant erroné", "Wrong amount", False),
        "BE01": ReturnReason("Nom et compte ne concordent pas", "Name does not match", True),
        "BE04": ReturnReason("Adresse manquante", "Missing address", False),
        "CUST": ReturnReason("À la demande du client", "Requested by the customer", False),
        "DUPL": ReturnReason("Paiement en double", "Duplicate payment", False),
        "FOCR": ReturnReason("Suite à une demande de rappel", "Following a recall", False),
        "MD01": ReturnReason("Pas de mandat", "No mandate", True),
        "MD06": ReturnReason("Contesté par le débiteur", "Disputed by the debtor", False),
        "MD07": ReturnReason("Titulaire décédé", "Account holder deceased", True),
        "MS02": ReturnReason("Refusé par le titulaire", "Refused by the account holder", False),
        "MS03": ReturnReason("Motif non précisé", "No reason given", False),
        "RC01": ReturnReason("Banque inconnue (BIC)", "Unknown bank (BIC)", True),
        "RR04": ReturnReason("Motif réglementaire", "Regulatory reason", True),
        "SL01": ReturnReason(
            "Service de la banque du bénéficiaire", "Creditor bank's service", False
        ),
        "TM01": ReturnReason("Après l’heure limite", "After the cut-off time", False),
    }
)
UNKNOWN: Final = ReturnReason("Motif inconnu", "Unknown reason", False)


def find_reason(code: str) -> ReturnReason:
    """Return what a code means."""
    return RETURN_REASONS.get(code, UNKNOWN)
