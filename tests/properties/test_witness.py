"""A witness under any schedule of requests and crashes never signs two roots for one size."""

import tempfile
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st
from tests.unit.disclosure.test_witness import FORKED, LEAVES, LOG, make_note, prove

from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.witness import AddCheckpoint, format_add_checkpoint
from rempart.witness.app import Witness
from rempart.witness.store import WitnessStore

SIZES = (0, 1, 2, 49, 50, 51, 64, 100, 200)


class Killed(Exception):
    """The process ended between saving and signing."""


class MortalKey(Cosigner):
    """A key whose process may end before it signs; what it signed is known."""

    def __init__(self) -> None:
        super().__init__("witness.example/w1", bytes(32))
        self.signed: set[str] = set()
        self.dies = False

    def cosign(self, text: str, *, time_s: int) -> str:
        if self.dies:
            raise Killed
        self.signed.add(text)
        return super().cosign(text, time_s=time_s)


requests = st.tuples(
    st.sampled_from(SIZES), st.sampled_from(SIZES), st.booleans(), st.booleans(), st.booleans()
)


def play(schedule: list[tuple[int, int, bool, bool, bool]], *, forgets: bool = False) -> set[str]:
    """Run a schedule: old size, size, true or forked history, killed, answered 409."""
    key = MortalKey()
    with tempfile.TemporaryDirectory() as directory:
        for old, size, is_true, dies, asks_again in schedule:
            store = WitnessStore(Path(directory))
            store.add_key(LOG.verifier.vkey)
            if forgets:
                store._db.execute("DELETE FROM seen")
            witness = Witness(key, store, now_s=lambda: 1)
            leaves = LEAVES if is_true else FORKED
            key.dies = dies
            try:
                answer = submit(witness, old, size, leaves)
                if asks_again and answer.status == 409 and int(answer.body) <= size:
                    submit(witness, int(answer.body), size, leaves)
            except Killed:
                pass
            store.close()
    return key.signed


def submit(witness: Witness, old: int, size: int, leaves: list[bytes]):
    proof = prove(old, size, leaves) if old < size else ()
    body = format_add_checkpoint(AddCheckpoint(old, proof, make_note(size, leaves)))
    return witness.add_checkpoint(body.encode())


def count_roots(signed: set[str]) -> int:
    """The largest number of roots signed for one size."""
    sizes = [text.split("\n")[1] for text in signed]
    return max((sizes.count(size) for size in sizes), default=0)


@settings(max_examples=40, deadline=None)
@given(st.lists(requests, max_size=12))
def test_no_size_is_signed_with_two_roots(schedule):
    assert count_roots(play(schedule)) <= 1


def test_mutation_a_witness_that_forgets_signs_two_roots():
    schedule = [(0, 100, True, False, False), (0, 100, False, False, False)]
    assert count_roots(play(schedule)) == 1
    assert count_roots(play(schedule, forgets=True)) == 2
