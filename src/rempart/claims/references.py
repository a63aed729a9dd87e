"""How a claim and a lot are named to their biller, and what makes two claims the same one.

Refuses to tell anything by a name: references are drawn, and a digest is keyed by the installation.

Source:
    S21.
"""

import hmac
import json
from collections.abc import Sequence
from typing import Final

from rempart.claims.claim import ClaimLine
from rempart.kernel.crockford import decode_number, encode_number, format_groups, normalise_code

REFERENCE_BITS: Final = 60
_LETTERS: Final = 12
_LABEL: Final = b"claim|"


def format_reference(reference: int) -> str:
    """Write the reference of a claim or a lot: three groups of four letters.

    Raises:
        ValueError: it has more than 60 bits.
    """
    return format_groups(encode_number(reference, _LETTERS))


def parse_reference(text: str) -> int | None:
    """Read a reference; None when it is none. Dashes, case, O, I and L are forgiven."""
    code = normalise_code(text)
    return decode_number(code) if len(code) == _LETTERS else None


def compute_claim_digest(
    key: bytes,
    *,
    establishment_ref: int,
    invoice: str,
    lookup_key: bytes,
    born: str,
    lines: Sequence[ClaimLine],
    conditions: Sequence[object] = (),
) -> bytes:
    """Return the 32 bytes a claim is known by: the same claim, by whatever channel, has the same.

    The person counts by the identifiers that were sent, not by whom they lead to: two claims that
    differ by them alone are two, whether anybody is known by either.

    Args:
        key: The installation's secret.
        establishment_ref: Who bills.
        invoice: The biller's own number.
        lookup_key: Of the identifiers sent.
        born: The birth date sent.
        lines: The acts, any order.
        conditions: What else changes what is due: the promise quoted, the claim replaced.
    """
    acts = [
        [
            *(line.number, line.act.code, line.care_date.isoformat(), line.quantity),
            *(line.billed_cents, line.base_cents, line.amo_cents, line.basket, line.equipment),
            *(line.correction, line.exoneration, line.early_renewal),
        ]
        for line in sorted(lines, key=lambda line: line.number)
    ]
    content = [establishment_ref, invoice, lookup_key.hex(), born, list(conditions), acts]
    return hmac.digest(key, _LABEL + json.dumps(content).encode(), "sha256")


def compute_lot_digest(key: bytes, establishment_ref: int, content_digest: bytes) -> bytes:
    """Return the 32 bytes a lot is known by: the same bytes from the same biller are one lot."""
    return hmac.digest(key, b"lot|" + establishment_ref.to_bytes(8) + content_digest, "sha256")
