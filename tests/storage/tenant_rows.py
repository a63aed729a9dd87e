"""Rows of two tenants of each kind, in every table that has row policies."""

import secrets

from psycopg.types.json import Jsonb
from tests.storage.card_rows import plant_cards
from tests.storage.continuity_rows import plant_continuity, plant_presence
from tests.storage.tenant_authorities import plant_authorities
from tests.storage.tenant_claims import plant_claims
from tests.storage.tenant_concerned import plant_incident_pages
from tests.storage.tenant_employers import plant_employers
from tests.storage.tenant_exposure import plant_exposure, plant_incidents
from tests.storage.tenant_guard import plant_guard
from tests.storage.tenant_holds import plant_holds
from tests.storage.tenant_inquiries import plant_inquiries
from tests.storage.tenant_insurer import plant_insurer_space
from tests.storage.tenant_members import plant_member_space
from tests.storage.tenant_notices import plant_campaigns
from tests.storage.tenant_packages import plant_packages
from tests.storage.tenant_retention import plant_retention
from tests.storage.tenant_rooms import plant_room
from tests.storage.tenant_settlement import plant_settlement
from tests.storage.tenants import (
    ADMINISTERS,
    GONE,
    HOST,
    INSURER_OF,
    ROLES,
    SECURES,
    World,
    draw,
    members_of,
    of,
    working_for,
)

from rempart.storage.connect import Database, Transaction


def plant_world(database: Database) -> World:
    """Plant two tenants of each kind, the host and a hosted operator."""
    world = World(database)
    with database.transaction("owner") as tx:
        _plant_organisations(world, tx)
        _plant_people(world, tx)
        _plant_proofs(world, tx)
        _plant_software(world, tx)
        _plant_events(world, tx)
        _plant_bank_details(world, tx)
        _plant_ledger(world, tx)
        plant_incidents(world, tx)
        plant_exposure(world, tx)
        plant_inquiries(world, tx)
        plant_packages(world, tx)
        plant_incident_pages(world, tx)
        plant_campaigns(world, tx)
        plant_room(world, tx)
        plant_authorities(world, tx)
        plant_cards(world, tx)
        plant_continuity(world, tx)
        plant_guard(world, tx)
        plant_presence(world, tx)
        plant_claims(world, tx)
        plant_holds(world, tx)
        plant_settlement(world, tx)
        plant_member_space(world, tx)
        plant_insurer_space(world, tx)
        plant_employers(world, tx)
        plant_retention(world, tx)
    return world


def _plant_organisations(world: World, tx: Transaction) -> None:
    for number, letter in enumerate("AB", start=1):
        world.plant(
            tx,
            "rights.insurer",
            {"insurer_id": number},
            {
                "amc_number": f"900000000{number}",
                "name": world.name(f"insurer {letter}"),
                "agreement_from": "2020-01-01",
            },
            readers=HOST | working_for(letter) | members_of(letter),
        )
        place = world.establishments[letter] = draw()
        world.plant(
            tx,
            "accounts.establishment",
            {"establishment_ref": place},
            {
                "siret": f"9{number:013d}",
                "name": world.name(f"establishment {letter}"),
                "postcode": "75009",
                "city": "Paris",
            },
            readers=HOST | of(f"establishment {letter}"),
        )
    for name in ["host", *dict.fromkeys(place for _, place in ROLES.values() if place)]:
        if name in world.orgs:
            continue
        letter = name[-1]
        kind = "operator" if "host" in name else name.split()[0]
        readers = HOST | of(name)
        if kind == "insurer":
            readers |= working_for(letter) | members_of(letter)
        ref = world.orgs[name] = draw()
        world.plant(
            tx,
            "accounts.organisation",
            {"org_ref": ref},
            {
                "kind": kind,
                "name": world.name(name),
                "insurer_id": " AB".index(letter) if kind == "insurer" else None,
                "establishment_ref": world.establishments.get(letter)
                if kind == "establishment"
                else None,
                "hosted_by": world.orgs["host"] if name == "hosted operator" else None,
            },
            readers=readers,
            changers=SECURES,
        )
    _plant_chain(world, tx)


def _plant_chain(world: World, tx: Transaction) -> None:
    """Plant who hosts and operates for whom."""
    world.plant(
        tx,
        "accounts.mandate",
        {"mandate_ref": draw()},
        {
            "principal_ref": world.orgs["insurer A"],
            "agent_ref": world.orgs["hosted operator"],
            "kind": "operates",
            "starts_on": "2020-01-01",
        },
        readers=HOST | of("insurer A") | of("hosted operator"),
    )
    world.plant(
        tx,
        "accounts.mandate",
        {"mandate_ref": draw()},
        {
            "principal_ref": world.orgs["hosted operator"],
            "agent_ref": world.orgs["host"],
            "kind": "hosts",
            "starts_on": "2020-01-01",
        },
        readers=HOST | of("hosted operator"),
    )
    # The page of the chain tells each link of the next ones, by name: accounts.read_chain().
    for who in sorted(of("insurer A")):
        world.told.setdefault(who, []).extend([world.name("hosted operator"), world.name("host")])
    for who in sorted(of("hosted operator")):
        world.told.setdefault(who, []).append(world.name("host"))


def _plant_people(world: World, tx: Transaction) -> None:
    world.actors[GONE] = draw()
    world.plant(
        tx,
        "accounts.actor",
        {"actor_ref": world.actors[GONE]},
        {"kind": "agent", "display_name": world.name(GONE), "user_handle": secrets.token_bytes(32)},
        readers=HOST,
        changers=SECURES,
        adders=ADMINISTERS,
    )
    for name, (role, org) in ROLES.items():
        ref = world.actors[name] = draw()
        letter = INSURER_OF.get(name, "")
        colleagues = of(org) if org else frozenset({name}) | working_for(letter)
        bosses = ADMINISTERS & of(org) if org else frozenset()
        professional = role == "holder"
        world.plant(
            tx,
            "accounts.actor",
            {"actor_ref": ref},
            {
                "kind": "member" if not org else "professional" if professional else "agent",
                "display_name": world.name(name),
                "user_handle": secrets.token_bytes(32),
            },
            readers=HOST | colleagues,
            changers=SECURES | bosses | {name},
            adders=ADMINISTERS if org else frozenset(),
        )
        if professional:
            world.plant(
                tx,
                "accounts.professional",
                {"account_ref": ref},
                {
                    "rpps": f"99{ref % 10**9:09d}",
                    "profession": "pharmacist",
                    "display_name": world.name(name),
                    "establishment_ref": world.establishments[name[-1]],
                },
                readers=HOST | of(org or ""),
            )
        if org is None:
            person = world.persons[name] = draw()
            world.plant(
                tx,
                "accounts.member",
                {"actor_ref": ref},
                {"insurer_id": " AB".index(letter), "person_ref": person},
                readers=HOST | colleagues,
            )
            continue
        membership = world.memberships[name] = draw()
        world.plant(
            tx,
            "accounts.membership",
            {"membership_ref": membership},
            {
                "actor_ref": ref,
                "org_ref": world.orgs[org],
                "role": role,
                "accountable_ref": world.actors["holder A"] if role == "assistant" else None,
                "starts_on": "2020-01-01",
            },
            readers=HOST | of(org),
            changers=bosses,
            adders=bosses,
        )


def _plant_proofs(world: World, tx: Transaction) -> None:
    for name, (role, org) in ROLES.items():
        digest = world.digests[name] = secrets.token_bytes(32)
        mine = frozenset({name})
        for ended in (None, "2026-01-01"):
            world.plant(
                tx,
                "accounts.session",
                {"session_ref": draw()},
                {
                    "token_digest": digest if ended is None else secrets.token_bytes(32),
                    "actor_ref": world.actors[name],
                    "role": role,
                    "membership_ref": world.memberships.get(name),
                    "org_ref": world.orgs.get(org or ""),
                    "accountable_ref": world.actors["holder A"] if role == "assistant" else None,
                    "method": "passkey",
                    "address": "192.0.2.1",
                    "agent": world.name(f"browser of {name}"),
                    "idle_limit": "1 hour",
                    "expires_at": "2099-01-01",
                    "ended_at": ended,
                },
                readers=mine,
                changers=mine if ended is None else frozenset(),
            )
            world.plant(
                tx,
                "accounts.passkey",
                {"credential_id": secrets.token_bytes(32)},
                {
                    "actor_ref": world.actors[name],
                    "public_key": b"key",
                    "sign_count": 0,
                    "aaguid": "00000000-0000-0000-0000-000000000000",
                    "backed_up": False,
                    "label": world.name(f"key of {name}"),
                    "revoked_at": ended,
                },
                readers=mine,
                changers=mine if ended is None else frozenset(),
            )
        world.plant(
            tx,
            "accounts.provider_identity",
            {"provider": "psc", "subject": name},
            {"actor_ref": world.actors[name]},
            readers=frozenset(),
        )
        _plant_invitations(world, tx, name)


def _plant_invitations(world: World, tx: Transaction, name: str) -> None:
    role, org = ROLES[name]
    if role == "member":
        letter = INSURER_OF[name]
        inviters = of(f"insurer {letter}")
        askers = inviters & ADMINISTERS
        readers = HOST | working_for(letter) | {name}
        author = world.actors[f"insurer admin {letter}"]
    else:
        inviters = askers = ADMINISTERS & of(org or "")
        readers = HOST | of(org or "")
        author = world.actors[sorted(askers - {name} or askers)[0]]
    whom = {"actor_ref": world.actors[name], "org_ref": world.orgs.get(org or "")}
    for kind in ("enrolment", "recovery"):
        world.plant(
            tx,
            "accounts.invitation",
            {"invitation_ref": draw()},
            {
                **whom,
                "code_digest": secrets.token_bytes(32),
                "kind": kind,
                "invited_by": author,
                "expires_at": "2099-01-01",
            },
            readers=readers,
            changers=inviters | SECURES,
            adders=inviters | (SECURES if kind == "recovery" else frozenset()),
        )
    world.plant(
        tx,
        "accounts.recovery_request",
        {"request_ref": draw()},
        # Asked by somebody who decides on none: nobody may decide on what they asked themselves.
        {**whom, "asked_by": world.actors[GONE], "reason": world.name(f"key of {name} lost")},
        readers=readers,
        changers=askers | SECURES,
        adders=askers,
    )


def _plant_software(world: World, tx: Transaction) -> None:
    host = frozenset({"host admin", "host ops"})
    for letter in "AB":
        for place in (None, world.establishments[letter]):
            client = draw()
            publisher = f"publisher {letter}"
            admin = frozenset({f"publisher admin {letter}"})
            readers = HOST | of(publisher)
            readers |= of(f"establishment {letter}") if place else frozenset()
            world.plant(
                tx,
                "accounts.software",
                {"client_ref": client},
                {
                    "client_id": f"software-{client}",
                    "publisher_ref": world.orgs[publisher],
                    "label": world.name(f"software {letter}"),
                    "scopes": ["rights:check"],
                    "establishment_ref": place,
                    "created_by": world.actors[f"publisher admin {letter}"],
                },
                readers=readers,
                changers=HOST | admin,
                adders=host | (frozenset() if place else admin),
            )
            world.plant(
                tx,
                "accounts.software_key",
                {"client_ref": client, "kid": "one"},
                {"jwk": Jsonb({})},
                readers=readers,
                changers=HOST | of(publisher),
                adders=host | of(publisher),
            )


def _plant_events(world: World, tx: Transaction) -> None:
    for name, (_, org) in ROLES.items():
        event = draw()
        letter = INSURER_OF.get(name, "")
        known_to = HOST | (of(org) if org else working_for(letter) | {name})
        world.plant(
            tx,
            "accounts.security_event",
            {"event_ref": event},
            {
                "kind": "signed_in",
                "actor_ref": world.actors[name],
                "org_ref": world.orgs.get(org or ""),
            },
            readers=HOST | {name} | (ADMINISTERS & of(org) if org else frozenset()),
            adders=known_to,
        )
        world.plant(
            tx,
            "accounts.event_report",
            {"event_ref": event},
            {"actor_ref": world.actors[name], "words": world.name(f"{name}: not me")},
            readers=HOST | {name},
            changers=SECURES,
            adders=frozenset({name}),
        )


def _plant_bank_details(world: World, tx: Transaction) -> None:
    for letter in "AB":
        payees = frozenset({f"holder {letter}", f"manager {letter}"})
        world.plant(
            tx,
            "accounts.bank_details",
            {"change_ref": draw()},
            {
                "establishment_ref": world.establishments[letter],
                "sealed_iban": b"sealed",
                "last_digits": f"{letter}7{letter}9",
                "state": "proposed",
                "proposed_by": world.actors[f"holder {letter}"],
            },
            readers=HOST | payees,
            changers=SECURES | payees,
            adders=payees,
        )
        for owner in (f"establishment {letter}", f"holder {letter}"):
            person = owner in world.actors
            known_to = frozenset({owner}) if person else of(owner)
            known_to |= HOST
            contact = draw()
            event = draw()
            world.plant(
                tx,
                "accounts.contact",
                {"contact_ref": contact},
                {
                    "actor_ref": world.actors.get(owner),
                    "org_ref": world.orgs.get(owner),
                    "channel": "email",
                    "sealed": b"sealed",
                },
                readers=known_to,
            )
            world.plant(
                tx,
                "accounts.security_event",
                {"event_ref": event},
                {
                    "kind": "bank_details_proposed",
                    "actor_ref": world.actors.get(owner),
                    "by_ref": None,
                    "org_ref": world.orgs.get(owner),
                },
                readers=HOST | ({owner} if person else ADMINISTERS & of(owner)),
                adders=HOST | of(f"establishment {letter}"),
            )
            world.plant(
                tx,
                "accounts.warning",
                {"warning_ref": draw()},
                {"contact_ref": contact, "event_ref": event},
                readers=known_to,
            )


def _plant_ledger(world: World, tx: Transaction) -> None:
    tx.execute("SELECT ledger.ensure_segment(1::smallint, 0)")
    entries = [
        # An answer about somebody (1), about nobody (2), a coming in (9), a read of the ledger (4).
        (1, "holder A", "member A"),
        (1, "holder A", "member B"),
        (1, "holder B", "member A2"),
        (1, "holder B", "member B"),
        (2, "holder A", None),
        (2, "holder B", None),
        (9, "holder A", None),
        (4, None, "member A"),
    ]
    for index, (kind, holder, member) in enumerate(entries):
        insurer = INSURER_OF.get(member or "", "")
        readers = HOST | (frozenset({holder}) if holder else frozenset())
        if member:
            readers |= working_for(insurer) | {member}
        if kind == 1 and member and holder:
            # Whoever was consulted about is told by which organisation.
            world.told.setdefault(member, []).append(world.name(f"establishment {holder[-1]}"))
        world.plant(
            tx,
            "ledger.entry",
            {"log_id": 1, "idx": index},
            {
                **dict.fromkeys(("t_ms", "session_ref", "acct_seq", "ins_seq", "purpose"), 1),
                **dict.fromkeys(("mode", "domain", "care_day", "outcome", "fields"), 1),
                **dict.fromkeys(("schema_version", "data_version"), 1),
                "kind": kind,
                "salt": bytes(16),
                "account_ref": world.actors[holder] if holder else 0,
                "person_ref": world.persons[member] if member else 0,
                "insurer_id": " AB".index(insurer) if insurer else 0,
                "lookup_key": secrets.token_hex(16),
                "request_id": secrets.token_hex(16),
            },
            readers=readers,
        )
    for name in ("holder A", "holder B"):
        world.plant(
            tx,
            "ledger.session",
            {"session_ref": draw()},
            {
                "account_ref": world.actors[name],
                **dict.fromkeys(("client_ref", "opened_ms"), 1),
                "method": "psc+dpop",
                "address": "192.0.2.1",
                "agent": world.name(f"software of {name}"),
            },
            readers=HOST | {name},
        )
