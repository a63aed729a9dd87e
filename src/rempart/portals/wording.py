"""The words people read for the codes that machines exchange.

Every code that may reach a page is in a table here; a test walks the enums and fails on a code
without words. Refuses to explain more than the answer said.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.accounts.roles import Role
from rempart.disclosure.entry import Mode, Outcome
from rempart.exchange.rights_answer import (
    Answer,
    ForfaitTerms,
    OpenAnswer,
    RateTerms,
    TermsOfDomain,
)
from rempart.kernel.findings import Language
from rempart.kernel.money import format_euros
from rempart.rights.answer import Consigne, ShownReason
from rempart.tariffs.domains import DOMAINS

Words = str | Promise

PURPOSES: Final[tuple[tuple[str, Words], ...]] = (
    ("billing", _("Facturation")),
    ("quote", _("Devis")),
    ("admission", _("Admission")),
    ("recheck", _("Nouvelle vérification")),
)

# Professions as the accounts name them: words, and the domain a fresh form proposes.
PROFESSIONS: Final[Mapping[str, tuple[Words, str]]] = {
    "pharmacy": (_("pharmacie"), "PHAR"),
    "general_practitioner": (_("médecine générale"), "MEDG"),
    "specialist": (_("médecine spécialisée"), "MEDS"),
    "nurse": (_("soins infirmiers"), "AUXM"),
    "physiotherapist": (_("kinésithérapie"), "AUXM"),
    "midwife": (_("sage-femme"), "SAGE"),
    "dentist": (_("dentaire"), "DENT"),
    "optician": (_("optique"), "OPTI"),
    "hearing_care": (_("audioprothèse"), "AUDI"),
    "laboratory": (_("biologie médicale"), "LABO"),
    "imaging": (_("imagerie"), "RADL"),
    "hospital": (_("établissement de santé"), "HOSP"),
    "health_centre": (_("centre de santé"), "CSTE"),
    "transport": (_("transport sanitaire"), "TRAN"),
}
_FIRST_DOMAIN: Final = "PHAR"

ROLES: Final[Mapping[Role, Words]] = {
    Role.HOLDER: _("titulaire"),
    Role.LOCUM: _("remplaçant"),
    Role.ASSISTANT: _("assistant"),
    Role.ESTABLISHMENT_MANAGER: _("gérant de l’établissement"),
    Role.INSURER_ADMIN: _("administrateur de la complémentaire"),
    Role.INSURER_MANAGER: _("gestionnaire"),
    Role.INSURER_DPO: _("délégué à la protection des données de la complémentaire"),
    Role.EMPLOYER_ADMIN: _("administrateur de l’employeur"),
    Role.EMPLOYER_HR: _("ressources humaines"),
    Role.OPERATOR_ADMIN: _("administrateur de l’opérateur"),
    Role.OPERATOR_OPS: _("exploitation"),
    Role.OPERATOR_SECURITY: _("sécurité"),
    Role.OPERATOR_DPO: _("délégué à la protection des données de l’opérateur"),
    Role.PUBLISHER_ADMIN: _("administrateur de l’éditeur"),
    Role.PUBLISHER_DEVELOPER: _("développeur"),
    Role.MEMBER: _("adhérent"),
}

REASONS: Final[Mapping[ShownReason, Words]] = {
    ShownReason.NOT_OPEN: _(
        "Aucun droit ouvert ne correspond à ces identifiants, pour ce domaine et ce jour. "
        "Sans la carte, la réponse ne dit pas pourquoi, ni si la personne est connue."
    ),
    ShownReason.OUT_OF_PERIOD: _(
        "Le contrat ne couvre pas cette date : les soins sont hors de sa période."
    ),
    ShownReason.SUSPENDED: _("Le contrat existe, mais ses droits sont suspendus à cette date."),
    ShownReason.DOMAIN_NOT_COVERED: _(
        "Le contrat est ouvert, mais il ne couvre pas ce domaine de soins."
    ),
    ShownReason.UNKNOWN_CARD: _("Aucune carte en service ne porte ce code."),
}

CONSIGNES: Final[Mapping[Consigne, Words]] = {
    Consigne.BILL_AMC: _(
        "Faites le tiers payant et facturez la part complémentaire, "
        "en portant le numéro d’engagement sur la facture."
    ),
    Consigne.ASK_FOR_CARD: _(
        "Demandez la carte de tiers payant et saisissez son code : la réponse donnera le motif. "
        "Sans carte valable, faites régler la part complémentaire "
        "et remettez une facture acquittée."
    ),
    Consigne.COLLECT_FROM_MEMBER: _(
        "Faites régler la part complémentaire et remettez une facture acquittée : "
        "l’assuré se fera rembourser par sa complémentaire du moment, s’il en a une."
    ),
    Consigne.CONTACT_INSURER: _(
        "Faites régler la part complémentaire ; "
        "l’assuré peut appeler sa complémentaire pour rétablir ses droits."
    ),
}

# The card is there, and was misread or is no longer good: asking for it again helps nobody.
_READ_AGAIN: Final = _(
    "Relisez le code imprimé sous le symbole et saisissez-le de nouveau. S’il est bien recopié, "
    "cette carte n’est plus en service : demandez celle de l’année, ou faites régler la part "
    "complémentaire et remettez une facture acquittée."
)

OUTCOMES: Final[Mapping[int, Words]] = {
    Outcome.OPEN: _("Ouverts"),
    Outcome.CLOSED_OUT_OF_PERIOD: _("Hors période"),
    Outcome.CLOSED_SUSPENDED: _("Suspendus"),
    Outcome.CLOSED_DOMAIN: _("Domaine non couvert"),
    Outcome.UNKNOWN: _("Personne inconnue"),
    Outcome.CUT: _("Complémentaire coupée"),
    Outcome.CLAIM: _("Suite d’une facture"),
}
MODES: Final[Mapping[int, Words]] = {
    Mode.CARD: _("Carte"),
    Mode.TYPED: _("Saisie"),
    Mode.VITALE: _("Vitale"),
    Mode.CODE: _("Code du moment"),
    Mode.OFFLINE: _("Hors ligne"),
    Mode.CLAIM: _("Facture"),
}

VERDICTS: Final[Mapping[str, Words]] = {
    "thief": _("Voleur"),
    "mixed": _("Partagée"),
    "owner": _("Titulaire"),
}
TIERS: Final[Mapping[str, Words]] = {
    "A": _("confirmée : montrée dans une séance du voleur"),
    "B": _("probable : montrée dans une séance que le voleur et le titulaire ont partagée"),
    "C": _("non exclue : rien ne prouve que seul le titulaire l’a vue"),
    "D": _("exclue : les journaux sont entiers et ne la montrent pas"),
}
ROBOTS: Final[Mapping[str, Words]] = {
    "fast": _("rapide : une liste volée, à pleine vitesse"),
    "throttled": _("discret : la même liste, lentement"),
    "list": _("liste à moitié fausse, aux heures de travail"),
    "sequential": _("sans liste : devine des numéros"),
    "resume": _("par rafales, chaque fois d’une autre adresse"),
    "distributed": _("une liste partagée entre plusieurs comptes"),
    "mimic": _("sur le poste du titulaire, à son rythme"),
    "insider": _("le titulaire, quelques personnes par jour"),
    "insider_bulk": _("le titulaire, par centaines"),
    "list_card": _("codes de cartes volés"),
    "sweep5": _("patient : 5 personnes par jour"),
    "sweep10": _("patient : 10 personnes par jour"),
    "sweep20": _("patient : 20 personnes par jour"),
    "sweep40": _("patient : 40 personnes par jour"),
    "sweep80": _("patient : 80 personnes par jour"),
    "sweep320": _("patient : 320 personnes par jour"),
    # In reports of drills played before the guard.
    "mixed": _("sur le poste du titulaire"),
    "guesser": _("sans liste : devine des numéros"),
}
# Signs of incidents.attribution, without the version of their rule.
SIGNS: Final[Mapping[str, Words]] = {
    "unknown_address": _("adresse réseau jamais vue pour ce compte"),
    "unknown_agent": _("logiciel jamais vu pour ce compte"),
    "typed_without_card": _("identifiants tapés sans carte, plus que d’habitude"),
    "share_unknown": _("personnes introuvables, plus que d’habitude"),
    "pace": _("cadence plus rapide que d’habitude"),
    "regular_pace": _("cadence régulière comme une machine"),
    "usual_address": _("adresse réseau habituelle"),
    "usual_agent": _("logiciel habituel"),
    "presence": _("codes de cartes présentes"),
    "known_faces": _("personnes que le compte connaissait déjà"),
    "confirmed_theft": _("vol de la séance établi par l’opérateur"),
    "unknown_device": _("clé ou appareil jamais vus pour ce compte"),
    "attack_address": _("adresse d’autres séances du voleur"),
    "impossible_travel": _("deux lieux trop éloignés pour le temps écoulé"),
    "ordered": _("numéros demandés dans l’ordre"),
    "unusual_hours": _("heures où ce compte ne travaille presque jamais"),
    "claims_missing": _("consultations sans facture, plus que d’habitude"),
    "known_device": _("appareil enregistré par le titulaire"),
    "claims_followed": _("consultations suivies d’une facture"),
    "same_place": _("personnes de la même ville ou du même département"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class AnswerWords:
    """One answer as a professional reads it."""

    is_open: bool
    title: str
    domain: str
    care_date: date
    reason: str
    todo: str
    terms: tuple[str, ...]


def list_domain_choices(language: Language) -> list[tuple[str, str]]:
    """Return the domains of care for a list to choose from, in the order cards print them."""
    return [(code, f"{domain.label(language)} ({code})") for code, domain in DOMAINS.items()]


def choose_usual_domain(profession: str) -> str:
    """Return the domain a profession usually bills."""
    return PROFESSIONS[profession][1] if profession in PROFESSIONS else _FIRST_DOMAIN


def describe_profession(profession: str) -> Words:
    """Return the words for a profession; one we have no words for keeps its own name."""
    return PROFESSIONS[profession][0] if profession in PROFESSIONS else profession


def describe_answer(answer: Answer, language: Language) -> AnswerWords:
    """Put one answer into words."""
    is_open = isinstance(answer, OpenAnswer)
    is_misread = not isinstance(answer, OpenAnswer) and answer.reason is ShownReason.UNKNOWN_CARD
    return AnswerWords(
        is_open=is_open,
        title=gettext("Droits ouverts") if is_open else gettext("Droits non ouverts"),
        domain=DOMAINS[answer.domain].label(language),
        care_date=answer.care_date,
        reason="" if isinstance(answer, OpenAnswer) else str(REASONS[answer.reason]),
        todo=str(_READ_AGAIN if is_misread else CONSIGNES[answer.consigne]),
        terms=describe_terms(answer.terms, language) if isinstance(answer, OpenAnswer) else (),
    )


def describe_terms(terms: TermsOfDomain, language: Language) -> tuple[str, ...]:
    """Say what the contract pays, then the network and the conditions if there are any."""
    lines = [_describe_amount(terms, language)]
    if terms.circuit:
        lines.append(
            gettext("Réseau %(circuit)s, comme l’imprime la carte") % {"circuit": terms.circuit}
        )
    return (*lines, *terms.conditions)


def _describe_amount(terms: TermsOfDomain, language: Language) -> str:
    if isinstance(terms, RateTerms):
        rate = f"{terms.rate_bp / 100:g}"
        percent = f"{rate.replace('.', ',')}\u00a0%" if language == "fr" else f"{rate}%"
        text = gettext("%(percent)s de la base de remboursement, part obligatoire comprise")
        return text % {"percent": percent}
    if isinstance(terms, ForfaitTerms):
        amount = format_euros(terms.amount_cents, language)
        return gettext("Forfait de %(amount)s") % {"amount": amount}
    return gettext("Ticket modérateur, sans dépassement")
