"""The texts of notices as data: blocks, lists and the complaint letter, in French and in English.

Refuses a block without words in both languages, and to choose between blocks.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from rempart.kernel.findings import Language
from rempart.notices.media import Medium
from rempart.tariffs.data_files import load_data_file, read_data_file

SLOT: Final = re.compile(r"\{([a-z_]+)\}")
ByLanguage = Mapping[Language, str]


class Element(enum.StrEnum):
    """What article 34(2) GDPR asks a notice for.

    Source: S63: article 34(2), and article 33(3)(b), (c) and (d) by it; recital 86 for actions.
    """

    NATURE = "nature"
    DATA = "data"
    CONTACT = "contact"
    CONSEQUENCES = "consequences"
    MEASURES = "measures"
    ACTIONS = "actions"


class ItemList(enum.StrEnum):
    """A list that follows a text."""

    EXPOSED = "exposed"
    NOT_EXPOSED = "not_exposed"
    MEASURES = "measures"
    PLANNED = "planned"
    CHANNELS = "channels"


@dataclass(frozen=True, slots=True, kw_only=True)
class BlockText:
    """One block as written: where it goes, when it is taken, what it says."""

    block_id: str
    element: Element | None
    media: frozenset[Medium]
    when: frozenset[str]
    unless: frozenset[str]
    items: ItemList | None
    titles: ByLanguage
    texts: ByLanguage

    def is_taken(self, medium: Medium, tags: frozenset[str]) -> bool:
        """Tell whether a notice of this medium has it, with these tags."""
        return medium in self.media and self.when <= tags and not self.unless & tags


def fill_slots(text: str, values: Mapping[str, str]) -> str:
    """Put values in their slots, in one pass: what a value holds is never a slot.

    >>> fill_slots("{a}, {b}", {"a": "{b}", "b": "2"})
    '{b}, 2'
    """
    return SLOT.sub(lambda found: values[found[1]], text)


def _both(row: Mapping[str, str], prefix: str = "") -> ByLanguage:
    return MappingProxyType({"fr": row[f"{prefix}fr"], "en": row[f"{prefix}en"]})


def _read_block(row: dict[str, Any]) -> BlockText:
    return BlockText(
        block_id=row["id"],
        element=Element(row["element"]) if "element" in row else None,
        media=frozenset(Medium(one) for one in row["media"]),
        when=frozenset(row.get("when", ())),
        unless=frozenset(row.get("unless", ())),
        items=ItemList(row["items"]) if "items" in row else None,
        titles=_both({"title_fr": "", "title_en": "", **row}, "title_"),
        texts=_both(row),
    )


def _read_table(name: str) -> Mapping[str, ByLanguage]:
    return MappingProxyType({code: _both(row) for code, row in _FILE[name].items()})


def read_source() -> str:
    """Return the words as they are written: with the facts, what every text is made from."""
    return read_data_file("blocks.toml", "rempart.notices")


_FILE: Final = load_data_file("blocks.toml", "rempart.notices")
BLOCKS: Final = tuple(_read_block(row) for row in _FILE["block"])
MEASURE_TEXTS: Final = _read_table("measures")
PLANNED_TEXTS: Final = _read_table("planned")
KEPT_WHY_TEXTS: Final = _read_table("kept_why")
COMPLAINT_TEXT: Final = _both(_FILE["complaint"])
SUBJECT_TEXTS: Final = _read_table("subjects")
EXERCISE_TEXT: Final = _both(_FILE["exercise"])
