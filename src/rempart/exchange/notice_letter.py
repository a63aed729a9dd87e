"""Letters of a campaign, ready to print: one PDF for many, and the list of its envelopes.

What a letter says is the notice as it was assembled: nothing is written here but what stands around
it. The same letters and instant give the same file. Refuses an address that cannot be printed in
the window of an envelope.

Source:
    S99: NF Z 10-011, addresses of at most six lines of 38 characters, the country on one more.
"""

import csv
import io
import unicodedata
import zipfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from importlib.resources import files
from typing import Any, Final, NamedTuple

import msgspec
import typst

from rempart.kernel.findings import BadValue, Language, Refusal
from rempart.notices.assembly import Block, Notice
from rempart.notices.media import PRESENTATIONS, Variant

ADDRESS_LINES: Final = 7
LINE_CHARS: Final = 60
_NARROW_CHARS: Final = 38
_SENTENCE_ENDS: Final = (". ", "? ")
INDEX_COLUMNS: Final = ("batch", "envelope", "place", "reference", "first_page", "pages", "country")

UNPRINTABLE: Final = Refusal(
    rule="postal_address",
    fr="L’adresse postale ne s’imprime pas dans la fenêtre d’une enveloppe.",
    en="The postal address cannot be printed in the window of an envelope.",
    advice_fr="Six lignes au plus, et le pays : lettres latines, grecques ou cyrilliques.",
    advice_en="At most six lines, and the country: Latin, Greek or Cyrillic letters.",
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Letter:
    """One letter to print.

    Args:
        number: Of its message.
        reference: What the envelope's window shows, to tell a letter that comes back.
        address: Lines, the addressee first, a foreign country last.
        envelope: Number of its envelope in the batch, from 1.
        place: Its place in the envelope, from 1: an envelope has one addressee.
        note: What is said above the text, of this sending; empty: nothing.
    """

    number: int
    reference: str
    sender: str
    sender_address: str
    address: tuple[str, ...] = field(repr=False)
    notice: Notice = field(repr=False)
    language: Language
    variant: Variant
    envelope: int
    place: int
    note: str = ""


class IndexRow(NamedTuple):
    """Where a letter stands in its file; no name, and the country only."""

    batch: int
    envelope: int
    place: int
    reference: str
    first_page: int
    pages: int
    country: str


@dataclass(frozen=True, slots=True)
class PrintedBatch:
    """Letters as a file, and how many pages each has, in order."""

    pdf: bytes = field(repr=False)
    pages: tuple[int, ...]


def clean_address(lines: Sequence[str]) -> tuple[str, ...]:
    """Return an address as it is printed: what turns a page around or draws a face is left out.

    Raises:
        BadValue: nothing is left, there are too many lines, or letters that we cannot print.
    """
    cleaned = tuple(line for line in map(_clean_line, lines) if line)
    if not 2 <= len(cleaned) <= ADDRESS_LINES or any(len(one) > LINE_CHARS for one in cleaned):
        raise BadValue(UNPRINTABLE)
    if not all(map(_is_printed, "".join(cleaned))):
        raise BadValue(UNPRINTABLE)
    return cleaned


def print_letters(
    letters: Sequence[Letter], *, batch: int, operator: str, made_at: datetime
) -> PrintedBatch:
    """Return one PDF of letters, each on its own sheet.

    Args:
        letters: In the order of the pages.
        batch: Printed at the foot, with the envelope and the place in it.
        operator: Written in the file's properties.
        made_at: The same.
    """
    return compile_batch(describe_batch(letters, batch=batch, operator=operator), made_at=made_at)


def describe_batch(letters: Sequence[Letter], *, batch: int, operator: str) -> bytes:
    """Return every word of a batch, as the template reads it."""
    data = {
        "title": f"Lot {batch}",
        "author": operator,
        "letters": [_describe(one, batch) for one in letters],
    }
    return msgspec.json.encode(data)


def compile_batch(data: bytes, *, made_at: datetime) -> PrintedBatch:
    """Return the PDF of a described batch, and how many pages each letter has.

    The library remembers what it laid out: much memory, which only the end of a process gives back.
    """
    sources = {"main.typ": _load_template(), "data.json": data}
    # Their stubs do not know of files in memory.
    make: Callable[..., bytes] = typst.compile
    ask: Callable[..., str] = typst.query
    instant = int(made_at.timestamp())
    pdf = make(sources, ignore_system_fonts=True, timestamp=instant, pdf_tags=False)
    # What was laid out is remembered for a while: asking at once costs little.
    found = msgspec.json.decode(ask(sources, "<pages>", field="value", ignore_system_fonts=True))
    return PrintedBatch(bytes(pdf), tuple(int(one) for one in found))


def write_index(letters: Sequence[Letter], pages: Sequence[int], *, batch: int) -> bytes:
    """Write the list that goes with a batch: one row for each letter, no name (CSV, UTF-8)."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\r\n", delimiter=";")
    rows.writerow(INDEX_COLUMNS)
    first_page = 1
    for one, count in zip(letters, pages, strict=True):
        country = one.address[-1] if _is_foreign(one.address) else "FRANCE"
        rows.writerow(
            IndexRow(batch, one.envelope, one.place, one.reference, first_page, count, country)
        )
        first_page += count
    return text.getvalue().encode()


def make_batch_archive(files: Sequence[tuple[str, bytes]]) -> bytes:
    """Return the files of a batch as one: a ZIP, the same bytes each time."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, body in files:
            archive.writestr(zipfile.ZipInfo(name), body, zipfile.ZIP_DEFLATED)
    return content.getvalue()


def _describe(one: Letter, batch: int) -> dict[str, Any]:
    shown = PRESENTATIONS[one.variant]
    alone = shown.one_sentence_a_line
    widest = max(map(len, one.address))
    envelope = "Pli" if one.language == "fr" else "Envelope"
    return {
        "sender": one.sender,
        "sender_address": one.sender_address,
        "reference": one.reference,
        "address": one.address,
        "address_size": 11 if widest <= _NARROW_CHARS and len(one.address) <= 6 else 8.5,
        "language": one.language,
        "size": shown.font_points,
        "leading": shown.leading_percent / 100 - 0.65,
        "note": one.note,
        "blocks": [_describe_block(block, alone) for block in one.notice.blocks],
        "foot": f"{envelope} {batch}-{one.envelope} · {one.place} · {one.reference}",
    }


def _describe_block(block: Block, alone: bool) -> dict[str, Any]:
    text = block.text
    if alone:
        for mark in _SENTENCE_ENDS:
            text = text.replace(mark, f"{mark.strip()}\n")
    return {
        "title": block.title,
        "paragraphs": [line for line in text.split("\n") if line],
        "items": block.items,
    }


def _clean_line(line: str) -> str:
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", line)
        if character.isspace() or unicodedata.category(character)[0] in "LMNPZ"
    )
    return " ".join("".join(kept).split())


def _is_printed(character: str) -> bool:
    if not character.isalpha():
        return True
    return unicodedata.name(character, "").startswith(
        ("LATIN", "GREEK", "CYRILLIC", "FEMININE", "MASCULINE", "MODIFIER")
    )


def _is_foreign(address: Sequence[str]) -> bool:
    """Tell whether the last line is a country: it has no digit and stands after a town's."""
    last = address[-1]
    return last.upper() != "FRANCE" and not any(map(str.isdigit, last))


@cache
def _load_template() -> bytes:
    return files("rempart.exchange").joinpath("notice_letter.typ").read_bytes()
