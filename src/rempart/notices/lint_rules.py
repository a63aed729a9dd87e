"""The rules a notice is held to, as data: what is looked for, how grave it is, and its source.

Refuses a rule without words in both languages, and a pattern that does not compile.
"""

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any, Final

from rempart.kernel.findings import Language
from rempart.notices.media import Medium
from rempart.tariffs.data_files import load_data_file


class Severity(enum.StrEnum):
    """How grave a finding is; the gravest first."""

    BLOCKING = "blocking"
    """Article 34(2) asks for it: the notice cannot be sent."""
    WARNING = "warning"
    """A fault that somebody should correct."""
    HINT = "hint"
    """What a good notice also says."""


class RuleKind(enum.StrEnum):
    """How a rule looks at a text."""

    EXPECTS = "expects"
    FORBIDS = "forbids"
    COMPUTED = "computed"


@dataclass(frozen=True, slots=True, kw_only=True)
class LintRule:
    """One thing a notice is held to.

    Args:
        media: Where it applies; empty: everywhere. A text of unknown medium is held to all.
        find: What is looked for, by language; empty for computed rules.
        seen_in: The notices of 2024 that show the fault, as people who read them found.
    """

    code: str
    kind: RuleKind
    severity: Severity
    source: str
    media: frozenset[Medium]
    find: Mapping[Language, re.Pattern[str]]
    messages: Mapping[Language, str]
    advices: Mapping[Language, str]
    seen_in: tuple[str, ...]

    def applies_to(self, medium: Medium | None) -> bool:
        """Tell whether a text of this medium is held to the rule."""
        return medium is None or not self.media or medium in self.media


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalReference:
    """An article that notices may cite; `also` are slips of the hand for it."""

    article: str
    text: str
    source: str
    what: Mapping[Language, str]
    also: tuple[str, ...]


def compile_patterns(patterns: list[str]) -> re.Pattern[str]:
    """Compile alternatives into one pattern; a space stands for any white space."""
    joined = "|".join(f"(?:{one})" for one in patterns)
    return re.compile(joined.replace(" ", r"\s+").replace(r"\s+?", r"\s*"), re.IGNORECASE)


def _read_rule(row: dict[str, Any]) -> LintRule:
    kind = RuleKind(row["kind"])
    languages: tuple[Language, Language] = ("fr", "en")
    find = {one: compile_patterns(row[f"{one}_find"]) for one in languages if f"{one}_find" in row}
    if (kind is RuleKind.COMPUTED) == bool(find):
        raise ValueError(f"{row['code']}: a computed rule has no patterns, another one has some")
    return LintRule(
        code=row["code"],
        kind=kind,
        severity=Severity(row["severity"]),
        source=row["source"],
        media=frozenset(Medium(one) for one in row.get("media", ())),
        find=MappingProxyType(find),
        messages=MappingProxyType({"fr": row["fr"], "en": row["en"]}),
        advices=MappingProxyType({"fr": row["advice_fr"], "en": row["advice_en"]}),
        seen_in=tuple(row.get("seen_in", ())),
    )


def _read_reference(row: dict[str, Any]) -> LegalReference:
    return LegalReference(
        article=row["article"],
        text=row["text"],
        source=row["source"],
        what=MappingProxyType({"fr": row["what_fr"], "en": row["what_en"]}),
        also=tuple(row.get("also", ())),
    )


_PACKAGE: Final = "rempart.notices"
_FILE: Final = load_data_file("lint.toml", _PACKAGE)
RULES_VERSION: Final[str] = _FILE["version"]
LINT_RULES: Final = MappingProxyType({row["code"]: _read_rule(row) for row in _FILE["rule"]})
WORDINGS: Final[Mapping[str, Mapping[Language, re.Pattern[str]]]] = MappingProxyType(
    {
        name: MappingProxyType(
            {"fr": compile_patterns(row["fr"]), "en": compile_patterns(row["en"])}
        )
        for name, row in _FILE["wording"].items()
    }
)
"""What the computed rules look for, by name."""
LEGAL_REFERENCES: Final = tuple(
    _read_reference(row) for row in load_data_file("references.toml", _PACKAGE)["reference"]
)
