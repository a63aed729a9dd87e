"""Imports an insurer's feed: all of it or nothing, whatever happens on the way.

Refuses to publish a feed that is not whole, that has too many faults or that would close too many
people. Opens its own transactions, one for each piece, because a feed of millions of rows must not
be lost to a kill; what readers see changes in the last one only.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import Literal, TypeAlias

from rempart.exchange.feed_file import PIECE_BYTES, Feed, compute_digest, open_feed
from rempart.exchange.findings_file import write_findings
from rempart.kernel.errors import Conflict, FeedRefused, NotFound
from rempart.kernel.findings import Language
from rempart.storage import feeds, identity
from rempart.storage.connect import Transaction
from rempart.storage.feeds import FeedInsurer, FeedKind, PendingVersion
from rempart.storage.sealing import Kms, load_insurer_key
from rempart.storage.sheets import KeyTaken, prepare_connection
from rempart.workflows.feeds.apply_feed import FeedApplier
from rempart.workflows.feeds.feed_workers import prepare_pieces
from rempart.workflows.feeds.prepared_feed import Orders, PreparedPiece
from rempart.workflows.feeds.publish_feed import publish_version

MAX_REJECT_SHARE = 0.05
MAX_CLOSED_SHARE = 0.30
SMALL_INSURER = 100
"""Under so many members, a feed may close any share of them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedSecrets:
    """The keys an import works with.

    Args:
        lookup_key: Key of look-ups.
        contract_key: Key of blind references.
        kms: Keeps the master key of identities.
    """

    lookup_key: bytes = field(repr=False)
    contract_key: bytes = field(repr=False)
    kms: Kms = field(repr=False)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedRequest:
    """What to import, and how carefully.

    Args:
        path: The file.
        insurer_id: Whose feed it is.
        kind: Full states everybody; delta states what changed.
        today: Paris civil date.
        findings_path: Where to write the findings if there are any, or None not to.
        max_reject_share: Above this share of rejected rows, nothing is published.
        max_closed_share: Above this share of members closed by the feed, nothing is published.
        language: In which to write the findings.
        dry_run: Whether to undo everything at the end.
        again: Whether to apply once more a full feed that later ones replaced.
        workers: Processes that prepare rows; 0 for none but this one.
        piece_bytes: About how much of the file is applied at a time.
    """

    path: Path
    insurer_id: int
    kind: FeedKind
    today: date
    findings_path: Path | None = None
    max_reject_share: float = MAX_REJECT_SHARE
    max_closed_share: float = MAX_CLOSED_SHARE
    language: Language = "fr"
    dry_run: bool = False
    again: bool = False
    workers: int = 0
    piece_bytes: int = PIECE_BYTES


@dataclass(frozen=True, slots=True)
class FeedUnchanged:
    """This very file was published already: nothing was done.

    Args:
        feed_version: Its number.
        published_at: When.
        superseded: Whether a later feed was published since, which this one would undo.
    """

    feed_version: int
    published_at: datetime
    superseded: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPublished:
    """The feed is published, or would be.

    Args:
        feed_version: Its number.
        applied: Rows applied.
        rejected: Rows left out.
        closed: Members it leaves without a line that lasts, not stated or ended.
        left: People moved out of the gateway's reach.
        findings: Number of findings by rule, the most frequent first.
        resumed_from: Rows an earlier process had done.
        dry_run: Whether everything was undone.
    """

    feed_version: int
    applied: int
    rejected: int
    closed: int
    left: int
    findings: dict[str, int]
    resumed_from: int
    dry_run: bool


ImportOutcome: TypeAlias = FeedUnchanged | FeedPublished


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an import is.

    Args:
        stage: What is being done.
        share: Of the file, from 0 to 1.
        rows: Rows done.
    """

    stage: Literal["read", "publish"]
    share: float
    rows: int


def import_feed(
    connection: Transaction,
    secrets: FeedSecrets,
    request: FeedRequest,
    *,
    report: Callable[[Progress], None] = lambda _: None,
) -> ImportOutcome:
    """Import a feed, or go on with one that was interrupted.

    Args:
        connection: An autocommit connection of the role `feeds`, kept for this import alone.
        secrets: Keys.
        request: What to import.
        report: Told after each piece.

    Returns:
        FeedPublished; or FeedUnchanged when this file was published already.

    Raises:
        NotFound: the insurer is not registered.
        FeedRefused: the file can never be applied; the findings were written, and everything
            loaded from it was discarded.
        Conflict: another import of this insurer is running, or another file is half loaded.
        Unavailable: disk full, database gone, worker killed: run the same again to resume.
    """
    prepare_connection(connection)
    with feeds.translate_failures("run the same command again: it resumes"):
        insurer = feeds.load_insurer(connection, request.insurer_id)
        if insurer is None:
            raise NotFound(
                f"insurer {request.insurer_id} is not registered: give its name with --name"
            )
        feeds.claim_insurer(connection, request.insurer_id)
        digest = compute_digest(request.path)
        published = feeds.load_published(connection, insurer.insurer_id, request.kind, digest)
        if published is not None and not (published.superseded and request.again):
            return FeedUnchanged(
                published.feed_version, published.published_at, published.superseded
            )
        undone = connection.transaction(force_rollback=True) if request.dry_run else nullcontext()
        opened = open_feed(request.path, language=request.language, piece_bytes=request.piece_bytes)
        with undone, opened as feed:
            version = _take_version(connection, request, digest, feed)
            work = _Import(connection, secrets, request, insurer, version, feed, report)
            with work.discarded_if_refused():
                work.load()
                return work.publish()


def discard_feed(connection: Transaction, insurer_id: int) -> PendingVersion:
    """Give up the feed that is half loaded for an insurer.

    Raises:
        NotFound: there is none.
        Conflict: its import is running.
    """
    feeds.claim_insurer(connection, insurer_id)
    version = feeds.load_pending_version(connection, insurer_id)
    if version is None:
        raise NotFound(f"no feed of insurer {insurer_id} is half loaded: nothing to discard")
    _discard(connection, insurer_id, version.feed_version)
    return version


def _discard(connection: Transaction, insurer_id: int, feed_version: int) -> None:
    with connection.transaction():
        feeds.lock_insurer(connection, insurer_id)
        feeds.discard_sheets(connection, insurer_id, feed_version)
        identity.discard_persons(connection, insurer_id, feed_version)


def _take_version(
    connection: Transaction, request: FeedRequest, digest: bytes, feed: Feed
) -> PendingVersion:
    """Go on with the version half loaded from this file, or open one."""
    version = feeds.load_pending_version(connection, request.insurer_id)
    if version is None:
        with connection.transaction():
            version = feeds.open_version(connection, request.insurer_id, request.kind, digest)
            feeds.add_findings(connection, version.feed_version, feed.header_findings)
        return version
    if (version.file_digest, version.kind) != (digest, request.kind):
        raise Conflict(
            f"another {version.kind} feed of insurer {request.insurer_id} is half loaded "
            f"({version.rows_done} rows): resume with the same file, or run "
            f"`rempart feed discard --insurer {request.insurer_id}`"
        )
    return version


def _look_at(path: Path) -> tuple[int, int]:
    state = path.stat()
    return state.st_size, state.st_mtime_ns


class _Import:
    """One import under way."""

    def __init__(
        self,
        connection: Transaction,
        secrets: FeedSecrets,
        request: FeedRequest,
        insurer: FeedInsurer,
        version: PendingVersion,
        feed: Feed,
        report: Callable[[Progress], None],
    ) -> None:
        self._connection = connection
        self._request = request
        self._insurer = insurer
        self._version = version
        self._feed = feed
        self._report = report
        self._rows_done = version.rows_done
        self._file_state = _look_at(request.path)
        self._orders = Orders(
            insurer_id=insurer.insurer_id,
            amc_number=insurer.amc_number,
            agreement=insurer.agreement,
            kind=request.kind,
            feed_version=version.feed_version,
            today=request.today,
            dialect=feed.dialect,
            lookup_key=secrets.lookup_key,
            contract_key=secrets.contract_key,
            insurer_key=load_insurer_key(connection, secrets.kms, insurer.insurer_id),
            first=request.kind == "full" and insurer.published_version == 0,
        )
        self._applier = FeedApplier(self._orders, resumed=version.rows_done > 0)

    @contextmanager
    def discarded_if_refused(self) -> Iterator[None]:
        """Leave nothing of a file that can never be applied."""
        try:
            yield
        except FeedRefused:
            _discard(self._connection, self._insurer.insurer_id, self._version.feed_version)
            raise

    def load(self) -> None:
        """Load the pieces that are not loaded yet, each with its count of rows.

        A kill between two pieces leaves the version pending with its count, and the next run skips
        so many rows; a kill within one leaves nothing of that piece.
        """
        pieces = self._feed.pieces(skip=self._rows_done)
        for piece in prepare_pieces(pieces, self._orders, workers=self._request.workers):
            try:
                self._apply(piece)
            except KeyTaken:
                # A card code of another insurer's member, or an import beside this one: ask for
                # every key from now on, and give each row its finding.
                self._applier.distrust()
                self._apply(piece)
            self._rows_done += piece.rows
            self._report(Progress("read", self._feed.done_share(), self._rows_done))
        if _look_at(self._request.path) != self._file_state:
            raise FeedRefused(
                f"{self._request.path.name} changed while it was read. Nothing was changed: "
                "import it again once it is written"
            )
        if self._rows_done == 0:
            raise FeedRefused(f"{self._request.path.name} has a header and no row")
        while self._settle_some():
            pass

    def _apply(self, piece: PreparedPiece) -> None:
        with self._connection.transaction():
            self._applier.apply(self._connection, piece, rows_done=self._rows_done)

    def publish(self) -> FeedPublished:
        """Write the findings, then show the whole feed at once."""
        self._report(Progress("publish", 1.0, self._rows_done))
        self._write_findings()
        version = self._check_faults()
        closed = self._check_closures()
        with self._connection.transaction():
            left = self._flip()
        findings = feeds.count_findings(self._connection, version.feed_version)
        return FeedPublished(
            feed_version=version.feed_version,
            applied=version.rows_applied,
            rejected=version.rows_rejected,
            closed=closed,
            left=left,
            findings=findings,
            resumed_from=self._version.rows_done,
            dry_run=self._request.dry_run,
        )

    def _settle_some(self) -> bool:
        if self._request.kind == "full":
            return False
        with self._connection.transaction():
            return self._applier.settle_waiting(self._connection, rows_done=self._rows_done)

    def _write_findings(self) -> None:
        """Write the findings before anything is published: a full disk must not hide them."""
        path = self._request.findings_path
        if path is None:
            return
        if not feeds.count_findings(self._connection, self._version.feed_version):
            path.unlink(missing_ok=True)  # those of another day would mislead
            return
        with self._connection.transaction():
            found = feeds.load_findings(self._connection, self._version.feed_version)
            write_findings(path, found)

    def _check_faults(self) -> PendingVersion:
        version = feeds.load_pending_version(self._connection, self._insurer.insurer_id)
        if version is None:
            raise Conflict(f"feed version {self._version.feed_version} was discarded elsewhere")
        total = version.rows_applied + version.rows_rejected
        if version.rows_applied == 0:
            raise FeedRefused(
                f"none of the {total} rows can be applied. Nothing was published: see the findings "
                "and correct the file"
            )
        if version.rows_rejected > self._request.max_reject_share * total:
            raise FeedRefused(
                f"{version.rows_rejected} of {total} rows are rejected, more than "
                f"{self._request.max_reject_share:.0%}. Nothing was published: see the findings, "
                "correct the file, or raise --max-reject-share"
            )
        return version

    def _check_closures(self) -> int:
        """Count the members a feed closes, and refuse what looks like half a file or an old one."""
        if self._orders.first:
            return 0
        closing, members = feeds.count_closing(
            self._connection, self._insurer.insurer_id, self._version, self._request.today
        )
        if members >= SMALL_INSURER and closing > self._request.max_closed_share * members:
            left_out = "are not in this full feed, or have no line left in it"
            if self._request.kind == "delta":
                left_out = "have no line left after this delta"
            raise FeedRefused(
                f"{closing} of {members} members {left_out}, more than "
                f"{self._request.max_closed_share:.0%}. Nothing was published: is the file whole, "
                "and the newest? If they did leave, raise --max-closed-share"
            )
        return closing

    def _flip(self) -> int:
        """Settle what could not show before, and publish. Returns how many people left."""
        connection, version = self._connection, self._version.feed_version
        feeds.lock_insurer(connection, self._insurer.insurer_id)
        if self._request.kind == "full" and not self._orders.first:
            feeds.close_absent(connection, self._insurer.insurer_id, version)
        return publish_version(
            connection,
            self._insurer.insurer_id,
            version,
            rows_done=self._rows_done,
            today=self._request.today,
            sweeps=not self._orders.first,
        )
