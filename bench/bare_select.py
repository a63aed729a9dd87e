"""The ceiling: one prepared SELECT by index after the other, and nothing else."""

import asyncio
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

import asyncpg

from rempart.storage.connect import Database
from rempart.wiring.database import locate_cluster
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

# A random key is not a member's: the first at or after it is, by one descent of the index.
SELECT = """
SELECT found.person_ref, sheet.starts_on, sheet.ends_on, sheet.terms_id
FROM (
    SELECT person_ref FROM rights.lookup WHERE lookup_key >= {key} ORDER BY lookup_key LIMIT 1
) AS found
JOIN rights.coverage AS sheet ON sheet.person_ref = found.person_ref
"""
CONNECTIONS = 8


def measure(database: Database, home: Home, *, seconds: float) -> float:
    """Return SELECTs a second: with pgbench if the server has it, else with asyncpg."""
    binaries = locate_cluster(Settings(home=home.path), home).find_binaries()
    pgbench = shutil.which("pgbench", path=str(binaries.directory)) or shutil.which("pgbench")
    if pgbench is None:
        return asyncio.run(_measure_ourselves(database, seconds))
    with tempfile.TemporaryDirectory() as directory:
        script = Path(directory, "select.sql")
        text = SELECT.format(key="md5(:n::text)::uuid").strip().replace("\n", " ")
        script.write_text(f"\\set n random(1, 1000000000)\n{text};\n")
        parameters = asyncpg_environment(database)
        found = subprocess.run(
            [
                *(pgbench, "-n", "-M", "prepared", "-f", str(script), "-j", "1"),
                *("-c", str(CONNECTIONS), "-T", str(max(1, round(seconds)))),
            ],
            check=False,
            capture_output=True,
            text=True,
            env={**os.environ, **parameters},
        )
    rate = re.search(r"tps = ([\d.]+)", found.stdout)
    if found.returncode or rate is None:
        raise RuntimeError(f"pgbench failed:\n{found.stdout}{found.stderr}")
    return float(rate[1])


def asyncpg_environment(database: Database) -> dict[str, str]:
    """Return the libpq variables that lead into the database as the gateway."""
    return {
        "PGHOST": database.address.get("host", ""),
        "PGPORT": database.address.get("port", ""),
        "PGDATABASE": database.name,
        "PGUSER": database.user("gateway"),
        "PGPASSWORD": database.passwords["gateway"],
    }


async def _measure_ourselves(database: Database, seconds: float) -> float:
    ends = time.perf_counter() + seconds
    done = 0

    async def select_on() -> None:
        nonlocal done
        connection = await asyncpg.connect(**database.asyncpg_kwargs("gateway"))
        statement = await connection.prepare(SELECT.format(key="gen_random_uuid()"))
        while time.perf_counter() < ends:
            await statement.fetch()
            done += 1
        await connection.close()

    await asyncio.gather(*(select_on() for _ in range(CONNECTIONS)))
    return done / seconds
