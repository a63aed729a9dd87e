"""Rows of what is said to everybody about incidents: A's page is published, B's is not yet."""

from dataclasses import replace

from psycopg.types.json import Jsonb
from tests.concerned_samples import PAGE
from tests.storage.tenants import EVERYBODY, GONE, World, draw

from rempart.notices.incident_page import describe_page
from rempart.storage.connect import Transaction


def plant_incident_pages(world: World, tx: Transaction) -> None:
    """Plant a page for each insurer, with a draft, and the lists that answer cards."""
    incidents = world.of_table("incidents.incident")
    for number, (letter, incident) in enumerate(zip("AB", incidents, strict=True), start=1):
        insurer = frozenset({f"insurer admin {letter}"})
        readers = EVERYBODY if letter == "A" else insurer
        page_ref = draw()
        world.plant(
            tx,
            "notices.incident_page",
            {"page_ref": page_ref},
            {
                "insurer_id": number,
                "incident_id": incident.key["incident_id"],
                "amc_number": f"900000000{number}",
                "number": 1,
                "exercise": incident.values["exercise"],
                "made_by": world.actors[GONE],
            },
            readers=readers,
            changers=insurer,
            adders=insurer,
        )
        if letter == "A":
            _plant_version(world, tx, page_ref, number, letter, version=1, readers=EVERYBODY)
            tx.execute(
                "UPDATE notices.page_version SET published_by = 1, digest = sha256('')"
                " WHERE page_ref = %s",
                (page_ref,),
            )
        _plant_version(
            world, tx, page_ref, number, letter, version=2 if letter == "A" else 1, readers=insurer
        )
        _plant_list(world, tx, page_ref, readers=EVERYBODY if letter == "A" else frozenset())


def _plant_version(
    world: World,
    tx: Transaction,
    page_ref: int,
    insurer_id: int,
    letter: str,
    *,
    version: int,
    readers: frozenset[str],
) -> None:
    insurer = frozenset({f"insurer admin {letter}"})
    page = replace(PAGE, change_fr=world.name(f"change {letter}"), change_en="x")
    world.plant(
        tx,
        "notices.page_version",
        {"page_ref": page_ref, "number": version},
        {
            "insurer_id": insurer_id,
            "said": Jsonb(describe_page(page)),
            "written_by": world.actors[GONE],
        },
        readers=readers,
        changers=insurer if readers == insurer else frozenset(),
        adders=insurer,
    )


def _plant_list(world: World, tx: Transaction, page_ref: int, *, readers: frozenset[str]) -> None:
    list_ref = draw()
    world.plant(
        tx,
        "notices.self_check",
        {"list_ref": list_ref},
        {"page_ref": page_ref, "basis": bytes(32), "salt": bytes(16), "bits": 0},
        readers=readers,
    )
    world.plant(
        tx,
        "notices.self_check_bucket",
        {"list_ref": list_ref, "prefix": 0},
        {"entries": bytes(64)},
        readers=readers,
    )
