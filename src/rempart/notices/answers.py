"""What somebody is answered about themselves: the words of their letter, without any name.

Whoever finds a code learns which fields were read of its reader, not who that is. Refuses to say
anything in other words than the letter does.
"""

from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from rempart.disclosure.fields import Field
from rempart.kernel.findings import Language
from rempart.notices.assembly import Block, assemble_notice, write_complaint
from rempart.notices.facts import (
    Certainty,
    Departure,
    Doubt,
    IncidentFacts,
    PersonFacts,
    Relation,
)
from rempart.notices.media import Medium

_CHILD: Final = MappingProxyType({"fr": "votre enfant", "en": "your child"})
_NO_CODE: Final = "–"
# What only the message itself says.
_OF_THE_MESSAGE: Final = frozenset({"greeting", "authenticity"})


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Answer:
    """What one message says of its reader, and of the incident."""

    facts: IncidentFacts
    relation: Relation
    certainty: Certainty
    doubt: Doubt | None
    exposed: Field
    not_exposed: Field
    departure: Departure | None = None
    corrects: date | None = None

    def __repr__(self) -> str:
        return "<Answer>"

    @property
    def is_concerned(self) -> bool:
        """Whether something of theirs was read, or may have been."""
        return self.certainty is not Certainty.EXCLUDED


def write_answer(
    answer: Answer, language: Language, *, medium: Medium = Medium.LETTER, code: str = ""
) -> tuple[Block, ...]:
    """Return the text of a message, its reader unnamed.

    Args:
        answer: What it says.
        language: Of the words.
        medium: What the message was: a letter or an e-mail.
        code: Printed on it, as its reader typed it; empty: theirs is another message, and what only
            that one says is left out.
    """
    notice = assemble_notice(
        answer.facts, _describe_reader(answer, language, code), medium=medium, language=language
    )
    return tuple(one for one in notice.blocks if code or one.block_id not in _OF_THE_MESSAGE)


def write_own_complaint(answer: Answer, language: Language, *, code: str = "") -> str:
    """Return the complaint letter of somebody concerned, their name left to be written.

    Raises:
        InvalidRequest: nothing was read of them.
    """
    return write_complaint(answer.facts, _describe_reader(answer, language, code), language)


def _describe_reader(answer: Answer, language: Language, code: str) -> PersonFacts:
    return PersonFacts(
        recipient="",
        relation=answer.relation,
        certainty=answer.certainty,
        doubt=answer.doubt,
        exposed=answer.exposed,
        not_exposed=answer.not_exposed,
        departure=answer.departure,
        corrects=answer.corrects,
        person=_CHILD[language] if answer.relation is Relation.MINOR else "",
        authenticity_code=code or _NO_CODE,
    )
