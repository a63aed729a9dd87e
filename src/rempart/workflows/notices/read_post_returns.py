"""Letters that came back: each is said so, once, whoever imports the list and however often.

Refuses a reference that is not one of ours: a mistyped one moves nobody's letter.
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from typing import Final

from rempart.exchange.postal_returns import ReturnedLetter, read_return_list
from rempart.kernel.findings import Finding
from rempart.notices.envelopes import EnvelopeKey
from rempart.storage import notice_delivery as delivery
from rempart.storage.connect import Transaction
from rempart.storage.notice_delivery import Tried
from rempart.workflows.notices.pace_campaign import Office

AT_ONCE: Final = 1000
_ON_THEIR_WAY: Final = ("printed", "posted")


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadReturns:
    """What a list said: letters that came back, those known already, what could not be read."""

    returned: int
    known: int
    findings: tuple[Finding, ...]


def read_returns(
    office: Office, content: bytes, key: EnvelopeKey, *, insurer_id: int | None = None
) -> ReadReturns:
    """Take a list of letters that came back.

    Args:
        office: What deliveries work with.
        content: The file.
        key: What tells our references.
        insurer_id: Whose letters they may be; None: anybody's, the host reads the list.

    Raises:
        MalformedRequest: it is no such list; nothing was done.
    """
    read = read_return_list(content)
    findings = list(read.findings)
    numbered: dict[int, ReturnedLetter] = {}
    for letter in read.letters:
        number = key.read_post_reference(letter.reference)
        if number is None:
            findings.append(_refuse(letter.line))
        else:
            numbered.setdefault(number, letter)
    if insurer_id is not None:
        with office.open_transaction() as tx:
            own = delivery.keep_of_insurer(tx, list(numbered), insurer_id)
        # Another insurer's reference is told like one that is nobody's.
        findings += [_refuse(one.line) for number, one in numbered.items() if number not in own]
        numbered = {number: one for number, one in numbered.items() if number in own}
    counts: Counter[str] = Counter()
    rows = iter(numbered.items())
    while part := list(islice(rows, AT_ONCE)):
        with office.open_transaction() as tx:
            returned = take_returns(tx, part)
        counts["returned"] += returned
        counts["known"] += len(part) - returned
        office.tell(sum(counts.values()))
    return ReadReturns(returned=counts["returned"], known=counts["known"], findings=tuple(findings))


def take_returns(tx: Transaction, letters: Sequence[tuple[int, ReturnedLetter]]) -> int:
    """Write that letters came back; return how many were on their way."""
    moved = set(
        delivery.set_states(
            tx,
            [(number, "returned", letter.reason) for number, letter in letters],
            before=_ON_THEIR_WAY,
        )
    )
    delivery.note_attempts(
        tx,
        [
            Tried(number, "letter", letter.reason, "")
            for number, letter in letters
            if number in moved
        ],
    )
    return len(moved)


def _refuse(line: int) -> Finding:
    return Finding(
        line,
        "reference",
        "return_unknown",
        "La référence n’est pas celle d’un de nos plis.",
        "La relire dans la fenêtre de l’enveloppe : trois groupes de quatre signes.",
    )
