"""What the portals are given by whoever starts them: a database, the gateway, a clock.

The portals build none of these themselves, so a test hands them its own.
"""

import uuid
from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import date, datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import Any, Protocol, cast

from django.conf import settings
from psycopg import Connection

from rempart.disclosure.note import NoteVerifier
from rempart.disclosure.witness import Quorum
from rempart.exchange.legal_notices import LegalNotices
from rempart.exchange.payee_check import PayeeProvider
from rempart.kernel.iban import Iban
from rempart.kernel.instants import to_paris_day
from rempart.portals.allowances import Allowances
from rempart.portals.gateway_client import GatewayClient
from rempart.portals.oidc import ProviderBook
from rempart.portals.service_watch import ServiceWatch
from rempart.rights.lookup import Identifiers
from rempart.workflows.claims.dispute_care import SealsWords
from rempart.workflows.claims.read_pecs import PecNumbers
from rempart.workflows.ledger.publish_ledger import UnfinishedTiles
from rempart.workflows.ledger.read_on_record import Readings
from rempart.workflows.ledger.record_act import ActsLog
from rempart.workflows.members.member_history import SealedFiles
from rempart.workflows.notices.campaign_contacts import ClosesFiles
from rempart.workflows.rights.presence_codes import SealsCodes
from rempart.workflows.rights.read_cards import OpensPrints


class Desk(Protocol):
    """The portals' tools. A workflow gets the transaction and never commits it."""

    @property
    def gateway(self) -> GatewayClient:
        """The gateway, spoken to over HTTP like by any other client."""
        ...

    @property
    def providers(self) -> ProviderBook:
        """The identity providers people may come through."""
        ...

    @property
    def trusted_proxies(self) -> tuple[IPv4Network | IPv6Network, ...]:
        """Networks whose X-Forwarded-For is believed."""
        ...

    @property
    def allowances(self) -> Allowances:
        """How often each address may try to come in."""
        ...

    @property
    def sensitive_needs_device(self) -> bool:
        """Whether a sensitive act waits for a session bound to its device."""
        ...

    @property
    def payee_provider(self) -> PayeeProvider:
        """Whoever says whether a name goes with an account."""
        ...

    @property
    def quorum(self) -> Quorum:
        """The witnesses whose cosignatures a published checkpoint needs."""
        ...

    @property
    def acts(self) -> ActsLog:
        """Where a reading of the ledger is recorded before it happens."""
        ...

    @property
    def unfinished_tiles(self) -> UnfinishedTiles:
        """What this process remembers of the right edge of published trees."""
        ...

    @property
    def sealed_files(self) -> SealedFiles | None:
        """The files of cold segments, for a member's own page; None where there are none."""
        ...

    @property
    def readings(self) -> Readings:
        """Which readings of the ledger go on, already recorded."""
        ...

    @property
    def log_keys(self) -> Sequence[NoteVerifier]:
        """The keys of this installation's logs, for checking proofs without a database."""
        ...

    def name_contract(self, amc_number: str, contract_number: str) -> int:
        """Return what a contract's exact number leads to in the database; nothing goes back."""
        ...

    def designate(self, identifiers: Identifiers) -> bytes:
        """Return what identifiers lead to in the database; nothing here goes back from it."""
        ...

    def recall(self, lookup_key: bytes) -> uuid.UUID:
        """Return what evidence of erasure knows somebody by; nothing goes back from it."""
        ...

    def close_iban(self, iban: Iban, *, establishment_ref: int) -> bytes:
        """Seal an account for an establishment; nothing here opens it again."""
        ...

    def close_address(self, text: str, contact_ref: int) -> bytes:
        """Seal an address, or the code sent there, for whoever sends warnings; none opens here."""
        ...

    def close_joiner(self, text: str, movement_ref: int) -> bytes:
        """Seal who joins an employer's list, for feeds; nothing here opens it again."""
        ...

    @property
    def contacts_slot(self) -> ClosesFiles:
        """What closes files of contact data; nothing here opens them."""
        ...

    @property
    def letters_to(self) -> Path | None:
        """Where batches of letters are written; None: none are printed here."""
        ...

    @property
    def prints(self) -> OpensPrints:
        """What opens the print of a visitor's own card."""
        ...

    def transaction(self) -> AbstractContextManager[Connection[tuple[Any, ...]]]:
        """Open a transaction of the role `portals`: committed at the end, or rolled back."""
        ...

    def signin(self) -> AbstractContextManager[Connection[tuple[Any, ...]]]:
        """Open a transaction of the role `signin`, which recognises people."""
        ...

    @property
    def public_url(self) -> str:
        """Where browsers see us, without a slash at the end: `https://tp.example`."""
        ...

    @property
    def services(self) -> ServiceWatch:
        """How the services are."""
        ...

    @property
    def card_root(self) -> bytes:
        """The public key under which lists for verifying cards are signed."""
        ...

    @property
    def code_seal(self) -> SealsCodes:
        """What opens the secret of a member's rotating code."""
        ...

    @property
    def member_seal(self) -> SealsWords:
        """What seals and opens what members and their insurer write to one another."""
        ...

    @property
    def pec_numbers(self) -> PecNumbers:
        """What writes and reads the numbers of promises."""
        ...

    @property
    def legal(self) -> LegalNotices | None:
        """Who answers for the site; None: its operator did not say."""
        ...

    def now(self) -> datetime:
        """Return the present instant, with its time zone."""
        ...


def get_desk() -> Desk:
    """Return the desk this process was configured with."""
    # A setting of ours that django-stubs does not know.
    return cast("Desk", settings.REMPART_DESK)  # type: ignore[misc]


def get_today() -> date:
    """Return the present civil date in Paris."""
    return to_paris_day(get_desk().now())
