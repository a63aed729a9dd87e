"""Who sends a claim again is told of one that two machines have: a standby is waited for again.

The first time, the wait may have been given up after the row was written: the row is seen, and is
not yet anywhere else.
"""

import asyncio
import re
from typing import Any

import asyncpg
import pytest
from tests.api.claiming import CLAIMS, format_lines, make_claim, read_rows, send_lines
from tests.api.world import COVERED, ESTABLISHMENT_REF, World

from rempart.storage.claims_intake import QUERIES

# A statement that wrote something is what waits, when it ends, for all that was written before.
HAS_WRITTEN = "SELECT pg_current_xact_id_if_assigned() IS NOT NULL"
WORD = re.compile(r"pg_catalog\.pg_logical_emit_message\([^)]*\)")


async def ask(world: World, query: str, *arguments: object) -> tuple[int, bool]:
    """Return how many rows a query gives, and whether its end waits for the standby."""
    connection = await asyncpg.connect(**world.database.asyncpg_kwargs("gateway"))
    try:
        async with connection.transaction():
            rows = await connection.fetch(query, *arguments)
            return len(rows), await connection.fetchval(HAS_WRITTEN)
    finally:
        await connection.close()


@pytest.mark.parametrize("waits", [True, False])
def test_what_was_sent_before_is_told_once_it_is_durable(gateway: Any, world: World, waits: bool):
    """The mutation leaves the word out: the row is read, and nothing is waited for."""
    claim = make_claim(COVERED, "TOLD-AGAIN")
    first, second = (gateway.post(CLAIMS, json=claim).json()["accepted"] for _ in range(2))
    assert first[0]["claim"] == second[0]["claim"]
    send_lines(gateway, format_lines(make_claim(COVERED, "TOLD-IN-A-LOT")))
    digests = [row[0] for row in read_rows(world, "SELECT digest FROM claims.claim")]
    [(lot,)] = read_rows(world, "SELECT digest FROM claims.lot")
    for query, arguments in [
        (QUERIES.find_known, [digests]),
        (QUERIES.find_lot, [ESTABLISHMENT_REF, lot]),
    ]:
        asked = query if waits else WORD.sub("1", query)
        found, written = asyncio.run(ask(world, asked, *arguments))
        assert (found > 0, written) == (True, waits)
