"""A round with witnesses that misbehave: what is kept, what is an alarm, and what is neither."""

from collections.abc import Callable

import pytest
from tests.ledger_samples import read_rows
from tests.witness_samples import ONE, TWO, cosign_last, grow_log, make_quorum

from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.note import parse_note
from rempart.disclosure.witness import AddCheckpoint
from rempart.exchange.witness_client import WitnessAnswer, WitnessUnreachable
from rempart.storage.connect import Database
from rempart.workflows.ledger.cosign_ledger import Outcome, Round, cosign_ledger

Answer = Callable[[AddCheckpoint], WitnessAnswer]


class FakeWitness:
    """Answers as it is told, and remembers what it was asked."""

    def __init__(self, answer: Answer) -> None:
        self._answer = answer
        self.asked: list[AddCheckpoint] = []

    def add_checkpoint(self, url: str, request: AddCheckpoint) -> WitnessAnswer:
        self.asked.append(request)
        return self._answer(request)


def sign(key: Cosigner = ONE, *, note: str | None = None) -> Answer:
    def answer(request: AddCheckpoint) -> WitnessAnswer:
        text = parse_note(note or request.note).text
        return WitnessAnswer(200, lines=key.cosign(text, time_s=1_700_000_100))

    return answer


def ask(database: Database, witness: FakeWitness) -> Outcome:
    tools = Round(
        transaction=lambda: database.transaction("cosigner"), ask=witness, now_ms=lambda: 5
    )
    [outcome] = cosign_ledger(tools, make_quorum(ONE, needed=1))
    return outcome


def kept(database: Database) -> list[tuple[object, ...]]:
    return read_rows(database, "SELECT size, witness, t_ms FROM ledger.cosignature ORDER BY 1")


def alarms(database: Database) -> list[tuple[object, ...]]:
    return read_rows(database, "SELECT size, reason, witness_size, t_ms FROM ledger.witness_alarm")


def test_a_cosignature_is_kept_with_the_time_the_witness_states(database: Database):
    grow_log(database, 5)
    assert ask(database, FakeWitness(sign())).result == "cosigned"
    assert kept(database) == [(5, ONE.verifier.name, 1_700_000_100_000)]


@pytest.mark.parametrize("case", ["another key", "another tree", "no line"])
def test_a_line_that_does_not_verify_is_not_kept(database: Database, case: str):
    grow_log(database, 5)
    first = read_rows(database, "SELECT note FROM ledger.checkpoint")[0][0]
    grow_log(database, 5)
    lines: dict[str, Answer] = {
        "another key": sign(TWO),
        "another tree": sign(note=first),
        "no line": lambda _: WitnessAnswer(200, lines="nothing"),
    }
    assert ask(database, FakeWitness(lines[case])).result == "refused"
    assert kept(database) == alarms(database) == []


def test_a_witness_that_knows_another_size_is_asked_from_there_with_a_proof(database: Database):
    grow_log(database, 5, 300)

    def answer(request: AddCheckpoint) -> WitnessAnswer:
        return WitnessAnswer(409, size=5) if request.old_size == 0 else sign()(request)

    witness = FakeWitness(answer)
    assert ask(database, witness).result == "cosigned"
    assert [request.old_size for request in witness.asked] == [0, 5]
    assert 0 < len(witness.asked[1].proof) <= 63
    again = FakeWitness(sign())
    assert ask(database, again).result == "cosigned"
    assert again.asked[0].old_size == 305  # as we keep it; nothing to prove
    assert again.asked[0].proof == ()


def test_a_witness_that_never_settles_is_left_for_the_next_round(database: Database):
    grow_log(database, 5)
    witness = FakeWitness(lambda request: WitnessAnswer(409, size=(request.old_size + 1) % 5))
    assert ask(database, witness).result == "refused"
    assert len(witness.asked) == 3
    assert alarms(database) == []


@pytest.mark.parametrize("status", [400, 403, 404])
def test_a_refusal_that_accuses_nobody_is_no_alarm(database: Database, status: int):
    grow_log(database, 5)
    outcome = ask(database, FakeWitness(lambda _: WitnessAnswer(status, reason="why")))
    assert (outcome.result, outcome.detail) == ("refused", f"{status}: why")
    assert alarms(database) == []


def test_a_fork_is_an_alarm_that_stays_as_it_was_first_seen(database: Database):
    grow_log(database, 5)
    for _ in range(2):
        assert ask(database, FakeWitness(lambda _: WitnessAnswer(422))).result == "fork"
    assert alarms(database) == [(5, "fork", 0, 5)]
    assert ask(database, FakeWitness(sign())).result == "cosigned"
    assert len(alarms(database)) == 1


def test_a_witness_that_has_seen_more_than_there_is_is_an_alarm(database: Database):
    grow_log(database, 5)
    outcome = ask(database, FakeWitness(lambda _: WitnessAnswer(409, size=9)))
    assert outcome.result == "rollback"
    assert "it has seen 9, we show 5" in outcome.detail
    assert alarms(database) == [(5, "rollback", 9, 5)]


def test_cosignatures_left_over_from_a_longer_log_are_an_alarm_without_asking(database: Database):
    grow_log(database, 5, 5)
    cosign_last(database, ONE)
    with database.transaction("owner") as tx:
        tx.execute("DELETE FROM ledger.checkpoint WHERE size = 10")
    witness = FakeWitness(sign())
    assert ask(database, witness).result == "rollback"
    assert witness.asked == []


def test_a_witness_that_is_away_leaves_nothing(database: Database):
    grow_log(database, 5)

    def refuse(_: AddCheckpoint) -> WitnessAnswer:
        raise WitnessUnreachable("ReadTimeout")

    assert ask(database, FakeWitness(refuse))[3:] == ("unreachable", "ReadTimeout")
    assert kept(database) == alarms(database) == []
