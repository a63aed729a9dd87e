"""The same gateway answering without a database: what HTTP, JSON and the rules cost by themselves.

Only a benchmark can build it: no setting leads here.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import date
from typing import Any

from litestar import Litestar

from rempart.accounts.allowance import Allowance
from rempart.accounts.session import Origin, Session
from rempart.accounts.tokens import Bearer, Standing
from rempart.disclosure.checkpoint import Checkpoint, sign_checkpoint
from rempart.disclosure.entry import Draft
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.tree import EMPTY_ROOT
from rempart.exchange.psc_introspection import PscToken
from rempart.gateway.app import Parts, build_app
from rempart.gateway.token_endpoint import TokenParts
from rempart.rights.coverage import Rate, Terms
from rempart.storage.gateway import Found, Sheet, Wanted
from rempart.storage.gateway_accounts import GatewayAccounts
from rempart.storage.ledger_writer import Receipt
from rempart.wiring.clock import SystemClock
from rempart.wiring.gateway_app import spare_collector
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings
from rempart.workflows.accounts.issue_token import Issuer
from rempart.workflows.rights.open_session import SessionBook
from rempart.workflows.rights.rights_desk import Desk

TERMS = {
    1: Terms(convention_type="IS", csr="", responsible=True, domains={"PHAR": Rate(rate_bp=10000)})
}
ROW = {
    "insurer_id": 1,
    "opened_in": 1,
    "contract_ref": [1],
    "starts_on": [date(2020, 1, 1)],
    "ends_on": [date.max],
    "suspended_from": [date.max],
    "suspended_to": [date.max],
    "terms_id": [1],
    "agreement_from": date(2020, 1, 1),
    "agreement_to": date.max,
}


class EverybodyCovered:
    """Sheets that cost nothing to read: everybody has the same."""

    async def load(self, wanted: Sequence[Wanted]) -> list[Found]:
        found = Found(1, 1, Sheet(ROW, TERMS), None)
        return [found] * len(wanted)

    async def load_sessions(
        self,
        origins: Sequence[Origin],  # noqa: ARG002
        *,
        log_id: int,  # noqa: ARG002
        log_size: int,  # noqa: ARG002
    ) -> Mapping[Origin, Session]:
        return {}


class NoLedger:
    """A ledger that keeps nothing."""

    log_id = 1
    origin = "rempart.invalid/bench/log/1"

    def __init__(self) -> None:
        self.size = 0
        signer = NoteSigner(self.origin, bytes(32))
        self.checkpoint = sign_checkpoint(signer, Checkpoint(self.origin, 0, EMPTY_ROOT))

    async def append(self, drafts: Sequence[Draft], **_: Any) -> list[Receipt]:
        self.size += len(drafts)
        return []


class NoDatabaseDesk:
    """A desk without anything behind it."""

    def __init__(self) -> None:
        self.desk = Desk(
            sheets=EverybodyCovered(),
            ledger=NoLedger(),
            sessions=SessionBook(opened_ms=0),
            lookup_secret=bytes(32),
            engagement_secret=bytes(32),
        )

    async def write_checkpoint(self) -> None:
        """There is nothing to keep."""

    async def close(self) -> None:
        """There is nothing to close."""

    def abandon(self) -> None:
        """There is nothing to end."""


async def _open_desk(*, on_loss: Callable[[], None]) -> NoDatabaseDesk:  # noqa: ARG001
    return NoDatabaseDesk()


async def _load_standings(bearers: Sequence[Bearer]) -> list[Standing]:
    """Let every bearer act."""
    return [
        Standing(
            software_known=True,
            software_stopped=False,
            account_known=True,
            account_stopped=False,
            establishment_stopped=False,
            situation_held=True,
            session_live=True,
        )
    ] * len(bearers)


def _find_no_pool() -> Any:
    raise RuntimeError("there is no database here")


async def _recognise_nobody(token: str) -> PscToken | None:  # noqa: ARG001
    return None


async def _do_nothing() -> None:
    """Stand in for what needs a database."""


def create_app() -> Litestar:
    """Build the gateway without a database, for the tokens of the home in the environment."""
    settings = Settings.from_environment()
    issuer = Issuer(url=settings.public_url, key_seed=Home.open(settings.home).key("token"))
    app = build_app(
        Parts(
            open_desk=_open_desk,
            load_standings=_load_standings,
            tokens=TokenParts(
                issuer=issuer,
                accounts=GatewayAccounts(_find_no_pool),
                introspect=_recognise_nobody,
            ),
            ping=_do_nothing,
            keep_house=_do_nothing,
            clock=SystemClock(),
            allowance=Allowance(rate_per_s=1e6, burst=1_000_000),
            trusted_proxies=settings.trusted_proxies,
            certificate_peers=settings.certificate_peers,
            stop=lambda: None,
        )
    )
    spare_collector()
    return app
