"""What whoever a cut touches reads: what stops, for whom, since when, what goes on, whom to call.

Refuses to carry a link, and to name who decided.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Final, NamedTuple

from rempart.kernel.findings import Language
from rempart.kernel.instants import PARIS
from rempart.rights.cuts import CutReason, CutScope, StillWorks, list_still_works


class _Words(NamedTuple):
    fr: str
    en: str

    def say(self, language: Language) -> str:
        return self.fr if language == "fr" else self.en


_SCOPES: Final[Mapping[CutScope, _Words]] = {
    CutScope.RIGHTS: _Words("toutes les vérifications de droits", "all rights checks"),
    CutScope.PORTAL: _Words(
        "les vérifications de droits depuis le portail", "rights checks from the portal"
    ),
    CutScope.GATEWAY: _Words(
        "les vérifications de droits depuis les logiciels", "rights checks from software"
    ),
    CutScope.INSURER: _Words("les vérifications de droits", "rights checks"),
}
_REASONS: Final[Mapping[CutReason, _Words]] = {
    CutReason.INCIDENT: _Words("incident de sécurité", "security incident"),
    CutReason.PRECAUTION: _Words("précaution", "precaution"),
    CutReason.INSURER_REQUEST: _Words(
        "à la demande de la complémentaire", "asked for by the insurer"
    ),
    CutReason.MAINTENANCE: _Words("maintenance", "maintenance"),
}
_GOES_ON: Final[Mapping[StillWorks, _Words]] = {
    StillWorks.OFFLINE_CARD: _Words(
        "la carte se vérifie sans réseau", "cards verify without a network"
    ),
    StillWorks.OTHER_WAY: _Words("l’autre voie d’accès", "the other way in"),
    StillWorks.GIVEN_ENGAGEMENTS: _Words(
        "les numéros d’engagement déjà donnés", "engagement numbers already given"
    ),
    StillWorks.CLAIMS: _Words("la facturation", "claims"),
    StillWorks.PAYMENTS: _Words("les paiements", "payments"),
}
_CUT: Final = _Words(
    "{host} a coupé {scope}.\n"
    "Pour : {stopped}.\n"
    "Depuis le {since}. Motif : {reason}.\n"
    "{until}\n"
    "Ce qui continue : {goes_on} ; la console de vos agents.{untouched}",
    "{host} cut {scope}.\n"
    "For: {stopped}.\n"
    "Since {since}. Reason: {reason}.\n"
    "{until}\n"
    "What goes on: {goes_on}; the console of your agents.{untouched}",
)
_RESTORED: Final = _Words(
    "{host} a rétabli {scope}.\nPour : {stopped}.\nLa coupure durait depuis le {since}.",
    "{host} gave back {scope}.\nFor: {stopped}.\nThe cut had lasted since {since}.",
)
_REVIEW: Final = _Words(
    "L’hébergeur la revoit au plus tard le {at}.", "The host looks at it again by {at}."
)
_ENDS: Final = _Words("Elle prend fin d’elle-même le {at}.", "It ends by itself on {at}.")
_UNTOUCHED: Final = _Words("\nRien ne change pour : {names}.", "\nNothing changes for: {names}.")
_TODO: Final = _Words(
    "Que faire : entrez dans Rempart comme d’habitude (ce message ne contient volontairement\n"
    "aucun lien), page « Chaîne » : elle dit où cela en est pour vous. Si vous ne pouvez pas\n"
    "entrer, ou pour toute question, appelez {host} {call}.",
    "What to do: enter Rempart as you usually do (this message has no link, on purpose), page\n"
    "“Chain”: it says how things stand for you. If you cannot enter, or for any question, call\n"
    "{host} {call}.",
)
_CALL: Final = _Words("au {phone}", "at {phone}")
_AGREEMENT: Final = _Words("au numéro de votre convention", "at the number of your agreement")
_HOST: Final = _Words("l’opérateur qui vous héberge", "the operator that hosts you")


def write_cut(
    facts: Mapping[str, str], language: Language, *, place: str, is_over: bool, phone: str = ""
) -> str:
    """Write the message of a cut, or of its end.

    Args:
        facts: `host`, `scope`, `reason`, `stopped`, `untouched`, and in ISO 8601 `since`,
            `review_at`, `ends_at`; a text that is empty is not said.
        language: In which.
        place: The organisation that reads it.
        is_over: Whether rights are given back.
        phone: The host's number; empty when only agreements say it.
    """
    scope = CutScope(facts["scope"])
    host = facts.get("host") or _HOST.say(language)
    ends, untouched = facts.get("ends_at", ""), facts.get("untouched", "")
    until = [_REVIEW.say(language).format(at=_write_instant(facts["review_at"], language))]
    if ends:
        until.append(_ENDS.say(language).format(at=_write_instant(ends, language)))
    what = (_RESTORED if is_over else _CUT).say(language)
    text = what.format(
        host=host,
        scope=_SCOPES[scope].say(language),
        stopped=facts["stopped"],
        since=_write_instant(facts["since"], language),
        reason=_REASONS[CutReason(facts["reason"])].say(language),
        until=" ".join(until),
        goes_on=", ".join(
            _GOES_ON[one].say(language) for one in list_still_works(scope) if one in _GOES_ON
        ),
        untouched=_UNTOUCHED.say(language).format(names=untouched) if untouched else "",
    )
    call = _CALL.say(language).format(phone=phone) if phone else _AGREEMENT.say(language)
    todo = _TODO.say(language).format(host=host, call=call)
    return f"{place}\n\n{text[0].upper()}{text[1:]}\n\n{todo}\n"


def _write_instant(text: str, language: Language) -> str:
    form = "%d/%m/%Y à %H:%M" if language == "fr" else "%d/%m/%Y at %H:%M"
    return datetime.fromisoformat(text).astimezone(PARIS).strftime(form)
