"""Samples of what a campaign says: the words of one kind of facts, with names nobody has.

Whoever agrees reads these. Refuses to open a contact: the pages know no name.
"""

from datetime import date, datetime
from typing import Final

from rempart.disclosure.fields import Field
from rempart.exchange.notice_letter import Letter, print_letters
from rempart.kernel.findings import Language
from rempart.notices.assembly import Notice, assemble_notice
from rempart.notices.facts import (
    Certainty,
    Departure,
    Doubt,
    IncidentFacts,
    KeptWhy,
    PersonFacts,
    Relation,
)
from rempart.notices.media import Medium, Variant
from rempart.notices.texts import EXERCISE_TEXT
from rempart.workflows.notices.campaigns import KindOfFacts

NAME: Final = "Camille Exemple"
CHILD: Final = "Lou"
CODE: Final = "0000-0000-0000-0"
_ADDRESS: Final = (NAME, "1 rue de l’Exemple", "75000 PARIS")


def make_sample_person(kind: KindOfFacts) -> PersonFacts:
    """Return somebody invented of whom these facts are true."""
    departure = None
    if kind.left_on and kind.kept_until and kind.kept_why:
        departure = Departure(
            left_on=kind.left_on, kept_until=kind.kept_until, kept_why=KeptWhy(kind.kept_why)
        )
    relation = Relation(kind.relation)
    former = kind.former_written_on
    return PersonFacts(
        recipient=NAME,
        relation=relation,
        certainty=Certainty(kind.certainty),
        exposed=Field(kind.fields),
        not_exposed=Field(kind.not_exposed),
        authenticity_code=CODE,
        doubt=None if kind.doubt is None else Doubt(kind.doubt),
        person=CHILD if relation is Relation.MINOR else "",
        departure=departure,
        corrects=None if former is None else date.fromisoformat(former),
    )


def write_sample(
    facts: IncidentFacts, kind: KindOfFacts, language: Language, *, medium: Medium = Medium.LETTER
) -> Notice:
    """Write what people of one kind of facts read."""
    return assemble_notice(facts, make_sample_person(kind), medium=medium, language=language)


def print_sample(
    facts: IncidentFacts,
    kind: KindOfFacts,
    language: Language,
    *,
    variant: Variant,
    exercise: bool,
    made_at: datetime,
) -> bytes:
    """Print the letter of one kind of facts as it would be posted."""
    letter = Letter(
        number=0,
        reference="0000-0000-0000",
        sender=facts.sender.name,
        sender_address=facts.sender.post_address,
        address=_ADDRESS,
        notice=write_sample(facts, kind, language),
        language=language,
        variant=variant,
        envelope=1,
        place=1,
        note=EXERCISE_TEXT[language] if exercise else "",
    )
    return print_letters([letter], batch=0, operator=facts.operator, made_at=made_at).pdf
