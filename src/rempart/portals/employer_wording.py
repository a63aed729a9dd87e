"""An employer's space in words: movements, structures, mistakes and what to do about each."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.employers.movements import Rule

KINDS: Final[Mapping[str, Promise]] = MappingProxyType({"join": _("Entrée"), "leave": _("Sortie")})
STRUCTURES: Final[Mapping[str, Promise]] = MappingProxyType(
    {"single": _("Isolé"), "couple": _("Duo"), "family": _("Famille")}
)
STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "waiting": _("attend la complémentaire"),
        "accepted": _("accepté"),
        "applied": _("appliqué"),
        "failed": _("à voir avec la complémentaire"),
        "refused": _("refusé"),
        "cancelled": _("retiré"),
    }
)
BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        "waiting": ("badge-attention", "clock"),
        "accepted": ("badge-info", "clock"),
        "applied": ("badge-open", "check"),
        "failed": ("badge-attention", "alert"),
        "refused": ("badge-closed", "alert"),
        "cancelled": ("badge-plain", "minus"),
    }
)
FIELDS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "file": "fichier",
        "staff_number": "matricule",
        "movement": "mouvement",
        "date": "date",
        "work_from": "debut_contrat_travail",
        "structure": "structure",
        "nir": "nir",
        "birth_date": "date_naissance",
        "birth_rank": "rang_naissance",
        "family_name": "nom",
        "first_names": "prenoms",
        "member_contract": "contrat_individuel",
        "ported": "portabilite",
    }
)
FINDINGS: Final[Mapping[Rule, tuple[Promise, Promise]]] = MappingProxyType(
    {
        Rule.UNREADABLE: (
            _("Le fichier n’est pas un texte lisible."),
            _("Enregistrez-le en CSV (UTF-8)."),
        ),
        Rule.HEADER: (
            _("La première ligne ne nomme pas les colonnes, ou en répète une."),
            _("Repartez du modèle : matricule, mouvement et date au moins."),
        ),
        Rule.EMPTY: (_("Aucune ligne sous les titres."), _("Ajoutez une ligne par mouvement.")),
        Rule.TOO_LONG: (
            _("Plus de 2 000 lignes."),
            _("Envoyez plusieurs fichiers."),
        ),
        Rule.STAFF_NUMBER: (
            _("Matricule vide, trop long ou avec un caractère inattendu."),
            _("20 caractères au plus : lettres, chiffres, point, tiret, barre."),
        ),
        Rule.LOOKS_LIKE_NIR: (
            _("Ce matricule ressemble à un numéro de sécurité sociale."),
            _("Mettez votre propre numéro de salarié."),
        ),
        Rule.MOVEMENT: (_("Mouvement inconnu."), _("Écrivez « entrée » ou « sortie ».")),
        Rule.DATE: (
            _("Date absente ou impossible."),
            _("Écrivez JJ/MM/AAAA, par exemple 22/11/2026."),
        ),
        Rule.STRUCTURE: (
            _("Structure absente ou inconnue."),
            _("Écrivez « isolé », « duo » ou « famille »."),
        ),
        Rule.NIR: (
            _("NIR absent, incomplet ou dont la clé ne correspond pas."),
            _("Recopiez les 15 caractères, clé comprise."),
        ),
        Rule.BIRTH_DATE: (
            _("Date de naissance absente ou illisible."),
            _("Écrivez JJ/MM/AAAA comme sur l’attestation."),
        ),
        Rule.BIRTH_RANK: (
            _("Rang de naissance impossible."),
            _("Un chiffre de 1 à 9 ; 1 sauf pour des jumeaux."),
        ),
        Rule.NAME: (_("Nom ou prénom absent."), _("80 caractères au plus.")),
        Rule.MEMBER_CONTRACT: (
            _("Numéro de contrat individuel trop long ou illisible."),
            _("30 caractères au plus, ou rien."),
        ),
        Rule.YES_OR_NO: (
            _("La portabilité n’est pas dite."),
            _("Écrivez « oui » si la fin du contrat ouvre droit au chômage, « non » sinon."),
        ),
        Rule.UNKNOWN_PERSON: (
            _("Ce matricule n’est pas dans l’effectif."),
            _("Vérifiez le matricule ; une entrée qui attend encore se retire, elle ne sort pas."),
        ),
        Rule.ALREADY_PRESENT: (
            _("Ce matricule est déjà couvert ce jour-là."),
            _("Déclarez d’abord sa sortie, ou une date après la fin de sa couverture."),
        ),
        Rule.ALREADY_GONE: (
            _("Ce salarié est déjà sorti."),
            _("Retirez la ligne ; pour changer la date, écrivez à la complémentaire."),
        ),
        Rule.LEFT_BEFORE_JOINED: (
            _("La sortie précède l’entrée."),
            _("Vérifiez l’année et l’ordre jour, mois."),
        ),
        Rule.JOINED_BEFORE_WORK: (
            _("La couverture commence avant le contrat de travail."),
            _("Corrigez l’une des deux dates."),
        ),
        Rule.REPEATED: (
            _("Cette personne est déjà dans le fichier."),
            _("Gardez une seule ligne par personne."),
        ),
        Rule.WAITING: (
            _("Un mouvement de ce matricule attend déjà."),
            _("Attendez sa réponse, ou retirez-le."),
        ),
        Rule.OUT_OF_CONTRACT: (
            _("Ce jour est hors du contrat collectif."),
            _("Vérifiez la date, ou choisissez l’autre contrat."),
        ),
        Rule.TOO_OLD: (
            _("Ce jour remonte à plus d’un an."),
            _("Écrivez à la complémentaire : des cotisations et des soins sont à reprendre."),
        ),
        Rule.TOO_FAR: (
            _("Ce jour est dans plus de six mois."),
            _("Déclarez le mouvement plus tard."),
        ),
        Rule.NO_TARIFF: (
            _("Cette structure n’a pas de tarif à cette date."),
            _("Choisissez une structure de vos tarifs, ou écrivez à la complémentaire."),
        ),
    }
)
TIERS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "A": _("Données consultées : établi"),
        "B": _("Données consultées : probable"),
        "C": _("Consultation qu’on ne peut pas exclure"),
    }
)


def describe_finding(rule: str) -> tuple[Promise, Promise]:
    """Return what is wrong and what to do."""
    return FINDINGS[Rule(rule)]
