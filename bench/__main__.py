"""`make bench`: every benchmark, one after the other. `ARGS="feed"` runs one.

python -m bench [feed|rights|guarded|authentication|audit|proofs|questions|exposure|cards|guard|
                 guard-engine|foreign|scope|packages|notices|told|claim-engine|claims-key|
                 claims-intake|claims|settlement|quotes|retention|deployment|siege|faults|national]
                [--rows N] [--members N] [--seconds S] [--entries N] [--leaves N]
                [--accounts N] [--seeds A-B] [--megabytes N] [--persons N] [--fault WORDS]
                [--kills N]

Asked for by name only: `deployment` (make rehearse; a quarter of an hour, and root), `siege` (an
hour), `faults` (minutes, and root), `national` (hours, and the whole machine).
"""

import argparse

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

WHICH = [
    *("feed", "rights", "guarded", "authentication", "audit", "proofs", "questions"),
    *("exposure", "packages", "notices", "told", "cards"),
    *("guard", "guard-engine", "foreign", "scope"),
    *("claim-engine", "claims-key", "claims-intake", "claims", "settlement", "quotes", "retention"),
    *("deployment", "siege", "faults", "national"),
    "all",
]


def main() -> None:
    """Run what was asked for; everything by default."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", nargs="?", choices=WHICH, default="all")
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
    if options.which in ("feed", "all"):
        feed_import.run(rows=options.rows)
    if options.which in ("rights", "all"):
        rights_checks.run(members=options.members, seconds=options.seconds)
    if options.which in ("guarded", "all"):
        guarded_checks.run(members=min(options.members, 30_000), seconds=options.seconds)
    if options.which in ("audit", "all"):
        ledger_audit.run(entries=options.leaves)
    if options.which in ("proofs", "all"):
        ledger_proofs.run(entries=options.leaves)
    if options.which in ("authentication", "all"):
        authentication.run(members=options.members, seconds=options.seconds)
    if options.which in ("cards", "all"):
        cards.run(contracts=options.contracts)
    if options.which in ("guard", "all"):
        first, _, last = options.seeds.partition("-")
        seeds = range(int(first), int(last or first) + 1)
        guard_backtest.run(
            accounts=options.accounts,
            seeds=seeds,
            variants=not options.no_variants,
            judges=options.judge,
        )
    if options.which in ("guard-engine", "all"):
        guard_engine.run()
    if options.which in ("foreign", "all"):
        foreign_logs.run(megabytes=options.megabytes)
    if options.which in ("scope", "all"):
        scope.run(entries=min(options.entries, 10_000_000))
    _price(options.which, options.members, options.seconds)
    _forget(options.which, options.members)
    _pay(options.which, options.dues)
    _ask_sealed(options.which, options.entries, options.persons)
    _share_out(options.which, options.claims)
    _take_long(options.which, options)


def _price(which: str, members: int, seconds: float) -> None:
    """Measure what acts will be paid."""
    if which in ("quotes", "all"):
        quotes.run(members=min(members, 30_000), seconds=seconds)


def _forget(which: str, members: int) -> None:
    """Measure a yearly purge."""
    if which in ("retention", "all"):
        retention.run(members=members)


def _pay(which: str, dues: int) -> None:
    """Measure a run of settlement."""
    if which in ("settlement", "all"):
        settlement.run(dues=dues)


def _ask_sealed(which: str, entries: int, persons: int) -> None:
    """Measure what is asked of sealed segments, and what insurers are sent of it."""
    if which in ("questions", "all"):
        ledger_questions.run(entries=entries)
    if which in ("exposure", "all"):
        exposure.run(entries=entries)
    if which in ("packages", "all"):
        packages.run(persons=persons)
    if which in ("notices", "all"):
        notices.run(persons=min(persons, 100_000))
    if which in ("told", "all"):
        told.run(persons=min(persons, 100_000))


def _take_long(which: str, options: argparse.Namespace) -> None:
    """Break a deployment part by part, kill everything at random, load the country."""
    if which == "deployment":
        deployment.run(options.fault)
    if which == "siege":
        siege.run(kills=options.kills)
    if which == "faults":
        faults.run(options.fault)
    if which == "national":
        national.run(members=options.members, seconds=options.seconds)


def _share_out(which: str, count: int) -> None:
    """Measure the engine of claims, and compare it with the answer key."""
    if which in ("claim-engine", "all"):
        claim_engine.run(claims=count)
    if which in ("claims-key", "all"):
        claim_engine.run_key(claims=count)
    if which in ("claims-intake", "all"):
        claims_intake.run(claims=count)
    if which in ("claims", "all"):
        claims.run(claims=count)


if __name__ == "__main__":
    main()
