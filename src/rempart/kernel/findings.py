"""Bad values and findings: what is wrong, by which rule, and what to do about it.

Refuses to repeat the value: a message about an identifier never contains the identifier.
"""

from dataclasses import dataclass
from typing import Literal, TypeAlias

Language: TypeAlias = Literal["fr", "en"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """One reason for refusing a value, in words a claims manager understands.

    Args:
        rule: Stable name of the rule, e.g. `nir_key`; tests and reports count by it.
        fr: What is wrong, in French, one sentence.
        en: The same in English.
        advice_fr: What to do, in French, one sentence.
        advice_en: The same in English.
    """

    rule: str
    fr: str
    en: str
    advice_fr: str
    advice_en: str

    def message(self, language: Language = "fr") -> str:
        """Say what is wrong."""
        return self.fr if language == "fr" else self.en

    def advice(self, language: Language = "fr") -> str:
        """Say what to do."""
        return self.advice_fr if language == "fr" else self.advice_en


class BadValue(ValueError):
    """A value that cannot be true; the parser at the edge turns it into a finding.

    Prints its message and advice in French, never the value.
    """

    def __init__(self, refusal: Refusal) -> None:
        super().__init__(f"{refusal.fr} {refusal.advice_fr}")
        self.refusal = refusal

    def __reduce__(self) -> tuple[type["BadValue"], tuple[Refusal]]:
        return (type(self), (self.refusal,))


@dataclass(frozen=True, slots=True)
class Finding:
    """One problem among many in a file or a form.

    Args:
        line: Line of the file, the header being line 1; None when the finding is about the whole.
        field: Name of the column or path of the field.
        rule: Stable name of the rule that refused.
        message: What is wrong; never holds the value of a personal field.
        advice: What to do.
    """

    line: int | None
    field: str
    rule: str
    message: str
    advice: str


def format_finding(
    bad_value: BadValue, *, field: str, line: int | None = None, language: Language = "fr"
) -> Finding:
    """Turn a bad value into the finding a reader of the file or form gets."""
    refusal = bad_value.refusal
    return Finding(line, field, refusal.rule, refusal.message(language), refusal.advice(language))
