"""Engagement numbers: the promise to pay, printed on the ticket and quoted on the invoice.

Refuses to keep a table: the number names the ledger entry that made the promise, and a tag proves
that this installation gave it.
"""

import hmac
from datetime import date, timedelta
from typing import Final

from rempart.kernel.crockford import decode_number, encode_number, normalise_code
from rempart.kernel.findings import BadValue, Refusal
from rempart.tariffs.parameters import value_on

PREFIX: Final = "RP"
_LETTERS: Final = 16
# 80 bits: which log, which entry, and a tag. One log may hold 17 billion entries.
LOG_BITS: Final = 12
INDEX_BITS: Final = 34
TAG_BITS: Final = 34

INVALID: Final = Refusal(
    rule="engagement_number",
    fr="Ce numéro d’engagement n’a pas été donné par nous.",
    en="This engagement number was not given by us.",
    advice_fr="Recopier le numéro imprimé avec la réponse (RP et quatre groupes de quatre).",
    advice_en="Copy the number printed with the answer (RP and four groups of four).",
)


def format_engagement(key: bytes, log_id: int, index: int) -> str:
    """Return the engagement number of a ledger entry, `RP-XXXX-XXXX-XXXX-XXXX`.

    Args:
        key: The installation's secret for engagements, 32 bytes.
        log_id: The log, 0 to 4095.
        index: The entry in that log.

    Raises:
        ValueError: the log or the index does not fit.
    """
    if not 0 <= log_id < 1 << LOG_BITS or not 0 <= index < 1 << INDEX_BITS:
        raise ValueError(f"Log {log_id}, entry {index} does not fit in an engagement number.")
    place = log_id << INDEX_BITS | index
    number = place << TAG_BITS | _compute_tag(key, place)
    code = encode_number(number, _LETTERS)
    return f"{PREFIX}-{code[:4]}-{code[4:8]}-{code[8:12]}-{code[12:]}"


def parse_engagement(key: bytes, text: str) -> tuple[int, int]:
    """Read an engagement number and check that we gave it.

    Dashes, spaces, lower case, O for 0 and I or L for 1 are forgiven.

    Returns:
        The log and the index of the ledger entry it names.

    Raises:
        BadValue: not of the shape, or the tag is not ours; the two look the same.
    """
    code = normalise_code(text)
    number = decode_number(code[len(PREFIX) :])
    if not code.startswith(PREFIX) or len(code) != len(PREFIX) + _LETTERS or number is None:
        raise BadValue(INVALID)
    place, tag = number >> TAG_BITS, number & (1 << TAG_BITS) - 1
    if not hmac.compare_digest(tag.to_bytes(8), _compute_tag(key, place).to_bytes(8)):
        raise BadValue(INVALID)
    return place >> INDEX_BITS, place & (1 << INDEX_BITS) - 1


def compute_expiry(issued_on: date) -> date:
    """Return the last day, included, on which an engagement of `issued_on` is worth payment."""
    return issued_on + timedelta(days=value_on("engagement_validity_days", issued_on))


def _compute_tag(key: bytes, place: int) -> int:
    digest = hmac.digest(key, b"engagement|" + place.to_bytes(8), "sha256")
    return int.from_bytes(digest[:8]) >> 64 - TAG_BITS
