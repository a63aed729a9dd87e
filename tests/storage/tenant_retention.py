"""Rows of retention: schedules and runs of the host, holds and requests of insurers' members."""

import hashlib

from tests.storage.tenants import GONE, World, draw

from rempart.storage.connect import Transaction

# Those of the host who decide what leaves; those of an insurer who answer for its members.
DECIDES = frozenset({"host admin"})
HOST = frozenset({"host admin", "host ops", "host security"})
NOBODY: frozenset[str] = frozenset()


def plant_retention(world: World, tx: Transaction) -> None:
    """Plant a schedule, a run, and of each insurer's member a life, a hold and a request."""
    content = world.name("schedule")
    world.plant(
        tx,
        "retention.schedule",
        {"schedule_ref": draw()},
        {
            "content": content,
            "digest": hashlib.sha256(content.encode()).digest(),
            "note": world.name("why"),
            "proposed_by": world.actors[GONE],
        },
        readers=DECIDES,
        changers=DECIDES,
        adders=DECIDES,
    )
    run_id = draw() % 2**30 + 100
    world.plant(
        tx,
        "retention.run",
        {"run_id": run_id},
        {"origin": "due", "day": "2026-11-22", "schedule": bytes(32), "state": "planned"},
        readers=DECIDES,
        changers=DECIDES,
    )
    # What was erased: for the machine, not for pages.
    world.plant(
        tx,
        "retention.purge",
        {"number": draw() % 2**30 + 100},
        {
            "kind": "fields",
            "body": "{}",
            "said_ms": 1,
            "previous": bytes(32),
            "digest": bytes(32),
        },
        readers=NOBODY,
    )
    # What is known of backups: the host's agents, all of them.
    world.plant(
        tx,
        "retention.backup",
        {"backup": world.name("backup")},
        {
            "made_at": "2026-11-22T02:00:00Z",
            "bytes": 1,
            "program": "1",
            "purge": 0,
            "kept_until": "2026-12-27",
        },
        readers=HOST,
    )
    world.plant(
        tx,
        "retention.restoration",
        {"number": draw() % 2**30},
        {
            "backup": world.name("restored"),
            "certificate": world.name("a note of what was erased again"),
            "made_at": "2026-11-22T09:00:00Z",
            "purges_from": 0,
            "purges_to": 0,
            "report": "{}",
        },
        readers=HOST,
    )
    for insurer_id, letter in ((1, "A"), (2, "B")):
        _plant_member(world, tx, run_id, insurer_id, letter)


def _plant_member(world: World, tx: Transaction, run_id: int, insurer_id: int, letter: str) -> None:
    member, answers = f"member {letter}", frozenset({f"insurer admin {letter}"})
    person_ref = world.persons[member]
    whose = {"insurer_id": insurer_id, "person_ref": person_ref}
    line = {"field": "contact", "step": "delete", "rule": "limitation"}
    world.plant(tx, "retention.life", {"person_ref": person_ref}, whose, readers=NOBODY)
    world.plant(
        tx,
        "retention.tally",
        {"run_id": run_id, "insurer_id": insurer_id, **line, "held_by": ""},
        {"planned": 1},
        readers=DECIDES | answers,
    )
    world.plant(
        tx,
        "retention.item",
        {"run_id": run_id, "number": insurer_id},
        {**whose, **line, "subject": person_ref, "state": "due"},
        readers=NOBODY,
    )
    world.plant(
        tx,
        "retention.gone",
        {"number": draw() % 2**30 + 100},
        {
            **whose,
            "run_id": run_id,
            "field": "contact",
            "subject": person_ref,
            "step": "delete",
            "day": "2026-11-22",
        },
        readers=NOBODY,
    )
    _plant_words(world, tx, member, whose, answers)
    world.plant(
        tx, "archive.key", {"insurer_id": insurer_id}, {"wrapped_key": b"sealed"}, readers=NOBODY
    )
    world.plant(
        tx,
        "archive.item",
        {"subject": person_ref, "field": "nir"},
        {**whose, "sealed": b"sealed", "archived_on": "2026-11-22"},
        readers=NOBODY,
    )


def _plant_words(
    world: World, tx: Transaction, member: str, whose: dict[str, int], answers: frozenset[str]
) -> None:
    """Plant what was told of a member, what holds their data, and what they ask."""
    world.plant(
        tx,
        "retention.event",
        {"event_ref": draw() % 2**30 + 100},
        {
            **whose,
            "kind": "interruption",
            "starts_on": "2026-01-01",
            "reason": world.name(f"letter to {member}"),
            "told_by": world.actors[GONE],
        },
        readers=answers,
        adders=answers,
    )
    world.plant(
        tx,
        "retention.data_hold",
        {"hold_ref": draw()},
        {
            **whose,
            "kind": "judicial",
            "reason": world.name(f"hold of {member}"),
            "placed_by": world.actors[GONE],
        },
        readers=answers | DECIDES,
        changers=answers | DECIDES,
        adders=answers,
    )
    request_ref = draw()
    world.plant(
        tx,
        "retention.request",
        {"request_ref": request_ref},
        {
            **whose,
            "kind": "access",
            "details": world.name(f"words of {member}"),
            "made_by": world.actors[member],
            "received_on": "2026-11-20",
        },
        readers=answers | {member},
        changers=answers,
        adders=answers | {member},
    )
    world.plant(tx, "retention.held_erasure", {"request_ref": request_ref}, {}, readers=NOBODY)
