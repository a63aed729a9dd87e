"""Who answers for a site, as its operator writes it in a file: what the law has it say.

Refuses a file that leaves out what readers must be told, and one with members it does not know: a
slip of the hand there would hide somebody's address.

Source:
    S100: loi 2004-575 (LCEN), article 1-1: publisher, director of publication, host.
"""

import tomllib
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Final

from rempart.kernel.errors import SetupError

_MOST_CHARS: Final = 300


@dataclass(frozen=True, slots=True, kw_only=True)
class LegalNotices:
    """Who answers for a site.

    Args:
        publisher, publisher_address, publisher_phone: Who edits it.
        registration: Its number in a register, with the register's name; may be empty.
        director: Director of publication: a person.
        host, host_address, host_phone: Who stores it.
        dpo_email: Of the data protection officer.

    Raises:
        ValueError: one of them is empty, too long, or does not print on a line.
    """

    publisher: str
    publisher_address: str
    publisher_phone: str
    director: str
    host: str
    host_address: str
    host_phone: str
    dpo_email: str
    registration: str = ""

    def __post_init__(self) -> None:
        for one in fields(self):
            text = getattr(self, one.name)
            if not isinstance(text, str) or len(text) > _MOST_CHARS or not text.isprintable():
                raise ValueError(f"{one.name}: a line of {_MOST_CHARS} characters at most")
            if not text.strip() and one.name != "registration":
                raise ValueError(f"{one.name}: readers must be told")
        if "@" not in self.dpo_email:
            raise ValueError("dpo_email: an e-mail address")


def read_legal_notices(path: Path) -> LegalNotices:
    """Read who answers for a site.

    Raises:
        SetupError: the file cannot be read, or does not say what it must.
    """
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError, RecursionError) as failure:
        raise SetupError(f"REMPART_LEGAL_FILE={path}: {failure}") from None
    known = {one.name for one in fields(LegalNotices)}
    wrong = sorted((set(said) - known) | (known - {"registration"} - set(said)))
    if wrong:
        raise SetupError(f"REMPART_LEGAL_FILE={path}: missing or unknown: {', '.join(wrong)}")
    try:
        return LegalNotices(**said)
    except ValueError as wrong_value:
        raise SetupError(f"REMPART_LEGAL_FILE={path}: {wrong_value}") from None
