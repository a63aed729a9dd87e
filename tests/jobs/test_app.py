"""The worker's process: it ends with its worker, and ends it in good order."""

import asyncio
import os
import signal
import threading

import pytest

from rempart.jobs.app import WorkApp


class SomeWorker:
    """A worker that works until it is told to stop, or breaks at once."""

    def __init__(self, *, breaks: bool) -> None:
        self.breaks = breaks
        self.stopped = threading.Event()

    def stop(self) -> None:
        self.stopped.set()

    async def run(self) -> None:
        if self.breaks:
            raise LookupError("something nobody thought of")
        await asyncio.to_thread(self.stopped.wait)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
@pytest.mark.parametrize("breaks", [True, False])
def test_a_worker_that_breaks_ends_its_process(monkeypatch: pytest.MonkeyPatch, breaks: bool):
    """What is left would answer and do nothing: the process is what gets started again."""
    killed: list[tuple[int, int]] = []
    ended = threading.Event()
    monkeypatch.setattr(os, "kill", lambda *given: (killed.append(given), ended.set()))
    messages = iter(["lifespan.startup", "lifespan.shutdown"])

    async def receive() -> dict[str, str]:
        kind = next(messages)
        if kind == "lifespan.shutdown" and breaks:
            assert await asyncio.to_thread(ended.wait, 10)
        return {"type": kind}

    async def send(_: object) -> None:
        pass

    app = WorkApp(SomeWorker(breaks=breaks))  # type: ignore[arg-type]
    asyncio.run(app({"type": "lifespan"}, receive, send))
    assert killed == ([(os.getpid(), signal.SIGTERM)] if breaks else [])
