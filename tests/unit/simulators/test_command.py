"""`rempart dev` refuses what only a developer's machine may run."""

import pytest
from click.testing import CliRunner

from rempart.cli.dev import dev
from rempart.kernel.errors import SetupError
from rempart.simulators.app import make_installed_simulator
from rempart.simulators.psc import describe_addresses
from rempart.wiring.home import Home
from rempart.wiring.settings import Settings


def test_the_simulator_is_refused_where_real_people_come(monkeypatch, tmp_path):
    for name in ("REMPART_DEV_PSC", "REMPART_PUBLIC_URL"):
        monkeypatch.setenv(name, "")  # put back after the test, whatever the command sets
    monkeypatch.setenv("REMPART_PUBLIC_URL", "https://tp.example")
    monkeypatch.setenv("REMPART_HOME", str(tmp_path))
    done = CliRunner().invoke(dev, ["psc"])
    assert isinstance(done.exception, SetupError)
    assert "lets anybody sign in as anybody" in str(done.exception)


def test_the_simulator_knows_our_installation_and_an_example(tmp_path):
    settings = Settings.from_environment({"REMPART_DEV_PSC": "1", "REMPART_PORT": "9000"})
    simulator = make_installed_simulator(settings, Home.create(tmp_path / "home"))
    [ours, example] = simulator.psc.clients.list()
    assert ours.redirect_uris == ("http://localhost:9000/connexion/psc/retour",)
    assert ours.logout_uri == "http://localhost:9000/connexion/psc/deconnexion"
    assert example.client_id == "logiciel-exemple"
    assert dict(describe_addresses(simulator))["demandes CIBA"] == (
        "http://localhost:9009/wallet/ciba"
    )


def test_an_installation_that_did_not_ask_for_it_has_none(tmp_path):
    with pytest.raises(SetupError, match="REMPART_DEV_PSC=1"):
        make_installed_simulator(Settings(), Home.create(tmp_path / "home"))
