"""Identity providers come from settings and files; what is missing is said, and no secret shows."""

import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from rempart.kernel.errors import SetupError
from rempart.wiring.home import Home
from rempart.wiring.processes import plan_parts
from rempart.wiring.providers import load_providers, load_psc, make_simulated_secret
from rempart.wiring.settings import Settings

PSC = "https://psc.example/auth/realms/esante-wallet/.well-known/wallet-openid-configuration"


@pytest.fixture
def place(tmp_path: Path) -> Home:
    return Home.create(tmp_path / "home")


def write(path: Path, text: str) -> Path:
    path.write_text(text, encoding="utf-8")
    return path


def test_without_settings_nobody_comes_through_a_provider(place):
    assert load_providers(Settings(), place) == ()


def test_the_real_provider_has_its_secret_in_a_file(place, tmp_path):
    secret = write(tmp_path / "secret", "hush\n")
    found = load_psc(replace(Settings(), psc_discovery=PSC, psc_secret_file=secret), place)
    assert found is not None
    assert (found.name, found.discovery, found.secret, found.key) == ("psc", PSC, "hush", None)
    assert (found.scope, found.acr_values) == ("openid scope_all", ("eidas1",))
    assert "hush" not in repr(found)


@pytest.mark.parametrize(
    ("arguments", "algorithm"),
    [
        (["genpkey", "-algorithm", "EC", "-pkeyopt", "ec_paramgen_curve:P-256"], "ES256"),
        (["genpkey", "-algorithm", "RSA", "-pkeyopt", "rsa_keygen_bits:2048"], "RS256"),
    ],
)
def test_the_real_provider_may_have_our_key_instead(place, tmp_path, arguments, algorithm):
    file = tmp_path / "key.pem"
    subprocess.run(["openssl", *arguments, "-out", str(file)], check=True, capture_output=True)
    secret = write(tmp_path / "secret", "hush")
    found = load_psc(
        replace(Settings(), psc_discovery=PSC, psc_key_file=file, psc_secret_file=secret), place
    )
    assert found is not None
    assert found.key is not None
    assert (found.key.algorithm, found.secret) == (algorithm, "")


@pytest.mark.parametrize("content", [None, "", "not a key"])
def test_a_key_that_is_not_one_is_refused(place, tmp_path, content):
    file = tmp_path / "key.pem"
    if content is not None:
        write(file, content)
    with pytest.raises(SetupError, match=r"key\.pem"):
        load_psc(replace(Settings(), psc_discovery=PSC, psc_key_file=file), place)


def test_a_key_of_another_curve_is_refused_before_it_signs(place, tmp_path):
    file = tmp_path / "key.pem"
    curve = ["-pkeyopt", "ec_paramgen_curve:P-384"]
    command = ["openssl", "genpkey", "-algorithm", "EC", *curve, "-out", str(file)]
    subprocess.run(command, check=True, capture_output=True)
    with pytest.raises(SetupError, match="P-256"):
        load_psc(replace(Settings(), psc_discovery=PSC, psc_key_file=file), place)


@pytest.mark.parametrize("content", [None, "", " \n"])
def test_a_secret_that_is_not_there_is_refused(place, tmp_path, content):
    file = tmp_path / "secret"
    if content is not None:
        write(file, content)
    with pytest.raises(SetupError, match="secret"):
        load_psc(replace(Settings(), psc_discovery=PSC, psc_secret_file=file), place)
    with pytest.raises(SetupError, match="needs REMPART_PSC_SECRET_FILE"):
        load_psc(replace(Settings(), psc_discovery=PSC), place)


def test_the_simulator_shares_a_secret_made_from_the_home(place, tmp_path):
    settings = replace(Settings(), dev_psc=True, dev_psc_port=9009)
    psc, company = load_providers(settings, place)
    assert psc.discovery.startswith("http://localhost:9009/auth/realms/esante-wallet/")
    assert (psc.audience, company.audience) == ("professionals", "agents")
    assert psc.secret == make_simulated_secret(place, "psc") != company.secret
    other = Home.create(tmp_path / "other")
    assert make_simulated_secret(other, "psc") != psc.secret


def load(tmp_path, place, text):
    write(tmp_path / "s", "hush")
    file = write(tmp_path / "providers.toml", text)
    return load_providers(replace(Settings(), oidc_providers_file=file), place)


GOOD = """
[[provider]]
name = "mutuelle-exemple"
label = "Mutuelle Exemple"
discovery = "https://id.example/.well-known/openid-configuration"
client_id = "rempart"
secret_file = "s"
"""


def test_other_providers_come_from_a_file(place, tmp_path):
    more = GOOD.replace("mutuelle-exemple", "france").replace(
        'secret_file = "s"', 'secret_file = "s"\nacr_values = "eidas2 eidas3"\naudience = "members"'
    )
    first, second = load(tmp_path, place, GOOD + more)
    assert (first.name, first.secret, first.scope) == ("mutuelle-exemple", "hush", "openid profile")
    assert (first.audience, second.audience) == ("agents", "members")
    assert second.acr_values == ("eidas2", "eidas3")


@pytest.mark.parametrize(
    ("change", "by"),
    [
        ('name = "mutuelle-exemple"', ""),
        ('name = "mutuelle-exemple"', 'name = "psc"'),
        ('name = "mutuelle-exemple"', 'name = "a/b"'),
        ('name = "mutuelle-exemple"', 'name = ""'),
        ('label = "Mutuelle Exemple"', ""),
        ("https://id", "http://id"),
        ('client_id = "rempart"', ""),
        ('secret_file = "s"', ""),
        ('secret_file = "s"', 'secret_file = "s"\nkey_file = "k"'),
        ('secret_file = "s"', 'secret_file = "nowhere"'),
        ('secret_file = "s"', 'secret_file = "s"\naudience = "everybody"'),
        ('secret_file = "s"', 'secret_file = "s"\nacr_values = ["eidas2"]'),
        ("https://id", "https://[id"),
        ("[[provider]]", "[provider]"),
        ("[[provider]]", "[[provider"),
        (GOOD, GOOD + GOOD),
    ],
)
def test_a_provider_that_lacks_something_is_refused(place, tmp_path, change, by):
    assert change in GOOD
    with pytest.raises(SetupError):
        load(tmp_path, place, GOOD.replace(change, by))


def test_a_file_in_another_encoding_is_refused(place, tmp_path):
    file = tmp_path / "providers.toml"
    file.write_bytes(GOOD.replace("Exemple", "Santé").encode("latin-1"))
    with pytest.raises(SetupError, match="write"):
        load_providers(replace(Settings(), oidc_providers_file=file), place)


def test_a_file_that_is_not_there_is_refused(place, tmp_path):
    with pytest.raises(SetupError, match="cannot be read"):
        load_providers(replace(Settings(), oidc_providers_file=tmp_path / "x"), place)


def test_the_simulator_runs_beside_the_rest_and_on_this_machine_only():
    settings = replace(Settings(), dev_psc=True, host="0.0.0.0")
    [part] = [one for one in plan_parts(settings, "all") if "simulated" in one.name]
    assert (part.host, part.port) == ("127.0.0.1", 8089)
    for what in ("gateway", "portals"):
        assert all("simulated" not in one.name for one in plan_parts(settings, what))
    assert all("simulated" not in one.name for one in plan_parts(Settings(), "all"))
