"""A client that remembers how far each log was, and refuses one that goes back."""

import base64
from datetime import date
from pathlib import Path

import httpx
import pytest
from tests.unit.client.fake_server import ANSWER, URL, FakeServer

from rempart.client import (
    Card,
    CheckpointStore,
    LedgerContradicted,
    Rempart,
    SigningKey,
    Unavailable,
)
from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.note import NoteSigner

LOG = NoteSigner("rempart.invalid/1/log/1", bytes(32))
OTHER = NoteSigner("rempart.invalid/1/log/2", bytes(32))
THIEF = NoteSigner("rempart.invalid/1/log/1", bytes([9] * 32))


def show(size: int, root: int = 0, signer: NoteSigner = LOG) -> str:
    """The header a gateway would send."""
    note = sign_checkpoint(signer, Checkpoint(signer.name, size, bytes([root] * 32)))
    return base64.urlsafe_b64encode(note.encode()).rstrip(b"=").decode()


def test_the_largest_checkpoint_of_each_log_is_kept():
    store = CheckpointStore()
    for header in (show(5), show(9), show(7), show(3, signer=OTHER)):
        store.see(header)
    assert store.sizes() == {LOG.name: 9, OTHER.name: 3}
    known = store.find(LOG.name)
    assert known is not None
    assert known.note.startswith(LOG.name)


def test_answers_that_arrive_late_are_no_rollback():
    """Two questions at once: the second answer may be read first."""
    store = CheckpointStore()
    before_first = store.sizes()
    store.see(show(9), before={})
    store.see(show(7), before=before_first)


def test_an_answer_to_a_later_question_cannot_show_less():
    store = CheckpointStore()
    store.see(show(9))
    with pytest.raises(LedgerContradicted, match="went back to 7") as refused:
        store.see(show(7), before=store.sizes())
    assert "\n9\n" in refused.value.kept
    assert "\n7\n" in refused.value.shown


def test_two_roots_for_one_size_are_refused_whatever_the_order():
    store = CheckpointStore()
    store.see(show(9))
    with pytest.raises(LedgerContradicted, match="two roots"):
        store.see(show(9, root=1))
    store.see(show(9))


@pytest.mark.parametrize("header", ["", "!", "AAAA", "_w", show(5)[:20], "b3JpZ2luCng"])
def test_what_cannot_be_read_is_passed_over(header: str):
    store = CheckpointStore()
    store.see(header)
    assert store.sizes() == {}


def test_with_the_logs_key_a_note_of_another_key_changes_nothing():
    store = CheckpointStore(vkeys=[LOG.verifier.vkey])
    store.see(show(9))
    store.see(show(9, root=1, signer=THIEF))
    store.see(show(99, signer=THIEF))
    assert store.sizes() == {LOG.name: 9}
    with pytest.raises(LedgerContradicted):
        store.see(show(9, root=1))


def test_a_file_keeps_them_from_one_start_to_the_next(tmp_path: Path):
    path = tmp_path / "checkpoints.json"
    CheckpointStore(path).see(show(9))
    again = CheckpointStore(path)
    assert again.sizes() == {LOG.name: 9}
    with pytest.raises(LedgerContradicted):
        again.see(show(9, root=1))
    assert [one.name for one in tmp_path.iterdir()] == ["checkpoints.json"]


def answer(header: str, status: int = 200) -> httpx.Response:
    return httpx.Response(status, json=ANSWER, headers={"Rempart-Checkpoint": header})


def ask(*answers: httpx.Response) -> Rempart:
    server = FakeServer(answers=list(answers))
    rempart = Rempart(URL, client_id="x", key=SigningKey.generate(), transport=server.transport)
    access = rempart.act_for(lambda: "psc")
    for _ in answers:
        access.check_rights(
            Card("7K3M-Q2ZX-0V9T-5RBN-HC41"), domain="PHAR", care_date=date(2026, 11, 22)
        )
    return rempart


def test_the_client_remembers_what_answers_show():
    assert ask(answer(show(3)), answer(show(8))).checkpoints.sizes() == {LOG.name: 8}


def test_the_client_refuses_an_answer_of_a_log_that_went_back():
    with pytest.raises(LedgerContradicted):
        ask(answer(show(8)), answer(show(3)))


def test_a_refusal_may_come_from_a_gateway_that_just_lost_the_log():
    server = FakeServer(answers=[answer(show(8)), answer(show(3), status=503)])
    with Rempart(
        URL, client_id="x", key=SigningKey.generate(), transport=server.transport
    ) as rempart:
        access = rempart.act_for(lambda: "psc")
        card = Card("7K3M-Q2ZX-0V9T-5RBN-HC41")
        access.check_rights(card, domain="PHAR", care_date=date(2026, 11, 22))
        with pytest.raises(Unavailable):
            access.check_rights(card, domain="PHAR", care_date=date(2026, 11, 22))
