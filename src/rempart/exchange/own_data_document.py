"""What is held about somebody, as a document to read: sections of tables, nothing computed.

Refuses to choose words: whoever makes the sections does.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime

from rempart.exchange.pdf_document import compile_document
from rempart.kernel.findings import Language


@dataclass(frozen=True, slots=True, kw_only=True)
class Part:
    """One table; its cells are as many as its columns."""

    title: str = ""
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...] = field(repr=False)

    def __post_init__(self) -> None:
        if any(len(row) != len(self.columns) for row in self.rows):
            raise ValueError("a row has as many cells as there are columns")


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One subject: a sentence or none, tables or none."""

    title: str
    lead: str = ""
    parts: tuple[Part, ...] = ()


def print_own_data(
    sections: Sequence[Section],
    *,
    title: str,
    lead: str,
    footer: str,
    language: Language,
    made_at: datetime,
) -> bytes:
    """Return the sections as a PDF (PDF/UA-1).

    Args:
        sections: In order.
        title: Of the document.
        lead: Whose it is and when it was made.
        footer: On each page.
        language: Of its words.
        made_at: Written in the file.
    """
    data = {
        "title": title,
        "lead": lead,
        "footer": footer,
        "lang": language,
        "sections": [asdict(one) for one in sections],
    }
    return compile_document("own_data_document.typ", data, made_at=made_at)
