"""Words, sentences and syllables of a text, and how easy it is to read.

Refuses to judge what a text says: it only counts.

Source:
    S93: R. Flesch, 1948, for English; L. Kandel and A. Moles, 1958, his formula for French.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from types import MappingProxyType
from typing import Final

from rempart.kernel.findings import Language

MONTHS: Final = MappingProxyType(
    {
        "fr": [
            "janvier",
            "février",
            "mars",
            "avril",
            "mai",
            "juin",
            "juillet",
            "août",
            "septembre",
            "octobre",
            "novembre",
            "décembre",
        ],
        "en": [
            "January",
            "February",
            "March",
            "April",
            "May",
            "June",
            "July",
            "August",
            "September",
            "October",
            "November",
            "December",
        ],
    }
)
WEEKDAYS: Final = MappingProxyType(
    {
        "fr": ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"],
        "en": ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"],
    }
)

# base, weight of words in a sentence, weight of syllables in a word
_FORMULAS: Final = MappingProxyType({"fr": (207.0, 1.015, 73.6), "en": (206.835, 1.015, 84.6)})
EASY_ENOUGH: Final = MappingProxyType({"fr": 60, "en": 50})
"""Below, too hard. French: "standard" on the scale. English: "fairly difficult", because the names
of data and of institutions, which a notice must give, are long words."""

_WORD: Final = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_SENTENCE: Final = re.compile(r"[^.!?;:•\n]+(?:\.(?=\S)[^.!?;:•\n]+)*")
_VOWELS: Final = re.compile(r"[aeiouyàâäéèêëîïôöùûüœæ]+")
_SILENT: Final = MappingProxyType(
    {
        "fr": re.compile(r"(?<=[^aeiouyàâäéèêëîïôöùûü])(?:e|es|ent)$|(?<=[iuéy])(?:e|es|ent)$"),
        "en": re.compile(r"(?<=[^aeiouyl])(?:e|es|ed)$"),
    }
)
_FRENCH: Final = re.compile(r"\b(le|la|les|des|vous|une|est|pour)\b", re.IGNORECASE)
_ENGLISH: Final = re.compile(r"\b(the|of|you|and|your|is|for|was)\b", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A sentence, an item of a list or a title; `offset` is where it starts in the text."""

    offset: int
    text: str
    words: int


def format_day(day: date, language: Language) -> str:
    """Write a date in words, with its weekday, so that nobody takes the day for the month.

    >>> format_day(date(2024, 2, 2), "fr"), format_day(date(2024, 3, 1), "fr")
    ('vendredi 2 février 2024', 'vendredi 1er mars 2024')
    >>> format_day(date(2024, 2, 2), "en")
    'Friday 2 February 2024'
    """
    weekday, month = WEEKDAYS[language][day.weekday()], MONTHS[language][day.month - 1]
    number = "1er" if day.day == 1 and language == "fr" else str(day.day)
    return f"{weekday} {number} {month} {day.year}"


def split_sentences(text: str) -> Iterator[Sentence]:
    """Yield the sentences of a text that have words, in order; each line ends one."""
    for found in _SENTENCE.finditer(text):
        said = found.group()
        words = len(_WORD.findall(said))
        if words:
            indent = len(said) - len(said.lstrip())
            yield Sentence(offset=found.start() + indent, text=said.strip(), words=words)


def count_syllables(word: str, language: Language) -> int:
    """Count the syllables of a word as it is said: groups of vowels, without a silent ending.

    >>> [count_syllables(word, "fr") for word in ("vous", "numéro", "données", "adresse")]
    [1, 3, 2, 2]
    """
    lower = word.lower()
    heard = _SILENT[language].sub("", lower)
    return max(1, len(_VOWELS.findall(heard)))


def compute_reading_ease(text: str, language: Language) -> float | None:
    """Compute how easy a text is to read: 0 hardest, 100 easiest; None for under thirty words."""
    sentences = list(split_sentences(text))
    words = _WORD.findall(text)
    if len(words) < 30 or not sentences:
        return None
    syllables = sum(count_syllables(word, language) for word in words)
    base, by_sentence, by_word = _FORMULAS[language]
    return base - by_sentence * len(words) / len(sentences) - by_word * syllables / len(words)


def guess_language(text: str) -> Language:
    """Say whether a text is French or English, by its small words; French when neither."""
    return "en" if len(_ENGLISH.findall(text)) > len(_FRENCH.findall(text)) else "fr"
