"""One HTTP process under `rempart serve`: granian, one worker, gone when its parent is.

Run as `python -m rempart.wiring.http_server INTERFACE FACTORY HOST PORT`, its standard input held
open by the process that wants it alive.
"""

import os
import signal
import sys
import threading

from granian import Granian
from granian.constants import HTTPModes, Interfaces
from granian.log import LogLevels

DRAIN_S = 8
# Pages wait for the database more than they compute; beyond this, granian warns.
PORTAL_THREADS = 2 * (os.cpu_count() or 1) + 1


def serve(interface: str, factory: str, host: str, port: int) -> None:
    """Serve until SIGTERM, finishing the requests begun (for at most `DRAIN_S`)."""
    wsgi = interface == "wsgi"
    Granian(
        factory,
        address=host,
        port=port,
        interface=Interfaces.WSGI if wsgi else Interfaces.ASGI,
        factory=True,
        workers=1,
        blocking_threads=PORTAL_THREADS if wsgi else None,
        http=HTTPModes.http1,
        websockets=False,
        log_level=LogLevels.warning,
        log_access=False,
        workers_kill_timeout=DRAIN_S,
    ).serve()


def _stop_with_parent() -> None:
    """Ask ourselves to stop once nobody holds our standard input: the parent was killed."""
    while os.read(0, 1024):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


def main(arguments: list[str]) -> None:
    """Run the process."""
    interface, factory, host, port = arguments
    threading.Thread(target=_stop_with_parent, daemon=True).start()
    serve(interface, factory, host, int(port))


if __name__ == "__main__":
    main(sys.argv[1:])
