"""Acts: one way to write each, none without what its kind demands, entries that commit to them."""

import dataclasses
import json
from typing import Any

import pytest

from rempart.disclosure.acts import (
    ACT_KINDS,
    COMMAND_LINE,
    MAX_REFERENCES,
    About,
    Act,
    ActRefused,
    Bulk,
    Erase,
    KeyChange,
    LedgerRead,
    Recovery,
    Seal,
    SealedFile,
    Statement,
    Subject,
    act_commits_to,
    check_statements,
    compute_indexes_digest,
    compute_list_root,
    compute_statement_digest,
    draft_act,
    make_statement,
    parse_statement,
)
from rempart.disclosure.entry import Kind

DIGEST = "0123456789abcdef" * 4
FILE = SealedFile(name="log-1/7.by-account.parquet", sha256=DIGEST, bytes=123)
ACTS: list[Act] = [
    Bulk(purpose="warning", org_ref=-5, count=73, list_root=DIGEST),
    LedgerRead(
        question="who-saw",
        purpose="demande d’accès de l’assuré",
        from_ms=0,
        to_ms=1_700_000_000_000,
        about=About(kind="accounts", refs=(7, 8), count=2),
    ),
    Erase(log=1, ground="RGPD, article 17", signers=(3, 4), count=2, digest=DIGEST),
    Erase(log=1, ground="conservation échue", signers=(4, 3), count=1 << 24, segment=9),
    Seal(
        log=1,
        segment=7,
        leaves=256,
        root=DIGEST,
        first_ms=1,
        last_ms=2,
        by_account=FILE,
        by_person=FILE,
    ),
    KeyChange(log=0, from_size=12, old_vkey="a+1", new_vkey="a+2", reason="annuel"),
    Recovery(log=2, old_log=1, size=99, root=DIGEST, reason="incendie"),
]


def draft(act: Act, **options: Any) -> Any:
    given = {"account_ref": 0, "session_ref": 0, "request_id": bytes(16), **options}
    return draft_act(act, **given)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: type(act).__name__)
def test_an_act_is_written_in_one_way_and_read_back(act: Act):
    statement = make_statement(act)
    assert parse_statement(statement) == act
    values = json.loads(statement.body)
    assert statement.body == json.dumps(
        values, sort_keys=True, separators=(",", ":"), ensure_ascii=False
    )


def test_each_kind_of_act_has_its_statement():
    assert {make_statement(act).kind for act in ACTS} == ACT_KINDS
    assert Kind.SESSION not in ACT_KINDS
    assert not ACT_KINDS & {Kind.DISCLOSE, Kind.NEGATIVE}


@pytest.mark.parametrize("act", ACTS, ids=lambda act: type(act).__name__)
def test_an_entry_commits_to_its_statement_and_to_no_other(act: Act):
    entry, statement = draft(act, account_ref=5, session_ref=6, subject=Subject(7, 8))
    assert (entry.kind, entry.account_ref, entry.session_ref) == (statement.kind, 5, 6)
    assert (entry.person_ref, entry.insurer_id) == (7, 8)
    assert act_commits_to(entry, statement)
    digest = compute_statement_digest(statement)
    assert entry.lookup_key + entry.data_version.to_bytes(8, signed=True) == digest[:24]
    for other in ACTS:
        assert act_commits_to(entry, make_statement(other)) == (other == act)


@pytest.mark.parametrize("act", ACTS, ids=lambda act: type(act).__name__)
def test_any_changed_character_of_a_statement_is_noticed(act: Act):
    entry, statement = draft(act)
    for place in range(len(statement.body)):
        body = statement.body
        body = body[:place] + chr(ord(body[place]) ^ 1) + body[place + 1 :]
        assert not act_commits_to(entry, statement._replace(body=body))
    for kind in range(-1, 300):
        changed = statement._replace(kind=kind)
        assert act_commits_to(entry, changed) == (kind == statement.kind)


def test_mutation_an_entry_that_commits_to_no_kind_takes_one_act_for_another():
    erase, statement = draft(ACTS[2])
    told = statement._replace(kind=int(Kind.SEAL))
    assert compute_statement_digest(told) != compute_statement_digest(statement)
    assert not act_commits_to(erase._replace(kind=int(Kind.SEAL)), told)


def test_a_statement_names_no_person():
    for act in ACTS:
        _, alone = draft(act)
        _, about_somebody = draft(act, subject=Subject(4_242_424_242, 57))
        assert alone == about_somebody
    with pytest.raises(ActRefused, match="never those of persons"):
        About(kind="persons", refs=(1,), count=1)


def change(act: Act, **changes: Any) -> Act:
    return dataclasses.replace(act, **changes)


WRONG: list[tuple[int, dict[str, Any]]] = [
    (0, {"count": -1}),
    (0, {"count": True}),
    (0, {"count": 1.0}),
    (0, {"org_ref": 1 << 63}),
    (0, {"list_root": DIGEST.upper()}),
    (0, {"purpose": ""}),
    (0, {"purpose": "x" * 201}),
    (0, {"purpose": "a\nb"}),
    (0, {"purpose": "\x00"}),
    (1, {"question": "Who saw"}),
    (1, {"about": None}),
    (2, {"signers": (3, 3)}),
    (2, {"signers": (3,)}),
    (2, {"signers": (3, 4, 5)}),
    (2, {"digest": None}),
    (2, {"segment": 1}),
    (2, {"log": 1 << 15}),
    (2, {"log": -1}),
    (4, {"by_person": None}),
    (5, {"from_size": None}),
]


@pytest.mark.parametrize(("place", "changes"), WRONG)
def test_an_act_that_lacks_what_its_kind_demands_is_refused(place: int, changes: dict[str, Any]):
    with pytest.raises(ActRefused):
        change(ACTS[place], **changes)


def test_too_many_references_are_counted_instead():
    with pytest.raises(ActRefused):
        About(kind="accounts", refs=tuple(range(MAX_REFERENCES + 1)), count=MAX_REFERENCES + 1)
    About(kind="accounts", count=MAX_REFERENCES + 1)
    with pytest.raises(ActRefused):
        About(kind="accounts", refs=(1,), count=2)


BULK = make_statement(ACTS[0]).body


@pytest.mark.parametrize(
    "body",
    [
        "",
        "null",
        "[]",
        "1e999",
        BULK + " ",
        BULK.replace(":73", ": 73"),
        BULK.replace(":73", ":73.0"),
        BULK.replace(":73", ":NaN"),
        BULK.replace(":73", ":073"),
        BULK.replace('"count":73', '"count":73,"count":73'),
        BULK.replace('"count":73,', ""),
        BULK.replace('"count":73', '"count":73,"more":1'),
        BULK.replace('"count":73', '"count":[73]'),
        BULK.replace('"count":73', '"count":{}'),
        BULK.replace("warning", "\\u0077arning"),
        "[" * 100_000,
    ],
)
def test_a_statement_in_any_other_form_is_refused(body: str):
    with pytest.raises(ActRefused):
        parse_statement(Statement(int(Kind.BULK), body))


@pytest.mark.parametrize("kind", [0, 1, 2, 9, 10, -3])
def test_what_is_no_act_states_nothing(kind: int):
    with pytest.raises(ActRefused, match="no act"):
        parse_statement(Statement(kind, BULK))


def test_a_batch_takes_each_act_with_its_own_statement():
    drafts, statements = zip(*(draft(act) for act in ACTS), strict=True)
    check_statements(drafts, statements)
    for wrong in (statements[1:], (*statements, statements[0]), (*statements[1:], statements[0])):
        with pytest.raises(ValueError, match="in the same order"):
            check_statements(drafts, wrong)


def test_the_digest_of_indexes_does_not_depend_on_their_order():
    assert compute_indexes_digest([3, 1, 2]) == compute_indexes_digest([1, 2, 3])
    assert compute_indexes_digest([1, 2]) != compute_indexes_digest([1, 3])


def test_the_root_of_a_list_is_that_of_its_members_in_any_order():
    assert compute_list_root([3, -1, 2]) == compute_list_root([2, 3, -1])
    assert compute_list_root([1, 2]) != compute_list_root([1, 2, 3])


def test_the_command_line_acts_as_nobody():
    assert COMMAND_LINE == (0, 0)
