"""Who asks in the benchmark: members of the synthetic feeds, a few strangers, many accounts."""

import base64
import csv
import hashlib
import json
import random
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from rempart.accounts.dpop import encode_segment
from rempart.accounts.tokens import Bearer, Binding
from rempart.kernel.synthetic import make_synthetic_nir
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.issue_token import sign_access_token
from rempart.workflows.accounts.register_software import end_exercise, register_exercise

PUBLIC_URL = Settings().public_url
# The gateway looks at a certificate's digest only: any bytes will do. wrk.lua says the same.
CERTIFICATE = b"bench"
CLIENT_CERT = f":{base64.b64encode(CERTIFICATE).decode()}:"
BY_CERTIFICATE = Binding("x5t#S256", encode_segment(hashlib.sha256(CERTIFICATE).digest()))
QUESTIONS = 20_000
CLIENTS = 300
STRANGERS = 0.05
WITH_CARD = 0.5
BOM_READ_AS_LATIN_1 = "\u00ef\u00bb\u00bf"


def write_questions(
    data_set: Path, file: Path, *, about: int = QUESTIONS, strangers: float = STRANGERS
) -> int:
    """Write one JSON body per line, from the feeds of a data set; return how many."""
    dice = random.Random(1)
    members = list(_sample_members(data_set, dice, about))
    today = datetime.now(ZoneInfo("Europe/Paris")).date().isoformat()
    with file.open("w") as lines:
        for member in members:
            lines.write(
                json.dumps(_make_body(member, today, dice, strangers), separators=(",", ":")) + "\n"
            )
    return len(members)


@contextmanager
def registered_software(database: Database, home: Home, file: Path) -> Iterator[None]:
    """Write the tokens of many professionals, one a line, for one software that is then revoked.

    They are bound to a certificate that every request says it presents: the machine itself is the
    proxy that the gateway believes. A proof signed per request is what `authentication` measures.
    """
    with database.transaction("registrar") as tx:
        client_id, client_ref = register_exercise(tx, label="bench")
        accounts = tx.execute(
            "SELECT account_ref FROM accounts.professional ORDER BY rpps LIMIT %s", (CLIENTS,)
        ).fetchall()
    tokens = [
        mint_token(home, Bearer(client_ref, account_ref), client_id=client_id)
        for (account_ref,) in accounts
    ]
    file.touch(mode=0o600)
    file.write_text("\n".join(tokens) + "\n")
    try:
        yield
    finally:
        file.unlink()
        with database.transaction("registrar") as tx:
            end_exercise(tx, client_ref)


def mint_token(
    home: Home,
    bearer: Bearer,
    *,
    client_id: str = "bench",
    binding: Binding = BY_CERTIFICATE,
    ahead_s: int = 0,
    **more: Any,
) -> str:
    """Sign a token for an hour, which a running installation never does: ten minutes there.

    It begins so many seconds ahead of this machine's clock.
    """
    return sign_access_token(
        home.key("token"),
        issuer=PUBLIC_URL,
        client_id=client_id,
        bearer=bearer,
        binding=binding,
        now_s=int(time.time()) + ahead_s,
        lifetime_s=3600,
        token_id=secrets.token_urlsafe(16),
        **more,
    )


def _sample_members(data_set: Path, dice: random.Random, about: int) -> Iterator[dict[str, str]]:
    feeds = sorted((data_set / "feeds").glob("*.csv"))
    total = sum(feed.stat().st_size for feed in feeds)
    for feed in feeds:
        wanted = max(1, about * feed.stat().st_size // total)
        # Some feeds are UTF-8, some Latin-1: the columns read here are ASCII in both.
        with feed.open(encoding="latin-1", newline="") as lines:
            header = lines.readline().removeprefix(BOM_READ_AS_LATIN_1).strip()
            delimiter = header[len("amc_number")]
            first = lines.tell()
            rows = sum(1 for _ in lines)
            lines.seek(first)
            chosen = set(dice.sample(range(rows), min(wanted, rows)))
            # What is invented has one row a line.
            picked = (line for number, line in enumerate(lines) if number in chosen)
            yield from csv.DictReader(picked, header.split(delimiter), delimiter=delimiter)


def _make_body(
    member: dict[str, str], today: str, dice: random.Random, strangers: float
) -> dict[str, Any]:
    identifiers: dict[str, Any] = {"mode": "card", "card_code": member["card_code"]}
    if not member["card_code"] or dice.random() >= WITH_CARD:
        identifiers = {
            "mode": "typed",
            "amc_number": member["amc_number"],
            "insured_nir": member["insured_nir"],
            "birth_date": member["birth_date"],
            "birth_rank": int(member["birth_rank"]),
        }
        if dice.random() < strangers:
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
