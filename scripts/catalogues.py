"""The portals' translations: find the words, bring the catalogues up to date, compile them.

    python scripts/catalogues.py     then translate what is empty in en, and run it again

The words in the source are French. The French catalogue says the same again, because Django takes
the plural rules of a language from its catalogue.
"""

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from babel.messages.catalog import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

ROOT = Path(__file__).parents[1]
PORTALS = ROOT / "src" / "rempart" / "portals"
LANGUAGES = ("fr", "en")
# Catalogues change when words do, not when they are written again.
_NEVER = datetime(2026, 1, 1, tzinfo=UTC)
_KEYWORDS = {**DEFAULT_KEYWORDS, "gettext_lazy": None, "ngettext_lazy": (1, 2)}


def extract_words() -> Catalog:
    """Return every word the portals' pages and modules mark for translation, by file."""
    catalog = Catalog(project="rempart", charset="utf-8", creation_date=_NEVER)
    for path in sorted([*PORTALS.rglob("*.html"), *PORTALS.rglob("*.py")]):
        place = path.relative_to(ROOT).as_posix()
        for message in _extract_file(path):
            catalog.add(message, locations=[(place, 0)])
    return catalog


def merge(language: str, words: Catalog) -> Catalog:
    """Return the catalogue of a language with exactly these words, its translations kept."""
    known = read_catalogue(language)
    merged = Catalog(
        locale=language,
        header_comment="# Written by scripts/catalogues.py; translate the empty lines of en.",
        project="rempart",
        version="1",
        msgid_bugs_address="-",
        last_translator="-",
        language_team="-",
        charset="utf-8",
        creation_date=_NEVER,
        revision_date=_NEVER,
        fuzzy=False,
    )
    for message in words:
        if not message.id:
            continue
        before = known.get(message.id)
        said = message.id if language == "fr" else before.string if before else message.string
        merged.add(message.id, said, locations=message.locations)
    return merged


def read_catalogue(language: str) -> Catalog:
    """Return a catalogue as it is committed; an empty one when there is none."""
    path = locate(language)
    if not path.exists():
        return Catalog(locale=language)
    return read_po(io.BytesIO(path.read_bytes()), locale=language)


def format_po(catalog: Catalog) -> bytes:
    """Write a catalogue as its .po file: sorted, without line numbers."""
    out = io.BytesIO()
    write_po(out, catalog, width=100, sort_output=True, include_lineno=False)
    return out.getvalue()


def format_mo(catalog: Catalog) -> bytes:
    """Write a catalogue as its .mo file."""
    out = io.BytesIO()
    write_mo(out, catalog)
    return out.getvalue()


def list_untranslated(catalog: Catalog) -> list[Message]:
    """Return the words without a translation, a plural that lacks a form included."""
    return [
        message
        for message in catalog
        if message.id
        and not all(message.string if isinstance(message.string, tuple) else (message.string,))
    ]


def locate(language: str, suffix: str = "po") -> Path:
    """Return where a catalogue is kept."""
    return PORTALS / "locale" / language / "LC_MESSAGES" / f"django.{suffix}"


def _extract_file(path: Path) -> Iterator[str | tuple[str, ...]]:
    source = path.read_text(encoding="utf-8")
    if path.suffix == ".html":
        # Django turns a template into something like Python; its indentation means nothing.
        source = re.sub(r"^[ \t]+", "", templatize(source), flags=re.MULTILINE)
    for _, message, _, _ in extract("python", io.BytesIO(source.encode()), keywords=_KEYWORDS):
        yield message


def main() -> None:
    """Bring every catalogue up to date; say what is left to translate."""
    words = extract_words()
    missing = []
    for language in LANGUAGES:
        catalog = merge(language, words)
        locate(language).parent.mkdir(parents=True, exist_ok=True)
        locate(language).write_bytes(format_po(catalog))
        locate(language, "mo").write_bytes(format_mo(catalog))
        missing += [f"{language}: {message.id}" for message in list_untranslated(catalog)]
    print(*missing, sep="\n")
    sys.exit(bool(missing))


if __name__ == "__main__":
    main()
