"""Why somebody does what they do: one line, kept with what was done.

Refuses an empty one, a long one, and letters that do not print.
"""

from typing import Final

from rempart.kernel.errors import InvalidRequest

REASON_LETTERS: Final = 500


def clean_reason(text: str, *, name: str = "reason", most: int = REASON_LETTERS) -> str:
    """Return a reason as it is kept: on one line, single spaces.

    Args:
        text: What was written.
        name: Of the field, for whoever is refused.
        most: Letters, at most.

    Raises:
        InvalidRequest: there is none, it is too long, or it does not print.
    """
    words = " ".join(text.split())
    if not words.isprintable() or not 1 <= len(words) <= most:
        raise InvalidRequest(f"{name}: say why, in {most} letters at most")
    return words
