"""The simulated Pro Santé Connect and the simulated company's provider, as one application.

Refuses to be reached from elsewhere: it is for this machine, whoever starts it checks that.
"""

import threading
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Final

import httpx

from rempart.simulators.clients import ClientBook, RegisteredClient
from rempart.simulators.messages import Reply, Request, answer_page, answer_style
from rempart.simulators.pages import Wallet
from rempart.simulators.people import (
    Directory,
    Person,
    describe_agent,
    describe_professional,
)
from rempart.simulators.provider import Clock, PostForm, Realm
from rempart.simulators.tokens import Signer

PSC_REALM: Final = "esante-wallet"
COMPANY_REALM: Final = "entreprise"
PSC_DISCOVERY_NAME: Final = "wallet-openid-configuration"
_POST_TIMEOUT_S: Final = 5.0


@dataclass(frozen=True, slots=True)
class Simulator:
    """Both realms behind one origin."""

    psc: Realm
    company: Realm
    post: PostForm
    outbox: "Outbox"
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def answer(self, request: Request) -> Reply:
        """Answer one request: one at a time, but for what it sends to clients."""
        with self._lock:
            reply = self._answer(request)
            letters = self.outbox.empty()
        # Whoever gets a logout token asks for our keys before it answers: not under the lock.
        for address, form in letters:
            self.post(address, form)
        return reply

    def _answer(self, request: Request) -> Reply:
        if request.path == "/simulateur.css":
            return answer_style()
        for realm in (self.psc, self.company):
            answer = Wallet(realm).find_answer(request)
            if answer is not None:
                realm.memory.forget(realm.clock())
                return answer()
        if request.path in {"/", "/healthz"}:
            return answer_page("Simulateur Pro Santé Connect", _HOME)
        return answer_page("Page introuvable", "<p>Cette adresse ne mène nulle part.</p>", 404)


class Outbox:
    """Logout tokens on their way."""

    def __init__(self) -> None:
        self._letters: list[tuple[str, Mapping[str, str]]] = []

    def add(self, address: str, form: Mapping[str, str]) -> None:
        """Keep one until the request that caused it is answered."""
        self._letters.append((address, form))

    def empty(self) -> list[tuple[str, Mapping[str, str]]]:
        """Return what waits, and keep nothing."""
        letters, self._letters = self._letters, []
        return letters


def make_simulator(
    *,
    base_url: str,
    professionals: Iterable[Person],
    agents: Iterable[Person],
    psc_clients: Iterable[RegisteredClient],
    company_clients: Iterable[RegisteredClient],
    post: PostForm | None = None,
    clock: Clock = time.time,
    signer: Signer | None = None,
    auto_approve: bool = False,
) -> Simulator:
    """Build both realms.

    Args:
        base_url: The origin browsers see, without a slash at the end.
        professionals: Who can sign in at Pro Santé Connect.
        agents: Who can sign in at the company.
        psc_clients: Applications known to the first.
        company_clients: Applications known to the second.
        post: How logout tokens travel; HTTP by default.
        clock: Seconds since 1970.
        signer: The keys of both; drawn now by default.
        auto_approve: Whether CIBA requests are approved without a click.
    """
    keys, outbox = signer or Signer.create(), Outbox()
    psc = Realm(
        name=PSC_REALM,
        base_url=base_url,
        discovery_name=PSC_DISCOVERY_NAME,
        authorize_path="/wallet/auth",
        acr="eidas1",
        has_ciba=True,
        title="Pro Santé Connect (simulateur)",
        people=Directory(professionals),
        describe=describe_professional,
        clients=ClientBook(psc_clients),
        post=outbox.add,
        clock=clock,
        signer=keys,
        auto_approve=auto_approve,
    )
    company = Realm(
        name=COMPANY_REALM,
        base_url=base_url,
        discovery_name="openid-configuration",
        authorize_path="/entreprise/auth",
        acr="",
        has_ciba=False,
        title="Fournisseur d’identité d’entreprise (simulateur)",
        people=Directory(agents),
        describe=describe_agent,
        clients=ClientBook(company_clients),
        post=outbox.add,
        clock=clock,
        signer=keys,
    )
    return Simulator(psc, company, post or post_form, outbox)


def post_form(address: str, form: Mapping[str, str]) -> None:
    """Post a form; a client that does not answer is told nothing more, as in reality."""
    try:
        httpx.post(address, data=dict(form), timeout=_POST_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError:
        return


def describe_addresses(simulator: Simulator) -> Iterable[tuple[str, str]]:
    """Yield what a developer needs to know: a name and an address."""
    for title, realm in (("Pro Santé Connect", simulator.psc), ("entreprise", simulator.company)):
        yield title, f"{realm.issuer}/.well-known/{realm.discovery_name}"
    yield "demandes CIBA", f"{simulator.psc.base_url}/wallet/ciba"


_HOME: Final = """<p>Deux fournisseurs OpenID Connect pour développer et essayer :</p>
<ul><li><a href="/auth/realms/esante-wallet/.well-known/wallet-openid-configuration">
Pro Santé Connect</a></li>
<li><a href="/auth/realms/entreprise/.well-known/openid-configuration">entreprise</a></li>
<li><a href="/wallet/ciba">demandes CIBA en attente</a></li></ul>"""
