"""Whatever table names a person is taken out by retention, or says here what else empties it."""

import re
from pathlib import Path

import rempart.storage

SCHEMAS = Path(rempart.storage.__file__).parent / "schema"
TABLE = re.compile(r"CREATE TABLE ([a-z_]+\.[a-z_]+) \((.*?)^\);", re.DOTALL | re.MULTILINE)
NAMES = re.compile(r"^\s+(person_refs?|holder_ref)\s", re.MULTILINE)
ELSEWHERE = {
    "identity.pending_person": "of a feed being loaded: gone when it is published or discarded",
    "identity.seen_in_feed": "the same",
    "rights.waiting_line": "the same",
    "rights.contract_person": "made again each night from present members (job index_contracts)",
    "rights.card_work": "of a run of cards: gone when it is done",
    "rights.own_copy": "gone after a week (job forget_members_words)",
    "ledger.entry": "leaves with its segment after three years, or by an erasure of two people",
    "incidents.exposed_person": "the answer of an incident: evidence, by reference only",
    "incidents.exposure_change": "the same",
    "incidents.packaged_person": "the same: what an insurer was sent",
    "guard.canary": "nobody: a planted reference",
    "notices.message": "what somebody was told: kept with its campaign, by reference only",
    "notices.opened": "the same",
    "incidents.person_question": "whom it was about leaves the row when it is answered (0038)",
    "accounts.inquiry": "who was asked about, by reference: kept with the inquiry",
    "employers.staff": "by a trigger on identity.person (0032), whatever erases; the stay later",
    "retention.life": "retention's own: gone with the last field (forget_lives)",
    "retention.event": "the same",
    "retention.data_hold": "what held back, by reference: evidence of the hold",
    "retention.item": "lines of a run: gone when it is done",
    "retention.gone": "evidence that somebody left: a random reference, and keyed digests",
    "retention.request": "what somebody asked and was answered: evidence of the answer",
}


def list_tables() -> set[str]:
    """Return every table of the schema that has a column naming a person."""
    text = "\n".join(file.read_text("utf-8") for file in sorted(SCHEMAS.glob("*.sql")))
    return {name for name, body in TABLE.findall(text) if NAMES.search(body)}


def list_taken() -> set[str]:
    """Return every table that the two doors delete from."""
    text = (SCHEMAS / "0034_leaving.sql").read_text("utf-8")
    return set(re.findall(r"(?:DELETE FROM|UPDATE) ([a-z_]+\.[a-z_]+) AS", text))


def test_every_table_that_names_a_person_is_emptied_in_time():
    forgotten = list_tables() - list_taken() - set(ELSEWHERE)
    assert not forgotten, (
        f"{sorted(forgotten)} name persons: take them out in retention.take_out (0034), or say what"
        " else empties them"
    )


def test_what_is_said_to_be_emptied_elsewhere_exists():
    assert set(ELSEWHERE) <= list_tables()


def test_mutation_a_door_that_forgets_a_table_is_named():
    assert {"identity.person", "rights.coverage", "claims.claim"} <= list_tables() & list_taken()
    one_less = list_taken() - {"identity.person_key"}
    assert list_tables() - one_less - set(ELSEWHERE) == {"identity.person_key"}
