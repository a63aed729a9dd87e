"""The worker under `rempart serve`: watched like the others, its health and its counts over HTTP.

Asked to stop, it takes no more jobs and lets those under way reach a place to stop. Stopped by
anything else, it ends the process, which is started again.
"""

import asyncio
import logging
import os
import signal
import threading
from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any, Final

from rempart.jobs.worker import JobWorker
from rempart.wiring.database import Installation, locate_database
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

_PLAIN: Final = b"text/plain; charset=utf-8"

Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class WorkApp:
    """The process as an ASGI application: the worker in a thread with a loop of its own."""

    def __init__(self, worker: JobWorker) -> None:
        self._worker = worker
        self._is_ending = False
        self._thread = threading.Thread(target=self._work, daemon=True, name="worker")

    async def __call__(self, scope: MutableMapping[str, Any], receive: Receive, send: Send) -> None:
        """Live, or answer one request."""
        if scope["type"] == "lifespan":
            while True:
                message = await receive()
                if message["type"] == "lifespan.startup":
                    self._thread.start()
                else:
                    self._is_ending = True
                    self._worker.stop()
                    await asyncio.to_thread(self._thread.join)
                await send({"type": f"{message['type']}.complete"})
                if message["type"] == "lifespan.shutdown":
                    return
        elif scope["type"] == "http":
            found = scope["path"] == "/healthz"
            works = self._thread.is_alive()
            status = 404 if not found else 200 if works else 503
            body = b"nothing here\n" if not found else b"ok\n" if works else b"stopped\n"
            headers = [(b"content-type", _PLAIN)]
            await send({"type": "http.response.start", "status": status, "headers": headers})
            await send({"type": "http.response.body", "body": body})

    def _work(self) -> None:
        try:
            asyncio.run(self._worker.run())
        finally:
            if not self._is_ending:
                os.kill(os.getpid(), signal.SIGTERM)


def create_app() -> WorkApp:
    """Build the process from the environment; granian calls it in its worker."""
    say_less()
    settings = Settings.from_environment()
    home = Home.open(settings.home)
    installation = Installation(
        settings=settings, home=home, database=locate_database(settings, home)
    )
    return WorkApp(JobWorker(installation=installation, concurrency=settings.work_concurrency))


def say_less() -> None:
    """Log what we say; the queue's library would log tracebacks, which may quote a row."""
    logging.basicConfig(format="rempart: %(message)s", level=logging.INFO)
    logging.getLogger("procrastinate").setLevel(logging.CRITICAL + 1)
