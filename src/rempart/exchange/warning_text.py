"""What somebody reads when an account of theirs was touched: in French, then in English.

Refuses to carry a link: a warning that teaches people to click is the next thief's best friend.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Final, NamedTuple, Protocol

from rempart.accounts.containment import MeasureStep
from rempart.accounts.events import SecurityEventKind
from rempart.exchange.cut_text import write_cut
from rempart.exchange.whole_file import write_whole
from rempart.kernel.findings import Language
from rempart.kernel.instants import PARIS


@dataclass(frozen=True, slots=True, kw_only=True)
class OutgoingWarning:
    """One warning for one address.

    Args:
        warning_ref: Its reference: the same one sent twice is the same warning.
        address: An e-mail address, a telephone number or a postal address, as the channel says.
        place: The organisation it is about, if any.
        name: Whose act it was, if known.
        facts: Of a change of account: `old_digits`, `new_digits`, `active_from`.
    """

    warning_ref: int
    channel: str
    address: str = field(repr=False)
    kind: SecurityEventKind
    at: datetime
    place: str
    name: str
    facts: Mapping[str, str]


class WarningSender(Protocol):
    """Whatever takes a warning to its address."""

    def send(self, warning: OutgoingWarning) -> None:
        """Send one warning; return once it cannot be lost any more.

        Raises:
            OSError: it did not leave; it will be tried again.
        """
        ...

    def send_code(self, contact_ref: int, channel: str, address: str, code: str) -> None:
        """Send the code that confirms a new address.

        Raises:
            OSError: it did not leave; it will be tried again.
        """
        ...


class FolderSender:
    """Writes each warning as a text file that another programme sends.

    The file's name is the warning's reference, so writing one again does not make two. Only its
    owner may read it: it holds an address.

    Args:
        directory: Where.
        phone: The operator's number; empty when it is known from agreements only.
    """

    def __init__(self, directory: Path, *, phone: str = "") -> None:
        self._directory = directory
        self._phone = phone

    def send(self, warning: OutgoingWarning) -> None:
        """Write the file whole or not at all, and wait until it is on the disk."""
        self._write(warning.warning_ref, format_warning(warning, phone=self._phone))

    def send_code(self, contact_ref: int, channel: str, address: str, code: str) -> None:
        """Write a code the same way."""
        self._write(contact_ref, format_code(contact_ref, channel, address, code))

    def _write(self, name: int, text: str) -> None:
        with write_whole(self._directory / f"{name}.txt") as file:
            file.write(text.encode())


class _Words(NamedTuple):
    fr: str
    en: str


# {old} and {new} are last digits; {when} is when it takes effect.
_WHAT: Final[Mapping[SecurityEventKind, _Words]] = {
    SecurityEventKind.BANK_DETAILS_PROPOSED: _Words(
        "Un changement de compte bancaire a été demandé : {old} serait remplacé par {new}.{when}",
        "A change of bank account was asked for: {old} would be replaced by {new}.{when}",
    ),
    SecurityEventKind.BANK_DETAILS_APPROVED: _Words(
        "Le changement de compte bancaire a été approuvé : {old} sera remplacé par {new}.{when}",
        "The change of bank account was approved: {old} will be replaced by {new}.{when}",
    ),
    SecurityEventKind.BANK_DETAILS_REFUSED: _Words(
        "Le changement de compte bancaire vers {new} a été refusé : rien ne change.",
        "The change of bank account to {new} was refused: nothing changes.",
    ),
    SecurityEventKind.BANK_DETAILS_CANCELLED: _Words(
        "Le changement de compte bancaire vers {new} a été annulé : rien ne change.",
        "The change of bank account to {new} was cancelled: nothing changes.",
    ),
    SecurityEventKind.BANK_DETAILS_ACTIVE: _Words(
        "Le compte {new} remplace {old} : les paiements y vont désormais.",
        "Account {new} replaces {old}: payments now go there.",
    ),
    SecurityEventKind.PASSKEY_ADDED: _Words(
        "Une clé d’accès a été ajoutée au compte : elle ouvre Rempart à son nom.",
        "A passkey was added to the account: it opens Rempart in its name.",
    ),
    SecurityEventKind.SOFTWARE_REGISTERED: _Words(
        "Le logiciel {software} a été enregistré : il peut appeler la passerelle.",
        "The software {software} was registered: it may call the gateway.",
    ),
    SecurityEventKind.SOFTWARE_KEY_ADDED: _Words(
        "Une clé a été ajoutée au logiciel {software} : elle peut signer en son nom.",
        "A key was added to the software {software}: it may sign in its name.",
    ),
    SecurityEventKind.CONTACT_REMOVED: _Words(
        "Une adresse a été retirée de celles où nous vous prévenons. Elle est encore prévenue "
        "pendant quelque temps.",
        "An address was removed from those where we warn you. It is still warned for some time.",
    ),
    SecurityEventKind.CONTACT_ADDED: _Words(
        "Une adresse a été ajoutée à celles où nous vous prévenons.",
        "An address was added to those where we warn you.",
    ),
    SecurityEventKind.CONTACT_REPLACED: _Words(
        "L’adresse où nous vous prévenons a été remplacée. L’ancienne est encore prévenue "
        "pendant quelque temps.",
        "The address where we warn you was replaced. The old one is still warned for some time.",
    ),
    SecurityEventKind.ACCOUNT_CONTAINED: _Words(
        "La garde a remarqué un usage inhabituel du compte et le limite : {held}. {open}",
        "The guard noticed an unusual use of the account and limits it: {held}. {open}",
    ),
    SecurityEventKind.MEASURE_BEGUN: _Words(
        "{exercise}L’opérateur limite les vérifications de droits : {step}. {open}",
        "{exercise}The operator limits rights checks: {step}. {open}",
    ),
    SecurityEventKind.MEASURE_ENDED: _Words(
        "{exercise}L’opérateur a levé une mesure ({step}) : les vérifications reprennent.",
        "{exercise}The operator ended a measure ({step}): rights checks go on as before.",
    ),
    SecurityEventKind.ACCOUNT_RELEASED: _Words(
        "L’opérateur a levé la limite du compte : les vérifications de droits reprennent.",
        "The operator released the account: rights checks go on as before.",
    ),
    SecurityEventKind.SEALING_KEY_PROPOSED: _Words(
        "Un certificat de chiffrement a été donné pour votre organisme : les envois scellés "
        "seraient chiffrés pour lui.",
        "An encryption certificate was given for your organisation: sealed packages would be "
        "encrypted for it.",
    ),
    SecurityEventKind.SEALING_KEY_APPROVED: _Words(
        "Un certificat de chiffrement est en vigueur pour votre organisme : les envois scellés "
        "sont désormais chiffrés pour lui.",
        "An encryption certificate is in force for your organisation: sealed packages are now "
        "encrypted for it.",
    ),
    SecurityEventKind.SEALING_KEY_ENDED: _Words(
        "Un certificat de chiffrement de votre organisme a été retiré.",
        "An encryption certificate of your organisation was taken back.",
    ),
    SecurityEventKind.PACKAGE_SENT: _Words(
        "{exercise}L’opérateur a publié pour votre organisme un envoi scellé sur un incident.",
        "{exercise}The operator published a sealed package on an incident for your organisation.",
    ),
    SecurityEventKind.PACKAGE_REMINDED: _Words(
        "Rappel : un envoi scellé au sujet d’un incident vous attend, et personne chez vous n’en "
        "a accusé réception.",
        "Reminder: a sealed package about an incident waits for you, and nobody at your "
        "organisation acknowledged it.",
    ),
    SecurityEventKind.CLOCK_DUE: _Words(
        "Une échéance qui suit un incident approche ou est passée, et rien ne montre encore "
        "qu’elle est tenue.",
        "A time limit that follows an incident is near or past, and nothing shows yet that it was "
        "met.",
    ),
    SecurityEventKind.OWN_ACCOUNT_RELEASED: _Words(
        "La limite du compte a été levée par son titulaire, après confirmation de son identité.",
        "The account was released by its owner, after confirming who they are.",
    ),
}
_RECEIVE: Final = _Words(
    "Que faire : entrez dans Rempart comme d’habitude (ce message ne contient volontairement\n"
    "aucun lien), page « Incidents ». L’heure à laquelle vous recevez l’envoi y est inscrite :\n"
    "vos délais courent de là. Si vous ne pouvez pas entrer, appelez l’opérateur.",
    "What to do: enter Rempart as you usually do (this message has no link, on purpose), page\n"
    "“Incidents”. The hour at which you receive the package is recorded there: your time limits\n"
    "run from it. If you cannot enter, call the operator.",
)
_MEET: Final = _Words(
    "Que faire : entrez dans Rempart comme d’habitude (ce message ne contient volontairement\n"
    "aucun lien), page « Échéances » : elle dit laquelle, jusqu’à quand, et que faire si c’est\n"
    "tard. Si vous ne pouvez pas entrer, appelez l’opérateur.",
    "What to do: enter Rempart as you usually do (this message has no link, on purpose), page\n"
    "“Deadlines”: it says which one, until when, and what to do when it is late. If you cannot\n"
    "enter, call the operator.",
)
_ABOUT_PACKAGES: Final = frozenset(
    {SecurityEventKind.PACKAGE_SENT, SecurityEventKind.PACKAGE_REMINDED}
)
_ABOUT_CUTS: Final = frozenset(
    {SecurityEventKind.SERVICES_CUT, SecurityEventKind.SERVICES_RESTORED}
)
_LANGUAGES: Final[tuple[Language, ...]] = ("fr", "en")
_STEPS: Final[Mapping[str, _Words]] = {
    MeasureStep.ASK_AGAIN: _Words(
        "chacun confirme de nouveau qui il est", "everybody confirms again who they are"
    ),
    MeasureStep.SLOW: _Words("une vérification par dix secondes", "one check in ten seconds"),
    MeasureStep.NO_TYPED: _Words(
        "une personne nouvelle se vérifie avec sa carte", "a new person is checked by their card"
    ),
    MeasureStep.PRESENCE_ONLY: _Words(
        "toute personne se vérifie avec sa carte", "everybody is checked by their card"
    ),
    MeasureStep.SUSPEND: _Words("elles sont suspendues", "they are suspended"),
}
# How the guard holds by itself: rempart.guard.Step.
_HELD: Final[Mapping[str, _Words]] = {
    "2": _Words(
        "une personne nouvelle se vérifie avec sa carte", "a new person is checked by their card"
    ),
    "3": _Words(
        "seules les personnes déjà connues du compte se vérifient",
        "only people the account knows already are checked",
    ),
}
_OPEN: Final = _Words(
    "Les cartes se vérifient hors ligne ; la facturation, les paiements et les pages de votre "
    "compte continuent.",
    "Cards verify offline; claims, payments and the pages of your account go on.",
)
_EXERCISE: Final = _Words("EXERCICE. ", "EXERCISE. ")
_ABOUT_LIMITS: Final = frozenset(
    {
        SecurityEventKind.ACCOUNT_CONTAINED,
        SecurityEventKind.MEASURE_BEGUN,
        SecurityEventKind.MEASURE_ENDED,
        SecurityEventKind.ACCOUNT_RELEASED,
    }
)
_NOTHING: Final = _Words("", "")
_ANYTHING: Final = _Words(
    "Un événement de sécurité concerne votre compte ({kind}).",
    "A security event concerns your account ({kind}).",
)
_WHEN: Final = _Words(" Il prendrait effet le {at}.", " It would take effect on {at}.")
_NO_ACCOUNT: Final = _Words("aucun compte", "no account")
_WHO: Final = _Words("Le {at}, par {name}.", "On {at}, by {name}.")
# What the guard or the operator decided is nobody's act at the place that is warned.
_WHOM: Final = _Words("Le {at}. Compte : {name}.", "On {at}. Account: {name}.")
_ALL: Final = _Words("tous", "all")
_STOP: Final = _Words(
    "Si ce n’est ni vous ni un collègue : entrez dans Rempart comme d’habitude (ce message ne\n"
    "contient volontairement aucun lien), page « Coordonnées bancaires », et arrêtez le\n"
    "changement. Si vous ne pouvez pas entrer, appelez l’opérateur au numéro de votre convention.",
    "If this is neither you nor a colleague: enter Rempart as you usually do (this message has no\n"
    "link, on purpose), page “Bank details”, and stop the change. If you cannot enter, call the\n"
    "operator at the number of your agreement.",
)
_REPORT: Final = _Words(
    "Si ce n’est ni vous ni un collègue : entrez dans Rempart comme d’habitude (ce message ne\n"
    "contient volontairement aucun lien), page « Événements », et dites que ce n’était pas vous.\n"
    "Si vous ne pouvez pas entrer, appelez l’opérateur au numéro de votre convention.",
    "If this is neither you nor a colleague: enter Rempart as you usually do (this message has no\n"
    "link, on purpose), page “Events”, and say that it was not you. If you cannot enter, call the\n"
    "operator at the number of your agreement.",
)
_LIMITED: Final = _Words(
    "Que faire : entrez dans Rempart comme d’habitude (ce message ne contient volontairement\n"
    "aucun lien), page « Mon compte est limité » : elle dit ce qui marche encore et comment\n"
    "reprendre. Si vous ne pouvez pas entrer, appelez l’opérateur au numéro de votre convention.",
    "What to do: enter Rempart as you usually do (this message has no link, on purpose), page\n"
    "“My account is limited”: it says what still works and how to go on. If you cannot enter,\n"
    "call the operator at the number of your agreement.",
)
_SOMEBODY: Final = _Words("une personne que nous ne nommons pas", "somebody we do not name")


_CODE: Final = _Words(
    "Quelqu’un demande que Rempart prévienne à cette adresse. Le code est {code} : il s’écrit\n"
    "dans « Mon compte », « Adresses d’alerte », dans l’heure. Ne le donnez à personne, personne\n"
    "ne le demandera. Si vous n’avez rien demandé, ne faites rien.",
    "Somebody asks Rempart to warn at this address. The code is {code}: it is written in\n"
    "“My account”, “Warning addresses”, within the hour. Give it to nobody, nobody will ask for\n"
    "it. If you asked for nothing, do nothing.",
)


def format_code(contact_ref: int, channel: str, address: str, code: str) -> str:
    """Write the message that carries a code: where it goes, then French and English."""
    head = f"Rempart {contact_ref}\n{channel}: {address}\n"
    shown = f"{code[:4]} {code[4:]}"
    texts = [f"{words.format(code=shown)}\n" for words in _CODE]
    return "\n".join([head, texts[0], "-- \n", texts[1]])


def format_warning(warning: OutgoingWarning, *, phone: str = "") -> str:
    """Write a warning: where it goes, then the message in French and in English."""
    head = f"Rempart {warning.warning_ref}\n{warning.channel}: {warning.address}\n"
    texts = [_format(warning, language, phone) for language in _LANGUAGES]
    return "\n".join([head, texts[0], "-- \n", texts[1]])


def _format(warning: OutgoingWarning, language: Language, phone: str) -> str:
    if warning.kind in _ABOUT_CUTS:
        is_over = warning.kind is SecurityEventKind.SERVICES_RESTORED
        return write_cut(warning.facts, language, place=warning.place, is_over=is_over, phone=phone)

    def say(words: _Words) -> str:
        return words.fr if language == "fr" else words.en

    form = "%d/%m/%Y à %H:%M" if language == "fr" else "%d/%m/%Y at %H:%M"
    facts = warning.facts
    active_from = facts.get("active_from", "")
    at = datetime.fromisoformat(active_from).astimezone(PARIS) if active_from else None
    what = say(_WHAT.get(warning.kind, _ANYTHING)).format(
        old=_mask(facts.get("old_digits", "")) or say(_NO_ACCOUNT),
        new=_mask(facts.get("new_digits", "")),
        when=say(_WHEN).format(at=at.strftime(form)) if at else "",
        kind=warning.kind.value,
        software=facts.get("software", ""),
        step=say(_STEPS.get(facts.get("step", ""), _NOTHING)),
        held=say(_HELD.get(facts.get("held", ""), _HELD["2"])),
        open=say(_OPEN),
        exercise=say(_EXERCISE) if facts.get("exercise") else "",
    )
    about_limits = warning.kind in _ABOUT_LIMITS
    who = say(_WHOM if about_limits else _WHO).format(
        at=warning.at.astimezone(PARIS).strftime(form),
        name=warning.name or say(_ALL if about_limits else _SOMEBODY),
    )
    is_change = warning.kind.startswith("bank_details")
    todo = say(_LIMITED if about_limits else _STOP if is_change else _REPORT)
    if warning.kind in _ABOUT_PACKAGES:
        todo = say(_RECEIVE)
    if warning.kind is SecurityEventKind.CLOCK_DUE:
        todo = say(_MEET)
    return f"{warning.place}\n\n{what}\n{who}\n\n{todo}\n"


def _mask(digits: str) -> str:
    return f"•••• {digits}" if digits else ""
