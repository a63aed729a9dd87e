"""The ledger as anybody may check it: signed checkpoints, tiles of hashes, a page that explains.

Refuses addresses that are not written the one way they may be. Serves no entry and no leaf.
"""

import hashlib
from typing import Final

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from rempart.disclosure.publishing import BadTilePath, parse_tile_path
from rempart.portals.desk import get_desk
from rempart.portals.published import PublishedFile
from rempart.portals.visit import public
from rempart.workflows.ledger.publish_ledger import (
    describe_ledger,
    read_published_checkpoint,
    read_published_tile,
)

# A checkpoint moves with every batch; a tile of a given width never changes.
CHECKPOINT_CACHE: Final = "public, max-age=2"
TILE_CACHE: Final = "public, max-age=31536000, immutable"
_MOST_LOGS: Final = 32_767


@public
@require_safe
def ledger_page(request: HttpRequest) -> HttpResponse:
    """Say what the ledger is, who watches it, and how to check it without us."""
    desk = get_desk()
    with desk.transaction() as tx:
        ledger = describe_ledger(tx, desk.quorum)
    context = {"ledger": ledger, "quorum": desk.quorum, "url": f"{desk.public_url}/ledger"}
    return render(request, "portals/ledger.html", context)


@public
@require_safe
def checkpoint(request: HttpRequest, log: str) -> HttpResponse:
    """Serve the checkpoint of one log (C2SP tlog-checkpoint)."""
    log_id = _read_log(log)
    if log_id is None:
        return _answer_nothing()
    desk = get_desk()
    with desk.transaction() as tx:
        note = read_published_checkpoint(tx, log_id, desk.quorum)
    if note is None:
        return _answer_nothing()
    return _answer(request, note.encode(), "text/plain; charset=utf-8", CHECKPOINT_CACHE)


@public
@require_safe
def tile(request: HttpRequest, log: str, address: str) -> HttpResponse:
    """Serve one tile of hashes (C2SP tlog-tiles)."""
    log_id = _read_log(log)
    try:
        wanted = parse_tile_path(address)
    except BadTilePath:
        return _answer_nothing()
    if log_id is None:
        return _answer_nothing()
    desk = get_desk()
    with desk.transaction() as tx:
        hashes = read_published_tile(tx, log_id, wanted, desk.unfinished_tiles)
    if hashes is None:
        return _answer_nothing()
    return _answer(request, hashes, "application/octet-stream", TILE_CACHE)


def _read_log(log: str) -> int | None:
    """Return the number of a log written without leading zeroes, None for anything else."""
    if not (log.isascii() and log.isdecimal() and len(log) <= 5 and str(int(log)) == log):
        return None
    return int(log) if int(log) <= _MOST_LOGS else None


def _answer(request: HttpRequest, body: bytes, kind: str, cache: str) -> PublishedFile:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    known = [one.strip() for one in request.headers.get("If-None-Match", "").split(",")]
    if {tag, f"W/{tag}", "*"} & set(known):
        answer = PublishedFile(b"", content_type=kind, status=304)
        del answer.headers["Content-Type"]
    else:
        answer = PublishedFile(body, content_type=kind)
    answer.headers["ETag"] = tag
    answer.headers["Cache-Control"] = cache
    return answer


def _answer_nothing() -> PublishedFile:
    """Say there is no such file, now: it may come in a second, so nobody keeps this answer."""
    answer = PublishedFile(b"not published\n", content_type="text/plain; charset=utf-8", status=404)
    answer.headers["Cache-Control"] = "no-store"
    return answer
