"""Rows of the host operator alone: an inquiry by name, a display held back, an erasure."""

from datetime import UTC, datetime, timedelta

from tests.storage.tenants import GONE, World, draw

from rempart.storage.connect import Transaction


def plant_inquiries(world: World, tx: Transaction) -> None:
    """Plant one of each, asked by somebody who is gone."""
    inquirers = frozenset({"host admin", "host security"})
    # Asked by somebody who decides on none: nobody approves what they asked themselves.
    asked_by = world.actors[GONE]
    world.plant(
        tx,
        "accounts.inquiry",
        {"inquiry_ref": draw()},
        {
            "insurer_id": 1,
            "person_refs": [world.persons["member A"]],
            "purpose": "complaint",
            "reason": world.name("inquiry about a member of A"),
            "asked_by": asked_by,
        },
        readers=inquirers,
        changers=inquirers,
    )
    world.plant(
        tx,
        "accounts.display_hold",
        {"hold_ref": draw()},
        {
            "authority": world.name("court"),
            "reference": world.name("warrant"),
            "account_refs": [world.actors["holder A"]],
            "from_ms": 0,
            "to_ms": 1,
            "ends_at": datetime.now(UTC) + timedelta(days=30),
            "asked_by": asked_by,
        },
        readers=inquirers,
        changers=inquirers,
        adders=inquirers,
    )
    # The operator's data protection officer decides too; nobody of that role is planted.
    erasers = frozenset({"host admin"})
    world.plant(
        tx,
        "accounts.erasure_request",
        {"request_ref": draw()},
        {
            "log_id": 1,
            "indexes": [0],
            "ground": "court",
            "case_number": world.name("case"),
            "asked_by": asked_by,
        },
        readers=erasers,
        changers=erasers,
        adders=erasers,
    )
