"""The names and keys of an installation's logs."""

from collections.abc import Sequence

from rempart.disclosure.acts import ACTS_LOG
from rempart.disclosure.note import NoteSigner, NoteVerifier
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


def format_origin(home: Home, log_id: int) -> str:
    """Return the public name of one of this home's logs."""
    return f"rempart.invalid/{home.id}/log/{log_id}"


def load_signers(home: Home, log_id: int) -> Sequence[NoteSigner]:
    """Return the keys this home has for a log, the first one first; it is drawn if there is none.

    Which one signs is for the database to say: it knows the key the log has now.
    """
    origin = format_origin(home, log_id)
    return [NoteSigner(origin, seed) for seed in home.log_keys(log_id)]


def load_log_keys(settings: Settings, home: Home) -> tuple[NoteVerifier, ...]:
    """Return the public keys this home has for its logs: acts, each gateway's, exercises'."""
    served = {ACTS_LOG, *(settings.log_id + number for number in range(settings.gateways))}
    logs = sorted(served | set(home.list_logs()))
    return tuple(signer.verifier for log_id in logs for signer in load_signers(home, log_id))
