"""Who asks in the benchmark: members of the synthetic feeds, a few strangers, many keys."""

import csv
import json
import random
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rempart.kernel.synthetic import make_synthetic_nir
from rempart.storage.connect import Database
from rempart.workflows.create_client import mint_key

QUESTIONS = 20_000
CLIENTS = 300
STRANGERS = 0.05
WITH_CARD = 0.5
BOM_READ_AS_LATIN_1 = "\u00ef\u00bb\u00bf"


def write_questions(data_set: Path, file: Path) -> int:
    """Write one JSON body per line, from the feeds of a data set; return how many."""
    dice = random.Random(1)
    members = list(_sample_members(data_set, dice))
    today = datetime.now(ZoneInfo("Europe/Paris")).date().isoformat()
    with file.open("w") as lines:
        for member in members:
            lines.write(json.dumps(_make_body(member, today, dice), separators=(",", ":")) + "\n")
    return len(members)


def mint_keys(database: Database, file: Path) -> None:
    """Write the keys of many clients, one a line; they die in a day."""
    with database.transaction("registrar") as tx:
        accounts = tx.execute(
            "SELECT account_ref FROM accounts.professional ORDER BY rpps LIMIT %s", (CLIENTS,)
        ).fetchall()
        keys = [
            mint_key(
                tx,
                account_ref=account_ref,
                kind="software",
                label="bench",
                lifetime=timedelta(days=1),
            ).key
            for (account_ref,) in accounts
        ]
    file.write_text("\n".join(keys) + "\n")


def _sample_members(data_set: Path, dice: random.Random) -> Iterator[dict[str, str]]:
    feeds = sorted((data_set / "feeds").glob("*.csv"))
    total = sum(feed.stat().st_size for feed in feeds)
    for feed in feeds:
        wanted = max(1, QUESTIONS * feed.stat().st_size // total)
        # Some feeds are UTF-8, some Latin-1: the columns read here are ASCII in both.
        with feed.open(encoding="latin-1", newline="") as lines:
            header = lines.readline().removeprefix(BOM_READ_AS_LATIN_1).strip()
            delimiter = header[len("amc_number")]
            names = header.split(delimiter)
            rows = list(csv.DictReader(lines, names, delimiter=delimiter))
        yield from dice.sample(rows, min(wanted, len(rows)))


def _make_body(member: dict[str, str], today: str, dice: random.Random) -> dict[str, Any]:
    identifiers: dict[str, Any] = {"mode": "card", "card_code": member["card_code"]}
    if not member["card_code"] or dice.random() >= WITH_CARD:
        identifiers = {
            "mode": "typed",
            "amc_number": member["amc_number"],
            "insured_nir": member["insured_nir"],
            "birth_date": member["birth_date"],
            "birth_rank": int(member["birth_rank"]),
        }
        if dice.random() < STRANGERS:
            identifiers["insured_nir"] = _invent_nir(dice)
    return {
        "identifiers": identifiers,
        "domain": dice.choice(("PHAR", "PHAR", "MEDG", "AUXM", "DENT", "OPTI")),
        "care_date": today,
        "purpose": "billing",
    }


def _invent_nir(dice: random.Random) -> str:
    nir = make_synthetic_nir(
        sex=dice.randint(1, 2),
        year=dice.randint(1940, 2020),
        month=dice.randint(1, 12),
        serial=dice.randrange(1_000_000),
    )
    return nir.format_compact()
