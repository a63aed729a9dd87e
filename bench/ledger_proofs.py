"""What the proofs of the ledger cost: the header on every answer, a proof from stored tiles.

python -m bench proofs --leaves N
"""

import asyncio
import base64
import hashlib
import random
import statistics
import time
from collections.abc import Callable
from typing import Any

import asyncpg

from bench.machinery import DATA, running_database, save_results
from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.entry import Draft, Kind, Mode, Outcome, Purpose
from rempart.disclosure.fields import FIELDS_SCHEMA_VERSION
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.proof import ReadNode, prove_consistency, prove_inclusion, verify_inclusion
from rempart.disclosure.publishing import TileAddress, find_tile_width
from rempart.gateway.checkpoint_header import CheckpointHeader
from rempart.storage.connect import Database, Transaction
from rempart.storage.ledger_publishing import load_last_checkpoint, load_leaf_tile
from rempart.storage.ledger_tiles import UnfinishedTiles, make_stored_node_reader
from rempart.storage.ledger_writer import LedgerWriter
from rempart.workflows.ledger.publish_ledger import read_published_tile

LOG_ID = 9
BATCH = 1000
PROOFS = 400
ANSWERS = 100_000
SIGNER = NoteSigner("rempart.invalid/bench/log/9", bytes(32))


def run(*, entries: int) -> None:
    """Measure, print and keep the figures."""
    results: dict[str, Any] = {"entries": entries, "header": measure_header()}
    with running_database(DATA / "proofs") as database:
        asyncio.run(grow(database, entries))
        with database.transaction("cosigner") as tx:
            results["proofs"] = measure_proofs(tx)
    for group, figures in results.items():
        print(group, figures)
    print(save_results("ledger-proofs", results))


def measure_header() -> dict[str, float]:
    """Compare an answer with the header to the same answer without it, and to one signature."""
    note = sign_checkpoint(SIGNER, Checkpoint(SIGNER.name, 1_300_000_000, bytes(32)))
    header = CheckpointHeader(lambda: note)
    start = {"type": "http.response.start", "status": 200, "headers": [(b"a", b"b")] * 3}

    async def send(_: Any) -> None:
        return None

    async def answer(wrap: Callable[[Any], Any]) -> float:
        began = time.perf_counter()
        for _ in range(ANSWERS):
            through = wrap(send)
            await through(dict(start))
            await through({"type": "http.response.body", "body": b""})
        return (time.perf_counter() - began) / ANSWERS * 1e6

    bare_us = min(asyncio.run(answer(lambda one: one)) for _ in range(3))
    with_us = min(asyncio.run(answer(header.wrap)) for _ in range(3))
    began = time.perf_counter()
    for _ in range(2000):
        sign_checkpoint(SIGNER, Checkpoint(SIGNER.name, 1_300_000_000, bytes(32)))
    sign_us = (time.perf_counter() - began) / 2000 * 1e6
    return {
        "bytes": len(base64.urlsafe_b64encode(note.encode()).rstrip(b"=")),
        "per_answer_us": round(with_us - bare_us, 2),
        "sign_us": round(sign_us, 1),
        "ratio_to_signature": round((with_us - bare_us) / sign_us, 3),
    }


async def grow(database: Database, entries: int) -> None:
    """Bring the bench's log to a size; it is kept from one run to the next."""
    connection = await asyncpg.connect(**database.asyncpg_kwargs("gateway"))
    writer = await LedgerWriter.open(
        connection, log_id=LOG_ID, signers=[SIGNER], clock_ms=lambda: time.time_ns() // 1_000_000
    )
    while writer.size < entries:
        await writer.append([make_draft(writer.size + n) for n in range(BATCH)])
    await writer.close()


def make_draft(number: int) -> Draft:
    """Return an answer about nobody."""
    key = hashlib.sha256(number.to_bytes(8)).digest()
    return Draft(
        kind=Kind.DISCLOSE,
        account_ref=1 + number % 1000,
        session_ref=1 + number % 1000,
        person_ref=1 + number,
        insurer_id=1 + number % 5,
        lookup_key=key[:16],
        purpose=Purpose.BILLING,
        mode=Mode.CARD,
        domain=1,
        care_day=20_000,
        outcome=Outcome.OPEN,
        fields=1,
        schema_version=FIELDS_SCHEMA_VERSION,
        data_version=1,
        request_id=key[16:],
    )


def measure_proofs(tx: Transaction) -> dict[str, Any]:
    """Make and check proofs from stored tiles, first with nothing remembered, beside a SELECT."""
    last = load_last_checkpoint(tx, LOG_ID)
    if last is None:
        raise RuntimeError("the log has no checkpoint")
    chance = random.Random(1)
    indexes = [chance.randrange(last.size) for _ in range(PROOFS)]

    def open_reader(unfinished: UnfinishedTiles) -> ReadNode:
        return make_stored_node_reader(tx, LOG_ID, last.size, unfinished)

    def prove(index: int) -> None:
        prove_inclusion(index, last.size, open_reader(UnfinishedTiles()))

    def prove_as_served(index: int) -> None:
        prove_inclusion(index, last.size, open_reader(remembered))

    def prove_older(index: int) -> None:
        prove_consistency(index + 1, last.size, open_reader(remembered))

    def check(index: int) -> None:
        leaf = hashes[index % 256 * 32 :][:32]
        verify_inclusion(proof, index=0, size=last.size, leaf_hash=leaf, root=last.root)

    remembered = UnfinishedTiles()
    reader = open_reader(UnfinishedTiles())

    def prove_again(index: int) -> None:
        prove_inclusion(index, last.size, reader)

    hashes, proof = load_leaf_tile(tx, LOG_ID, 0), prove_inclusion(0, last.size, reader)
    select = clock([0] * PROOFS, lambda _: load_leaf_tile(tx, LOG_ID, 0))
    first = clock(indexes[:100], prove)
    served = clock(indexes, prove_as_served)
    inclusion = clock(indexes, prove_again)
    n = (last.size >> 16) if find_tile_width(last.size, 1, last.size >> 16) else 0
    width = find_tile_width(last.size, 1, n)
    partial = TileAddress(1, n, width)
    return {
        "size": last.size,
        "one_tile_select_ms": select,
        "first_inclusion_ms": first,
        "served_inclusion_ms": served,
        "next_inclusion_ms": inclusion,
        "consistency_ms": clock(indexes[:100], prove_older),
        "verify_ms": clock([0] * PROOFS, check),
        "unfinished_tile": {
            "width": width,
            "first_ms": clock([0] * 20, lambda _: read(tx, partial, UnfinishedTiles())),
            "served_ms": clock([0] * 200, lambda _: read(tx, partial, remembered)),
        },
        "ratio_next_inclusion_to_select": round(inclusion["p50"] / select["p50"], 1),
    }


def read(tx: Transaction, tile: TileAddress, unfinished: UnfinishedTiles) -> None:
    """Read one tile as the public address does."""
    read_published_tile(tx, LOG_ID, tile, unfinished)


def clock(items: list[int], work: Callable[[int], object]) -> dict[str, float]:
    """Return milliseconds: median and 99th percentile."""
    taken = []
    for item in items:
        began = time.perf_counter()
        work(item)
        taken.append((time.perf_counter() - began) * 1000)
    taken.sort()
    high = taken[min(len(taken) - 1, int(len(taken) * 0.99))]
    return {"p50": round(statistics.median(taken), 3), "p99": round(high, 3)}
