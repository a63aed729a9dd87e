"""The example for software publishers, run as a publisher would against a running installation."""

import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from tests.api.world import COVERED, ESTABLISHMENT_REF, PUBLISHER_REF, populate, save_professional

from rempart.accounts.registration import Registration, read_jwk
from rempart.client import SigningKey
from rempart.kernel.synthetic import make_synthetic_rpps
from rempart.storage.connect import Database
from rempart.wiring.home import Home
from rempart.workflows.accounts.register_software import register_software, revoke_software

EXAMPLE = Path(__file__).parents[2] / "examples" / "check_rights.py"
CLAIM_EXAMPLE = EXAMPLE.with_name("send_claim.py")
# The first professional of the simulated Pro Santé Connect.
RPPS = make_synthetic_rpps(1)
ACCOUNT_REF = 7_000_099
LIMIT_S = 180


@dataclass(frozen=True)
class Demonstration:
    """A running installation with a simulated Pro Santé Connect, and the example's own key."""

    database: Database
    client_ref: int
    key_file: Path
    port: int

    def start(self, example: Path = EXAMPLE, *more: str) -> "subprocess.Popen[str]":
        """Start an example."""
        psc = f"http://127.0.0.1:{self.port + 9}/auth/realms/esante-wallet/protocol/openid-connect"
        arguments = [f"http://localhost:{self.port}", psc, self.key_file]
        return subprocess.Popen(
            [sys.executable, example, *arguments, RPPS.number, COVERED.card.format(), *more],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def answer(self, answer: str) -> None:
        """Answer the request on the professional's device."""
        device = f"http://127.0.0.1:{self.port + 9}/wallet/ciba"
        with httpx.Client(trust_env=False, follow_redirects=True) as telephone:
            wait_until(lambda: "42" in telephone.get(device).text)
            [name] = re.findall(r'name="request" value="([^"]+)"', telephone.get(device).text)
            telephone.post(device, data={"request": name, "answer": answer})


@pytest.fixture
def demonstration(
    database: Database,
    home: Home,
    environment: dict[str, str],
    unused_port: int,
    tmp_path: Path,
) -> Iterator[Demonstration]:
    populate(database, home)
    key = SigningKey.generate()
    key.save(tmp_path / "key.json")
    with database.transaction("registrar") as tx:
        save_professional(tx, ACCOUNT_REF, RPPS, establishment_ref=ESTABLISHMENT_REF)
        client_ref = register_software(
            tx,
            Registration(
                client_id="logiciel-exemple",
                label="Logiciel exemple",
                publisher_ref=PUBLISHER_REF,
                key=read_jwk(key.public_jwk),
                psc_clients=("logiciel-exemple",),
            ),
        )
    ports = {"REMPART_PORT": str(unused_port), "REMPART_DEV_PSC": "1"}
    with subprocess.Popen(
        [sys.executable, "-m", "rempart", "serve"],
        env={**environment, **ports},
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        try:
            wait_until(lambda: is_ready(unused_port))
            yield Demonstration(database, client_ref, tmp_path / "key.json", unused_port)
        finally:
            process.terminate()
            _, written = process.communicate(timeout=120)
            print(written)  # a start that took too long says why
    assert "Traceback" not in written, written
    assert RPPS.number not in written


def is_ready(port: int) -> bool:
    url = f"http://127.0.0.1:{port}/readyz"
    try:
        return httpx.get(url, trust_env=False, verify=False).status_code == 200
    except httpx.TransportError:
        return False


def wait_until(is_so: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LIMIT_S
    while not is_so():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.1)


def read_methods(database: Database) -> list[tuple]:
    with database.transaction("analyst") as tx:
        return tx.execute("SELECT account_ref, client_ref, method FROM ledger.session").fetchall()


def test_the_examples_get_a_token_check_a_right_and_bill_it(demonstration):
    with demonstration.start() as example:
        demonstration.answer("yes")
        printed, wrong = example.communicate(timeout=LIMIT_S)
    assert example.returncode == 0, wrong
    asked, answer = printed.splitlines()
    assert asked.startswith("Approve number 42 at http")
    assert answer.startswith("Open(domain='PHAR'")
    # The ledger names the person and the software, and how they came in.
    client_ref = demonstration.client_ref
    assert read_methods(demonstration.database) == [(ACCOUNT_REF, client_ref, "psc+dpop")]
    with demonstration.start(CLAIM_EXAMPLE, COVERED.birth_date) as example:
        demonstration.answer("yes")
        printed, wrong = example.communicate(timeout=LIMIT_S)
    assert example.returncode == 0, wrong
    _asked, told, *_why = printed.splitlines()
    assert re.fullmatch(r"[0-9A-Z]{4}(-[0-9A-Z]{4}){2} (adjudicated|rejected) .*", told)


def test_without_the_person_s_consent_or_once_revoked_the_example_learns_nothing(demonstration):
    with demonstration.start() as example:
        demonstration.answer("no")
        _, wrong = example.communicate(timeout=LIMIT_S)
    assert example.returncode == 1
    assert "access_denied" in wrong
    with demonstration.database.transaction("registrar") as tx:
        revoke_software(tx, demonstration.client_ref)
    with demonstration.start() as example:
        demonstration.answer("yes")
        _, wrong = example.communicate(timeout=LIMIT_S)
    assert "TokenRefused" in wrong
    assert read_methods(demonstration.database) == []


def test_the_examples_stay_short():
    assert len(EXAMPLE.read_text("utf-8").splitlines()) <= 30
    assert len(CLAIM_EXAMPLE.read_text("utf-8").splitlines()) <= 48
