"""Rows of a room and of held evidence: for the host's agents, and an insurer's own receipts."""

from tests.storage.tenants import HOST, SECURES, World

from rempart.storage.connect import Transaction


def plant_room(world: World, tx: Transaction) -> None:
    """Plant a note of the room, and the hold of an incident."""
    incident_id = world.of_table("incidents.incident")[0].key["incident_id"]
    [(event_ref,)] = tx.execute(
        "SELECT COALESCE(max(event_ref), 0) + 1000 FROM incidents.room_event"
    ).fetchall()
    world.plant(
        tx,
        "incidents.room_event",
        {"event_ref": event_ref},
        {
            "incident_id": incident_id,
            "kind": "note",
            "happened_ms": 1,
            "author_ref": world.actors["host security"],
            "author": world.name("somebody of the room"),
        },
        readers=HOST,
        adders=SECURES,
    )
    world.plant(
        tx,
        "retention.hold",
        {"hold_ref": 1000},
        {
            "kind": "request",
            "from_ms": 0,
            "to_ms": 1,
            "reason": world.name("a request"),
            "placed_by": world.name("whoever placed it"),
            "placed_by_ref": world.actors["host security"],
        },
        readers=HOST,
        changers=SECURES,
        adders=SECURES,
    )
