"""Rows of campaigns: contact data, what each insurer tells its persons, how far it is."""

from dataclasses import replace

from psycopg.types.json import Jsonb
from tests.notice_samples import INCIDENT, SENDER
from tests.storage.tenants import GONE, World, draw

from rempart.notices.facts_json import describe_facts
from rempart.storage.connect import Transaction

# What a job is given has eighteen digits at most.
_JOB_BITS = 59


def plant_campaigns(world: World, tx: Transaction) -> None:
    """Plant a campaign of each insurer about the package it was sent."""
    sent = [row for row in world.of_table("incidents.package") if row.values["number"] == 1]
    for package in sent:
        insurer_id = package.values["insurer_id"]
        letter, member = ("A", "member A") if insurer_id == 1 else ("B", "member B")
        whose = {"insurer_id": insurer_id}
        _plant_contacts(world, tx, letter, whose, world.persons[member])
        campaign_ref = draw() % 2**_JOB_BITS
        mine = frozenset({f"insurer admin {letter}"})
        sender = replace(SENDER, name=world.name(f"campaign {letter}"))
        world.plant(
            tx,
            "notices.campaign",
            {"campaign_ref": campaign_ref},
            {
                **whose,
                "incident_id": package.values["incident_id"],
                "package_ref": package.key["package_ref"],
                "exercise": package.values["exercise"],
                "number": 1,
                "kind": "notice",
                "facts": Jsonb(describe_facts(replace(INCIDENT, sender=sender))),
                "made_by": world.actors[GONE],
            },
            readers=mine,
            changers=mine,
            adders=mine,
        )
        _plant_messages(world, tx, campaign_ref, letter, whose, world.persons[member])
    _plant_to_professionals(world, tx)


def _plant_to_professionals(world: World, tx: Transaction) -> None:
    """Plant a campaign of the operator: no insurer, no hosted operator, not even its security."""
    [incident, *_] = world.of_table("incidents.analysis")
    campaign_ref = draw() % 2**_JOB_BITS
    mine, whose = frozenset({"host admin"}), {"insurer_id": 0}
    world.plant(
        tx,
        "notices.contact_key",
        whose,
        {"wrapped_key": world.name("key").encode()},
        readers=frozenset(),
    )
    sender = replace(SENDER, name=world.name("campaign to professionals"))
    world.plant(
        tx,
        "notices.campaign",
        {"campaign_ref": campaign_ref},
        {
            **whose,
            "incident_id": incident.key["incident_id"],
            "analysis": incident.key["number"],
            "exercise": False,
            "number": 1,
            "kind": "professional",
            "facts": Jsonb(describe_facts(replace(INCIDENT, sender=sender))),
            "made_by": world.actors[GONE],
        },
        readers=mine,
        changers=mine,
        adders=mine,
    )
    world.plant(
        tx,
        "notices.message",
        {"number": draw() % 2**40},
        {
            **whose,
            "campaign_ref": campaign_ref,
            "person_ref": draw(),
            "kind": "professional",
            "relation": "professional",
            "certainty": "A",
            "fields": 1 << 30,
            "language": "fr",
            "channel": "letter",
            "state": "held",
            "reason": "no_contact",
        },
        readers=mine,
        changers=mine,
    )


def _plant_contacts(
    world: World, tx: Transaction, letter: str, whose: dict[str, int], person_ref: int
) -> None:
    mine, nobody = frozenset({f"insurer admin {letter}"}), frozenset()
    world.plant(
        tx,
        "notices.contact_key",
        whose,
        {"wrapped_key": world.name("key").encode()},
        readers=nobody,
    )
    file_ref = draw() % 2**_JOB_BITS
    world.plant(
        tx,
        "notices.contact_file",
        {"file_ref": file_ref},
        {
            **whose,
            "sealed": world.name(f"contacts {letter}").encode(),
            "uploaded_by": world.actors[GONE],
        },
        readers=mine,
        adders=mine,
    )
    world.plant(
        tx,
        "notices.contact",
        {**whose, "person_ref": person_ref},
        {"file_ref": file_ref, "sealed": world.name(f"contact {letter}").encode()},
        readers=nobody,
    )


def _plant_messages(
    world: World,
    tx: Transaction,
    campaign_ref: int,
    letter: str,
    whose: dict[str, int],
    person_ref: int,
) -> None:
    mine = frozenset({f"insurer admin {letter}"})
    world.plant(
        tx,
        "notices.letter_batch",
        {"batch_ref": draw()},
        {
            **whose,
            "campaign_ref": campaign_ref,
            "number": 1,
            "letters": 1,
            "pages": 2,
            "digest": draw().to_bytes(32),
            "state": "downloaded",
            "written_at": "2026-01-01",
            "sealed_for": draw().to_bytes(32),
            "downloaded_by": world.actors[GONE],
            "downloaded_at": "2026-01-02",
        },
        readers=mine,
        changers=mine,
    )
    number = draw() % 2**40
    world.plant(
        tx,
        "notices.message",
        {"number": number},
        {
            **whose,
            "campaign_ref": campaign_ref,
            "person_ref": person_ref,
            "kind": "notice",
            "relation": "member",
            "certainty": "A",
            "fields": 1,
            "language": "fr",
            "channel": "letter",
            "state": "held",
            "reason": "no_contact",
        },
        readers=mine,
        changers=mine,
    )
    world.plant(
        tx,
        "notices.attempt",
        {"attempt_ref": draw()},
        {"number": number, "channel": "letter", "outcome": "returned"},
        readers=mine,
    )
