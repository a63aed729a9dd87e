"""`make bench`: every benchmark, one after the other. `ARGS="feed"` runs one.

python -m bench [feed|rights|authentication|audit|proofs|questions|cards] [--rows N] [--members N]
                [--seconds S] [--entries N] [--leaves N]
"""

import argparse

from bench import (
    authentication,
    cards,
    feed_import,
    ledger_audit,
    ledger_proofs,
    ledger_questions,
    rights_checks,
)

WHICH = ["feed", "rights", "authentication", "audit", "proofs", "questions", "cards", "all"]


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
    options = parser.parse_args()
    if options.which in ("feed", "all"):
        feed_import.run(rows=options.rows)
    if options.which in ("rights", "all"):
        rights_checks.run(members=options.members, seconds=options.seconds)
    if options.which in ("audit", "all"):
        ledger_audit.run(entries=options.leaves)
    if options.which in ("proofs", "all"):
        ledger_proofs.run(entries=options.leaves)
    if options.which in ("authentication", "all"):
        authentication.run(members=options.members, seconds=options.seconds)
    if options.which in ("cards", "all"):
        cards.run(contracts=options.contracts)
    if options.which in ("questions", "all"):
        ledger_questions.run(entries=options.entries)


if __name__ == "__main__":
    main()
