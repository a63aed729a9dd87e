"""What is stored decides: published versions, agreements, guarantees; the entry says which."""

from datetime import date, timedelta

from tests.api.reading import PATH, StoredEntry, read_entries, read_entry
from tests.api.world import (
    ACCOUNT_REF,
    COVERED,
    ENDED,
    INSURER_ID,
    PENDING,
    STRANGER,
    TODAY,
    VERSION,
    card_body,
    typed_body,
)

from rempart.disclosure.entry import Kind, Mode, Outcome, Purpose
from rempart.tariffs.domains import DOMAINS


def test_rights_are_not_open_outside_the_insurers_agreement(gateway, world):
    with world.database.transaction("feeds") as tx:
        tx.execute("UPDATE rights.insurer SET agreement_to = %s", (TODAY - timedelta(days=1),))
    before = typed_body(COVERED, care_date=(TODAY - timedelta(days=1)).isoformat())
    assert gateway.post(PATH, json=before).json()["answer"]["rights"] == "open"
    assert gateway.post(PATH, json=typed_body(COVERED)).json()["answer"]["rights"] == "closed"


def test_only_the_published_version_of_a_sheet_is_seen(gateway, world):
    with world.database.transaction("feeds") as tx:
        tx.execute("UPDATE rights.insurer SET published_version = %s", (VERSION + 1,))
    reply = gateway.post(PATH, json=typed_body(PENDING))
    assert reply.json()["answer"]["rights"] == "open"
    assert read_entry(world.database, reply).data_version == VERSION + 1


def test_every_answer_is_in_the_ledger_when_it_arrives(gateway, world):
    for count, person in enumerate((COVERED, ENDED, STRANGER), start=1):
        reply = gateway.post(PATH, json=typed_body(person))
        assert len(read_entries(world.database)) == 1 + count  # and one for the session
        assert reply.json()["receipt"]["index"] == count


def test_terms_that_are_not_understood_open_nothing(gateway, world, caplog):
    with world.database.transaction("feeds") as tx:
        tx.execute('UPDATE rights.terms SET domains = \'{"PHAR": {"kind": "magic"}}\'')
    typed = gateway.post(PATH, json=typed_body(COVERED))
    card = gateway.post(PATH, json=card_body(COVERED))
    assert typed.json()["answer"]["reason"] == "not_open"
    assert (card.status_code, card.json()["code"]) == (500, "inconsistent_record")
    assert [r.message for r in caplog.records if r.name == "rempart.rights"] == [
        f"a sheet of feed version {VERSION} contradicts itself"
    ] * 2


def test_the_entry_says_who_was_shown_what_about_whom(gateway, world):
    reply = gateway.post(PATH, json=typed_body(COVERED, purpose="quote"))
    entry = read_entry(world.database, reply)
    assert entry._replace(session_ref=0, fields=0) == StoredEntry(
        idx=1,
        kind=Kind.DISCLOSE,
        account_ref=ACCOUNT_REF,
        session_ref=0,
        person_ref=COVERED.person_ref,
        insurer_id=INSURER_ID,
        purpose=Purpose.QUOTE,
        mode=Mode.TYPED,
        domain=DOMAINS["PHAR"].number,
        care_day=(TODAY - date(1970, 1, 1)).days,
        outcome=Outcome.OPEN,
        fields=0,
        data_version=VERSION,
    )
