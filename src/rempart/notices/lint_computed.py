"""The rules that one pattern cannot say: they compare two places of a text, or count.

Refuses to guess what was exposed where neither the facts nor the text say it.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from rempart.disclosure.fields import Field
from rempart.kernel.findings import Language
from rempart.notices.lint_rules import LEGAL_REFERENCES, WORDINGS
from rempart.notices.media import PERSONAL_MEDIA, Medium
from rempart.notices.words import EASY_ENOUGH, compute_reading_ease, split_sentences

LONGEST_SENTENCE: Final = 40
_BANK: Final = Field.BANK_DETAILS | Field.PROFESSIONAL_BANK_DETAILS
# Typographic characters read as the plain ones; one for one, so that places stay where they are.
_PLAIN: Final = str.maketrans({"’": "'", "ʼ": "'", "\u00a0": " ", "\u202f": " ", "‑": "-"})
_ARTICLE: Final = re.compile(
    r"\b(?:articles?|art\.)\s+(?P<list>[LRD]?\.?\s?\d[\d-]*(?:\s?[A-D]\b)?)"
    # Whole: a group of an authenticity code may begin like one.
    r"|(?<![\w-])(?P<bare>[LRD]\.?\s?\d{2,}(?:-\d+)*(?:\s?[A-D]\b)?)(?![\w-])"
)
_CODE_NAME: Final = re.compile(
    r"\b(code [^,;.)\n]{3,40}|livre des procédures fiscales|rgpd|gdpr)",
    re.IGNORECASE,
)
_PHAROS: Final = re.compile(r"\bpharos\b|internet-signalement", re.IGNORECASE)
_SIGNAL_SPAM: Final = re.compile(r"signal[ -]?spam", re.IGNORECASE)
_TEXT_CHANNEL: Final = re.compile(r"\b33 ?700\b")
_MAIL_WORD: Final = re.compile(r"\b(e-?mails?|mails?|courriels?|messagerie)\b", re.IGNORECASE)
_SMS_WORD: Final = re.compile(r"\b(sms|text messages?)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeText:
    """A text to look at: `text` is `original` with plain apostrophes and spaces, same places."""

    original: str
    text: str
    language: Language
    medium: Medium | None
    exposed: Field | None

    def finds(self, wording: str) -> bool:
        """Tell whether a wording is there, in the text's language."""
        return WORDINGS[wording][self.language].search(self.text) is not None

    def hits(self, wording: str) -> Iterator["Hit"]:
        """Yield every place of a wording."""
        for found in WORDINGS[wording][self.language].finditer(self.text):
            yield Hit(start=found.start(), end=found.end())

    @property
    def is_personal(self) -> bool:
        """Whether it is written to one person: by its medium, or by how it begins."""
        return self.medium in PERSONAL_MEDIA or (self.medium is None and self.finds("answered"))


@dataclass(frozen=True, slots=True, kw_only=True)
class Hit:
    """Where a rule found something, `end` excluded; both 0: the whole text."""

    start: int
    end: int
    detail_fr: str = ""
    detail_en: str = ""


def prepare_text(
    text: str, *, language: Language, medium: Medium | None, exposed: Field | None
) -> NoticeText:
    """Make a text ready to be looked at."""
    return NoticeText(
        original=text,
        text=text.translate(_PLAIN),
        language=language,
        medium=medium,
        exposed=exposed,
    )


def _all_concerned(said: NoticeText) -> Iterator[Hit]:
    if not said.finds("answer_day"):
        yield from said.hits("all_concerned")


def _reader_cannot_tell(said: NoticeText) -> Iterator[Hit]:
    if said.medium is not Medium.PRESS and not (said.finds("told_who") or said.finds("answered")):
        yield Hit(start=0, end=0)


def _collective(said: NoticeText) -> Iterator[Hit]:
    if said.is_personal or not said.finds("one_by_one"):
        yield from list(said.hits("to_all"))[:1]


def _former_members_left_out(said: NoticeText) -> Iterator[Hit]:
    if not (said.is_personal or said.finds("former")):
        yield Hit(start=0, end=0)


def _misfit_advice(said: NoticeText) -> Iterator[Hit]:
    if not said.finds("secret_lost"):
        yield from said.hits("advises_new_secret")
    bank_safe = not said.exposed & _BANK if said.exposed is not None else said.finds("bank_safe")
    if bank_safe:
        yield from said.hits("bank_advice")


def _impossible_advice(said: NoticeText) -> Iterator[Hit]:
    if said.finds("space_closed"):
        yield from said.hits("advises_new_secret")


def _missing_bank_advice(said: NoticeText) -> Iterator[Hit]:
    if said.exposed is not None and said.exposed & _BANK and not said.finds("bank_advice"):
        yield Hit(start=0, end=0)


def _normalise(article: str) -> str:
    return re.sub(r"[\s.]", "", article).upper()


def _legal_reference(said: NoticeText) -> Iterator[Hit]:
    for found in _ARTICLE.finditer(said.text):
        article = _normalise(found["list"] or found["bare"])
        code = _CODE_NAME.search(said.text, found.end(), found.end() + 120)
        named = code.group().casefold() if code else ""
        right = [one for one in LEGAL_REFERENCES if _normalise(one.article) == article]
        if any(not named or one.text.casefold() in named for one in right):
            continue
        meant = next(
            (one for one in LEGAL_REFERENCES if article in map(_normalise, one.also)),
            right[0] if right else None,
        )
        yield Hit(
            start=found.start(),
            end=found.end(),
            detail_fr=f"Sans doute {meant.article}, {meant.text} : {meant.what['fr']}."
            if meant
            else "",
            detail_en=f"Probably {meant.article}, {meant.text}: {meant.what['en']}."
            if meant
            else "",
        )


def _report_channel(said: NoticeText) -> Iterator[Hit]:
    """Yield PHAROS where a sentence sends e-mails or texts there and nothing better came before."""
    for sentence in split_sentences(said.text):
        found = _PHAROS.search(sentence.text)
        if found is None:
            continue
        before = said.text[: sentence.offset + found.start()]
        for word, first in ((_MAIL_WORD, _SIGNAL_SPAM), (_SMS_WORD, _TEXT_CHANNEL)):
            if word.search(sentence.text) and not first.search(before):
                start = sentence.offset + found.start()
                yield Hit(start=start, end=start + len(found.group()))
                break


def _reading_level(said: NoticeText) -> Iterator[Hit]:
    ease = compute_reading_ease(said.text, said.language)
    needed = EASY_ENOUGH[said.language]
    if ease is not None and ease < needed:
        yield Hit(
            start=0,
            end=0,
            detail_fr=f"Indice {ease:.0f} ; il en faut {needed}.",
            detail_en=f"Index {ease:.0f}; {needed} is needed.",
        )


def _long_sentence(said: NoticeText) -> Iterator[Hit]:
    for one in split_sentences(said.text):
        if one.words > LONGEST_SENTENCE:
            yield Hit(
                start=one.offset,
                end=one.offset + len(one.text),
                detail_fr=f"Elle en a {one.words}.",
                detail_en=f"It has {one.words}.",
            )


COMPUTED: Final[Mapping[str, Callable[[NoticeText], Iterator[Hit]]]] = MappingProxyType(
    {
        "all_concerned": _all_concerned,
        "reader_cannot_tell": _reader_cannot_tell,
        "collective": _collective,
        "former_members_left_out": _former_members_left_out,
        "misfit_advice": _misfit_advice,
        "impossible_advice": _impossible_advice,
        "missing_bank_advice": _missing_bank_advice,
        "legal_reference": _legal_reference,
        "report_channel": _report_channel,
        "reading_level": _reading_level,
        "long_sentence": _long_sentence,
    }
)
