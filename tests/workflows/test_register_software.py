"""Software registered, given keys and revoked: what is written, and who may."""

import secrets
from collections.abc import Callable
from datetime import timedelta

import pytest
from psycopg.errors import InsufficientPrivilege
from tests.portals import people

from rempart.accounts.registration import PublicJwk, Registration, read_jwk
from rempart.accounts.roles import Role
from rempart.client import SigningKey
from rempart.kernel.errors import Conflict, NotAllowed, NotFound
from rempart.kernel.listing import Listing
from rempart.storage.connect import Database, Transaction
from rempart.workflows.accounts.register_software import (
    Author,
    add_software_key,
    end_software_key,
    find_software,
    list_keys,
    list_software,
    register_portals,
    register_software,
    revoke_software,
)
from rempart.workflows.accounts.web_session import (
    Recognised,
    Whence,
    enter_session,
    open_web_session,
)

WHENCE = Whence(address="192.0.2.10", agent="Firefox on a test bench")


def draw_key() -> PublicJwk:
    return read_jwk(SigningKey.generate().public_jwk)


def make(publisher_ref: int, **changes) -> Registration:
    facts = {"client_id": "officine-plus", "label": "Officine Plus", "key": draw_key()}
    return Registration(**{**facts, "publisher_ref": publisher_ref, **changes})


@pytest.fixture
def publisher(database: Database) -> people.Organisation:
    return people.make_organisation(database, "publisher", name="Éditions Officine")


@pytest.fixture
def registrar(database: Database):
    with database.transaction("registrar") as tx:
        yield tx


Enter = Callable[[Transaction], Author]


def sign_in(database: Database, org: people.Organisation, role: Role) -> Enter:
    """Open a session of an agent; return what makes a transaction of the pages theirs."""
    who = people.make_agent(database, org, role)
    digest = secrets.token_bytes(32)
    with database.transaction("signin") as tx:
        recognised = Recognised(
            actor_ref=who.actor_ref,
            role=role,
            org_ref=org.org_ref,
            membership_ref=who.membership_ref,
            accountable_ref=None,
            method="passkey",
        )
        open_web_session(tx, recognised, token_digest=digest, whence=WHENCE)

    def enter(tx: Transaction) -> Author:
        visitor = enter_session(tx, digest)
        assert visitor is not None
        return Author(visitor, WHENCE)

    return enter


def read_events(tx: Transaction) -> list[tuple]:
    return tx.execute(
        "SELECT kind, actor_ref, org_ref, details FROM accounts.security_event"
        " WHERE kind LIKE 'software%%' ORDER BY at"
    ).fetchall()


def list_live(tx: Transaction, client_ref: int) -> set[str]:
    return {key.kid for key in list_keys(tx, client_ref) if key.is_live}


def test_each_act_is_written_with_its_event(registrar, publisher):
    first, second = make(publisher.org_ref), draw_key()
    client_ref = register_software(registrar, first)
    add_software_key(registrar, client_ref, second)
    end_software_key(registrar, client_ref, first.key.kid)
    revoke_software(registrar, client_ref)
    revoke_software(registrar, client_ref)
    assert list_live(registrar, client_ref) == {second.kid}
    name = {"software": "officine-plus"}
    assert read_events(registrar) == [
        ("software_registered", None, publisher.org_ref, {**name, "key": first.key.kid}),
        ("software_key_added", None, publisher.org_ref, {**name, "key": second.kid}),
        (
            "software_key_ended",
            None,
            publisher.org_ref,
            {**name, "key": first.key.kid, "delay_s": 0},
        ),
        ("software_revoked", None, publisher.org_ref, name),
    ]


def test_a_revocation_keeps_the_instant_of_the_first(registrar, publisher):
    client_ref = register_software(registrar, make(publisher.org_ref))
    revoke_software(registrar, client_ref)
    first = find_software(registrar, client_ref=client_ref).revoked_at
    revoke_software(registrar, client_ref)
    assert find_software(registrar, client_ref=client_ref).revoked_at == first is not None


def test_a_name_is_taken_once_even_by_a_software_that_is_revoked(registrar, publisher):
    revoke_software(registrar, register_software(registrar, make(publisher.org_ref)))
    with pytest.raises(Conflict, match="taken"):
        register_software(registrar, make(publisher.org_ref))


def test_a_key_that_ended_does_not_come_back(registrar, publisher):
    registration, second = make(publisher.org_ref), draw_key()
    client_ref = register_software(registrar, registration)
    add_software_key(registrar, client_ref, second)
    end_software_key(registrar, client_ref, registration.key.kid)
    with pytest.raises(Conflict, match="already"):
        add_software_key(registrar, client_ref, registration.key)


def test_a_planned_end_leaves_the_key_good_until_then(registrar, publisher):
    registration, second = make(publisher.org_ref), draw_key()
    client_ref = register_software(registrar, registration)
    add_software_key(registrar, client_ref, second)
    end_software_key(registrar, client_ref, registration.key.kid, delay=timedelta(hours=1))
    assert list_live(registrar, client_ref) == {registration.key.kid, second.kid}
    with pytest.raises(Conflict, match="last key"):
        end_software_key(registrar, client_ref, second.kid)
    end_software_key(registrar, client_ref, registration.key.kid)
    assert list_live(registrar, client_ref) == {second.kid}


def test_a_software_nobody_registered_is_not_found(registrar):
    with pytest.raises(NotFound):
        find_software(registrar, client_id="nobody")
    with pytest.raises(NotFound):
        revoke_software(registrar, 1)


def test_the_portals_follow_the_key_of_the_home(registrar):
    first, second = SigningKey.generate("EdDSA"), SigningKey.generate("EdDSA")
    for key in (first, first, second):
        register_portals(registrar, key.public_jwk)
    portals = find_software(registrar, client_id="portals")
    assert portals.publisher_ref is None
    assert list_live(registrar, portals.client_ref) == {second.thumbprint}
    kinds = [kind for kind, *_ in read_events(registrar)]
    assert kinds == ["software_key_added", "software_key_added", "software_key_ended"]


def test_the_portals_of_a_home_that_comes_back_are_known_again(registrar):
    first, second = SigningKey.generate("EdDSA"), SigningKey.generate("EdDSA")
    for key in (first, second, first):
        register_portals(registrar, key.public_jwk)
    portals = find_software(registrar, client_id="portals")
    assert list_live(registrar, portals.client_ref) == {first.thumbprint}
    kinds = sorted(kind for kind, *_ in read_events(registrar))
    assert kinds == ["software_key_added"] * 3 + ["software_key_ended"] * 2


def test_the_portals_own_software_is_not_changed_by_hand(registrar):
    register_portals(registrar, SigningKey.generate("EdDSA").public_jwk)
    portals = find_software(registrar, client_id="portals")
    with pytest.raises(Conflict, match="home"):
        revoke_software(registrar, portals.client_ref)
    with pytest.raises(Conflict, match="home"):
        add_software_key(registrar, portals.client_ref, draw_key())


def test_a_publisher_registers_and_sees_its_own_software(database, publisher):
    enter = sign_in(database, publisher, Role.PUBLISHER_ADMIN)
    with database.transaction("portals") as tx:
        author = enter(tx)
        client_ref = register_software(tx, make(publisher.org_ref), author=author)
        add_software_key(tx, client_ref, draw_key(), author=author)
        revoke_software(tx, client_ref, author=author)
        rows, _total = list_software(tx, Listing(sort="added", limit=10))
        assert [(row.client_id, row.live_keys) for row in rows] == [("officine-plus", 2)]
        events = read_events(tx)
    assert {actor_ref for _, actor_ref, *_ in events} == {author.visitor.actor_ref}


def test_a_publisher_neither_sees_nor_changes_the_software_of_another(database, publisher):
    with database.transaction("registrar") as tx:
        theirs = register_software(tx, make(publisher.org_ref))
    other = people.make_organisation(database, "publisher", name="Autre éditeur")
    enter = sign_in(database, other, Role.PUBLISHER_ADMIN)
    with database.transaction("portals") as tx:
        author = enter(tx)
        assert list_software(tx, Listing(sort="name", limit=10)) == ([], 0)
        for change in (
            lambda: revoke_software(tx, theirs, author=author),
            lambda: add_software_key(tx, theirs, draw_key(), author=author),
        ):
            with pytest.raises(NotFound):
                change()
        with pytest.raises(NotAllowed):
            register_software(tx, make(publisher.org_ref), author=author)


def test_mutation_without_the_check_the_database_refuses_to_register_for_another(
    database, publisher
):
    """The workflow without its rule: the row policy still says no."""
    other = people.make_organisation(database, "publisher", name="Autre éditeur")
    enter = sign_in(database, other, Role.PUBLISHER_ADMIN)
    with database.transaction("portals") as tx:
        enter(tx)
        with pytest.raises(InsufficientPrivilege, match="row-level security"):
            register_software(tx, make(publisher.org_ref))
        tx.rollback()


@pytest.mark.parametrize("sort", ["added", "name", "label", "publisher", "state"])
def test_the_list_is_sorted_both_ways_and_paged(registrar, publisher, sort):
    for n in range(3):
        name = f"logiciel-{n}"
        ref = register_software(registrar, make(publisher.org_ref, client_id=name, label=name))
        if n == 1:
            revoke_software(registrar, ref)

    def read(**options) -> list[str]:
        rows, _total = list_software(registrar, Listing(sort=sort, **{"limit": 10, **options}))
        return [row.client_id for row in rows]

    up, down = read(descending=False), read(descending=True)
    assert sorted(up) == sorted(down) == ["logiciel-0", "logiciel-1", "logiciel-2"]
    if sort in ("added", "name", "label"):
        assert up == sorted(up) == down[::-1]
    if sort == "state":
        assert up[-1] == down[0] == "logiciel-1"
    assert read(descending=True, limit=1, offset=1) == down[1:2]
