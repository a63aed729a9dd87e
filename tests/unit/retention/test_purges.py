"""Records of purges: references only, numbered without a gap, each bound to the one before."""

from dataclasses import replace

import pytest

from rempart.retention import purges
from rempart.retention.purges import (
    FIRST_DIGEST,
    PurgeRecord,
    PurgeRefused,
    check_chain,
    decode_record,
    encode_record,
    format_body,
    make_rows_body,
    parse_body,
    read_rows_body,
)


def make_chain(count: int) -> list[PurgeRecord]:
    """Return records that follow each other."""
    chain: list[PurgeRecord] = []
    for number in range(1, count + 1):
        chain.append(
            PurgeRecord(
                number=number,
                kind="openings",
                body=format_body({"log": 1, "indexes": [number, number + 1]}),
                said_ms=1_800_000_000_000 + number,
                previous=chain[-1].digest if chain else FIRST_DIGEST,
            )
        )
    return chain


def test_a_record_is_read_as_it_was_written():
    for record in make_chain(3):
        assert decode_record(encode_record(record)) == record


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"null", b'{"version":2}', b"\xff"])
def test_what_is_no_record_is_refused(content: bytes):
    with pytest.raises(PurgeRefused):
        decode_record(content)


def test_the_chain_of_what_was_said_holds():
    chain = make_chain(5)
    check_chain(chain)
    check_chain(chain[2:], after=chain[1])
    check_chain(chain[2:])  # the first ones may have left the journal


def test_mutation_a_record_that_is_missing_or_another_is_named():
    chain = make_chain(5)
    with pytest.raises(PurgeRefused, match="purge 3 is missing"):
        check_chain([*chain[:2], *chain[3:]])
    other = replace(chain[2], body=format_body({"log": 1, "indexes": [9]}))
    with pytest.raises(PurgeRefused, match="purge 4 does not follow"):
        check_chain([*chain[:2], other, *chain[3:]])
    with pytest.raises(PurgeRefused, match="purge 1 does not follow"):
        check_chain([replace(chain[0], previous=bytes([1] * 32))])


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "segment"},
        {"body": format_body({"log": 1, "indexes": [1, 3]})},
        {"said_ms": 1},
        {"number": 2},
        {"previous": bytes([1] * 32)},
    ],
)
def test_the_digest_says_all_that_a_record_says(change: dict[str, object]):
    [record] = make_chain(1)
    assert replace(record, **change).digest != record.digest


@pytest.mark.parametrize(
    "body",
    [
        {"name": "Marie Curie"},
        {"nir": "2 69 05 49"},
        {"address": "12 rue des Lilas"},
        {"mail": "someone@example.org"},
        {"Names": 1},
        {"share": 0.5},
        {"refs": [1, ["Durand"]]},
        {"ground": "line\nbreak"},
        {"ground": "x" * 201},
    ],
)
def test_a_record_holds_references_and_words_and_nothing_about_anybody(body: dict[str, object]):
    with pytest.raises(PurgeRefused) as refusal:
        format_body(body)
    assert not any(str(value) in str(refusal.value) for value in body.values())


def test_references_words_days_and_digests_pass():
    body = {
        "day": "2026-11-23",
        "left": {"care": [[1, -5, 7]], "nir": []},
        "ground": "objection: D-2026-1",
        "root": "0" * 64,
        "again": True,
        "limit": None,
    }
    assert parse_body(format_body(body)) == body


def test_a_body_is_written_in_one_way():
    with pytest.raises(PurgeRefused, match="canonical"):
        PurgeRecord(number=1, kind="rows", body='{"b": 1}', said_ms=0, previous=FIRST_DIGEST)


def test_rows_are_named_by_the_keys_of_tables_that_may_be(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(purges, "ROW_TABLES", {"notices.contact": ("insurer_id", "person_ref")})
    body = make_rows_body("notices.contact", [(1, 2), (1, 3)])
    table, key, rows = read_rows_body(body)
    assert (table, key, rows) == (
        "notices.contact",
        ("insurer_id", "person_ref"),
        [[1, 2], [1, 3]],
    )
    for table, rows in (
        ("rights.lookup", [[1, 2]]),
        ("notices.contact", [[1]]),
        ("notices.contact", []),
    ):
        with pytest.raises(PurgeRefused):
            make_rows_body(table, rows)


def test_a_record_prints_without_what_it_erased():
    [record] = make_chain(1)
    assert repr(record) == "PurgeRecord(1, openings)"
