"""What retention is carried out with, out of an installation."""

from rempart.disclosure.note import NoteSigner
from rempart.storage.archive_seal import Vault
from rempart.storage.sealing import FileKms
from rempart.wiring.database import Installation
from rempart.wiring.home import Home
from rempart.wiring.purges import open_purge_journal
from rempart.workflows.retention.run_retention import Keeper


def load_certificate_signer(home: Home) -> NoteSigner:
    """Return the key that signs certificates of retention; it is drawn at its first use."""
    return NoteSigner(f"rempart.invalid/{home.id}/retention", home.signing_seed("retention"))


def open_vault(home: Home) -> Vault:
    """Return the keys of identities and those of the archive."""
    archive = home.key("archive")
    return Vault(FileKms(home.key("master")), FileKms(archive), archive)


def open_keeper(at: Installation) -> Keeper:
    """Return what a run is carried out with."""
    return Keeper(
        begin=lambda: at.database.transaction("keeper"),
        vault=open_vault(at.home),
        journal=open_purge_journal(at.settings, at.home),
        signer=load_certificate_signer(at.home),
    )
