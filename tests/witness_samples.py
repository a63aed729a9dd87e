"""Logs that grow, and witnesses' keys, for tests of what is published and cosigned."""

from collections.abc import Sequence

from tests.ledger_samples import make_drafts, open_writer, run

from rempart.disclosure.cosignature import Cosigner
from rempart.disclosure.note import parse_note
from rempart.disclosure.witness import KnownWitness, Quorum
from rempart.storage.connect import Database
from rempart.storage.ledger_publishing import load_last_checkpoint, save_cosignature

ONE = Cosigner("witness.example/un", bytes([101] * 32))
TWO = Cosigner("witness.example/deux", bytes([102] * 32))


def grow_log(database: Database, *counts: int, log_id: int = 1) -> int:
    """Append batches, keeping a checkpoint after each; return the size reached."""

    async def scenario() -> int:
        writer = await open_writer(database, log_id=log_id)
        for count in counts:
            for first in range(0, count, 1000):
                await writer.append(make_drafts(min(1000, count - first), first=writer.size))
            await writer.write_checkpoint()
        size = writer.size
        await writer.close()
        return size

    return run(scenario)


def make_quorum(*witnesses: Cosigner, needed: int, urls: Sequence[str] = ()) -> Quorum:
    places = urls or [f"http://127.0.0.1:1/{number}" for number in range(len(witnesses))]
    known = [
        KnownWitness(label=f"Témoin {number}", verifier=one.verifier, url=url)
        for number, (one, url) in enumerate(zip(witnesses, places, strict=True), start=1)
    ]
    return Quorum(witnesses=tuple(known), needed=needed)


def cosign_last(database: Database, *witnesses: Cosigner, log_id: int = 1) -> int:
    """Write down, as the cosigning process would, that witnesses cosigned the last checkpoint."""
    with database.transaction("cosigner") as tx:
        last = load_last_checkpoint(tx, log_id)
        assert last
        text = parse_note(last.note).text
        for witness in witnesses:
            line = witness.cosign(text, time_s=last.t_ms // 1000)
            name = witness.verifier.name
            save_cosignature(
                tx, log_id=log_id, size=last.size, witness=name, t_ms=last.t_ms, line=line
            )
    return last.size
