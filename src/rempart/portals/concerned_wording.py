"""Answers to « Suis-je concerné ? » in words, for pages and for the script that reads cards."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.notices.campaigns import CampaignKind, MessageState
from rempart.notices.channels import ReportKind
from rempart.notices.contacts import Channel
from rempart.notices.facts import Certainty, Doubt

CERTAINTY_WORDS: Final[Mapping[Certainty, Promise]] = MappingProxyType(
    {
        Certainty.CONFIRMED: _("Concerné(e). C’est établi."),
        Certainty.PROBABLE: _("Très probablement concerné(e)."),
        Certainty.POSSIBLE: _("On ne peut pas exclure que cette personne soit concernée."),
        Certainty.EXCLUDED: _("Pas concerné(e). Les journaux de la période sont complets."),
    }
)
DOUBT_WORDS: Final[Mapping[Doubt, Promise]] = MappingProxyType(
    {
        Doubt.SHARED_SESSION: _(
            "Un voleur et un professionnel de santé ont utilisé le même accès, et rien ne montre "
            "que le professionnel a fait cette recherche."
        ),
        Doubt.THIEF_WAS_NEAR: _(
            "Une carte ou une facture explique cette recherche, mais un voleur utilisait le même "
            "accès."
        ),
        Doubt.ONLY_A_JUDGEMENT: _(
            "Cette recherche ressemble au travail du professionnel de santé, mais aucun soin ne la "
            "confirme."
        ),
        Doubt.HOLE_IN_THE_LOGS: _(
            "Une partie des journaux manque, et le dossier a pu être lu à ce moment."
        ),
        Doubt.EXPLAINED: _(
            "Une carte, une facture ou le travail du professionnel de santé explique cette "
            "recherche, mais un voleur utilisait le même accès."
        ),
        Doubt.EXPLAINED_OR_HOLE: _(
            "Un voleur utilisait l’accès par lequel ce dossier a été lu, ou une partie des "
            "journaux manque."
        ),
    }
)
KINDS: Final[Mapping[CampaignKind, Promise]] = MappingProxyType(
    {
        CampaignKind.NOTICE: _("premier message"),
        CampaignKind.CORRECTION: _("message qui en corrige un autre"),
        CampaignKind.RETRACTION: _("message qui en retire un autre"),
        CampaignKind.PROFESSIONAL: _("message à un professionnel de santé"),
    }
)
CHANNELS: Final[Mapping[Channel, Promise]] = MappingProxyType(
    {
        Channel.EMAIL: _("courriel"),
        Channel.LETTER: _("courrier"),
        Channel.SPACE: _("espace adhérent"),
    }
)
MESSAGE_STATES: Final[Mapping[MessageState, Promise]] = MappingProxyType(
    {
        MessageState.WAITING: _("pas encore parti"),
        MessageState.SENDING: _("en train de partir"),
        MessageState.SENT: _("envoyé"),
        MessageState.BOUNCED: _("revenu : un courrier suit"),
        MessageState.PRINTED: _("imprimé, pas encore posté"),
        MessageState.POSTED: _("posté"),
        MessageState.RETURNED: _("revenu : l’adresse est à vérifier avec la personne"),
        MessageState.HELD: _("retenu : rien n’a pu lui être écrit"),
        MessageState.DROPPED: _("ne partira pas"),
    }
)
REPORT_KINDS: Final[Mapping[ReportKind, Promise]] = MappingProxyType(
    {
        ReportKind.EMAIL: _("Un courriel"),
        ReportKind.SMS: _("Un SMS"),
        ReportKind.CALL: _("Un appel"),
        ReportKind.SITE: _("Un site qui imite le nôtre"),
        ReportKind.VICTIM: _("J’ai perdu de l’argent, ou donné un code"),
    }
)
# What the script says; each is a sentence of the page.
CARD_WORDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "holder": _("Titulaire de la carte"),
        "line": _("Enfant, ligne {place} de la carte"),
        "read": _("Données lues :"),
        "notRead": _("Les journaux prouvent que ceci n’a pas été lu :"),
        "none": _(
            "Ni le titulaire de cette carte ni les enfants qui y figurent ne sont sur la liste. "
            "Si une vérification change la liste, un courrier part."
        ),
        "others": _("Les autres adultes de la carte ont leur propre courrier."),
        "damaged": _(
            "Ce n’est pas le code d’une carte : 26 lettres et chiffres sous le symbole, ou le "
            "texte du symbole."
        ),
        "mismatch": _("Le code et le numéro de la carte ne vont pas ensemble : relisez les deux."),
        "working": _("Vérification dans cet appareil…"),
        "tooMany": _("Trop de vérifications depuis ce réseau. Attendez une minute."),
        "failed": _("La liste n’a pas pu être lue. Rechargez la page, puis recommencez."),
        "serial": _("Carte n° {serial}"),
    }
)
