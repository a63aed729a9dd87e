"""Words of what members and their insurer write to one another. Refuses words that accuse."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from rempart.claims.disputes import DisputeOutcome, DisputeReason, DisputeState
from rempart.exchange.photo_file import PhotoFault
from rempart.notices.channels import ReportKind
from rempart.notices.contacts import Channel
from rempart.notices.media import Variant
from rempart.notices.suspicious import ReportMedium, ReportVerdict

DISPUTE_REASONS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        DisputeReason.NOT_RECEIVED: _("Je n’ai pas reçu ce soin"),
        DisputeReason.NOT_ALL: _("Je n’en ai reçu qu’une partie"),
        DisputeReason.UNKNOWN_PLACE: _("Je ne suis jamais allé chez ce professionnel"),
        DisputeReason.PAID_TWICE: _("J’avais déjà payé ce soin moi-même"),
    }
)
DISPUTE_STATES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        DisputeState.OPEN: _("en attente de réponse"),
        DisputeState.ANSWERED: _("répondue"),
        DisputeState.WITHDRAWN: _("retirée"),
    }
)
DISPUTE_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        DisputeState.OPEN: ("badge-info", "clock"),
        DisputeState.ANSWERED: ("badge-open", "check"),
        DisputeState.WITHDRAWN: ("badge-plain", "minus"),
    }
)
DISPUTE_OUTCOMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        DisputeOutcome.UPHELD: _("L’adhérent a raison : la facture est à reprendre"),
        DisputeOutcome.EXPLAINED: _("Le soin a bien été donné : la réponse l’explique"),
        DisputeOutcome.UNSETTLED: _("Rien ne permet de trancher : nous gardons l’alerte"),
    }
)
# The same, said to the member.
OWN_OUTCOMES: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        DisputeOutcome.UPHELD: _("Vous avez raison : cette facture est à reprendre."),
        DisputeOutcome.EXPLAINED: _("Ce soin a une explication."),
        DisputeOutcome.UNSETTLED: _("Rien ne permet de trancher. Nous gardons votre alerte."),
    }
)
OUTCOME_NOTES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        DisputeOutcome.UPHELD: ("note-open", "check-circle"),
        DisputeOutcome.EXPLAINED: ("note-info", "info"),
        DisputeOutcome.UNSETTLED: ("note-attention", "info"),
    }
)
MEDIA: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        ReportMedium.EMAIL: _("Courriel"),
        ReportMedium.SMS: _("SMS ou messagerie"),
        ReportMedium.CALL: _("Appel téléphonique"),
        ReportMedium.LETTER: _("Courrier papier"),
        ReportMedium.OTHER: _("Autre"),
    }
)
# Where else to report what came that way (notices/channels.py).
REPORT_KINDS: Final[Mapping[str, ReportKind]] = MappingProxyType(
    {
        ReportMedium.EMAIL: ReportKind.EMAIL,
        ReportMedium.SMS: ReportKind.SMS,
        ReportMedium.CALL: ReportKind.CALL,
    }
)
VERDICTS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        ReportVerdict.FRAUD: _("C’est une fraude"),
        ReportVerdict.GENUINE: _("Ce message vient bien de nous"),
        ReportVerdict.UNSURE: _("Nous ne savons pas : faites comme si c’était une fraude"),
    }
)
VERDICT_BADGES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        ReportVerdict.FRAUD: ("badge-closed", "alert"),
        ReportVerdict.GENUINE: ("badge-open", "check"),
        ReportVerdict.UNSURE: ("badge-attention", "info"),
    }
)
VERDICT_NOTES: Final[Mapping[str, tuple[str, str]]] = MappingProxyType(
    {
        ReportVerdict.FRAUD: ("note-closed", "alert"),
        ReportVerdict.GENUINE: ("note-open", "check-circle"),
        ReportVerdict.UNSURE: ("note-attention", "info"),
    }
)
PHOTO_FAULTS: Final[Mapping[PhotoFault, Promise]] = MappingProxyType(
    {
        "photo_empty": _("Ce fichier est vide : choisissez la photo de nouveau."),
        "photo_too_large": _("Cette photo est trop grande : 8 Mo au plus."),
        "photo_name": _("Ce n’est pas une photo : envoyez un fichier .jpg ou .png."),
        "photo_kind": _("Ce fichier ne se lit pas comme une photo : prenez-la de nouveau."),
    }
)
WISHED_CHANNELS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "": _("Comme ma complémentaire le préfère"),
        Channel.EMAIL: _("Par courriel"),
        Channel.LETTER: _("Par courrier papier"),
        Channel.SPACE: _("Ici, dans mon espace, sans rien recevoir"),
    }
)
VARIANTS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        Variant.STANDARD: _("Caractères ordinaires"),
        Variant.LARGE_PRINT: _("Grands caractères"),
        Variant.PLAIN: _("Facile à lire : une phrase par ligne, caractères agrandis"),
    }
)
MESSAGE_KINDS: Final[Mapping[str, Promise]] = MappingProxyType(
    {
        "notice": _("Vol de données : ce qui vous concerne"),
        "correction": _("Correction d’un message sur un vol de données"),
        "retraction": _("Vous n’êtes finalement pas concerné par un vol de données"),
        "professional": _("Vol de données : vos données professionnelles"),
    }
)
# By channel and state (notices.message): where the same text is, beside this page.
MESSAGE_STATES: Final[Mapping[tuple[str, str], Promise]] = MappingProxyType(
    {
        ("email", "sent"): _("envoyé aussi par courriel"),
        ("email", "bounced"): _("le courriel est revenu ; un courrier part"),
        ("letter", "printed"): _("un courrier est imprimé et va partir"),
        ("letter", "posted"): _("envoyé aussi par courrier"),
        ("letter", "returned"): _("le courrier est revenu : vérifiez votre adresse"),
        ("letter", "sent"): _("envoyé aussi par courrier"),
        ("space", "sent"): _("ici seulement"),
    }
)
