"""The identity providers of an installation, read from its settings: Pro Santé Connect and others.

Refuses a provider without a way to prove who we are, and a secret written in the environment:
secrets are in files.
"""

import hashlib
import hmac
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from rempart.kernel.errors import SetupError
from rempart.portals.oidc import PSC, Provider, SigningKey
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings

SIMULATED_COMPANY: Final = "entreprise"
_AUDIENCES: Final = ("agents", "members")


def load_providers(settings: Settings, home: Home) -> tuple[Provider, ...]:
    """Return every provider, Pro Santé Connect first when there is one.

    Raises:
        SetupError: a file cannot be used, with what to write in it.
    """
    providers = [load_psc(settings, home), *_load_others(settings)]
    if settings.dev_psc:
        providers.append(_simulated_company(settings, home))
    found = [provider for provider in providers if provider is not None]
    names = [provider.name for provider in found]
    if len(set(names)) != len(names):
        raise SetupError(f"two identity providers have one name ({', '.join(names)}): change one")
    return tuple(found)


def load_psc(settings: Settings, home: Home) -> Provider | None:
    """Return Pro Santé Connect, real or simulated; None when it is not configured.

    Raises:
        SetupError: it is configured without a secret or a key, or they cannot be read.
    """
    if settings.dev_psc:
        discovery: str | None = describe_simulated_psc(settings)
        secret, key = make_simulated_secret(home, PSC), None
    else:
        discovery = settings.psc_discovery
        secret, key = "", None
        if discovery and settings.psc_key_file:
            key = read_signing_key(settings.psc_key_file)
        elif discovery and settings.psc_secret_file:
            secret = _read_secret(settings.psc_secret_file)
        elif discovery:
            raise SetupError(
                "REMPART_PSC_DISCOVERY needs REMPART_PSC_SECRET_FILE or REMPART_PSC_KEY_FILE"
            )
    if discovery is None:
        return None
    return Provider(
        name=PSC,
        label="Pro Santé Connect",
        discovery=discovery,
        client_id=settings.psc_client_id,
        secret=secret,
        key=key,
        scope="openid scope_all",
        acr_values=("eidas1",),
        audience="professionals",
    )


def describe_simulated_psc(settings: Settings) -> str:
    """Return the address of the simulated Pro Santé Connect's discovery document."""
    return (
        f"{_simulator(settings)}/auth/realms/esante-wallet/.well-known/wallet-openid-configuration"
    )


def make_simulated_secret(home: Home, name: str) -> str:
    """Return the secret we share with the simulator of this home: made from its keys, unwritten."""
    message = f"secret of the simulated provider {name}".encode()
    return hmac.new(home.key("portals-client"), message, hashlib.sha256).hexdigest()


def read_signing_key(file: Path) -> SigningKey:
    """Read a private key in PEM: RSA or P-256.

    Raises:
        SetupError: it is not one.
    """
    try:
        pem = file.read_bytes()
    except OSError as failure:
        raise SetupError(f"{file} cannot be read ({failure.strerror})") from failure
    for algorithm, kind in (("RS256", RSAKey), ("ES256", ECKey)):
        try:
            key = kind.import_key(pem)
        except (JoseError, ValueError, TypeError):
            continue
        if key.is_private and (isinstance(key, RSAKey) or key.curve_name == "P-256"):
            return SigningKey(key=key, algorithm=algorithm)
    raise SetupError(f"{file} is not a private key: write one in PEM (RSA or P-256)")


def _simulated_company(settings: Settings, home: Home) -> Provider:
    return Provider(
        name=SIMULATED_COMPANY,
        label="Entreprise (simulateur)",
        discovery=f"{_simulator(settings)}/auth/realms/entreprise/.well-known/openid-configuration",
        client_id="rempart",
        secret=make_simulated_secret(home, SIMULATED_COMPANY),
        key=None,
        scope="openid profile",
        acr_values=(),
        audience="agents",
    )


def _simulator(settings: Settings) -> str:
    return f"http://localhost:{settings.dev_psc_port}"


def _load_others(settings: Settings) -> list[Provider]:
    file = settings.oidc_providers_file
    if file is None:
        return []
    try:
        with file.open("rb") as stream:
            rows = tomllib.load(stream).get("provider", [])
        return [_read_provider(row, file) for row in rows]
    except OSError as failure:
        raise SetupError(f"{file} cannot be read ({failure.strerror})") from failure
    except (ValueError, KeyError, TypeError, AttributeError) as failure:
        raise SetupError(
            f"{file}: write [[provider]] tables with name, label, discovery, client_id and "
            "secret_file or key_file (docs/how-to/connect-pro-sante-connect.md)"
        ) from failure


def _read_provider(row: Mapping[str, Any], file: Path) -> Provider:
    name = str(row["name"])
    if not name.isascii() or not name.replace("-", "").isalnum() or name == PSC:
        raise SetupError(f"{file}: a provider's name is letters, digits and dashes, and not {PSC}")
    address = urlsplit(str(row["discovery"]))
    local = address.scheme == "http" and address.hostname == "localhost"
    if address.scheme != "https" and not local:
        raise SetupError(f"{file}: the discovery address of {name} must start with https://")
    levels = row.get("acr_values", "")
    if not isinstance(levels, str):
        raise SetupError(f'{file}: the acr_values of {name} are one text, such as "eidas2 eidas3"')
    audience = row.get("audience", "agents")
    if audience not in _AUDIENCES:
        raise SetupError(f"{file}: the audience of {name} is agents or members")
    if ("secret_file" in row) == ("key_file" in row):
        raise SetupError(f"{file}: {name} needs a secret_file or a key_file, one of them")
    # Paths are relative to the file that names them.
    key_file, secret_file = row.get("key_file"), row.get("secret_file")
    return Provider(
        name=name,
        label=str(row["label"]),
        discovery=str(row["discovery"]),
        client_id=str(row["client_id"]),
        secret=_read_secret(file.parent / str(secret_file)) if secret_file else "",
        key=read_signing_key(file.parent / str(key_file)) if key_file else None,
        scope=str(row.get("scope", "openid profile")),
        acr_values=tuple(levels.split()),
        audience=audience,
    )


def _read_secret(file: Path) -> str:
    try:
        secret = file.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as failure:
        raise SetupError(f"the secret file {file} cannot be read") from failure
    if not secret:
        raise SetupError(f"the secret file {file} is empty: write the client's secret in it")
    return secret
