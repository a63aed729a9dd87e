"""The simulated providers in this process, spoken to without a socket, and a browser that walks."""

import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlencode, urlsplit

import httpx
from django.http import HttpResponse
from django.test import Client

from rempart.portals.oidc import PSC, Provider, ProviderBook
from rempart.simulators.clients import RegisteredClient
from rempart.simulators.faults import Fault
from rempart.simulators.messages import Reply, Request, read_parameters
from rempart.simulators.people import Person
from rempart.simulators.psc import Simulator, make_simulator
from rempart.simulators.tokens import Signer

OURS = "http://localhost"
THEIRS = "http://localhost:8089"
SECRET = "un secret partagé, avec + et %"
COMPANY = "entreprise"
_signer: list[Signer] = []


def get_signer() -> Signer:
    """Return one pair of keys for the whole test run: drawing them takes a while."""
    if not _signer:
        _signer.append(Signer.create())
    return _signer[0]


@dataclass
class Providers:
    """Both simulated providers, and what they sent to clients."""

    clock: Callable[[], float]
    professionals: Iterable[Person] = ()
    agents: Iterable[Person] = ()
    key: Mapping[str, object] | None = None
    letters: list[tuple[str, Mapping[str, str]]] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.simulator: Simulator = make_simulator(
            base_url=THEIRS,
            professionals=self.professionals,
            agents=self.agents,
            psc_clients=[
                RegisteredClient(
                    client_id="rempart",
                    secret=SECRET,
                    jwks=self.key,
                    redirect_uris=(f"{OURS}/connexion/psc/retour",),
                    logout_uri=f"{OURS}/connexion/psc/deconnexion",
                    home_uri=f"{OURS}/",
                )
            ],
            company_clients=[
                RegisteredClient(
                    client_id="rempart",
                    secret=SECRET,
                    redirect_uris=(f"{OURS}/connexion/fournisseur/{COMPANY}/retour",),
                    logout_uri=f"{OURS}/connexion/fournisseur/{COMPANY}/deconnexion",
                    home_uri=f"{OURS}/",
                )
            ],
            post=lambda address, form: self.letters.append((address, form)),
            clock=self.clock,
            signer=get_signer(),
        )

    def book(self) -> ProviderBook:
        """Return our side of both."""
        return ProviderBook([make_psc(), make_company()], transport=self.transport)

    @property
    def transport(self) -> httpx.BaseTransport:
        """Carry httpx requests to the simulator."""
        return httpx.MockTransport(self.carry)

    def carry(self, request: httpx.Request) -> httpx.Response:
        """Answer one httpx request."""
        self.asked.append(request.url.path)
        reply = self.simulator.answer(
            Request(
                method=request.method,
                path=request.url.path,
                query=read_parameters(request.url.query.decode()),
                headers={name.lower(): value for name, value in request.headers.items()},
                body=request.read(),
            )
        )
        stream = httpx.ByteStream(reply.body)
        return httpx.Response(reply.status, headers=list(reply.headers), stream=stream)


@dataclass
class Walker:
    """One person's browser, seen from the provider: its cookie, and what its page does."""

    simulator: Simulator
    cookies: dict[str, str] = field(default_factory=dict)

    def ask(self, method: str, address: str, form: Mapping[str, str] | None = None) -> Reply:
        """Send one request to the provider and keep its cookie."""
        parts = urlsplit(address)
        headers = {"cookie": "; ".join(f"{k}={v}" for k, v in self.cookies.items())}
        reply = self.simulator.answer(
            Request(
                method=method,
                path=parts.path,
                query=dict(parse_qsl(parts.query)),
                headers=headers,
                body=urlencode(form or {}).encode(),
            )
        )
        for name, value in reply.headers:
            if name == "set-cookie":
                cookie, _, rest = value.partition("=")
                self.cookies[cookie] = rest.partition(";")[0]
        return reply

    def sign_in(self, address: str, person: Person, fault: Fault | None = None) -> str:
        """Open the provider's page and be somebody; return where the browser is sent."""
        shown = self.ask("GET", address)
        if shown.status == 303:
            return read_location(shown)
        [name] = set(re.findall(r'name="page" value="([^"]+)"', shown.body.decode()))
        form = {"page": name, "person": person.subject, "channel": "CARD", "fault": fault or ""}
        path = urlsplit(address).path
        return read_location(self.ask("POST", f"{path}/choix", form))


def read_location(reply: Reply) -> str:
    """Return where a reply sends the browser."""
    assert reply.status == 303, reply.body.decode()
    return dict(reply.headers)["location"]


def come_back(browser: Client, address: str) -> HttpResponse:
    """Follow the provider's redirection to us."""
    parts = urlsplit(address)
    assert f"{parts.scheme}://{parts.netloc}" == OURS
    return browser.get(f"{parts.path}?{parts.query}")


def make_psc(**changes: object) -> Provider:
    """Return the configuration of the simulated Pro Santé Connect."""
    values: dict[str, object] = {
        "name": PSC,
        "label": "Pro Santé Connect",
        "discovery": f"{THEIRS}/auth/realms/esante-wallet/.well-known/wallet-openid-configuration",
        "client_id": "rempart",
        "secret": SECRET,
        "key": None,
        "scope": "openid scope_all",
        "acr_values": ("eidas1",),
        "audience": "professionals",
    }
    return Provider(**{**values, **changes})


def make_company(**changes: object) -> Provider:
    """Return the configuration of the simulated company provider."""
    values: dict[str, object] = {
        "name": COMPANY,
        "label": "Entreprise",
        "discovery": f"{THEIRS}/auth/realms/entreprise/.well-known/openid-configuration",
        "client_id": "rempart",
        "secret": SECRET,
        "key": None,
        "scope": "openid profile",
        "acr_values": (),
        "audience": "agents",
    }
    return Provider(**{**values, **changes})
