"""The public page of an incident: what is true for everybody, and questions an insurer answers.

The facts are written by the same blocks as letters, so that page and letter say one thing; the
insurer's own questions follow. Refuses to be published without what article 34(2) asks for, and
without both languages.
"""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from rempart.kernel.errors import InvalidRequest
from rempart.kernel.findings import Language
from rempart.notices.assembly import Block, assemble_notice, format_text
from rempart.notices.facts import IncidentFacts, PublicFacts
from rempart.notices.facts_json import (
    describe_facts,
    describe_public_facts,
    read_facts,
    read_public_facts,
)
from rempart.notices.lint import NoticeFinding, lint_notice
from rempart.notices.lint_rules import Severity
from rempart.notices.media import Medium
from rempart.tariffs.data_files import load_data_file

LANGUAGES: Final[tuple[Language, Language]] = ("fr", "en")
MOST_QUESTIONS: Final = 30
QUESTION_CHARS: Final = 200
ANSWER_CHARS: Final = 1200
_DIGEST_DOMAIN: Final = b"rempart incident page v1\0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """A question of readers and its answer, in both languages; an answer may have lines.

    Raises:
        ValueError: one of them is empty, too long, or holds what is not printed.
    """

    question_fr: str
    answer_fr: str
    question_en: str
    answer_en: str

    def __post_init__(self) -> None:
        for language in LANGUAGES:
            asked, told = self.say(language)
            if not asked.strip() or len(asked) > QUESTION_CHARS or not asked.isprintable():
                raise ValueError(f"a question: one line of 1 to {QUESTION_CHARS} characters")
            lines = told.split("\n")
            if not told.strip() or len(told) > ANSWER_CHARS:
                raise ValueError(f"an answer: 1 to {ANSWER_CHARS} characters")
            if not all(line.isprintable() for line in lines):
                raise ValueError("an answer: printable characters and line ends only")

    def say(self, language: Language) -> tuple[str, str]:
        """Return the question and the answer in one language."""
        if language == "fr":
            return self.question_fr, self.answer_fr
        return self.question_en, self.answer_en


@dataclass(frozen=True, slots=True, kw_only=True)
class IncidentPage:
    """One version of a page.

    Args:
        facts: Of the incident; their version is the page's.
        about: The numbers and the fields, over all persons.
        package_number: The package they come from.
        questions: The insurer's own, in the order they are read.
        change_fr, change_en: What changed since the version before; empty for the first.

    Raises:
        ValueError: too many questions, one of them twice, or a change said in one language only.
    """

    facts: IncidentFacts
    about: PublicFacts
    package_number: int
    questions: tuple[Question, ...] = ()
    change_fr: str = ""
    change_en: str = ""

    def __post_init__(self) -> None:
        if len(self.questions) > MOST_QUESTIONS:
            raise ValueError(f"questions: {MOST_QUESTIONS} at most")
        for language in LANGUAGES:
            asked = [one.say(language)[0] for one in self.questions]
            if len(set(asked)) != len(asked):
                raise ValueError("questions: each once")
        if bool(self.change_fr) != bool(self.change_en):
            raise ValueError("change: in both languages, or in none")
        for said in (self.change_fr, self.change_en):
            if len(said) > QUESTION_CHARS or not said.isprintable():
                raise ValueError(f"change: one line of {QUESTION_CHARS} characters at most")

    def say_change(self, language: Language) -> str:
        """Return what changed, in one language."""
        return self.change_fr if language == "fr" else self.change_en


@dataclass(frozen=True, slots=True)
class PageFinding:
    """A fault of the page in one language."""

    language: Language
    finding: NoticeFinding


def write_page(page: IncidentPage, language: Language) -> tuple[Block, ...]:
    """Return the blocks of a page: those that facts call for, then the insurer's questions."""
    notice = assemble_notice(page.facts, page.about, medium=Medium.PAGE, language=language)
    own = tuple(
        Block(
            block_id=f"question_{place}",
            element=None,
            title=one.say(language)[0],
            text=one.say(language)[1],
            items=(),
        )
        for place, one in enumerate(page.questions, start=1)
    )
    return notice.blocks + own


def format_page(page: IncidentPage, language: Language) -> str:
    """Write a page as plain text."""
    notice = assemble_notice(page.facts, page.about, medium=Medium.PAGE, language=language)
    own = [f"{asked}\n{told}" for asked, told in (one.say(language) for one in page.questions)]
    change = page.say_change(language)
    return (
        "\n\n".join([*([change] if change else []), format_text(notice).rstrip("\n"), *own]) + "\n"
    )


def lint_page(page: IncidentPage) -> list[PageFinding]:
    """Find the faults of a page in both languages; those that keep it from everybody come first."""
    found = [
        PageFinding(language, one)
        for language in LANGUAGES
        for one in lint_notice(
            format_page(page, language),
            medium=Medium.PAGE,
            language=language,
            exposed=page.about.exposed,
        )
    ]
    return sorted(found, key=lambda one: one.finding.rule.severity is not Severity.BLOCKING)


def check_can_publish(page: IncidentPage, former: IncidentPage | None) -> None:
    """Refuse to publish a page that lacks what the law asks for, or says nothing new.

    Args:
        page: What would be published.
        former: What is published now; None when nothing is.

    Raises:
        InvalidRequest: with the rules that are not met, or that nothing changed.
    """
    blocking = {
        one.finding.rule.code
        for one in lint_page(page)
        if one.finding.rule.severity is Severity.BLOCKING
    }
    if blocking:
        raise InvalidRequest(
            f"the page lacks what article 34(2) asks for: {', '.join(sorted(blocking))}",
            fields=tuple((one, "say it, in both languages") for one in sorted(blocking)),
        )
    if former is not None and not page.change_fr:
        raise InvalidRequest(
            "readers are told what changed: say it in a line, in both languages",
            fields=(("change_fr", "say what changed"), ("change_en", "say what changed")),
        )


def compute_page_digest(page: IncidentPage) -> bytes:
    """Return the digest of both texts: what was published can be shown to be what is shown."""
    said = b"\0".join(format_page(page, language).encode() for language in LANGUAGES)
    return hashlib.sha256(_DIGEST_DOMAIN + said).digest()


def describe_page(page: IncidentPage) -> dict[str, Any]:
    """Return a page as JSON."""
    return {
        "facts": describe_facts(page.facts),
        "about": describe_public_facts(page.about),
        "package_number": page.package_number,
        "questions": [
            {
                "question_fr": one.question_fr,
                "answer_fr": one.answer_fr,
                "question_en": one.question_en,
                "answer_en": one.answer_en,
            }
            for one in page.questions
        ],
        "change_fr": page.change_fr,
        "change_en": page.change_en,
    }


def read_page(said: Mapping[str, Any]) -> IncidentPage:
    """Return the page that `describe_page` described.

    Raises:
        ValueError: it says what cannot be said.
    """
    return IncidentPage(
        facts=read_facts(said["facts"]),
        about=read_public_facts(said["about"]),
        package_number=said["package_number"],
        questions=tuple(Question(**one) for one in said["questions"]),
        change_fr=said["change_fr"],
        change_en=said["change_en"],
    )


def list_first_questions() -> Sequence[Question]:
    """Return the questions a first draft starts with: true for any incident of this kind."""
    return tuple(
        Question(**row) for row in load_data_file("questions.toml", "rempart.notices")["question"]
    )
