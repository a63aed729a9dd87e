"""The simulated providers of one installation, as `rempart serve` runs them beside it.

Refuses an installation that browsers see elsewhere than on localhost.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

from rempart.kernel.errors import SetupError
from rempart.kernel.synthetic import (
    make_synthetic_finess,
    make_synthetic_rpps,
    make_synthetic_siret,
)
from rempart.portals.oidc import PSC
from rempart.simulators.clients import RegisteredClient
from rempart.simulators.messages import Receive, Scope, Send, serve_asgi
from rempart.simulators.people import (
    Activity,
    Person,
    load_agents,
    load_professionals,
    make_agent,
    make_professional,
)
from rempart.simulators.psc import Simulator, make_simulator
from rempart.wiring.home import Home
from rempart.wiring.providers import SIMULATED_COMPANY, make_simulated_secret
from rempart.wiring.settings import Settings

# A software publisher's own client, for the examples: anybody may know its secret.
EXAMPLE_CLIENT: Final = "logiciel-exemple"


def create_app() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Build the simulator from the environment; granian calls it in its worker."""
    settings = Settings.from_environment()
    return serve_asgi(make_installed_simulator(settings, Home.open(settings.home)).answer)


def create_approving_app() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """Build the same, which approves CIBA requests by itself."""
    settings = Settings.from_environment()
    simulator = make_installed_simulator(settings, Home.open(settings.home), auto_approve=True)
    return serve_asgi(simulator.answer)


def make_installed_simulator(
    settings: Settings, home: Home, *, auto_approve: bool = False
) -> Simulator:
    """Build the simulator whose only registered applications are this installation's.

    Raises:
        SetupError: a file of people cannot be read, or this is no developer's installation.
    """
    if not settings.dev_psc:
        raise SetupError("set REMPART_DEV_PSC=1 to run the simulated providers")
    ours = settings.public_url
    psc = RegisteredClient(
        client_id=settings.psc_client_id,
        secret=make_simulated_secret(home, PSC),
        redirect_uris=(f"{ours}/connexion/psc/retour",),
        logout_uri=f"{ours}/connexion/psc/deconnexion",
        home_uri=f"{ours}/",
    )
    example = RegisteredClient(
        client_id=EXAMPLE_CLIENT,
        secret=EXAMPLE_CLIENT,
        redirect_uris=("http://127.0.0.1/retour",),
    )
    company = RegisteredClient(
        client_id="rempart",
        secret=make_simulated_secret(home, SIMULATED_COMPANY),
        redirect_uris=(f"{ours}/connexion/fournisseur/{SIMULATED_COMPANY}/retour",),
        logout_uri=f"{ours}/connexion/fournisseur/{SIMULATED_COMPANY}/deconnexion",
        home_uri=f"{ours}/",
    )
    return make_simulator(
        base_url=f"http://localhost:{settings.dev_psc_port}",
        professionals=list_professionals(settings.dev_psc_professionals),
        agents=list_agents(settings.dev_psc_agents),
        psc_clients=[psc, example],
        company_clients=[company],
        auto_approve=auto_approve,
    )


def list_professionals(file: Path | None) -> list[Person]:
    """Return the professionals of a file; without one, a few invented ones."""
    return load_professionals(file) if file else make_sample_professionals()


def list_agents(file: Path | None) -> list[Person]:
    """Return the agents of a file; without one, three invented ones."""
    if file:
        return load_agents(file)
    return [
        make_agent("agent-operateur", "Camille Durand"),
        make_agent("agent-assureur", "Sacha Martin"),
        make_agent("agent-employeur", "Louise Bernard"),
    ]


def make_sample_professionals() -> list[Person]:
    """Return invented professionals: one place, two places, none."""
    pharmacy = Activity(
        name="Pharmacie du Simulateur",
        finess=make_synthetic_finess(1).number,
        siret=make_synthetic_siret(1).number,
        postcode="75009",
        city="Paris",
        sector="SA33",
    )
    hospital = Activity(
        name="Hôpital du Simulateur",
        finess=make_synthetic_finess(2).number,
        siret=make_synthetic_siret(2).number,
        postcode="75020",
        city="Paris",
        mode="S",
        sector="SA01",
    )
    return [
        make_professional(
            make_synthetic_rpps(1).number,
            given_name="Claire",
            family_name="VASSEUR",
            activities=[pharmacy],
        ),
        make_professional(
            make_synthetic_rpps(2).number,
            given_name="Amine",
            family_name="BELKACEM",
            activities=[pharmacy, hospital],
        ),
        make_professional(
            make_synthetic_rpps(3).number,
            given_name="Paul",
            family_name="SANS-EXERCICE",
            profession="general_practitioner",
        ),
    ]
