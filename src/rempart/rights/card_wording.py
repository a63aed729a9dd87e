"""What each verdict on a card says to the person at the counter, and what to do.

Refuses to leave a reason without words: a test compares with the list of reasons.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rempart.kernel.findings import Refusal
from rempart.rights.card_verdict import CardReason

_ROWS: Final = (
    (
        CardReason.NOT_A_CARD,
        "Ce n’est pas une carte de tiers payant.",
        "This is not a tiers payant card.",
        "Scanner le carré de points de la carte, pas celui d’une boîte ou d’un courrier.",
        "Scan the dotted square of the card, not that of a box or a letter.",
    ),
    (
        CardReason.ONLINE_ONLY,
        "Ce code de présence ne se vérifie qu’en ligne.",
        "This presence code can only be checked online.",
        "Scanner le symbole, ou interroger les droits quand le réseau revient.",
        "Scan the symbol, or check the rights once the network is back.",
    ),
    (
        CardReason.OTHER_OPERATOR,
        "C’est la carte d’un autre opérateur.",
        "This is another operator’s card.",
        "Interroger cet opérateur ; rien n’a été vérifié ici.",
        "Ask that operator; nothing was verified here.",
    ),
    (
        CardReason.NEWER_FORMAT,
        "Cette carte est d’un format plus récent que ce vérificateur.",
        "This card has a newer format than this verifier.",
        "Mettre le vérificateur à jour.",
        "Update the verifier.",
    ),
    (
        CardReason.DAMAGED,
        "Le symbole est incomplet ou abîmé.",
        "The symbol is incomplete or damaged.",
        "Scanner de nouveau, à plat et sans reflet ; sinon demander l’e-carte.",
        "Scan again, flat and without reflection; otherwise ask for the e-card.",
    ),
    (
        CardReason.UNKNOWN_KEY,
        "Cette carte est signée par une clé inconnue.",
        "This card is signed by an unknown key.",
        "Mettre les données du vérificateur à jour ; si rien ne change, refuser la carte.",
        "Update the verifier’s data; if nothing changes, refuse the card.",
    ),
    (
        CardReason.KEY_REVOKED,
        "La clé qui a signé cette carte a été révoquée.",
        "The key that signed this card was revoked.",
        "Demander à l’adhérent sa nouvelle carte, ou interroger les droits en ligne.",
        "Ask the member for the new card, or check the rights online.",
    ),
    (
        CardReason.FORGED,
        "La signature de cette carte est fausse.",
        "The signature of this card is wrong.",
        "Ne pas accorder le tiers payant sur cette carte.",
        "Do not grant tiers payant on this card.",
    ),
    (
        CardReason.KEY_OUT_OF_DAYS,
        "Cette carte dit avoir été émise un jour où sa clé ne servait pas.",
        "This card says it was issued on a day its key was not in use.",
        "Ne pas accorder le tiers payant sur cette carte.",
        "Do not grant tiers payant on this card.",
    ),
    (
        CardReason.REVOKED,
        "Cette carte ne compte plus : elle a été remplacée, perdue ou reprise.",
        "This card counts no more: it was replaced, lost or taken back.",
        "Demander la nouvelle carte, ou interroger les droits en ligne.",
        "Ask for the new card, or check the rights online.",
    ),
    (
        CardReason.EXPIRED,
        "Cette carte a expiré.",
        "This card has expired.",
        "Demander la carte de l’année.",
        "Ask for this year’s card.",
    ),
    (
        CardReason.FUTURE,
        "Cette carte n’est pas encore valable.",
        "This card is not valid yet.",
        "Utiliser la carte en cours ; vérifier la date de l’appareil.",
        "Use the current card; check the device’s date.",
    ),
    (
        CardReason.CLOCK,
        "L’appareil est en retard sur ses propres données.",
        "The device is behind its own data.",
        "Mettre l’appareil à l’heure, puis scanner de nouveau.",
        "Set the device’s clock, then scan again.",
    ),
    (
        CardReason.KEYS_TOO_OLD,
        "La carte est authentique, mais la liste des clés est trop ancienne.",
        "The card is genuine, but the list of keys is too old.",
        "Mettre les données du vérificateur à jour avant de s’y fier.",
        "Update the verifier’s data before relying on it.",
    ),
    (
        CardReason.NO_LIST,
        "La carte est authentique ; faute de liste, on ne sait pas si elle a été révoquée.",
        "The card is genuine; without a list, nobody knows whether it was revoked.",
        "Charger la liste des révocations, ou interroger les droits en ligne.",
        "Load the list of revocations, or check the rights online.",
    ),
    (
        CardReason.LIST_TOO_OLD,
        "La carte est authentique, mais la liste des révocations est trop ancienne.",
        "The card is genuine, but the list of revocations is too old.",
        "Mettre les données du vérificateur à jour avant de s’y fier.",
        "Update the verifier’s data before relying on it.",
    ),
    (
        CardReason.GENUINE,
        "La carte est authentique et en cours de validité.",
        "The card is genuine and in force.",
        "Accorder le tiers payant selon le tableau de la carte.",
        "Grant tiers payant according to the card’s table.",
    ),
)

WORDING: Final[Mapping[CardReason, Refusal]] = MappingProxyType(
    {
        reason: Refusal(rule=reason.value, fr=fr, en=en, advice_fr=advice_fr, advice_en=advice_en)
        for reason, fr, en, advice_fr, advice_en in _ROWS
    }
)
"""The words of each reason."""
