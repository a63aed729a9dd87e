"""Registers insurers: number, AMC number, name, agreement with the operator.

Refuses to give an AMC number twice, or another one to a registered insurer.
"""

import csv
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Final

from rempart.exchange.feed_file import open_feed
from rempart.exchange.feed_pieces import read_piece
from rempart.kernel.amc import AmcNumber
from rempart.kernel.errors import FeedRefused
from rempart.kernel.findings import BadValue
from rempart.kernel.periods import OPEN_END, Period
from rempart.storage import feeds
from rempart.storage.connect import Transaction
from rempart.storage.feeds import FeedInsurer

SINCE_EVER: Final = date(1900, 1, 1)
MOST_INSURERS: Final = 999_999
_REQUIRED: Final = ("insurer_id", "amc_number", "name")


def register_insurers(tx: Transaction, insurers: Sequence[FeedInsurer]) -> None:
    """Register insurers, or bring names and agreements up to date.

    Raises:
        Conflict: a number or an AMC number is somebody else's; nothing of the call is kept once the
            transaction is rolled back.
    """
    for insurer in insurers:
        feeds.register_insurer(tx, insurer)


def read_insurers(path: Path) -> list[FeedInsurer]:
    """Read a list of insurers: CSV with `;`, columns insurer_id, amc_number, name and, if wanted,
    agreement_start and agreement_end.

    Raises:
        FeedRefused: the file cannot be read; the message names the line.
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            rows = csv.DictReader(file, delimiter=";")
            missing = [name for name in _REQUIRED if name not in (rows.fieldnames or ())]
            if missing:
                raise FeedRefused(f"{path.name} lacks columns: {', '.join(missing)}")
            return [_read_insurer(path, line, row) for line, row in enumerate(rows, start=2)]
    except (OSError, UnicodeDecodeError) as failure:
        raise FeedRefused(f"{path} cannot be read as UTF-8 text") from failure


def peek_amc_number(path: Path) -> str:
    """Return the AMC number of the first row of a feed.

    Raises:
        FeedRefused: the file is not a feed, or its first row has no AMC number.
    """
    with open_feed(path) as feed:
        piece = next(feed.pieces(), None)
        batches = () if piece is None else read_piece(piece, feed.dialect)
        numbers = (number for cells in batches for number in cells.columns[0])
        first = next(numbers, "")
    try:
        return AmcNumber.parse(first).number
    except BadValue as bad:
        raise FeedRefused(
            f"the first row of {path.name} has no AMC number: give it with --amc"
        ) from bad


def _read_insurer(path: Path, line: int, row: dict[str, str]) -> FeedInsurer:
    try:
        starts = row.get("agreement_start") or ""
        ends = row.get("agreement_end") or ""
        return FeedInsurer(
            insurer_id=_read_number(row["insurer_id"]),
            amc_number=AmcNumber.parse(row["amc_number"]).number,
            name=row["name"],
            agreement=Period(
                date.fromisoformat(starts) if starts else SINCE_EVER,
                date.fromisoformat(ends) if ends else OPEN_END,
            ),
        )
    except (TypeError, ValueError) as bad:
        raise FeedRefused(
            f"{path.name}, line {line}: insurer_id is 1 to {MOST_INSURERS}, amc_number 8 to 10 "
            "digits, dates YYYY-MM-DD"
        ) from bad


def _read_number(text: str) -> int:
    number = int(text)
    if not 1 <= number <= MOST_INSURERS:
        raise ValueError(f"{number} is no number of an insurer")
    return number
