"""How people are told, and how a text is shown: the words do not change with the print.

Refuses a variant that says something else: large print and plain layout are the same text.
"""

import enum
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final


class Medium(enum.StrEnum):
    """What a notice is."""

    LETTER = "letter"
    EMAIL = "email"
    PAGE = "page"
    """The incident's public page: questions and answers, true for everybody who reads it."""
    SCRIPT = "script"
    """What whoever answers the telephone says."""
    PRESS = "press"


PERSONAL_MEDIA: Final = frozenset({Medium.LETTER, Medium.EMAIL})


class Variant(enum.StrEnum):
    """How a text is shown."""

    STANDARD = "standard"
    LARGE_PRINT = "large_print"
    PLAIN = "plain"


@dataclass(frozen=True, slots=True, kw_only=True)
class Presentation:
    """Attributes of rendering.

    Args:
        font_points: Size of letters.
        leading_percent: Height of a line, in hundredths of the size of letters.
        one_sentence_a_line: Whether each sentence starts its line, numbered titles above.
        line_chars: The most characters on a line of plain text.
    """

    font_points: int
    leading_percent: int
    one_sentence_a_line: bool
    line_chars: int


PRESENTATIONS: Final = MappingProxyType(
    {
        Variant.STANDARD: Presentation(
            font_points=11, leading_percent=130, one_sentence_a_line=False, line_chars=88
        ),
        Variant.LARGE_PRINT: Presentation(
            font_points=18, leading_percent=150, one_sentence_a_line=False, line_chars=56
        ),
        Variant.PLAIN: Presentation(
            font_points=14, leading_percent=150, one_sentence_a_line=True, line_chars=72
        ),
    }
)
