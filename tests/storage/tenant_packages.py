"""Rows of packages: what each insurer was sent, its certificates, receipts and own notes."""

import hashlib

from tests.storage.tenants import GONE, HOST, World, draw, of

from rempart.storage.connect import Transaction


def plant_packages(world: World, tx: Transaction) -> None:
    """Plant one of each for insurers A and B; A's tiers payant is run by the hosted operator."""
    incidents = world.of_table("incidents.incident")
    # One incident each: what leads to one insurer leads the other nowhere.
    for number, (letter, incident) in enumerate(zip("AB", incidents, strict=True), start=1):
        _plant(
            world,
            tx,
            incident.key["incident_id"],
            exercise=incident.values["exercise"],
            insurer_id=number,
            letter=letter,
        )


def _plant(
    world: World, tx: Transaction, incident_id: int, *, exercise: bool, insurer_id: int, letter: str
) -> None:
    insurer = frozenset({f"insurer admin {letter}"})
    relays = of("hosted operator") if letter == "A" else frozenset()
    key_ref = _plant_certificates(world, tx, insurer_id, letter, insurer | relays)
    for number, sent in ((1, True), (2, False)):
        _plant_package(
            world,
            tx,
            {
                "incident_id": incident_id,
                "insurer_id": insurer_id,
                "number": number,
                "exercise": exercise,
                "title": world.name(f"package {number} of {letter}"),
                "key_ref": key_ref,
            },
            sent=sent,
            receivers=insurer | relays,
        )
    world.plant(
        tx,
        "incidents.insurer_note",
        {"note_ref": draw()},
        {
            "incident_id": incident_id,
            "insurer_id": insurer_id,
            "kind": "task",
            "words": world.name(f"own note {letter}"),
            "author_ref": world.actors[GONE],
        },
        readers=insurer,
        changers=insurer,
        adders=insurer,
    )


def _plant_certificates(
    world: World, tx: Transaction, insurer_id: int, letter: str, receivers: frozenset[str]
) -> int:
    """Plant one that somebody gave, and one that two people agreed to: letters are sealed for it.

    Returns:
        The reference of the first.
    """
    insurer = frozenset({f"insurer admin {letter}"})
    given, agreed = draw(), draw()
    states = {
        given: {"proposed_by": world.actors[GONE]},
        agreed: {"state": "approved", "active_from": "2020-01-01"},
    }
    for key_ref, state in states.items():
        certificate = world.name(f"certificate {key_ref} {letter}").encode() * 5
        world.plant(
            tx,
            "incidents.sealing_key",
            {"key_ref": key_ref},
            {
                "insurer_id": insurer_id,
                "certificate": certificate,
                "fingerprint": hashlib.sha256(certificate).digest(),
                "subject": world.name(f"subject {key_ref} {letter}"),
                "starts_at": "2020-01-01",
                "ends_at": "2040-01-01",
                **state,
            },
            readers=HOST | receivers,
            changers=insurer,
            adders=insurer if key_ref == given else frozenset(),
        )
    return given


def _plant_package(
    world: World,
    tx: Transaction,
    values: dict[str, object],
    *,
    sent: bool,
    receivers: frozenset[str],
) -> None:
    package_ref = draw()
    world.plant(
        tx,
        "incidents.package",
        {"package_ref": package_ref},
        {
            **values,
            "basis": 0,
            "starts_ms": 0,
            "ends_ms": 1,
            "conclusion": "persons",
            "persons_a": 0,
            "persons_b": 0,
            "persons_c": 0,
            "digest": bytes(32),
            "state": "made",
        },
        readers=HOST | (receivers if sent else frozenset()),
        changers=frozenset({"host admin", "host security"}),
    )
    sealed = world.name(f"sealed {package_ref}").encode()
    world.plant(
        tx,
        "incidents.package_file",
        {"package_ref": package_ref, "position": 1},
        {"name": "manifeste.json.cms", "sealed": sealed, "digest": hashlib.sha256(sealed).digest()},
        readers=receivers if sent else frozenset(),
    )
    if not sent:
        return
    for step in ("state = 'asked', asked_by = 1", "state = 'sent', approved_by = 2"):
        tx.execute(f"UPDATE incidents.package SET {step} WHERE package_ref = %s", (package_ref,))  # type: ignore[arg-type]
    world.plant(
        tx,
        "incidents.package_receipt",
        {"package_ref": package_ref, "way": "acknowledged"},
        {
            "org_ref": world.orgs["host"],
            "insurer_id": values["insurer_id"],
            "level": "insurer",
            "by_name": world.name(f"receipt {package_ref}"),
        },
        readers=HOST | receivers,
    )
