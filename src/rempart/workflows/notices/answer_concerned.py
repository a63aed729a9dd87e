"""« Suis-je concerné ? »: what a code says, and the buckets that cards are looked for in.

Nobody is signed in here. Refuses to tell one wrong code from another: a slip of the hand, a code
that was never printed and one of a message that never left take the same steps and give one answer.
"""

import hashlib
from dataclasses import dataclass
from typing import Final

from rempart.kernel.errors import NotFound
from rempart.notices.codes import digest_code
from rempart.storage import concerned, self_checks
from rempart.storage.concerned import CodeAnswer, PageAddress
from rempart.storage.connect import Transaction
from rempart.storage.self_checks import ServedList

__all__ = ["CodeAnswer", "CodeReply", "PageAddress", "ServedList"]

CODE_CHARS: Final = 40
_NO_CODE: Final = b"rempart: no code of ours\n"


@dataclass(frozen=True, slots=True)
class CodeReply:
    """What a code gives: its own message, and the one that replaced it, if any."""

    this: CodeAnswer
    last: CodeAnswer | None


def read_code(tx: Transaction, text: str) -> CodeReply | None:
    """Return what a code says; None: no message that left has it.

    Args:
        tx: A transaction of the pages, whoever asks.
        text: As it was typed.
    """
    # What cannot be a code is looked for all the same: the work does not depend on it.
    wanted = hashlib.sha256(_NO_CODE + text.encode()).digest()
    found = concerned.answer_code(tx, digest_code(text) or wanted)
    this = next((one for one in found if one.is_this), None)
    if this is None:
        return None
    return CodeReply(this, next((one for one in found if one.is_last and not one.is_this), None))


def list_checks(tx: Transaction) -> list[ServedList]:
    """Return the lists that cards may be checked against, the newest first."""
    return self_checks.list_served(tx)


def read_bucket(tx: Transaction, list_ref: int, prefix: int) -> bytes:
    """Return one bucket of a list: sealed answers among decoys.

    Raises:
        NotFound: the list was replaced, or its page withdrawn; or it has no such bucket.
    """
    entries = self_checks.load_bucket(tx, list_ref, prefix)
    if entries is None:
        raise NotFound("no such bucket: read the page again")
    return entries
