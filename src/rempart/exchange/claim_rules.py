"""The rules on the form of claims, by name: what findings are explained with, whatever the channel.

Refuses a rule that has no words: a test reads faults of every kind and looks them up here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from rempart.exchange import b2_file, b2_lines
from rempart.exchange.billed_claim import FORM_RULES
from rempart.exchange.claim_json import JSON_RULES
from rempart.kernel import amc, birth, nir
from rempart.kernel.findings import Refusal
from rempart.rights import card, engagement, lookup
from rempart.tariffs import care

NOT_YOURS: Final = Refusal(
    rule="claim_replaces",
    fr="La facture à remplacer n’est pas une des vôtres.",
    en="The claim to replace is not one of yours.",
    advice_fr="Reprendre la référence donnée à la réception de cette facture.",
    advice_en="Take the reference given when that claim was received.",
)

_ALL: Final = (
    *FORM_RULES,
    *JSON_RULES,
    NOT_YOURS,
    *(b2_lines.LENGTH, b2_lines.KIND, b2_lines.FIELD),
    *(b2_file.ORDER, b2_file.TOTAL, b2_file.UNFINISHED, b2_file.TOO_LONG, b2_file.LINE),
    *(nir.LENGTH, nir.CHARACTERS, nir.SEX, nir.MONTH, nir.COMMUNE, nir.COUNTRY, nir.KEY),
    *(amc.FORMAT, birth.DATE_FORMAT, birth.DATE_YEAR, birth.RANK),
    *(lookup.CARD_CODE, card.PRESENCE_CODE),
    *(care.UNKNOWN_ACT, engagement.INVALID),
)
RULES: Final[Mapping[str, Refusal]] = MappingProxyType({one.rule: one for one in _ALL})
