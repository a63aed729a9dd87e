"""What a notice is written from: the incident, and what one person lost.

Refuses facts that cannot be true together: a person concerned of whom nothing was read, a field
both read and not, a doubt without its reason. Knows no reference and no number of a person.
"""

import enum
import unicodedata
from dataclasses import dataclass
from datetime import date
from typing import Final

from rempart.disclosure.fields import FIELD_LABELS, FIELDS_OF_PROFESSIONALS, Field
from rempart.kernel.email_address import EmailAddress
from rempart.kernel.findings import BadValue

NAME_CHARS: Final = 80
LINE_CHARS: Final = 200
NO_FIELD: Final = Field(0)
_ALL_FIELDS: Final = sum(FIELD_LABELS)


class Certainty(enum.StrEnum):
    """How sure it is, by the letters of the tiers of an exposure list."""

    CONFIRMED = "A"
    PROBABLE = "B"
    POSSIBLE = "C"
    EXCLUDED = "D"


class Doubt(enum.StrEnum):
    """Why it is not sure."""

    SHARED_SESSION = "shared_session"
    THIEF_WAS_NEAR = "thief_was_near"
    ONLY_A_JUDGEMENT = "only_a_judgement"
    HOLE_IN_THE_LOGS = "hole_in_the_logs"
    EXPLAINED = "explained"
    """A fact or a judgement explains it, and a thief was near: a package does not say which."""
    EXPLAINED_OR_HOLE = "explained_or_hole"


class Relation(enum.StrEnum):
    """What the person is to whoever writes."""

    MEMBER = "member"
    MINOR = "minor"
    """A child: the representative is written to."""
    FORMER = "former"
    PROFESSIONAL = "professional"


class Measure(enum.StrEnum):
    """What was done."""

    ACCOUNTS_BLOCKED = "accounts_blocked"
    SESSIONS_ENDED = "sessions_ended"
    PORTAL_CLOSED = "portal_closed"
    PRESENCE_REQUIRED = "presence_required"
    LOGS_KEPT = "logs_kept"
    CNIL_NOTIFIED = "cnil_notified"
    ACPR_TOLD = "acpr_told"
    COMPLAINT_FILED = "complaint_filed"
    REIMBURSEMENTS_WATCHED = "reimbursements_watched"


class Planned(enum.StrEnum):
    """What will be done."""

    COMPLAINT = "complaint"
    REIMBURSEMENTS_WATCHED = "reimbursements_watched"
    SECOND_MESSAGE = "second_message"
    AUDIT = "audit"


class KeptWhy(enum.StrEnum):
    """Why the data of somebody who left were still there."""

    REIMBURSEMENTS = "reimbursements"
    PORTABILITY = "portability"
    ACCOUNTING = "accounting"
    MONEY_LAUNDERING = "money_laundering"


def clean_name(name: str) -> str:
    """Keep of a name what is read aloud: letters, accents, spaces, apostrophes, hyphens.

    A name comes from outside: what would turn the page around, make a link or a slot is left out.

    >>> clean_name("O’Neil-Martin {dpo_email} \u202ewww.exemple.fr")
    'O’Neil-Martin dpoemail wwwexemplefr'
    """
    kept = (
        character if character.isalpha() or character in "'’-" else " "
        for character in unicodedata.normalize("NFC", name)
        if character.isalpha() or character in "'’-" or character.isspace()
    )
    return " ".join("".join(kept).split())[:NAME_CHARS].strip()


def check_line(text: str, what: str) -> None:
    """Refuse a text that is empty, too long, or holds what is not printed on a line.

    Raises:
        ValueError: with the name of the text, never the text.
    """
    if not text.strip() or len(text) > LINE_CHARS or not text.isprintable():
        raise ValueError(f"{what}: one printable line of 1 to {LINE_CHARS} characters")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sender:
    """Who writes, and how to reach them; each a line of text.

    Args:
        site: Address of the site, written to be typed: no scheme, no `www`.
    """

    name: str
    phone: str
    hours_fr: str
    hours_en: str
    dpo_email: str
    post_address: str
    site: str

    def __post_init__(self) -> None:
        for what in ("name", "phone", "hours_fr", "hours_en", "dpo_email", "post_address", "site"):
            check_line(getattr(self, what), what)
        try:
            # Every e-mail is answered there: what is no address keeps each of them from leaving.
            EmailAddress.parse(self.dpo_email)
        except BadValue:
            raise ValueError("dpo_email: an e-mail address") from None
        if "/" in self.site or self.site.startswith("www."):
            raise ValueError("site: an address to type, without scheme and without www")


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentFacts:
    """What is true of an incident for everybody of one insurer; dates are Paris civil dates.

    Args:
        starts_on, ends_on: First and last day of the theft, both included.
        told_on: The day the insurer was told by the operator.
        next_update_on: None: no other message is planned.
        prosecutor: Who leads the inquiry, with its number; empty: not known.
    """

    case_reference: str
    version: int
    sender: Sender
    operator: str
    starts_on: date
    ends_on: date
    discovered_on: date
    told_on: date
    written_on: date
    next_update_on: date | None
    measures: tuple[Measure, ...]
    planned: tuple[Planned, ...] = ()
    is_space_open: bool = True
    prosecutor: str = ""

    def __post_init__(self) -> None:
        check_line(self.case_reference, "case_reference")
        check_line(self.operator, "operator")
        if self.prosecutor:
            check_line(self.prosecutor, "prosecutor")
        if self.version < 1:
            raise ValueError("version: from 1")
        if not self.starts_on <= self.ends_on <= self.written_on:
            raise ValueError("the theft starts, ends, then is written about")
        if not self.starts_on <= self.discovered_on <= self.told_on <= self.written_on:
            raise ValueError("a theft starts, is found, is told to the insurer, is written about")
        if self.next_update_on is not None and self.next_update_on <= self.written_on:
            raise ValueError("next_update_on: after the day of this message")
        if not self.measures or len(set(self.measures)) != len(self.measures):
            raise ValueError("measures: at least one, each once")


@dataclass(frozen=True, slots=True, kw_only=True)
class Departure:
    """When somebody left, and why and until when their data were kept."""

    left_on: date
    kept_until: date
    kept_why: KeptWhy

    def __post_init__(self) -> None:
        if self.kept_until <= self.left_on:
            raise ValueError("kept_until: after the day the contract ended")


@dataclass(frozen=True, slots=True, kw_only=True)
class PersonFacts:
    """What one person lost.

    Args:
        recipient: The name of whoever reads: the person, or a child's representative.
        person: The child's first name; empty for others.
        exposed: The fields of the exposure list, neither more nor fewer.
        not_exposed: Fields whose reading the logs exclude for this person.
        authenticity_code: Printed on this very message.
        corrects: The day of the message that this one replaces; None: the first.
        may_be_second: Whether the same text may have arrived by another way.
    """

    recipient: str
    relation: Relation
    certainty: Certainty
    exposed: Field
    not_exposed: Field
    authenticity_code: str
    doubt: Doubt | None = None
    person: str = ""
    departure: Departure | None = None
    corrects: date | None = None
    may_be_second: bool = False

    def __post_init__(self) -> None:
        check_line(self.authenticity_code, "authenticity_code")
        self._check_fields()
        is_doubtful = self.certainty in (Certainty.PROBABLE, Certainty.POSSIBLE)
        if is_doubtful != (self.doubt is not None):
            raise ValueError("doubt: a reason for B and C, none for A and D")
        if (self.relation is Relation.MINOR) != bool(clean_name(self.person)):
            raise ValueError("person: the name of a child, and of a child only")
        if (self.relation is Relation.FORMER) != (self.departure is not None):
            raise ValueError("departure: of a former member, and of a former member only")

    def _check_fields(self) -> None:
        if int(self.exposed | self.not_exposed) & ~_ALL_FIELDS:
            raise ValueError("a field without a name for people cannot be told to anybody")
        if bool(self.exposed) == (self.certainty is Certainty.EXCLUDED):
            raise ValueError("exposed: at least one field for A, B and C, none for D")
        if self.exposed & self.not_exposed:
            raise ValueError("a field was read or was not")
        is_professional = self.relation is Relation.PROFESSIONAL
        if self.exposed & FIELDS_OF_PROFESSIONALS and not is_professional:
            raise ValueError("a professional's fields are told to the professional only")


@dataclass(frozen=True, slots=True, kw_only=True)
class PublicFacts:
    """What is said to everybody: the fields read over all persons, and how many people.

    Args:
        confirmed: Persons of whom it is established.
        held: Persons held to be concerned: established and very likely.
        at_most: The most it can be; None: nobody can say.
    """

    exposed: Field
    confirmed: int
    held: int
    at_most: int | None

    def __post_init__(self) -> None:
        if not self.exposed or int(self.exposed) & ~_ALL_FIELDS:
            raise ValueError("exposed: at least one field, each with a name for people")
        if (
            not 0
            <= self.confirmed
            <= self.held
            <= (self.held if self.at_most is None else self.at_most)
        ):
            raise ValueError("numbers go up: established, held to be, at most")
