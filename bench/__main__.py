"""`make bench`: every benchmark, one after the other. `ARGS="feed"` runs one.

python -m bench [feed|rights|guarded|authentication|audit|proofs|questions|exposure|cards|guard|
                 guard-engine|foreign|scope|packages|notices|told|claim-engine|claims-key|
                 claims-intake|claims|settlement|quotes|retention|deployment|siege|faults|national|
                 year]
                [--rows N] [--members N] [--seconds S] [--entries N] [--leaves N]
                [--accounts N] [--seeds A-B] [--megabytes N] [--persons N] [--fault WORDS]
                [--kills N]

Asked for by name only: `deployment` (make rehearse; a quarter of an hour, and root), `siege` (an
hour and a half), `faults` (minutes, and root), `national` and `year` (hours, the whole machine).
"""

import argparse
import signal
import sys
from collections.abc import Callable

from bench import (
    authentication,
    cards,
    claim_engine,
    claims,
    claims_intake,
    exposure,
    feed_import,
    foreign_logs,
    guard_backtest,
    guard_engine,
    guarded_checks,
    ledger_audit,
    ledger_proofs,
    ledger_questions,
    ledger_year,
    national,
    notices,
    packages,
    quotes,
    retention,
    rights_checks,
    scope,
    settlement,
    told,
)
from bench.faults import run as faults
from bench.rehearsal import run as deployment
from bench.siege import run as siege

Options = argparse.Namespace

# In the order of "all".
BENCHMARKS: dict[str, Callable[[Options], None]] = {
    "feed": lambda asked: feed_import.run(rows=asked.rows),
    "rights": lambda asked: rights_checks.run(members=asked.members, seconds=asked.seconds),
    "guarded": lambda asked: guarded_checks.run(
        members=min(asked.members, 30_000), seconds=asked.seconds
    ),
    "audit": lambda asked: ledger_audit.run(entries=asked.leaves),
    "proofs": lambda asked: ledger_proofs.run(entries=asked.leaves),
    "authentication": lambda asked: authentication.run(
        members=asked.members, seconds=asked.seconds
    ),
    "cards": lambda asked: cards.run(contracts=asked.contracts),
    "guard": lambda asked: guard_backtest.run(
        accounts=asked.accounts,
        seeds=_read_seeds(asked.seeds),
        variants=not asked.no_variants,
        judges=asked.judge,
    ),
    "guard-engine": lambda _asked: guard_engine.run(),
    "foreign": lambda asked: foreign_logs.run(megabytes=asked.megabytes),
    "scope": lambda asked: scope.run(entries=min(asked.entries, 10_000_000)),
    "quotes": lambda asked: quotes.run(members=min(asked.members, 30_000), seconds=asked.seconds),
    "retention": lambda asked: retention.run(members=asked.members),
    "settlement": lambda asked: settlement.run(dues=asked.dues),
    "questions": lambda asked: ledger_questions.run(entries=asked.entries),
    "exposure": lambda asked: exposure.run(entries=asked.entries),
    "packages": lambda asked: packages.run(persons=asked.persons),
    "notices": lambda asked: notices.run(persons=min(asked.persons, 100_000)),
    "told": lambda asked: told.run(persons=min(asked.persons, 100_000)),
    "claim-engine": lambda asked: claim_engine.run(claims=asked.claims),
    "claims-key": lambda asked: claim_engine.run_key(claims=asked.claims),
    "claims-intake": lambda asked: claims_intake.run(claims=asked.claims),
    "claims": lambda asked: claims.run(claims=asked.claims),
}
# They take long, the whole machine, or root: never part of "all".
BY_NAME_ONLY: dict[str, Callable[[Options], None]] = {
    "deployment": lambda asked: deployment.run(asked.fault),
    "siege": lambda asked: siege.run(kills=asked.kills),
    "faults": lambda asked: faults.run(asked.fault),
    "national": lambda asked: national.run(members=asked.members, seconds=asked.seconds),
    "year": lambda asked: ledger_year.run(entries=asked.entries),
}


def main() -> None:
    """Run what was asked for; everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "which", nargs="?", choices=[*BENCHMARKS, *BY_NAME_ONLY, "all"], default="all"
    )
    parser.add_argument("--rows", type=int, default=1_000_000, help="people in the feed's file")
    parser.add_argument("--members", type=int, default=1_000_000, help="people rights are asked of")
    parser.add_argument("--seconds", type=float, default=10, help="length of each measure")
    parser.add_argument("--entries", type=int, default=100_000_000, help="questions are asked over")
    parser.add_argument("--leaves", type=int, default=200_000, help="entries proofs are made in")
    parser.add_argument("--contracts", type=int, default=5_000, help="cards are issued to")
    parser.add_argument("--accounts", type=int, default=1_250, help="the guard judges")
    parser.add_argument("--seeds", default="21-25", help="of the guard's months: 21-25 or 7")
    parser.add_argument("--megabytes", type=int, default=400, help="of a foreign log")
    parser.add_argument(
        "--judge", action="append", default=[], help="of the guard's first table; all by default"
    )
    parser.add_argument("--persons", type=int, default=300_000, help="of a package, of a campaign")
    parser.add_argument("--dues", type=int, default=1_000_000, help="rows a settlement run pays")
    parser.add_argument("--no-variants", action="store_true", help="the guard's first table only")
    parser.add_argument("--claims", type=int, default=100_000, help="shared out by the engine")
    parser.add_argument("--kills", type=int, default=1_000, help="of a siege")
    parser.add_argument("--fault", action="append", default=[], help="of deployment, faults; all")
    options = parser.parse_args()
    # Asked to stop, it stops what it started.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    every = BENCHMARKS | BY_NAME_ONLY
    for name in BENCHMARKS if options.which == "all" else [options.which]:
        every[name](options)


def _read_seeds(words: str) -> range:
    """Read `A-B`, or one seed."""
    first, _, last = words.partition("-")
    return range(int(first), int(last or first) + 1)


if __name__ == "__main__":
    main()
