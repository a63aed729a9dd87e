"""The design page's facts, read from the style sheet itself: the page cannot drift from it."""

import functools
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

STYLE_SHEET: Final = Path(__file__).parent / "static" / "rempart.css"
_COLOUR: Final = re.compile(r"^  --([a-z-]+): (#[0-9a-f]{6});$", re.MULTILINE)

# WCAG 2.2: 1.4.3 for text, 1.4.11 for borders of controls, focus rings and marks of charts.
LEAST_FOR_TEXT: Final = 4.5
LEAST_FOR_SHAPES: Final = 3.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Pair:
    """One colour on another, where it is used, and the least contrast that use asks for."""

    front: str
    back: str
    use: str | Promise
    least: float = LEAST_FOR_TEXT

    @property
    def is_shape(self) -> bool:
        """Whether the front is a line or a mark, never words."""
        return self.least == LEAST_FOR_SHAPES


PAIRS: Final = (
    Pair(front="ink", back="surface", use=_("texte sur une carte")),
    Pair(front="ink", back="paper", use=_("texte sur la page")),
    Pair(front="muted", back="surface", use=_("aides et légendes sur une carte")),
    Pair(front="muted", back="paper", use=_("aides et légendes sur la page")),
    Pair(front="brand", back="surface", use=_("liens")),
    Pair(front="brand", back="paper", use=_("liens sur la page")),
    Pair(front="surface", back="brand", use=_("boutons")),
    Pair(front="brand-strong", back="brand-soft", use=_("onglet courant")),
    Pair(front="surface", back="open", use=_("réponse : droits ouverts")),
    Pair(front="open", back="open-soft", use=_("étiquette : ouvert")),
    Pair(front="surface", back="closed", use=_("réponse : droits non ouverts")),
    Pair(front="closed", back="closed-soft", use=_("étiquette : fermé, erreur")),
    Pair(front="closed", back="surface", use=_("erreur près d’un champ")),
    Pair(front="attention", back="attention-soft", use=_("mise en garde")),
    Pair(front="info", back="info-soft", use=_("information")),
    Pair(front="control", back="surface", use=_("bord des champs"), least=LEAST_FOR_SHAPES),
    Pair(front="focus", back="surface", use=_("cadre du focus"), least=LEAST_FOR_SHAPES),
    Pair(front="focus", back="paper", use=_("cadre du focus sur la page"), least=LEAST_FOR_SHAPES),
    Pair(front="lawful", back="surface", use=_("trafic légitime"), least=LEAST_FOR_SHAPES),
    Pair(front="attributed", back="surface", use=_("trafic attribué"), least=LEAST_FOR_SHAPES),
    Pair(front="by-code", back="surface", use=_("vérifié par un code"), least=LEAST_FOR_SHAPES),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Swatch:
    """A pair as it comes out: its two colours and their contrast, rounded down."""

    pair: Pair
    front: str
    back: str
    contrast: float

    @property
    def passes(self) -> bool:
        """Whether the pair reaches what its use asks for."""
        return self.contrast >= self.pair.least


@functools.cache
def read_design() -> tuple[Swatch, ...]:
    """Return every pair with its contrast."""
    colours = read_colours(STYLE_SHEET.read_text(encoding="utf-8"))
    return tuple(
        Swatch(
            pair=pair,
            front=colours[pair.front],
            back=colours[pair.back],
            contrast=int(compute_contrast(colours[pair.front], colours[pair.back]) * 10) / 10,
        )
        for pair in PAIRS
    )


def read_colours(style_sheet: str) -> Mapping[str, str]:
    """Return the colour tokens of a style sheet, without their dashes."""
    return dict(_COLOUR.findall(style_sheet))


def compute_contrast(one: str, other: str) -> float:
    """Compute the contrast ratio of two colours, 1 to 21, in any order.

    Source:
        WCAG 2.2, definitions of relative luminance and contrast ratio.
    """
    lighter, darker = sorted((_compute_luminance(one), _compute_luminance(other)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


def _compute_luminance(colour: str) -> float:
    red, green, blue = (
        _linearise(int(colour[at : at + 2], 16) / 255) for at in range(1, len(colour), 2)
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linearise(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
