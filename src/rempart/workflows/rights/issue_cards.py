"""Issues cards: all of an insurer's for a year, or those that were ordered; print-ready files.

Refuses to make a card twice: what was made before a kill is printed from what was kept, and the
database refuses a second one in force. Opens its own transactions, one for each batch.
"""

import hashlib
import secrets as randomness
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date
from itertools import chain
from pathlib import Path
from typing import Final

from rempart.exchange.card_letter import decode_print, render_letters
from rempart.exchange.whole_file import write_whole
from rempart.kernel.errors import Conflict, NotFound, Unavailable
from rempart.kernel.periods import Period
from rempart.storage import canaries, cards, feeds
from rempart.storage.cards import CardRun, RunKind, StoredBatch
from rempart.storage.connect import Transaction
from rempart.storage.feeds import FeedInsurer
from rempart.workflows.rights.card_making import CardMaker, CardSecrets

BATCH_SIZE: Final = 100
"""Contracts in a batch: one transaction, one file, and all that is in memory at a time."""
OPERATOR: Final = "Rempart"


@dataclass(frozen=True, slots=True, kw_only=True)
class IssueRequest:
    """What to issue, and where to.

    Args:
        insurer_id: Whose cards.
        kind: Everybody without a card for the year, or the orders that wait.
        year: Of validity.
        today: Paris civil date.
        out: Directory of the files; made when missing, for its owner's eyes.
        batch_size: Contracts in a batch.
        logo: The insurer's, as SVG, or None.
    """

    insurer_id: int
    kind: RunKind
    year: int
    today: date
    out: Path
    batch_size: int = BATCH_SIZE
    logo: bytes | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CardsIssued:
    """What a run made.

    Args:
        cards: Cards in its files.
        batches: Files.
        skipped: Contracts whose labels do not fit in a symbol, in this call.
        resumed: Whether an earlier process had begun.
        index: The index of the run.
    """

    cards: int
    batches: int
    skipped: int
    resumed: bool
    index: Path


@dataclass(frozen=True, slots=True)
class IssueProgress:
    """How far a run is: contracts done, of how many, and cards so far."""

    done: int
    contracts: int
    cards: int


def issue_cards(
    connection: Transaction,
    secrets: CardSecrets,
    request: IssueRequest,
    *,
    report: Callable[[IssueProgress], None] = lambda _: None,
) -> CardsIssued:
    """Issue cards, or go on with a run that was interrupted.

    Args:
        connection: An autocommit connection of the role `feeds`, kept for this run alone.
        secrets: Keys.
        request: What to issue.
        report: Told after each batch.

    Raises:
        NotFound: the insurer is not registered.
        Conflict: a run of this insurer is under way elsewhere, or another one is not finished.
        Unavailable: disk full, database gone: run the same again to resume.
    """
    with feeds.translate_failures("run the same command again: it resumes"):
        insurer = feeds.load_insurer(connection, request.insurer_id)
        if insurer is None:
            raise NotFound(f"insurer {request.insurer_id} is not registered: import a feed first")
        if not cards.claim_cards(connection, request.insurer_id):
            raise Conflict(f"cards of insurer {request.insurer_id} are being issued elsewhere")
        with connection.transaction():
            run, resumed = _take_run(connection, request)
        _make_directory(request.out)
        issuing = _Issuing(connection, secrets, request, insurer, run)
        return issuing.go_on(resumed=resumed, report=report)


def _take_run(connection: Transaction, request: IssueRequest) -> tuple[CardRun, bool]:
    run = cards.load_run(connection, request.insurer_id)
    if run is None:
        first_day = max(date(request.year, 1, 1), min(request.today, date(request.year, 12, 31)))
        run = cards.open_run(
            connection,
            request.insurer_id,
            run_ref=randomness.randbits(62) + 1,
            kind=request.kind,
            days=Period(first_day, date(request.year, 12, 31)),
            batch_size=request.batch_size,
        )
        return run, False
    if (run.kind, run.year) != (request.kind, request.year):
        what = "its orders" if run.kind == "orders" else "its cards"
        raise Conflict(
            f"a run of insurer {request.insurer_id} for {what} of {run.year} is not finished: "
            "finish it first, with the same command as then"
        )
    return run, True


class _Issuing:
    """One run under way."""

    def __init__(
        self,
        connection: Transaction,
        secrets: CardSecrets,
        request: IssueRequest,
        insurer: FeedInsurer,
        run: CardRun,
    ) -> None:
        self._connection = connection
        self._secrets = secrets
        self._request = request
        self._insurer = insurer
        self._run = run
        with connection.transaction():
            self._maker = CardMaker(connection, secrets, insurer, run, request.today)
        self._done = self._cards = self._batches = 0

    def go_on(self, *, resumed: bool, report: Callable[[IssueProgress], None]) -> CardsIssued:
        """Print what is not printed, make and print the rest, write the index."""
        self._print_missing()
        while (contracts := self._make_batch()) > 0:
            self._done += contracts
            report(IssueProgress(self._done, self._run.contracts, self._cards))
        index = self._write_index()
        with self._connection.transaction():
            if self._run.kind == "orders":
                insurer_id, since = self._insurer.insurer_id, self._run.started_at
                cards.end_impossible_orders(self._connection, insurer_id, since)
            cards.finish_run(self._connection, self._run.run_ref)
        return CardsIssued(
            cards=self._cards,
            batches=self._batches,
            skipped=self._maker.skipped,
            resumed=resumed,
            index=index,
        )

    def _print_missing(self) -> None:
        """Print the batches whose file is not there: of a killed run, or for another directory."""
        for batch in cards.list_batches(self._connection, self._run.run_ref):
            path = self._request.out / self._name_file(batch)
            if not batch.printed or not path.exists():
                self._print(batch)
            self._count(batch)
        left = cards.count_work(self._connection, self._run.run_ref)
        self._done = self._run.contracts - left

    def _make_batch(self) -> int:
        """Make and print the cards of the next contracts; return how many, 0 when none is left.

        A kill before the commit leaves these contracts to be done; a kill after it leaves cards
        without a file, which the next run prints from what is kept.
        """
        with self._connection.transaction():
            lines = cards.take_work(self._connection, self._run)
            made = self._maker.make(self._connection, lines) if lines else []
            batch_ref = randomness.randbits(62) + 1
            if made:
                cards.add_batch(
                    self._connection, self._run, self._insurer.insurer_id, batch_ref, made
                )
                canaries.add_card_keys(self._connection, batch_ref)
        for batch in cards.list_batches(self._connection, self._run.run_ref, batch_ref=batch_ref):
            self._print(batch)
            self._count(batch)
        return len({line.contract_ref for line in lines})

    def _count(self, batch: StoredBatch) -> None:
        self._cards += batch.cards
        self._batches += batch.cards > 0

    def _print(self, batch: StoredBatch) -> None:
        prints = [
            decode_print(self._secrets.prints.open(serial, sealed))
            for serial, sealed in cards.load_prints(self._connection, batch.batch_ref)
        ]
        if not prints:
            return  # canaries only: there is no letter
        content = render_letters(
            prints, operator=OPERATOR, made_at=batch.made_at, logo=self._request.logo
        )
        # Whole or absent: a kill here leaves a draft that nobody reads, and the batch unprinted.
        _write_file(self._request.out / self._name_file(batch), [content])
        digest = hashlib.sha256(content).digest()
        with self._connection.transaction():
            cards.note_printed(self._connection, batch.batch_ref, digest)

    def _write_index(self) -> Path:
        path = self._request.out / f"{self._stem}-index.csv"
        with self._connection.transaction():
            rows = cards.iterate_run_cards(self._connection, self._run.run_ref)
            lines = (f"{number};{page};{card.format()}\r\n".encode() for number, page, card in rows)
            _write_file(path, chain([b"batch;page;card\r\n"], lines))
        return path

    @property
    def _stem(self) -> str:
        head = f"cartes-{self._insurer.amc_number}-{self._run.year}"
        if self._run.kind == "orders":
            return f"{head}-commandes-{self._run.started_at:%Y%m%dT%H%M%S}"
        return f"{head}-{self._run.started_at:%Y%m%dT%H%M%S}"

    def _name_file(self, batch: StoredBatch) -> str:
        return f"{self._stem}-lot-{batch.number:05}.pdf"


def _make_directory(path: Path) -> None:
    try:
        path.mkdir(parents=True, exist_ok=True, mode=0o700)
    except OSError as failure:
        raise Unavailable(f"{path} cannot be made ({failure.strerror}): give another --out") from (
            failure
        )


def _write_file(path: Path, content: Iterable[bytes]) -> None:
    """Write a file whole, readable by its owner only: it holds names, addresses and codes."""
    try:
        with write_whole(path) as stream:
            stream.writelines(content)
    except OSError as failure:
        raise Unavailable(
            f"{path} cannot be written ({failure.strerror}): make room, run the same again"
        ) from failure
