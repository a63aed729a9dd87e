"""The columns of a feed: names, order, and what the header must have.

Refuses a header it cannot trust: a missing or repeated column is the file's fault, not a row's.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from rempart.exchange.feed_rules import UNKNOWN_COLUMN
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue, Finding, Language, format_finding

COLUMNS: Final = (
    "amc_number",
    "contract_number",
    "member_number",
    "insured_nir",
    "own_nir",
    "previous_nir",
    "family_name",
    "birth_name",
    "first_names",
    "birth_date",
    "birth_rank",
    "quality",
    "convention_type",
    "csr",
    "responsible",
    "period_start",
    "period_end",
    "suspended_from",
    "suspended_to",
    "terms",
    "card_code",
    "email",
    "phone",
    "address",
    "postcode",
    "city",
    "agreement_start",
    "agreement_end",
    "action",
)
"""Every column, in the order the format gives them. Any order is read."""

OPTIONAL: Final = frozenset(
    {
        "own_nir",
        "previous_nir",
        "birth_name",
        "suspended_from",
        "suspended_to",
        "card_code",
        "email",
        "phone",
        "address",
        "postcode",
        "city",
        "agreement_start",
        "agreement_end",
        "action",
    }
)
"""Columns a header may lack: their fields are then empty."""

_SPEAKABLE: Final = re.compile(r"[A-Za-z][A-Za-z0-9_ .-]{0,39}")


@dataclass(frozen=True, slots=True)
class Layout:
    """Where each column of the format is in one file.

    Args:
        width: How many fields a row of the file has.
        places: For each of `COLUMNS`, its place in a row, or None when the file lacks it.
    """

    width: int
    places: tuple[int | None, ...]


def read_header(names: Sequence[str], language: Language) -> tuple[Layout, list[Finding]]:
    """Read a header.

    Args:
        names: The names as the file gives them; case and outer spaces do not count.
        language: In which to write the findings.

    Returns:
        The layout, and a finding per column that the format does not have.

    Raises:
        FeedRefused: a column is missing or repeated; the message lists which, and nothing that
            could be a person's (the first line of a file without header is a row).
    """
    cleaned = [name.strip().lower() for name in names]
    missing = [name for name in COLUMNS if name not in cleaned and name not in OPTIONAL]
    if missing:
        raise FeedRefused(
            f"the header lacks {len(missing)} column(s): {', '.join(missing)}. Nothing was "
            "changed: add them; the first line of the file must be the header"
        )
    repeated = [name for name in COLUMNS if cleaned.count(name) > 1]
    if repeated:
        raise FeedRefused(
            f"the header repeats {', '.join(repeated)}. Nothing was changed: keep each column once"
        )
    findings = [
        _describe_unknown(place, name, language)
        for place, name in enumerate(cleaned)
        if name not in COLUMNS
    ]
    places = tuple(cleaned.index(name) if name in cleaned else None for name in COLUMNS)
    return Layout(len(cleaned), places), findings


def _describe_unknown(place: int, name: str, language: Language) -> Finding:
    field = name if _SPEAKABLE.fullmatch(name) else f"column {place + 1}"
    return format_finding(BadValue(UNKNOWN_COLUMN), field=field, line=1, language=language)
