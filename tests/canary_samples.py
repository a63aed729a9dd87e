"""A small insurer with families in several places, and canaries among its members."""

from datetime import date
from pathlib import Path
from random import Random
from typing import Any

from tests.feed_samples import INSURER, TODAY, Row, make_row, make_secrets, register, write_feed
from tests.feed_samples import publish as publish_feed

from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.guard.plant_canaries import (
    Planted,
    PlantRequest,
    Refreshed,
    plant_canaries,
    refresh_canaries,
)

PLACES = (("75011", "Paris"), ("69003", "Lyon"), ("29200", "Brest"), ("31000", "Toulouse"))
NAMES = ("MARTIN", "BERNARD", "PETIT", "ROBERT", "RICHARD", "LEROY", "MOREAU", "SIMON")
FIRST_NAMES = ("Camille", "Dominique", "Claude", "Maxence", "Alix", "Sacha", "Noa", "Lou")


def make_population(*, until: str = "2026-12-31") -> list[Row]:
    """Forty households: twenty of one, twenty of three."""
    rows: list[Row] = []
    for serial in range(1, 41):
        postcode, city = PLACES[serial % 4]
        shared = {
            "family_name": NAMES[serial % 8],
            "postcode": postcode,
            "city": city,
            "address": f"{serial} rue des Lilas",
            "period_start": "2024-01-01",
            "period_end": until,
            "terms": f"PHAR=R{100 + serial % 3 * 10}@IS|OPTI=F20000",
        }
        year = 1950 + serial
        adult = {"first_names": FIRST_NAMES[serial % 8], "birth_date": f"{year}0502"}
        rows.append(make_row(serial, **shared, **adult))
        if serial % 2:
            for rank in ("1", "2"):
                child = {"birth_date": "20150303", "birth_rank": rank, "quality": "3"}
                given = {"first_names": FIRST_NAMES[int(rank)], "card_code": ""}
                rows.append(make_row(serial, **shared, **child, **given))
    return rows


def publish_population(
    database: Database, home: Home, folder: Path, rows: list[Row], **changes: Any
) -> Any:
    """Publish a full feed of them; another file each time."""
    register(database)
    name = f"full-{len(list(folder.iterdir()))}.csv"
    return publish_feed(database, home, write_feed(folder / name, rows), **changes)


def plant(database: Database, home: Home, count: int = 6, **changes: Any) -> Planted:
    """Plant canaries among the sample insurer's members."""
    with database.transaction("feeds") as tx:
        return plant_canaries(tx, make_secrets(home), make_request(count=count, **changes))


def refresh(database: Database, home: Home, **changes: Any) -> Refreshed:
    """Let them live."""
    with database.transaction("feeds") as tx:
        return refresh_canaries(tx, make_secrets(home), make_request(**changes))


def make_request(*, seed: int = 1, today: date = TODAY, **changes: Any) -> PlantRequest:
    """A request with chance that comes back."""
    facts = {"insurer_id": INSURER, "today": today, "chance": Random(seed)}
    return PlantRequest(**facts | changes)


def list_planted(database: Database) -> set[int]:
    """References of the canaries."""
    with database.transaction("owner") as tx:
        found = tx.execute("SELECT DISTINCT person_ref FROM guard.canary").fetchall()
    return {ref for (ref,) in found}


def list_visible(database: Database) -> set[int]:
    """References of everybody the gateway can find."""
    with database.transaction("owner") as tx:
        found = tx.execute(
            "SELECT DISTINCT sheet.person_ref FROM rights.coverage AS sheet"
            " JOIN rights.insurer USING (insurer_id) JOIN rights.lookup USING (person_ref)"
            " WHERE opened_in <= published_version AND closed_in > published_version"
        ).fetchall()
    return {ref for (ref,) in found}
