"""An employer for the demonstration: some of an insurer's members, under their staff numbers."""

import csv
import itertools
from collections.abc import Iterable, Iterator, Mapping
from datetime import date
from pathlib import Path
from typing import Final

from rempart.exchange.movement_file import COLUMNS
from rempart.kernel.periods import add_months

STAFF: Final = 40
NUMBER: Final = "COLL-2026"
_MONTHS: Final = 6
_PRICES: Final = (("single", 4_250), ("couple", 7_900), ("family", 11_400))
_TERMS: Final = ("convention_type", "csr", "responsible", "terms")


def find_start(today: date) -> date:
    """Return the first day of the contract: so many months were called already."""
    return add_months(today.replace(day=1), -_MONTHS)


def write_employer_files(folder: Path, rows: Iterable[Mapping[str, str]], today: date) -> None:
    """Write the prices and the staff list of the demo's employer, out of an insurer's feed.

    Args:
        folder: Where `tariffs.csv` and `staff.csv` go.
        rows: Of the feed.
        today: Paris civil date.
    """
    folder.mkdir(parents=True, exist_ok=True)
    chosen = list(itertools.islice(_choose(rows, today), STAFF))
    first = chosen[0]
    with (folder / "tariffs.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(("structure", "starts_on", "monthly_cents", *_TERMS))
        guarantee = [first[name] for name in _TERMS]
        for structure, cents in _PRICES:
            writer.writerow((structure, find_start(today), cents, *guarantee))
    with (folder / "staff.csv").open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")
        writer.writerow(COLUMNS)
        for place, row in enumerate(chosen):
            started = add_months(find_start(today), min(place // 12, _MONTHS - 1))
            structure = _PRICES[place % 3][0]
            writer.writerow(
                (
                    *(f"E{1001 + place}", "entrée", started, started, structure),
                    *(row["insured_nir"], row["birth_date"], row["birth_rank"]),
                    *(row["family_name"], row["first_names"], row["contract_number"], ""),
                )
            )


def _choose(rows: Iterable[Mapping[str, str]], today: date) -> Iterator[Mapping[str, str]]:
    """Yield insured people covered all along, one of each contract."""
    seen: set[str] = set()
    for row in rows:
        number = row["contract_number"]
        if row["quality"] != "1" or row["period_end"] or row["suspended_from"] or number in seen:
            continue
        if row["period_start"] and _reads(row["period_start"]) < find_start(today):
            seen.add(number)
            yield row


def _reads(text: str) -> date:
    """Read a day as feeds write it."""
    if "/" in text:
        day, month, year = text.split("/")
        return date(int(year), int(month), int(day))
    compact = text.replace("-", "")
    return date(int(compact[:4]), int(compact[4:6]), int(compact[6:8]))
