"""The mutation of I1 on the server's side: a gateway that does not ask what the server promises."""

from litestar import Litestar

from rempart.storage import ledger_opening
from rempart.wiring import gateway_app


def create_app() -> Litestar:
    """Build the gateway with a writer that starts on any server."""

    async def trust(_connection: object) -> None:
        """Skip the check that would refuse to start."""

    ledger_opening._check_guarantees = trust
    return gateway_app.create_app()
