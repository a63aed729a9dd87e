"""The same request sent twice under one Idempotency-Key is answered once."""

import asyncio
from concurrent.futures import ThreadPoolExecutor

import pytest
from tests.api.reading import PATH, cut_receipt, read_entries
from tests.api.world import COVERED, ENDED, card_body, typed_body

from rempart.disclosure.entry import Kind
from rempart.storage import gateway as storage_gateway


def ask(gateway, key, body=None, **headers):
    return gateway.post(
        PATH, json=body or typed_body(COVERED), headers={"Idempotency-Key": key, **headers}
    )


def count_answers(world):
    return sum(entry.kind != Kind.SESSION for entry in read_entries(world.database))


def test_the_second_time_gets_the_same_answer_and_writes_nothing(gateway, world):
    first, second = ask(gateway, "a"), ask(gateway, "a")
    assert first.content == second.content
    assert count_answers(world) == 1


def test_a_repetition_keeps_its_index_under_a_later_checkpoint(gateway, world):
    first = ask(gateway, "a")
    gateway.post(PATH, json=typed_body(ENDED))
    second = ask(gateway, "a")
    assert cut_receipt(second.content) == cut_receipt(first.content)
    assert second.json()["receipt"]["index"] == first.json()["receipt"]["index"]
    assert count_answers(world) == 2


def test_the_first_question_of_a_session_can_be_repeated(gateway, world):
    assert ask(gateway, "first").content == ask(gateway, "first").content


def test_the_same_key_for_another_question_is_a_conflict(gateway, world):
    ask(gateway, "a")
    reply = ask(gateway, "a", card_body(COVERED))
    assert (reply.status_code, reply.json()["code"]) == (409, "conflict")
    assert count_answers(world) == 1


def test_without_a_key_every_request_is_answered_for_itself(gateway, world):
    gateway.post(PATH, json=typed_body(COVERED))
    gateway.post(PATH, json=typed_body(COVERED))
    assert count_answers(world) == 2


def test_somebody_elses_session_never_gets_an_answer_again(gateway, world):
    first = ask(gateway, "a")
    second = ask(gateway, "a", **{"User-Agent": "python-requests/2.31"})
    assert second.json()["receipt"]["index"] != first.json()["receipt"]["index"]
    assert count_answers(world) == 2


def test_an_answer_is_repeated_after_a_restart(open_gateway, world):
    with open_gateway() as gateway:
        first = ask(gateway, "a")
    with open_gateway() as gateway:
        second = ask(gateway, "a")
    assert cut_receipt(first.content) == cut_receipt(second.content)
    assert count_answers(world) == 1


def test_repetitions_that_arrive_together_are_answered_once(gateway, world):
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda _: ask(gateway, "together"), range(16)))
    assert {reply.status_code for reply in replies} == {200}
    assert len({reply.json()["receipt"]["index"] for reply in replies}) == 1
    assert count_answers(world) == 1


def test_different_questions_that_arrive_together_under_one_key_are_a_conflict(gateway, world):
    bodies = [typed_body(COVERED), card_body(COVERED)] * 6
    with ThreadPoolExecutor(8) as pool:
        replies = list(pool.map(lambda body: ask(gateway, "together", body), bodies))
    assert sorted(reply.status_code for reply in replies) == [200] * 6 + [409] * 6
    assert count_answers(world) == 1


@pytest.mark.parametrize("key", ["!", "~" * 128, "3f2b6a1e-1d0f-4f43-9a38-0a3a8f3ad9c1"])
def test_any_visible_ascii_is_a_key(gateway, key):
    assert ask(gateway, key).content == ask(gateway, key).content


@pytest.mark.parametrize("batch", [1, 2, 5000])
def test_an_answer_is_forgotten_after_a_day(gateway, world, clock, monkeypatch, batch):
    monkeypatch.setattr(storage_gateway, "REPLAY_BATCH", batch)
    for key in ("a", "b", "c"):
        ask(gateway, key)
    now_ms = clock.now_ms()

    async def sweep(later_ms: int) -> int:
        arguments = world.database.asyncpg_kwargs("gateway")
        async with storage_gateway.open_gateway_reader(arguments) as reader:
            return await reader.delete_old_replays(now_ms=now_ms + later_ms)

    assert asyncio.run(sweep(23 * 3_600_000)) == 0
    assert count_replays(world) == 3
    assert asyncio.run(sweep(25 * 3_600_000)) == 3
    assert count_replays(world) == 0


def count_replays(world):
    with world.database.transaction("auditor") as tx:
        [(count,)] = tx.execute("SELECT count(*) FROM ledger.replay").fetchall()
    return count
