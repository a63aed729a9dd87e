"""The portals of this installation as a registered software: they prove themselves by the home."""

from rempart.client.keys import SigningKey
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.accounts.register_software import register_portals


def register_own_software(database: Database, home: Home) -> None:
    """Make the portals known under this home's key; done at each start, changes nothing twice.

    Raises:
        Unavailable: the database does not answer.
    """
    key = SigningKey.from_seed(home.key("portals-client"))
    with database.transaction("registrar") as tx:
        register_portals(tx, key.public_jwk)
