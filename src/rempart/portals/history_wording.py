"""One entry of the ledger as the person it is about reads it.

Refuses to name an agent of the operator, and to say more of an answer than it carried.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from rempart.accounts.inquiries import HoldState, InquiryPurpose, InquiryState
from rempart.disclosure.entry import Kind
from rempart.exchange.proof_words import MODES, PURPOSES, describe_fields
from rempart.kernel.findings import BadValue, Language
from rempart.kernel.instants import from_day_number
from rempart.portals.insurer_wording import MOTIVES
from rempart.portals.times import in_paris
from rempart.portals.wording import OUTCOMES, describe_profession
from rempart.tariffs.domains import Domain
from rempart.workflows.members.member_history import Consultation, Reader

READERS: Final[Mapping[Reader, Promise]] = MappingProxyType(
    {
        "professional": _("professionnels"),
        "insurer": _("votre complémentaire"),
        "operator": _("l’opérateur"),
        "self": _("vous"),
    }
)
INQUIRY_PURPOSES: Final[Mapping[InquiryPurpose, Promise]] = MappingProxyType(
    {
        InquiryPurpose.ACCESS: _("demande d’accès de la personne"),
        InquiryPurpose.COMPLAINT: _("réclamation de la personne"),
        InquiryPurpose.INCIDENT: _("réponse à un incident"),
        InquiryPurpose.JUDICIAL: _("réquisition d’une autorité judiciaire"),
        InquiryPurpose.CONTROL: _("contrôle interne d’un agent ou d’un compte"),
    }
)
INQUIRY_STATES: Final[Mapping[InquiryState, Promise]] = MappingProxyType(
    {
        InquiryState.ASKED: _("À approuver"),
        InquiryState.APPROVED: _("Approuvée"),
        InquiryState.REFUSED: _("Refusée"),
    }
)
HOLD_STATES: Final[Mapping[HoldState, Promise]] = MappingProxyType(
    {
        HoldState.ASKED: _("À approuver"),
        HoldState.APPROVED: _("Approuvée"),
        HoldState.REFUSED: _("Refusée"),
        HoldState.LIFTED: _("Levée"),
    }
)
# An insurer's agent opened the file of the person, or of their contract.
FILE_QUESTIONS: Final = frozenset({"member-file", "contract-file"})
# Somebody asked what an incident means for the person.
PERSON_QUESTION: Final = "incident-person"


@dataclass(frozen=True, slots=True, kw_only=True)
class ConsultationWords:
    """One entry in words.

    Args:
        at: When.
        who: Which organisation.
        where: Its city and profession; empty when it has none.
        why: What for.
        how: How the person was designated.
        answer: What was answered.
        shown: Which fields the answer carried.
        software: Through which software.
        insurer: About which insurer's contract.
        is_own: Whether it is the person's own reading.
    """

    at: datetime
    who: str
    where: str
    why: str
    how: str
    answer: str
    shown: str
    software: str
    insurer: str
    is_own: bool


def describe_consultation(one: Consultation, language: Language) -> ConsultationWords:
    """Put one entry into words."""
    is_answer = one.kind == Kind.DISCLOSE
    return ConsultationWords(
        at=in_paris(one.t_ms),
        who=_name_reader(one),
        where=_locate(one),
        why=_describe_care(one, language) if is_answer else _describe_reading(one),
        how=MODES[one.mode].say(language) if is_answer and one.mode in MODES else "",
        answer=str(OUTCOMES.get(one.outcome, "")) if is_answer else "",
        shown=describe_fields(one.fields, one.schema_version, language)
        if is_answer
        else gettext("ces lignes mêmes"),
        software=one.software,
        insurer=one.insurer,
        is_own=one.reader == "self",
    )


def _name_reader(one: Consultation) -> str:
    match one.reader:
        case "self":
            return gettext("Vous, sur ce site")
        case "operator":
            return gettext("L’opérateur")
        case _:
            return one.organisation or gettext("Organisme retiré de l’annuaire")


def _locate(one: Consultation) -> str:
    profession = str(describe_profession(one.profession)) if one.profession else ""
    return ", ".join(part for part in (profession, one.city) if part)


def _describe_care(one: Consultation, language: Language) -> str:
    purpose = PURPOSES[one.purpose].say(language) if one.purpose in PURPOSES else ""
    try:
        domain = Domain.from_number(one.domain).label(language)
    except BadValue:
        domain = ""
    day = from_day_number(one.care_day).strftime("%d/%m/%Y" if language == "fr" else "%Y-%m-%d")
    parts = (purpose, domain, gettext("soins du %(day)s") % {"day": day})
    return ", ".join(part for part in parts if part)


def _describe_reading(one: Consultation) -> str:
    if one.reader == "self":
        return gettext("lecture de cette page")
    known = {purpose.value: str(words) for purpose, words in INQUIRY_PURPOSES.items()}
    known |= {motive.value: str(words) for motive, words in MOTIVES.items()}
    if one.question == PERSON_QUESTION:
        return gettext("ce qu’un incident veut dire pour vous : %(purpose)s") % {
            "purpose": one.stated_purpose
        }
    words = known.get(one.stated_purpose, "")
    is_file = one.question in FILE_QUESTIONS
    reading = (
        gettext("lecture de votre dossier")
        if is_file
        else gettext("lecture du registre à votre sujet")
    )
    return f"{reading} : {words}" if words else reading
