"""What packages are made and signed with, out of an installation."""

from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager

from rempart.disclosure.acts import COMMAND_LINE, Author
from rempart.disclosure.note import NoteSigner
from rempart.disclosure.opening import Audience
from rempart.storage.sealing import FileKms
from rempart.wiring.acts import open_acts_log
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.segments import open_segment_store
from rempart.workflows.incidents.make_packages import Workshop
from rempart.workflows.ledger.prove_entry import prove_entry


def load_package_signer(home: Home) -> NoteSigner:
    """Return the key that signs the notes of packages; it is drawn at its first use."""
    return NoteSigner(f"rempart.invalid/{home.id}/packages", home.signing_seed("packages"))


@contextmanager
def open_workshop(
    installation: Installation,
    *,
    by: Author = COMMAND_LINE,
    author: str = "ligne de commande",
    report: Callable[[str, int], None] = lambda _name, _done: None,
) -> Iterator[Workshop]:
    """Open what packages are made with, for the length of the block.

    Persons are listed under one login and their names opened under another.
    """
    settings, home, database = installation.settings, installation.home, installation.database
    acts = open_acts_log(settings, home, database)
    store = open_segment_store(settings, home)

    def prove(log_id: int, index: int) -> str:
        with database.transaction("auditor") as tx:
            return prove_entry(tx, acts, log_id, index, Audience.INSURER, store=store, by=by)

    with (
        closing(database.connect("analyst", autocommit=True)) as analyst,
        closing(database.connect("feeds", autocommit=True)) as identities,
    ):
        yield Workshop(
            analyst=analyst,
            identities=identities,
            kms=FileKms(home.key("master")),
            signer=load_package_signer(home),
            prove=prove,
            acts=acts,
            by=by,
            author=author,
            report=report,
        )
