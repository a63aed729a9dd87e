"""Claims come in: acknowledged whoever they are about, once each, and kept without identity."""

import time

import pytest
from tests.api.claiming import (
    CLAIMS,
    make_card_claim,
    make_claim,
    make_line,
    read_rows,
    take_one,
)
from tests.api.reading import PATH, read_entries
from tests.api.world import COVERED, ENDED, ESTABLISHMENT_REF, STRANGER, typed_body

from rempart.claims.references import format_reference
from rempart.rights.lookup import compute_lookup_key


def count_claims(world):
    [(count,)] = read_rows(world, "SELECT count(*) FROM claims.claim")
    return count


# ------------------------------------------------------------------ what is taken


def test_a_claim_is_taken_and_kept_without_any_identity(gateway, world):
    reply = gateway.post(CLAIMS, json=make_claim(COVERED))
    assert reply.status_code == 202
    [accepted] = reply.json()["accepted"]
    assert reply.json()["refused"] == []
    assert (accepted["at"], accepted["invoice"]) == (1, "F-1")
    [row] = read_rows(
        world,
        "SELECT person_ref, insurer_id, establishment_ref, invoice, born, billed_cents, state,"
        " channel FROM claims.claim",
    )
    assert row == (
        *(COVERED.person_ref, 1, ESTABLISHMENT_REF, "F-1", COVERED.birth_date, 3_000),
        *("received", "json"),
    )
    assert read_rows(world, "SELECT number, act, billed_cents FROM claims.line") == [(1, "G", 3000)]
    kept = str(
        read_rows(world, "SELECT c.*, l.* FROM claims.claim c JOIN claims.line l USING (claim_ref)")
    )
    assert COVERED.nir.number not in kept
    assert COVERED.card.code not in kept


def test_taking_a_claim_in_tells_nothing_and_writes_nothing_in_the_ledger(gateway, world):
    take_one(gateway, make_claim(COVERED))
    assert read_entries(world.database) == []


def test_everything_a_line_may_say_is_kept(gateway, world):
    line = make_line(
        act="VER", quantity=2, base_cents=10, amo_cents=6, asked_amc_cents=9_000,
        billed_cents=15_000, basket="free", equipment="1", correction="complex",
        exoneration="ald", early_renewal=True,
    )  # fmt: skip
    take_one(gateway, make_claim(COVERED, lines=[line], in_pathway=False, pec="PEC-1"))
    assert read_rows(
        world,
        "SELECT quantity, billed_cents, base_cents, given_amo_cents, asked_amc_cents, basket,"
        " equipment, correction, exoneration, early_renewal FROM claims.line",
    ) == [(2, 15_000, 10, 6, 9_000, "free", "1", "complex", "ald", True)]
    assert read_rows(world, "SELECT in_pathway, pec_number FROM claims.claim") == [(False, "PEC-1")]


def test_several_claims_are_taken_and_one_that_is_wrong_falls_alone(gateway, world):
    wrong = make_claim(COVERED, "F-2", lines=[make_line(act="ZZZ")])
    claims = [make_claim(COVERED, "F-1"), wrong, make_claim(STRANGER, "F-3")]
    reply = gateway.post(CLAIMS, json={"claims": claims})
    assert reply.status_code == 202
    assert [one["invoice"] for one in reply.json()["accepted"]] == ["F-1", "F-3"]
    [refused] = reply.json()["refused"]
    [finding] = refused["findings"]
    assert (refused["at"], finding["line"], finding["field"]) == (2, 1, "act")
    assert finding["rule"] == "act_unknown"
    assert len({finding["fr"], finding["en"], ""}) == 3
    assert count_claims(world) == 2


def test_a_request_of_which_nothing_is_taken_says_so_by_its_status(gateway, world):
    reply = gateway.post(CLAIMS, json=make_claim(COVERED, lines=[]))
    assert (reply.status_code, reply.json()["accepted"]) == (422, [])
    assert count_claims(world) == 0


def test_the_engagement_of_an_answer_goes_with_the_claim(gateway, world):
    answer = gateway.post(PATH, json=typed_body(COVERED)).json()
    number = answer["answer"]["engagement"]["number"]
    take_one(gateway, make_claim(COVERED, engagement=number.lower().replace("-", " ")))
    assert read_rows(world, "SELECT engagement_log, engagement_idx FROM claims.claim") == [
        (1, answer["receipt"]["index"])
    ]


# ------------------------------------------------------------------ the same claim


@pytest.mark.parametrize("person", [COVERED, STRANGER])
def test_a_claim_sent_again_has_the_reference_it_had(gateway, world, person):
    first = take_one(gateway, make_claim(person))
    # What the biller expects of the AMC changes nothing that is due.
    again = make_claim(person, lines=[make_line(asked_amc_cents=900)])
    assert take_one(gateway, again) == first
    assert count_claims(world) == 1


def test_two_of_the_same_in_one_request_are_one(gateway, world):
    claim = make_claim(COVERED)
    taken = gateway.post(CLAIMS, json={"claims": [claim, claim]}).json()["accepted"]
    assert len({one["claim"] for one in taken}) == 1
    assert count_claims(world) == 1


CHANGES = (
    {"invoice": "F-2"},
    {"lines": [make_line(billed_cents=3_001)]},
    {"lines": [make_line(), make_line(2)]},
    {"in_pathway": False},
    {"pec": "PEC-1"},
)


def test_a_claim_that_differs_is_another(gateway):
    taken = {take_one(gateway, make_claim(COVERED, **changes)) for changes in ({}, *CHANGES)}
    assert len(taken) == 1 + len(CHANGES)


@pytest.mark.parametrize("make", [make_claim, make_card_claim])
def test_a_birth_date_may_be_written_as_in_a_rights_check_and_is_the_same_claim(
    gateway, world, make
):
    day = COVERED.birth_date
    taken = set()
    for text in (day, f"{day[:4]}-{day[4:6]}-{day[6:]}", f" {day[6:]}/{day[4:6]}/{day[:4]} "):
        claim = make(COVERED)
        claim["beneficiary"] = {**claim["beneficiary"], "birth_date": text}
        taken.add(take_one(gateway, claim))
    assert len(taken) == 1
    assert read_rows(world, "SELECT born FROM claims.claim") == [(day,)]


def test_two_strangers_do_not_share_a_reference(gateway):
    # It would tell that neither is known.
    other = make_claim(STRANGER)
    other["beneficiary"]["birth_rank"] = 2
    assert take_one(gateway, make_claim(STRANGER)) != take_one(gateway, other)


def test_whether_a_card_and_typed_identifiers_are_one_person_is_not_told(gateway):
    typed = take_one(gateway, make_claim(COVERED))
    assert take_one(gateway, make_card_claim(COVERED)) != typed


def test_a_claim_that_replaces_another_of_ours_asks_that_it_be_cancelled(gateway, world):
    first = take_one(gateway, make_claim(COVERED))
    second = take_one(gateway, make_claim(COVERED, replaces=first))
    assert second != first
    [(replaces, asked)] = read_rows(
        world,
        "SELECT c.replaces, r.claim_ref FROM claims.claim AS c"
        " JOIN claims.cancel_request AS r ON r.claim_ref = c.replaces",
    )
    assert format_reference(replaces) == format_reference(asked) == first


def test_a_claim_replaces_nothing_but_one_of_ours(gateway, world):
    for reference in ("0000-0000-0001", "no reference", "7K3M-Q2ZX-0V9U"):
        reply = gateway.post(CLAIMS, json=make_claim(COVERED, replaces=reference))
        [refused] = reply.json()["refused"]
        assert [one["rule"] for one in refused["findings"]] == ["claim_replaces"]
    assert count_claims(world) == 0


def test_an_engagement_number_that_was_made_up_is_refused(gateway, world):
    for number in ("RP-0000-0000-0000-0000", "RP-7K3M", "7K3M-Q2ZX-0V9T-5RBN"):
        reply = gateway.post(CLAIMS, json=make_claim(COVERED, engagement=number))
        [refused] = reply.json()["refused"]
        assert [one["rule"] for one in refused["findings"]] == ["engagement_number"]
    assert count_claims(world) == 0


def test_days_to_come_and_long_past_are_taken_because_adjudication_says_what_they_are(gateway):
    for day in ("2099-01-01", "2001-01-01"):
        take_one(gateway, make_claim(COVERED, f"F-{day}", lines=[make_line(care_date=day)]))


def test_what_is_no_request_is_refused(gateway, world):
    cases = [
        (b"{", "application/json", 400),
        (b"\xff", "application/json", 400),
        (b'{"claims":[]}', "application/json", 422),
        (b'{"claims":[' + b"{}," * 200 + b"{}]}", "application/json", 422),
        (b"{}", "text/plain", 415),
        (b" " * 2_097_153, "application/json", 413),
    ]
    for content, kind, status in cases:
        reply = gateway.post(CLAIMS, content=content, headers={"Content-Type": kind})
        assert reply.status_code == status, content[:20]
    for method, path in (("PUT", CLAIMS), ("DELETE", f"{CLAIMS}/x"), ("GET", "/v1/lots")):
        assert gateway.request(method, path).status_code == 405
    assert gateway.get(f"{CLAIMS}/a/b/c").status_code == 404
    assert count_claims(world) == 0


# ------------------------------------------------------------------ who it is about


def test_a_former_member_is_found_because_care_is_billed_after_it_is_given(gateway, world):
    # The day after a contract ends, its keys leave the rights plane; those of the past stay.
    with world.database.transaction("owner") as tx:
        tx.execute(
            "WITH gone AS (DELETE FROM rights.lookup WHERE person_ref = %s RETURNING *)"
            " INSERT INTO identity.person_key (person_key, person_ref, added_in)"
            " SELECT lookup_key, person_ref, 1 FROM gone",
            (ENDED.person_ref,),
        )
        tx.execute(
            "WITH gone AS (DELETE FROM rights.coverage WHERE person_ref = %s RETURNING *)"
            " INSERT INTO rights.past_coverage SELECT * FROM gone",
            (ENDED.person_ref,),
        )
    take_one(gateway, make_claim(ENDED))
    assert read_rows(world, "SELECT person_ref, insurer_id FROM claims.claim") == [
        (ENDED.person_ref, 1)
    ]


def test_nobody_is_found_for_a_stranger_nor_for_somebody_planted(gateway, world):
    key = compute_lookup_key(world.home.key("lookup"), COVERED.typed)
    with world.database.transaction("feeds") as tx:
        tx.execute(
            "INSERT INTO guard.canary (lookup_key, person_ref, insurer_id) VALUES (%s, %s, 1)",
            (key.hex(), COVERED.person_ref),
        )
    take_one(gateway, make_claim(STRANGER))
    take_one(gateway, make_claim(COVERED))
    assert read_rows(world, "SELECT DISTINCT person_ref, insurer_id FROM claims.claim") == [(0, 0)]


# ------------------------------------------------------------------ what follows


def test_whoever_shares_claims_out_is_called_when_some_arrive(gateway, world):
    assert list_jobs(world) == []
    take_one(gateway, make_claim(COVERED))
    give_up = time.monotonic() + 10
    while not list_jobs(world):
        assert time.monotonic() < give_up
        time.sleep(0.05)
    take_one(gateway, make_claim(COVERED, "F-2"))
    assert list_jobs(world) == [("adjudicate_claims", "todo")]


def list_jobs(world):
    with world.database.transaction("owner") as tx:
        return tx.execute(
            "SELECT task_name::text, status::text FROM jobs.procrastinate_jobs"
        ).fetchall()
