"""Prepares the pieces of a feed in worker processes, and gives them back in order.

Refuses to run ahead: a few pieces are in hand at any time, so that memory stays bounded.
"""

import multiprocessing
import signal
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from rempart.exchange.feed_pieces import Piece
from rempart.kernel.errors import Unavailable
from rempart.workflows.feeds.prepare_feed import Preparer, prepare_in_worker, start_worker
from rempart.workflows.feeds.prepared_feed import Orders, PreparedPiece, decode_piece


def prepare_pieces(
    pieces: Iterator[Piece], orders: Orders, *, workers: int
) -> Iterator[PreparedPiece]:
    """Prepare pieces.

    Args:
        pieces: In the order of the file.
        orders: Of the import.
        workers: How many processes; 0 works in this one, which is faster for a small file.

    Returns:
        Prepared pieces in the order of the file.

    Raises:
        Unavailable: a worker was killed; no piece of it was handed over.
    """
    if workers == 0:
        preparer = Preparer(orders)
        yield from map(preparer.prepare, pieces)
        return
    # Spawned, not forked: a fork would share the connection to the database.
    pool = ProcessPoolExecutor(
        workers, multiprocessing.get_context("spawn"), start_worker, (orders,)
    )
    try:
        yield from _run(pool, pieces, ahead=workers + 1)
    except BrokenProcessPool as failure:
        raise Unavailable(
            "a worker process of the import was killed, perhaps for lack of memory. Run the same "
            "command again: it resumes; --workers 0 needs the least memory"
        ) from failure
    finally:
        pool.shutdown(cancel_futures=True)


def _run(
    pool: ProcessPoolExecutor, pieces: Iterator[Piece], *, ahead: int
) -> Iterator[PreparedPiece]:
    waiting: deque[Future[bytes]] = deque()
    for piece in pieces:
        with _ctrl_c_held():
            waiting.append(pool.submit(prepare_in_worker, piece))
        if len(waiting) >= ahead:
            yield decode_piece(waiting.popleft().result())
    while waiting:
        yield decode_piece(waiting.popleft().result())


@contextmanager
def _ctrl_c_held() -> Iterator[None]:
    """Hold Ctrl-C while a worker may be born: it inherits that, and leaves Ctrl-C to us."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
