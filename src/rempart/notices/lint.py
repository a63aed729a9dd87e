"""What any notice lacks, and what it should not say: findings with their place and the remedy.

Works on a text of anybody, French first. Looks at words, so it may be wrong where a sentence means
more than its words: whoever signs reads the findings. Refuses to correct a text by itself.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from rempart.disclosure.fields import Field
from rempart.kernel.findings import Language
from rempart.notices.lint_computed import COMPUTED, Hit, NoticeText, prepare_text
from rempart.notices.lint_rules import LINT_RULES, LintRule, RuleKind, Severity
from rempart.notices.media import Medium
from rempart.notices.words import guess_language

_EXCERPT_CHARS: Final = 80
_ORDER: Final = {one: rank for rank, one in enumerate(Severity)}


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeFinding:
    """One fault of a text.

    Args:
        line: Where it starts, 1 for the first; a fault of the whole text is at 1, 1.
        column: Characters from the start of the line, 1 for the first.
        excerpt: The words, cut; empty for a fault of the whole text.
        detail: What was counted or expected instead, by language; often empty.
    """

    rule: LintRule
    line: int
    column: int
    excerpt: str
    detail_fr: str = ""
    detail_en: str = ""

    def message(self, language: Language = "fr") -> str:
        """Say what is wrong."""
        detail = self.detail_fr if language == "fr" else self.detail_en
        return f"{self.rule.messages[language]} {detail}".strip()

    def advice(self, language: Language = "fr") -> str:
        """Say what to do."""
        return self.rule.advices[language]


def lint_notice(
    text: str,
    *,
    medium: Medium | None = None,
    language: Language | None = None,
    exposed: Field | None = None,
) -> list[NoticeFinding]:
    """Find the faults of a notice.

    Args:
        text: The whole text, as its reader gets it.
        medium: What it is; None: unknown, and it is held to the rules of every medium.
        language: Its language; None: guessed.
        exposed: What was exposed of the reader; None: what the text itself says.

    Returns:
        Findings, the gravest first, then in the order of the text.
    """
    said = prepare_text(
        text, language=language or guess_language(text), medium=medium, exposed=exposed
    )
    findings = [
        _place(rule, said, hit)
        for rule in LINT_RULES.values()
        if rule.applies_to(medium)
        for hit in _look(rule, said)
    ]
    return sorted(
        findings, key=lambda one: (_ORDER[one.rule.severity], one.line, one.column, one.rule.code)
    )


def is_blocked(findings: list[NoticeFinding]) -> bool:
    """Tell whether something that article 34(2) asks for is missing."""
    return any(one.rule.severity is Severity.BLOCKING for one in findings)


def _look(rule: LintRule, said: NoticeText) -> Iterator[Hit]:
    if rule.kind is RuleKind.COMPUTED:
        yield from COMPUTED[rule.code](said)
        return
    pattern = rule.find[said.language]
    if rule.kind is RuleKind.EXPECTS:
        if pattern.search(said.text) is None:
            yield Hit(start=0, end=0)
        return
    yield from (Hit(start=one.start(), end=one.end()) for one in pattern.finditer(said.text))


def _place(rule: LintRule, said: NoticeText, hit: Hit) -> NoticeFinding:
    before = said.original[: hit.start]
    words = " ".join(said.original[hit.start : hit.end].split())
    return NoticeFinding(
        rule=rule,
        line=before.count("\n") + 1,
        column=hit.start - (before.rfind("\n") + 1) + 1,
        excerpt=words if len(words) <= _EXCERPT_CHARS else words[: _EXCERPT_CHARS - 1] + "…",
        detail_fr=hit.detail_fr,
        detail_en=hit.detail_en,
    )
