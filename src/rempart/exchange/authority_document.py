"""A document for an authority, as a PDF to send and as text to retype in its form.

Refuses to hide a gap: what nobody answered is written as a gap, with who can fill it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Final

from rempart.exchange.pdf_document import compile_document

EXERCISE: Final = "EXERCICE – ce document ne concerne aucun fait réel et n’est destiné à personne."
_FOOTER: Final = "Établi avec Rempart à partir de la chronologie de l’incident"


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One part of a document.

    Args:
        title: Its heading.
        paragraphs: Text.
        rows: Questions and answers.
        columns: Of a table, if it has one.
        table: Its cells.
    """

    title: str
    paragraphs: Sequence[str] = ()
    rows: Sequence[tuple[str, str]] = ()
    columns: Sequence[str] = ()
    table: Sequence[Sequence[str]] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class AuthorityDocument:
    """A document, whatever its form.

    Args:
        title: What it is.
        lead: About what, by whom.
        exercise: Whether it is one: it says so on its first line.
        sections: Its parts.
    """

    title: str
    lead: str
    exercise: bool
    sections: Sequence[Section]

    def print_pdf(self, *, made_at: datetime) -> bytes:
        """Return the document as a PDF (PDF/UA-1); the same instant gives the same file."""
        data = {
            "title": self.title,
            "lead": self.lead,
            "banner": EXERCISE if self.exercise else "",
            "footer": ("EXERCICE – " if self.exercise else "") + _FOOTER,
            "sections": [asdict(section) for section in self.sections],
        }
        return compile_document("authority_document.typ", data, made_at=made_at)

    def write_text(self) -> str:
        """Return the document as plain text, a line for each answer: to be retyped in a form."""
        return "\n".join(self._list_lines()) + "\n"

    def _list_lines(self) -> Iterator[str]:
        if self.exercise:
            yield from (EXERCISE, "")
        yield from (self.title.upper(), self.lead)
        for section in self.sections:
            yield from ("", section.title, "-" * len(section.title), *section.paragraphs)
            for question, answer in section.rows:
                yield f"{question} : {answer}"
            if section.columns:
                yield " | ".join(section.columns)
                yield from (" | ".join(row) for row in section.table)
