"""Campaigns in the words of those who send them: states, ways, reasons, faults of a file."""

from collections.abc import Mapping
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.exchange.contact_cells import Rule
from rempart.notices.campaigns import CampaignKind, CampaignState, MessageState
from rempart.notices.contacts import Channel
from rempart.notices.facts import Certainty, Relation
from rempart.notices.media import Variant

KINDS: Final[Mapping[str, Promise]] = {
    CampaignKind.NOTICE: _("information"),
    CampaignKind.CORRECTION: _("correction"),
    CampaignKind.RETRACTION: _("rétractation"),
    CampaignKind.PROFESSIONAL: _("professionnels"),
}
STATES: Final[Mapping[str, Promise]] = {
    CampaignState.DRAFT: _("brouillon"),
    CampaignState.PREPARING: _("en préparation"),
    CampaignState.PREPARED: _("préparée"),
    CampaignState.PROPOSED: _("attend un accord"),
    CampaignState.APPROVED: _("approuvée"),
    CampaignState.SENDING: _("en cours d’envoi"),
    CampaignState.PAUSED: _("en pause"),
    CampaignState.DONE: _("terminée"),
    CampaignState.STOPPED: _("arrêtée"),
}
BADGES: Final[Mapping[str, tuple[str, str]]] = {
    CampaignState.DRAFT: ("badge-unknown", "info"),
    CampaignState.PREPARING: ("badge-info", "clock"),
    CampaignState.PREPARED: ("badge-info", "info"),
    CampaignState.PROPOSED: ("badge-attention", "alert"),
    CampaignState.APPROVED: ("badge-open", "check"),
    CampaignState.SENDING: ("badge-open", "check"),
    CampaignState.PAUSED: ("badge-attention", "alert"),
    CampaignState.DONE: ("badge-open", "check"),
    CampaignState.STOPPED: ("badge-closed", "alert"),
}
CHANNELS: Final[Mapping[str, Promise]] = {
    Channel.EMAIL: _("courriel"),
    Channel.LETTER: _("courrier"),
    Channel.SPACE: _("espace adhérent"),
}
MESSAGE_STATES: Final[Mapping[str, Promise]] = {
    MessageState.WAITING: _("attend"),
    MessageState.SENDING: _("en cours"),
    MessageState.SENT: _("envoyé"),
    MessageState.BOUNCED: _("non remis"),
    MessageState.PRINTED: _("imprimé"),
    MessageState.POSTED: _("posté"),
    MessageState.RETURNED: _("revenu"),
    MessageState.HELD: _("retenu : à vous de décider"),
    MessageState.DROPPED: _("abandonné"),
}
RELATIONS: Final[Mapping[str, Promise]] = {
    Relation.MEMBER: _("adhérent"),
    Relation.MINOR: _("enfant : son représentant est prévenu"),
    Relation.FORMER: _("ancien adhérent"),
    Relation.PROFESSIONAL: _("professionnel"),
}
CERTAINTIES: Final[Mapping[str, Promise]] = {
    Certainty.CONFIRMED: _("A – confirmé"),
    Certainty.PROBABLE: _("B – très probable"),
    Certainty.POSSIBLE: _("C – ne peut être exclu"),
    Certainty.EXCLUDED: _("D – non concerné"),
}
VARIANTS: Final[Mapping[str, Promise]] = {
    Variant.STANDARD: _("présentation courante"),
    Variant.LARGE_PRINT: _("gros caractères"),
    Variant.PLAIN: _("une phrase par ligne"),
}
REASONS: Final[Mapping[str, Promise]] = {
    "deceased": _("décédé : rien n’est envoyé"),
    "no_representative": _("enfant sans représentant connu"),
    "protected_address": _("adresse protégée : à prévenir par votre propre voie"),
    "no_contact": _("aucune coordonnée utilisable"),
    "departure_unknown": _(
        "n’est plus adhérent, et rien ne dit jusqu’à quand ses données sont gardées"
    ),
    "cannot_exclude": _("prévenu à tort, mais une lacune des journaux interdit de dire que non"),
    "package_changed": _("la liste a changé : une correction suivra"),
    "text_changed": _("le texte n’est plus celui qui a été approuvé"),
    "bounced": _("courriel non remis"),
    "uncertain": _("remise incertaine : une lettre suit"),
    "refused": _("refusé par le serveur du destinataire : une lettre suit"),
    "put_off": _("remis à plus tard trop de fois : une lettre suit"),
    "no_email": _("adresse électronique inutilisable : une lettre suit"),
    **{
        f"{reason}_no_address": _("courriel non remis, et aucune adresse postale")
        for reason in ("bounced", "refused", "uncertain", "put_off", "no_email")
    },
    "said_deceased": _("revenu : la poste le dit décédé"),
    "other": _("revenu, sans raison connue"),
    "refused_at_door": _("refusé"),
    "unclaimed": _("non réclamé"),
    "no_access": _("accès impossible"),
    "unknown_at_address": _("revenu : n’habite pas à l’adresse indiquée"),
    "told_otherwise": _("prévenu autrement"),
}
RULES: Final[Mapping[str, Promise]] = {
    Rule.UNREADABLE: _("ligne ou fichier illisible : enregistrez-le en CSV, en UTF-8"),
    Rule.HEADER: _("la première ligne doit nommer une colonne « reference »"),
    Rule.EMPTY: _("aucune ligne"),
    Rule.REFERENCE: _("référence illisible : celle de l’envoi scellé, P-0000-…"),
    Rule.NOT_PACKAGED: _("cette référence n’est dans aucun envoi que vous avez reçu"),
    Rule.TWICE: _("même personne, mêmes coordonnées : comptée une fois"),
    Rule.TWICE_OTHERWISE: _("même personne, autres coordonnées : la dernière ligne est gardée"),
    Rule.NAME: _("nom du destinataire manquant"),
    Rule.NAME_CHARACTERS: _("nom imprimé sans ses signes ou chiffres"),
    Rule.NAME_TOO_LONG: _("nom coupé"),
    Rule.REPRESENTATIVE: _("enfant : le nom du représentant manque"),
    Rule.AGE: _("âge inconnu : tenu pour majeur, sauf si un représentant est nommé"),
    Rule.EMAIL: _("adresse électronique inutilisable"),
    Rule.ADDRESS_CHARACTERS: _("adresse avec des caractères qui ne s’impriment pas"),
    Rule.ADDRESS_TOO_LONG: _("adresse de plus de 6 lignes, ou de plus de 38 caractères par ligne"),
    Rule.ADDRESS_INCOMPLETE: _("adresse sans ville"),
    Rule.NO_WAY: _("ni courriel ni adresse utilisable"),
    Rule.FOREIGN: _("adresse à l’étranger : affranchissement à prévoir"),
    Rule.LANGUAGE: _("langue inconnue : français"),
    Rule.PRINT: _("présentation inconnue : courante"),
    Rule.DATE: _("date impossible"),
    "return_unknown": _("cette référence n’est pas celle d’une de vos lettres"),
    "return_reference": _("référence du pli manquante, ou trop longue"),
    Rule.YES_OR_NO: _("ni oui ni non : lu « oui », par prudence"),
}
BATCH_STATES: Final[Mapping[str, Promise]] = {
    "made": _("imprimé"),
    "downloaded": _("pris"),
    "posted": _("posté"),
}
FILE_STATES: Final[Mapping[str, Promise]] = {
    "received": _("attend d’être lu"),
    "read": _("lu"),
    "refused": _("refusé"),
}
