"""What the linter says of the texts of a campaign: each rule once, where, and how many read it.

Refuses to keep the words that break a rule: they may hold a name. The part of the text is kept.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, TypeAlias

from rempart.kernel.findings import Language
from rempart.notices.assembly import Notice, assemble_notice, format_text
from rempart.notices.facts import IncidentFacts, PersonFacts
from rempart.notices.lint import lint_notice
from rempart.notices.lint_rules import Severity
from rempart.notices.media import Medium

MOST_FINDINGS: Final = 60
_Found: TypeAlias = tuple[str, str, str]


@dataclass(slots=True)
class Findings:
    """What the linter says of the texts of a campaign, by rule, with how many persons read each.

    Args:
        counts: Persons by rule, severity, language and title of the part of the text.
    """

    counts: dict[tuple[str, str, str, str], int] = field(default_factory=dict)
    _known: dict[tuple[Any, ...], tuple[_Found, ...]] = field(default_factory=dict)

    @classmethod
    def read(cls, stored: Sequence[Mapping[str, Any]]) -> "Findings":
        """Go on from what was found before."""
        return cls(
            {
                (one["rule"], one["severity"], one["language"], one.get("section", "")): int(
                    one["persons"]
                )
                for one in stored
            }
        )

    def add(self, facts: IncidentFacts, person: PersonFacts, language: Language) -> None:
        """Look at the text of one person; persons told alike are looked at once."""
        alike = (
            *(person.relation, person.certainty, person.doubt, person.exposed, language),
            *(person.not_exposed, person.departure is None, person.corrects),
        )
        if alike not in self._known:
            self._known[alike] = tuple(_lint(facts, person, language))
        for rule, severity, section in self._known[alike]:
            key = (rule, severity, language, section)
            self.counts[key] = self.counts.get(key, 0) + 1

    def describe(self) -> list[dict[str, Any]]:
        """Return them for the campaign, the gravest first."""
        order = {one.value: rank for rank, one in enumerate(Severity)}
        ranked = sorted(self.counts.items(), key=lambda one: (order[one[0][1]], -one[1], one[0]))
        return [
            {
                "rule": rule,
                "severity": severity,
                "language": language,
                "section": section,
                "persons": persons,
            }
            for (rule, severity, language, section), persons in ranked[:MOST_FINDINGS]
        ]


def _lint(facts: IncidentFacts, person: PersonFacts, language: Language) -> Iterator[_Found]:
    """Yield the rules that a text breaks and where, each once, whatever the way it goes."""
    seen: set[str] = set()
    for medium in (Medium.EMAIL, Medium.LETTER):
        notice = assemble_notice(facts, person, medium=medium, language=language)
        text = format_text(notice)
        for one in lint_notice(text, medium=medium, language=language, exposed=person.exposed):
            if one.rule.code not in seen:
                seen.add(one.rule.code)
                section = _find_section(notice, text, one.line) if one.excerpt else ""
                yield one.rule.code, one.rule.severity.value, section


def _find_section(notice: Notice, text: str, line: int) -> str:
    """Return the last title at or above a line; empty: before the first one."""
    titles = {block.title for block in notice.blocks if block.title}
    above = text.splitlines()[:line]
    return next((one for one in reversed(above) if one in titles), "")
